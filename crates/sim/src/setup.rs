//! The configuration of the simulated company, and how people change it.

use crate::profile::Profile;
use crate::rng::Rng;
use foghorn_core::schedule::{LocalTime, Rotation, Schedule, Turn, WorkingHours};
use foghorn_core::setup::{
    CheckRule, Contact, Entity, EntityKind, EscalationPolicy, HeartbeatRule, IntegrationRule, Person, Setup,
    Step, Target,
};
use foghorn_core::time::Span;
use foghorn_core::words::{Name, Severity, Urgency};
use std::collections::BTreeMap;

/// Channels, by name.
pub(crate) const CHANNELS: [&str; 4] = ["push", "sms", "mail", "voice"];
/// Time zones of the people.
pub(crate) const ZONES: [&str; 4] = ["UTC", "Europe/Lisbon", "Asia/Tokyo", "America/New_York"];
/// Checks that measure.
pub(crate) const CHECKS: usize = 10;
/// Checks that wait to be pinged.
pub(crate) const BEATS: usize = 3;
/// The most alerts of the integration that has a narrow limit.
pub(crate) const NARROW: u32 = 40;

/// What people can change about a configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variant {
    without_people: Vec<usize>,
    other_contact: Option<usize>,
    without_check: Option<usize>,
    without_grafana: bool,
    gap: bool,
    louder: bool,
}

impl Variant {
    /// The next version of the file.
    pub(crate) fn change(&mut self, rng: &mut Rng, people: usize) {
        match rng.below(8) {
            0 | 1 => {
                let who = rng.index(people);
                if self.without_people.contains(&who) {
                    self.without_people.retain(|p| *p != who);
                } else if self.without_people.len() + 4 < people {
                    self.without_people.push(who);
                }
            }
            2 => self.other_contact = Some(rng.index(people)).filter(|_| self.other_contact.is_none()),
            3 => self.without_check = Some(rng.index(CHECKS)).filter(|_| self.without_check.is_none()),
            4 => self.without_grafana = !self.without_grafana,
            5 => self.gap = !self.gap,
            6 => self.louder = !self.louder,
            _ => *self = Variant::default(),
        }
    }
}

pub(crate) fn person(n: usize) -> Name {
    Name::from(format!("p{n}"))
}

pub(crate) fn entity(n: usize) -> Name {
    Name::from(format!("e{n}"))
}

pub(crate) fn check(n: usize) -> Name {
    Name::from(format!("c{n}"))
}

pub(crate) fn beat(n: usize) -> Name {
    Name::from(format!("hb{n}"))
}

/// The whole of it.
pub(crate) fn build(profile: &Profile, v: &Variant) -> Setup {
    let people =
        (0..profile.people).filter(|n| !v.without_people.contains(n)).map(|n| (person(n), a_person(n, v)));
    let integrations = [
        ("prom", IntegrationRule::default()),
        ("canary", IntegrationRule::default()),
        (
            "nagios",
            IntegrationRule {
                max_alerts: NARROW,
                group_by: ["host", "entity"].map(Name::from).to_vec(),
                ..IntegrationRule::default()
            },
        ),
        (
            "grafana",
            IntegrationRule {
                escalation: Some(Name::from("short")),
                severity: Severity::Critical,
                group_by: vec![Name::from("alertname")],
                ..IntegrationRule::default()
            },
        ),
    ];
    Setup {
        people: people.collect(),
        schedules: schedules(v),
        escalations: escalations(),
        topology: topology(profile.entities),
        checks: checks(profile.entities, v),
        integrations: integrations
            .into_iter()
            .filter(|(n, _)| !(v.without_grafana && *n == "grafana"))
            .map(|(n, r)| (Name::from(n), r))
            .collect(),
        components: [(Name::from("Shop"), vec![entity(0)])].into(),
        ..Setup::default()
    }
}

fn a_person(n: usize, v: &Variant) -> Person {
    let contact = |channel: &str, after: u64| Contact {
        channel: Name::from(channel),
        after: Span::secs(after),
        only: None,
        notices: channel != "voice",
    };
    let contacts = match n % 5 {
        0 => vec![contact("push", 0), contact("sms", 120)],
        1 => vec![contact("push", 0)],
        2 => vec![
            Contact { only: Some(Urgency::High), ..contact("voice", 30) },
            Contact { only: Some(Urgency::Low), ..contact("mail", 0) },
            contact("sms", 180),
        ],
        3 => vec![contact("sms", 0), contact("voice", 60)],
        _ => vec![contact("mail", 0)],
    };
    let contacts = if v.other_contact == Some(n) { vec![contact("sms", 0)] } else { contacts };
    Person {
        name: format!("Person {n}"),
        time_zone: Name::from(ZONES.get(n % ZONES.len()).copied().unwrap_or("UTC")),
        working_hours: WorkingHours::default(),
        contacts,
    }
}

fn schedules(v: &Variant) -> BTreeMap<Name, Schedule> {
    let rotation = |who: &[usize], every: Turn| Rotation {
        people: who.iter().map(|n| person(*n)).collect(),
        every,
        starts: LocalTime(jiff::civil::date(2026, 1, 5).at(9, 0, 0, 0)),
    };
    let schedule = |zone: &str, rotations: Vec<Rotation>| Schedule { time_zone: Name::from(zone), rotations };
    BTreeMap::from([
        (
            Name::from("primary"),
            schedule("Europe/Lisbon", vec![rotation(if v.gap { &[] } else { &[0, 1, 2] }, Turn::Weeks(1))]),
        ),
        (
            Name::from("second"),
            schedule("UTC", vec![rotation(&[3, 4], Turn::Hours(12)), rotation(&[2, 5, 6], Turn::Days(1))]),
        ),
        (Name::from("nobody"), schedule("UTC", vec![rotation(&[], Turn::Days(1))])),
    ])
}

fn escalations() -> BTreeMap<Name, EscalationPolicy> {
    let schedule = |n: &str| Target::Schedule(Name::from(n));
    let step = |page: Vec<Target>, mins: u64| Step { page, wait: Span::mins(mins) };
    let policy = |steps: Vec<Step>, repeat: Option<u32>| EscalationPolicy { steps, repeat };
    BTreeMap::from([
        (
            Name::from("default"),
            policy(
                vec![
                    step(vec![schedule("primary")], 5),
                    step(vec![schedule("second")], 5),
                    step(vec![Target::Everyone], 10),
                ],
                None,
            ),
        ),
        (Name::from("solo"), policy(vec![step(vec![Target::Person(person(5))], 4)], None)),
        (
            Name::from("short"),
            policy(
                vec![step(vec![Target::Person(person(6))], 3), step(vec![Target::Person(person(7))], 3)],
                Some(2),
            ),
        ),
        (
            Name::from("gappy"),
            policy(
                vec![
                    step(vec![schedule("nobody")], 2),
                    step(vec![Target::Person(person(8)), schedule("primary")], 5),
                ],
                None,
            ),
        ),
        (Name::from("once"), policy(vec![step(vec![Target::Person(person(1))], 5)], Some(1))),
    ])
}

/// A site or two, a host for every five, and services on them that need one another.
fn topology(n: usize) -> BTreeMap<Name, Entity> {
    let hosts = (n / 5).max(2);
    let make = |i: usize| match i {
        0 | 1 => Entity { kind: EntityKind::Site, ..Entity::default() },
        i if i < 2 + hosts => {
            Entity { kind: EntityKind::Host, runs_on: vec![entity(i % 2)], ..Entity::default() }
        }
        i => Entity {
            kind: if i % 3 == 0 { EntityKind::Tenant } else { EntityKind::Service },
            runs_on: if i % 4 == 3 { vec![] } else { vec![entity(2 + i % hosts)] },
            depends_on: if i % 3 == 0 { vec![entity(2 + hosts + i % 5)] } else { vec![] },
            escalation: match i % 9 {
                1 => Some(Name::from("solo")),
                4 => Some(Name::from("gappy")),
                7 => Some(Name::from("once")),
                _ => None,
            },
            runbook: None,
        },
    };
    (0..n.max(12)).map(|i| (entity(i), make(i))).collect()
}

fn checks(entities: usize, v: &Variant) -> BTreeMap<Name, CheckRule> {
    let rule = |n: usize| CheckRule {
        entity: Some(entity(3 + n * 3 % (entities.max(12) - 3))),
        severity: if n.is_multiple_of(3) && !v.louder { Severity::Warning } else { Severity::Critical },
        fail_for: if n.is_multiple_of(2) { Span::secs(30) } else { Span::ZERO },
        escalation: Some(Name::from("short")).filter(|_| n == 4),
        ..CheckRule::default()
    };
    let heartbeat = |n: usize| CheckRule {
        heartbeat: Some(HeartbeatRule { every: Span::mins(10 + 20 * n as u64), grace: Span::mins(3) }),
        severity: if n == 0 { Severity::Critical } else { Severity::Warning },
        ..rule(n)
    };
    let all = (0..CHECKS).filter(|n| v.without_check != Some(*n)).map(|n| (check(n), rule(n)));
    all.chain((0..BEATS).map(|n| (beat(n), heartbeat(n)))).collect()
}
