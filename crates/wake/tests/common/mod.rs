//! Stand-ins for providers, on loopback, and messages to send them.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

pub mod smtp;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use foghorn_config::model;
use foghorn_config::secret::Secret;
use foghorn_core::page::Outcome;
use foghorn_core::time::Wall;
use foghorn_core::words::{Severity, Urgency};
use foghorn_wake::channels::build;
use foghorn_wake::{Incident, Kind, Message, Person};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub fn page(to: &str) -> Message {
    let now = Wall(1_793_643_429_000);
    let person =
        Person { id: "ana".to_owned(), name: "Ana".to_owned(), time_zone: "Europe/Lisbon".to_owned() };
    Message {
        id: "12-p-1_0_0-ana-0".to_owned(),
        kind: Kind::Page,
        incident: Incident {
            id: 12,
            title: "shop-api is down: \"connection\" <refused>".to_owned(),
            severity: Severity::Critical,
            url: "http://127.0.0.1:7070/incidents/12".to_owned(),
            opened_at: Wall(now.0 - 250_000),
            opened_by: None,
            note: None,
            status: "open".to_owned(),
            unwatched: false,
        },
        ack_url: "http://127.0.0.1:7070/ack/TOKEN".to_owned(),
        urgency: Urgency::High,
        ..Message::test(person, to, now, "http://127.0.0.1:7070")
    }
}

/// One attempt over a channel made of its configuration.
pub async fn attempt(config: &model::Channel, message: &Message) -> Outcome {
    build("c", config).unwrap().send(message).await
}

pub fn secret(text: impl Into<String>) -> Secret {
    Secret::new(text)
}

/// A request as the provider saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// An answer: status, headers, body.
pub type Answer = (u16, &'static [(&'static str, &'static str)], String);

pub fn answer(status: u16, body: impl Into<String>) -> Answer {
    (status, &[], body.into())
}

#[derive(Clone)]
pub struct Fake {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    decide: Arc<dyn Fn(&Seen) -> Answer + Send + Sync>,
}

impl Fake {
    /// A provider that answers each request as `decide` says.
    pub async fn start(decide: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Fake { url, seen: Arc::default(), decide: Arc::new(decide) };
        let app = Router::new().fallback(handle).with_state(fake.clone());
        tokio::spawn(async move { axum_serve(listener, app).await });
        fake
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }
}

async fn axum_serve(listener: TcpListener, app: Router) {
    let listener = listener.into_std().unwrap();
    let server = foghorn_net::serve::Server::new(app, foghorn_net::serve::Limits::default());
    server.run(listener, std::future::pending()).await.unwrap();
}

async fn handle(
    State(fake): State<Fake>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<String> {
    let seen = Seen { method, uri, headers, body: String::from_utf8(body.to_vec()).unwrap() };
    let (status, headers, body) = (fake.decide)(&seen);
    fake.seen.lock().unwrap().push(seen);
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

/// A server that reads a request, says `words` and closes; with `None` it never answers.
pub async fn raw(words: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buf = [0; 64 * 1024];
                let _ = stream.read(&mut buf).await;
                match words {
                    Some(words) => stream.write_all(words.as_bytes()).await.unwrap(),
                    None => std::future::pending().await,
                }
            });
        }
    });
    format!("http://{at}")
}

/// The error of an attempt that may work later.
pub fn retried(outcome: Outcome) -> String {
    match outcome {
        Outcome::Retry { error, .. } => error,
        other => unreachable!("not to be retried: {other:?}"),
    }
}

/// The error of an attempt that failed for good.
pub fn failed(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed { error } => error,
        other => unreachable!("not failed: {other:?}"),
    }
}

/// What the provider said of an accepted message.
pub fn accepted(outcome: Outcome) -> String {
    match outcome {
        Outcome::Accepted { detail } => detail,
        other => unreachable!("not accepted: {other:?}"),
    }
}
