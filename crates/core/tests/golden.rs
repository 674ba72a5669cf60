//! A journal written by any release replays in every later one. Each release leaves its journal here; none is ever changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::alert::AlertItem;
use foghorn_core::change::Change;
use foghorn_core::event::PingKind;
use foghorn_core::input::{CheckVerdict, Ends, Input};
use foghorn_core::labels::Labels;
use foghorn_core::page::Outcome;
use foghorn_core::schedule::Override;
use foghorn_core::setup::Setup;
use foghorn_core::silence::Matcher;
use foghorn_core::time::{Span, Wall};
use foghorn_core::update::Stage;
use foghorn_core::words::Severity;
use foghorn_core::{Record, State};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use world::{World, by};

/// A story in which every kind of event happens.
fn story() -> World {
    let mut w =
        World::new(&world::with_components().replace("\"prom\": {}", "\"prom\": { \"max_alerts\": 5 }"));
    let down = &[("alertname", "Down"), ("host", "web2"), ("severity", "critical")];
    w.put(Input::Change {
        change: Change {
            at: w.now.wall,
            source: "deploy".into(),
            summary: "shop 4.2".into(),
            entity: Some("shop".into()),
            link: None,
        },
    });
    w.broken = vec![
        ("push".into(), Outcome::Failed { error: "410 gone".into() }),
        ("sms".into(), Outcome::Retry { error: "busy".into(), after: None }),
    ];
    w.fails("shop");
    w.mins(3);
    w.broken.clear();
    w.mins(3);
    w.put(Input::Note { incident: 1, by: by("ben"), text: "it is the database".into() });
    let text = "The database is slow.".to_owned();
    w.put(Input::StatusUpdate { incident: 1, by: by("ben"), stage: Stage::Identified, text });
    w.ack(1, "ben");
    w.mins(20);
    w.put(Input::Escalate { incident: 1, by: by("ben"), seen: None });
    w.fails("slow");
    w.secs(31);
    w.put(Input::Check {
        check: "slow".into(),
        verdict: CheckVerdict::Unknown { why: "blind".into() },
        since: w.now.wall,
    });
    w.put(Input::Check {
        check: "slow".into(),
        verdict: CheckVerdict::Flapping { summary: "to and fro".into(), severity: None },
        since: w.now.wall,
    });
    w.recovers("slow");
    w.ack(1, "ana");
    w.recovers("shop");
    w.mins(1);
    w.fails("shop");
    w.recovers("shop");
    w.fire_for(down, Some(Span::mins(4)));
    w.mins(2);
    w.fire_for(down, Some(Span::mins(4)));
    w.fire(&[("alertname", "Else"), ("severity", "warning")]);
    for n in ["1", "2", "3", "4"] {
        w.fire(&[("alertname", "TooMany"), ("n", n)]);
    }
    for n in ["1", "2", "3", "4"] {
        w.end(&[("alertname", "TooMany"), ("n", n)]);
    }
    w.fire(&[("alertname", "Else"), ("severity", "critical")]);
    w.mins(10);
    w.end(&[("alertname", "Else"), ("severity", "critical")]);
    w.mins(10);
    let matchers = vec![Matcher::parse("host=~web.*").unwrap()];
    for (id, starts) in [("now", None), ("later", Some(w.now.wall + Span::mins(5)))] {
        w.put(Input::Silence {
            id: id.into(),
            matchers: matchers.clone(),
            entities: Default::default(),
            starts,
            ends: Ends::After(Span::mins(20)),
            comment: "reboot".into(),
            maintenance: true,
            by: by("ana"),
        });
    }
    w.fire(down);
    w.put(Input::EndSilence { id: "now".into(), by: by("ana") });
    w.mins(30);
    let entry = Override {
        schedule: "primary".into(),
        person: "cy".into(),
        starts: w.now.wall,
        ends: w.now.wall + Span::hours(2),
    };
    w.put(Input::AddOverride { id: "o1".into(), entry: entry.clone(), by: by("ana") });
    w.put(Input::AddOverride { id: "o2".into(), entry, by: by("ana") });
    w.put(Input::RemoveOverride { id: "o1".into(), by: by("ana") });
    w.put(Input::Ping {
        check: "backup".into(),
        ping: PingKind::Success,
        run: Some("r1".into()),
        body: "done".into(),
    });
    w.now.wall = Wall(w.now.wall.0 - 5_000_000);
    w.put(Input::ClockStep { by: -5_000_000 });
    w.fire(&[("alertname", "Soft"), ("severity", "warning")]);
    w.ack(*w.open().last().unwrap(), "ana");
    w.mins(45);
    w.end(&[("alertname", "Unknown")]);
    w.end(&[("alertname", "Soft"), ("severity", "warning")]);
    w.wait(Span::hours(26));
    w.fire_for(&[("alertname", "Kept"), ("severity", "info")], Some(Span::hours(1)));
    let away = Span::hours(30);
    (w.now.mono, w.now.wall) = (w.now.mono + away, w.now.wall + away);
    w.put(Input::Start { version: "0.1.0".into(), down: away, life: 7 });
    w.put(Input::Tick);
    w.put(Input::Open {
        title: "checkout".into(),
        severity: Severity::Critical,
        entity: None,
        escalation: None,
        note: None,
        by: by("cy"),
    });
    let id = *w.open().last().unwrap();
    w.put(Input::Resolve { incident: id, by: by("cy") });
    w.fails("shop");
    let id = *w.open().last().unwrap();
    w.put(Input::Resolve { incident: id, by: by("cy") });
    w.mins(6);
    let mut setup: Setup = (*w.state.setup).clone();
    setup.people.remove("ana");
    setup.escalations.get_mut("default").unwrap().repeat = Some(1);
    w.put(Input::AdoptConfig { hash: "2".into(), setup: Arc::new(setup) });
    w.wait(Span::hours(2));
    w
}

/// What came later: an alert that comes and goes until it is not believed to be over.
fn comes_back() -> World {
    let mut w = World::shop();
    let comes = &[("alertname", "Comes and goes"), ("host", "web2"), ("severity", "critical")];
    for _ in 0..5 {
        w.fire(comes);
        w.secs(20);
        w.end(comes);
        w.secs(20);
    }
    w
}

/// And what people told the public, corrected and withdrawn.
fn corrected() -> World {
    let mut w = World::new(&world::with_components());
    w.fails("shop");
    for text in ["All orders fail.", "Server db7 is down."] {
        let text = text.to_owned();
        w.put(Input::StatusUpdate { incident: 1, by: by("ben"), stage: Stage::Investigating, text });
    }
    for (number, text) in [(1, Some("Some orders fail.".to_owned())), (2, None)] {
        w.secs(20);
        w.put(Input::CorrectUpdate { incident: 1, number, by: by("ana"), revision: Some(0), text });
    }
    w
}

/// A mail server that is away while it is over, a file that is read again, help that somebody asks for, and runs of a job
/// that overlap.
fn late_news() -> World {
    let mut w = World::shop();
    let full = &[("alertname", "DiskFull"), ("severity", "critical")];
    w.fire(full);
    let away = Outcome::Retry { error: "connection refused".into(), after: None };
    w.broken = vec![("push".into(), away)];
    w.end(full);
    w.mins(7);
    w.put(Input::TryAgain);
    w.broken.clear();
    w.mins(10);
    w.fire(full);
    w.put(Input::Escalate { incident: 2, by: by("ana"), seen: None });
    for (ping, run) in [
        (PingKind::Start, "a"),
        (PingKind::Start, "b"),
        (PingKind::Success, "a"),
        (PingKind::Log, "b"),
        (PingKind::Fail, "b"),
    ] {
        let run = Some(run.into());
        w.put(Input::Ping { check: "backup".into(), ping, run, body: String::new() });
        w.secs(1);
    }
    w
}

/// Numbers that were given while the journal was away, to what could not be kept.
fn numbers_taken() -> World {
    let mut w = World::shop();
    w.fire(&[("alertname", "DiskFull"), ("severity", "critical")]);
    w.put(Input::NumbersTaken { next: 5 });
    w.put(Input::NumbersTaken { next: 3 });
    w.fails("shop");
    w
}

/// What concerns more incidents than are looked at within one input, and an alert whose words hold a measured value.
fn many() -> World {
    let mut w = World::shop();
    w.fire_many(201, Severity::Info);
    w.silence_hosts(Ends::After(Span::mins(10)));
    w.put(Input::EndSilence { id: "s1".into(), by: by("ben") });
    w.secs(1);
    let labels = Labels::from_pairs([("alertname", "Full"), ("host", "web1")]);
    for value in ["91 %", "92 %"] {
        let item = AlertItem::firing(labels.clone(), Labels::from_pairs([("description", value)]));
        w.put(Input::Alerts { source: "prom".into(), items: vec![item] });
    }
    w
}

/// The journals, and what they were made of.
const JOURNALS: &[(&str, fn() -> World)] = &[
    ("0.1.0", story),
    ("0.1.0-comes-back", comes_back),
    ("0.1.0-corrected", corrected),
    ("0.1.0-late-news", late_news),
    ("0.1.0-numbers-taken", numbers_taken),
    ("0.1.0-many", many),
];

fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn replay(name: &str, story: fn() -> World, kinds: &mut BTreeSet<String>) {
    let (path, state_path) = (golden(&format!("{name}.jsonl")), golden(&format!("{name}.state.json")));
    if !path.exists() && std::env::var_os("UPDATE").is_some() {
        let w = story();
        let mut text = String::new();
        for (seq, (at, event)) in (1..).zip(&w.log) {
            let record = Record { seq, at: *at, late: seq % 50 == 0, event: event.clone() };
            writeln!(text, "{}", serde_json::to_string(&record).unwrap()).unwrap();
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::write(&state_path, serde_json::to_string(&w.state.snapshot()).unwrap()).unwrap();
    }
    let text = std::fs::read_to_string(&path)
        .expect("a release's journal is here; UPDATE=1 makes that of a new release");
    let mut state = State::default();
    for (n, line) in (1..).zip(text.lines()) {
        let record: Record = serde_json::from_str(line).unwrap_or_else(|e| panic!("{name}, event {n}: {e}"));
        assert_eq!(record.seq, n);
        // Written as it was read: nothing of an old event is lost.
        assert_eq!(serde_json::to_string(&record).unwrap(), line);
        let kind: serde_json::Value = serde_json::from_str(line).unwrap();
        kinds.insert(kind["event"]["type"].as_str().unwrap().to_owned());
        state.apply(record.at, &record.event);
    }
    let stored = std::fs::read_to_string(state_path).unwrap();
    assert_eq!(state, State::from_snapshot(serde_json::from_str(&stored).unwrap()), "it means what it meant");
}

#[test]
fn journals_of_earlier_releases_replay() {
    let mut kinds = BTreeSet::new();
    for (name, story) in JOURNALS {
        replay(name, *story, &mut kinds);
    }
    let known = include_str!("../src/event.rs");
    let all = known[known.find("pub enum Event {").unwrap()..].lines().take_while(|l| *l != "}");
    let all: Vec<String> = all
        .filter(|l| l.starts_with("    ") && l.as_bytes()[4].is_ascii_uppercase())
        .map(|l| l.trim().trim_end_matches([' ', '{', ',']).to_owned())
        .collect();
    let snake = |s: &str| {
        s.chars().enumerate().fold(String::new(), |t, (i, c)| match c {
            'A'..='Z' if i > 0 => t + "_" + &c.to_lowercase().to_string(),
            c => t + &c.to_lowercase().to_string(),
        })
    };
    let missing: Vec<&String> = all.iter().filter(|k| !kinds.contains(&snake(k))).collect();
    assert!(
        missing.is_empty(),
        "of {} kinds these never happen in the golden journals: {missing:?}",
        all.len()
    );
}
