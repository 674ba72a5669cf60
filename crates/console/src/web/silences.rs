//! Silences: what goes on, and how to end or add one.

use super::action::end_of;
use super::form::Asked;
use super::guard::Visitor;
use super::leaf::Leaf;
use super::page::{self, Frame, Here, respond};
use super::text::{NAME, WIDE, line, long, person};
use super::{Web, live};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::time::Wall;
use http::StatusCode;
use std::sync::Arc;

/// Silences on one page.
const ON_A_PAGE: usize = 50;
/// Of one silence.
const PARTS: usize = 12;

#[derive(Template)]
#[template(path = "console/silences.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    total: usize,
    leaf: Leaf,
}

struct Row {
    id: String,
    end: String,
    covers: Vec<String>,
    active: bool,
    maintenance: bool,
    when: String,
    comment: String,
    by: String,
    /// How many alerts it mutes now.
    mutes: usize,
}

/// `GET /silences`
pub(super) async fn list(State(web): State<Arc<Web>>, visitor: Visitor, asked: Asked) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let clock = page::clock(&view, visitor);
        let (now, state) = (view.at.wall, &view.state);
        let mut muted: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
        for by in state.alerts.values().filter_map(|a| a.muted.as_ref()) {
            *muted.entry(by).or_default() += 1;
        }
        let mut all: Vec<_> = state.silences.values().collect();
        all.sort_by_key(|s| (!s.is_active(now), s.ends));
        let until = |at: Wall| format!("{} (in {})", clock.time(at), long(at.since(now)));
        let leaf = Leaf::of(&asked, all.len(), ON_A_PAGE, "/silences?");
        let rows = leaf.cut(all.iter().copied()).map(|s| Row {
            id: line(&s.id, NAME),
            end: end_of(&s.id),
            covers: s
                .entities
                .iter()
                .map(|e| format!("entity {e}"))
                .chain(s.matchers.iter().map(ToString::to_string))
                .take(PARTS)
                .map(|c| line(&c, WIDE))
                .collect(),
            active: s.is_active(now),
            maintenance: s.maintenance,
            when: if s.is_active(now) {
                format!("until {}", until(s.ends))
            } else {
                format!("from {} to {}", until(s.starts), clock.time(s.ends))
            },
            comment: line(&s.comment, WIDE),
            by: person(state, &s.by.name),
            mutes: muted.get(s.id.as_str()).copied().unwrap_or(0),
        });
        let page = Page {
            rows: rows.collect(),
            total: all.len(),
            leaf,
            frame: Frame::new(web, &view, visitor, "Silences", Here::Silences).live(live::CHECKS),
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}
