//! What is shown of the state: the JSON of the API, and what the page behind a link is made of.

pub(crate) mod alert;
pub(crate) mod check;
pub(crate) mod event;
pub(crate) mod incident;
pub(crate) mod picture;
pub(crate) mod text;

use crate::next::person;
use crate::time::rfc3339;
use foghorn_core::State;
use foghorn_core::time::Wall;
use foghorn_core::update;
use foghorn_core::words;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Worth knowing; nobody is paged.
    Info,
    /// Somebody should look in working hours.
    Warning,
    /// Somebody is woken.
    Critical,
}

impl From<words::Severity> for Severity {
    fn from(s: words::Severity) -> Severity {
        match s {
            words::Severity::Info => Severity::Info,
            words::Severity::Warning => Severity::Warning,
            words::Severity::Critical => Severity::Critical,
        }
    }
}

impl From<Severity> for words::Severity {
    fn from(s: Severity) -> words::Severity {
        match s {
            Severity::Info => words::Severity::Info,
            Severity::Warning => words::Severity::Warning,
            Severity::Critical => words::Severity::Critical,
        }
    }
}

/// How far the work is, as the public is told: core's own words.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Stage(pub(crate) update::Stage);

impl PartialSchema for Stage {
    fn schema() -> RefOr<Schema> {
        let words = update::Stage::ALL.map(update::Stage::as_str);
        let text = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
        text.description(Some("How far the work is, as the public is told.")).into()
    }
}

impl ToSchema for Stage {}

/// Who did something, and by what door.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Who {
    /// A person's id, or the name of an API token.
    pub(crate) id: String,
    /// As people read it.
    pub(crate) name: String,
    /// `link`, `api`, `console`, `callback`, `system`.
    #[schema(value_type = String)]
    pub(crate) via: words::Via,
}

impl Who {
    pub(crate) fn of(actor: &words::Actor, state: &State) -> Who {
        Who { id: actor.name.to_string(), name: person(state, &actor.name), via: actor.via }
    }
}

/// When and by whom something was done; by nobody where it happened by itself.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Mark {
    /// RFC 3339.
    pub(crate) at: String,
    /// Who.
    pub(crate) by: Option<Who>,
}

impl Mark {
    pub(crate) fn new(at: Wall, by: Option<&words::Actor>, state: &State) -> Mark {
        Mark { at: rfc3339(at), by: by.map(|b| Who::of(b, state)) }
    }
}
