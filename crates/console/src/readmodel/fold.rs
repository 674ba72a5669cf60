//! What each event means for the read model.

use crate::show::alert::word;
use foghorn_core::Record;
use foghorn_core::alert::{Alert, AlertStatus};
use foghorn_core::event::Event;
use foghorn_core::incident::IncidentId;
use foghorn_core::labels::AlertKey;
use foghorn_core::page::{Outcome, PageKind};
use foghorn_core::time::Now;
use foghorn_core::words::{Actor, Severity};
use rusqlite::{Connection, Result, ToSql, params};

/// So many lines about alerts are kept of one incident: a storm must not fill the disk twice. The journal has all.
const MOST_ALERT_LINES: i64 = 10_000;

/// Adds one event; `json` are its bytes in the journal.
pub(super) fn fold(db: &Connection, record: &Record, json: &[u8]) -> Result<()> {
    let event = &record.event;
    let about_alert = event.alert();
    // Found before it is applied: the end of an alert still belongs to where it was.
    let incident = match (event.incident(), &about_alert) {
        (Some(id), _) => Some(id),
        (None, Some(key)) => incident_of(db, key)?,
        (None, None) => None,
    };
    match event {
        Event::IncidentOpened { id, title, by, severity, .. } => {
            db.prepare_cached("INSERT OR REPLACE INTO incident (id, title, peak, state, opened, opened_by) VALUES (?1, ?2, ?3, 'open', ?4, ?5)")?
                .execute(params![id.cast_signed(), &**title, severity.unwrap_or(Severity::Info) as i64, record.at.wall.0, actor(by.as_ref())])?;
        }
        Event::AlertOpened { alert, .. } => opened(db, alert)?,
        Event::AlertChanged { key, severity, .. } => {
            db.prepare_cached("UPDATE alert SET severity = ?2 WHERE key = ?1 AND incident = ?3")?
                .execute(params![key.to_string(), *severity as i64, incident.map(u64::cast_signed)])?;
            raise(db, incident, *severity)?;
        }
        Event::AlertStatusChanged { key, status, .. } => set_status(db, key, incident, *status, None)?,
        Event::AlertEnded { key, at, .. } => {
            set_status(db, key, incident, AlertStatus::Resolved, Some(at.0))?
        }
        Event::IncidentGrew { id, shape } => raise(db, Some(*id), shape.severity)?,
        _ => life(db, record.at, event)?,
    }
    match incident {
        Some(id) => line(db, id, record.seq, json, about_alert.is_some()),
        None => Ok(()),
    }
}

/// What people and paging do to an incident.
fn life(db: &Connection, at: Now, event: &Event) -> Result<()> {
    let edit = |id: &IncidentId, set: &str, values: &[&dyn ToSql]| {
        let id = id.cast_signed();
        let values: Vec<&dyn ToSql> =
            std::iter::once(&id as &dyn ToSql).chain(values.iter().copied()).collect();
        db.prepare_cached(&format!("UPDATE incident SET {set} WHERE id = ?1"))?.execute(&*values).map(|_| ())
    };
    let at = at.wall.0;
    match event {
        Event::Acknowledged { id, by, .. } => {
            let first =
                "state = 'acknowledged', acked = coalesce(acked, ?2), acked_by = coalesce(acked_by, ?3)";
            edit(id, first, &[&at, &actor(Some(by))])
        }
        Event::AcknowledgementLapsed { id, .. } => edit(id, "state = 'open'", &[]),
        Event::IncidentResolved { id, by, .. } => {
            edit(id, "state = 'resolved', resolved = ?2, resolved_by = ?3", &[&at, &actor(by.as_ref())])
        }
        Event::IncidentReopened { id, .. } => {
            edit(id, "state = 'open', resolved = NULL, resolved_by = NULL, reopened = reopened + 1", &[])
        }
        Event::PageAttempted { key, outcome: Outcome::Accepted { .. }, .. } if key.kind == PageKind::Page => {
            edit(&key.incident, "paged = paged + 1", &[])
        }
        _ => Ok(()),
    }
}

fn opened(db: &Connection, alert: &Alert) -> Result<()> {
    let incident = alert.incident.cast_signed();
    let key = alert.key.to_string();
    let again = db
        .prepare_cached("DELETE FROM alert WHERE key = ?1 AND incident = ?2")?
        .execute(params![key, incident])?;
    db.prepare_cached("INSERT INTO alert (key, incident, summary, source, entity, severity, status, started) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute(params![
            key,
            incident,
            alert.summary(),
            alert.source.as_str(),
            alert.entity.as_ref().map(|e| e.as_str()),
            alert.severity as i64,
            word(alert.status),
            alert.started.0
        ])?;
    // Counted as they come: counting them all for each would make a storm dearer with every alert.
    if again == 0 {
        db.prepare_cached("UPDATE incident SET alerts = alerts + 1 WHERE id = ?1")?.execute([incident])?;
    }
    raise(db, Some(alert.incident), alert.severity)
}

fn raise(db: &Connection, incident: Option<IncidentId>, severity: Severity) -> Result<()> {
    db.prepare_cached("UPDATE incident SET peak = max(peak, ?2) WHERE id = ?1")?
        .execute(params![incident.map(u64::cast_signed), severity as i64])
        .map(|_| ())
}

fn set_status(
    db: &Connection,
    key: &AlertKey,
    incident: Option<IncidentId>,
    status: AlertStatus,
    ended: Option<i64>,
) -> Result<()> {
    db.prepare_cached("UPDATE alert SET status = ?3, ended = ?4 WHERE key = ?1 AND incident = ?2")?
        .execute(params![key.to_string(), incident.map(u64::cast_signed), word(status), ended])
        .map(|_| ())
}

/// The latest incident of an alert: the same may come back.
fn incident_of(db: &Connection, key: &AlertKey) -> Result<Option<IncidentId>> {
    db.prepare_cached("SELECT max(incident) FROM alert WHERE key = ?1")?
        .query_row([key.to_string()], |row| row.get::<_, Option<i64>>(0))
        .map(|id| id.map(i64::cast_unsigned))
}

fn line(db: &Connection, id: IncidentId, seq: u64, json: &[u8], about_alert: bool) -> Result<()> {
    let id = id.cast_signed();
    if about_alert {
        let kept = db
            .prepare_cached(
                "UPDATE incident SET alert_lines = alert_lines + 1 WHERE id = ?1 AND alert_lines < ?2",
            )?
            .execute([id, MOST_ALERT_LINES])?;
        if kept == 0 {
            return db
                .prepare_cached("UPDATE incident SET left_out = left_out + 1 WHERE id = ?1")?
                .execute([id])
                .map(|_| ());
        }
    }
    db.prepare_cached("INSERT OR REPLACE INTO timeline VALUES (?1, ?2, ?3)")?
        .execute(params![id, seq.cast_signed(), json])
        .map(|_| ())
}

fn actor(by: Option<&Actor>) -> Option<String> {
    by.and_then(|by| serde_json::to_string(by).ok())
}
