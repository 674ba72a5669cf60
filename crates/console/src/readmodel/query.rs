//! Questions to the read model. All block.

use super::{ReadModel, ReadModelError};
use crate::show::alert::word;
use foghorn_core::Record;
use foghorn_core::alert::Alert;
use foghorn_core::event::Event;
use foghorn_core::held::Place;
use foghorn_core::incident::IncidentId;
use foghorn_core::labels::AlertKey;
use foghorn_core::time::Wall;
use foghorn_core::words::{Actor, Severity};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClosedAlert {
    pub(crate) key: AlertKey,
    pub(crate) summary: String,
    pub(crate) source: String,
    pub(crate) entity: Option<String>,
    pub(crate) severity: Severity,
    pub(crate) status: String,
    pub(crate) started: Wall,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<Wall>,
}

impl ClosedAlert {
    /// As it is when it opens.
    pub(super) fn of(alert: &Alert) -> ClosedAlert {
        ClosedAlert {
            key: alert.key,
            summary: alert.summary(),
            source: alert.source.to_string(),
            entity: alert.entity.as_ref().map(ToString::to_string),
            severity: alert.severity,
            status: word(alert.status).to_owned(),
            started: alert.started,
            ended: None,
        }
    }
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
    /// A question to the index of words; of what was put away alone.
    pub(crate) words: Option<String>,
    /// Only what is over.
    pub(crate) resolved: bool,
    /// Not over before then.
    pub(crate) from: Option<Wall>,
    /// Begun before then.
    pub(crate) to: Option<Wall>,
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
        // Whichever goes first goes from the newest on, and no further than the page is full: nothing is sorted.
        let (from, order) = match &filter.words {
            Some(_) => ("search JOIN incident ON id = search.rowid WHERE search MATCH ?6", "search.rowid"),
            None => ("incident WHERE ?6 IS NULL", "id"),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM {from} AND {order} < ?1 AND (?2 IS NULL OR peak = ?2) AND (NOT ?3 OR state = 'resolved')
                AND (?4 IS NULL OR resolved IS NULL OR resolved >= ?4) AND (?5 IS NULL OR opened < ?5) ORDER BY {order} DESC"
        );
        let before = filter.before.map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX));
        self.read(|db| {
            let mut query = db.prepare_cached(&sql)?;
            let rows = query.query_map(
                params![
                    before,
                    filter.severity.map(|s| s as i64),
                    filter.resolved,
                    filter.from.map(|at| at.0),
                    filter.to.map(|at| at.0),
                    filter.words
                ],
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

    /// Alerts in the order in which they came, after a place.
    pub(crate) fn alerts(
        &self,
        id: IncidentId,
        after: Place,
        limit: usize,
    ) -> Result<Vec<(Place, ClosedAlert)>, ReadModelError> {
        const ROWS: &str = "SELECT rows, first FROM alerts WHERE incident = ?1 AND last > ?2 ORDER BY first";
        const NEWS: &str =
            "SELECT again, severity, status, ended FROM alert_news WHERE incident = ?1 AND place = ?2";
        self.read(|db| {
            let mut query = db.prepare_cached(ROWS)?;
            let mut rows = query.query(params![id.cast_signed(), after.cast_signed()])?;
            let mut found: BTreeMap<Place, ClosedAlert> = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let first = row.get::<_, i64>(1)?.cast_unsigned();
                if found.range(..first).take(limit).count() == limit {
                    break;
                }
                found.extend(alerts_in(row)?.into_iter().filter(|(place, _)| *place > after));
            }
            let mut news = db.prepare_cached(NEWS)?;
            let with_news = |(place, mut alert): (Place, ClosedAlert)| {
                let mut rows = news.query(params![id.cast_signed(), place.cast_signed()])?;
                if let Some(row) = rows.next()? {
                    let again: Option<String> = row.get(0)?;
                    let again = again.and_then(|row| serde_json::from_str::<(Place, ClosedAlert)>(&row).ok());
                    alert = again.map_or(alert, |(_, again)| again);
                    alert.severity = row.get::<_, Option<i64>>(1)?.map_or(alert.severity, severity);
                    alert.status = row.get::<_, Option<String>>(2)?.unwrap_or(alert.status);
                    alert.ended = row.get::<_, Option<i64>>(3)?.map(Wall);
                }
                Ok((place, alert))
            };
            found.into_iter().take(limit).map(with_news).collect()
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
            const KINDS: [&str; 9] = [
                "page_",
                "contact_passed_over",
                "incident_",
                "recovery_awaited",
                "acknowledged",
                "acknowledgement_lapsed",
                "noted",
                "status_updated",
                "status_corrected",
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
            // Folded once already, so they can be read.
            let read = |line: &[u8]| Some((serde_json::from_slice::<Record>(line).ok()?, line.to_vec()));
            found.extend(many(row)?.filter_map(read).filter(|(record, _)| record.seq > after));
        }
    }
    found.sort_by_key(|(record, _)| record.seq);
    Ok(found)
}

/// With the alerts that they are about.
fn lines(db: &Connection, id: IncidentId, records: Vec<(Record, Vec<u8>)>) -> rusqlite::Result<Vec<Line>> {
    // Lines that follow one another are mostly about alerts that did.
    let mut known: BTreeMap<Place, String> = BTreeMap::new();
    let mut summary = |place: Place| -> rusqlite::Result<Option<String>> {
        if !known.contains_key(&place) {
            known.extend(opened_with(db, id, place)?.into_iter().map(|(place, a)| (place, a.summary)));
        }
        Ok(known.get(&place).cloned())
    };
    let mut line = |(record, json): (Record, Vec<u8>)| {
        let alert = match (&record.event, record.event.alert()) {
            (Event::AlertOpened { alert, .. }, _) => Some(alert.summary()),
            (_, Some(alert)) => summary(alert.place)?,
            (_, None) => None,
        };
        Ok(Line { record, json, alert })
    };
    records.into_iter().map(&mut line).collect()
}

/// The alert of a place as it was when it opened, with those that lie in one row with it; nothing if it is not there.
pub(super) fn opened_with(
    db: &Connection,
    id: IncidentId,
    place: Place,
) -> rusqlite::Result<Vec<(Place, ClosedAlert)>> {
    // Mostly it is in the first. One that came back from another incident lies among others that are younger and older.
    const ROWS: &str =
        "SELECT rows FROM alerts WHERE incident = ?1 AND first <= ?2 AND last >= ?2 ORDER BY first DESC";
    let mut query = db.prepare_cached(ROWS)?;
    let mut rows = query.query(params![id.cast_signed(), place.cast_signed()])?;
    while let Some(row) = rows.next()? {
        let alerts = alerts_in(row)?;
        if alerts.iter().any(|(p, _)| *p == place) {
            return Ok(alerts);
        }
    }
    Ok(Vec::new())
}

/// What lies in a row, one a line.
pub(super) fn many<'a>(row: &'a Row<'_>) -> rusqlite::Result<impl Iterator<Item = &'a [u8]>> {
    let lines = row.get_ref(0)?.as_blob()?.split(|b| *b == b'\n');
    Ok(lines.filter(|line| !line.is_empty()))
}

fn alerts_in(row: &Row<'_>) -> rusqlite::Result<Vec<(Place, ClosedAlert)>> {
    Ok(many(row)?.filter_map(|line| serde_json::from_slice(line).ok()).collect())
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
