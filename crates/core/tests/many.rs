//! What concerns many incidents at once is worked off one after another: in one input it may be more than the journal takes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::decide;
use foghorn_core::event::Event;
use foghorn_core::input::{Ends, Input};
use foghorn_core::setup::Setup;
use foghorn_core::time::Span;
use foghorn_core::words::{Severity, Urgency};
use std::sync::Arc;
use world::{World, by};

const MANY: usize = 300;

/// The events of one input, and how many bytes the largest of these inputs may have: 300 steps are entered by it or not.
fn decided(w: &mut World, input: &Input) -> Vec<Event> {
    let mut events = Vec::new();
    decide(&mut w.state, w.now, input, &mut events).unwrap();
    events
}

fn enters(events: &[Event]) -> usize {
    events.iter().filter(|e| matches!(e, Event::StepEntered { .. })).count()
}

#[test]
fn the_end_of_a_silence_pages_for_each_incident_in_its_turn() {
    for by_hand in [true, false] {
        let mut w = World::shop();
        w.silence_hosts(Ends::After(Span::mins(10)));
        w.fire_many(MANY, Severity::Critical);
        assert!(w.pages.is_empty());
        let end = if by_hand {
            Input::EndSilence { id: "s1".into(), by: by("ben") }
        } else {
            w.now.mono = w.now.mono + Span::mins(10);
            w.now.wall = w.now.wall + Span::mins(10);
            Input::TickOne { past: 0 }
        };
        let events = decided(&mut w, &end);
        assert_eq!(enters(&events), 0, "not all at once");
        assert_eq!(events.iter().filter(|e| matches!(e, Event::AlertUnmuted { .. })).count(), MANY);
        assert!(w.state.next_timer().is_some_and(|at| at <= w.now.mono), "they are due at once");
        let one = decided(&mut w, &Input::TickOne { past: 0 });
        assert_eq!(enters(&one), 1, "{one:?}");
        w.secs(1);
        assert_eq!(w.pages.len(), MANY);
        w.pages.clear();
        w.mins(4);
        assert_eq!(w.pages.len(), MANY, "each goes on as any other: {:?}", w.pages.last());
    }
}

#[test]
fn another_configuration_counts_for_each_incident_in_its_turn() {
    let mut w = World::shop();
    w.fire_many(MANY, Severity::Critical);
    assert_eq!(w.pages.len(), MANY);
    let mut setup = (*w.state.setup).clone();
    setup.timing.urgency.insert(Severity::Critical, Urgency::Low);
    let events = decided(&mut w, &Input::AdoptConfig { hash: "2".into(), setup: Arc::new(setup.clone()) });
    assert_eq!(enters(&events), 0);
    let long = |e: &Event| matches!(e, Event::AlertChanged { annotations: Some(_), .. });
    assert!(!events.iter().any(long), "what an alert says has not changed, and is not written again");
    w.secs(1);
    let calm = |w: &World| w.state.open_incidents().filter(|i| i.escalation.urgency == Urgency::Low).count();
    assert_eq!(calm(&w), MANY);
    // Whom they are paged for by another policy hear of each.
    setup.timing.urgency.clear();
    let other: Setup = serde_json::from_str(
        r#"{ "escalations": { "default": { "steps": [ { "page": [ { "person": "ana" } ], "wait": 300000 } ] },
             "second": { "steps": [ { "page": [ { "person": "ben" } ], "wait": 300000 } ] } } }"#,
    )
    .unwrap();
    setup.escalations = other.escalations;
    setup.integrations.get_mut("prom").unwrap().escalation = Some("second".into());
    w.pages.clear();
    let events = decided(&mut w, &Input::AdoptConfig { hash: "3".into(), setup: Arc::new(setup) });
    assert_eq!(enters(&events), 0);
    w.secs(1);
    let bens = w.pages.iter().filter(|p| p.contains("ben by push")).count();
    assert_eq!(bens, MANY, "{:?}", w.pages.last());
}
