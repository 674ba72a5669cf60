//! Moments as other tools write them.

use foghorn_core::time::Wall;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Go's zero time, a day after the first of the year 1: what is before it is not set.
const UNSET: i64 = -62_135_510_400;

/// RFC 3339, or ISO 8601 without a zone (then UTC, as Alertmanager has it). `None` for what means *not set*: nothing, an
/// empty text, the year 1.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(text: Option<&str>, what: &str) -> Result<Option<Wall>, String> {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok(None) };
    let at = text
        .parse::<Timestamp>()
        .or_else(|_| text.parse::<DateTime>().and_then(|t| t.to_zoned(TimeZone::UTC)).map(|z| z.timestamp()))
        // What some senders write for *never* is a day and a half beyond what a timestamp holds.
        .or_else(|_| text.replacen("9999-12-31", "9999-12-29", 1).parse::<Timestamp>())
        .map_err(|_| {
            let shown: String = text.chars().take(40).collect();
            format!("{what} {shown:?} is no time: write it as 2026-11-21T09:30:00Z")
        })?;
    Ok(Some(at).filter(|t| t.as_second() > UNSET).map(Wall::from))
}

/// RFC 3339 in UTC with milliseconds, as Alertmanager writes it.
pub(crate) fn show(at: Wall) -> String {
    format!("{:.3}", at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_sender() {
        for (text, shown) in [
            ("2026-11-21T09:30:00Z", "2026-11-21T09:30:00.000Z"),
            ("2026-11-21T09:30:00.123456789+02:00", "2026-11-21T07:30:00.123Z"),
            ("2020-07-17T08:42:58.315+0000", "2020-07-17T08:42:58.315Z"),
            ("2026-11-21 09:30:00", "2026-11-21T09:30:00.000Z"),
            ("2026-11-21T09:30:00", "2026-11-21T09:30:00.000Z"),
            ("9999-12-31T23:59:59Z", "9999-12-29T23:59:59.000Z"),
        ] {
            assert_eq!(read(Some(text), "startsAt").unwrap().map(show).as_deref(), Some(shown), "{text}");
        }
        for unset in [None, Some(""), Some("0001-01-01T00:00:00Z"), Some("0001-01-01T00:00:00.000Z")] {
            assert_eq!(read(unset, "endsAt"), Ok(None));
        }
        assert_eq!(
            read(Some("yesterday"), "startsAt").unwrap_err(),
            "startsAt \"yesterday\" is no time: write it as 2026-11-21T09:30:00Z"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = read(Some(&text), "startsAt");
        }
    }
}
