//! Making foreign text harmless. Titles and labels come from whoever may send alerts.

use foghorn_core::text::is_hidden;

/// One line without anything that a terminal, a header or an eye could trip over: control characters, ANSI escape
/// sequences, line ends, invisible marks that turn the direction of writing. At most `most` characters; what is cut off
/// is shown by `…`.
pub(crate) fn line(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    let mut gap = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_csi(&mut chars),
            c if is_hidden(c) => {}
            c if c.is_whitespace() || c.is_control() => gap = !out.is_empty(),
            c => {
                let adds = 1 + usize::from(gap);
                if length + adds > most {
                    return ellipsis(out, most);
                }
                if gap {
                    out.push(' ');
                }
                gap = false;
                out.push(c);
                length += adds;
            }
        }
    }
    out
}

/// Cuts to `most` characters, the last of which is `…`.
fn ellipsis(mut out: String, most: usize) -> String {
    let keep = most.saturating_sub(1);
    if let Some((at, _)) = out.char_indices().nth(keep) {
        out.truncate(at);
    }
    out.truncate(out.trim_end().len());
    if most > 0 {
        out.push('…');
    }
    out
}

fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_csi(chars);
        }
        // An operating system command, as terminals' titles are set: up to BEL or ESC \.
        Some(']') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    return;
                }
            }
        }
        Some(c) if c.is_ascii_graphic() => {
            chars.next();
        }
        _ => {}
    }
}

/// Parameters, then one final byte.
fn skip_csi(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// For XML text and attribute values.
pub(crate) fn xml(text: &str) -> String {
    replace(text, &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&apos;")])
}

/// For Slack's text: <https://docs.slack.dev/messaging/formatting-message-text#escaping>. Without `<` nothing can
/// mention anybody.
pub(crate) fn slack(text: &str) -> String {
    replace(text, &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;")])
}

fn replace(text: &str, with: &[(char, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match with.iter().find(|(from, _)| *from == c) {
            Some((_, to)) => out.push_str(to),
            None => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_core::text::shortened;
    use proptest::prelude::*;

    #[test]
    fn foreign_text_becomes_one_harmless_line() {
        for (text, want) in [
            ("  shop\tis\r\nBcc: all@example.com down ", "shop is Bcc: all@example.com down"),
            ("\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}x\u{9b}2Jy", "red xy"),
            ("abc\u{202e}fdp.exe\u{2069}", "abcfdp.exe"),
            ("nul\0 del\u{7f} ls\u{2028}end", "nul del ls end"),
            ("naïve 日本 👩‍💻", "naïve 日本 👩‍💻"),
            ("\u{1b}", ""),
            ("12345678901", "123456789…"),
            ("1234567 89", "1234567 89"),
            ("12345678 901", "12345678…"),
        ] {
            assert_eq!(line(text, 10.max(want.chars().count())), want, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_line_is_short_clean_and_stays_what_it_is(text in "[\\x00-\\x7f\u{1b}\u{9b}\u{202e}é…]{0,80}", most in 0_usize..40) {
            let out = line(&text, most);
            prop_assert!(out.chars().count() <= most);
            prop_assert!(!out.chars().any(|c| c.is_control() || is_hidden(c)));
            prop_assert_eq!(line(&out, most), out.clone());
            prop_assert!(shortened(&text, most.max(3)).len() <= most.max(3));
        }
    }
}
