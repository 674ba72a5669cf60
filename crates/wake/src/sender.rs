//! Sends messages, each channel in its own bulkhead: its own places to wait and its own attempts at a time. A channel
//! that is slow, dead or broken delays no other.

use crate::channels::Channel;
use crate::message::Message;
use crate::refusals::Refusals;
use crate::stats::{ChannelStats, Counters};
use foghorn_core::page::Outcome;
use futures_util::FutureExt as _;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// The limits of each channel.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Messages that wait; more are refused at once and counted.
    pub waiting: usize,
    /// Attempts at a time.
    pub at_a_time: usize,
    /// For waiting, and then again for the attempt.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { waiting: 1000, at_a_time: 16, deadline: Duration::from_secs(30) }
    }
}

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report<K> {
    /// As given to [`Sender::send`].
    pub key: K,
    /// The channel's name.
    pub channel: String,
    /// The message's attempt.
    pub attempt: u32,
    /// What the channel said.
    pub outcome: Outcome,
    /// From the call to now.
    pub took: Duration,
}

/// Sends messages over channels. Cheap to clone.
pub struct Sender<K> {
    shared: Arc<Shared<K>>,
}

impl<K> Clone for Sender<K> {
    fn clone(&self) -> Self {
        Sender { shared: Arc::clone(&self.shared) }
    }
}

impl<K> std::fmt::Debug for Sender<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

struct Shared<K> {
    runtime: Handle,
    limits: Limits,
    report: Box<dyn Fn(Report<K>) + Send + Sync>,
    bulkheads: RwLock<BTreeMap<String, Arc<Bulkhead>>>,
}

struct Bulkhead {
    channel: Arc<dyn Channel>,
    /// A place is held from the call to the outcome.
    places: Arc<Semaphore>,
    attempts: Semaphore,
    counters: Arc<Counters>,
    refusals: Mutex<Refusals>,
}

impl<K: Send + 'static> Sender<K> {
    /// Sends on `runtime`. `report` is called there once for each message, never from within [`Sender::send`]; it must
    /// not block.
    pub fn new(
        runtime: Handle,
        limits: Limits,
        channels: BTreeMap<String, Arc<dyn Channel>>,
        report: impl Fn(Report<K>) + Send + Sync + 'static,
    ) -> Sender<K> {
        let shared = Shared { runtime, limits, report: Box::new(report), bulkheads: RwLock::default() };
        let sender = Sender { shared: Arc::new(shared) };
        sender.update(channels);
        sender
    }

    /// From now on these channels. What is under way ends with the old ones. Figures go on by name; what was refused is
    /// forgotten, for it may be mended.
    pub fn update(&self, channels: BTreeMap<String, Arc<dyn Channel>>) {
        let Limits { waiting, at_a_time, .. } = self.shared.limits;
        let mut bulkheads = self.shared.bulkheads.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::take(&mut *bulkheads);
        for (name, channel) in channels {
            let counters = old.get(&name).map(|b| Arc::clone(&b.counters)).unwrap_or_default();
            let places = Arc::new(Semaphore::new(waiting + at_a_time));
            let attempts = Semaphore::new(at_a_time);
            let bulkhead = Bulkhead { channel, places, attempts, counters, refusals: Mutex::default() };
            bulkheads.insert(name, Arc::new(bulkhead));
        }
    }

    /// Sends one message; returns at once. `key` comes back with the outcome.
    pub fn send(&self, key: K, channel: &str, message: Message) {
        let called = Instant::now();
        // Taken here, so that no more tasks wait than there are places.
        let admitted = match self.bulkheads().get(channel) {
            None => Err(Outcome::Failed {
                error: format!("there is no channel {channel:?} in the configuration"),
            }),
            Some(b) => match Arc::clone(&b.places).try_acquire_owned() {
                Ok(place) => Ok((Arc::clone(b), place)),
                Err(_) => {
                    b.counters.refuse();
                    let waiting = self.shared.limits.waiting;
                    let error = format!("{waiting} messages already wait for channel {channel:?}");
                    Err(Outcome::Retry { error, after: None })
                }
            },
        };
        let (shared, channel) = (Arc::clone(&self.shared), channel.to_owned());
        self.shared.runtime.spawn(async move {
            let outcome = match admitted {
                Ok((bulkhead, place)) => {
                    let outcome = bulkhead.attempt(&message, shared.limits.deadline).await;
                    bulkhead.counters.count(&outcome, called.elapsed());
                    bulkhead.refusals().note(&message.to, &outcome, Instant::now());
                    drop(place);
                    outcome
                }
                Err(outcome) => outcome,
            };
            if let Outcome::Retry { error, .. } | Outcome::Failed { error } = &outcome {
                tracing::warn!(
                    channel,
                    page = message.id,
                    attempt = message.attempt,
                    error,
                    "a page was not accepted"
                );
            }
            let took = called.elapsed();
            (shared.report)(Report { key, channel, attempt: message.attempt, outcome, took });
        });
    }

    /// Figures of every channel, by name.
    #[must_use]
    pub fn stats(&self) -> Vec<ChannelStats> {
        let all = self.shared.limits.waiting + self.shared.limits.at_a_time;
        let under_way = |b: &Bulkhead| all - b.places.available_permits();
        self.bulkheads().iter().map(|(name, b)| b.counters.read(name, under_way(b))).collect()
    }

    /// Why a page to this address would not be accepted now: the channel cannot be used, or the last attempts of an hour
    /// were refused, to this address or to several. `None` where nothing speaks against it.
    #[must_use]
    pub fn why_not(&self, channel: &str, to: &str) -> Option<String> {
        let Some(bulkhead) = self.bulkheads().get(channel).cloned() else {
            return Some("there is no such channel".to_owned());
        };
        let unusable = bulkhead.channel.unusable().map(str::to_owned);
        unusable.or_else(|| bulkhead.refusals().why(to, Instant::now()))
    }

    /// Why no attempt by this channel can work, where that is known beforehand.
    #[must_use]
    pub fn unusable(&self, channel: &str) -> Option<String> {
        self.bulkheads().get(channel)?.channel.unusable().map(str::to_owned)
    }

    /// Channels that have accepted nothing for a while, whoever it was for, and why; until they accept again.
    #[must_use]
    pub fn refusing(&self) -> BTreeMap<String, String> {
        let now = Instant::now();
        let one = |(name, b): (&String, &Arc<Bulkhead>)| Some((name.clone(), b.refusals().refusing(now)?));
        self.bulkheads().iter().filter_map(one).collect()
    }

    fn bulkheads(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Bulkhead>>> {
        self.shared.bulkheads.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bulkhead {
    fn refusals(&self) -> std::sync::MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn attempt(&self, message: &Message, deadline: Duration) -> Outcome {
        let late = |what: &str| Outcome::Retry { error: format!("{what} within {deadline:?}"), after: None };
        let Ok(turn) = tokio::time::timeout(deadline, self.attempts.acquire()).await else {
            return late("the channel is busy: no attempt could begin");
        };
        let attempt = AssertUnwindSafe(async { self.channel.send(message).await }).catch_unwind();
        let outcome = match tokio::time::timeout(deadline, attempt).await {
            Err(_) => late("no outcome"),
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => {
                Outcome::Retry { error: "the channel's own code failed (a bug)".to_owned(), after: None }
            }
        };
        drop(turn);
        outcome
    }
}
