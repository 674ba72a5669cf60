//! Alive, and able to page.

use crate::api::Api;
use axum::Json;
use axum::extract::{Request, State};
use foghorn_config::Config;
use foghorn_config::reach::{Level, Reach};
use foghorn_core::time::{Mono, Span};
use foghorn_core::words::Name;
use foghorn_engine::{Class, View};
use http::StatusCode;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use utoipa::ToSchema;

/// The engine decides within milliseconds; one that has not for so long, with work before it, is stuck.
const STUCK: Span = Span::secs(10);

/// Remembers since when the engine has had work and made no decision.
#[derive(Default)]
pub(crate) struct Pulse(Mutex<Option<Seen>>);

struct Seen {
    decision: Mono,
    inputs: u64,
    since: Mono,
}

impl Pulse {
    /// For how long the engine has had work before it without a decision, as far as has been looked.
    pub(crate) fn idle_with_work(&self, api: &Api, view: &View) -> Span {
        let engine = &api.parts.engine;
        let now = view.at.mono;
        let waiting = [Class::Paging, Class::World, Class::Intake].iter().any(|c| engine.waiting(*c) > 0);
        let overdue = view.state.next_timer().map_or(Span::ZERO, |at| now.since(at));
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting && overdue == Span::ZERO {
            *seen = None;
            return Span::ZERO;
        }
        let same = |s: &&mut Seen| (s.decision, s.inputs) == (view.stats.last_decision, view.stats.inputs);
        let since = match seen.as_mut().filter(same) {
            Some(s) => s.since,
            None => {
                *seen =
                    Some(Seen { decision: view.stats.last_decision, inputs: view.stats.inputs, since: now });
                now
            }
        };
        // What has been due for longer than anybody has looked counts from when it was due, or from the last decision.
        let since = if overdue > Span::ZERO {
            since.min((Mono(now.0 - overdue.0)).max(view.stats.last_decision))
        } else {
            since
        };
        now.since(since)
    }
}

/// Whether the process works.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alive {
    alive: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

fn stuck(api: &Api, view: &View) -> Option<String> {
    let idle = api.pulse.idle_with_work(api, view);
    (idle > STUCK).then(|| format!("the engine has work and has not decided anything for {idle}"))
}

/// Whether Foghorn is alive: restart it where this fails.
#[utoipa::path(get, path = "/healthz", tag = "server", security(()),
    responses((status = 200, body = Alive), (status = 503, description = "Stuck", body = Alive)))]
pub(crate) async fn alive(State(api): State<Arc<Api>>) -> (StatusCode, Json<Alive>) {
    let why = stuck(&api, &api.view());
    let status = if why.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Alive { alive: why.is_none(), why }))
}

/// Whether pages can go out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// Able to page.
    ready: bool,
    /// Not as it should be: the journal does not take events, a listener has failed, some contact does not work.
    degraded: bool,
    /// Why not ready, or why degraded; empty for whoever is on another host and shows no token.
    reasons: Vec<String>,
}

/// So many contacts that do not work are listed.
const LISTED: usize = 20;

/// Whether Foghorn is able to page: whether somebody whom a policy pages can be reached, and be woken where the file has
/// contacts that wake. Still so with a sick disk, or where that holds for some only: then `degraded` says why.
#[utoipa::path(get, path = "/readyz", tag = "server", security(()),
    responses((status = 200, body = Ready), (status = 503, description = "Pages cannot go out", body = Ready)))]
pub(crate) async fn ready(State(api): State<Arc<Api>>, request: Request) -> (StatusCode, Json<Ready>) {
    let (view, config) = (api.view(), api.config());
    let mut cannot: Vec<String> = stuck(&api, &view).into_iter().collect();
    if view.state.setup_hash.is_empty() {
        cannot.push("no configuration has been adopted".to_owned());
    }
    let mut less: Vec<String> = Vec::new();
    cannot.extend(reachable(&api, &config, &mut less));
    if let Some(d) = &view.degraded {
        less.push(format!("the journal takes no events: {}; pages go out from memory", d.why));
    }
    less.extend(config.missing_secrets.iter().map(|s| format!("a secret is missing: {s}")));
    less.extend((api.parts.unwell)());
    let status = if cannot.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let (ready, degraded) = (cannot.is_empty(), !less.is_empty());
    cannot.extend(less);
    // They name files, channels and people's secrets.
    if !crate::auth::may_see(&api, &request.into_parts().0) {
        cannot.clear();
    }
    (status, Json(Ready { ready, degraded, reasons: cannot }))
}

/// Why nobody can be paged, or not be woken though the file has contacts that wake. What does not work for some goes into
/// `less`.
fn reachable(api: &Api, config: &Config, less: &mut Vec<String>) -> Option<String> {
    let why_not = &api.parts.why_not;
    let reach = config.reach(&|channel, to| why_not(channel, to).is_none());
    let called = |id: &Name| config.setup.people.get(id).map_or_else(|| id.to_string(), |p| p.name.clone());
    let mut broken: Vec<String> = Vec::new();
    for id in reach.keys() {
        let Some(person) = config.setup.people.get(id) else { continue };
        let contacts = person.contacts.iter().zip(config.addresses.get(id.as_str()).into_iter().flatten());
        broken.extend(contacts.filter_map(|(c, to)| {
            Some(format!("{} by {}: {}", called(id), c.channel, why_not(&c.channel, to)?))
        }));
    }
    let more = broken.len().saturating_sub(LISTED);
    broken.truncate(LISTED);
    less.extend(broken);
    less.extend((more > 0).then(|| format!("{more} more contacts do not work")));
    let best = |of: fn(&Reach) -> Level| reach.values().map(of).max().unwrap_or(Level::Unreached);
    match (best(|r| r.promised), best(|r| r.left)) {
        (_, Level::Unreached) => Some("nobody can be paged: no contact works".to_owned()),
        (promised, left) if left < promised => {
            Some("nobody can be woken: only contacts that wake nobody work".to_owned())
        }
        _ => None,
    }
}
