//! The file.

use rusqlite::{Connection, OpenFlags};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// "FogA".
const APPLICATION: i64 = 0x466f_6741;
const VERSION: i64 = 1;
const MARKS: (i64, i64) = (APPLICATION, VERSION);
const FOREIGN: &str = "it is the file of another program";
/// Another process may be at it for so long.
const BUSY: Duration = Duration::from_secs(2);

const TABLES: &str = "
CREATE TABLE account (
    name   TEXT PRIMARY KEY,
    hash   TEXT NOT NULL,       -- argon2id, in the PHC string format
    role   TEXT NOT NULL CHECK (role IN ('viewer', 'responder', 'admin')),
    person TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE session (
    hash  BLOB PRIMARY KEY,     -- SHA-256 of the id
    name  TEXT NOT NULL,
    began INTEGER NOT NULL,     -- milliseconds since the epoch
    seen  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE secret (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    key BLOB NOT NULL
) STRICT;
";

/// Opens the file, or makes it. What is wrong is said in words: it never is made anew, for what it holds is nowhere else.
pub(super) fn open(path: &Path) -> Result<Connection, String> {
    // Nobody else's business; SQLite gives its other files the same mode and owner.
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => given_to_its_directorys_owner(path),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(e.to_string()),
    }
    ready(path).map_err(|e| e.to_string())?.ok_or_else(|| FOREIGN.to_owned())
}

/// Whoever adds an account as root must not keep the server out.
fn given_to_its_directorys_owner(path: &Path) {
    let Some(Ok(dir)) = path.parent().map(std::fs::metadata) else { return };
    // Anybody but root owns what they make, and may not give it away.
    let _ = std::os::unix::fs::chown(path, Some(dir.uid()), Some(dir.gid()));
}

/// Opens the file for reading, if it is there.
pub(super) fn existing(path: &Path) -> Result<Option<Connection>, String> {
    // Reading may have to put right what a crash has left, so it is not opened for reading alone.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = || -> rusqlite::Result<_> {
        let db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(BUSY)?;
        Ok((marks(&db)?, db))
    };
    match path.exists().then(opened).transpose().map_err(|e| e.to_string())? {
        Some((MARKS, db)) => Ok(Some(db)),
        // Not made yet, or not to its end.
        None | Some(((0, 0), _)) => Ok(None),
        Some(_) => Err(FOREIGN.to_owned()),
    }
}

fn marks(db: &Connection) -> rusqlite::Result<(i64, i64)> {
    let pragma = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok((pragma("application_id")?, pragma("user_version")?))
}

fn ready(path: &Path) -> rusqlite::Result<Option<Connection>> {
    let db = Connection::open(path)?;
    db.busy_timeout(BUSY)?;
    if marks(&db)? == (0, 0) {
        db.pragma_update(None, "journal_mode", "WAL")?;
        // Two at once: the one that comes second finds it made.
        db.execute_batch("BEGIN IMMEDIATE")?;
        if marks(&db)? == (0, 0) {
            db.execute_batch(&format!(
                "{TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
            ))?;
        }
        db.execute_batch("COMMIT")?;
    }
    Ok(if marks(&db)? == MARKS { Some(db) } else { None })
}
