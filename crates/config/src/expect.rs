//! The language of expectations: `status == 200`, `body contains ok`, `total < 800ms`, `json $.queue.depth <= 10`.
//!
//! A subject, an operator, a value. A text stands bare up to the end, or in quotes (`"` or `'`, with `\` before a quote
//! and before itself). A number has no unit but in phases, where a duration is written as everywhere. `in` takes a
//! list of values and of ranges, separated by commas: `status in 200..299, 304`.

mod holds;
mod parse;
mod path;
mod show;

pub use holds::{Observed, Phases, document, same_answer};
pub use parse::ExpectError;

/// One parsed expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// As written, for messages.
    pub text: String,
    /// What is looked at.
    pub subject: Subject,
    /// How it is compared.
    pub op: Op,
    /// With what.
    pub value: Value,
}

/// What an expectation looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// HTTP status, or a plugin's exit code.
    Status,
    /// The body, a TCP answer, or a plugin's first line, as text.
    Body,
    /// The body's length in bytes.
    Size,
    /// A header's value.
    Header(String),
    /// A value inside a JSON body.
    Json(JsonPath),
    /// How long a phase took: `resolve`, `connect`, `tls`, `first_byte`, `total`; for ICMP `rtt` is `total`.
    Phase(Phase),
    /// Days until the certificate ends.
    CertDays,
    /// The answers of a DNS question.
    Answer,
    /// A plugin's performance datum.
    Perf(String),
}

impl Subject {
    /// Its word in the language.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Subject::Status => "status",
            Subject::Body => "body",
            Subject::Size => "size",
            Subject::Header(_) => "header",
            Subject::Json(_) => "json",
            Subject::Phase(phase) => phase.word(),
            Subject::CertDays => "cert_days",
            Subject::Answer => "answer",
            Subject::Perf(_) => "perf",
        }
    }
}

/// The phases of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Name to address.
    Resolve,
    /// TCP handshake.
    Connect,
    /// TLS handshake.
    Tls,
    /// From the request's last byte to the answer's first.
    FirstByte,
    /// All of it.
    Total,
}

impl Phase {
    /// Every phase, in the order in which they pass.
    pub const ALL: [Phase; 5] = [Phase::Resolve, Phase::Connect, Phase::Tls, Phase::FirstByte, Phase::Total];

    /// Its word in the language.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Phase::Resolve => "resolve",
            Phase::Connect => "connect",
            Phase::Tls => "tls",
            Phase::FirstByte => "first_byte",
            Phase::Total => "total",
        }
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `contains`
    Contains,
    /// `not contains`
    NotContains,
    /// `matches`, a regular expression
    Matches,
    /// `not matches`
    NotMatches,
    /// `in`: one of a list, or of ranges: `status in 200..299, 304`
    In,
    /// `exists`
    Exists,
    /// `not exists`
    NotExists,
}

impl Op {
    /// Every operator with its word; the longer ones before those that they begin with.
    const WORDS: [(&'static str, Op); 13] = [
        ("==", Op::Eq),
        ("!=", Op::Ne),
        ("<=", Op::Le),
        (">=", Op::Ge),
        ("<", Op::Lt),
        (">", Op::Gt),
        ("not contains", Op::NotContains),
        ("not matches", Op::NotMatches),
        ("not exists", Op::NotExists),
        ("contains", Op::Contains),
        ("matches", Op::Matches),
        ("exists", Op::Exists),
        ("in", Op::In),
    ];

    /// Its word in the language.
    #[must_use]
    pub fn word(self) -> &'static str {
        Op::WORDS.iter().find(|(_, op)| *op == self).map_or("", |(word, _)| word)
    }
}

/// The right-hand side.
#[derive(Clone, Debug)]
pub enum Value {
    /// A number without a unit.
    Number(f64),
    /// A duration, for phases, in seconds.
    Seconds(f64),
    /// Text.
    Text(String),
    /// A compiled regular expression.
    Regex(regex::Regex),
    /// Inclusive ranges, for `in` over numbers.
    Ranges(Vec<(f64, f64)>),
    /// Texts, for `in`.
    Texts(Vec<String>),
    /// `true`, `false`, `null` as JSON has them.
    Json(serde_json::Value),
    /// For `exists`.
    Nothing,
}

/// By what they mean: regular expressions by their pattern.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

/// A path into a JSON document: `$.a.b[0]`, `$['a b']`, `$.items[*].state` (every one), `$.items.length`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    /// As written.
    pub text: String,
    /// Parsed.
    pub parts: Vec<PathPart>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// An object's member.
    Key(String),
    /// An array's element; negative counts from the end.
    Index(i64),
    /// Every element or member.
    All,
    /// How many elements, members or characters.
    Length,
}
