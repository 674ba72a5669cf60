//! The handle: starts the checking threads, gives them a new configuration, looks at the latest results.

use crate::blind::Sight;
use crate::check::{self, Env, Memory, Outcome, Phases};
use crate::history::History;
use crate::shard::{Mailbox, Shard, Shared};
use crate::slots;
use crate::stats::Stats;
use crate::transition::Sink;
use foghorn_config::model::{Check, Config, SocketTarget};
use foghorn_core::time::Wall;
use foghorn_core::words::Name;
use rustix::process::{Resource, getrlimit};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// What is watched.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// By name.
    pub checks: BTreeMap<String, Arc<Check>>,
    /// Where to look before a failure is believed; empty for no such look.
    pub reference_targets: Vec<SocketTarget>,
}

impl From<&Config> for Plan {
    fn from(config: &Config) -> Plan {
        Plan { checks: config.checks.clone(), reference_targets: config.server.reference_targets.clone() }
    }
}

/// How watching is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Checking threads. One is enough for a thousand plain checks a second; TLS handshakes use more.
    pub threads: usize,
    /// The most runs at the same time, all threads together. Others wait, and are counted.
    pub concurrency: usize,
}

impl Default for Options {
    /// As many threads as processors, at most four; half of the file descriptors that the process may have, at most
    /// 4096, for runs.
    fn default() -> Options {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let concurrency = usize::try_from(files / 2).unwrap_or(usize::MAX).clamp(64, 4096);
        Options { threads, concurrency }
    }
}

/// Why watching could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gives no more threads or files.
    #[error("a checking thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// The latest result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    /// When the run ended.
    pub at: Wall,
    /// Its own verdict, which a single run does not make the check's.
    pub verdict: check::Verdict,
    /// One line.
    pub summary: String,
    /// How long it took.
    pub phases: Phases,
    /// The check is failing.
    pub failing: bool,
    /// It goes to and fro.
    pub flapping: bool,
}

/// The latest results, by check.
#[derive(Default)]
pub(crate) struct Board(RwLock<HashMap<Name, Arc<Mutex<Option<Latest>>>>>);

impl Board {
    pub(crate) fn add(&self, name: &Name) -> Arc<Mutex<Option<Latest>>> {
        let cell = Arc::default();
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), Arc::clone(&cell));
        cell
    }

    pub(crate) fn remove(&self, name: &Name) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn get(&self, name: &str) -> Option<Latest> {
        let cell = Arc::clone(self.0.read().unwrap_or_else(PoisonError::into_inner).get(name)?);
        cell.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn all(&self) -> BTreeMap<Name, Option<Latest>> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        map.iter()
            .map(|(name, cell)| (name.clone(), cell.lock().unwrap_or_else(PoisonError::into_inner).clone()))
            .collect()
    }
}

/// One thread's checks, and which of them have an alert open.
pub(crate) struct Set {
    pub(crate) checks: Vec<Arc<Check>>,
    pub(crate) open: BTreeMap<String, Open>,
}

/// A check's alert that is open when watching begins, as it was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It was failing: it is not told again, but its end is.
    Failing,
    /// The same, and less bad than the check is configured to be: a plugin's warning, which may get worse.
    Warning,
    /// It could not be told: it is told as it is found, whatever that is.
    Unknown,
}

/// Watching. Dropping it stops it.
pub struct Watch {
    mailboxes: Vec<Arc<Mailbox>>,
    threads: Vec<JoinHandle<()>>,
    sight: Arc<Sight>,
    stats: Arc<Stats>,
    board: Arc<Board>,
}

impl Watch {
    /// Starts watching. `open` has the checks of which an alert is open.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub fn start(
        options: Options,
        plan: &Plan,
        open: &HashMap<String, Open>,
        sink: Arc<dyn Sink>,
        history: Option<History>,
        stats: Arc<Stats>,
    ) -> Result<Watch, StartError> {
        let env = Arc::new(Env::new(&stats));
        let sight = Arc::new(Sight::new(plan.reference_targets.clone(), Arc::clone(&stats)));
        let board = Arc::new(Board::default());
        let count = options.threads.max(1);
        let mut watch = Watch {
            mailboxes: (0..count).map(|_| Arc::default()).collect(),
            threads: Vec::with_capacity(count),
            sight: Arc::clone(&sight),
            stats: Arc::clone(&stats),
            board: Arc::clone(&board),
        };
        watch.post(plan, open);
        let shared = Shared { env, sight, sink, history, stats, board, anchor: Instant::now() };
        for (i, mailbox) in watch.mailboxes.iter().enumerate() {
            let shard = Shard::new(shared.clone(), Arc::clone(mailbox), options.concurrency / count);
            // One thread a runtime: work that moves between threads costs two and a half times as much per check.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(StartError::Thread)?;
            let looks = (i == 0).then(|| (Arc::clone(&shared.sight), Arc::clone(&shared.sink)));
            let thread = std::thread::Builder::new().name(format!("watch-{i}")).spawn(move || {
                runtime.block_on(async {
                    if let Some((sight, sink)) = looks {
                        tokio::spawn(async move { sight.keep_looking(&*sink).await });
                    }
                    // As a task, because waking the root of a runtime costs a system call each time. A panic has
                    // been printed, and shows in `is_alive`.
                    let _ = tokio::spawn(shard.run()).await;
                });
                runtime.shutdown_background();
            });
            watch.threads.push(thread.map_err(StartError::Thread)?);
        }
        Ok(watch)
    }

    /// Goes on with another set of checks. What is known of a check that stays is kept; one that is gone is forgotten
    /// without a word, for its alert is the business of whoever took the check out.
    pub fn update(&self, plan: &Plan) {
        self.sight.set_targets(plan.reference_targets.clone());
        self.post(plan, &HashMap::new());
    }

    fn post(&self, plan: &Plan, open: &HashMap<String, Open>) {
        self.stats.checks.store(plan.checks.len() as u64, Ordering::Relaxed);
        let count = self.mailboxes.len();
        let mut sets: Vec<Set> =
            (0..count).map(|_| Set { checks: Vec::new(), open: BTreeMap::new() }).collect();
        for (name, check) in &plan.checks {
            // The upper half of the hash: the lower one is the phase.
            let shard = usize::try_from(slots::hash(name) >> 32).unwrap_or_default() % count;
            let Some(set) = sets.get_mut(shard) else { continue };
            set.checks.push(Arc::clone(check));
            set.open.extend(open.get(name).map(|how| (name.clone(), *how)));
        }
        for (mailbox, mut set) in self.mailboxes.iter().zip(sets) {
            let mut slot = mailbox.set.lock().unwrap_or_else(PoisonError::into_inner);
            // A set that was not taken yet may know of open alerts.
            set.open.extend(slot.take().into_iter().flat_map(|s| s.open));
            *slot = Some(set);
            drop(slot);
            mailbox.changed.notify_one();
        }
    }

    /// The latest result of a check; `None` for one that is unknown or has not run yet.
    #[must_use]
    pub fn latest(&self, check: &str) -> Option<Latest> {
        self.board.get(check)
    }

    /// The latest results of all checks.
    #[must_use]
    pub fn all(&self) -> BTreeMap<Name, Option<Latest>> {
        self.board.all()
    }

    /// Figures about watching itself.
    #[must_use]
    pub fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    /// Whether every checking thread is at work.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.threads.iter().all(|t| !t.is_finished())
    }

    /// Stops, without waiting for runs under way.
    pub fn stop(self) {}
}

impl Drop for Watch {
    fn drop(&mut self) {
        for mailbox in &self.mailboxes {
            mailbox.stop.store(true, Ordering::Release);
            mailbox.changed.notify_one();
        }
        for thread in self.threads.drain(..) {
            // One that has panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Runs one check now, once, on a thread of its own, without any schedule or history. Blocks until it has ended.
///
/// # Errors
/// [`StartError`] if the system gives no runtime.
pub fn run_once(check: &Check) -> Result<Outcome, StartError> {
    let run = || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let env = Env::new(&Stats::default());
        let outcome = runtime.block_on(check::run(check, &env, &Memory::default()));
        runtime.shutdown_background();
        Ok(outcome)
    };
    // So that it may be called from within a runtime too.
    std::thread::scope(|s| match s.spawn(run).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// What the wall shows now.
pub(crate) fn wall_now() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
