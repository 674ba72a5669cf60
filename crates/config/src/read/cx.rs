//! What readers share: the file, the environment, and what they found wrong.

use crate::errors::{At, Errors, MOST_PROBLEMS, Source, quote};
use crate::here::Places;
use crate::plain::taken_for;
use crate::secret::Secret;
use crate::tree::{Node, Scalar, What, Wrong};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Why a text cannot be had.
pub(super) enum Unexpanded {
    /// `${` without a name and `}`.
    Malformed,
    /// A variable is unset or empty.
    Missing(String),
}

/// What readers share.
pub(crate) struct Cx<'a> {
    pub(crate) source: &'a Source<'a>,
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) base: &'a Path,
    pub(crate) wrong: Vec<Wrong>,
    pub(crate) warnings: Vec<String>,
    pub(crate) missing_secrets: Vec<String>,
    pub(crate) places: Places,
    /// What the variables of a value stood for, where the value itself is no secret.
    pub(super) put_in: HashMap<At, Vec<Secret>>,
    /// Values that may be shown, because they were read as something that is no secret.
    pub(super) shown: HashSet<At>,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(
        source: &'a Source<'a>,
        env: &'a dyn Fn(&str) -> Option<String>,
        base: &'a Path,
    ) -> Cx<'a> {
        Cx {
            source,
            env,
            base,
            wrong: Vec::new(),
            warnings: Vec::new(),
            missing_secrets: Vec::new(),
            places: Places::default(),
            put_in: HashMap::new(),
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
        if at.is_known() {
            self.wrong.push(Wrong {
                at,
                message: message.into(),
                advice: Some(advice.into()).filter(|a| !a.is_empty()),
            });
        }
        None
    }

    /// Notes an error, where nothing depends on it.
    pub(crate) fn say(&mut self, at: At, message: impl Into<String>, advice: impl Into<String>) {
        let _: Option<()> = self.wrong(at, message, advice);
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
    pub(super) fn expand(&self, text: &str) -> Result<String, Unexpanded> {
        self.expand_and_note(text, &mut Vec::new())
    }

    /// The same, and what the variables stand for.
    fn expand_and_note(&self, text: &str, put_in: &mut Vec<Secret>) -> Result<String, Unexpanded> {
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
                Some(value) => {
                    out.push_str(&value);
                    put_in.push(Secret::new(value));
                }
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

    pub(super) fn expanded_unshown(&mut self, node: &Node, text: &str) -> Option<String> {
        let mut put_in = Vec::new();
        match self.expand_and_note(text, &mut put_in) {
            Ok(text) => {
                if !put_in.is_empty() {
                    self.put_in.insert(node.at, put_in);
                }
                Some(text)
            }
            Err(Unexpanded::Malformed) => self.malformed(node.at),
            Err(Unexpanded::Missing(why)) => {
                // What stands in the file is the name of a variable.
                self.shown.insert(node.at);
                self.wrong(node.at, why, "set it for Foghorn, or write the value here")
            }
        }
    }

    /// What the variables in these values stand for: in what is sent or run they are secrets, and nobody is shown them.
    pub(crate) fn put_in(&self, values: impl IntoIterator<Item = At>) -> Vec<Secret> {
        values.into_iter().filter_map(|at| self.put_in.get(&at)).flatten().cloned().collect()
    }

    pub(super) fn malformed<T>(&mut self, at: At) -> Option<T> {
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
            // `{{ x }}` without quotes: that its key is none was said.
            What::Map(pairs) if pairs.iter().any(|p| !p.key_at.is_known()) => None,
            What::Map(_) => {
                self.wrong(node.at, format!("{wanted} is expected here, not a group of keys"), "")
            }
        }
    }

    /// Refuses what versions of YAML read differently.
    pub(super) fn unambiguous(&mut self, scalar: &Scalar, at: At) -> Option<()> {
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
