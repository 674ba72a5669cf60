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
const WIDE: f64 = 0.72;

/// Days as bars, oldest first. `title` says of what, `description` what they say together: `99.98 % over 90 days`.
#[must_use]
pub fn bars(title: &str, description: &str, days: &[Day]) -> String {
    let (mut good, mut unknown, mut others) = (String::new(), String::new(), String::new());
    for (x, day) in days.iter().enumerate() {
        let height = HEIGHT
            * match day.tone {
                Tone::Bad => 1.0,
                Tone::Warn => 0.75,
                Tone::Good | Tone::Info | Tone::Planned => 0.5,
                Tone::Unknown => 0.15,
            };
        let y = short(HEIGHT - height);
        // Most days are alike: they are one shape, which keeps a page with many components small.
        let shape = format!("M{x} {y}h{WIDE}V{HEIGHT}h-{WIDE}z");
        // Writing to a String cannot fail.
        let _ = match day.tone {
            Tone::Good => write!(good, "{shape}"),
            Tone::Unknown => write!(unknown, "{shape}"),
            tone => write!(
                others,
                "<path class=\"solid {}\" d=\"{shape}\"><title>{}</title></path>",
                tone.class(),
                escape(&day.note)
            ),
        };
    }
    let inside = format!(
        "<svg width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {} {HEIGHT}\" preserveAspectRatio=\"none\">\
         <path class=\"solid good\" d=\"{good}\"/><path class=\"solid unknown\" d=\"{unknown}\"/>{others}</svg>",
        days.len().max(1)
    );
    picture("", 36, title, description, &inside)
}
