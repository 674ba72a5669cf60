//! Tries that may be guesses, counted per address, per name, or whatever else is guessed from.

use foghorn_core::time::{Mono, Span};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys that are remembered. Beyond, the rest share one count.
const MOST_KEYS: usize = 4096;

/// A number of tries within a time, for each key.
pub(crate) struct Tries<K> {
    most: u32,
    window: Span,
    counts: Mutex<Counts<K>>,
}

struct Counts<K> {
    /// `None` is for all that do not fit.
    of: HashMap<Option<K>, Count>,
    /// When old ones were last taken out: it costs a look at all, so it is done once in a window.
    swept: Mono,
}

struct Count {
    since: Mono,
    tries: u32,
}

impl<K: Eq + Hash> Tries<K> {
    /// At most `most` tries of one key within a window.
    pub(crate) fn new(most: u32, window: Span) -> Tries<K> {
        let counts = Counts { of: HashMap::new(), swept: Mono::default() };
        Tries { most, window, counts: Mutex::new(counts) }
    }

    fn lock(&self) -> MutexGuard<'_, Counts<K>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one; whether it was one too many.
    pub(crate) fn too_many(&self, key: K, now: Mono) -> bool {
        let mut counts = self.lock();
        if counts.of.len() >= MOST_KEYS && now.since(counts.swept) >= self.window {
            counts.swept = now;
            counts.of.retain(|_, c| now.since(c.since) < self.window);
        }
        let key = Some(key);
        let full = counts.of.len() >= MOST_KEYS && !counts.of.contains_key(&key);
        let count = counts.of.entry(if full { None } else { key }).or_insert(Count { since: now, tries: 0 });
        if now.since(count.since) >= self.window {
            *count = Count { since: now, tries: 0 };
        }
        count.tries = count.tries.saturating_add(1);
        count.tries > self.most
    }

    /// It was no guess.
    pub(crate) fn forgive(&self, key: K) {
        self.lock().of.remove(&Some(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn an_address_has_so_many_tries_a_minute_and_the_map_stays_small() {
        let bad = Tries::new(20, Span::mins(1));
        let ip = |n: u32| IpAddr::V4(Ipv4Addr::from(n));
        for _ in 0..20 {
            assert!(!bad.too_many(ip(1), Mono(0)));
        }
        assert!(bad.too_many(ip(1), Mono(59_999)) && !bad.too_many(ip(2), Mono(59_999)));
        bad.forgive(ip(1));
        assert!(!bad.too_many(ip(1), Mono(59_999)));
        assert!(!bad.too_many(ip(1), Mono(60_000)));
        for n in 0..100_000 {
            bad.too_many(ip(n), Mono(60_000));
        }
        assert!(bad.lock().of.len() <= MOST_KEYS + 1);
        assert!(bad.too_many(ip(200_000), Mono(60_000)), "those that do not fit share one count");
    }
}
