//! The query of an address: one rule for all of the API. A parameter that a route does not describe is refused, since it
//! would change nothing and nobody would notice; so is one that is given twice. What cannot be read is told with its name,
//! its value, and what is allowed.

use crate::problem::{Kind, Problem};
use crate::time;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use foghorn_core::time::Wall;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::value::MapDeserializer;
use serde::de::{
    self, Deserialize, DeserializeOwned, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use std::fmt;
use std::sync::Arc;

/// A value is told up to so many characters.
const TOLD: usize = 60;

/// What a route takes, as its description has it.
pub(crate) type Known = Arc<[String]>;

/// Refuses what is not in the description.
pub(crate) async fn known_only(State(known): State<Known>, req: Request, next: Next) -> Response {
    match look(&known, req.uri().query().unwrap_or("")) {
        Ok(()) => next.run(req).await,
        Err(problem) => problem.into_response(),
    }
}

fn look(known: &[String], query: &str) -> Result<(), Problem> {
    let mut seen: Vec<String> = Vec::new();
    for (name, _) in pairs(query) {
        if !known.contains(&name) {
            let told = short(&name);
            let has = if known.is_empty() {
                "this address takes none".to_owned()
            } else {
                format!("this address takes {}", known.join(", "))
            };
            return Err(bad(format!("there is no parameter `{told}`: {has}")));
        }
        if seen.contains(&name) {
            return Err(bad(format!("`{name}` is given twice: give it once")));
        }
        seen.push(name);
    }
    Ok(())
}

/// The query of the address, read.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(parts.uri.query().unwrap_or("")).map(Query)
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = pairs(query).map(|(name, text)| (name.clone(), Value { name, text }));
    T::deserialize(MapDeserializer::new(pairs)).map_err(|Wrong(why)| bad(why))
}

fn bad(detail: String) -> Problem {
    Problem::new(Kind::BadQuery, detail)
}

fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn short(text: &str) -> String {
    if text.chars().count() <= TOLD {
        return text.to_owned();
    }
    text.chars().take(TOLD).chain(['…']).collect()
}

/// A moment, where `text` is what came with the parameter `name`.
///
/// The `+` of an offset that was not escaped has become a space: that is understood.
pub(crate) fn moment(name: &str, text: &str) -> Result<Wall, Problem> {
    let read = time::parse(text).or_else(|why| {
        let mended = text.rsplit_once(' ').filter(|(at, _)| at.contains(':'));
        mended.and_then(|(at, offset)| time::parse(&format!("{at}+{offset}")).ok()).ok_or(why)
    });
    read.map_err(|_| {
        let told = short(text);
        bad(format!(
            "`{name}={told}` is no time: write one like 2026-11-21T03:12:40Z or 2026-11-21T03:12:40+01:00"
        ))
    })
}

/// How many: 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(usize);

impl Count {
    /// As many as asked, or as usual.
    pub(crate) fn or(asked: Option<Count>, usual: usize) -> usize {
        asked.map_or(usual, |Count(n)| n)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Count, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 1 to 1000")
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Count, E> {
                let count = usize::try_from(n).ok().filter(|n| (1..=1000).contains(n));
                count.map(Count).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(n), &self))
            }
        }
        d.deserialize_u64(Read)
    }
}

/// What is wrong with a parameter.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Wrong(String);

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(what: T) -> Wrong {
        Wrong(what.to_string())
    }
    fn invalid_type(_: Unexpected<'_>, allowed: &dyn Expected) -> Wrong {
        Wrong(match allowed.to_string().as_str() {
            "u64" => "must be a whole number, 0 or more".to_owned(),
            allowed => format!("must be {allowed}"),
        })
    }
    fn invalid_value(given: Unexpected<'_>, allowed: &dyn Expected) -> Wrong {
        Wrong::invalid_type(given, allowed)
    }
    fn unknown_variant(_: &str, allowed: &'static [&'static str]) -> Wrong {
        Wrong(format!("must be one of {}", allowed.join(", ")))
    }
}

/// What came with a parameter.
struct Value {
    name: String,
    text: String,
}

impl Value {
    fn told<T>(&self, read: Result<T, Wrong>) -> Result<T, Wrong> {
        read.map_err(|Wrong(why)| Wrong(format!("`{}={}` {why}", self.name, short(&self.text))))
    }
}

impl IntoDeserializer<'_, Wrong> for Value {
    type Deserializer = Value;
    fn into_deserializer(self) -> Value {
        self
    }
}

impl<'de> Deserializer<'de> for Value {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_string(self.text)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_some(self)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let read = match self.text.parse() {
            Ok(n) => visitor.visit_u64(n),
            Err(_) => Err(de::Error::invalid_type(Unexpected::Str(&self.text), &visitor)),
        };
        self.told(read)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let text: &str = &self.text;
        let read = visitor.visit_enum(text.into_deserializer());
        self.told(read)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Asked {
        after: Option<u64>,
        limit: Option<Count>,
        which: Option<Which>,
        q: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Which {
        Open,
        All,
    }

    #[test]
    fn a_query_is_read_or_says_what_is_wrong_where() {
        let detail = |query: &str| read::<Asked>(query).unwrap_err().detail;
        let all = read::<Asked>("after=7&limit=1000&which=all&q=a+b%2Bc%20d").unwrap();
        let q = Some("a b+c d".to_owned());
        assert_eq!(all, Asked { after: Some(7), limit: Some(Count(1000)), which: Some(Which::All), q });
        assert_eq!(read::<Asked>("&").unwrap(), Asked { after: None, limit: None, which: None, q: None });
        for (query, says) in [
            ("after=-1", "`after=-1` must be a whole number, 0 or more"),
            ("after=", "`after=` must be a whole number, 0 or more"),
            ("limit=many", "`limit=many` must be a whole number from 1 to 1000"),
            ("limit=0", "`limit=0` must be a whole number from 1 to 1000"),
            ("limit=1001", "`limit=1001` must be a whole number from 1 to 1000"),
            ("which=shut", "`which=shut` must be one of open, all"),
        ] {
            assert_eq!(detail(query), says);
        }
        let long = detail(&format!("limit={}", "9".repeat(5000)));
        assert!(long.len() < 200 && long.contains("…` must be"), "{long}");
    }

    #[test]
    fn what_is_not_described_is_refused() {
        let known = ["after".to_owned(), "limit".to_owned()];
        let told = |query: &str| look(&known, query).map_err(|p| p.detail);
        assert_eq!(told("limit=1&after=x&"), Ok(()));
        let none = "there is no parameter `page`: this address takes after, limit";
        assert_eq!(told("limit=1&page=2"), Err(none.to_owned()));
        assert_eq!(told("limit=1&%6cimit=2"), Err("`limit` is given twice: give it once".to_owned()));
        let takes_none = look(&[], "x").unwrap_err().detail;
        assert_eq!(takes_none, "there is no parameter `x`: this address takes none");
    }

    #[test]
    fn a_plus_that_was_not_escaped_is_an_offset() {
        let at = |text: &str| moment("at", &decode(text)).map_err(|p| p.detail);
        let expected = at("2026-11-21T09:00:00Z").unwrap();
        for same in ["2026-11-21T10:00:00+01:00", "2026-11-21T10:00:00%2B01:00", "2026-11-21T08:00:00-01:00"]
        {
            assert_eq!(at(same), Ok(expected), "{same}");
        }
        let wrong = at("noon+01:00").unwrap_err();
        assert!(wrong.starts_with("`at=noon 01:00` is no time: write one like 2026-"), "{wrong}");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(query in ".{0,80}") {
            let _ = read::<Asked>(&query);
            let _ = look(&["after".to_owned()], &query);
            let _ = moment("at", &query);
        }
    }
}
