//! Changes to production: the first thing to look at when something breaks.

use crate::api::Api;
use crate::auth::Caller;
use crate::extract::{Json, Line};
use crate::problem::{Body, Kind, Problem};
use crate::reply::{Done, respond_warning, unknown};
use crate::show::incident::ChangeShown;
use crate::show::picture::is_web_link;
use crate::time::parse;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::change::Change;
use foghorn_core::input::Input;
use foghorn_core::words::Name;
use foghorn_engine::Class;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// The last changes, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changes {
    changes: Vec<ChangeShown>,
}

/// The last changes, newest first; the journal has all.
#[utoipa::path(get, path = "/api/v1/changes", tag = "changes",
    responses((status = 200, body = Changes), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> axum::Json<Changes> {
    let view = api.view();
    let mut changes: Vec<&Change> = view.state.changes.iter().map(|c| &**c).collect();
    changes.sort_by_key(|c| std::cmp::Reverse(c.at));
    axum::Json(Changes { changes: changes.into_iter().map(ChangeShown::from).collect() })
}

/// Something was changed in production.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewChange {
    /// What, in a line of at most 1000 bytes.
    #[schema(value_type = String)]
    summary: Line,
    /// To what.
    #[schema(value_type = Option<String>)]
    entity: Option<Line>,
    /// Where to read more: http or https.
    link: Option<String>,
    /// RFC 3339; now if not given.
    at: Option<String>,
}

/// Tells of a change, so that pages and incidents can name it.
#[utoipa::path(post, path = "/api/v1/changes", tag = "changes", request_body = NewChange,
    responses((status = 200, body = Done), (status = 202, description = "In effect, not yet saved", body = Done),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn add(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Json(new): Json<NewChange>,
) -> Result<Response, Problem> {
    let invalid = |e: String| Problem::new(Kind::Invalid, e);
    if new.summary.0.trim().is_empty() || new.summary.0.len() > 1000 {
        return Err(invalid("a change needs a summary of at most 1000 bytes".to_owned()));
    }
    if let Some(link) = new.link.as_ref().filter(|l| !is_web_link(l) || l.len() > 2000) {
        return Err(invalid(format!("`{link}` is no link: it must begin with http:// or https://")));
    }
    if new.entity.as_ref().is_some_and(|e| e.0.trim().is_empty()) {
        return Err(invalid(
            "the entity has no name; leave it out if the change is to nothing in particular".to_owned(),
        ));
    }
    let entity = new.entity.map(Name::from);
    let warnings = unknown(&api.view().state, &entity);
    let at = new.at.map(|t| parse(&t)).transpose().map_err(invalid)?;
    let change = Change {
        at: at.unwrap_or_else(|| api.now().wall),
        source: caller.actor.name,
        summary: new.summary.0,
        entity,
        link: new.link,
    };
    Ok(respond_warning(
        api.parts.engine.submit(Class::Paging, Input::Change { change }).await,
        None,
        warnings,
    ))
}
