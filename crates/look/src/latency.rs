//! Latency over time, with its failing stretches.

use crate::svg::{band, escape, measured, percent, picture, share, short, words};
use crate::tone::Tone;
use std::fmt::Write as _;

/// A chart of latency. Moments are in any one unit, milliseconds since 1970 for one.
#[derive(Clone, Debug)]
pub struct Latency<'a> {
    /// What it is: `Latency of shop`.
    pub title: &'a str,
    /// The left end.
    pub from: i64,
    /// The right end.
    pub to: i64,
    /// In order of time; at most [`Latency::MOST`] are drawn.
    pub points: &'a [Point],
    /// Stretches in which it was failing, unknown or planned; drawn behind the line.
    pub stretches: &'a [Stretch<'a>],
    /// Labels below, with their moments.
    pub ticks: &'a [(i64, String)],
    /// A limit to draw as a dashed line, in seconds.
    pub limit: Option<f64>,
}

/// What was measured around a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When.
    pub at: i64,
    /// Seconds, on average; `None` where nothing came back: the line has a gap.
    pub value: Option<f64>,
    /// The slowest, in seconds, if the point stands for several.
    pub most: Option<f64>,
}

/// A stretch of time in a tone. The worse, the taller it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch<'a> {
    /// Beginning.
    pub from: i64,
    /// End.
    pub to: i64,
    /// How it was.
    pub tone: Tone,
    /// For who looks closer: `failing 03:12–03:40: 502 Bad Gateway`.
    pub note: &'a str,
}

impl Latency<'_> {
    /// Points that are drawn.
    pub const MOST: usize = 1000;
}

const TOP: f64 = 16.0;
const HEIGHT: f64 = 140.0;

/// Draws it.
#[must_use]
pub fn latency(chart: &Latency<'_>) -> String {
    let points = &chart.points[chart.points.len().saturating_sub(Latency::MOST)..];
    let limit = chart.limit.filter(measured);
    let highest = points.iter().flat_map(|p| [p.value, p.most]).flatten().filter(measured);
    let highest = highest.fold(0.0, f64::max);
    let top = round_up(highest.max(limit.unwrap_or(0.0)));
    let x = |at: i64| share(at, chart.from, chart.to);
    let y = |v: f64| 100.0 - 100.0 * (v.max(0.0) / top).min(1.0);
    let mut inside = String::new();
    for stretch in chart.stretches {
        let height = match stretch.tone {
            Tone::Bad => 1.0,
            Tone::Warn => 0.66,
            _ => 0.33,
        } * HEIGHT;
        let (from, to) = (x(stretch.from), x(stretch.to));
        let class = format!("band {}", stretch.tone.class());
        band(&mut inside, &class, from, to - from, TOP + HEIGHT - height, height, stretch.note);
        let edge = format!("solid {}", stretch.tone.class());
        band(&mut inside, &edge, from, to - from, TOP + HEIGHT - height, 3.0, "");
    }
    let (mut line, mut range, mut pen_up) = (String::new(), String::new(), true);
    for p in points.iter().filter(|p| p.at >= chart.from && p.at <= chart.to) {
        let Some(v) = p.value.filter(measured) else {
            pen_up = true;
            continue;
        };
        let at = short(x(p.at) * 1000.0);
        // Writing to a String cannot fail.
        let _ = write!(line, "{}{at} {}", if pen_up { "M" } else { "L" }, short(y(v)));
        if pen_up {
            line.push_str("h.01");
        }
        pen_up = false;
        if let Some(most) = p.most.filter(|m| measured(m) && *m > v) {
            let _ = write!(range, "M{at} {}V{}", short(y(v)), short(y(most)));
        }
    }
    let _ = write!(
        inside,
        "<svg y=\"{TOP}\" width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\">\
         <path class=\"axis\" d=\"M0 0H1000M0 50H1000M0 100H1000\"/><path class=\"hollow info\" opacity=\".45\" d=\"{range}\"/><path class=\"trace\" d=\"{line}\"/></svg>"
    );
    if let Some(limit) = limit {
        let at = short(TOP + HEIGHT * y(limit) / 100.0);
        let _ = write!(
            inside,
            "<line class=\"now\" x1=\"0\" x2=\"100%\" y1=\"{at}\" y2=\"{at}\"><title>limit {}</title></line>",
            seconds(limit)
        );
        // Above the chart, where no line crosses it.
        words(&mut inside, "", 1.0, TOP - 4.0, &format!("┄ limit {}", seconds(limit)));
    }
    // Where nothing was measured there is no scale.
    if highest.max(limit.unwrap_or(0.0)) > 0.0 {
        words(&mut inside, "", 0.0, TOP - 4.0, &seconds(top));
        words(&mut inside, "", 0.0, TOP + HEIGHT / 2.0 - 4.0, &seconds(top / 2.0));
    }
    for (at, label) in chart.ticks {
        let at = x(*at);
        let _ = write!(
            inside,
            "<line class=\"axis\" x1=\"{0}\" x2=\"{0}\" y1=\"{1}\" y2=\"{2}\"/>",
            percent(at),
            TOP + HEIGHT,
            TOP + HEIGHT + 4.0
        );
        words(&mut inside, "", at, TOP + HEIGHT + 17.0, label);
    }
    picture("", 180, chart.title, &said(chart, points), &inside)
}

fn said(chart: &Latency<'_>, points: &[Point]) -> String {
    let mut known: Vec<f64> = points.iter().filter_map(|p| p.value).filter(measured).collect();
    known.sort_by(f64::total_cmp);
    let mut text = match (known.get(known.len() / 2), known.last()) {
        (Some(median), Some(most)) => format!("Median {}, highest {}.", seconds(*median), seconds(*most)),
        _ => "Nothing measured.".to_owned(),
    };
    if let Some(limit) = chart.limit.filter(measured) {
        let _ = write!(text, " Limit {}.", seconds(limit));
    }
    let bad: Vec<&str> = chart.stretches.iter().filter(|s| s.tone >= Tone::Unknown).map(|s| s.note).collect();
    for note in bad.iter().take(8).filter(|n| !n.is_empty()) {
        let _ = write!(text, " {note}.");
    }
    if bad.len() > 8 {
        let _ = write!(text, " And {} more stretches.", bad.len() - 8);
    }
    text
}

/// `250 ms`, `1.5 s`.
fn seconds(s: f64) -> String {
    if s >= 1.0 {
        escape(&format!("{} s", short(s)))
    } else if s >= 0.001 {
        format!("{} ms", short((s * 1000.0 * 10.0).round() / 10.0))
    } else {
        format!("{} µs", short((s * 1_000_000.0).round()))
    }
}

/// The next 1, 2 or 5 times a power of ten.
fn round_up(v: f64) -> f64 {
    if !v.is_finite() || v <= 0.0 {
        return 0.001;
    }
    let power = 10_f64.powf(v.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|top| *top >= v * 0.999).unwrap_or(v)
}
