use super::*;
use crate::alert::Alert;
use crate::change::Change;
use crate::event::{AlertRef, ContactTurn};
use crate::incident::Shape;
use crate::labels::Labels;
use crate::schedule::Override;
use crate::setup::Setup;
use crate::silence::Matcher;
use crate::time::{Mono, Now, Wall};
use crate::update::Stage;
use crate::words::Severity;
use alloc::sync::Arc;
use alloc::vec;

struct Known;

impl Names for Known {
    fn person(&self, id: &Name) -> Option<String> {
        (id.as_str() == "day-ops").then(|| "Day operator".to_string())
    }

    fn alert(&self, _: &AlertKey) -> Option<String> {
        Some("shop: status is 502".to_string())
    }
}

fn actor(name: &str, via: Via) -> Actor {
    Actor { name: Name::from(name), via }
}

fn key(kind: PageKind) -> PageKey {
    PageKey { incident: 7, kind, wave: 1, round: 0, step: 0, person: "day-ops".into(), contact: 0 }
}

fn alert() -> Alert {
    let labels = Labels::from_pairs([("alertname", "shop")]);
    Alert {
        key: AlertKey::of("checks", &labels),
        source: "checks".into(),
        labels,
        annotations: Labels::from_pairs([("summary", "shop: status is 502")]),
        severity: Severity::Critical,
        urgency: Urgency::High,
        entity: Some("shop-api".into()),
        group: "g".into(),
        escalation: "default".into(),
        started: Wall(0),
        received: Now::default(),
        held_until: None,
        status: AlertStatus::Firing,
        lifetime: None,
        incident: 7,
        muted: None,
    }
}

/// One of each, and those whose words depend on what is in them. A new variant breaks `tag` first.
fn every_event() -> Vec<Event> {
    let key_of_alert = alert().key;
    let of_alert = AlertRef { key: key_of_alert, incident: 7, place: 1 };
    let why = || "for a reason".to_string();
    let contact =
        ContactTurn { contact: 0, channel: "email".into(), due: Mono(0), pass_over: Mono(0), calendar: None };
    let waits = vec![ContactTurn { calendar: Some(Wall(0)), ..contact.clone() }];
    let turn = PersonTurn { person: "day-ops".into(), urgency: Urgency::High, contacts: vec![contact] };
    let waits = PersonTurn { urgency: Urgency::Low, contacts: waits, ..turn.clone() };
    let step = |turns: Vec<PersonTurn>, gaps, round| Event::StepEntered {
        id: 7,
        wave: 1,
        round,
        step: 1,
        until: Mono(0),
        calendar: None,
        turns,
        gaps,
        why: why(),
    };
    let passed_over =
        |next, others| Event::ContactPassedOver { key: key(PageKind::Page), next, others, why: why() };
    let attempt = |kind, attempt, outcome| Event::PageAttempted {
        key: key(kind),
        channel: "email".into(),
        attempt,
        retry: matches!(outcome, Outcome::Retry { .. }).then_some(Mono(1)),
        outcome,
    };
    let silence = Silence {
        id: "s1".into(),
        matchers: vec![Matcher::parse("team=web").unwrap()],
        entities: ["web1".into()].into(),
        starts: Wall(0),
        ends: Wall(3_600_000),
        relative: false,
        by: actor("day-ops", Via::Api),
        comment: "new card".to_string(),
        maintenance: true,
    };
    let entry = Override {
        schedule: "primary".into(),
        person: "day-ops".into(),
        starts: Wall(0),
        ends: Wall(3_600_000),
    };
    vec![
        Event::Started { version: "0.1.0".to_string(), down: Span::ZERO, life: 1 },
        Event::Started { version: "0.1.0".to_string(), down: Span::secs(90), life: 2 },
        Event::ClockStepped { by: -90_000 },
        Event::NumbersTaken { next: 7 },
        Event::ConfigAdopted { hash: "0123456789abcdef".to_string(), setup: Arc::new(Setup::default()) },
        Event::AlertOpened { alert: Arc::new(alert()), place: 1, expires: None },
        Event::AlertOpened {
            alert: Arc::new(Alert { held_until: Some(Mono(1)), muted: Some("s1".into()), ..alert() }),
            place: 1,
            expires: None,
        },
        Event::AlertsRefreshed { source: "prometheus".into(), alerts: vec![(key_of_alert, Mono(1))] },
        Event::AlertsExtended { alerts: vec![(key_of_alert, Mono(1)); 2], why: why() },
        Event::AlertConfirmed { alert: of_alert },
        Event::AlertChanged {
            escalation: None,
            alert: of_alert,
            severity: Severity::Warning,
            urgency: Urgency::Low,
            annotations: None,
        },
        Event::AlertReworded {
            alert: of_alert,
            annotations: Labels::from_pairs([("message", "disk 91 % full")]),
        },
        Event::FollowUpPlanned { incidents: (1..300).collect(), again: Vec::new(), by_rule: alloc::vec![1] },
        Event::FollowedUp { id: 12 },
        Event::AlertStatusChanged {
            alert: of_alert,
            status: AlertStatus::Stale,
            held_until: None,
            why: why(),
        },
        Event::AlertStatusChanged {
            alert: of_alert,
            status: AlertStatus::Unknown,
            held_until: None,
            why: why(),
        },
        Event::AlertAwaited { alert: of_alert, until: Mono(1) },
        Event::AlertEnded { alert: of_alert, at: Wall(0), reason: EndReason::Sender, forget: false },
        Event::AlertEnded { alert: of_alert, at: Wall(0), reason: EndReason::NotRepeated, forget: false },
        Event::AlertMuted { alert: of_alert, by: "s1".into() },
        Event::AlertUnmuted { alert: of_alert },
        Event::AlertsRefused { source: "prometheus".into(), count: 3, why: why() },
        Event::SourceHeard { source: "prometheus".into() },
        Event::IncidentOpened {
            id: 7,
            title: "shop is down".into(),
            by: None,
            severity: None,
            urgency: Urgency::None,
            entity: None,
            escalation: None,
        },
        Event::IncidentOpened {
            id: 7,
            title: "shop is down".into(),
            by: Some(actor("day-ops", Via::Api)),
            severity: Some(Severity::Critical),
            urgency: Urgency::High,
            entity: None,
            escalation: None,
        },
        Event::IncidentGrew {
            id: 7,
            shape: Shape {
                revision: 2,
                severity: Severity::Critical,
                width: 3,
                urgency: Urgency::High,
                alerts: 3,
            },
            title: Some("the database is away".into()),
        },
        Event::IncidentResolved { id: 7, by: None, again: Mono(1), title: None, unwatched: false },
        Event::IncidentResolved { id: 7, by: None, again: Mono(1), title: None, unwatched: true },
        Event::IncidentResolved {
            id: 7,
            by: Some(actor("bot", Via::Api)),
            again: Mono(1),
            title: Some("the shop was down".into()),
            unwatched: false,
        },
        Event::IncidentReopened { id: 7, why: why(), title: Some("shop is slow".into()), withdrawn: false },
        Event::RecoveryAwaited { id: 7, until: Some(Mono(1)), why: why() },
        Event::RecoveryAwaited { id: 7, until: None, why: "unwell again".to_string() },
        Event::IncidentArchived { id: 7 },
        Event::Noted { id: 7, by: actor("day-ops", Via::Console), text: "it is the cable".to_string() },
        Event::StatusUpdated {
            id: 7,
            by: actor("day-ops", Via::Console),
            stage: Stage::Identified,
            text: "A cable is broken.".to_string(),
        },
        Event::StatusCorrected {
            id: 7,
            number: 1,
            by: actor("day-ops", Via::Console),
            text: Some("A cable was cut.".to_string()),
            was: "A cable is broken.".to_string(),
        },
        Event::StatusCorrected {
            id: 7,
            number: 1,
            by: actor("day-ops", Via::Api),
            text: None,
            was: "A cable was cut.".to_string(),
        },
        Event::EscalationStarted {
            id: 7,
            policy: "default".into(),
            wave: 1,
            urgency: Urgency::High,
            asked: false,
            why: String::new(),
        },
        Event::EscalationStarted {
            id: 7,
            policy: "default".into(),
            wave: 2,
            urgency: Urgency::Low,
            asked: false,
            why: why(),
        },
        Event::EscalationPaused { id: 7 },
        step(vec![turn.clone()], Vec::new(), 0),
        step(vec![turn], vec![Target::Everyone], 1),
        step(vec![waits], Vec::new(), 2),
        step(Vec::new(), vec![Target::Everyone], 0),
        Event::StepHastened { id: 7, until: Mono(1), why: why() },
        Event::NobodyAnswered { id: 7, rounds: 2 },
        attempt(PageKind::Page, 1, Outcome::Accepted { detail: String::new() }),
        attempt(PageKind::Resolved, 1, Outcome::Accepted { detail: "250 queued".to_string() }),
        attempt(PageKind::Page, 2, Outcome::Retry { error: "451 try later".to_string(), after: None }),
        attempt(PageKind::Page, 1, Outcome::Failed { error: "550 no such user".to_string() }),
        passed_over(Some((1, Mono(1))), None),
        passed_over(None, None),
        passed_over(Some((1, Mono(1))), Some(Others::Tried)),
        passed_over(None, Some(Others::Tried)),
        passed_over(None, Some(Others::Accepted)),
        passed_over(None, Some(Others::Exhausted)),
        Event::PageDropped { key: key(PageKind::Resolved), why: why() },
        Event::NoticesPlanned {
            id: 7,
            kind: PageKind::Acknowledged,
            wave: 1,
            to: vec![("day-ops".into(), 0, "email".into()), ("night-ops".into(), 0, "hook".into())],
        },
        Event::Acknowledged {
            id: 7,
            by: actor("day-ops", Via::Link),
            covers: Shape {
                revision: 1,
                severity: Severity::Critical,
                width: 2,
                urgency: Urgency::High,
                alerts: 2,
            },
            until: Mono(1),
        },
        Event::IncidentKept { id: 7, until: Mono(1) },
        Event::RetriesHastened { why: why() },
        Event::AcknowledgementKept { id: 7, until: Mono(1), by: None },
        Event::AcknowledgementKept { id: 7, until: Mono(1), by: Some(actor("day-ops", Via::Console)) },
        Event::AcknowledgementLapsed { id: 7, why: why() },
        Event::SilenceAdded { silence },
        Event::SilenceBegan { id: "s1".into() },
        Event::SilenceEnded { id: "s1".into(), by: None },
        Event::SilenceEnded { id: "s1".into(), by: Some(actor("day-ops", Via::Api)) },
        Event::OverrideAdded { id: "o1".into(), entry, by: Actor::system() },
        Event::OverrideRemoved { id: "o1".into(), by: None },
        Event::HeartbeatPinged {
            check: "backup".into(),
            ping: PingKind::Fail,
            run: Some("r1".to_string()),
            body: "disk full\nmore".to_string(),
            due: Mono(1),
            success_due: None,
            run_due: None,
        },
        Event::HeartbeatExpected { check: "backup".into(), due: Mono(1), why: why(), unheard: true },
        Event::ChangeRecorded {
            change: Change {
                at: Wall(0),
                source: "deploy".into(),
                summary: "shop-api 1.2.3".to_string(),
                entity: Some("shop-api".into()),
                link: None,
            },
        },
    ]
}

/// Place of a variant in the enum: exhaustive, so that a new one has to be added here and to `every_event`.
fn tag(event: &Event) -> usize {
    match event {
        Event::Started { .. } => 0,
        Event::ClockStepped { .. } => 1,
        Event::ConfigAdopted { .. } => 2,
        Event::AlertOpened { .. } => 3,
        Event::AlertsRefreshed { .. } => 4,
        Event::AlertsExtended { .. } => 5,
        Event::AlertConfirmed { .. } => 6,
        Event::AlertChanged { .. } => 7,
        Event::AlertStatusChanged { .. } => 8,
        Event::AlertAwaited { .. } => 9,
        Event::AlertEnded { .. } => 10,
        Event::AlertMuted { .. } => 11,
        Event::AlertUnmuted { .. } => 12,
        Event::AlertsRefused { .. } => 13,
        Event::SourceHeard { .. } => 14,
        Event::IncidentOpened { .. } => 15,
        Event::IncidentGrew { .. } => 16,
        Event::IncidentResolved { .. } => 17,
        Event::IncidentReopened { .. } => 18,
        Event::IncidentArchived { .. } => 19,
        Event::Noted { .. } => 20,
        Event::EscalationStarted { .. } => 21,
        Event::EscalationPaused { .. } => 22,
        Event::StepEntered { .. } => 23,
        Event::StepHastened { .. } => 24,
        Event::NobodyAnswered { .. } => 25,
        Event::PageAttempted { .. } => 26,
        Event::ContactPassedOver { .. } => 27,
        Event::PageDropped { .. } => 28,
        Event::NoticesPlanned { .. } => 29,
        Event::Acknowledged { .. } => 30,
        Event::AcknowledgementKept { .. } => 31,
        Event::AcknowledgementLapsed { .. } => 32,
        Event::SilenceAdded { .. } => 33,
        Event::SilenceBegan { .. } => 34,
        Event::SilenceEnded { .. } => 35,
        Event::OverrideAdded { .. } => 36,
        Event::OverrideRemoved { .. } => 37,
        Event::HeartbeatPinged { .. } => 38,
        Event::HeartbeatExpected { .. } => 39,
        Event::ChangeRecorded { .. } => 40,
        Event::StatusUpdated { .. } => 41,
        Event::RecoveryAwaited { .. } => 42,
        Event::StatusCorrected { .. } => 43,
        Event::IncidentKept { .. } => 44,
        Event::RetriesHastened { .. } => 45,
        Event::NumbersTaken { .. } => 46,
        Event::AlertReworded { .. } => 47,
        Event::FollowUpPlanned { .. } => 48,
        Event::FollowedUp { .. } => 49,
    }
}

fn record(event: Event) -> Record {
    Record { seq: 1, at: Now { mono: Mono(0), wall: Wall(1_794_971_560_000) }, late: false, event }
}

#[test]
fn every_event_has_its_words() {
    let events = every_event();
    let tags: alloc::collections::BTreeSet<usize> = events.iter().map(tag).collect();
    assert_eq!(
        tags.into_iter().collect::<Vec<_>>(),
        (0..=49).collect::<Vec<_>>(),
        "an event is missing in every_event"
    );
    let told: Vec<String> = events.into_iter().map(|e| sentence(&record(e), &Known)).collect();
    assert!(told.iter().all(|t| !t.is_empty()), "{told:#?}");
    assert_eq!(told.join("\n"), include_str!("tests.txt").trim_end());
}

#[test]
fn a_line_begins_with_the_time_where_the_reader_is() {
    let zone = crate::schedule::zone("Asia/Tokyo").unwrap();
    let event = Event::PageAttempted {
        key: key(PageKind::Page),
        channel: "email".into(),
        attempt: 2,
        outcome: Outcome::Retry { error: "451 try later".to_string(), after: None },
        retry: Some(Mono(1)),
    };
    let late = Record { late: true, ..record(event) };
    assert_eq!(
        line(&late, &Nameless, &zone),
        "12:12:40 could not reach day-ops by email (step 1, attempt 2), will try again: 451 try later (written down later)"
    );
}

/// The telephone at home and the one at work: both are reached by the same provider.
#[test]
fn contacts_on_one_channel_are_told_apart() {
    let setup = |contacts: &str| -> State {
        let text = alloc::format!(
            r#"{{ "people": {{ "day-ops": {{ "name": "Day", "time_zone": "UTC", "contacts": [ {contacts} ] }} }} }}"#
        );
        State { setup: alloc::sync::Arc::new(serde_json::from_str(&text).unwrap()), ..State::default() }
    };
    let second = PageKey { contact: 1, ..key(PageKind::Page) };
    let event = |attempt| Event::PageAttempted {
        key: second.clone(),
        channel: "sms".into(),
        attempt,
        outcome: Outcome::Accepted { detail: String::new() },
        retry: None,
    };
    let both = setup(r#"{ "channel": "sms" }, { "channel": "sms" }"#);
    assert_eq!(sentence(&record(event(1)), &both), "paged Day by sms (step 1, contact 2)");
    assert_eq!(sentence(&record(event(3)), &both), "paged Day by sms (step 1, contact 2, attempt 3)");
    let one = setup(r#"{ "channel": "email" }, { "channel": "sms" }"#);
    assert_eq!(sentence(&record(event(1)), &one), "paged Day by sms (step 1)");
}
