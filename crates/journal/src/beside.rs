//! Other files of the data directory that travel in a backup: databases that are in use, and plain files. The journal does
//! not know what they mean.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use crate::db;
use crate::error::StoreError;

/// A file beside the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beside {
    /// An SQLite database, perhaps in use: what is committed at one moment is copied.
    Database(&'static str),
    /// A file that is replaced as a whole when it changes.
    File(&'static str),
}

/// Bytes of one row: a blob's size has a limit, and memory too.
const PART: usize = 1 << 20;

const TABLE: &str = "
    CREATE TABLE beside (
        name  TEXT NOT NULL,
        part  INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (name, part)
    ) STRICT;
";

/// What all of it came to when the backup was made.
const SEAL: &str = "CREATE TABLE seal (hash BLOB NOT NULL) STRICT";

impl Beside {
    /// Its name in the data directory.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Beside::Database(name) | Beside::File(name) => name,
        }
    }
}

/// Copies what is there of `all` in `dir` into the unfinished backup `to`. Says what could not be copied, and why: the journal
/// in a backup is worth more than what lies beside it.
pub(crate) fn take(
    dir: &Path,
    all: &[Beside],
    to: &Connection,
    path: &Path,
) -> Result<Vec<String>, StoreError> {
    to.execute_batch(TABLE).map_err(StoreError::sql("building a backup"))?;
    let mut left_out = Vec::new();
    for one in all {
        let (name, from) = (one.name(), dir.join(one.name()));
        if !from.exists() {
            continue;
        }
        let copy = db::beside(path, ".beside");
        let source = match one {
            Beside::File(_) => fs::File::open(&from).map_err(|e| e.to_string()),
            Beside::Database(_) => copied(&from, &copy),
        };
        let stored = match source {
            Ok(source) => {
                let stored = store(to, name, source);
                // What is half there must not pass for whole.
                if stored.is_err() {
                    to.execute("DELETE FROM beside WHERE name = ?1", [name])
                        .map_err(StoreError::sql("building a backup"))?;
                }
                stored.map_err(|e| e.to_string())
            }
            Err(why) => Err(why),
        };
        // It may not have been made.
        let _ = fs::remove_file(&copy);
        left_out.extend(stored.err().map(|why| format!("{name}: {why}")));
    }
    let seal = || {
        to.execute_batch(SEAL)?;
        to.execute("INSERT INTO seal VALUES (?1)", [&hash(to)?[..]])
    };
    seal().map_err(StoreError::sql("building a backup"))?;
    Ok(left_out)
}

/// Of every part of every file, with its name and its length.
fn hash(db: &Connection) -> rusqlite::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    let mut parts = db.prepare("SELECT name, bytes FROM beside ORDER BY name, part")?;
    let mut rows = parts.query([])?;
    while let Some(row) = rows.next()? {
        field(row.get_ref(0)?.as_str()?.as_bytes());
        field(row.get_ref(1)?.as_blob()?);
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Is everything beside the journal as it was when the backup was made? A journal, and a backup of an earlier release, have
/// nothing to hold it against.
pub(crate) fn check(db: &Connection) -> Result<(), StoreError> {
    let whole = || -> rusqlite::Result<bool> {
        if !db::has_table(db, "seal")? {
            return Ok(true);
        }
        let sealed: Option<[u8; 32]> =
            db.query_row("SELECT hash FROM seal", [], |row| row.get(0)).optional()?;
        Ok(sealed == Some(hash(db)?))
    };
    match whole() {
        Ok(true) => Ok(()),
        Ok(false) => Err(StoreError::Beside),
        Err(e) => Err(StoreError::sql("reading the backup")(e)),
    }
}

/// A copy of a database that may be in use.
fn copied(from: &Path, to: &Path) -> Result<fs::File, String> {
    let _ = fs::remove_file(to);
    let copy = || -> rusqlite::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let from = Connection::open_with_flags(from, flags)?;
        from.busy_timeout(Duration::from_secs(5))?;
        let mut to = Connection::open(to)?;
        // In one step: it is one moment's, and whoever writes meanwhile writes to the log.
        match Backup::new(&from, &mut to)?.step(-1)? {
            StepResult::Done => {}
            // Nothing was copied, and an empty database would pass for whole.
            _ => {
                let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
                return Err(rusqlite::Error::SqliteFailure(
                    busy,
                    Some("somebody is writing to it".to_owned()),
                ));
            }
        }
        to.query_row("PRAGMA integrity_check", [], |row| match row.get_ref(0)?.as_str() {
            Ok("ok") => Ok(()),
            _ => Err(rusqlite::Error::InvalidQuery),
        })
    };
    copy().map_err(|e| match e {
        rusqlite::Error::InvalidQuery => "it is damaged".to_owned(),
        e => e.to_string(),
    })?;
    fs::File::open(to).map_err(|e| e.to_string())
}

fn store(to: &Connection, name: &str, mut source: fs::File) -> io::Result<()> {
    let mut part = Vec::with_capacity(PART);
    for n in 0_i64.. {
        part.clear();
        Read::by_ref(&mut source).take(PART as u64).read_to_end(&mut part)?;
        if part.is_empty() && n > 0 {
            break;
        }
        to.prepare_cached("INSERT INTO beside VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.execute(params![name, n, &part[..]]))
            .map_err(io::Error::other)?;
    }
    Ok(())
}

/// The names of what lies beside the journal in a backup; none in one of an earlier release.
pub(crate) fn names(db: &Connection) -> Result<Vec<String>, StoreError> {
    let read = || -> rusqlite::Result<Vec<String>> {
        if !db::has_table(db, "beside")? {
            return Ok(Vec::new());
        }
        let mut names = db.prepare("SELECT DISTINCT name FROM beside ORDER BY name")?;
        names.query_map([], |row| row.get(0))?.collect()
    };
    read().map_err(StoreError::sql("reading the backup"))
}

/// Whether a name may be that of a file beside the journal: nothing in a backup leads out of the directory, or into the
/// journal's own files.
pub(crate) fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let own = name.starts_with("journal") || name.starts_with("snapshot-") || name == "lock";
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(plain) && !own
}

/// Writes one of them into `dir`.
pub(crate) fn put(db: &Connection, name: &str, dir: &Path) -> Result<(), StoreError> {
    crate::disk::write_whole(&dir.join(name), |out: &mut dyn Write| {
        for n in 0_i64.. {
            let part = db
                .prepare_cached("SELECT bytes FROM beside WHERE name = ?1 AND part = ?2")
                .and_then(|mut query| {
                    query.query_row(params![name, n], |row| row.get::<_, Vec<u8>>(0)).optional()
                })
                .map_err(io::Error::other)?;
            match part {
                Some(bytes) => out.write_all(&bytes)?,
                None => break,
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn names_lead_nowhere_else() {
        assert!(is_plain("accounts.db") && is_plain("status.json") && is_plain("link.key"));
        for bad in [
            "",
            ".hidden",
            "../x",
            "a/b",
            "journal.db",
            "journal.db-wal",
            "snapshot-1.json",
            "lock",
            "a b",
            "é",
        ] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
