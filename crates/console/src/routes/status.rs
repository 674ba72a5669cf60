//! How Foghorn and what it watches are.

use crate::api::Api;
use crate::problem::Body;
use crate::time::rfc3339;
use axum::Json;
use axum::extract::State;
use foghorn_core::component::components_as_measured;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What the public would be told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Components {
    components: Vec<ComponentShown>,
}

/// A component of the status page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ComponentShown {
    name: String,
    /// `operational`, `degraded_performance`, `partial_outage`, `major_outage`, `under_maintenance`, `unknown`.
    #[schema(value_type = String)]
    status: foghorn_core::component::ComponentStatus,
    /// The entities behind it.
    entities: Vec<String>,
}

/// The components of the status page, computed.
#[utoipa::path(get, path = "/api/v1/components", tag = "status",
    responses((status = 200, body = Components), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn components(State(api): State<Arc<Api>>) -> Json<Components> {
    let view = api.view();
    let behind = &view.state.setup.components;
    let all = components_as_measured(&view.state, view.at.wall, &|check| api.measured(check));
    let shown = all.into_iter().map(|(name, status)| ComponentShown {
        entities: behind.get(&name).into_iter().flatten().map(ToString::to_string).collect(),
        name: name.to_string(),
        status,
    });
    Json(Components { components: shown.collect() })
}

/// How Foghorn is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusShown {
    version: String,
    /// The server's time (RFC 3339).
    now: String,
    /// The last event on disk.
    seq: u64,
    /// SHA-256 of the configuration that counts; empty before the first.
    config_hash: String,
    /// Set while the journal does not take events.
    degraded: Option<DegradedShown>,
    /// What else is unwell with Foghorn itself.
    unwell: Vec<String>,
    incidents: IncidentCounts,
    /// Alerts at hand, open and ended.
    alerts: usize,
    /// Pages and notices that are not accepted yet.
    pages_pending: usize,
    people: usize,
    checks: usize,
    read_model: ReadModelShown,
}

/// Incidents at hand.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IncidentCounts {
    /// Nobody has answered.
    open: usize,
    /// Somebody is on it.
    acknowledged: usize,
    /// Over, and can still be reopened.
    resolved: usize,
}

/// The journal takes no events: everything is in effect from memory.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DegradedShown {
    why: String,
    /// RFC 3339.
    since: String,
    /// Inputs kept to be decided again when it is back.
    kept: usize,
    /// Inputs that could not be kept.
    lost: u64,
}

/// The list of closed incidents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadModelShown {
    /// Events it is behind.
    behind: u64,
    error: Option<String>,
}

/// Foghorn's version, how it is, and how much of everything there is.
#[utoipa::path(get, path = "/api/v1/status", tag = "status",
    responses((status = 200, body = StatusShown), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn status(State(api): State<Arc<Api>>) -> Json<StatusShown> {
    let view = api.view();
    let state = &view.state;
    let acknowledged = state.open_incidents().filter(|i| i.is_acknowledged()).count();
    let lag = api.parts.read_model.lag();
    Json(StatusShown {
        version: api.parts.version.to_owned(),
        now: rfc3339(view.at.wall),
        seq: view.seq,
        config_hash: state.setup_hash.to_string(),
        degraded: view.degraded.as_ref().map(|d| DegradedShown {
            why: d.why.to_string(),
            since: rfc3339(d.since.wall),
            kept: d.kept,
            lost: d.lost,
        }),
        unwell: (api.parts.unwell)(),
        incidents: IncidentCounts {
            open: state.open_count() - acknowledged,
            acknowledged,
            resolved: state.incidents.size() - state.open_count(),
        },
        alerts: state.alerts.size(),
        pages_pending: state.pending_pages(),
        people: state.setup.people.len(),
        checks: state.setup.checks.len(),
        read_model: ReadModelShown { behind: view.seq.saturating_sub(lag.seq), error: lag.error },
    })
}
