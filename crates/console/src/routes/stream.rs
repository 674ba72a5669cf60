//! The journal, live, as server-sent events.

use super::SEE;
use super::events::{reaches, read};
use crate::api::Api;
use crate::auth::Asker;
use crate::problem::{Body, Kind, Problem};
use crate::query::Query;
use crate::show::event::EventShown;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use foghorn_config::Config;
use foghorn_engine::{Follow, Missed, Written};
use futures_util::stream::{self, Stream};
use http::HeaderMap;
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::IntoParams;

/// A comment is sent after so long without an event, so that both ends see that the other is there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The most events that are read from the journal at a time.
const PAGE: usize = 200;

/// From where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// Begin after this event; from now on if not given. The header `Last-Event-ID` counts more.
    #[param(format = "uint64")]
    after: Option<u64>,
}

/// Events as they are written: `id` is the sequence number, `event` the type, `data` as in `/api/v1/events`. After a
/// break the header `Last-Event-ID` goes on where it was; nothing is left out.
#[utoipa::path(get, path = "/api/v1/stream", tag = "events", params(StreamQuery, ("Last-Event-ID" = Option<u64>, Header)),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream", body = String),
        (status = 409, description = "The journal ends before `after` or `Last-Event-ID`", body = Body, content_type = "application/problem+json"),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn stream(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    asker: Asker,
    Query(q): Query<StreamQuery>,
) -> Result<Response, Problem> {
    let resume =
        match headers.get("last-event-id").map(|v| v.to_str().ok().and_then(|t| t.trim().parse().ok())) {
            Some(Some(seq)) => Some(seq),
            Some(None) => {
                let detail = "the header Last-Event-ID must be the number of an event, 0 or more";
                return Err(Problem::new(Kind::BadQuery, detail));
            }
            None => q.after,
        };
    if let Some(after) = resume {
        reaches(&api, after).await?;
    }
    let permit = api.streams.clone().try_acquire_owned();
    let permit =
        permit.map_err(|_| Problem::new(Kind::Unavailable, "as many streams are open as there may be"))?;
    // Before the view is looked at: what is written in between is then in one of the two.
    let records = api.parts.engine.follow();
    let last = resume.unwrap_or_else(|| api.parts.engine.view().seq);
    let from = Follower {
        asker,
        config: api.parts.config.clone(),
        api,
        records,
        last,
        behind: resume.is_some(),
        ready: VecDeque::new(),
        _permit: permit,
    };
    let keep_alive = KeepAlive::new().interval(HEARTBEAT).text("still here");
    Ok(Sse::new(follow(from)).keep_alive(keep_alive).into_response())
}

struct Follower {
    asker: Asker,
    config: watch::Receiver<Arc<Config>>,
    api: Arc<Api>,
    records: Follow,
    /// The last event that was handed on.
    last: u64,
    /// The journal has more than was handed on.
    behind: bool,
    ready: VecDeque<EventShown>,
    _permit: OwnedSemaphorePermit,
}

fn follow(from: Follower) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(from, |mut f| async move {
        loop {
            // Before anything is handed on: a token that was taken out reads no more of it.
            if f.config.has_changed().is_ok_and(|changed| changed) && !f.may_go_on() {
                return None;
            }
            if let Some(shown) = f.ready.pop_front() {
                f.last = shown.seq;
                let event = Event::default().id(shown.seq.to_string()).event(shown.kind.clone());
                // A value that was read from JSON can be written as JSON.
                let event = event.json_data(shown).unwrap_or_default();
                return Some((Ok(event), f));
            }
            if f.behind {
                // The client comes back with Last-Event-ID.
                let page = read(&f.api, f.last, PAGE).await.ok()?;
                f.behind = page.next.is_some();
                // Of what cannot be shown nothing is handed on.
                f.last = page.next.filter(|_| page.events.is_empty()).unwrap_or(f.last);
                f.ready = page.events.into();
                continue;
            }
            tokio::select! {
                Ok(()) = f.config.changed() => {
                    if !f.may_go_on() {
                        return None;
                    }
                }
                batch = f.records.next() => match batch {
                    Ok(batch) => f.take(&batch),
                    Err(Missed::Some) => f.behind = true,
                    Err(Missed::End) => return None,
                },
            }
        }
    })
}

impl Follower {
    /// Whether the configuration of now still lets the request in.
    fn may_go_on(&mut self) -> bool {
        let config = self.config.borrow_and_update().clone();
        self.asker.may(SEE, &config.server)
    }

    fn take(&mut self, batch: &Written) {
        let mut new = batch.iter().filter(|(r, _)| r.seq > self.last).peekable();
        if new.peek().is_some_and(|(r, _)| r.seq != self.last + 1) {
            self.behind = true;
            return;
        }
        let state = self.api.parts.engine.view().state.clone();
        let shown = new.filter_map(|(r, json)| EventShown::new(r.seq, json.to_vec(), &state, None));
        self.ready.extend(shown);
    }
}
