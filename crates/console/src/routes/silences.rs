//! Silences and maintenance windows.

use super::new_id;
use crate::api::Api;
use crate::auth::Caller;
use crate::extract::{Json, Line, Path};
use crate::problem::{Body, Kind, Problem};
use crate::reply::{Done, respond, respond_warning, unknown};
use crate::show::Who;
use crate::time::{parse, parse_span, rfc3339};
use axum::extract::State;
use axum::response::Response;
use foghorn_core::input::{Ends, Input};
use foghorn_core::silence::Matcher;
use foghorn_core::words::Name;
use foghorn_engine::Class;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::ToSchema;

/// Silences that begin or go on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Silences {
    silences: Vec<SilenceShown>,
}

/// One silence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SilenceShown {
    id: String,
    /// All must match: `team="web"`.
    matchers: Vec<String>,
    /// Alerts of any of these; empty for all.
    entities: Vec<String>,
    /// RFC 3339.
    starts: String,
    /// RFC 3339.
    ends: String,
    /// Whether it counts now.
    active: bool,
    /// Whether it is a maintenance window.
    maintenance: bool,
    comment: String,
    by: Who,
}

/// Silences that begin or go on.
#[utoipa::path(get, path = "/api/v1/silences", tag = "silences",
    responses((status = 200, body = Silences), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> axum::Json<Silences> {
    let view = api.view();
    let silences = view.state.silences.values().map(|s| SilenceShown {
        id: s.id.to_string(),
        matchers: s.matchers.iter().map(ToString::to_string).collect(),
        entities: s.entities.iter().map(ToString::to_string).collect(),
        starts: rfc3339(s.starts),
        ends: rfc3339(s.ends),
        active: s.is_active(view.at.wall),
        maintenance: s.maintenance,
        comment: s.comment.clone(),
        by: Who::of(&s.by, &view.state),
    });
    axum::Json(Silences { silences: silences.collect() })
}

/// A new silence. It must name something, and end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSilence {
    /// All must match: `team=web`, `team!=web`, `team=~"w.*"`, `team!~"w.*"`.
    #[serde(default)]
    matchers: Vec<String>,
    /// Alerts of any of these.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    entities: Vec<Line>,
    /// RFC 3339; now if not given.
    starts: Option<String>,
    /// RFC 3339. Either this or `for`.
    ends: Option<String>,
    /// `30m`, `2h`.
    #[serde(rename = "for")]
    lasts: Option<String>,
    /// Why.
    #[serde(default)]
    comment: String,
    /// Whether it is a maintenance window.
    #[serde(default)]
    maintenance: bool,
}

/// Adds a silence.
#[utoipa::path(post, path = "/api/v1/silences", tag = "silences", request_body = NewSilence,
    responses((status = 201, body = Done), (status = 202, description = "In effect, not yet saved", body = Done),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn add(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Json(new): Json<NewSilence>,
) -> Result<Response, Problem> {
    let invalid = |e: String| Problem::new(Kind::Invalid, e);
    let id = new_id("s")?;
    let entities: BTreeSet<Name> = new.entities.into_iter().map(Name::from).collect();
    let warnings = unknown(&api.view().state, &entities);
    let input = Input::Silence {
        id: Name::from(id.as_str()),
        matchers: Matcher::parse_all(new.matchers.iter().map(String::as_str)).map_err(invalid)?,
        entities,
        starts: new.starts.map(|t| parse(&t)).transpose().map_err(invalid)?,
        ends: ends(new.ends.as_deref(), new.lasts.as_deref())?,
        comment: new.comment,
        maintenance: new.maintenance,
        by: caller.actor,
    };
    Ok(respond_warning(api.parts.engine.submit(Class::Paging, input).await, Some(id), warnings))
}

/// One of the two must be given.
pub(super) fn ends(ends: Option<&str>, lasts: Option<&str>) -> Result<Ends, Problem> {
    let ends = match (ends, lasts) {
        (Some(at), None) => parse(at).map(Ends::At),
        (None, Some(span)) => parse_span(span).map(Ends::After),
        _ => Err("say when it ends: either `ends` with a time, or `for` with a length of time such as 2h"
            .to_owned()),
    };
    ends.map_err(|e| Problem::new(Kind::Invalid, e))
}

/// Ends a silence now.
#[utoipa::path(delete, path = "/api/v1/silences/{id}", tag = "silences", params(("id" = String, Path)),
    responses((status = 200, body = Done), (status = 202, description = "In effect, not yet saved", body = Done),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn end(State(api): State<Arc<Api>>, caller: Caller, Path(id): Path<String>) -> Response {
    let input = Input::EndSilence { id: Name::from(id), by: caller.actor };
    respond(api.parts.engine.submit(Class::Paging, input).await, None)
}
