//! A day a bar.

use crate::svg::{escape, picture, short};
use crate::tone::Tone;
use std::fmt::Write as _;

/// A day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// How it was; the worse, the taller its bar.
    pub tone: Tone,
    /// For who looks closer: `12 November: down for 12 min`. Shown for days that were not just well or unknown.
    pub note: String,
}

const HEIGHT: f64 = 36.0;
/// Of a day's place, so much is its bar.
/// The same as in the style sheet.
const WIDE: &str = ".72";

/// Days as bars, oldest first. `title` says of what, `description` what they say together: `99.98 % over 90 days`.
#[must_use]
pub fn bars(title: &str, description: &str, days: &[Day]) -> String {
    let mut others = String::new();
    for (x, day) in days.iter().enumerate() {
        let (height, tone) = (height(day.tone), day.tone);
        if !matches!(tone, Tone::Good | Tone::Unknown) {
            // Writing to a String cannot fail.
            let _ = write!(
                others,
                "<path class=\"solid {}\" d=\"M{x} {}h{WIDE}v{}h-{WIDE}z\"><title>{}</title></path>",
                tone.class(),
                short(HEIGHT - height),
                short(height),
                escape(&day.note)
            );
        }
    }
    let (good, unknown) = (runs(days, Tone::Good), runs(days, Tone::Unknown));
    let inside = format!(
        "<svg width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {} {HEIGHT}\" preserveAspectRatio=\"none\">\
         {good}{unknown}{others}</svg>",
        days.len().max(1)
    );
    picture("", 36, title, description, &inside)
}

fn height(tone: Tone) -> f64 {
    HEIGHT
        * match tone {
            Tone::Bad => 1.0,
            Tone::Warn => 0.75,
            Tone::Good | Tone::Info | Tone::Planned => 0.5,
            Tone::Unknown => 0.15,
        }
}

/// The days of one tone. Most days are alike: those that follow one another are one broad line, which the style sheet cuts
/// into days, so that a page with many components stays small.
fn runs(days: &[Day], tone: Tone) -> String {
    let mut path = String::new();
    let mut from = 0;
    for run in days.chunk_by(|a, b| a.tone == b.tone) {
        if run.first().is_some_and(|day| day.tone == tone) {
            // In the middle of its height.
            let _ = write!(path, "M{from} {}h{}", short(HEIGHT - height(tone) / 2.0), run.len());
        }
        from += run.len();
    }
    if path.is_empty() {
        return path;
    }
    format!("<path class=\"days {}\" stroke-width=\"{}\" d=\"{path}\"/>", tone.class(), short(height(tone)))
}
