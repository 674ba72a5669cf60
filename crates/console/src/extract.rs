//! Reading requests, with errors that say where.

use crate::problem::{Kind, Problem};
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

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
        let given = if body.is_empty() { None } else { json::<Option<T>>(&body)? };
        Ok(OptionalJson(given.unwrap_or_default()))
    }
}

/// Whether a `content-type` says JSON.
pub(crate) fn says_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(header::CONTENT_TYPE).map(|v| v.to_str()) else { return false };
    let kind = value.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

async fn body(req: Request) -> Result<Vec<u8>, Problem> {
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

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|e| {
        let kind = if e.is_data() { Kind::Invalid } else { Kind::MalformedJson };
        let detail = if bytes.is_empty() { "the body is empty; send JSON".to_owned() } else { e.to_string() };
        Problem { at: Some((e.line(), e.column())), ..Problem::new(kind, detail) }
    })
}
