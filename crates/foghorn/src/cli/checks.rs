//! `foghorn check`.

use super::client::{call, list, number, segment, text};
use super::{Done, Failure, Remote, local, say};
use clap::Subcommand;
use foghorn_core::text::clean;
use http::Method;
use serde_json::Value;
use std::io::IsTerminal;

/// Signs in the line of latencies.
const SIGNS: usize = 60;

#[derive(Subcommand)]
pub enum CheckCommand {
    /// Lists them, and how each stands
    #[command(after_help = "Example:\n  foghorn check list")]
    List {
        #[command(flatten)]
        to: Remote,
    },
    /// Shows how one stands, its uptime, its latency and its last results
    #[command(after_help = "Example:\n  foghorn check show shop\n  foghorn check show shop --last 7d")]
    Show {
        /// Its name
        name: String,
        /// How far the line of latencies goes back: 1h, 7d
        #[arg(long, value_name = "DURATION", default_value = "1d")]
        last: String,
        #[command(flatten)]
        to: Remote,
    },
    #[command(flatten)]
    Local(local::CheckCommand),
}

pub fn run(command: CheckCommand) -> Done {
    match command {
        CheckCommand::List { to } => {
            let found = call(&to, Method::GET, "/api/v1/checks", None)?;
            if to.json {
                say(&found.to_string());
                return Ok(());
            }
            let checks = list(&found, "/checks");
            if checks.is_empty() {
                say("There is no check in the configuration.");
            }
            table(&checks.iter().map(row).collect::<Vec<_>>());
            Ok(())
        }
        CheckCommand::Show { name, last, to } => {
            let wrong = |e: String| Failure::Wrong(format!("--last {last}: {e}"));
            let span = foghorn_config::parse_duration(&last).map_err(wrong)?;
            let from = jiff::Timestamp::now().checked_sub(span).map_err(|e| wrong(e.to_string()))?;
            let path = format!("/api/v1/checks/{}?from={from}&points={SIGNS}", segment(&name));
            let found = call(&to, Method::GET, &path, None)?;
            if to.json {
                say(&found.to_string());
            } else {
                show(&found);
            }
            Ok(())
        }
        CheckCommand::Local(command) => local::check(command),
    }
}

fn row(check: &Value) -> [String; 5] {
    let wrong = text(check, "/summary");
    [
        text(check, "/name").to_owned(),
        text(check, "/kind").to_owned(),
        text(check, "/state").to_owned(),
        took(check, "/last/total_ms"),
        if wrong.is_empty() { text(check, "/last/summary") } else { wrong }.to_owned(),
    ]
}

fn show(check: &Value) {
    table(&[row(check)]);
    // One that is missed is awaited for another interval, and is overdue since long before.
    let missed = check.get("incident").is_some_and(Value::is_u64);
    let due = if missed { "awaited until" } else { "overdue from" };
    for (label, path) in [("since", "/since"), (due, "/heartbeat/due")] {
        let at = text(check, path);
        if !at.is_empty() {
            say(&format!("{label} {at}"));
        }
    }
    if let Some(id) = check.get("incident").and_then(Value::as_u64) {
        say(&format!("incident {id}"));
    }
    let uptime = list(check, "/uptime").iter().map(|u| {
        let unknown = match number(u, "/unknown") {
            0 => String::new(),
            n => format!(", {n} not known"),
        };
        let count = match number(u, "/count") {
            0 => "no results".to_owned(),
            n => format!("{n} results{unknown}"),
        };
        let days = number(u, "/days");
        [format!("{days} {}", if days == 1 { "day" } else { "days" }), share(u), count]
    });
    say("\nUptime");
    table(&uptime.collect::<Vec<_>>());

    let points: Vec<Point> = list(check, "/history/points").iter().filter_map(Point::read).collect();
    let signs = if std::io::stdout().is_terminal() { &BLOCKS } else { &ASCII };
    if let [first, ..] = list(check, "/history/points") {
        let since = text(first, "/at");
        let (full, failed) = (top(&points), signs.failed);
        say(&format!("\nLatency since {since}: up to {full:.1} ms; {failed} some failed, ? not known"));
        say(&format!("  {}", line(&points, signs)));
    }
    let results = list(check, "/recent").iter().map(|r| {
        let outcome = match r.get("good").and_then(Value::as_bool) {
            Some(true) => "good",
            Some(false) => "bad",
            None => "not known",
        };
        [text(r, "/at").to_owned(), outcome.to_owned(), took(r, "/total_ms")]
    });
    let results: Vec<_> = results.collect();
    if !results.is_empty() {
        say("\nLast results");
        table(&results);
    }
}

fn took(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_f64).map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1} ms"))
}

/// Of what is known. Never rounded up to 100 %: a check that failed once did fail.
fn share(uptime: &Value) -> String {
    let known = number(uptime, "/count").saturating_sub(number(uptime, "/unknown"));
    let shares = number(uptime, "/up").saturating_mul(100_000).checked_div(known);
    shares.map_or_else(|| "-".to_owned(), |s| format!("{}.{:03} %", s / 1000, s % 1000))
}

/// Rows below one another, each column as wide as its widest cell.
fn table<const N: usize>(rows: &[[String; N]]) {
    let rows: Vec<[String; N]> = rows.iter().map(|r| r.each_ref().map(|c| clean(c))).collect();
    let widths: [usize; N] =
        std::array::from_fn(|i| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0));
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, w)| format!("{cell:<w$}")).collect();
        say(format!("  {}", cells.join("  ")).trim_end());
    }
}

/// The results of a stretch of time.
struct Point {
    at: i64,
    failed: bool,
    /// The mean; `None` if none was good.
    ms: Option<f64>,
}

impl Point {
    fn read(value: &Value) -> Option<Point> {
        let at: jiff::Timestamp = text(value, "/at").parse().ok()?;
        Some(Point {
            at: at.as_millisecond(),
            failed: number(value, "/up").saturating_add(number(value, "/unknown")) < number(value, "/count"),
            ms: value.pointer("/latency/avg_ms").and_then(Value::as_f64),
        })
    }
}

struct Signs {
    /// From nothing to the most.
    levels: [char; 8],
    failed: char,
}

const BLOCKS: Signs =
    Signs { levels: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'], failed: '✗' };
const ASCII: Signs = Signs { levels: ['.', ',', ':', '-', '=', '+', '*', '#'], failed: 'x' };

fn top(points: &[Point]) -> f64 {
    points.iter().filter_map(|p| p.ms).fold(f64::MIN_POSITIVE, f64::max)
}

/// A sign for each point, and a space for each that is missing between two.
fn line(points: &[Point], signs: &Signs) -> String {
    let top = top(points);
    // Points lie on a grid: where two are neighbours, its width is seen.
    let gaps = || points.windows(2).map(|w| (w[1].at - w[0].at).max(1));
    let width = gaps().min().unwrap_or(1);
    let missing = std::iter::once(0).chain(gaps().map(|gap| usize::try_from(gap / width - 1).unwrap_or(0)));
    points.iter().zip(missing).fold(String::new(), |mut out, (p, missing)| {
        out.extend(std::iter::repeat_n(' ', missing.min(SIGNS)));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
        out.push(match p.ms {
            _ if p.failed => signs.failed,
            Some(ms) => signs.levels[((ms / top * 8.0).ceil().clamp(1.0, 8.0) as usize) - 1],
            None => '?',
        });
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn point(minute: u32, count: u64, up: u64, unknown: u64, avg_ms: Option<f64>) -> Point {
        let latency = avg_ms.map(|ms| json!({ "avg_ms": ms }));
        let at = format!("2026-11-21T03:{minute:02}:00.000Z");
        Point::read(&json!({ "at": at, "count": count, "up": up, "unknown": unknown, "latency": latency }))
            .unwrap()
    }

    #[test]
    fn a_line_of_latencies() {
        let points = [
            point(0, 6, 6, 0, Some(1.0)),
            point(1, 6, 6, 0, Some(40.0)),
            point(2, 6, 5, 0, Some(80.0)),
            point(3, 6, 0, 0, None),
            point(6, 6, 0, 6, None),
            point(7, 6, 5, 1, Some(79.0)),
            point(8, 1, 1, 0, Some(0.0)),
        ];
        assert_eq!(line(&points, &BLOCKS), "▁▄✗✗  ?█▁");
        assert_eq!(line(&points, &ASCII), ".-xx  ?#.");
        assert_eq!(line(&points[..1], &BLOCKS), "█");
        assert_eq!(line(&[point(0, 1, 1, 0, Some(0.0))], &BLOCKS), "▁", "nothing is divided by zero");
        assert_eq!(line(&[], &BLOCKS), "");
    }

    #[test]
    fn shares_do_not_flatter() {
        let of = |up: u64, count: u64, unknown: u64| {
            share(&json!({ "count": count, "up": up, "unknown": unknown }))
        };
        assert_eq!(of(8640, 8640, 0), "100.000 %");
        assert_eq!(of(3_153_599, 3_153_600, 0), "99.999 %");
        assert_eq!(of(57, 110, 10), "57.000 %", "what is not known counts neither way");
        assert_eq!((of(0, 7, 0), of(0, 7, 7), of(0, 0, 0)), ("0.000 %".into(), "-".into(), "-".into()));
    }
}
