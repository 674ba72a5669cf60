//! Flapping: a target that keeps changing its mind.
//!
//! After Nagios, which counts state changes among the last 21 results, with two differences. A change of the
//! *verdict* counts three times as much as a single odd result, so that a service which goes properly down and up
//! is noticed sooner than one that loses a packet now and then. And it ends by calm, not by a count: a check that
//! runs once an hour need not run twenty times to be believed.

use foghorn_core::time::{Mono, Span};

/// How many results are looked at.
pub const WINDOW: u32 = 20;
/// Flapping begins at this score. A result that differs from the one before scores 1, and 2 more if it changed the
/// verdict. So: half of the results differing, or going down for the third time among the last 20 results.
pub const BEGIN: u32 = 10;

const MASK: u32 = (1 << WINDOW) - 1;

/// The last results of one check. Twenty-four bytes, whatever happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flap {
    /// One bit a result: it differed from the one before.
    odd: u32,
    /// One bit a result: it changed the verdict.
    turned: u32,
    flapping: bool,
    last: Option<bool>,
    same_since: Mono,
}

impl Flap {
    /// Takes in a result, and says whether flapping begins with it.
    pub fn on(&mut self, at: Mono, good: bool) -> bool {
        let differs = self.last.is_some_and(|l| l != good);
        if differs || self.last.is_none() {
            self.same_since = at;
        }
        self.last = Some(good);
        self.odd = (self.odd << 1 | u32::from(differs)) & MASK;
        self.turned = self.turned << 1 & MASK;
        self.begins()
    }

    /// The result just taken in changed the verdict. Says whether flapping begins with it.
    pub fn turned(&mut self) -> bool {
        self.turned |= 1;
        self.begins()
    }

    /// What has been seen among the last results.
    #[must_use]
    pub fn score(&self) -> u32 {
        self.odd.count_ones() + 2 * self.turned.count_ones()
    }

    /// Whether it flaps.
    #[must_use]
    pub fn is_flapping(&self) -> bool {
        self.flapping
    }

    /// Ends flapping if all results were the same for long enough, and says whether it did.
    pub fn calm(&mut self, at: Mono, calm: Span) -> bool {
        let ends = self.flapping && at.since(self.same_since) >= calm;
        if ends {
            *self = Flap { last: self.last, same_since: self.same_since, ..Flap::default() };
        }
        ends
    }

    fn begins(&mut self) -> bool {
        let begins = !self.flapping && self.score() >= BEGIN;
        self.flapping |= begins;
        begins
    }
}
