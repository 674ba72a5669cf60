//! What is written to the accounts' file, in order, on a thread of its own: the disk may hang, and nobody who asks who is
//! there waits for that.

use super::{AccountError, file, used};
use crate::gate::PATIENCE;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Writes that wait; one more is not done, which is counted.
const QUEUE: usize = 1000;
/// A person who changes accounts hears within this time.
const LONGEST: Duration = Duration::from_secs(5);
/// What counts in memory too is waited for no longer: a disk that is well has taken it by then.
const SOON: Duration = Duration::from_secs(1);

type Job = Box<dyn FnOnce(&mut Option<Connection>) + Send>;
type Answer<T> = Receiver<Result<T, AccountError>>;

pub(super) struct Writer {
    path: PathBuf,
    /// From the first write on.
    thread: Mutex<Option<Thread>>,
    state: Arc<State>,
}

struct Thread {
    queue: SyncSender<Job>,
    ended: Receiver<()>,
}

#[derive(Default)]
struct State {
    /// What is being written, since when.
    since: Mutex<Option<Instant>>,
    waiting: AtomicUsize,
    lost: AtomicU64,
}

impl State {
    fn set(&self, since: Option<Instant>) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}

impl Writer {
    pub(super) fn new(path: PathBuf) -> Writer {
        Writer { path, thread: Mutex::new(None), state: Arc::default() }
    }

    /// Writes that wait, and those that were lost because too many did.
    pub(super) fn counts(&self) -> (usize, u64) {
        (self.state.waiting.load(Ordering::Relaxed), self.state.lost.load(Ordering::Relaxed))
    }

    /// Whether a write is under way that does not end.
    fn hangs(&self) -> bool {
        let since = self.state.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() >= PATIENCE)
    }

    fn path(&self) -> String {
        self.path.display().to_string()
    }

    fn put(&self, job: Job) -> Result<(), AccountError> {
        let failed = |why: String| AccountError::File { path: self.path(), why };
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = match &*thread {
            Some(there) => &there.queue,
            None => {
                let begun = begin(self.state.clone()).map_err(|e| failed(e.to_string()))?;
                &thread.insert(begun).queue
            }
        };
        self.state.waiting.fetch_add(1, Ordering::Relaxed);
        queue.try_send(job).map_err(|_| {
            self.state.waiting.fetch_sub(1, Ordering::Relaxed);
            self.state.lost.fetch_add(1, Ordering::Relaxed);
            AccountError::Hangs(self.path())
        })
    }

    /// Has it written when its turn comes. `then` is called with what came of it, before anybody hears.
    pub(super) fn later<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        then: impl FnOnce(&Result<T, AccountError>) + Send + 'static,
    ) -> Result<Answer<T>, AccountError> {
        let (path, (tx, rx)) = (self.path.clone(), mpsc::sync_channel(1));
        self.put(Box::new(move |db| {
            let done = used(&path, db, || file::open(&path), work);
            then(&done);
            // Nobody may wait any more.
            let _ = tx.send(done);
        }))?;
        Ok(rx)
    }

    /// The same, and waits a moment for it, unless the disk hangs: it is done when that is back.
    pub(super) fn soon<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        then: impl FnOnce(&Result<T, AccountError>) + Send + 'static,
    ) -> Result<T, AccountError> {
        let hung = self.hangs();
        let answer = self.later(work, then)?;
        let limit = if hung { Duration::ZERO } else { SOON };
        answer.recv_timeout(limit).unwrap_or_else(|_| Err(AccountError::Late(self.path())))
    }

    /// Writes what somebody waits for. Either it is done, or they hear in time that it is not.
    pub(super) fn now<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, AccountError> {
        if self.hangs() {
            return Err(AccountError::Hangs(self.path()));
        }
        // Who is first decides: the writer that begins it, or whoever gives it up.
        let taken = Arc::new(AtomicBool::new(false));
        let (path, theirs, (tx, rx)) = (self.path.clone(), taken.clone(), mpsc::sync_channel(1));
        self.put(Box::new(move |db| {
            if !theirs.swap(true, Ordering::AcqRel) {
                let _ = tx.send(used(&path, db, || file::open(&path), work));
            }
        }))?;
        rx.recv_timeout(LONGEST).unwrap_or_else(|_| {
            let given_up = !taken.swap(true, Ordering::AcqRel);
            Err(if given_up { AccountError::Hangs(self.path()) } else { AccountError::Late(self.path()) })
        })
    }
}

fn begin(state: Arc<State>) -> std::io::Result<Thread> {
    let (queue, jobs) = mpsc::sync_channel::<Job>(QUEUE);
    let (end, ended) = mpsc::channel::<()>();
    std::thread::Builder::new().name("accounts".to_owned()).spawn(move || {
        let mut db = None;
        for job in jobs {
            state.set(Some(Instant::now()));
            job(&mut db);
            state.set(None);
            state.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        drop((db, end));
    })?;
    Ok(Thread { queue, ended })
}

impl Drop for Writer {
    fn drop(&mut self) {
        let hung = self.hangs();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Thread { queue, ended }) = thread {
            drop(queue);
            // What is under way is done; a disk that hangs is not waited for.
            let _ = ended.recv_timeout(if hung { Duration::ZERO } else { SOON });
        }
    }
}
