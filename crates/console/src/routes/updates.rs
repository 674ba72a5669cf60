//! What the public is told by people: said, corrected, withdrawn.

use crate::api::Api;
use crate::auth::Caller;
use crate::extract::{Json, OptionalJson, Path};
use crate::problem::Body;
use crate::reply::{Done, respond, respond_warning};
use crate::show::Stage;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::component::{self, ComponentStatus};
use foghorn_core::incident::IncidentId;
use foghorn_core::input::Input;
use foghorn_core::words::Name;
use foghorn_engine::Class;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What the public is told.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Update {
    stage: Stage,
    /// At most 8 KiB. It is shown as it is: what the public must not read does not belong in it.
    text: String,
}

/// Tells the public, on the status page: in these words, without who wrote them. `resolved` also resolves the incident;
/// `postmortem` comes after. What is over takes updates for thirty days. What is measured unwell though the words say that
/// it is mended is among the warnings: the status page goes on showing it.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/updates", tag = "incidents", params(("id" = u64, Path)), request_body = Update,
    responses((status = 200, body = Done), (status = 202, description = "In effect, not yet saved", body = Done),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn publish(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(incident): Path<IncidentId>,
    Json(Update { stage, text }): Json<Update>,
) -> Response {
    let view = api.view();
    let of = view.state.incident(incident);
    let still = of.map_or_else(Vec::new, |i| component::still_hurt(&view.state, i, stage.0, view.at.wall));
    let warning = |(name, status): (&Name, ComponentStatus)| {
        format!(
            "`{name}` is measured: {}. The status page goes on showing that, whatever these words say",
            status.words()
        )
    };
    let warnings = still.into_iter().map(warning).collect();
    let input = Input::StatusUpdate { incident, by: caller.actor, stage: stage.0, text };
    respond_warning(api.parts.engine.submit(Class::Paging, input).await, None, warnings)
}

/// What the public is told instead.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Correction {
    /// At most 8 KiB, as public as the text that it replaces.
    text: String,
    /// `revision` of the update that was read; whatever it says now if it is not given.
    revision: Option<u32>,
}

/// Corrects what the public was told: the status page shows the new text and when it was corrected, the timeline what it
/// said before. Where somebody else did meanwhile, it is answered 409 and nothing changes.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/updates/{number}/correct", tag = "incidents",
    params(("id" = u64, Path), ("number" = u32, Path, description = "The update's `number`, from 1")), request_body = Correction,
    responses((status = 200, body = Done), (status = 202, description = "In effect, not yet saved", body = Done),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn correct(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path((incident, number)): Path<(IncidentId, u32)>,
    Json(Correction { text, revision }): Json<Correction>,
) -> Response {
    let text = Some(text);
    let input = Input::CorrectUpdate { incident, number, by: caller.actor, revision, text };
    respond(api.parts.engine.submit(Class::Paging, input).await, None)
}

/// Which text is withdrawn.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdrawal {
    /// `revision` of the update that was read; whatever it says now if it is not given.
    revision: Option<u32>,
}

/// Withdraws what the public was told: the status page says when, and the text no more. It stays in the timeline.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/updates/{number}/withdraw", tag = "incidents",
    params(("id" = u64, Path), ("number" = u32, Path, description = "The update's `number`, from 1")), request_body = Option<Withdrawal>,
    responses((status = 200, body = Done), (status = 202, description = "In effect, not yet saved", body = Done),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn withdraw(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path((incident, number)): Path<(IncidentId, u32)>,
    OptionalJson(Withdrawal { revision }): OptionalJson<Withdrawal>,
) -> Response {
    let input = Input::CorrectUpdate { incident, number, by: caller.actor, revision, text: None };
    respond(api.parts.engine.submit(Class::Paging, input).await, None)
}
