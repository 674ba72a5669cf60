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
