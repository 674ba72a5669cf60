//! What may hang because the disk below it does. One at a time uses it; whoever comes waits for their turn, and nobody
//! waits while one hangs. So what a disk keeps are as many threads as there are gates, and never all.

use crate::problem::{Kind, Problem};
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Whoever has been inside for so long hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// An answer waits so long at most for what it needs, once that has begun.
const LONGEST: Duration = Duration::from_secs(8);

/// The disk does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hangs;

/// Something that is used by one at a time.
pub(crate) struct Gate<T> {
    inner: Mutex<Inner<T>>,
    free: Condvar,
}

struct Inner<T> {
    thing: Option<T>,
    /// When it was taken last.
    since: Instant,
}

/// The thing, until this is dropped.
pub(crate) struct Turn<'g, T: Default> {
    gate: &'g Gate<T>,
    thing: T,
}

impl<T: Default> Gate<T> {
    pub(crate) fn new(thing: T) -> Gate<T> {
        Gate { inner: Mutex::new(Inner { thing: Some(thing), since: Instant::now() }), free: Condvar::new() }
    }

    /// Waits for one's turn, unless somebody hangs inside.
    pub(crate) fn enter(&self) -> Result<Turn<'_, T>, Hangs> {
        let mut inner = self.inner();
        loop {
            if let Some(thing) = inner.thing.take() {
                inner.since = Instant::now();
                return Ok(Turn { gate: self, thing });
            }
            let left = PATIENCE.checked_sub(inner.since.elapsed()).ok_or(Hangs)?;
            inner = self.free.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Default> Deref for Turn<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.thing
    }
}

impl<T: Default> DerefMut for Turn<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.thing
    }
}

impl<T: Default> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.gate.inner().thing = Some(std::mem::take(&mut self.thing));
        self.gate.free.notify_one();
    }
}

/// Runs what may wait for the disk off the threads that serve others. A disk that hangs is not waited for; what has begun
/// goes on.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    within(LONGEST, work).await
}

async fn within<T: Send + 'static>(
    longest: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let (begins, begun) = oneshot::channel();
    let done = tokio::task::spawn_blocking(move || {
        // Whoever asked may be gone.
        let _ = begins.send(());
        work()
    });
    // Where many wait, the disk is not what they wait for.
    let _ = begun.await;
    match tokio::time::timeout(longest, done).await {
        Ok(done) => done.map_err(|_| failed()),
        Err(_) => Err(Problem::new(
            Kind::Unavailable,
            "the disk does not answer. Ask again: what is in memory is shown without it",
        )),
    }
}

/// A panic, of which the hook has told.
pub(crate) fn failed() -> Problem {
    Problem::new(Kind::Internal, "this request failed; the log has more")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn one_at_a_time_and_nobody_waits_for_one_that_hangs() {
        let gate = Arc::new(Gate::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let gate = gate.clone();
                std::thread::spawn(move || (0..100).for_each(|_| *gate.enter().unwrap() += 1))
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        let hangs = gate.enter().unwrap();
        assert_eq!(*hangs, 800);
        let began = Instant::now();
        assert!(gate.enter().is_err() && began.elapsed() >= PATIENCE / 2);
        let began = Instant::now();
        assert!((0..100).all(|_| gate.enter().is_err()) && began.elapsed() < PATIENCE, "at once");
        drop(hangs);
        assert_eq!(gate.enter().map(|n| *n), Ok(800));
    }

    #[tokio::test]
    async fn an_answer_waits_for_no_disk() {
        let (tx, rx) = std::sync::mpsc::channel::<()>();
        let problem = within(Duration::from_millis(1), move || rx.recv()).await.unwrap_err();
        assert_eq!(problem.kind, Kind::Unavailable);
        drop(tx);
        assert_eq!(blocking(|| 7).await, Ok(7));
    }
}
