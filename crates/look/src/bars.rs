//! A day a bar.

use crate::svg::{band, picture};
use crate::tone::Tone;

/// A day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// How it was; the worse, the taller its bar.
    pub tone: Tone,
    /// For who looks closer: `12 November: down for 12 min`.
    pub note: String,
}

const HEIGHT: f64 = 36.0;

/// Days as bars, oldest first. `title` says of what, `description` what they say together: `99.98 % over 90 days`.
#[must_use]
pub fn bars(title: &str, description: &str, days: &[Day]) -> String {
    let step = 1.0 / days.len().max(1) as f64;
    let mut inside = String::with_capacity(days.len() * 140);
    for (i, day) in days.iter().enumerate() {
        let height = HEIGHT
            * match day.tone {
                Tone::Bad => 1.0,
                Tone::Warn => 0.75,
                Tone::Good | Tone::Info | Tone::Planned => 0.5,
                Tone::Unknown => 0.2,
            };
        let class = format!("solid {}", day.tone.class());
        band(&mut inside, &class, i as f64 * step, step * 0.72, HEIGHT - height, height, &day.note);
    }
    picture("", 36, title, description, &inside)
}
