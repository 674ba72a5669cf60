//! The loop against a journal that answers late, fails, or lies in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod owner;

use foghorn_core::alert::AlertItem;
use foghorn_core::input::{Answer, CheckVerdict, Input};
use foghorn_core::labels::Labels;
use foghorn_core::page::Outcome;
use foghorn_core::setup::Setup;
use foghorn_core::time::{Now, Span};
use foghorn_core::{Event, State};
use foghorn_engine::engine::{Appended, Found, Limits};
use foghorn_engine::{Action, Class, Engine, Reply};
use owner::{Owner, ack, alert};
use std::sync::Arc;

fn why() -> Arc<str> {
    Arc::from("no answer from the disk for 2s")
}

/// What came due while Foghorn was away is looked at only when it knows that it was away: nothing was missed that nobody
/// could hear.
#[test]
fn the_start_is_decided_before_what_is_due() {
    let mut o = Owner::new();
    let item = AlertItem {
        lifetime: Some(Span::mins(5)),
        ..AlertItem::firing(Labels::from_pairs([("alertname", "Down")]), Labels::empty())
    };
    o.submit(Class::Intake, Input::Alerts { source: "prom".into(), items: vec![item] });
    o.flow();
    let away = Span::hours(1);
    o.engine = Engine::new(o.replayed(), o.disk.len() as u64, o.head, [8; 16], Limits::default());
    o.now = Now { mono: o.now.mono + away, wall: o.now.wall + away };
    o.submit(Class::Paging, Input::Start { version: "test".into(), down: away, life: 1 });
    o.flow();
    let status: Vec<_> = o.engine.state().alerts.values().map(|a| a.status).collect();
    assert_eq!(status, [foghorn_core::alert::AlertStatus::Firing]);
}

/// Whoever is restarted often takes snapshots all the same: what is read at a start would grow for ever.
#[test]
fn a_snapshot_is_due_by_the_one_before_however_often_it_starts() {
    let mut o = Owner::new();
    let (mut last, mut snapshots) = (0, 0);
    for n in 0..40 {
        let limits = Limits { snapshot_every: 20, ..Limits::default() };
        let engine = Engine::new(o.replayed(), o.disk.len() as u64, o.head, [n; 16], limits);
        o.engine = engine.with_snapshot(last, 0);
        o.wait(2000);
        o.submit(Class::Intake, alert(n.into()));
        o.flow();
        for taken in o.other.drain(..) {
            last = taken.strip_prefix("snapshot of ").unwrap().parse().unwrap();
            snapshots += 1;
        }
        assert!(o.disk.len() as u64 - last < 40, "{last} of {}", o.disk.len());
    }
    assert!(snapshots > 1);
}

/// The outcome of an earlier attempt, which took longer than the deadline, says nothing about the one that left since.
#[test]
fn a_page_that_left_after_a_late_outcome_came_is_on_its_way() {
    let mut o = Owner::new();
    let limits = Limits { send_deadline: Span::secs(20), ..Limits::default() };
    o.engine = Engine::new(o.replayed(), o.disk.len() as u64, o.head, [8; 16], limits);
    o.submit(Class::Intake, alert(1));
    o.flow();
    let key = o.sent[0].clone();
    o.wait(20_001);
    o.flow();
    assert_eq!(o.sent.iter().filter(|k| **k == key).count(), 2, "nothing was heard of the first: again");
    // Both outcomes, of which the second comes while the first is being written; the page leaves a third time between.
    let busy = || Outcome::Retry { error: "busy".into(), after: Some(Span(0)) };
    o.submit(Class::Paging, Input::Delivered { key: key.clone(), channel: None, outcome: busy() });
    o.submit(Class::Paging, Input::Delivered { key: key.clone(), channel: None, outcome: busy() });
    o.now = Now { mono: o.now.mono + Span::secs(10), wall: o.now.wall + Span::secs(10) };
    o.flow();
    o.wait(10_000);
    o.flow();
    assert_eq!(o.sent.iter().filter(|k| **k == key).count(), 3, "its outcome is awaited");
}

#[test]
fn a_reply_and_a_page_wait_for_the_disk() {
    let mut o = Owner::new();
    let t = o.submit(Class::Intake, alert(1));
    assert!(o.reply(t).is_none() && o.sent.is_empty());
    o.flow();
    assert_eq!(o.reply(t), Some(&Reply::Saved(Answer::Done)));
    assert_eq!(o.sent.len(), 1);
    assert_eq!(&o.replayed(), o.engine.state());
}

#[test]
fn what_queues_while_a_batch_is_in_flight_is_the_next_batch() {
    let mut o = Owner::new();
    let tickets: Vec<u64> = (0..50).map(|n| o.submit(Class::Intake, alert(n))).collect();
    assert_eq!(o.engine.queued(), 49);
    let before = o.disk.len();
    let id = o.write();
    o.on(Action::Appended { id, result: Appended::Durable });
    assert_eq!(o.engine.queued(), 0);
    o.flow();
    assert!(tickets.iter().all(|t| o.reply(*t) == Some(&Reply::Saved(Answer::Done))));
    assert!(o.disk.len() > before + 100);
    assert_eq!(&o.replayed(), o.engine.state());
}

/// Were all of it one batch, the disk would have nothing to do until it is decided, and then everybody would wait for the disk.
#[test]
fn of_much_that_comes_at_once_the_disk_has_a_part_while_the_rest_is_decided() {
    let mut o = Owner::new();
    let first = o.tickets + 1;
    for n in 0..1000 {
        o.tickets += 1;
        o.on(Action::Submit { input: alert(n), class: Class::Intake, ticket: Some(o.tickets) });
    }
    o.on(Action::Poll);
    let part = o.held.as_ref().unwrap().written.records.len();
    assert!(part < 1000, "{part} records, of which at least a thousand wait");
    let mut polls = 0;
    while o.engine.next_wakeup().is_some_and(|at| at <= o.now.mono) {
        o.on(Action::Poll);
        polls += 1;
    }
    assert!(polls > 1, "in parts, each of which lets an answer of the disk through");
    let id = o.write();
    o.on(Action::Appended { id, result: Appended::Durable });
    assert!(o.held.as_ref().unwrap().written.records.len() > part, "what was decided meanwhile is one batch");
    o.flow();
    assert!((first..=o.tickets).all(|t| o.reply(t) == Some(&Reply::Saved(Answer::Done))));
    assert_eq!(&o.replayed(), o.engine.state());
}

#[test]
fn a_disk_that_hangs_does_not_stop_paging() {
    let mut o = Owner::new();
    let t = o.submit(Class::Intake, alert(1));
    o.wait(1999);
    assert!(o.sent.is_empty());
    o.wait(1);
    assert_eq!(o.sent.len(), 1, "the page leaves from memory");
    assert_eq!(o.reply(t), Some(&Reply::Unavailable(why())), "but nothing is claimed that is not durable");
    let a = o.submit(Class::Paging, ack(1));
    assert_eq!(o.reply(a), Some(&Reply::NotSaved(Answer::Done, why())), "a person's acknowledgement counts");
    assert!(o.engine.state().incident(1).unwrap().is_acknowledged());
    let t = o.submit(Class::Intake, alert(2));
    assert!(matches!(o.reply(t), Some(Reply::Unavailable(_))));
    assert_eq!(o.sent.len(), 2);
    assert!(!o.disk.iter().any(|r| r.late));
    // The disk answers after all.
    o.wait(60_000);
    let id = o.write();
    o.on(Action::Appended { id, result: Appended::Durable });
    o.flow();
    assert_eq!(o.other.last().unwrap(), "recovered, 0 lost");
    assert!(o.engine.state().incident(1).unwrap().is_acknowledged(), "the acknowledgement was not lost");
    assert_eq!(o.engine.state().open_count(), 2);
    assert_eq!(&o.replayed(), o.engine.state());
    assert!(o.disk.iter().any(|r| r.late));
    let t = o.submit(Class::Intake, alert(3));
    o.flow();
    assert_eq!(o.reply(t), Some(&Reply::Saved(Answer::Done)));
}

#[test]
fn an_unknown_outcome_is_settled_by_looking() {
    for there in [false, true] {
        let mut o = Owner::new();
        o.submit(Class::Intake, alert(1));
        let id = o.held.as_ref().unwrap().id;
        let batch = if there { o.write() } else { o.held.take().unwrap().id };
        assert_eq!(id, batch);
        o.on(Action::Appended { id, result: Appended::Unknown("disk I/O error".into()) });
        assert_eq!(o.sent.len(), 1);
        let key = o.sent[0].clone();
        o.submit(
            Class::Paging,
            Input::Delivered { key, channel: None, outcome: Outcome::Accepted { detail: String::new() } },
        );
        o.wait(1000);
        assert_eq!(o.other.last().unwrap(), "settle");
        o.on(Action::Settled { found: Found::StillBroken("read-only file system".into()) });
        o.wait(1000);
        let head = o.head;
        o.on(Action::Settled { found: Found::Head(head) });
        o.flow();
        assert_eq!(o.other.last().unwrap(), "recovered, 0 lost");
        assert_eq!(o.engine.state().open_count(), 1);
        assert_eq!(o.sent.len(), 1, "what was sent from memory is not sent again");
        assert_eq!(&o.replayed(), o.engine.state());
        let opened =
            o.disk.iter().filter(|r| matches!(r.event, foghorn_core::Event::AlertOpened { .. })).count();
        assert_eq!(opened, 1, "there: {there}");
    }
}

#[test]
fn a_refused_append_loses_nothing() {
    let mut o = Owner::new();
    let t = o.submit(Class::Intake, alert(1));
    let id = o.held.take().unwrap().id;
    o.on(Action::Appended { id, result: Appended::Refused("disk full".into()) });
    assert_eq!(o.reply(t), Some(&Reply::Unavailable(Arc::from("disk full"))));
    assert_eq!((o.sent.len(), o.other[0].as_str()), (1, "degraded: disk full"));
    o.wait(1000);
    let head = o.head;
    o.on(Action::Settled { found: Found::Head(head) });
    o.flow();
    assert_eq!((o.engine.state().open_count(), &o.replayed()), (1, o.engine.state()));
}

#[test]
fn escalation_goes_on_in_memory_and_is_written_afterwards() {
    let mut o = Owner::new();
    o.submit(Class::Intake, alert(1));
    let id = o.held.take().unwrap().id;
    o.on(Action::Appended { id, result: Appended::Refused("disk full".into()) });
    for _ in 0..25 {
        while let Some(key) = o
            .sent
            .iter()
            .find(|k| o.engine.state().pages.get(*k).is_some_and(|p| p.due_at().is_some()))
            .cloned()
        {
            o.submit(
                Class::Paging,
                Input::Delivered { key, channel: None, outcome: Outcome::Accepted { detail: String::new() } },
            );
        }
        o.wait(60_000);
    }
    assert_eq!(o.sent.len(), 6, "every five minutes");
    let head = o.head;
    o.on(Action::Settled { found: Found::Head(head) });
    o.flow();
    let late = o
        .disk
        .iter()
        .filter(|r| matches!(r.event, foghorn_core::Event::StepEntered { .. }) && r.late)
        .count();
    assert_eq!(late, 6);
    assert_eq!(&o.replayed(), o.engine.state());
    assert_eq!(o.sent.len(), 6);
}

#[test]
fn a_page_whose_outcome_never_comes_is_sent_again() {
    let mut o = Owner::new();
    o.submit(Class::Intake, alert(1));
    o.flow();
    o.wait(60_000);
    o.flow();
    assert_eq!(
        o.sent.len(),
        2,
        "not accepted for a minute: passed over, and the policy's only step is entered again"
    );
    o.wait(121_000);
    assert_eq!(o.sent.len(), 3);
    assert_eq!(o.sent[1], o.sent[2], "under the same key, so that a receiver can tell");
}

#[test]
fn the_next_wakeup_is_never_in_the_past_for_long() {
    let mut o = Owner::new();
    for n in 0..5 {
        o.submit(Class::Intake, alert(n));
    }
    for _ in 0..2000 {
        o.flow();
        let Some(at) = o.engine.next_wakeup() else { break };
        let ahead = at.since(o.now.mono).0.max(1);
        o.wait(ahead);
    }
    assert!(o.now.mono.0 > 600_000, "2000 wake-ups are not spent in one moment: {:?}", o.now.mono);
}

#[test]
fn at_the_limit_other_tools_are_the_first_that_are_not_kept() {
    let mut o = Owner::new();
    o.engine = Engine::new(
        o.replayed(),
        o.disk.len() as u64,
        o.head,
        [9; 16],
        Limits { kept: 10, ..Limits::default() },
    );
    o.submit(Class::Intake, alert(0));
    let id = o.held.take().unwrap().id;
    o.on(Action::Appended { id, result: Appended::Refused("disk full".into()) });
    for n in 1..20 {
        o.submit(Class::Intake, alert(n));
    }
    o.submit(Class::Paging, ack(1));
    o.wait(1000);
    let head = o.head;
    o.on(Action::Settled { found: Found::Head(head) });
    o.flow();
    assert!(
        o.other.last().unwrap().starts_with("recovered, ") && !o.other.last().unwrap().contains(" 0 lost")
    );
    assert!(o.engine.stats().lost > 0, "they are counted for good");
    assert_eq!(&o.replayed(), o.engine.state());
}

/// A check says once that it fails. What became of thousands of pages must not be kept in the place of that.
#[test]
fn at_the_limit_what_a_check_said_is_kept_and_outcomes_are_not() {
    let mut o = Owner::new();
    let limits = Limits { kept: 50, ..Limits::default() };
    o.engine = Engine::new(o.replayed(), o.disk.len() as u64, o.head, [9; 16], limits);
    let setup = r#"{ "people": { "ana": { "name": "Ana", "time_zone": "UTC", "contacts": [ { "channel": "push" } ] } },
        "escalations": { "default": { "steps": [ { "page": [ { "person": "ana" } ], "wait": 300000 } ] } },
        "checks": { "shop": { "entity": "shop", "severity": "critical" } } }"#;
    let setup: Arc<Setup> = Arc::new(serde_json::from_str(setup).unwrap());
    o.submit(Class::World, Input::AdoptConfig { hash: "2".into(), setup });
    let id = o.held.take().unwrap().id;
    o.on(Action::Appended { id, result: Appended::Refused("disk full".into()) });
    let verdict = CheckVerdict::Failing { summary: "no".into(), severity: None };
    o.submit(Class::World, Input::Check { check: "shop".into(), verdict, since: o.now.wall });
    let key = o.sent.last().unwrap().clone();
    for n in 0..500 {
        let outcome = match n % 2 {
            0 => Outcome::Accepted { detail: String::new() },
            _ => Outcome::Retry { error: "busy".into(), after: None },
        };
        o.submit(Class::Paging, Input::Delivered { key: key.clone(), channel: None, outcome });
    }
    let acked = o.submit(Class::Paging, ack(1));
    assert!(matches!(o.reply(acked), Some(Reply::NotSaved(Answer::Done, _))), "{:?}", o.reply(acked));
    o.wait(1000);
    o.on(Action::Settled { found: Found::Head(o.head) });
    o.flow();
    assert!(!o.engine.is_degraded() && o.engine.stats().lost > 400, "{:?}", o.engine.stats());
    let incident = o.replayed().incident(1).cloned().expect("it is still known that the shop is down");
    assert!(incident.is_acknowledged());
}

/// An incident of alerts that could not be kept is gone, and who was on it is not on the next one.
#[test]
fn an_act_counts_for_no_other_incident_than_the_one_it_was_about() {
    let mut o = Owner::new();
    let limits = Limits { kept: 10, ..Limits::default() };
    o.engine = Engine::new(o.replayed(), o.disk.len() as u64, o.head, [9; 16], limits);
    o.submit(Class::Intake, alert(0));
    let id = o.held.take().unwrap().id;
    o.on(Action::Appended { id, result: Appended::Refused("disk full".into()) });
    let flood = (0..11).map(|n| {
        let labels = [("alertname", "flood".to_string()), ("host", "h".to_string()), ("n", n.to_string())];
        AlertItem::firing(Labels::from_pairs(labels), Labels::empty())
    });
    let flood = Input::Alerts { source: "prom".into(), items: flood.collect() };
    let open = |title: &str| Input::Open {
        title: title.into(),
        severity: foghorn_core::words::Severity::Critical,
        entity: None,
        escalation: None,
        note: None,
        by: foghorn_core::words::Actor::system(),
    };
    o.submit(Class::Intake, flood);
    o.submit(Class::Paging, open("the database is down"));
    o.submit(Class::Paging, open("so is the shop"));
    let titles = |state: &State| -> Vec<(u64, String, bool)> {
        state.incidents.values().map(|i| (i.id, i.title.to_string(), i.is_acknowledged())).collect()
    };
    let id =
        |o: &Owner, title: &str| titles(o.engine.state()).iter().find(|i| i.1.contains(title)).unwrap().0;
    let flood = id(&o, "flood");
    o.submit(Class::Paging, ack(flood));
    o.submit(Class::Paging, ack(id(&o, "shop")));
    let mut expected = titles(o.engine.state());
    expected.retain(|(id, ..)| *id != flood);
    o.wait(1000);
    o.on(Action::Settled { found: Found::Head(o.head) });
    o.flow();
    assert_eq!(titles(&o.replayed()), expected, "each is who it was, without the flood");
    assert_eq!(&o.replayed(), o.engine.state());
}

/// The second batch is decided while the first is being written. The first is refused: both are decided again, in order.
#[test]
fn what_was_decided_ahead_of_a_batch_that_is_refused_is_decided_again() {
    let mut o = Owner::new();
    let first = o.submit(Class::Intake, alert(1));
    let second = o.submit(Class::Intake, alert(2));
    let acked = o.submit(Class::Paging, ack(1));
    assert_eq!(o.engine.queued(), 2);
    let (refused, before) = (o.held.take().unwrap().id, o.disk.len());
    o.on(Action::Appended { id: refused, result: Appended::Refused("disk full".into()) });
    o.on(Action::Poll);
    assert_eq!(o.reply(first), Some(&Reply::Unavailable("disk full".into())));
    assert_eq!(o.reply(second), Some(&Reply::Unavailable("disk full".into())));
    assert_eq!(o.reply(acked), Some(&Reply::NotSaved(Answer::Done, "disk full".into())));
    assert!(o.disk.len() == before && o.held.is_none());
    o.wait(1000);
    let head = o.head;
    o.on(Action::Settled { found: Found::Head(head) });
    o.flow();
    assert!(!o.engine.is_degraded());
    assert_eq!(&o.replayed(), o.engine.state());
    let opened = o.disk.iter().filter(|r| matches!(r.event, Event::AlertOpened { .. })).count();
    assert_eq!(opened, 2, "each once");
    assert!(o.disk.iter().any(|r| matches!(r.event, Event::Acknowledged { .. })));
}
