//! Pages that arrive when nobody waits for them any more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::input::{CheckVerdict, Input};
use foghorn_core::page::{Outcome, PageKey};
use foghorn_core::setup::{Contact, EscalationPolicy, Setup, Step, Target};
use foghorn_core::time::Span;
use foghorn_core::words::Name;
use std::sync::Arc;
use world::World;

fn reload(w: &mut World, hash: &str, change: impl FnOnce(&mut Setup)) {
    let mut setup = (*w.state.setup).clone();
    change(&mut setup);
    w.put(Input::AdoptConfig { hash: hash.into(), setup: Arc::new(setup) });
}

fn busy() -> Outcome {
    Outcome::Retry { error: "busy".into(), after: None }
}

fn accepted() -> Outcome {
    Outcome::Accepted { detail: "ok".into() }
}

fn report(w: &mut World, key: &PageKey, channel: &str, outcome: Outcome) {
    let (key, channel) = (key.clone(), Some(Name::from(channel)));
    w.put(Input::Delivered { key, channel, outcome });
}

/// The one contact took it after it had been passed over; the other never does.
#[test]
fn whoever_has_the_page_by_a_contact_that_was_late_keeps_the_whole_wait() {
    let mut w = World::shop();
    w.broken = vec![("push".into(), busy()), ("sms".into(), busy())];
    w.fails("shop");
    w.secs(62);
    w.broken = vec![("sms".into(), busy())];
    w.secs(20);
    assert!(w.pages.iter().any(|p| p.ends_with("ana by push")), "{:?}", w.pages);
    w.secs(200);
    assert!(!w.pages.iter().any(|p| p.contains("ben")), "she has it: {:?} {:?}", w.pages, w.whys());
    w.secs(30);
    assert!(w.pages.iter().any(|p| p.contains("ben")), "after five minutes: {:?}", w.pages);
}

/// Everybody is paged; Ben's mail server takes its time, and Ana has acknowledged before it answers.
fn superseded(end: impl FnOnce(&mut World)) -> Vec<String> {
    let mut w = World::shop();
    reload(&mut w, "2", |setup| {
        let step = Step {
            page: vec![Target::Person("ana".into()), Target::Person("ben".into())],
            wait: Span::mins(5),
        };
        setup.escalations.insert("default".into(), EscalationPolicy { steps: vec![step], repeat: None });
        setup.people.get_mut("ben").unwrap().contacts[0].channel = "mail".into();
    });
    let verdict = CheckVerdict::Failing { summary: "no".into(), severity: None };
    let fails = Input::Check { check: "shop".into(), verdict, since: w.now.wall };
    w.try_put(fails).unwrap();
    let key = |w: &World, person: &str| {
        w.state.pages.values().find(|p| &*p.key.person == person).unwrap().key.clone()
    };
    let (ana, ben) = (key(&w, "ana"), key(&w, "ben"));
    w.try_put(Input::Delivered { key: ana, channel: Some("push".into()), outcome: accepted() }).unwrap();
    end(&mut w);
    let before = w.notices.len();
    report(&mut w, &ben, "mail", accepted());
    w.notices.split_off(before)
}

#[test]
fn whose_page_was_on_its_way_is_told_to_stand_down() {
    assert_eq!(superseded(|w| w.ack(1, "ana")), ["0s ben by mail: stand down"]);
    assert_eq!(superseded(|w| w.recovers("shop")), ["0s ben by mail: resolved"]);
    // Whoever has it knows.
    assert!(superseded(|w| w.ack(1, "ben")).is_empty());
}

/// The operator swaps two contacts while the mail server hangs with the page.
#[test]
fn an_outcome_by_a_channel_of_before_says_nothing_about_the_one_of_now() {
    for outcome in [accepted(), Outcome::Failed { error: "no such user".into() }] {
        let mut w = World::shop();
        let contact = |channel: &str, after: Span| Contact {
            channel: channel.into(),
            after,
            ..w.state.setup.people["ana"].contacts[0].clone()
        };
        let (mail, hook) = (contact("mail", Span::ZERO), contact("hook", Span::mins(2)));
        let (mail_late, hook_now) = (contact("mail", Span::mins(2)), contact("hook", Span::ZERO));
        reload(&mut w, "2", |s| s.people.get_mut("ana").unwrap().contacts = vec![mail, hook]);
        // Nothing is handed to a channel here: the attempt goes on.
        let mut events = Vec::new();
        let verdict = CheckVerdict::Failing { summary: "no".into(), severity: None };
        let fails = Input::Check { check: "shop".into(), verdict, since: w.now.wall };
        foghorn_core::decide(&mut w.state, w.now, &fails, &mut events).unwrap();
        let due = |w: &World| {
            w.state.due_pages(w.now.mono).map(|p| (p.key.clone(), p.channel.to_string())).collect::<Vec<_>>()
        };
        let (key, channel) = due(&w).remove(0);
        assert_eq!(channel, "mail");
        let mut setup = (*w.state.setup).clone();
        setup.people.get_mut("ana").unwrap().contacts = vec![hook_now, mail_late];
        let adopt = Input::AdoptConfig { hash: "3".into(), setup: Arc::new(setup) };
        foghorn_core::decide(&mut w.state, w.now, &adopt, &mut events).unwrap();
        assert_eq!(due(&w), [(key.clone(), "hook".to_owned())]);
        let late = Input::Delivered { key: key.clone(), channel: Some("mail".into()), outcome };
        foghorn_core::decide(&mut w.state, w.now, &late, &mut events).unwrap();
        assert_eq!(due(&w), [(key, "hook".to_owned())], "it has not been called yet");
    }
}

/// A thousand ended alerts come before the one that counts.
#[test]
fn the_policy_of_the_worst_open_alert_is_found_behind_all_that_has_ended() {
    let mut w = World::shop();
    reload(&mut w, "2", |setup| {
        let step = Step { page: vec![Target::Person("cy".into())], wait: Span::mins(5) };
        setup.escalations.insert("platform".into(), EscalationPolicy { steps: vec![step], repeat: None });
        setup.integrations.get_mut("prom").unwrap().escalation = Some("platform".into());
    });
    let pod = |n: u32| n.to_string();
    w.fails("disk");
    for n in 0..1001 {
        let id = pod(n);
        let labels = [("alertname", "Pod"), ("pod", &*id), ("entity", "db"), ("severity", "info")];
        w.fire(&labels);
        w.end(&labels);
    }
    assert_eq!(w.open(), [1]);
    w.fire(&[("alertname", "Down"), ("entity", "db"), ("severity", "critical")]);
    assert_eq!(w.incident(1).escalation.policy.as_deref(), Some("platform"));
    assert_eq!(w.pages.last().map(String::as_str), Some("0s cy by mail"));
}
