//! How many connections may be open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Requests that share a limit on connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// For counters: `intake`, `links`, `console`.
    pub name: &'static str,
    /// Open connections that may have carried such requests.
    pub connections: usize,
}

#[derive(Debug, Default)]
struct Gauge {
    most: usize,
    open: AtomicUsize,
    refused: AtomicU64,
}

impl Gauge {
    fn new(most: usize) -> Gauge {
        Gauge { most, ..Gauge::default() }
    }

    fn enter(&self) -> bool {
        let entered = self.open.fetch_update(Relaxed, Relaxed, |n| (n < self.most).then_some(n + 1)).is_ok();
        if !entered {
            self.refused.fetch_add(1, Relaxed);
        }
        entered
    }

    fn leave(&self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

/// A listener's limit and those of its classes.
#[derive(Debug)]
pub(super) struct Budget {
    all: Gauge,
    classes: Vec<(Class, Gauge)>,
    classify: fn(&str) -> usize,
    accept_errors: AtomicU64,
    requests: AtomicU64,
}

impl Budget {
    pub(super) fn new(connections: usize, classes: Vec<Class>, classify: fn(&str) -> usize) -> Budget {
        // One bit a class in `Held`; no listener has more than a handful.
        let classes = classes.into_iter().take(64).map(|c| (c, Gauge::new(c.connections))).collect();
        Budget {
            all: Gauge::new(connections),
            classes,
            classify,
            accept_errors: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        }
    }

    /// Counts a new connection, or refuses it.
    pub(super) fn hold(budget: &Arc<Budget>) -> Option<Held> {
        budget.all.enter().then(|| Held { budget: Arc::clone(budget), classes: AtomicU64::new(0) })
    }

    /// The listener's own limit.
    pub(super) fn most(&self) -> usize {
        self.all.most
    }

    pub(super) fn count_accept_error(&self) {
        self.accept_errors.fetch_add(1, Relaxed);
    }
}

/// One open connection, counted until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    budget: Arc<Budget>,
    classes: AtomicU64,
}

impl Held {
    /// Whether the connection may carry a request for this path.
    pub(super) fn admit(&self, path: &str) -> bool {
        self.budget.requests.fetch_add(1, Relaxed);
        let class = (self.budget.classify)(path);
        let Some((_, gauge)) = self.budget.classes.get(class) else { return true };
        let bit = 1 << class;
        if self.classes.fetch_or(bit, Relaxed) & bit != 0 {
            return true;
        }
        let entered = gauge.enter();
        if !entered {
            self.classes.fetch_and(!bit, Relaxed);
        }
        entered
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mine = self.classes.load(Relaxed);
        for (class, (_, gauge)) in self.budget.classes.iter().enumerate() {
            if mine & (1 << class) != 0 {
                gauge.leave();
            }
        }
        self.budget.all.leave();
    }
}

/// A listener's counters, for metrics.
#[derive(Clone, Debug)]
pub struct Counts(pub(super) Arc<Budget>);

impl Counts {
    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.all.open.load(Relaxed)
    }

    /// Connections refused so far because the listener had all it may have.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.all.refused.load(Relaxed)
    }

    /// Requests so far, those that were refused for their class too.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Relaxed)
    }

    /// Connections that the system could not hand over.
    #[must_use]
    pub fn accept_errors(&self) -> u64 {
        self.0.accept_errors.load(Relaxed)
    }

    /// Of each class: name, connections open now, requests refused so far.
    pub fn classes(&self) -> impl Iterator<Item = (&'static str, usize, u64)> {
        self.0.classes.iter().map(|(c, g)| (c.name, g.open.load(Relaxed), g.refused.load(Relaxed)))
    }
}
