//! The macros that a group of keys is written with.

use super::{Cx, Field, Fields, Read, StandIn};
use crate::errors::{listed, nearest, quote};
use crate::schema::{Defs, Key};
use crate::tree::Node;

/// The key that says which record this is; [`tagged!`] reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag;

impl StandIn for Tag {
    fn stand_in() -> Self {
        Tag
    }
}

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
                Some($name { at, $( $field: $field.unwrap_or_else($crate::read::StandIn::stand_in) ),* })
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

        impl $crate::read::StandIn for $name {
            fn stand_in() -> Self {
                $name {
                    at: $crate::errors::At::NOWHERE,
                    $( $field: <$ty as $crate::read::StandIn>::stand_in() ),*
                }
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
