//! The phones of the demo's people: one small receiver of webhooks. It believes a page only if its signature is right,
//! as the Standard Webhooks specification asks: <https://www.standardwebhooks.com>.

use super::shop::serve;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use sha2::Sha256;
use std::net::TcpListener;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Pages that have arrived and are not looked at yet; more are answered 503, and come again.
const UNREAD: usize = 64;
/// A timestamp further off than this, in seconds, is a replay.
const SKEW: i64 = 300;

struct Phone {
    secret: Vec<u8>,
    arrived: mpsc::Sender<Value>,
}

/// Listens until the set of tasks is dropped. Pages come out as their JSON, in the order of arrival.
pub fn ring(listener: TcpListener, secret: &str, tasks: &mut JoinSet<()>) -> mpsc::Receiver<Value> {
    let (arrived, pages) = mpsc::channel(UNREAD);
    let phone = Arc::new(Phone { secret: secret.as_bytes().to_vec(), arrived });
    serve(listener, Router::new().route("/page", post(receive)).with_state(phone), tasks);
    pages
}

async fn receive(State(phone): State<Arc<Phone>>, headers: HeaderMap, body: Bytes) -> Response {
    let now = jiff::Timestamp::now().as_second();
    if let Err(why) = verify(&phone.secret, &headers, &body, now) {
        tracing::error!("a page was not believed: {why}");
        return (StatusCode::UNAUTHORIZED, why).into_response();
    }
    let Ok(page) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    match phone.arrived.try_send(page) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "too many pages are unread").into_response(),
    }
}

fn verify(secret: &[u8], headers: &HeaderMap, body: &[u8], now: i64) -> Result<(), &'static str> {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let id = header("webhook-id").ok_or("there is no webhook-id")?;
    let timestamp = header("webhook-timestamp").ok_or("there is no webhook-timestamp")?;
    let signatures = header("webhook-signature").ok_or("there is no webhook-signature")?;
    let sent: i64 = timestamp.parse().map_err(|_| "webhook-timestamp is no number")?;
    if now.abs_diff(sent) > SKEW.unsigned_abs() {
        return Err("webhook-timestamp is too far off");
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| "the secret is no key")?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    let good = signatures
        .split(' ')
        .filter_map(|s| STANDARD.decode(s.strip_prefix("v1,")?).ok())
        .any(|s| mac.clone().verify_slice(&s).is_ok());
    if good { Ok(()) } else { Err("webhook-signature is not ours") }
}

#[cfg(test)]
mod tests {
    use super::verify;
    use http::HeaderMap;

    /// The specification's own example, with its secret's bytes.
    fn example() -> (Vec<u8>, HeaderMap, &'static [u8]) {
        use base64::Engine as _;
        let secret = super::STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".parse().unwrap());
        headers.insert("webhook-timestamp", "1614265330".parse().unwrap());
        headers
            .insert("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".parse().unwrap());
        (secret, headers, br#"{"test": 2432232314}"#)
    }

    #[test]
    fn a_page_is_believed_only_as_it_was_signed() {
        let (secret, headers, body) = example();
        let at = 1_614_265_330;
        assert_eq!(verify(&secret, &headers, body, at), Ok(()));
        assert_eq!(verify(&secret, &headers, b"{}", at), Err("webhook-signature is not ours"));
        assert_eq!(verify(b"other", &headers, body, at), Err("webhook-signature is not ours"));
        assert_eq!(verify(&secret, &headers, body, at + 301), Err("webhook-timestamp is too far off"));
        let mut bare = headers.clone();
        bare.remove("webhook-signature");
        assert_eq!(verify(&secret, &bare, body, at), Err("there is no webhook-signature"));
    }
}
