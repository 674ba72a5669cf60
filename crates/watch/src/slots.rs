//! When each check is due: at a fixed rate, spread over the interval by its name. Pure arithmetic in microseconds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A check that runs seldom runs for the first time within this long.
const FIRST_WITHIN: u64 = 60_000_000;

/// Where in its interval a check runs: the same after every start and on every reload.
pub(crate) fn phase(name: &str, every: u64) -> u64 {
    hash(name) % every.max(1)
}

/// Spreads names evenly: FNV-1a, and the finisher of MurmurHash3 because FNV leaves similar names close together.
pub(crate) fn hash(name: &str) -> u64 {
    let mut h =
        name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    h = (h ^ (h >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

/// The first run of a check that is new at `now`: a little before its slot, so that all have run within an interval of the
/// start even if the start itself took a moment.
pub(crate) fn first(now: u64, phase: u64, every: u64) -> u64 {
    let wait = if every <= FIRST_WITHIN { aligned(now, phase, every) - now } else { phase % FIRST_WITHIN };
    now + wait - wait / 10
}

/// The run after the one that was due at `due`, and how many were missed because `now` is past them.
pub(crate) fn next(due: u64, phase: u64, every: u64, now: u64) -> (u64, u64) {
    // Half an interval on, because a first run may lie anywhere between two slots.
    let next = aligned(due + every.div_ceil(2), phase, every);
    let missed = now.saturating_sub(next) / every.max(1);
    (next + missed * every, missed)
}

/// The first slot at or after `at`.
fn aligned(at: u64, phase: u64, every: u64) -> u64 {
    let every = every.max(1);
    phase + at.saturating_sub(phase).div_ceil(every) * every
}

/// What is due next, of all checks of a thread: one heap instead of ten thousand sleeping tasks.
#[derive(Debug, Default)]
pub(crate) struct Due(BinaryHeap<Reverse<(u64, Slot)>>);

/// Something that is due for the check at an index. It is void if the generation or the time have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    pub(crate) index: usize,
    pub(crate) generation: u64,
    pub(crate) confirmation: bool,
}

impl Due {
    pub(crate) fn push(&mut self, at: u64, slot: Slot) {
        self.0.push(Reverse((at, slot)));
    }

    /// When the next is due.
    pub(crate) fn peek(&self) -> Option<u64> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// The next that is due by `now`.
    pub(crate) fn pop(&mut self, now: u64) -> Option<(u64, Slot)> {
        if self.peek()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(due)| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ten_thousand_checks_spread_evenly() {
        let every = 10_000_000;
        let mut buckets = vec![0; 100];
        for i in 0..10_000 {
            buckets[(phase(&format!("check-{i}"), every) / 100_000) as usize] += 1;
        }
        // A hundred in each tenth of a second, give or take what chance gives: five standard deviations.
        let (least, most) = (buckets.iter().min().unwrap(), buckets.iter().max().unwrap());
        assert!(*least > 50 && *most < 150, "{least} to {most}");
    }

    proptest! {
        #[test]
        fn all_run_within_one_interval_and_never_drift(
            now in 0u64..1 << 50, every in 1u64..1 << 40, name in "[a-z]{1,9}", late in 0u64..1000,
        ) {
            let phase = phase(&name, every);
            let first = first(now, phase, every);
            prop_assert!(first >= now && first - now <= every.min(FIRST_WITHIN).div_ceil(10) * 9);
            let (second, missed) = next(first, phase, every, first + late.min(every / 4));
            prop_assert_eq!(missed, 0);
            prop_assert_eq!(second % every, phase, "on its own slot");
            prop_assert!(second > first && second <= first + every + every.div_ceil(2));
            let (third, _) = next(second, phase, every, second);
            prop_assert_eq!(third, second + every);
        }

        #[test]
        fn what_was_missed_is_counted_and_not_made_up_for(every in 1u64..1 << 30, slept in 0u64..1 << 40) {
            let phase = every / 3;
            let due = phase + every * 5;
            let (next, missed) = next(due, phase, every, due + slept);
            prop_assert!(next + every > due + slept, "at most one is late");
            prop_assert_eq!(next, due + every * (missed + 1));
        }
    }
}
