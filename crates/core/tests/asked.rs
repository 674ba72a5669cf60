//! Help that a person asked for goes on until somebody answers, whatever the alerts ask for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::input::{Ends, Input};
use foghorn_core::setup::Setup;
use foghorn_core::silence::{MatchOp, Matcher};
use foghorn_core::time::Span;
use std::sync::Arc;
use world::{World, by};

const ALERT: &[(&str, &str)] = &[("alertname", "DiskFull"), ("severity", "critical")];
const LIFETIME: Option<Span> = Some(Span::mins(5));

/// Ana has it, has silenced it while she works, and needs help.
fn asked() -> World {
    let mut w = World::shop();
    w.fire_for(ALERT, LIFETIME);
    w.ack(1, "ana");
    w.put(Input::Silence {
        id: "s1".into(),
        matchers: vec![Matcher::new("alertname", MatchOp::Equal, "DiskFull").unwrap()],
        entities: [].into(),
        starts: None,
        ends: Ends::After(Span::hours(4)),
        comment: "at work on it".into(),
        maintenance: false,
        by: by("ana"),
    });
    w.put(Input::Escalate { incident: 1, by: by("ana"), seen: None });
    w
}

#[test]
fn of_what_is_silenced_the_next_steps_are_paged() {
    let mut w = asked();
    let before = w.pages.len();
    for _ in 0..20 {
        w.mins(1);
        w.fire_for(ALERT, LIFETIME);
    }
    let woken = &w.pages[before..];
    assert!(woken.iter().any(|p| p.contains("cy by mail")), "the last step as well: {:?}", w.pages);
    // Somebody answers: from then on it is as quiet as the silence says.
    w.ack(1, "ben");
    let before = w.pages.len();
    for _ in 0..90 {
        w.mins(1);
        w.fire_for(ALERT, LIFETIME);
    }
    assert_eq!(w.pages.len(), before, "{:?}", &w.pages[before..]);
}

/// What a person asked for has come to its end: what gets worse then is news, as it would have been without.
#[test]
fn after_nobody_answered_what_is_worse_pages() {
    let mut setup: Setup = serde_json::from_str(world::SHOP).unwrap();
    setup.escalations.values_mut().for_each(|e| e.repeat = Some(1));
    let mut w = World::shop();
    w.put(Input::AdoptConfig { hash: "2".into(), setup: Arc::new(setup) });
    let info: &[_] = &[("alertname", "DiskFull"), ("host", "web1"), ("severity", "info")];
    let critical: &[_] = &[("alertname", "Down"), ("host", "web1"), ("severity", "critical")];
    w.fire_for(info, Some(Span::hours(9)));
    assert!(w.pages.is_empty(), "{:?}", w.pages);
    w.put(Input::Escalate { incident: 1, by: by("ana"), seen: None });
    w.mins(60);
    assert!(!w.pages.is_empty() && w.whys().iter().any(|y| y.contains("nobody")), "{:?}", w.whys());
    let before = w.pages.len();
    w.fire_for(critical, Some(Span::hours(9)));
    assert_eq!(w.open(), [1], "the same incident");
    assert!(w.pages.len() > before, "{:?}", w.pages);
}
