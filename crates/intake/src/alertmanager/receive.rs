//! `POST /api/v2/alerts`. Valid alerts are kept even when the reply is 400.
//!
//! What does not fit into `max_alerts` is told by 400, as what is wrong: a client repeats neither, while 429 and 5xx make
//! some repeat the same batch for ever. Prometheus sends whatever still fires again with its next round, whatever the reply.

use super::{problem, unknown, wrong};
use crate::Intake;
use crate::auth::{Am, Caller, Unknown};
use crate::door::Reason;
use crate::item::{self, GENERATOR, LIFETIME, MOST_ITEMS};
use crate::moment;
use crate::read::{self, Pairs, Text};
use crate::reply::{empty, first, too_many_open};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::alert::AlertItem;
use foghorn_core::time::Wall;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

/// Whether it is JSON, or says nothing about what it is. Others are refused as by Alertmanager; it also keeps a foreign web
/// page from sending alerts through a browser, which asks nobody before it sends a form.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|value| {
        value.to_str().is_ok_and(|v| {
            v.split(';').next().is_some_and(|t| t.trim().eq_ignore_ascii_case("application/json"))
        })
    })
}

pub(super) fn not_json() -> Response {
    wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported media type, only [application/json] are allowed")
}

pub(super) async fn alerts(
    State(intake): State<Arc<Intake>>,
    Am(caller): Am,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Caller::Integration(name) = caller else {
        let why =
            "an API token sends no alerts: show the token of an integration of kind alertmanager".to_owned();
        return unknown(&Unknown { status: StatusCode::FORBIDDEN, why, wait: None });
    };
    let door = intake.door(&name, &intake.config());
    let (visit, bytes) = match read::body(&intake, &door, &headers, body).await {
        Ok(read) => read,
        Err(p) => return problem(&p),
    };
    if !is_json(&headers) {
        door.bad(1);
        return not_json();
    }
    let text = read::text(&bytes);
    let now = Wall::from(jiff::Timestamp::now());
    let Parsed { items, wrong: mut errors } = match parse(&text, now) {
        Ok(parsed) => parsed,
        Err(why) => {
            door.bad(1);
            return wrong(StatusCode::BAD_REQUEST, &why);
        }
    };
    if items.len() + errors.len() > MOST_ITEMS {
        door.refuse(Reason::Items, 1);
        let why = format!("more than {MOST_ITEMS} alerts in one request: send fewer at a time");
        return wrong(StatusCode::PAYLOAD_TOO_LARGE, &why);
    }
    door.bad(errors.len());
    match item::submit(&intake, &visit, items).await {
        Ok(0) => {}
        Ok(refused) => errors.push(too_many_open(refused, &name)),
        Err(p) => return problem(&p),
    }
    if errors.is_empty() {
        empty(StatusCode::OK)
    } else {
        wrong(StatusCode::BAD_REQUEST, &first(&errors).join("; "))
    }
}

/// Good items, and what is wrong with the others.
struct Parsed {
    items: Vec<AlertItem>,
    wrong: Vec<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "an alert")]
struct Posted<'a> {
    #[serde(borrow)]
    labels: Option<Pairs<'a>>,
    #[serde(borrow)]
    annotations: Option<Pairs<'a>>,
    #[serde(borrow, rename = "startsAt")]
    starts: Option<Text<'a>>,
    #[serde(borrow, rename = "endsAt")]
    ends: Option<Text<'a>>,
    #[serde(borrow, rename = "generatorURL")]
    generator: Option<Text<'a>>,
}

fn parse(text: &str, now: Wall) -> Result<Parsed, String> {
    if text.trim_ascii().is_empty() {
        return Err("the body is empty: send a JSON array of alerts".to_owned());
    }
    let list = read::list::<Posted<'_>>(text, text, "alerts")?;
    let mut parsed = Parsed { items: Vec::with_capacity(list.good.len()), wrong: list.bad };
    for (i, posted) in list.good {
        match posted.item(now) {
            Ok(item) => parsed.items.push(item),
            Err(why) => parsed.wrong.push(format!("{why} (alerts[{i}])")),
        }
    }
    Ok(parsed)
}

impl Posted<'_> {
    fn item(&self, now: Wall) -> Result<AlertItem, String> {
        let labels = item::labels(self.labels.as_ref().map_or(&[], |l| &l.0))?;
        let starts = moment::read(self.starts.as_ref().map(AsRef::as_ref), "startsAt")?;
        let ends = moment::read(self.ends.as_ref().map(AsRef::as_ref), "endsAt")?;
        if starts.zip(ends).is_some_and(|(s, e)| e < s) {
            return Err("start time must be before end time".to_owned());
        }
        let given =
            self.annotations.iter().flat_map(|a| &a.0).map(|(k, v)| (k.as_ref(), Cow::Borrowed(v.as_ref())));
        let generator = self.generator.iter().map(|g| (GENERATOR, Cow::Borrowed(g.as_ref())));
        let annotations = item::annotations(given.chain(generator))?;
        let ended = ends.filter(|e| *e <= now);
        Ok(AlertItem {
            severity: item::severity(&labels),
            started: starts.or(ended),
            ended,
            ends: ends.filter(|_| ended.is_none()),
            lifetime: if ended.is_some() { None } else { Some(ends.map_or(LIFETIME, |e| e.since(now))) },
            ..AlertItem::firing(labels, annotations)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_core::time::Span;
    use foghorn_core::words::Severity;
    use proptest::prelude::*;

    const NOW: Wall = Wall(1_795_000_000_000);

    fn one(json: &str) -> AlertItem {
        let parsed = parse(&format!("[{json}]"), NOW).unwrap();
        assert_eq!(parsed.wrong, Vec::<String>::new());
        parsed.items.into_iter().next().unwrap()
    }

    #[test]
    fn ends_mean_what_they_mean_to_alertmanager() {
        let at = |seconds: i64| moment::show(Wall(NOW.0 + seconds * 1000));
        let plain = one(r#"{"labels":{"a":"1"}}"#);
        assert_eq!((plain.started, plain.ended, plain.lifetime), (None, None, Some(Span::mins(5))));
        let unset =
            one(r#"{"labels":{"a":"1"},"startsAt":"0001-01-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z"}"#);
        assert_eq!(unset, plain);
        let later =
            one(&format!(r#"{{"labels":{{"a":"1"}},"startsAt":"{}","endsAt":"{}"}}"#, at(-60), at(240)));
        assert_eq!((later.started, later.ended), (Some(Wall(NOW.0 - 60_000)), None));
        assert_eq!(later.lifetime, Some(Span::secs(240)));
        let over = one(&format!(r#"{{"labels":{{"a":"1"}},"endsAt":"{}"}}"#, at(-1)));
        assert_eq!(
            (over.ended, over.started, over.lifetime),
            (Some(Wall(NOW.0 - 1000)), Some(Wall(NOW.0 - 1000)), None)
        );
    }

    #[test]
    fn severity_and_generator_are_understood() {
        let a = one(
            r#"{"labels":{"a":"1","severity":"page"},"annotations":{"summary":"s"},"generatorURL":"http://p/g"}"#,
        );
        assert_eq!(a.severity, Some(Severity::Critical));
        assert_eq!(a.annotations.get(GENERATOR), Some("http://p/g"));
        assert_eq!(one(r#"{"labels":{"a":"1","priority":"P5"}}"#).severity, Some(Severity::Info));
        assert_eq!(one(r#"{"labels":{"a":"1","severity":"odd"}}"#).severity, None);
    }

    fn any_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("5".to_owned()),
            "[ -~]{0,9}".prop_map(|s| serde_json::to_string(&s).unwrap()),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(","))),
                proptest::collection::vec(
                    ("(labels|annotations|startsAt|endsAt|generatorURL|a)", inner),
                    0..4
                )
                .prop_map(|v| format!(
                    "{{{}}}",
                    v.iter().map(|(k, v)| format!("{k:?}:{v}")).collect::<Vec<_>>().join(",")
                )),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse(&text, NOW);
        }

        #[test]
        fn bad_items_cost_no_good_one(bad in proptest::collection::vec(any_json(), 0..6), at in 0_usize..6) {
            let mut items = bad;
            let at = at.min(items.len());
            items.insert(at, r#"{"labels":{"good":"yes"}}"#.to_owned());
            let parsed = parse(&format!("[{}]", items.join(", ")), NOW).unwrap();
            prop_assert!(parsed.items.iter().any(|i| i.labels.get("good") == Some("yes")));
            prop_assert_eq!(parsed.items.len() + parsed.wrong.len(), items.len());
        }
    }
}
