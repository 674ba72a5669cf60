//! Typed readers over the tree: one mechanism for types, unknown keys, defaults, secrets, places and the schema.
//!
//! A record of the file is written once, with the [`record!`] macro: its fields are the keys, their doc comments are
//! the documentation, their defaults are written as in the file. A reader that fails has said why, and returns `None`;
//! something [stands in](StandIn) for its value and everything else goes on, so that one run finds everything that is
//! wrong.

mod cx;
mod fields;
mod many;
mod record;
mod secrets;

pub(crate) use cx::Cx;
pub(crate) use fields::{Field, Fields};
pub(crate) use many::{List, OneOrMany, Part, Table};
pub(crate) use record::{Tag, kind, record, tagged};
pub(crate) use secrets::{Hidden, MaybeHidden};

use crate::errors::At;
use crate::schema::Defs;
use crate::tree::Node;
use serde_json::{Value, json};

/// A value of the file, as a type.
pub(crate) trait Read: Sized {
    /// Reads it, or says why not.
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self>;
    /// JSON Schema of it.
    fn schema(defs: &mut Defs) -> Value;
}

/// What takes the place of a value that was written and could not be read. The rules that follow look at it as at any
/// other; as it stands [nowhere](At::NOWHERE), what they say of it alone is not heard, for the value itself was already
/// complained of. It is chosen so that it makes nothing else wrong.
pub(crate) trait StandIn {
    /// That value.
    fn stand_in() -> Self;
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
    /// What to do about a text that cannot be read; empty where what is wrong says it.
    fn advice(_: &str) -> String {
        String::new()
    }
    /// See [`StandIn`].
    fn placeholder() -> Self;
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
        value.map_err(|why| cx.say(node.at, why.replace(&text, &scalar.text), T::advice(&scalar.text))).ok()
    }

    fn schema(_: &mut Defs) -> Value {
        T::shape()
    }
}

impl<T: FromText> StandIn for T {
    fn stand_in() -> T {
        T::placeholder()
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

impl<T: StandIn> StandIn for Spanned<T> {
    fn stand_in() -> Self {
        Spanned { at: At::NOWHERE, value: T::stand_in() }
    }
}
