//! An incident's events.

use super::incidents::{next_link, with_link};
use crate::api::Api;
use crate::extract::Path;
use crate::problem::{Body, Problem};
use crate::query::{Count, Query};
use crate::show::event::EventShown;
use crate::show::incident::nowhere;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use foghorn_core::incident::IncidentId;
use http::Uri;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// A page of events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Events after this one.
    #[param(format = "uint64")]
    pub(super) after: Option<u64>,
    /// 1 to 1000; 100 if not given.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000)]
    pub(super) limit: Option<Count>,
}

/// Events, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPage {
    pub(super) events: Vec<EventShown>,
    /// `after` for the next page; `null` where there are no more now.
    pub(super) next: Option<u64>,
}

impl EventPage {
    /// From one more event than fit.
    pub(super) fn new(mut events: Vec<EventShown>, limit: usize) -> EventPage {
        let more = events.len() > limit;
        events.truncate(limit);
        let next = events.last().map(|e| e.seq).filter(|_| more);
        EventPage { events, next }
    }

    pub(super) fn respond(self, uri: &Uri, limit: usize) -> Response {
        let link = self.next.map(|next| next_link(uri, next, limit));
        with_link(axum::Json(self).into_response(), link)
    }
}

/// An incident's timeline, oldest first.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/timeline", tag = "incidents", params(("id" = u64, Path), PageQuery),
    responses((status = 200, body = EventPage), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Path(id): Path<IncidentId>,
    uri: Uri,
    Query(q): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = Count::or(q.limit, 100);
    let read = move |api: &Api| {
        let view = api.view();
        let model = &api.parts.read_model;
        if view.state.incident(id).is_none() && model.incident(id)?.is_none() {
            return Err(nowhere(&view, id));
        }
        let lines = model.timeline(id, q.after.unwrap_or(0), limit + 1)?;
        let shown = lines
            .into_iter()
            .filter_map(|l| EventShown::new(l.record.seq, l.json, &view.state, l.alert.as_deref()));
        Ok(EventPage::new(shown.collect(), limit))
    };
    api.own_line().await;
    let page = api.blocking(read).await??;
    Ok(page.respond(&uri, limit))
}
