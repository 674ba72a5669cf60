//! What all channels over HTTP share: one request, and what its answer means.

use super::{failed, retry};
use crate::text::line;
use foghorn_core::page::Outcome;
use foghorn_core::time::Span;
use foghorn_net::http::{
    Client, HeaderMap, HeaderName, HeaderValue, HttpError, Method, Options, Request, Response, Url,
    retry_after,
};
use foghorn_net::tls::WhyKind;
use std::time::Duration;

/// Shorter than a sender's deadline, so that the outcome names what was slow.
pub(super) const TIMEOUT: Duration = Duration::from_secs(25);

/// Makes the request.
///
/// # Errors
/// There is no answer: to be tried again.
pub(super) async fn exchange(client: &Client, request: Request) -> Result<Response, Outcome> {
    let options = Options { timeout: TIMEOUT, max_body: 16 * 1024, client_config: None };
    client.request(request, &options).await.map_err(|e| match &e {
        HttpError::Tls(why) if why.kind == WhyKind::NotTls => {
            retry(format!("{e}: without it, its address begins with `http://`"))
        }
        _ => retry(e),
    })
}

pub(super) const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");

/// A POST.
pub(super) fn post(url: &Url, content_type: &'static str, body: String) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Request { method: Method::POST, url: url.clone(), headers, body: body.into() }
}

/// What an answer means: 2xx is accepted, 429 and 5xx may work later, when the server says so if it does; anything
/// else will not work until somebody changes something. `detail` and `reason` find the provider's words in the body.
pub(super) fn judge(
    response: &Response,
    detail: impl FnOnce(&str) -> Option<String>,
    reason: impl FnOnce(&str) -> Option<String>,
) -> Outcome {
    let status = response.status;
    let body = String::from_utf8_lossy(&response.body);
    if status.is_success() {
        return Outcome::Accepted {
            detail: detail(&body).unwrap_or_else(|| format!("HTTP {}", status.as_u16())),
        };
    }
    let words = reason(&body).unwrap_or_else(|| line(&body, 200));
    let separator = if words.is_empty() { "" } else { ": " };
    let error = format!("HTTP {status}{separator}{words}");
    match status.as_u16() {
        408 | 425 | 429 | 500..=599 => {
            let after = retry_after(&response.headers)
                .map(|d| Span(u64::try_from(d.as_millis()).unwrap_or(u64::MAX)));
            Outcome::Retry { error, after }
        }
        _ => failed(error),
    }
}

/// A member of a JSON body, as one short line.
pub(super) fn member(body: &str, name: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(body).ok()?;
    let text = match value.get(name)? {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => return None,
        other => other.to_string(),
    };
    Some(line(&text, 200))
}
