//! Texts from outside on one line, and moments as people read them.

use foghorn_core::time::Wall;
use jiff::tz::TimeZone;

/// One line of at most so many characters, without what could turn the text around or hide it.
pub(crate) fn line(text: &str, most: usize) -> String {
    let turns = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let mut clean = text.chars().filter(|c| !turns(*c)).map(|c| if c.is_control() { ' ' } else { c });
    let mut out: String = clean.clone().take(most).collect();
    if clean.nth(most).is_some() {
        out.pop();
        out.push('…');
    }
    out.trim().to_owned()
}

/// `03:12 WET`, with the date if it is another day.
pub(crate) fn time(at: Wall, now: Wall, zone: &TimeZone) -> String {
    let (at, now) = (at.timestamp().to_zoned(zone.clone()), now.timestamp().to_zoned(zone.clone()));
    at.strftime(if at.date() == now.date() { "%H:%M %Z" } else { "%Y-%m-%d %H:%M %Z" }).to_string()
}
