//! The journal itself: append, settle, replay, retention. Synchronous; see the writer for a thread of its own.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, params};

use crate::chain::{Batch, BatchId, ChainHash, Head, StoredBatch};
use crate::db;
use crate::disk;
use crate::error::StoreError;
use crate::lock::{self, Lock, Locked};
use crate::open::{self, OpenError, Recovery};
use crate::snapshot::{Snapshot, SnapshotError, Unwritten};
use crate::{archive, history, snapshot};

/// The journal's file in its directory.
pub(crate) const FILE: &str = "journal.db";
/// How many batches one step of [`Journal::prune_step`] drops: few enough that an append hardly waits.
const PRUNE_STEP: i64 = 256;

/// A write-ahead log of this many pages (16 MiB) is copied into the file, so that it can start over.
pub(crate) const LONG_LOG: u32 = 4000;

/// Does an append wait until the disk has it?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// An `fsync` an append.
    #[default]
    Full,
    /// None. What was acknowledged is lost with the power: only for showing that a test notices.
    Off,
}

/// How a journal is kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// See [`Durability`].
    pub durability: Durability,
    /// Are batches that a checkpoint takes out of the file kept under `archive/`, or dropped?
    pub archive: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { durability: Durability::Full, archive: true }
    }
}

/// Why a batch is certainly not in the journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No space is left.
    #[error("the disk is full")]
    Full,
    /// The file system, or the journal since it was opened, takes no writes.
    #[error("the disk is read-only: {0}")]
    ReadOnly(String),
    /// An earlier append's outcome is not known yet: settle that first.
    #[error("an earlier append is not settled: {0}")]
    Unsettled(String),
    /// The batch itself cannot be kept.
    #[error("{0}")]
    Invalid(String),
    /// The disk or SQLite refused before anything was committed.
    #[error("{0}")]
    Other(String),
}

/// Why an append did not go through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The journal has moved on since the batch was decided: decide again on top of `head`.
    #[error("the journal has moved on to event {}", head.seq)]
    LostRace {
        /// Where it is now.
        head: Head,
    },
    /// Certainly not appended.
    #[error("not appended: {why}")]
    Refused {
        /// Why.
        why: Refusal,
    },
    /// It may be in the journal or not: [`Journal::settle`] finds out.
    #[error("it is not known whether the batch was appended: {0}")]
    Unknown(String),
}

/// What became of an append of unknown outcome. The journal was reopened to find out, hence the recovery.
#[derive(Clone, Debug)]
pub enum Settled {
    /// It is in the journal, durably.
    Durable(Recovery),
    /// It is not, and will not be.
    NotThere(Recovery),
}

/// Why it could not be found out; nothing is lost by trying again.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The disk still takes no writes.
    #[error("still not writable: {0}")]
    StillDown(String),
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Why old batches were not taken out.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Without a snapshot they are all there is.
    #[error("there is no snapshot: batches are only taken out of the journal once a snapshot covers them")]
    NoSnapshot,
    /// The journal takes no writes for now.
    #[error("not now: {0}")]
    NotNow(Refusal),
    /// The disk refused, or the batches are damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
}

enum State {
    Ready,
    ReadOnly(String),
    Unsettled(String),
}

/// An open journal: the only writer of its directory.
pub struct Journal {
    dir: PathBuf,
    options: Options,
    lock: Option<Lock>,
    db: Option<Connection>,
    base: Head,
    head: Head,
    state: State,
    /// The file is of an earlier format until something is appended.
    older: bool,
    /// Why the file has to be rebuilt when it is next opened, though its batches may read well.
    distrusted: Option<String>,
    /// The file that was last opened for writing. A directory can be taken away, or a disk let go, under an open file:
    /// what is then written reaches nothing that a start will find.
    file: Option<(u64, u64)>,
    log_pages: Arc<AtomicU32>,
    /// Does somebody else see to it that the log is copied into the file?
    has_copier: bool,
    /// Held while another connection copies the log into the file: the file is not to be replaced meanwhile.
    copying: Arc<Mutex<()>>,
}

impl Journal {
    /// Opens or creates the journal in `dir`. Damage and a disk that takes no writes do not stop it; the
    /// recovery says what was lost, and why nothing can be appended.
    pub fn open(dir: &Path, options: Options) -> Result<(Journal, Recovery), OpenError> {
        // Whether this failed shows when the directory is used.
        let _ = fs::create_dir_all(dir);
        let mut journal = Journal {
            dir: dir.to_owned(),
            options,
            lock: None,
            db: None,
            base: Head::GENESIS,
            head: Head::GENESIS,
            state: State::Ready,
            older: false,
            distrusted: None,
            file: None,
            log_pages: Arc::default(),
            has_copier: false,
            copying: Arc::default(),
        };
        let recovery = journal.reopen()?;
        Ok((journal, recovery))
    }

    /// Closes the file and opens it again, as at a start. After a disk became writable this is the way back;
    /// what was acknowledged before may only be missing if the recovery speaks of damage.
    pub fn reopen(&mut self) -> Result<Recovery, OpenError> {
        let copying = Arc::clone(&self.copying);
        let _no_copying = copying.lock().unwrap_or_else(PoisonError::into_inner);
        self.state = State::ReadOnly("the journal is closed".into());
        self.db = None;
        if self.lock.is_none() {
            match lock::take(&self.dir) {
                Locked::Mine(lock) => self.lock = Some(lock),
                Locked::Theirs(pid) => return Err(OpenError::Locked { dir: self.dir.clone(), pid }),
                Locked::Without(error) => {
                    // Looked at again every second while it cannot be written; the recovery says why.
                    tracing::debug!(dir = %self.dir.display(), %error, "the directory cannot be locked")
                }
            }
        }
        // A journal that was there is not begun anew beside people who rely on what it held.
        let (known, distrusted) = (self.file.is_some(), self.distrusted.as_deref());
        let opened = open::open(&self.dir, &self.options, distrusted, known)?;
        let mut recovery = opened.recovery;
        if self.lock.is_none() {
            recovery.read_only.get_or_insert_with(|| {
                format!("{} cannot be locked, so another process may write there", self.dir.display())
            });
        }
        self.base = recovery.base;
        self.head = recovery.head;
        self.state = match &recovery.read_only {
            Some(why) => State::ReadOnly(why.clone()),
            None => {
                self.distrusted = None;
                self.file = disk::inode(&self.dir.join(FILE));
                State::Ready
            }
        };
        self.db = opened.db;
        self.log_pages.store(0, Ordering::Relaxed);
        if let (State::Ready, Some(db)) = (&self.state, &mut self.db) {
            // To raise it once more does no harm.
            self.older = db::is_older(db).unwrap_or(true);
            let pages = Arc::clone(&self.log_pages);
            let hooked = db.wal_hook(Some(move |_: &mut _, now| {
                pages.store(u32::try_from(now).unwrap_or(0), Ordering::Relaxed);
                Ok(())
            }));
            if let Err(error) = hooked {
                tracing::warn!(%error, "the length of the write-ahead log is not known");
            }
        }
        Ok(recovery)
    }

    /// Closes the file and lets the directory go. [`Journal::reopen`] takes it again.
    pub fn close(&mut self) {
        self.state = State::ReadOnly("the journal is closed".into());
        self.db = None;
        self.lock = None;
    }

    /// Where the journal is kept.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The head on which the next batch has to be decided.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Calls `each` with every batch that holds an event after `after`, in order, from the archive too.
    pub fn replay(&self, after: u64, mut each: impl FnMut(StoredBatch)) -> Result<(), StoreError> {
        let Some(db) = &self.db else { return Ok(()) };
        if after >= self.head.seq {
            return Ok(());
        }
        history::each(&self.dir, db, after, |batch| {
            let last = batch.last_seq();
            // What lies behind the good part of a damaged file on a read-only disk is not the journal's.
            if last <= self.head.seq {
                each(batch);
            }
            if last >= self.head.seq { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }

    /// The same for a start: what is damaged or gone is passed over. Says what that was, for people.
    pub fn replay_what_is_there(
        &self,
        after: u64,
        mut each: impl FnMut(StoredBatch),
    ) -> Result<Option<String>, StoreError> {
        let Some(db) = &self.db else { return Ok(None) };
        if after >= self.head.seq {
            return Ok(None);
        }
        history::what_is_there(&self.dir, db, after, |batch| {
            let last = batch.last_seq();
            if last <= self.head.seq {
                each(batch);
            }
            if last >= self.head.seq { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }

    /// The newest good snapshot of an earlier event, for where a later one is of no use.
    #[must_use]
    pub fn snapshot_before(&self, seq: u64) -> Option<Snapshot> {
        let db = self.db.as_ref()?;
        let on_chain =
            |s: &Snapshot| s.head() == self.base || db::head_at(db, s.seq).ok().flatten() == Some(s.head());
        let good = snapshot::files(&self.dir).into_iter().filter_map(|file| snapshot::read(&file).ok());
        good.filter(|s| s.seq < seq).find(on_chain)
    }

    fn refusal(&self) -> Option<Refusal> {
        match &self.state {
            State::Ready => None,
            State::ReadOnly(why) => Some(Refusal::ReadOnly(why.clone())),
            State::Unsettled(why) => Some(Refusal::Unsettled(why.clone())),
        }
    }

    /// Appends a batch if the journal still is where the batch was decided, and returns once it is durable:
    /// one transaction, one `fsync`.
    pub fn append(&mut self, batch: &Batch) -> Result<Head, AppendError> {
        let refused = |why| Err(AppendError::Refused { why });
        if let Some(why) = self.refusal() {
            return refused(why);
        }
        if batch.prev != self.head.hash {
            return Err(AppendError::LostRace { head: self.head });
        }
        let Some(db) = &self.db else { return refused(Refusal::ReadOnly("the journal is closed".into())) };
        if let Err(why) = batch.events.check() {
            return refused(Refusal::Invalid(why));
        }
        let (stored, older) = (StoredBatch::new(batch, self.head), self.older);
        let result = commit(db, |db| {
            if older {
                db::raise_format(db)?;
            }
            db::insert(db, &stored)
        });
        let head = stored.head();
        match result {
            Ok(()) if self.file.is_some() && disk::inode(&self.dir.join(FILE)) != self.file => {
                let why = format!("{FILE} is not in {} any more, or is another", self.dir.display());
                self.state = State::Unsettled(why.clone());
                Err(AppendError::Unknown(why))
            }
            Ok(()) => {
                self.head = head;
                self.older = false;
                if !self.has_copier && self.log_pages.load(Ordering::Relaxed) >= LONG_LOG {
                    self.copy_log();
                }
                Ok(head)
            }
            Err((stage, error)) => Err(self.judge(stage, &error)),
        }
    }

    /// Is a batch certainly not in the file after this error, or can nobody know?
    fn judge(&mut self, stage: Stage, error: &rusqlite::Error) -> AppendError {
        let code = error.sqlite_error_code();
        let write_failed = error.sqlite_extended_error_code() == Some(rusqlite::ffi::SQLITE_IOERR_WRITE);
        // The log's frames are written in order and the last one commits. A write that failed did not write
        // that one whole, so nothing is committed; a failed sync says nothing about what is on the disk.
        let certain =
            stage == Stage::Before || matches!(code, Some(ErrorCode::DiskFull | ErrorCode::ReadOnly));
        let blame = || match disk::probe(&self.dir) {
            Err(e) if e.kind() == std::io::ErrorKind::StorageFull => Some(Refusal::Full),
            Err(e) if e.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {
                Some(Refusal::ReadOnly(e.to_string()))
            }
            _ => None,
        };
        if matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
            self.distrusted = Some(format!("an append found the file damaged: {error}"));
        } else if code == Some(ErrorCode::DiskFull) {
            return AppendError::Refused { why: Refusal::Full };
        } else if code == Some(ErrorCode::ReadOnly) {
            return AppendError::Refused { why: Refusal::ReadOnly(error.to_string()) };
        } else if write_failed && let Some(why) = blame() {
            return AppendError::Refused { why };
        } else if certain {
            return AppendError::Refused { why: Refusal::Other(error.to_string()) };
        }
        self.state = State::Unsettled(error.to_string());
        AppendError::Unknown(error.to_string())
    }

    /// Finds out what became of an append of unknown outcome, by reopening and looking. What is then read is
    /// written and synced once more: after a failed sync, what can be read need not be on the disk.
    pub fn settle(&mut self, id: &BatchId) -> Result<Settled, SettleError> {
        let why = match &self.state {
            State::Unsettled(why) => why.clone(),
            _ => "the append is not settled".into(),
        };
        // Asked every second: what has been read once, and could not be written since, is not read again.
        if matches!(self.state, State::ReadOnly(_))
            && self.db.is_some()
            && let Err(e) = disk::probe(&self.dir)
        {
            return Err(SettleError::StillDown(format!("{} takes no writes: {e}", self.dir.display())));
        }
        if let Some(db) = &self.db {
            // Closing must not be what copies a log that nobody has judged yet.
            let _ = db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
        let recovery = self.reopen()?;
        if let Some(why) = recovery.read_only {
            return Err(SettleError::StillDown(why));
        }
        let looked = self.rewrite_log().and_then(|()| self.holds(id));
        match looked {
            Ok(true) => Ok(Settled::Durable(recovery)),
            Ok(false) => Ok(Settled::NotThere(recovery)),
            Err(e) => {
                self.state = State::Unsettled(why);
                Err(SettleError::StillDown(e.to_string()))
            }
        }
    }

    /// Writes what the log holds into the file, syncs it, and empties the log.
    fn rewrite_log(&self) -> Result<(), StoreError> {
        let copying = Arc::clone(&self.copying);
        let _no_copying = copying.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.db {
            Some(db) => db
                .wal_checkpoint_v2(rusqlite::DEFAULT_NAME, rusqlite::wal::CheckpointMode::TRUNCATE)
                .map(|_| ())
                .map_err(StoreError::sql("copying the log into the journal")),
            None => Ok(()),
        }
    }

    /// Is this batch among the last? Nothing is appended after one whose outcome is not known, so a few will do.
    fn holds(&self, id: &BatchId) -> Result<bool, StoreError> {
        const LAST: &str =
            "SELECT count(*) FROM (SELECT id FROM batch ORDER BY first_seq DESC LIMIT 16) WHERE id = ?1";
        let Some(db) = &self.db else { return Ok(false) };
        db.query_row(LAST, [&id[..]], |row| row.get::<_, i64>(0))
            .map(|n| n > 0)
            .map_err(StoreError::sql("looking a batch up"))
    }

    /// Keeps a snapshot, durably. The last two stay.
    pub fn snapshot(&self, snapshot: impl Into<Unwritten>) -> Result<(), SnapshotError> {
        snapshot::take(&self.dir, snapshot.into())
    }

    /// Takes batches up to and including event `seq` out of the file, as far as the oldest kept snapshot covers
    /// them. Says where verification starts from now on.
    pub fn checkpoint(&mut self, seq: u64) -> Result<Head, CheckpointError> {
        if let Some(target) = checkpoint_target(&self.dir, seq, self.options.archive)? {
            while self.prune_step(target)? {}
        }
        Ok(self.base)
    }

    /// Drops a few batches up to event `target`. Says whether there are more.
    pub(crate) fn prune_step(&mut self, target: u64) -> Result<bool, CheckpointError> {
        const STEP: &str = "SELECT first_seq, first_seq + count - 1, hash FROM
            (SELECT first_seq, count, hash FROM batch WHERE first_seq <= ?1 ORDER BY first_seq LIMIT ?2) ORDER BY first_seq DESC LIMIT 1";
        if let Some(why) = self.refusal() {
            return Err(CheckpointError::NotNow(why));
        }
        let Some(db) = &self.db else { return Ok(false) };
        if self.base.seq >= target {
            return Ok(false);
        }
        let mut base = self.base;
        commit(db, |db| {
            let (first, last, hash): (i64, i64, [u8; 32]) =
                db.prepare_cached(STEP)?.query_row(params![db::signed(target), PRUNE_STEP], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?;
            base = Head { seq: last.unsigned_abs(), hash: ChainHash(hash) };
            db.prepare_cached("DELETE FROM batch WHERE first_seq <= ?1")?.execute([first])?;
            db.prepare_cached("UPDATE chain SET base_seq = ?1, base_hash = ?2")?
                .execute(params![last, &hash[..]])?;
            Ok(())
        })
        .map_err(|(stage, source)| {
            if stage == Stage::Commit {
                self.state = State::Unsettled(source.to_string());
            }
            StoreError::Sql { doing: "taking old batches out", source }
        })?;
        self.base = base;
        Ok(base.seq < target)
    }

    /// Where verification starts: before the first batch in the file.
    #[must_use]
    pub fn base(&self) -> Head {
        self.base
    }

    pub(crate) fn archives(&self) -> bool {
        self.options.archive
    }

    /// From now on somebody else copies the log: they get its length in pages, and what to hold while they do.
    pub(crate) fn hand_log_over(&mut self) -> (Arc<AtomicU32>, Arc<Mutex<()>>) {
        self.has_copier = true;
        (Arc::clone(&self.log_pages), Arc::clone(&self.copying))
    }

    /// Copies into the file what of the log is not there yet. Short if another connection did most of it.
    pub(crate) fn copy_log(&self) {
        if let (State::Ready, Some(db)) = (&self.state, &self.db)
            && let Err(error) =
                db.wal_checkpoint_v2(rusqlite::DEFAULT_NAME, rusqlite::wal::CheckpointMode::PASSIVE)
        {
            tracing::warn!(%error, "the write-ahead log was not copied into the journal; it is tried again");
        }
    }
}

/// How far a checkpoint at `seq` may go, with the batches up to there archived. Nothing if there is nothing to do.
pub(crate) fn checkpoint_target(dir: &Path, seq: u64, keep: bool) -> Result<Option<u64>, CheckpointError> {
    let covered = snapshot::oldest_seq(dir).ok_or(CheckpointError::NoSnapshot)?;
    Ok(archive::prepare(dir, seq.min(covered), keep)?)
}

/// How far a transaction got before it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    Commit,
}

fn commit(
    db: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), (Stage, rusqlite::Error)> {
    let run = |sql| db.prepare_cached(sql).and_then(|mut s| s.execute([])).map(|_| ());
    let undo = |stage| {
        move |error| {
            // If SQLite has rolled back by itself already, this has nothing to do.
            let _ = run("ROLLBACK");
            (stage, error)
        }
    };
    run("BEGIN IMMEDIATE").map_err(undo(Stage::Before))?;
    work(db).map_err(undo(Stage::Before))?;
    run("COMMIT").map_err(undo(Stage::Commit))
}
