//! Text messages: 160 characters of the GSM alphabet in one, 153 in each of several.

use super::view::{Part, time, url, width, within, word};
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

/// At most so many characters of 7 bits: three messages in one.
const GSM: usize = 3 * 153;
/// At most so many of 16 bits: three as well.
const UCS2: usize = 3 * 67;

/// The message as one text message, or as up to three. The link is always whole; what is told besides what is broken
/// gives way first, then the title.
#[must_use]
pub fn sms(m: &Message) -> String {
    let drill = if m.drill { "DRILL " } else { "" };
    let before = match m.kind {
        Kind::Test => format!("{drill}TEST: "),
        _ => format!("{drill}{} #{}: ", word(m), m.incident.id),
    };
    let title = line(&m.incident.title, 140);
    let (gsm, lost) = plain(&title);
    // A title of another script is of no use as question marks: then the whole message is of 16-bit characters.
    let wide = lost * 4 > title.chars().count();
    let title = if wide { title } else { gsm };
    let most = if wide { UCS2 } else { GSM };
    let length = |s: &str| s.chars().map(|c| cost(c, wide)).sum::<usize>();
    let as_sent = |p: Part| Part { rank: p.rank, text: if wide { p.text } else { plain(&p.text).0 } };
    let title = title.trim_end_matches('.');
    let fixed = length(&before) + length(title);
    let after = within(after(m).into_iter().map(as_sent).collect(), |text| fixed + length(text) <= most);
    if fixed + length(&after) <= most {
        return format!("{before}{title}{after}");
    }
    let room = most.saturating_sub(length(&before) + length(&after) + 3);
    let mut used = 0;
    let kept: String = title
        .chars()
        .take_while(|c| {
            used += cost(*c, wide);
            used <= room
        })
        .collect();
    format!("{before}{}...{after}", kept.trim_end())
}

/// What follows the title.
fn after(m: &Message) -> Vec<Part> {
    let part = |rank, text| Part { rank, text };
    let told = |rank, label: &str, text: Option<&String>, most| {
        text.map(|t| part(rank, format!(" {label}{}.", line(t, most).trim_end_matches('.'))))
    };
    let mut out = Vec::new();
    match &m.kind {
        Kind::Page => {
            out.push(part(0, format!(". Since {}.", time(m.incident.opened_at, m))));
            out.extend(m.doubt().map(|doubt| part(1, format!(" {doubt}."))));
            out.extend(told(1, "Again: ", m.again.as_ref().filter(|why| !why.is_empty()), 90));
            out.extend(told(4, "Opened by ", m.incident.opened_by.as_ref(), 40));
            out.extend(told(2, "", width(m, 40).as_ref(), 100));
            out.extend(m.degraded.as_ref().map(|_| part(0, " Foghorn itself is unwell.".to_owned())));
            out.extend(told(4, "Changed: ", m.changes.first(), 80));
            out.extend(told(3, "Else ", m.next.as_ref(), 80));
            out.extend(m.runbooks.first().map(|link| part(5, format!(" Runbook: {}", url(link)))));
            out.push(part(0, format!(" Ack: {}", url(&m.ack_url))));
        }
        Kind::Acknowledged { by } => {
            out.push(part(0, format!(". By {}: stand down. {}", line(by, 40), url(&m.incident.url))));
        }
        Kind::Resolved { .. } if m.incident.unwatched => {
            out.push(part(0, format!(". It is not watched any more. {}", url(&m.incident.url))));
        }
        Kind::Resolved { .. } | Kind::Test => out.push(part(0, format!(". {}", url(&m.incident.url)))),
    }
    out
}

/// Places that a character takes.
fn cost(c: char, wide: bool) -> usize {
    if wide { c.len_utf16() } else { 1 + usize::from(EXTENDED.contains(c)) }
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
        fn it_fits_and_has_the_whole_link(title in ".{0,400}", change in ".{0,200}", degraded: bool, drill: bool) {
            let mut m = crate::render::tests::page();
            m.incident.title = title;
            m.changes = vec![change];
            m.drill = drill;
            m.degraded = degraded.then(|| "disk full".to_owned());
            let text = sms(&m);
            prop_assert!(text.ends_with(&m.ack_url));
            let gsm = plain(&text) == (text.clone(), 0);
            let places: usize = text.chars().map(|c| cost(c, !gsm)).sum();
            prop_assert!(places <= if gsm { GSM } else { UCS2 }, "{}: {}", places, text);
        }
    }
}
