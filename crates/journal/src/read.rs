//! Reading beside a running writer, in its process or another.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::db::{self, Access};
use crate::error::StoreError;
use crate::journal::FILE;
use crate::{disk, history, lock};

/// The most events in one page.
pub const MAX_PAGE: usize = 1000;
/// A page is cut short once it holds this much.
const MAX_PAGE_BYTES: usize = 8 << 20;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its sequence number.
    pub seq: u64,
    /// Its batch's wall clock, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// As it was appended.
    pub payload: Vec<u8>,
}

/// A stretch of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In order. The next page is after the last one's number.
    pub events: Vec<Event>,
    /// The last event in the journal when the page was read.
    pub head_seq: u64,
    /// Whether there is more after these events. How many they are says nothing of that: a page is cut by its bytes too.
    pub more: bool,
}

/// A reader's own connection, kept open between pages. Any number may read while one writes.
pub struct ReadHandle {
    dir: PathBuf,
    open: Option<Open>,
}

struct Open {
    db: Connection,
    access: Access,
    /// Device and inode: a rescue puts another file in place.
    file: Option<(u64, u64)>,
    /// Not to be kept. What SQLite opens where it may not write it shares with every later connection of the process:
    /// were this one kept, the writer could not write even when the disk takes writes again.
    passing: bool,
}

impl ReadHandle {
    /// Reads the journal in `dir`. Nothing is opened before the first page.
    #[must_use]
    pub fn new(dir: &Path) -> ReadHandle {
        ReadHandle { dir: dir.to_owned(), open: None }
    }

    /// At most `limit` events after event `after`, and never more than [`MAX_PAGE`]; few, if they are large.
    pub fn page(&mut self, after: u64, limit: usize) -> Result<Page, StoreError> {
        let limit = limit.min(MAX_PAGE);
        let dir = self.dir.clone();
        let db = self.connection()?;
        let head_seq = db::ends(db)?.head.seq;
        let mut events = Vec::new();
        let mut bytes = 0;
        if limit > 0 {
            history::each(&dir, db, after, |batch| {
                for (seq, payload) in batch.events().filter(|(seq, _)| *seq > after) {
                    bytes += payload.len();
                    events.push(Event { seq, at_wall_ms: batch.at_wall_ms, payload: payload.to_vec() });
                    if events.len() >= limit || bytes >= MAX_PAGE_BYTES {
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            })?;
        }
        let head_seq = events.last().map_or(head_seq, |last| head_seq.max(last.seq));
        self.open.take_if(|open| open.passing);
        let more = events.last().is_some_and(|last| last.seq < head_seq);
        Ok(Page { events, head_seq, more })
    }

    fn connection(&mut self) -> Result<&Connection, StoreError> {
        let path = self.dir.join(FILE);
        let file = disk::inode(&path);
        // One that was made for a file at rest is not good once somebody writes.
        self.open.take_if(|open| open.passing || open.access == Access::Still || open.file != file);
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let passing = !lock::takes_writes(&self.dir);
                let (db, access) = connect(&self.dir)?;
                Open { db, access, file, passing }
            }
        };
        Ok(&self.open.insert(open).db)
    }
}

/// Connects as suits: beside a running writer with its locks, else without leaving a trace.
pub(crate) fn connect(dir: &Path) -> Result<(Connection, Access), StoreError> {
    let path = dir.join(FILE);
    let with = |access| db::connect(&path, access).and_then(|db| db::ends(&db).map(|_| (db, access)));
    if lock::is_taken(dir) {
        // A writer on a read-only disk has no index of its log to share.
        with(Access::Live).or_else(|_| with(Access::Still))
    } else {
        with(Access::Still)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Journal, Options};
    use std::fs;

    #[test]
    fn nothing_stays_open_where_nothing_can_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let (_writer, _) = Journal::open(dir.path(), Options::default()).unwrap();
        let mut reader = ReadHandle::new(dir.path());
        reader.page(0, 1).unwrap();
        assert!(reader.open.is_some());
        // A directory cannot be opened for writing, not even by root.
        fs::rename(dir.path().join("lock"), dir.path().join("elsewhere")).unwrap();
        fs::create_dir(dir.path().join("lock")).unwrap();
        let mut reader = ReadHandle::new(dir.path());
        reader.page(0, 1).unwrap();
        assert!(reader.open.is_none());
    }
}
