//! What each event means for the read model.

use super::ClosedAlert;
use super::index;
use super::query::opened_with;
use crate::show::alert::word;
use foghorn_core::Record;
use foghorn_core::alert::{Alert, AlertStatus};
use foghorn_core::event::{AlertRef, Event};
use foghorn_core::held::Place;
use foghorn_core::incident::IncidentId;
use foghorn_core::page::{Outcome, PageKind};
use foghorn_core::time::Now;
use foghorn_core::words::{Actor, Severity};
use foghorn_engine::written::Quick;
use rusqlite::{Connection, Error, OptionalExtension, Result, ToSql, params};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// So many lines about alerts are kept of one incident: a storm must not fill the disk twice. The journal has all.
const MOST_ALERT_LINES: i64 = 10_000;
/// Alerts or events in one row: whoever reads one of them reads all.
const MOST_IN_A_ROW: usize = 128;

/// What is folded in one transaction. A storm is many events of few incidents: what is counted of them is written once.
pub(super) struct Fold<'a> {
    db: &'a Connection,
    counts: BTreeMap<IncidentId, Counts<'a>>,
}

/// Of one incident, since the transaction began.
struct Counts<'a> {
    /// Lines about alerts, from the beginning.
    lines: i64,
    left_out: i64,
    alerts: i64,
    /// The place of the last of its alerts.
    last: Place,
    peak: Option<Severity>,
    /// Alerts that have opened, by place, and events about alerts, by number, that are not written yet.
    opened: Many<'a>,
    storm: Many<'a>,
}

/// What is going to lie in one row: one a line.
#[derive(Default)]
struct Many<'a> {
    first: u64,
    last: u64,
    lines: Vec<Cow<'a, [u8]>>,
}

impl<'a> Many<'a> {
    fn add(&mut self, number: u64, line: Cow<'a, [u8]>) {
        if self.lines.is_empty() {
            self.first = number;
        }
        self.last = number;
        self.lines.push(line);
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= MOST_IN_A_ROW
    }

    fn write(&mut self, db: &Connection, insert: &str, incident: IncidentId) -> Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let mut row = Vec::with_capacity(self.lines.iter().map(|line| line.len() + 1).sum());
        for line in self.lines.drain(..) {
            row.extend_from_slice(&line);
            row.push(b'\n');
        }
        db.prepare_cached(insert)?
            .execute(params![incident.cast_signed(), self.first.cast_signed(), self.last.cast_signed(), row])
            .map(|_| ())
    }
}

const ALERTS: &str = "INSERT OR REPLACE INTO alerts VALUES (?1, ?2, ?3, ?4)";
const STORM: &str = "INSERT OR REPLACE INTO storm VALUES (?1, ?2, ?3, ?4)";

/// From here on an incident is called otherwise, if so.
fn called(db: &Connection, id: IncidentId, title: Option<&str>) -> Result<()> {
    let Some(title) = title else { return Ok(()) };
    db.prepare_cached("UPDATE incident SET title = ?2 WHERE id = ?1")?
        .execute(params![id.cast_signed(), title])
        .map(|_| ())
}

/// An alert as it lies in the file: JSON.
fn row(alert: &Alert, place: Place) -> serde_json::Result<Vec<u8>> {
    let mut json = Vec::with_capacity(256);
    serde_json::to_writer(Quick(&mut json), &(place, ClosedAlert::of(alert)))?;
    Ok(json)
}

impl<'a> Fold<'a> {
    pub(super) fn new(db: &'a Connection) -> Fold<'a> {
        Fold { db, counts: BTreeMap::new() }
    }

    /// Adds one event; `json` are its bytes in the journal.
    pub(super) fn add(&mut self, record: &Record, json: &'a [u8]) -> Result<()> {
        let (db, event) = (self.db, &record.event);
        match event {
            Event::IncidentOpened { id, title, by, severity, .. } => {
                db.prepare_cached("INSERT OR REPLACE INTO incident (id, title, peak, state, opened, opened_by) VALUES (?1, ?2, ?3, 'open', ?4, ?5)")?
                    .execute(params![id.cast_signed(), &**title, severity.unwrap_or(Severity::Info) as i64, record.at.wall.0, actor(by.as_ref())])?;
            }
            Event::AlertOpened { alert, place, .. } => self.opened(alert, *place)?,
            Event::AlertChanged { alert, severity, .. } => {
                news(db, alert, Some(*severity), None, None)?;
                self.raise(alert.incident, *severity)?;
            }
            Event::AlertStatusChanged { alert, status, .. } => news(db, alert, None, Some(*status), None)?,
            Event::AlertEnded { alert, at, .. } => {
                news(db, alert, None, Some(AlertStatus::Resolved), Some(at.0))?;
            }
            Event::IncidentGrew { id, shape, title } => {
                called(db, *id, title.as_deref())?;
                self.raise(*id, shape.severity)?;
            }
            Event::IncidentReopened { id, title, .. } | Event::IncidentResolved { id, title, .. } => {
                called(db, *id, title.as_deref())?;
                life(db, record.at, event)?;
            }
            Event::IncidentArchived { id } => self.index(*id)?,
            _ => life(db, record.at, event)?,
        }
        // Senders whose words hold a measured value reword with every repetition: no news in a timeline.
        if matches!(event, Event::AlertReworded { .. }) {
            return Ok(());
        }
        match event.incident() {
            Some(id) => self.line(id, record.seq, json, event.alert().is_some()),
            None => Ok(()),
        }
    }

    /// Writes what was counted and gathered.
    pub(super) fn end(mut self) -> Result<()> {
        let mut update = self.db.prepare_cached(
            "UPDATE incident SET alerts = alerts + ?2, peak = max(peak, coalesce(?3, peak)), alert_lines = ?4, left_out = left_out + ?5, last_place = ?6 WHERE id = ?1",
        )?;
        for (id, c) in &mut self.counts {
            c.opened.write(self.db, ALERTS, *id)?;
            c.storm.write(self.db, STORM, *id)?;
            update.execute(params![
                id.cast_signed(),
                c.alerts,
                c.peak.map(|p| p as i64),
                c.lines,
                c.left_out,
                c.last.cast_signed()
            ])?;
        }
        Ok(())
    }

    fn counts(&mut self, id: IncidentId) -> Result<&mut Counts<'a>> {
        use std::collections::btree_map::Entry;
        match self.counts.entry(id) {
            Entry::Occupied(e) => Ok(e.into_mut()),
            Entry::Vacant(e) => {
                let (lines, last) = self
                    .db
                    .prepare_cached("SELECT alert_lines, last_place FROM incident WHERE id = ?1")?
                    .query_row([id.cast_signed()], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))
                    .optional()?
                    .unwrap_or_default();
                let last = last.cast_unsigned();
                Ok(e.insert(Counts {
                    lines,
                    left_out: 0,
                    alerts: 0,
                    last,
                    peak: None,
                    opened: Many::default(),
                    storm: Many::default(),
                }))
            }
        }
    }

    fn opened(&mut self, alert: &Alert, place: Place) -> Result<()> {
        let (db, incident) = (self.db, alert.incident.cast_signed());
        let row = row(alert, place).map_err(|e| Error::ToSqlConversionFailure(e.into()))?;
        let counts = self.counts(alert.incident)?;
        counts.peak = counts.peak.max(Some(alert.severity));
        let older = place <= counts.last;
        if older {
            counts.opened.write(db, ALERTS, alert.incident)?;
            // One that ended and is back in the same incident is in the place that it had.
            if !opened_with(db, alert.incident, place)?.is_empty() {
                return db
                    .prepare_cached(
                        "INSERT OR REPLACE INTO alert_news (incident, place, again) VALUES (?1, ?2, ?3)",
                    )?
                    .execute(params![incident, place.cast_signed(), String::from_utf8_lossy(&row)])
                    .map(|_| ());
            }
        }
        counts.last = counts.last.max(place);
        counts.alerts += 1;
        counts.opened.add(place, Cow::Owned(row));
        // What comes after it has greater places.
        if older || counts.opened.is_full() {
            counts.opened.write(db, ALERTS, alert.incident)?;
        }
        Ok(())
    }

    /// It changes no more: from here on it is found by its words.
    fn index(&mut self, id: IncidentId) -> Result<()> {
        let db = self.db;
        self.counts(id)?.storm.write(db, STORM, id)?;
        index::add(db, id)
    }

    fn raise(&mut self, incident: IncidentId, severity: Severity) -> Result<()> {
        let counts = self.counts(incident)?;
        counts.peak = counts.peak.max(Some(severity));
        Ok(())
    }

    fn line(&mut self, id: IncidentId, seq: u64, json: &'a [u8], about_alert: bool) -> Result<()> {
        let db = self.db;
        if !about_alert {
            return db
                .prepare_cached("INSERT OR REPLACE INTO life VALUES (?1, ?2, ?3)")?
                .execute(params![id.cast_signed(), seq.cast_signed(), json])
                .map(|_| ());
        }
        let counts = self.counts(id)?;
        if counts.lines >= MOST_ALERT_LINES {
            counts.left_out += 1;
            return Ok(());
        }
        counts.lines += 1;
        counts.storm.add(seq, Cow::Borrowed(json));
        if counts.storm.is_full() { counts.storm.write(db, STORM, id) } else { Ok(()) }
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

/// What has become of an alert.
fn news(
    db: &Connection,
    alert: &AlertRef,
    severity: Option<Severity>,
    status: Option<AlertStatus>,
    ended: Option<i64>,
) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO alert_news (incident, place, severity, status, ended) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET
            severity = coalesce(excluded.severity, severity), status = coalesce(excluded.status, status),
            ended = iif(excluded.status IS NULL, ended, excluded.ended)",
    )?
    .execute(params![
        alert.incident.cast_signed(),
        alert.place.cast_signed(),
        severity.map(|s| s as i64),
        status.map(word),
        ended
    ])
    .map(|_| ())
}

fn actor(by: Option<&Actor>) -> Option<String> {
    by.and_then(|by| serde_json::to_string(by).ok())
}
