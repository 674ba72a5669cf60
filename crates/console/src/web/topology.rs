//! What there is, what is sick, and what that endangers.

use super::guard::Visitor;
use super::page::{self, Frame, Here, respond};
use super::text::{NAME, line, names};
use super::{Web, charts};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::component::{EntityStatus, entities};
use foghorn_core::words::Name;
use http::StatusCode;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Entities in the picture; beyond, only what is sick and what it endangers is drawn.
const DRAWN: usize = 120;
/// Entities that are listed.
const LISTED: usize = 200;
/// Of what is sick, so many are named above the picture.
const NAMED: usize = 5;

#[derive(Template)]
#[template(path = "console/topology.html")]
struct Page {
    frame: Frame,
    picture: String,
    total: usize,
    /// Whether something was left out of the picture.
    cut: bool,
    rows: Vec<Row>,
    more: usize,
    sick: usize,
    /// The first of these: on a telephone the picture goes on beyond the edge.
    named: String,
    unknown: usize,
    endangered: usize,
}

struct Row {
    name: String,
    kind: &'static str,
    /// `down`, `degraded`, `unknown`, `in maintenance`, `endangered`, `well`, `not measured`.
    state: &'static str,
    stands_on: String,
}

/// An entity as it is drawn.
pub(super) struct Node {
    pub(super) name: Name,
    pub(super) state: &'static str,
    pub(super) stands_on: Vec<Name>,
}

/// `GET /topology`
pub(super) async fn show(State(web): State<Arc<Web>>, visitor: Visitor) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let setup = &view.state.setup;
        let known = entities(&view.state, view.at.wall);
        let is_sick =
            |name: &Name| matches!(known.get(name), Some(EntityStatus::Down | EntityStatus::Degraded));
        let sick: Vec<&Name> = setup.topology.keys().filter(|n| is_sick(n)).collect();
        let endangered: BTreeSet<Name> = setup.downstream(sick.iter().copied()).into_iter().collect();
        let state = |name: &Name| match known.get(name) {
            Some(EntityStatus::Down) => "down",
            Some(EntityStatus::Degraded) => "degraded",
            _ if endangered.contains(name) => "endangered",
            Some(EntityStatus::Unknown) => "unknown",
            Some(EntityStatus::Maintenance) => "in maintenance",
            Some(EntityStatus::Well) => "well",
            Some(EntityStatus::Unmeasured) | None => "not measured",
        };
        let mut all: Vec<Node> = setup
            .topology
            .iter()
            .map(|(name, e)| Node {
                name: name.clone(),
                state: state(name),
                stands_on: e.runs_on.iter().chain(&e.depends_on).cloned().collect(),
            })
            .collect();
        let total = all.len();
        let mut rows: Vec<Row> = setup
            .topology
            .iter()
            .map(|(name, e)| Row {
                name: line(name, NAME),
                kind: charts::kind(e.kind),
                state: state(name),
                stands_on: names(e.runs_on.iter().chain(&e.depends_on), 8),
            })
            .collect();
        rows.sort_by_key(|r| order(r.state));
        rows.truncate(LISTED);
        if total > DRAWN {
            all.sort_by_key(|n| order(n.state));
            all.truncate(DRAWN);
            all.sort_by(|a, b| a.name.cmp(&b.name));
        }
        let page = Page {
            picture: charts::topology(&all),
            total,
            cut: total > DRAWN,
            more: total.saturating_sub(LISTED),
            sick: sick.len(),
            named: names(sick.iter().copied(), NAMED),
            unknown: setup.topology.keys().filter(|n| state(n) == "unknown").count(),
            endangered: endangered.iter().filter(|n| !is_sick(n)).count(),
            rows,
            frame: Frame::new(web, &view, visitor, "Topology", Here::Topology).live("/live"),
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}

/// The worst first.
fn order(state: &str) -> u8 {
    match state {
        "down" => 0,
        "degraded" => 1,
        "endangered" => 2,
        "unknown" => 3,
        "in maintenance" => 4,
        _ => 5,
    }
}
