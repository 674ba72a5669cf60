//! What decisions need of the configuration. The journal keeps it, so that an old journal means the same for
//! ever; secrets, addresses, check targets and channels stay in the file and are looked up when used.

use crate::schedule::{Schedule, WorkingHours};
use crate::time::Span;
use crate::words::{Name, Severity, Urgency};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The part of the configuration that decisions read. Adopted by an event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setup {
    /// Who can be paged.
    pub people: BTreeMap<Name, Person>,
    /// Who is on call when.
    pub schedules: BTreeMap<Name, Schedule>,
    /// Who is paged next. `default` is there in every valid configuration.
    pub escalations: BTreeMap<Name, EscalationPolicy>,
    /// What there is, and what it stands on.
    pub topology: BTreeMap<Name, Entity>,
    /// What the checks' failures mean.
    pub checks: BTreeMap<Name, CheckRule>,
    /// Who may send alerts in.
    pub integrations: BTreeMap<Name, IntegrationRule>,
    /// What the public sees: a component's name and the entities behind it.
    pub components: BTreeMap<Name, Vec<Name>>,
    /// Maintenance that the file declares.
    pub maintenance: BTreeMap<Name, Maintenance>,
    /// The waits of the rules.
    pub timing: Timing,
}

/// Somebody who can be paged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// As other people read it.
    pub name: String,
    /// IANA time zone.
    pub time_zone: Name,
    /// When warnings may be sent.
    #[serde(default)]
    pub working_hours: WorkingHours,
    /// In the order in which they are tried.
    pub contacts: Vec<Contact>,
}

/// One way to reach a person. The address is in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// The channel's name.
    pub channel: Name,
    /// How long after the person's turn began.
    #[serde(default)]
    pub after: Span,
    /// Only for pages of this urgency; `None` for both.
    #[serde(default)]
    pub only: Option<Urgency>,
    /// Whether the channel can tell notices ("stand down", "resolved"). A voice call does not.
    #[serde(default = "yes")]
    pub notices: bool,
}

fn yes() -> bool {
    true
}

/// Who is paged, in what order, until a person acknowledges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EscalationPolicy {
    /// At least one.
    pub steps: Vec<Step>,
    /// How many times the steps are gone through; `None` is for ever.
    #[serde(default)]
    pub repeat: Option<u32>,
}

/// One step of an escalation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Whom to page.
    pub page: Vec<Target>,
    /// From entering this step to entering the next.
    pub wait: Span,
}

/// Whom a step pages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Whoever is on call.
    Schedule(Name),
    /// One person.
    Person(Name),
    /// Every person in the configuration.
    Everyone,
}

/// A thing in the topology.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entity {
    /// What sort of thing.
    pub kind: EntityKind,
    /// What it runs on.
    pub runs_on: Vec<Name>,
    /// What it needs.
    pub depends_on: Vec<Name>,
    /// Whom its alerts page; the nearest one up the topology counts.
    pub escalation: Option<Name>,
    /// What to do, as a link.
    pub runbook: Option<String>,
}

/// What sort of thing an entity is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// A place.
    Site,
    /// A machine.
    Host,
    /// One running copy of a service.
    Instance,
    /// What does a job for others.
    #[default]
    Service,
    /// A part of a service.
    Component,
    /// A customer's shop, account or organisation.
    Tenant,
}

/// What a check's failure means.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckRule {
    /// What is unwell when it fails.
    pub entity: Option<Name>,
    /// How bad that is.
    pub severity: Severity,
    /// Overrides what the severity gives.
    pub urgency: Option<Urgency>,
    /// Whom to page, instead of the entity's own.
    pub escalation: Option<Name>,
    /// Detected at once, paged after this long.
    pub fail_for: Span,
    /// What to do, as a link.
    pub runbook: Option<String>,
    /// Set where the check waits to be pinged.
    pub heartbeat: Option<HeartbeatRule>,
}

/// A check that waits to be pinged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeartbeatRule {
    /// A ping is due this often.
    pub every: Span,
    /// How late it may be.
    pub grace: Span,
}

/// What an integration's alerts mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IntegrationRule {
    /// Labels to look into for an entity, in this order; the first that is set counts.
    pub entity_labels: Vec<Name>,
    /// Alerts with the same values of these are one incident. `entity` stands for the entity found.
    pub group_by: Vec<Name>,
    /// For an alert that names no severity, or one that is not understood.
    pub severity: Severity,
    /// Whom to page, if neither alert nor topology says.
    pub escalation: Option<Name>,
    /// The most alerts that may be open at once; more are refused.
    pub max_alerts: u32,
}

impl Default for IntegrationRule {
    fn default() -> Self {
        IntegrationRule {
            entity_labels: ["entity", "service", "instance", "host", "namespace"].map(Name::from).to_vec(),
            group_by: ["alertname", "entity"].map(Name::from).to_vec(),
            // Unknown is not harmless.
            severity: Severity::Critical,
            escalation: None,
            max_alerts: 200_000,
        }
    }
}

/// A declared maintenance window: alerts of these entities are expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Maintenance {
    /// What is worked on; nothing that depends on it is covered.
    pub entities: BTreeSet<Name>,
    /// Milliseconds since the epoch.
    pub starts: crate::time::Wall,
    /// Milliseconds since the epoch.
    pub ends: crate::time::Wall,
    /// Why.
    pub reason: String,
}

/// The waits of the rules, with the defaults that the documentation names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// Acknowledged and still critical after this long pages the next step.
    pub ack_expires: Span,
    /// A contact that has not accepted a page for this long is passed over.
    pub pass_over: Span,
    /// Alerts of related entities that start within this long of each other are one incident.
    pub correlate_within: Span,
    /// A resolved incident whose trouble returns within this long is the same incident.
    pub reopen_within: Span,
    /// An incident that a person resolved while something was still failing is opened again after this long.
    pub still_failing_after: Span,
    /// Urgency of each severity.
    pub urgency: BTreeMap<Severity, Urgency>,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            ack_expires: Span::mins(20),
            pass_over: Span::secs(60),
            correlate_within: Span::mins(5),
            reopen_within: Span::mins(5),
            still_failing_after: Span::mins(5),
            urgency: BTreeMap::new(),
        }
    }
}

impl Timing {
    /// The urgency of a severity: what the configuration says, else critical wakes, warning waits for working hours,
    /// info never pages.
    #[must_use]
    pub fn urgency_of(&self, severity: Severity) -> Urgency {
        self.urgency.get(&severity).copied().unwrap_or(match severity {
            Severity::Critical => Urgency::High,
            Severity::Warning => Urgency::Low,
            Severity::Info => Urgency::None,
        })
    }
}

impl Setup {
    /// A person's contacts; none of somebody who is not in the configuration.
    #[must_use]
    pub fn contacts(&self, person: &Name) -> &[Contact] {
        self.people.get(person).map_or(&[], |p| &p.contacts)
    }

    /// Whether several contacts of a person are on this channel: then nothing but their order tells which is which.
    #[must_use]
    pub fn several_on(&self, person: &Name, channel: &Name) -> bool {
        self.contacts(person).iter().filter(|c| c.channel == *channel).count() > 1
    }

    /// What the nearest thing up the topology says, from `entity` on, of those that say anything.
    fn nearest<'a, T>(&'a self, entity: &Name, says: impl Fn(&'a Entity) -> Option<T>) -> Option<T> {
        self.upstream(entity).iter().find_map(|up| says(self.topology.get(up)?))
    }

    /// The runbook of the nearest entity up the topology that has one.
    #[must_use]
    pub fn runbook_of(&self, entity: &Name) -> Option<&str> {
        self.nearest(entity, |e| e.runbook.as_deref())
    }

    /// What to do when a check fails: its own runbook, else that of what it measures.
    #[must_use]
    pub fn runbook_of_check(&self, rule: &CheckRule) -> Option<String> {
        let own = rule.runbook.as_deref();
        own.or_else(|| self.runbook_of(rule.entity.as_ref()?)).map(String::from)
    }

    /// Everything that `entity` stands on, itself first, nearest first. Ends on cycles.
    #[must_use]
    pub fn upstream(&self, entity: &Name) -> Vec<Name> {
        let mut seen: Vec<Name> = alloc::vec![entity.clone()];
        let mut next = 0;
        while let Some(name) = seen.get(next).cloned() {
            next += 1;
            let Some(e) = self.topology.get(&name) else { continue };
            for up in e.runs_on.iter().chain(&e.depends_on) {
                if !seen.contains(up) {
                    seen.push(up.clone());
                }
            }
        }
        seen
    }

    /// Everything that stands on one of `roots`, without them, sorted: the blast radius.
    #[must_use]
    pub fn downstream<'a>(&self, roots: impl IntoIterator<Item = &'a Name>) -> Vec<Name> {
        let roots: BTreeSet<&Name> = roots.into_iter().collect();
        let mut hit: BTreeSet<&Name> = roots.clone();
        // Each round goes one edge further, so a topology of depth n takes n rounds.
        loop {
            let before = hit.len();
            for (name, e) in &self.topology {
                if e.runs_on.iter().chain(&e.depends_on).any(|up| hit.contains(up)) {
                    hit.insert(name);
                }
            }
            if hit.len() == before {
                return hit.difference(&roots).map(|n| (*n).clone()).collect();
            }
        }
    }

    /// The escalation policy for an alert: its own, else that of the nearest entity up the topology, else the
    /// integration's, else `default`.
    #[must_use]
    pub fn escalation_for(&self, own: Option<&Name>, entity: Option<&Name>, source: &Name) -> Name {
        let known = |n: &&Name| self.escalations.contains_key(*n);
        own.filter(known)
            .or_else(|| self.nearest(entity?, |e| e.escalation.as_ref().filter(known)))
            .or_else(|| self.integrations.get(source)?.escalation.as_ref().filter(known))
            .cloned()
            .unwrap_or_else(|| Name::from("default"))
    }
}
