//! Pages: one notification to one person over one contact, until it is delivered or superseded.

use crate::incident::{IncidentId, StepSeen};
use crate::time::{Mono, Now, Span, Wall};
use crate::words::{Name, Urgency};
use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

/// What a page is, made of what it is for, never of a sequence number: after a crash the same state asks for the same
/// page under the same key, so a receiver can tell a repetition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PageKey {
    /// For which incident.
    pub incident: IncidentId,
    /// Page or notice.
    pub kind: PageKind,
    /// The escalation's wave.
    pub wave: u32,
    /// The escalation's round.
    pub round: u32,
    /// The policy's step, from 0.
    pub step: u16,
    /// To whom.
    pub person: Name,
    /// By which of the person's contacts, from 0.
    pub contact: u8,
}

impl PageKey {
    /// The first key that a page of an incident can have: where its pages begin in a map.
    #[must_use]
    pub fn first_of(incident: IncidentId) -> PageKey {
        PageKey {
            incident,
            kind: PageKind::Page,
            wave: 0,
            round: 0,
            step: 0,
            person: Name::default(),
            contact: 0,
        }
    }

    /// Whether it pages for this step of its incident. A notice does not, whatever step it was planned in.
    #[must_use]
    pub fn is_of(&self, step: StepSeen) -> bool {
        let of = StepSeen { wave: self.wave, round: self.round, step: self.step };
        self.kind == PageKind::Page && of == step
    }
}

/// What a page tells. The order is the order of sending where several are due at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PageKind {
    /// Somebody must answer.
    Page,
    /// Acknowledged by somebody else: stand down.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl fmt::Display for PageKey {
    /// `12-p-1_0_2-ana-0`: fit for a header, an URL or a file name as far as the person's id is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            PageKind::Page => 'p',
            PageKind::Acknowledged => 'a',
            PageKind::Resolved => 'r',
        };
        let PageKey { incident, wave, round, step, person, contact, .. } = self;
        write!(f, "{incident}-{kind}-{wave}_{round}_{step}-{person}-{contact}")
    }
}

/// A page that is planned, being sent, or accepted while its incident is unanswered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// What it is.
    pub key: PageKey,
    /// The channel's name.
    pub channel: Name,
    /// Whether it wakes.
    pub urgency: Urgency,
    /// How it stands.
    pub delivery: Delivery,
    /// Attempts that were reported.
    pub attempts: u32,
    /// When it was first due.
    pub first_due: Mono,
    /// For a calendar's wait: moves when the wall clock steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Wall>,
    /// Whether the next contact has been taken instead.
    #[serde(default)]
    pub passed_over: bool,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Delivery {
    /// To be sent then.
    Due {
        /// When.
        at: Mono,
    },
    /// The channel has it.
    Accepted {
        /// When.
        at: Now,
    },
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Outcome {
    /// The channel has it.
    Accepted {
        /// The provider's id or words.
        detail: String,
    },
    /// It may work later.
    Retry {
        /// What went wrong.
        error: String,
        /// The provider's wish.
        after: Option<Span>,
    },
    /// It cannot work as things are.
    Failed {
        /// What went wrong.
        error: String,
    },
}

/// How long after attempt number `n` (from 1) the next is made: 5 s doubling to 5 min. What failed for good is tried
/// every 5 min: somebody may mend it.
#[must_use]
pub fn backoff(n: u32, outcome: &Outcome) -> Span {
    const MOST: Span = Span::mins(5);
    let doubling = Span(Span::secs(5).0.saturating_mul(1 << n.saturating_sub(1).min(10))).min(MOST);
    match outcome {
        Outcome::Failed { .. } => MOST,
        Outcome::Retry { after, .. } => doubling.max(after.unwrap_or_default()).min(Span::hours(1)),
        Outcome::Accepted { .. } => Span::ZERO,
    }
}

/// A notice is worth this many attempts; then it is dropped, which is written and counted.
pub const NOTICE_ATTEMPTS: u32 = 12;
