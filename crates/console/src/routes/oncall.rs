//! Who is on call.

use crate::api::Api;
use crate::next::person;
use crate::problem::{Body, Problem};
use crate::query::{Query, moment};
use crate::time::rfc3339;
use axum::Json;
use axum::extract::State;
use foghorn_core::schedule::Schedule;
use foghorn_core::time::Wall;
use foghorn_core::words::Name;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// When.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OnCallQuery {
    /// RFC 3339; now if not given.
    at: Option<String>,
}

/// Who is on call at a moment, for every schedule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OnCall {
    /// RFC 3339.
    at: String,
    schedules: Vec<ScheduleShown>,
}

/// One schedule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleShown {
    name: String,
    /// IANA name.
    time_zone: String,
    /// Empty where nobody is on call.
    on_call: Vec<PersonShown>,
    /// Whether somebody stands in.
    overridden: bool,
    /// When others are (RFC 3339); `null` where nobody else takes turns.
    until: Option<String>,
    /// Who is on call from then on.
    then: Vec<PersonShown>,
}

/// Somebody who can be paged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PersonShown {
    id: String,
    /// As people read it.
    name: String,
}

impl PersonShown {
    pub(super) fn of(state: &foghorn_core::State, id: &Name) -> PersonShown {
        PersonShown { id: id.to_string(), name: person(state, id) }
    }
}

/// Who is on call.
#[utoipa::path(get, path = "/api/v1/oncall", tag = "people", params(OnCallQuery),
    responses((status = 200, body = OnCall), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Query(q): Query<OnCallQuery>,
) -> Result<Json<OnCall>, Problem> {
    let view = api.view();
    let at = match q.at {
        Some(text) => moment("at", &text)?,
        None => view.at.wall,
    };
    let schedules =
        view.state.setup.schedules.iter().map(|(name, s)| schedule(&view.state, name, s, at)).collect();
    Ok(Json(OnCall { at: rfc3339(at), schedules }))
}

fn schedule(state: &foghorn_core::State, name: &Name, s: &Schedule, at: Wall) -> ScheduleShown {
    let shown = |people: Vec<Name>| people.iter().map(|p| PersonShown::of(state, p)).collect();
    let (until, then) = s.next_people(at, &state.overrides_of(name).collect::<Vec<_>>()).unzip();
    ScheduleShown {
        name: name.to_string(),
        time_zone: s.time_zone.to_string(),
        on_call: shown(s.on_call(at, state.overrides_of(name))),
        overridden: state.overrides_of(name).any(|o| o.is_active(at)),
        until: until.map(rfc3339),
        then: shown(then.unwrap_or_default()),
    }
}
