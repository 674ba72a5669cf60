//! What happened. An event carries everything that was decided, so applying it consults no rule, no configuration and
//! no calendar: a journal means the same under every later release.
//!
//! This is the longest-lived format we own. It is changed by addition only: a new field has a default, a variant is
//! never renamed.

use crate::alert::{Alert, AlertStatus, EndReason};
use crate::change::Change;
use crate::held::Place;
use crate::incident::{IncidentId, Shape};
use crate::labels::{AlertKey, Labels};
use crate::page::{Outcome, PageKey, PageKind};
use crate::schedule::Override;
use crate::setup::{Setup, Target};
use crate::silence::Silence;
use crate::time::{Mono, Now, Span, Wall};
use crate::update::Stage;
use crate::words::{Actor, Name, Severity, Urgency};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// An event and its moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the journal, from 1.
    pub seq: u64,
    /// When it was decided.
    pub at: Now,
    /// Decided later, on top of what the journal had when it was back; `at` is still the moment it happened.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub late: bool,
    /// What happened.
    pub event: Event,
}

/// An alert, and where it is: whoever reads the journal need not have read all of it to know whose this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRef {
    /// Identity.
    pub key: AlertKey,
    /// The incident it belongs to; 0 in journals that do not say.
    #[serde(default, skip_serializing_if = "unknown")]
    pub incident: IncidentId,
    /// Where it is kept; 0 in journals that do not say.
    #[serde(default, skip_serializing_if = "unknown")]
    pub place: Place,
}

/// Numbers begin at 1.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn unknown(number: &u64) -> bool {
    *number == 0
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A server began to run.
    Started {
        /// Its release.
        version: String,
        /// How long it had been away; zero the first time.
        down: Span,
        /// A random number, by which what was shown in this run is told from what was shown in others.
        #[serde(default)]
        life: u16,
    },
    /// The wall clock was set. What waited for a calendar moves, what was given as a length of time moves along.
    ClockStepped {
        /// Milliseconds; negative for backwards.
        by: i64,
    },
    /// Numbers below this one were given to incidents while the journal was away, some of which could not be kept: no other
    /// incident gets them.
    NumbersTaken {
        /// The next incident has this number, or a later one.
        next: IncidentId,
    },
    /// A configuration counts from here on.
    ConfigAdopted {
        /// SHA-256 of the setup, in hexadecimal.
        hash: String,
        /// The part that decisions need.
        setup: Arc<Setup>,
    },

    /// Something is wrong.
    AlertOpened {
        /// All of it.
        alert: Arc<Alert>,
        /// Where it is kept from here on; 0 in journals that do not say.
        #[serde(default, skip_serializing_if = "unknown")]
        place: Place,
        /// When its sender must have repeated it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires: Option<Mono>,
    },
    /// Senders repeated alerts.
    AlertsRefreshed {
        /// The integration.
        source: Name,
        /// Which, and when they must be repeated again.
        alerts: Vec<(AlertKey, Mono)>,
    },
    /// Alerts whose senders could not be heard are given more time.
    AlertsExtended {
        /// Which, and when they must be repeated.
        alerts: Vec<(AlertKey, Mono)>,
        /// Why, for people.
        why: String,
    },
    /// An alert has lasted for as long as it takes to be paged for.
    AlertConfirmed {
        /// Which.
        #[serde(flatten)]
        alert: AlertRef,
    },
    /// An open alert is not what it was.
    AlertChanged {
        /// Which.
        #[serde(flatten)]
        alert: AlertRef,
        /// New value.
        severity: Severity,
        /// New value.
        urgency: Urgency,
        /// New value, where there are others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        annotations: Option<Labels>,
        /// Its policy, where that is another now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        escalation: Option<Name>,
    },
    /// An open alert is said in other words, and is as bad as it was.
    AlertReworded {
        /// Which.
        #[serde(flatten)]
        alert: AlertRef,
        /// New value.
        annotations: Labels,
    },
    /// More incidents are to be looked at than are within one input: each has its turn next.
    FollowUpPlanned {
        /// Whose alerts are not what they were, or what waits for them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        incidents: Vec<IncidentId>,
        /// Whose step is entered again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        again: Vec<IncidentId>,
        /// Which are paged for by the policy that the rules name now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        by_rule: Vec<IncidentId>,
    },
    /// An incident has had that turn.
    FollowedUp {
        /// Which.
        id: IncidentId,
    },
    /// An open alert stands differently.
    AlertStatusChanged {
        /// Which.
        #[serde(flatten)]
        alert: AlertRef,
        /// How it stands.
        status: AlertStatus,
        /// When it is paged for, of one that is not yet and waits anew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held_until: Option<Mono>,
        /// Why, for people.
        why: String,
    },
    /// A stale alert's sender is back: it has until then to repeat the alert.
    AlertAwaited {
        /// Which.
        #[serde(flatten)]
        alert: AlertRef,
        /// Until when.
        until: Mono,
    },
    /// Something is well again.
    AlertEnded {
        /// Which.
        #[serde(flatten)]
        alert: AlertRef,
        /// When.
        at: Wall,
        /// By whose word.
        reason: EndReason,
        /// Whether it is not even listed any more: its incident has too many ended ones.
        #[serde(default)]
        forget: bool,
    },
    /// A silence began to cover an open alert.
    AlertMuted {
        /// Which.
        #[serde(flatten)]
        alert: AlertRef,
        /// By which silence.
        by: Name,
    },
    /// No silence covers it any more.
    AlertUnmuted {
        /// Which.
        #[serde(flatten)]
        alert: AlertRef,
    },
    /// An integration had too many alerts open.
    AlertsRefused {
        /// The integration.
        source: Name,
        /// How many.
        count: u32,
        /// What happened, for people.
        why: String,
    },
    /// An integration was heard from, with nothing else to write.
    SourceHeard {
        /// The integration.
        source: Name,
    },

    /// People have something to work on.
    IncidentOpened {
        /// Its number.
        id: IncidentId,
        /// One line.
        title: Arc<str>,
        /// A person who opened it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
        /// Its own severity, if a person opened it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        severity: Option<Severity>,
        /// Its own urgency, if a person opened it.
        #[serde(default)]
        urgency: Urgency,
        /// What a person says is unwell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entity: Option<Name>,
        /// Whom a person wants to be paged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        escalation: Option<Name>,
    },
    /// It is worse or wider than when that was last recorded, or less so: a size that pages refer to by its number.
    IncidentGrew {
        /// Which.
        id: IncidentId,
        /// How bad and wide.
        shape: Shape,
        /// What it is called from here on, where it was called after something that is not as bad.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<Arc<str>>,
    },
    /// Everything is well, or a person closed it.
    IncidentResolved {
        /// Which.
        id: IncidentId,
        /// Who, if a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
        /// When it is looked at again: archived, or opened again if it is still failing.
        again: Mono,
        /// What it is called once it is over, where it was called after something that was not as bad.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<Arc<str>>,
        /// Not everything is known to be well: a check has left the configuration.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        unwatched: bool,
    },
    /// Its trouble is back.
    IncidentReopened {
        /// Which.
        id: IncidentId,
        /// Why, for people.
        why: String,
        /// What it is called from here on, where it was called after something that is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<Arc<str>>,
        /// What its opener said is wrong does not count any more: a person has said that it is over.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        withdrawn: bool,
    },
    /// All is well, but it has come back too often to be believed at once: it is over if it stays so.
    RecoveryAwaited {
        /// Which.
        id: IncidentId,
        /// Then it is over; `None` if it is unwell again.
        until: Option<Mono>,
        /// Why, for people.
        why: String,
    },
    /// It can be reopened no more; the read model has it.
    IncidentArchived {
        /// Which.
        id: IncidentId,
    },
    /// Somebody wrote something down.
    Noted {
        /// Where.
        id: IncidentId,
        /// Who.
        by: Actor,
        /// What.
        text: String,
    },
    /// The public was told something, in a person's own words.
    StatusUpdated {
        /// Of which incident.
        id: IncidentId,
        /// Who wrote it.
        by: Actor,
        /// How far the work was.
        stage: Stage,
        /// The words.
        text: String,
    },
    /// What the public was told says something else from here on, or is withdrawn.
    StatusCorrected {
        /// Of which incident.
        id: IncidentId,
        /// Which of its status updates, from 1, in the order in which they were published.
        number: u32,
        /// Who corrected it.
        by: Actor,
        /// What it says now; `None` where the public does not read it any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// What it said until then.
        was: String,
    },

    /// Paging begins.
    EscalationStarted {
        /// For which incident.
        id: IncidentId,
        /// The policy.
        policy: Name,
        /// The wave.
        wave: u32,
        /// Whether people are woken.
        urgency: Urgency,
        /// A person asked for it: it goes on whatever the alerts ask for.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        asked: bool,
        /// Why, for people.
        why: String,
    },
    /// Nothing is left to page for (all is muted); the incident stays on screen.
    EscalationPaused {
        /// For which incident.
        id: IncidentId,
    },
    /// People are paged.
    StepEntered {
        /// For which incident.
        id: IncidentId,
        /// The wave.
        wave: u32,
        /// The round.
        round: u32,
        /// The step, from 0.
        step: u16,
        /// When the next is entered.
        until: Mono,
        /// `until` on the wall, if it depends on a calendar: moves when the wall clock steps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        calendar: Option<Wall>,
        /// Whom it pages.
        turns: Vec<PersonTurn>,
        /// Schedules on which nobody was on call.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        gaps: Vec<Target>,
        /// Why this step now, for people.
        why: String,
    },
    /// The next step is entered earlier: nobody of this one can be reached.
    StepHastened {
        /// For which incident.
        id: IncidentId,
        /// When.
        until: Mono,
        /// Why, for people.
        why: String,
    },
    /// The policy ended and nobody answered.
    NobodyAnswered {
        /// For which incident.
        id: IncidentId,
        /// After how many rounds.
        rounds: u32,
    },
    /// An attempt to send a page was made.
    PageAttempted {
        /// Which page.
        key: PageKey,
        /// By which channel.
        channel: Name,
        /// Number of this attempt, from 1.
        attempt: u32,
        /// What became of it.
        outcome: Outcome,
        /// When it is tried again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry: Option<Mono>,
    },
    /// A contact did not take a page; the next one is taken while this one is still tried.
    ContactPassedOver {
        /// Which page.
        key: PageKey,
        /// The contact taken instead, and when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<(u8, Mono)>,
        /// How the person's other contacts stand; not known of what earlier releases wrote.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        others: Option<Others>,
        /// Why, for people.
        why: String,
    },
    /// A page is given up, because it makes no sense any more.
    PageDropped {
        /// Which page.
        key: PageKey,
        /// Why, for people.
        why: String,
    },
    /// People are told something that needs no answer.
    NoticesPlanned {
        /// For which incident.
        id: IncidentId,
        /// What.
        kind: PageKind,
        /// The wave.
        wave: u32,
        /// To whom, by which contact and channel.
        to: Vec<(Name, u8, Name)>,
    },
    /// Somebody is on it.
    Acknowledged {
        /// On what.
        id: IncidentId,
        /// Who.
        by: Actor,
        /// What they were shown.
        covers: Shape,
        /// It is looked at again then.
        until: Mono,
    },
    /// It is over and is not put away yet: whom it woke has still to hear of that.
    IncidentKept {
        /// Which.
        id: IncidentId,
        /// It is looked at again then.
        until: Mono,
    },
    /// Every page and notice that waits for another attempt is tried now.
    RetriesHastened {
        /// Why, for people.
        why: String,
    },
    /// An acknowledgement was looked at again and is still enough, or whoever has it says so.
    AcknowledgementKept {
        /// On what.
        id: IncidentId,
        /// When it is looked at again.
        until: Mono,
        /// Who is still on it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
    },
    /// An acknowledgement does not stop the clock any more.
    AcknowledgementLapsed {
        /// On what.
        id: IncidentId,
        /// Why, for people.
        why: String,
    },

    /// A silence or a maintenance window was made.
    SilenceAdded {
        /// All of it.
        silence: Silence,
    },
    /// A silence counts from here on.
    SilenceBegan {
        /// Which.
        id: Name,
    },
    /// A silence is over.
    SilenceEnded {
        /// Which.
        id: Name,
        /// Who ended it, if it did not end by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
    },
    /// Somebody stands in.
    OverrideAdded {
        /// Its id.
        id: Name,
        /// What.
        entry: Override,
        /// Who made it.
        by: Actor,
    },
    /// Nobody stands in any more.
    OverrideRemoved {
        /// Its id.
        id: Name,
        /// Who removed it, if it did not end by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
    },
    /// A heartbeat was pinged.
    HeartbeatPinged {
        /// The check.
        check: Name,
        /// What was said.
        ping: PingKind,
        /// The run it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<String>,
        /// The beginning of what was sent along.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        body: String,
        /// When the next is overdue.
        due: Mono,
        /// When a success is overdue, where that is later: a run is under way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        success_due: Option<Mono>,
        /// When the run that is under way after this has to have ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run_due: Option<Mono>,
    },
    /// A heartbeat's next ping is overdue then.
    HeartbeatExpected {
        /// The check.
        check: Name,
        /// When.
        due: Mono,
        /// Why, for people.
        why: String,
        /// One was due while nobody could hear it: until the next, nothing is known.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        unheard: bool,
    },
    /// Something was changed in production.
    ChangeRecorded {
        /// What.
        change: Change,
    },
}

/// How a person's other contacts stand when one is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Others {
    /// One has accepted the page.
    Accepted,
    /// None has, and one is still to be tried or to answer.
    Tried,
    /// All have been passed over, or there are none.
    Exhausted,
}

/// One person's turn within a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonTurn {
    /// Who.
    pub person: Name,
    /// Whether they are woken.
    pub urgency: Urgency,
    /// By which contacts.
    pub contacts: Vec<ContactTurn>,
}

/// One contact's part of a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContactTurn {
    /// Which of the person's contacts, from 0.
    pub contact: u8,
    /// The channel.
    pub channel: Name,
    /// When.
    pub due: Mono,
    /// When it is passed over if not accepted.
    pub pass_over: Mono,
    /// For a calendar's wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Wall>,
}

/// What a ping said (Healthchecks' words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PingKind {
    /// The job is done, and well.
    Success,
    /// The job begins.
    Start,
    /// The job failed.
    Fail,
    /// Something to keep, which changes nothing.
    Log,
}

impl Event {
    /// The incident whose timeline this belongs to.
    #[must_use]
    pub fn incident(&self) -> Option<IncidentId> {
        Some(match self {
            Event::PageAttempted { key, .. }
            | Event::ContactPassedOver { key, .. }
            | Event::PageDropped { key, .. } => key.incident,
            Event::IncidentOpened { id, .. }
            | Event::IncidentGrew { id, .. }
            | Event::IncidentResolved { id, .. }
            | Event::IncidentReopened { id, .. }
            | Event::RecoveryAwaited { id, .. }
            | Event::IncidentArchived { id }
            | Event::IncidentKept { id, .. }
            | Event::Noted { id, .. }
            | Event::StatusUpdated { id, .. }
            | Event::StatusCorrected { id, .. }
            | Event::EscalationStarted { id, .. }
            | Event::EscalationPaused { id }
            | Event::StepEntered { id, .. }
            | Event::StepHastened { id, .. }
            | Event::NobodyAnswered { id, .. }
            | Event::NoticesPlanned { id, .. }
            | Event::Acknowledged { id, .. }
            | Event::AcknowledgementKept { id, .. }
            | Event::AcknowledgementLapsed { id, .. } => *id,
            _ => return self.alert().map(|a| a.incident).filter(|id| *id > 0),
        })
    }

    /// The alert it is about.
    #[must_use]
    pub fn alert(&self) -> Option<AlertRef> {
        Some(match self {
            Event::AlertOpened { alert, place, .. } => {
                AlertRef { key: alert.key, incident: alert.incident, place: *place }
            }
            Event::AlertChanged { alert, .. }
            | Event::AlertReworded { alert, .. }
            | Event::AlertConfirmed { alert }
            | Event::AlertStatusChanged { alert, .. }
            | Event::AlertAwaited { alert, .. }
            | Event::AlertEnded { alert, .. }
            | Event::AlertMuted { alert, .. }
            | Event::AlertUnmuted { alert } => *alert,
            _ => return None,
        })
    }
}
