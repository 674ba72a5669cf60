//! Tries that may be guesses, counted per address, per name, or whatever else is guessed from.

use foghorn_core::time::{Mono, Span};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys that are remembered. Beyond, whoever has tried least and longest ago makes room: a flood of new ones hides nobody who
/// guesses, and shuts nobody out.
const MOST_KEYS: usize = 4096;

/// A number of tries within a time, for each key.
pub(crate) struct Tries<K> {
    most: u32,
    window: Span,
    counts: Mutex<Counts<K>>,
}

struct Counts<K> {
    of: HashMap<K, Count>,
    /// When old ones were last taken out: it costs a look at all, so it is done once in a window.
    swept: Mono,
}

struct Count {
    since: Mono,
    tries: u32,
}

impl<K: Eq + Hash + Clone> Tries<K> {
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
        if counts.of.len() >= MOST_KEYS && !counts.of.contains_key(&key) {
            let least = counts.of.iter().min_by_key(|(_, c)| (c.tries, c.since)).map(|(key, _)| key.clone());
            least.map(|key| counts.of.remove(&key));
        }
        let count = counts.of.entry(key).or_insert(Count { since: now, tries: 0 });
        if now.since(count.since) >= self.window {
            *count = Count { since: now, tries: 0 };
        }
        count.tries = count.tries.saturating_add(1);
        count.tries > self.most
    }

    /// None of them was a guess.
    pub(crate) fn forgive(&self, key: &K) {
        self.lock().of.remove(key);
    }

    /// The last was no guess; of those before nothing is known.
    pub(crate) fn forgive_one(&self, key: &K) {
        if let Some(count) = self.lock().of.get_mut(key) {
            count.tries = count.tries.saturating_sub(1);
        }
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
        bad.forgive_one(&ip(1));
        assert!(bad.too_many(ip(1), Mono(59_999)), "one is forgiven, and there were 21");
        bad.forgive(&ip(1));
        assert!(!bad.too_many(ip(1), Mono(59_999)));
        assert!(!bad.too_many(ip(1), Mono(60_000)));
        for _ in 0..21 {
            bad.too_many(ip(7), Mono(60_000));
        }
        for n in 1000..10_000 {
            assert!(!bad.too_many(ip(n), Mono(60_001)), "nobody is shut out by others");
        }
        assert!(bad.lock().of.len() <= MOST_KEYS);
        assert!(bad.too_many(ip(7), Mono(60_002)), "who has guessed is remembered");
    }
}
