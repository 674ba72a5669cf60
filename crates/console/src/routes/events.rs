//! The journal, as pages.

use super::timeline::{EventPage, PageQuery};
use crate::api::Api;
use crate::problem::{Body, Kind, Problem};
use crate::query::{Count, Query};
use crate::show::event::EventShown;
use axum::extract::State;
use axum::response::Response;
use http::Uri;
use std::sync::Arc;

/// The journal after an event, oldest first.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(PageQuery),
    responses((status = 200, body = EventPage),
        (status = 409, description = "The journal ends before `after`", body = Body, content_type = "application/problem+json"),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    uri: Uri,
    Query(q): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = Count::or(q.limit, 100);
    let after = q.after.unwrap_or(0);
    reaches(&api, after).await?;
    Ok(read(&api, after, limit).await?.respond(&uri, limit))
}

/// Whether the journal has the event after which somebody wants to go on. One that it has not was of another journal, or of
/// this one before an older backup took its place: nothing would come for a long time, and then something else.
pub(super) async fn reaches(api: &Arc<Api>, after: u64) -> Result<(), Problem> {
    if after <= api.parts.engine.view().seq {
        return Ok(());
    }
    // What is on disk is in the view a moment later. A journal that cannot be read now says nothing.
    let found = api.blocking(move |api| api.events(after - 1, 1)).await?;
    let end = api.parts.engine.view().seq;
    if after <= end || found.map_or(true, |page| !page.events.is_empty()) {
        return Ok(());
    }
    Err(Problem::new(
        Kind::BeyondTheEnd,
        format!(
            "the journal ends at event {end}, and there is no event {after} yet: was it of another journal, or of this one \
             before a restoration? Read again from the beginning (after=0), or go on from the end (after={end})"
        ),
    ))
}

/// Events from the journal, and where to go on if there are more.
pub(super) async fn read(api: &Arc<Api>, after: u64, limit: usize) -> Result<EventPage, Problem> {
    let read = move |api: &Api| {
        let state = api.parts.engine.view().state.clone();
        let page = api.events(after, limit)?;
        let next = page.events.last().map(|(seq, _)| *seq).filter(|_| page.more);
        let shown =
            page.events.into_iter().filter_map(|(seq, json)| EventShown::new(seq, json, &state, None));
        Ok(EventPage { events: shown.collect(), next })
    };
    api.blocking(read).await?
}
