use super::*;
use foghorn_core::incident::Shape;
use foghorn_core::labels::{AlertKey, Labels};
use foghorn_core::page::PageKey;
use foghorn_core::time::{Mono, Now, Wall};
use foghorn_core::words::Urgency;
use proptest::prelude::*;
use std::sync::Arc;

/// At a second, with the next number.
fn records(events: Vec<(i64, Event)>) -> Vec<Record> {
    let record = |(n, (second, event)): (usize, (i64, Event))| Record {
        seq: n as u64 + 1,
        at: Now { mono: Mono(0), wall: Wall(second * 1000) },
        late: false,
        event,
    };
    events.into_iter().enumerate().map(record).collect()
}

fn opened(name: &str, entity: Option<&str>, severity: Severity) -> Event {
    let alert = Alert {
        key: AlertKey::from_bytes([7; 16]),
        source: "prometheus".into(),
        labels: Labels::from_pairs([("alertname", name)]),
        annotations: Labels::empty(),
        severity,
        urgency: Urgency::High,
        entity: entity.map(Name::from),
        group: "g".into(),
        escalation: "default".into(),
        started: Wall(0),
        received: Now { mono: Mono(0), wall: Wall(0) },
        held_until: None,
        status: AlertStatus::Firing,
        lifetime: None,
        incident: 1,
        muted: None,
    };
    Event::AlertOpened { alert: Arc::new(alert), place: 1, expires: None }
}

fn down() -> Event {
    opened("Down", Some("db"), Severity::Critical)
}

fn grew() -> Event {
    let shape =
        Shape { revision: 1, severity: Severity::Critical, width: 9, urgency: Urgency::High, alerts: 9 };
    Event::IncidentGrew { id: 1, shape, title: None }
}

fn tried(person: &str, kind: PageKind, outcome: Outcome) -> Event {
    let key = PageKey { incident: 1, kind, wave: 1, round: 0, step: 0, person: person.into(), contact: 0 };
    Event::PageAttempted { key, channel: "phone".into(), attempt: 1, outcome, retry: None }
}

fn retry(person: &str) -> Event {
    tried(person, PageKind::Page, Outcome::Retry { error: "451 try later".to_owned(), after: None })
}

fn told(events: Vec<(i64, Event)>) -> String {
    let records = records(events);
    let all: Vec<&Record> = records.iter().collect();
    let person = |id: &Name| id.to_uppercase();
    let line = |f: Fold| {
        let last = f.of.end - 1;
        match f.words {
            Some(words) => format!("{}-{last} {words}\n", f.of.start),
            None => format!("{}\n", f.of.start),
        }
    };
    fold(&all, &person).into_iter().map(line).collect()
}

#[test]
fn a_storm_is_one_line_and_what_it_came_to_is_another() {
    let mut storm: Vec<(i64, Event)> = Vec::new();
    for n in 0..3 {
        let name = format!("shop-{n}");
        storm.extend([(n, opened("Down", Some(&name), Severity::Critical)), (n, grew()), (n, down())]);
    }
    storm.push((4, grew()));
    insta::assert_snapshot!(told(storm), @r"
    0-8 6 critical alerts Down on 4 entities from prometheus
    9
    ");
    let mixed = vec![
        (0, opened("Down", None, Severity::Warning)),
        (0, opened("Slow", None, Severity::Critical)),
        (0, opened("Slow", Some("db"), Severity::Critical)),
        (0, down()),
    ];
    insta::assert_snapshot!(told(mixed), @"0-3 4 alerts (3 critical, 1 warning) on db from prometheus");
}

#[test]
fn a_page_that_nobody_takes_is_one_line_until_somebody_does() {
    let accepted = Outcome::Accepted { detail: String::new() };
    let pages = vec![
        (0, retry("ana")),
        (5, retry("ana")),
        (10, retry("ben")),
        (300, retry("ana")),
        (600, tried("ana", PageKind::Page, Outcome::Failed { error: "no such number\nat all".to_owned() })),
        (601, tried("ana", PageKind::Page, accepted.clone())),
        (602, tried("ana", PageKind::Page, accepted.clone())),
        (603, tried("ana", PageKind::Page, accepted.clone())),
        (604, tried("ana", PageKind::Page, accepted)),
    ];
    insta::assert_snapshot!(told(pages), @r"
    0-4 5 attempts to page ANA by phone, BEN by phone failed, the last one: no such number at all
    5
    6
    7
    8
    ");
}

#[test]
fn of_many_people_who_are_not_reached_some_are_named() {
    let everyone = ["ana", "ben", "caro", "dora", "ed"].map(|p| (0, retry(p))).to_vec();
    insta::assert_snapshot!(told(everyone), @"0-4 5 attempts to page ANA by phone, BEN by phone, CARO by phone and 2 more failed, the last one: 451 try later");
}

#[test]
fn few_and_others_and_what_is_long_apart_stay_as_they_are() {
    let muted = |by: &str| Event::AlertMuted {
        alert: foghorn_core::event::AlertRef { key: AlertKey::from_bytes([7; 16]), incident: 1, place: 1 },
        by: by.into(),
    };
    let three = || vec![(0, down()), (0, down()), (0, down())];
    let apart = [three(), vec![(601, down()), (601, down()), (601, down())]].concat();
    let others = [three(), vec![(0, muted("a")), (0, muted("b")), (0, muted("a")), (0, muted("b"))]].concat();
    // Attempts are of no storm: the incident grew between them.
    let between =
        vec![(0, retry("ana")), (1, retry("ana")), (2, grew()), (3, retry("ana")), (4, retry("ana"))];
    let notices = [PageKind::Page, PageKind::Resolved, PageKind::Page, PageKind::Resolved];
    let failed = || Outcome::Failed { error: "gone".to_owned() };
    let notices = notices.map(|kind| (0, tried("ana", kind, failed()))).to_vec();
    for events in [three(), apart, others, between, notices] {
        let one_each: String = (0..events.len()).map(|n| format!("{n}\n")).collect();
        assert_eq!(told(events), one_each);
    }
}

proptest! {
    /// Nothing is left out, nothing is told twice, nothing changes its place; what is folded is many.
    #[test]
    fn every_record_is_in_one_line(kinds in prop::collection::vec((0u8..6, 0i64..400), 0..60)) {
        let mut second = 0;
        let events = kinds.iter().map(|(kind, later)| {
            second += later;
            (second, match kind {
                0 => grew(),
                1 => retry("ana"),
                2 => opened("Slow", None, Severity::Warning),
                3 => Event::IncidentReopened { id: 1, why: "again".to_owned(), title: None, withdrawn: false },
                _ => down(),
            })
        });
        let records = records(events.collect());
        let all: Vec<&Record> = records.iter().collect();
        let lines = fold(&all, &|id| id.to_string());
        let places: Vec<usize> = lines.iter().flat_map(|f| f.of.clone()).collect();
        prop_assert_eq!(places, (0..all.len()).collect::<Vec<_>>());
        for line in lines {
            prop_assert_eq!(line.words.is_some(), line.of.len() >= MANY);
            let within = &all[line.of.clone()];
            prop_assert!(within.len() == 1 || Kind::of(&within[0].event).is_some());
            prop_assert!(within.len() == 1 || Kind::of(&within[within.len() - 1].event).is_some());
        }
    }
}
