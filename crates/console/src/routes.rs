//! Every route, by what it is about.

pub(crate) mod admin;
pub(crate) mod changes;
pub(crate) mod checks;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod incidents;
pub(crate) mod metrics;
pub(crate) mod oncall;
pub(crate) mod overrides;
pub(crate) mod people;
pub(crate) mod root;
pub(crate) mod silences;
pub(crate) mod status;
pub(crate) mod stream;
pub(crate) mod timeline;
pub(crate) mod updates;

use crate::api::Route;
use crate::auth::{Needs, Rule};
use axum::routing::{delete, get, post};
use foghorn_config::model::Role;

/// What it takes to read.
const SEE: Needs = Needs::Role(Role::Viewer);

/// The table: who may do what.
pub(crate) fn all() -> Vec<Route> {
    const ANYBODY: Needs = Needs::Nothing;
    const SEE_FROM_AWAY: Needs = Needs::Away(Role::Viewer);
    const ACT: Needs = Needs::Role(Role::Responder);
    const RULE: Needs = Needs::Role(Role::Admin);
    let route = |method, path, needs, handler| Route { rule: Rule { method, path, needs }, handler };
    vec![
        route("get", "/api/v1/incidents", SEE, get(incidents::list)),
        route("post", "/api/v1/incidents", ACT, post(incidents::open)),
        route("get", "/api/v1/incidents/{id}", SEE, get(incidents::show)),
        route("get", "/api/v1/incidents/{id}/alerts", SEE, get(incidents::alerts)),
        route("get", "/api/v1/incidents/{id}/timeline", SEE, get(timeline::list)),
        route("post", "/api/v1/incidents/{id}/ack", ACT, post(incidents::ack)),
        route("post", "/api/v1/incidents/{id}/resolve", ACT, post(incidents::resolve)),
        route("post", "/api/v1/incidents/{id}/note", ACT, post(incidents::note)),
        route("post", "/api/v1/incidents/{id}/updates", ACT, post(updates::publish)),
        route("post", "/api/v1/incidents/{id}/updates/{number}/correct", ACT, post(updates::correct)),
        route("post", "/api/v1/incidents/{id}/updates/{number}/withdraw", ACT, post(updates::withdraw)),
        route("post", "/api/v1/incidents/{id}/escalate", ACT, post(incidents::escalate)),
        route("get", "/api/v1/events", SEE, get(events::list)),
        route("get", "/api/v1/stream", SEE, get(stream::stream)),
        route("get", "/api/v1/oncall", SEE, get(oncall::list)),
        route("get", "/api/v1/people", SEE, get(people::list)),
        route("get", "/api/v1/checks", SEE, get(checks::list)),
        route("get", "/api/v1/checks/{name}", SEE, get(checks::show)),
        route("get", "/api/v1/components", SEE, get(status::components)),
        route("get", "/api/v1/status", SEE, get(status::status)),
        route("get", "/api/v1/silences", SEE, get(silences::list)),
        route("post", "/api/v1/silences", ACT, post(silences::add)),
        route("delete", "/api/v1/silences/{id}", ACT, delete(silences::end)),
        route("get", "/api/v1/overrides", SEE, get(overrides::list)),
        route("post", "/api/v1/overrides", ACT, post(overrides::add)),
        route("delete", "/api/v1/overrides/{id}", ACT, delete(overrides::remove)),
        route("get", "/api/v1/changes", SEE, get(changes::list)),
        route("post", "/api/v1/changes", ACT, post(changes::add)),
        route("post", "/api/v1/reload", RULE, post(admin::reload)),
        route("post", "/api/v1/backup", RULE, post(admin::backup)),
        route("get", "/healthz", ANYBODY, get(health::alive)),
        route("get", "/readyz", ANYBODY, get(health::ready)),
        route("get", "/metrics", SEE_FROM_AWAY, get(metrics::metrics)),
        route("get", "/openapi.json", ANYBODY, get(root::openapi)),
        route("get", "/problems/{kind}", ANYBODY, get(root::problem)),
        route("get", "/", SEE_FROM_AWAY, get(root::index)),
    ]
}

/// A new id: short, and nobody's to guess.
pub(crate) fn new_id(prefix: &str) -> Result<String, crate::problem::Problem> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(|e| {
        crate::problem::Problem::new(crate::problem::Kind::Internal, format!("no random numbers: {e}"))
    })?;
    Ok(bytes.iter().fold(prefix.to_owned(), |id, b| format!("{id}{b:02x}")))
}
