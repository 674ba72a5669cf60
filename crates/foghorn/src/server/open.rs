//! From a data directory to a state: the newest snapshot, and what the journal holds after it.

use foghorn_console::ReadModel;
use foghorn_core::State;
use foghorn_core::event::Record;
use foghorn_journal::{Head, Journal, OpenError, Options, Recovery, Snapshot, WriterHandle};
use std::io::{ErrorKind, Read};
use std::path::Path;

/// The journal, open, and what it says.
pub struct Opened {
    /// Its thread.
    pub journal: WriterHandle,
    /// What is true.
    pub state: State,
    /// Where it ends.
    pub head: Head,
    /// What was lost, and why it cannot be written to, if so.
    pub recovery: Recovery,
    /// Events after the last good snapshot.
    pub tail: u64,
}

/// Opens the journal and folds it.
///
/// # Errors
/// Another process has it, or a later release wrote it. Damage is no error.
pub fn open(dir: &Path) -> Result<Opened, OpenFailure> {
    let (journal, mut recovery) = Journal::open(dir, Options::default())?;
    let (mut state, mut from) = (State::default(), 0);
    if let Some(snapshot) = recovery.snapshot.take() {
        match read(&snapshot) {
            Ok(found) => (state, from) = (found, snapshot.seq),
            Err(e) if recovery.base.seq == 0 => {
                tracing::warn!(
                    "the snapshot at event {} is not used, the journal is read instead: {e}",
                    snapshot.seq
                );
            }
            Err(e) => return Err(OpenFailure::Snapshot(snapshot.seq, e)),
        }
    }
    let mut bad: Option<String> = None;
    let mut events = 0;
    journal.replay(from, |batch| {
        for (seq, bytes) in batch.events() {
            match serde_json::from_slice::<Record>(bytes) {
                Ok(record) => {
                    state.apply(record.at, &record.event);
                    events += 1;
                }
                // The chain says that this is what was written: a later release wrote it. What it means is not known.
                Err(e) => bad = bad.take().or(Some(format!("event {seq}: {e}"))),
            }
        }
    })?;
    if let Some(e) = bad {
        return Err(OpenFailure::Unknown(e));
    }
    let head = journal.head();
    let journal = foghorn_journal::Writer::spawn(journal)?;
    Ok(Opened { journal, state, head, recovery, tail: events })
}

/// What is missing at the journal's end, if the list of closed incidents knows of later events: a `-wal` file that somebody
/// removed, or an older copy of the journal in its place.
pub fn lost(dir: &Path, head: u64) -> Option<String> {
    missing(ReadModel::known(&dir.join(ReadModel::FILE))?, head)
}

/// The same, where it is known which event was the last.
pub fn missing(known: u64, head: u64) -> Option<String> {
    (known > head).then(|| {
        format!(
            "{} events that were acknowledged are missing: the journal ends at event {head}, and event {known} was in it; \
             was journal.db-wal removed, or an older journal.db put here?",
            known - head
        )
    })
}

fn read(snapshot: &Snapshot) -> Result<State, String> {
    let stored: foghorn_core::state::Snapshot =
        serde_json::from_slice(&snapshot.bytes).map_err(|e| e.to_string())?;
    if stored.version != foghorn_core::state::SNAPSHOT_VERSION {
        return Err(format!("it is of version {}", stored.version));
    }
    Ok(State::from_snapshot(stored))
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailure {
    /// Another process has it, or a later release wrote it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It can be opened but not read.
    #[error("the journal cannot be read: {0}")]
    Store(#[from] foghorn_journal::StoreError),
    /// No thread.
    #[error("the journal's thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
    /// A later release wrote it.
    #[error(
        "{0}; this journal was written by a later release of Foghorn: use that one, or restore a backup that this one made"
    )]
    Unknown(String),
    /// Older events are archived, so there is no other way.
    #[error(
        "the snapshot at event {0} cannot be read ({1}), and older events are in the archive: use the release that wrote it"
    )]
    Snapshot(u64, String),
}

/// The file of the key that signs links in pages.
pub const LINK_KEY: &str = "link.key";

/// The key that signs links in pages.
pub struct LinkKey {
    /// Itself.
    pub key: [u8; 32],
    /// It is to be written.
    pub new: bool,
    /// Why it is not the one before, with what that means.
    pub lost: Option<String>,
}

/// The key that signs links in pages: made once, kept beside the journal. Where Foghorn `ran` before, links were sent that
/// a new one does not open. A file that cannot be read may be good, and is not written over.
pub fn link_key(dir: &Path, ran: bool) -> LinkKey {
    let path = dir.join(LINK_KEY);
    let mut key = [0; 32];
    let why = match std::fs::File::open(&path).and_then(|mut f| f.read_exact(&mut key)) {
        Ok(()) => return LinkKey { key, new: false, lost: None },
        Err(e) => e,
    };
    if let Err(e) = getrandom::fill(&mut key) {
        tracing::error!("the system gives no random numbers: {e}");
    }
    let (new, what) = match why.kind() {
        ErrorKind::NotFound => (true, "is gone, and made anew".to_owned()),
        ErrorKind::UnexpectedEof => (true, "was damaged, and is made anew".to_owned()),
        _ => (false, format!("cannot be read ({why}), so a key is used that lasts until the next start")),
    };
    let lost = format!(
        "{} {what}: links in pages sent before do not work. Acknowledge in the console, with `foghorn incident ack`, or by a \
         page that comes from now on",
        path.display()
    );
    LinkKey { key, new, lost: ran.then_some(lost) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_lost_is_told_where_links_were_sent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LINK_KEY);
        let look = |ran| {
            let found = link_key(dir.path(), ran);
            (found.new, found.lost.unwrap_or_default())
        };
        assert_eq!(look(false), (true, String::new()), "a first start");
        let gone = look(true);
        assert!(gone.0 && gone.1.contains("link.key is gone") && gone.1.contains("incident ack"), "{gone:?}");
        std::fs::write(&path, "").unwrap();
        let empty = look(true);
        assert!(empty.0 && empty.1.contains("was damaged"), "{empty:?}");
        std::fs::write(&path, [7; 32]).unwrap();
        let good = link_key(dir.path(), true);
        assert!(good.key == [7; 32] && !good.new && good.lost.is_none());
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let unreadable = look(true);
        assert!(!unreadable.0 && unreadable.1.contains("cannot be read"), "{unreadable:?}");
    }
}
