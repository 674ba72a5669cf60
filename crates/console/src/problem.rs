//! Errors as RFC 9457 problem details.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// What kind of problem; the last part of its `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The query of the address makes no sense.
    BadQuery,
    /// The body is no JSON.
    MalformedJson,
    /// No token, or an unknown one.
    Unauthenticated,
    /// The token's role is too low.
    Forbidden,
    /// A browser on another site sent it, or a name that is not this host's.
    CrossSite,
    /// There is no such thing.
    NotFound,
    /// This address knows other methods.
    MethodNotAllowed,
    /// It is over already.
    Over,
    /// It is not any more what was read.
    Changed,
    /// The journal ends before that event.
    BeyondTheEnd,
    /// The body is too large.
    TooLarge,
    /// The body is not said to be JSON.
    UnsupportedMediaType,
    /// It is JSON, but makes no sense.
    Invalid,
    /// Too many requests.
    TooMany,
    /// Foghorn's own fault.
    Internal,
    /// Not now; try again.
    Unavailable,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 16] = [
        Kind::BadQuery,
        Kind::MalformedJson,
        Kind::Unauthenticated,
        Kind::Forbidden,
        Kind::CrossSite,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::Over,
        Kind::Changed,
        Kind::BeyondTheEnd,
        Kind::TooLarge,
        Kind::UnsupportedMediaType,
        Kind::Invalid,
        Kind::TooMany,
        Kind::Internal,
        Kind::Unavailable,
    ];

    /// The last part of the `type`, its title, and its status.
    #[must_use]
    pub const fn parts(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Kind::BadQuery => ("bad-query", "The address cannot be understood", StatusCode::BAD_REQUEST),
            Kind::MalformedJson => ("malformed-json", "The body is not JSON", StatusCode::BAD_REQUEST),
            Kind::Unauthenticated => ("unauthenticated", "A token is needed", StatusCode::UNAUTHORIZED),
            Kind::Forbidden => ("forbidden", "The token may not do this", StatusCode::FORBIDDEN),
            Kind::CrossSite => ("cross-site", "Refused: it comes from another site", StatusCode::FORBIDDEN),
            Kind::NotFound => ("not-found", "There is no such thing", StatusCode::NOT_FOUND),
            Kind::MethodNotAllowed => {
                ("method-not-allowed", "This address knows other methods", StatusCode::METHOD_NOT_ALLOWED)
            }
            Kind::Over => ("over", "It is over already", StatusCode::CONFLICT),
            Kind::Changed => ("changed", "Somebody changed it meanwhile", StatusCode::CONFLICT),
            Kind::BeyondTheEnd => {
                ("beyond-the-end", "The journal ends before that event", StatusCode::CONFLICT)
            }
            Kind::TooLarge => ("too-large", "The body is too large", StatusCode::PAYLOAD_TOO_LARGE),
            Kind::UnsupportedMediaType => {
                ("unsupported-media-type", "The body must be JSON", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Kind::Invalid => ("invalid", "It makes no sense", StatusCode::UNPROCESSABLE_ENTITY),
            Kind::TooMany => ("too-many-requests", "Too many requests", StatusCode::TOO_MANY_REQUESTS),
            Kind::Internal => ("internal", "Foghorn failed", StatusCode::INTERNAL_SERVER_ERROR),
            Kind::Unavailable => ("unavailable", "Not now", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// One problem, to be answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub kind: Kind,
    /// What is wrong here, and what to do.
    pub detail: String,
    /// Line and column of the body, from 1.
    pub at: Option<(usize, usize)>,
    /// Single errors, where there are several.
    pub errors: Vec<String>,
}

impl Problem {
    /// A problem of a kind, and what is wrong here.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Problem {
        Problem { kind, detail: detail.into(), at: None, errors: Vec::new() }
    }

    pub(crate) fn not_found(what: impl std::fmt::Display) -> Problem {
        Problem::new(Kind::NotFound, format!("there is no {what}"))
    }
}

/// Problem details (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body {
    /// Stable; relative to the server. `/problems/not-found`
    #[serde(rename = "type")]
    kind: String,
    /// The same for every problem of this type.
    title: &'static str,
    /// The response's status.
    status: u16,
    /// What is wrong here, and what to do.
    detail: String,
    /// Line of the body, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// Column of the body, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    /// Single errors, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (name, title, status) = self.kind.parts();
        let body = Body {
            kind: format!("/problems/{name}"),
            title,
            status: status.as_u16(),
            detail: self.detail,
            line: self.at.map(|(l, _)| l),
            column: self.at.map(|(_, c)| c),
            errors: self.errors,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"foghorn\""));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
        response
    }
}
