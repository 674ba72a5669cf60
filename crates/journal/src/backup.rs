//! One file that holds everything: made while the server runs, verified, and put back.
//!
//! Batches never change once appended, so a copy needs no snapshot of the database: it is made in short reads, each
//! of which leaves the writer free, up to the head of the moment when it began, and every batch is checked as it is copied.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::chain::Head;
use crate::db::{self, Access, Kind};
use crate::error::StoreError;
use crate::journal::FILE;
use crate::{archive, history, read, snapshot};

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
    /// The disk refused, or the backup is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies the journal in `dir`, archive and newest snapshot included, into one new file. A running server goes on
/// appending meanwhile. Says up to where the copy reaches.
pub fn backup(dir: &Path, to: &Path) -> Result<Head, BackupError> {
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
        builder.ended_at(ends.head)
    })?;
    Ok(head)
}

/// Makes a data directory from a backup. `dir` must be empty or not there yet. Says up to where it reaches.
pub fn restore(from: &Path, dir: &Path) -> Result<Head, RestoreError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(RestoreError::NotEmpty(dir.to_owned()));
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(dir).map_err(StoreError::io("creating", dir))?
        }
        Err(e) => return Err(StoreError::io("listing", dir)(e).into()),
    }
    fs::metadata(from).map_err(StoreError::io("reading", from))?;
    let db = db::connect(from, Access::Still)?;
    match db::kind(&db) {
        Ok(Kind::Journal) => {}
        Ok(Kind::Newer(found)) => return Err(RestoreError::Newer { path: from.to_owned(), found }),
        Ok(Kind::Foreign) => return Err(RestoreError::NotABackup(from.to_owned())),
        Err(e) if e.is_damage() => return Err(RestoreError::NotABackup(from.to_owned())),
        Err(e) => return Err(e.into()),
    }
    let ends = db::ends(&db)?;
    if let Some(snapshot) = db::carried_snapshot(&db)? {
        snapshot::write(dir, &snapshot)?;
    }
    // The journal comes last: a directory without one was not restored.
    let head = db::build(&dir.join(FILE), ends.base, None, |builder| {
        let mut pushed = Ok(());
        db::rows(&db, ends.base.seq, |batch| {
            pushed = builder.push(&batch);
            if pushed.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        pushed?;
        builder.ended_at(ends.head)
    })?;
    Ok(head)
}
