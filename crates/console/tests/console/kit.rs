//! A whole console around a tiny engine: the real rules, a journal in memory, a clock that stands still.

use axum::Router;
use axum::body::Body;
use foghorn_config::Config;
use foghorn_console::ports::{
    Admin, BackedUp, CheckFigure, CheckFigures, CheckHistory, CheckLatency, CheckPoint, CheckResult,
    CheckUptime, Events, Figures, NoBackup, Reloaded,
};
use foghorn_console::{Accounts, Api, Link, Links, Parts, ReadModel};
use foghorn_core::event::Record;
use foghorn_core::incident::LIFE_BITS;
use foghorn_core::input::{CheckVerdict, Input};
use foghorn_core::page::{Outcome, PageKind};
use foghorn_core::time::{Mono, Now, Wall};
use foghorn_core::{State, decide};
use foghorn_engine::Written;
use foghorn_engine::handle::{Message, Port, channel};
use foghorn_engine::view::Degraded;
use foghorn_engine::{Class, Handle, Page, Reply, View};
use foghorn_net::serve::Peer;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tower::ServiceExt;

/// 2026-11-21 03:12:40 UTC.
pub(crate) const BEGIN: i64 = 1_795_230_760_000;

/// Without a token, on loopback.
pub(crate) const OPEN: &str = r#"
server: { listen: "127.0.0.1:7070", public_url: "http://127.0.0.1:7070", data_dir: data }
people:
  day-ops:   { name: Day operator,   time_zone: Europe/Lisbon, contacts: [ { via: email, to: day@example.com } ] }
  night-ops: { name: Night operator, time_zone: Asia/Tokyo,    contacts: [ { via: email, to: night@example.com } ] }
channels:
  email: { kind: smtp, url: "smtp://127.0.0.1:2525", from: "Foghorn <foghorn@example.com>" }
schedules:
  primary: { time_zone: Europe/Lisbon, rotations: [ { people: [day-ops, night-ops], every: 1w, starts: "2026-11-16 09:00" } ] }
escalations:
  default:
    steps:
      - { page: [schedule/primary], wait: 5m }
      - { page: [person/night-ops], wait: 5m }
    repeat: forever
topology:
  web1:     { kind: host }
  db:       { kind: service, runs_on: [web1] }
  shop-api: { kind: service, runs_on: [web1], depends_on: [db], runbook: "https://wiki.example.com/shop" }
  shop:     { kind: tenant, depends_on: [shop-api] }
checks:
  shop: { entity: shop-api, http: "http://127.0.0.1:8080/health", every: 10s, fail_for: 0s, severity: critical }
  disk: { entity: db, tcp: "127.0.0.1:5432", every: 10s, fail_for: 0s, severity: warning }
  backup-job: { entity: db, heartbeat: { every: 1d, grace: 1h }, severity: warning }
status_page: { listen: "127.0.0.1:7071", name: Example, components: { Shop: [shop-api], Data: [db] } }
"#;

/// The same with a token for each role.
pub(crate) fn with_tokens() -> String {
    let tokens = "data_dir: data, tokens: { eye: { token: viewer-token-0123456789, role: viewer }, \
                  hand: { token: responder-token-0123456789, role: responder, person: day-ops }, \
                  head: { token: admin-token-0123456789, role: admin } } }";
    OPEN.replace("data_dir: data }", tokens)
}

/// How the engine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Good,
    Degraded,
    Unavailable,
    /// Takes inputs and never decides.
    Stuck,
}

pub(crate) struct Kit {
    pub(crate) api: Router,
    pub(crate) links: Router,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) engine: Handle,
    pub(crate) config: watch::Sender<Arc<Config>>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) read_model: Arc<ReadModel>,
    pub(crate) mode: Arc<Mutex<Mode>>,
    /// Channels that take nothing.
    pub(crate) broken: Arc<Mutex<Vec<String>>>,
    /// What else is unwell with Foghorn itself.
    pub(crate) unwell: Arc<Mutex<Vec<String>>>,
    pub(crate) clock: Arc<AtomicU64>,
    pub(crate) dir: tempfile::TempDir,
}

/// Events, and how many of them are given at a time however many were asked for, as if they were large; 0 for no such limit.
#[derive(Default)]
pub(crate) struct Journal(pub(crate) Mutex<Vec<(u64, Vec<u8>)>>, pub(crate) AtomicUsize);

impl Events for Journal {
    fn page(&self, after: u64, limit: usize) -> Result<Page, String> {
        let all = self.0.lock().unwrap();
        let limit = match self.1.load(Ordering::Relaxed) {
            0 => limit,
            most => limit.min(most),
        };
        let events: Vec<_> = all.iter().filter(|(seq, _)| *seq > after).take(limit).cloned().collect();
        let more = events.last().is_some_and(|(seq, _)| all.last().is_some_and(|(end, _)| seq < end));
        Ok(Page { events, more })
    }
}

struct Measured;

impl CheckFigures for Measured {
    fn last(&self, check: &str) -> Option<CheckFigure> {
        (check == "shop").then(|| CheckFigure {
            at: Wall(BEGIN),
            good: Some(true),
            summary: "200 OK".to_owned(),
            total: Duration::from_micros(12_345),
            phases: vec![("connect".to_owned(), Duration::from_micros(345))],
        })
    }

    /// One result a minute for as long as one looks back, of `young` for half an hour; the first of a stretch is bad, the
    /// second not known. The history of `disk` is broken.
    fn history(&self, check: &str, from: Wall, to: Wall, points: usize) -> Result<CheckHistory, String> {
        let first = if check == "young" { Wall(BEGIN - 30 * 60_000) } else { from };
        match check {
            "shop" | "young" => {}
            "disk" => return Err("the history cannot be used: it is broken".to_owned()),
            _ => return Ok(CheckHistory::default()),
        }
        let ms = to.since(from).0;
        let of =
            |ms: u64| CheckUptime { count: ms / 60_000, up: (ms / 60_000).saturating_sub(2), unknown: 1 };
        let latency = CheckLatency {
            min: Duration::from_millis(1),
            avg: Duration::from_millis(2),
            max: Duration::from_millis(4),
            p95: Duration::from_millis(3),
        };
        let width = ms / points.max(1) as u64;
        let point = |n: u64| CheckPoint {
            at: Wall(from.0 + (width * n).cast_signed()),
            uptime: of(width),
            latency: (n > 0).then_some(latency),
        };
        let points = (0..points as u64).map(point).filter(|p| p.at >= first);
        Ok(CheckHistory { uptime: of(ms), points: points.collect() })
    }

    fn recent(&self, check: &str, n: usize) -> Result<Vec<CheckResult>, String> {
        let result = |i: i64| CheckResult {
            at: Wall(BEGIN - i * 60_000),
            good: [Some(true), Some(false), None]
                .into_iter()
                .cycle()
                .nth(i.unsigned_abs() as usize)
                .flatten(),
            total: Duration::from_millis(2),
        };
        Ok(if check == "shop" { (0..1000).map(result).take(n).collect() } else { Vec::new() })
    }
}

impl Figures for Measured {
    fn render(&self, out: &mut String) {
        out.push_str("# HELP foghorn_test_total A counter.\n# TYPE foghorn_test_total counter\nfoghorn_test_total 42\n");
    }
}

struct Chores;

impl Admin for Chores {
    fn reload(&self) -> Result<Reloaded, Vec<String>> {
        Err(vec!["foghorn.yaml:3:7: `chekcs` is not known; did you mean `checks`?".to_owned()])
    }

    fn backup(&self, name: Option<&str>) -> Result<BackedUp, NoBackup> {
        if name == Some("taken.db") {
            return Err(NoBackup::Taken("data/backups/taken.db".to_owned()));
        }
        Ok(BackedUp {
            path: format!("data/backups/{}", name.unwrap_or("now.db")),
            seq: 7,
            bytes: 4096,
            left_out: Vec::new(),
        })
    }
}

fn now(clock: &AtomicU64) -> Now {
    let mono = clock.load(Ordering::SeqCst);
    Now { mono: Mono(mono), wall: Wall(BEGIN + mono.cast_signed()) }
}

pub(crate) fn config(yaml: &str) -> Arc<Config> {
    Arc::new(
        foghorn_config::parse(yaml, "foghorn.yaml", Path::new("."), &|_| None)
            .unwrap_or_else(|e| panic!("{e}")),
    )
}

pub(crate) async fn kit(yaml: &str) -> Kit {
    let config = config(yaml);
    let clock = Arc::new(AtomicU64::new(0));
    let (engine, port) = channel(View::new(State::default(), 0, now(&clock)));
    let journal = Arc::new(Journal::default());
    let mode = Arc::new(Mutex::new(Mode::Good));
    let broken = Arc::new(Mutex::new(Vec::new()));
    let unwell = Arc::new(Mutex::new(Vec::new()));
    let u = unwell.clone();
    let (j, m, c, b) = (journal.clone(), mode.clone(), clock.clone(), broken.clone());
    std::thread::spawn(move || run(port, &j, &m, &c));
    let dir = tempfile::tempdir().unwrap();
    let read_model = Arc::new(ReadModel::start(dir.path().join("readmodel.db"), journal.clone(), &engine));
    let (c1, c2) = (clock.clone(), clock.clone());
    let configs = watch::Sender::new(config.clone());
    let parts = Parts {
        engine: engine.clone(),
        config: configs.subscribe(),
        clock: Arc::new(move || now(&c1)),
        events: journal.clone(),
        read_model: read_model.clone(),
        checks: Arc::new(Measured),
        figures: vec![Arc::new(Measured)],
        admin: Arc::new(Chores),
        unwell: Arc::new(move || u.lock().unwrap().clone()),
        why_not: Arc::new(move |channel, _| {
            let broken = b.lock().unwrap();
            broken.contains(&channel.to_owned()).then(|| "it refuses everything".to_owned())
        }),
        version: "0.1.0",
    };
    let open = |token: &str| {
        let (incident, person) = token.strip_prefix("good-")?.split_once('-')?;
        Some(Link { incident: incident.parse().ok()?, person: person.to_owned(), revision: 1 << LIFE_BITS })
    };
    let accounts = Arc::new(Accounts::new(dir.path().join("accounts.db")));
    let links = Links::new(engine.clone(), Arc::new(move || now(&c2)), Arc::new(open));
    let kit = Kit {
        api: foghorn_console::console(Arc::new(Api::new(parts)), accounts.clone()),
        accounts,
        links: foghorn_console::links(Arc::new(links)),
        engine,
        config: configs,
        journal,
        read_model,
        mode,
        broken,
        unwell,
        clock,
        dir,
    };
    kit.input(Input::AdoptConfig { hash: "0123456789abcdef".to_owned(), setup: config.setup.clone() }).await;
    kit
}

/// One input, one decision, one batch.
fn run(mut port: Port, journal: &Journal, mode: &Mutex<Mode>, clock: &AtomicU64) {
    let mut state = State::default();
    let (mut seq, mut stats) = (0, foghorn_engine::view::Stats::default());
    while let Ok(message) = port.rx.recv() {
        let Message::Submit(submission) = message else { continue };
        let mode = *mode.lock().unwrap();
        if mode == Mode::Stuck {
            // Kept for ever: neither taken nor answered.
            std::mem::forget(submission);
            continue;
        }
        port.taken(submission.class);
        let at = now(clock);
        let mut events = Vec::new();
        let answer = decide(&mut state, at, &submission.input, &mut events);
        let records: Arc<[Arc<Record>]> = events
            .into_iter()
            .map(|event| {
                seq += 1;
                Arc::new(Record { seq, at, late: false, event })
            })
            .collect();
        journal.0.lock().unwrap().extend(records.iter().map(|r| (r.seq, serde_json::to_vec(&**r).unwrap())));
        stats.inputs += 1;
        stats.last_decision = at.mono;
        let why: Arc<str> = Arc::from("no space left on the disk");
        let degraded =
            (mode == Mode::Degraded).then(|| Degraded { why: why.clone(), since: at, kept: 1, lost: 0 });
        port.view.send_replace(Arc::new(View { degraded, stats, ..View::new(state.clone(), seq, at) }));
        if !records.is_empty() {
            port.written.tell(Arc::new(Written::new(records).unwrap()));
        }
        let reply = match (answer, mode) {
            (_, Mode::Unavailable) => Reply::Unavailable(why),
            (Ok(answer), Mode::Degraded) => Reply::NotSaved(answer, why),
            (Ok(answer), _) => Reply::Saved(answer),
            (Err(refusal), _) => Reply::Refused(refusal),
        };
        if let Some(to) = submission.reply {
            let _ = to.send(reply);
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// A request from this host.
pub(crate) fn from(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "127.0.0.1:7070");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(body.into()).unwrap();
    request.extensions_mut().insert(Peer { address: address.parse().unwrap(), tls: false });
    request
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let (head, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: head.status, headers: head.headers, text }
}

pub(crate) const HERE: &str = "127.0.0.1:50000";
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");

impl Kit {
    pub(crate) async fn input(&self, input: Input) -> Reply {
        self.engine.submit(Class::World, input).await
    }

    /// A check fails, or is well again.
    pub(crate) async fn check(&self, check: &str, summary: Option<&str>) {
        let verdict = summary
            .map_or(CheckVerdict::Ok, |s| CheckVerdict::Failing { summary: s.to_owned(), severity: None });
        self.input(Input::Check { check: check.into(), verdict, since: now(&self.clock).wall }).await;
    }

    /// So much time, in which whoever is to hear that something is over has heard it.
    pub(crate) async fn pass(&self, ms: u64) {
        let state = self.engine.view().state.clone();
        let notices = state.due_pages(Mono(u64::MAX)).filter(|p| p.key.kind == PageKind::Resolved);
        for key in notices.map(|p| p.key.clone()) {
            self.input(Input::Delivered {
                key,
                channel: None,
                outcome: Outcome::Accepted { detail: String::new() },
            })
            .await;
        }
        self.clock.fetch_add(ms, Ordering::SeqCst);
        self.input(Input::Tick).await;
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(&self.api, from(HERE, "GET", path, &[], "")).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        send(&self.api, from(HERE, "POST", path, &[JSON], body.to_owned())).await
    }

    /// Waits until the read model has everything.
    pub(crate) async fn caught_up(&self) {
        let last = self.journal.0.lock().unwrap().last().map_or(0, |(seq, _)| *seq);
        for _ in 0..2000 {
            if self.read_model.lag().seq >= last {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the read model does not follow: {:?}", self.read_model.lag());
    }

    /// Opens and closes an incident for good.
    pub(crate) async fn past(&self, title: &str, severity: &str) -> u64 {
        let opened = self
            .post("/api/v1/incidents", &format!(r#"{{"title": "{title}", "severity": "{severity}"}}"#))
            .await;
        let id = opened.json()["id"].as_u64().unwrap();
        assert_eq!(self.post(&format!("/api/v1/incidents/{id}/resolve"), "{}").await.status, 200);
        self.pass(3_600_000).await;
        assert!(self.engine.view().state.incident(id).is_none(), "{title} was not put away");
        id
    }
}
