//! From what is known to pictures.

use super::marks::tone;
use super::on_call::Turn;
use super::text::Clock;
use super::topology::Node;
use crate::ports::CheckHistory;
use foghorn_core::schedule::zone;
use foghorn_core::setup::EntityKind;
use foghorn_core::time::{Span, Wall};
use foghorn_look::{Latency, Point, Stretch, Tone, WeekDay};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;

/// Days of a week's picture.
const DAYS: usize = 7;

/// The stretches between two moments; `None` where nothing was measured.
fn stretches<T>(
    past: &CheckHistory,
    from: Wall,
    to: Wall,
    points: usize,
    mut of: impl FnMut(Option<&crate::ports::CheckPoint>, Wall, Wall) -> T,
) -> Vec<T> {
    let width = (to.since(from).0 / points.max(1) as u64).max(1);
    let mut known = past.points.iter().peekable();
    let stretch = (0..points as u64).map(|n| {
        let (begin, end) = (from + Span(width * n), from + Span(width * (n + 1)));
        // They come in order; where one begins says which it is.
        while known.next_if(|p| p.at.0 + width.cast_signed() / 2 < begin.0).is_some() {}
        let point = known.next_if(|p| p.at.0 < end.0 - width.cast_signed() / 2);
        of(point, begin, end)
    });
    stretch.collect()
}

/// A day of a check, in a cell of a table.
pub(super) fn spark(past: &CheckHistory, from: Wall, to: Wall, points: usize) -> String {
    if past.points.is_empty() {
        return String::new();
    }
    let first = past.points.first().map_or(to, |p| p.at);
    let values = stretches(past, from, to, points, |point, _, end| {
        // What was before the first result is no gap.
        (end > first).then(|| point.and_then(|p| p.latency).map(|l| l.avg.as_secs_f64()))
    });
    let values: Vec<Option<f64>> = values.into_iter().flatten().collect();
    foghorn_look::sparkline("Latency over the last day", &values)
}

/// A check's latency, with the stretches in which it failed.
pub(super) fn latency(past: &CheckHistory, from: Wall, to: Wall, points: usize, clock: &Clock) -> String {
    let drawn = stretches(past, from, to, points, |p, begin, _| Point {
        at: begin.0,
        value: p.and_then(|p| p.latency).map(|l| l.avg.as_secs_f64()),
        most: p.and_then(|p| p.latency).map(|l| l.max.as_secs_f64()),
    });
    // Neighbours of one tone are one stretch.
    let mut bad: Vec<(Wall, Wall, Tone, u64)> = Vec::new();
    stretches(past, from, to, points, |p, begin, end| {
        let Some(u) = p.map(|p| p.uptime) else { return };
        let failed = u.count.saturating_sub(u.up + u.unknown);
        let tone = match (failed, u.unknown) {
            (0, 0) => return,
            (0, _) => Tone::Unknown,
            (n, _) if n * 2 >= u.count => Tone::Bad,
            _ => Tone::Warn,
        };
        let n = failed.max(u.unknown);
        match bad.last_mut().filter(|(_, until, same, _)| *until == begin && *same == tone) {
            Some(last) => (last.1, last.3) = (end, last.3 + n),
            None => bad.push((begin, end, tone, n)),
        }
    });
    let notes: Vec<String> = bad
        .iter()
        .map(|(from, to, tone, n)| {
            let what = if *tone == Tone::Unknown { "not known" } else { "failed" };
            format!("{} to {}: {n} {what}", clock.time(*from), clock.time(*to))
        })
        .collect();
    let stretches: Vec<Stretch<'_>> = bad
        .iter()
        .zip(&notes)
        .map(|((from, to, tone, _), note)| Stretch { from: from.0, to: to.0, tone: *tone, note })
        .collect();
    foghorn_look::latency(&Latency {
        title: "Latency",
        from: from.0,
        to: to.0,
        points: &drawn,
        stretches: &stretches,
        ticks: &ticks(from, to, clock),
        limit: None,
    })
}

/// Both ends and the middle.
pub(super) fn ticks(from: Wall, to: Wall, clock: &Clock) -> Vec<(i64, String)> {
    let middle = Wall(from.0 + (to.0 - from.0) / 2);
    let (day, long) = (Span::hours(24), to.since(from));
    let pattern = match long {
        _ if long > Span(2 * day.0) => "%b %-d",
        _ if clock.zoned(from).date() != clock.zoned(to).date() => "%a %H:%M",
        _ if long > Span::mins(5) => "%H:%M",
        _ => "%H:%M:%S",
    };
    [from, middle, to].map(|at| (at.0, clock.zoned(at).strftime(pattern).to_string())).to_vec()
}

/// Seven days from the beginning of today, on the schedule's calendar.
pub(super) fn days(time_zone: &str, now: Wall) -> Vec<WeekDay> {
    let zone = zone(time_zone).unwrap_or(TimeZone::UTC);
    let Ok(mut day) = now.timestamp().to_zoned(zone).start_of_day() else { return Vec::new() };
    let mut all = Vec::new();
    for _ in 0..DAYS {
        let Ok(next) = day.checked_add(1.day()).and_then(|d| d.start_of_day()) else { break };
        all.push(WeekDay {
            label: day.strftime("%a %-d").to_string(),
            from: day.timestamp().as_millisecond(),
            to: next.timestamp().as_millisecond(),
        });
        day = next;
    }
    all
}

/// A schedule's week.
pub(super) fn week(name: &str, days: &[WeekDay], turns: &[Turn], now: Wall) -> String {
    let turns: Vec<foghorn_look::Turn> = turns
        .iter()
        .map(|t| foghorn_look::Turn {
            from: t.from.0,
            to: t.to.0,
            who: t.people.join(", "),
            stand_in: t.stand_in,
        })
        .collect();
    foghorn_look::week(&format!("{name}: the week ahead"), days, &turns, Some(now.0))
}

/// What stands on what.
pub(super) fn topology(nodes: &[Node]) -> String {
    let nodes: Vec<foghorn_look::Node> = nodes
        .iter()
        .map(|n| foghorn_look::Node {
            name: n.name.to_string(),
            tone: tone(n.state),
            word: n.state.to_owned(),
            endangered: n.state == "endangered",
            stands_on: n.stands_on.iter().map(ToString::to_string).collect(),
        })
        .collect();
    foghorn_look::topology("What stands on what", &nodes)
}

/// What sort of thing.
pub(super) fn kind(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Site => "site",
        EntityKind::Host => "host",
        EntityKind::Instance => "instance",
        EntityKind::Service => "service",
        EntityKind::Component => "component",
        EntityKind::Tenant => "tenant",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{CheckLatency, CheckPoint, CheckUptime};
    use std::time::Duration;

    fn past(points: &[(i64, Option<u64>)]) -> CheckHistory {
        let point = |(at, ms): &(i64, Option<u64>)| {
            let of = |ms| {
                let d = Duration::from_millis(ms);
                CheckLatency { min: d, avg: d, max: d, p95: d }
            };
            CheckPoint {
                at: Wall(*at),
                uptime: CheckUptime { count: 2, up: if ms.is_some() { 2 } else { 0 }, unknown: 0 },
                latency: ms.map(of),
            }
        };
        CheckHistory { uptime: CheckUptime::default(), points: points.iter().map(point).collect() }
    }

    #[test]
    fn each_result_is_in_its_own_stretch_and_gaps_are_gaps() {
        let past = past(&[(2000, Some(1)), (3000, Some(2)), (5000, None), (6000, Some(3))]);
        let values = stretches(&past, Wall(0), Wall(8000), 8, |p, ..| p.map(|p| p.at.0));
        assert_eq!(values, [None, None, Some(2000), Some(3000), None, Some(5000), Some(6000), None]);
        assert!(spark(&past, Wall(0), Wall(8000), 8).contains("<svg"));
        assert_eq!(spark(&CheckHistory::default(), Wall(0), Wall(8000), 8), "");
    }

    #[test]
    fn a_week_has_the_days_of_its_zone() {
        // 2026-10-25 is 25 hours long in Lisbon.
        let days = days("Europe/Lisbon", Wall(1_792_836_000_000));
        let long: Vec<i64> = days.iter().map(|d| (d.to - d.from) / 3_600_000).collect();
        assert_eq!(long.len(), 7);
        assert_eq!(long.iter().sum::<i64>(), 7 * 24 + 1, "{days:?}");
    }
}
