//! Text from outside, made harmless for eyes and terminals.

/// Whether a character shows nothing, and hides something or turns the direction of writing: `abc`, then U+202E, then `fdp.exe`
/// reads as `abcexe.pdf` (Unicode Technical Report 36, 2.10). Joiners stay: Persian and emoji need them.
#[must_use]
pub const fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// The same in one line, whatever is in it: control characters are spaces, what [is hidden](is_hidden) is left out.
pub fn plain(text: &str) -> impl Iterator<Item = char> + Clone + '_ {
    text.chars().filter(|c| !is_hidden(*c)).map(|c| if c.is_control() { ' ' } else { c })
}
