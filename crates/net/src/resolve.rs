//! Names to addresses, as the host does it (`getaddrinfo`: hosts file, search domains, the resolvers configured).
//!
//! `getaddrinfo` blocks and cannot be cancelled, so it has threads of its own. A name whose servers hang takes one of
//! them and no more, however many ask for it: all wait for the same answer, each until its own deadline.
//! Nothing is cached, so that a resolver that fails is seen and the time it takes is what is measured.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// The most look-ups at the same time for outbound requests and mail: more than most have names for channels, because
/// each name that hangs has a thread.
const OUTBOUND: usize = 64;
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

/// Figures about look-ups.
#[derive(Debug, Default)]
pub struct Counts {
    /// Names asked for.
    pub asked: AtomicU64,
    /// Of these, answered by a look-up for the same name that was already going on.
    pub shared: AtomicU64,
    /// Of these, refused because too many others waited.
    pub refused: AtomicU64,
    /// Names waiting for a thread now.
    pub queued: AtomicU64,
    /// Threads busy with a look-up now; one that stays up points to a hung resolver.
    pub running: AtomicU64,
}

/// Looks names up. Clones share the threads.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    work: Condvar,
    most: usize,
    counts: Arc<Counts>,
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
    /// A resolver that looks up at most so many names at the same time and counts into `counts`. Threads are started
    /// when needed.
    #[must_use]
    pub fn new(most: usize, counts: Arc<Counts>) -> Resolver {
        Resolver::with(most, counts, getaddrinfo)
    }

    /// The one for everything that this process asks of others: webhooks, providers, mail. Checks have one of their own.
    #[must_use]
    pub fn outbound() -> &'static Resolver {
        static OUT: LazyLock<Resolver> = LazyLock::new(|| Resolver::new(OUTBOUND, Arc::default()));
        &OUT
    }

    fn with(most: usize, counts: Arc<Counts>, lookup: fn(&str) -> Answer) -> Resolver {
        Resolver(Arc::new(Inner { state: Mutex::default(), work: Condvar::new(), most, counts, lookup }))
    }

    /// What was asked so far, and what goes on.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.0.counts
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
        add(&self.0.counts.asked);
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
            add(&self.counts.shared);
            return Ok(answer);
        }
        let may_start = state.threads < self.most;
        if state.queue.len() >= QUEUE {
            add(&self.counts.refused);
            return Err(ResolveError::Busy { host: host.to_owned() });
        }
        state.waiters.insert(host.to_owned(), vec![tell]);
        state.queue.push_back(host.to_owned());
        self.counts.queued.store(state.queue.len() as u64, Relaxed);
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
                self.counts.queued.store(state.queue.len() as u64, Relaxed);
                drop(state);
                add(&self.counts.running);
                let answer = (self.lookup)(&host);
                self.counts.running.fetch_sub(1, Relaxed);
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

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
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

    const THREADS: usize = 16;

    #[tokio::test]
    async fn an_address_is_itself_and_localhost_is_found() {
        let counts = Arc::new(Counts::default());
        let resolver = Resolver::new(THREADS, Arc::clone(&counts));
        assert_eq!(&*resolver.resolve("192.0.2.7").await.unwrap(), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        assert_eq!(counts.asked.load(Relaxed), 0, "an address is not looked up");
        assert!(resolver.resolve("localhost").await.unwrap().iter().any(IpAddr::is_loopback));
        let bad = resolver.resolve("no such name.invalid").await.unwrap_err();
        assert!(bad.to_string().starts_with("cannot resolve no such name.invalid: "), "{bad}");
    }

    #[tokio::test]
    async fn a_name_that_hangs_takes_one_thread_and_delays_no_other() {
        static RELEASE: AtomicBool = AtomicBool::new(false);
        fn lookup(host: &str) -> Answer {
            while host == "hangs" && !RELEASE.load(Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(Arc::from([IpAddr::from([192, 0, 2, 1])]))
        }
        let counts = Arc::new(Counts::default());
        let resolver = Resolver::with(THREADS, Arc::clone(&counts), lookup);
        let hung: Vec<_> = (0..200)
            .map(|_| {
                let r = resolver.clone();
                tokio::spawn(async move { r.resolve("hangs").await })
            })
            .collect();
        while counts.shared.load(Relaxed) < 199 {
            tokio::task::yield_now().await;
        }
        for i in 0..50 {
            resolver.resolve(&format!("host{i}")).await.unwrap();
        }
        assert_eq!(counts.running.load(Relaxed), 1, "only the one that hangs");
        RELEASE.store(true, Relaxed);
        for h in hung {
            h.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn more_names_than_can_wait_are_refused() {
        static RELEASE: AtomicBool = AtomicBool::new(false);
        fn lookup(_: &str) -> Answer {
            while !RELEASE.load(Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(Arc::from([IpAddr::from([192, 0, 2, 1])]))
        }
        let counts = Arc::new(Counts::default());
        let resolver = Resolver::with(THREADS, Arc::clone(&counts), lookup);
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
        RELEASE.store(true, Relaxed);
        for w in waiting {
            w.await.unwrap().unwrap();
        }
    }
}
