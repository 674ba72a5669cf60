//! What senders are told. Each format has its own form; why and with which status is the same for all.

use crate::door::{Door, Reason, Wait};
use axum::body::Body;
use axum::response::Response;
use foghorn_core::input::{Answer, Refusal};
use foghorn_engine::handle::Reply;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// So many wrong items are named in one reply.
const MOST_NAMED: usize = 20;

/// Why a request did not come in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the body is larger than {most} bytes: send less at a time, or raise server.max_body")]
    Size { most: usize },
    #[error(
        "the event is larger than {most} bytes, the most that this format has: leave out some of custom_details"
    )]
    Event { most: usize },
    #[error(
        "more requests a second than server.rate_limit allows this sender: send more alerts in each, or raise it"
    )]
    Rate { retry_after: Duration },
    #[error("too many requests of this sender are under way: wait for their replies")]
    InFlight { retry_after: Duration },
    #[error("a body in Content-Encoding {0:?} is not read: send it uncompressed")]
    Encoded(String),
    #[error("the body did not arrive within {0:?}")]
    Slow(Duration),
    #[error("the body broke off: {0}")]
    Broken(String),
    #[error("{0}")]
    Refused(Refusal),
    #[error("not saved, try again: {0}")]
    Unavailable(Arc<str>),
    #[error("too much waits to be decided, try again")]
    Busy,
}

impl From<Wait> for Problem {
    fn from(w: Wait) -> Problem {
        match w.reason {
            Reason::Rate => Problem::Rate { retry_after: w.retry_after },
            _ => Problem::InFlight { retry_after: w.retry_after },
        }
    }
}

impl Problem {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Problem::Size { .. } | Problem::Event { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::Rate { .. } => StatusCode::TOO_MANY_REQUESTS,
            Problem::Encoded(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Problem::Slow(_) => StatusCode::REQUEST_TIMEOUT,
            Problem::Broken(_) => StatusCode::BAD_REQUEST,
            Problem::Refused(Refusal::NotFound { .. }) => StatusCode::NOT_FOUND,
            Problem::Refused(_) => StatusCode::BAD_REQUEST,
            Problem::InFlight { .. } | Problem::Unavailable(_) | Problem::Busy => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Seconds, where the sender is to try again.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Problem::Rate { retry_after } | Problem::InFlight { retry_after } => {
                Some(retry_after.as_secs() + 1)
            }
            Problem::Unavailable(_) => Some(5),
            Problem::Busy => Some(1),
            _ => None,
        }
    }

    /// Tells the sender when to try again.
    pub(crate) fn on(&self, mut response: Response) -> Response {
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// What became of an input: the answer if it is on disk.
pub(crate) fn saved(reply: Reply, door: Option<&Door>) -> Result<Answer, Problem> {
    let problem = match reply {
        Reply::Saved(answer) => return Ok(answer),
        Reply::NotSaved(_, why) | Reply::Unavailable(why) => Problem::Unavailable(why),
        Reply::Busy => Problem::Busy,
        Reply::Refused(refusal) => return Err(Problem::Refused(refusal)),
    };
    if let Some(door) = door {
        door.refuse(Reason::Unavailable, 1);
    }
    Err(problem)
}

/// JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let (status, body) = match serde_json::to_vec(body) {
        Ok(body) => (status, body),
        // Nothing that is written here has a key that is no text, which is all that can fail.
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
    };
    with_type(status, "application/json", body)
}

/// Plain text.
pub(crate) fn plain(status: StatusCode, body: impl Into<Body>) -> Response {
    with_type(status, "text/plain; charset=utf-8", body)
}

fn with_type(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = empty(status);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    *response.body_mut() = body.into();
    response
}

/// Nothing but a status.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Asks for a token.
pub(crate) fn ask(mut response: Response) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        for scheme in ["Bearer realm=\"foghorn\"", "Basic realm=\"foghorn\""] {
            response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
    }
    response
}

/// The first of many errors, and how many more there are.
pub(crate) fn first(errors: &[String]) -> Vec<String> {
    let mut named: Vec<String> = errors.iter().take(MOST_NAMED).cloned().collect();
    if errors.len() > MOST_NAMED {
        named.push(format!("and {} more", errors.len() - MOST_NAMED));
    }
    named
}

/// What alerts beyond an integration's `max_alerts` are told.
pub(crate) fn too_many_open(refused: u32, source: &str) -> String {
    format!(
        "{refused} new alerts were refused: {source} has as many alerts open as its max_alerts allows; resolve some, or raise it"
    )
}
