//! Figures about watching itself, for `/metrics` and the console.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of [`Histogram`]'s buckets in microseconds; one more bucket takes the rest.
pub const BOUNDS_US: [u64; 20] = [
    100, 250, 500, 1_000, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 50_000, 100_000,
    250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// Durations by bucket; never blocks.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
    max_us: AtomicU64,
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|b| *b < us);
        if let Some(b) = self.buckets.get(bucket) {
            b.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
        self.max_us.fetch_max(us, Ordering::Relaxed);
    }

    /// Counts per bucket, in the order of [`BOUNDS_US`], and then those above all bounds.
    #[must_use]
    pub fn counts(&self) -> [u64; BOUNDS_US.len() + 1] {
        std::array::from_fn(|i| self.buckets.get(i).map_or(0, |b| b.load(Ordering::Relaxed)))
    }

    /// The sum of all durations.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_us.load(Ordering::Relaxed))
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max_us.load(Ordering::Relaxed))
    }

    /// The upper bound of the bucket in which the given share (0.99 for p99) of durations ends, but no more than
    /// the longest. Zero if there were none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let counts = self.counts();
        let total: u64 = counts.iter().sum();
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let wanted = (total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (count, bound) in counts.iter().zip(BOUNDS_US.iter().chain(std::iter::once(&u64::MAX))) {
            seen += count;
            if total > 0 && seen >= wanted {
                return Duration::from_micros(*bound).min(self.max());
            }
        }
        Duration::ZERO
    }
}

/// Counters and gauges. All are totals since the start, but for those that say "now".
#[derive(Debug, Default)]
pub struct Stats {
    /// Checks configured now.
    pub checks: AtomicU64,
    /// Runs begun.
    pub runs: AtomicU64,
    /// Of these, quick confirmations beside the schedule.
    pub confirmations: AtomicU64,
    /// Runs that ended good.
    pub good: AtomicU64,
    /// Runs that ended bad.
    pub bad: AtomicU64,
    /// Runs whose verdict is not known.
    pub unknown: AtomicU64,
    /// Runs going on now.
    pub running: AtomicU64,
    /// Runs left out because the one before was still going on.
    pub skipped: AtomicU64,
    /// Runs that waited because as many as allowed were going on.
    pub waited: AtomicU64,
    /// Runs that ended by a fault of Foghorn's own.
    pub crashed: AtomicU64,
    /// From when a run was due to when it began.
    pub lateness: Histogram,
    /// Transitions handed to the sink.
    pub transitions: AtomicU64,
    /// 1 while the location is blind.
    pub blind: AtomicU64,
    /// Rounds of reference targets tried.
    pub reference_rounds: AtomicU64,
    /// Names looked up.
    pub lookups: Arc<foghorn_net::resolve::Counts>,
    /// Results written to the history.
    pub history_written: AtomicU64,
    /// Results the history lost, because its queue was full or its file could not be written.
    pub history_dropped: AtomicU64,
    /// Times a damaged history was moved aside.
    pub history_restarted: AtomicU64,
}

pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn sub(counter: &AtomicU64) {
    counter.fetch_sub(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_bounds_of_buckets() {
        let h = Histogram::default();
        assert_eq!(h.quantile(0.99), Duration::ZERO);
        for ms in 1..=100 {
            h.record(Duration::from_millis(ms));
        }
        assert_eq!(h.quantile(0.5), Duration::from_millis(50));
        assert_eq!(h.quantile(0.99), Duration::from_millis(100));
        assert_eq!(h.max(), Duration::from_millis(100));
        assert_eq!(h.counts().iter().sum::<u64>(), 100);
    }
}
