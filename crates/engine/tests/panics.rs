//! Decisions that panic: what a bug in a rule would do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod owner;

use foghorn_core::alert::AlertItem;
use foghorn_core::incident::IncidentId;
use foghorn_core::input::{Answer, Input, Refusal};
use foghorn_core::labels::Labels;
use foghorn_core::time::Now;
use foghorn_core::words::Severity;
use foghorn_core::{Event, State, decide};
use foghorn_engine::engine::{Appended, Found};
use foghorn_engine::{Action, Class, Engine, Reply};
use owner::{Owner, ack, alert};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// As the rules decide; but when an alert of the host `poison` opens, or the incident of the host `cursed` comes to its next
/// step, they panic, when all of it has been put into the state.
fn with_a_bug(
    state: &mut State,
    now: Now,
    input: &Input,
    events: &mut Vec<Event>,
) -> Result<Answer, Refusal> {
    let decided = decide(state, now, input, events);
    let cursed = |id: &IncidentId| state.incident(*id).unwrap().title.contains("cursed");
    for event in &*events {
        match event {
            Event::AlertOpened { alert, .. } => {
                assert!(alert.labels.get("host") != Some("poison"), "a bug in a rule");
            }
            Event::StepEntered { id, round, .. } => assert!(*round == 0 || !cursed(id), "a bug in a rule"),
            _ => {}
        }
    }
    decided
}

fn of(host: &str) -> Input {
    let labels = Labels::from_pairs([("alertname", "Down"), ("host", host)]);
    let annotations = Labels::from_pairs([("summary", host)]);
    let item = AlertItem { severity: Some(Severity::Critical), ..AlertItem::firing(labels, annotations) };
    Input::Alerts { source: "prom".into(), items: vec![item] }
}

fn buggy() -> Owner {
    let mut o = Owner::new();
    take_over(&mut o, |engine| engine.with_rules(with_a_bug));
    o
}

fn take_over(o: &mut Owner, with: impl FnOnce(Engine) -> Engine) {
    let (state, seq) = o.engine.saved();
    let engine = Engine::new(state.clone(), seq, o.head, [8; 16], Default::default());
    o.engine = with(engine);
}

fn bug() -> Reply {
    Reply::Unavailable(Arc::from(
        "a bug in Foghorn: this input could not be decided, and nothing was changed",
    ))
}

/// Of a whole batch those that panic are left out, answered, counted and said; all the others are as if they had never been.
#[test]
fn what_panics_is_set_aside_and_the_rest_of_the_batch_is_decided() {
    let (mut o, mut without) = (buggy(), Owner::new());
    let hosts = ["a", "poison", "b", "poison", "poison", "c"];
    let tickets: Vec<u64> = (100..).take(hosts.len()).collect();
    for (host, ticket) in hosts.iter().zip(&tickets) {
        o.on(Action::Submit { input: of(host), class: Class::Intake, ticket: Some(*ticket) });
        if *host != "poison" {
            without.on(Action::Submit { input: of(host), class: Class::Intake, ticket: Some(*ticket) });
        }
    }
    for o in [&mut o, &mut without] {
        o.on(Action::Poll);
        o.flow();
    }
    for (host, ticket) in hosts.iter().zip(&tickets) {
        let expected = if *host == "poison" { bug() } else { Reply::Saved(Answer::Done) };
        assert_eq!(o.reply(*ticket), Some(&expected), "{host}");
    }
    assert_eq!(o.engine.state(), without.engine.state(), "nothing that was half applied has stayed");
    assert_eq!((&o.replayed(), o.disk.len()), (o.engine.state(), without.disk.len()));
    assert_eq!((o.engine.stats().panics, o.sent.len()), (3, 3));
    assert_eq!(o.other, ["set aside: 1 alerts of prom"; 3]);
    let now = o.now;
    assert_eq!(o.engine.view(now).unwrap().stats.panics, 3, "a view tells of them");
}

/// A flood of what panics costs about as much as one that does not: what came before is decided again for the first one.
#[test]
fn many_that_panic_are_decided_once() {
    static DECIDED: AtomicUsize = AtomicUsize::new(0);
    fn counted(
        state: &mut State,
        now: Now,
        input: &Input,
        events: &mut Vec<Event>,
    ) -> Result<Answer, Refusal> {
        DECIDED.fetch_add(1, Ordering::Relaxed);
        with_a_bug(state, now, input, events)
    }
    let mut o = Owner::new();
    take_over(&mut o, |engine| engine.with_rules(counted));
    for n in 0..50 {
        o.on(Action::Submit { input: alert(n), class: Class::Intake, ticket: None });
    }
    for _ in 0..50 {
        o.on(Action::Submit { input: of("poison"), class: Class::Intake, ticket: None });
    }
    o.on(Action::Poll);
    o.flow();
    assert_eq!((o.engine.state().open_count(), o.engine.stats().panics), (50, 50));
    assert_eq!(DECIDED.load(Ordering::Relaxed), 150);
}

/// With the disk away as well: in memory, and again when it is back.
#[test]
fn what_panics_in_memory_is_set_aside_too() {
    let mut o = buggy();
    o.submit(Class::Intake, of("a"));
    let id = o.held.take().unwrap().id;
    o.on(Action::Appended { id, result: Appended::Refused("disk full".into()) });
    let bad = o.submit(Class::Intake, of("poison"));
    let acked = o.submit(Class::Paging, ack(1));
    assert_eq!(o.reply(bad), Some(&bug()));
    assert!(matches!(o.reply(acked), Some(Reply::NotSaved(Answer::Done, _))));
    o.wait(1000);
    let head = o.head;
    o.on(Action::Settled { found: Found::Head(head) });
    o.flow();
    assert!(!o.engine.is_degraded() && o.engine.state().incident(1).unwrap().is_acknowledged());
    assert_eq!((&o.replayed(), o.engine.stats().panics), (o.engine.state(), 1));
}

/// The disk goes away after the decision and before it was handed over.
#[test]
fn what_panicked_is_answered_when_the_disk_goes_away() {
    let mut o = buggy();
    o.submit(Class::Intake, of("a"));
    let id = o.held.take().unwrap().id;
    // Decided ahead, while the disk has the first.
    let (bad, good) = (o.submit(Class::Intake, of("poison")), o.submit(Class::Paging, ack(1)));
    o.on(Action::Appended { id, result: Appended::Refused("disk full".into()) });
    o.on(Action::Poll);
    assert_eq!(o.reply(bad), Some(&bug()));
    assert!(o.reply(good).is_some());
}

/// One incident whose next step panics holds up nobody else's, neither before nor after it, and is tried again once a second.
#[test]
fn what_is_due_and_panics_holds_nothing_else_up() {
    for cursed in 1..=3 {
        let mut o = buggy();
        for n in 1..=3 {
            o.submit(Class::Intake, of(if n == cursed { "cursed" } else { ["", "a", "b", "c"][n] }));
            o.flow();
        }
        for n in 1..=3 {
            o.submit(Class::Paging, delivered(&o, n));
            o.flow();
        }
        o.wait(301_000);
        o.flow();
        let rounds = |o: &Owner| -> Vec<u64> { o.sent.iter().skip(3).map(|key| key.incident).collect() };
        let others: Vec<u64> = (1..=3).filter(|n| *n != cursed as u64).collect();
        assert_eq!(rounds(&o), others, "the others are paged again; {cursed} is not");
        let panics = o.engine.stats().panics;
        assert!(panics >= 2, "the tick and the one that is set aside: {panics}");
        assert!(o.other.iter().all(|line| line == "set aside: something that was due"), "{:?}", o.other);
        let wakeup = o.engine.next_wakeup().unwrap();
        assert_eq!(wakeup.since(o.now.mono).0, 1000, "tried again, and not in a busy loop");
        o.wait(500);
        assert_eq!(o.engine.stats().panics, panics);
        o.wait(500);
        assert!(o.engine.stats().panics > panics);
        assert_eq!(&o.replayed(), o.engine.state());
    }
}

fn delivered(o: &Owner, n: usize) -> Input {
    let key = o.sent[n - 1].clone();
    let outcome = foghorn_core::page::Outcome::Accepted { detail: String::new() };
    Input::Delivered { key, channel: None, outcome }
}
