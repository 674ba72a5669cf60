//! Questions to the read model. All block.

use super::{ReadModel, ReadModelError};
use foghorn_core::Record;
use foghorn_core::incident::IncidentId;
use foghorn_core::labels::AlertKey;
use foghorn_core::time::Wall;
use foghorn_core::words::{Actor, Severity};
use rusqlite::{OptionalExtension, Row, params};
use std::sync::LazyLock;

/// An incident as the journal tells it. Its `state` is what it was when it was last heard of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Closed {
    pub(crate) id: IncidentId,
    pub(crate) title: String,
    pub(crate) peak: Severity,
    pub(crate) state: String,
    pub(crate) opened: Wall,
    pub(crate) opened_by: Option<Actor>,
    pub(crate) acked: Option<(Wall, Option<Actor>)>,
    pub(crate) resolved: Option<(Wall, Option<Actor>)>,
    pub(crate) reopened: u64,
    pub(crate) alerts: u64,
    pub(crate) paged: u64,
    /// Timeline lines that were not kept.
    pub(crate) left_out: u64,
}

/// An alert of an incident.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClosedAlert {
    pub(crate) key: AlertKey,
    pub(crate) summary: String,
    pub(crate) source: String,
    pub(crate) entity: Option<String>,
    pub(crate) severity: Severity,
    pub(crate) status: String,
    pub(crate) started: Wall,
    pub(crate) ended: Option<Wall>,
}

/// An event of a timeline, with the alert that it is about in one line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) record: Record,
    pub(crate) json: Vec<u8>,
    pub(crate) alert: Option<String>,
}

/// Which incidents.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filter {
    /// Older than this one.
    pub(crate) before: Option<IncidentId>,
    pub(crate) severity: Option<Severity>,
    /// Somewhere in the title, whatever the case of ASCII letters.
    pub(crate) text: Option<String>,
    /// Only what is over.
    pub(crate) resolved: bool,
}

const COLUMNS: &str = "id, title, peak, state, opened, opened_by, acked, acked_by, resolved, resolved_by, reopened, alerts, paged, left_out";

impl ReadModel {
    /// Incidents, newest first, without those of `known`.
    pub(crate) fn incidents(
        &self,
        filter: &Filter,
        limit: usize,
        known: &dyn Fn(IncidentId) -> bool,
    ) -> Result<Vec<Closed>, ReadModelError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM incident WHERE id < ?1 AND (?2 IS NULL OR peak = ?2) AND (?3 IS NULL OR title LIKE ?3 ESCAPE '\\') AND (NOT ?4 OR state = 'resolved') ORDER BY id DESC"
        );
        let before = filter.before.map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX));
        let like = filter.text.as_deref().map(like);
        self.read(|db| {
            let mut query = db.prepare_cached(&sql)?;
            let rows = query.query_map(
                params![before, filter.severity.map(|s| s as i64), like, filter.resolved],
                closed,
            )?;
            // An error is kept; what the view shows is left out before the limit counts.
            rows.filter(|row| row.as_ref().map_or(true, |c| !known(c.id))).take(limit).collect()
        })
    }

    pub(crate) fn incident(&self, id: IncidentId) -> Result<Option<Closed>, ReadModelError> {
        let Ok(id) = i64::try_from(id) else { return Ok(None) };
        self.read(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM incident WHERE id = ?1"))?
                .query_row([id], closed)
                .optional()
        })
    }

    /// Alerts in the order in which they came, after the one of a key.
    pub(crate) fn alerts(
        &self,
        id: IncidentId,
        after: Option<AlertKey>,
        limit: usize,
    ) -> Result<Vec<ClosedAlert>, ReadModelError> {
        const SQL: &str = "SELECT key, summary, source, entity, severity, status, started, ended FROM alert
            WHERE incident = ?1 AND (?2 IS NULL OR place > (SELECT max(place) FROM alert WHERE incident = ?1 AND key = ?2)) ORDER BY place LIMIT ?3";
        self.read(|db| {
            let mut query = db.prepare_cached(SQL)?;
            let rows = query.query_map(
                params![
                    id.cast_signed(),
                    after.map(|key| key.bytes()),
                    i64::try_from(limit).unwrap_or(i64::MAX)
                ],
                |row| {
                    Ok(ClosedAlert {
                        key: AlertKey::from_bytes(row.get(0)?),
                        summary: row.get(1)?,
                        source: row.get(2)?,
                        entity: row.get(3)?,
                        severity: severity(row.get(4)?),
                        status: row.get(5)?,
                        started: Wall(row.get(6)?),
                        ended: row.get::<_, Option<i64>>(7)?.map(Wall),
                    })
                },
            )?;
            rows.collect()
        })
    }

    /// An incident's events after a sequence number, oldest first.
    pub(crate) fn timeline(
        &self,
        id: IncidentId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Line>, ReadModelError> {
        self.lines(
            "SELECT record FROM timeline WHERE incident = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            id,
            after,
            limit,
        )
    }

    /// An incident's last events of people, pages and its own life, oldest first: without the alerts, of which a storm has
    /// many thousands.
    pub(crate) fn life(&self, id: IncidentId, limit: usize) -> Result<Vec<Line>, ReadModelError> {
        // The bytes are looked through: an event is written with its type in front. A storm is lines about alerts, which
        // one short look leaves out; each look that finds nothing goes through a whole record.
        static SQL: LazyLock<String> = LazyLock::new(|| {
            const KINDS: [&str; 7] = [
                "page_",
                "contact_passed_over",
                "incident_",
                "acknowledged",
                "acknowledgement_lapsed",
                "noted",
                "status_updated",
            ];
            let has =
                KINDS.map(|k| format!("instr(record, CAST('\"type\":\"{k}' AS BLOB)) > 0")).join(" OR ");
            format!(
                "SELECT record FROM timeline WHERE incident = ?1 AND seq > ?2
                    AND instr(record, CAST('\"type\":\"alert_' AS BLOB)) = 0 AND ({has}) ORDER BY seq DESC LIMIT ?3"
            )
        });
        let mut lines = self.lines(&SQL, id, 0, limit)?;
        lines.reverse();
        Ok(lines)
    }

    /// An incident's last events, oldest first.
    pub(crate) fn latest(&self, id: IncidentId, limit: usize) -> Result<Vec<Line>, ReadModelError> {
        let newest_first =
            "SELECT record FROM timeline WHERE incident = ?1 AND seq > ?2 ORDER BY seq DESC LIMIT ?3";
        let mut lines = self.lines(newest_first, id, 0, limit)?;
        lines.reverse();
        Ok(lines)
    }

    fn lines(
        &self,
        sql: &str,
        id: IncidentId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Line>, ReadModelError> {
        let (id, after) = (id.cast_signed(), i64::try_from(after).unwrap_or(i64::MAX));
        self.read(|db| {
            let mut query = db.prepare_cached(sql)?;
            let rows = query
                .query_map(params![id, after, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                    row.get::<_, Vec<u8>>(0)
                })?;
            let mut lines = Vec::new();
            for json in rows {
                let json = json?;
                // Folded once already, so it can be read.
                let Ok(record) = serde_json::from_slice::<Record>(&json) else { continue };
                let alert = match record.event.alert() {
                    Some(alert) => db
                        .prepare_cached("SELECT summary FROM alert WHERE incident = ?1 AND place = ?2")?
                        .query_row(params![id, alert.place.cast_signed()], |row| row.get(0))
                        .optional()?,
                    None => None,
                };
                lines.push(Line { record, json, alert });
            }
            Ok(lines)
        })
    }
}

fn closed(row: &Row<'_>) -> rusqlite::Result<Closed> {
    let actor = |n: usize| -> rusqlite::Result<Option<Actor>> {
        Ok(row.get::<_, Option<String>>(n)?.and_then(|json| serde_json::from_str(&json).ok()))
    };
    let mark = |n: usize| -> rusqlite::Result<Option<(Wall, Option<Actor>)>> {
        row.get::<_, Option<i64>>(n)?.map(|at| Ok((Wall(at), actor(n + 1)?))).transpose()
    };
    let whole = |n: usize| row.get::<_, i64>(n).map(i64::cast_unsigned);
    Ok(Closed {
        id: whole(0)?,
        title: row.get(1)?,
        peak: severity(row.get(2)?),
        state: row.get(3)?,
        opened: Wall(row.get(4)?),
        opened_by: actor(5)?,
        acked: mark(6)?,
        resolved: mark(8)?,
        reopened: whole(10)?,
        alerts: whole(11)?,
        paged: whole(12)?,
        left_out: whole(13)?,
    })
}

fn severity(n: i64) -> Severity {
    Severity::ALL.into_iter().find(|s| *s as i64 == n).unwrap_or_default()
}

/// A pattern that finds the text as it is, anywhere.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
