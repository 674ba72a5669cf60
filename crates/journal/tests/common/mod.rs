//! What the journal's tests share.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::Path;

use foghorn_journal::{
    AppendError, Batch, ChainHash, Head, Journal, Options, Recovery, Snapshot, SnapshotError,
};

/// The wall clock of every batch.
pub(crate) const AT: i64 = 1_700_000_000_000;

/// A data directory that goes away with the test.
pub(crate) struct Dir(tempfile::TempDir);

impl Dir {
    pub(crate) fn new() -> Dir {
        Dir(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The names in the directory that start so, sorted.
    pub(crate) fn names(&self, start: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|n| n.starts_with(start));
        names.sort();
        names
    }

    pub(crate) fn sql(&self, sql: &str) {
        sql_in(&self.path().join("journal.db"), sql);
    }

    pub(crate) fn rows(&self) -> i64 {
        let db = rusqlite::Connection::open(self.path().join("journal.db")).unwrap();
        db.query_row("SELECT count(*) FROM batch", [], |row| row.get(0)).unwrap()
    }

    pub(crate) fn snapshot(&self, journal: &Journal, state: &str) -> Result<(), SnapshotError> {
        journal.snapshot(snapshot_of(journal.head(), state))
    }
}

pub(crate) fn snapshot_of(head: Head, state: &str) -> Snapshot {
    Snapshot { seq: head.seq, hash: head.hash, at_wall_ms: AT, bytes: state.as_bytes().to_vec() }
}

/// Does something to a file behind the journal's back.
pub(crate) fn sql(file: &Path, sql: &str) {
    sql_in(file, sql);
}

fn sql_in(file: &Path, sql: &str) {
    rusqlite::Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

pub(crate) fn open(dir: &Dir) -> (Journal, Recovery) {
    Journal::open(dir.path(), Options::default()).unwrap()
}

/// What the event of this number says.
pub(crate) fn event(seq: u64) -> Vec<u8> {
    format!("{{\"n\":{seq},\"text\":\"an event of some length, as they are\"}}").into_bytes()
}

/// `count` events from `first` on, under an id made of `first` and `salt`.
pub(crate) fn batch(salt: u8, prev: ChainHash, first: u64, count: u64) -> Batch {
    let mut id = [salt; 16];
    id[..8].copy_from_slice(&first.to_be_bytes());
    let events = (first..first + count).map(event).collect();
    Batch { id, prev, at_wall_ms: AT, at_mono_ms: first, events }
}

/// Appends one batch of `count` events.
pub(crate) fn append(journal: &mut Journal, count: u64) -> Result<Head, AppendError> {
    let head = journal.head();
    journal.append(&batch(0, head.hash, head.seq + 1, count))
}

/// Appends so many batches of so many events.
pub(crate) fn append_n(journal: &mut Journal, batches: u64, events: u64) -> Head {
    for _ in 0..batches {
        append(journal, events).unwrap();
    }
    journal.head()
}

/// Every event that a replay gives.
pub(crate) fn replayed(journal: &Journal, after: u64) -> Vec<(u64, Vec<u8>)> {
    let mut all = Vec::new();
    journal.replay(after, |batch| all.extend(batch.events().map(|(seq, e)| (seq, e.to_vec())))).unwrap();
    all
}
