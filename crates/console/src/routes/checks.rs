//! Checks: how each stands, and its last figures.

use crate::api::Api;
use crate::problem::Body;
use crate::show::Severity;
use crate::show::alert::word;
use crate::time::rfc3339;
use axum::Json;
use axum::extract::State;
use foghorn_config::Config;
use foghorn_config::model::CheckKind;
use foghorn_core::setup::CheckRule;
use foghorn_core::words::Name;
use foghorn_engine::View;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// Every check.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checks {
    checks: Vec<CheckShown>,
}

/// One check.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckShown {
    name: String,
    /// `http`, `tcp`, `tls`, `dns`, `icmp`, `exec`, `heartbeat`.
    kind: &'static str,
    entity: Option<String>,
    severity: Severity,
    /// `ok`, `firing`, `flapping`, `stale`, `unknown`, or `pending` before the first result.
    state: &'static str,
    /// The incident of its alert.
    incident: Option<u64>,
    /// Since when it is as it is, where it is not well (RFC 3339).
    since: Option<String>,
    /// What is wrong, in a line.
    summary: Option<String>,
    /// Detected, and paged for then (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    held_until: Option<String>,
    /// The last measurement; none for heartbeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<FigureShown>,
    /// For heartbeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat: Option<HeartbeatShown>,
}

/// One measurement.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FigureShown {
    /// RFC 3339.
    at: String,
    /// `null` where it could not be measured.
    good: Option<bool>,
    summary: String,
    total_ms: f64,
    phases: Vec<PhaseShown>,
}

/// A part of a measurement.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PhaseShown {
    name: String,
    ms: f64,
}

/// A check that waits to be pinged.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeartbeatShown {
    every_seconds: u64,
    grace_seconds: u64,
    /// The last ping that said success (RFC 3339).
    last: Option<String>,
    /// When the next is overdue (RFC 3339).
    due: Option<String>,
    /// A run that has begun and not ended (RFC 3339).
    running_since: Option<String>,
}

/// Every check, and how it stands.
#[utoipa::path(get, path = "/api/v1/checks", tag = "checks",
    responses((status = 200, body = Checks), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Json<Checks> {
    let (view, config) = (api.view(), api.config());
    let checks = view.state.setup.checks.iter().map(|(name, rule)| check(&api, &view, &config, name, rule));
    Json(Checks { checks: checks.collect() })
}

fn check(api: &Api, view: &View, config: &Config, name: &Name, rule: &CheckRule) -> CheckShown {
    let alert = view.state.check_alert(name);
    let last = api.parts.checks.last(name);
    let beat = view.state.heartbeats.get(name);
    let measured = match &rule.heartbeat {
        Some(_) => beat.is_some_and(|b| b.last.is_some()),
        None => last.as_ref().is_some_and(|f| f.good.is_some()),
    };
    // A location that is blind knows nothing, whether or not there was an alert before.
    let blind = last.as_ref().is_some_and(|f| f.good.is_none());
    CheckShown {
        name: name.to_string(),
        kind: kind(config, name, rule),
        entity: rule.entity.as_ref().map(ToString::to_string),
        severity: alert.map_or(rule.severity, |a| a.severity).into(),
        state: match alert {
            Some(a) => word(a.status),
            None if blind => "unknown",
            None if measured => "ok",
            None => "pending",
        },
        incident: alert.map(|a| a.incident),
        since: alert.map(|a| rfc3339(a.started)),
        summary: alert.map(|a| a.summary()),
        held_until: alert.and_then(|a| a.held_until).map(|at| rfc3339(view.wall_at(at))),
        last: last.map(|f| FigureShown {
            at: rfc3339(f.at),
            good: f.good,
            summary: f.summary,
            total_ms: ms(f.total),
            phases: f.phases.into_iter().map(|(name, took)| PhaseShown { name, ms: ms(took) }).collect(),
        }),
        heartbeat: rule.heartbeat.as_ref().map(|h| HeartbeatShown {
            every_seconds: h.every.0 / 1000,
            grace_seconds: h.grace.0 / 1000,
            last: beat.and_then(|b| b.last).map(rfc3339),
            due: beat.map(|b| rfc3339(view.wall_at(b.due))),
            running_since: beat.and_then(|b| b.running_since).map(rfc3339),
        }),
    }
}

fn kind(config: &Config, name: &str, rule: &CheckRule) -> &'static str {
    match config.checks.get(name).map(|c| &c.kind) {
        _ if rule.heartbeat.is_some() => "heartbeat",
        Some(CheckKind::Http(_)) => "http",
        Some(CheckKind::Tcp { .. }) => "tcp",
        Some(CheckKind::Tls { .. }) => "tls",
        Some(CheckKind::Dns { .. }) => "dns",
        Some(CheckKind::Icmp { .. }) => "icmp",
        Some(CheckKind::Exec { .. }) => "exec",
        // A reload that has not reached the state yet.
        None => "unknown",
    }
}

/// Milliseconds, to the microsecond.
fn ms(d: Duration) -> f64 {
    let us = u32::try_from(d.as_micros()).unwrap_or(u32::MAX);
    f64::from(us) / 1000.0
}
