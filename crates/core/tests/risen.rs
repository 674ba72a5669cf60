//! What becomes worse or less bad while nobody has answered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::alert::AlertItem;
use foghorn_core::input::Input;
use foghorn_core::labels::Labels;
use foghorn_core::page::Outcome;
use foghorn_core::setup::{EscalationPolicy, Setup, Step, Target};
use foghorn_core::time::Span;
use foghorn_core::words::{Severity, Urgency};
use std::sync::Arc;
use world::{SHOP, World};

/// The same alert, however bad it is.
fn disk(w: &mut World, severity: Severity) {
    on(w, "web1", severity);
}

fn on(w: &mut World, host: &str, severity: Severity) {
    let labels = Labels::from_pairs([("alertname", "Disk"), ("host", host)]);
    let item = AlertItem { severity: Some(severity), ..AlertItem::firing(labels, Labels::empty()) };
    w.put(Input::Alerts { source: "prom".into(), items: vec![item] });
}

fn reload(w: &mut World, change: impl FnOnce(&mut Setup)) {
    let mut setup = (*w.state.setup).clone();
    change(&mut setup);
    w.put(Input::AdoptConfig { hash: "2".into(), setup: Arc::new(setup) });
}

/// Ana is paged once, and nobody after her.
fn one_round() -> World {
    let mut w = World::new(&SHOP.replace(r#""prom": {}"#, r#""prom": { "group_by": ["alertname"] }"#));
    reload(&mut w, |setup| {
        let step = Step { page: vec![Target::Person("ana".into())], wait: Span::mins(5) };
        let once = EscalationPolicy { steps: vec![step], repeat: Some(1) };
        setup.escalations.insert("default".into(), once);
    });
    w
}

#[test]
fn a_policy_at_its_end_begins_anew_for_what_rises_again() {
    let mut w = one_round();
    disk(&mut w, Severity::Critical);
    w.mins(30);
    let once = w.pages.len();
    disk(&mut w, Severity::Warning);
    w.mins(1);
    assert_eq!(w.pages.len(), once, "nobody is woken for a warning: {:?}", w.pages);
    disk(&mut w, Severity::Critical);
    assert_eq!(w.pages.len(), once + 1, "{:?}", w.pages);
    assert!(w.whys().contains(&"it is critical now".to_owned()), "{:?}", w.whys());
}

#[test]
fn a_policy_at_its_end_begins_anew_for_what_spreads() {
    let mut w = one_round();
    on(&mut w, "a", Severity::Critical);
    w.mins(30);
    let once = w.pages.len();
    on(&mut w, "b", Severity::Critical);
    assert_eq!(w.pages.len(), once + 1, "twice as wide: {:?}", w.pages);
    assert!(w.whys().contains(&"2 entities are unwell now, 1 before".to_owned()), "{:?}", w.whys());
    w.mins(30);
    let twice = w.pages.len();
    on(&mut w, "c", Severity::Critical);
    assert_eq!(w.pages.len(), twice, "one more of three: {:?}", w.pages);
    assert_eq!(w.open(), [1]);
}

/// Her telephone is to ring two minutes after the push: not for a warning.
#[test]
fn what_has_become_a_warning_rings_no_telephone() {
    let mut w = World::shop();
    disk(&mut w, Severity::Critical);
    assert_eq!(w.pages, ["0s ana by push"]);
    w.secs(10);
    disk(&mut w, Severity::Warning);
    assert_eq!(w.incident(1).escalation.urgency, Urgency::Low);
    w.mins(4);
    assert_eq!(w.pages, ["0s ana by push"]);
    // Critical once more, within the wait of the same step.
    disk(&mut w, Severity::Critical);
    assert_eq!(w.pages.len(), 2, "{:?}", w.pages);
}

#[test]
fn what_has_become_a_warning_is_not_tried_again_at_night() {
    let mut w = World::shop();
    w.broken.push(("push".into(), Outcome::Retry { error: "busy".into(), after: None }));
    disk(&mut w, Severity::Critical);
    assert_eq!(w.pages, ["0s ana by push fails"]);
    disk(&mut w, Severity::Warning);
    w.broken.clear();
    w.mins(300);
    assert_eq!(w.pages.len(), 1, "it is 8 in the morning: {:?}", w.pages);
    // Nobody has heard of it yet: at nine they do.
    w.mins(61);
    assert!(w.pages.iter().any(|p| p == "21600s ana by push"), "{:?}", w.pages);
}

#[test]
fn what_waits_for_the_morning_does_not_outlast_the_wave_that_woke_others() {
    let mut w = World::shop();
    w.fails("disk");
    assert!(w.pages.is_empty(), "a warning at night waits for Ana: {:?}", w.pages);
    // The policy of what is worse has only Ben.
    reload(&mut w, |setup| {
        let step = Step { page: vec![Target::Person("ben".into())], wait: Span::hours(12) };
        setup.escalations.insert("ops".into(), EscalationPolicy { steps: vec![step], repeat: None });
        setup.checks.get_mut("shop").unwrap().escalation = Some("ops".into());
    });
    w.fails("shop");
    assert_eq!((w.open(), w.pages.clone()), (vec![1], vec!["0s ben by push".to_owned()]));
    w.mins(7 * 60);
    assert_eq!(w.pages, ["0s ben by push"], "Ana is not in that policy");
}

/// Both of her telephones are on one channel; another is written in front of them while the second is to ring.
#[test]
fn contacts_on_one_channel_that_change_places_are_all_paged() {
    let contacts = r#"{ "channel": "push" }, { "channel": "sms", "after": 120000 }"#;
    let mut w = World::new(&SHOP.replace(contacts, &contacts.replace("sms", "push")));
    w.fails("shop");
    assert_eq!(w.pages, ["0s ana by push"]);
    reload(&mut w, |setup| {
        let contacts = &mut setup.people.get_mut("ana").unwrap().contacts;
        let first = contacts[0].clone();
        contacts.insert(0, first);
    });
    w.mins(3);
    let third = w.state.pages.values().any(|p| p.key.contact == 2 && p.attempts > 0);
    assert!(third, "{:?}", w.pages);
}

/// The page with that link told of a warning, and Foghorn died before that was on disk; before, it was critical.
#[test]
fn a_link_whose_page_was_lost_covers_no_more_than_was_known_after() {
    let mut w = World::shop();
    disk(&mut w, Severity::Critical);
    let before = w.incident(1).shape();
    w.secs(10);
    w.put(Input::Start { version: "test".into(), down: Span::secs(5), life: 2 });
    disk(&mut w, Severity::Warning);
    let i = w.incident(1);
    let between = before.revision + 1024;
    assert!(between < i.shape().revision && i.shape().severity == Severity::Warning, "{:?}", i.shapes);
    assert_eq!(i.shape_at(between).map(|s| s.severity), Some(Severity::Warning));
    assert_eq!(i.shape_at(before.revision), Some(before), "what is known stands");
}
