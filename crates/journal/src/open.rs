//! Opening, whatever state the directory is in.
//!
//! First everything is read without a write. If it is whole it is opened for writing. If it is damaged, the
//! good part is built into a new file and the damaged one is set aside. If the disk takes no writes, what was
//! read is served as it is.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use crate::archive;
use crate::chain::Head;
use crate::db::{self, Access, Kind, beside};
use crate::disk;
use crate::error::{Damage, StoreError};
use crate::journal::{FILE, Options};
use crate::snapshot::Snapshot;
use crate::survey::{Survey, survey};
use crate::wal;

/// Why a journal does not open at all. Damage and a disk that takes no writes are no reasons.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Two writers would spoil it.
    #[error("{} is in use by process {}: stop that one first, or give this one a directory of its own", dir.display(), pid.map_or("(unknown)".into(), |p| p.to_string()))]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// Who holds it, if they could write it down.
        pid: Option<u32>,
    },
    /// Written by a later release.
    #[error("{} is of format {found}, and this release knows formats up to {known}: use the release that wrote it, or a later one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The latest that is known here.
        known: i64,
    },
    /// Another process is in the way for longer than a few seconds.
    #[error("the journal is busy: {0}")]
    Busy(StoreError),
}

/// What was found when the journal was opened.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The state to start from; nothing if every event is to be replayed.
    pub snapshot: Option<Snapshot>,
    /// Before the first batch that is not in the archive or dropped.
    pub base: Head,
    /// After the last.
    pub head: Head,
    /// Batches after the snapshot.
    pub batches: u64,
    /// Events after the snapshot.
    pub events: u64,
    /// What was lost, and where the damaged files are.
    pub damage: Vec<Damage>,
    /// Snapshots that were not used, and why.
    pub skipped_snapshots: Vec<String>,
    /// What came before the journal's first event, and is nowhere: the state goes on without it. For people.
    pub missing: Option<String>,
    /// Why nothing can be appended for now, if so. [`crate::Journal::reopen`] tries again.
    pub read_only: Option<String>,
    /// Nothing could be read either (a directory that is not mounted, files of somebody else's): what it holds is not known,
    /// and an empty state is no more than a beginning. Once it can be read, it has to be read from the start.
    pub unread: bool,
}

/// An opened file and what it holds.
pub(crate) struct Opened {
    /// Nothing if it can be neither read nor made.
    pub(crate) db: Option<Connection>,
    pub(crate) recovery: Recovery,
}

/// Why it is not opened for writing.
enum Trouble {
    Refused(OpenError),
    Degraded(String),
}

impl From<StoreError> for Trouble {
    fn from(e: StoreError) -> Trouble {
        if e.is_busy() { Trouble::Refused(OpenError::Busy(e)) } else { Trouble::Degraded(e.to_string()) }
    }
}

/// Opens for writing, else for reading. With `distrusted`, the file is rebuilt though its batches read well; one that is
/// `known` to have been there is not begun anew.
pub(crate) fn open(
    dir: &Path,
    options: &Options,
    distrusted: Option<&str>,
    known: bool,
) -> Result<Opened, OpenError> {
    let why = match disk::probe(dir) {
        Err(e) => format!("{} takes no writes: {e}", dir.display()),
        Ok(()) if known && !dir.join(FILE).exists() => format!(
            "{FILE} is not in {} any more: mount its disk again or put it back; or restart Foghorn, which then begins a new journal",
            dir.display()
        ),
        Ok(()) => match writable(dir, options, distrusted, known) {
            Ok(opened) => return Ok(opened),
            Err(Trouble::Refused(e)) => return Err(e),
            Err(Trouble::Degraded(why)) => why,
        },
    };
    match inspect(dir, None) {
        Ok((db, survey)) => {
            let unread = !dir.is_dir();
            Ok(Opened { db, recovery: Recovery { unread, ..recovery(survey, Vec::new(), Some(why)) } })
        }
        Err(Trouble::Refused(e)) => Err(e),
        Err(Trouble::Degraded(worse)) => {
            let nothing = Survey {
                base: Head::GENESIS,
                head: Head::GENESIS,
                snapshot: None,
                batches: 0,
                events: 0,
                skipped: Vec::new(),
                missing: None,
                damage: None,
            };
            let why = format!("{why}, and cannot be read: {worse}");
            let recovery = Recovery { unread: true, ..recovery(nothing, Vec::new(), Some(why)) };
            Ok(Opened { db: None, recovery })
        }
    }
}

fn writable(dir: &Path, options: &Options, distrusted: Option<&str>, known: bool) -> Result<Opened, Trouble> {
    let path = dir.join(FILE);
    // Later on they are not left over: a snapshot or a segment is being written.
    if !known {
        disk::sweep_temporary(dir);
        disk::sweep_temporary(&archive::dir(dir));
    }
    let mut damage = Vec::new();
    if let Some(kept) = finish_rescue(dir)? {
        damage.push(Damage {
            from_seq: 0,
            why: "a rescue that was interrupted is now finished: events at the end may be lost".into(),
            kept: Some(kept),
        });
    }
    let (still, mut survey) = inspect(dir, distrusted)?;
    drop(still);
    if survey.damage.is_none() && !path.exists() {
        db::build(&path, survey.base, None, |_| Ok(()))?;
    }
    if let Some((from_seq, why)) = survey.damage.take() {
        let kept = rescue(dir, &survey)?;
        tracing::error!(from_seq, %why, kept = kept.as_ref().map(|p| p.display().to_string()), "the journal was damaged and has been rescued");
        damage.push(Damage { from_seq, why, kept });
    }
    for interrupted in damage.iter_mut().filter(|d| d.from_seq == 0) {
        interrupted.from_seq = survey.head.seq.saturating_add(1);
    }
    let db = db::connect(&path, Access::Write(options.durability))?;
    let ready = || {
        // Takes the write lock and opens the log, and writes nothing.
        db.execute_batch("BEGIN IMMEDIATE; ROLLBACK")
            .map_err(StoreError::sql("opening the journal for writing"))?;
        db::ends(&db)
    };
    let ends = ready()?;
    if ends.base != survey.base || ends.head != survey.head {
        return Err(Trouble::Degraded("the journal changed while it was opened".into()));
    }
    Ok(Opened { db: Some(db), recovery: recovery(survey, damage, None) })
}

fn recovery(survey: Survey, mut damage: Vec<Damage>, read_only: Option<String>) -> Recovery {
    damage.extend(survey.damage.map(|(from_seq, why)| Damage { from_seq, why, kept: None }));
    Recovery {
        snapshot: survey.snapshot,
        base: survey.base,
        head: survey.head,
        batches: survey.batches,
        events: survey.events,
        damage,
        skipped_snapshots: survey.skipped,
        missing: survey.missing,
        read_only,
        unread: false,
    }
}

/// Reads what is there, writing nothing. A first start is an empty journal without damage.
fn inspect(dir: &Path, distrusted: Option<&str>) -> Result<(Option<Connection>, Survey), Trouble> {
    let path = dir.join(FILE);
    let log = beside(&path, "-wal");
    let (db, unreadable) = match fs::metadata(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let traces =
                log.exists() || !crate::snapshot::files(dir).is_empty() || !archive::segments(dir).is_empty();
            (None, traces.then(|| format!("{FILE} is missing")))
        }
        Err(e) => return Err(Trouble::Degraded(format!("looking at {}: {e}", path.display()))),
        Ok(meta) if meta.len() == 0 => (None, Some(format!("{FILE} is empty"))),
        Ok(_) => match db::connect(&path, Access::Still).and_then(|db| Ok((db::kind(&db)?, db))) {
            Ok((Kind::Journal, db)) => (Some(db), None),
            Ok((Kind::Newer(found), _)) => {
                return Err(Trouble::Refused(OpenError::Newer { path, found, known: db::FORMAT }));
            }
            Ok((Kind::Foreign, _)) => (None, Some(format!("{FILE} is not a journal of Foghorn's"))),
            Err(e) if e.is_damage() => (None, Some(format!("{FILE} cannot be read: {e}"))),
            Err(e) => return Err(e.into()),
        },
    };
    let mut survey = match (&db, unreadable) {
        (Some(db), _) => survey(dir, Ok(db))?,
        (None, Some(why)) => survey(dir, Err(why))?,
        (None, None) => Survey {
            base: Head::GENESIS,
            head: Head::GENESIS,
            snapshot: None,
            batches: 0,
            events: 0,
            skipped: Vec::new(),
            missing: None,
            damage: None,
        },
    };
    let more = wal::damage(&log).or_else(|| db::lost_its_end(&path));
    let more = more.or_else(|| distrusted.map(str::to_owned));
    if let (None, Some(why)) = (&survey.damage, more) {
        survey.damage = Some((survey.head.seq.saturating_add(1), why));
    }
    if survey.damage.is_none()
        && survey.snapshot.is_none()
        && survey.base.seq > 0
        && archive::reach(dir) < survey.base.seq
    {
        let why = format!(
            "no snapshot can be used, and events 1 to {} are in neither the journal nor the archive",
            survey.base.seq
        );
        tracing::error!(%why, "history is missing");
        survey.missing = Some(why);
    }
    Ok((db, survey))
}

/// Builds the good part into a new file and puts that in place. Says where the damaged one is.
fn rescue(dir: &Path, good: &Survey) -> Result<Option<PathBuf>, StoreError> {
    let stamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let rescued = dir.join(format!("{RESCUED}{stamp}"));
    db::build(&rescued, good.base, None, |builder| {
        if good.head == good.base {
            return Ok(());
        }
        let source = db::connect(&dir.join(FILE), Access::Still)?;
        let mut pushed = Ok(());
        db::rows(&source, good.base.seq, |batch| {
            let last = batch.last_seq();
            pushed = builder.push(&batch);
            if pushed.is_err() || last >= good.head.seq {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        pushed
    })?;
    finish_rescue(dir)
}

const RESCUED: &str = "journal.db.rescued-";

/// Sets the damaged files aside and puts the rescued one in their place. Each step may be the last before a
/// crash: as long as the rescued file has its own name, the next start goes on from there.
fn finish_rescue(dir: &Path) -> Result<Option<PathBuf>, StoreError> {
    let path = dir.join(FILE);
    let is_rescued = |p: &PathBuf| {
        p.file_name()
            .and_then(|n| n.to_str())
            .is_some_and(|n| n.starts_with(RESCUED) && n[RESCUED.len()..].bytes().all(|b| b.is_ascii_digit()))
    };
    let mut found: Vec<_> = fs::read_dir(dir)
        .map_err(StoreError::io("listing", dir))?
        .flatten()
        .map(|e| e.path())
        .filter(is_rescued)
        .collect();
    found.sort_unstable();
    let Some(rescued) = found.pop() else { return Ok(None) };
    let stamp = rescued
        .file_name()
        .and_then(|n| n.to_str())
        .and_then(|n| n.strip_prefix(RESCUED))
        .unwrap_or_default();
    let kept = beside(&path, &format!(".damaged-{stamp}"));
    for suffix in ["-wal", "-shm", ""] {
        disk::rename_if_there(&beside(&path, suffix), &beside(&kept, suffix))?;
    }
    disk::rename_if_there(&rescued, &path)?;
    disk::sync_parent(&path)?;
    Ok([kept.clone(), beside(&kept, "-wal")].into_iter().find(|p| p.exists()))
}
