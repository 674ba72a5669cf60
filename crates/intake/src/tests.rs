//! The room against a small engine: core's own decisions, on a thread, without a journal.

mod alertmanager;
mod amtool;
mod auth;
mod grafana;
mod limits;
mod pagerduty;
mod pings;

use crate::{Intake, Reason, router};
use axum::body::Body;
use axum::response::Response;
use foghorn_config::Config;
use foghorn_core::time::{Mono, Now, Wall};
use foghorn_core::{Event, Input, State, decide};
use foghorn_engine::handle::{Handle, Message, Port, Reply, channel};
use foghorn_engine::view::View;
use foghorn_net::serve::Peer;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::sync::{Mutex, watch};
use tower::ServiceExt;

pub(super) const KEY: &str = "0123456789abcdef0123456789abcdef";
pub(super) const UUID: &str = "d1665499-e827-441f-bf13-8f15e8f4c0b9";

/// A small configuration; `more` is put at its end.
pub(crate) fn config(more: &str) -> Config {
    let text = format!(
        r#"
people:
  ana: {{ name: Ana, time_zone: Europe/Lisbon, contacts: [ {{ via: hook, to: ana }} ] }}
channels:
  hook: {{ kind: webhook, url: "http://127.0.0.1:9/page" }}
escalations:
  default: {{ steps: [ {{ page: [person/ana], wait: 5m }} ], repeat: forever }}
topology:
  web1: {{ kind: host }}
  shop: {{ kind: service, runs_on: [web1] }}
{more}"#
    );
    foghorn_config::parse(&text, "test.yaml", Path::new("/"), &|_| None).unwrap_or_else(|e| panic!("{e}"))
}

/// What most tests are made with.
pub(super) const USUAL: &str = r#"
server:
  tokens:
    ana-cli: { token: "responder-token-0123456789", role: responder, person: ana }
    wall: { token: "viewer-token-0123456789", role: viewer }
integrations:
  prometheus: { kind: alertmanager }
  second: { kind: alertmanager, token: "second-token-0123456789" }
  nagios: { kind: pagerduty, routing_key: 0123456789abcdef0123456789abcdef }
  dash: { kind: grafana, token: "dash-token-0123456789" }
  open-dash: { kind: grafana }
checks:
  uuid-job: { entity: shop, heartbeat: { every: 1d, grace: 1h, uuid: d1665499-e827-441f-bf13-8f15e8f4c0b9 } }
  key-job: { entity: shop, heartbeat: { every: 1d, grace: 1h, ping_key: "project-key-0123456789" } }
  open-job: { entity: shop, heartbeat: { every: 1d, grace: 1h } }
"#;

type Notes = Arc<std::sync::Mutex<Vec<String>>>;

/// The room with its engine.
pub(super) struct Rig {
    pub(super) intake: Arc<Intake>,
    pub(super) handle: Handle,
    pub(super) config: watch::Sender<Arc<Config>>,
    /// Answer as if the disk were gone.
    pub(super) broken: Arc<AtomicBool>,
    /// While this is held nothing is decided.
    pub(super) gate: Arc<Mutex<()>>,
    notes: Notes,
    router: axum::Router,
}

pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) headers: http::HeaderMap,
    pub(super) body: String,
}

impl Said {
    /// Status and body, as tables have them.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.body)
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

impl Rig {
    pub(super) fn new(config: Config) -> Rig {
        let mut state = State::default();
        let adopt = Input::AdoptConfig { hash: config.setup_hash(), setup: config.setup.clone() };
        let start = Instant::now();
        decide(&mut state, now(start), &adopt, &mut Vec::new()).unwrap();
        let (handle, port) = channel(View::new(state.clone(), 0, now(start)));
        let (config, watched) = watch::channel(Arc::new(config));
        let intake = Intake::new(handle.clone(), watched);
        let (broken, gate) = (Arc::<AtomicBool>::default(), Arc::<Mutex<()>>::default());
        let (b, g, notes) = (broken.clone(), gate.clone(), Notes::default());
        let n = notes.clone();
        std::thread::spawn(move || engine(&port, state, start, &b, &g, &n));
        let router = router(intake.clone());
        Rig { intake, handle, config, broken, gate, notes, router }
    }

    pub(super) fn usual() -> Rig {
        Rig::new(config(USUAL))
    }

    pub(super) fn router(&self) -> axum::Router {
        self.router.clone()
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Said {
        let response: Response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Said {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// A request with JSON from this host.
    pub(super) async fn json(&self, method: Method, uri: &str, body: &str) -> Said {
        self.send(request(method, uri, &[("content-type", "application/json")], body)).await
    }

    pub(super) async fn post(&self, uri: &str, body: &str) -> Said {
        self.json(Method::POST, uri, body).await
    }

    pub(super) async fn get(&self, uri: &str) -> Said {
        self.json(Method::GET, uri, "").await
    }

    /// What was noted: incident, who, text; and what came with pings.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }

    /// Open alerts as `labels [severity] entity`, sorted.
    pub(super) fn open(&self) -> Vec<String> {
        let view = self.handle.view();
        let open = view.state.alerts.values().filter(|a| a.status.is_open());
        let mut lines: Vec<String> = open
            .map(|a| {
                format!(
                    "{}: {} [{}] {}",
                    a.source,
                    a.labels,
                    a.severity,
                    a.entity.as_ref().map_or("", |e| e.as_str())
                )
            })
            .map(|l| l.trim_end().to_owned())
            .collect();
        lines.sort();
        lines
    }

    /// How often something was refused for this reason.
    pub(super) fn refused(&self, name: &str, reason: Reason) -> u64 {
        self.stat(name).refused[reason as usize].1
    }

    pub(super) fn stat(&self, name: &str) -> crate::Stats {
        self.intake.stats().into_iter().find(|s| &*s.name == name).unwrap()
    }
}

/// A request from this host.
pub(super) fn request(method: Method, uri: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let length = body.len().to_string();
    let headers: Vec<_> = headers.iter().copied().chain([("content-length", length.as_str())]).collect();
    from("127.0.0.1:50000", method, uri, &headers, Body::from(body.to_owned()))
}

pub(super) fn from(
    peer: &str,
    method: Method,
    uri: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(body).unwrap();
    request.extensions_mut().insert(Peer { address: peer.parse().unwrap(), tls: false });
    request
}

fn now(start: Instant) -> Now {
    let since = u64::try_from(start.elapsed().as_millis()).unwrap();
    Now { mono: Mono(since), wall: Wall::from(jiff::Timestamp::now()) }
}

fn engine(
    port: &Port,
    mut state: State,
    start: Instant,
    broken: &AtomicBool,
    gate: &Mutex<()>,
    notes: &Notes,
) {
    while let Ok(message) = port.rx.recv() {
        let Message::Submit(submission) = message else { continue };
        drop(gate.blocking_lock());
        port.taken(submission.class);
        if let Input::Ping { body, .. } = &submission.input {
            notes.lock().unwrap().push(body.clone());
        }
        let mut events: Vec<Event> = Vec::new();
        let decided = decide(&mut state, now(start), &submission.input, &mut events);
        notes.lock().unwrap().extend(events.iter().filter_map(|e| match e {
            Event::Noted { id, by, text } => Some(format!("{id} {by}: {text}")),
            _ => None,
        }));
        let _ = port.view.send(Arc::new(View::new(state.clone(), 0, now(start))));
        let reply = match decided {
            Err(refusal) => Reply::Refused(refusal),
            Ok(answer) if broken.load(Ordering::Relaxed) => match submission.class {
                foghorn_engine::Class::Paging => Reply::NotSaved(answer, Arc::from("disk full")),
                _ => Reply::Unavailable(Arc::from("disk full")),
            },
            Ok(answer) => Reply::Saved(answer),
        };
        if let Some(to) = submission.reply {
            let _ = to.send(reply);
        }
    }
}
