//! The journal, as pages.

use super::limit;
use super::timeline::{EventPage, PageQuery};
use crate::api::Api;
use crate::extract::Query;
use crate::problem::{Body, Kind, Problem};
use crate::show::event::EventShown;
use axum::extract::State;
use axum::response::Response;
use http::Uri;
use std::sync::Arc;

/// The journal after an event, oldest first.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(PageQuery),
    responses((status = 200, body = EventPage), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    uri: Uri,
    Query(q): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = limit(q.limit, 100);
    let events = read(&api, q.after.unwrap_or(0), limit + 1).await?;
    Ok(EventPage::new(events, limit).respond(&api, &uri, limit))
}

/// Events from the journal.
pub(super) async fn read(api: &Arc<Api>, after: u64, limit: usize) -> Result<Vec<EventShown>, Problem> {
    let read = move |api: &Api| {
        let state = api.parts.engine.view().state.clone();
        let page = api.parts.events.page(after, limit).map_err(|e| Problem::new(Kind::Unavailable, e))?;
        Ok(page.into_iter().filter_map(|(seq, json)| EventShown::new(seq, json, &state, None)).collect())
    };
    api.blocking(read).await?
}
