//! Who is on call when.

use crate::time::{Span, Wall};
use crate::words::Name;
use alloc::vec::Vec;
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

/// How long a turn is. Days and weeks are the calendar's: a hand-over at 09:00 stays at 09:00 when the clocks change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// Calendar days.
    Days(u32),
    /// Calendar weeks.
    Weeks(u32),
    /// Elapsed hours.
    Hours(u32),
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

/// Used by waits measured in turns.
pub const LONGEST_TURN: Span = Span::hours(24 * 366);
