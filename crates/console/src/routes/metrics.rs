//! Counters in Prometheus' text format.

use crate::api::Api;
use crate::problem::Body;
use crate::show::check::Standing;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use foghorn_core::words::Severity;
use foghorn_engine::{Class, View};
use http::header;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Foghorn's own counters, in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "server", security((), ("token" = [])),
    responses((status = 200, description = "Prometheus text", content_type = "text/plain", body = String),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn metrics(State(api): State<Arc<Api>>) -> Response {
    let mut out = String::with_capacity(16 * 1024);
    render(&api, &api.view(), &mut out);
    for figures in &api.parts.figures {
        figures.render(&mut out);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], out).into_response()
}

fn render(api: &Api, view: &View, out: &mut String) {
    let (state, stats, engine) = (&view.state, &view.stats, &api.parts.engine);
    let number = |b: bool| u64::from(b);
    let mut one = |name: &str, kind: &str, help: &str, value: u64| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    };
    one(
        "foghorn_degraded",
        "gauge",
        "1 while the journal does not take events.",
        number(view.degraded.is_some()),
    );
    one(
        "foghorn_degraded_kept_inputs",
        "gauge",
        "Inputs kept to be decided again when the journal is back.",
        view.degraded.as_ref().map_or(0, |d| d.kept as u64),
    );
    one(
        "foghorn_degraded_lost_inputs_total",
        "counter",
        "Inputs that could not be kept while degraded.",
        view.stats.lost + view.degraded.as_ref().map_or(0, |d| d.lost),
    );
    one("foghorn_journal_seq", "gauge", "The last event on disk.", view.seq);
    one("foghorn_engine_batches_total", "counter", "Batches that reached the disk.", stats.batches);
    one("foghorn_engine_events_total", "counter", "Events that reached the disk.", stats.events);
    one("foghorn_engine_inputs_total", "counter", "Inputs decided.", stats.inputs);
    one(
        "foghorn_engine_degradations_total",
        "counter",
        "Times that the journal degraded.",
        stats.degradations,
    );
    one(
        "foghorn_engine_panics_total",
        "counter",
        "Inputs whose decision failed and was left out.",
        stats.panics,
    );
    one("foghorn_pages_sent_total", "counter", "Pages handed to their channels since the start.", stats.sent);
    one(
        "foghorn_pages_pending",
        "gauge",
        "Pages and notices that are not accepted yet.",
        state.pending_pages() as u64,
    );
    let unanswered = state.open_incidents().filter(|i| !i.is_acknowledged()).count();
    one("foghorn_incidents_unanswered", "gauge", "Incidents that nobody is on.", unanswered as u64);
    one("foghorn_alerts", "gauge", "Alerts at hand, open and ended.", state.alerts.size() as u64);
    one("foghorn_silences", "gauge", "Silences that begin or go on.", state.silences.size() as u64);
    one(
        "foghorn_read_model_behind_events",
        "gauge",
        "Events that the list of closed incidents is behind.",
        view.seq.saturating_sub(api.parts.read_model.lag().seq),
    );
    one(
        "foghorn_read_model_rebuilt_total",
        "counter",
        "Times that the list of closed incidents was made anew.",
        api.parts.read_model.lag().rebuilt,
    );
    one(
        "foghorn_api_refused_total",
        "counter",
        "Requests without the right to what they asked for.",
        api.refused.load(Ordering::Relaxed),
    );
    one(
        "foghorn_api_streams_free",
        "gauge",
        "Streams of events that may still be opened.",
        api.streams.available_permits() as u64,
    );
    one(
        "foghorn_console_live_free",
        "gauge",
        "Pages of the console that may still be live.",
        api.live.available_permits() as u64,
    );
    one(
        "foghorn_console_log_ins_refused_total",
        "counter",
        "Log-ins with a wrong name or password, or beyond the limit.",
        api.log_ins_refused.load(Ordering::Relaxed),
    );
    one(
        "foghorn_console_forms_refused_total",
        "counter",
        "Forms for which there was no room, because too much was being sent.",
        api.forms_refused.load(Ordering::Relaxed),
    );

    family(out, "foghorn_info", "gauge", "The release.", [("version", api.parts.version.to_owned(), 1)]);
    let waiting = [("paging", Class::Paging), ("world", Class::World), ("intake", Class::Intake)];
    let waiting = waiting.map(|(name, class)| ("class", name.to_owned(), engine.waiting(class) as u64));
    family(out, "foghorn_engine_waiting", "gauge", "Inputs that wait to be decided.", waiting);
    let by_severity = |s: Severity| state.open_incidents().filter(|i| i.severity() == s).count() as u64;
    let open = Severity::ALL.map(|s| ("severity", s.as_str().to_owned(), by_severity(s)));
    family(
        out,
        "foghorn_incidents_open",
        "gauge",
        "Incidents that are not over, acknowledged ones too.",
        open,
    );
    let up = state.setup.checks.iter().filter_map(|(name, rule)| {
        let last = api.parts.checks.last(name);
        let up = Standing::of(view, name, rule, last.as_ref()).up(rule, last.as_ref())?;
        Some(("check", name.to_string(), number(up)))
    });
    family(
        out,
        "foghorn_check_up",
        "gauge",
        "Whether the last measurement was good, or a heartbeat's pings come; not there while that is unknown.",
        up,
    );
    let counts = state.counts.iter().map(|(name, n)| ("what", name.to_string(), *n));
    family(out, "foghorn_counted_total", "counter", "Things counted since the journal began.", counts);
    let sources = || state.sources.iter();
    family(
        out,
        "foghorn_integration_alerts_open",
        "gauge",
        "Open alerts of an integration.",
        sources().map(|(n, s)| ("integration", n.to_string(), u64::from(s.open))),
    );
    family(
        out,
        "foghorn_integration_alerts_refused_total",
        "counter",
        "Alerts refused because too many were open.",
        sources().map(|(n, s)| ("integration", n.to_string(), s.refused)),
    );
    let heard = sources()
        .map(|(n, s)| ("integration", n.to_string(), u64::try_from(s.heard_wall.0 / 1000).unwrap_or(0)));
    family(
        out,
        "foghorn_integration_heard_timestamp_seconds",
        "gauge",
        "When an integration was last heard from.",
        heard,
    );
}

/// One name, a sample for each value of a label.
fn family(
    out: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    samples: impl IntoIterator<Item = (&'static str, String, u64)>,
) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (label, value, n) in samples {
        let _ = writeln!(out, "{name}{{{label}=\"{}\"}} {n}", escape(&value));
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
