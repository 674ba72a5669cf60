//! The schema says the same as the reader.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// As much of JSON Schema as the schema uses. Says where it does not hold.
fn check(schema: &Value, value: &Value, root: &Value, at: &str, wrong: &mut Vec<String>) {
    let Value::Object(rules) = schema else { return };
    for (rule, arg) in rules {
        let sub = |schema: &Value, wrong: &mut Vec<String>| check(schema, value, root, at, wrong);
        let holds = |schema: &Value| {
            let mut wrong = Vec::new();
            check(schema, value, root, at, &mut wrong);
            wrong.is_empty()
        };
        let good = match (rule.as_str(), value) {
            ("$ref", _) => {
                let target = root
                    .pointer(arg.as_str().unwrap().trim_start_matches('#'))
                    .expect("a reference leads somewhere");
                sub(target, wrong);
                true
            }
            ("type", _) => {
                let is = |t: &Value| match t.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "number" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("the type {other}"),
                };
                arg.as_array().map_or_else(|| is(arg), |list| list.iter().any(is))
            }
            ("properties", Value::Object(map)) => {
                for (key, schema) in arg.as_object().unwrap() {
                    if let Some(v) = map.get(key) {
                        check(schema, v, root, &format!("{at}.{key}"), wrong);
                    }
                }
                true
            }
            ("additionalProperties", Value::Object(map)) => {
                let known = rules.get("properties").and_then(Value::as_object);
                for (key, v) in map.iter().filter(|(k, _)| known.is_none_or(|p| !p.contains_key(*k))) {
                    match arg {
                        Value::Bool(false) => wrong.push(format!("{at}.{key} is not known")),
                        schema => check(schema, v, root, &format!("{at}.{key}"), wrong),
                    }
                }
                true
            }
            ("required", Value::Object(map)) => {
                arg.as_array().unwrap().iter().all(|k| map.contains_key(k.as_str().unwrap()))
            }
            ("items", Value::Array(list)) => {
                list.iter().enumerate().for_each(|(i, v)| check(arg, v, root, &format!("{at}[{i}]"), wrong));
                true
            }
            ("anyOf", _) => arg.as_array().unwrap().iter().any(holds),
            ("allOf", _) => {
                arg.as_array().unwrap().iter().for_each(|s| sub(s, wrong));
                true
            }
            ("if", _) => {
                if holds(arg) {
                    sub(&rules["then"], wrong);
                }
                true
            }
            ("enum", _) => arg.as_array().unwrap().contains(value),
            ("const", _) => arg == value,
            ("pattern", Value::String(s)) => regex::Regex::new(arg.as_str().unwrap()).unwrap().is_match(s),
            ("minLength", Value::String(s)) => s.len() as u64 >= arg.as_u64().unwrap(),
            ("minimum", Value::Number(n)) => n.as_f64() >= arg.as_f64(),
            ("maximum", Value::Number(n)) => n.as_f64() <= arg.as_f64(),
            (
                "properties"
                | "additionalProperties"
                | "required"
                | "items"
                | "pattern"
                | "minLength"
                | "minimum"
                | "maximum",
                _,
            ) => true,
            ("$schema" | "$defs" | "title" | "description" | "default" | "then" | "format", _) => true,
            (other, _) => panic!("this test does not know the rule {other}"),
        };
        if !good {
            wrong.push(format!("{at}: {rule} {arg} does not hold for {value}"));
        }
    }
}

fn faults(yaml: &str) -> Vec<String> {
    let schema = foghorn_config::schema();
    let value: Value = serde_saphyr::from_str(yaml).unwrap();
    let mut wrong = Vec::new();
    check(&schema, &value, &schema, "$", &mut wrong);
    wrong
}

#[test]
fn good_files_are_good_to_an_editor() {
    for name in ["interface.yaml", "full.yaml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/good").join(name);
        assert_eq!(faults(&std::fs::read_to_string(path).unwrap()), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn wrong_files_are_wrong_to_an_editor() {
    for file in [
        "sever: {}",
        "server: { listn: \"127.0.0.1:1\" }",
        "server: { tokens: { a: { token: x, role: king } } }",
        "server: { tokens: { a: { token: x } } }",
        "channels: { a: { kind: smtp, url: x, from: x, secret: x } }",
        "channels: { a: { kind: pigeon } }",
        "checks: { a: { http: 5 } }",
        "checks: { a: { icmp: h, every: 10 } }",
        "checks: { a: { icmp: h, fail_after: two } }",
        "escalations: { a: { steps: [ { page: [ana] } ] } }",
        "people: [ana]",
    ] {
        assert_ne!(faults(file), Vec::<String>::new(), "{file}");
    }
}

/// A list of words, each once.
fn words(list: &Value) -> Option<Vec<&str>> {
    let words: Vec<&str> = list.as_array()?.iter().map(Value::as_str).collect::<Option<_>>()?;
    (words.iter().collect::<BTreeSet<_>>().len() == words.len()).then_some(words)
}

/// The rules of JSON Schema 2020-12 about schemas themselves, as far as the schema uses them.
fn schema_faults(schema: &Value, at: &str, wrong: &mut Vec<String>) {
    let Value::Object(rules) = schema else {
        if !schema.is_boolean() {
            wrong.push(format!("{at} is no schema: {schema}"));
        }
        return;
    };
    for (rule, arg) in rules {
        let here = format!("{at}/{rule}");
        const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
        let good = match rule.as_str() {
            "allOf" | "anyOf" | "oneOf" => match arg.as_array() {
                Some(list) if !list.is_empty() => {
                    list.iter().for_each(|s| schema_faults(s, &here, wrong));
                    true
                }
                _ => false,
            },
            "properties" | "$defs" => arg.as_object().is_some_and(|map| {
                map.iter().for_each(|(key, s)| schema_faults(s, &format!("{here}/{key}"), wrong));
                true
            }),
            "items" | "additionalProperties" | "if" | "then" => {
                schema_faults(arg, &here, wrong);
                true
            }
            "required" => words(arg).is_some(),
            "type" => match arg.as_str() {
                Some(word) => TYPES.contains(&word),
                None => words(arg).is_some_and(|w| !w.is_empty() && w.iter().all(|w| TYPES.contains(w))),
            },
            "enum" => arg.as_array().is_some_and(|list| !list.is_empty()),
            "$schema" | "$ref" | "title" | "description" | "format" => arg.is_string(),
            "pattern" => arg.as_str().is_some_and(|p| regex::Regex::new(p).is_ok()),
            "minLength" => arg.is_u64(),
            "minimum" | "maximum" => arg.is_number(),
            "const" | "default" => true,
            _ => false,
        };
        if !good {
            wrong.push(format!("{here}: {arg}"));
        }
    }
}

#[test]
fn the_schema_is_one() {
    let mut wrong = Vec::new();
    schema_faults(&foghorn_config::schema(), "", &mut wrong);
    assert_eq!(wrong, Vec::<String>::new());
    for bad in [
        serde_json::json!({ "properties": { "a": { "allOf": [] } } }),
        serde_json::json!({ "items": { "type": "text" } }),
    ] {
        schema_faults(&bad, "", &mut wrong);
        assert!(!std::mem::take(&mut wrong).is_empty(), "{bad}");
    }
}

#[test]
fn every_key_is_described() {
    let schema = foghorn_config::schema();
    let defs = schema["$defs"].as_object().unwrap();
    assert!(defs.len() > 30);
    let mut keys = 0;
    for (name, def) in defs {
        assert_ne!(def["description"], "", "{name}");
        for (key, property) in def["properties"].as_object().unwrap() {
            let description = property["description"].as_str().unwrap_or_default();
            assert!(description.len() > 3 && description.ends_with('.'), "{name}.{key}: {description:?}");
            keys += 1;
        }
    }
    assert!(keys > 150, "{keys}");
    for key in ["token_file", "url_file", "routing_key_file", "secret_file", "ping_key_file"] {
        assert!(schema.to_string().contains(&format!("\"{key}\"")), "{key}");
    }
}

#[test]
fn the_reference_has_every_key() {
    let (schema, reference) = (foghorn_config::schema(), foghorn_config::reference());
    for (name, def) in schema["$defs"].as_object().unwrap() {
        assert!(reference.contains(&format!("\n## {name}\n")), "{name}");
        for key in def["properties"].as_object().unwrap().keys() {
            assert!(reference.contains(&format!("\n| `{key}` |")), "{name}.{key}");
        }
    }
    assert!(
        reference
            .contains("| `listen` | an address and a port | `127.0.0.1:7070` | Console, API and intake."),
        "{reference}"
    );
}
