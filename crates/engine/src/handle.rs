//! What a room gets: submit an input, look at a view, follow what is written.

use crate::follow::{Follow, Source, Told, told};
use crate::view::View;
use foghorn_core::input::{Answer, Input, Refusal};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use tokio::sync::{oneshot, watch};

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Decided, and on disk.
    Saved(Answer),
    /// Decided and in effect, but only in memory: the journal is degraded, for this reason. A person's
    /// acknowledgement is answered so.
    NotSaved(Answer, Arc<str>),
    /// In effect as far as paging goes, but nothing is promised: the sender is to try again (503).
    Unavailable(Arc<str>),
    /// Nothing changed.
    Refused(Refusal),
    /// Too much is waiting to be decided: nothing changed, try again (503).
    Busy,
}

/// How an input is treated when there is too much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A person, or the outcome of a page: first, and accepted in degraded mode.
    Paging,
    /// Foghorn's own checks and clock.
    World,
    /// Other tools: answered 503 in degraded mode, and the first to be refused.
    Intake,
}

impl Class {
    /// So many may wait to be decided.
    #[must_use]
    pub const fn limit(self) -> usize {
        match self {
            Class::Paging => 20_000,
            Class::World => 50_000,
            Class::Intake => 10_000,
        }
    }
}

/// An input on its way to the engine.
#[derive(Debug)]
pub struct Submission {
    /// What is to be decided.
    pub input: Input,
    /// How it is treated.
    pub class: Class,
    /// Who waits for the answer, if anybody.
    pub reply: Option<oneshot::Sender<Reply>>,
}

/// A way to the engine. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    tx: mpsc::Sender<Message>,
    waiting: Arc<[AtomicUsize; 3]>,
    view: watch::Receiver<Arc<View>>,
    written: Source,
}

/// What the engine's owner receives.
#[derive(Debug)]
pub enum Message {
    /// An input.
    Submit(Submission),
    /// Something else woke the owner: look around.
    Wake,
}

/// The engine owner's end.
pub struct Port {
    /// Inputs, in order of arrival.
    pub rx: mpsc::Receiver<Message>,
    /// To be replaced after every change.
    pub view: watch::Sender<Arc<View>>,
    /// What was written, a batch at a time.
    pub written: Told,
    waiting: Arc<[AtomicUsize; 3]>,
}

impl Port {
    /// To be called for every submission taken from `rx`.
    pub fn taken(&self, class: Class) {
        self.waiting[class as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

/// A handle and its other end.
#[must_use]
pub fn channel(first: View) -> (Handle, Port) {
    let (tx, rx) = mpsc::channel();
    let (view_tx, view) = watch::channel(Arc::new(first));
    let (told, written) = told();
    let waiting: Arc<[AtomicUsize; 3]> = Arc::default();
    let handle = Handle { tx, waiting: waiting.clone(), view, written };
    (handle, Port { rx, view: view_tx, written: told, waiting })
}

impl Handle {
    /// Submits an input and waits for what becomes of it.
    pub async fn submit(&self, class: Class, input: Input) -> Reply {
        let (reply, answer) = oneshot::channel();
        if !self.send(Submission { input, class, reply: Some(reply) }) {
            return Reply::Busy;
        }
        answer.await.unwrap_or_else(|_| Reply::Unavailable(Arc::from("Foghorn is stopping")))
    }

    /// The same, from a thread that may wait.
    #[must_use]
    pub fn submit_blocking(&self, class: Class, input: Input) -> Reply {
        let (reply, answer) = oneshot::channel();
        if !self.send(Submission { input, class, reply: Some(reply) }) {
            return Reply::Busy;
        }
        answer.blocking_recv().unwrap_or_else(|_| Reply::Unavailable(Arc::from("Foghorn is stopping")))
    }

    /// Submits an input whose answer nobody waits for. Returns whether it was taken.
    pub fn tell(&self, class: Class, input: Input) -> bool {
        self.send(Submission { input, class, reply: None })
    }

    fn send(&self, submission: Submission) -> bool {
        let (class, waiting) = (submission.class, &self.waiting[submission.class as usize]);
        if waiting.fetch_add(1, Ordering::Relaxed) >= class.limit()
            || self.tx.send(Message::Submit(submission)).is_err()
        {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// Wakes the engine's owner.
    pub fn wake(&self) {
        // A stopped engine needs no waking.
        let _ = self.tx.send(Message::Wake);
    }

    /// How many inputs of a class wait to be decided.
    #[must_use]
    pub fn waiting(&self, class: Class) -> usize {
        self.waiting[class as usize].load(Ordering::Relaxed)
    }

    /// What is true now. A pointer; never blocks the engine.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    /// A receiver that is woken with every new view.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<View>> {
        self.view.clone()
    }

    /// What is written from now on, a batch at a time. Whoever misses some reads the journal from where they were.
    #[must_use]
    pub fn follow(&self) -> Follow {
        self.written.follow()
    }
}
