//! A line in a table's cell.

use crate::svg::{escape, measured, short};
use std::fmt::Write as _;

/// Points that are drawn; of more the last ones.
const MOST: usize = 240;

/// A small line of measurements, oldest first; `None` (a failure, nothing known) is a gap with a mark below it. `title` says
/// what it is: `Latency of shop over the last hour`.
#[must_use]
pub fn sparkline(title: &str, values: &[Option<f64>]) -> String {
    let values = &values[values.len().saturating_sub(MOST)..];
    let known = || values.iter().flatten().copied().filter(measured);
    let top = known().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let step = 120.0 / (values.len().max(2) - 1) as f64;
    let (mut line, mut marks, mut pen_up) = (String::new(), String::new(), true);
    for (i, value) in values.iter().enumerate() {
        let x = short(i as f64 * step);
        // Writing to a String cannot fail.
        match value.filter(measured) {
            Some(v) => {
                let y = short(23.0 - 21.0 * (v.max(0.0) / top));
                let _ = write!(line, "{}{x} {y}", if pen_up { "M" } else { "L" });
                // A single point would not be seen.
                if pen_up {
                    line.push_str("h.01");
                }
                pen_up = false;
            }
            None => {
                let _ = write!(marks, "M{x} 28v-4");
                pen_up = true;
            }
        }
    }
    let gaps = values.len() - known().count();
    let said = match (values.len(), gaps) {
        (0, _) => "nothing measured yet".to_owned(),
        (n, 0) => format!("{n} measurements"),
        (n, gaps) => format!("{n} measurements, {gaps} of them failed or unknown"),
    };
    format!(
        "<svg class=\"pic spark\" viewBox=\"0 0 120 28\" preserveAspectRatio=\"none\" role=\"img\"><title>{}</title><desc>{said}</desc>\
         <path class=\"axis\" d=\"M0 23.5H120\"/><path class=\"trace\" d=\"{line}\"/><path class=\"hollow bad\" d=\"{marks}\"/></svg>",
        escape(title)
    )
}
