//! What the public would be told of a component: the rule, and nothing of how it is shown.
//!
//! A component is what its own entities' checks and alerts say. What those entities stand on does not count: where it is
//! redundant it does not matter, and where it is not, the entity's own check fails. What is not known to be well is never
//! shown as well.

use crate::alert::{Alert, AlertStatus};
use crate::incident::{Incident, IncidentId};
use crate::state::State;
use crate::time::Wall;
use crate::update::Stage;
use crate::words::{Name, Severity};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// How a component is, in the words of the field's status pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComponentStatus {
    /// Measured, and well.
    Operational,
    /// Works, but not as it should.
    DegradedPerformance,
    /// Some of it is down.
    PartialOutage,
    /// All of it is down.
    MajorOutage,
    /// Somebody works on it, as planned.
    UnderMaintenance,
    /// Nobody knows: nothing measures it, or what does has fallen silent.
    Unknown,
}

impl ComponentStatus {
    /// The words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            ComponentStatus::Operational => "operational",
            ComponentStatus::DegradedPerformance => "degraded performance",
            ComponentStatus::PartialOutage => "partial outage",
            ComponentStatus::MajorOutage => "major outage",
            ComponentStatus::UnderMaintenance => "under maintenance",
            ComponentStatus::Unknown => "not known",
        }
    }

    /// Whether the public notices it.
    #[must_use]
    pub const fn is_hurt(self) -> bool {
        use ComponentStatus as C;
        matches!(self, C::DegradedPerformance | C::PartialOutage | C::MajorOutage)
    }
}

/// How one entity is, as far as a component is concerned. The order is that of importance: an entity is the highest
/// that is true of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntityStatus {
    /// Nothing measures it and nobody says that it is unwell: it says nothing about its component.
    Unmeasured,
    /// Measured, and well.
    Well,
    /// What measures it is silent or blind.
    Unknown,
    /// A warning is open.
    Degraded,
    /// Something critical is open.
    Down,
    /// In a maintenance window: what is open is expected.
    Maintenance,
}

/// The rule. Down beats degraded beats unknown beats maintenance beats well; a component of which some are down is
/// partly out, one of which all are (those in maintenance left out) is out.
#[must_use]
pub fn component_status(entities: &[EntityStatus]) -> ComponentStatus {
    let how_many = |s| entities.iter().filter(|e| **e == s).count();
    let down = how_many(EntityStatus::Down);
    let told = entities.len() - how_many(EntityStatus::Unmeasured);
    if down > 0 && down == told - how_many(EntityStatus::Maintenance) {
        ComponentStatus::MajorOutage
    } else if down > 0 {
        ComponentStatus::PartialOutage
    } else if how_many(EntityStatus::Degraded) > 0 {
        ComponentStatus::DegradedPerformance
    } else if told == 0 || how_many(EntityStatus::Unknown) > 0 {
        ComponentStatus::Unknown
    } else if how_many(EntityStatus::Maintenance) > 0 {
        ComponentStatus::UnderMaintenance
    } else {
        ComponentStatus::Operational
    }
}

/// Every component of the configuration, and how it is at a moment. One pass over the open alerts.
#[must_use]
pub fn components(state: &State, at: Wall) -> BTreeMap<Name, ComponentStatus> {
    of_components(state, &entities(state, at))
}

/// [`components`], of which nothing is well before it was measured, as on the status page.
#[must_use]
pub fn components_as_measured(
    state: &State,
    at: Wall,
    last: &dyn Fn(&str) -> Option<bool>,
) -> BTreeMap<Name, ComponentStatus> {
    of_components(state, &entities_as_measured(state, at, last))
}

fn of_components(state: &State, entities: &BTreeMap<Name, EntityStatus>) -> BTreeMap<Name, ComponentStatus> {
    let of = |e: &Name| entities.get(e).copied().unwrap_or(EntityStatus::Unmeasured);
    let setup = &state.setup.components;
    setup
        .iter()
        .map(|(name, behind)| (name.clone(), component_status(&behind.iter().map(of).collect::<Vec<_>>())))
        .collect()
}

/// The entities of an incident that are unwell as the public sees it. A silence says who is paged, not how anything is.
#[must_use]
pub fn unwell<'a>(state: &'a State, incident: &'a Incident) -> BTreeSet<&'a Name> {
    let counted = incident.entities.iter().filter(|(_, open)| **open > 0).map(|(e, _)| e);
    let silenced = (incident.muted > 0).then(|| state.alerts_of(incident));
    let told = |a: &&Alert| a.muted.is_some() && a.status.is_open() && a.held_until.is_none();
    let silenced = silenced.into_iter().flatten().filter(told);
    counted.chain(silenced.filter_map(|a| a.entity.as_ref())).collect()
}

/// The components that the public sees unwell at a moment and that an incident touches, in the order of their names.
#[must_use]
pub fn seen<'a>(state: &'a State, incident: &'a Incident, at: Wall) -> Vec<(&'a Name, ComponentStatus)> {
    let unwell = unwell(state, incident);
    let components_of = state.setup.components.iter();
    let touched = components_of.filter(|(_, behind)| behind.iter().any(|e| unwell.contains(e)));
    let touched: Vec<&Name> = touched.map(|(name, _)| name).collect();
    if touched.is_empty() {
        // How all of them are need not be found out for that.
        return Vec::new();
    }
    let statuses = components(state, at);
    let is_unwell =
        |status| !matches!(status, ComponentStatus::Operational | ComponentStatus::UnderMaintenance);
    let with_status = touched.into_iter().filter_map(|name| Some((name, *statuses.get(name)?)));
    with_status.filter(|(_, status)| is_unwell(*status)).collect()
}

/// Those of them that the public goes on seeing hurt where a stage says that all is mended: no word makes anything better
/// than it is measured.
#[must_use]
pub fn still_hurt<'a>(
    state: &'a State,
    incident: &'a Incident,
    stage: Stage,
    at: Wall,
) -> Vec<(&'a Name, ComponentStatus)> {
    if !matches!(stage, Stage::Monitoring | Stage::Resolved) {
        return Vec::new();
    }
    seen(state, incident, at).into_iter().filter(|(_, status)| status.is_hurt()).collect()
}

/// How every entity is of which anything is known.
#[must_use]
pub fn entities(state: &State, at: Wall) -> BTreeMap<Name, EntityStatus> {
    let mut known: BTreeMap<Name, EntityStatus> = BTreeMap::new();
    let mut say = |entity: &Name, is: EntityStatus| {
        let was = known.entry(entity.clone()).or_insert(is);
        *was = (*was).max(is);
    };
    for (name, rule) in &state.setup.checks {
        // A check that waits to be pinged and never was, or may have been while nobody listened, says nothing.
        let silent = rule.heartbeat.is_some() && state.heartbeats.get(name).is_none_or(|h| !h.is_known());
        if let Some(e) = &rule.entity {
            say(e, if silent { EntityStatus::Unmeasured } else { EntityStatus::Well });
        }
    }
    said(state).for_each(|(_, e, is)| say(e, is));
    for silence in state.silences.values().filter(|s| s.maintenance && s.is_active(at)) {
        // One with matchers is for some alerts of the entity, not for the entity.
        if silence.matchers.is_empty() {
            silence.entities.iter().for_each(|e| say(e, EntityStatus::Maintenance));
        }
    }
    known
}

/// What the checks of an entity know of it. Of several entities the last of these counts: no good check of a neighbour says
/// anything of what no check can measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measured {
    /// It has a check, one that waits for a ping that never came.
    Nothing,
    /// A check of it has answered.
    Known,
    /// No check of it has a result yet.
    NotYet,
    /// No check of it can measure: its location is blind, its program is not there.
    Unknown,
}

/// What checks know of every entity that has one. `last` says of a check that measures what its last result was: `Some(true)` if
/// it was one, `Some(false)` if it could not be measured, `None` before the first.
#[must_use]
pub fn measured<'a>(state: &'a State, last: &dyn Fn(&str) -> Option<bool>) -> BTreeMap<&'a Name, Measured> {
    let mut all: BTreeMap<&Name, Measured> = BTreeMap::new();
    for (name, rule) in &state.setup.checks {
        let Some(entity) = &rule.entity else { continue };
        let says = match rule.heartbeat {
            Some(_) if state.heartbeats.get(name).is_some_and(|h| h.is_known()) => Measured::Known,
            Some(_) => Measured::Nothing,
            None => match last(name) {
                Some(true) => Measured::Known,
                Some(false) => Measured::Unknown,
                None => Measured::NotYet,
            },
        };
        let known = all.entry(entity).or_insert(says);
        // One check that answers is enough for an entity.
        *known = if says == Measured::Known || *known == Measured::Known {
            Measured::Known
        } else {
            says.max(*known)
        };
    }
    all
}

/// [`entities`], where what the state takes for well is that only if something has measured it.
#[must_use]
pub fn entities_as_measured(
    state: &State,
    at: Wall,
    last: &dyn Fn(&str) -> Option<bool>,
) -> BTreeMap<Name, EntityStatus> {
    let known = measured(state, last);
    let mut all = entities(state, at);
    for (entity, is) in all.iter_mut().filter(|(_, is)| **is == EntityStatus::Well) {
        *is = match known.get(entity) {
            Some(Measured::NotYet) => EntityStatus::Unmeasured,
            Some(Measured::Unknown) => EntityStatus::Unknown,
            Some(Measured::Nothing | Measured::Known) | None => EntityStatus::Well,
        };
    }
    all
}

/// What is said to be wrong with entities, and in which incident: by alerts, and by people who have opened one.
pub fn said(state: &State) -> impl Iterator<Item = (IncidentId, &Name, EntityStatus)> {
    let by_alerts = state.alerts.values().filter_map(|a| Some((a.incident, a.entity.as_ref()?, said_by(a)?)));
    let opened = state.open_incidents().filter_map(|i| Some((i, of_severity(i.own?))));
    let by_people = opened.flat_map(|(i, is)| {
        i.entities.iter().filter(|(_, open)| **open > 0).map(move |(e, _)| (i.id, e, is))
    });
    by_alerts.chain(by_people)
}

/// An alert that is held has not lasted long enough to bother anybody with.
fn said_by(alert: &Alert) -> Option<EntityStatus> {
    match alert.status {
        AlertStatus::Firing | AlertStatus::Flapping if alert.held_until.is_none() => {
            Some(of_severity(alert.severity))
        }
        AlertStatus::Stale | AlertStatus::Unknown => Some(EntityStatus::Unknown),
        _ => None,
    }
}

fn of_severity(severity: Severity) -> EntityStatus {
    match severity {
        Severity::Critical => EntityStatus::Down,
        Severity::Warning => EntityStatus::Degraded,
        Severity::Info => EntityStatus::Well,
    }
}

#[cfg(test)]
mod tests {
    use super::ComponentStatus as C;
    use super::EntityStatus as E;
    use super::*;
    use crate::event::PingKind;
    use crate::input::{CheckVerdict, Ends, Input};
    use crate::setup::{CheckRule, HeartbeatRule, Setup};
    use crate::time::{Mono, Now, Span};
    use crate::words::Actor;
    use alloc::string::{String, ToString};
    use alloc::sync::Arc;

    fn silence(maintenance: bool) -> Input {
        Input::Silence {
            id: "s".into(),
            matchers: Vec::new(),
            entities: ["api".into()].into(),
            starts: None,
            ends: Ends::After(Span::hours(1)),
            comment: String::new(),
            maintenance,
            by: Actor::system(),
        }
    }

    #[test]
    fn the_rule_by_table() {
        for (entities, expected) in [
            (&[][..], C::Unknown),
            (&[E::Unmeasured], C::Unknown),
            (&[E::Well], C::Operational),
            (&[E::Well, E::Unmeasured], C::Operational),
            (&[E::Well, E::Unknown], C::Unknown),
            (&[E::Unknown, E::Maintenance], C::Unknown),
            (&[E::Well, E::Maintenance], C::UnderMaintenance),
            (&[E::Degraded, E::Unknown], C::DegradedPerformance),
            (&[E::Degraded, E::Maintenance], C::DegradedPerformance),
            (&[E::Down], C::MajorOutage),
            (&[E::Down, E::Unmeasured], C::MajorOutage),
            (&[E::Down, E::Well], C::PartialOutage),
            (&[E::Down, E::Unknown], C::PartialOutage),
            (&[E::Down, E::Down, E::Maintenance], C::MajorOutage),
            (&[E::Down, E::Down, E::Degraded], C::PartialOutage),
        ] {
            assert_eq!(component_status(entities), expected, "{entities:?}");
        }
    }

    /// The state takes a check for well until it fails. What was never measured, or cannot be, is not well for that.
    #[test]
    fn nothing_is_well_before_it_is_measured() {
        let check = |entity: &str| CheckRule { entity: Some(entity.into()), ..CheckRule::default() };
        let setup = Setup {
            components: [("Shop".into(), alloc::vec!["web".into(), "db".into()])].into(),
            checks: [("a".into(), check("web")), ("b".into(), check("web")), ("c".into(), check("db"))]
                .into(),
            ..Setup::default()
        };
        let mut state = State::default();
        let adopt = Input::AdoptConfig { hash: "h".into(), setup: Arc::new(setup) };
        crate::decide(&mut state, Now { mono: Mono(1), wall: Wall(1) }, &adopt, &mut Vec::new()).unwrap();
        for (says, web, db, shop) in [
            ("", E::Unmeasured, E::Unmeasured, C::Unknown),
            ("abc", E::Well, E::Well, C::Operational),
            ("aC", E::Well, E::Unknown, C::Unknown),
            ("Abc", E::Well, E::Well, C::Operational),
            ("ABc", E::Unknown, E::Well, C::Unknown),
        ] {
            let last = |check: &str| match (says.contains(check), says.contains(&check.to_uppercase())) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            };
            let entities = entities_as_measured(&state, Wall(1), &last);
            assert_eq!((entities["web"], entities["db"]), (web, db), "{says}");
            assert_eq!(components_as_measured(&state, Wall(1), &last)["Shop"], shop, "{says}");
        }
    }

    fn rule(severity: Severity, fail_for: Span) -> CheckRule {
        CheckRule { entity: Some("api".into()), severity, fail_for, ..CheckRule::default() }
    }

    /// A state with one component in front of `api`, after some inputs.
    fn after(checks: &[(&str, CheckRule)], inputs: &[Input]) -> C {
        let setup = Setup {
            components: [("Shop".into(), alloc::vec!["api".into()])].into(),
            checks: checks.iter().map(|(n, c)| (Name::from(*n), c.clone())).collect(),
            ..Setup::default()
        };
        let mut state = State::default();
        let now = Now { mono: Mono(1000), wall: Wall(1000) };
        let adopt = Input::AdoptConfig { hash: "h".to_string(), setup: Arc::new(setup) };
        for input in core::iter::once(&adopt).chain(inputs) {
            crate::decide(&mut state, now, input, &mut Vec::new()).unwrap();
        }
        components(&state, now.wall)[&Name::from("Shop")]
    }

    fn check(name: &str, verdict: CheckVerdict) -> Input {
        Input::Check { check: name.into(), verdict, since: Wall(500) }
    }

    fn failing() -> CheckVerdict {
        CheckVerdict::Failing { summary: "502".to_string(), severity: None }
    }

    #[test]
    fn what_is_not_known_to_be_well_is_not_well() {
        let critical = [("c", rule(Severity::Critical, Span::ZERO))];
        assert_eq!(after(&[], &[]), C::Unknown, "nothing measures it");
        assert_eq!(after(&critical, &[]), C::Operational);
        assert_eq!(after(&critical, &[check("c", failing())]), C::MajorOutage);
        let blind = CheckVerdict::Unknown { why: "blind".to_string() };
        assert_eq!(after(&critical, &[check("c", failing()), check("c", blind)]), C::Unknown);
        assert_eq!(after(&critical, &[check("c", failing()), check("c", CheckVerdict::Ok)]), C::Operational);
        let heartbeat = HeartbeatRule { every: Span::hours(1), grace: Span::mins(1) };
        let never = CheckRule { heartbeat: Some(heartbeat), ..rule(Severity::Warning, Span::ZERO) };
        assert_eq!(after(&[("h", never.clone())], &[]), C::Unknown);
        let ping =
            || Input::Ping { check: "h".into(), ping: PingKind::Success, run: None, body: String::new() };
        assert_eq!(after(&[("h", never.clone())], &[ping()]), C::Operational);
        let away = Input::Start { version: "x".to_string(), down: Span::mins(2), life: 1 };
        let soon = CheckRule {
            heartbeat: Some(HeartbeatRule { every: Span::ZERO, grace: Span::mins(1) }),
            ..never.clone()
        };
        assert_eq!(
            after(&[("h", soon)], &[ping(), away]),
            C::Unknown,
            "it may have come while nobody listened"
        );
        let both = [("c", rule(Severity::Critical, Span::ZERO)), ("h", never)];
        assert_eq!(
            after(&both, &[]),
            C::Operational,
            "a job that has yet to run says nothing about what is measured"
        );
    }

    #[test]
    fn a_warning_degrades_and_a_short_failure_says_nothing() {
        assert_eq!(
            after(&[("c", rule(Severity::Warning, Span::ZERO))], &[check("c", failing())]),
            C::DegradedPerformance
        );
        assert_eq!(
            after(&[("c", rule(Severity::Critical, Span::secs(30)))], &[check("c", failing())]),
            C::Operational
        );
    }

    #[test]
    fn people_say_it_too() {
        let open = Input::Open {
            title: "shop".to_string(),
            severity: Severity::Critical,
            entity: Some("api".into()),
            escalation: None,
            note: None,
            by: Actor::system(),
        };
        assert_eq!(after(&[], &[open]), C::MajorOutage);
        let critical = [("c", rule(Severity::Critical, Span::ZERO))];
        assert_eq!(after(&critical, &[check("c", failing()), silence(true)]), C::UnderMaintenance);
        assert_eq!(
            after(&critical, &[check("c", failing()), silence(false)]),
            C::MajorOutage,
            "only maintenance is planned"
        );
    }

    #[test]
    fn what_an_incident_shows_the_public_outlasts_a_silence() {
        let setup = Setup {
            components: [
                ("Shop".into(), alloc::vec!["api".into()]),
                ("Mail".into(), alloc::vec!["mx".into()]),
            ]
            .into(),
            checks: [("c".into(), rule(Severity::Critical, Span::ZERO))].into(),
            ..Setup::default()
        };
        let mut state = State::default();
        let now = Now { mono: Mono(1000), wall: Wall(1000) };
        let adopt = Input::AdoptConfig { hash: "h".to_string(), setup: Arc::new(setup) };
        let down = alloc::vec![("Shop".to_string(), C::MajorOutage)];
        for (input, expected) in [
            (adopt, Vec::new()),
            (check("c", failing()), down.clone()),
            (silence(false), down),
            (silence(true), Vec::new()),
            (check("c", CheckVerdict::Ok), Vec::new()),
        ] {
            crate::decide(&mut state, now, &input, &mut Vec::new()).unwrap();
            let incident = state.incident(1);
            let named = |seen: Vec<(&Name, C)>| -> Vec<_> {
                seen.into_iter().map(|(name, status)| (name.to_string(), status)).collect()
            };
            let seen = incident.map_or_else(Vec::new, |i| seen(&state, i, now.wall));
            assert_eq!(named(seen), expected, "{input:?}");
            let hurt = |stage| incident.map_or_else(Vec::new, |i| still_hurt(&state, i, stage, now.wall));
            assert_eq!(named(hurt(Stage::Monitoring)), expected, "all of it is an outage");
            assert_eq!(named(hurt(Stage::Resolved)), expected);
            assert_eq!(named(hurt(Stage::Identified)), [], "nobody has said that it is mended");
        }
    }
}
