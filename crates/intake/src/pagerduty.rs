//! PagerDuty's Events API, version 2: `/v2/enqueue` and `/v2/change/enqueue`.
//!
//! An alert's identity is its `dedup_key` alone, since that is all that a `resolve` says. A sender's `acknowledge` is
//! answered as there, and acknowledges nothing: only a person does.

use crate::auth::{guarded, is, one};
use crate::door::{Door, Visit};
use crate::item::{self, CUT, cut};
use crate::read::{self, Spare, Text, explain};
use crate::reply::{Problem, json, saved, too_many_open};
use crate::{Intake, LARGEST_PAGERDUTY_EVENT, id, moment};
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use foghorn_config::model::{Config, Integration};
use foghorn_core::alert::AlertItem;
use foghorn_core::change::Change;
use foghorn_core::decide::resolve_entity;
use foghorn_core::input::Input;
use foghorn_core::labels::{AlertKey, Labels};
use foghorn_core::time::Wall;
use foghorn_core::words::{Actor, Name, Severity, Via};
use foghorn_engine::handle::{Class, Reply};
use foghorn_net::serve::Peer;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const LONGEST_SUMMARY: usize = 1024;
const LONGEST_KEY: usize = 255;
const SEVERITIES: [(&str, Severity); 4] = [
    ("critical", Severity::Critical),
    ("error", Severity::Critical),
    ("warning", Severity::Warning),
    ("info", Severity::Info),
];

pub(crate) fn routes() -> Router<Arc<Intake>> {
    Router::new().route("/v2/enqueue", post(enqueue)).route("/v2/change/enqueue", post(change))
}

type Shown = Option<Extension<Peer>>;

async fn enqueue(State(intake): State<Arc<Intake>>, from: Shown, headers: HeaderMap, body: Body) -> Response {
    respond(enqueued(&intake, from, &headers, body).await, "Event processed")
}

async fn change(State(intake): State<Arc<Intake>>, from: Shown, headers: HeaderMap, body: Body) -> Response {
    respond(changed(&intake, from, &headers, body).await, "Change event processed")
}

/// Why an event did not come in.
enum Wrong {
    Event(Vec<String>),
    Request(Problem),
}

impl From<Problem> for Wrong {
    fn from(p: Problem) -> Wrong {
        Wrong::Request(p)
    }
}

/// An event that came in.
struct Taken {
    key: Option<String>,
    /// What could not be read of it, and why.
    without: Vec<String>,
}

fn respond(outcome: Result<Taken, Wrong>, message: &str) -> Response {
    match outcome {
        Ok(Taken { key, without }) => {
            let message = if without.is_empty() {
                message.to_owned()
            } else {
                format!("{message}, without what cannot be read: {}", without.join("; "))
            };
            let mut said = serde_json::json!({ "status": "success", "message": message });
            if let Some(key) = key {
                said["dedup_key"] = key.into();
            }
            json(StatusCode::ACCEPTED, &said)
        }
        Err(Wrong::Event(errors)) => json(
            StatusCode::BAD_REQUEST,
            &serde_json::json!({ "status": "invalid event", "message": "Event object is invalid", "errors": errors }),
        ),
        Err(Wrong::Request(p)) => {
            let (status, message) = match p {
                Problem::Rate { .. } => (
                    "throttle exceeded",
                    "Requests for this service are arriving too quickly.  Please retry later.".to_owned(),
                ),
                Problem::Size { .. } | Problem::Event { .. } => ("invalid event", p.to_string()),
                _ => ("unavailable", p.to_string()),
            };
            p.on(json(p.status(), &serde_json::json!({ "status": status, "message": message })))
        }
    }
}

/// Whose an event is stands in its body, so the body comes first.
async fn received(intake: &Intake, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let read = async {
        read::plain(headers)?;
        let Ok(_turn) = intake.unknown.try_acquire() else {
            return Err(Problem::InFlight { retry_after: Duration::from_secs(1) });
        };
        let most = intake.config().server.max_body.min(LARGEST_PAGERDUTY_EVENT);
        let read = read::bytes(body, read::length(headers).unwrap_or(0), most).await;
        read.map_err(|p| match p {
            // To raise server.max_body would change nothing.
            Problem::Size { most: most @ LARGEST_PAGERDUTY_EVENT } => Problem::Event { most },
            p => p,
        })
    };
    let read = read.await;
    if read.is_err() {
        intake.unread.fetch_add(1, Ordering::Relaxed);
    }
    read
}

async fn enqueued(intake: &Intake, from: Shown, headers: &HeaderMap, body: Body) -> Result<Taken, Wrong> {
    let bytes = received(intake, headers, body).await?;
    let text = read::text(&bytes);
    let event: Event<'_> = parse(intake, &text)?;
    let visit = enter(intake, from, event.routing_key.as_ref(), bytes.len())?;
    let door = &visit.door;
    let (key, item) =
        event.alert(&intake.config(), jiff::Timestamp::now().into()).map_err(|errors| bad(door, errors))?;
    match item {
        None => {
            acknowledged(intake, door, &key).await?;
            door.accept(1);
        }
        Some(item) => {
            let refused = item::submit(intake, &visit, vec![item]).await?;
            if refused > 0 {
                return Err(Wrong::Event(vec![too_many_open(refused, &door.name)]));
            }
        }
    }
    Ok(Taken { key: Some(key), without: event.unread() })
}

/// A sender's acknowledgement is no person's: it is noted, where its alert's incident is open, and changes nothing else.
async fn acknowledged(intake: &Intake, door: &Arc<Door>, key: &str) -> Result<(), Problem> {
    let view = intake.handle.view();
    let labels = Labels::from_pairs([("dedup_key", key)]);
    let alert = view.state.alerts.get(&AlertKey::of(&door.name, &labels));
    let Some(alert) = alert.filter(|a| a.status.is_open()) else { return Ok(()) };
    let input = Input::Note {
        incident: alert.incident,
        by: Actor { name: door.name.clone(), via: Via::Api },
        text: format!("{} was acknowledged there; here that acknowledges nothing", alert.summary()),
    };
    match intake.handle.submit(Class::Intake, input).await {
        // It was put away meanwhile.
        Reply::Refused(_) => Ok(()),
        reply => saved(reply, Some(door)).map(|_| ()),
    }
}

async fn changed(intake: &Intake, from: Shown, headers: &HeaderMap, body: Body) -> Result<Taken, Wrong> {
    let bytes = received(intake, headers, body).await?;
    let text = read::text(&bytes);
    let event: ChangeEvent<'_> = parse(intake, &text)?;
    let visit = enter(intake, from, event.routing_key.as_ref(), bytes.len())?;
    let door = &visit.door;
    let change = event
        .change(&door.name, &intake.config(), jiff::Timestamp::now().into())
        .map_err(|errors| bad(door, errors))?;
    saved(intake.handle.submit(Class::Intake, Input::Change { change }).await, Some(door))?;
    door.accept(1);
    let spare = event.payload.iter().flat_map(Payload::spare);
    Ok(Taken { key: None, without: unread(spare.chain([("links", wrong(&event.links))])) })
}

fn bad(door: &Door, errors: Vec<String>) -> Wrong {
    door.bad(1);
    Wrong::Event(errors)
}

fn parse<'a, T: Deserialize<'a>>(intake: &Intake, text: &'a str) -> Result<T, Wrong> {
    serde_json::from_str(text).map_err(|e| {
        intake.unread.fetch_add(1, Ordering::Relaxed);
        Wrong::Event(vec![format!("the event cannot be read: {}", explain(text, text, &e))])
    })
}

/// Finds whose key it is, and lets the event in.
fn enter(intake: &Intake, from: Shown, key: Option<&Text<'_>>, bytes: usize) -> Result<Visit, Wrong> {
    let config = intake.config();
    let key = key.map_or("", AsRef::as_ref);
    let wrong = |why: &str| Err(Wrong::Event(vec![why.to_owned()]));
    let look = || {
        if key.is_empty() {
            return wrong("'routing_key' is missing or blank");
        }
        if key.chars().count() != 32 {
            return wrong("Length of 'routing_key' is incorrect (should be 32 characters)");
        }
        let hits = config.integrations.iter().filter(|(_, i)| match i {
            Integration::PagerDuty { routing_key } => is(routing_key, key),
            _ => false,
        });
        one(hits).map_or_else(|| wrong("Invalid routing key"), |(name, _)| Ok(name))
    };
    let peer = from.map(|Extension(peer)| peer).filter(|_| !key.is_empty());
    let too_many = |retry_after| Wrong::Request(Problem::Rate { retry_after });
    let name = guarded(intake, peer, too_many, |_| true, look)?;
    Ok(intake.door(name, &config).enter(config.server.rate_limit, bytes).map_err(Problem::from)?)
}

#[derive(Default, Deserialize)]
#[serde(default, expecting = "an event")]
struct Event<'a> {
    #[serde(borrow)]
    routing_key: Option<Text<'a>>,
    #[serde(borrow)]
    event_action: Option<Text<'a>>,
    #[serde(borrow)]
    dedup_key: Option<Text<'a>>,
    #[serde(borrow)]
    payload: Option<Payload<'a>>,
    #[serde(borrow)]
    images: Listed<'a>,
    #[serde(borrow)]
    links: Listed<'a>,
    #[serde(borrow)]
    client: Spare<Text<'a>>,
    #[serde(borrow)]
    client_url: Spare<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, expecting = "an object")]
struct Payload<'a> {
    #[serde(borrow)]
    summary: Option<Text<'a>>,
    #[serde(borrow)]
    source: Option<Text<'a>>,
    #[serde(borrow)]
    severity: Option<Text<'a>>,
    #[serde(borrow)]
    timestamp: Spare<Text<'a>>,
    #[serde(borrow)]
    component: Spare<Text<'a>>,
    #[serde(borrow)]
    group: Spare<Text<'a>>,
    #[serde(borrow)]
    class: Spare<Text<'a>>,
    #[serde(borrow)]
    custom_details: Option<&'a RawValue>,
}

/// An image or a link.
#[derive(Default, Deserialize)]
#[serde(default, expecting = "an object")]
struct Linked<'a> {
    #[serde(borrow)]
    src: Option<Text<'a>>,
    #[serde(borrow)]
    href: Option<Text<'a>>,
    #[serde(borrow, alias = "alt")]
    text: Option<Text<'a>>,
}

impl Linked<'_> {
    /// `words: address`, or either.
    fn line(&self) -> String {
        let words = [&self.text, &self.src, &self.href];
        words
            .into_iter()
            .flatten()
            .map(AsRef::as_ref)
            .filter(|t| !t.is_empty())
            .collect::<Vec<_>>()
            .join(": ")
    }
}

/// A list of images or links, as it came.
type Listed<'a> = Spare<Vec<Spare<Linked<'a>>>>;

/// Those of a list that can be read.
fn good<'a, 'e>(list: &'e Listed<'a>) -> impl Iterator<Item = &'e Linked<'a>> {
    list.value.iter().flatten().filter_map(|l| l.value.as_ref())
}

fn lines(list: &Listed<'_>) -> String {
    good(list).map(Linked::line).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n")
}

/// What cannot be read of a list, and why: its first.
fn wrong<'e>(list: &'e Listed<'_>) -> Option<&'e String> {
    list.wrong.as_ref().or_else(|| list.value.iter().flatten().find_map(|l| l.wrong.as_ref()))
}

/// What an event comes in without, and why.
fn unread<'e>(all: impl IntoIterator<Item = (&'static str, Option<&'e String>)>) -> Vec<String> {
    all.into_iter().filter_map(|(name, wrong)| Some(format!("{name} ({})", wrong?))).collect()
}

impl Payload<'_> {
    /// What an event can do without.
    fn spare(&self) -> [(&'static str, Option<&String>); 4] {
        [
            ("payload.timestamp", self.timestamp.wrong.as_ref()),
            ("payload.component", self.component.wrong.as_ref()),
            ("payload.group", self.group.wrong.as_ref()),
            ("payload.class", self.class.wrong.as_ref()),
        ]
    }
}

/// A text that is there and says something.
fn given<'a>(text: Option<&'a Text<'_>>) -> Option<&'a str> {
    text.map(AsRef::as_ref).filter(|t| !t.trim().is_empty())
}

impl Event<'_> {
    /// What it comes in without, and why.
    fn unread(&self) -> Vec<String> {
        let beside = [
            ("images", wrong(&self.images)),
            ("links", wrong(&self.links)),
            ("client", self.client.wrong.as_ref()),
            ("client_url", self.client_url.wrong.as_ref()),
        ];
        unread(beside.into_iter().chain(self.payload.iter().flat_map(Payload::spare)))
    }

    /// The event's key, and the alert unless the event changes nothing; or everything that is wrong with it.
    fn alert(&self, config: &Config, now: Wall) -> Result<(String, Option<AlertItem>), Vec<String>> {
        let mut errors = Vec::new();
        let action = given(self.event_action.as_ref());
        let key = given(self.dedup_key.as_ref());
        if key.is_some_and(|k| k.chars().count() > LONGEST_KEY) {
            errors.push(format!(
                "Length of 'dedup_key' is incorrect (should be at most {LONGEST_KEY} characters)"
            ));
        }
        match action {
            None => errors.push("'event_action' is missing or blank".to_owned()),
            Some("trigger") => {}
            Some("acknowledge" | "resolve") if key.is_some() => {}
            Some("acknowledge" | "resolve") => errors.push("'dedup_key' is missing or blank".to_owned()),
            Some(_) => {
                errors.push(
                    "'event_action' is invalid (must be one of: 'trigger', 'acknowledge' or 'resolve')"
                        .to_owned(),
                );
            }
        }
        let item = match action {
            Some("trigger") => self.triggered(config, &mut errors),
            Some("resolve") => Some(AlertItem::resolved(Labels::empty(), now)),
            _ => None,
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let key = key
            .map(str::to_owned)
            .or_else(id::uuid)
            .ok_or_else(|| vec!["send a 'dedup_key': none could be made".to_owned()])?;
        let labels = Labels::from_pairs([("dedup_key", key.as_str())]);
        Ok((key, item.map(|item| AlertItem { labels, ..item })))
    }

    /// An alert without its identity. Adds what is wrong to `errors`.
    fn triggered(&self, config: &Config, errors: &mut Vec<String>) -> Option<AlertItem> {
        let Some(payload) = &self.payload else {
            errors.push("'payload' is missing or blank".to_owned());
            return None;
        };
        let mut need = |what: Option<&Text<'_>>, name: &str| {
            if given(what).is_none() {
                errors.push(format!("'payload.{name}' is missing or blank"));
            }
        };
        need(payload.summary.as_ref(), "summary");
        need(payload.source.as_ref(), "source");
        need(payload.severity.as_ref(), "severity");
        let word = given(payload.severity.as_ref());
        let severity = SEVERITIES.iter().find(|(s, _)| word == Some(*s)).map(|(_, s)| *s);
        if word.is_some() && severity.is_none() {
            errors.push(
                "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')".to_owned(),
            );
        }
        // An alert is worth more than its time: that of its arrival counts, and the alert says so.
        let (started, no_time) =
            match moment::read(payload.timestamp.value.as_ref().map(AsRef::as_ref), "timestamp") {
                Ok(started) => (started, None),
                Err(why) => (None, Some(format!("{why}; the time of arrival counts"))),
            };
        let summary = given(payload.summary.as_ref()).map(|s| cut_chars(s, LONGEST_SUMMARY));
        let (images, links) = (lines(&self.images), lines(&self.links));
        let texts = [
            ("summary", summary),
            ("source", given(payload.source.as_ref()).map(Cow::Borrowed)),
            ("component", given(payload.component.value.as_ref()).map(Cow::Borrowed)),
            ("group", given(payload.group.value.as_ref()).map(Cow::Borrowed)),
            ("class", given(payload.class.value.as_ref()).map(Cow::Borrowed)),
            (
                "custom_details",
                payload.custom_details.map(|d| Cow::Borrowed(d.get())).filter(|d| *d != "null"),
            ),
            ("client", given(self.client.value.as_ref()).map(Cow::Borrowed)),
            ("client_url", given(self.client_url.value.as_ref()).map(Cow::Borrowed)),
            ("images", Some(Cow::Borrowed(&*images))),
            ("links", Some(Cow::Borrowed(&*links))),
            ("timestamp", no_time.map(Cow::Owned)),
        ];
        let annotations = item::annotations(texts.into_iter().filter_map(|(k, v)| v.map(|v| (k, v))));
        let annotations = annotations.map_err(|why| errors.push(why)).ok()?;
        let names = [payload.component.value.as_ref(), payload.source.as_ref()].into_iter().filter_map(given);
        Some(AlertItem {
            severity,
            started,
            entity: entity(config, names),
            ..AlertItem::firing(Labels::empty(), annotations)
        })
    }
}

/// A change's time: without a right one it would be told at the wrong incident.
fn time(text: Option<&Text<'_>>, errors: &mut Vec<String>) -> Option<Wall> {
    moment::read(text.map(AsRef::as_ref), "'payload.timestamp'").unwrap_or_else(|why| {
        errors.push(why);
        None
    })
}

/// The first of `names` that the topology has; else the last of them as it stands.
fn entity<'a>(config: &Config, names: impl Iterator<Item = &'a str>) -> Option<Name> {
    let topology = &config.setup.topology;
    let mut last = None;
    for name in names.map(|n| resolve_entity(topology, n)) {
        if topology.contains_key(&name) {
            return Some(name);
        }
        last = Some(name);
    }
    last
}

/// At most `most` characters. PagerDuty refuses longer ones; an alert is worth more than the end of its summary.
fn cut_chars(text: &str, most: usize) -> Cow<'_, str> {
    if text.chars().count() <= most {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(most.saturating_sub(CUT.chars().count())).collect();
    Cow::Owned(kept + CUT)
}

#[derive(Default, Deserialize)]
#[serde(default, expecting = "a change event")]
struct ChangeEvent<'a> {
    #[serde(borrow)]
    routing_key: Option<Text<'a>>,
    #[serde(borrow)]
    payload: Option<Payload<'a>>,
    #[serde(borrow)]
    links: Listed<'a>,
}

impl ChangeEvent<'_> {
    fn change(&self, by: &Name, config: &Config, now: Wall) -> Result<Change, Vec<String>> {
        let mut errors = Vec::new();
        let payload = self.payload.as_ref();
        let summary = payload.and_then(|p| given(p.summary.as_ref()));
        match (payload, summary) {
            (None, _) => errors.push("'payload' is missing or blank".to_owned()),
            (_, None) => errors.push("'payload.summary' is missing or blank".to_owned()),
            _ => {}
        }
        let at = payload.and_then(|p| time(p.timestamp.value.as_ref(), &mut errors));
        let unread = payload.and_then(|p| p.timestamp.wrong.as_ref());
        errors.extend(unread.map(|why| format!("'payload.timestamp' ({why})")));
        let (Some(summary), true) = (summary, errors.is_empty()) else { return Err(errors) };
        let topology = &config.setup.topology;
        let source = payload.and_then(|p| given(p.source.as_ref())).map(|s| resolve_entity(topology, s));
        let link = good(&self.links).find_map(|l| given(l.href.as_ref()));
        Ok(Change {
            at: at.unwrap_or(now),
            source: by.clone(),
            summary: cut_chars(summary, LONGEST_SUMMARY).into_owned(),
            entity: source.filter(|s| topology.contains_key(s)),
            link: link.map(|l| cut(l, 2048)),
        })
    }
}
