//! What is said of an incident that is over, or comes back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::Event;
use foghorn_core::input::Input;
use foghorn_core::setup::Setup;
use foghorn_core::words::Severity;
use std::sync::Arc;
use world::World;

const DB: &[(&str, &str)] = &[("alertname", "DbDown"), ("host", "db"), ("severity", "critical")];
const BACKUP: &[(&str, &str)] = &[("alertname", "BackupLate"), ("host", "db"), ("severity", "warning")];

/// A warning that comes into an outage that was over is no return of the outage, which keeps its name in the lists.
#[test]
fn an_outage_that_came_back_as_a_warning_is_called_an_outage_once_it_is_over() {
    let mut w = World::new(&world::SHOP.replace(r#""prom": {}"#, r#""prom": { "group_by": ["host"] }"#));
    w.fire(DB);
    w.end(DB);
    w.secs(9);
    w.fire(BACKUP);
    assert_eq!(w.open(), [1], "it comes into the same incident");
    assert_eq!((&*w.incident(1).title, w.incident(1).severity()), ("BackupLate", Severity::Warning));
    let why = w.log.iter().rev().find_map(|(_, e)| match e {
        Event::IncidentReopened { why, .. } => Some(why.as_str()),
        _ => None,
    });
    assert_eq!(why, Some("something else is wrong 9s after all was well"));
    w.end(BACKUP);
    assert_eq!((&*w.incident(1).title, w.incident(1).severity()), ("DbDown", Severity::Critical));
    w.secs(9);
    w.fire(DB);
    assert_eq!(&*w.incident(1).title, "DbDown");
    w.end(DB);
    assert_eq!(&*w.incident(1).title, "DbDown");
}

/// That a check is gone is no proof that what it looked at works.
#[test]
fn what_is_not_watched_any_more_is_not_said_to_be_well() {
    let mut w = World::shop();
    w.fails("shop");
    let mut setup: Setup = serde_json::from_str(world::SHOP).unwrap();
    setup.checks.remove("shop");
    w.put(Input::AdoptConfig { hash: "2".into(), setup: Arc::new(setup) });
    assert!(w.open().is_empty() && w.incident(1).unwatched);
    let said = w.log.iter().any(|(_, e)| matches!(e, Event::IncidentResolved { unwatched: true, .. }));
    assert!(said);
    w.put(Input::AdoptConfig { hash: "1".into(), setup: world::setup(world::SHOP) });
    w.fails("shop");
    assert!(w.open() == [1] && !w.incident(1).unwatched, "{:?}", w.open());
    w.recovers("shop");
    let said = w.log.iter().rev().find_map(|(_, e)| match e {
        Event::IncidentResolved { unwatched, .. } => Some(*unwatched),
        _ => None,
    });
    assert_eq!(said, Some(false));
}

/// Who is at it is asked again when it grows, not whoever's alert came last.
#[test]
fn of_equally_bad_alerts_the_policy_that_is_at_it_goes_on() {
    let mut setup: Setup = serde_json::from_str(world::SHOP).unwrap();
    let steps = setup.escalations["default"].clone();
    for (policy, entity, person) in [("pa", "shop-2", "cy"), ("pb", "shop-3", "ben")] {
        let mut own = steps.clone();
        own.steps.truncate(1);
        own.steps[0].page = vec![foghorn_core::setup::Target::Person(person.into())];
        setup.escalations.insert(policy.into(), own);
        setup.topology.get_mut(entity).unwrap().escalation = Some(policy.into());
    }
    let mut w = World::shop();
    w.put(Input::AdoptConfig { hash: "2".into(), setup: Arc::new(setup) });
    let down = |host: &'static str| [("alertname", "Down"), ("host", host), ("severity", "critical")];
    w.fire(&down("shop-2"));
    w.ack(1, "cy");
    w.fire(&down("shop-3"));
    assert_eq!(w.open(), [1]);
    assert!(!w.incident(1).is_acknowledged(), "it is wider");
    assert_eq!(w.incident(1).escalation.policy.as_deref(), Some("pa"));
}
