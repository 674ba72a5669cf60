//! An owner of the loop: a journal that answers when it is told to.
#![allow(dead_code, reason = "not every test uses all of it")]

use foghorn_core::alert::AlertItem;
use foghorn_core::input::Input;
use foghorn_core::labels::Labels;
use foghorn_core::page::PageKey;
use foghorn_core::setup::Setup;
use foghorn_core::time::{Mono, Now, Span, Wall};
use foghorn_core::words::{Actor, Name, Severity, Via};
use foghorn_core::{Record, State};
use foghorn_engine::engine::{Append, Appended, Limits};
use foghorn_engine::{Action, BatchId, Class, Command, Engine, Reply};
use std::sync::Arc;

const SETUP: &str = r#"{
  "people": { "ana": { "name": "Ana", "time_zone": "UTC", "contacts": [ { "channel": "push" } ] } },
  "escalations": { "default": { "steps": [ { "page": [ { "person": "ana" } ], "wait": 300000 } ] } },
  "integrations": { "prom": {} }
}"#;

pub(crate) struct Owner {
    pub(crate) engine: Engine,
    pub(crate) now: Now,
    pub(crate) disk: Vec<Arc<Record>>,
    pub(crate) head: BatchId,
    pub(crate) held: Option<Append>,
    pub(crate) replies: Vec<(u64, Reply)>,
    pub(crate) sent: Vec<PageKey>,
    pub(crate) other: Vec<String>,
    pub(crate) tickets: u64,
}

impl Owner {
    pub(crate) fn new() -> Owner {
        let engine = Engine::new(State::default(), 0, BatchId::default(), [7; 16], Limits::default());
        let now = Now { mono: Mono(1000), wall: Wall(1_790_000_000_000) };
        let mut o = Owner {
            engine,
            now,
            disk: vec![],
            head: BatchId::default(),
            held: None,
            replies: vec![],
            sent: vec![],
            other: vec![],
            tickets: 0,
        };
        let setup: Setup = serde_json::from_str(SETUP).unwrap();
        o.submit(Class::World, Input::AdoptConfig { hash: "1".into(), setup: Arc::new(setup) });
        o.flow();
        o
    }

    pub(crate) fn on(&mut self, action: Action) {
        for c in self.engine.on(action, self.now) {
            match c {
                Command::Append(a) => {
                    assert!(self.held.is_none(), "one batch in flight at a time");
                    assert_eq!(a.first_seq, self.disk.len() as u64 + 1);
                    self.held = Some(a);
                }
                Command::Reply(t, r) => self.replies.push((t, r)),
                Command::Send(k) => self.sent.push(k),
                Command::Settle => self.other.push("settle".into()),
                Command::Degraded(why) => self.other.push(format!("degraded: {why}")),
                Command::Recovered { lost, .. } => self.other.push(format!("recovered, {lost} lost")),
                Command::SetAside(what) => self.other.push(format!("set aside: {what}")),
                Command::Snapshot { seq, .. } => self.other.push(format!("snapshot of {seq}")),
                Command::Publish(_) => {}
            }
        }
    }

    pub(crate) fn submit(&mut self, class: Class, input: Input) -> u64 {
        self.tickets += 1;
        self.on(Action::Submit { input, class, ticket: Some(self.tickets) });
        self.on(Action::Poll);
        self.tickets
    }

    pub(crate) fn write(&mut self) -> BatchId {
        let a = self.held.take().expect("an append");
        self.disk.extend(a.written.records.iter().cloned());
        self.head = a.id;
        a.id
    }

    /// The journal answers at once until nothing is in flight.
    pub(crate) fn flow(&mut self) {
        while self.held.is_some() {
            let id = self.write();
            self.on(Action::Appended { id, result: Appended::Durable });
        }
    }

    pub(crate) fn wait(&mut self, ms: u64) {
        self.now = Now { mono: self.now.mono + Span(ms), wall: self.now.wall + Span(ms) };
        self.on(Action::Poll);
    }

    pub(crate) fn reply(&self, ticket: u64) -> Option<&Reply> {
        self.replies.iter().find(|(t, _)| *t == ticket).map(|(_, r)| r)
    }

    pub(crate) fn replayed(&self) -> State {
        let mut s = State::default();
        self.disk.iter().for_each(|r| s.apply(r.at, &r.event));
        s
    }
}

pub(crate) fn alert(n: u32) -> Input {
    let labels = Labels::from_pairs([("alertname", "Down".to_string()), ("host", format!("h{n}"))]);
    let item = AlertItem { severity: Some(Severity::Critical), ..AlertItem::firing(labels, Labels::empty()) };
    Input::Alerts { source: "prom".into(), items: vec![item] }
}

pub(crate) fn ack(id: u64) -> Input {
    Input::Acknowledge { incident: id, by: Actor { name: Name::from("ana"), via: Via::Link }, revision: None }
}
