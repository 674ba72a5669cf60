//! From text to an expectation.

use super::{Expectation, JsonPath, Op, Phase, Subject, Value};
use crate::duration::parse_duration;
use crate::errors::{listed, nearest};

/// Why a text is no expectation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {}: {message}", self.offset + 1)]
pub struct ExpectError {
    /// Where, in characters from 0.
    pub offset: usize,
    /// How many characters are wrong; at least 1.
    pub width: usize,
    /// What is wrong, and what to write.
    pub message: String,
}

/// The words that begin an expectation.
const SUBJECTS: [&str; 13] = [
    "status",
    "body",
    "size",
    "header",
    "json",
    "resolve",
    "connect",
    "tls",
    "first_byte",
    "total",
    "cert_days",
    "answer",
    "perf",
];

/// What kind of value a subject has, which says how it can be compared.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number,
    Seconds,
    Text,
    /// JSON: any of them.
    Any,
}

impl Expectation {
    /// Reads an expectation.
    ///
    /// # Errors
    /// Where it goes wrong, and what to write instead.
    pub fn parse(text: &str) -> Result<Expectation, ExpectError> {
        let mut p = Parser { text, at: 0 };
        let subject = p.subject()?;
        let kind = match subject {
            Subject::Status | Subject::Size | Subject::CertDays | Subject::Perf(_) => Kind::Number,
            Subject::Phase(_) => Kind::Seconds,
            Subject::Body | Subject::Header(_) | Subject::Answer => Kind::Text,
            Subject::Json(_) => Kind::Any,
        };
        let op = p.op(&subject, kind)?;
        p.space();
        let value = p.value(op, kind)?;
        p.space();
        if !p.rest().is_empty() {
            return p.wrong(p.rest().len(), "this is too much: nothing is expected after the value");
        }
        Ok(Expectation { text: text.trim().to_owned(), subject, op, value })
    }
}

struct Parser<'t> {
    text: &'t str,
    /// In bytes.
    at: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn wrong<T>(&self, bytes: usize, message: impl Into<String>) -> Result<T, ExpectError> {
        let end = (self.at + bytes).min(self.text.len());
        let width = self.text.get(self.at..end).unwrap_or_default().trim_end().chars().count().max(1);
        Err(ExpectError { offset: self.text[..self.at].chars().count(), width, message: message.into() })
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// How long the next word is, in bytes.
    fn word(&self) -> usize {
        self.rest().find(|c: char| c.is_whitespace() || "=!<>".contains(c)).unwrap_or(self.rest().len())
    }

    fn subject(&mut self) -> Result<Subject, ExpectError> {
        self.space();
        let length = self.word();
        let word = &self.rest()[..length];
        let subject = match word {
            "status" => Subject::Status,
            "body" => Subject::Body,
            "size" => Subject::Size,
            "cert_days" => Subject::CertDays,
            "answer" => Subject::Answer,
            "rtt" => Subject::Phase(Phase::Total),
            "header" | "perf" | "json" => {
                self.at += length;
                return self.named(word);
            }
            "" => {
                return self
                    .wrong(1, format!("it begins with what is looked at: {}", listed(SUBJECTS, "or")));
            }
            _ => match (Phase::ALL.into_iter().find(|p| p.word() == word), nearest(word, SUBJECTS)) {
                (Some(phase), _) => Subject::Phase(phase),
                (None, Some(near)) => {
                    return self
                        .wrong(length, format!("`{word}` is nothing to look at: did you mean `{near}`?"));
                }
                (None, None) => {
                    return self.wrong(
                        length,
                        format!("`{word}` is nothing to look at: it is one of {}", listed(SUBJECTS, "or")),
                    );
                }
            },
        };
        self.at += length;
        Ok(subject)
    }

    /// A subject that takes a name.
    fn named(&mut self, word: &str) -> Result<Subject, ExpectError> {
        self.space();
        if word == "json" {
            let length = JsonPath::extent(self.rest());
            let path = &self.rest()[..length];
            return match JsonPath::parse(path) {
                Ok(path) => {
                    self.at += length;
                    Ok(Subject::Json(path))
                }
                Err((offset, why)) => {
                    self.at += offset;
                    self.wrong(length - offset, why)
                }
            };
        }
        let from = self.at;
        let name = match self.quoted()? {
            Some(name) => name,
            None => {
                let length = self.word();
                self.at += length;
                self.text[from..self.at].to_owned()
            }
        };
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let good = !name.is_empty() && (word == "perf" || name.chars().all(token));
        match word {
            _ if !good => {
                self.at = from;
                self.wrong(
                    1,
                    format!(
                        "a name is missing after `{word}`, as in `{word} {}`",
                        if word == "perf" { "load1 < 5" } else { "content-type contains json" }
                    ),
                )
            }
            "perf" => Ok(Subject::Perf(name)),
            _ => Ok(Subject::Header(name.to_ascii_lowercase())),
        }
    }

    fn op(&mut self, subject: &Subject, kind: Kind) -> Result<Op, ExpectError> {
        self.space();
        let rest = self.rest();
        // `not` and the word behind it may stand apart.
        let found = Op::WORDS.iter().find_map(|(word, op)| {
            let mut at = 0;
            for part in word.split(' ') {
                at += rest.get(at..)?.len() - rest.get(at..)?.trim_start().len();
                at += rest.get(at..)?.strip_prefix(part).map(|_| part.len())?;
            }
            let symbol = !word.starts_with(|c: char| c.is_ascii_alphabetic());
            let ends = rest.get(at..)?.chars().next().is_none_or(char::is_whitespace);
            (symbol || ends).then_some((at, *op))
        });
        let fitting = |op: Op| match kind {
            Kind::Number => {
                !matches!(op, Op::Contains | Op::NotContains | Op::Matches | Op::NotMatches)
                    && (!matches!(op, Op::Exists | Op::NotExists) || matches!(subject, Subject::Perf(_)))
            }
            Kind::Seconds => matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge | Op::Eq | Op::Ne | Op::In),
            Kind::Text => !matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge),
            Kind::Any => true,
        };
        let allowed = || listed(Op::WORDS.iter().filter(|(_, op)| fitting(*op)).map(|(word, _)| *word), "or");
        let what = subject.word();
        match found {
            Some((length, op)) if fitting(op) => {
                self.at += length;
                Ok(op)
            }
            Some((length, op)) => self.wrong(
                length,
                format!("`{what}` cannot be compared with `{}`: use {}", op.word(), allowed()),
            ),
            None => {
                let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let hint = match &rest[..length] {
                    "=" => " (`==` is meant?)",
                    "is" | "equals" => " (use `==`)",
                    _ => "",
                };
                self.wrong(length, format!("after `{what}` stands how it is compared{hint}: {}", allowed()))
            }
        }
    }

    fn value(&mut self, op: Op, kind: Kind) -> Result<Value, ExpectError> {
        match op {
            Op::Exists | Op::NotExists => return Ok(Value::Nothing),
            _ if self.rest().is_empty() => {
                return self.wrong(1, format!("a value is missing after `{}`", op.word()));
            }
            Op::In => return self.list(kind),
            Op::Matches | Op::NotMatches => {
                let from = self.at;
                let (pattern, _) = self.text()?;
                let compiled = regex::RegexBuilder::new(&pattern).size_limit(1 << 20).build();
                return compiled.map(Value::Regex).or_else(|e| {
                    self.at = from;
                    let why = e.to_string();
                    let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    self.wrong(self.rest().len(), format!("this is no regular expression: {why}"))
                });
            }
            Op::Contains | Op::NotContains if matches!(self.rest(), "''" | "\"\"") => {
                return self.wrong(2, "an empty text is in every text");
            }
            _ => {}
        }
        let ordered = matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge);
        match kind {
            Kind::Number => self.number(false).map(Value::Number),
            Kind::Seconds => self.number(true).map(Value::Seconds),
            Kind::Any if ordered => self.number(false).map(Value::Number),
            Kind::Text => Ok(Value::Text(self.text()?.0)),
            Kind::Any => Ok(match self.text()? {
                (text, true) => Value::Text(text),
                (text, false) => match (plain_number(&text), text.as_str()) {
                    // Of a greater one a float would keep only the beginning.
                    (Some(n), _) if !matches!(op, Op::Contains | Op::NotContains) && n.abs() < EXACT => {
                        Value::Number(n)
                    }
                    (_, "true" | "false") => Value::Json((text == "true").into()),
                    (_, "null") => Value::Json(serde_json::Value::Null),
                    _ => Value::Text(text),
                },
            }),
        }
    }

    /// A number, or a duration in seconds.
    fn number(&mut self, seconds: bool) -> Result<f64, ExpectError> {
        let end = self.rest().find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(self.rest().len());
        let end = self.rest().find("..").map_or(end, |dots| dots.min(end));
        let word = &self.rest()[..end];
        let number = if seconds {
            parse_duration(word).map(|d| d.as_secs_f64())
        } else {
            plain_number(word).ok_or_else(|| format!("`{word}` is no number"))
        };
        match number {
            Ok(n) => {
                self.at += end;
                Ok(n)
            }
            Err(why) => self.wrong(end, why),
        }
    }

    /// A text in quotes, or all that is left; and whether it was in quotes.
    fn text(&mut self) -> Result<(String, bool), ExpectError> {
        if let Some(text) = self.quoted()? {
            return Ok((text, true));
        }
        let text = self.rest().trim_end().to_owned();
        self.at = self.text.len();
        Ok((text, false))
    }

    fn quoted(&mut self) -> Result<Option<String>, ExpectError> {
        let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            return Ok(None);
        };
        let mut out = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((i, c)) = chars.next() {
            match c {
                // Before anything else a backslash is itself, so that patterns read as they are.
                '\\' => out.push(
                    chars.next_if(|(_, next)| *next == quote || *next == '\\').map_or('\\', |(_, next)| next),
                ),
                c if c == quote => {
                    self.at += i + 1;
                    return Ok(Some(out));
                }
                c => out.push(c),
            }
        }
        self.wrong(self.rest().len(), "the quote is not closed")
    }

    /// Values and ranges, separated by commas.
    fn list(&mut self, kind: Kind) -> Result<Value, ExpectError> {
        let first = self.rest().split([',', '.']).next().unwrap_or_default().trim();
        if kind == Kind::Text || (kind == Kind::Any && plain_number(first).is_none()) {
            let mut texts = Vec::new();
            loop {
                self.space();
                texts.push(match self.quoted()? {
                    Some(text) => text,
                    None => {
                        let end = self.rest().find(',').unwrap_or(self.rest().len());
                        let word = self.rest()[..end].trim_end();
                        if word.is_empty() {
                            return self.wrong(1, "a value is missing here");
                        }
                        self.at += word.len();
                        word.to_owned()
                    }
                });
                if !self.comma() {
                    return Ok(Value::Texts(texts));
                }
            }
        }
        let mut ranges = Vec::new();
        loop {
            self.space();
            let from = self.at;
            let low = self.number(kind == Kind::Seconds)?;
            let high = match self.rest().strip_prefix("..") {
                Some(_) => {
                    self.at += 2;
                    self.number(kind == Kind::Seconds)?
                }
                None => low,
            };
            if high < low {
                let length = self.at - from;
                self.at = from;
                return self.wrong(length, "a range goes from the smaller to the larger");
            }
            ranges.push((low, high));
            if !self.comma() {
                return Ok(Value::Ranges(ranges));
            }
        }
    }

    fn comma(&mut self) -> bool {
        self.space();
        let comma = self.rest().starts_with(',');
        self.at += usize::from(comma);
        comma
    }
}

/// `12`, `-3`, `0.5`, `1e9`: no infinity, no hexadecimals.
/// From here on not every whole number is a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn plain_number(text: &str) -> Option<f64> {
    let digits = text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
    text.parse().ok().filter(|n: &f64| digits && n.is_finite())
}
