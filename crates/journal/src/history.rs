//! Every batch there is, from the archive and from the file, as one sequence.

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::Connection;

use crate::archive;
use crate::chain::StoredBatch;
use crate::db;
use crate::error::StoreError;

/// How often batches may move into the archive while they are read.
const MOVES: usize = 64;

/// Calls `each` with every batch that holds an event after `after`, in order, until told to stop. Batches that
/// a checkpoint moves meanwhile are found in the archive; one that is in neither place is simply not there, which
/// the chain shows.
pub(crate) fn each(
    dir: &Path,
    db: &Connection,
    after: u64,
    mut each: impl FnMut(StoredBatch) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut after = after;
    let mut stopped = false;
    for _ in 0..MOVES {
        let base = db::ends(db)?.base;
        if after < base.seq {
            archive::read(dir, after, base.seq, |batch| {
                after = batch.last_seq();
                let flow = each(batch);
                stopped = flow.is_break();
                flow
            })?;
        }
        let mut moved = false;
        if !stopped {
            db::rows(db, after, |batch| {
                // A hole: was it there when this began, or has a checkpoint made it?
                if batch.first_seq > after.saturating_add(1) && db::ends(db).is_ok_and(|now| now.base != base)
                {
                    moved = true;
                    return ControlFlow::Break(());
                }
                after = batch.last_seq();
                each(batch)
            })?;
        }
        if !moved {
            break;
        }
    }
    Ok(())
}

/// The same for a start, which damage must not prevent and where nobody moves batches: what is damaged or gone is passed over.
/// Says what that was, for people.
pub(crate) fn what_is_there(
    dir: &Path,
    db: &Connection,
    after: u64,
    mut each: impl FnMut(StoredBatch) -> ControlFlow<()>,
) -> Result<Option<String>, StoreError> {
    let base = db::ends(db)?.base;
    let (mut after, mut gaps) = (after, Vec::new());
    let gone = |after: u64, to: u64| {
        format!("events {} to {to} are in neither the journal nor the archive", after.saturating_add(1))
    };
    for segment in archive::segments(dir) {
        if segment.last <= after {
            continue;
        }
        if segment.first > base.seq {
            break;
        }
        let before = segment.first.saturating_sub(1);
        if before > after {
            gaps.push(gone(after, before));
            after = before;
        }
        match archive::read_one(&segment, &mut after, base.seq, &mut each) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return Ok(said(&gaps)),
            Err(e) => {
                let to = segment.last.min(base.seq);
                gaps.push(format!("events {} to {to} cannot be read: {e}", after.saturating_add(1)));
                after = to;
            }
        }
    }
    if after < base.seq {
        gaps.push(gone(after, base.seq));
        after = base.seq;
    }
    // The opening has looked at what comes after the snapshot, and at nothing before that.
    let mut head = (after == base.seq).then_some(base);
    let read = db::rows(db, after, |batch| {
        let bad = head.and_then(|head| batch.check(head).err());
        head = head.map(|_| batch.head());
        let Some(why) = bad else { return each(batch) };
        gaps.push(format!("events {} to {} are damaged: {why}", batch.first_seq, batch.last_seq()));
        ControlFlow::Continue(())
    });
    match read {
        Err(e) if e.is_damage() => gaps.push(e.to_string()),
        read => read?,
    }
    Ok(said(&gaps))
}

fn said(gaps: &[String]) -> Option<String> {
    (!gaps.is_empty()).then(|| gaps.join("; "))
}
