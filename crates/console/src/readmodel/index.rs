//! The index of words: of each incident that was put away, those by which it was found while it was at hand.

use super::query::many;
use crate::wanted::{ALERTS_OF_ONE, texts};
use crate::words::{lower, words};
use foghorn_core::Record;
use foghorn_core::event::Event;
use foghorn_core::incident::IncidentId;
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::collections::BTreeSet;

/// Different words of one incident; a storm of alerts has no more.
const MOST_WORDS: usize = 4000;

/// Adds an incident of which everything has been written.
pub(super) fn add(db: &Connection, id: IncidentId) -> Result<()> {
    let key = id.cast_signed();
    let title: Option<String> = db
        .prepare_cached("SELECT title FROM incident WHERE id = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    // What the journal does not know from its beginning is in no list.
    let Some(title) = title else { return Ok(()) };
    let mut found = Found::default();
    found.take(&title);
    let first: Option<Vec<u8>> = db
        .prepare_cached("SELECT record FROM life WHERE incident = ?1 ORDER BY seq LIMIT 1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    if let Some(Event::IncidentOpened { entity: Some(entity), .. }) = first.as_deref().and_then(event) {
        found.take(&entity);
    }
    let mut query = db.prepare_cached("SELECT records FROM storm WHERE incident = ?1 ORDER BY first")?;
    let mut rows = query.query([key])?;
    let mut left = ALERTS_OF_ONE;
    while left > 0
        && let Some(row) = rows.next()?
    {
        // The others need not be read: an event is written with its type in front.
        for line in many(row)?.filter(|line| says(line, b"\"type\":\"alert_opened\"")).take(left) {
            left -= 1;
            if let Some(Event::AlertOpened { alert, .. }) = event(line) {
                texts(&alert).for_each(|text| found.take(text));
            }
        }
    }
    let all = found.0.into_iter().collect::<Vec<_>>().join(" ");
    db.prepare_cached("INSERT OR REPLACE INTO search (rowid, words) VALUES (?1, ?2)")?
        .execute(params![key, all])
        .map(|_| ())
}

#[derive(Default)]
struct Found(BTreeSet<String>);

impl Found {
    fn take(&mut self, text: &str) {
        for word in words(text) {
            if self.0.len() < MOST_WORDS {
                self.0.insert(lower(word));
            }
        }
    }
}

fn event(json: &[u8]) -> Option<Event> {
    serde_json::from_slice::<Record>(json).ok().map(|record| record.event)
}

fn says(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|w| w == part)
}
