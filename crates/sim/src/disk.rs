//! A simulated journal: one request at a time, in order, as the real one's thread. It is slow, refuses, hangs for
//! minutes, or fails so that nobody knows; and at a crash what was under way is there or not.

use crate::rng::Rng;
use foghorn_core::Record;
use foghorn_engine::BatchId;
use foghorn_engine::engine::{Append, Appended, Found};
use std::collections::VecDeque;
use std::sync::Arc;

/// What is wrong with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing.
    None,
    /// Every append takes seconds.
    Slow,
    /// Every append is refused: full, read-only.
    Full,
    /// Every append fails in a way that leaves its outcome open.
    Unsure,
    /// Nothing is answered before this moment.
    Hangs(u64),
}

#[derive(Debug)]
enum Job {
    Append(Append),
    Settle,
}

/// What the disk answers.
#[derive(Debug)]
pub(crate) enum Answer {
    Appended(BatchId, Appended),
    Settled(Found),
}

#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) records: Vec<Arc<Record>>,
    /// Batches that are there, with the number of records up to their end.
    batches: Vec<(BatchId, usize)>,
    queue: VecDeque<Job>,
    /// What is worked on, and when it is done.
    busy: Option<(Job, u64)>,
    pub(crate) trouble: Trouble,
    /// Records on disk that nobody has looked at yet.
    pub(crate) fresh: usize,
    /// An append that did not follow on the head.
    pub(crate) astray: Option<(u64, usize)>,
}

impl Disk {
    pub(crate) fn new() -> Disk {
        Disk {
            records: Vec::new(),
            batches: Vec::new(),
            queue: VecDeque::new(),
            busy: None,
            trouble: Trouble::None,
            fresh: 0,
            astray: None,
        }
    }

    pub(crate) fn head(&self) -> BatchId {
        self.batches.last().map_or(BatchId::default(), |(id, _)| *id)
    }

    pub(crate) fn is_well(&self) -> bool {
        matches!(self.trouble, Trouble::None | Trouble::Slow)
    }

    /// When the request under way is done.
    pub(crate) fn done_at(&self) -> Option<u64> {
        self.busy.as_ref().map(|(_, at)| *at)
    }

    pub(crate) fn append(&mut self, now: u64, append: Append, rng: &mut Rng) {
        self.take(now, Job::Append(append), rng);
    }

    /// A look at the head. A disk that hangs may be known to hang: then the owner answers at once.
    pub(crate) fn settle(&mut self, now: u64, rng: &mut Rng) -> Option<Answer> {
        if self.busy.is_some() && rng.percent(50) {
            return Some(Answer::Settled(Found::StillBroken("no answer from the disk".into())));
        }
        self.take(now, Job::Settle, rng);
        None
    }

    fn take(&mut self, now: u64, job: Job, rng: &mut Rng) {
        self.queue.push_back(job);
        self.work(now, rng);
    }

    fn work(&mut self, now: u64, rng: &mut Rng) {
        if self.busy.is_some() {
            return;
        }
        let Some(job) = self.queue.pop_front() else { return };
        let usual = rng.between(1, 12);
        let done = match self.trouble {
            Trouble::Slow => now + rng.between(300, 3500),
            Trouble::Hangs(until) => until.max(now) + usual,
            _ => now + usual,
        };
        self.busy = Some((job, done));
    }

    /// It works again: what hung goes on at once.
    pub(crate) fn mend(&mut self, now: u64) {
        self.trouble = Trouble::None;
        if let Some((_, done)) = &mut self.busy {
            *done = (*done).min(now + 5);
        }
    }

    /// The request under way is done.
    pub(crate) fn finish(&mut self, now: u64, rng: &mut Rng) -> Option<Answer> {
        if self.done_at().is_none_or(|at| at > now) {
            return None;
        }
        let (job, _) = self.busy.take()?;
        if let Trouble::Hangs(until) = self.trouble
            && until <= now
        {
            self.trouble = Trouble::None;
        }
        let answer = match job {
            Job::Settle => Answer::Settled(match self.trouble {
                Trouble::Full => Found::StillBroken("disk full".into()),
                Trouble::Unsure => Found::StillBroken("disk I/O error".into()),
                _ => Found::Head(self.head()),
            }),
            Job::Append(append) => {
                let id = append.id;
                let result = match self.trouble {
                    Trouble::Full => Appended::Refused("disk full".into()),
                    Trouble::Unsure => {
                        if rng.percent(50) {
                            self.write(append);
                        }
                        Appended::Unknown("disk I/O error".into())
                    }
                    // After a long wait the answer may be lost all the same.
                    Trouble::None if rng.below(400) == 0 => {
                        if rng.percent(50) {
                            self.write(append);
                        }
                        Appended::Unknown("interrupted".into())
                    }
                    _ => match self.write(append) {
                        true => Appended::Durable,
                        false => Appended::Refused("the head has moved".into()),
                    },
                };
                Answer::Appended(id, result)
            }
        };
        self.work(now, rng);
        Some(answer)
    }

    /// Compare-and-append.
    fn write(&mut self, append: Append) -> bool {
        if append.first_seq != self.records.len() as u64 + 1 {
            self.astray = Some((append.first_seq, self.records.len()));
            return false;
        }
        self.records.extend(append.written.records.iter().cloned());
        self.fresh += append.written.records.len();
        self.batches.push((append.id, self.records.len()));
        true
    }

    /// The process dies: what was under way is on disk as a whole or not at all; what was queued is not.
    pub(crate) fn crash(&mut self, rng: &mut Rng) {
        self.queue.clear();
        if let Some((Job::Append(append), _)) = self.busy.take()
            && self.trouble != Trouble::Full
            && rng.percent(50)
        {
            self.write(append);
        }
    }

    /// A disk that lied: the last batches are gone. Returns how many records are left.
    pub(crate) fn lose(&mut self, batches: usize) -> usize {
        for _ in 0..batches.min(self.batches.len().saturating_sub(2)) {
            self.batches.pop();
        }
        let left = self.batches.last().map_or(0, |(_, end)| *end);
        self.records.truncate(left);
        left
    }

    /// Takes a record out of the middle, as a broken journal would (for mutations).
    pub(crate) fn swallow(&mut self, which: usize) {
        if which < self.records.len() {
            self.records.remove(which);
        }
    }
}
