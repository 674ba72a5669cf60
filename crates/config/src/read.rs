//! Typed readers over the tree: one mechanism for types, unknown keys, defaults, secrets, places and the schema.
//!
//! A record of the file is written once, with the [`record!`] macro: its fields are the keys, their doc comments are
//! the documentation, their defaults are written as in the file. A reader that fails has said why, and returns `None`;
//! its neighbours go on, so that one run finds everything that is wrong.

use crate::errors::{At, Errors, MOST_PROBLEMS, Source, listed, nearest, quote};
use crate::plain::taken_for;
use crate::schema::{Defs, Key};
use crate::secret::Secret;
use crate::tree::{Node, Pair, Scalar, What, Wrong};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Why a text cannot be had.
enum Unexpanded {
    /// `${` without a name and `}`.
    Malformed,
    /// A variable is unset or empty.
    Missing(String),
}

/// What readers share.
pub(crate) struct Cx<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) base: &'a Path,
    pub(crate) wrong: Vec<Wrong>,
    pub(crate) warnings: Vec<String>,
    pub(crate) missing_secrets: Vec<String>,
    /// Values that may be shown, because they were read as something that is no secret.
    shown: HashSet<At>,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(source: Source<'a>, env: &'a dyn Fn(&str) -> Option<String>, base: &'a Path) -> Cx<'a> {
        Cx {
            source,
            env,
            base,
            wrong: Vec::new(),
            warnings: Vec::new(),
            missing_secrets: Vec::new(),
            shown: HashSet::new(),
        }
    }

    /// Notes an error. Returns `None`, for readers to return.
    pub(crate) fn wrong<T>(
        &mut self,
        at: At,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Option<T> {
        self.wrong.push(Wrong {
            at,
            message: message.into(),
            advice: Some(advice.into()).filter(|a| !a.is_empty()),
        });
        None
    }

    /// Notes something that is no error.
    pub(crate) fn warn(&mut self, at: At, message: &str) {
        let place = self.place(at);
        self.warnings.push(format!("{place}: {message}"));
    }

    /// `file:line:column`
    pub(crate) fn place(&self, at: At) -> String {
        let (line, column) = self.source.place(at.start);
        format!("{}:{line}:{column}", self.source.name)
    }

    /// A file named in the configuration: relative to it.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        self.base.join(text)
    }

    /// Text with its variables put in. `$${` stands for `${`.
    fn expand(&self, text: &str) -> Result<String, Unexpanded> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(i) = rest.find("${") {
            let (before, from) = rest.split_at(i);
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = &from[2..];
                continue;
            }
            out.push_str(before);
            let name = from[2..].split_once('}').map(|(name, _)| name).filter(|name| is_variable(name));
            let name = name.ok_or(Unexpanded::Malformed)?;
            match (self.env)(name) {
                None => {
                    return Err(Unexpanded::Missing(format!("the environment variable {name} is not set")));
                }
                Some(value) if value.is_empty() => {
                    return Err(Unexpanded::Missing(format!("the environment variable {name} is empty")));
                }
                Some(value) => out.push_str(&value),
            }
            rest = &from[name.len() + 3..];
        }
        out.push_str(rest);
        Ok(out)
    }

    /// A value that is no secret, with its variables put in.
    pub(crate) fn expanded(&mut self, node: &Node, text: &str) -> Option<String> {
        self.shown.insert(node.at);
        self.expanded_unshown(node, text)
    }

    fn expanded_unshown(&mut self, node: &Node, text: &str) -> Option<String> {
        match self.expand(text) {
            Ok(text) => Some(text),
            Err(Unexpanded::Malformed) => self.malformed(node.at),
            Err(Unexpanded::Missing(why)) => {
                // What stands in the file is the name of a variable.
                self.shown.insert(node.at);
                self.wrong(node.at, why, "set it for Foghorn, or write the value here")
            }
        }
    }

    fn malformed<T>(&mut self, at: At) -> Option<T> {
        self.wrong(
            at,
            "`${` begins the name of an environment variable, and no name follows",
            "write `${NAME}`, or `$${` for the characters `${` themselves",
        )
    }

    /// A part of a scalar, by characters: exact where the file has the text as it is, else the whole scalar.
    pub(crate) fn inside(&self, node: &Node, scalar: &Scalar, offset: usize, width: usize) -> At {
        let source = self.source.text.get(node.at.start..node.at.end).unwrap_or_default();
        let open = if scalar.plain { 0 } else { 1 };
        if source.get(open..).is_some_and(|s| s.starts_with(&scalar.text)) {
            let byte = |n: usize| scalar.text.char_indices().nth(n).map_or(scalar.text.len(), |(i, _)| i);
            let start = node.at.start + open;
            At { start: start + byte(offset), end: start + byte(offset + width) }
        } else {
            node.at
        }
    }

    /// The scalar that a value is, or an error that says `wanted`.
    pub(crate) fn scalar<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<&'n Scalar> {
        match &node.what {
            What::Scalar(s) if s.is_null() => self.wrong(
                node.owner,
                format!("{wanted} is missing here"),
                "write a value after the `:`, or remove the key",
            ),
            What::Scalar(s) => Some(s),
            What::List(_) => self.wrong(node.at, format!("{wanted} is expected here, not a list"), ""),
            What::Map(_) => {
                self.wrong(node.at, format!("{wanted} is expected here, not a group of keys"), "")
            }
        }
    }

    /// Refuses what versions of YAML read differently.
    fn unambiguous(&mut self, scalar: &Scalar, at: At) -> Option<()> {
        match taken_for(&scalar.text) {
            Some(other) if scalar.plain => {
                self.shown.insert(at);
                let shown = quote(&scalar.text);
                self.wrong(
                    at,
                    format!("{shown} without quotes is {other} to some readers of YAML"),
                    format!("text is meant here: write \"{}\"", scalar.text),
                )
            }
            _ => Some(()),
        }
    }

    /// Everything that is wrong, in the order of the file.
    pub(crate) fn errors(mut self, root: Option<&Node>, dropped: Vec<At>) -> Errors {
        let mut hidden = dropped;
        if let Some(root) = root {
            self.cover(root, &mut hidden);
        }
        hidden.sort_unstable();
        let covered = |byte: usize| match root {
            // Ranges do not overlap: the last one that begins before is the only one that can hold it.
            Some(_) => {
                hidden[..hidden.partition_point(|at| at.start <= byte)].last().is_some_and(|at| byte < at.end)
            }
            None => unknown_word(self.source.text, byte, &crate::schema::WORDS),
        };
        self.wrong.sort_by_key(|w| w.at);
        self.wrong.dedup_by(|a, b| a.at == b.at && a.message == b.message);
        let left = self.wrong.len().saturating_sub(MOST_PROBLEMS);
        let shown = self.wrong.drain(..).take(MOST_PROBLEMS);
        let mut problems: Vec<_> =
            shown.map(|w| self.source.problem(w.at, w.message, w.advice, &covered)).collect();
        if let Some(last) = problems.last_mut().filter(|_| left > 0) {
            last.advice = Some(format!("{left} more errors follow"));
        }
        Errors(problems)
    }

    /// Collects the values that must not be shown: secrets, and what no reader has looked at (behind a misspelt key
    /// there may be one).
    fn cover(&self, node: &Node, hidden: &mut Vec<At>) {
        match &node.what {
            What::Scalar(_) if self.shown.contains(&node.at) => {}
            What::Scalar(_) => hidden.push(node.at),
            What::List(items) => items.iter().for_each(|n| self.cover(n, hidden)),
            What::Map(pairs) => pairs.iter().for_each(|p| self.cover(&p.value, hidden)),
        }
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// In a file that is no YAML nobody knows what is a secret: only the words of the schema, and what stands like a key
/// at the beginning of a line, are shown.
fn unknown_word(text: &str, byte: usize, words: &HashSet<String>) -> bool {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !text.get(byte..).is_some_and(|t| t.starts_with(inside)) {
        return text.get(byte..).is_some_and(|t| t.starts_with(|c: char| !" \t:,[]{}\"'#-&*".contains(c)));
    }
    let from = text[..byte]
        .rfind(|c| !inside(c))
        .map_or(0, |i| i + text[i..].chars().next().map_or(1, char::len_utf8));
    let to = text[byte..].find(|c| !inside(c)).map_or(text.len(), |i| byte + i);
    let line = text[..from].rfind('\n').map_or(0, |i| i + 1);
    let is_key = text[line..from].chars().all(|c| c == ' ' || c == '-') && text[to..].starts_with(':');
    !is_key && !words.contains(&text[from..to])
}

/// A value of the file, as a type.
pub(crate) trait Read: Sized {
    /// Reads it, or says why not.
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self>;
    /// JSON Schema of it.
    fn schema(defs: &mut Defs) -> Value;
}

/// A value that is one text.
pub(crate) trait FromText: Sized {
    /// What is wanted, for messages: `a duration such as 30s`.
    const WANTED: &'static str;
    /// Whether a text without quotes is refused when other readers take it for something else.
    const TEXT: bool = true;
    /// Whether the value may be shown.
    fn shown(_: &str) -> bool {
        true
    }
    /// Reads it, or says what is wrong.
    fn from_text(text: &str) -> Result<Self, String>;
    /// JSON Schema of it.
    fn shape() -> Value {
        json!({ "type": "string" })
    }
}

impl<T: FromText> Read for T {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<T> {
        let scalar = cx.scalar(node, T::WANTED)?;
        if T::TEXT {
            cx.unambiguous(scalar, node.at)?;
        }
        let text = cx.expanded_unshown(node, &scalar.text)?;
        let value = T::from_text(&text);
        if T::shown(&text) {
            cx.shown.insert(node.at);
        }
        // What stands in the file is shown, not what a variable holds.
        value.map_err(|why| cx.wrong::<()>(node.at, why.replace(&text, &scalar.text), "")).ok()
    }

    fn schema(_: &mut Defs) -> Value {
        T::shape()
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Spanned<T> {
    pub(crate) at: At,
    pub(crate) value: T,
}

impl<T: Read> Read for Spanned<T> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        Some(Spanned { at: node.at, value: T::read(node, cx)? })
    }

    fn schema(defs: &mut Defs) -> Value {
        T::schema(defs)
    }
}

impl Read for Secret {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Secret> {
        let scalar = cx.scalar(node, "a secret text")?;
        if scalar.plain && taken_for(&scalar.text).is_some() {
            return cx.wrong(
                node.at,
                "this secret without quotes is something else to some readers of YAML",
                "put it in quotes",
            );
        }
        Some(match cx.expand(&scalar.text) {
            Ok(text) if text.is_empty() => {
                return cx.wrong(node.at, "this secret is empty", "write it, or remove the key");
            }
            Ok(text) => Secret::new(text),
            Err(Unexpanded::Malformed) => return cx.malformed(node.at),
            Err(Unexpanded::Missing(why)) => cx.missing(node.at, &why),
        })
    }

    fn schema(_: &mut Defs) -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Cx<'_> {
    fn missing(&mut self, at: At, why: &str) -> Secret {
        let place = self.place(at);
        self.missing_secrets.push(format!("{place}: {why}"));
        Secret::missing(why)
    }

    /// A secret in a file of its own, without the line break at its end.
    fn secret_file(&mut self, node: &Node) -> Option<Secret> {
        const LONGEST: u64 = 64 * 1024;
        let name = String::read(node, self)?;
        let path = self.path(&name);
        let text = std::fs::metadata(&path).and_then(|m| match m.len() {
            0..=LONGEST => std::fs::read_to_string(&path),
            _ => Err(std::io::Error::other("it is longer than a secret can be (64 KiB)")),
        });
        let why = match text {
            Ok(text) => match text.trim_end_matches(['\r', '\n']) {
                "" => "it is empty".to_owned(),
                secret => return Some(Secret::new(secret)),
            },
            Err(e) => e.to_string(),
        };
        Some(self.missing(node.at, &format!("the file {} cannot be read: {why}", path.display())))
    }
}

/// A field of a record.
pub(crate) trait Field: Sized {
    /// Takes its key or keys out of the group.
    fn take(
        fields: &mut Fields<'_>,
        key: &'static str,
        default: Option<&str>,
        cx: &mut Cx<'_>,
    ) -> Option<Self>;
    /// Its keys, for the schema.
    fn describe(key: Key, defs: &mut Defs) -> Vec<Key>;
}

/// The keys of one group, while they are read.
pub(crate) struct Fields<'n> {
    /// Where the group stands.
    pub(crate) at: At,
    owner: At,
    pairs: Vec<(&'n str, At, &'n Node, bool)>,
    known: Vec<String>,
}

impl<'n> Fields<'n> {
    /// Opens a group. A value that is no group is taken as its key `short`, if it has such a key.
    pub(crate) fn open(node: &'n Node, short: Option<&'static str>, cx: &mut Cx<'_>) -> Option<Fields<'n>> {
        let pairs = match (&node.what, short) {
            (What::Map(pairs), _) => {
                pairs.iter().map(|p| (p.key.text.as_str(), p.key_at, &p.value, false)).collect()
            }
            (What::Scalar(s), None) if s.is_null() => Vec::new(),
            (_, Some(short)) => vec![(short, node.owner, node, false)],
            (_, None) => {
                return cx.wrong(
                    node.at,
                    "a group of keys is expected here",
                    "write `key: value`, indented, or `{ key: value }`",
                );
            }
        };
        Some(Fields { at: node.at, owner: node.owner, pairs, known: Vec::new() })
    }

    /// Takes the value of a key.
    pub(crate) fn take(&mut self, key: &str) -> Option<&'n Node> {
        self.known.push(key.to_owned());
        let found = self.pairs.iter_mut().find(|(k, ..)| *k == key)?;
        found.3 = true;
        Some(found.2)
    }

    /// Says which keys nobody took.
    pub(crate) fn close(self, cx: &mut Cx<'_>) {
        for (key, at, ..) in self.pairs.iter().filter(|(.., taken)| !taken) {
            let advice = match nearest(key, self.known.iter().map(String::as_str)) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("here may stand {}", listed(self.known.iter().map(String::as_str), "and")),
            };
            let _ = cx.wrong::<()>(*at, format!("the key {} is not known here", quote(key)), advice);
        }
    }
}

impl<T: Read> Field for Spanned<T> {
    fn take(
        fields: &mut Fields<'_>,
        key: &'static str,
        default: Option<&str>,
        cx: &mut Cx<'_>,
    ) -> Option<Self> {
        match (fields.take(key), default) {
            (Some(node), _) => Read::read(node, cx),
            (None, Some(text)) => {
                let scalar = Scalar { text: text.to_owned(), plain: false };
                Read::read(&Node { at: fields.owner, owner: fields.owner, what: What::Scalar(scalar) }, cx)
            }
            (None, None) => cx.wrong(
                fields.owner,
                format!("the key `{key}` is missing here"),
                format!("add `{key}: …`, {}", T::wanted()),
            ),
        }
    }

    fn describe(key: Key, defs: &mut Defs) -> Vec<Key> {
        vec![Key { required: key.default.is_none(), schema: T::schema(defs), ..key }]
    }
}

/// What a key wants, for the message that it is missing.
trait Wanted {
    fn wanted() -> String;
}

impl<T: Read> Wanted for T {
    fn wanted() -> String {
        let schema = T::schema(&mut Defs::default());
        let name = |kind: &str| schema.get("description").and_then(Value::as_str).unwrap_or(kind).to_owned();
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            return format!("which is {}", listed(words.iter().filter_map(Value::as_str), "or"));
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("array") => name("a list"),
            Some("integer" | "number") => name("a number"),
            Some("string") => name("a text"),
            _ => name("see the reference"),
        }
    }
}

impl<T: Read> Field for Option<T> {
    fn take(fields: &mut Fields<'_>, key: &'static str, _: Option<&str>, cx: &mut Cx<'_>) -> Option<Self> {
        match fields.take(key) {
            Some(node) => T::read(node, cx).map(Some),
            None => Some(None),
        }
    }

    fn describe(key: Key, defs: &mut Defs) -> Vec<Key> {
        vec![Key { schema: T::schema(defs), ..key }]
    }
}

/// A section that may be left out, and whose errors do not hide those of other sections.
#[derive(Debug)]
pub(crate) struct Part<T>(pub(crate) Option<T>);

impl<T: Read> Read for Part<T> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        Some(Part(T::read(node, cx)))
    }

    fn schema(defs: &mut Defs) -> Value {
        T::schema(defs)
    }
}

impl<T: Read> Field for Part<T> {
    fn take(fields: &mut Fields<'_>, key: &'static str, _: Option<&str>, cx: &mut Cx<'_>) -> Option<Self> {
        let absent = Node { at: fields.owner, owner: fields.owner, what: What::Map(Vec::new()) };
        Part::read(fields.take(key).unwrap_or(&absent), cx)
    }

    fn describe(key: Key, defs: &mut Defs) -> Vec<Key> {
        vec![Key { schema: T::schema(defs), ..key }]
    }
}

/// Named things, in the order of the file. A thing with errors keeps its name, so that nobody misses it.
#[derive(Debug)]
pub(crate) struct Table<T>(pub(crate) Vec<(Spanned<String>, Option<T>)>);

impl<T> Table<T> {
    /// The things without errors.
    pub(crate) fn good(&self) -> impl Iterator<Item = (&Spanned<String>, &T)> {
        self.0.iter().filter_map(|(name, thing)| Some((name, thing.as_ref()?)))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.value.as_str())
    }
}

impl<T: Read> Read for Table<T> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let read = |p: &Pair| {
            let good = cx.unambiguous(&p.key, p.key_at).is_some();
            let value = T::read(&p.value, cx).filter(|_| good);
            (Spanned { at: p.key_at, value: p.key.text.clone() }, value)
        };
        match &node.what {
            What::Map(pairs) => Some(Table(pairs.iter().map(read).collect())),
            What::Scalar(s) if s.is_null() => Some(Table(Vec::new())),
            _ => cx.wrong(
                node.at,
                "a group of names is expected here",
                "write `name: …`, indented, or `{ name: … }`",
            ),
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "type": ["object", "null"], "additionalProperties": T::schema(defs) })
    }
}

/// Several values.
#[derive(Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T: Read> Read for List<T> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.what {
            What::List(items) => {
                // Every item is read before the first bad one ends it.
                let items: Vec<Option<T>> = items.iter().map(|n| T::read(n, cx)).collect();
                items.into_iter().collect::<Option<Vec<T>>>().map(List)
            }
            What::Scalar(s) if s.is_null() => Some(List(Vec::new())),
            _ => cx.wrong(node.at, "a list is expected here", "write `[one, another]`"),
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "type": ["array", "null"], "items": T::schema(defs) })
    }
}

/// One value, or several in a list.
#[derive(Debug)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<T: Read> Read for OneOrMany<T> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.what {
            What::List(_) => List::read(node, cx).map(|l| OneOrMany(l.0)),
            _ => T::read(node, cx).map(|one| OneOrMany(vec![one])),
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        let one = T::schema(defs);
        json!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

macro_rules! empty_when_absent {
    ($($of:ident),*) => {$(
        impl<T: Read> Field for $of<T> {
            fn take(fields: &mut Fields<'_>, key: &'static str, _: Option<&str>, cx: &mut Cx<'_>) -> Option<Self> {
                fields.take(key).map_or(Some($of(Vec::new())), |node| Read::read(node, cx))
            }

            fn describe(key: Key, defs: &mut Defs) -> Vec<Key> {
                vec![Key { schema: Self::schema(defs), ..key }]
            }
        }
    )*};
}
empty_when_absent!(Table, List, OneOrMany);

/// A secret, under its key or in a file under `KEY_file`.
#[derive(Debug)]
pub(crate) struct Hidden(pub(crate) Spanned<Secret>);
/// A secret that may be left out.
#[derive(Debug)]
pub(crate) struct MaybeHidden(pub(crate) Option<Spanned<Secret>>);

impl Field for MaybeHidden {
    fn take(fields: &mut Fields<'_>, key: &'static str, _: Option<&str>, cx: &mut Cx<'_>) -> Option<Self> {
        let file_key = format!("{key}_file");
        Some(MaybeHidden(match (fields.take(key), fields.take(&file_key)) {
            (Some(_), Some(file)) => {
                return cx.wrong(
                    file.owner,
                    format!("`{key}` and `{file_key}` both stand here"),
                    "remove one of them",
                );
            }
            (Some(node), None) => Some(Spanned { at: node.at, value: Secret::read(node, cx)? }),
            (None, Some(node)) => Some(Spanned { at: node.at, value: cx.secret_file(node)? }),
            (None, None) => None,
        }))
    }

    fn describe(key: Key, defs: &mut Defs) -> Vec<Key> {
        let name = format!("{}_file", key.name);
        let doc = format!("A file that holds `{}`.", key.name);
        let file = Key { name, doc, default: None, required: false, schema: String::schema(defs) };
        vec![Key { schema: <Secret as Read>::schema(defs), ..key }, file]
    }
}

impl Field for Hidden {
    fn take(fields: &mut Fields<'_>, key: &'static str, _: Option<&str>, cx: &mut Cx<'_>) -> Option<Self> {
        let owner = fields.owner;
        match MaybeHidden::take(fields, key, None, cx)?.0 {
            Some(secret) => Some(Hidden(secret)),
            None => cx.wrong(
                owner,
                format!("the key `{key}` is missing here"),
                format!("add `{key}: \"${{VARIABLE}}\"` or `{key}_file: …`"),
            ),
        }
    }

    fn describe(key: Key, defs: &mut Defs) -> Vec<Key> {
        MaybeHidden::describe(key, defs)
    }
}

/// The key that says which record this is; [`tagged!`] reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag;

impl Field for Tag {
    fn take(fields: &mut Fields<'_>, key: &'static str, _: Option<&str>, _: &mut Cx<'_>) -> Option<Self> {
        fields.take(key);
        Some(Tag)
    }

    fn describe(key: Key, defs: &mut Defs) -> Vec<Key> {
        vec![Key { required: true, schema: String::schema(defs), ..key }]
    }
}

/// A group of keys, written once: see the module.
macro_rules! record {
    (
        $(#[doc = $doc:literal])* $name:ident $(short $short:literal)? {
            $( $(#[doc = $fdoc:literal])* $field:ident : $ty:ty $(= $default:literal)? ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            #[allow(dead_code, reason = "not every group has an error that concerns all of it")]
            pub(crate) at: $crate::errors::At,
            $( $(#[doc = $fdoc])* pub(crate) $field: $ty ),*
        }

        impl $crate::read::Read for $name {
            fn read(node: &$crate::tree::Node, cx: &mut $crate::read::Cx<'_>) -> Option<Self> {
                let short = None $( .or(Some($short)) )?;
                let mut fields = $crate::read::Fields::open(node, short, cx)?;
                let at = fields.at;
                $(
                    let default = None $( .or(Some($default)) )?;
                    let $field = <$ty as $crate::read::Field>::take(&mut fields, stringify!($field), default, cx);
                )*
                fields.close(cx);
                Some($name { at, $( $field: $field? ),* })
            }

            fn schema(defs: &mut $crate::schema::Defs) -> serde_json::Value {
                let short = None $( .or(Some($short)) )?;
                defs.record(stringify!($name), concat!($($doc, "\n"),*), short, |defs| {
                    let mut keys = Vec::new();
                    $(
                        let default = None $( .or(Some($default)) )?;
                        let key = $crate::schema::Key::new(stringify!($field), concat!($($fdoc, "\n"),*), default);
                        keys.extend(<$ty as $crate::read::Field>::describe(key, defs));
                    )*
                    keys
                })
            }
        }
    };
}
pub(crate) use record;

/// A group whose key `kind` says which record it is.
macro_rules! tagged {
    ($(#[doc = $doc:literal])* $name:ident { $( $(#[doc = $vdoc:literal])* $variant:ident($of:ty) = $word:literal ),* $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub(crate) enum $name { $( $(#[doc = $vdoc])* $variant($of) ),* }

        impl $crate::read::Read for $name {
            fn read(node: &$crate::tree::Node, cx: &mut $crate::read::Cx<'_>) -> Option<Self> {
                match $crate::read::kind(node, &[$($word),*], cx)? {
                    $( $word => <$of>::read(node, cx).map(|of| {
                        let $crate::read::Tag = of.kind;
                        $name::$variant(of)
                    }), )*
                    _ => None,
                }
            }

            fn schema(defs: &mut $crate::schema::Defs) -> serde_json::Value {
                let kinds = vec![$( ($word, <$of>::schema(defs)) ),*];
                $crate::schema::tagged(&kinds)
            }
        }
    };
}
pub(crate) use tagged;

/// The `kind` of a group, one of `kinds`.
pub(crate) fn kind<'n>(node: &'n Node, kinds: &[&str], cx: &mut Cx<'_>) -> Option<&'n str> {
    let known = || listed(kinds.iter().copied(), "or");
    let mut fields = Fields::open(node, None, cx)?;
    let Some(kind) = fields.take("kind") else {
        return cx.wrong(
            node.owner,
            "the key `kind` is missing here",
            format!("add `kind: …`, one of {}", known()),
        );
    };
    let scalar = cx.scalar(kind, "a kind")?;
    cx.shown.insert(kind.at);
    if kinds.contains(&scalar.text.as_str()) {
        return Some(&scalar.text);
    }
    let advice = match nearest(&scalar.text, kinds.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("it is one of {}", known()),
    };
    cx.wrong(kind.at, format!("{} is no kind", quote(&scalar.text)), advice)
}
