//! Who is on call when.

use crate::time::Wall;
use crate::words::Name;
use alloc::vec::Vec;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// Who is on call when: rotations side by side, and exceptions on top.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// IANA time zone in which hand-overs happen.
    pub time_zone: Name,
    /// Each gives one person at a time; all of them are on call.
    pub rotations: Vec<Rotation>,
}

/// People who take turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rotation {
    /// In order; may repeat.
    pub people: Vec<Name>,
    /// How long a turn is.
    pub every: Turn,
    /// When the first person's first turn begins, on the schedule's calendar and clock.
    pub starts: LocalTime,
}

/// How long a turn is. Days and weeks are the calendar's: a hand-over at 09:00 stays at 09:00 when the clocks change. So are
/// hours that make up days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// Calendar days.
    Days(u32),
    /// Calendar weeks.
    Weeks(u32),
    /// Hours; elapsed ones where hand-overs are at another time each day.
    Hours(u32),
}

/// Whether turns of so many hours change at the same times every day. Those of one hour cannot: one of them happens twice.
const fn follows_the_clock(hours: u32) -> bool {
    hours > 1 && (24_u32.is_multiple_of(hours) || hours.is_multiple_of(24))
}

/// A date and time on a calendar, without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocalTime(pub jiff::civil::DateTime);

/// When a person is at work: warnings wait for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkingHours {
    /// ISO weekdays, 1 = Monday.
    pub days: Vec<i8>,
    /// Minutes after midnight.
    pub from: u16,
    /// Minutes after midnight; after `from`.
    pub to: u16,
}

impl Default for WorkingHours {
    fn default() -> Self {
        WorkingHours { days: alloc::vec![1, 2, 3, 4, 5], from: 9 * 60, to: 17 * 60 }
    }
}

/// Somebody stands in on a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Whose turn is taken over.
    pub schedule: Name,
    /// Who is on call instead.
    pub person: Name,
    /// From.
    pub starts: Wall,
    /// Until, exclusive.
    pub ends: Wall,
}

impl Override {
    /// Whether it counts at that moment.
    #[must_use]
    pub fn is_active(&self, at: Wall) -> bool {
        self.starts <= at && at < self.ends
    }
}

/// A zone of the bundled database; the host's files are never read.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// UTC where the name is unknown: a configuration with such a name is refused before it gets here.
fn zone_or_utc(name: &str) -> TimeZone {
    zone(name).unwrap_or(TimeZone::UTC)
}

/// The moment at which a calendar and clock on the wall show `local`.
///
/// The hour that happens twice counts as its first occurrence; one that does not happen is as much after the gap as it
/// is after the gap's beginning (RFC 5545's rule).
fn moment(zone: &TimeZone, local: jiff::civil::DateTime) -> Wall {
    zone.to_ambiguous_timestamp(local).compatible().map_or(Wall(i64::MAX), Wall::from)
}

impl Rotation {
    /// When turn number `n` (from 0) begins.
    fn begin(&self, zone: &TimeZone, n: i64) -> Wall {
        let span = match self.every {
            Turn::Hours(h) if follows_the_clock(h) => {
                jiff::Span::new().try_hours(n.saturating_mul(i64::from(h)))
            }
            Turn::Hours(h) => {
                let first = moment(zone, self.starts.0);
                return Wall(first.0.saturating_add(n.saturating_mul(i64::from(h.max(1)) * 3_600_000)));
            }
            Turn::Days(d) => jiff::Span::new().try_days(n.saturating_mul(i64::from(d.max(1)))),
            Turn::Weeks(w) => jiff::Span::new().try_weeks(n.saturating_mul(i64::from(w.max(1)))),
        };
        // Past the calendar's end there is no next turn.
        span.and_then(|s| self.starts.0.checked_add(s)).map_or(Wall(i64::MAX), |local| moment(zone, local))
    }

    /// The number of the turn at a moment; `None` before the first.
    fn turn(&self, zone: &TimeZone, at: Wall) -> Option<i64> {
        const DAY: i64 = 86_400_000;
        let length = match self.every {
            Turn::Hours(h) => i64::from(h.max(1)) * 3_600_000,
            Turn::Days(d) => i64::from(d.max(1)) * DAY,
            Turn::Weeks(w) => i64::from(w.max(1)) * 7 * DAY,
        };
        let first = self.begin(zone, 0);
        if at < first {
            return None;
        }
        // A guess by elapsed time is off by a turn or two at most, for a clock change is not longer than that.
        let mut n = at.0.saturating_sub(first.0) / length;
        while n > 0 && self.begin(zone, n) > at {
            n -= 1;
        }
        while self.begin(zone, n + 1) <= at {
            n += 1;
        }
        Some(n)
    }

    /// Who has the turn at a moment, and when it ends; `None` before the first turn or with nobody in the rotation.
    #[must_use]
    pub fn at(&self, time_zone: &str, at: Wall) -> Option<(Name, Wall)> {
        let zone = zone_or_utc(time_zone);
        let n = self.turn(&zone, at)?;
        let len = i64::try_from(self.people.len()).ok().filter(|l| *l > 0)?;
        let person = self.people.get(usize::try_from(n % len).ok()?)?;
        Some((person.clone(), self.begin(&zone, n + 1)))
    }
}

/// So many changes ahead somebody else is looked for.
const MOST_CHANGES: usize = 200;

impl Schedule {
    /// Who is on call at a moment: one a rotation, without repetition; whoever stands in takes the whole schedule. Empty
    /// is a gap.
    #[must_use]
    pub fn on_call<'a>(&self, at: Wall, overrides: impl IntoIterator<Item = &'a Override>) -> Vec<Name> {
        let mut people: Vec<Name> = Vec::new();
        let mut add = |p: Name| {
            if !people.contains(&p) {
                people.push(p);
            }
        };
        let mut stands_in = false;
        for o in overrides.into_iter().filter(|o| o.is_active(at)) {
            stands_in = true;
            add(o.person.clone());
        }
        if !stands_in {
            self.rotations.iter().filter_map(|r| r.at(&self.time_zone, at)).for_each(|(p, _)| add(p));
        }
        people
    }

    /// When the answer of [`Schedule::on_call`] may change next after `at`.
    #[must_use]
    pub fn next_change<'a>(
        &self,
        at: Wall,
        overrides: impl IntoIterator<Item = &'a Override>,
    ) -> Option<Wall> {
        let zone = zone_or_utc(&self.time_zone);
        let next = |r: &Rotation| match r.at(&self.time_zone, at) {
            None => Some(r.begin(&zone, 0)),
            // One person takes turns with nobody.
            Some(_) if r.people.iter().all(|p| *p == r.people[0]) => None,
            Some((_, end)) => Some(end),
        };
        let turns = self.rotations.iter().filter_map(next);
        let edges = overrides.into_iter().flat_map(|o| [o.starts, o.ends]);
        turns.chain(edges).filter(|t| *t > at && t.0 < i64::MAX).min()
    }

    /// When others are on call after `at`, and who: turns that pass while somebody stands in change nothing. `None` where
    /// that is never, or not among the next 200 changes.
    #[must_use]
    pub fn next_people(&self, at: Wall, overrides: &[&Override]) -> Option<(Wall, Vec<Name>)> {
        let all = || overrides.iter().copied();
        let sorted = |mut people: Vec<Name>| {
            people.sort();
            people
        };
        let now = sorted(self.on_call(at, all()));
        let changes = core::iter::successors(Some(at), |at| self.next_change(*at, all()));
        let mut others = changes.skip(1).take(MOST_CHANGES).map(|at| (at, self.on_call(at, all())));
        others.find(|(_, who)| sorted(who.clone()) != now)
    }
}

impl WorkingHours {
    /// The first moment at or after `at` at which the person is at work; `at` itself if none is within two weeks.
    #[must_use]
    pub fn next(&self, time_zone: &str, at: Wall) -> Wall {
        let zone = zone_or_utc(time_zone);
        let today = zone.to_datetime(at.timestamp()).date();
        for ahead in 0..14 {
            let Ok(day) = today.checked_add(jiff::Span::new().days(ahead)) else { break };
            if !self.days.contains(&day.weekday().to_monday_one_offset()) {
                continue;
            }
            let (Some(from), Some(to)) = (clock(day, self.from), clock(day, self.to)) else { continue };
            let (from, to) = (moment(&zone, from), moment(&zone, to));
            if at < to {
                return at.max(from);
            }
        }
        at
    }
}

/// A time of day; 24:00 is the next day's midnight.
fn clock(day: jiff::civil::Date, minutes: u16) -> Option<jiff::civil::DateTime> {
    day.at(0, 0, 0, 0).checked_add(jiff::Span::new().minutes(i64::from(minutes))).ok()
}

#[cfg(test)]
mod tests;
