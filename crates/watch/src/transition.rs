//! What watching tells the rest of the house.

use foghorn_core::time::Wall;
use foghorn_core::words::{Name, Severity};

/// Something changed. Single results are never told: they go to the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// A check's verdict changed.
    Check {
        /// Which.
        check: Name,
        /// When this was decided.
        at: Wall,
        /// To what.
        verdict: Verdict,
    },
    /// Every reference target failed: what fails from here says nothing about the targets. Until [`Sighted`]
    /// failures are not counted.
    ///
    /// [`Sighted`]: Transition::Sighted
    Blind {
        /// When this was decided.
        at: Wall,
        /// Which targets, and how they failed.
        why: String,
    },
    /// A reference target answers again.
    Sighted {
        /// When.
        at: Wall,
    },
}

/// A check's verdict. Between two `Failing` of one check there is a `Recovered` or an `Unknown`, but for one that
/// got worse or less bad, or fails otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is failing.
    Failing {
        /// When the first of the failures that count was seen.
        since: Wall,
        /// One line for a page.
        summary: String,
        /// Less bad than configured, at most this; `None` for as configured. A second `Failing` with another hint says that
        /// it got worse, or less bad.
        severity_hint: Option<Severity>,
        /// It goes to and fro, and stays failing until it is calm.
        flapping: bool,
    },
    /// A failing check began to go to and fro; it stays failing until it is calm.
    Flapping {
        /// One line for a page.
        summary: String,
        /// As of what is failing.
        severity_hint: Option<Severity>,
    },
    /// It is well again.
    Recovered {
        /// When the first good result was seen.
        since: Wall,
    },
    /// It cannot be told: the plugin says so, or the measurement could not be made.
    Unknown {
        /// When this was first seen.
        since: Wall,
        /// One line.
        why: String,
        /// The location is blind: it says nothing of the check.
        blind: bool,
    },
}

/// Who is told. Called from a checking thread, in order for each check; it must not block and must not lose what it
/// is given.
pub trait Sink: Send + Sync {
    /// Takes a transition.
    fn transition(&self, t: Transition);
}

impl<F: Fn(Transition) + Send + Sync> Sink for F {
    fn transition(&self, t: Transition) {
        self(t);
    }
}
