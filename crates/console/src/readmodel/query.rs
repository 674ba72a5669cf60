//! Questions to the read model. All block.

use super::{ReadModel, ReadModelError};
use foghorn_core::Record;
use foghorn_core::incident::IncidentId;
use foghorn_core::labels::AlertKey;
use foghorn_core::time::Wall;
use foghorn_core::words::{Actor, Severity};
use rusqlite::{Connection, OptionalExtension, Row, params};
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
        const LIFE: &str = "SELECT record FROM life WHERE incident = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
        const STORM: &str =
            "SELECT records FROM storm WHERE incident = ?1 AND last > ?2 ORDER BY first LIMIT ?3";
        self.read(|db| {
            let mut records = records(db, &[LIFE, STORM], id, after, limit)?;
            records.truncate(limit);
            lines(db, id, records)
        })
    }

    /// An incident's last events of people, pages and its own life, oldest first: without the alerts, of which a storm has
    /// many thousands.
    pub(crate) fn life(&self, id: IncidentId, limit: usize) -> Result<Vec<Line>, ReadModelError> {
        // The bytes are looked through: an event is written with its type in front.
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
                "SELECT record FROM life WHERE incident = ?1 AND seq > ?2 AND ({has}) ORDER BY seq DESC LIMIT ?3"
            )
        });
        self.read(|db| lines(db, id, records(db, &[&SQL], id, 0, limit)?))
    }

    /// An incident's last events, oldest first.
    pub(crate) fn latest(&self, id: IncidentId, limit: usize) -> Result<Vec<Line>, ReadModelError> {
        const LIFE: &str =
            "SELECT record FROM life WHERE incident = ?1 AND seq > ?2 ORDER BY seq DESC LIMIT ?3";
        const STORM: &str =
            "SELECT records FROM storm WHERE incident = ?1 AND last > ?2 ORDER BY first DESC LIMIT ?3";
        self.read(|db| {
            let mut records = records(db, &[LIFE, STORM], id, 0, limit)?;
            records.drain(..records.len().saturating_sub(limit));
            lines(db, id, records)
        })
    }
}

/// What these queries find after a sequence number, oldest first: of each at least as many as are asked for, if there are. A
/// row has one record or more, one a line.
fn records(
    db: &Connection,
    queries: &[&str],
    id: IncidentId,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<(Record, Vec<u8>)>> {
    let mut found = Vec::new();
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    for sql in queries {
        let mut query = db.prepare_cached(sql)?;
        let mut rows =
            query.query(params![id.cast_signed(), i64::try_from(after).unwrap_or(i64::MAX), most])?;
        let enough = found.len().saturating_add(limit);
        while found.len() < enough
            && let Some(row) = rows.next()?
        {
            let json = row.get_ref(0)?.as_blob()?;
            // Folded once already, so they can be read.
            let read = |line: &[u8]| Some((serde_json::from_slice::<Record>(line).ok()?, line.to_vec()));
            let lines = json.split(|b| *b == b'\n').filter(|line| !line.is_empty());
            found.extend(lines.filter_map(read).filter(|(record, _)| record.seq > after));
        }
    }
    found.sort_by_key(|(record, _)| record.seq);
    Ok(found)
}

/// With the alerts that they are about.
fn lines(db: &Connection, id: IncidentId, records: Vec<(Record, Vec<u8>)>) -> rusqlite::Result<Vec<Line>> {
    let mut summary = db.prepare_cached("SELECT summary FROM alert WHERE incident = ?1 AND place = ?2")?;
    let mut line = |(record, json): (Record, Vec<u8>)| {
        let of = |place: u64| {
            summary.query_row(params![id.cast_signed(), place.cast_signed()], |row| row.get(0)).optional()
        };
        let alert = record.event.alert().map(|alert| alert.place).map(of).transpose()?.flatten();
        Ok(Line { record, json, alert })
    };
    records.into_iter().map(&mut line).collect()
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
