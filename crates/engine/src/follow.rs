//! What was written, for those who follow it. Whoever is slow, a browser that takes nothing say, must not have everything
//! kept for them that a storm brings: they read the journal instead.

use crate::written::Written;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{self, Receiver, Sender};

/// Batches that a follower may be behind.
const BATCHES: usize = 1024;
/// Bytes of lines that are kept for slow followers; their records take about twice that.
const BYTES: usize = 16 << 20;
/// Somebody may have taken these just now and not looked into them yet.
const LAST: usize = 2;

/// The writer's end.
#[derive(Debug)]
pub struct Told {
    tx: Sender<Weak<Written>>,
    /// What not everybody has taken yet, oldest first.
    kept: VecDeque<Arc<Written>>,
    bytes: usize,
}

/// Where followers begin. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Source(Sender<Weak<Written>>);

/// One who follows.
#[derive(Debug)]
pub struct Follow(Receiver<Weak<Written>>);

/// Why there is no next batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// It is not kept any more: the journal has it.
    Some,
    /// Nothing more will be written.
    End,
}

/// Both ends.
#[must_use]
pub fn told() -> (Told, Source) {
    let tx = broadcast::channel(BATCHES).0;
    (Told { tx: tx.clone(), kept: VecDeque::new(), bytes: 0 }, Source(tx))
}

impl Told {
    /// Tells followers of a batch.
    pub fn tell(&mut self, written: Arc<Written>) {
        // Nobody may be following.
        if self.tx.send(Arc::downgrade(&written)).is_ok() {
            self.bytes += written.lines.len();
            self.kept.push_back(written);
        }
        self.forget();
    }

    /// Lets go of what everybody has taken, and of what is too much.
    pub fn forget(&mut self) {
        let wanted = self.tx.len() + LAST;
        while self.kept.len() > wanted || self.bytes > BYTES && self.kept.len() > LAST {
            let Some(gone) = self.kept.pop_front() else { return };
            self.bytes -= gone.lines.len();
        }
    }
}

impl Source {
    /// What is written from now on.
    #[must_use]
    pub fn follow(&self) -> Follow {
        Follow(self.0.subscribe())
    }
}

impl Follow {
    /// The next batch, once there is one.
    ///
    /// # Errors
    /// There is none, or some are missed.
    pub async fn next(&mut self) -> Result<Arc<Written>, Missed> {
        match self.0.recv().await {
            Ok(batch) => batch.upgrade().ok_or(Missed::Some),
            Err(RecvError::Lagged(_)) => Err(Missed::Some),
            Err(RecvError::Closed) => Err(Missed::End),
        }
    }

    /// The next batch, if there is one now.
    ///
    /// # Errors
    /// There is none to come, or some are missed.
    pub fn try_next(&mut self) -> Result<Option<Arc<Written>>, Missed> {
        match self.0.try_recv() {
            Ok(batch) => batch.upgrade().map(Some).ok_or(Missed::Some),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Lagged(_)) => Err(Missed::Some),
            Err(TryRecvError::Closed) => Err(Missed::End),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(bytes: usize) -> Arc<Written> {
        Arc::new(Written { records: Vec::new().into(), lines: Arc::new(vec![b' '; bytes]) })
    }

    fn last_seen(follow: &mut Follow) -> Result<usize, Missed> {
        let mut n = 0;
        while follow.try_next()?.is_some() {
            n += 1;
        }
        Ok(n)
    }

    #[test]
    fn who_keeps_up_sees_all_and_nothing_is_kept_behind_them() {
        let (mut told, source) = told();
        told.tell(batch(1 << 20));
        assert_eq!((told.kept.len(), told.bytes), (0, 0), "nobody follows");
        let mut follow = source.follow();
        for _ in 0..100 {
            told.tell(batch(1 << 20));
            assert_eq!(last_seen(&mut follow), Ok(1));
        }
        told.forget();
        assert!(told.kept.len() <= LAST);
    }

    #[test]
    fn who_takes_nothing_has_so_much_kept_and_no_more() {
        let (mut told, source) = told();
        let (mut slow, mut quick) = (source.follow(), source.follow());
        for _ in 0..100 {
            told.tell(batch(1 << 20));
            assert_eq!(last_seen(&mut quick), Ok(1));
        }
        assert!(told.bytes <= BYTES && told.kept.len() >= 16, "{} bytes", told.bytes);
        assert_eq!(slow.try_next().unwrap_err(), Missed::Some);
        drop(slow);
        told.forget();
        assert!(told.kept.len() <= LAST);
        drop((told, source));
        assert_eq!(quick.try_next().unwrap_err(), Missed::End);
    }
}
