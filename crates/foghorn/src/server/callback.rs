//! What a provider calls back: a key pressed on the telephone acknowledges.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Form, Router};
use foghorn_config::Config;
use foghorn_config::model::Channel;
use foghorn_core::input::Input;
use foghorn_core::words::{Actor, Name, Via};
use foghorn_engine::{Class, Handle, Reply};
use foghorn_wake::link::Tokens;
use foghorn_wake::twilio::{self, Key};
use http::{HeaderMap, StatusCode, header};
use std::sync::Arc;
use tokio::sync::watch;

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
    Router::new().route("/callback/twilio/{token}", post(pressed)).with_state(callbacks)
}

async fn pressed(
    State(c): State<Callbacks>,
    Path(token): Path<String>,
    headers: HeaderMap,
    Form(params): Form<Vec<(String, String)>>,
) -> Response {
    let config = c.config.borrow().clone();
    let signature = headers.get("x-twilio-signature").and_then(|v| v.to_str().ok()).unwrap_or("");
    let url = format!("{}/callback/twilio/{token}", config.server.public_url);
    let signed = config.channels.values().any(|channel| match channel {
        Channel::TwilioVoice(t) | Channel::TwilioSms(t) => {
            t.token.expose().is_ok_and(|secret| twilio::verify(&url, &params, signature, secret))
        }
        _ => false,
    });
    let Some(link) = c.tokens.open(&token).filter(|_| signed) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let words = match twilio::key(&params) {
        Some(Key::Acknowledge) => {
            let by = Actor { name: Name::from(link.person), via: Via::Callback };
            let input = Input::Acknowledge { incident: link.incident, by, revision: Some(link.revision) };
            match c.handle.submit(Class::Paging, input).await {
                Reply::Saved(_) => "Acknowledged. Thank you.",
                Reply::NotSaved(..) => "Acknowledged, but not yet saved: Foghorn's disk does not answer.",
                Reply::Refused(_) => "This incident is over already.",
                Reply::Unavailable(_) | Reply::Busy => {
                    "This could not be taken. Please press the key again when called again."
                }
            }
        }
        _ => "Not acknowledged.",
    };
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], twilio::say(words)).into_response()
}
