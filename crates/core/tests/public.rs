//! What people tell the public.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::event::Event;
use foghorn_core::incident::IncidentId;
use foghorn_core::input::{Answer, Input, Refusal};
use foghorn_core::time::Span;
use foghorn_core::update::{LATE_UPDATES, LONGEST_UPDATE, MOST_CORRECTIONS, MOST_TOLD, MOST_UPDATES, Stage};
use foghorn_core::words::Severity;
use foghorn_core::{State, decide};
use world::{World, by, with_components};

fn say(incident: IncidentId, stage: Stage, text: &str) -> Input {
    Input::StatusUpdate { incident, by: by("ana"), stage, text: text.to_owned() }
}

fn correct(number: u32, revision: Option<u32>, text: Option<&str>) -> Input {
    let text = text.map(str::to_owned);
    Input::CorrectUpdate { incident: 1, number, by: by("ben"), revision, text }
}

fn open(title: &str) -> Input {
    Input::Open {
        title: title.to_owned(),
        severity: Severity::Critical,
        entity: None,
        escalation: None,
        note: None,
        by: by("ana"),
    }
}

/// A world in which incident 1 is open.
fn outage() -> World {
    let mut w = World::new(&with_components());
    w.fails("shop");
    w
}

fn told(w: &World, id: IncidentId) -> Vec<String> {
    w.state.updates(id).iter().map(|u| format!("{} {}: {}", u.stage, u.by.name, u.text)).collect()
}

fn why(answer: Result<Answer, Refusal>) -> String {
    answer.unwrap_err().to_string()
}

#[test]
fn people_tell_the_public_in_any_order() {
    let mut w = outage();
    for stage in [Stage::Identified, Stage::Investigating, Stage::Monitoring] {
        w.put(say(1, stage, "We are on it."));
    }
    assert_eq!(
        told(&w, 1),
        [
            "identified ana: We are on it.",
            "investigating ana: We are on it.",
            "monitoring ana: We are on it."
        ]
    );
    assert_eq!(w.state.updates(1)[0].at, w.now.wall);
    assert_eq!(w.put(say(1, Stage::Monitoring, "We are on it.")), Answer::Already, "sent twice");
    assert_eq!(told(&w, 1).len(), 3);
    // An incident that touches no component is told as well: the person knows better than what is measured.
    w.put(open("customers say that mails are late"));
    w.put(say(2, Stage::Investigating, "Mails are late."));
    assert_eq!(told(&w, 2).len(), 1);
}

#[test]
fn telling_changes_nothing_of_paging() {
    let (mut quiet, mut told) = (outage(), outage());
    told.put(say(1, Stage::Investigating, "We are on it."));
    quiet.mins(21);
    told.mins(21);
    assert_eq!(quiet.pages, told.pages);
}

#[test]
fn resolved_ends_the_incident_as_well() {
    let mut w = outage();
    w.put(say(1, Stage::Resolved, "It works again."));
    assert!(w.incident(1).is_resolved());
    w.mins(6);
    assert_eq!(w.open(), [1], "what still fails is evidence, and opens it again");
    assert_eq!(told(&w, 1), ["resolved ana: It works again."], "what was said was said");
}

#[test]
fn what_is_over_is_told_of_for_a_while() {
    let mut w = outage();
    let early = why(w.try_put(say(1, Stage::Postmortem, "It was the cable.")));
    assert!(early.contains("incident 1 is not over"), "{early}");
    w.recovers("shop");
    w.mins(10);
    assert!(w.state.incident(1).is_none(), "it is put away");
    w.put(say(1, Stage::Postmortem, "It was the cable."));
    assert_eq!(told(&w, 1).len(), 1);
    assert!(w.state.told.get(&1).unwrap().ended.is_some());
    w.wait(LATE_UPDATES);
    let late = why(w.try_put(say(1, Stage::Postmortem, "It was the other cable.")));
    assert!(late.contains("incident 1 ended too long ago: the public is told of it for 30d after"), "{late}");
    for never in [0, 99] {
        let unknown = w.try_put(say(never, Stage::Resolved, "x"));
        assert_eq!(why(unknown), format!("there is no incident {never}"));
    }
}

#[test]
fn texts_and_their_number_are_bounded() {
    let mut w = outage();
    for (text, part) in
        [("", "must not be empty"), (" \n", "must not be empty"), (&"x".repeat(LONGEST_UPDATE + 1), "longer")]
    {
        let refused = why(w.try_put(say(1, Stage::Identified, text)));
        assert!(refused.contains(part), "{refused}");
    }
    w.put(say(1, Stage::Identified, &"x".repeat(LONGEST_UPDATE)));
    for n in 1..MOST_UPDATES {
        w.put(say(1, Stage::Identified, &n.to_string()));
    }
    let full = why(w.try_put(say(1, Stage::Identified, "one more")));
    assert_eq!(full, "incident 1 has 40 status updates, and takes no more");
}

#[test]
fn without_a_status_page_nobody_would_read_it() {
    let mut w = World::shop();
    w.fails("shop");
    let refused = why(w.try_put(say(1, Stage::Identified, "x")));
    assert!(refused.contains("nobody would read it") && refused.contains("foghorn.yaml"), "{refused}");
}

/// Straight through `decide`: the world looks at all of it after every input.
#[test]
fn what_is_known_of_ended_incidents_is_bounded() {
    let w = World::new(&with_components());
    let (mut state, mut now, mut events) = (w.state, w.now, Vec::new());
    let mut put = |state: &mut State, now, input: &Input| decide(state, now, input, &mut events);
    let rounds = MOST_TOLD as u64 + 50;
    for id in 1..=rounds {
        put(&mut state, now, &open("x")).unwrap();
        put(&mut state, now, &say(id, Stage::Resolved, "over")).unwrap();
        if id % 50 == 0 {
            now.mono = now.mono + Span::hours(1);
            now.wall = now.wall + Span::hours(1);
            put(&mut state, now, &Input::Tick).unwrap();
        }
    }
    assert_eq!((state.incidents.size(), state.told.size()), (0, MOST_TOLD));
    assert_eq!(state.told.first().map(|(id, _)| *id), Some(51), "the oldest are forgotten");
    // What is open makes no room for others.
    for id in rounds + 1..=rounds + MOST_TOLD as u64 + 1 {
        put(&mut state, now, &open("x")).unwrap();
        let said = put(&mut state, now, &say(id, Stage::Identified, "open"));
        assert_eq!(said.is_ok(), id <= rounds + MOST_TOLD as u64, "{id}: {said:?}");
    }
    assert!(events.iter().any(|e| matches!(e, Event::IncidentArchived { .. })));
}

#[test]
fn what_was_told_is_corrected_and_nothing_is_lost() {
    let mut w = outage();
    w.put(say(1, Stage::Investigating, "All orders fail."));
    w.put(say(1, Stage::Identified, "It is a disk."));
    let at = w.state.updates(1)[0].at;
    w.mins(3);
    assert_eq!(w.put(correct(1, Some(0), Some("Some orders fail."))), Answer::Done);
    let update = w.state.updates(1)[0].clone();
    assert_eq!((update.text.as_str(), update.at, update.revision()), ("Some orders fail.", at, 1));
    assert_eq!((update.by.clone(), update.corrected.as_ref().unwrap().by.clone()), (by("ana"), by("ben")));
    assert_eq!(update.corrected.as_ref().unwrap().at, w.now.wall);
    assert_eq!(w.put(correct(1, Some(0), Some("Some orders fail."))), Answer::Already, "sent twice");
    // Two at once: the second is told.
    let late = w.try_put(correct(1, Some(0), Some("A few orders fail.")));
    assert!(matches!(late, Err(Refusal::Changed { .. })), "{late:?}");
    let late = why(late);
    assert!(late.contains("corrected status update 1 of incident 1 meanwhile: read"), "{late}");
    assert_eq!(w.put(correct(1, None, Some("A few orders fail."))), Answer::Done, "whatever it says now");
    assert_eq!(told(&w, 1), ["investigating ana: A few orders fail.", "identified ana: It is a disk."]);
    let said: Vec<&str> = w
        .log
        .iter()
        .filter_map(
            |(_, e)| if let Event::StatusCorrected { was, .. } = e { Some(was.as_str()) } else { None },
        )
        .collect();
    assert_eq!(said, ["All orders fail.", "Some orders fail."]);
    assert!(!w.incident(1).is_resolved());
}

#[test]
fn what_was_told_is_withdrawn_once_and_for_all() {
    let mut w = outage();
    w.put(say(1, Stage::Investigating, "Server db7 is down."));
    assert_eq!(w.put(correct(1, None, None)), Answer::Done);
    assert!(w.state.updates(1)[0].is_withdrawn());
    assert_eq!(w.put(correct(1, Some(0), None)), Answer::Already);
    let back = why(w.try_put(correct(1, None, Some("Orders fail."))));
    assert_eq!(back, "status update 1 of incident 1 is withdrawn: publish a new one");
    assert_eq!(w.put(say(1, Stage::Investigating, "Server db7 is down.")), Answer::Done, "it is not there");
    for (number, revision, text, part) in [
        (0, None, Some("x"), "there is no status update 0 of incident 1"),
        (3, None, None, "there is no status update 3 of incident 1"),
        (2, Some(7), Some("x"), "its revision is 0"),
        (2, None, Some(" "), "must not be empty"),
        (2, None, Some(&*"x".repeat(LONGEST_UPDATE + 1)), "longer"),
    ] {
        let refused = why(w.try_put(correct(number, revision, text)));
        assert!(refused.contains(part), "{refused}");
    }
    for n in 0..MOST_CORRECTIONS {
        w.put(correct(2, Some(n), Some(&n.to_string())));
    }
    let full = why(w.try_put(correct(2, None, Some("once more"))));
    assert!(full.contains("withdraw it, and publish a new one"), "{full}");
    assert_eq!(w.put(correct(2, None, None)), Answer::Done);
    // As long as the incident takes updates at all.
    w.put(say(1, Stage::Resolved, "Over."));
    w.recovers("shop");
    w.mins(10);
    assert!(w.state.incident(1).is_none(), "it is put away");
    assert_eq!(w.put(correct(3, None, Some("It is over."))), Answer::Done);
    w.wait(LATE_UPDATES);
    let late = why(w.try_put(correct(3, None, None)));
    assert!(late.contains("ended too long ago"), "{late}");
}
