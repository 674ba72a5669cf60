//! Checks: how each stands, its last figures, and how it fared before.

use crate::api::Api;
use crate::extract::Path;
use crate::ports::{CheckPoint, CheckResult, CheckUptime};
use crate::problem::{Body, Kind, Problem};
use crate::query::{Count, Query, moment};
use crate::show::Severity;
use crate::show::check::Standing;
use crate::time::rfc3339;
use axum::Json;
use axum::extract::State;
use foghorn_config::Config;
use foghorn_config::model::CheckKind;
use foghorn_core::setup::CheckRule;
use foghorn_core::time::{Span, Wall};
use foghorn_core::words::Name;
use foghorn_engine::View;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// Uptime is told over so many days up to now.
const DAYS: [u64; 5] = [1, 7, 30, 90, 365];
/// Single results in one answer.
const RECENT: usize = 20;

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

/// Which stretch of the history.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// RFC 3339; a day before `to` if not given.
    from: Option<String>,
    /// RFC 3339; now if not given.
    to: Option<String>,
    /// 1 to 1000; 96 if not given.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000)]
    points: Option<Count>,
}

/// One check, and how it fared.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckDetail {
    #[serde(flatten)]
    check: CheckShown,
    /// Over the last day, 7, 30, 90 and 365 days, as far as it is known.
    uptime: Vec<DaysShown>,
    history: HistoryShown,
    /// The last 20 results, newest first; none for heartbeats.
    recent: Vec<ResultShown>,
}

/// How it fared over some days up to now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DaysShown {
    days: u64,
    #[serde(flatten)]
    uptime: UptimeShown,
}

/// Results, counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UptimeShown {
    count: u64,
    /// Good ones.
    up: u64,
    /// Not known: they count neither way.
    unknown: u64,
    /// The share of good ones among those that are known, 0 to 1; `null` without any.
    ratio: Option<f64>,
}

/// The stretch that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryShown {
    /// RFC 3339.
    from: String,
    /// RFC 3339.
    to: String,
    uptime: UptimeShown,
    /// Of equal length, oldest first; those without any result are left out.
    points: Vec<PointShown>,
}

/// The results of a part of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PointShown {
    /// Where it begins (RFC 3339).
    at: String,
    #[serde(flatten)]
    uptime: UptimeShown,
    /// Of the good ones; `null` if there were none.
    latency: Option<LatencyShown>,
}

/// Latencies.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LatencyShown {
    min_ms: f64,
    avg_ms: f64,
    max_ms: f64,
    /// To within a tenth.
    p95_ms: f64,
}

/// One result.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultShown {
    /// RFC 3339.
    at: String,
    /// `null` where it could not be measured.
    good: Option<bool>,
    /// To within 1 %.
    total_ms: f64,
}

/// One check: how it stands, its uptime, its latency over a time, its last results.
#[utoipa::path(get, path = "/api/v1/checks/{name}", tag = "checks", params(("name" = String, Path), HistoryQuery),
    responses((status = 200, body = CheckDetail), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Query(q): Query<HistoryQuery>,
) -> Result<Json<CheckDetail>, Problem> {
    api.blocking(move |api| detail(api, &name, &q)).await?.map(Json)
}

fn detail(api: &Api, name: &str, q: &HistoryQuery) -> Result<CheckDetail, Problem> {
    let (view, config) = (api.view(), api.config());
    let rule = view.state.setup.checks.get_key_value(name);
    let (name, rule) = rule.ok_or_else(|| Problem::not_found(format!("check {name}")))?;
    let now = view.at.wall;
    let (from, to) = range(q, now)?;
    let uptime = DAYS.into_iter().map(|days| {
        let past = api.history(name, now - Span::secs(days * 86_400), now, 0)?;
        Ok(DaysShown { days, uptime: past.uptime.into() })
    });
    let uptime = uptime.collect::<Result<_, Problem>>()?;
    let history = api.history(name, from, to, Count::or(q.points, 96))?;
    let recent = api.recent(name, RECENT)?;
    Ok(CheckDetail {
        check: check(api, &view, &config, name, rule),
        uptime,
        history: HistoryShown {
            from: rfc3339(from),
            to: rfc3339(to),
            uptime: history.uptime.into(),
            points: history.points.into_iter().map(PointShown::from).collect(),
        },
        recent: recent.into_iter().map(ResultShown::from).collect(),
    })
}

fn range(q: &HistoryQuery, now: Wall) -> Result<(Wall, Wall), Problem> {
    let bad = |why: String| Problem::new(Kind::BadQuery, why);
    let at = |name, text: &Option<String>| text.as_deref().map(|t| moment(name, t)).transpose();
    let to = at("to", &q.to)?.unwrap_or(now);
    let from = at("from", &q.from)?.unwrap_or(to - Span::secs(86_400));
    if from >= to {
        return Err(bad(format!(
            "`from` must be before `to`, and {} is not before {}",
            rfc3339(from),
            rfc3339(to)
        )));
    }
    Ok((from, to))
}

impl From<CheckUptime> for UptimeShown {
    fn from(u: CheckUptime) -> UptimeShown {
        let known = u.count.saturating_sub(u.unknown);
        #[allow(clippy::cast_precision_loss, reason = "nobody has 2^53 results")]
        let ratio = (known > 0).then(|| u.up as f64 / known as f64);
        UptimeShown { count: u.count, up: u.up, unknown: u.unknown, ratio }
    }
}

impl From<CheckPoint> for PointShown {
    fn from(p: CheckPoint) -> PointShown {
        PointShown {
            at: rfc3339(p.at),
            uptime: p.uptime.into(),
            latency: p.latency.map(|l| LatencyShown {
                min_ms: ms(l.min),
                avg_ms: ms(l.avg),
                max_ms: ms(l.max),
                p95_ms: ms(l.p95),
            }),
        }
    }
}

impl From<CheckResult> for ResultShown {
    fn from(r: CheckResult) -> ResultShown {
        ResultShown { at: rfc3339(r.at), good: r.good, total_ms: ms(r.total) }
    }
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
    CheckShown {
        name: name.to_string(),
        kind: kind(config, name, rule),
        entity: rule.entity.as_ref().map(ToString::to_string),
        severity: alert.map_or(rule.severity, |a| a.severity).into(),
        state: Standing::of(view, name, rule, last.as_ref()).word(),
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

pub(crate) fn kind(config: &Config, name: &str, rule: &CheckRule) -> &'static str {
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
