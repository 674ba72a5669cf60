//! Status updates: what people tell the public of an incident, in their own words.

use crate::time::{Span, Wall};
use crate::words::Actor;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Bytes of a status update's text.
pub const LONGEST_UPDATE: usize = 8 * 1024;
/// Status updates of one incident.
pub const MOST_UPDATES: usize = 40;
/// Corrections of one status update; after that it can only be withdrawn.
pub const MOST_CORRECTIONS: u32 = 20;
/// Incidents of which is known what was told; of more, the oldest that are over are forgotten here. The journal has all.
pub const MOST_TOLD: usize = 500;
/// So long after its end an incident still takes a status update: a postmortem takes its time.
pub const LATE_UPDATES: Span = Span::hours(24 * 30);

/// How far the work is, as the public is told. Any may follow any: people find out that they were wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// People look for the cause.
    Investigating,
    /// The cause is known.
    Identified,
    /// It is mended; people watch whether it stays so.
    Monitoring,
    /// It is over.
    Resolved,
    /// What happened, why, and what follows.
    Postmortem,
}

impl Stage {
    /// Every stage, in the order in which they mostly come.
    pub const ALL: [Stage; 5] =
        [Stage::Investigating, Stage::Identified, Stage::Monitoring, Stage::Resolved, Stage::Postmortem];

    /// The word used in the API and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Investigating => "investigating",
            Stage::Identified => "identified",
            Stage::Monitoring => "monitoring",
            Stage::Resolved => "resolved",
            Stage::Postmortem => "postmortem",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the public was told at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// When.
    pub at: Wall,
    /// Who wrote it; the public does not hear of that.
    pub by: Actor,
    /// How far the work was.
    pub stage: Stage,
    /// The words, as they were written: whoever shows them escapes them. Of what is withdrawn, those that the public reads no
    /// more.
    pub text: String,
    /// What a person made of it since; the journal has what it said before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<Corrected>,
}

/// How a status update came to say what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrected {
    /// When it was corrected last.
    pub at: Wall,
    /// Who did; the public does not hear of that.
    pub by: Actor,
    /// How often it was; at most once more than [`MOST_CORRECTIONS`].
    pub times: u32,
    /// Whether the public does not read it any more.
    pub withdrawn: bool,
}

impl StatusUpdate {
    /// How often it was corrected. Whoever corrects it says which one they read.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.corrected.as_ref().map_or(0, |c| c.times)
    }

    /// Whether the public does not read it any more.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.corrected.as_ref().is_some_and(|c| c.withdrawn)
    }

    /// From now on it says this; without a text the public does not read it any more.
    pub fn correct(&mut self, at: Wall, by: Actor, text: Option<String>) {
        let times = self.revision().saturating_add(1);
        self.corrected = Some(Corrected { at, by, times, withdrawn: text.is_none() });
        if let Some(text) = text {
            self.text = text;
        }
    }
}

/// What people have told the public of an incident. It outlives the incident in the state, for [`LATE_UPDATES`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When the incident opened.
    pub opened: Wall,
    /// When it ended; `None` until it is put away.
    pub ended: Option<Wall>,
    /// Oldest first, at most [`MOST_UPDATES`].
    pub updates: Vec<Arc<StatusUpdate>>,
}
