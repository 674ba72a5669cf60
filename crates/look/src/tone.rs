//! Tones: how something is, by shape and word; the colour only helps.

use crate::svg::escape;

/// How something is. Ordered: the later, the more it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// Well. A tick in a disc.
    Good,
    /// Worth knowing. An `i` in a disc.
    Info,
    /// On purpose: maintenance, a silence. A square with a bar.
    Planned,
    /// Nobody knows. A ring with a question mark.
    #[default]
    Unknown,
    /// Not as it should be. A triangle with an exclamation mark.
    Warn,
    /// Down. An octagon with an exclamation mark.
    Bad,
}

impl Tone {
    /// Every tone.
    pub const ALL: [Tone; 6] = [Tone::Good, Tone::Info, Tone::Planned, Tone::Unknown, Tone::Warn, Tone::Bad];

    /// Its class in the style sheet.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Info => "info",
            Tone::Planned => "planned",
            Tone::Unknown => "unknown",
            Tone::Warn => "warn",
            Tone::Bad => "bad",
        }
    }

    /// Its shape as an SVG path in a square of 24.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Tone::Good => "M12 1a11 11 0 1 0 0 22 11 11 0 0 0 0-22zM10.4 17.2l-5-5 2-2 3 3 6.2-6.2 2 2z",
            Tone::Info => "M12 1a11 11 0 1 0 0 22 11 11 0 0 0 0-22zM10.5 5h3v3h-3zM10.5 10h3v9h-3z",
            Tone::Planned => "M2 2h20v20H2zM6 10.5h12v3H6z",
            Tone::Unknown => {
                "M12 1a11 11 0 1 0 0 22 11 11 0 0 0 0-22zM12 3.2a8.8 8.8 0 1 0 0 17.6 8.8 8.8 0 0 0 0-17.6zM10.6 16.4h2.8v2.6h-2.8zM8 9.6C8 7 9.7 5.4 12.1 5.4c2.3 0 4 1.4 4 3.5 0 2.6-2.7 3.1-2.7 5.1v1.2h-2.8v-1.5c0-2.8 2.7-3.3 2.7-4.7 0-.7-.5-1.1-1.2-1.1-.8 0-1.3.6-1.3 1.7z"
            }
            Tone::Warn => "M12 1.5L23.5 22H.5zM10.7 8.5l.5 7.5h1.6l.5-7.5zM10.6 17.5v2.8h2.8v-2.8z",
            Tone::Bad => {
                "M7.5 1h9L23 7.5v9L16.5 23h-9L1 16.5v-9zM10.6 5.5l.5 8.5h1.8l.5-8.5zM10.5 16v3h3v-3z"
            }
        }
    }
}

/// The tone's shape, as big as the text around it. It says nothing to a screen reader: a word must stand beside it.
#[must_use]
pub fn icon(tone: Tone) -> String {
    format!(
        "<svg class=\"icon {}\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path fill-rule=\"evenodd\" d=\"{}\"/></svg>",
        tone.class(),
        tone.path()
    )
}

/// Shape and word: `badge(Tone::Bad, "critical")`.
#[must_use]
pub fn badge(tone: Tone, word: &str) -> String {
    format!("<span class=\"badge {}\">{}{}</span>", tone.class(), icon(tone), escape(word))
}
