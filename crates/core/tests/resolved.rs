//! What a person has resolved comes back only on evidence: measured, or repeated since.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::alert::AlertItem;
use foghorn_core::event::Event;
use foghorn_core::input::Input;
use foghorn_core::labels::Labels;
use foghorn_core::page::Outcome;
use foghorn_core::time::Span;
use world::{SHOP, World, by};

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

/// A sender says when it ends: an hour ahead each time, or always the same moment. Neither moves by much between two
/// repetitions, and each is evidence all the same.
#[test]
fn what_is_repeated_comes_back_whatever_end_its_sender_gives() {
    for moves in [true, false] {
        let mut w = World::shop();
        let labels = Labels::from_pairs(ALERT.iter().copied());
        let at_first = w.now.wall + Span::hours(1);
        let fire = |w: &mut World| {
            let ends = if moves { w.now.wall + Span::hours(1) } else { at_first };
            let item = AlertItem {
                ends: Some(ends),
                lifetime: Some(ends.since(w.now.wall)),
                ..AlertItem::firing(labels.clone(), Labels::empty())
            };
            w.put(Input::Alerts { source: "prom".into(), items: vec![item] });
        };
        fire(&mut w);
        w.secs(2);
        w.put(Input::Resolve { incident: 1, by: by("ana") });
        let before = w.log.len();
        (0..24).for_each(|_| {
            w.secs(15);
            fire(&mut w);
        });
        assert_eq!(w.open(), [1], "moves: {moves}");
        assert!(w.whys().iter().any(|y| y.starts_with("still failing 5m after Ana")));
        // One repetition is evidence enough; senders in pairs say the same all day.
        let refreshed = |e: &Event| matches!(e, Event::AlertsRefreshed { .. });
        assert_eq!(w.log.iter().skip(before).filter(|(_, e)| refreshed(e)).count(), 1);
    }
}

/// It may be the only repetition in that time.
#[test]
fn one_repetition_soon_after_it_was_resolved_counts() {
    let mut w = World::new(&SHOP.replacen('{', r#"{ "timing": { "still_failing_after": 3000 },"#, 1));
    w.fire_for(ALERT, LIFETIME);
    w.secs(2);
    w.put(Input::Resolve { incident: 1, by: by("ana") });
    w.secs(1);
    w.fire_for(ALERT, LIFETIME);
    w.secs(5);
    assert_eq!(w.open(), [1]);
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
