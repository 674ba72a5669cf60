//! For programs: the webhook's body and a program's input. Text is as it came, if not longer than a receiver takes; JSON
//! carries anything.

use crate::message::{self, Message};
use foghorn_core::alert::AlertStatus;
use foghorn_core::text::shortened;
use foghorn_core::time::Wall;
use foghorn_core::words::{Severity, Urgency};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

/// Bytes of a summary or a change, and of a note: receivers refuse what is long, for good, and the widest outage has the
/// longest page.
const LONGEST_LINE: usize = 1000;
const LONGEST_NOTE: usize = 4000;

#[derive(Serialize)]
struct Page<'a> {
    kind: &'a str,
    id: &'a str,
    incident: Incident<'a>,
    person: &'a str,
    step: u32,
    attempt: u32,
    ack_url: &'a str,
    sent_at: String,
    // What follows was added to the interface's list and may grow.
    person_name: &'a str,
    to: &'a str,
    urgency: Urgency,
    drill: bool,
    alerts: Vec<Alert<'a>>,
    alerts_total: usize,
    entities: &'a [String],
    entities_total: usize,
    downstream: &'a [String],
    downstream_total: usize,
    changes: Vec<String>,
    runbooks: &'a [String],
    next: Option<&'a str>,
    why: &'a str,
    by: Option<&'a str>,
    degraded: Option<&'a str>,
}

#[derive(Serialize)]
struct Incident<'a> {
    id: u64,
    title: &'a str,
    severity: Severity,
    url: &'a str,
    status: &'a str,
    opened_at: String,
    opened_by: Option<&'a str>,
    note: Option<String>,
}

#[derive(Serialize)]
struct Alert<'a> {
    summary: String,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<&'a str>,
    /// `firing`, `flapping`, `stale` or `unknown`.
    status: AlertStatus,
    silenced: bool,
}

fn alert(a: &message::Alert) -> Alert<'_> {
    let entity = a.entity.as_deref().filter(|e| e.len() <= LONGEST_LINE);
    let (status, silenced) = (a.status, a.silenced);
    Alert { summary: shortened(&a.summary, LONGEST_LINE), since: rfc3339(a.since), entity, status, silenced }
}

fn rfc3339(at: Wall) -> String {
    format!("{:.3}", at.timestamp())
}

/// A message's id as it leaves in JSON and headers: letters, digits, `-` and `_`, the rest percent-encoded. Signatures are made
/// over `id.timestamp.body`, so it has no full stop.
pub(crate) fn wire_id(id: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    utf8_percent_encode(id, KEPT).to_string()
}

/// The message as JSON.
///
/// # Errors
/// None that a message can cause; the library's signature has one.
pub fn json(m: &Message) -> Result<String, serde_json::Error> {
    let i = &m.incident;
    serde_json::to_string(&Page {
        kind: m.kind.as_str(),
        id: &wire_id(&m.id),
        incident: Incident {
            id: i.id,
            title: &i.title,
            severity: i.severity,
            url: &i.url,
            status: &i.status,
            opened_at: rfc3339(i.opened_at),
            opened_by: i.opened_by.as_deref(),
            note: i.note.as_deref().map(|note| shortened(note, LONGEST_NOTE)),
        },
        person: &m.person.id,
        step: m.step,
        attempt: m.attempt,
        ack_url: &m.ack_url,
        sent_at: rfc3339(m.sent_at),
        person_name: &m.person.name,
        to: &m.to,
        urgency: m.urgency,
        drill: m.drill,
        alerts: m.alerts.iter().map(alert).collect(),
        alerts_total: m.alerts_total,
        entities: &m.entities.listed,
        entities_total: m.entities.total,
        downstream: &m.downstream.listed,
        downstream_total: m.downstream.total,
        changes: m.changes.iter().map(|c| shortened(c, LONGEST_LINE)).collect(),
        runbooks: &m.runbooks,
        next: m.next.as_deref(),
        why: &m.why,
        by: m.kind.by(),
        degraded: m.degraded.as_deref(),
    })
}

#[cfg(test)]
mod tests {
    use super::wire_id;

    #[test]
    fn two_people_have_two_ids() {
        let ids =
            ["1-p-1_0_0-a.b-0-1", "1-p-1_0_0-a_b-0-1", "1-p-1_0_0-a%2Eb-0-1", "1-p-1_0_0-ä-0-1"].map(wire_id);
        assert_eq!(
            ids,
            ["1-p-1_0_0-a%2Eb-0-1", "1-p-1_0_0-a_b-0-1", "1-p-1_0_0-a%252Eb-0-1", "1-p-1_0_0-%C3%A4-0-1"]
        );
    }
}
