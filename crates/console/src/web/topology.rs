//! What there is, what is sick, and what that endangers.

use super::form::{Asked, encoded};
use super::guard::Visitor;
use super::leaf::Leaf;
use super::page::{self, Frame, Here, respond};
use super::text::{NAME, line, names};
use super::{Web, charts, live};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::component::{EntityStatus, entities_as_measured};
use foghorn_core::words::Name;
use http::StatusCode;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// Entities on one page, in the picture and in words.
const ON_A_PAGE: usize = 50;
/// Of what is sick, so many are named above the picture.
const NAMED: usize = 8;

#[derive(Template)]
#[template(path = "console/topology.html")]
struct Page {
    frame: Frame,
    picture: String,
    total: usize,
    rows: Vec<Row>,
    /// The entity that the page begins with, if one was asked for.
    of: Option<Row>,
    /// What was asked for and is not there.
    missing: Option<String>,
    /// How many are sick.
    sick: usize,
    /// The first of these, with their pages: on a telephone the picture goes on beyond the edge.
    named: Vec<(String, String)>,
    unknown: usize,
    endangered: usize,
    leaf: Leaf,
}

#[derive(Clone)]
struct Row {
    name: String,
    /// The page that begins with it.
    at: String,
    /// Its open incidents.
    incidents: String,
    kind: &'static str,
    /// `down`, `degraded`, `unknown`, `in maintenance`, `endangered`, `well`, `not measured`.
    state: &'static str,
    stands_on: String,
}

/// An entity as it is drawn.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) name: Name,
    pub(super) state: &'static str,
    pub(super) stands_on: Vec<Name>,
}

/// The page that begins with an entity and with what is around it.
pub(super) fn around(name: &str) -> String {
    format!("/topology?of={}", encoded(name))
}

/// `GET /topology`
pub(super) async fn show(State(web): State<Arc<Web>>, visitor: Visitor, asked: Asked) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let setup = &view.state.setup;
        let known = entities_as_measured(&view.state, view.at.wall, &|check| web.api.measured(check));
        let is_sick =
            |name: &Name| matches!(known.get(name), Some(EntityStatus::Down | EntityStatus::Degraded));
        let mut sick: Vec<&Name> = setup.topology.keys().filter(|n| is_sick(n)).collect();
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
        sick.sort_by_key(|n| order(state(n)));
        let all: Vec<Node> = setup
            .topology
            .iter()
            .map(|(name, e)| Node {
                name: name.clone(),
                state: state(name),
                stands_on: e.runs_on.iter().chain(&e.depends_on).cloned().collect(),
            })
            .collect();
        let row = |n: &Node| Row {
            name: line(&n.name, NAME),
            at: around(&n.name),
            incidents: format!("/?q={}", encoded(&n.name)),
            kind: setup.topology.get(&n.name).map_or("", |e| charts::kind(e.kind)),
            state: n.state,
            stands_on: names(&n.stands_on, 8),
        };
        let of = all.iter().position(|n| *n.name == *asked.get("of"));
        let missing = Some(line(asked.get("of"), NAME)).filter(|name| of.is_none() && !name.is_empty());
        let (total, nearest) = (all.len(), nearest_first(&all, of));
        let of = of.and_then(|i| all.get(i));
        let base = of.map_or_else(|| "/topology?".to_owned(), |n| format!("{}&", around(&n.name)));
        let leaf = Leaf::of(&asked, total, ON_A_PAGE, base);
        let shown: Vec<Node> = leaf.cut(nearest).filter_map(|i| all.get(i).cloned()).collect();
        let mut rows: Vec<Row> = shown.iter().map(row).collect();
        rows.sort_by_key(|r| order(r.state));
        let page = Page {
            picture: charts::topology(&shown),
            total,
            sick: sick.len(),
            named: sick.iter().take(NAMED).map(|n| (line(n, NAME), around(n))).collect(),
            unknown: all.iter().filter(|n| n.state == "unknown").count(),
            endangered: endangered.iter().filter(|n| !is_sick(n)).count(),
            of: of.map(row),
            missing,
            rows,
            leaf,
            frame: Frame::new(web, &view, visitor, "Topology", Here::Topology),
        };
        if page.missing.is_some() {
            return Ok(respond(StatusCode::NOT_FOUND, &page));
        }
        let page = Page { frame: page.frame.live(live::CHECKS), ..page };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}

/// Every entity once: first the one that was asked for, else what is sick, then step by step what stands next to it in
/// either direction; what is far from all of that begins anew with the worst that is left.
fn nearest_first(all: &[Node], of: Option<usize>) -> Vec<usize> {
    let place: HashMap<&Name, usize> = all.iter().enumerate().map(|(i, n)| (&n.name, i)).collect();
    let mut beside: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    for (i, node) in all.iter().enumerate() {
        for b in node.stands_on.iter().filter_map(|name| place.get(name).copied()) {
            beside[i].push(b);
            beside[b].push(i);
        }
    }
    let rank = |i: &usize| order(all[*i].state);
    beside.iter_mut().for_each(|b| b.sort_by_key(rank));
    let mut ranked: Vec<usize> = (0..all.len()).collect();
    ranked.sort_by_key(rank);
    let sick = ranked.iter().copied().filter(|i| rank(i) <= order("degraded"));
    let mut queue: VecDeque<usize> = of.map_or_else(|| sick.collect(), |of| VecDeque::from([of]));
    let (mut met, mut found) = (vec![false; all.len()], Vec::new());
    let mut left = ranked.iter().copied();
    while let Some(i) = queue.pop_front().or_else(|| left.by_ref().find(|i| !met[*i])) {
        if !std::mem::replace(&mut met[i], true) {
            found.push(i);
            queue.extend(beside[i].iter().copied().filter(|b| !met[*b]));
        }
    }
    found
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sick_and_its_neighbours_come_first() {
        let node = |name: &str, state, on: &[&str]| Node {
            name: name.into(),
            state,
            stands_on: on.iter().map(|n| Name::from(*n)).collect(),
        };
        let all = [
            node("a", "well", &[]),
            node("b", "well", &["a"]),
            node("host", "well", &[]),
            node("db", "down", &["host", "gone"]),
            node("shop", "endangered", &["db"]),
            node("z", "unknown", &["z"]),
        ];
        let names = |of| {
            let found = nearest_first(&all, of).into_iter().map(|i| all[i].name.to_string());
            found.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(None), "db shop host z a b");
        assert_eq!(names(Some(1)), "b a db shop host z");
        assert_eq!(nearest_first(&[], None), Vec::<usize>::new());
    }
}
