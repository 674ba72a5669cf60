//! Talking to a running server.

use super::{Failure, Remote};
use bytes::Bytes;
use foghorn_net::http::{Client, HttpError, Options, Request, Url};
use foghorn_net::tls::{WhyKind, client_config};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;
use std::time::Duration;

/// For what the server answers at once, unless it hangs.
const USUAL: Duration = Duration::from_secs(60);

/// Sends one request and reads the answer as JSON.
///
/// # Errors
/// Not reached, or refused: the server's own words.
pub fn call(to: &Remote, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
    call_within(USUAL, to, method, path, body)
}

/// The same for what may take the server longer.
///
/// # Errors
/// As of [`call`].
pub fn call_within(
    timeout: Duration,
    to: &Remote,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    let server = address(&to.server);
    // Alone first: with a path behind it, an address without a host takes the path's beginning for one.
    let url = Url::parse(&server)
        .and_then(|_| Url::parse(&format!("{server}{path}")))
        .map_err(|e| Failure::Wrong(format!("--server {}: {e}", to.server)))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(token) = &to.token {
        let value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| Failure::Wrong("the token has characters that no token has".to_owned()))?;
        headers.insert(header::AUTHORIZATION, value);
    }
    let body = body.map_or_else(Bytes::new, |b| Bytes::from(b.to_string()));
    if method != Method::GET {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let wrong = |e: &dyn std::fmt::Display| Failure::Wrong(e.to_string());
    let trusted = to.ca.as_ref().map(|ca| client_config(false, Some(ca), &[b"http/1.1"]));
    let client_config = trusted.transpose().map_err(|e| Failure::Wrong(format!("--ca: {e}")))?;
    let options = Options { timeout, max_body: 64 << 20, client_config };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| wrong(&e))?;
    let answer = runtime
        .block_on(async { Client::new().request(Request { method, url, headers, body }, &options).await })
        .map_err(|e| {
            let hint = match e {
                // It was reached, and is at it.
                HttpError::Timeout { what: "answer" | "end of the answer", .. } => {
                    return Failure::Unreachable(format!(
                        "{server}: it has not answered within {} s; what was asked of it may still be done",
                        timeout.as_secs_f64()
                    ));
                }
                HttpError::Tls(ref why) if matches!(why.kind, WhyKind::Certificate | WhyKind::SignedItself) => {
                    "This machine does not trust its certificate. Name a file with its issuer's with --ca (or FOGHORN_CA), and the server by a name that the certificate is for."
                }
                HttpError::Tls(_) => "Without TLS, its address begins with http://.",
                HttpError::Broken { .. } | HttpError::Closed { .. } if !server.starts_with("https:") => {
                    "Is it Foghorn that listens there? With TLS, its address begins with https://."
                }
                _ => "Is the server running? Name it with --server or FOGHORN_SERVER.",
            };
            Failure::Unreachable(format!("{server}: {e}. {hint}"))
        })?;
    let said = serde_json::from_slice::<Value>(&answer.body).ok().filter(|v| !v.is_null());
    if answer.status.is_success() {
        // Whoever believes that they have acknowledged sleeps on.
        return said.ok_or_else(|| {
            Failure::Unreachable(format!(
                "{server}: its answer ({}) is not Foghorn's. Is it Foghorn that listens there, or a proxy that wants a log-in?",
                answer.status
            ))
        });
    }
    let value = said.unwrap_or_default();
    let detail = value.get("detail").or_else(|| value.get("title")).and_then(Value::as_str);
    let errors =
        value.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut text = format!("{}: {}", answer.status, detail.unwrap_or("the server gave no reason"));
    for line in errors {
        text.push('\n');
        text.push_str(line);
    }
    Err(match answer.status.as_u16() {
        401 => Failure::Wrong(format!(
            "{text}\nGive a token with --token or FOGHORN_TOKEN. `foghorn init` writes one into foghorn.yaml, under server.tokens, where other machines can reach the API."
        )),
        403 => {
            Failure::Wrong(format!("{text}\nGive a token that may do this with --token or FOGHORN_TOKEN."))
        }
        // A name that is not there is a wrong call.
        400 | 404 | 405 | 415 | 422 => Failure::Wrong(text),
        // A proxy that did not reach it. 503 is its own word.
        502 | 504 => Failure::Unreachable(text),
        _ => Failure::Bad(text),
    })
}

/// An address of a server without its last slash; without a scheme it is one of http.
fn address(given: &str) -> String {
    let given = given.trim();
    // `http:` is the beginning of an address, and not a host's name.
    let begins = given.contains("://") || given.starts_with("http:") || given.starts_with("https:");
    let whole = if begins { given.to_owned() } else { format!("http://{given}") };
    whole.strip_suffix('/').filter(|rest| !rest.ends_with('/')).map_or(whole.clone(), str::to_owned)
}

/// A text in an answer, or nothing.
pub fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("")
}

/// A number in an answer, or 0.
pub fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

/// A list in an answer, or an empty one.
pub fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// For a path: what must not stand in one is escaped.
pub fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Says that something is in effect but not on disk, if so.
pub fn saved(value: &Value) -> &'static str {
    if value.get("saved") == Some(&Value::Bool(false)) {
        " (in effect, but not yet saved: the journal is degraded)"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_takes_longer_is_not_said_to_be_gone() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap().to_string();
        let to = Remote { server: server.clone(), token: None, ca: None, json: false };
        let asked = call_within(Duration::from_millis(500), &to, Method::POST, "/api/v1/backup", None);
        let Err(Failure::Unreachable(why)) = asked else { panic!("it has not answered") };
        let expected = "it has not answered within 0.5 s; what was asked of it may still be done";
        assert_eq!(why, format!("http://{server}: {expected}"));
    }
}
