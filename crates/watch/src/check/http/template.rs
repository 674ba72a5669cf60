//! Values carried from one step to the next.

use crate::check::{Seen, Trouble, expect};
use foghorn_config::model::{Capture, HttpStep};
use foghorn_config::placeholder::{Filter, Placeholder};
use http::header::SET_COOKIE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Longer values are not carried over.
const LONGEST: usize = 16 * 1024;

/// Captured values by name.
#[derive(Debug, Default)]
pub(super) struct Values(BTreeMap<String, String>);

impl Values {
    /// What stands for a placeholder.
    fn value(&self, inside: &str) -> Option<Cow<'_, str>> {
        const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
        let Placeholder { name, filter } = Placeholder::read(inside).ok()?;
        let value = self.0.get(name)?;
        Some(match filter {
            Filter::Plain => Cow::Borrowed(value),
            Filter::UrlEncode => Cow::Owned(utf8_percent_encode(value, FORM).to_string()),
            Filter::Json => Cow::Owned(serde_json::Value::from(value.as_str()).to_string()),
        })
    }

    /// Replaces every `{{name}}` of a captured value; others stay as they are.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            out.push_str(before);
            rest = match after.split_once("}}").and_then(|(inside, tail)| Some((self.value(inside)?, tail))) {
                Some((value, tail)) => {
                    out.push_str(&value);
                    tail
                }
                None => {
                    out.push_str("{{");
                    after
                }
            };
        }
        out.push_str(rest);
        out
    }
}

/// Whether anything of a step may depend on what was captured.
pub(super) fn is_template(step: &HttpStep) -> bool {
    let values = step.headers.iter().map(|(_, v)| v).chain([&step.url, &step.body]);
    values.into_iter().any(|v| v.expose().is_ok_and(|text| text.contains("{{")))
}

/// Finds what the step captures.
pub(super) fn capture(step: &HttpStep, seen: &Seen, values: &mut Values) -> Result<(), Trouble> {
    for (name, place) in &step.capture {
        let value = find(place, seen).ok_or_else(|| {
            let place = match place {
                Capture::Json(path) => format!("{} in the answer", path.text),
                Capture::Header(h) => format!("header {h}"),
                Capture::Cookie(c) => format!("cookie {c}"),
                Capture::Regex(r) => format!("match of {} in the answer", r.as_str()),
            };
            Trouble::Bad(format!("no {place}, which was to be carried over as {name}"))
        })?;
        if value.len() > LONGEST {
            return Err(Trouble::Bad(format!("the value of {name} is {} bytes long", value.len())));
        }
        values.0.insert(name.clone(), value.into_owned());
    }
    Ok(())
}

fn find<'a>(place: &Capture, seen: &'a Seen) -> Option<Cow<'a, str>> {
    match place {
        Capture::Json(path) => expect::json_text(path, seen).map(Cow::Owned),
        Capture::Header(name) => Some(String::from_utf8_lossy(seen.headers.get(name)?.as_bytes())),
        Capture::Cookie(name) => seen.headers.get_all(SET_COOKIE).iter().find_map(|c| {
            let line = std::str::from_utf8(c.as_bytes()).ok()?;
            let (key, value) = line.split(';').next()?.split_once('=')?;
            (key.trim() == name).then(|| Cow::Borrowed(value.trim()))
        }),
        Capture::Regex(regex) => {
            let text = seen.text();
            let found = regex.captures(&text)?;
            Some(Cow::Owned(found.get(1).or_else(|| found.get(0))?.as_str().to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> Values {
        Values(
            [
                ("a".to_owned(), "1".to_owned()),
                ("b".to_owned(), "{{a}}".to_owned()),
                ("t".to_owned(), "ab+c/d&e== \"".to_owned()),
            ]
            .into(),
        )
    }

    #[test]
    fn names_are_filled_in_and_nothing_else() {
        for (text, want) in [
            ("x{{a}}y{{ a }}", "x1y1"),
            ("{{b}}", "{{a}}"),
            ("{{c}} {{a}}", "{{c}} 1"),
            ("{{a} {{a}}", "{{a} 1"),
            ("{{", "{{"),
            ("u=x&t={{t|urlencode}}", "u=x&t=ab%2Bc%2Fd%26e%3D%3D%20%22"),
            ("{\"t\": {{ t | json }}}", r#"{"t": "ab+c/d&e== \""}"#),
            ("{{t|base64}}", "{{t|base64}}"),
        ] {
            assert_eq!(values().fill(text), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_without_names_is_itself(text in "[^{]*") {
            prop_assert_eq!(values().fill(&text), text);
        }

        #[test]
        fn any_text_ends(text in "[{}ab ]{0,40}") {
            values().fill(&text);
        }
    }
}
