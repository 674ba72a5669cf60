//! Heartbeats: when one is missed, and when it is only not known.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::event::PingKind;
use foghorn_core::input::Input;
use foghorn_core::setup::Setup;
use foghorn_core::time::Span;
use foghorn_core::words::Name;
use std::sync::Arc;
use world::World;

fn pinged() -> Input {
    Input::Ping { check: "backup".into(), ping: PingKind::Success, run: None, body: String::new() }
}

fn restart(w: &mut World, away: Span) {
    (w.now.mono, w.now.wall) = (w.now.mono + away, w.now.wall + away);
    w.put(Input::Start { version: "test".into(), down: away, life: 2 });
}

#[test]
fn a_missed_heartbeat_alerts_but_not_one_that_was_due_while_foghorn_was_away() {
    let mut w = World::shop();
    w.put(pinged());
    w.wait(Span::hours(25));
    assert!(w.check_alert("backup").is_some());
    w.put(pinged());
    assert!(w.check_alert("backup").is_none());
    // Away while it is due.
    restart(&mut w, Span::hours(30));
    w.put(Input::Tick);
    assert!(w.check_alert("backup").is_none(), "unknown, not missed");
    w.wait(Span::hours(24));
    assert!(w.check_alert("backup").is_some(), "but the next one counts");
    w.put(Input::Ping {
        check: "backup".into(),
        ping: PingKind::Fail,
        run: None,
        body: "disk full\nmore".into(),
    });
    assert!(w.check_alert("backup").is_some());
}

/// Back before its grace was over: it may have come while nobody listened. By its own rhythm the next one counts.
#[test]
fn a_heartbeat_that_was_expected_while_foghorn_was_away_is_not_missed_when_its_grace_ends() {
    let mut w = World::shop();
    w.put(pinged());
    w.wait(Span::mins(23 * 60 + 50));
    restart(&mut w, Span::mins(20));
    let beat = |w: &World| w.state.heartbeats.get(&Name::from("backup")).unwrap().clone();
    assert!(beat(&w).unheard);
    w.mins(120);
    assert!(w.check_alert("backup").is_none(), "its grace is over: unknown, not missed");
    // At its next turn it is there, and known again; and the one after that is missed.
    w.wait(Span::mins(22 * 60 - 10));
    w.put(pinged());
    assert!(!beat(&w).unheard && w.check_alert("backup").is_none());
    w.wait(Span::mins(25 * 60));
    assert!(w.check_alert("backup").is_some());
}

/// Away before it was expected, and long before: the one that is due next counts as ever.
#[test]
fn a_heartbeat_that_was_not_expected_while_foghorn_was_away_is_missed_as_ever() {
    let mut w = World::shop();
    w.put(pinged());
    w.wait(Span::hours(2));
    restart(&mut w, Span::hours(1));
    assert!(!w.state.heartbeats.get(&Name::from("backup")).unwrap().unheard);
    w.wait(Span::hours(22));
    assert!(w.check_alert("backup").is_some());
}

#[test]
fn a_heartbeat_is_held_for_its_fail_for_too() {
    let json = world::SHOP.replace(
        "\"severity\": \"warning\", \"heartbeat\"",
        "\"severity\": \"critical\", \"fail_for\": 600000, \"heartbeat\"",
    );
    let mut w = World::new(&json);
    w.put(Input::Ping { check: "backup".into(), ping: PingKind::Fail, run: None, body: "disk full".into() });
    w.mins(9);
    assert!(w.pages.is_empty() && w.open() == [1]);
    w.mins(1);
    assert_eq!(w.pages.len(), 1);
}

/// It was late before Foghorn went: being away for a moment, however often, is no reason to keep quiet about it.
#[test]
fn short_restarts_within_the_grace_do_not_hide_a_missed_heartbeat() {
    let mut w = World::shop();
    w.put(pinged());
    w.wait(Span::mins(24 * 60 + 5));
    for _ in 0..5 {
        w.mins(5);
        restart(&mut w, Span::secs(2));
    }
    w.mins(29);
    assert!(w.check_alert("backup").is_none(), "the grace is an hour, and what Foghorn was away");
    w.mins(2);
    assert!(w.check_alert("backup").is_some());
}

/// What measures is no longer what waits: nobody would end its alert.
#[test]
fn the_alert_of_a_heartbeat_that_becomes_another_kind_of_check_is_over() {
    let mut w = World::shop();
    w.put(pinged());
    w.wait(Span::hours(26));
    assert_eq!(w.open().len(), 1);
    let mut setup: Setup = serde_json::from_str(world::SHOP).unwrap();
    setup.checks.get_mut("backup").unwrap().heartbeat = None;
    w.put(Input::AdoptConfig { hash: "2".into(), setup: Arc::new(setup.clone()) });
    assert!(w.open().is_empty());
    w.fails("backup");
    assert_eq!(w.open().len(), 1);
    setup = serde_json::from_str(world::SHOP).unwrap();
    w.put(Input::AdoptConfig { hash: "3".into(), setup: Arc::new(setup) });
    assert!(w.open().is_empty(), "and the reverse");
}

/// A job that crashes and is begun again each minute has no success, however often it begins.
#[test]
fn a_job_that_begins_over_and_over_is_missed_when_a_success_was_due() {
    let begins =
        || Input::Ping { check: "backup".into(), ping: PingKind::Start, run: None, body: String::new() };
    let mut w = World::shop();
    w.put(pinged());
    let mut minutes = 0;
    while w.check_alert("backup").is_none() {
        w.wait(Span::mins(1));
        w.put(begins());
        minutes += 1;
        assert!(minutes < 26 * 60, "never missed");
    }
    assert!(minutes >= 24 * 60, "a beginning shortens nothing that was not due: {minutes} min");
    let alert = w.check_alert("backup").unwrap();
    let summary = alert.annotations.get("summary").unwrap();
    assert!(summary.contains("begins, last at") && summary.contains("does not end well"), "{summary}");
    w.put(pinged());
    assert!(w.check_alert("backup").is_none());
    // One that begins and hangs is told of when its grace is over.
    w.put(begins());
    w.wait(Span::hours(2));
    assert!(w.check_alert("backup").is_some());
}

#[test]
fn the_success_of_one_run_does_not_end_another() {
    let ping = |ping: PingKind, run: Option<&str>| Input::Ping {
        check: "backup".into(),
        ping,
        run: run.map(str::to_owned),
        body: String::new(),
    };
    let mut w = World::shop();
    w.put(pinged());
    w.put(ping(PingKind::Start, Some("a")));
    w.wait(Span::mins(20));
    w.put(ping(PingKind::Start, Some("b")));
    w.wait(Span::mins(20));
    w.put(ping(PingKind::Success, Some("a")));
    assert!(w.check_alert("backup").is_none());
    w.wait(Span::mins(39));
    assert!(w.check_alert("backup").is_none(), "an hour's grace");
    w.wait(Span::mins(2));
    assert!(w.check_alert("backup").is_some(), "the second one hangs");
    w.put(ping(PingKind::Success, Some("b")));
    assert!(w.check_alert("backup").is_none());
    // One that names no run ends whatever runs.
    w.put(ping(PingKind::Start, Some("c")));
    w.put(pinged());
    w.wait(Span::hours(24));
    assert!(w.check_alert("backup").is_none());
}
