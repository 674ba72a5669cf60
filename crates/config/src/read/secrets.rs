//! Secrets: under their key, in a variable, or in a file of their own. None of them is ever marked as shown.

use super::cx::Unexpanded;
use super::{Cx, Field, Fields, Read, Spanned, StandIn};
use crate::errors::At;
use crate::plain::taken_for;
use crate::schema::{Defs, Key};
use crate::secret::Secret;
use crate::tree::Node;
use serde_json::{Value, json};

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
        json!({ "type": "string", "minLength": 1, "description": "a secret" })
    }
}

impl StandIn for Secret {
    fn stand_in() -> Self {
        Secret::missing("what stands there cannot be read")
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
        let bytes = crate::whole::read(&path, LONGEST);
        let text = bytes.and_then(|b| String::from_utf8(b).map_err(std::io::Error::other));
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

/// A secret, under its key or in a file under `KEY_file`.
#[derive(Debug)]
pub(crate) struct Hidden(pub(crate) Spanned<Secret>);
/// A secret that may be left out.
#[derive(Debug)]
pub(crate) struct MaybeHidden(pub(crate) Option<Spanned<Secret>>);

impl StandIn for MaybeHidden {
    fn stand_in() -> Self {
        MaybeHidden(StandIn::stand_in())
    }
}

impl StandIn for Hidden {
    fn stand_in() -> Self {
        Hidden(StandIn::stand_in())
    }
}

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
        let file = Key { name, doc, default: None, required: false, or: None, schema: String::schema(defs) };
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
        let (other, mut keys) = (format!("{}_file", key.name), MaybeHidden::describe(key, defs));
        if let Some(key) = keys.first_mut() {
            (key.required, key.or) = (true, Some(other));
        }
        keys
    }
}
