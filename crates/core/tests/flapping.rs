//! A sender whose alert comes and goes: whoever has it is not rung up for each return.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::time::Span;
use world::World;

const ALERT: &[(&str, &str)] = &[("alertname", "CpuHigh"), ("entity", "web1"), ("severity", "critical")];
/// `reopen_within`, by default.
const CALM: Span = Span::mins(5);

/// It has recovered and come back three times.
fn flapping() -> World {
    let mut w = World::shop();
    w.fire(ALERT);
    for _ in 0..3 {
        w.secs(20);
        w.end(ALERT);
        assert!(w.open().is_empty());
        w.secs(20);
        w.fire(ALERT);
    }
    assert_eq!((w.open(), w.pages.len()), (vec![1], 4));
    w
}

#[test]
fn an_acknowledgement_outlasts_the_gaps_and_it_ends_once_it_stays_well() {
    let mut w = flapping();
    w.ack(1, "ana");
    let (pages, notices) = (w.pages.len(), w.notices.len());
    for _ in 0..10 {
        w.secs(30);
        w.end(ALERT);
        w.secs(30);
        w.fire(ALERT);
    }
    assert_eq!((w.pages.len(), w.notices.len()), (pages, notices), "{:?} {:?}", w.pages, w.notices);
    assert!(w.incident(1).is_acknowledged() && w.open() == [1]);
    w.end(ALERT);
    w.wait(Span(CALM.0 - 1));
    assert_eq!(w.open(), [1]);
    w.secs(1);
    assert!(w.open().is_empty());
    assert_eq!(w.notices.len(), notices + 1, "{:?}", w.notices);
}

/// It does not hide what goes on: acknowledged and still critical after the set time, the next team is paged.
#[test]
fn an_acknowledgement_is_not_for_ever() {
    let mut w = flapping();
    w.ack(1, "ana");
    let pages = w.pages.len();
    w.secs(30);
    w.end(ALERT);
    w.secs(30);
    w.fire(ALERT);
    w.mins(19);
    assert_eq!(w.pages[pages..].len(), 1, "{:?}", w.pages);
    assert!(w.pages.last().unwrap().contains("ben"));
}

#[test]
fn nobody_is_paged_while_all_is_well_and_whoever_has_not_answered_is_paged_again() {
    let mut w = flapping();
    w.secs(20);
    w.end(ALERT);
    let pages = w.pages.len();
    w.mins(4);
    assert_eq!((w.pages.len(), w.open()), (pages, vec![1]));
    w.fire(ALERT);
    assert_eq!(w.pages.len(), pages + 1);
    w.end(ALERT);
    w.mins(5);
    assert!(w.open().is_empty());
    w.mins(6);
    assert!(w.state.incidents.is_empty());
}

#[test]
fn a_person_ends_it_at_once() {
    let mut w = flapping();
    w.end(ALERT);
    w.put(foghorn_core::input::Input::Resolve { incident: 1, by: world::by("ana") });
    assert!(w.open().is_empty());
    w.mins(6);
    assert!(w.state.incidents.is_empty());
}
