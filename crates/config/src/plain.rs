//! What other readers of YAML make of a text without quotes. `no` is Norway's domain to a person, `false` to YAML 1.1
//! and text to YAML 1.2; `17:00` is 1020. Where text is wanted such a value is refused rather than guessed.

use std::sync::LazyLock;

/// What some version of YAML takes `text` for, if not for text.
pub(crate) fn taken_for(text: &str) -> Option<&'static str> {
    const BOOLEANS: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "y", "n"];
    if text.is_empty() || text == "~" || text.eq_ignore_ascii_case("null") {
        return Some("nothing at all");
    }
    if BOOLEANS.iter().any(|b| text.eq_ignore_ascii_case(b)) {
        return Some("a boolean");
    }
    if matches!(text, "<<" | "=") {
        return Some("an instruction to merge");
    }
    NUMBERS.iter().find(|(_, pattern)| pattern.is_match(text)).map(|(what, _)| *what)
}

/// Patterns of <https://yaml.org/type/> (1.1) and of the core schema of 1.2.
static NUMBERS: LazyLock<Vec<(&str, regex::Regex)>> = LazyLock::new(|| {
    [
        ("a number", r"^[-+]?[0-9][0-9_]*$"),
        ("a number", r"^[-+]?(0x[0-9a-fA-F_]+|0o[0-7]+|0b[01_]+)$"),
        ("a number", r"^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?$"),
        ("a number", r"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"),
        ("a number to the base of 60", r"^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$"),
        ("a date", r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t]+[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*)?$"),
    ]
    .into_iter()
    .filter_map(|(what, pattern)| Some((what, regex::Regex::new(pattern).ok()?)))
    .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_1_1_and_1_2_read_differently_is_found() {
        assert_eq!(NUMBERS.len(), 6);
        for text in [
            "on",
            "No",
            "Y",
            "~",
            "",
            "1:30",
            "17:00",
            "0777",
            "0o7",
            "0x1F",
            "1_000",
            "1.5",
            "1e3",
            ".inf",
            "2026-11-02",
            "<<",
            "+351912345678",
        ] {
            assert!(taken_for(text).is_some(), "{text}");
        }
        for text in [
            "10s",
            "web1",
            "2026-11-02 09:00",
            "127.0.0.1",
            "127.0.0.1:7070",
            "0123456789abcdef",
            "noon",
            "a:1",
            "1w",
            "-",
        ] {
            assert_eq!(taken_for(text), None, "{text}");
        }
    }
}
