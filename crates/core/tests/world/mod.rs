//! A small world to hold the rules against: what is said, and what is to happen.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its part")]

use foghorn_core::alert::AlertItem;
use foghorn_core::event::Event;
use foghorn_core::incident::{Incident, IncidentId};
use foghorn_core::input::{Answer, CheckVerdict, Ends, Input, Refusal};
use foghorn_core::labels::Labels;
use foghorn_core::page::{Outcome, PageKind};
use foghorn_core::setup::Setup;
use foghorn_core::silence::Matcher;
use foghorn_core::time::{Mono, Now, Span, Wall};
use foghorn_core::words::{Actor, Name, Severity, Via};
use foghorn_core::{State, decide};
use std::sync::Arc;

pub struct World {
    pub state: State,
    pub now: Now,
    pub log: Vec<(Now, Event)>,
    /// What channels answer, by name; others accept.
    pub broken: Vec<(String, Outcome)>,
    /// `person by channel at seconds since the start`, pages only.
    pub pages: Vec<String>,
    pub notices: Vec<String>,
    start: Mono,
}

/// Monday, 2 November 2026, 03:00 in Lisbon.
pub const NIGHT: i64 = 1_793_588_400_000;

pub fn setup(json: &str) -> Arc<Setup> {
    Arc::new(serde_json::from_str(json).unwrap())
}

/// Two teams; a shop on a database on a host; another host on the same site.
pub const SHOP: &str = r#"{
  "people": {
    "ana": { "name": "Ana", "time_zone": "Europe/Lisbon", "contacts": [ { "channel": "push" }, { "channel": "sms", "after": 120000 } ] },
    "ben": { "name": "Ben", "time_zone": "Europe/Lisbon", "contacts": [ { "channel": "push" } ] },
    "cy":  { "name": "Cy",  "time_zone": "Asia/Tokyo", "contacts": [ { "channel": "mail" } ] }
  },
  "schedules": { "primary": { "time_zone": "Europe/Lisbon", "rotations": [ { "people": ["ana"], "every": { "weeks": 1 }, "starts": "2026-01-05T09:00:00" } ] } },
  "escalations": { "default": { "steps": [
    { "page": [ { "schedule": "primary" } ], "wait": 300000 },
    { "page": [ { "person": "ben" } ], "wait": 300000 },
    { "page": [ "everyone" ], "wait": 600000 } ] } },
  "topology": {
    "dc1": { "kind": "site" }, "web1": { "kind": "host", "runs_on": ["dc1"] }, "web2": { "kind": "host", "runs_on": ["dc1"] },
    "db": { "runs_on": ["web1"] }, "shop": { "runs_on": ["web1"], "depends_on": ["db"] }, "blog": { "runs_on": ["web2"] },
    "shop-2": { "depends_on": ["db"] }, "shop-3": { "depends_on": ["db"] }, "shop-4": { "depends_on": ["db"] }
  },
  "integrations": { "prom": {} },
  "checks": {
    "shop": { "entity": "shop", "severity": "critical" },
    "slow": { "entity": "blog", "severity": "critical", "fail_for": 30000 },
    "disk": { "entity": "db", "severity": "warning" },
    "backup": { "entity": "db", "severity": "warning", "heartbeat": { "every": 86400000, "grace": 3600000 } }
  }
}"#;

/// The same, with a component for the public in front of the shop.
pub fn with_components() -> String {
    SHOP.replacen('{', "{ \"components\": { \"Shop\": [\"shop\"] },", 1)
}

impl World {
    pub fn new(json: &str) -> World {
        let now = Now { mono: Mono(1_000_000), wall: Wall(NIGHT) };
        let mut w = World {
            state: State::default(),
            now,
            log: vec![],
            broken: vec![],
            pages: vec![],
            notices: vec![],
            start: now.mono,
        };
        w.put(Input::Start { version: "test".into(), down: Span::ZERO, life: 1 });
        w.put(Input::AdoptConfig { hash: "1".into(), setup: setup(json) });
        w
    }

    pub fn shop() -> World {
        World::new(SHOP)
    }

    pub fn try_put(&mut self, input: Input) -> Result<Answer, Refusal> {
        let mut events = vec![];
        let answer = decide(&mut self.state, self.now, &input, &mut events);
        self.log.extend(events.into_iter().map(|e| (self.now, e)));
        self.check();
        answer
    }

    pub fn put(&mut self, input: Input) -> Answer {
        let answer = self.try_put(input).unwrap();
        self.deliver();
        answer
    }

    /// Folding the log, and storing and reading the state, give the same state.
    fn check(&self) {
        if self.log.len() > 400 {
            return;
        }
        let mut replayed = State::default();
        for (at, e) in &self.log {
            let stored: Event = serde_json::from_str(&serde_json::to_string(e).unwrap()).unwrap();
            replayed.apply(*at, &stored);
        }
        assert_eq!(replayed, self.state, "the journal gives the same state");
        let snapshot = serde_json::from_str(&serde_json::to_string(&self.state.snapshot()).unwrap()).unwrap();
        assert_eq!(State::from_snapshot(snapshot), self.state, "a snapshot gives the same state");
    }

    /// Hands every due page to its channel and reports what became of it.
    pub fn deliver(&mut self) {
        for _ in 0..2000 {
            let Some((key, channel)) =
                self.state.due_pages(self.now.mono).next().map(|p| (p.key.clone(), p.channel.clone()))
            else {
                return;
            };
            let broken = self.broken.iter().find(|(c, _)| **c == *channel).map(|(_, o)| o.clone());
            let at = self.now.mono.since(self.start).0 / 1000;
            let line =
                format!("{at}s {} by {channel}{}", key.person, if broken.is_some() { " fails" } else { "" });
            match key.kind {
                PageKind::Page => self.pages.push(line),
                PageKind::Acknowledged => self.notices.push(format!("{line}: stand down")),
                PageKind::Resolved => self.notices.push(format!("{line}: resolved")),
            }
            let outcome = broken.unwrap_or(Outcome::Accepted { detail: "ok".into() });
            self.try_put(Input::Delivered { key, channel: None, outcome }).unwrap();
        }
        panic!("pages without end at {:?}: {:?}", self.now, &self.pages[self.pages.len() - 5..]);
    }

    /// Lets time pass, stopping at every moment at which something is due.
    pub fn wait(&mut self, span: Span) {
        let end = self.now.mono + span;
        loop {
            let next = [self.state.next_timer(), self.state.next_due()].into_iter().flatten().min();
            let next = next.filter(|at| *at <= end).unwrap_or(end).max(self.now.mono);
            self.now = Now { mono: next, wall: self.now.wall_at(next) };
            self.put(Input::Tick);
            let again = [self.state.next_timer(), self.state.next_due()]
                .into_iter()
                .flatten()
                .any(|at| at <= self.now.mono);
            if next >= end && !again {
                return;
            }
        }
    }

    pub fn secs(&mut self, n: u64) {
        self.wait(Span::secs(n));
    }

    pub fn mins(&mut self, n: u64) {
        self.wait(Span::mins(n));
    }

    pub fn fire(&mut self, labels: &[(&str, &str)]) {
        self.fire_for(labels, None);
    }

    pub fn fire_for(&mut self, labels: &[(&str, &str)], lifetime: Option<Span>) {
        let severity =
            labels.iter().find(|(k, _)| *k == "severity").and_then(|(_, v)| Severity::from_foreign(v));
        let labels = Labels::from_pairs(labels.iter().copied());
        let item = AlertItem { severity, lifetime, ..AlertItem::firing(labels, Labels::empty()) };
        self.put(Input::Alerts { source: "prom".into(), items: vec![item] });
    }

    /// As many alerts at once, each on a host of its own.
    pub fn fire_many(&mut self, n: usize, severity: Severity) {
        let item = |n: usize| {
            let host = format!("h{n}");
            let labels = Labels::from_pairs([("alertname", host.as_str()), ("host", &host)]);
            AlertItem { severity: Some(severity), ..AlertItem::firing(labels, Labels::empty()) }
        };
        self.put(Input::Alerts { source: "prom".into(), items: (0..n).map(item).collect() });
    }

    /// A silence under the name `s1` over every host.
    pub fn silence_hosts(&mut self, ends: Ends) {
        self.put(Input::Silence {
            id: "s1".into(),
            matchers: vec![Matcher::parse("host=~\"h.*\"").unwrap()],
            entities: [].into(),
            starts: None,
            ends,
            comment: "planned".into(),
            maintenance: false,
            by: by("ben"),
        });
    }

    pub fn end(&mut self, labels: &[(&str, &str)]) {
        let item = AlertItem::resolved(Labels::from_pairs(labels.iter().copied()), self.now.wall);
        self.put(Input::Alerts { source: "prom".into(), items: vec![item] });
    }

    pub fn fails(&mut self, check: &str) {
        let verdict = CheckVerdict::Failing { summary: "connection refused".into(), severity: None };
        let since = self.now.wall;
        self.put(Input::Check { check: check.into(), verdict, since });
    }

    pub fn recovers(&mut self, check: &str) {
        let since = self.now.wall;
        self.put(Input::Check { check: check.into(), verdict: CheckVerdict::Ok, since });
    }

    pub fn ack(&mut self, id: IncidentId, who: &str) {
        self.put(Input::Acknowledge { incident: id, by: by(who), revision: None });
    }

    pub fn incident(&self, id: IncidentId) -> &Incident {
        self.state.incident(id).unwrap()
    }

    pub fn open(&self) -> Vec<IncidentId> {
        self.state.open_incidents().map(|i| i.id).collect()
    }

    pub fn check_alert(&self, check: &str) -> Option<&foghorn_core::alert::Alert> {
        self.state.check_alert(check)
    }

    /// The reasons written so far, of steps and changes of course.
    pub fn whys(&self) -> Vec<String> {
        self.log
            .iter()
            .filter_map(|(_, e)| match e {
                Event::StepEntered { why, .. }
                | Event::StepHastened { why, .. }
                | Event::ContactPassedOver { why, .. } => Some(why.clone()),
                Event::AcknowledgementLapsed { why, .. } | Event::IncidentReopened { why, .. } => {
                    Some(why.clone())
                }
                Event::AlertStatusChanged { why, .. } | Event::PageDropped { why, .. } => Some(why.clone()),
                _ => None,
            })
            .filter(|w| !w.is_empty())
            .collect()
    }
}

pub fn by(who: &str) -> Actor {
    Actor { name: Name::from(who), via: Via::Api }
}
