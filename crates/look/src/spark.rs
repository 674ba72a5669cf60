//! A line in a table's cell.

use crate::Tone;
use crate::svg::{escape, measured, short};
use std::fmt::Write as _;

/// Points that are drawn; of more the last ones.
const MOST: usize = 240;
const WIDTH: f64 = 120.0;

/// What was measured in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sparked {
    /// Its middle: 0 where the picture begins, 1 where it ends.
    pub at: f64,
    /// The measurement; `None` where there is none.
    pub value: Option<f64>,
    /// Whether something went wrong: [`Tone::Bad`], [`Tone::Warn`] or [`Tone::Unknown`] has a block below the line, the
    /// worse the taller.
    pub tone: Tone,
}

/// A small line of measurements, oldest first. `title` says what it is: `Latency of shop over the last hour`; `each` is how
/// much of the picture a measurement stands for. What is further apart than that is not joined.
#[must_use]
pub fn sparkline(title: &str, each: f64, points: &[Sparked]) -> String {
    let points = &points[points.len().saturating_sub(MOST)..];
    let each = if measured(&each) { each.clamp(0.0, 1.0) } else { 0.0 };
    let top = points.iter().filter_map(|p| p.value).filter(measured).fold(0.0, f64::max);
    let wide = (WIDTH * each).max(2.0);
    let (mut line, mut bad, mut warn, mut unknown) =
        (String::new(), String::new(), String::new(), String::new());
    let mut last: Option<f64> = None;
    for p in points.iter().filter(|p| measured(&p.at)) {
        let at = p.at.min(1.0);
        let x = WIDTH * at;
        // Writing to a String cannot fail.
        match p.value.filter(measured) {
            Some(v) => {
                let y = short(23.0 - 21.0 * (v / top.max(f64::MIN_POSITIVE)));
                let joined = last.is_some_and(|last| at - last <= 1.5 * each);
                // A single point would not be seen.
                let (pen, dot) = if joined { ("L", "") } else { ("M", "h.01") };
                let _ = write!(line, "{pen}{} {y}{dot}", short(x));
                last = Some(at);
            }
            None => last = None,
        }
        let (out, high) = match p.tone {
            Tone::Bad => (&mut bad, 8),
            Tone::Warn => (&mut warn, 5),
            Tone::Unknown => (&mut unknown, 3),
            _ => continue,
        };
        let left = short((x - wide / 2.0).clamp(0.0, WIDTH - wide));
        let wide = short(wide);
        let _ = write!(out, "M{left} 28v-{high}h{wide}v{high}z");
    }
    let blocks: String = [("bad", &bad), ("warn", &warn), ("unknown", &unknown)]
        .iter()
        .filter(|(_, path)| !path.is_empty())
        .map(|(class, path)| format!("<path class=\"solid {class}\" d=\"{path}\"/>"))
        .collect();
    format!(
        "<svg class=\"pic spark\" viewBox=\"0 0 120 28\" preserveAspectRatio=\"none\" role=\"img\"><title>{}</title><desc>{}</desc>\
         <path class=\"axis\" d=\"M0 23.5H120\"/><path class=\"trace\" d=\"{line}\"/>{blocks}</svg>",
        escape(title),
        said(points)
    )
}

fn said(points: &[Sparked]) -> String {
    if points.is_empty() {
        return "nothing measured yet".to_owned();
    }
    let many = |tones: &[Tone]| points.iter().filter(|p| tones.contains(&p.tone)).count();
    let stretches = if points.len() == 1 { "stretch" } else { "stretches" };
    let mut said = format!("{} measured {stretches} of time", points.len());
    for (n, what) in
        [(many(&[Tone::Bad, Tone::Warn]), "with failures"), (many(&[Tone::Unknown]), "not known")]
    {
        if n > 0 {
            let _ = write!(said, ", {n} {what}");
        }
    }
    said
}
