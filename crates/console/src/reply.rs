//! The engine's answer as an HTTP response.

use crate::problem::{Kind, Problem};
use axum::Json;
use axum::response::{IntoResponse, Response};
use foghorn_core::State;
use foghorn_core::input::{Answer, Refusal};
use foghorn_core::words::Name;
use foghorn_engine::Reply;
use http::StatusCode;
use http::header::LOCATION;
use serde::Serialize;
use utoipa::ToSchema;

/// What became of a request that changes something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Done {
    /// Whether it is on disk. If not (status 202) it is in effect, and is written when the disk is back.
    pub(crate) saved: bool,
    /// Why it is not on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// Whether anything changed: a repeated request changes nothing.
    pub(crate) changed: bool,
    /// What was made: an incident's number, or the id of anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Made>,
    /// What is in effect and may not be what was meant: an entity that nothing is known of, words that the status page will
    /// contradict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

/// As it stands in lists, too.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Made {
    Incident(u64),
    Other(String),
}

/// `made` is the id of what a good answer has made: then 201. An incident's number comes with the answer, and where it is.
pub(crate) fn respond(reply: Reply, made: Option<String>) -> Response {
    respond_warning(reply, made, Vec::new())
}

/// The same, with what may not be what was meant.
pub(crate) fn respond_warning(reply: Reply, made: Option<String>, warnings: Vec<String>) -> Response {
    let (answer, why) = match taken(reply) {
        Ok(taken) => taken,
        Err(problem) => return problem.into_response(),
    };
    let incident = if let Answer::Incident(id) = answer { Some(Made::Incident(id)) } else { None };
    let id = made.map(Made::Other).or(incident);
    let status = match (&why, &id) {
        (Some(_), _) => StatusCode::ACCEPTED,
        (None, Some(_)) => StatusCode::CREATED,
        (None, None) => StatusCode::OK,
    };
    let place =
        if let Some(Made::Incident(id)) = id { Some(format!("/api/v1/incidents/{id}")) } else { None };
    let done = Done { saved: why.is_none(), why, changed: answer != Answer::Already, id, warnings };
    (status, place.map(|at| [(LOCATION, at)]), Json(done)).into_response()
}

/// What was taken, and why it is not saved if it is not; else what to answer instead.
pub(crate) fn taken(reply: Reply) -> Result<(Answer, Option<String>), Problem> {
    match reply {
        Reply::Saved(answer) => Ok((answer, None)),
        Reply::NotSaved(answer, why) => Ok((answer, Some(why.to_string()))),
        Reply::Unavailable(why) => {
            Err(Problem::new(Kind::Unavailable, format!("{why}; nothing is promised, try again")))
        }
        Reply::Busy => Err(Problem::new(
            Kind::Unavailable,
            "too much is waiting to be decided; nothing changed, try again",
        )),
        Reply::Refused(refusal) => Err(refused(&refusal)),
    }
}

fn refused(refusal: &Refusal) -> Problem {
    let kind = match refusal {
        Refusal::NotFound { .. } => Kind::NotFound,
        Refusal::Over { .. } => Kind::Over,
        Refusal::Changed { .. } => Kind::Changed,
        Refusal::Invalid { .. } => Kind::Invalid,
    };
    Problem::new(kind, refusal.to_string())
}

/// A warning for each entity that neither the topology nor an open alert has. It may be one of another tool's alerts to
/// come, so it is no error.
pub(crate) fn unknown<'e>(state: &State, entities: impl IntoIterator<Item = &'e Name>) -> Vec<String> {
    let unknown = entities.into_iter().filter(|e| !state.knows(e));
    let warning = |e: &Name| {
        let near = foghorn_config::nearest(e, state.setup.topology.keys().map(Name::as_str));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        format!("neither the topology nor an open alert has an entity `{e}`{hint}")
    };
    unknown.map(warning).collect()
}
