//! Guessing tokens is slow: so many wrong ones an address, then it waits.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Addresses that are remembered.
const MOST: usize = 4096;
/// Wrong tokens at once.
const BURST: f64 = 20.0;
/// And so many a second after that.
const RATE: f64 = 0.2;
/// The same for an address from which a right token came in the last [`TRUSTED`]: whoever shares it with a guesser (behind a
/// proxy, say) must get through, and who has one token may not try every other.
const BURST_TRUSTED: f64 = 1000.0;
const RATE_TRUSTED: f64 = 20.0;
const TRUSTED: Duration = Duration::from_secs(600);

/// Wrong tokens by address. A network of IPv6 (`/64`) counts as one.
#[derive(Default)]
pub struct Throttle(Mutex<HashMap<IpAddr, Entry>>);

#[derive(Clone, Copy)]
struct Entry {
    /// Wrong ones that count at `at`.
    wrong: f64,
    at: Instant,
    right: Option<Instant>,
}

impl Entry {
    /// How many wrong ones there may be at once, and how many a second after that.
    fn limits(&self, now: Instant) -> (f64, f64) {
        let trusted = self.right.is_some_and(|at| now.saturating_duration_since(at) < TRUSTED);
        if trusted { (BURST_TRUSTED, RATE_TRUSTED) } else { (BURST, RATE) }
    }

    /// How many wrong ones still count.
    fn wrong(&self, now: Instant) -> f64 {
        let (burst, rate) = self.limits(now);
        let forgotten = now.saturating_duration_since(self.at).as_secs_f64() * rate;
        (self.wrong - forgotten).clamp(0.0, burst)
    }
}

impl Throttle {
    /// How long this address has to wait before a token of it is looked at.
    #[must_use]
    pub fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = table.get(&network(address))?;
        let (burst, rate) = entry.limits(now);
        let missing = 1.0 - (burst - entry.wrong(now));
        (missing > 0.0).then(|| Duration::from_secs_f64(missing / rate))
    }

    /// A wrong token came from there.
    pub fn wrong(&self, address: IpAddr, now: Instant) {
        self.note(address, now, |e| e.wrong = (e.wrong + 1.0).min(e.limits(now).0));
    }

    /// A right one did.
    pub fn right(&self, address: IpAddr, now: Instant) {
        self.note(address, now, |e| e.right = Some(now));
    }

    fn note(&self, address: IpAddr, now: Instant, change: impl FnOnce(&mut Entry)) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = network(address);
        if table.len() >= MOST && !table.contains_key(&key) {
            // Whoever guessed least is forgotten, and then whoever was heard from longest ago.
            let least = table
                .iter()
                .min_by(|(_, a), (_, b)| a.wrong(now).total_cmp(&b.wrong(now)).then_with(|| a.at.cmp(&b.at)));
            if let Some(least) = least.map(|(address, _)| *address) {
                table.remove(&least);
            }
        }
        let entry = table.entry(key).or_insert(Entry { wrong: 0.0, at: now, right: None });
        (entry.wrong, entry.at) = (entry.wrong(now), now);
        change(entry);
    }
}

/// The address, or the network of IPv6 that it is in.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_guesses_waits_and_nobody_else() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for _ in 0..20 {
            assert_eq!(throttle.wait(ip("192.0.2.1"), start), None);
            throttle.wrong(ip("192.0.2.1"), start);
        }
        assert_eq!(throttle.wait(ip("192.0.2.1"), start), Some(Duration::from_secs(5)));
        assert_eq!(throttle.wait(ip("192.0.2.2"), start), None);
        assert_eq!(throttle.wait(ip("192.0.2.1"), start + Duration::from_secs(5)), None);
        (0..20).for_each(|n| throttle.wrong(ip(&format!("2001:db8::{n:x}")), start));
        assert!(throttle.wait(ip("2001:db8::ffff"), start).is_some(), "the same network");
    }

    #[test]
    fn an_address_of_somebody_who_is_known_does_not_wait() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        throttle.right(ip("192.0.2.1"), start);
        (0..100).for_each(|_| throttle.wrong(ip("192.0.2.1"), start));
        assert_eq!(throttle.wait(ip("192.0.2.1"), start), None);
        assert!(throttle.wait(ip("192.0.2.1"), start + TRUSTED).is_none(), "it has filled up again");
        let later = start + TRUSTED;
        (0..20).for_each(|_| throttle.wrong(ip("192.0.2.1"), later));
        assert!(throttle.wait(ip("192.0.2.1"), later).is_some());
    }

    #[test]
    fn who_has_one_token_does_not_try_every_other() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        throttle.right(ip("192.0.2.1"), start);
        (0..5000).for_each(|_| throttle.wrong(ip("192.0.2.1"), start));
        let moment = Duration::from_millis(50);
        assert_eq!(
            throttle.wait(ip("192.0.2.1"), start),
            Some(moment),
            "who shares the address waits no longer"
        );
        assert_eq!(throttle.wait(ip("192.0.2.1"), start + moment), None);
    }

    #[test]
    fn the_table_has_an_end_and_keeps_the_worst() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        (0..20).for_each(|_| throttle.wrong(ip("192.0.2.1"), start));
        for n in 0..2 * u32::try_from(MOST).unwrap() {
            throttle.wrong(IpAddr::V4((0x0a00_0000 + n).into()), start);
        }
        assert_eq!(throttle.0.lock().unwrap().len(), MOST);
        assert!(throttle.wait(ip("192.0.2.1"), start).is_some());
    }
}
