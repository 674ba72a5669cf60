//! Text from outside, made harmless for eyes and terminals.

use alloc::string::String;

/// Whether a character shows nothing, and hides something or turns the direction of writing: `abc`, then U+202E, then `fdp.exe`
/// reads as `abcexe.pdf` (Unicode Technical Report 36, 2.10). Joiners stay: Persian and emoji need them.
#[must_use]
pub const fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// Whether there is nothing to be seen in a text: spaces, what [is hidden](is_hidden), joiners that join nothing, and letters that
/// are blank.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    let blank = |c: char| {
        let filler = matches!(
            c,
            '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
        );
        let joiner = matches!(c, '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}');
        c.is_whitespace() || c.is_control() || is_hidden(c) || filler || joiner
    };
    text.chars().all(blank)
}

/// The same in one line, whatever is in it: control characters that follow one another are one space between what they part,
/// what [is hidden](is_hidden) is left out.
pub fn plain(text: &str) -> impl Iterator<Item = char> + Clone + '_ {
    let shown = |part: &'_ str| part.chars().any(|c| !is_hidden(c));
    let parts = text.split(char::is_control).filter(move |part| shown(part)).enumerate();
    parts.flat_map(|(n, part)| {
        let between = (n > 0).then_some(' ').into_iter();
        between.chain(part.chars().filter(|c| !is_hidden(*c)))
    })
}

/// The same as a text: for a terminal, without what moves its cursor or turns what is read.
#[must_use]
pub fn clean(text: &str) -> String {
    plain(text).collect()
}

/// A text of `most` bytes at most: where it is longer its beginning, with `…` in place of the rest.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return String::from(text);
    }
    let mut end = most.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut short = String::from(text.get(..end).unwrap_or_default());
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::{clean, is_blank};

    #[test]
    fn what_is_shortened_ends_between_characters() {
        assert_eq!(super::shortened("abcdefgh", 6), "abc…");
        assert_eq!(super::shortened("äöüß", 6), "ä…");
        assert_eq!(super::shortened("äöüß", 2), "…");
    }

    #[test]
    fn what_shows_nothing_is_blank() {
        for text in [
            "",
            " \t\n",
            "\u{200b}",
            "\u{200b}\u{2060}\u{feff}",
            "\u{200d}",
            "\u{2800}\u{3164}",
            "\u{0}\u{a0}",
        ] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["0", "\u{200b}a", "می\u{200c}خواهم", "👩\u{200d}🚒", "-"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn one_line_by_table() {
        for (text, expected) in [
            ("", ""),
            ("\u{0}\n\u{200b}", ""),
            ("a\r\n\tb", "a b"),
            ("a\n\u{200b}\nb", "a b"),
            ("\n a  b \n", " a  b "),
            ("a\u{1b}[2Jb\nc", "a [2Jb c"),
            ("abc\u{202e}fdp.exe", "abcfdp.exe"),
        ] {
            assert_eq!(clean(text), expected, "{text:?}");
        }
    }
}
