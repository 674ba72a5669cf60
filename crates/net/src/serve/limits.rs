//! How many connections may be open.

use super::Limits;
use crate::throttle::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

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
            self.refuse();
        }
        entered
    }

    fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    fn leave(&self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

/// A listener's limit and those of its classes.
#[derive(Debug)]
pub(super) struct Budget {
    all: Gauge,
    /// Connections that one address may have.
    share: usize,
    /// Connections by address, of this host's own none: of all that are behind a proxy here it is the address.
    peers: Mutex<HashMap<IpAddr, usize>>,
    classes: Vec<(Class, Gauge)>,
    classify: fn(&str) -> usize,
    accept_errors: AtomicU64,
    slow: AtomicU64,
    requests: AtomicU64,
}

impl Budget {
    pub(super) fn new(limits: &Limits, classes: Vec<Class>, classify: fn(&str) -> usize) -> Budget {
        // One bit a class in `Held`; no listener has more than a handful.
        let classes = classes.into_iter().take(64).map(|c| (c, Gauge::new(c.connections))).collect();
        Budget {
            all: Gauge::new(limits.connections),
            share: (limits.connections * usize::from(limits.address_share) / 100).max(1),
            peers: Mutex::default(),
            classes,
            classify,
            accept_errors: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        }
    }

    /// Counts a new connection, or refuses it.
    pub(super) fn hold(budget: &Arc<Budget>, from: IpAddr) -> Option<Held> {
        let peer = (!from.to_canonical().is_loopback()).then(|| network(from));
        if !peer.is_none_or(|peer| budget.share(peer)) {
            budget.all.refuse();
            return None;
        }
        // From here on its end gives back the share.
        let mut held = Held { budget: Arc::clone(budget), peer, counted: false, classes: AtomicU64::new(0) };
        held.counted = budget.all.enter();
        held.counted.then_some(held)
    }

    /// What one address may not have is left to the others.
    fn share(&self, peer: IpAddr) -> bool {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let open = peers.entry(peer).or_default();
        let entered = *open < self.share;
        *open += usize::from(entered);
        entered
    }

    fn give_back(&self, peer: IpAddr) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let left = peers.get_mut(&peer).map_or(0, |open| {
            *open -= 1;
            *open
        });
        if left == 0 {
            peers.remove(&peer);
        }
    }

    /// The listener's own limit.
    pub(super) fn most(&self) -> usize {
        self.all.most
    }

    /// A client that took too little of an answer.
    pub(super) fn count_slow(&self) {
        self.slow.fetch_add(1, Relaxed);
    }

    pub(super) fn count_accept_error(&self) {
        self.accept_errors.fetch_add(1, Relaxed);
    }
}

/// One open connection, counted until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    budget: Arc<Budget>,
    peer: Option<IpAddr>,
    /// Whether it is one of the listener's.
    counted: bool,
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
        if let Some(peer) = self.peer {
            self.budget.give_back(peer);
        }
        if self.counted {
            self.budget.all.leave();
        }
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

    /// Connections refused so far because the listener, or their address, had all it may have.
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

    /// Answers so far that ended before they were whole, because their client took too little of them.
    #[must_use]
    pub fn slow(&self) -> u64 {
        self.0.slow.load(Relaxed)
    }

    /// Of each class: name, connections open now, requests refused so far.
    pub fn classes(&self) -> impl Iterator<Item = (&'static str, usize, u64)> {
        self.0.classes.iter().map(|(c, g)| (c.name, g.open.load(Relaxed), g.refused.load(Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn of(connections: usize) -> Limits {
        Limits { connections, ..Limits::default() }
    }

    #[test]
    fn how_much_one_address_may_have_is_configured() {
        for (address_share, most) in [(100, 10), (90, 9), (50, 5), (1, 1)] {
            let budget = Arc::new(Budget::new(&Limits { address_share, ..of(10) }, Vec::new(), |_| 0));
            let held: Vec<_> = (0..20).filter_map(|_| Budget::hold(&budget, ip("192.0.2.1"))).collect();
            assert_eq!(held.len(), most, "{address_share}%");
        }
    }

    #[test]
    fn one_address_cannot_have_all_connections() {
        let budget = Arc::new(Budget::new(&of(8), Vec::new(), |_| 0));
        let hold = |from: &str| Budget::hold(&budget, ip(from));
        let mut mine: Vec<_> = (0..9).filter_map(|n| hold(&format!("2001:db8::{n}"))).collect();
        assert_eq!(mine.len(), 4, "a network of IPv6 is one address");
        assert_eq!(Counts(Arc::clone(&budget)).refused(), 5);
        let others: Vec<_> = ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"].map(hold).into();
        assert!(others.iter().all(Option::is_some));
        mine.pop();
        assert!(hold("2001:db8::1").is_some(), "what is closed is given back");
        drop((mine, others));
        assert!(budget.peers.lock().unwrap().is_empty());
        assert_eq!(budget.all.open.load(Relaxed), 0);
    }

    #[test]
    fn a_proxy_here_may_have_them_all_but_no_more() {
        let budget = Arc::new(Budget::new(&of(2), Vec::new(), |_| 0));
        let all = ["127.0.0.1", "::1"].map(|from| Budget::hold(&budget, ip(from)));
        assert!(all.iter().all(Option::is_some));
        assert!(Budget::hold(&budget, ip("192.0.2.1")).is_none());
        assert!(budget.peers.lock().unwrap().is_empty(), "one that was refused leaves nothing");
    }
}
