//! What each channel has done, for metrics.

use foghorn_core::page::Outcome;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the latency buckets in milliseconds; what is longer counts in none but the attempts.
pub const BUCKETS: [u64; 10] = [5, 10, 20, 50, 100, 250, 1000, 2500, 10_000, 30_000];

/// Counters as they are kept.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    retried: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    millis: AtomicU64,
    buckets: [AtomicU64; BUCKETS.len()],
}

impl Counters {
    pub(crate) fn count(&self, outcome: &Outcome, took: Duration) {
        let counter = match outcome {
            Outcome::Accepted { .. } => &self.accepted,
            Outcome::Retry { .. } => &self.retried,
            Outcome::Failed { .. } => &self.failed,
        };
        counter.fetch_add(1, Relaxed);
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.millis.fetch_add(millis, Relaxed);
        for (bucket, most) in self.buckets.iter().zip(BUCKETS) {
            if millis <= most {
                bucket.fetch_add(1, Relaxed);
            }
        }
    }

    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn read(&self, channel: &str, under_way: usize) -> ChannelStats {
        let get = |n: &AtomicU64| n.load(Relaxed);
        let (accepted, retried, failed) = (get(&self.accepted), get(&self.retried), get(&self.failed));
        ChannelStats {
            channel: channel.to_owned(),
            attempts: accepted + retried + failed,
            accepted,
            retried,
            failed,
            refused: get(&self.refused),
            under_way,
            latency_sum: Duration::from_millis(get(&self.millis)),
            latency_buckets: self.buckets.each_ref().map(get),
        }
    }
}

/// One channel's figures since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelStats {
    /// Its name.
    pub channel: String,
    /// Attempts that have ended.
    pub attempts: u64,
    /// Of them, accepted by the provider.
    pub accepted: u64,
    /// Of them, to be tried again.
    pub retried: u64,
    /// Of them, failed for good.
    pub failed: u64,
    /// Messages that were not attempted because too many were waiting.
    pub refused: u64,
    /// Messages waiting or being sent now.
    pub under_way: usize,
    /// Of all attempts, from the call to the outcome.
    pub latency_sum: Duration,
    /// Attempts that took at most so long: as [`BUCKETS`], each with the ones before.
    pub latency_buckets: [u64; BUCKETS.len()],
}
