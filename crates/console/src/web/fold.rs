//! Lines of a timeline that are alike, as one line: a storm of alerts, a page that is tried again and again. What people do,
//! what is taken, and what decides is never folded.

use super::text::{NAME, WIDE, count, grouped, line};
use foghorn_core::Record;
use foghorn_core::alert::{Alert, AlertStatus, EndReason};
use foghorn_core::event::Event;
use foghorn_core::page::{Outcome, PageKind};
use foghorn_core::time::Span;
use foghorn_core::words::{Name, Severity};
use std::collections::BTreeSet;
use std::ops::Range;

/// So many lines that are alike are one.
const MANY: usize = 4;
/// Between two of them there is no more time than this: a page that nobody takes is tried every five minutes.
const WITHIN: Span = Span::mins(10);

/// One line of a timeline as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fold {
    /// Which records.
    pub(super) of: Range<usize>,
    /// How many of what, where they are more than one.
    pub(super) words: Option<String>,
}

/// What makes lines alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'a> {
    Opened(&'a Name),
    Ended(EndReason),
    Confirmed,
    Changed(Severity),
    Stands(AlertStatus),
    Awaited,
    Muted(&'a Name),
    Unmuted,
    NotReached(PageKind),
}

impl<'a> Kind<'a> {
    fn of(event: &'a Event) -> Option<Kind<'a>> {
        Some(match event {
            Event::AlertOpened { alert, .. } => Kind::Opened(&alert.source),
            Event::AlertEnded { reason, .. } => Kind::Ended(*reason),
            Event::AlertConfirmed { .. } => Kind::Confirmed,
            Event::AlertChanged { severity, .. } => Kind::Changed(*severity),
            Event::AlertStatusChanged { status, .. } => Kind::Stands(*status),
            Event::AlertAwaited { .. } => Kind::Awaited,
            Event::AlertMuted { by, .. } => Kind::Muted(by),
            Event::AlertUnmuted { .. } => Kind::Unmuted,
            Event::PageAttempted { outcome: Outcome::Accepted { .. }, .. } => return None,
            Event::PageAttempted { key, .. } => Kind::NotReached(key.kind),
            _ => return None,
        })
    }

    fn is_of_alerts(self) -> bool {
        !matches!(self, Kind::NotReached(_))
    }
}

/// Folds records, which are given and told oldest first. Every record is in one line.
pub(super) fn fold(records: &[&Record], person: &dyn Fn(&Name) -> String) -> Vec<Fold> {
    let mut lines = Vec::new();
    let mut next = 0;
    while let Some(first) = records.get(next) {
        let kind = Kind::of(&first.event);
        let (alike, long) = kind.map_or((1, 1), |kind| alike(kind, &records[next..]));
        let (end, words) = match kind {
            Some(kind) if alike >= MANY => {
                (next + long, Some(words(kind, alike, &records[next..next + long], person)))
            }
            _ => (next + 1, None),
        };
        lines.push(Fold { of: next..end, words });
        next = end;
    }
    lines
}

/// How many are alike from the first on, and how many records that is.
fn alike(kind: Kind<'_>, records: &[&Record]) -> (usize, usize) {
    let (mut alike, mut long, mut last) = (0, 0, None);
    for (place, record) in records.iter().enumerate() {
        let at = record.at.wall;
        if Kind::of(&record.event) == Some(kind) && last.is_none_or(|last| at.since(last) <= WITHIN) {
            (alike, long, last) = (alike + 1, place + 1, Some(at));
        } else if !(kind.is_of_alerts() && matches!(record.event, Event::IncidentGrew { .. })) {
            break;
        }
        // How alerts make the incident grow is passed over; what it came to at last stays a line of its own.
    }
    (alike, long)
}

fn words(kind: Kind<'_>, alike: usize, records: &[&Record], person: &dyn Fn(&Name) -> String) -> String {
    let alerts = || count(alike as u64, "alert", "alerts");
    match kind {
        Kind::Opened(source) => format!("{} from {}", opened(records), line(source, NAME)),
        Kind::Ended(reason) => {
            let why = match reason {
                EndReason::Sender => "well again",
                EndReason::NotRepeated => "over, their sender is back and repeats them no more",
                EndReason::Removed => "over, they are not in the configuration any more",
                EndReason::Person => "over, a person closed the incident",
                EndReason::Unknown => "not known any more, and did not last long enough to be paged for",
            };
            format!("{} {why}", alerts())
        }
        Kind::Confirmed => format!("{} lasted long enough to be paged for", alerts()),
        Kind::Changed(severity) => format!("{} now {severity}", alerts()),
        Kind::Stands(status) => {
            let doubt = match status {
                AlertStatus::Stale | AlertStatus::Unknown => ", so not known to be over",
                _ => "",
            };
            format!("{} {}{doubt}", alerts(), crate::show::alert::word(status))
        }
        Kind::Awaited => format!("{} may be repeated: their sender is back", alerts()),
        Kind::Muted(by) => format!("{} muted by silence {}", alerts(), line(by, NAME)),
        Kind::Unmuted => format!("{} not muted any more", alerts()),
        Kind::NotReached(kind) => not_reached(kind, alike, records, person),
    }
}

/// `40 critical alerts HighLatency on 12 entities`
fn opened(records: &[&Record]) -> String {
    let alerts: Vec<&Alert> = records
        .iter()
        .filter_map(|r| if let Event::AlertOpened { alert, .. } = &r.event { Some(&**alert) } else { None })
        .collect();
    let of = |s: Severity| (alerts.iter().filter(|a| a.severity == s).count(), s);
    let by: Vec<(usize, Severity)> =
        Severity::ALL.into_iter().rev().map(of).filter(|(n, _)| *n > 0).collect();
    let how_bad = match by[..] {
        [(n, severity)] => format!("{n} {severity} alerts"),
        _ => {
            let each: Vec<String> = by.iter().map(|(n, s)| format!("{n} {s}")).collect();
            format!("{} alerts ({})", alerts.len(), each.join(", "))
        }
    };
    let names: BTreeSet<Option<&str>> = alerts.iter().map(|a| a.labels.get("alertname")).collect();
    let name = match (names.len(), names.first()) {
        (1, Some(Some(name))) => format!(" {}", line(name, NAME)),
        _ => String::new(),
    };
    let entities: BTreeSet<&Name> = alerts.iter().filter_map(|a| a.entity.as_ref()).collect();
    let on = match (entities.len(), entities.first()) {
        (1, Some(entity)) => format!(" on {}", line(entity, NAME)),
        (0, _) => String::new(),
        (n, _) => format!(" on {n} entities"),
    };
    format!("{how_bad}{name}{on}")
}

/// `12 attempts to page Ana by phone failed, the last one: 451 try later`
fn not_reached(
    kind: PageKind,
    alike: usize,
    records: &[&Record],
    person: &dyn Fn(&Name) -> String,
) -> String {
    /// Of whom more would fill the line.
    const NAMED: usize = 3;
    let mut whom: Vec<String> = Vec::new();
    let mut last = "";
    for record in records {
        if let Event::PageAttempted { key, channel, outcome, .. } = &record.event {
            let one = format!("{} by {}", person(&key.person), line(channel, NAME));
            if !whom.contains(&one) {
                whom.push(one);
            }
            if let Outcome::Retry { error, .. } | Outcome::Failed { error } = outcome {
                last = error;
            }
        }
    }
    let more = whom.len().saturating_sub(NAMED);
    whom.truncate(NAMED);
    let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
    let what = if kind == PageKind::Page { "page" } else { "tell" };
    let (times, whom, last) = (grouped(alike), whom.join(", "), line(last, WIDE));
    format!("{times} attempts to {what} {whom}{more} failed, the last one: {last}")
}

#[cfg(test)]
mod tests;
