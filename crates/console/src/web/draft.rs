//! What the public is told is read once more before it is published: what was read once cannot be unread.

use super::Web;
use super::form::Fields;
use super::guard::Visitor;
use super::incident::stage_words;
use super::page::{self, Frame, Here, respond};
use super::text::{capital, names};
use super::timeline::lines_of;
use crate::problem::{Kind, Problem};
use askama::Template;
use axum::response::Response;
use foghorn_core::component;
use foghorn_core::incident::IncidentId;
use foghorn_core::update::{LONGEST_UPDATE, Stage};
use foghorn_engine::View;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a person wants the public to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Update {
    pub(super) incident: IncidentId,
    pub(super) stage: Stage,
    pub(super) text: String,
}

impl Update {
    /// From a form.
    pub(super) fn read(incident: IncidentId, fields: &Fields) -> Result<Update, Problem> {
        let stage = Stage::ALL.into_iter().find(|s| s.as_str() == fields.get("stage"));
        let unsaid = || Problem::new(Kind::Invalid, "say how far it is: choose a stage");
        let stage = stage.ok_or_else(unsaid)?;
        Ok(Update { incident, stage, text: words(fields)? })
    }
}

/// What is to be read by the public, from a form.
pub(super) fn words(fields: &Fields) -> Result<String, Problem> {
    let invalid = |why: &str| Problem::new(Kind::Invalid, why);
    let text = fields.get("text").replace("\r\n", "\n");
    match text.len() {
        0 => Err(invalid("the public needs words: say what they notice, and what you do about it")),
        1..=LONGEST_UPDATE => Ok(text),
        n => Err(invalid(&format!(
            "that is {n} bytes, and the public is told at most {LONGEST_UPDATE} at once: shorten it"
        ))),
    }
}

/// Components that the warning names.
const NAMED: usize = 5;

#[derive(Template)]
#[template(path = "console/draft.html")]
struct Page {
    frame: Frame,
    update: Update,
    word: String,
    lines: Vec<String>,
    /// Value, words, whether it is chosen.
    stages: Vec<(&'static str, &'static str, bool)>,
    /// It ends the incident as well.
    ends: bool,
    /// What the page goes on showing, whatever the words say.
    still: String,
}

/// Shows it as the public will read it, with the button that publishes it.
pub(super) async fn show(web: &Arc<Web>, visitor: Visitor, update: Update) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let open = view.state.incident(update.incident).is_some_and(|i| !i.is_resolved());
        let stages = Stage::ALL.into_iter().filter(|s| !open || *s != Stage::Postmortem);
        let mut room = LONGEST_UPDATE;
        let page = Page {
            frame: Frame::new(web, &view, visitor, "Not published yet", Here::Incidents),
            word: capital(update.stage.as_str()),
            lines: lines_of(&update.text, &mut room),
            stages: stages.map(|s| (s.as_str(), stage_words(s, open), s == update.stage)).collect(),
            ends: open && update.stage == Stage::Resolved,
            still: still(&view, &update),
            update,
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(web, visitor, make).await
}

/// `Shop (major outage)`: what is measured unwell, where the words say that it is mended.
fn still(view: &View, update: &Update) -> String {
    let Some(incident) = view.state.incident(update.incident) else { return String::new() };
    let hurt = component::still_hurt(&view.state, incident, update.stage, view.at.wall).into_iter();
    let hurt: Vec<String> = hurt.map(|(name, status)| format!("{name} ({})", status.words())).collect();
    names(&hurt, NAMED)
}
