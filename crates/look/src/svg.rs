//! What every picture is made of. Pictures have no view box: across they are drawn in per cent, down in pixels, so they
//! fit any width and their words keep the size of the text around them.

use std::fmt::Write as _;

/// Text as it may stand in HTML and SVG, in elements and in quoted attributes. What no document may contain, and what
/// could turn or hide the text around it, is left out.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A picture with its words for those who do not see it.
pub(crate) fn picture(class: &str, height: u32, title: &str, description: &str, inside: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" {class}") };
    format!(
        "<svg class=\"pic{class}\" height=\"{height}\" role=\"img\"><title>{}</title><desc>{}</desc>{inside}</svg>",
        escape(title),
        escape(description)
    )
}

/// Whether it can be a measurement at all: not negative, and less than thirty years in seconds.
pub(crate) fn measured(v: &f64) -> bool {
    (0.0..1e9).contains(v)
}

/// Where a moment is between two others, from 0 to 1.
pub(crate) fn share(at: i64, from: i64, to: i64) -> f64 {
    let length = to.saturating_sub(from);
    if length <= 0 {
        return 0.0;
    }
    (at.saturating_sub(from) as f64 / length as f64).clamp(0.0, 1.0)
}

/// `12.34%`, without needless digits.
pub(crate) fn percent(share: f64) -> String {
    format!("{}%", short(share * 100.0))
}

/// At most two digits after the point.
pub(crate) fn short(n: f64) -> String {
    let text = format!("{n:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A rectangle across a stretch; `inside` is its own title, or empty.
pub(crate) fn band(out: &mut String, class: &str, x: f64, width: f64, y: f64, height: f64, title: &str) {
    // At least visible.
    let (x, width) = (percent(x), percent(width.max(0.002)));
    let (y, height) = (short(y), short(height));
    let title = if title.is_empty() { String::new() } else { format!("<title>{}</title>", escape(title)) };
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\">{title}</rect>"
    );
}

/// Words at a place across; anchored so that they stay inside.
pub(crate) fn words(out: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let anchor = if x < 0.1 {
        "start"
    } else if x > 0.9 {
        "end"
    } else {
        "middle"
    };
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let _ = write!(
        out,
        "<text{class} x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
        percent(x),
        short(y),
        escape(text)
    );
}

/// Characters of a text, the last an ellipsis if there were more.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Characters of a text, with an ellipsis in the middle if there were more: names that begin alike differ at the end.
pub(crate) fn cut_middle(text: &str, most: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= most {
        return text.to_owned();
    }
    let end = most.saturating_sub(1) / 2;
    let begin = most.saturating_sub(1) - end;
    all[..begin].iter().chain(&['…']).chain(&all[all.len() - end..]).collect()
}
