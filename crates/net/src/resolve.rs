//! Names to addresses, as the host does it (`getaddrinfo`: hosts file, search domains, the resolvers configured).
//!
//! `getaddrinfo` blocks and cannot be cancelled, so it has threads of its own. A name whose servers hang takes one of
//! them and no more, however many ask for it: all wait for the same answer, each until its own deadline. Every channel has
//! threads of its own, so that names of one that hang delay no other.
//! Nothing is cached, so that a resolver that fails is seen and the time it takes is what is measured.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The most look-ups at the same time for one channel: few have more than one name, and each name that hangs has a thread.
const SHARE: usize = 8;
/// The most names that wait for a thread.
const QUEUE: usize = 1024;
/// A thread without work ends after this long.
const IDLE: Duration = Duration::from_secs(10);
/// A look-up that takes longer hangs: the host's resolver gives a server as long before it asks the next one.
const HANGS: Duration = Duration::from_secs(5);

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
    /// Look-ups that go on, by their number, so from the oldest on.
    begun: Mutex<BTreeMap<u64, Instant>>,
    number: AtomicU64,
}

impl Counts {
    /// Of all outbound requests and mail.
    #[must_use]
    pub fn outbound() -> &'static Arc<Counts> {
        static OUT: LazyLock<Arc<Counts>> = LazyLock::new(Arc::default);
        &OUT
    }

    /// Look-ups that have been going on for more than 5 s. Each keeps a thread of its channel.
    #[must_use]
    pub fn hung(&self) -> usize {
        self.begun().values().take_while(|begun| begun.elapsed() >= HANGS).count()
    }

    fn begun(&self) -> MutexGuard<'_, BTreeMap<u64, Instant>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a look-up while it goes on.
    fn during<T>(&self, look_up: impl FnOnce() -> T) -> T {
        let number = self.number.fetch_add(1, Relaxed);
        self.begun().insert(number, Instant::now());
        add(&self.running);
        let found = look_up();
        self.running.fetch_sub(1, Relaxed);
        self.begun().remove(&number);
        found
    }
}

/// Looks names up. Clones share the threads.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").field("counts", self.counts()).finish_non_exhaustive()
    }
}

/// The one of all that have no channel.
impl Default for Resolver {
    fn default() -> Resolver {
        Resolver::of("")
    }
}

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
    asked: HashMap<String, Asked>,
    threads: usize,
    idle: usize,
}

/// A name that waits for a thread or is looked up.
#[derive(Default)]
struct Asked {
    begun: Begun,
    waiters: Vec<oneshot::Sender<Answer>>,
}

/// Whether a look-up has begun. Until then it waits for others, and nothing can be said of its name.
#[derive(Clone, Debug, Default)]
pub struct Begun(Arc<AtomicBool>);

impl Begun {
    /// Whether it has.
    #[must_use]
    pub fn has(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// A look-up to be waited for. Drop it to stop waiting.
#[derive(Debug)]
pub struct LookUp {
    host: String,
    begun: Begun,
    answer: oneshot::Receiver<Answer>,
}

impl LookUp {
    /// Tells, also after this was dropped, whether it has begun.
    #[must_use]
    pub fn begun(&self) -> Begun {
        self.begun.clone()
    }
}

impl Future for LookUp {
    type Output = Answer;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        Pin::new(&mut self.answer).poll(cx).map(|answer| {
            answer.unwrap_or_else(|_| {
                Err(ResolveError::Failed {
                    host: self.host.clone(),
                    why: "the look-up was given up".to_owned(),
                })
            })
        })
    }
}

impl Resolver {
    /// A resolver that looks up at most so many names at the same time and counts into `counts`. Threads are started
    /// when needed.
    #[must_use]
    pub fn new(most: usize, counts: Arc<Counts>) -> Resolver {
        Resolver::with(most, counts, getaddrinfo)
    }

    /// The one of a channel, by its name, for what this process asks of others: webhooks, providers, mail. It has threads of
    /// its own, and is the same one after a reload, so that names that hang do not take more threads with each.
    #[must_use]
    pub fn of(channel: &str) -> Resolver {
        static ALL: LazyLock<Mutex<HashMap<String, Weak<Inner>>>> = LazyLock::new(Mutex::default);
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inner) = all.get(channel).and_then(Weak::upgrade) {
            return Resolver(inner);
        }
        all.retain(|_, inner| inner.strong_count() > 0);
        let resolver = Resolver::new(SHARE, Arc::clone(Counts::outbound()));
        all.insert(channel.to_owned(), Arc::downgrade(&resolver.0));
        resolver
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
        self.look_up(host)?.await
    }

    /// The same for a name, of which it can be told whether its look-up has begun.
    ///
    /// # Errors
    /// [`ResolveError`], where it cannot even wait.
    pub fn look_up(&self, host: &str) -> Result<LookUp, ResolveError> {
        add(&self.0.counts.asked);
        self.0.ask(host)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(self: &Arc<Self>, host: &str) -> Result<LookUp, ResolveError> {
        let (tell, answer) = oneshot::channel();
        let look_up = |begun: &Begun| LookUp { host: host.to_owned(), begun: begun.clone(), answer };
        let mut state = self.lock();
        if let Some(asked) = state.asked.get_mut(host) {
            // Those that gave up meanwhile are forgotten here, so that a name that hangs for hours gathers nothing.
            asked.waiters.retain(|w| !w.is_closed());
            asked.waiters.push(tell);
            add(&self.counts.shared);
            return Ok(look_up(&asked.begun));
        }
        let may_start = state.threads < self.most;
        if state.queue.len() >= QUEUE {
            add(&self.counts.refused);
            return Err(ResolveError::Busy { host: host.to_owned() });
        }
        let asked = Asked { begun: Begun::default(), waiters: vec![tell] };
        let look_up = look_up(&asked.begun);
        state.asked.insert(host.to_owned(), asked);
        state.queue.push_back(host.to_owned());
        add(&self.counts.queued);
        if state.idle >= state.queue.len() {
            self.work.notify_one();
        } else if may_start {
            let inner = Arc::clone(self);
            let started = std::thread::Builder::new().name("resolve".to_owned()).spawn(move || inner.serve());
            match started {
                Ok(_) => state.threads += 1,
                Err(e) if state.threads == 0 => {
                    self.counts.queued.fetch_sub(state.queue.len() as u64, Relaxed);
                    state.queue.clear();
                    state.asked.clear();
                    return Err(ResolveError::Failed {
                        host: host.to_owned(),
                        why: format!("no thread for the look-up: {e}"),
                    });
                }
                Err(_) => {}
            }
        }
        Ok(look_up)
    }

    /// One thread: works until there was nothing to do for a while.
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            if let Some(host) = state.queue.pop_front() {
                self.counts.queued.fetch_sub(1, Relaxed);
                if let Some(asked) = state.asked.get(&host) {
                    asked.begun.0.store(true, Relaxed);
                }
                drop(state);
                let answer = self.counts.during(|| (self.lookup)(&host));
                state = self.lock();
                for waiter in state.asked.remove(&host).unwrap_or_default().waiters {
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

    /// Every thread of one channel hangs, and more names of it wait; another's name is looked up as if there were none.
    #[tokio::test]
    async fn names_of_one_channel_that_hang_delay_no_other() {
        let (one, two) = (Resolver::of("one"), Resolver::of("two"));
        let (release, hold) = std::sync::mpsc::channel::<()>();
        static HOLD: Mutex<Option<std::sync::mpsc::Receiver<()>>> = Mutex::new(None);
        *HOLD.lock().unwrap() = Some(hold);
        fn lookup(_: &str) -> Answer {
            let held = HOLD.lock().unwrap();
            // Until there is nobody who could let it go on.
            let _ = held.as_ref().unwrap().recv();
            Ok(Arc::from([IpAddr::from([192, 0, 2, 1])]))
        }
        let hanging = Resolver::with(one.0.most, Arc::clone(Counts::outbound()), lookup);
        let hung: Vec<_> = (0..SHARE + 100).map(|i| hanging.0.ask(&format!("host{i}")).unwrap()).collect();
        let counts = Counts::outbound();
        while counts.running.load(Relaxed) < SHARE as u64 {
            tokio::task::yield_now().await;
        }
        assert!(two.resolve("localhost").await.unwrap().iter().any(IpAddr::is_loopback));
        assert!(counts.queued.load(Relaxed) >= 100 && counts.asked.load(Relaxed) >= 1);
        assert_eq!(counts.hung(), 0, "not yet for long");
        for begun in counts.begun().values_mut() {
            *begun -= HANGS;
        }
        assert_eq!(counts.hung(), SHARE);
        drop(release);
        for h in hung {
            h.await.unwrap();
        }
        assert!(!Arc::ptr_eq(&one.0, &two.0));
        assert!(Arc::ptr_eq(&one.0, &Resolver::of("one").0), "the same after a reload");
    }

    /// Every thread hangs: a name that waits behind them is told from those that are looked up.
    #[tokio::test]
    async fn a_look_up_tells_when_it_begins() {
        static RELEASE: AtomicBool = AtomicBool::new(false);
        fn lookup(_: &str) -> Answer {
            while !RELEASE.load(Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(Arc::from([IpAddr::from([192, 0, 2, 1])]))
        }
        let resolver = Resolver::with(2, Arc::default(), lookup);
        let hang = ["one", "two"].map(|host| resolver.look_up(host).unwrap());
        while !hang.iter().all(|l| l.begun().has()) {
            tokio::task::yield_now().await;
        }
        let waits = ["three", "three"].map(|host| resolver.look_up(host).unwrap());
        assert!(resolver.look_up("one").unwrap().begun().has(), "with those that asked before");
        let begun = waits.each_ref().map(LookUp::begun);
        assert!(!begun.iter().any(Begun::has));
        RELEASE.store(true, Relaxed);
        for look_up in waits {
            look_up.await.unwrap();
        }
        assert!(begun.iter().all(Begun::has));
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
            w.await.unwrap();
        }
    }
}
