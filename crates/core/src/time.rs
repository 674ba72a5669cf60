//! Two clocks: waits count on the monotonic one, calendars on the wall.
//!
//! Outage 3 is why: after a power loss a host may wake up in 1970 or in 2038. A wait must not care.

use core::fmt;
use core::ops::{Add, Sub};
use serde::{Deserialize, Serialize};

/// Milliseconds on Foghorn's own monotonic clock. It goes on over restarts (the time spent down is added
/// as far as the wall clock can be believed) and never runs backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mono(pub u64);

/// Milliseconds since the Unix epoch, as people's calendars count. May step in either direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wall(pub i64);

/// A length of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub u64);

/// The moment at which something is decided, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Now {
    /// For waits.
    pub mono: Mono,
    /// For calendars, and for people to read.
    pub wall: Wall,
}

impl Now {
    /// The monotonic moment at which the wall will show `at`, if it does not step before then. What has
    /// passed already is due now.
    #[must_use]
    pub fn mono_at(self, at: Wall) -> Mono {
        let ahead = at.0.saturating_sub(self.wall.0).max(0);
        self.mono + Span(ahead.unsigned_abs())
    }

    /// What the wall shows at a monotonic moment, past or to come, if it does not step.
    #[must_use]
    pub fn wall_at(self, at: Mono) -> Wall {
        let delta = i64::try_from(at.0)
            .unwrap_or(i64::MAX)
            .saturating_sub(i64::try_from(self.mono.0).unwrap_or(i64::MAX));
        Wall(self.wall.0.saturating_add(delta))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// `n` seconds.
    #[must_use]
    pub const fn secs(n: u64) -> Span {
        Span(n.saturating_mul(1000))
    }

    /// `n` minutes.
    #[must_use]
    pub const fn mins(n: u64) -> Span {
        Span::secs(n.saturating_mul(60))
    }

    /// `n` hours.
    #[must_use]
    pub const fn hours(n: u64) -> Span {
        Span::mins(n.saturating_mul(60))
    }

    /// Milliseconds, for arithmetic with [`Wall`].
    #[must_use]
    pub fn as_i64(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl Mono {
    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub fn since(self, earlier: Mono) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// A wall clock that moves against the monotonic one by this many milliseconds or more has been set; less is the slow
/// correction of a time service.
pub const CLOCK_SET: i64 = 2000;

impl Wall {
    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub fn since(self, earlier: Wall) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }

    /// RFC 3339 in UTC, to the millisecond. A moment outside of what a calendar can show is clamped.
    #[must_use]
    pub fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

impl From<jiff::Timestamp> for Wall {
    fn from(t: jiff::Timestamp) -> Wall {
        Wall(t.as_millisecond())
    }
}

impl Add<Span> for Mono {
    type Output = Mono;
    fn add(self, rhs: Span) -> Mono {
        Mono(self.0.saturating_add(rhs.0))
    }
}

impl Add<Span> for Wall {
    type Output = Wall;
    fn add(self, rhs: Span) -> Wall {
        Wall(self.0.saturating_add(rhs.as_i64()))
    }
}

impl Sub<Span> for Wall {
    type Output = Wall;
    fn sub(self, rhs: Span) -> Wall {
        Wall(self.0.saturating_sub(rhs.as_i64()))
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, rhs: Span) -> Span {
        Span(self.0.saturating_add(rhs.0))
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}", self.timestamp())
    }
}

/// `1d 2h`, `4m 10s`, `350ms`: the two largest units, as people say it.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
        if self.0 < 1000 {
            return write!(f, "{}ms", self.0);
        }
        let mut rest = self.0;
        let mut shown = 0;
        for (size, unit) in UNITS {
            let n = rest / size;
            rest %= size;
            if n > 0 && shown < 2 {
                write!(f, "{}{n}{unit}", if shown > 0 { " " } else { "" })?;
                shown += 1;
            } else if shown > 0 {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn spans_read_as_people_say_them() {
        assert_eq!(Span(350).to_string(), "350ms");
        assert_eq!(Span::secs(250).to_string(), "4m 10s");
        assert_eq!(Span::hours(26).to_string(), "1d 2h");
        assert_eq!(Span::hours(24).to_string(), "1d");
    }

    #[test]
    fn a_passed_wall_time_is_due_now() {
        let now = Now { mono: Mono(5000), wall: Wall(1_000_000) };
        assert_eq!(now.mono_at(Wall(0)), Mono(5000));
        assert_eq!(now.mono_at(Wall(1_002_000)), Mono(7000));
    }
}
