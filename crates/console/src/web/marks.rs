//! Shape and word for how things are; the colour only helps.

use foghorn_core::words::Severity;
use foghorn_look::{Tone, badge, icon};

/// How bad.
pub(super) fn severity(severity: &Severity) -> String {
    let tone = match severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Info => Tone::Info,
    };
    badge(tone, severity.as_str())
}

/// How a thing is, by the word that says it.
pub(super) fn tone(word: &str) -> Tone {
    match word {
        "ok" | "well" | "resolved" | "taken" | "good" => Tone::Good,
        "acknowledged" | "active" | "stands in" => Tone::Info,
        "muted" | "maintenance" | "in maintenance" | "to come" => Tone::Planned,
        "degraded" | "flapping" | "waits" | "endangered" => Tone::Warn,
        "open" | "firing" | "down" | "bad" | "not taken" => Tone::Bad,
        _ => Tone::Unknown,
    }
}

/// The word with its shape.
pub(super) fn state(word: &str) -> String {
    badge(tone(word), word)
}

/// In front of a banner.
pub(super) fn sign(class: &str) -> String {
    icon(Tone::ALL.into_iter().find(|t| t.class() == class).unwrap_or_default())
}
