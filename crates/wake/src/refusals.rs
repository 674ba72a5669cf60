//! What a channel has refused lately, and to whom: whether a page by it would arrive.

use foghorn_core::page::Outcome;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// So many attempts in a row that were not accepted are no accident.
const MANY: u32 = 3;
/// What was refused longer ago says nothing. While a page waits it is tried every five minutes at least.
const LATELY: Duration = Duration::from_secs(3600);
/// Addresses that are remembered; more only count for the channel.
const MOST: usize = 1000;

/// Attempts that were not accepted, since the last that was.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    addresses: BTreeMap<String, Row>,
    all: Option<Row>,
    /// The address of the first refusal in `all`, and whether another followed: one bad address is not a bad channel.
    first: String,
    several: bool,
}

#[derive(Debug)]
struct Row {
    times: u32,
    last: Instant,
    error: String,
}

impl Row {
    fn longer(before: Option<Row>, error: &str, now: Instant) -> Row {
        let times = before.map_or(0, |row| row.times).saturating_add(1);
        Row { times, last: now, error: error.to_owned() }
    }

    fn why(&self, now: Instant) -> Option<String> {
        let counts = self.times >= MANY && now.saturating_duration_since(self.last) < LATELY;
        counts.then(|| format!("the last {} attempts were not accepted: {}", self.times, self.error))
    }
}

impl Refusals {
    pub(crate) fn note(&mut self, to: &str, outcome: &Outcome, now: Instant) {
        match outcome {
            Outcome::Accepted { .. } => {
                self.addresses.remove(to);
                (self.all, self.several) = (None, false);
            }
            Outcome::Retry { error, .. } | Outcome::Failed { error } => {
                let before = self.addresses.remove(to);
                if self.addresses.len() < MOST {
                    self.addresses.insert(to.to_owned(), Row::longer(before, error, now));
                }
                if self.all.is_none() {
                    to.clone_into(&mut self.first);
                }
                self.several |= self.first != to;
                self.all = Some(Row::longer(self.all.take(), error, now));
            }
        }
    }

    /// Why a page to this address would not arrive, as far as the last attempts tell.
    pub(crate) fn why(&self, to: &str, now: Instant) -> Option<String> {
        let own = self.addresses.get(to).and_then(|row| row.why(now));
        own.or_else(|| self.all.as_ref().filter(|_| self.several)?.why(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a` is refused, `A` accepted; what is then said of `a` and of one who was never tried.
    fn after(attempts: &str, later: Duration) -> (bool, bool) {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        for c in attempts.chars() {
            let outcome = if c.is_uppercase() {
                Outcome::Accepted { detail: String::new() }
            } else {
                Outcome::Failed { error: "no".to_owned() }
            };
            refusals.note(&c.to_lowercase().to_string(), &outcome, now);
        }
        (refusals.why("a", now + later).is_some(), refusals.why("z", now + later).is_some())
    }

    #[test]
    fn a_bad_address_is_not_a_bad_channel() {
        for (attempts, a, others) in [
            ("", false, false),
            ("aa", false, false),
            ("aaa", true, false),
            ("aaaA", false, false),
            ("aaaB", true, false),
            ("aab", true, true),
            ("aabB", false, false),
            ("abcab", true, true),
        ] {
            assert_eq!(after(attempts, Duration::ZERO), (a, others), "{attempts}");
            assert_eq!(after(attempts, LATELY), (false, false), "{attempts}, long ago");
        }
    }
}
