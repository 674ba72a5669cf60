//! Texts with a language of their own: expectations and captures.

use crate::errors::At;
use crate::expect::{self, Expectation, JsonPath, Op, Subject};
use crate::model::Capture;
use crate::read::{Cx, FromText, Read, StandIn};
use crate::schema::Defs;
use crate::tree::Node;
use serde_json::{Value, json};

/// An expectation and where it stands.
#[derive(Debug)]
pub(crate) struct Expect {
    pub(crate) at: At,
    pub(crate) expectation: Expectation,
}

impl Read for Expect {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let scalar = cx.scalar(node, "an expectation such as \"status == 200\"")?;
        let text = cx.expanded(node, &scalar.text)?;
        match Expectation::parse(&text) {
            // In messages it stands as in the file: a variable may hold a secret.
            Ok(expectation) => Some(Expect {
                at: node.at,
                expectation: Expectation { text: scalar.text.trim().to_owned(), ..expectation },
            }),
            Err(e) => {
                let at =
                    if text == scalar.text { cx.inside(node, scalar, e.offset, e.width) } else { node.at };
                let message = e.message.replace(&text, &scalar.text);
                cx.wrong(at, format!("in this expectation, column {}: {message}", e.offset + 1), "")
            }
        }
    }

    fn schema(_: &mut Defs) -> Value {
        json!({ "type": "string", "description": "an expectation such as `status == 200`, `body contains ok`, `total < 800ms`" })
    }
}

impl StandIn for Expect {
    fn stand_in() -> Self {
        let (text, subject, op, value) = (String::new(), Subject::Status, Op::Eq, expect::Value::Number(0.0));
        Expect { at: At::NOWHERE, expectation: Expectation { text, subject, op, value } }
    }
}

/// Where a value to carry over is found.
#[derive(Debug)]
pub(crate) struct CaptureText(pub(crate) Capture);

impl FromText for CaptureText {
    const WANTED: &'static str = "where the value is found, such as `json $.token`";

    fn from_text(text: &str) -> Result<Self, String> {
        let (word, rest) = text.split_once(' ').map_or((text, ""), |(word, rest)| (word, rest.trim()));
        let capture = match word {
            "json" => Capture::Json(
                JsonPath::parse(rest)
                    .map_err(|(at, why)| format!("at character {} of the path: {why}", at + 1))?,
            ),
            "header" if !rest.is_empty() => Capture::Header(rest.to_ascii_lowercase()),
            "cookie" if !rest.is_empty() => Capture::Cookie(rest.to_owned()),
            "regex" => {
                let regex = regex::RegexBuilder::new(rest).size_limit(1 << 20).build();
                let regex = regex.map_err(|e| {
                    format!(
                        "this is no regular expression: {}",
                        e.to_string().lines().last().unwrap_or_default()
                    )
                })?;
                if regex.captures_len() < 2 {
                    return Err(
                        "the regular expression needs a group in parentheses: its text is carried over"
                            .into(),
                    );
                }
                Capture::Regex(regex)
            }
            _ => {
                return Err(format!(
                    "`{text}` does not say where the value is found: write `json $.path`, `header NAME`, `cookie NAME` or `regex PATTERN`"
                ));
            }
        };
        Ok(CaptureText(capture))
    }

    fn placeholder() -> Self {
        CaptureText(Capture::Header(String::new()))
    }

    fn shape() -> Value {
        json!({ "type": "string", "description": "`json $.path`, `header NAME`, `cookie NAME` or `regex PATTERN`", "pattern": r"^(json|header|cookie|regex) .+|\$\{" })
    }
}
