//! Batches that a checkpoint has taken out of the file, in segments of JSON lines.
//!
//! A segment is a line about the segment, and for each batch a line about it and then its events, one a line. It
//! is written and synced before the file lets go of the batches, so a crash leaves them in both places, never in
//! none; a reader takes the first it meets.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::chain::{ChainHash, Head, MAX_BATCH_BYTES, StoredBatch, hex, unhex};
use crate::db::{self, Access};
use crate::disk;
use crate::error::StoreError;
use crate::journal::FILE;

/// Raised with that of the journal, whose batches these are.
const FORMAT: u32 = 2;
/// No line about a batch is longer.
const MAX_LINE: u64 = 4096;

#[derive(Serialize, Deserialize)]
struct SegmentLine {
    foghorn_archive: u32,
    first: u64,
    last: u64,
    prev: ChainHash,
}

#[derive(Serialize, Deserialize)]
struct BatchLine {
    first_seq: u64,
    count: u64,
    id: String,
    at_wall_ms: i64,
    at_mono_ms: u64,
    hash: ChainHash,
    bytes: u64,
}

/// A segment's file, and what its name says is in it.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

pub(crate) fn dir(of: &Path) -> PathBuf {
    of.join("archive")
}

/// The segments, in order.
pub(crate) fn segments(of: &Path) -> Vec<Segment> {
    let named = |path: PathBuf| {
        let (first, last) = path.file_name()?.to_str()?.strip_suffix(".jsonl")?.split_once('-')?;
        Some(Segment { first: first.parse().ok()?, last: last.parse().ok()?, path: path.clone() })
    };
    let mut found: Vec<_> =
        fs::read_dir(dir(of)).into_iter().flatten().flatten().filter_map(|e| named(e.path())).collect();
    found.sort_unstable_by_key(|s| (s.first, s.last));
    found
}

/// The last event up to which, going by their names, the segments reach from the first event without a hole.
pub(crate) fn reach(of: &Path) -> u64 {
    segments(of)
        .iter()
        .fold(0, |reached, s| if s.first <= reached + 1 { reached.max(s.last) } else { reached })
}

/// How far a checkpoint at `seq` can go: to the end of the last batch that is wholly at or before it. With `keep`,
/// the batches up to there are sealed into a segment first. Nothing if there are no such batches.
pub(crate) fn prepare(of: &Path, seq: u64, keep: bool) -> Result<Option<u64>, StoreError> {
    const BOUNDARY: &str = "SELECT coalesce(max(last), 0) FROM
        (SELECT first_seq + count - 1 AS last FROM batch WHERE first_seq <= ?1 ORDER BY first_seq DESC LIMIT 2) WHERE last <= ?1";
    let db = db::connect(&of.join(FILE), Access::Live)?;
    // One view of the file for all that is read: the checkpoint before may still be taking batches out.
    let db = db.unchecked_transaction().map_err(StoreError::sql("reading the journal"))?;
    let base = db::ends(&db)?.base;
    let target: i64 = db
        .query_row(BOUNDARY, [db::signed(seq)], |row| row.get(0))
        .map_err(StoreError::sql("looking a batch up"))?;
    let target = target.unsigned_abs();
    if target <= base.seq {
        return Ok(None);
    }
    if keep {
        let dir = dir(of);
        fs::create_dir_all(&dir).map_err(StoreError::io("creating", &dir))?;
        disk::sync_parent(&dir)?;
        let path = dir.join(format!("{:020}-{target:020}.jsonl", base.seq + 1));
        let mut damaged = Ok(());
        disk::write_whole(&path, |out| {
            line(
                out,
                &SegmentLine { foghorn_archive: FORMAT, first: base.seq + 1, last: target, prev: base.hash },
            )?;
            let mut head = base;
            let mut written = Ok(());
            let read = db::rows(&db, base.seq, |batch| {
                damaged = batch.check(head).map_err(|why| StoreError::Damaged { seq: head.seq + 1, why });
                head = batch.head();
                written = if damaged.is_ok() {
                    write_batch(out, &batch)
                } else {
                    Err(io::Error::other("the batches are damaged"))
                };
                if written.is_err() || head.seq >= target {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            read.map_err(io::Error::other)?;
            written
        })
        .or_else(|e| damaged.and(Err(e)))?;
    }
    Ok(Some(target))
}

fn line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn write_batch(out: &mut dyn Write, batch: &StoredBatch) -> io::Result<()> {
    let about = BatchLine {
        first_seq: batch.first_seq,
        count: batch.count,
        id: hex(&batch.id),
        at_wall_ms: batch.at_wall_ms,
        at_mono_ms: batch.at_mono_ms,
        hash: batch.hash,
        bytes: batch.blob.len() as u64,
    };
    line(out, &about)?;
    out.write_all(&batch.blob)
}

/// Reads one segment's batches, unchecked save for their form. Says what the chain was before the first.
pub(crate) fn read_segment(
    segment: &Segment,
    mut each: impl FnMut(Head, StoredBatch) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut at = segment.first;
    let mut read = || -> Result<(), String> {
        let mut file =
            BufReader::with_capacity(1 << 16, File::open(&segment.path).map_err(|e| e.to_string())?);
        let about: SegmentLine = next_line(&mut file)?.ok_or("it is empty")?;
        if about.foghorn_archive > FORMAT {
            return Err(format!(
                "it is of format {}, and only {FORMAT} is known here",
                about.foghorn_archive
            ));
        }
        if (about.first, about.last) != (segment.first, segment.last) {
            return Err(format!("its first line speaks of events {} to {}", about.first, about.last));
        }
        let prev = Head { seq: about.first.saturating_sub(1), hash: about.prev };
        let mut last = prev.seq;
        while let Some(about) = next_line::<BatchLine>(&mut file)? {
            at = about.first_seq;
            if about.bytes > MAX_BATCH_BYTES as u64 {
                return Err(format!("a batch of {} bytes cannot be", about.bytes));
            }
            let mut blob = Vec::new();
            (&mut file).take(about.bytes).read_to_end(&mut blob).map_err(|e| e.to_string())?;
            if blob.len() as u64 != about.bytes {
                return Err("it ends in the middle of a batch".into());
            }
            let batch = StoredBatch {
                first_seq: about.first_seq,
                count: about.count,
                id: unhex(&about.id)?,
                at_wall_ms: about.at_wall_ms,
                at_mono_ms: about.at_mono_ms,
                hash: about.hash,
                blob: Arc::new(blob),
            };
            last = batch.last_seq();
            if each(prev, batch).is_break() {
                return Ok(());
            }
        }
        at = last.saturating_add(1);
        if last == segment.last { Ok(()) } else { Err(format!("it ends at event {last}")) }
    };
    read().map_err(|why| StoreError::Damaged {
        seq: at,
        why: format!("archive {}: {why}", segment.path.display()),
    })
}

fn next_line<T: for<'de> Deserialize<'de>>(file: &mut impl BufRead) -> Result<Option<T>, String> {
    let mut line = Vec::new();
    file.take(MAX_LINE).read_until(b'\n', &mut line).map_err(|e| e.to_string())?;
    if line.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&line).map(Some).map_err(|e| format!("a line about a batch cannot be read: {e}"))
}

/// Calls `each` with the archived batches that hold events after `after` and at or before `until`, checked.
pub(crate) fn read(
    of: &Path,
    after: u64,
    until: u64,
    mut each: impl FnMut(StoredBatch) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut after = after;
    for segment in segments(of) {
        if segment.last <= after {
            continue;
        }
        if segment.first > until || read_one(&segment, &mut after, until, &mut each)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The same of one segment. `after` is then the last event that was read, also where the rest is damaged.
pub(crate) fn read_one(
    segment: &Segment,
    after: &mut u64,
    until: u64,
    each: &mut impl FnMut(StoredBatch) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StoreError> {
    let mut head = None;
    let mut damaged = Ok(());
    let mut flow = ControlFlow::Continue(());
    read_segment(segment, |prev, batch| {
        let from = *head.get_or_insert(prev);
        if let Err(why) = batch.check(from) {
            damaged = Err(StoreError::Damaged {
                seq: from.seq.saturating_add(1),
                why: format!("archive {}: {why}", segment.path.display()),
            });
            return ControlFlow::Break(());
        }
        head = Some(batch.head());
        if batch.last_seq() <= *after {
            return ControlFlow::Continue(());
        }
        if batch.first_seq > until {
            return ControlFlow::Break(());
        }
        *after = batch.last_seq();
        flow = each(batch);
        flow
    })?;
    damaged.map(|()| flow)
}
