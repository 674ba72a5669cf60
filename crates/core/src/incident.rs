//! Incidents: what people work on.

use crate::held::Place;
use crate::state::{Map, Set, Timer};
use crate::time::{Mono, Now, Wall};
use crate::words::{Actor, Name, Severity, Urgency};
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// An incident's number, from 1.
pub type IncidentId = u64;

/// What people work on: one or more alerts with one suspected cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// What is of fixed size.
    pub head: Head,
    /// Its alerts, open and ended.
    pub alerts: Set<Place>,
    /// Open alerts by entity, muted ones left out; 0 for what has recovered.
    pub entities: Map<Name, u32>,
    /// Alerts that their senders have repeated since a person closed it. Not kept with the alert, of which there may be a
    /// hundred thousand.
    pub repeated: Set<Place>,
    /// Everybody who has been paged, with a bit for each contact used: they hear the notices.
    pub paged: Map<Name, u64>,
}

/// The part of an [`Incident`] that is of fixed size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Its number.
    pub id: IncidentId,
    /// One line.
    pub title: Arc<str>,
    /// When it opened.
    pub opened: Now,
    /// The person who opened it, if not an alert.
    pub opened_by: Option<Actor>,
    /// What they wrote then: whoever is paged for it has nothing else to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Arc<str>>,
    /// How it stands.
    pub status: Status,
    /// The highest severity that it has had. What it is now follows from [`Incident::severity`].
    pub peak: Severity,
    /// A manual incident's own severity.
    pub own: Option<Severity>,
    /// A manual incident's own urgency.
    pub own_urgency: Urgency,
    /// A manual incident's own policy.
    pub own_policy: Option<Name>,
    /// What is unwell by the word of whoever opened it by hand, until it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_entity: Option<Name>,
    /// The check of something that was wrong has left the configuration: nobody knows that it is well.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub unwatched: bool,
    /// How bad it was, and what it was called, before it came back as something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<(Severity, Arc<str>)>,
    /// Who acknowledged it first, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<(Wall, Actor)>,
    /// Open, neither muted nor held, by severity.
    pub by_severity: [u32; 3],
    /// Open, neither muted nor held, by urgency.
    pub by_urgency: [u32; 3],
    /// Open but muted by a silence.
    pub muted: u32,
    /// Open but not for long enough to be paged for.
    pub held: u32,
    /// Entities with an open alert that is neither muted nor held.
    pub width: u32,
    /// Ended alerts that are still listed.
    pub ended: u32,
    /// When the last alert joined.
    pub last_joined: Mono,
    /// Every size it has had, at most [`MOST_SHAPES`]: what a link in a page refers to.
    pub shapes: Vec<Shape>,
    /// How often it recovered by itself and came back.
    #[serde(default, skip_serializing_if = "never")]
    pub came_back: u32,
    /// Alerts of it that have come back as another incident's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_on: Option<GoneOn>,
    /// All is well, but that is not believed yet: it is over then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovers_at: Option<Mono>,
    /// Who is paged next.
    pub escalation: Escalation,
}

/// An alert is of one incident at a time. What has ended it keeps no alert that comes back later as news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneOn {
    /// How many have.
    pub alerts: u32,
    /// Whose the last of them is.
    pub incident: IncidentId,
}

fn never(times: &u32) -> bool {
    *times == 0
}

/// So many sizes are remembered; a link in an older page covers the oldest of them.
pub const MOST_SHAPES: usize = 64;
/// Of a revision, for the run of the server that gave it. With the milliseconds of 140 years they fit what JSON readers
/// take for whole numbers.
pub const LIFE_BITS: u32 = 10;

fn life_of(number: u64) -> u64 {
    number & ((1 << LIFE_BITS) - 1)
}

impl core::ops::Deref for Incident {
    type Target = Head;
    fn deref(&self) -> &Head {
        &self.head
    }
}

impl core::ops::DerefMut for Incident {
    fn deref_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}

/// How an incident stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Status {
    /// Nobody has answered.
    Open,
    /// Somebody is on it.
    Acknowledged {
        /// Who.
        by: Actor,
        /// When.
        at: Now,
        /// What they were shown.
        covers: Shape,
        /// It is looked at again then.
        until: Mono,
    },
    /// Over.
    Resolved {
        /// Who closed it; `None` if it recovered.
        by: Option<Actor>,
        /// When.
        at: Now,
        /// When it is looked at again.
        again: Mono,
    },
}

/// How bad and how wide an incident is: what an acknowledgement covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Counts up with every growth or shrinking: the moment of that, and which run of the server saw it in the lowest
    /// [`LIFE_BITS`].
    pub revision: u64,
    /// How bad.
    pub severity: Severity,
    /// How many entities are unwell.
    pub width: u32,
    /// Whether it wakes. What was recorded before this was kept covers all.
    #[serde(default = "wakes", skip_serializing_if = "is_high")]
    pub urgency: Urgency,
    /// How many alerts it had had. Says nothing of how bad it is: it tells what was shown from what has joined since.
    #[serde(default = "uncounted", skip_serializing_if = "is_uncounted")]
    pub alerts: u64,
}

fn wakes() -> Urgency {
    Urgency::High
}

fn is_high(urgency: &Urgency) -> bool {
    *urgency == Urgency::High
}

fn uncounted() -> u64 {
    u64::MAX
}

fn is_uncounted(alerts: &u64) -> bool {
    *alerts == u64::MAX
}

impl Shape {
    /// Whether an acknowledgement that was shown `self` covers `now`.
    ///
    /// A higher severity is not covered, nor what wakes by one that was shown what does not. A blast radius is *wider* when it has at least doubled, so that a
    /// person who is working is not paged for every further symptom, yet hears early when it spreads.
    #[must_use]
    pub fn covers(&self, now: &Shape) -> bool {
        now.severity <= self.severity && now.urgency <= self.urgency && now.width < 2 * self.width.max(1)
    }

    /// When it was first so.
    #[must_use]
    pub fn moment(&self) -> Mono {
        Mono(self.revision >> LIFE_BITS)
    }

    /// What two acknowledgements cover together.
    #[must_use]
    pub fn and(self, other: &Shape) -> Shape {
        Shape {
            revision: self.revision.max(other.revision),
            severity: self.severity.max(other.severity),
            width: self.width.max(other.width),
            urgency: self.urgency.max(other.urgency),
            alerts: self.alerts.max(other.alerts),
        }
    }
}

/// Where an incident's escalation is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// The policy; `None` before anything was armed.
    pub policy: Option<Name>,
    /// Counts up each time paging starts over: after growth, a lapsed acknowledgement, a return.
    pub wave: u32,
    /// How many times the steps have been gone through in this wave.
    pub round: u32,
    /// The step entered last.
    pub step: u16,
    /// What it does.
    pub phase: Phase,
    /// Whether this wave wakes people.
    pub urgency: Urgency,
    /// A person asked for this wave: until somebody answers it goes on, whatever the alerts ask for.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub asked: bool,
    /// Why paging began again, for people; empty for the first wave.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub why: Arc<str>,
}

/// A step as somebody saw it, who asks for the one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSeen {
    /// The escalation's wave.
    pub wave: u32,
    /// Its round.
    pub round: u32,
    /// The policy's step, from 0.
    pub step: u16,
}

impl core::fmt::Display for StepSeen {
    /// `1.0.2`: wave, round and step.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{}.{}", self.wave, self.round, self.step)
    }
}

impl StepSeen {
    /// The reverse of its [`Display`](core::fmt::Display).
    #[must_use]
    pub fn read(text: &str) -> Option<StepSeen> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next();
        let (wave, round, step) = (part()?.parse().ok()?, part()?.parse().ok()?, part()?.parse().ok()?);
        Some(StepSeen { wave, round, step })
    }
}

impl Escalation {
    /// The step entered last.
    #[must_use]
    pub fn seen(&self) -> StepSeen {
        StepSeen { wave: self.wave, round: self.round, step: self.step }
    }
}

/// What an escalation does now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Phase {
    /// Nothing to page for.
    #[default]
    Idle,
    /// In a step; the next is entered then.
    Waiting {
        /// When.
        until: Mono,
        /// The same on the wall, if it depends on a calendar.
        calendar: Option<Wall>,
    },
    /// Gone through as often as the policy says: nobody answered.
    Exhausted,
}

impl Head {
    /// What is to be decided for it, and when.
    #[must_use]
    pub(crate) fn timer(&self) -> Option<(Mono, Timer)> {
        if let Some(at) = self.recovers_at {
            return Some((at, Timer::Resolved(self.id)));
        }
        match (&self.status, self.escalation.phase) {
            (Status::Resolved { again, .. }, _) => Some((*again, Timer::Resolved(self.id))),
            (Status::Acknowledged { until, .. }, _) => Some((*until, Timer::Acknowledgement(self.id))),
            (Status::Open, Phase::Waiting { until: at, .. }) => Some((at, Timer::Escalation(self.id))),
            (Status::Open, Phase::Idle | Phase::Exhausted) => None,
        }
    }
}

impl Incident {
    /// Whether it is over.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        matches!(self.status, Status::Resolved { .. })
    }

    /// Whether a person said that it is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.status, Status::Resolved { by: Some(_), .. })
    }

    /// Whether somebody is on it.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        matches!(self.status, Status::Acknowledged { .. })
    }

    /// How bad it is now: the worst open alert, its own severity if a person opened it; the peak when all are over.
    #[must_use]
    pub fn severity(&self) -> Severity {
        let worst = Severity::ALL.into_iter().rev().find(|s| self.by_severity[*s as usize] > 0);
        worst.max(self.own).unwrap_or(self.peak)
    }

    /// The highest urgency of what is open and not muted.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        let [_, low, high] = self.by_urgency;
        let alerts = match (low, high) {
            (_, 1..) => Urgency::High,
            (1.., _) => Urgency::Low,
            _ => Urgency::None,
        };
        alerts.max(self.own_urgency)
    }

    /// The urgency that the next step has: what a person asked for wakes until somebody answers.
    #[must_use]
    pub fn pages_with(&self) -> Urgency {
        if self.escalation.asked { Urgency::High } else { self.urgency() }
    }

    /// How many alerts are open, muted ones too.
    #[must_use]
    pub fn open_alerts(&self) -> u32 {
        self.by_severity.iter().sum::<u32>() + self.muted + self.held
    }

    /// How bad and wide it is now, under the number that it would be recorded with at this moment.
    #[must_use]
    pub fn shape_now(&self, at: Mono, life: u16) -> Shape {
        // A page that left in this very moment has shown less.
        let moment = ((self.revision() >> LIFE_BITS) + 1).max(at.0);
        let revision = (moment << LIFE_BITS) | life_of(u64::from(life));
        let (severity, urgency) = (self.severity(), self.urgency());
        Shape { revision, severity, width: self.width, urgency, alerts: self.had_alerts() }
    }

    /// Alerts that it has; of one that is over, had.
    #[must_use]
    pub fn had_alerts(&self) -> u64 {
        self.alerts.size() as u64 + self.went_on().map_or(0, |gone| u64::from(gone.alerts))
    }

    /// What has become of alerts of one that is over.
    #[must_use]
    pub fn went_on(&self) -> Option<GoneOn> {
        self.gone_on.filter(|_| self.is_resolved())
    }

    /// Whether nothing keeps it open: no open alert, and no person's word that something is wrong.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.open_alerts() == 0 && self.own.is_none()
    }

    /// What a person is shown who is shown it now, for links and forms. What joins without making it worse is no shape of its
    /// own, but was shown.
    #[must_use]
    pub fn revision(&self) -> u64 {
        let last = self.shape().revision;
        last.max((self.last_joined.0 << LIFE_BITS) | life_of(last))
    }

    /// What a [revision](Incident::revision) showed: the newest shape that is not newer than it. `None` if none of its run of
    /// the server is known: its page was of an incident that had this number in memory while the journal was away, and was
    /// lost with a crash.
    #[must_use]
    pub fn shape_at(&self, revision: u64) -> Option<Shape> {
        // Where the oldest have been forgotten, the oldest that is left stands for them.
        let forgotten = self.shapes.len() >= MOST_SHAPES;
        let known = forgotten || self.shapes.iter().any(|s| life_of(s.revision) == life_of(revision));
        let older = self.shapes.iter().rposition(|s| s.revision <= revision).unwrap_or(0);
        let shape =
            self.shapes.get(older).filter(|s| s.revision <= revision || forgotten).filter(|_| known)?;
        // What is not recorded may have been shown and lost when Foghorn died, if another run of it came next: it covers no
        // more than what is known of before and after.
        let lost = |next: &&Shape| shape.revision < revision && life_of(next.revision) != life_of(revision);
        let after = self.shapes.get(older + 1).filter(lost).unwrap_or(shape);
        Some(Shape {
            revision: revision.min(self.revision()).max(shape.revision),
            severity: shape.severity.min(after.severity),
            width: shape.width.min(after.width),
            urgency: shape.urgency.min(after.urgency),
            alerts: shape.alerts.min(after.alerts),
        })
    }

    /// The last recorded shape.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shapes.last().copied().unwrap_or_default()
    }
}
