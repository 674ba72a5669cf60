//! Labels and annotations within limits, whatever the format.

use crate::door::Reason;
use crate::read::Text;
use crate::reply::{Problem, saved};
use crate::{Intake, door::Visit};
use foghorn_core::alert::AlertItem;
use foghorn_core::input::{Answer, Input};
use foghorn_core::labels::Labels;
use foghorn_core::time::Span;
use foghorn_core::words::Severity;
use foghorn_engine::handle::Class;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Alerts in one request.
pub(crate) const MOST_ITEMS: usize = 10_000;
/// Alertmanager's `resolve_timeout`: an alert without an end must be repeated within this long.
pub(crate) const LIFETIME: Span = Span::mins(5);
/// Where the generator's address is kept, among the annotations.
pub(crate) const GENERATOR: &str = "__generator_url__";
/// Where an alert's start by its sender's word is said to be.
pub(crate) const SEVERITY: [&str; 2] = ["severity", "priority"];

const MOST_LABELS: usize = 64;
const LONGEST_NAME: usize = 128;
const LONGEST_VALUE: usize = 4096;
const MOST_ANNOTATED: usize = 16 * 1024;
/// The mark where something was cut off.
pub(crate) const CUT: &str = " … (cut)";

/// Labels: the last of a repeated name counts, empty ones are left out. The errors have Alertmanager's words where it has
/// the same.
///
/// # Errors
/// There is none, or one of them is beyond the limits. They are the alert's identity, so nothing is cut.
pub(crate) fn labels(pairs: &[(Text<'_>, Text<'_>)]) -> Result<Labels, String> {
    within_limits(Labels::from_pairs(pairs.iter().map(|(k, v)| (k.as_ref(), v.as_ref()))))
}

/// The same of a sender whose names are free texts.
///
/// # Errors
/// As above.
pub(crate) fn labels_by_any_name(pairs: &[(Text<'_>, Text<'_>)]) -> Result<Labels, String> {
    within_limits(Labels::from_pairs(pairs.iter().map(|(k, v)| (fitting(k.as_ref()), v.as_ref()))))
}

/// A name made such that a matcher can name it: `Team name` is `Team_name`.
pub(crate) fn fitting(name: &str) -> Cow<'_, str> {
    if is_name(name) || name.is_empty() || name.len() > LONGEST_NAME {
        return Cow::Borrowed(name);
    }
    let before = name.starts_with(|c: char| c.is_ascii_digit()).then_some('_');
    let fit = name.chars().map(|c| if is_reserved(c) { '_' } else { c });
    Cow::Owned(before.into_iter().chain(fit).collect())
}

fn within_limits(labels: Labels) -> Result<Labels, String> {
    let mut count = 0;
    for (name, value) in labels.iter() {
        count += 1;
        if !is_name(name) {
            return Err(format!("invalid label set: invalid name {:?}", cut(name, LONGEST_NAME)));
        }
        if value.len() > LONGEST_VALUE {
            return Err(format!(
                "invalid label set: the value of {name:?} has {} bytes, more than {LONGEST_VALUE}",
                value.len()
            ));
        }
    }
    match count {
        0 => Err("at least one label pair required".to_owned()),
        1..=MOST_LABELS => Ok(labels),
        _ => Err(format!("invalid label set: {count} labels, more than {MOST_LABELS}")),
    }
}

/// Annotations: the sender's, and what the format has beside. What is too much is cut, and that is marked: they explain
/// and identify nothing.
///
/// # Errors
/// A name is none.
pub(crate) fn annotations<'a>(
    pairs: impl IntoIterator<Item = (&'a str, Cow<'a, str>), IntoIter: Clone>,
) -> Result<Labels, String> {
    let pairs = pairs.into_iter();
    if let Some((name, _)) = pairs.clone().find(|(name, _)| !is_name(name)) {
        return Err(format!("invalid annotations: invalid name {:?}", cut(name, LONGEST_NAME)));
    }
    let size = |(name, value): (&str, Cow<'a, str>)| name.len() + value.len();
    if pairs.clone().map(size).sum::<usize>() <= MOST_ANNOTATED {
        return Ok(Labels::from_pairs(pairs));
    }
    let mut map: BTreeMap<&str, Cow<'a, str>> = pairs.collect();
    // Short ones first, so that one long text does not push the others out.
    let mut by_size: Vec<(usize, &str)> = map.iter().map(|(k, v)| (k.len() + v.len(), *k)).collect();
    by_size.sort_unstable();
    let mut left = MOST_ANNOTATED;
    for (size, name) in by_size {
        if size > left {
            let kept = map.get(name).map(|v| cut(v, left.saturating_sub(name.len())));
            match kept.filter(|k| k.len() > CUT.len()) {
                Some(kept) => map.insert(name, Cow::Owned(kept)),
                None => map.remove(name),
            };
        }
        left = left.saturating_sub(size);
    }
    Ok(Labels::from_pairs(map))
}

/// Whether a matcher can name it: the names of Prometheus, and those of OpenTelemetry and Kubernetes, which newer releases
/// allow (`service.name`, `app.kubernetes.io/name`). Not what begins with a digit or holds what matchers are written with.
fn is_name(name: &str) -> bool {
    // What nearly all are made of.
    let usual = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && (name.bytes().all(usual) || !name.contains(is_reserved))
}

fn is_reserved(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`{}()=!~,;\\".contains(c)
}

/// At most `most` bytes, with a mark where something was cut off.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most.saturating_sub(CUT.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{CUT}", &text[..end])
}

/// The severity that labels name.
pub(crate) fn severity(labels: &Labels) -> Option<Severity> {
    SEVERITY.iter().find_map(|name| labels.get(name).and_then(Severity::from_foreign))
}

/// Submits good items and waits until they are on disk. Returns how many of them were refused because too many are open.
pub(crate) async fn submit(intake: &Intake, visit: &Visit, items: Vec<AlertItem>) -> Result<u32, Problem> {
    let (door, count) = (&visit.door, items.len());
    if items.is_empty() {
        return Ok(0);
    }
    let turn = door.turn(count).await;
    let reply = intake.handle.submit(Class::Intake, Input::Alerts { source: door.name.clone(), items }).await;
    drop(turn);
    let refused = match saved(reply, Some(door))? {
        Answer::Refused(n) => n,
        _ => 0,
    };
    if refused > 0 {
        door.refuse(Reason::Cardinality, u64::from(refused));
    }
    door.accept(count.saturating_sub(refused as usize));
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(list: &[(&'static str, &str)]) -> Vec<(Text<'static>, Text<'static>)> {
        list.iter().map(|(k, v)| (Text(Cow::Borrowed(*k)), Text(Cow::Owned((*v).to_owned())))).collect()
    }

    #[test]
    fn labels_that_cannot_be() {
        let wrong = |list: &[(&'static str, &str)]| labels(&pairs(list)).unwrap_err();
        assert_eq!(wrong(&[]), "at least one label pair required");
        assert_eq!(wrong(&[("a", "")]), "at least one label pair required");
        for name in ["1bad", "", "a b", "a=b", "a{", "a\"", "a\nb"] {
            let text = format!("invalid label set: invalid name {name:?}");
            assert_eq!(wrong(&[(Box::leak(name.to_owned().into_boxed_str()), "x")]), text);
        }
        assert!(wrong(&[("a", &"x".repeat(4097))]).contains("4097 bytes"));
        for name in ["_a", "service.name", "app.kubernetes.io/name", "naïve", "a-b", "a:b"] {
            assert!(labels(&pairs(&[(Box::leak(name.to_owned().into_boxed_str()), "x")])).is_ok(), "{name}");
        }
        // As in Alertmanager an empty value is none, whatever its name.
        assert_eq!(labels(&pairs(&[("1", ""), ("a", "old"), ("a", "new")])).unwrap().to_string(), "a=new");
        let many: Vec<(Text<'_>, Text<'_>)> =
            (0..65).map(|i| (Text(format!("l{i}").into()), Text("x".into()))).collect();
        assert!(labels(&many).unwrap_err().contains("65 labels"));
        assert!(labels(&many[..64]).is_ok());
    }

    #[test]
    fn long_annotations_are_cut_and_say_so() {
        let long = "é".repeat(20_000);
        let kept =
            annotations([("summary", Cow::Borrowed("short")), ("text", Cow::Borrowed(&*long))]).unwrap();
        assert_eq!(kept.get("summary"), Some("short"));
        assert!(kept.get("text").is_some_and(|t| t.ends_with("é … (cut)") && t.len() > 16_000));
        assert_eq!(
            annotations([("1x", "y".into())]).unwrap_err(),
            "invalid annotations: invalid name \"1x\""
        );
    }

    proptest! {
        #[test]
        fn annotations_stay_within_their_limit(map in proptest::collection::btree_map("[a-z]{1,9}", "\\PC{0,9000}", 0..6)) {
            let kept = annotations(map.iter().map(|(k, v)| (k.as_str(), Cow::Borrowed(v.as_str())))).unwrap();
            prop_assert!(kept.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>() <= MOST_ANNOTATED);
        }
    }
}
