//! What comes in to be decided.

use crate::alert::AlertItem;
use crate::change::Change;
use crate::event::PingKind;
use crate::incident::{IncidentId, StepSeen};
use crate::page::{Outcome, PageKey};
use crate::schedule::Override;
use crate::setup::Setup;
use crate::silence::Matcher;
use crate::time::{Span, Wall};
use crate::update::Stage;
use crate::words::{Actor, Name, Severity};
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What comes in to be decided. Everything the decision needs beside the state and the time is in it: ids and other
/// random values too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Input {
    /// A server begins to run.
    Start {
        /// Its release.
        version: String,
        /// How long it was away.
        down: Span,
        /// A random number.
        life: u16,
    },
    /// Time has passed: do what is due.
    Tick,
    /// The same for one thing alone: for when all of them at once cannot be decided.
    TickOne {
        /// So many that are due earlier are left where they are.
        past: u32,
    },
    /// The wall clock was set by so many milliseconds.
    ClockStep {
        /// Negative for backwards.
        by: i64,
    },
    /// Numbers below this one have been given to incidents, some of which could not be kept.
    NumbersTaken {
        /// The first that has not.
        next: IncidentId,
    },
    /// A configuration is to count from now on.
    AdoptConfig {
        /// SHA-256 of the setup, in hexadecimal.
        hash: String,
        /// The part that decisions need.
        setup: Arc<Setup>,
    },
    /// Channels may work again: what was not accepted is tried now.
    TryAgain,
    /// Another tool's alerts, or Foghorn's own.
    Alerts {
        /// The integration.
        source: Name,
        /// Firing and ended ones.
        items: Vec<AlertItem>,
    },
    /// A check's verdict changed.
    Check {
        /// Its name.
        check: Name,
        /// How it stands now.
        verdict: CheckVerdict,
        /// When that began.
        since: Wall,
    },
    /// A heartbeat was pinged.
    Ping {
        /// The check.
        check: Name,
        /// What was said.
        ping: PingKind,
        /// The run it belongs to.
        run: Option<String>,
        /// The beginning of what was sent along.
        body: String,
    },
    /// Somebody is on it.
    Acknowledge {
        /// On what.
        incident: IncidentId,
        /// Who.
        by: Actor,
        /// What they were shown; `None` for all there is now.
        revision: Option<u64>,
    },
    /// Somebody says it is over.
    Resolve {
        /// What.
        incident: IncidentId,
        /// Who.
        by: Actor,
    },
    /// Somebody writes something down.
    Note {
        /// Where.
        incident: IncidentId,
        /// Who.
        by: Actor,
        /// What; at most [`LONGEST_NOTE`] bytes.
        text: String,
    },
    /// Somebody tells the public.
    StatusUpdate {
        /// Of which incident.
        incident: IncidentId,
        /// Who.
        by: Actor,
        /// How far the work is.
        stage: Stage,
        /// The words; at most [`crate::update::LONGEST_UPDATE`] bytes.
        text: String,
    },
    /// Somebody corrects what the public was told, or withdraws it.
    CorrectUpdate {
        /// Of which incident.
        incident: IncidentId,
        /// Which of its status updates, from 1, in the order in which they were published.
        number: u32,
        /// Who.
        by: Actor,
        /// [Which one](crate::update::StatusUpdate::revision) they have read; `None` for what it says now.
        revision: Option<u32>,
        /// What it is to say, at most [`crate::update::LONGEST_UPDATE`] bytes; `None` withdraws it.
        text: Option<String>,
    },
    /// Somebody wants the next step now.
    Escalate {
        /// For what.
        incident: IncidentId,
        /// Who.
        by: Actor,
        /// The step that they saw, if they press a button that names the next. Another has been entered since: they have it.
        #[serde(default)]
        seen: Option<StepSeen>,
    },
    /// Somebody opens an incident by hand.
    Open {
        /// One line.
        title: String,
        /// How bad.
        severity: Severity,
        /// What is unwell.
        entity: Option<Name>,
        /// Whom to page, instead of the entity's own.
        escalation: Option<Name>,
        /// More words, written down as a note.
        note: Option<String>,
        /// Who.
        by: Actor,
    },
    /// What became of an attempt to send a page.
    Delivered {
        /// Which page.
        key: PageKey,
        /// By which channel, which a reload may have replaced by another; `None` for the one that it has now.
        channel: Option<Name>,
        /// What became of it.
        outcome: Outcome,
    },
    /// Alerts are expected.
    Silence {
        /// A new id, or that of the silence to replace.
        id: Name,
        /// All must match.
        matchers: Vec<Matcher>,
        /// Alerts of any of these.
        entities: BTreeSet<Name>,
        /// From; `None` for now.
        starts: Option<Wall>,
        /// Until a moment, or for a time.
        ends: Ends,
        /// Why.
        comment: String,
        /// Whether it is a maintenance window.
        maintenance: bool,
        /// Who.
        by: Actor,
    },
    /// A silence is to end now.
    EndSilence {
        /// Which.
        id: Name,
        /// Who.
        by: Actor,
    },
    /// Somebody stands in.
    AddOverride {
        /// A new id.
        id: Name,
        /// What.
        entry: Override,
        /// Who.
        by: Actor,
    },
    /// Nobody is to stand in any more.
    RemoveOverride {
        /// Which.
        id: Name,
        /// Who.
        by: Actor,
    },
    /// Something was changed in production.
    Change {
        /// What.
        change: Change,
    },
}

/// How a check stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum CheckVerdict {
    /// It failed as often in a row as it takes.
    Failing {
        /// What is wrong, in a line.
        summary: String,
        /// Lower than the rule's, where the measurement says so (a plugin's WARNING).
        severity: Option<Severity>,
    },
    /// It keeps changing.
    Flapping {
        /// What is wrong, in a line.
        summary: String,
        /// As of one that is failing.
        severity: Option<Severity>,
    },
    /// It cannot be measured.
    Unknown {
        /// Why.
        why: String,
    },
    /// It is well.
    Ok,
}

/// When a silence ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ends {
    /// At a moment.
    At(Wall),
    /// After a time.
    After(Span),
}

impl Input {
    /// The incident that it is about and names by its number.
    #[must_use]
    pub fn incident(&self) -> Option<IncidentId> {
        match self {
            Input::Acknowledge { incident, .. }
            | Input::Resolve { incident, .. }
            | Input::Note { incident, .. }
            | Input::StatusUpdate { incident, .. }
            | Input::CorrectUpdate { incident, .. }
            | Input::Escalate { incident, .. } => Some(*incident),
            Input::Delivered { key, .. } => Some(key.incident),
            _ => None,
        }
    }
}

/// Bytes of a note.
pub const LONGEST_NOTE: usize = 64 * 1024;

/// What an input came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Done.
    #[default]
    Done,
    /// Done, and this incident is the one.
    Incident(IncidentId),
    /// Alerts: how many were refused because too many were open.
    Refused(u32),
    /// Done already: nothing changed.
    Already,
}

/// Why an input changes nothing. The text is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "refused", rename_all = "snake_case")]
pub enum Refusal {
    /// There is no such thing.
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// It is over already.
    Over {
        /// What.
        what: String,
    },
    /// It is not any more what whoever asks has read.
    Changed {
        /// What, by whom, and what to do.
        why: String,
    },
    /// It makes no sense.
    Invalid {
        /// What is wrong, and what to do.
        why: String,
    },
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Refusal::NotFound { what } => write!(f, "there is no {what}"),
            Refusal::Over { what } => write!(f, "{what} is over already"),
            Refusal::Changed { why } | Refusal::Invalid { why } => f.write_str(why),
        }
    }
}

impl core::error::Error for Refusal {}
