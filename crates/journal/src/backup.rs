//! One file that holds everything: made while the server runs, verified, and put back.
//!
//! Batches never change once appended, so a copy needs no snapshot of the database: it is made in short reads, each
//! of which leaves the writer free, up to the head of the moment when it began, and every batch is checked as it is copied.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::chain::Head;
use crate::db::{self, Access, Carried, Kind};
use crate::error::StoreError;
use crate::journal::FILE;
use crate::{Beside, archive, beside, history, read, snapshot};

/// Of the snapshot in a backup.
pub(crate) const CHANGED: &str = "the snapshot in the file was changed, or is missing";

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A backup never overwrites.
    #[error("{} is already there: choose another name", .0.display())]
    Exists(PathBuf),
    /// The disk refused, or the journal is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A restoration never overwrites.
    #[error("{} is not empty: restore into a new directory", .0.display())]
    NotEmpty(PathBuf),
    /// It is some other file.
    #[error("{} is not a backup of Foghorn's", .0.display())]
    NotABackup(PathBuf),
    /// Written by a later release.
    #[error("{} is of format {found}, and this release knows formats up to {}", path.display(), db::FORMAT)]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
    },
    /// Something in it has a name that no file of Foghorn's has.
    #[error("{} is not a backup of Foghorn's: it has a file called {name:?} in it", path.display())]
    Name {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// The disk refused, or the backup is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Up to where the journal reaches.
    pub head: Head,
    /// Files beside the journal that could not be copied, and why, a line each.
    pub left_out: Vec<String>,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Up to where the journal reaches.
    pub head: Head,
    /// Files beside the journal, by name.
    pub beside: Vec<String>,
}

/// Copies the journal in `dir`, archive and newest snapshot included, into one new file. A running server goes on
/// appending meanwhile. What is there of `beside` travels along.
pub fn backup(dir: &Path, beside: &[Beside], to: &Path) -> Result<Copied, BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let (db, _) = read::connect(dir)?;
    let ends = db::ends(&db)?;
    let mut base = ends.base;
    if let Some(segment) = archive::segments(dir).first().filter(|s| s.first <= base.seq) {
        archive::read_segment(segment, |prev, _| {
            base = prev;
            ControlFlow::Break(())
        })?;
    }
    let on_chain = |s: &snapshot::Snapshot| {
        s.head() == ends.base || db::head_at(&db, s.seq).ok().flatten() == Some(s.head())
    };
    let snapshot = snapshot::files(dir)
        .iter()
        .filter_map(|f| snapshot::read(f).ok())
        .find(|s| s.seq <= ends.head.seq && on_chain(s));
    let mut left_out = Vec::new();
    let head = db::build(to, base, snapshot.as_ref(), |builder| {
        if base != ends.head {
            let mut pushed = Ok(());
            history::each(dir, &db, base.seq, |batch| {
                let last = batch.last_seq();
                pushed = builder.push(&batch);
                if pushed.is_err() || last >= ends.head.seq {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            pushed?;
        }
        builder.ended_at(ends.head)?;
        left_out = beside::take(dir, beside, builder.file(), to)?;
        Ok(())
    })?;
    Ok(Copied { head, left_out })
}

/// Makes a data directory from a backup. `dir` must be empty or not there yet; where this fails, it is so afterwards, too.
pub fn restore(from: &Path, dir: &Path) -> Result<Restored, RestoreError> {
    fs::metadata(from).map_err(StoreError::io("reading", from))?;
    let db = db::connect(from, Access::Still)?;
    match db::kind(&db) {
        Ok(Kind::Journal) => {}
        Ok(Kind::Newer(found)) => return Err(RestoreError::Newer { path: from.to_owned(), found }),
        Ok(Kind::Foreign) => return Err(RestoreError::NotABackup(from.to_owned())),
        Err(e) if e.is_damage() => return Err(RestoreError::NotABackup(from.to_owned())),
        Err(e) => return Err(e.into()),
    }
    let beside = beside::names(&db)?;
    if let Some(name) = beside.iter().find(|name| !beside::is_plain(name)) {
        return Err(RestoreError::Name { path: from.to_owned(), name: name.clone() });
    }
    beside::check(&db)?;
    let made = Made::empty(dir)?;
    let head = fill(&db, &beside, dir)?;
    made.keep();
    Ok(Restored { head, beside })
}

fn fill(db: &rusqlite::Connection, beside: &[String], dir: &Path) -> Result<Head, StoreError> {
    let ends = db::ends(db)?;
    // What is not certainly as it was is left out where every event is there: the state is made of those.
    let all = ends.base == Head::GENESIS;
    match db::carried_snapshot(db)? {
        Carried::Whole(snapshot) => snapshot::write(dir, snapshot.into())?,
        Carried::Unsummed(snapshot) if !all => snapshot::write(dir, snapshot.into())?,
        Carried::Changed(seq) if !all => {
            return Err(StoreError::Damaged { seq, why: CHANGED.to_owned() });
        }
        Carried::None | Carried::Unsummed(_) | Carried::Changed(_) => {}
    }
    for name in beside {
        beside::put(db, name, dir)?;
    }
    // The journal comes last: a directory without one was not restored.
    db::build(&dir.join(FILE), ends.base, None, |builder| {
        let mut pushed = Ok(());
        db::rows(db, ends.base.seq, |batch| {
            pushed = builder.push(&batch);
            if pushed.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        pushed?;
        builder.ended_at(ends.head)
    })
}

/// An empty directory that is being filled. Dropped before it is whole, everything is as it was.
struct Made<'a> {
    dir: &'a Path,
    /// The highest directory that was not there before.
    top: Option<PathBuf>,
    whole: bool,
}

impl Made<'_> {
    fn empty(dir: &Path) -> Result<Made<'_>, RestoreError> {
        let mut top = None;
        match fs::read_dir(dir) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(RestoreError::NotEmpty(dir.to_owned()));
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let missing = dir.ancestors().take_while(|d| !d.as_os_str().is_empty() && !d.exists());
                top = missing.last().map(Path::to_owned);
                fs::create_dir_all(dir).map_err(StoreError::io("creating", dir))?;
            }
            Err(e) => return Err(StoreError::io("listing", dir)(e).into()),
        }
        Ok(Made { dir, top, whole: false })
    }

    fn keep(mut self) {
        self.whole = true;
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if self.whole {
            return;
        }
        // It was empty, so all that is in it was put there just now. What cannot be removed stays: there is an error already.
        match &self.top {
            Some(top) => drop(fs::remove_dir_all(top)),
            None => {
                for entry in fs::read_dir(self.dir).into_iter().flatten().flatten() {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }
}
