//! What the binary gives to the console: rooms do not know one another.

use foghorn_core::time::Wall;
use std::time::Duration;

/// The journal, to be read. Calls may block on the disk; they are made where that hurts nobody.
pub trait Events: Send + Sync {
    /// Events after a sequence number, oldest first, at most `limit`: the number of each, and its bytes, the JSON of one
    /// [`foghorn_core::Record`]. Fewer than `limit` means that there are no more now.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn page(&self, after: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, String>;
}

/// What the measurements say beside the state: figures that never enter the journal.
pub trait CheckFigures: Send + Sync {
    /// The last result of a check; `None` before the first, and for heartbeats.
    fn last(&self, check: &str) -> Option<CheckFigure>;
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

    /// Writes a copy of the journal to `backups/` in the data directory. `name` is a plain file name that was looked at;
    /// `None` for one made of the time.
    ///
    /// # Errors
    /// Why there is no backup.
    fn backup(&self, name: Option<&str>) -> Result<BackedUp, String>;
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
}
