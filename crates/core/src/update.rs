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
    /// The words, as they were written: whoever shows them escapes them.
    pub text: String,
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
