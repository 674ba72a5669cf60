//! The SQLite file: its schema, the three ways to open it, and reading rows.
//!
//! A journal and a backup are the same kind of file. In a backup the newest snapshot travels along in the
//! table `snapshot`; beside a live journal snapshots are files, so that a large one delays no append.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use crate::chain::{ChainHash, Head, StoredBatch, hex};
use crate::disk;
use crate::error::StoreError;
use crate::journal::Durability;
use crate::snapshot::Snapshot;

/// "FogJ", so that `file` and SQLite's own tools can tell what this is.
const APPLICATION_ID: i64 = 0x466f_674a;
/// Raised when an older release could no longer read the file. Format 1 chained batches by SHA-256.
pub(crate) const FORMAT: i64 = 2;
/// How many bytes are read before the read transaction is let go. A long one would keep the write-ahead log
/// from being reused.
const READ_STEP: usize = 8 << 20;
/// The log is cut back to this once it has been copied into the file, so that a burst does not cost disk for good.
const LOG_SIZE_KEPT: i64 = 16 << 20;

const SCHEMA: &str = "
    CREATE TABLE batch (
        first_seq  INTEGER PRIMARY KEY,
        count      INTEGER NOT NULL,
        id         BLOB NOT NULL,
        at_wall_ms INTEGER NOT NULL,
        at_mono_ms INTEGER NOT NULL,
        hash       BLOB NOT NULL,
        events     BLOB NOT NULL
    ) STRICT;
    CREATE TABLE chain (
        one       INTEGER PRIMARY KEY CHECK (one = 1),
        base_seq  INTEGER NOT NULL,
        base_hash BLOB NOT NULL,
        head_seq  INTEGER NOT NULL,
        head_hash BLOB NOT NULL
    ) STRICT;
    CREATE TABLE snapshot (
        seq        INTEGER PRIMARY KEY,
        hash       BLOB NOT NULL,
        at_wall_ms INTEGER NOT NULL,
        bytes      BLOB NOT NULL
    ) STRICT;
";
/// What a snapshot that travels in a backup comes to. Earlier releases do not look at it.
const SUM: &str = "CREATE TABLE snapshot_sum (seq INTEGER PRIMARY KEY, sum BLOB NOT NULL) STRICT";

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// The one writer's connection.
    Write(Durability),
    /// Beside a running writer, in this process or another.
    Live,
    /// Nobody writes: neither locks nor a shared index are made, so a read-only disk will do, and nothing is
    /// left behind. The write-ahead log is read all the same.
    Still,
}

/// What the file says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A journal of a format that is known here.
    Journal,
    /// A journal of a later format.
    Newer(i64),
    /// A database, but not a journal; a file of no length is one.
    Foreign,
}

/// The two ends of the chain in a file, as the file records them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// Before the first batch.
    pub(crate) base: Head,
    /// After the last.
    pub(crate) head: Head,
}

pub(crate) fn connect(path: &Path, access: Access) -> Result<Connection, StoreError> {
    let said = StoreError::sql("opening the journal");
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    (|| match access {
        Access::Write(durability) => {
            let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            db.busy_timeout(Duration::from_secs(5))?;
            let sync = match durability {
                Durability::Full => "FULL",
                Durability::Off => "OFF",
            };
            db.pragma_update(None, "synchronous", sync)?;
            // The copying of the log into the file is ours to time: see the writer.
            db.pragma_update(None, "wal_autocheckpoint", 0)?;
            db.pragma_update(None, "journal_size_limit", LOG_SIZE_KEPT)?;
            db.pragma_update(None, "cell_size_check", true)?;
            Ok(db)
        }
        Access::Live => {
            let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            db.busy_timeout(Duration::from_secs(5))?;
            Ok(db)
        }
        Access::Still => {
            let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY;
            let log = beside(path, "-wal");
            if !log.metadata().is_ok_and(|m| m.len() > 0) {
                // Without a log there is nothing to be made up for, and SQLite must not try to create one.
                let flags = flags | OpenFlags::SQLITE_OPEN_URI;
                return Connection::open_with_flags(immutable_uri(path), flags);
            }
            let db = Connection::open_with_flags_and_vfs(path, flags, "unix-none")?;
            // Before the first read: the index of the log is then kept in memory.
            db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            Ok(db)
        }
    })()
    .and_then(|db| if matches!(access, Access::Write(_)) { Ok(db) } else { read_what_is_there(db) })
    .map_err(said)
}

/// SQLite reads nothing of a file that has lost its end, unless it may be wrong about itself: all of it up to there is good.
/// For connections that do not write.
fn read_what_is_there(db: Connection) -> rusqlite::Result<Connection> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    Ok(db)
}

/// Why a file without a write-ahead log has lost its end, if it has: it is shorter than it says.
pub(crate) fn lost_its_end(path: &Path) -> Option<String> {
    if beside(path, "-wal").metadata().is_ok_and(|log| log.len() > 0) {
        return None;
    }
    let mut header = [0; 100];
    let mut file = std::fs::File::open(path).ok()?;
    std::io::Read::read_exact(&mut file, &mut header).ok()?;
    let word = |at: usize| Some(u32::from_be_bytes(*header.get(at..)?.first_chunk()?));
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    // Only a count that belongs to the last change counts (the SQLite file format, 1.3.7).
    let says = u64::from(word(28)?) * page;
    let has = file.metadata().ok()?.len();
    (word(24)? == word(92)? && has < says)
        .then(|| format!("the file has {has} bytes and should have {says}: its end is lost"))
}

/// SQLite's companion files, and ours: the same name with something after it.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push('%');
            uri.push_str(&hex(&[*byte]));
        }
    }
    uri + "?immutable=1"
}

pub(crate) fn header(db: &Connection, name: &str) -> Result<i64, StoreError> {
    db.pragma_query_value(None, name, |row| row.get(0))
        .map_err(StoreError::sql("reading the journal's header"))
}

/// Whether an earlier release has written all of it.
pub(crate) fn is_older(db: &Connection) -> Result<bool, StoreError> {
    Ok(header(db, "user_version")? < FORMAT)
}

/// From now on earlier releases cannot read it; inside the caller's transaction.
pub(crate) fn raise_format(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "user_version", FORMAT)
}

pub(crate) fn kind(db: &Connection) -> Result<Kind, StoreError> {
    Ok(match (header(db, "application_id")?, header(db, "user_version")?) {
        (APPLICATION_ID, 1..=FORMAT) => Kind::Journal,
        (APPLICATION_ID, newer) if newer > FORMAT => Kind::Newer(newer),
        _ => Kind::Foreign,
    })
}

pub(crate) fn ends(db: &Connection) -> Result<Ends, StoreError> {
    db.prepare_cached("SELECT base_seq, base_hash, head_seq, head_hash FROM chain")
        .and_then(|mut query| {
            query.query_row([], |row| {
                Ok(Ends {
                    base: Head { seq: seq(row, 0)?, hash: ChainHash(row.get(1)?) },
                    head: Head { seq: seq(row, 2)?, hash: ChainHash(row.get(3)?) },
                })
            })
        })
        .map_err(StoreError::sql("reading the ends of the chain"))
}

/// The head as it was after the batch that holds `at`, if there is such a batch.
pub(crate) fn head_at(db: &Connection, at: u64) -> Result<Option<Head>, StoreError> {
    db.prepare_cached(
        "SELECT first_seq + count - 1, hash FROM batch WHERE first_seq <= ?1 ORDER BY first_seq DESC LIMIT 1",
    )
    .and_then(|mut query| {
        query
            .query_row([signed(at)], |row| Ok(Head { seq: seq(row, 0)?, hash: ChainHash(row.get(1)?) }))
            .optional()
    })
    .map(|found| found.filter(|head| head.seq >= at))
    .map_err(StoreError::sql("looking a batch up"))
}

/// Reads batches in order, from the one that holds the event after `after`, until told to stop. In steps: no
/// read transaction lasts longer than a few megabytes.
pub(crate) fn rows(
    db: &Connection,
    after: u64,
    mut each: impl FnMut(StoredBatch) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    const BATCHES: &str = "SELECT first_seq, count, id, at_wall_ms, at_mono_ms, hash, events FROM batch
        WHERE first_seq >= coalesce((SELECT first_seq FROM batch WHERE first_seq <= ?1 ORDER BY first_seq DESC LIMIT 1), 0)
        ORDER BY first_seq";
    let mut after = after;
    loop {
        let step = db.prepare_cached(BATCHES).and_then(|mut query| {
            let mut rows = query.query([signed(after.saturating_add(1))])?;
            let mut read = 0;
            while let Some(row) = rows.next()? {
                let batch = batch(row)?;
                if batch.last_seq() <= after {
                    continue;
                }
                read += batch.blob.len();
                after = batch.last_seq();
                if each(batch).is_break() {
                    return Ok(true);
                }
                if read > READ_STEP {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        if step.map_err(StoreError::sql("reading batches"))? {
            return Ok(());
        }
    }
}

fn batch(row: &Row<'_>) -> rusqlite::Result<StoredBatch> {
    Ok(StoredBatch {
        first_seq: seq(row, 0)?,
        count: seq(row, 1)?,
        id: row.get(2)?,
        at_wall_ms: row.get(3)?,
        at_mono_ms: row.get::<_, i64>(4)?.cast_unsigned(),
        hash: ChainHash(row.get(5)?),
        blob: Arc::new(row.get(6)?),
    })
}

fn seq(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let n: i64 = row.get(column)?;
    u64::try_from(n).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, n))
}

/// SQLite counts in 63 bits. A journal of a million events a second takes 290,000 years to get there.
pub(crate) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Adds a batch and moves the recorded head, inside the caller's transaction.
pub(crate) fn insert(db: &Connection, batch: &StoredBatch) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO batch (first_seq, count, id, at_wall_ms, at_mono_ms, hash, events) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
        params![
            signed(batch.first_seq),
            signed(batch.count),
            &batch.id[..],
            batch.at_wall_ms,
            batch.at_mono_ms.cast_signed(),
            &batch.hash.0[..],
            &batch.blob[..]
        ],
    )?;
    db.prepare_cached("UPDATE chain SET head_seq = ?1, head_hash = ?2")?
        .execute(params![signed(batch.last_seq()), &batch.hash.0[..]])?;
    Ok(())
}

/// Builds a new journal file: for a first start, a rescue, a backup and a restoration alike. What is pushed is
/// checked against the chain, so that damage cannot be copied.
pub(crate) struct Builder {
    db: Connection,
    head: Head,
    unflushed: usize,
}

impl Builder {
    /// The unfinished file, for what else travels in it.
    pub(crate) fn file(&self) -> &Connection {
        &self.db
    }

    fn new(path: &Path, base: Head) -> Result<Builder, StoreError> {
        (|| {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let db = Connection::open_with_flags(path, flags)?;
            // Until it is finished and synced nobody sees this file, so it needs no journal of its own.
            db.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN")?;
            db.execute_batch(SCHEMA)?;
            db.pragma_update(None, "application_id", APPLICATION_ID)?;
            raise_format(&db)?;
            db.execute(
                "INSERT INTO chain VALUES (1, ?1, ?2, ?1, ?2)",
                params![signed(base.seq), &base.hash.0[..]],
            )?;
            Ok(Builder { db, head: base, unflushed: 0 })
        })()
        .map_err(StoreError::sql("building a journal file"))
    }

    /// The next batch.
    pub(crate) fn push(&mut self, batch: &StoredBatch) -> Result<(), StoreError> {
        batch
            .check(self.head)
            .map_err(|why| StoreError::Damaged { seq: self.head.seq.saturating_add(1), why })?;
        self.head = batch.head();
        self.unflushed += batch.blob.len();
        (|| {
            insert(&self.db, batch)?;
            if self.unflushed > READ_STEP {
                self.unflushed = 0;
                self.db.execute_batch("COMMIT; BEGIN")?;
            }
            Ok(())
        })()
        .map_err(StoreError::sql("copying batches"))
    }

    /// Was everything there up to where the source says that it ends?
    pub(crate) fn ended_at(&self, head: Head) -> Result<(), StoreError> {
        if self.head == head {
            return Ok(());
        }
        let why = format!(
            "the file says that it ends at event {}, and event {} is the last one there",
            head.seq, self.head.seq
        );
        Err(StoreError::Damaged { seq: self.head.seq.saturating_add(1), why })
    }

    /// Adds the snapshot, if any, and makes the file durable.
    fn finish(self, path: &Path, snapshot: Option<&Snapshot>) -> Result<Head, StoreError> {
        (|| {
            if let Some(s) = snapshot {
                let row = params![signed(s.seq), &s.hash.0[..], s.at_wall_ms, &s.bytes[..]];
                self.db.execute("INSERT INTO snapshot VALUES (?1, ?2, ?3, ?4)", row)?;
                self.db.execute_batch(SUM)?;
                let row = params![signed(s.seq), &s.sum()[..]];
                self.db.execute("INSERT INTO snapshot_sum VALUES (?1, ?2)", row)?;
            }
            self.db.execute_batch("COMMIT")?;
            self.db.pragma_update(None, "journal_mode", "WAL")?;
            self.db.close().map_err(|(_, e)| e)
        })()
        .map_err(StoreError::sql("finishing a journal file"))?;
        std::fs::File::open(path).and_then(|f| f.sync_all()).map_err(StoreError::io("syncing", path))?;
        Ok(self.head)
    }
}

/// Builds a file under another name and puts it in place at once. `fill` pushes the batches.
pub(crate) fn build(
    path: &Path,
    base: Head,
    snapshot: Option<&Snapshot>,
    fill: impl FnOnce(&mut Builder) -> Result<(), StoreError>,
) -> Result<Head, StoreError> {
    let temp = beside(path, ".tmp");
    let _ = std::fs::remove_file(&temp);
    let built = (|| {
        let mut builder = Builder::new(&temp, base)?;
        fill(&mut builder)?;
        let head = builder.finish(&temp, snapshot)?;
        std::fs::rename(&temp, path).map_err(StoreError::io("renaming", &temp))?;
        Ok(head)
    })();
    if built.is_err() {
        let _ = std::fs::remove_file(&temp);
    }
    let head = built?;
    disk::sync_parent(path)?;
    Ok(head)
}

/// The snapshot that travels in a backup.
#[derive(Debug)]
pub(crate) enum Carried {
    /// There was none.
    None,
    /// It is as it was put there.
    Whole(Snapshot),
    /// An earlier release put it there, with nothing to hold it against.
    Unsummed(Snapshot),
    /// It was changed, or is gone: that of this event.
    Changed(u64),
}

pub(crate) fn carried_snapshot(db: &Connection) -> Result<Carried, StoreError> {
    const NEWEST: &str = "SELECT seq, hash, at_wall_ms, bytes FROM snapshot ORDER BY seq DESC LIMIT 1";
    let read = || -> rusqlite::Result<Carried> {
        let found = db
            .query_row(NEWEST, [], |row| {
                Ok(Snapshot {
                    seq: seq(row, 0)?,
                    hash: ChainHash(row.get(1)?),
                    at_wall_ms: row.get(2)?,
                    bytes: row.get(3)?,
                })
            })
            .optional()?;
        let sums = if has_table(db, "snapshot_sum")? {
            let sums = db.query_row("SELECT seq, sum FROM snapshot_sum", [], |row| {
                Ok((seq(row, 0)?, row.get::<_, [u8; 32]>(1)?))
            });
            Some(sums.optional()?)
        } else {
            None
        };
        Ok(match (found, sums) {
            (None, None | Some(None)) => Carried::None,
            (Some(s), None) => Carried::Unsummed(s),
            (Some(s), Some(Some((at, sum)))) if at == s.seq && sum == s.sum() => Carried::Whole(s),
            (_, Some(Some((at, _)))) => Carried::Changed(at),
            (Some(s), Some(None)) => Carried::Changed(s.seq),
        })
    };
    read().map_err(StoreError::sql("reading the backup's snapshot"))
}

pub(crate) fn has_table(db: &Connection, name: &str) -> rusqlite::Result<bool> {
    let table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    Ok(db.query_row(table, [name], |_| Ok(())).optional()?.is_some())
}
