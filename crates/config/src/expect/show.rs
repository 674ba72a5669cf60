//! From an expectation to text: what is read back is the same.

use super::{Expectation, Subject, Value};
use crate::duration::show_duration;
use std::fmt;
use std::time::Duration;

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.subject.word())?;
        match &self.subject {
            Subject::Header(name) => write!(f, " {name}")?,
            Subject::Perf(name) => write!(f, " {}", Quoted(name))?,
            Subject::Json(path) => write!(f, " {}", path.text)?,
            _ => {}
        }
        write!(f, " {}", self.op.word())?;
        let seconds = matches!(self.subject, Subject::Phase(_));
        match &self.value {
            Value::Nothing => Ok(()),
            Value::Number(n) => write!(f, " {n}"),
            Value::Seconds(s) => write!(f, " {}", Seconds(*s)),
            Value::Text(text) => write!(f, " {}", Quoted(text)),
            Value::Regex(regex) => write!(f, " {}", Quoted(regex.as_str())),
            Value::Json(json) => write!(f, " {json}"),
            Value::Texts(texts) => texts
                .iter()
                .enumerate()
                .try_for_each(|(i, text)| write!(f, "{} {}", if i > 0 { "," } else { "" }, Quoted(text))),
            Value::Ranges(ranges) => ranges.iter().enumerate().try_for_each(|(i, (low, high))| {
                write!(f, "{} ", if i > 0 { "," } else { "" })?;
                let one = |f: &mut fmt::Formatter<'_>, n: f64| {
                    if seconds { write!(f, "{}", Seconds(n)) } else { write!(f, "{n}") }
                };
                one(f, *low)?;
                if low == high {
                    return Ok(());
                }
                f.write_str("..")?;
                one(f, *high)
            }),
        }
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

pub(super) struct Seconds(pub(super) f64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = (self.0 * 1000.0).round();
        // Durations of the language are whole milliseconds, far below 2^53; casts saturate.
        f.write_str(&show_duration(Duration::from_millis(millis as u64)))
    }
}
