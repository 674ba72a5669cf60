//! An event, as the API shows it.

use crate::time::rfc3339;
use foghorn_core::State;
use foghorn_core::event::Record;
use foghorn_core::labels::AlertKey;
use foghorn_core::page::PageKey;
use foghorn_core::timeline::{self, Names};
use foghorn_core::words::Name;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// One event of the journal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventShown {
    /// Position in the journal, from 1.
    pub(crate) seq: u64,
    /// RFC 3339.
    at: String,
    /// `incident_opened`, `page_attempted` and the like; the same as `record.event.type`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// What happened, in a sentence. Empty for an event of a later release.
    text: String,
    /// The incident, as far as the event alone tells.
    incident: Option<u64>,
    /// As it is in the journal.
    #[schema(value_type = Object)]
    record: Box<RawValue>,
}

/// What names an event's ids stand for: people as they are now, alerts as told.
struct Told<'a> {
    state: &'a State,
    alert: Option<&'a str>,
}

impl Names for Told<'_> {
    fn person(&self, id: &Name) -> Option<String> {
        self.state.person(id)
    }

    fn alert(&self, key: &AlertKey) -> Option<String> {
        self.alert.map(str::to_owned).or_else(|| Names::alert(self.state, key))
    }

    fn contact(&self, key: &PageKey, channel: &Name) -> Option<usize> {
        self.state.contact(key, channel)
    }
}

#[derive(serde::Deserialize)]
struct Outline {
    at: foghorn_core::Now,
    event: Typed,
}

#[derive(serde::Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: String,
}

/// What happened, in a sentence. `alert` is the alert it is about, where the state does not know it any more.
pub(crate) fn sentence(record: &Record, state: &State, alert: Option<&str>) -> String {
    timeline::sentence(record, &Told { state, alert })
}

impl EventShown {
    /// From its bytes in the journal; `None` if they are no event. `alert` is the alert it is about, where the state does
    /// not know it any more.
    pub(crate) fn new(seq: u64, json: Vec<u8>, state: &State, alert: Option<&str>) -> Option<EventShown> {
        let outline: Outline = serde_json::from_slice(&json).ok()?;
        let record: Option<Record> = serde_json::from_slice(&json).ok();
        Some(EventShown {
            seq,
            at: rfc3339(outline.at.wall),
            kind: outline.event.kind,
            text: record.as_ref().map_or_else(String::new, |r| sentence(r, state, alert)),
            incident: record.as_ref().and_then(|r| r.event.incident()),
            record: RawValue::from_string(String::from_utf8(json).ok()?).ok()?,
        })
    }
}
