//! What a provider calls back: a key pressed on the telephone acknowledges.

use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Form, Router};
use foghorn_config::Config;
use foghorn_config::model::Channel;
use foghorn_core::input::{Input, Refusal};
use foghorn_core::words::{Actor, Name, Via};
use foghorn_engine::{Class, Handle, Reply};
use foghorn_wake::link::Tokens;
use foghorn_wake::twilio::{self, Key};
use http::{StatusCode, header};
use std::sync::Arc;
use tokio::sync::watch;

/// The largest form that is read. Twilio's have about a kilobyte.
const MOST: usize = 8 * 1024;

/// What the callbacks need.
#[derive(Clone)]
pub struct Callbacks {
    /// To the engine.
    pub handle: Handle,
    /// Twilio's tokens are there.
    pub config: watch::Receiver<Arc<Config>>,
    /// Links in pages.
    pub tokens: Arc<Tokens>,
}

/// `POST /callback/twilio/TOKEN`, signed by Twilio.
pub fn router(callbacks: Callbacks) -> Router {
    Router::new()
        .route("/callback/twilio/{token}", post(pressed))
        .layer(DefaultBodyLimit::max(MOST))
        .with_state(callbacks)
}

async fn pressed(State(c): State<Callbacks>, Path(token): Path<String>, request: Request) -> Response {
    let not_found = || StatusCode::NOT_FOUND.into_response();
    // Before a byte of the body is read, so that nobody without a link has us keep anything.
    let Some(link) = c.tokens.open(&token) else { return not_found() };
    let signature = request.headers().get("x-twilio-signature").and_then(|v| v.to_str().ok());
    let Some(signature) = signature.map(str::to_owned) else { return not_found() };
    let Form(params) = match Form::<Vec<(String, String)>>::from_request(request, &()).await {
        Ok(form) => form,
        Err(refused) => return refused.into_response(),
    };
    let config = c.config.borrow().clone();
    let url = format!("{}/callback/twilio/{token}", config.server.public_url);
    let signed = config.channels.values().any(|channel| match channel {
        Channel::TwilioVoice(t) | Channel::TwilioSms(t) => {
            t.token.expose().is_ok_and(|secret| twilio::verify(&url, &params, &signature, secret))
        }
        _ => false,
    });
    if !signed {
        return not_found();
    }
    let words = match twilio::key(&params) {
        Some(Key::Acknowledge) => {
            let gone = !config.setup.people.contains_key(link.person.as_str());
            let by = Actor { name: Name::from(link.person), via: Via::Callback };
            let input = Input::Acknowledge { incident: link.incident, by, revision: Some(link.revision) };
            match c.handle.submit(Class::Paging, input).await {
                Reply::Saved(_) => "Acknowledged. Thank you.",
                Reply::NotSaved(..) => "Acknowledged, but not yet saved: Foghorn's disk does not answer.",
                Reply::Refused(Refusal::Over { .. } | Refusal::NotFound { .. }) => {
                    "This incident is over already."
                }
                Reply::Refused(_) if gone => {
                    "Not acknowledged: you are not in the configuration any more. Please tell whoever is on call."
                }
                Reply::Refused(_) => "Not acknowledged. Please open the link in the message instead.",
                Reply::Unavailable(_) | Reply::Busy => {
                    "This could not be taken. Please press the key again when called again."
                }
            }
        }
        _ => "Not acknowledged.",
    };
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], twilio::say(words)).into_response()
}

#[cfg(test)]
mod tests {
    use super::{Arc, Callbacks, MOST, StatusCode, Tokens, header, router, watch};
    use axum::body::Body;
    use foghorn_core::State;
    use foghorn_core::time::Now;
    use foghorn_engine::{View, handle};
    use std::convert::Infallible;
    use std::path::Path;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tower::ServiceExt;

    const FILE: &str = "
people:
  ana: { name: Ana, contacts: [ { via: hook } ] }
channels:
  hook: { kind: webhook, url: 'http://127.0.0.1:9/' }
escalations: { default: { steps: [ { page: person/ana, wait: 30m } ] } }
";

    /// A body that never comes.
    struct Never;

    impl http_body::Body for Never {
        type Data = bytes::Bytes;
        type Error = Infallible;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    fn callbacks() -> Callbacks {
        let (handle, _port) = handle::channel(View::new(State::default(), 0, Now::default()));
        let config = foghorn_config::parse(FILE, "foghorn.yaml", Path::new(""), &|_| None).unwrap();
        let config = watch::channel(Arc::new(config)).1;
        Callbacks { handle, config, tokens: Arc::new(Tokens::new(&[7; 32])) }
    }

    async fn answer(callbacks: &Callbacks, token: &str, signed: bool, body: Body) -> StatusCode {
        let mut request = http::Request::post(format!("/callback/twilio/{token}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if signed {
            request = request.header("x-twilio-signature", "AAAA");
        }
        let asked = router(callbacks.clone()).oneshot(request.body(body).unwrap());
        asked.await.unwrap().status()
    }

    #[tokio::test]
    async fn without_a_link_no_body_is_read_and_with_one_not_much() {
        let callbacks = callbacks();
        assert_eq!(answer(&callbacks, "guessed", true, Body::new(Never)).await, StatusCode::NOT_FOUND);
        let token = callbacks.tokens.mint(1, "ana", 0);
        assert_eq!(answer(&callbacks, &token, false, Body::new(Never)).await, StatusCode::NOT_FOUND);
        let much = || Body::from("a=".to_owned() + &"x".repeat(MOST));
        assert_eq!(answer(&callbacks, &token, true, much()).await, StatusCode::PAYLOAD_TOO_LARGE);
        let little = Body::from("Digits=1");
        assert_eq!(
            answer(&callbacks, &token, true, little).await,
            StatusCode::NOT_FOUND,
            "not signed by Twilio"
        );
    }
}
