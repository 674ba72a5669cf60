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
const WIDE: &str = ".72";

/// Days as bars, oldest first. `title` says of what, `description` what they say together: `99.98 % over 90 days`.
#[must_use]
pub fn bars(title: &str, description: &str, days: &[Day]) -> String {
    let (mut good, mut unknown, mut others) = (Shape::default(), Shape::default(), String::new());
    for (x, day) in days.iter().enumerate() {
        let height = HEIGHT
            * match day.tone {
                Tone::Bad => 1.0,
                Tone::Warn => 0.75,
                Tone::Good | Tone::Info | Tone::Planned => 0.5,
                Tone::Unknown => 0.15,
            };
        match day.tone {
            Tone::Good => good.bar(x, height),
            Tone::Unknown => unknown.bar(x, height),
            tone => {
                let mut own = Shape::default();
                own.bar(x, height);
                // Writing to a String cannot fail.
                let _ = write!(
                    others,
                    "<path class=\"solid {}\" d=\"{}\"><title>{}</title></path>",
                    tone.class(),
                    own.path,
                    escape(&day.note)
                );
            }
        }
    }
    let (good, unknown) = (good.path, unknown.path);
    let inside = format!(
        "<svg width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {} {HEIGHT}\" preserveAspectRatio=\"none\">\
         <path class=\"solid good\" d=\"{good}\"/><path class=\"solid unknown\" d=\"{unknown}\"/>{others}</svg>",
        days.len().max(1)
    );
    picture("", 36, title, description, &inside)
}

/// Most days are alike: they are one shape, which keeps a page with many components small.
#[derive(Default)]
struct Shape {
    path: String,
    last: Option<usize>,
}

impl Shape {
    /// One that stands on the ground, each a step from the one before.
    fn bar(&mut self, x: usize, height: f64) {
        let (up, top) = (short(height), short(HEIGHT - height));
        let step =
            self.last.replace(x).map_or_else(|| format!("M{x} {top}"), |last| format!("m{} 0", x - last));
        let _ = write!(self.path, "{step}h{WIDE}v{up}h-{WIDE}z");
    }
}
