//! Who stands in on a schedule.

use super::new_id;
use super::silences::ends;
use crate::api::Api;
use crate::auth::Caller;
use crate::extract::{Json, Line, Path};
use crate::next::person;
use crate::problem::{Body, Kind, Problem};
use crate::reply::{Done, respond, respond_warning};
use crate::time::{parse, rfc3339};
use axum::extract::State;
use axum::response::Response;
use foghorn_core::input::{Ends, Input};
use foghorn_core::schedule::Override;
use foghorn_core::words::Name;
use foghorn_engine::Class;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Who stands in, now or later.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Overrides {
    overrides: Vec<OverrideShown>,
}

/// One stand-in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OverrideShown {
    id: String,
    schedule: String,
    /// Id.
    person: String,
    /// As people read it.
    person_name: String,
    /// RFC 3339.
    starts: String,
    /// RFC 3339.
    ends: String,
    /// Whether it counts now.
    active: bool,
}

/// Who stands in, now or later.
#[utoipa::path(get, path = "/api/v1/overrides", tag = "people",
    responses((status = 200, body = Overrides), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> axum::Json<Overrides> {
    let view = api.view();
    let overrides = view.state.overrides.iter().map(|(id, o)| OverrideShown {
        id: id.to_string(),
        schedule: o.schedule.to_string(),
        person: o.person.to_string(),
        person_name: person(&view.state, &o.person),
        starts: rfc3339(o.starts),
        ends: rfc3339(o.ends),
        active: o.is_active(view.at.wall) && view.state.setup.people.contains_key(&o.person),
    });
    axum::Json(Overrides { overrides: overrides.collect() })
}

/// Somebody stands in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOverride {
    #[schema(value_type = String)]
    schedule: Line,
    /// Id.
    #[schema(value_type = String)]
    person: Line,
    /// RFC 3339; now if not given.
    starts: Option<String>,
    /// RFC 3339. Either this or `for`.
    ends: Option<String>,
    /// `30m`, `2h`.
    #[serde(rename = "for")]
    lasts: Option<String>,
}

/// Somebody stands in.
#[utoipa::path(post, path = "/api/v1/overrides", tag = "people", request_body = NewOverride,
    responses((status = 201, body = Done), (status = 202, description = "In effect, not yet saved", body = Done),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn add(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Json(new): Json<NewOverride>,
) -> Result<Response, Problem> {
    let id = new_id("o")?;
    let starts = new.starts.map(|t| parse(&t)).transpose().map_err(|e| Problem::new(Kind::Invalid, e))?;
    let starts = starts.unwrap_or_else(|| api.now().wall);
    let ends = match ends(new.ends.as_deref(), new.lasts.as_deref())? {
        Ends::At(at) => at,
        Ends::After(span) => starts + span,
    };
    let stands_in = Name::from(new.person);
    let warnings = api.config().unfit_to_stand_in(&stands_in).into_iter().collect();
    let entry = Override { schedule: Name::from(new.schedule), person: stands_in, starts, ends };
    let input = Input::AddOverride { id: Name::from(id.as_str()), entry, by: caller.actor };
    Ok(respond_warning(api.parts.engine.submit(Class::Paging, input).await, Some(id), warnings))
}

/// Nobody stands in any more.
#[utoipa::path(delete, path = "/api/v1/overrides/{id}", tag = "people", params(("id" = String, Path)),
    responses((status = 200, body = Done), (status = 202, description = "In effect, not yet saved", body = Done),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn remove(State(api): State<Arc<Api>>, caller: Caller, Path(id): Path<String>) -> Response {
    let input = Input::RemoveOverride { id: Name::from(id), by: caller.actor };
    respond(api.parts.engine.submit(Class::Paging, input).await, None)
}
