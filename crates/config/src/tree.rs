//! YAML as a tree in which everything knows where it stands. One reading of YAML for everything that follows:
//! types, unknown keys, secrets to cover, and the schema all work on it.

use crate::errors::{At, MOST_PROBLEMS, Source, quote};
use granit_parser::{Event, Parser, ScalarStyle, Span, options};
use std::collections::HashMap;

/// A value.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: At,
    /// The key it is the value of, else the value itself: where something that is missing in it is said.
    pub(crate) owner: At,
    pub(crate) what: What,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Pair>),
}

/// Text, which a reader takes for what it needs.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Without quotes: other readers of YAML may take it for a number, a boolean or a date.
    pub(crate) plain: bool,
}

impl Scalar {
    /// Nothing at all, as behind a key without a value.
    pub(crate) fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null")
    }
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) key: Scalar,
    pub(crate) key_at: At,
    pub(crate) value: Node,
}

/// Something wrong, to be shown with its line later.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    pub(crate) at: At,
    pub(crate) message: String,
    pub(crate) advice: Option<String>,
}

/// What was read.
pub(crate) struct Tree {
    /// `None` if the file is no YAML, or empty.
    pub(crate) root: Option<Node>,
    pub(crate) wrong: Vec<Wrong>,
    /// Values that were dropped (of a duplicate key): nobody knows whether they are secret.
    pub(crate) dropped: Vec<At>,
}

/// Values in a tree, with those repeated by aliases: a file of a few hundred bytes must not grow into gigabytes.
const MOST_NODES: usize = 2_000_000;
/// More than any key of ours needs, and few enough for recursion.
const DEEPEST: usize = 64;

/// What usually explains an error of syntax.
const SYNTAX: &str =
    "look at the brackets, quotes and indentation here and on the lines before; tabs do not indent";

/// A collection that is not finished.
enum Open {
    List { at: At, anchor: usize, items: Vec<Node> },
    Map { at: At, anchor: usize, pairs: Vec<Pair>, seen: HashMap<String, usize>, key: Option<(Scalar, At)> },
}

struct Builder<'a> {
    source: &'a Source<'a>,
    open: Vec<Open>,
    /// Each with the values in it, and how deep they are.
    anchors: HashMap<usize, (Node, Extent)>,
    nodes: usize,
    tree: Tree,
}

/// Reads YAML. Stops at the first error of syntax; everything else is collected.
pub(crate) fn read(source: &Source<'_>) -> Tree {
    let text = source.text;
    let tree = Tree { root: None, wrong: Vec::new(), dropped: Vec::new() };
    let mut b = Builder { source, open: Vec::new(), anchors: HashMap::new(), nodes: 0, tree };
    let mut options = options! { disallow_directives: true };
    options.set_emit_comments(false);
    for next in Parser::new_from_str_with_options(text, options) {
        let done = match next {
            Ok((event, span)) => b.event(event, at(&span)),
            Err(e) => {
                let start = e.marker().byte_offset().unwrap_or(text.len()).min(text.len());
                // An error at the end of the file is shown on its last line of text.
                let start = if text[start..].trim().is_empty() { text.trim_end().len() } else { start };
                Err(Wrong {
                    at: At { start, end: start + 1 },
                    message: format!("this is not YAML: {}", e.info()),
                    advice: Some(SYNTAX.to_owned()),
                })
            }
        };
        if let Err(wrong) = done {
            b.tree.wrong.push(wrong);
            b.tree.root = None;
            break;
        }
    }
    b.tree
}

fn at(span: &Span) -> At {
    let start = span.start.byte_offset().unwrap_or_default();
    At { start, end: span.end.byte_offset().unwrap_or(start) }
}

fn wrong<T>(at: At, message: impl Into<String>, advice: &str) -> Result<T, Wrong> {
    Err(Wrong { at, message: message.into(), advice: Some(advice.to_owned()) })
}

fn too_deep<T>(at: At) -> Result<T, Wrong> {
    wrong(at, format!("values are nested more than {DEEPEST} deep"), "no key needs that")
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, at: At) -> Result<(), Wrong> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.untagged(tag.is_some(), at);
                let scalar = Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.complete(Node { at, owner: at, what: What::Scalar(scalar) }, anchor, 1)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.untagged(tag.is_some(), at);
                self.push(Open::List { at, anchor, items: Vec::new() }, at)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.untagged(tag.is_some(), at);
                self.push(Open::Map { at, anchor, pairs: Vec::new(), seen: HashMap::new(), key: None }, at)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { at: from, anchor, items }) => {
                    let at = At { start: from.start, end: at.end };
                    self.complete(Node { at, owner: at, what: What::List(items) }, anchor, 1)
                }
                Some(Open::Map { at: from, anchor, pairs, .. }) => {
                    let at = At { start: from.start, end: at.end };
                    self.complete(Node { at, owner: at, what: What::Map(pairs) }, anchor, 1)
                }
                None => Ok(()),
            },
            Event::Alias(id) => match self.anchors.get(&id) {
                Some((_, extent)) if self.open.len() + extent.height > DEEPEST => too_deep(at),
                Some((node, extent)) => {
                    let (node, size) = (node.clone(), extent.size);
                    self.complete(node, 0, size)
                }
                None => wrong(at, "this alias stands inside of what it repeats", "write the value out"),
            },
            Event::DocumentStart(..) if self.tree.root.is_some() => {
                wrong(at, "a second document begins here", "one file holds one document: remove the `---`")
            }
            _ => Ok(()),
        }
    }

    /// Says that a tag is wrong. The value behind it is looked at all the same.
    fn untagged(&mut self, tagged: bool, at: At) {
        if tagged {
            self.tree.wrong.push(Wrong {
                at,
                message: "a YAML tag has no meaning here".to_owned(),
                advice: Some("remove the `!…` before the value".to_owned()),
            });
        }
    }

    fn push(&mut self, open: Open, at: At) -> Result<(), Wrong> {
        if self.open.len() >= DEEPEST {
            return too_deep(at);
        }
        self.open.push(open);
        Ok(())
    }

    /// A value is finished: it goes where it belongs. `size` counts the values in it that were not counted yet.
    fn complete(&mut self, mut node: Node, anchor: usize, size: usize) -> Result<(), Wrong> {
        self.nodes += size;
        if self.nodes > MOST_NODES {
            return wrong(
                node.at,
                format!("more than {MOST_NODES} values"),
                "aliases repeat what they name: use fewer",
            );
        }
        if anchor > 0 {
            let extent = extent(&node);
            self.nodes += extent.size;
            self.anchors.insert(anchor, (node.clone(), extent));
        }
        match self.open.last_mut() {
            None => self.tree.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { key: key @ None, .. }) => match node.what {
                What::Scalar(scalar) => *key = Some((scalar, node.at)),
                _ => {
                    self.tree.wrong.push(Wrong {
                        at: node.at,
                        message: "a key must be a word".to_owned(),
                        advice: Some("write `key: value`; a text with braces stands in quotes".to_owned()),
                    });
                    self.tree.dropped.push(node.at);
                    *key = Some((Scalar { text: String::new(), plain: false }, At::NOWHERE));
                }
            },
            Some(Open::Map { key, pairs, seen, .. }) => {
                let Some((key, key_at)) = key.take() else { return Ok(()) };
                node.owner = key_at;
                let first = seen.get(&key.text).filter(|_| key_at.is_known());
                if let Some(pair) = first.and_then(|i| pairs.get_mut(*i)) {
                    // What would not be shown need not be looked for.
                    if self.tree.wrong.len() < MOST_PROBLEMS {
                        merge(&mut pair.value, node, &mut self.tree.dropped);
                    } else {
                        self.tree.dropped.push(node.at);
                    }
                    self.tree.wrong.push(Wrong {
                        at: key_at,
                        message: format!("the key {} stands here twice", quote(&key.text)),
                        advice: Some(format!(
                            "the first is on line {}: remove one of them",
                            self.source.place(pair.key_at.start).0
                        )),
                    });
                } else {
                    seen.insert(key.text.clone(), pairs.len());
                    pairs.push(Pair { key, key_at, value: node });
                }
            }
        }
        Ok(())
    }
}

/// Adds to a value what stands under the same key once more, so that what is wrong in it is said in the same run, and so
/// that nobody misses its names. Of two texts the first stays.
fn merge(first: &mut Node, again: Node, dropped: &mut Vec<At>) {
    match (&mut first.what, again.what) {
        (What::Map(pairs), What::Map(more)) => {
            let there: HashMap<String, usize> =
                pairs.iter().enumerate().map(|(i, p)| (p.key.text.clone(), i)).collect();
            for pair in more {
                match there.get(&pair.key.text).and_then(|i| pairs.get_mut(*i)) {
                    Some(first) => merge(&mut first.value, pair.value, dropped),
                    None => pairs.push(pair),
                }
            }
        }
        (What::List(items), What::List(more)) => items.extend(more),
        _ => dropped.push(again.at),
    }
}

/// How much a value holds.
#[derive(Clone, Copy, Debug)]
struct Extent {
    size: usize,
    /// Collections that stand inside of one another; none in a text.
    height: usize,
}

fn extent(node: &Node) -> Extent {
    let inside: Vec<Extent> = match &node.what {
        What::Scalar(_) => return Extent { size: 1, height: 0 },
        What::List(items) => items.iter().map(extent).collect(),
        What::Map(pairs) => pairs.iter().map(|p| extent(&p.value)).collect(),
    };
    Extent {
        size: 1 + inside.iter().map(|e| e.size).sum::<usize>(),
        height: 1 + inside.iter().map(|e| e.height).max().unwrap_or(0),
    }
}
