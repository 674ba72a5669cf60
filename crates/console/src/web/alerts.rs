//! An incident's alerts, by page: a storm has ten thousand.

use super::Web;
use super::form::{Asked, Path};
use super::guard::Visitor;
use super::leaf::Leaf;
use super::page::{self, Frame, Here, respond};
use super::text::{Clock, NAME, WIDE, count, grouped, line};
use crate::problem::Problem;
use crate::show::alert::word;
use crate::show::picture::Alike;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::alert::{Alert, AlertStatus};
use foghorn_core::held::Place;
use foghorn_core::incident::IncidentId;
use foghorn_core::labels::Labels;
use foghorn_core::words::Severity;
use foghorn_engine::View;
use http::StatusCode;
use std::cmp::Reverse;
use std::sync::Arc;

/// Alerts on one page.
const ON_A_PAGE: usize = 50;
/// Labels and annotations that are shown of one.
const PAIRS: usize = 24;

/// An alert in a list.
pub(super) struct Row {
    pub(super) summary: String,
    pub(super) severity: Severity,
    /// `firing`, `stale` and the like.
    pub(super) status: String,
    pub(super) entity: String,
    pub(super) source: String,
    pub(super) since: String,
    /// `muted by silence s1`, `paged for from 03:14`.
    pub(super) remark: String,
    /// What else there is of its name: `and 40 more called Down, on 12 entities`.
    pub(super) alike: String,
    /// `name=value`
    pub(super) labels: Vec<(String, String)>,
}

impl Row {
    pub(super) fn of(a: &Alert, view: &View, clock: &Clock) -> Row {
        let remark = match (&a.muted, a.held_until) {
            (Some(silence), _) => format!("muted by silence {silence}"),
            (None, Some(at)) => format!("paged for from {} on, if it lasts", clock.time(view.wall_at(at))),
            (None, None) => match a.status {
                AlertStatus::Stale => "its sender has fallen silent".to_owned(),
                AlertStatus::Unknown => "it cannot be measured now".to_owned(),
                _ => String::new(),
            },
        };
        let pairs =
            |labels: &Labels| labels.iter().map(|(k, v)| (line(k, NAME), line(v, WIDE))).collect::<Vec<_>>();
        let mut labels = pairs(&a.labels);
        labels.extend(pairs(&a.annotations).into_iter().filter(|(k, _)| k != "summary"));
        labels.truncate(PAIRS);
        Row {
            summary: line(&a.summary(), WIDE),
            severity: a.severity,
            status: word(a.status).to_owned(),
            entity: a.entity.as_ref().map_or_else(String::new, |e| line(e, NAME)),
            source: line(&a.source, NAME),
            since: clock.time(a.started),
            remark: line(&remark, NAME),
            alike: String::new(),
            labels,
        }
    }

    /// The worst of those that are called so.
    pub(super) fn of_alike(alike: &Alike<'_>, view: &View, clock: &Clock) -> Row {
        let row = Row::of(alike.worst, view, clock);
        if alike.others == 0 {
            return row;
        }
        let name = line(alike.worst.labels.get("alertname").unwrap_or_default(), NAME);
        let on = match alike.entities.len() as u64 {
            0 | 1 => String::new(),
            n => format!(", on {}", count(n, "entity", "entities")),
        };
        Row { alike: format!("and {} more called {name}{on}", grouped(alike.others)), ..row }
    }
}

#[derive(Template)]
#[template(path = "console/alerts.html")]
struct Page {
    frame: Frame,
    id: IncidentId,
    title: String,
    rows: Vec<Row>,
    total: usize,
    /// None for incidents that are put away.
    leaf: Option<Leaf>,
    /// For incidents that are put away: the next page.
    after: Option<Place>,
}

/// `GET /incidents/{id}/alerts`
pub(super) async fn list(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(id): Path<IncidentId>,
    asked: Asked,
) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let clock = page::clock(&view, visitor);
        let title = format!("Alerts of incident {id}");
        let frame = Frame::new(web, &view, visitor, &title, Here::Incidents);
        let Some(incident) = view.state.incident(id) else {
            return put_away(web, &clock, frame, id, &asked);
        };
        // The worst first: by key, which tells people nothing, pages would be cheaper.
        let mut alerts: Vec<&Alert> = view.state.alerts_of(incident).collect();
        alerts.sort_unstable_by_key(|a| (!a.status.is_open(), Reverse(a.severity), a.started, a.key));
        let leaf = Leaf::of(&asked, alerts.len(), ON_A_PAGE, "?");
        let page = Page {
            rows: leaf.cut(alerts.iter().copied()).map(|a| Row::of(a, &view, &clock)).collect(),
            frame,
            id,
            title: line(&incident.title, WIDE),
            total: alerts.len(),
            leaf: Some(leaf),
            after: None,
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}

fn put_away(
    web: &Web,
    clock: &Clock,
    frame: Frame,
    id: IncidentId,
    asked: &Asked,
) -> Result<Response, Problem> {
    let model = &web.api.parts.read_model;
    let closed = model.incident(id)?.ok_or_else(|| Problem::not_found(format!("incident {id}")))?;
    let mut alerts = model.alerts(id, asked.number("after").unwrap_or(0), ON_A_PAGE + 1)?;
    let more = alerts.len() > ON_A_PAGE;
    alerts.truncate(ON_A_PAGE);
    let after = alerts.last().filter(|_| more).map(|(place, _)| *place);
    let rows = alerts.into_iter().map(|(_, a)| Row {
        summary: line(&a.summary, WIDE),
        severity: a.severity,
        status: a.status,
        entity: a.entity.map_or_else(String::new, |e| line(&e, NAME)),
        source: line(&a.source, NAME),
        since: clock.time(a.started),
        remark: a.ended.map_or_else(String::new, |at| format!("over at {}", clock.time(at))),
        alike: String::new(),
        labels: Vec::new(),
    });
    let page = Page {
        rows: rows.collect(),
        frame,
        id,
        title: line(&closed.title, WIDE),
        total: usize::try_from(closed.alerts).unwrap_or(usize::MAX),
        leaf: None,
        after,
    };
    Ok(respond(StatusCode::OK, &page))
}
