//! The keys of a group: which are known, which are missing, which have a default.

use super::{Cx, Read, Spanned, StandIn};
use crate::errors::{At, listed, nearest, quote};
use crate::schema::{Defs, Key};
use crate::tree::{Node, Scalar, What};
use serde_json::Value;

/// A field of a record.
pub(crate) trait Field: StandIn + Sized {
    /// Takes its key or keys out of the group, or says why not.
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
    pub(super) owner: At,
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
            cx.say(*at, format!("the key {} is not known here", quote(key)), advice);
        }
    }
}

impl<T: Read + StandIn> Field for Spanned<T> {
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

impl<T: StandIn> StandIn for Option<T> {
    fn stand_in() -> Self {
        Some(T::stand_in())
    }
}

impl<T: Read + StandIn> Field for Option<T> {
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
