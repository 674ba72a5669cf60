//! From what is known to pictures.

use super::marks::tone;
use super::on_call::Turn;
use super::text::Clock;
use super::topology::Node;
use crate::ports::{CheckHistory, CheckPoint, CheckUptime};
use foghorn_core::setup::EntityKind;
use foghorn_core::time::{Span, Wall};
use foghorn_look::{ClockSet, Latency, Point, Sparked, Stretch, Tone, WeekDay};
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};

/// Days of a week's picture.
const DAYS: usize = 7;

/// A stretch of time, and what was measured in it.
type Stretched<'a> = (Wall, Wall, Option<&'a CheckPoint>);

/// From the first result to `to`, in stretches of equal length: the history leaves out those without any result.
fn stretches(past: &CheckHistory, from: Wall, to: Wall, points: usize) -> Vec<Stretched<'_>> {
    let Some(first) = past.points.first() else { return Vec::new() };
    // Points begin at whole multiples of a length that the history has chosen.
    let asked = (to.since(from).0 / points.max(1) as u64).max(1);
    let between = past.points.windows(2).map(|two| match two {
        [a, b] => b.at.since(a.at).0,
        _ => asked,
    });
    let width = between.min().unwrap_or(asked).max(asked / 2).max(1);
    let mut known = past.points.iter().peekable();
    let mut all = Vec::new();
    let mut begin = first.at;
    while begin < to && all.len() < 2 * points {
        let end = begin + Span(width);
        all.push((begin, end, known.next_if(|p| p.at < end)));
        begin = end;
    }
    all
}

/// A day of a check, in a cell of a table.
pub(super) fn spark(past: &CheckHistory, from: Wall, to: Wall, points: usize) -> String {
    let all = stretches(past, from, to, points);
    if all.is_empty() {
        return String::new();
    }
    let long = to.since(from).0.max(1) as f64;
    let each = all.first().map_or(0.0, |(begin, end, _)| end.since(*begin).0 as f64 / long);
    let point = |(begin, _, p): Stretched<'_>| {
        let p = p?;
        Some(Sparked {
            at: begin.since(from).0 as f64 / long + each / 2.0,
            value: p.latency.map(|l| l.avg.as_secs_f64()),
            tone: failing(p.uptime).unwrap_or(Tone::Good),
        })
    };
    let points: Vec<Sparked> = all.into_iter().filter_map(point).collect();
    foghorn_look::sparkline("Latency over the last day", each, &points)
}

/// How bad a stretch was; `None` where every result was good.
fn failing(u: CheckUptime) -> Option<Tone> {
    match (failed(u), u.unknown) {
        (0, 0) => None,
        (0, _) => Some(Tone::Unknown),
        (n, _) if n * 2 >= u.count => Some(Tone::Bad),
        _ => Some(Tone::Warn),
    }
}

fn failed(u: CheckUptime) -> u64 {
    u.count.saturating_sub(u.up + u.unknown)
}

/// What a check's latency may be, and what failed because it was longer.
#[derive(Default)]
pub(super) struct Slow {
    /// In seconds.
    pub(super) limit: Option<f64>,
    /// When, oldest first, and seconds. The history itself has the latencies of what was good.
    pub(super) results: Vec<(Wall, f64)>,
}

impl Slow {
    /// A point of the chart: the mean of what was good in a stretch and of what was too slow, and the longest.
    fn point(&self, begin: Wall, end: Wall, p: Option<&CheckPoint>) -> Point {
        let good = p.and_then(|p| p.latency.map(|l| (l, p.uptime.up)));
        let first = self.results.partition_point(|(at, _)| *at < begin);
        let slow = self.results.iter().skip(first).take_while(|(at, _)| *at < end);
        let (mut sum, mut n, mut most) = match good {
            Some((l, up)) => (l.avg.as_secs_f64() * up as f64, up, Some(l.max.as_secs_f64())),
            None => (0.0, 0, None),
        };
        for (_, seconds) in slow {
            (sum, n, most) = (sum + seconds, n + 1, Some(most.map_or(*seconds, |m| m.max(*seconds))));
        }
        Point {
            at: begin.0 + (end.0 - begin.0) / 2,
            value: most.map(|most| if n > 0 { sum / n as f64 } else { most }),
            most,
        }
    }
}

/// A check's latency, with the stretches in which it failed.
pub(super) fn latency(
    past: &CheckHistory,
    slow: &Slow,
    from: Wall,
    to: Wall,
    points: usize,
    clock: &Clock,
) -> String {
    let all = stretches(past, from, to, points);
    let drawn: Vec<Point> = all.iter().map(|(begin, end, p)| slow.point(*begin, *end, *p)).collect();
    // Neighbours of one tone are one stretch.
    let mut bad: Vec<(Wall, Wall, Tone, u64)> = Vec::new();
    for (begin, end, point) in all {
        let Some(u) = point.map(|p| p.uptime) else { continue };
        let Some(tone) = failing(u) else { continue };
        let n = failed(u).max(u.unknown);
        match bad.last_mut().filter(|(_, until, same, _)| *until == begin && *same == tone) {
            Some(last) => (last.1, last.3) = (end, last.3 + n),
            None => bad.push((begin, end.min(to), tone, n)),
        }
    }
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
        limit: slow.limit,
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

/// Seven days from the beginning of today, on a calendar.
pub(super) fn days(zone: &TimeZone, now: Wall) -> Vec<WeekDay> {
    let Ok(mut day) = now.timestamp().to_zoned(zone.clone()).start_of_day() else { return Vec::new() };
    let mut all = Vec::new();
    for _ in 0..DAYS {
        let Ok(next) = day.checked_add(1.day()).and_then(|d| d.start_of_day()) else { break };
        all.push(WeekDay {
            label: day.strftime("%a %-d").to_string(),
            from: day.timestamp().as_millisecond(),
            to: next.timestamp().as_millisecond(),
            set: clock_set(zone, &day, &next),
        });
        day = next;
    }
    all
}

/// When clocks are set between the beginnings of two days.
fn clock_set(zone: &TimeZone, day: &Zoned, next: &Zoned) -> Option<ClockSet> {
    let set = zone.preceding(next.timestamp()).next().filter(|t| t.timestamp() >= day.timestamp())?;
    let before = zone.to_offset(set.timestamp().checked_sub(1.second()).ok()?);
    let by = i64::from(set.offset().seconds()) - i64::from(before.seconds());
    (by != 0).then(|| ClockSet { at: set.timestamp().as_millisecond(), by: by * 1000 })
}

/// `Tue 24 09:00`, and on a day on which clocks are set by which of them: `Sun 25 01:10 WEST`.
fn until(days: &[WeekDay], at: &Zoned) -> String {
    let ms = at.timestamp().as_millisecond();
    let odd = days.iter().any(|day| day.set.is_some() && (day.from..=day.to).contains(&ms));
    at.strftime(if odd { "%a %-d %H:%M %Z" } else { "%a %-d %H:%M" }).to_string()
}

/// A schedule's week.
pub(super) fn week(name: &str, days: &[WeekDay], turns: &[Turn], clock: &Clock) -> String {
    let turns: Vec<foghorn_look::Turn> = turns
        .iter()
        .map(|t| foghorn_look::Turn {
            from: t.from.0,
            to: t.to.0,
            until: until(days, &clock.zoned(t.to)),
            who: t.people.join(", "),
            stand_in: t.stand_in,
        })
        .collect();
    foghorn_look::week(&format!("{name}: the week ahead"), days, &turns, Some(clock.now.0))
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
            href: Some(super::topology::around(&n.name)),
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
    use crate::ports::CheckLatency;
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
        let all = stretches(&past, Wall(0), Wall(8100), 8);
        let at: Vec<(i64, Option<i64>)> =
            all.iter().map(|(begin, _, p)| (begin.0, p.map(|p| p.at.0))).collect();
        let known = [2000, 3000, 5000, 6000];
        let expected: Vec<(i64, Option<i64>)> =
            (2..=8).map(|n| (n * 1000, Some(n * 1000).filter(|at| known.contains(at)))).collect();
        assert_eq!(at, expected);
        assert!(spark(&past, Wall(0), Wall(8000), 8).contains("<svg"));
        assert_eq!(spark(&CheckHistory::default(), Wall(0), Wall(8000), 8), "");
    }

    /// Of the first stretch one was good and one too slow, of the second all were too slow, of the third none is known.
    #[test]
    fn what_was_too_slow_is_part_of_the_line() {
        let mut past = past(&[(1000, Some(100)), (2000, None), (3000, None)]);
        past.points[0].uptime = CheckUptime { count: 2, up: 1, unknown: 0 };
        let slow =
            Slow { limit: Some(0.2), results: vec![(Wall(1500), 0.3), (Wall(2000), 0.4), (Wall(2100), 0.6)] };
        let point = |n: usize| {
            let begin = Wall(1000 * (n as i64 + 1));
            let p = slow.point(begin, begin + Span(1000), past.points.get(n));
            (p.at, p.value, p.most)
        };
        assert_eq!(point(0), (1500, Some(0.2), Some(0.3)));
        assert_eq!(point(1), (2500, Some(0.5), Some(0.6)));
        assert_eq!(point(2), (3500, None, None));
    }

    /// Two results of each stretch, of which one was a 500: the good one has a latency, and the stretch has failed.
    #[test]
    fn a_sparkline_shows_what_failed_where_it_was() {
        let mut past = past(&[(6000, Some(1)), (7000, Some(2))]);
        assert!(!spark(&past, Wall(0), Wall(8000), 8).contains("class=\"solid"));
        past.points[1].uptime = CheckUptime { count: 2, up: 1, unknown: 0 };
        let drawn = spark(&past, Wall(0), Wall(8000), 8);
        assert!(drawn.contains("2 measured stretches of time, 1 with failures"), "{drawn}");
        assert!(drawn.contains("<path class=\"solid bad\" d=\"M105 28v-8h15v8z\"/>"), "{drawn}");
        assert!(
            drawn.contains("<path class=\"trace\" d=\"M97.5 12.5h.01L112.5 2\"/>"),
            "at its time: {drawn}"
        );
    }

    #[test]
    fn a_week_has_the_days_of_its_zone() {
        // 2026-10-25 is 25 hours long in Lisbon.
        let days = days(&foghorn_core::schedule::zone("Europe/Lisbon").unwrap(), Wall(1_792_836_000_000));
        let long: Vec<i64> = days.iter().map(|d| (d.to - d.from) / 3_600_000).collect();
        assert_eq!(long.len(), 7);
        assert_eq!(long.iter().sum::<i64>(), 7 * 24 + 1, "{days:?}");
    }

    /// The day on which clocks are set, how long it is, when they are set after its beginning, and by how much, in minutes.
    fn odd_days(zone: &str, now: &str) -> Vec<(String, i64, i64, i64)> {
        let zone = foghorn_core::schedule::zone(zone).unwrap();
        let now: jiff::Timestamp = now.parse().unwrap();
        let odd = |day: WeekDay| {
            let set = day.set?;
            Some((day.label, (day.to - day.from) / 60_000, (set.at - day.from) / 60_000, set.by / 60_000))
        };
        days(&zone, Wall(now.as_millisecond())).into_iter().filter_map(odd).collect()
    }

    #[test]
    fn a_week_knows_when_clocks_are_set() {
        let lisbon = "Europe/Lisbon";
        assert_eq!(odd_days(lisbon, "2026-10-21T12:00:00Z"), [("Sun 25".to_owned(), 1500, 120, -60)]);
        assert_eq!(odd_days(lisbon, "2026-03-29T12:00:00Z"), [("Sun 29".to_owned(), 1380, 60, 60)]);
        assert_eq!(odd_days(lisbon, "2026-11-21T12:00:00Z"), []);
        assert_eq!(odd_days("UTC", "2026-10-21T12:00:00Z"), []);
        // In Chile at midnight: the one day begins at one, the other has the hour before midnight twice.
        assert_eq!(odd_days("America/Santiago", "2026-09-06T12:00:00Z"), [("Sun 6".to_owned(), 1380, 0, 60)]);
        assert_eq!(
            odd_days("America/Santiago", "2026-04-03T12:00:00Z"),
            [("Sat 4".to_owned(), 1500, 1440, -60)]
        );
    }

    #[test]
    fn the_two_hours_of_one_name_are_told_apart() {
        let zone = foghorn_core::schedule::zone("Europe/Lisbon").unwrap();
        let now = Wall(1_792_836_000_000);
        let days = days(&zone, now);
        let clock = Clock { now, zone };
        let until = |at: &str| {
            let at: jiff::Timestamp = at.parse().unwrap();
            super::until(&days, &clock.zoned(Wall(at.as_millisecond())))
        };
        assert_eq!(until("2026-10-25T00:10:00Z"), "Sun 25 01:10 WEST");
        assert_eq!(until("2026-10-25T01:10:00Z"), "Sun 25 01:10 WET");
        assert_eq!(until("2026-10-26T09:00:00Z"), "Mon 26 09:00");
    }
}
