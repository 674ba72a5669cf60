//! A configuration comes into force while something is wrong: what is wrong follows it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::Event;
use foghorn_core::input::Input;
use foghorn_core::schedule::{Override, WorkingHours};
use foghorn_core::setup::{EscalationPolicy, Setup, Step, Target};
use foghorn_core::time::{Span, Wall};
use foghorn_core::words::{Severity, Urgency};
use std::sync::Arc;
use world::{World, by};

fn reload(w: &mut World, hash: &str, change: impl FnOnce(&mut Setup)) {
    let mut setup = (*w.state.setup).clone();
    change(&mut setup);
    w.put(Input::AdoptConfig { hash: hash.into(), setup: Arc::new(setup) });
}

/// From now on.
fn ben_stands_in(w: &mut World, ends: Wall) {
    let starts = w.now.wall;
    let entry = Override { schedule: "primary".into(), person: "ben".into(), starts, ends };
    w.put(Input::AddOverride { id: "o".into(), entry, by: by("ana") });
}

/// `team` pages Cy alone.
fn team(setup: &mut Setup) {
    let step = Step { page: vec![Target::Person("cy".into())], wait: Span::mins(5) };
    setup.escalations.insert("team".into(), EscalationPolicy { steps: vec![step], repeat: None });
}

#[test]
fn what_becomes_critical_in_the_file_pages_at_once() {
    let mut w = World::shop();
    w.fails("disk");
    assert!(w.pages.is_empty(), "a warning at night: {:?}", w.pages);
    reload(&mut w, "2", |setup| setup.checks.get_mut("disk").unwrap().severity = Severity::Critical);
    assert_eq!(w.pages, ["0s ana by push"]);
    assert_eq!(w.check_alert("disk").unwrap().urgency, Urgency::High);
    // And back: it wakes nobody any more.
    reload(&mut w, "3", |setup| setup.checks.get_mut("disk").unwrap().severity = Severity::Info);
    let before = w.pages.len();
    w.mins(30);
    assert_eq!(w.pages.len(), before, "{:?}", w.pages);
}

#[test]
fn what_wakes_is_decided_anew_for_what_senders_reported_too() {
    let mut w = World::shop();
    let labels: &[_] = &[("alertname", "Disk"), ("host", "web1"), ("severity", "warning")];
    w.fire(labels);
    assert!(w.pages.is_empty(), "{:?}", w.pages);
    reload(&mut w, "2", |setup| {
        setup.timing.urgency.insert(Severity::Warning, Urgency::High);
    });
    assert_eq!(w.pages, ["0s ana by push"]);
}

#[test]
fn another_policy_is_begun_and_one_that_is_gone_is_named_no_more() {
    let mut w = World::shop();
    w.fails("shop");
    assert_eq!(w.pages, ["0s ana by push"]);
    reload(&mut w, "2", |setup| {
        team(setup);
        setup.checks.get_mut("shop").unwrap().escalation = Some("team".into());
    });
    assert_eq!(w.pages, ["0s ana by push", "0s cy by mail"]);
    assert_eq!(w.incident(1).escalation.policy.as_deref(), Some("team"));
    // What concerns something else changes nothing of it.
    reload(&mut w, "3", |setup| _ = setup.checks.remove("slow"));
    assert_eq!(w.pages.len(), 2, "{:?}", w.pages);
    reload(&mut w, "4", |setup| {
        setup.escalations.remove("team");
        setup.checks.get_mut("shop").unwrap().escalation = None;
    });
    assert_eq!(w.incident(1).escalation.policy.as_deref(), Some("default"));
    w.mins(6);
    assert!(w.whys().iter().any(|y| y.contains("default instead of team")), "{:?}", w.whys());
    assert!(!w.whys().last().unwrap().contains("team"), "{:?}", w.whys());
}

#[test]
fn who_is_on_it_is_left_alone() {
    let mut w = World::shop();
    w.fails("shop");
    w.ack(1, "ana");
    let before = w.pages.len();
    reload(&mut w, "2", |setup| {
        team(setup);
        setup.checks.get_mut("shop").unwrap().escalation = Some("team".into());
    });
    assert_eq!(w.pages.len(), before, "{:?}", w.pages);
}

/// A warning on Sunday is for whoever has Monday, when it leaves.
#[test]
fn a_warning_is_for_whoever_is_on_call_when_it_leaves() {
    let mut w = World::shop();
    let now = w.now.wall;
    let hours = w.state.setup.people["ana"].working_hours.next("Europe/Lisbon", now);
    assert!(hours > now, "the test begins at night");
    let until = hours.since(now);
    // Cy has the night, and does not work in it; Ana has it again when her hours begin.
    ben_stands_in(&mut w, now + Span(until.0 - 60_000));
    w.fails("disk");
    w.wait(Span(until.0 + 1000));
    assert_eq!(w.pages, [format!("{}s ana by push", until.0 / 1000)]);
}

#[test]
fn whoever_stands_in_later_has_what_waits() {
    let mut w = World::shop();
    w.fails("disk");
    let hours = w.state.setup.people["ana"].working_hours.next("Europe/Lisbon", w.now.wall);
    let until = hours.since(w.now.wall);
    ben_stands_in(&mut w, hours + Span::hours(9));
    w.wait(Span(until.0 + 1000));
    assert_eq!(w.pages, [format!("{}s ben by push", until.0 / 1000)]);
}

#[test]
fn other_working_hours_move_what_waits_and_page_nobody_twice() {
    let mut w = World::shop();
    w.fails("disk");
    assert!(w.pages.is_empty());
    let always = WorkingHours { days: (1..=7).collect(), from: 0, to: 24 * 60 };
    reload(&mut w, "2", |setup| setup.people.get_mut("ana").unwrap().working_hours = always);
    assert_eq!(w.pages, ["0s ana by push"]);
    reload(&mut w, "3", |setup| setup.people.get_mut("ben").unwrap().name = "Benedict".into());
    assert_eq!(w.pages, ["0s ana by push"]);
    let entered = w.log.iter().filter(|(_, e)| matches!(e, Event::StepEntered { .. })).count();
    assert_eq!(entered, 2);
}
