//! An alert, as the API shows it.

use super::Severity;
use crate::readmodel::ClosedAlert;
use crate::time::rfc3339;
use foghorn_core::alert::Alert;
use foghorn_core::time::Wall;
use foghorn_core::words;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// One thing known to be wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertShown {
    /// Identity: 32 hexadecimal digits.
    pub(crate) key: String,
    /// The integration it came by.
    source: String,
    /// In one line.
    summary: String,
    severity: Severity,
    /// `firing`, `flapping`, `stale`, `unknown`, `resolved`. Of these only the last is known to be over.
    status: String,
    /// What is unwell, if known.
    entity: Option<String>,
    /// RFC 3339.
    started_at: String,
    /// RFC 3339; where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    /// Not paged for before then (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    held_until: Option<String>,
    /// The silence that mutes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    muted_by: Option<String>,
    /// Empty where the incident has been put away.
    labels: BTreeMap<String, String>,
    /// Empty where the incident has been put away.
    annotations: BTreeMap<String, String>,
}

impl AlertShown {
    pub(crate) fn of(a: &Alert, wall_at: impl Fn(foghorn_core::time::Mono) -> Wall) -> AlertShown {
        let map = |labels: &foghorn_core::labels::Labels| {
            labels.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
        };
        AlertShown {
            key: a.key.to_string(),
            source: a.source.to_string(),
            summary: a.summary(),
            severity: a.severity.into(),
            status: word(a.status).to_owned(),
            entity: a.entity.as_ref().map(ToString::to_string),
            started_at: rfc3339(a.started),
            ended_at: None,
            held_until: a.held_until.map(|at| rfc3339(wall_at(at))),
            muted_by: a.muted.as_ref().map(ToString::to_string),
            labels: map(&a.labels),
            annotations: map(&a.annotations),
        }
    }

    pub(crate) fn closed(a: ClosedAlert) -> AlertShown {
        AlertShown {
            key: a.key.to_string(),
            source: a.source,
            summary: a.summary,
            severity: words::Severity::into(a.severity),
            status: a.status,
            entity: a.entity,
            started_at: rfc3339(a.started),
            ended_at: a.ended.map(rfc3339),
            held_until: None,
            muted_by: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }
}

/// The word for how an alert stands.
pub(crate) fn word(status: foghorn_core::alert::AlertStatus) -> &'static str {
    use foghorn_core::alert::AlertStatus;
    match status {
        AlertStatus::Firing => "firing",
        AlertStatus::Flapping => "flapping",
        AlertStatus::Stale => "stale",
        AlertStatus::Unknown => "unknown",
        AlertStatus::Resolved => "resolved",
    }
}
