//! Bad tokens, counted per address.

use foghorn_core::time::{Mono, Span};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Bad tokens of one address within [`WINDOW`].
const MOST: u32 = 20;
const WINDOW: Span = Span::mins(1);
/// Addresses that are remembered. Beyond, the rest share one count.
const ADDRESSES: usize = 4096;

#[derive(Default)]
pub(super) struct BadTokens(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    of: HashMap<IpAddr, Count>,
    /// When old ones were last taken out: it costs a look at all, so it is done once in a window.
    swept: Mono,
}

struct Count {
    since: Mono,
    bad: u32,
}

impl BadTokens {
    /// Counts one; whether it was one too many.
    pub(super) fn too_many(&self, from: IpAddr, now: Mono) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.of.len() >= ADDRESSES && now.since(counts.swept) >= WINDOW {
            counts.swept = now;
            counts.of.retain(|_, c| now.since(c.since) < WINDOW);
        }
        let full = counts.of.len() >= ADDRESSES && !counts.of.contains_key(&from);
        let rest = IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
        let count = counts.of.entry(if full { rest } else { from }).or_insert(Count { since: now, bad: 0 });
        if now.since(count.since) >= WINDOW {
            *count = Count { since: now, bad: 0 };
        }
        count.bad = count.bad.saturating_add(1);
        count.bad > MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_tries_a_minute_and_the_map_stays_small() {
        let bad = BadTokens::default();
        let ip = |n: u32| IpAddr::V4(std::net::Ipv4Addr::from(n));
        for _ in 0..MOST {
            assert!(!bad.too_many(ip(1), Mono(0)));
        }
        assert!(bad.too_many(ip(1), Mono(59_999)) && !bad.too_many(ip(2), Mono(59_999)));
        assert!(!bad.too_many(ip(1), Mono(60_000)));
        for n in 0..100_000 {
            bad.too_many(ip(n), Mono(60_000));
        }
        assert!(bad.0.lock().unwrap().of.len() <= ADDRESSES + 1);
        assert!(bad.too_many(ip(200_000), Mono(60_000)), "those that do not fit share one count");
    }
}
