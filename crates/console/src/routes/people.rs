//! Who there is. Addresses are never shown.

use crate::api::Api;
use crate::problem::Body;
use axum::Json;
use axum::extract::State;
use foghorn_core::words::Name;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// Everybody in the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct People {
    people: Vec<Somebody>,
}

/// Somebody who can be paged.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Somebody {
    id: String,
    /// As people read it.
    name: String,
    /// IANA name.
    time_zone: String,
    /// Schedules on which they are on call now.
    on_call: Vec<String>,
}

/// Everybody in the configuration, without addresses.
#[utoipa::path(get, path = "/api/v1/people", tag = "people",
    responses((status = 200, body = People), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Json<People> {
    let view = api.view();
    let setup = &view.state.setup;
    let mut on_call: BTreeMap<Name, Vec<String>> = BTreeMap::new();
    for (name, schedule) in &setup.schedules {
        for person in schedule.on_call(view.at.wall, view.state.overrides_of(name)) {
            on_call.entry(person).or_default().push(name.to_string());
        }
    }
    let people = setup.people.iter().map(|(id, p)| Somebody {
        id: id.to_string(),
        name: p.name.clone(),
        time_zone: p.time_zone.to_string(),
        on_call: on_call.remove(id).unwrap_or_default(),
    });
    Json(People { people: people.collect() })
}
