//! What is closed, in a database of its own: lists, search, timelines.
//!
//! A thread folds the journal into it, off the commit path. Nothing is true that is here alone: when the file is missing,
//! damaged, of another schema or of another journal, it is made anew. It may lag, and says how far it is.

mod fold;
mod follow;
mod index;
mod query;
mod schema;

pub(crate) use query::{Closed, ClosedAlert, Filter, Line};

use crate::gate::{Gate, Hangs};
use crate::ports::Events;
use foghorn_engine::Handle;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::Notify;

/// Why the read model cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    /// It is being made; the text says why.
    #[error("the list of closed incidents is being made: {0}")]
    NotReady(String),
    /// The disk does not answer.
    #[error("the list of closed incidents cannot be read: the disk does not answer")]
    Hangs,
    /// Its file cannot be used.
    #[error("the list of closed incidents cannot be read: {0}")]
    Sql(#[from] rusqlite::Error),
    /// Its file cannot be made or removed.
    #[error("the list of closed incidents cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Journal(String),
}

impl From<Hangs> for ReadModelError {
    fn from(Hangs: Hangs) -> ReadModelError {
        ReadModelError::Hangs
    }
}

impl ReadModelError {
    /// Whether making the file anew would help.
    fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        matches!(self, ReadModelError::Sql(e) if matches!(e.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)))
    }
}

/// How far the read model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The last event that is in it.
    pub seq: u64,
    /// Why it does not go on, if it does not.
    pub error: Option<String>,
    /// How often it was made anew since the start.
    pub rebuilt: u64,
}

/// The read model and the thread that keeps it. Dropping it ends the thread.
pub struct ReadModel {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    path: PathBuf,
    reader: Gate<Option<Connection>>,
    seq: AtomicU64,
    rebuilt: AtomicU64,
    error: Mutex<Option<String>>,
    /// A query has found damage.
    damaged: AtomicBool,
    stop: AtomicBool,
    wake: Notify,
}

impl ReadModel {
    /// The name of its file in the data directory.
    pub const FILE: &str = "readmodel.db";

    /// The last event that the file at `path` knows of, if it can be told. Every event in it was on disk before it was
    /// told: a journal that ends earlier has lost some. To be asked before [`ReadModel::start`], which follows the journal.
    #[must_use]
    pub fn known(path: &Path) -> Option<u64> {
        schema::known(path)
    }

    /// Begins to follow the journal into the file at `path`. Returns at once; whatever goes wrong is told by
    /// [`ReadModel::lag`] and tried again.
    #[must_use]
    pub fn start(path: PathBuf, events: Arc<dyn Events>, engine: &Handle) -> ReadModel {
        let shared = Arc::new(Shared {
            path,
            reader: Gate::new(None),
            seq: AtomicU64::new(0),
            rebuilt: AtomicU64::new(0),
            error: Mutex::new(None),
            damaged: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            wake: Notify::new(),
        });
        let (theirs, records) = (shared.clone(), engine.follow());
        let spawned = std::thread::Builder::new()
            .name("read-model".to_owned())
            .spawn(move || follow::run(&theirs, &*events, records));
        let thread = spawned.map_err(|e| shared.fail(&e.to_string())).ok();
        ReadModel { shared, thread }
    }

    /// Waits until it has this event, for so long at most; looks that often.
    pub(crate) async fn reaches(&self, seq: u64, every: Duration, within: Duration) {
        let there = async {
            while self.shared.seq.load(Ordering::Acquire) < seq {
                tokio::time::sleep(every).await;
            }
        };
        let _ = tokio::time::timeout(within, there).await;
    }

    /// How far it is.
    #[must_use]
    pub fn lag(&self) -> Lag {
        Lag {
            seq: self.shared.seq.load(Ordering::Acquire),
            error: lock(&self.shared.error).clone(),
            rebuilt: self.shared.rebuilt.load(Ordering::Relaxed),
        }
    }

    /// Runs a query. Blocks on the disk, and on other queries, unless one hangs.
    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadModelError> {
        let reader = self.shared.reader.enter()?;
        let Some(db) = &*reader else {
            let why = lock(&self.shared.error).clone();
            return Err(ReadModelError::NotReady(why.unwrap_or_else(|| "try again in a moment".to_owned())));
        };
        let answer = query(db).map_err(ReadModelError::from);
        if answer.as_ref().is_err_and(ReadModelError::is_damage) {
            self.shared.damaged.store(true, Ordering::Release);
            self.shared.wake.notify_one();
        }
        answer
    }
}

impl Shared {
    fn fail(&self, why: &str) {
        tracing::warn!(error = why, "the list of closed incidents does not go on");
        *lock(&self.error) = Some(why.to_owned());
    }
}

impl Drop for ReadModel {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// A panic while the lock was held leaves nothing half done: each value is replaced as a whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_core::State;
    use foghorn_core::time::Now;
    use foghorn_engine::{Page, View, handle};

    struct Nothing;

    impl Events for Nothing {
        fn page(&self, _: u64, _: usize) -> Result<Page, String> {
            Ok(Page::default())
        }
    }

    #[test]
    fn nobody_queues_up_behind_a_question_that_hangs() {
        let dir = tempfile::tempdir().unwrap();
        let (engine, _port) = handle::channel(View::new(State::default(), 0, Now::default()));
        let model = ReadModel::start(dir.path().join(ReadModel::FILE), Arc::new(Nothing), &engine);
        while model.incident(1).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let ((hangs, until), (begun, began)) = (std::sync::mpsc::channel::<()>(), std::sync::mpsc::channel());
        std::thread::scope(|threads| {
            let hanging = threads.spawn(|| {
                model.read(move |_| {
                    begun.send(()).unwrap();
                    let _ = until.recv();
                    Ok(7)
                })
            });
            began.recv().unwrap();
            let first = std::time::Instant::now();
            assert!((0..100).all(|_| matches!(model.incident(1), Err(ReadModelError::Hangs))));
            assert!(first.elapsed() < Duration::from_secs(10), "{:?}", first.elapsed());
            drop(hangs);
            assert_eq!(hanging.join().unwrap().unwrap(), 7);
        });
        assert_eq!(model.incident(1).unwrap(), None);
    }
}
