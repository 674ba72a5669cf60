//! Silences and maintenance windows: alerts that are expected.

use crate::alert::Alert;
use crate::labels::Labels;
use crate::time::Wall;
use crate::words::{Actor, Name};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Matchers of one silence.
pub const MOST_MATCHERS: usize = 64;

/// Mutes alerts between two moments. It covers what it names, and nothing that depends on it
/// (outage 1: a reboot planned for one server took all three).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// Its id.
    pub id: Name,
    /// All must match; may be empty if entities are named.
    pub matchers: Vec<Matcher>,
    /// Alerts of any of these; empty for all.
    #[serde(default)]
    pub entities: BTreeSet<Name>,
    /// From.
    pub starts: Wall,
    /// Until, exclusive.
    pub ends: Wall,
    /// Given as a length of time from when it was made, so a step of the wall clock moves it.
    #[serde(default)]
    pub relative: bool,
    /// Who made it.
    pub by: Actor,
    /// Why.
    pub comment: String,
    /// Whether it is a maintenance window.
    #[serde(default)]
    pub maintenance: bool,
}

/// Ended silences that are kept for those who ask what was silenced; the journal has all.
pub const KEPT: usize = 200;

impl Silence {
    /// Whether it counts at that moment.
    #[must_use]
    pub fn is_active(&self, at: Wall) -> bool {
        self.starts <= at && at < self.ends
    }

    /// Whether it is for that alert, whatever the time. One that names nothing is for nothing.
    #[must_use]
    pub fn matches(&self, alert: &Alert) -> bool {
        let named =
            self.entities.is_empty() || alert.entity.as_ref().is_some_and(|e| self.entities.contains(e));
        let some = !self.entities.is_empty() || !self.matchers.is_empty();
        some && named && self.matchers.iter().all(|m| m.matches(&alert.labels, alert.entity.as_ref()))
    }
}

/// A condition on one label, as Alertmanager has it: a missing label counts as empty, a regular expression is anchored.
#[derive(Clone)]
pub struct Matcher {
    /// The label's name; `entity` also stands for the entity found.
    pub name: String,
    /// Text or regular expression.
    pub value: String,
    /// How `value` is compared.
    pub op: MatchOp,
    regex: Option<Arc<regex::Regex>>,
}

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MatchOp {
    /// `=`
    #[serde(rename = "=")]
    Equal,
    /// `!=`
    #[serde(rename = "!=")]
    NotEqual,
    /// `=~`
    #[serde(rename = "=~")]
    Regex,
    /// `!~`
    #[serde(rename = "!~")]
    NotRegex,
}

impl Matcher {
    /// Reads the matchers of one silence, or of one question, in the form of [`Matcher::parse`].
    ///
    /// # Errors
    /// There are more than [`MOST_MATCHERS`], which is looked at before any is compiled; or one cannot be read.
    pub fn parse_all<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Result<Vec<Matcher>, String> {
        let count = texts.clone().count();
        if count > MOST_MATCHERS {
            return Err(format!("{count} matchers are more than the {MOST_MATCHERS} that there may be"));
        }
        texts.map(Matcher::parse).collect()
    }

    /// A matcher.
    ///
    /// # Errors
    /// What is wrong with the regular expression or the name.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Matcher, String> {
        if name.is_empty() {
            return Err("a matcher needs the name of a label, as in team=web".to_string());
        }
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(Arc::new(
                regex::RegexBuilder::new(&format!("^(?:{value})$"))
                    .size_limit(1 << 18)
                    .build()
                    .map_err(|e| format!("the regular expression {value:?} of {name} cannot be used: {e}"))?,
            )),
        };
        Ok(Matcher { name: name.to_string(), value: value.to_string(), op, regex })
    }

    /// From `name=value`, `name!=value`, `name=~regex`, `name!~regex`; the value may stand in double quotes, and
    /// then has `\"`, `\\` and `\n` for a quote, a backslash and a new line. Other backslashes stand for themselves.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Matcher, String> {
        let at = text.find(['=', '!']).ok_or_else(|| {
            format!("{text:?} is no matcher: write name=value, name!=value, name=~regex or name!~regex")
        })?;
        let (name, rest) = text.split_at(at);
        let (op, value) = [
            ("=~", MatchOp::Regex),
            ("!~", MatchOp::NotRegex),
            ("!=", MatchOp::NotEqual),
            ("=", MatchOp::Equal),
        ]
        .into_iter()
        .find_map(|(sign, op)| rest.strip_prefix(sign).map(|v| (op, v)))
        .ok_or_else(|| {
            format!("{text:?} is no matcher: write name=value, name!=value, name=~regex or name!~regex")
        })?;
        // What is taken for one matcher and was meant as several mutes nothing, and nobody hears of that.
        let one = format!(
            "{text:?} is no matcher: give each by itself, without braces or a comma, and its value in double quotes \
             where it has spaces, quotes or equals signs: alertname=DiskFull, mount=\"/a b\""
        );
        let name = name.trim();
        if name.contains(|c: char| c.is_whitespace() || "{}\"'`,~".contains(c)) {
            return Err(one);
        }
        let value = value.trim();
        let value = match value.strip_prefix('"') {
            Some(rest) => {
                unescape(rest.strip_suffix('"').filter(|inner| is_whole(inner)).ok_or_else(|| one.clone())?)
            }
            None if value.contains(['"', '=']) || value.starts_with('\'') => return Err(one),
            None => value.to_string(),
        };
        Matcher::new(name, op, &value)
    }

    /// Whether it is for these labels of an alert of this entity.
    #[must_use]
    pub fn matches(&self, labels: &Labels, entity: Option<&Name>) -> bool {
        let value = labels
            .get(&self.name)
            .or_else(|| entity.filter(|_| self.name == "entity").map(Name::as_str))
            .unwrap_or("");
        let hit = self.regex.as_ref().map_or(value == self.value, |r| r.is_match(value));
        hit == matches!(self.op, MatchOp::Equal | MatchOp::Regex)
    }
}

/// Whether these are true of an alert without any label: alone they would mute everything.
#[must_use]
pub fn match_anything(matchers: &[Matcher]) -> bool {
    let nothing = Labels::empty();
    matchers.iter().all(|m| m.matches(&nothing, None))
}

/// Whether what stands between two quotes has no other, but those that are escaped.
fn is_whole(text: &str) -> bool {
    let mut escaped = false;
    for c in text.chars() {
        if c == '"' && !escaped {
            return false;
        }
        escaped = c == '\\' && !escaped;
    }
    !escaped
}

/// What [`Matcher::parse`] reads back: whoever copies a matcher from a list means the same.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            _ => out.push(c),
        }
    }
    out
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('\\', Some(next @ ('"' | '\\' | 'n'))) => {
                out.push(if next == 'n' { '\n' } else { next });
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Matcher) -> bool {
        (&self.name, &self.value, self.op) == (&other.name, &other.value, other.op)
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.op {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        };
        write!(f, "{}{sign}\"{}\"", self.name, escape(&self.value))
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Serialize, Deserialize)]
struct Plain {
    name: String,
    op: MatchOp,
    value: String,
}

impl Serialize for Matcher {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Plain { name: self.name.clone(), op: self.op, value: self.value.clone() }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Matcher, D::Error> {
        let p = Plain::deserialize(d)?;
        Matcher::new(&p.name, p.op, &p.value).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_read_as_in_alertmanager() {
        let labels = Labels::from_pairs([("team", "web"), ("job", "node")]);
        let hit = |text: &str| Matcher::parse(text).unwrap().matches(&labels, None);
        assert!(hit("team=web") && hit("team=\"web\"") && hit("team!=db") && hit("team=~we."));
        assert!(!hit("team=~w"), "a regular expression is anchored");
        assert!(hit(r#"team=~"w\\w+""#) && hit(r#"team=~"w\w+""#) && !hit(r#"team="w\"eb""#));
        assert!(hit("absent=\"\"") && hit("absent!=x") && !hit("absent=x"));
        assert!(
            Matcher::parse("nothing").is_err()
                && Matcher::parse("=x").is_err()
                && Matcher::parse("a=~(").is_err()
        );
    }

    /// Marks that combine, blanks that are none, what joins and what turns text around: none is written otherwise.
    #[test]
    fn a_matcher_that_is_shown_can_be_given_back() {
        for value in [
            "डिस्क भर गई",
            "\u{2764}\u{fe0f} heartbeat",
            "a\u{a0}b",
            "x\u{200b}y",
            "a\tb",
            "\u{202e}back",
            "two\nlines",
            " blank ",
            "",
            r#"a "quoted" \ back\nslash"#,
            "Cafe\u{301}",
        ] {
            let matcher = Matcher::new("alertname", MatchOp::Equal, value).unwrap();
            assert_eq!(Matcher::parse(&matcher.to_string()), Ok(matcher.clone()), "{matcher}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_value_comes_back(value in ".*") {
            let matcher = Matcher::new("a", MatchOp::NotEqual, &value).unwrap();
            assert_eq!(Matcher::parse(&matcher.to_string()), Ok(matcher));
        }
    }

    /// Each was taken, and muted nothing.
    #[test]
    fn what_is_meant_as_several_or_quoted_otherwise_is_refused() {
        for text in [
            r#"alertname="DiskFull",host="web1""#,
            r#"{alertname="DiskFull"}"#,
            "alertname='DiskFull'",
            "alertname=DiskFull host=web1",
            "alertname=DiskFull,host=web1",
            r#""alertname"="x""#,
            "a b=c",
            r#"a="b"#,
            r#"a=""#,
            r#"a="b\""#,
            r#"a=b""#,
        ] {
            let error = Matcher::parse(text).unwrap_err();
            assert!(error.contains("give each by itself"), "{text}: {error}");
        }
        for (text, value) in [
            ("team=web ops", "web ops"),
            (r#"team="a=b, c""#, "a=b, c"),
            (r#"team="a\"b""#, "a\"b"),
            (r#"path="C:\\""#, "C:\\"),
            ("a=it's", "it's"),
            ("instance=~web1.*|web2:91{2}", "web1.*|web2:91{2}"),
            (r#"a="""#, ""),
            ("a=", ""),
        ] {
            assert_eq!(Matcher::parse(text).map(|m| m.value), Ok(value.to_string()), "{text}");
        }
    }
}
