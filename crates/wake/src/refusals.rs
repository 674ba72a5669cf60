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
/// Refusals for good that make a channel one that refuses everything: a second page met the same, and later.
const FOR_GOOD: (u32, Duration) = (2, Duration::from_secs(10));
/// What may be over by itself must last this long for that.
const LASTING: (u32, Duration) = (MANY, Duration::from_secs(60));
/// A channel that has accepted something is well once it has refused nothing for this long.
const CALM: Duration = Duration::from_secs(20);

/// Attempts that were not accepted, since the last that was.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    run: Option<Run>,
    addresses: BTreeMap<String, Row>,
    all: Option<Row>,
    /// The address of the first refusal in `all`, and whether another followed: one bad address is not a bad channel.
    first: String,
    several: bool,
}

/// Everything was refused for a while.
#[derive(Debug)]
struct Run {
    began: Instant,
    last: Instant,
    times: u32,
    for_good: u32,
    error: String,
    /// Then something was accepted, and nothing refused since.
    accepted: Option<Instant>,
}

impl Run {
    fn is_long(&self) -> bool {
        let lasted = self.last.saturating_duration_since(self.began);
        let reached = |times, (most, long)| times >= most && lasted >= long;
        reached(self.for_good, FOR_GOOD) || reached(self.times, LASTING)
    }

    fn is_over(&self, now: Instant) -> bool {
        self.accepted.is_some_and(|at| now.saturating_duration_since(at) >= CALM)
    }
}

#[derive(Debug)]
struct Row {
    times: u32,
    last: Instant,
    error: String,
    /// Another address was accepted meanwhile: it is the address that is bad, and it says nothing of the channel. Without
    /// this a bad address would raise an alert whose page, accepted elsewhere, ends it, and so on for ever.
    is_bad: bool,
}

impl Row {
    fn longer(before: Option<Row>, error: &str, now: Instant) -> Row {
        let (times, is_bad) = before.map_or((0, false), |row| (row.times, row.is_bad));
        Row { times: times.saturating_add(1), last: now, error: error.to_owned(), is_bad }
    }

    fn is_late(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) < LATELY
    }

    fn counts(&self, now: Instant) -> bool {
        self.times >= MANY && self.is_late(now)
    }
}

impl Refusals {
    pub(crate) fn note(&mut self, to: &str, outcome: &Outcome, now: Instant) {
        match outcome {
            Outcome::Accepted { .. } => {
                self.addresses.remove(to);
                (self.all, self.several) = (None, false);
                self.addresses.values_mut().for_each(|row| row.is_bad = true);
                match &mut self.run {
                    Some(run) if run.is_long() => _ = run.accepted.get_or_insert(now),
                    run => *run = None,
                }
            }
            Outcome::Retry { error, .. } | Outcome::Failed { error } => {
                let before = self.addresses.remove(to);
                if before.as_ref().is_none_or(|row| !row.is_bad) {
                    let for_good = u32::from(matches!(outcome, Outcome::Failed { .. }));
                    self.all_refused(error, for_good, now);
                }
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

    fn all_refused(&mut self, error: &str, for_good: u32, now: Instant) {
        self.run = self.run.take().filter(|run| !run.is_over(now));
        let run = self.run.get_or_insert_with(|| Run {
            began: now,
            last: now,
            times: 0,
            for_good: 0,
            error: String::new(),
            accepted: None,
        });
        (run.last, run.accepted) = (now, None);
        run.times = run.times.saturating_add(1);
        run.for_good = run.for_good.saturating_add(for_good);
        error.clone_into(&mut run.error);
    }

    /// Why the channel counts as one that refuses everything: nothing was accepted for a while, whoever it was for. So it
    /// remains until it has accepted something, however long nothing is tried.
    pub(crate) fn refusing(&self, now: Instant) -> Option<String> {
        let run = self.run.as_ref().filter(|run| run.is_long() && !run.is_over(now))?;
        Some(format!("the last {} attempts were not accepted: {}", run.times, run.error))
    }

    /// Why a page to this address would not arrive, as far as the last attempts tell. Where the channel is why, the error
    /// is this address' own if it has one, and else said to be the channel's.
    pub(crate) fn why(&self, to: &str, now: Instant) -> Option<String> {
        let own = self.addresses.get(to).filter(|row| row.is_late(now));
        if let Some(row) = own.filter(|row| row.counts(now)) {
            return Some(format!("the last {} attempts were not accepted: {}", row.times, row.error));
        }
        let all = self.all.as_ref().filter(|all| self.several && all.counts(now))?;
        let (whose, error) =
            own.map_or(("the channel's last error", &all.error), |row| ("to this address", &row.error));
        Some(format!("the last {} attempts by this channel were not accepted; {whose}: {error}", all.times))
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

    /// What one address was refused with says nothing of another.
    #[test]
    fn each_address_has_its_own_error() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        let mut refuse = |to: &str, error: &str| {
            refusals.note(to, &Outcome::Failed { error: error.to_owned() }, now);
        };
        ["a", "b", "b", "b"].into_iter().for_each(|to| refuse(to, &format!("no {to}")));
        let why = |to| refusals.why(to, now).unwrap();
        assert_eq!(why("a"), "the last 4 attempts by this channel were not accepted; to this address: no a");
        assert_eq!(why("b"), "the last 3 attempts were not accepted: no b");
        assert_eq!(
            why("z"),
            "the last 4 attempts by this channel were not accepted; the channel's last error: no b"
        );
    }

    /// `a` is refused for good, `-a` for now, `A` accepted; a number is a pause in seconds. What is then said of the channel.
    fn refusing(story: &str) -> bool {
        let (mut refusals, mut now) = (Refusals::default(), Instant::now());
        for word in story.split(' ').filter(|w| !w.is_empty()) {
            let error = || "no".to_owned();
            let (outcome, to) = match word {
                w if w.parse::<u64>().is_ok() => {
                    now += Duration::from_secs(w.parse().unwrap());
                    continue;
                }
                w if w.starts_with('-') => (Outcome::Retry { error: error(), after: None }, &w[1..]),
                w if w.chars().all(char::is_uppercase) => (Outcome::Accepted { detail: String::new() }, w),
                w => (Outcome::Failed { error: error() }, w),
            };
            refusals.note(&to.to_lowercase(), &outcome, now);
        }
        refusals.refusing(now).is_some()
    }

    #[test]
    fn a_channel_that_refuses_everything_for_a_while() {
        for (story, expected) in [
            ("", false),
            ("a", false),
            ("a b", false),
            ("a 9 b a b", false),
            ("a 10 b", true),
            ("a 300 a", true),
            ("a A b", false),
            // What may pass has to last.
            ("-a -a -b -c", false),
            ("-a 20 -a 20 -a 19", false),
            ("-a 20 -a 20 -a 20 -a", true),
            ("-a 90 -b", false),
            // Nothing is tried any more: it is as it was.
            ("a 10 a 90000", true),
            // It accepts again, and that lasts.
            ("a 10 b A", true),
            ("a 10 b A 19", true),
            ("a 10 b A 20", false),
            ("a 10 b A 10 c 300", true),
            ("a 10 b A 10 c 5 A 20", false),
            ("a 10 b A 30 c", false),
            // Bad addresses beside a good one are no bad channel, however often they are tried.
            ("a 10 b C 30 a a 10 b b", false),
            ("a 10 b C 30 a b C a b 10 c", false),
            ("a 10 b C 30 a b C a b c 10 c", true),
            ("a 10 b C 30 A B 30 a 10 b", true),
        ] {
            assert_eq!(refusing(story), expected, "{story}");
        }
    }
}
