//! Reading requests, with errors that say where.

use crate::problem::{Kind, Problem};
use axum::extract::{FromRequest, FromRequestParts, Request};
use foghorn_core::text::clean;
use foghorn_core::words::Name;
use http::request::Parts;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// The largest body of a request to the API; none needs a tenth of it.
pub(crate) const MOST_BODY: usize = 256 * 1024;

/// A part of the path. One that cannot be read names nothing.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(p)| Path(p)).map_err(|_| Problem::not_found(parts.uri.path()))
    }
}

/// A body of JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;
    async fn from_request(req: Request, _: &S) -> Result<Self, Problem> {
        body(req).await.and_then(|b| json(&b)).map(Json)
    }
}

/// A body of JSON; none, or `null`, is the default.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;
    async fn from_request(req: Request, _: &S) -> Result<Self, Problem> {
        let body = body(req).await?;
        match body.trim_ascii() {
            b"" | b"null" => Ok(OptionalJson(T::default())),
            _ => json(&body).map(OptionalJson),
        }
    }
}

/// Whether a `content-type` says JSON.
pub(crate) fn says_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(header::CONTENT_TYPE).map(|v| v.to_str()) else { return false };
    let kind = value.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

/// One line that somebody typed, made [plain](foghorn_core::text::plain).
#[derive(Debug)]
pub(crate) struct Line(pub(crate) String);

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Line, D::Error> {
        Ok(Line(clean(&String::deserialize(from)?)))
    }
}

impl From<Line> for Name {
    fn from(line: Line) -> Name {
        Name::from(line.0)
    }
}

async fn body(req: Request) -> Result<Vec<u8>, Problem> {
    // What it would grow to is not known before.
    let encoding = req
        .headers()
        .get(header::CONTENT_ENCODING)
        .filter(|e| !e.as_bytes().eq_ignore_ascii_case(b"identity"));
    if let Some(encoding) = encoding {
        let detail = format!(
            "a body with `content-encoding: {}` is not read: send it uncompressed",
            encoding.to_str().unwrap_or("?")
        );
        return Err(Problem::new(Kind::UnsupportedMediaType, detail));
    }
    let says_json = says_json(req.headers());
    let typed = req.headers().contains_key(header::CONTENT_TYPE);
    let read = Limited::new(req.into_body(), MOST_BODY).collect().await;
    let bytes = read.map(|b| b.to_bytes()).map_err(|e| {
        if e.downcast_ref::<LengthLimitError>().is_some() {
            Problem::new(Kind::TooLarge, format!("a body may have at most {MOST_BODY} bytes"))
        } else {
            Problem::new(Kind::MalformedJson, "the body ended before it was whole")
        }
    })?;
    // Forms are what a page of another site can make a browser send; they are never taken.
    if !says_json && (typed || !bytes.is_empty()) {
        return Err(Problem::new(
            Kind::UnsupportedMediaType,
            "send the body with `content-type: application/json`",
        ));
    }
    Ok(bytes.into())
}

/// An object. Whether it is JSON at all is one question, and whether it makes sense another; a body that does is read once.
fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let malformed = |why: String| Problem::new(Kind::MalformedJson, why);
    let at = |e: &serde_json::Error| Some((e.line(), e.column()));
    if bytes.is_empty() {
        return Err(malformed("the body is empty; send JSON".to_owned()));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| malformed(format!("the body is not UTF-8: {e}")))?;
    // A list would be taken for the fields in their order.
    let invalid = if text.trim_start().starts_with('{') {
        let mut reader = serde_json::Deserializer::from_str(text);
        match serde_path_to_error::deserialize(&mut reader) {
            Ok(read) => match reader.end() {
                Ok(()) => return Ok(read),
                Err(e) => return Err(Problem { at: at(&e), ..malformed(e.to_string()) }),
            },
            Err(e) => {
                let (path, e) = (e.path().to_string(), e.inner());
                let detail = if path == "." { e.to_string() } else { format!("`{path}`: {e}") };
                Problem { at: at(e), ..Problem::new(Kind::Invalid, detail) }
            }
        }
    } else {
        Problem::new(Kind::Invalid, "the body must be a JSON object: {…}")
    };
    // What makes no sense may be no JSON further on, which is said first.
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(e) => Err(Problem { at: at(&e), ..malformed(e.to_string()) }),
        Ok(_) => Err(invalid),
    }
}
