//! What the public is told of an end, and of what is none.

use super::*;
use foghorn_core::alert::AlertItem;
use foghorn_core::labels::Labels;

/// A silence is about who is woken: for the public nothing has changed.
#[test]
fn a_silence_changes_nothing_that_the_public_reads() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.fails(NOON, "secret-check");
    house.observe(&mut ledger, NOON);
    let before = ledger.incidents.clone();
    house.silence(NOON + MINUTE, false);
    assert!(!house.observe(&mut ledger, NOON + MINUTE), "nothing that the public reads");
    assert_eq!(ledger.incidents, before);
    // Planned work is told as such, and is no recovery.
    house.silence(NOON + 2 * MINUTE, true);
    assert!(house.observe(&mut ledger, NOON + 2 * MINUTE));
    assert_eq!(
        last_line(&ledger, NOON + 2 * MINUTE),
        "Planned work has begun. Affected: Shop &#60;&#38;&#62; (under maintenance)."
    );
    assert_eq!(rebuild(&house, &|| false).unwrap().unwrap().incidents, ledger.incidents);
    // What fails again when the work is over was noticed.
    house.input(NOON + 3 * MINUTE, &Input::EndSilence { id: "m".into(), by: Actor::system() });
    house.observe(&mut ledger, NOON + 3 * MINUTE);
    assert_eq!(
        last_line(&ledger, NOON + 3 * MINUTE),
        "Noticed. Affected: Shop &#60;&#38;&#62; (major outage)."
    );
}

/// What can no longer be measured does not work again by that.
#[test]
fn what_becomes_unknown_does_not_work_again() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.fails(NOON, "secret-check");
    house.observe(&mut ledger, NOON);
    house.check(NOON + MINUTE, "secret-check", CheckVerdict::Unknown { why: "blind".to_owned() });
    house.observe(&mut ledger, NOON + MINUTE);
    assert_eq!(last_line(&ledger, NOON + MINUTE), "Noticed. Affected: Shop &#60;&#38;&#62; (not known).");
}

/// That it works again is said when it is measured, not when a person has closed it.
#[test]
fn what_a_person_closed_works_again_when_it_is_measured() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.fails(NOON, "secret-check");
    house.observe(&mut ledger, NOON);
    let by = Actor { name: "ana".into(), via: foghorn_core::words::Via::Console };
    house.input(NOON + MINUTE, &Input::Resolve { incident: 1, by });
    house.observe(&mut ledger, NOON + MINUTE);
    let closed = "Closed. It is not measured well yet: Shop &#60;&#38;&#62; (major outage).";
    assert_eq!(last_line(&ledger, NOON + MINUTE), closed);
    let html = text(&render(&config(), &ledger, Wall(NOON + MINUTE), Doubt::None).unwrap(), "/");
    assert!(html.contains("</svg>closed</span>") && !html.contains("works again"), "{html}");
    assert!(!house.observe(&mut ledger, NOON + 2 * MINUTE), "nothing new");
    house.check(NOON + 3 * MINUTE, "secret-check", CheckVerdict::Ok);
    assert!(house.observe(&mut ledger, NOON + 3 * MINUTE));
    assert_eq!(last_line(&ledger, NOON + 3 * MINUTE), "Resolved. It works again.");
    assert_eq!(ledger.incidents[&1].resolved, Some(Wall(NOON + MINUTE)));
    assert!(!house.observe(&mut ledger, NOON + 4 * MINUTE), "nothing new");
    assert_eq!(rebuild(&house, &|| false).unwrap().unwrap().incidents, ledger.incidents);
}

/// The sender of an alert has died, a person says that it is over, and it is put away before anybody has looked again.
#[test]
fn what_was_put_away_unwell_works_again_when_it_is_measured() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.check(NOON, "secret-check", CheckVerdict::Ok);
    house.observe(&mut ledger, NOON);
    let labels = Labels::from_pairs([("alertname", "Down"), ("severity", "critical")]);
    let item = AlertItem {
        severity: Some(Severity::Critical),
        entity: Some("secret-host".into()),
        lifetime: Some(Span::hours(1)),
        ..AlertItem::firing(labels, Labels::empty())
    };
    house.input(NOON, &Input::Alerts { source: "prom".into(), items: vec![item] });
    assert!(house.observe(&mut ledger, NOON));
    let by = Actor { name: "ana".into(), via: foghorn_core::words::Via::Console };
    house.input(NOON + MINUTE, &Input::Resolve { incident: 1, by });
    house.observe(&mut ledger, NOON + MINUTE);
    assert!(last_line(&ledger, NOON + MINUTE).starts_with("Closed. It is not measured well yet: Shop"));
    let mut at = NOON + MINUTE;
    while house.state.incident(1).is_some() {
        at += MINUTE;
        assert!(at < NOON + 180 * MINUTE, "it is never put away");
        house.input(at, &Input::Tick);
    }
    assert!(house.observe(&mut ledger, at));
    assert_eq!(last_line(&ledger, at), "Resolved. It works again.");
    assert!(!house.observe(&mut ledger, at + MINUTE), "nothing new");
    assert_eq!(rebuild(&house, &|| false).unwrap().unwrap().incidents[&1].left(), []);
}

/// That somebody's acknowledgement has lapsed is for the team.
#[test]
fn that_somebody_works_on_it_is_told_once() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.fails(NOON, "secret-check");
    house.observe(&mut ledger, NOON);
    let by = Actor { name: "ana".into(), via: foghorn_core::words::Via::Link };
    let ack = Input::Acknowledge { incident: 1, by, revision: None };
    house.input(NOON + MINUTE, &ack);
    assert!(house.observe(&mut ledger, NOON + MINUTE));
    house.input(NOON + 30 * MINUTE, &Input::Tick);
    assert!(!house.state.incident(1).unwrap().is_acknowledged(), "it has lapsed");
    assert!(!house.observe(&mut ledger, NOON + 30 * MINUTE), "nothing that the public reads");
    house.input(NOON + 31 * MINUTE, &ack);
    assert!(!house.observe(&mut ledger, NOON + 31 * MINUTE), "nor this");
    let stages: Vec<Stage> = ledger.incidents[&1].updates.iter().map(|u| u.stage).collect();
    assert_eq!(stages, [Stage::Noticed, Stage::Investigating]);
}

/// Nobody is paged for it before it has lasted, and nobody is told.
#[test]
fn what_is_back_is_told_when_it_lasts() {
    let mut house = House::new(NOON);
    let mut setup = (*house.state.setup).clone();
    setup.checks.get_mut("secret-check").unwrap().fail_for = Span::secs(30);
    house.input(NOON, &Input::AdoptConfig { hash: "i".to_owned(), setup: Arc::new(setup) });
    let mut ledger = Ledger::default();
    let ended = |ledger: &Ledger| ledger.incidents.get(&1).map(|i| i.resolved.is_some());
    house.fails(NOON, "secret-check");
    house.observe(&mut ledger, NOON);
    assert_eq!(ended(&ledger), None);
    house.input(NOON + MINUTE, &Input::Tick);
    house.observe(&mut ledger, NOON + MINUTE);
    assert_eq!(ended(&ledger), Some(false));
    house.check(NOON + 2 * MINUTE, "secret-check", CheckVerdict::Ok);
    house.observe(&mut ledger, NOON + 2 * MINUTE);
    assert_eq!(ended(&ledger), Some(true));
    house.fails(NOON + 3 * MINUTE, "secret-check");
    assert!(!house.state.incident(1).unwrap().is_resolved(), "it is the same incident");
    assert!(!house.observe(&mut ledger, NOON + 3 * MINUTE));
    assert_eq!(ended(&ledger), Some(true));
    house.input(NOON + 4 * MINUTE, &Input::Tick);
    assert!(house.observe(&mut ledger, NOON + 4 * MINUTE));
    assert_eq!(ended(&ledger), Some(false));
    assert_eq!(rebuild(&house, &|| false).unwrap().unwrap().incidents, ledger.incidents);
}
