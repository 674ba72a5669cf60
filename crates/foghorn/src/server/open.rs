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
    /// The event of that snapshot, and how many alerts it holds; zero for none.
    pub snapshot: (u64, u64),
}

/// Opens the journal and folds it.
///
/// # Errors
/// Another process has it, or a later release wrote it. Damage is no error.
pub fn open(dir: &Path) -> Result<Opened, OpenFailure> {
    let (journal, mut recovery) = Journal::open(dir, Options::default())?;
    let mut found = recovery.snapshot.take();
    let (mut state, from) = loop {
        let Some(snapshot) = found else { break (State::default(), 0) };
        match read(&snapshot) {
            Ok(state) => break (state, snapshot.seq),
            Err(e) => {
                tracing::warn!(
                    "the snapshot at event {} is not used, what led to it is read instead: {e}",
                    snapshot.seq
                );
                found = journal.snapshot_before(snapshot.seq);
            }
        }
    };
    let snapshot = (from, state.alerts.size() as u64);
    let mut bad: Option<String> = None;
    let mut events = 0;
    let missing = journal.replay_what_is_there(from, |batch| {
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
    if let Some(missing) = missing {
        tracing::error!(%missing, "history is missing: the state goes on without it");
        recovery.missing = Some(missing);
    }
    let head = journal.head();
    let journal = foghorn_journal::Writer::spawn(journal)?;
    Ok(Opened { journal, state, head, recovery, tail: events, snapshot })
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
    use foghorn_core::Event;
    use foghorn_core::time::{Mono, Now, Span, Wall};
    use foghorn_journal::Batch;

    /// A journal of sixty events, of which the first forty are in the archive, with snapshots of the
    /// events 40 and 50.
    fn archived(of_another_version: &[u64]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
        let mut state = State::default();
        for n in 1..=60_u16 {
            let seq = u64::from(n);
            let at = Now { mono: Mono(seq), wall: Wall(1_790_000_000_000) };
            let event = Event::Started { version: "test".into(), down: Span(seq), life: n };
            state.apply(at, &event);
            let record = Record { seq, at, late: false, event };
            let mut id = [0; 16];
            id[..8].copy_from_slice(&seq.to_be_bytes());
            let head = journal.head();
            let events = [serde_json::to_vec(&record).unwrap()].into_iter().collect();
            let batch = Batch { id, prev: head.hash, at_wall_ms: at.wall.0, at_mono_ms: seq, events };
            let head = journal.append(&batch).unwrap();
            if seq == 40 || seq == 50 {
                let mut stored = state.snapshot();
                if of_another_version.contains(&seq) {
                    stored.version += 1;
                }
                let bytes = serde_json::to_vec(&stored).unwrap();
                journal.snapshot(Snapshot { seq, hash: head.hash, at_wall_ms: 0, bytes }).unwrap();
            }
        }
        for seq in [20, 40] {
            journal.checkpoint(seq).unwrap();
        }
        dir
    }

    /// A release that reads snapshots of another version starts from what led to them.
    #[test]
    fn a_snapshot_of_another_version_is_no_reason_not_to_start() {
        let opened = |dir: &tempfile::TempDir, replayed: u64, missing: bool| {
            let Opened { state, head, recovery, tail, .. } = open(dir.path()).unwrap();
            assert_eq!((head.seq, state.life, tail), (60, 60, replayed));
            assert_eq!(recovery.missing.is_some(), missing, "{:?}", recovery.missing);
            recovery.missing.unwrap_or_default()
        };
        opened(&archived(&[]), 10, false);
        opened(&archived(&[50]), 20, false);
        let dir = archived(&[40, 50]);
        opened(&dir, 60, false);
        // One of the archive's files is damaged in its middle: what follows counts, and what is missing is said.
        let archive = dir.path().join("archive");
        let mut files: Vec<_> = std::fs::read_dir(&archive).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        let good = std::fs::read(&files[0]).unwrap();
        let text = String::from_utf8(good.clone()).unwrap().replacen("\"life\":11", "\"life\":12", 1);
        std::fs::write(&files[0], text).unwrap();
        let missing = opened(&dir, 50, true);
        assert!(missing.starts_with("events 11 to 20 cannot be read: "), "{missing}");
        std::fs::remove_file(&files[0]).unwrap();
        let missing = opened(&dir, 40, true);
        assert_eq!(missing, "events 1 to 20 are in neither the journal nor the archive");
        std::fs::write(&files[0], good).unwrap();
        opened(&dir, 60, false);
    }

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
