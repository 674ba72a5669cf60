//! Checks: how each stands, and how one fared.

use super::form::{Asked, Path, encoded};
use super::guard::Visitor;
use super::leaf::Leaf;
use super::page::{self, Frame, Here, respond};
use super::text::{Clock, NAME, WIDE, count, line, long};
use super::{Web, charts, live};
use crate::ports::{CheckHistory, CheckResult, CheckUptime};
use crate::problem::{Kind, Problem};
use crate::routes::checks::kind;
use crate::show::check::Standing;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use foghorn_config::Config;
use foghorn_config::expect::{Op, Phase, Subject, Value};
use foghorn_config::model::Check;
use foghorn_core::setup::CheckRule;
use foghorn_core::time::{Span, Wall};
use foghorn_core::words::{Name, Severity};
use foghorn_engine::View;
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;

/// Checks on one page.
const ON_A_PAGE: usize = 50;
/// Stretches of a day in a sparkline.
const SPARKS: usize = 48;
/// Stretches in a chart.
const POINTS: usize = 120;
/// Single results.
const RECENT: usize = 10;
/// Single results that are looked through for what was too slow: two days of one every ten seconds, as they are kept.
const SINGLE: usize = 20_000;
/// A chart of less than this shows nothing.
const SHORTEST: Span = Span::mins(1);
const DAY: Span = Span::hours(24);

/// How far a chart looks back: its name in the address, its words, its length.
const RANGES: [(&str, &str, Span); 5] = [
    ("1h", "hour", Span::hours(1)),
    ("1d", "day", DAY),
    ("7d", "week", Span::hours(7 * 24)),
    ("30d", "30 days", Span::hours(30 * 24)),
    ("90d", "90 days", Span::hours(90 * 24)),
];

struct Row {
    name: String,
    at: String,
    /// `ok`, `firing`, `flapping`, `stale`, `unknown`, `pending`.
    state: &'static str,
    severity: Severity,
    kind: &'static str,
    entity: String,
    incident: Option<u64>,
    says: String,
    spark: String,
}

#[derive(Template)]
#[template(path = "console/checks.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    q: String,
    total: usize,
    found: usize,
    unwell: usize,
    /// How many of them cannot be known.
    unknown: usize,
    leaf: Leaf,
}

fn standing(web: &Web, view: &View, name: &Name, rule: &CheckRule) -> Standing {
    Standing::of(view, name, rule, web.api.parts.checks.last(name).as_ref())
}

/// `GET /checks`
pub(super) async fn list(State(web): State<Arc<Web>>, visitor: Visitor, asked: Asked) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let (view, config) = (web.api.view(), web.api.config());
        let clock = page::clock(&view, visitor);
        let q = line(asked.get("q"), NAME).to_ascii_lowercase();
        let checks = &view.state.setup.checks;
        let fits = |name: &Name, rule: &CheckRule| {
            name.to_ascii_lowercase().contains(&q)
                || rule.entity.as_ref().is_some_and(|e| e.to_ascii_lowercase().contains(&q))
        };
        let found = checks.iter().filter(|(name, rule)| fits(name, rule));
        let mut found: Vec<_> =
            found.map(|(name, rule)| (standing(web, &view, name, rule), name, rule)).collect();
        found.sort_by(|(a, x, _), (b, y, _)| (a.rank(), x).cmp(&(b.rank(), y)));
        let leaf = Leaf::of(&asked, found.len(), ON_A_PAGE, format!("/checks?q={}&", encoded(&q)));
        let page = List {
            rows: leaf
                .cut(&found)
                .map(|(standing, name, rule)| row(web, &view, &clock, &config, name, rule, standing.word()))
                .collect(),
            total: checks.len(),
            found: found.len(),
            unknown: found.iter().filter(|(standing, ..)| *standing == Standing::Unknown).count(),
            unwell: found.iter().filter(|(standing, ..)| matches!(standing, Standing::Alert(_))).count(),
            q,
            leaf,
            frame: Frame::new(web, &view, visitor, "Checks", Here::Checks).live(live::CHECKS),
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}

fn row(
    web: &Web,
    view: &View,
    clock: &Clock,
    config: &Config,
    name: &Name,
    rule: &CheckRule,
    state: &'static str,
) -> Row {
    let now = view.at.wall;
    // A sparkline that cannot be drawn is left out; the check's own page says why.
    let past = match rule.heartbeat {
        Some(_) => None,
        None => web.api.history(name, now - DAY, now, SPARKS).ok(),
    };
    let alert = view.state.check_alert(name);
    Row {
        name: line(name, NAME),
        at: format!("/checks/{}", encoded(name)),
        state,
        severity: alert.map_or(rule.severity, |a| a.severity),
        kind: kind(config, name, rule),
        entity: rule.entity.as_ref().map_or_else(String::new, |e| line(e, NAME)),
        incident: alert.map(|a| a.incident),
        says: says(web, view, clock, name, rule),
        spark: past.map_or_else(String::new, |p| charts::spark(&p, now - DAY, now, SPARKS)),
    }
}

/// What is known of it, in a line.
fn says(web: &Web, view: &View, clock: &Clock, name: &Name, rule: &CheckRule) -> String {
    if let Some(alert) = view.state.check_alert(name) {
        return line(&format!("{}, since {}", alert.summary(), clock.time(alert.started)), WIDE);
    }
    let Some(beat) = &rule.heartbeat else {
        let last = web.api.parts.checks.last(name);
        return last.map_or_else(|| "no result yet".to_owned(), |f| line(&f.summary, WIDE));
    };
    let seen = view.state.heartbeats.get(name);
    match seen.and_then(|b| b.last) {
        Some(at) => format!("pinged at {}, expected every {}", clock.time(at), beat.every),
        None => format!("never pinged; expected every {}", beat.every),
    }
}

/// `12 ms`, `1.20 s`.
fn took(d: Duration) -> String {
    match d.as_micros() {
        0..1_000 => format!("{} µs", d.as_micros()),
        1_000..10_000 => format!("{:.1} ms", d.as_secs_f64() * 1e3),
        10_000..1_000_000 => format!("{} ms", d.as_millis()),
        _ => format!("{:.2} s", d.as_secs_f64()),
    }
}

#[derive(Template)]
#[template(path = "console/check.html")]
struct One {
    frame: Frame,
    name: String,
    at: String,
    row: Row,
    /// Days and per cent.
    uptime: Vec<(String, String)>,
    ranges: Vec<(&'static str, &'static str, bool)>,
    chart: String,
    /// When it begins, where that is not as far back as was asked for.
    begins: Option<String>,
    /// Why there is no chart.
    missing: Option<String>,
    phases: Vec<(String, String)>,
    recent: Vec<(String, Option<bool>, String)>,
    runbook: Option<String>,
    beat: Option<String>,
}

/// What a chart shows, and from when on: a check that is younger than what was asked for from its first result on, as finely
/// as fits.
fn drawn(web: &Web, name: &Name, from: Wall, now: Wall) -> Result<(Wall, CheckHistory), Problem> {
    let past = web.api.history(name, from, now, POINTS)?;
    let first = past.points.first().map_or(from, |p| p.at).min(now - SHORTEST);
    let missing = first.since(from).0;
    if first <= from || missing < now.since(from).0 / 20 {
        return Ok((from, past));
    }
    let past = web.api.history(name, first, now, POINTS)?;
    let first = past.points.first().map_or(first, |p| p.at.max(first)).min(now - SHORTEST);
    Ok((first, past))
}

/// What failed because it took longer than it may. How long something else took that failed is no latency.
fn too_slow(check: Option<&Check>, results: &[CheckResult]) -> charts::Slow {
    let limits =
        check.into_iter().flat_map(|c| &c.expect).filter_map(|e| match (&e.subject, e.op, &e.value) {
            (Subject::Phase(Phase::Total), Op::Lt | Op::Le, Value::Seconds(limit)) => Some(*limit),
            _ => None,
        });
    let Some(limit) = limits.min_by(f64::total_cmp) else { return charts::Slow::default() };
    let slow = results.iter().rev().filter(|r| r.good == Some(false));
    let slow = slow.map(|r| (r.at, r.total.as_secs_f64())).filter(|(_, seconds)| *seconds >= limit * 0.99);
    charts::Slow { limit: Some(limit), results: slow.collect() }
}

/// `99.95 % of 1440 results`: of how many tells for how long it was looked at.
fn up(u: CheckUptime) -> String {
    match u.count.saturating_sub(u.unknown) {
        0 => per_cent(u),
        n => format!("{} of {}", per_cent(u), count(n, "result", "results")),
    }
}

/// `99.95 %`; what is not whole is never shown as 100.
fn per_cent(u: CheckUptime) -> String {
    let known = u.count.saturating_sub(u.unknown);
    if known == 0 {
        return "no results".to_owned();
    }
    // Rounded down, in hundredths of a per cent.
    let share = u128::from(u.up) * 10_000 / u128::from(known);
    format!("{}.{:02} %", share / 100, share % 100)
}

/// `GET /checks/{name}`
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(name): Path<String>,
    asked: Asked,
) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let (view, config) = (web.api.view(), web.api.config());
        let clock = page::clock(&view, visitor);
        let rule = view.state.setup.checks.get_key_value(name.as_str());
        let unknown = || Problem::new(Kind::NotFound, "no check of this name is in the configuration");
        let (name, rule) = rule.ok_or_else(unknown)?;
        let (figures, now) = (&web.api.parts.checks, view.at.wall);
        let (range, _, span) = RANGES.iter().find(|(n, ..)| *n == asked.get("range")).unwrap_or(&RANGES[1]);
        let (mut uptime, mut chart, mut missing) = (Vec::new(), String::new(), None);
        let (mut recent, mut begins) = (Vec::new(), None);
        if rule.heartbeat.is_none() {
            for (_, words, back) in &RANGES[1..] {
                if let Ok(past) = web.api.history(name, now - *back, now, 0) {
                    uptime.push(((*words).to_owned(), up(past.uptime)));
                }
            }
            let results = web.api.recent(name, SINGLE).unwrap_or_default();
            match drawn(web, name, now - *span, now) {
                Ok((from, past)) => {
                    let slow = too_slow(config.checks.get(&**name).map(|c| &**c), &results);
                    chart = charts::latency(&past, &slow, from, now, POINTS, &clock);
                    begins = (from > now - *span).then(|| clock.time(from));
                }
                Err(why) => missing = Some(line(&why.detail, WIDE)),
            }
            let last = results.into_iter().take(RECENT);
            recent = last.map(|r| (clock.second(r.at), r.good, took(r.total))).collect();
        }
        let state = standing(web, &view, name, rule).word();
        let last = figures.last(name);
        let beat = rule.heartbeat.as_ref().map(|h| {
            let seen = view.state.heartbeats.get(name);
            let due = seen.map_or_else(String::new, |b| {
                format!("; the next ping is overdue from {}", clock.time(view.wall_at(b.due)))
            });
            format!("It is to be pinged every {}, and may be {} late{due}.", h.every, long(h.grace))
        });
        let page = One {
            name: line(name, NAME),
            at: format!("/checks/{}", encoded(name)),
            row: row(web, &view, &clock, &config, name, rule, state),
            uptime,
            ranges: RANGES.iter().map(|(n, words, _)| (*n, *words, n == range)).collect(),
            chart,
            begins,
            missing,
            phases: last.map_or_else(Vec::new, |f| {
                f.phases.into_iter().map(|(n, d)| (n.replace('_', " "), took(d))).collect()
            }),
            recent,
            runbook: rule.runbook.clone().filter(|r| crate::show::picture::is_web_link(r)),
            beat,
            frame: Frame::new(web, &view, visitor, &format!("Check {}", line(name, NAME)), Here::Checks)
                .live(live::CHECKS),
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_took_longer_than_it_may_was_too_slow() {
        let check = |expect: &str| {
            let yaml = format!(
                "people: {{ a: {{ contacts: [{{ via: h }}] }} }}\nchannels: {{ h: {{ kind: webhook, url: \"http://h/\" }} }}\nescalations: {{ default: {{ steps: [ {{ page: [everyone] }} ] }} }}\nchecks: {{ c: {{ http: \"http://c/\", expect: [{expect}] }} }}\n"
            );
            let config = foghorn_config::parse(&yaml, "f", std::path::Path::new("."), &|_| None);
            config.unwrap_or_else(|e| panic!("{e}")).checks.remove("c").unwrap()
        };
        let of = |at, good, ms| CheckResult { at: Wall(at), good, total: Duration::from_millis(ms) };
        // The newest first: refused at once, too slow, too slow for another reason, good, not known.
        let results = [
            of(50, Some(false), 1),
            of(40, Some(false), 301),
            of(30, Some(false), 5000),
            of(20, Some(true), 50),
            of(10, None, 900),
        ];
        let slow = too_slow(Some(&check("total < 200ms, total < 1s, connect < 10ms")), &results);
        assert_eq!((slow.limit, &slow.results[..]), (Some(0.2), &[(Wall(30), 5.0), (Wall(40), 0.301)][..]));
        for slow in [too_slow(Some(&check("status == 200")), &results), too_slow(None, &results)] {
            assert_eq!((slow.limit, slow.results), (None, vec![]));
        }
    }

    #[test]
    fn what_failed_once_is_not_a_hundred_per_cent() {
        let of = |count, up, unknown| per_cent(CheckUptime { count, up, unknown });
        assert_eq!(of(1_000_000, 999_999, 0), "99.99 %");
        assert_eq!(
            (of(10, 10, 0), of(10, 8, 2), of(3, 0, 3)),
            ("100.00 %".into(), "100.00 %".into(), "no results".into())
        );
    }

    #[test]
    fn lengths_of_time_are_read_at_a_glance() {
        let of = |us| took(Duration::from_micros(us));
        assert_eq!([of(345), of(1_234), of(45_678), of(1_204_000)], ["345 µs", "1.2 ms", "45 ms", "1.20 s"]);
    }
}
