//! Text messages: 160 characters of the GSM alphabet in one, 153 in each of several.

use super::view::{time, url, word};
use crate::message::{Kind, Message};
use crate::text::line;

/// GSM 03.38's basic alphabet, without its line ends.
const BASIC: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Those that take two places.
const EXTENDED: &str = "^{}\\[~]|€";
/// What is written instead of characters that would turn the whole message into one of 70 characters.
const INSTEAD: &[(&str, &str)] = &[
    ("ÁÀÂÃĀĂĄ", "A"),
    ("áâãāăą", "a"),
    ("ĆĈĊČ", "C"),
    ("çćĉċč", "c"),
    ("ĎĐÐ", "D"),
    ("ďđð", "d"),
    ("ÈÊËĒĔĖĘĚ", "E"),
    ("êëēĕėęě", "e"),
    ("ĜĞĠĢ", "G"),
    ("ĝğġģ", "g"),
    ("ÍÌÎÏĨĪĬĮİ", "I"),
    ("íîïĩīĭįı", "i"),
    ("Ķ", "K"),
    ("ķ", "k"),
    ("ĹĻĽŁ", "L"),
    ("ĺļľł", "l"),
    ("ŃŅŇ", "N"),
    ("ńņň", "n"),
    ("ÓÒÔÕŌŎŐ", "O"),
    ("óôõōŏő", "o"),
    ("ŔŖŘ", "R"),
    ("ŕŗř", "r"),
    ("ŚŜŞŠȘ", "S"),
    ("śŝşšș", "s"),
    ("ŢŤŦȚ", "T"),
    ("ţťŧț", "t"),
    ("ÚÙÛŨŪŬŮŰŲ", "U"),
    ("úûũūŭůűų", "u"),
    ("Ŵ", "W"),
    ("ŵ", "w"),
    ("ÝŶŸ", "Y"),
    ("ýŷÿ", "y"),
    ("ŹŻŽ", "Z"),
    ("źżž", "z"),
    ("‘’‚‛′`´", "'"),
    ("“”„‟″«»", "\""),
    ("‐‑‒–—―−", "-"),
    ("…", "..."),
    ("•·", "*"),
    ("×", "x"),
    ("→", "->"),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "!="),
    ("°", " deg"),
    ("œ", "oe"),
    ("Œ", "OE"),
    ("™®©", ""),
];

/// The message as one text message, or as two if it must be. The link is always whole; the title gives way.
#[must_use]
pub fn sms(m: &Message) -> String {
    let drill = if m.drill { "DRILL " } else { "" };
    let before = match m.kind {
        Kind::Test => format!("{drill}TEST: "),
        _ => format!("{drill}{} #{}: ", word(m), m.incident.id),
    };
    let unwell = if m.degraded.is_some() { " Foghorn itself is unwell." } else { "" };
    let after = match &m.kind {
        Kind::Page => format!(". Since {}.{unwell} Ack: {}", time(m.incident.opened_at, m), url(&m.ack_url)),
        Kind::Acknowledged { by } => {
            format!(". By {}: stand down. {}", plain(&line(by, 40)).0, url(&m.incident.url))
        }
        Kind::Resolved { .. } | Kind::Test => format!(". {}", url(&m.incident.url)),
    };
    let title = line(&m.incident.title, 300);
    let (gsm, lost) = plain(&title);
    let dot = |t: &str| t.trim_end_matches('.').to_owned();
    // A title of another script is of no use as question marks: then the whole message is of 16-bit characters, 67 in
    // each of three.
    if lost * 4 > title.chars().count() {
        return fit(&before, &dot(&title), &after, &[70, 201], |c| c.len_utf16());
    }
    fit(&plain(&before).0, &dot(&gsm), &after, &[160, 306], |c| 1 + usize::from(EXTENDED.contains(c)))
}

/// The text in the GSM alphabet, and how many characters had to be given up.
fn plain(text: &str) -> (String, usize) {
    let mut lost = 0;
    let mut out = String::new();
    for c in text.chars() {
        if BASIC.contains(c) || EXTENDED.contains(c) {
            out.push(c);
        } else if let Some((_, ascii)) = INSTEAD.iter().find(|(from, _)| from.contains(c)) {
            out.push_str(ascii);
        } else {
            out.push('?');
            lost += 1;
        }
    }
    (out, lost)
}

/// As much of `title` as fits between the others: whole within the first limit, or else cut to the last.
fn fit(before: &str, title: &str, after: &str, limits: &[usize], cost: impl Fn(char) -> usize) -> String {
    let length = |s: &str| s.chars().map(&cost).sum::<usize>();
    let fixed = length(before) + length(after);
    if limits.iter().any(|most| fixed + length(title) <= *most) {
        return format!("{before}{title}{after}");
    }
    let mut room = limits.last().copied().unwrap_or_default().saturating_sub(fixed + 3);
    let kept: String = title
        .chars()
        .take_while(|c| {
            let fits = cost(*c) <= room;
            room = room.saturating_sub(cost(*c));
            fits
        })
        .collect();
    format!("{before}{}...{after}", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_alphabet_has_127_characters_and_no_more() {
        // 128 places, without CR, LF and the escape; `BASIC` has neither of the three.
        assert_eq!(BASIC.chars().count(), 125);
        assert!(INSTEAD.iter().all(|(_, to)| plain(to).1 == 0 && plain(to).0 == *to));
    }

    proptest! {
        #[test]
        fn it_fits_and_has_the_whole_link(title in ".{0,400}", degraded: bool, drill: bool) {
            let mut m = crate::render::tests::page();
            m.incident.title = title;
            m.drill = drill;
            m.degraded = degraded.then(|| "disk full".to_owned());
            let text = sms(&m);
            prop_assert!(text.ends_with(&m.ack_url));
            let gsm = plain(&text) == (text.clone(), 0);
            let places: usize = text.chars().map(|c| if gsm { 1 + usize::from(EXTENDED.contains(c)) } else { c.len_utf16() }).sum();
            prop_assert!(places <= if gsm { 306 } else { 201 }, "{}: {}", places, text);
        }
    }
}
