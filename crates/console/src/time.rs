//! Moments and lengths of time, as the API reads and writes them.

use foghorn_core::time::{Span, Wall};

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn rfc3339(at: Wall) -> String {
    format!("{:.3}", at.timestamp())
}

/// RFC 3339 with an offset or `Z`.
pub(crate) fn parse(text: &str) -> Result<Wall, String> {
    text.parse::<jiff::Timestamp>().map(Wall::from).map_err(|_| {
        format!("`{text}` is no time: write one like 2026-11-21T03:12:40Z or 2026-11-21T03:12:40+01:00")
    })
}

/// `10s`, `5m`, `1h30m`, `7d`.
pub(crate) fn parse_span(text: &str) -> Result<Span, String> {
    let d = foghorn_config::parse_duration(text)?;
    Ok(Span(u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
}
