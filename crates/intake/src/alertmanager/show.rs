//! What Alertmanager's clients ask for: alerts, groups, receivers, status.

use super::{LIKE, wrong};
use crate::Intake;
use crate::auth::Am;
use crate::item::GENERATOR;
use crate::moment;
use crate::reply::{empty, json};
use axum::extract::{Query, State};
use axum::response::Response;
use foghorn_core::alert::{Alert, AlertStatus};
use foghorn_core::labels::Labels;
use foghorn_core::silence::Matcher;
use foghorn_core::time::Span;
use foghorn_core::words::Name;
use foghorn_engine::view::View;
use http::StatusCode;
use http::header::RETRY_AFTER;
use regex::Regex;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// A query's keys may be repeated.
pub(super) type Asked = Query<Vec<(String, String)>>;

/// What an alert that is never repeated is said to last.
const ON: Span = Span::mins(5);

pub(super) async fn alerts(State(intake): State<Arc<Intake>>, _: Am, asked: Asked) -> Response {
    list(&intake, &asked, |view, filter| {
        let hits: Vec<Gettable<'_>> = filter.open(view).map(|a| Gettable::of(a, view)).collect();
        json(StatusCode::OK, &hits)
    })
    .await
}

/// Alerts of one incident that page by one policy are a group.
pub(super) async fn groups(State(intake): State<Arc<Intake>>, _: Am, asked: Asked) -> Response {
    #[derive(Serialize)]
    struct Group<'a> {
        labels: BTreeMap<&'static str, String>,
        receiver: Receiver<'a>,
        alerts: Vec<Gettable<'a>>,
    }
    list(&intake, &asked, |view, filter| {
        let mut groups: BTreeMap<(u64, &Name), Vec<Gettable<'_>>> = BTreeMap::new();
        for a in filter.open(view) {
            groups.entry((a.incident, &a.escalation)).or_default().push(Gettable::of(a, view));
        }
        let groups: Vec<Group<'_>> = groups
            .into_iter()
            .map(|((incident, name), alerts)| Group {
                labels: BTreeMap::from([("incident", incident.to_string())]),
                receiver: Receiver { name },
                alerts,
            })
            .collect();
        json(StatusCode::OK, &groups)
    })
    .await
}

/// Receivers are escalation policies here.
pub(super) async fn receivers(State(intake): State<Arc<Intake>>, _: Am) -> Response {
    let view = intake.handle.view();
    let all: Vec<Receiver<'_>> = view.state.setup.escalations.keys().map(|name| Receiver { name }).collect();
    json(StatusCode::OK, &all)
}

pub(super) async fn status(State(intake): State<Arc<Intake>>, _: Am) -> Response {
    let view = intake.handle.view();
    let names: Vec<&Name> = view.state.setup.escalations.keys().collect();
    // As much of a configuration as `amtool config routes` reads. JSON's strings are YAML's too.
    let mut original = String::from("route:\n  receiver: \"default\"\nreceivers:\n");
    for name in names {
        let _ = writeln!(original, "- name: {}", serde_json::Value::from(name.as_str()));
    }
    json(
        StatusCode::OK,
        &serde_json::json!({
            "cluster": { "status": "disabled", "peers": [] },
            "config": { "original": original },
            "uptime": moment::show(intake.started),
            "versionInfo": {
                "version": LIKE,
                "revision": concat!("foghorn-", env!("CARGO_PKG_VERSION")),
                "branch": "foghorn",
                "buildUser": "foghorn",
                "buildDate": "",
                "goVersion": "",
            },
        }),
    )
}

/// Makes a list beside the runtime's own threads: it may hold a hundred thousand alerts.
async fn list(
    intake: &Intake,
    asked: &Asked,
    make: impl FnOnce(&View, &Filter) -> Response + Send + 'static,
) -> Response {
    let filter = match Filter::read(&asked.0) {
        Ok(filter) => filter,
        Err(why) => return wrong(StatusCode::BAD_REQUEST, &why),
    };
    let Ok(turn) = intake.lists.clone().try_acquire_owned() else {
        let mut busy = wrong(StatusCode::SERVICE_UNAVAILABLE, "too many lists are being made, try again");
        busy.headers_mut().insert(RETRY_AFTER, 1.into());
        return busy;
    };
    let view = intake.handle.view();
    let made = tokio::task::spawn_blocking(move || {
        let response = make(&view, &filter);
        drop(turn);
        response
    });
    made.await.unwrap_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR))
}

/// Which alerts are wanted. Nothing is ever inhibited or unprocessed here.
struct Filter {
    matchers: Vec<Matcher>,
    receiver: Option<Regex>,
    active: bool,
    silenced: bool,
}

impl Filter {
    fn read(asked: &[(String, String)]) -> Result<Filter, String> {
        // The words for yes that Alertmanager knows; all else is no.
        const YES: [&str; 10] = ["true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"];
        let last = |key: &str| asked.iter().rfind(|(k, _)| k == key).map(|(_, v)| v);
        let flag = |key: &str| last(key).is_none_or(|v| YES.iter().any(|y| y.eq_ignore_ascii_case(v)));
        let receiver = last("receiver").map(|text| {
            regex::RegexBuilder::new(&format!("^(?:{text})$"))
                .size_limit(1 << 18)
                .build()
                .map_err(|e| format!("failed to parse receiver param: {e}"))
        });
        Ok(Filter {
            matchers: matchers(asked)?,
            receiver: receiver.transpose()?,
            active: flag("active"),
            silenced: flag("silenced"),
        })
    }

    fn open<'a>(&'a self, view: &'a View) -> impl Iterator<Item = &'a Alert> {
        view.state.alerts.values().map(|a| &**a).filter(move |a| {
            a.status.is_open()
                && (if a.muted.is_some() { self.silenced } else { self.active })
                && self.receiver.as_ref().is_none_or(|r| r.is_match(&a.escalation))
                && self.matchers.iter().all(|m| m.matches(&a.labels, a.entity.as_ref()))
        })
    }
}

/// The matchers of a query.
pub(super) fn matchers(asked: &[(String, String)]) -> Result<Vec<Matcher>, String> {
    let filters = asked.iter().filter(|(k, _)| k == "filter").map(|(_, v)| v.as_str());
    Matcher::parse_all(filters).map_err(|e| format!("bad matcher format: {e}"))
}

#[derive(Serialize)]
struct Receiver<'a> {
    name: &'a Name,
}

#[derive(Serialize)]
struct Status<'a> {
    state: &'static str,
    #[serde(rename = "silencedBy")]
    silenced_by: Vec<&'a Name>,
    #[serde(rename = "inhibitedBy")]
    inhibited_by: [(); 0],
    #[serde(rename = "mutedBy")]
    muted_by: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gettable<'a> {
    annotations: Shown<'a>,
    ends_at: String,
    fingerprint: String,
    receivers: [Receiver<'a>; 1],
    starts_at: String,
    status: Status<'a>,
    updated_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator: Option<&'a str>,
    labels: &'a Labels,
}

impl<'a> Gettable<'a> {
    fn of(a: &'a Alert, view: &View) -> Gettable<'a> {
        let lifetime = a.lifetime.unwrap_or(ON);
        let expires = view.state.expires(a.key).map(|at| a.wall_at(at, view.at));
        // A stale alert waits for nothing; that its sender says nothing at all is why, nearly always.
        let sender = view.state.sources.get(&a.source).filter(|_| a.status == AlertStatus::Stale);
        let heard = expires.map(|at| at - lifetime).or_else(|| sender.map(|s| s.heard_wall));
        let heard = heard.unwrap_or(a.received.wall).max(a.received.wall);
        let ends = expires.or_else(|| sender.map(|_| heard + lifetime)).unwrap_or(view.at.wall + lifetime);
        Gettable {
            annotations: Shown(&a.annotations),
            ends_at: moment::show(ends),
            fingerprint: a.key.to_string(),
            receivers: [Receiver { name: &a.escalation }],
            starts_at: moment::show(a.started),
            status: Status {
                state: if a.muted.is_some() { "suppressed" } else { "active" },
                silenced_by: a.muted.iter().collect(),
                inhibited_by: [],
                muted_by: [],
            },
            updated_at: moment::show(heard),
            generator: a.annotations.get(GENERATOR),
            labels: &a.labels,
        }
    }
}

/// Annotations without the one that is shown elsewhere.
struct Shown<'a>(&'a Labels);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.0.iter().filter(|(k, _)| *k != GENERATOR))
    }
}
