//! Texts from outside on one line, and moments as people read them.

use foghorn_core::time::Wall;
use jiff::tz::TimeZone;

/// One line of at most so many characters, without what could turn the text around or hide it.
pub(crate) fn line(text: &str, most: usize) -> String {
    let mut clean = foghorn_core::text::plain(text);
    let mut out: String = clean.clone().take(most).collect();
    if clean.nth(most).is_some() {
        out.pop();
        out.push('…');
    }
    out.trim().to_owned()
}

/// A number of things, of any type of whole numbers: `10,000`.
pub(crate) fn grouped(n: impl std::fmt::Display) -> String {
    let digits = n.to_string();
    let threes: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8_lossy(&threes.join(&b","[..])).into_owned()
}

/// `03:12 WET`, with the date if it is another day.
pub(crate) fn time(at: Wall, now: Wall, zone: &TimeZone) -> String {
    let (at, now) = (at.timestamp().to_zoned(zone.clone()), now.timestamp().to_zoned(zone.clone()));
    at.strftime(if at.date() == now.date() { "%H:%M %Z" } else { "%Y-%m-%d %H:%M %Z" }).to_string()
}
