//! The schema for editors and the reference for people, from the same definitions that the reader reads by.

use crate::raw::File;
use crate::read::Read;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// One key of a group.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) doc: String,
    /// As in the file.
    pub(crate) default: Option<&'static str>,
    pub(crate) required: bool,
    /// It may stand under this key instead.
    pub(crate) or: Option<String>,
    pub(crate) schema: Value,
}

impl Key {
    pub(crate) fn new(name: &str, doc: &str, default: Option<&'static str>) -> Key {
        Key {
            name: name.to_owned(),
            doc: prose(doc),
            default,
            required: false,
            or: None,
            schema: Value::Null,
        }
    }
}

/// A group of keys.
struct Record {
    name: &'static str,
    doc: String,
    keys: Vec<Key>,
}

/// The groups met so far.
#[derive(Default)]
pub(crate) struct Defs(Vec<Record>);

impl Defs {
    /// A reference to a group, which is described at the first meeting.
    pub(crate) fn record(
        &mut self,
        name: &'static str,
        doc: &str,
        short: Option<&str>,
        keys: impl FnOnce(&mut Defs) -> Vec<Key>,
    ) -> Value {
        let index = self.0.iter().position(|r| r.name == name).unwrap_or_else(|| {
            let index = self.0.len();
            self.0.push(Record { name, doc: prose(doc), keys: Vec::new() });
            self.0[index].keys = keys(self);
            index
        });
        let reference = json!({ "$ref": format!("#/$defs/{name}") });
        match self.0[index].keys.iter().find(|k| Some(k.name.as_str()) == short) {
            Some(key) => json!({ "anyOf": [key.schema, reference] }),
            None => reference,
        }
    }
}

/// Doc comments come as lines with a space in front.
fn prose(doc: &str) -> String {
    doc.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The schema of a group whose `kind` says which record it is.
pub(crate) fn tagged(kinds: &[(&str, Value)]) -> Value {
    let words: Vec<&str> = kinds.iter().map(|(word, _)| *word).collect();
    let when = |(word, schema): &(&str, Value)| json!({ "if": { "properties": { "kind": { "const": word } } }, "then": schema });
    json!({
        "type": "object",
        "required": ["kind"],
        "properties": { "kind": { "enum": words } },
        "allOf": kinds.iter().map(when).collect::<Vec<Value>>(),
    })
}

fn groups() -> Defs {
    let mut defs = Defs::default();
    let _ = File::schema(&mut defs);
    defs
}

/// JSON Schema (2020-12) of the file, for editors.
#[must_use]
pub fn schema() -> Value {
    let defs: Map<String, Value> = groups().0.iter().map(|r| (r.name.to_owned(), r.schema())).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "foghorn.yaml",
        "$ref": "#/$defs/File",
        "$defs": defs,
    })
}

impl Record {
    fn schema(&self) -> Value {
        let properties: Map<String, Value> =
            self.keys.iter().map(|k| (k.name.clone(), k.property())).collect();
        let (either, always): (Vec<&Key>, Vec<&Key>) =
            self.keys.iter().filter(|k| k.required).partition(|k| k.or.is_some());
        let one_of = |k: &&Key| json!({ "anyOf": [{ "required": [k.name] }, { "required": [k.or] }] });
        let mut schema = json!({
            "type": ["object", "null"],
            "description": self.doc,
            "properties": properties,
            "required": always.iter().map(|k| k.name.as_str()).collect::<Vec<&str>>(),
            "additionalProperties": false,
        });
        // JSON Schema knows no empty `allOf`.
        if !either.is_empty() {
            schema["allOf"] = either.iter().map(one_of).collect();
        }
        schema
    }
}

impl Key {
    /// What the type says, under the description that the key gives.
    fn property(&self) -> Value {
        let mut all = self.schema.as_object().cloned().unwrap_or_default();
        all.insert("description".into(), self.doc.as_str().into());
        if let Some(default) = self.default {
            all.insert("default".into(), typed(default, &self.schema));
        }
        all.into()
    }
}

/// A default as JSON: a number or boolean where the key takes one.
fn typed(default: &str, schema: &Value) -> Value {
    let json = || serde_json::from_str(default).ok();
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => None,
        _ => json(),
    }
    .unwrap_or_else(|| Value::from(default))
}

/// Every key of the file, as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from("# foghorn.yaml\n");
    for record in &groups().0 {
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "\n## {}\n\n{}\n\n| key | value | default | meaning |\n|---|---|---|---|\n",
            record.name, record.doc
        );
        for key in &record.keys {
            let default = match (key.required, &key.or, key.default) {
                (true, Some(other), _) => format!("required, or `{other}`"),
                (true, None, _) => "required".to_owned(),
                (false, _, Some(default)) => format!("`{default}`"),
                (false, _, None) => String::new(),
            };
            let _ = writeln!(
                out,
                "| `{}` | {} | {default} | {} |",
                key.name,
                shape(&key.schema),
                key.doc.replace('|', "\\|")
            );
        }
    }
    out
}

/// A schema in a few words.
fn shape(schema: &Value) -> String {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    if let Some(word) = text("const") {
        return format!("`{word}`");
    }
    if let Some(name) = text("$ref") {
        let name = name.trim_start_matches("#/$defs/");
        return format!("[{name}](#{})", name.to_lowercase());
    }
    for (key, between) in [("anyOf", " or "), ("enum", ", "), ("allOf", " or ")] {
        if let Some(list) = schema.get(key).and_then(Value::as_array) {
            return list
                .iter()
                .map(|s| s.get("then").unwrap_or(s))
                .map(shape)
                .collect::<Vec<_>>()
                .join(between);
        }
    }
    if let Some(items) = schema.get("items") {
        return format!("list of {}", shape(items));
    }
    if let Some(values) = schema.get("additionalProperties") {
        return format!("name: {}", shape(values));
    }
    match (schema, text("description").or(text("type"))) {
        (Value::String(word), _) => format!("`{word}`"),
        (_, Some(words)) => words.replace('|', "\\|"),
        _ => String::new(),
    }
}

/// Every word that the schema knows: those may be shown of a file that is no YAML.
pub(crate) static WORDS: LazyLock<HashSet<String>> = LazyLock::new(words);

fn words() -> HashSet<String> {
    fn enums(schema: &Value, out: &mut HashSet<String>) {
        match schema {
            Value::Object(map) => {
                for (key, value) in map {
                    match value {
                        Value::Array(words) if key == "enum" => {
                            out.extend(words.iter().filter_map(Value::as_str).map(str::to_owned));
                        }
                        _ => enums(value, out),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|v| enums(v, out)),
            _ => {}
        }
    }
    let mut out = HashSet::new();
    for key in groups().0.into_iter().flat_map(|r| r.keys) {
        enums(&key.schema, &mut out);
        out.insert(key.name);
    }
    out
}
