//! What the binary gives to the console: rooms do not know one another.

use foghorn_core::time::Wall;
use foghorn_engine::Page;
use std::time::Duration;

/// The journal, to be read. Calls may block on the disk; they are made where that hurts nobody.
pub trait Events: Send + Sync {
    /// Events after a sequence number, at most `limit`, and fewer where they are large.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn page(&self, after: u64, limit: usize) -> Result<Page, String>;
}

/// What the measurements say beside the state: figures that never enter the journal.
pub trait CheckFigures: Send + Sync {
    /// The last result of a check; `None` before the first, and for heartbeats.
    fn last(&self, check: &str) -> Option<CheckFigure>;

    /// How a check fared in `from..to`, in at most `points` stretches of equal length, oldest first; those without any
    /// result are left out, and 0 asks for the uptime alone. Empty for heartbeats. May block on the disk.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn history(&self, check: &str, from: Wall, to: Wall, points: usize) -> Result<CheckHistory, String>;

    /// The last `n` results that are kept, newest first. None for heartbeats. May block on the disk.
    ///
    /// # Errors
    /// Why they cannot be read, for people.
    fn recent(&self, check: &str, n: usize) -> Result<Vec<CheckResult>, String>;
}

/// The last result of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckFigure {
    /// When it began.
    pub at: Wall,
    /// `None` where it could not be measured.
    pub good: Option<bool>,
    /// In a line.
    pub summary: String,
    /// The whole measurement.
    pub total: Duration,
    /// `resolve`, `connect`, `tls`, `first_byte` and the like, in order.
    pub phases: Vec<(String, Duration)>,
}

/// How a check fared over a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckHistory {
    /// Over all of it.
    pub uptime: CheckUptime,
    /// In stretches.
    pub points: Vec<CheckPoint>,
}

/// Results, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckUptime {
    /// All.
    pub count: u64,
    /// Good ones.
    pub up: u64,
    /// Those that are not known, which count neither way.
    pub unknown: u64,
}

/// The results of a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckPoint {
    /// Where it begins.
    pub at: Wall,
    /// How many.
    pub uptime: CheckUptime,
    /// Of the good ones; `None` if there were none.
    pub latency: Option<CheckLatency>,
}

/// Latencies of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckLatency {
    /// The shortest.
    pub min: Duration,
    /// The mean.
    pub avg: Duration,
    /// The longest.
    pub max: Duration,
    /// 95 of 100 took no longer, to within a tenth.
    pub p95: Duration,
}

/// One result, as the history keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// When it ended.
    pub at: Wall,
    /// `None` where it could not be measured.
    pub good: Option<bool>,
    /// The whole measurement, to within 1 %.
    pub total: Duration,
}

/// Counters in Prometheus' text format, to be added to `/metrics`.
pub trait Figures: Send + Sync {
    /// Appends whole lines: `# HELP`, `# TYPE`, samples. Names begin with `foghorn_`.
    fn render(&self, out: &mut String);
}

/// The server's own chores. Calls may block.
pub trait Admin: Send + Sync {
    /// Reads the configuration file again and adopts it. A bad one changes nothing.
    ///
    /// # Errors
    /// Every error as `file:line:column: what is wrong and what to do`.
    fn reload(&self) -> Result<Reloaded, Vec<String>>;

    /// Writes a copy of the journal, and of what lies beside it, to `backups/` in the data directory. `name` is a plain file name that was looked at;
    /// `None` for one made of the time.
    ///
    /// # Errors
    /// Why there is no backup.
    fn backup(&self, name: Option<&str>) -> Result<BackedUp, NoBackup>;
}

/// Why there is no backup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBackup {
    /// A file of that name is there; backups are not overwritten.
    #[error("{0} is already there: choose another name")]
    Taken(String),
    /// Everything else.
    #[error("{0}")]
    Failed(String),
}

/// A configuration counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// SHA-256 of what decisions need of it, in hexadecimal.
    pub hash: String,
    /// Things to say that are no errors.
    pub warnings: Vec<String>,
}

/// A backup was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// Where, on the server.
    pub path: String,
    /// The last event in it.
    pub seq: u64,
    /// Its size.
    pub bytes: u64,
    /// What could not be copied beside the journal, and why, a line each.
    pub left_out: Vec<String>,
}
