//! Moments and amounts as people read them, in the visitor's time zone.

use crate::next;
use crate::show::text;
use foghorn_core::State;
use foghorn_core::incident::Incident;
use foghorn_core::time::{Now, Span, Wall};
use jiff::tz::TimeZone;

pub(super) use crate::next::lasted as long;
pub(super) use crate::show::text::{grouped, line};

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

/// What happens next, in a sentence of which a page that is open counts down the wait by itself.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) before: String,
    /// In milliseconds and in words.
    pub(super) wait: Option<(u64, String)>,
    pub(super) after: String,
}

impl Counted {
    pub(super) fn of(state: &State, incident: &Incident, now: Now) -> Counted {
        let next = next::next(state, incident, now);
        let text = line(&next::sentence(state, &next, now), WIDE);
        let wait = next.wait(now).map(|wait| (wait.0, wait.to_string()));
        // Before the wait stands nothing from outside.
        let parts = wait.as_ref().and_then(|(_, words)| text.split_once(&format!("in {words}")));
        match parts {
            Some((before, after)) => {
                Counted { before: format!("{before}in "), after: after.to_owned(), wait }
            }
            None => Counted::plain(text),
        }
    }

    pub(super) fn plain(before: String) -> Counted {
        Counted { before, ..Counted::default() }
    }

    pub(super) fn capital(self) -> Counted {
        Counted { before: capital(&self.before), ..self }
    }
}

/// A text in its parts, and of each whether it stood between backticks. One backtick alone is itself.
pub(super) fn coded(text: &str) -> Vec<(&str, bool)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, code, after)) = rest
        .split_once('`')
        .and_then(|(before, on)| on.split_once('`').map(|(code, after)| (before, code, after)))
    {
        parts.extend([(before, false), (code, true)]);
        rest = after;
    }
    parts.push((rest, false));
    parts.retain(|(part, _)| !part.is_empty());
    parts
}

/// RFC 3339, for `<time datetime>`.
pub(super) fn machine(at: Wall) -> String {
    crate::time::rfc3339(at)
}

/// `a, b and 3 more`
pub(super) fn names<'a, N>(all: impl IntoIterator<Item = &'a N>, most: usize) -> String
where
    N: std::ops::Deref<Target = str> + 'a,
{
    let all: Vec<&N> = all.into_iter().collect();
    let shown: Vec<String> = all.iter().take(most).map(|n| line(n, NAME)).collect();
    match all.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), grouped(more)),
    }
}

/// `1 alert`, `2 alerts`.
pub(super) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0_u64, 999, 1000, 10_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "10,000", "1,234,567"]
        );
        assert_eq!(
            (count(1, "alert", "alerts"), count(9990, "alert", "alerts")),
            ("1 alert".into(), "9,990 alerts".into())
        );
    }
}
