//! The file.

use super::ReadModelError;
use foghorn_core::time::Now;
use rusqlite::{Connection, OpenFlags, params};
use std::path::{Path, PathBuf};

/// "FogR".
const APPLICATION: i64 = 0x466f_6752;
/// A file of another version is made anew.
const VERSION: i64 = 5;

/// Bytes.
const PAGE: i64 = 16 * 1024;
/// Bytes of pages that are kept in memory while they change.
const CACHE: i64 = 16 << 20;

const TABLES: &str = "
CREATE TABLE progress (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    mono INTEGER NOT NULL,  -- of that event, to know the journal again
    wall INTEGER NOT NULL
) STRICT;
INSERT INTO progress VALUES (1, 0, 0, 0);
CREATE TABLE incident (
    id          INTEGER PRIMARY KEY,
    title       TEXT NOT NULL,
    peak        INTEGER NOT NULL,
    state       TEXT NOT NULL,
    opened      INTEGER NOT NULL,
    opened_by   TEXT,               -- actors are JSON
    acked       INTEGER,            -- the first acknowledgement
    acked_by    TEXT,
    resolved    INTEGER,
    resolved_by TEXT,
    reopened    INTEGER NOT NULL DEFAULT 0,
    alerts      INTEGER NOT NULL DEFAULT 0,
    paged       INTEGER NOT NULL DEFAULT 0,  -- pages that a channel took
    alert_lines INTEGER NOT NULL DEFAULT 0,
    left_out    INTEGER NOT NULL DEFAULT 0,  -- lines beyond the limit
    last_place  INTEGER NOT NULL DEFAULT 0   -- of its alerts
) STRICT;
-- As they were when they opened, in the order in which they came: those that were folded together lie in one row, one a line.
-- (With an index beside it: in one tree, every look on the way to a row would read a whole one.)
CREATE TABLE alerts (
    incident INTEGER NOT NULL,
    first    INTEGER NOT NULL,      -- places
    last     INTEGER NOT NULL,
    rows     BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX alerts_of ON alerts (incident, first, last);
-- What has become of them since. Nothing says that it is as it was.
CREATE TABLE alert_news (
    incident INTEGER NOT NULL,
    place    INTEGER NOT NULL,
    again    TEXT,                  -- a whole row: it had ended and is back
    severity INTEGER,
    status   TEXT,
    ended    INTEGER,
    PRIMARY KEY (incident, place)
) STRICT, WITHOUT ROWID;
-- Events of people, of pages, and of the incident itself.
CREATE TABLE life (
    incident INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    record   BLOB NOT NULL,
    PRIMARY KEY (incident, seq)
) STRICT, WITHOUT ROWID;
-- Events about alerts, of which a storm has many thousands: those that were folded together lie in one row, one a line.
CREATE TABLE storm (
    incident INTEGER NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    records  BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX storm_of ON storm (incident, first, last);
-- The words of what was put away, by its number, cut at spaces and nowhere else. The texts themselves are not kept.
CREATE VIRTUAL TABLE search USING fts5 (words, content = '', contentless_delete = 1, prefix = '1 2 3',
    tokenize = \"unicode61 remove_diacritics 0 categories 'L* N* M* S* P* C*'\");
";

/// Opens the file for writing; makes it, or makes it anew, where it is not good. `true` if it is new.
pub(super) fn open(path: &Path) -> Result<(Connection, bool), ReadModelError> {
    match existing(path) {
        Ok(Some(db)) => return Ok((db, false)),
        Ok(None) => {}
        Err(e) if e.is_damage() => tracing::warn!(error = %e, "made anew: the list of closed incidents"),
        Err(e) => return Err(e),
    }
    remove(path)?;
    let db = connect(path)?;
    db.execute_batch(&format!(
        "BEGIN; {TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
    ))?;
    Ok((db, true))
}

/// `None` where there is no file, or one of another schema.
fn existing(path: &Path) -> Result<Option<Connection>, ReadModelError> {
    if !path.exists() {
        return Ok(None);
    }
    let db = connect(path)?;
    let pragma = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if (pragma("application_id")?, pragma("user_version")?) != (APPLICATION, VERSION) {
        return Ok(None);
    }
    let whole: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok(Some(db).filter(|_| whole == "ok"))
}

fn connect(path: &Path) -> Result<Connection, ReadModelError> {
    let db = Connection::open(path)?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    // Rows of a storm are many lines: they need not be cut up. Only a new file takes it.
    db.pragma_update(None, "page_size", PAGE)?;
    // What is folded together is not written out before it is complete.
    db.pragma_update(None, "cache_size", CACHE / PAGE)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // It can be made anew: a crash may cost the last moments, never the file.
    db.pragma_update(None, "synchronous", "NORMAL")?;
    // A storm fills the same pages again and again: copied less often, each is copied less often than it is written.
    db.pragma_update(None, "wal_autocheckpoint", CACHE / PAGE)?;
    Ok(db)
}

/// Gives back the memory of pages that were written, on the thread that wrote them.
pub(super) fn give_back(db: &Connection) -> Result<(), ReadModelError> {
    db.execute_batch("PRAGMA shrink_memory")?;
    foghorn_host::heap::give_back();
    Ok(())
}

/// The last event that a good file knows; nothing is made or changed.
pub(super) fn known(path: &Path) -> Option<u64> {
    let db = path.exists().then(|| reader(path).ok()).flatten()?;
    let pragma = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).ok();
    let ours = (pragma("application_id")?, pragma("user_version")?) == (APPLICATION, VERSION);
    ours.then(|| progress(&db).ok()).flatten().map(|(seq, _)| seq)
}

/// A second connection, for queries.
pub(super) fn reader(path: &Path) -> Result<Connection, ReadModelError> {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(db)
}

pub(super) fn remove(path: &Path) -> Result<(), ReadModelError> {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
    }
    Ok(())
}

/// The last event that is in the file, and its moment.
pub(super) fn progress(db: &Connection) -> rusqlite::Result<(u64, Now)> {
    use foghorn_core::time::{Mono, Wall};
    db.query_row("SELECT seq, mono, wall FROM progress", [], |row| {
        let whole = |n: i64| u64::try_from(n).unwrap_or(0);
        Ok((whole(row.get(0)?), Now { mono: Mono(whole(row.get(1)?)), wall: Wall(row.get(2)?) }))
    })
}

pub(super) fn set_progress(db: &Connection, seq: u64, at: Now) -> rusqlite::Result<()> {
    let mut update = db.prepare_cached("UPDATE progress SET seq = ?1, mono = ?2, wall = ?3")?;
    update.execute(params![seq.cast_signed(), at.mono.0.cast_signed(), at.wall.0]).map(|_| ())
}
