//! Up, down and latency of every check, for a year. In a file of its own beside the journal: nothing that pages
//! anybody waits for it, and losing its last second is allowed.

mod codec;
mod point;
mod store;

use crate::stats::{Stats, add};
use crate::watch::wall_now;
use foghorn_core::time::Wall;
use foghorn_core::words::Name;
use rusqlite::ErrorCode;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::{RAW, ROLLUPS, Record, Store, Tier};

/// Results are written in batches this far apart.
const EVERY: Duration = Duration::from_secs(1);
/// More results than this do not wait for the file; what comes then is lost and counted.
const QUEUE: usize = 100_000;

/// How a result came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Good.
    Up = 0,
    /// Bad.
    Down = 1,
    /// Not known.
    Unknown = 2,
}

impl Mark {
    fn from_bits(bits: u64) -> Option<Mark> {
        [Mark::Up, Mark::Down, Mark::Unknown].into_iter().find(|m| *m as u64 == bits)
    }
}

/// One result.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Sample {
    /// When it ended.
    pub at: Wall,
    /// How it came out.
    pub mark: Mark,
    /// How long it took, to within 1 %.
    pub took: Duration,
}

/// The results of a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Point {
    /// Where the stretch begins.
    pub at: Wall,
    /// All results.
    pub count: u64,
    /// Good ones.
    pub up: u64,
    /// Those that are not known.
    pub unknown: u64,
    /// Latency of the good ones; `None` if there were none.
    pub latency: Option<Latency>,
}

/// Latencies of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Latency {
    /// The shortest.
    pub min: Duration,
    /// The mean.
    pub avg: Duration,
    /// The longest.
    pub max: Duration,
    /// 95 of 100 took no longer, to within a tenth.
    pub p95: Duration,
}

/// How a check fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Uptime {
    /// All results.
    pub count: u64,
    /// Good ones.
    pub up: u64,
    /// Those that are not known, which count neither way.
    pub unknown: u64,
}

impl Uptime {
    /// The share of good results among those that are known, 0 to 1; `None` without any.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let known = self.count.saturating_sub(self.unknown);
        #[allow(clippy::cast_precision_loss)]
        (known > 0).then(|| self.up as f64 / known as f64)
    }
}

/// Why the history cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Its file cannot be used; results are dropped until it can.
    #[error("the history {} cannot be used: {why}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The system gives no thread.
    #[error("the history's thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// The history. Clones share the file; the thread ends with the last of them.
#[derive(Clone)]
pub struct History(Arc<Handle>);

struct Handle {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    path: PathBuf,
    stats: Arc<Stats>,
    queue: Mutex<Queue>,
    /// Something is queued that somebody waits for, or the end has come.
    wake: Condvar,
    written: Condvar,
    /// `Err` says why there is none; it is tried again with every batch.
    store: Mutex<Result<Store, String>>,
}

#[derive(Default)]
struct Queue {
    records: Vec<Record>,
    hurry: bool,
    stop: bool,
    batches: u64,
}

impl History {
    /// The name of its file in the data directory.
    pub const FILE: &str = "history.db";

    /// Opens `history.db` in a directory, and begins a new one if it is damaged. One that cannot be opened for another
    /// reason is tried again and again, and said in the log; meanwhile results are dropped and counted.
    ///
    /// # Errors
    /// [`HistoryError::Thread`] alone.
    pub fn open(dir: &Path, stats: Arc<Stats>) -> Result<History, HistoryError> {
        let inner = Arc::new(Inner {
            path: dir.join(History::FILE),
            stats,
            queue: Mutex::default(),
            wake: Condvar::new(),
            written: Condvar::new(),
            store: Mutex::new(Err("it is not open yet".to_owned())),
        });
        inner.reopen(&mut inner.store());
        let worker = Arc::clone(&inner);
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || worker.work())
            .map_err(HistoryError::Thread)?;
        Ok(History(Arc::new(Handle { inner, thread: Mutex::new(Some(thread)) })))
    }

    /// Takes a result. Never blocks on the file.
    pub fn record(&self, check: &Name, at: Wall, mark: Mark, took: Duration) {
        let inner = &self.0.inner;
        let mut queue = inner.queue();
        if queue.records.len() >= QUEUE {
            add(&inner.stats.history_dropped);
            return;
        }
        queue.records.push(Record { check: check.clone(), sample: Sample { at, mark, took } });
    }

    /// Waits until everything recorded so far is written, or has been given up.
    pub fn flush(&self) {
        let inner = &self.0.inner;
        let mut queue = inner.queue();
        // One batch may be under way without what was recorded last.
        let target = queue.batches + 2;
        while queue.batches < target {
            queue.hurry = true;
            inner.wake.notify_one();
            queue = inner.written.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Latencies and counts in `from..to`, in at most `max_points` points of equal length, oldest first. Stretches
    /// without any result are left out. The finest data that is kept for all of the range is used.
    ///
    /// # Errors
    /// [`HistoryError::Unusable`].
    pub fn latency(
        &self,
        check: &str,
        from: Wall,
        to: Wall,
        max_points: usize,
    ) -> Result<Vec<Point>, HistoryError> {
        self.0.inner.read(|store| {
            let (from, to) = (from.0.max(0), to.0);
            let most = i64::try_from(max_points.max(1)).unwrap_or(i64::MAX);
            let tier = pick(store, check, from, to)?;
            // What is rolled up begins where its roll does.
            let start = if tier == RAW { from } else { from.div_euclid(tier.span) * tier.span };
            let width = (to.saturating_sub(start) / most + 1).max(1);
            let width = (width + tier.span - 1) / tier.span * tier.span;
            let mut points = std::collections::BTreeMap::<i64, point::Roll>::new();
            if tier == RAW {
                for sample in store.samples(check, from, to)? {
                    points.entry((sample.at.0 - start) / width).or_default().add(&sample);
                }
            } else {
                for (at, roll) in store.rolls(check, tier, start, to)? {
                    points.entry((at - start) / width).or_default().merge(&roll);
                }
            }
            Ok(points.into_iter().map(|(i, roll)| point(Wall(start + i * width), &roll)).collect())
        })
    }

    /// Counts in `from..to`: to the minute within a week, to five minutes within two months, else to the hour.
    ///
    /// # Errors
    /// [`HistoryError::Unusable`].
    pub fn uptime(&self, check: &str, from: Wall, to: Wall) -> Result<Uptime, HistoryError> {
        self.0.inner.read(|store| {
            let mut tier = pick(store, check, from.0, to.0)?;
            if tier == RAW {
                let [finest, ..] = ROLLUPS;
                tier = finest;
            }
            let start = from.0.div_euclid(tier.span) * tier.span;
            let mut sum = Uptime::default();
            for roll in store.rolls(check, tier, start, to.0)?.values() {
                sum.count += roll.count();
                sum.up += roll.up;
                sum.unknown += roll.unknown;
            }
            Ok(sum)
        })
    }

    /// The last `n` results that are kept, newest first.
    ///
    /// # Errors
    /// [`HistoryError::Unusable`].
    pub fn recent(&self, check: &str, n: usize) -> Result<Vec<Sample>, HistoryError> {
        self.0.inner.read(|store| {
            let mut all = store.samples(check, 0, i64::MAX)?;
            all.reverse();
            all.truncate(n);
            Ok(all)
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.inner.queue().stop = true;
        self.inner.wake.notify_one();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // One that has panicked has said so.
            let _ = thread.join();
        }
    }
}

/// The finest tier that does not make more than some thousand points, and of which no coarser one knows more.
fn pick(store: &Store, check: &str, from: i64, to: i64) -> rusqlite::Result<Tier> {
    const POINTS: i64 = 6_000;
    let range = to.min(wall_now().0.max(from)).saturating_sub(from);
    let mut reach = Vec::with_capacity(1 + ROLLUPS.len());
    for tier in [RAW].into_iter().chain(ROLLUPS) {
        reach.push((tier, store.oldest(check, tier)?.unwrap_or(i64::MAX)));
    }
    let [.., coarsest] = ROLLUPS;
    let found = reach.iter().enumerate().find(|(i, (tier, oldest))| {
        let mut coarser = reach.iter().skip(i + 1);
        // A tier that knows nothing at all does not know more.
        let more = |(t, o): &(Tier, i64)| o.checked_add(t.chunk).is_some_and(|end| end <= *oldest);
        let deep = *oldest <= from || !coarser.any(more);
        deep && range / tier.span <= POINTS
    });
    Ok(found.map_or(coarsest, |(_, (tier, _))| *tier))
}

fn point(at: Wall, roll: &point::Roll) -> Point {
    let latency = roll.min_mean_max().zip(roll.p95());
    Point {
        at,
        count: roll.count(),
        up: roll.up,
        unknown: roll.unknown,
        latency: latency.map(|([min, avg, max], p95)| Latency { min, avg, max, p95 }),
    }
}

impl Inner {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> MutexGuard<'_, Result<Store, String>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, f: impl FnOnce(&Store) -> rusqlite::Result<T>) -> Result<T, HistoryError> {
        let unusable = |why: String| HistoryError::Unusable { path: self.path.clone(), why };
        let mut store = self.store();
        let open = store.as_ref().map_err(|why| unusable(why.clone()))?;
        f(open).map_err(|e| {
            let why = e.to_string();
            if is_damage(&e) {
                // The next batch begins a new one.
                *store = Err(why.clone());
            }
            unusable(why)
        })
    }

    fn work(&self) {
        let mut swept = Instant::now();
        let mut retained: Option<Instant> = None;
        loop {
            let mut queue = self.queue();
            let until = Instant::now() + EVERY;
            while !queue.hurry && !queue.stop {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                queue = self.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            let stop = queue.stop;
            queue.hurry = false;
            let batch = std::mem::take(&mut queue.records);
            drop(queue);
            self.attempt(batch.len() as u64, |store| store.write(&batch));
            if swept.elapsed() >= Duration::from_secs(60) {
                swept = Instant::now();
                self.attempt(0, |store| store.sweep(wall_now()));
            }
            if retained.is_none_or(|at| at.elapsed() >= Duration::from_secs(3600)) {
                retained = Some(Instant::now());
                self.attempt(0, Store::retain);
            }
            self.queue().batches += 1;
            self.written.notify_all();
            if stop {
                return;
            }
        }
    }

    /// Does something with the store, and deals with what goes wrong. `results` are lost if it fails.
    fn attempt(&self, results: u64, f: impl FnOnce(&mut Store) -> rusqlite::Result<()>) {
        let mut store = self.store();
        if store.is_err() {
            self.reopen(&mut store);
        }
        let outcome = match &mut *store {
            Ok(open) => f(open),
            Err(_) => {
                self.stats.history_dropped.fetch_add(results, Ordering::Relaxed);
                return;
            }
        };
        match outcome {
            Ok(()) => {
                self.stats.history_written.fetch_add(results, Ordering::Relaxed);
            }
            Err(e) => {
                self.stats.history_dropped.fetch_add(results, Ordering::Relaxed);
                tracing::error!(file = %self.path.display(), error = %e, "the history cannot be written");
                // Opened anew, because what is in memory may be ahead of the file now.
                *store = Err(e.to_string());
                if is_damage(&e) {
                    self.aside();
                }
            }
        }
    }

    fn reopen(&self, store: &mut Result<Store, String>) {
        let opened = Store::open(&self.path).or_else(|e| {
            if !is_damage(&e) {
                return Err(e);
            }
            tracing::error!(file = %self.path.display(), error = %e, "the history is damaged");
            self.aside();
            Store::open(&self.path)
        });
        match (opened, &*store) {
            (Ok(open), _) => *store = Ok(open),
            (Err(e), Err(before)) if *before == e.to_string() => {}
            (Err(e), _) => {
                tracing::error!(file = %self.path.display(), error = %e, "the history cannot be opened; results are dropped");
                *store = Err(e.to_string());
            }
        }
    }

    /// Moves a damaged file out of the way, with what belongs to it.
    fn aside(&self) {
        add(&self.stats.history_restarted);
        let named = |suffix: &str| {
            let mut name = OsString::from(&self.path);
            name.push(suffix);
            PathBuf::from(name)
        };
        let stamp = format!(".damaged-{}", wall_now().0);
        for part in ["", "-wal", "-shm"] {
            let (from, to) = (named(part), named(&format!("{stamp}{part}")));
            match std::fs::rename(&from, &to) {
                Ok(()) if part.is_empty() => {
                    tracing::error!(file = %to.display(), "the damaged history was moved here, and a new one is begun");
                }
                Err(e) if part.is_empty() => {
                    tracing::error!(file = %from.display(), error = %e, "the damaged history cannot be moved aside");
                }
                _ => {}
            }
        }
    }
}

fn is_damage(e: &rusqlite::Error) -> bool {
    match e {
        rusqlite::Error::SqliteFailure(code, _) => {
            matches!(code.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        }
        // A file of somebody else's under our name.
        rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::SqlInputError { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
