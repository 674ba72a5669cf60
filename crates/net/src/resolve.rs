//! Names to addresses, as the host does it (`getaddrinfo`: hosts file, search domains, the resolvers configured).
//!
//! `getaddrinfo` blocks and cannot be cancelled, so it has threads of its own. A name whose servers hang takes one of
//! them and no more, however many checks ask for it: all wait for the same answer, each until its own deadline.
//! Nothing is cached, so that a resolver that fails is seen and the time it takes is what is measured.

use crate::stats::{Stats, add, sub};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// The most look-ups at the same time.
const THREADS: usize = 16;
/// The most names that wait for a thread.
const QUEUE: usize = 1024;
/// A thread without work ends after this long.
const IDLE: Duration = Duration::from_secs(10);

/// Why a name has no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The host's resolver says so.
    #[error("cannot resolve {host}: {why}")]
    Failed {
        /// The name.
        host: String,
        /// In the resolver's words.
        why: String,
    },
    /// Too many names wait already: the host's resolver hangs, or there are more names than it can answer.
    #[error("{QUEUE} other names wait for the host's resolver, so {host} was not asked for")]
    Busy {
        /// The name.
        host: String,
    },
}

type Answer = Result<Arc<[IpAddr]>, ResolveError>;

/// Looks names up. Clones share the threads.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    work: Condvar,
    stats: Arc<Stats>,
    lookup: fn(&str) -> Answer,
}

#[derive(Default)]
struct State {
    queue: VecDeque<String>,
    waiters: HashMap<String, Vec<oneshot::Sender<Answer>>>,
    threads: usize,
    idle: usize,
}

impl Resolver {
    /// A resolver that counts into `stats`. Threads are started when needed.
    #[must_use]
    pub fn new(stats: Arc<Stats>) -> Resolver {
        Resolver::with(stats, getaddrinfo)
    }

    fn with(stats: Arc<Stats>, lookup: fn(&str) -> Answer) -> Resolver {
        Resolver(Arc::new(Inner { state: Mutex::default(), work: Condvar::new(), stats, lookup }))
    }

    /// The addresses of a name, in the order in which they are to be tried; of an address, itself. Drop the future
    /// to stop waiting.
    ///
    /// # Errors
    /// See [`ResolveError`].
    pub async fn resolve(&self, host: &str) -> Answer {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(Arc::from([ip]));
        }
        add(&self.0.stats.lookups);
        let answer = self.0.ask(host)?;
        answer.await.unwrap_or_else(|_| {
            Err(ResolveError::Failed { host: host.to_owned(), why: "the look-up was given up".to_owned() })
        })
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(self: &Arc<Self>, host: &str) -> Result<oneshot::Receiver<Answer>, ResolveError> {
        let (tell, answer) = oneshot::channel();
        let mut state = self.lock();
        if let Some(waiters) = state.waiters.get_mut(host) {
            // Those that gave up meanwhile are forgotten here, so that a name that hangs for hours gathers nothing.
            waiters.retain(|w| !w.is_closed());
            waiters.push(tell);
            add(&self.stats.lookups_shared);
            return Ok(answer);
        }
        let may_start = state.threads < THREADS;
        if state.queue.len() >= QUEUE {
            add(&self.stats.lookups_refused);
            return Err(ResolveError::Busy { host: host.to_owned() });
        }
        state.waiters.insert(host.to_owned(), vec![tell]);
        state.queue.push_back(host.to_owned());
        self.stats.lookups_queued.store(state.queue.len() as u64, Ordering::Relaxed);
        if state.idle >= state.queue.len() {
            self.work.notify_one();
        } else if may_start {
            let inner = Arc::clone(self);
            let started = std::thread::Builder::new().name("resolve".to_owned()).spawn(move || inner.serve());
            match started {
                Ok(_) => state.threads += 1,
                Err(e) if state.threads == 0 => {
                    state.queue.clear();
                    state.waiters.clear();
                    return Err(ResolveError::Failed {
                        host: host.to_owned(),
                        why: format!("no thread for the look-up: {e}"),
                    });
                }
                Err(_) => {}
            }
        }
        Ok(answer)
    }

    /// One thread: works until there was nothing to do for a while.
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            if let Some(host) = state.queue.pop_front() {
                self.stats.lookups_queued.store(state.queue.len() as u64, Ordering::Relaxed);
                drop(state);
                add(&self.stats.lookups_running);
                let answer = (self.lookup)(&host);
                sub(&self.stats.lookups_running);
                state = self.lock();
                for waiter in state.waiters.remove(&host).unwrap_or_default() {
                    // One that gave up is gone, which is fine.
                    let _ = waiter.send(answer.clone());
                }
                continue;
            }
            state.idle += 1;
            let (back, timeout) = self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.idle -= 1;
            if timeout.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

fn getaddrinfo(host: &str) -> Answer {
    let failed = |why: String| ResolveError::Failed { host: host.to_owned(), why };
    let found = (host, 0).to_socket_addrs().map_err(|e| {
        let text = e.to_string();
        failed(text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned())
    })?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.map(|a| a.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(failed("it has no address".to_owned()));
    }
    Ok(addresses.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[tokio::test]
    async fn an_address_is_itself_and_localhost_is_found() {
        let stats = Arc::new(Stats::default());
        let resolver = Resolver::new(Arc::clone(&stats));
        assert_eq!(&*resolver.resolve("192.0.2.7").await.unwrap(), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        assert_eq!(stats.lookups.load(Ordering::Relaxed), 0, "an address is not looked up");
        assert!(resolver.resolve("localhost").await.unwrap().iter().any(IpAddr::is_loopback));
        let bad = resolver.resolve("no such name.invalid").await.unwrap_err();
        assert!(bad.to_string().starts_with("cannot resolve no such name.invalid: "), "{bad}");
    }

    #[tokio::test]
    async fn a_name_that_hangs_takes_one_thread_and_delays_no_other() {
        static RELEASE: AtomicBool = AtomicBool::new(false);
        fn lookup(host: &str) -> Answer {
            while host == "hangs" && !RELEASE.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(Arc::from([IpAddr::from([192, 0, 2, 1])]))
        }
        let stats = Arc::new(Stats::default());
        let resolver = Resolver::with(Arc::clone(&stats), lookup);
        let hung: Vec<_> = (0..200)
            .map(|_| {
                let r = resolver.clone();
                tokio::spawn(async move { r.resolve("hangs").await })
            })
            .collect();
        while stats.lookups_shared.load(Ordering::Relaxed) < 199 {
            tokio::task::yield_now().await;
        }
        for i in 0..50 {
            resolver.resolve(&format!("host{i}")).await.unwrap();
        }
        assert_eq!(stats.lookups_running.load(Ordering::Relaxed), 1, "only the one that hangs");
        RELEASE.store(true, Ordering::Relaxed);
        for h in hung {
            h.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn more_names_than_can_wait_are_refused() {
        static RELEASE: AtomicBool = AtomicBool::new(false);
        fn lookup(_: &str) -> Answer {
            while !RELEASE.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(Arc::from([IpAddr::from([192, 0, 2, 1])]))
        }
        let stats = Arc::new(Stats::default());
        let resolver = Resolver::with(Arc::clone(&stats), lookup);
        let mut waiting = Vec::new();
        let mut refused = 0;
        for i in 0..THREADS + QUEUE + 10 {
            match resolver.0.ask(&format!("host{i}")) {
                Ok(answer) => waiting.push(answer),
                Err(e) => {
                    assert_eq!(e, ResolveError::Busy { host: format!("host{i}") });
                    refused += 1;
                }
            }
        }
        assert!(refused >= 10, "{refused}");
        RELEASE.store(true, Ordering::Relaxed);
        for w in waiting {
            w.await.unwrap().unwrap();
        }
    }
}
