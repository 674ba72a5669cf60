//! Bodies: read within limits, then as JSON without a copy. A list is read as a whole; if that fails, item by item, so that
//! a bad item costs no good one.

use crate::Intake;
use crate::door::{Door, Reason, Visit};
use crate::item::MOST_ITEMS;
use crate::reply::Problem;
use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// From a request's head to the end of its body.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// What a body of unknown length is taken for, where bytes under way are counted.
const LIKELY: usize = 1 << 20;

/// Lets a request in and reads its body.
pub(crate) async fn body(
    intake: &Intake,
    door: &Arc<Door>,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Visit, Bytes), Problem> {
    let config = intake.config();
    plain(headers)?;
    let most = config.server.max_body;
    let size = length(headers);
    let mut visit = door.enter(config.server.rate_limit, size.unwrap_or(LIKELY).min(most))?;
    let read = match size {
        Some(size) => bytes(body, size, most).await,
        None => unknown(body, most, &mut visit).await,
    };
    match read {
        Ok(bytes) => Ok((visit, bytes)),
        Err(problem) => {
            match problem {
                Problem::Size { .. } => door.refuse(Reason::Size, 1),
                // It is counted.
                Problem::InFlight { .. } => {}
                _ => door.bad(1),
            }
            Err(problem)
        }
    }
}

/// Compressed bodies are not read: what they grow to is not known before.
pub(crate) fn plain(headers: &HeaderMap) -> Result<(), Problem> {
    let encodings = headers.get_all(CONTENT_ENCODING).iter().map(|v| v.to_str().unwrap_or("?").trim());
    match encodings.into_iter().find(|e| !e.is_empty() && !e.eq_ignore_ascii_case("identity")) {
        None => Ok(()),
        Some(encoding) => Err(Problem::Encoded(encoding.chars().take(40).collect())),
    }
}

/// The length that the request's head gives.
pub(crate) fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A body of at most `most` bytes; `size` is what its head says.
pub(crate) async fn bytes(body: Body, size: usize, most: usize) -> Result<Bytes, Problem> {
    if size > most {
        return Err(Problem::Size { most });
    }
    match tokio::time::timeout(BODY_DEADLINE, Limited::new(body, most).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(Problem::Size { most }),
        Ok(Err(e)) => Err(Problem::Broken(e.to_string())),
        Err(_) => Err(Problem::Slow(BODY_DEADLINE)),
    }
}

/// A body whose length nobody has told: it is counted as it comes.
async fn unknown(mut body: Body, most: usize, visit: &mut Visit) -> Result<Bytes, Problem> {
    let until = tokio::time::Instant::now() + BODY_DEADLINE;
    let mut whole = Vec::new();
    loop {
        let frame = match tokio::time::timeout_at(until, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(e))) => return Err(Problem::Broken(e.to_string())),
            Ok(None) => return Ok(whole.into()),
            Err(_) => return Err(Problem::Slow(BODY_DEADLINE)),
        };
        let data = frame.data_ref().map_or(&[][..], |data| data);
        if whole.len() + data.len() > most {
            return Err(Problem::Size { most });
        }
        whole.extend_from_slice(data);
        visit.holds(whole.len())?;
    }
}

/// A body as text, without the mark that Windows' tools begin one with; what is not UTF-8 is replaced, as Go's JSON does.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    // Nearly always it is, and to see that is cheaper than to look for what is not.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// A text that borrows where it can.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Text<'a>, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(v.to_owned())))
            }
        }
        d.deserialize_str(Read)
    }
}

/// Something that an alert can do without: where it cannot be read it is not there, and why is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spare<T> {
    pub(crate) value: Option<T>,
    pub(crate) wrong: Option<String>,
}

impl<T> Default for Spare<T> {
    fn default() -> Spare<T> {
        Spare { value: None, wrong: None }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spare<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Spare<T>, D::Error> {
        let raw = <&'de RawValue>::deserialize(d)?;
        Ok(match serde_json::from_str(raw.get()) {
            Ok(value) => Spare { value, wrong: None },
            Err(e) => {
                let text = e.to_string();
                let what = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what);
                Spare { value: None, wrong: Some(crate::item::cut(what, 200)) }
            }
        })
    }
}

/// An object of texts, in the sender's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs<'a>(pub(crate) Vec<(Text<'a>, Text<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Pairs<'a>, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::with_capacity(8);
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        d.deserialize_map(Read)
    }
}

/// A list's items with their places, and what is wrong with the others.
pub(crate) struct List<T> {
    pub(crate) good: Vec<(usize, T)>,
    pub(crate) bad: Vec<String>,
}

/// As many items are read as one request may have, and one more, by which it is known to have too many: the rest is gone over
/// and not kept, for what is left of ten megabytes of `{}` takes a hundred times as much.
struct Items<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = Items<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<T>, A::Error> {
                let mut items = Vec::new();
                while items.len() <= MOST_ITEMS {
                    let Some(item) = seq.next_element()? else { return Ok(Items(items)) };
                    items.push(item);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Items(items))
            }
        }
        d.deserialize_seq(Read(PhantomData))
    }
}

/// Reads `list`, a part of the text `whole`; `name` stands in messages. `null` is an empty list. Of more than [`MOST_ITEMS`]
/// one more than these is read.
///
/// # Errors
/// It is no JSON list.
pub(crate) fn list<'a, T: Deserialize<'a>>(
    whole: &'a str,
    list: &'a str,
    name: &str,
) -> Result<List<T>, String> {
    if let Ok(all) = serde_json::from_str::<Option<Items<T>>>(list) {
        let all = all.map_or_else(Vec::new, |items| items.0);
        return Ok(List { good: all.into_iter().enumerate().collect(), bad: Vec::new() });
    }
    let Items::<&'a RawValue>(items) = serde_json::from_str(list)
        .map_err(|e| format!("{name} must be a JSON array: {}", explain(whole, list, &e)))?;
    let mut read = List { good: Vec::new(), bad: Vec::new() };
    for (i, item) in items.into_iter().map(RawValue::get).enumerate() {
        match serde_json::from_str(item) {
            Ok(value) => read.good.push((i, value)),
            Err(e) => read.bad.push(format!("{name}[{i}]: {}", explain(whole, item, &e))),
        }
    }
    Ok(read)
}

/// What is wrong, with line and column in `whole`, of which `part` is a part.
pub(crate) fn explain(whole: &str, part: &str, e: &serde_json::Error) -> String {
    let offset = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    let before = whole.get(..offset).unwrap_or("");
    let lines = before.matches('\n').count();
    let column = if e.line() > 1 { 0 } else { before.len() - before.rfind('\n').map_or(0, |n| n + 1) };
    let text = e.to_string();
    let text = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what);
    format!("{text} at line {} column {}", lines + e.line(), column + e.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_item_is_named_with_its_place_and_costs_no_other() {
        let body = "[{\"a\":\"1\"},\n  {\"a\": 5}, {\"b\":\"\\u00e9\"}]";
        let read = list::<Pairs<'_>>(body, body, "alerts").unwrap();
        assert_eq!(read.good.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(read.bad, ["alerts[1]: invalid type: integer `5`, expected a string at line 2 column 9"]);
        assert!(list::<Pairs<'_>>("null", "null", "alerts").unwrap().good.is_empty());
        let wrong = list::<Pairs<'_>>("{}", "{}", "alerts").err().unwrap();
        assert!(wrong.starts_with("alerts must be a JSON array: invalid type: map"), "{wrong}");
    }

    /// Ten megabytes of nothing were a gigabyte of it.
    #[test]
    fn of_too_many_items_no_more_is_kept_than_tells_so() {
        for item in ["{}", "5"] {
            let body = format!("[{}]", vec![item; 100_000].join(","));
            let read = list::<Pairs<'_>>(&body, &body, "alerts").unwrap();
            assert_eq!(read.good.len() + read.bad.len(), MOST_ITEMS + 1, "{item}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let text = text(&bytes);
            let _ = list::<Pairs<'_>>(&text, &text, "alerts");
        }
    }
}
