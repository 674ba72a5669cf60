//! What the public was told, to be corrected or withdrawn.

use super::Web;
use super::form::Path;
use super::guard::Visitor;
use super::page::{self, Frame, Here, respond};
use super::text::{capital, person};
use super::timeline::lines_of;
use crate::problem::{Kind, Problem};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::incident::IncidentId;
use foghorn_core::update::LONGEST_UPDATE;
use http::StatusCode;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "console/correction.html")]
struct Page {
    frame: Frame,
    id: IncidentId,
    number: u32,
    revision: u32,
    word: String,
    /// When it was published, and by whom.
    told: String,
    /// When it was corrected last, and by whom.
    corrected: Option<String>,
    lines: Vec<String>,
    text: String,
}

/// `GET /incidents/{id}/updates/{number}`
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path((id, number)): Path<(IncidentId, u32)>,
) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let state = &view.state;
        let update = state.updates(id).get((number as usize).wrapping_sub(1));
        let update =
            update.ok_or_else(|| Problem::not_found(format!("status update {number} of incident {id}")))?;
        if update.is_withdrawn() {
            let why = format!("status update {number} of incident {id} is withdrawn: publish a new one");
            return Err(Problem::new(Kind::Over, why));
        }
        let clock = page::clock(&view, visitor);
        let mut room = LONGEST_UPDATE;
        let page = Page {
            frame: Frame::new(web, &view, visitor, "Correct what the public is told", Here::Incidents),
            id,
            number,
            revision: update.revision(),
            word: capital(update.stage.as_str()),
            told: format!("{} by {}", clock.time(update.at), person(state, &update.by.name)),
            corrected: update
                .corrected
                .as_ref()
                .map(|c| format!("{} by {}", clock.time(c.at), person(state, &c.by.name))),
            lines: lines_of(&update.text, &mut room),
            text: update.text.clone(),
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}
