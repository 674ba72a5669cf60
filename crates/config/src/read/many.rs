//! Sections, tables and lists.

use super::{Cx, Field, Fields, Read, Spanned, StandIn};
use crate::errors::At;
use crate::schema::{Defs, Key};
use crate::tree::{Node, Pair, What};
use serde_json::{Value, json};

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

impl<T> StandIn for Part<T> {
    fn stand_in() -> Self {
        Part(None)
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

/// Named things, in the order of the file. A thing that is no thing at all keeps its name, so that nobody misses it.
#[derive(Debug)]
pub(crate) struct Table<T>(pub(crate) Vec<(Spanned<String>, Option<T>)>);

impl<T> Table<T> {
    /// The things that are things, in some of which something may stand in for what is wrong.
    pub(crate) fn good(&self) -> impl Iterator<Item = (&Spanned<String>, &T)> {
        self.0.iter().filter_map(|(name, thing)| Some((name, thing.as_ref()?)))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.value.as_str())
    }

    /// Whether all names are known: of a section that is none, nobody can say what is missing in it.
    pub(crate) fn is_known(&self) -> bool {
        self.0.iter().all(|(name, _)| name.at.is_known())
    }
}

impl<T: Read> Read for Table<T> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let read = |p: &Pair| {
            // What follows a bad name is looked at all the same.
            let _ = cx.unambiguous(&p.key, p.key_at);
            (Spanned { at: p.key_at, value: p.key.text.clone() }, T::read(&p.value, cx))
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

impl<T> StandIn for Table<T> {
    fn stand_in() -> Self {
        Table(vec![(Spanned { at: At::NOWHERE, value: String::new() }, None)])
    }
}

/// Several values.
#[derive(Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T: Read + StandIn> Read for List<T> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.what {
            What::List(items) => {
                Some(List(items.iter().map(|n| T::read(n, cx).unwrap_or_else(T::stand_in)).collect()))
            }
            What::Scalar(s) if s.is_null() => Some(List(Vec::new())),
            _ => cx.wrong(node.at, "a list is expected here", "write `[one, another]`"),
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "type": ["array", "null"], "items": T::schema(defs) })
    }
}

impl<T: StandIn> StandIn for List<T> {
    fn stand_in() -> Self {
        List(vec![T::stand_in()])
    }
}

/// One value, or several in a list.
#[derive(Debug)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<T: Read + StandIn> Read for OneOrMany<T> {
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

impl<T: StandIn> StandIn for OneOrMany<T> {
    fn stand_in() -> Self {
        OneOrMany(vec![T::stand_in()])
    }
}

macro_rules! empty_when_absent {
    ($($of:ident),*) => {$(
        impl<T: Read> Field for $of<T>
        where
            $of<T>: Read + StandIn,
        {
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
