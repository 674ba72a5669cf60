//! Durations as people write them: `500ms`, `10s`, `1h30m`, `7d`, `1w`.

use std::time::Duration;

const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
/// Longer than anybody waits; short enough for every sum of two.
const LONGEST: u64 = 100 * 366 * 86_400_000;

/// Reads a duration. Units are written from the largest to the smallest, each once. At most a hundred years.
///
/// # Errors
/// What is wrong with it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = |why: &str| Err(format!("`{text}` is no duration: {why}"));
    let mut rest = text;
    let mut sum: u64 = 0;
    let mut last = u64::MAX;
    if text.is_empty() {
        return wrong("write one like `10s`, `5m` or `1h30m`");
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        if number.is_empty() {
            return wrong("whole numbers stand before units, as in `1h30m`");
        }
        let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return match unit {
                "" => wrong(&format!("a unit is missing, as in `{text}s`")),
                _ => wrong("units are `ms`, `s`, `m`, `h`, `d` and `w`"),
            };
        };
        if *size >= last {
            return wrong("larger units come first, each once, as in `1h30m`");
        }
        last = *size;
        let millis =
            number.parse::<u64>().ok().and_then(|n| n.checked_mul(*size)).and_then(|n| sum.checked_add(n));
        match millis {
            Some(millis) if millis <= LONGEST => sum = millis,
            _ => return wrong("that is more than a hundred years"),
        }
        rest = after;
    }
    Ok(Duration::from_millis(sum))
}

/// Writes a duration as it is read.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (name, size) in UNITS.iter().rev().skip(1) {
        if rest >= *size {
            out.push_str(&format!("{}{name}", rest / size));
            rest %= size;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_read_as_written() {
        for (text, millis) in [
            ("500ms", 500),
            ("10s", 10_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("1w", 604_800_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "10",
            "1:30",
            "s",
            "1.5s",
            "-1s",
            "1m1h",
            "1s1s",
            "1y",
            "1 s",
            "99999999999999999999s",
            "200000d",
            "1µs",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(millis in 0..LONGEST) {
            let d = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&show_duration(d)), Ok(d));
        }

        #[test]
        fn nothing_panics(text in ".*") {
            let _ = parse_duration(&text);
        }
    }
}
