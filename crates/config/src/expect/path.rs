//! Paths into JSON documents.

use super::{JsonPath, PathPart};
use serde_json::Value;

impl JsonPath {
    /// Reads a path.
    ///
    /// # Errors
    /// The byte at which it goes wrong, and what is wrong.
    pub fn parse(text: &str) -> Result<JsonPath, (usize, String)> {
        let Some(mut rest) = text.strip_prefix('$') else {
            return Err((0, "a path begins with `$`, as in `$.queue.depth`".into()));
        };
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (key, tail) = after.split_at(end);
                let bare = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
                match key {
                    "*" => parts.push(PathPart::All),
                    "length" if tail.is_empty() => parts.push(PathPart::Length),
                    "" => return Err((at, "a name is missing after the dot".into())),
                    key if key.chars().all(bare) => parts.push(PathPart::Key(key.to_owned())),
                    _ => return Err((at + 1, format!("write this name as `['{key}']`"))),
                }
                rest = tail;
            } else if let Some(after) = rest.strip_prefix('[') {
                let (part, tail) = bracket(after).map_err(|why| (at, why.to_owned()))?;
                parts.push(part);
                rest = tail;
            } else {
                return Err((at, "a path goes on with `.name`, `[0]` or `['name']`".into()));
            }
        }
        Ok(JsonPath { text: text.to_owned(), parts })
    }

    /// How long the path at the beginning of `text` is, in bytes: up to a space outside of brackets and quotes.
    pub(super) fn extent(text: &str) -> usize {
        let mut quote = None;
        let mut escaped = false;
        for (i, c) in text.char_indices() {
            match (quote, c) {
                (Some(_), _) if escaped => escaped = false,
                (Some(_), '\\') => escaped = true,
                (Some(q), c) if c == q => quote = None,
                (None, '\'' | '"') => quote = Some(c),
                (None, c) if c.is_whitespace() => return i,
                _ => {}
            }
        }
        text.len()
    }

    /// Every value at the path. A length is a new number, so values are given as owned where they must be.
    pub fn find<'v>(&self, document: &'v Value) -> Vec<std::borrow::Cow<'v, Value>> {
        use std::borrow::Cow;
        let mut found: Vec<Cow<'v, Value>> = vec![Cow::Borrowed(document)];
        for part in &self.parts {
            let step = |value: Cow<'v, Value>| -> Vec<Cow<'v, Value>> {
                // Only the last part makes an owned value.
                let Cow::Borrowed(value) = value else { return Vec::new() };
                match (part, value) {
                    (PathPart::Key(key), Value::Object(map)) => {
                        map.get(key).map(Cow::Borrowed).into_iter().collect()
                    }
                    (PathPart::Index(i), Value::Array(list)) => {
                        let len = i64::try_from(list.len()).unwrap_or(i64::MAX);
                        let i = if *i < 0 { len.saturating_add(*i) } else { *i };
                        usize::try_from(i)
                            .ok()
                            .and_then(|i| list.get(i))
                            .map(Cow::Borrowed)
                            .into_iter()
                            .collect()
                    }
                    (PathPart::All, Value::Array(list)) => list.iter().map(Cow::Borrowed).collect(),
                    (PathPart::All, Value::Object(map)) => map.values().map(Cow::Borrowed).collect(),
                    (PathPart::Length, Value::Object(map)) if map.contains_key("length") => {
                        map.get("length").map(Cow::Borrowed).into_iter().collect()
                    }
                    (PathPart::Length, Value::Array(list)) => vec![Cow::Owned(list.len().into())],
                    (PathPart::Length, Value::Object(map)) => vec![Cow::Owned(map.len().into())],
                    (PathPart::Length, Value::String(s)) => vec![Cow::Owned(s.chars().count().into())],
                    _ => Vec::new(),
                }
            };
            found = found.into_iter().flat_map(step).collect();
        }
        found
    }
}

/// What stands in brackets, and the rest behind them.
fn bracket(after: &str) -> Result<(PathPart, &str), &'static str> {
    const WANTED: &str = "in brackets stands a number, `*`, or a name in quotes";
    if let Some(quote) = after.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let mut key = String::new();
        let mut chars = after.char_indices().skip(1);
        while let Some((i, c)) = chars.next() {
            match c {
                '\\' => key.push(chars.next().ok_or("the quote is not closed")?.1),
                c if c == quote => {
                    let rest = after[i + 1..].strip_prefix(']').ok_or("the bracket is not closed")?;
                    return Ok((PathPart::Key(key), rest));
                }
                c => key.push(c),
            }
        }
        return Err("the quote is not closed");
    }
    let (inside, rest) = after.split_once(']').ok_or("the bracket is not closed")?;
    match inside {
        "*" => Ok((PathPart::All, rest)),
        _ => inside.parse().map(|i| (PathPart::Index(i), rest)).map_err(|_| WANTED),
    }
}
