//! How far does what lies in the directory reach? Reads only, so that it serves a start on a healthy disk, on
//! a read-only one, and before a rescue alike.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::chain::Head;
use crate::db::{self, Ends};
use crate::error::StoreError;
use crate::snapshot::{self, Snapshot};

/// What was found.
#[derive(Debug)]
pub(crate) struct Survey {
    /// What the batches to keep start from.
    pub(crate) base: Head,
    /// What they end at.
    pub(crate) head: Head,
    /// The state to start from, if a snapshot is any good.
    pub(crate) snapshot: Option<Snapshot>,
    /// Batches after the snapshot, or after the base.
    pub(crate) batches: u64,
    /// Events in them.
    pub(crate) events: u64,
    /// Snapshots that are not used, and why.
    pub(crate) skipped: Vec<String>,
    /// What came before all that is there, and is nowhere.
    pub(crate) missing: Option<String>,
    /// The first event that is lost, and why.
    pub(crate) damage: Option<(u64, String)>,
}

/// How far the chain is whole from some place on.
struct Walk {
    head: Head,
    batches: u64,
    events: u64,
    stop: Option<String>,
}

fn walk(db: &Connection, from: Head) -> Result<Walk, StoreError> {
    let mut walk = Walk { head: from, batches: 0, events: 0, stop: None };
    let read = db::rows(db, from.seq, |batch| match batch.check(walk.head) {
        Ok(()) => {
            walk.head = batch.head();
            walk.batches += 1;
            walk.events += batch.count;
            ControlFlow::Continue(())
        }
        Err(why) => {
            walk.stop = Some(why);
            ControlFlow::Break(())
        }
    });
    match read {
        // Whoever is busy will be done; a page that cannot be read will not become better.
        Err(e) if e.is_busy() => return Err(e),
        Err(e) => walk.stop = Some(e.to_string()),
        Ok(()) => {}
    }
    Ok(walk)
}

/// Looks at a journal, or, with the reason why it cannot be read, at what the snapshots alone hold.
pub(crate) fn survey(dir: &Path, journal: Result<&Connection, String>) -> Result<Survey, StoreError> {
    let mut skipped = Vec::new();
    let files = snapshot::files(dir);
    let journal = match journal {
        Ok(db) => match db::ends(db) {
            Ok(ends) => Ok((db, ends)),
            Err(e) if e.is_busy() => return Err(e),
            Err(e) => Err((Some(db), e.to_string())),
        },
        Err(why) => Err((None, why)),
    };
    match journal {
        Ok((db, ends)) => match whole(db, ends, &files, &mut skipped)? {
            Some(survey) => Ok(Survey { skipped, ..survey }),
            None => {
                salvage(Some(db), Some(ends), &files, "a snapshot goes on after the journal's end".into())
            }
        },
        Err((db, why)) => salvage(db, None, &files, why),
    }
}

/// The usual case: the newest snapshot that will do, and every batch after it.
fn whole(
    db: &Connection,
    ends: Ends,
    files: &[PathBuf],
    skipped: &mut Vec<String>,
) -> Result<Option<Survey>, StoreError> {
    let mut chosen = None;
    for file in files {
        match snapshot::read(file) {
            Err(why) => skipped.push(format!("{}: {why}", file.display())),
            Ok(s) if s.head() == ends.base || db::head_at(db, s.seq).ok().flatten() == Some(s.head()) => {
                chosen = Some(s);
                break;
            }
            Ok(s) if s.seq > ends.head.seq => return Ok(None),
            Ok(s) => {
                skipped.push(format!("{}: event {} has another hash in the journal", file.display(), s.seq))
            }
        }
    }
    let walk = walk(db, chosen.as_ref().map_or(ends.base, Snapshot::head))?;
    let whole = walk.stop.is_none() && walk.head == ends.head;
    Ok(whole.then_some(Survey {
        base: ends.base,
        head: ends.head,
        snapshot: chosen,
        batches: walk.batches,
        events: walk.events,
        skipped: Vec::new(),
        missing: None,
        damage: None,
    }))
}

/// Something is wrong: of all places to start from, the base and each snapshot, which leads furthest?
fn salvage(
    db: Option<&Connection>,
    ends: Option<Ends>,
    files: &[PathBuf],
    why: String,
) -> Result<Survey, StoreError> {
    let mut skipped = Vec::new();
    let walk_from = |from: Head| match db {
        Some(db) => walk(db, from),
        None => Ok(Walk { head: from, batches: 0, events: 0, stop: None }),
    };
    let base = ends.map_or(Head::GENESIS, |e| e.base);
    let plain = walk_from(base)?;
    let lost_from = plain.head.seq.saturating_add(1);
    let why = match (&plain.stop, ends) {
        (Some(stop), _) => stop.clone(),
        (None, Some(ends)) if ends.head != plain.head => {
            format!(
                "the journal says that it ends at event {}, but event {} is the last one there",
                ends.head.seq, plain.head.seq
            )
        }
        _ => why,
    };
    let mut starts = Vec::new();
    for file in files {
        match snapshot::read(file) {
            Err(why) => skipped.push(format!("{}: {why}", file.display())),
            Ok(s) => {
                let walk = walk_from(s.head())?;
                starts.push((file, s, walk));
            }
        }
    }
    let furthest = starts
        .iter()
        .map(|(_, _, walk)| walk.head)
        .max_by_key(|head| head.seq)
        .filter(|head| head.seq > plain.head.seq);
    let head = furthest.unwrap_or(plain.head);
    // Newest first: the last that fits gives the most history, the first the shortest replay.
    let (fit, unfit): (Vec<_>, Vec<_>) = starts.into_iter().partition(|(_, _, walk)| walk.head == head);
    skipped.extend(
        unfit
            .iter()
            .map(|(file, s, _)| format!("{}: the chain does not go on from event {}", file.display(), s.seq)),
    );
    let keep_from = match (furthest, fit.last()) {
        (Some(_), Some((_, s, _))) => s.head(),
        _ => base,
    };
    let why = if keep_from == base {
        why
    } else {
        format!("{why}; the state goes on from the snapshot of event {}", keep_from.seq)
    };
    let (snapshot, walk) = match fit.into_iter().next() {
        Some((_, s, walk)) => (Some(s), walk),
        None => (None, plain),
    };
    Ok(Survey {
        base: keep_from,
        head,
        snapshot,
        batches: walk.batches,
        events: walk.events,
        skipped,
        missing: None,
        damage: Some((lost_from, why)),
    })
}
