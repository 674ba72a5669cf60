//! The server's chores.

use super::incidents::Empty;
use crate::api::Api;
use crate::extract::OptionalJson;
use crate::ports::NoBackup;
use crate::problem::{Body, Kind, Problem};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A configuration counts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReloadShown {
    /// SHA-256 of what decisions need of it, in hexadecimal.
    hash: String,
    /// Things to say that are no errors.
    warnings: Vec<String>,
}

/// Reads the configuration file again. A bad one changes nothing, and says why.
#[utoipa::path(post, path = "/api/v1/reload", tag = "server", request_body = Option<Empty>,
    responses((status = 200, body = ReloadShown), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn reload(
    State(api): State<Arc<Api>>,
    OptionalJson(Empty {}): OptionalJson<Empty>,
) -> Result<Json<ReloadShown>, Problem> {
    let done = api.chore(|admin| admin.reload()).await?;
    let done = done.map_err(|errors| {
        let detail = "the configuration is wrong; the one before still counts".to_owned();
        Problem { errors, ..Problem::new(Kind::Invalid, detail) }
    })?;
    Ok(Json(ReloadShown { hash: done.hash, warnings: done.warnings }))
}

/// What the backup is called.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBackup {
    /// A plain file name; made of the time if not given.
    name: Option<String>,
}

/// A backup was written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackupShown {
    /// Where, on the server.
    path: String,
    /// The last event in it.
    seq: u64,
    /// Its size.
    bytes: u64,
    /// What could not be copied beside the journal, and why.
    left_out: Vec<String>,
}

/// Writes the journal, accounts, the history of checks and the key of links to one file in `backups/` of the data
/// directory, while they are in use.
#[utoipa::path(post, path = "/api/v1/backup", tag = "server", request_body = Option<NewBackup>,
    responses((status = 200, body = BackupShown), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn backup(
    State(api): State<Arc<Api>>,
    OptionalJson(new): OptionalJson<NewBackup>,
) -> Result<Json<BackupShown>, Problem> {
    // A token must not be a way to write any file of this host.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let wrong = |n: &&String| n.is_empty() || n.len() > 100 || n.starts_with('.') || !n.chars().all(plain);
    if let Some(name) = new.name.as_ref().filter(wrong) {
        let detail = format!("`{name}` is no plain file name: use letters, digits, `.`, `-` and `_`");
        return Err(Problem::new(Kind::Invalid, detail));
    }
    let done = api.chore(move |admin| admin.backup(new.name.as_deref())).await?;
    let done = done.map_err(|e| {
        let kind = match e {
            NoBackup::Taken(_) => Kind::Invalid,
            NoBackup::Failed(_) => Kind::Unavailable,
        };
        Problem::new(kind, e.to_string())
    })?;
    Ok(Json(BackupShown { path: done.path, seq: done.seq, bytes: done.bytes, left_out: done.left_out }))
}
