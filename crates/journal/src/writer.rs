//! The journal on threads of its own, so that a disk which hangs blocks nobody.
//!
//! Three threads: the **writer** owns the journal and takes one request at a time; the **copier** copies SQLite's
//! write-ahead log into the file through a connection of its own, while appends go on; the **chores** thread writes
//! snapshots, archives and backups, which may take long. Requests wait in bounded queues; one that does not fit is
//! refused at once and counted.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::backup::{self, BackupError, Copied};
use crate::beside::Beside;
use crate::chain::{Batch, BatchId, Head};
use crate::db::{self, Access};
use crate::error::StoreError;
use crate::journal::{
    AppendError, CheckpointError, Durability, FILE, Journal, LONG_LOG, SettleError, Settled,
    checkpoint_target,
};
use crate::read::ReadHandle;
use crate::snapshot::{self, SnapshotError, Unwritten};

/// How many requests may wait. The engine has one batch in flight, so a few is many.
const QUEUE: usize = 32;
/// How many chores may wait.
const CHORES: usize = 4;
/// From this many pages (4 MiB) on, the log is copied in the background.
const COPY_PAGES: u32 = 1000;
/// What it may find left to copy: a few milliseconds' worth.
const SMALL_REST: u32 = 300;
/// A log this long (64 MiB) is copied whatever it takes.
const LONGEST_LOG: u32 = 16_000;

/// Called once, on one of the journal's threads, with what became of a request. It should be quick: the next
/// request waits for it.
pub type Done<T> = Box<dyn FnOnce(T) + Send>;

/// Why a request was not even queued. Its callback is never called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Too many requests wait already.
    #[error("the journal's queue is full")]
    Full,
    /// The writer has stopped.
    #[error("the journal's writer has stopped")]
    Stopped,
}

enum Request {
    Append(Batch, Done<Result<Head, AppendError>>),
    Settle(BatchId, Done<Result<Settled, SettleError>>),
    Prune(u64, Done<Result<Head, CheckpointError>>),
    Stop(Done<()>),
}

enum Chore {
    Snapshot(Unwritten, Done<Result<(), SnapshotError>>),
    Checkpoint(u64, Done<Result<Head, CheckpointError>>),
    Backup(PathBuf, Vec<Beside>, Done<Result<Copied, BackupError>>),
}

struct Shared {
    dir: PathBuf,
    since: Mutex<Option<Instant>>,
    rejected: AtomicU64,
}

/// Gives a journal its threads.
pub struct Writer;

/// Where requests are handed over. Cheap to clone; when the last is gone, the queue is worked off and the journal closed.
#[derive(Clone)]
pub struct WriterHandle {
    requests: SyncSender<Request>,
    chores: SyncSender<Chore>,
    shared: Arc<Shared>,
}

impl Writer {
    /// Starts the threads. The error is the operating system's, if it gives none.
    pub fn spawn(mut journal: Journal) -> io::Result<WriterHandle> {
        let shared = Arc::new(Shared {
            dir: journal.dir().to_owned(),
            since: Mutex::new(None),
            rejected: AtomicU64::new(0),
        });
        let (requests, queue) = sync_channel(QUEUE);
        let (chores, chore_queue) = sync_channel(CHORES);
        let copier = Copier::spawn(&mut journal)?;
        let archives = journal.archives();
        let on_writer = Loop { journal, queue, copier, shared: Arc::clone(&shared) };
        thread::Builder::new().name("journal-writer".into()).spawn(move || on_writer.run())?;
        let (dir, to_writer) = (shared.dir.clone(), requests.clone());
        thread::Builder::new()
            .name("journal-chores".into())
            .spawn(move || run_chores(&dir, archives, &chore_queue, &to_writer))?;
        Ok(WriterHandle { requests, chores, shared })
    }
}

impl WriterHandle {
    /// See [`Journal::append`]. One batch is committed after the other, so have one in flight at a time: the next is
    /// decided on top of it.
    pub fn append(&self, batch: Batch, done: Done<Result<Head, AppendError>>) -> Result<(), Rejected> {
        self.hand_over(&self.requests, Request::Append(batch, done))
    }

    /// See [`Journal::settle`].
    pub fn settle(&self, id: BatchId, done: Done<Result<Settled, SettleError>>) -> Result<(), Rejected> {
        self.hand_over(&self.requests, Request::Settle(id, done))
    }

    /// See [`Journal::snapshot`]. Appends go on meanwhile.
    pub fn snapshot(
        &self,
        snapshot: impl Into<Unwritten>,
        done: Done<Result<(), SnapshotError>>,
    ) -> Result<(), Rejected> {
        self.hand_over(&self.chores, Chore::Snapshot(snapshot.into(), done))
    }

    /// See [`Journal::checkpoint`]. Appends go on meanwhile: they have right of way between its steps.
    pub fn checkpoint(&self, seq: u64, done: Done<Result<Head, CheckpointError>>) -> Result<(), Rejected> {
        self.hand_over(&self.chores, Chore::Checkpoint(seq, done))
    }

    /// See [`crate::backup()`]. Appends go on meanwhile.
    pub fn backup(
        &self,
        to: PathBuf,
        beside: Vec<Beside>,
        done: Done<Result<Copied, BackupError>>,
    ) -> Result<(), Rejected> {
        self.hand_over(&self.chores, Chore::Backup(to, beside, done))
    }

    /// Works off what is queued, closes the journal and lets the directory go. Nothing can be asked afterwards.
    pub fn stop(&self, done: Done<()>) -> Result<(), Rejected> {
        self.hand_over(&self.requests, Request::Stop(done))
    }

    /// For how long the writer's current operation has been under way; nothing if it waits for work. A disk that hangs
    /// shows here.
    #[must_use]
    pub fn busy_for(&self) -> Option<Duration> {
        self.shared.since.lock().unwrap_or_else(PoisonError::into_inner).map(|since| since.elapsed())
    }

    /// How many requests were refused because a queue was full.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.shared.rejected.load(Ordering::Relaxed)
    }

    /// A reader of the same journal, with a connection of its own.
    #[must_use]
    pub fn reader(&self) -> ReadHandle {
        ReadHandle::new(&self.shared.dir)
    }

    fn hand_over<T>(&self, to: &SyncSender<T>, request: T) -> Result<(), Rejected> {
        to.try_send(request).map_err(|e| match e {
            TrySendError::Full(_) => {
                self.shared.rejected.fetch_add(1, Ordering::Relaxed);
                Rejected::Full
            }
            TrySendError::Disconnected(_) => Rejected::Stopped,
        })
    }
}

struct Loop {
    journal: Journal,
    queue: Receiver<Request>,
    copier: Copier,
    shared: Arc<Shared>,
}

impl Loop {
    fn run(mut self) {
        // Old batches are taken out a few at a time, whenever nothing else is asked.
        let mut pruning: VecDeque<(u64, Done<Result<Head, CheckpointError>>)> = VecDeque::new();
        loop {
            let request = match pruning.front() {
                None => self.queue.recv().map_err(|_| TryRecvError::Disconnected),
                Some(_) => self.queue.try_recv(),
            };
            match request {
                Ok(Request::Append(batch, done)) => {
                    let result = self.timed(|journal| journal.append(&batch));
                    done(result);
                    self.mind_the_log();
                }
                Ok(Request::Settle(id, done)) => done(self.timed(|journal| journal.settle(&id))),
                Ok(Request::Prune(target, done)) => pruning.push_back((target, done)),
                Ok(Request::Stop(done)) => {
                    self.timed(Journal::close);
                    return done(());
                }
                Err(TryRecvError::Disconnected) => return self.timed(Journal::close),
                Err(TryRecvError::Empty) => {
                    if let Some((target, done)) = pruning.pop_front() {
                        match self.timed(|journal| journal.prune_step(target)) {
                            Ok(true) => pruning.push_front((target, done)),
                            Ok(false) => done(Ok(self.journal.base())),
                            Err(e) => done(Err(e)),
                        }
                        self.mind_the_log();
                    }
                }
            }
        }
    }

    fn timed<T>(&mut self, work: impl FnOnce(&mut Journal) -> T) -> T {
        *self.shared.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let result = work(&mut self.journal);
        *self.shared.since.lock().unwrap_or_else(PoisonError::into_inner) = None;
        result
    }

    /// The log must neither grow without end nor hold an append up for long. While appends go on, the copier never quite
    /// catches up, and the log starts over only once all of it is copied: so the writer copies the small rest.
    fn mind_the_log(&mut self) {
        let pages = self.copier.log_pages.load(Ordering::Relaxed);
        if pages < COPY_PAGES || (!self.copier.idle() && pages < LONGEST_LOG) {
            return;
        }
        let rest = pages.saturating_sub(self.copier.copied.load(Ordering::Relaxed));
        if pages >= LONGEST_LOG || (pages >= LONG_LOG && rest <= SMALL_REST) {
            self.timed(|journal| journal.copy_log());
            self.copier.copied.store(0, Ordering::Relaxed);
        } else if rest >= COPY_PAGES || pages >= LONG_LOG {
            self.copier.start();
        }
    }
}

/// The log's copying in the background.
struct Copier {
    start: SyncSender<()>,
    busy: Arc<AtomicBool>,
    /// How many pages of the log were in the file when the last copying ended.
    copied: Arc<AtomicU32>,
    log_pages: Arc<AtomicU32>,
}

impl Copier {
    fn spawn(journal: &mut Journal) -> io::Result<Copier> {
        let (log_pages, copying) = journal.hand_log_over();
        let (start, started) = sync_channel::<()>(1);
        let copier = Copier { start, busy: Arc::default(), copied: Arc::default(), log_pages };
        let (busy, copied) = (Arc::clone(&copier.busy), Arc::clone(&copier.copied));
        let path = journal.dir().join(FILE);
        thread::Builder::new().name("journal-copier".into()).spawn(move || {
            while started.recv().is_ok() {
                // Held against a reopening, which may put another file in place.
                let held = copying.lock().unwrap_or_else(PoisonError::into_inner);
                match copy_log(&path) {
                    Ok(pages) => copied.store(pages, Ordering::Relaxed),
                    Err(error) => tracing::warn!(%error, "the write-ahead log was not copied into the journal; it is tried again"),
                }
                drop(held);
                busy.store(false, Ordering::Release);
            }
        })?;
        Ok(copier)
    }

    fn idle(&self) -> bool {
        !self.busy.load(Ordering::Acquire)
    }

    fn start(&self) {
        self.busy.store(true, Ordering::Release);
        if self.start.try_send(()).is_err() {
            self.busy.store(false, Ordering::Release);
        }
    }
}

fn copy_log(path: &Path) -> Result<u32, StoreError> {
    let db = db::connect(path, Access::Write(Durability::Full))?;
    let (_, copied) = db
        .wal_checkpoint_v2(rusqlite::DEFAULT_NAME, rusqlite::wal::CheckpointMode::PASSIVE)
        .map_err(StoreError::sql("copying the log into the journal"))?;
    Ok(u32::try_from(copied).unwrap_or(0))
}

fn run_chores(dir: &Path, archives: bool, queue: &Receiver<Chore>, writer: &SyncSender<Request>) {
    // A snapshot of a large state takes a second or more, and nobody waits for it.
    foghorn_host::turns::step_back(10);
    while let Ok(chore) = queue.recv() {
        match chore {
            Chore::Snapshot(snapshot, done) => done(snapshot::take(dir, snapshot)),
            Chore::Backup(to, beside, done) => done(backup::backup(dir, &beside, &to)),
            Chore::Checkpoint(seq, done) => match checkpoint_target(dir, seq, archives) {
                // Waits for a place in the queue: this thread may.
                Ok(target) => drop(writer.send(Request::Prune(target.unwrap_or(0), done))),
                Err(e) => done(Err(e)),
            },
        }
    }
}
