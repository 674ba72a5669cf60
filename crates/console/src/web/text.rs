//! Moments and amounts as people read them, in the visitor's time zone.

use crate::show::text;
use foghorn_core::State;
use foghorn_core::time::{Now, Span, Wall};
use foghorn_core::words::Name;
use jiff::tz::TimeZone;

pub(super) use crate::show::text::line;

/// Characters of a title or a summary.
pub(super) const WIDE: usize = 300;
/// Characters of a name.
pub(super) const NAME: usize = 80;

/// A moment to look from, and the calendar to look at.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    pub(super) now: Wall,
    pub(super) zone: TimeZone,
}

impl Clock {
    /// The person's own zone, else UTC.
    pub(super) fn of(state: &State, person: Option<&str>, now: Now) -> Clock {
        let person = person.and_then(|p| state.setup.people.get(p));
        let zone = person.and_then(|p| foghorn_core::schedule::zone(&p.time_zone));
        Clock { now: now.wall, zone: zone.unwrap_or(TimeZone::UTC) }
    }

    /// `03:12 WET`, with the date if it is another day.
    pub(super) fn time(&self, at: Wall) -> String {
        text::time(at, self.now, &self.zone)
    }

    /// `03:12:40`, with the date if it is another day: for lines under one another.
    pub(super) fn second(&self, at: Wall) -> String {
        let (at, now) = (self.zoned(at), self.zoned(self.now));
        at.strftime(if at.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
    }

    /// `2026-11-21 03:12:40 WET`
    pub(super) fn full(&self, at: Wall) -> String {
        self.zoned(at).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    /// How long ago.
    pub(super) fn ago(&self, at: Wall) -> Span {
        // Of what is shown as a length of time, milliseconds tell nothing.
        Span(self.now.since(at).0 / 1000 * 1000)
    }

    pub(super) fn zoned(&self, at: Wall) -> jiff::Zoned {
        at.timestamp().to_zoned(self.zone.clone())
    }
}

/// `2h 5m`; `0s` for what has just begun.
pub(super) fn long(span: Span) -> String {
    if span.0 < 1000 { "0s".to_owned() } else { Span(span.0 / 1000 * 1000).to_string() }
}

/// RFC 3339, for `<time datetime>`.
pub(super) fn machine(at: Wall) -> String {
    crate::time::rfc3339(at)
}

/// `a, b and 3 more`
pub(super) fn names<'a>(all: impl IntoIterator<Item = &'a Name>, most: usize) -> String {
    let all: Vec<&Name> = all.into_iter().collect();
    let shown: Vec<String> = all.iter().take(most).map(|n| line(n, NAME)).collect();
    match all.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `1 alert`, `2 alerts`.
pub(super) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// As a sentence begins.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A whole sentence, whatever it was.
pub(super) fn sentence(text: &str) -> String {
    let text = capital(&line(text, 1000));
    if text.ends_with(['.', '!', '?', '…']) { text } else { format!("{text}.") }
}

/// A person's name as other people read it.
pub(super) fn person(state: &State, id: &str) -> String {
    line(&crate::next::person(state, id), NAME)
}
