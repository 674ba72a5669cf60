//! What a person has resolved comes back only on evidence: measured, or repeated since.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::input::Input;
use foghorn_core::page::Outcome;
use foghorn_core::time::Span;
use world::{World, by};

const ALERT: &[(&str, &str)] = &[("alertname", "DiskFull"), ("severity", "critical")];
const LIFETIME: Option<Span> = Some(Span::mins(5));

fn resolved() -> World {
    let mut w = World::shop();
    w.fire_for(ALERT, LIFETIME);
    w.secs(2);
    w.put(Input::Resolve { incident: 1, by: by("ana") });
    w
}

#[test]
fn what_nobody_repeats_stays_resolved() {
    let mut w = resolved();
    let pages = w.pages.len();
    w.mins(90);
    assert_eq!((w.open(), w.pages.len()), (vec![], pages), "{:?}", w.whys());
    assert_eq!(w.state.alerts.size(), 0);
}

#[test]
fn what_is_repeated_comes_back() {
    let mut w = resolved();
    let pages = w.pages.len();
    for _ in 0..5 {
        w.mins(1);
        w.fire_for(ALERT, LIFETIME);
    }
    assert_eq!(w.open(), [1]);
    assert!(w.pages.len() > pages && w.whys().iter().any(|y| y.starts_with("still failing 5m after Ana")));
}

/// Its sender was silent for a while, and had not ended: the next repetition is news.
#[test]
fn what_is_repeated_after_it_was_put_away_pages_again() {
    let mut w = resolved();
    w.mins(30);
    let pages = w.pages.len();
    w.fire_for(ALERT, LIFETIME);
    assert_eq!((w.open().len(), w.pages.len()), (1, pages + 1));
}

/// The mail server is away for longer than what is over stays at hand: whom it woke hears of it all the same.
#[test]
fn whoever_was_woken_hears_that_it_is_over_however_late() {
    let mut w = World::shop();
    w.fire(ALERT);
    let away = Outcome::Retry { error: "connection refused".into(), after: None };
    w.broken = vec![("push".into(), away)];
    w.end(ALERT);
    w.mins(12);
    w.broken.clear();
    w.mins(10);
    assert!(w.notices.iter().any(|n| n.ends_with("ana by push: resolved")), "{:?}", w.notices);
    assert!(w.state.incident(1).is_none(), "and then it is put away");
    // One that never works is given up, which is written down, and then it is put away too.
    let mut w = World::shop();
    w.fire(ALERT);
    w.broken = vec![("push".into(), Outcome::Failed { error: "no such topic".into() })];
    w.end(ALERT);
    w.wait(Span::hours(3));
    assert!(w.whys().iter().any(|y| y.contains("attempts to tell ana failed")), "{:?}", w.whys());
    assert!(w.state.incident(1).is_none() && w.state.pages.size() == 0);
}
