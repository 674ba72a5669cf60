//! Incidents that a person opened, and what they said is unwell.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::input::Input;
use foghorn_core::words::Severity;
use world::{World, by};

fn opened() -> World {
    let mut w = World::shop();
    w.put(Input::Open {
        title: "the shop is slow".to_owned(),
        severity: Severity::Critical,
        entity: Some("shop".into()),
        escalation: None,
        note: None,
        by: by("ana"),
    });
    w
}

fn unwell(w: &World) -> (u32, Vec<(&str, u32)>) {
    let i = w.incident(1);
    (i.width, i.entities.iter().map(|(e, n)| (e.as_str(), *n)).collect())
}

#[test]
fn what_its_opener_said_is_unwell_until_it_is_over() {
    let mut w = opened();
    assert_eq!(unwell(&w), (1, vec![("shop", 1)]));
    w.put(Input::Resolve { incident: 1, by: by("ana") });
    assert_eq!(unwell(&w), (0, vec![("shop", 0)]), "touched, and well");
}

#[test]
fn what_still_fails_is_unwell_after_it_and_counts_once_when_it_is_open_again() {
    let mut w = opened();
    w.fails("shop");
    assert_eq!((w.open(), unwell(&w)), (vec![1], (1, vec![("shop", 2)])));
    w.put(Input::Resolve { incident: 1, by: by("ana") });
    assert_eq!((w.open(), unwell(&w)), (vec![], (1, vec![("shop", 1)])), "nothing is wider than before");
    w.mins(6);
    assert_eq!((w.open(), unwell(&w)), (vec![1], (1, vec![("shop", 1)])));
}

/// Whoever said that it is over has taken back what its opener said: what still failed then is over once it is well.
#[test]
fn what_a_person_has_ended_is_not_wrong_any_more_by_its_openers_word() {
    let mut w = opened();
    w.put(Input::Check {
        check: "disk".into(),
        verdict: foghorn_core::input::CheckVerdict::Failing { summary: "92%".into(), severity: None },
        since: w.now.wall,
    });
    assert_eq!(w.open(), [1], "it joins: the shop depends on the database");
    w.put(Input::Resolve { incident: 1, by: by("ana") });
    w.mins(6);
    let i = w.incident(1);
    assert_eq!((w.open(), unwell(&w)), (vec![1], (1, vec![("db", 1), ("shop", 0)])));
    assert_eq!((i.severity(), &*i.title), (Severity::Warning, "disk: 92%"));
    w.recovers("disk");
    assert!(w.open().is_empty());
}

/// Who had it is asked when it is over, too.
#[test]
fn who_answered_first_is_known_when_it_is_over() {
    let mut w = World::shop();
    w.fails("shop");
    w.ack(1, "ana");
    w.mins(1);
    w.ack(1, "ben");
    w.recovers("shop");
    let (_, who) = w.incident(1).answered.clone().unwrap();
    assert_eq!(&*who.name, "ana");
}
