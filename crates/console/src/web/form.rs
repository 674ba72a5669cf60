//! Forms, as browsers send them.

use super::page;
use axum::extract::FromRequestParts;
use axum::response::Response;
use http::HeaderMap;
use http::header;
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Bytes of a form: a note of 64 KiB, each byte written as three, twice where it waits for a log-in.
pub(super) const MOST: usize = 512 * 1024;
/// The same from whoever is not logged in.
pub(super) const MOST_OF_STRANGERS: usize = 32 * 1024;
/// Of a log-in, which carries a form that waits for it, written anew.
pub(super) const MOST_OF_LOG_IN: usize = 2 * MOST_OF_STRANGERS;
/// Fields of a form.
const MOST_FIELDS: usize = 64;

/// What was filled in. The guard has read it, and held its token.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// From the body of a request.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Option<Fields> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return None;
        }
        Some(Fields(pairs(std::str::from_utf8(body).ok()?)))
    }

    /// A field without the white space around it; empty where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// Every field and its value.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether it was sent at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A field as it is: a password may begin with a space.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl<S: Sync> FromRequestParts<S> for Fields {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Fields>().cloned().unwrap_or_default())
    }
}

/// A part of the path. One that cannot be read names nothing.
pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(p)| Path(p)).map_err(|_| page::problem(None, &page::not_there()))
    }
}

/// The query of an address, as far as it can be read: a page is shown for any.
pub(super) struct Asked(BTreeMap<String, String>);

impl Asked {
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |v| v.trim())
    }

    /// A number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).parse().ok()
    }
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Asked(pairs(parts.uri.query().unwrap_or(""))))
    }
}

/// Names and values; of several with one name the first counts.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let decoded = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut read = BTreeMap::new();
    for pair in text.split('&').filter(|p| !p.is_empty()).take(MOST_FIELDS) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        read.entry(decoded(name)).or_insert_with(|| decoded(value));
    }
    read
}

/// An address to go to after a log-in: a path of this server and nothing else.
pub(super) fn local(next: &str) -> &str {
    let bytes = next.as_bytes();
    let plain = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>' | b'`');
    let path = next.starts_with('/') && !next.starts_with("//") && bytes.iter().all(plain);
    let fit = path && bytes.len() <= 1000 && !next.starts_with("/log-");
    if fit { next } else { "/" }
}

/// A part of an address or a value of its query.
pub(super) fn encoded(text: &str) -> String {
    const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, &KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_gone_to() {
        for good in ["/", "/incidents/5?done=noted#timeline", "/checks/a%20b"] {
            assert_eq!(local(good), good);
        }
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "evil.example",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: x",
            "/a b",
            "/\tevil",
            "/log-in",
            "/log-out",
            "/\u{202e}",
            "/%0d%0a\n",
        ] {
            assert_eq!(local(bad), "/", "{bad:?}");
        }
        assert_eq!(local(&format!("/{}", "a".repeat(2000))), "/");
    }

    #[test]
    fn forms_are_read_as_browsers_write_them() {
        let mut headers = HeaderMap::new();
        assert!(Fields::read(&headers, b"a=b").is_none());
        headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
        let fields = Fields::read(&headers, b"text=a+%26+%3Cb%3E%0D%0A&name=+x+").unwrap();
        assert_eq!((fields.raw("text"), fields.get("name"), fields.get("none")), ("a & <b>\r\n", "x", ""));
        let long = format!("text={}", "%C3%A9".repeat(30_000));
        assert_eq!(Fields::read(&headers, long.as_bytes()).unwrap().get("text").chars().count(), 30_000);
        headers.insert("content-type", "text/plain".parse().unwrap());
        assert!(Fields::read(&headers, b"a=b").is_none());
    }
}
