//! A consistent look at everything, for whoever shows it.

use foghorn_core::State;
use foghorn_core::incident::IncidentId;
use foghorn_core::time::{Mono, Now, Wall};
use std::sync::Arc;

/// A consistent look at everything.
#[derive(Clone, Debug)]
pub struct View {
    /// What is true: what is on disk, or, while the journal is degraded, what is in effect.
    pub state: State,
    /// The last event on disk.
    pub seq: u64,
    /// Set while the journal does not take events.
    pub degraded: Option<Degraded>,
    /// What the journal holds, while it is behind.
    pub saved: Option<State>,
    /// When this view was made.
    pub at: Now,
    /// Counters of the loop.
    pub stats: Stats,
}

/// Why, and since when, the journal takes no events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Degraded {
    /// For people: `disk full`, `no answer from the disk for 2s`.
    pub why: Arc<str>,
    /// Since when.
    pub since: Now,
    /// Inputs kept to be decided again when it is back.
    pub kept: usize,
    /// Inputs that could not be kept.
    pub lost: u64,
}

/// Counters of the loop since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Batches that reached the disk.
    pub batches: u64,
    /// Events that reached the disk.
    pub events: u64,
    /// Inputs decided.
    pub inputs: u64,
    /// Times that the journal degraded.
    pub degradations: u64,
    /// Inputs whose decision panicked, or would have written too much, and was left out.
    pub panics: u64,
    /// Inputs that could not be kept while the journal was away, without those of an outage that lasts.
    pub lost: u64,
    /// Pages handed to their channels.
    pub sent: u64,
    /// When the last decision was made: a loop that is stuck shows.
    pub last_decision: Mono,
}

impl View {
    /// Of a state that has just been read from the journal.
    #[must_use]
    pub fn new(state: State, seq: u64, at: Now) -> View {
        View { state, seq, degraded: None, saved: None, at, stats: Stats::default() }
    }

    /// Whether what became of an incident is on disk: that it is there, who has it, that it is over. Until then a restart
    /// would forget it.
    #[must_use]
    pub fn is_saved(&self, id: IncidentId) -> bool {
        let status = |state: &State| state.incident(id).map(|i| i.status.clone());
        self.saved.as_ref().is_none_or(|saved| status(saved) == status(&self.state))
    }

    /// What the wall showed, or will show, at a monotonic moment.
    #[must_use]
    pub fn wall_at(&self, at: Mono) -> Wall {
        self.at.wall_at(at)
    }
}
