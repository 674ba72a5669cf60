//! Shape and word for how things are; the colour only helps.

use foghorn_core::words::Severity;
use foghorn_look::{Tone, badge, icon};

/// How bad.
pub(super) fn severity(severity: &Severity) -> String {
    badge(of(*severity), severity.as_str())
}

/// As bad as that.
pub(super) fn of(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Info => Tone::Info,
    }
}

/// The class of how bad.
pub(super) fn class(severity: &Severity) -> &'static str {
    of(*severity).class()
}

/// How an alert or a check is: what fires looks as bad as it is.
pub(super) fn alert(word: &str, severity: &Severity) -> String {
    badge(if word == "firing" { of(*severity) } else { tone(word) }, word)
}

/// How a thing is, by the word that says it.
pub(super) fn tone(word: &str) -> Tone {
    match word {
        "ok" | "well" | "resolved" | "accepted" | "good" => Tone::Good,
        "acknowledged" | "active" | "stands in" => Tone::Info,
        "muted" | "maintenance" | "in maintenance" | "to come" => Tone::Planned,
        "degraded" | "flapping" | "waits" | "endangered" => Tone::Warn,
        "open" | "down" | "bad" | "not accepted" => Tone::Bad,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fires_looks_as_bad_as_it_is() {
        let look = |word, severity| alert(word, &severity).split('"').nth(1).unwrap_or_default().to_owned();
        assert_eq!(Severity::ALL.map(|s| look("firing", s)), ["badge info", "badge warn", "badge bad"]);
        assert_eq!(Severity::ALL.map(|s| look("ok", s)), ["badge good"; 3]);
    }
}
