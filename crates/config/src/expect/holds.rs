//! Whether an expectation holds.

use super::{Expectation, Op, Phase, Subject, Value};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

/// What a measurement found. What it did not look at stays empty; an expectation on that does not hold.
#[derive(Default)]
pub struct Observed<'a> {
    /// HTTP status, or a plugin's exit code.
    pub status: Option<i64>,
    /// The body, a TCP answer, or a plugin's first line; perhaps cut at a limit.
    pub body: Option<&'a [u8]>,
    /// The whole body's length, where `body` is only a part of it.
    pub size: Option<u64>,
    /// Gives the value of a header by its name in lower case.
    pub header: Option<&'a (dyn Fn(&str) -> Option<String> + Sync)>,
    /// How long each phase took.
    pub phases: Phases,
    /// Days until the certificate ends; negative if it has ended.
    pub cert_days: Option<f64>,
    /// The answers of a DNS question.
    pub answers: Option<&'a [String]>,
    /// A plugin's performance data, by label.
    pub perf: &'a [(String, f64)],
    /// The body as JSON, once somebody asked for it. Leave it empty.
    pub json: OnceLock<Option<serde_json::Value>>,
}

/// How long each phase took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Name to address.
    pub resolve: Option<Duration>,
    /// TCP handshake.
    pub connect: Option<Duration>,
    /// TLS handshake.
    pub tls: Option<Duration>,
    /// From the request's last byte to the answer's first.
    pub first_byte: Option<Duration>,
    /// All of it.
    pub total: Option<Duration>,
}

impl Phases {
    /// One of them.
    #[must_use]
    pub fn get(&self, phase: Phase) -> Option<Duration> {
        match phase {
            Phase::Resolve => self.resolve,
            Phase::Connect => self.connect,
            Phase::Tls => self.tls,
            Phase::FirstByte => self.first_byte,
            Phase::Total => self.total,
        }
    }
}

impl Observed<'_> {
    fn text(&self) -> Option<Cow<'_, str>> {
        self.body.map(String::from_utf8_lossy)
    }

    /// The body as JSON, parsed once.
    pub fn json(&self) -> Option<&serde_json::Value> {
        self.json.get_or_init(|| document(self.body?)).as_ref()
    }
}

/// A body as JSON. Some servers begin with what JSON does not have, and readers may pass over (RFC 8259, 8.1).
#[must_use]
pub fn document(body: &[u8]) -> Option<serde_json::Value> {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    serde_json::from_slice(body.strip_prefix(BOM).unwrap_or(body)).ok()
}

impl Expectation {
    /// Whether it holds.
    ///
    /// # Errors
    /// What was expected and what was found, in one short line: `status == 200, got 503`.
    pub fn holds(&self, seen: &Observed<'_>) -> Result<(), String> {
        match &self.subject {
            Subject::Status => self.number(seen.status.map(|n| n as f64), "no status"),
            Subject::Size => {
                let size = seen.size.or(seen.body.map(|b| b.len() as u64));
                self.number(size.map(|n| n as f64), "no body")
            }
            Subject::CertDays => self.number(seen.cert_days.map(f64::floor), "no certificate"),
            Subject::Perf(name) => {
                let datum = seen.perf.iter().find(|(label, _)| label == name);
                self.number(datum.map(|(_, n)| *n), "no such value")
            }
            Subject::Phase(phase) => match seen.phases.get(*phase) {
                None => self.fails("it was not measured"),
                Some(took) if self.compare(took.as_secs_f64()) => Ok(()),
                Some(took) => self.fails(&format!("took {}", show(took))),
            },
            Subject::Body => self.text_holds(seen.text().as_deref(), "no body"),
            Subject::Header(name) => {
                let value = seen.header.and_then(|get| get(name));
                self.text_holds(value.as_deref(), "no such header")
            }
            Subject::Answer => self.answers(seen.answers.unwrap_or_default()),
            Subject::Json(path) => {
                let Some(document) = seen.json() else { return self.fails("the body is no JSON") };
                self.json(&path.find(document))
            }
        }
    }

    /// Whether, once it holds of the beginning of a body, it holds of a body that goes on. What is not in the beginning may be in
    /// the rest.
    #[must_use]
    pub fn holds_of_the_whole(&self) -> bool {
        match self.subject {
            Subject::Body => matches!(self.op, Op::Contains | Op::Matches | Op::Exists),
            Subject::Size => matches!(self.op, Op::Gt | Op::Ge | Op::Exists),
            _ => true,
        }
    }

    fn fails(&self, got: &str) -> Result<(), String> {
        Err(format!("{}, {got}", self.text))
    }

    fn number(&self, got: Option<f64>, missing: &str) -> Result<(), String> {
        match (self.op, got) {
            (Op::NotExists, None) | (Op::Exists, Some(_)) => Ok(()),
            (_, None) => self.fails(missing),
            (_, Some(n)) if self.compare(n) => Ok(()),
            (_, Some(n)) => self.fails(&format!("got {n}")),
        }
    }

    fn compare(&self, got: f64) -> bool {
        match (self.op, &self.value) {
            (Op::In, Value::Ranges(ranges)) => ranges.iter().any(|(low, high)| (*low..=*high).contains(&got)),
            (op, Value::Number(wanted) | Value::Seconds(wanted)) => match op {
                Op::Eq => got == *wanted,
                Op::Ne => got != *wanted,
                Op::Lt => got < *wanted,
                Op::Le => got <= *wanted,
                Op::Gt => got > *wanted,
                Op::Ge => got >= *wanted,
                _ => false,
            },
            _ => false,
        }
    }

    fn text_holds(&self, got: Option<&str>, missing: &str) -> Result<(), String> {
        match (self.op, got) {
            (Op::NotExists, None) | (Op::Exists, Some(_)) => Ok(()),
            (_, None) => self.fails(missing),
            (_, Some(text)) if self.fits(text) => Ok(()),
            (_, Some(text)) => self.fails(&format!("got {}", excerpt(text))),
        }
    }

    fn fits(&self, got: &str) -> bool {
        match (self.op, &self.value) {
            (Op::Eq, Value::Text(wanted)) => got == wanted,
            (Op::Ne, Value::Text(wanted)) => got != wanted,
            (Op::Contains, Value::Text(wanted)) => got.contains(wanted),
            (Op::NotContains, Value::Text(wanted)) => !got.contains(wanted),
            (Op::Matches, Value::Regex(regex)) => regex.is_match(got),
            (Op::NotMatches, Value::Regex(regex)) => !regex.is_match(got),
            (Op::In, Value::Texts(wanted)) => wanted.iter().any(|w| w == got),
            _ => false,
        }
    }

    /// One of the answers must fit; for the negations all of them.
    fn answers(&self, got: &[String]) -> Result<(), String> {
        // Among the answers, not inside of one: 192.0.2.1 is not in 192.0.2.10. What is more than a name or an address (TXT,
        // MX, SOA) is looked into.
        let has = |answer: &str, wanted: &str| {
            let text = answer.contains(|c: char| c.is_whitespace() || c == '=');
            same_answer(answer, wanted)
                || text && answer.to_ascii_lowercase().contains(&wanted.to_ascii_lowercase())
        };
        let same = |answer: &String| match (self.op, &self.value) {
            (Op::Contains, Value::Text(wanted)) => has(answer, wanted),
            (Op::NotContains, Value::Text(wanted)) => !has(answer, wanted),
            (Op::Eq, Value::Text(wanted)) => same_answer(answer, wanted),
            (Op::Ne, Value::Text(wanted)) => !same_answer(answer, wanted),
            (Op::In, Value::Texts(wanted)) => wanted.iter().any(|w| same_answer(answer, w)),
            _ => self.fits(answer),
        };
        let good = match self.op {
            Op::Exists => !got.is_empty(),
            Op::NotExists => got.is_empty(),
            Op::Ne | Op::NotContains | Op::NotMatches => got.iter().all(same),
            _ => got.iter().any(same),
        };
        match good {
            true => Ok(()),
            false if got.is_empty() => self.fails("no answer"),
            false => self.fails(&format!("got {}", excerpt(&got.join(", ")))),
        }
    }

    /// Every value found must fit, and there must be one.
    fn json(&self, found: &[Cow<'_, serde_json::Value>]) -> Result<(), String> {
        match self.op {
            Op::Exists if !found.is_empty() => return Ok(()),
            Op::NotExists if found.is_empty() => return Ok(()),
            Op::NotExists => {}
            _ if found.is_empty() => return self.fails("there is nothing"),
            _ => {}
        }
        match found.iter().find(|v| self.op == Op::NotExists || !self.json_fits(v)) {
            None => Ok(()),
            Some(bad) => self.fails(&format!("got {}", excerpt(&bad.to_string()))),
        }
    }

    fn json_fits(&self, got: &serde_json::Value) -> bool {
        use serde_json::Value as Json;
        let number = || match got {
            Json::String(s) => s.trim().parse().ok(),
            other => other.as_f64(),
        };
        match (self.op, &self.value, got) {
            (Op::Eq, Value::Json(wanted), _) => got == wanted,
            (Op::Ne, Value::Json(wanted), _) => got != wanted,
            (Op::Contains, Value::Text(wanted), Json::Object(map)) => map.contains_key(wanted),
            (Op::NotContains, Value::Text(wanted), Json::Object(map)) => !map.contains_key(wanted),
            (Op::Contains | Op::NotContains, Value::Text(wanted), Json::Array(list)) => {
                let has = list.iter().any(|v| text_of(v) == *wanted);
                has == (self.op == Op::Contains)
            }
            (Op::Contains | Op::NotContains, Value::Json(wanted), Json::Array(list)) => {
                list.contains(wanted) == (self.op == Op::Contains)
            }
            (op, Value::Number(_) | Value::Ranges(_), _) => {
                number().map_or(op == Op::Ne, |n| self.compare(n))
            }
            _ => self.fits(&text_of(got)),
        }
    }
}

/// A JSON value as a text to compare: a string without its quotes.
fn text_of(value: &serde_json::Value) -> Cow<'_, str> {
    match value {
        serde_json::Value::String(s) => s.into(),
        other => other.to_string().into(),
    }
}

/// `1.2s`, `35ms`, `0.4ms`.
fn show(took: Duration) -> String {
    let millis = took.as_secs_f64() * 1000.0;
    match millis {
        1000.0.. => format!("{}s", (millis / 10.0).round() / 100.0),
        10.0.. => format!("{}ms", millis.round()),
        _ => format!("{}ms", (millis * 10.0).round() / 10.0),
    }
}

/// At most 80 characters on one line, with control characters escaped.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut out = String::new();
    let mut length = 0;
    for c in text.chars() {
        let shown: String = if c.is_control() { c.escape_default().collect() } else { c.into() };
        length += shown.chars().count();
        if length > SHOWN {
            out.push('…');
            return out;
        }
        out.push_str(&shown);
    }
    if out.is_empty() { "nothing".into() } else { out }
}

/// Whether a name server's answer is what was expected: names are the same in either case and with or without the last dot,
/// addresses in any spelling.
#[must_use]
pub fn same_answer(answer: &str, expected: &str) -> bool {
    let plain = |text: &str| text.trim().trim_end_matches('.').to_ascii_lowercase();
    let address = |text: &str| text.trim().parse::<IpAddr>().ok();
    plain(answer) == plain(expected) || address(answer).is_some_and(|a| address(expected) == Some(a))
}
