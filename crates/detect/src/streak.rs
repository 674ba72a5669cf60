//! One check at one location: when it is *failing*, when it has *recovered*, and how soon to look again.
//!
//! A first failure is confirmed quickly instead of waiting whole intervals, and so is the first good result of a
//! failing check. What is not known (a blind location, a plugin that says UNKNOWN) is neither a failure nor a
//! recovery: it breaks the row, and the verdict stays.

use crate::flap::Flap;
use core::cmp::Ordering;
use foghorn_core::time::{Mono, Span};

/// What one check was configured to need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// So many failures in a row are *failing*; 0 counts as 1.
    pub fail_after: u32,
    /// So many good ones in a row end it; 0 counts as 1.
    pub recover_after: u32,
    /// Flapping is over once all results were the same for this long.
    pub calm: Span,
}

impl Rule {
    /// The rule of a check that runs once in `every`: calm is five minutes, or four runs if these take longer.
    #[must_use]
    pub fn new(fail_after: u32, recover_after: u32, every: Span) -> Rule {
        let calm = Span(every.0.saturating_mul(4)).max(Span::mins(5));
        Rule { fail_after: fail_after.max(1), recover_after: recover_after.max(1), calm }
    }
}

/// How bad a bad result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// A plugin's WARNING.
    Partial,
    /// As bad as the check is configured to be.
    Full,
}

/// One result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Everything held.
    Good,
    /// It did not.
    Bad(Grade),
    /// It could not be found out.
    Unknown,
}

/// What to tell. Between two `Failing` there is always a `Recovered` or an `Unknown`; between two `Graded` the grade differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is failing.
    Failing {
        /// When the first of these failures was seen.
        since: Mono,
        /// The worst of them.
        grade: Grade,
        /// It goes to and fro; held as one alert until it is calm.
        flapping: bool,
    },
    /// It goes on failing, worse than it was told to be or less bad.
    Graded {
        /// When the first failure of this grade was seen.
        since: Mono,
        /// How bad now.
        grade: Grade,
    },
    /// It was failing, and now goes to and fro.
    Flapping {
        /// Since it is failing.
        since: Mono,
        /// How bad, as it was told.
        grade: Grade,
    },
    /// It is well again, or for the first time known to be well after `Unknown`.
    Recovered {
        /// When the first good result was seen.
        since: Mono,
    },
    /// It cannot be told.
    Unknown {
        /// When this was first seen.
        since: Mono,
    },
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// When the schedule says.
    Scheduled,
    /// Quickly: this result wants a confirmation.
    Soon,
}

/// What follows from one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What to tell, if anything.
    pub change: Option<Change>,
    /// When to look again.
    pub next: Next,
}

/// What was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    /// Its alert is open, and how it is has to be told.
    Open,
    Good,
    Failing {
        since: Mono,
        grade: Grade,
    },
    Unknown {
        failing_since: Option<Mono>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Good,
    Bad,
    Unknown,
}

/// Results of one kind, without another between them.
#[derive(Clone, Copy, Debug)]
struct Row {
    kind: Kind,
    since: Mono,
    count: u32,
    worst: Grade,
    /// The results of one grade at its end.
    tail: Tail,
}

/// How many in a row were this bad, and since when.
#[derive(Clone, Copy, Debug)]
struct Tail {
    grade: Grade,
    count: u32,
    since: Mono,
}

/// The state of one check at one location. Of fixed size.
#[derive(Clone, Copy, Debug)]
pub struct Streak {
    told: Told,
    row: Option<Row>,
    flap: Flap,
    /// The worst of the failures seen last: what flaps is as bad as that.
    bad: Grade,
}

impl Default for Streak {
    fn default() -> Self {
        Streak::new()
    }
}

impl Streak {
    /// A check of which nothing is known.
    #[must_use]
    pub fn new() -> Streak {
        Streak { told: Told::Nothing, row: None, flap: Flap::default(), bad: Grade::Full }
    }

    /// A check whose alert was open and so bad when Foghorn started, at `now`: it is not told again, but its end is, and
    /// another grade.
    #[must_use]
    pub fn open(now: Mono, grade: Grade) -> Streak {
        Streak { told: Told::Failing { since: now, grade }, bad: grade, ..Streak::new() }
    }

    /// A check whose alert was open and unknown when Foghorn started: whatever is found out is told, good, bad or still
    /// unknown.
    #[must_use]
    pub fn open_unknown() -> Streak {
        Streak { told: Told::Open, ..Streak::new() }
    }

    /// Whether the last thing told was that it is failing.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        matches!(self.told, Told::Failing { .. })
    }

    /// Since when it is failing, and how bad, as it was told last.
    #[must_use]
    pub fn failing(&self) -> Option<(Mono, Grade)> {
        match self.told {
            Told::Failing { since, grade } => Some((since, grade)),
            _ => None,
        }
    }

    /// Whether it flaps.
    #[must_use]
    pub fn is_flapping(&self) -> bool {
        self.flap.is_flapping()
    }

    /// Forgets the row, and not the verdict: what was seen lately does not count (the location was blind, the
    /// check was changed).
    pub fn interrupt(&mut self) {
        self.row = None;
    }

    /// Takes in a result. `at` must not be before that of an earlier result.
    pub fn on(&mut self, rule: &Rule, at: Mono, reading: Reading) -> Step {
        let row = self.lengthen(at, reading);
        let flaps = match row.kind {
            Kind::Unknown => false,
            kind => self.flap.on(at, kind == Kind::Good),
        };
        let change = match row.kind {
            Kind::Bad => self.bad(rule, &row, flaps),
            Kind::Good => self.good(rule, &row, at, flaps),
            Kind::Unknown => self.unknown(rule, &row),
        };
        Step { change, next: self.next(rule, &row) }
    }

    fn lengthen(&mut self, at: Mono, reading: Reading) -> Row {
        let (kind, grade) = match reading {
            Reading::Good => (Kind::Good, Grade::Partial),
            Reading::Bad(grade) => (Kind::Bad, grade),
            Reading::Unknown => (Kind::Unknown, Grade::Partial),
        };
        let mut row = match self.row {
            Some(row) if row.kind == kind => row,
            _ => Row { kind, since: at, count: 0, worst: grade, tail: Tail { grade, count: 0, since: at } },
        };
        row.count = row.count.saturating_add(1);
        row.worst = row.worst.max(grade);
        if row.tail.grade != grade {
            row.tail = Tail { grade, count: 0, since: at };
        }
        row.tail.count = row.tail.count.saturating_add(1);
        self.row = Some(row);
        if kind == Kind::Bad {
            self.bad = row.worst;
        }
        row
    }

    fn bad(&mut self, rule: &Rule, row: &Row, flaps: bool) -> Option<Change> {
        match self.told {
            Told::Failing { since, grade } if self.is_graded_anew(rule, row, grade) => {
                let grade = row.tail.grade;
                self.told = Told::Failing { since, grade };
                Some(Change::Graded { since: row.tail.since, grade })
            }
            Told::Failing { since, grade } => flaps.then_some(Change::Flapping { since, grade }),
            // One that flaps without ever failing so often in a row is held as failing too.
            _ if row.count >= rule.fail_after || flaps => Some(self.fail(row.since, row.worst)),
            _ => None,
        }
    }

    /// Whether what has been told to be so bad is now of another grade for good: worse as often in a row as a failure takes,
    /// less bad as often as a recovery takes. What flaps has no rows: one is enough to be worse, and none to be less.
    fn is_graded_anew(&self, rule: &Rule, row: &Row, told: Grade) -> bool {
        let flapping = self.flap.is_flapping();
        match row.tail.grade.cmp(&told) {
            Ordering::Greater => flapping || row.tail.count >= rule.fail_after,
            Ordering::Less => !flapping && row.tail.count >= rule.recover_after,
            Ordering::Equal => false,
        }
    }

    fn fail(&mut self, since: Mono, grade: Grade) -> Change {
        let since = match self.told {
            Told::Unknown { failing_since: Some(since) } => since,
            _ => since,
        };
        self.told = Told::Failing { since, grade };
        self.flap.turned();
        Change::Failing { since, grade, flapping: self.flap.is_flapping() }
    }

    fn good(&mut self, rule: &Rule, row: &Row, at: Mono, flaps: bool) -> Option<Change> {
        self.flap.calm(at, rule.calm);
        match self.told {
            Told::Failing { since, grade } if self.flap.is_flapping() => {
                return flaps.then_some(Change::Flapping { since, grade });
            }
            _ if flaps => return Some(self.fail(at, self.bad)),
            _ => {}
        }
        if row.count < rule.recover_after {
            return None;
        }
        match self.told {
            Told::Good => None,
            Told::Nothing => {
                self.told = Told::Good;
                None
            }
            Told::Failing { since, grade } => {
                if self.flap.turned() {
                    return Some(Change::Flapping { since, grade });
                }
                self.told = Told::Good;
                Some(Change::Recovered { since: row.since })
            }
            Told::Unknown { .. } | Told::Open => {
                self.told = Told::Good;
                Some(Change::Recovered { since: row.since })
            }
        }
    }

    fn unknown(&mut self, rule: &Rule, row: &Row) -> Option<Change> {
        let failing_since = match self.told {
            Told::Unknown { .. } => return None,
            Told::Failing { since, .. } => Some(since),
            Told::Good | Told::Nothing | Told::Open => None,
        };
        if row.count < rule.fail_after {
            return None;
        }
        self.told = Told::Unknown { failing_since };
        self.flap = Flap::default();
        Some(Change::Unknown { since: row.since })
    }

    fn next(&self, rule: &Rule, row: &Row) -> Next {
        if self.flap.is_flapping() {
            return Next::Scheduled;
        }
        let wants = match (row.kind, self.told) {
            (Kind::Bad, Told::Failing { grade, .. }) => row.tail.grade != grade,
            (Kind::Bad, _) => row.count < rule.fail_after,
            (Kind::Good, Told::Failing { .. } | Told::Unknown { .. } | Told::Open) => {
                row.count < rule.recover_after
            }
            (Kind::Good, _) | (Kind::Unknown, Told::Unknown { .. }) => false,
            (Kind::Unknown, _) => row.count < rule.fail_after,
        };
        if wants { Next::Soon } else { Next::Scheduled }
    }
}

#[cfg(test)]
mod tests;
