//! The thread that folds the journal: from where it was, then live.

use super::fold::Fold;
use super::{ReadModelError, Shared, lock, schema};
use crate::ports::Events;
use foghorn_core::Record;
use foghorn_engine::{Follow, Missed, Written};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The most events that are read from the journal at a time.
const PAGE: usize = 1000;
/// What waits is looked at this often, and gathered until it is much, or for as long as keeps this thread to a sixteenth of
/// its time: what is closed may lag, and the pager needs the processor more. What is written together costs less, too.
const LOOK: Duration = Duration::from_millis(20);
const PACE: u32 = 16;
const LONGEST: Duration = Duration::from_millis(500);
/// So many events in one pause are a storm: they are in memory, and to write them down takes a fifth of the processors. They
/// are let go, and read from the journal when it is calm, or after so long.
const STORM: usize = 10_000;
const LONGEST_STORM: Duration = Duration::from_secs(10);
/// It is calm once no more than so many events have come between two looks for so long: the disk holds up even a storm.
const CALM: usize = 100;
const CALM_FOR: Duration = Duration::from_millis(500);
/// So long after something was written, the memory that writing took is given back: after a storm that is a sixth of all.
const KEPT: Duration = Duration::from_secs(5);
/// After a failure it is tried again.
const AGAIN: Duration = Duration::from_secs(5);

type Batch = Arc<Written>;

pub(super) fn run(shared: &Shared, events: &dyn Events, mut records: Follow) {
    foghorn_host::turns::step_back(10);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(e) => return shared.fail(&e.to_string()),
    };
    runtime.block_on(async {
        while !shared.stop.load(Ordering::Acquire) {
            let Err(e) = work(shared, events, &mut records).await else { return };
            shared.fail(&e.to_string());
            if e.is_damage() || shared.damaged.load(Ordering::Acquire) {
                match anew(shared) {
                    Ok(()) => continue,
                    Err(e) => shared.fail(&e.to_string()),
                }
            }
            let _ = tokio::time::timeout(AGAIN, shared.wake.notified()).await;
        }
    });
}

/// Removes the file. Who reads it now keeps it from being removed.
fn anew(shared: &Shared) -> Result<(), ReadModelError> {
    *shared.reader.enter()? = None;
    schema::remove(&shared.path)
}

/// Ends well when it is asked to end.
async fn work(shared: &Shared, events: &dyn Events, records: &mut Follow) -> Result<(), ReadModelError> {
    let mut db = open(shared, events)?;
    *shared.reader.enter()? = Some(schema::reader(&shared.path)?);
    shared.damaged.store(false, Ordering::Release);
    catch_up(shared, &mut db, events)?;
    *lock(&shared.error) = None;
    let mut pause = LOOK;
    let mut give_back = Some(tokio::time::Instant::now() + KEPT);
    loop {
        let first = tokio::select! {
            () = shared.wake.notified() => None,
            batch = records.next() => Some(batch),
            () = at(give_back) => {
                schema::give_back(&db)?;
                give_back = None;
                continue;
            }
        };
        if shared.stop.load(Ordering::Acquire) {
            return Ok(());
        }
        if shared.damaged.load(Ordering::Acquire) {
            return Err(ReadModelError::NotReady("it was found damaged".to_owned()));
        }
        let gathered = match first {
            None => continue,
            Some(Ok(batch)) => gather(records, batch, pause).await,
            Some(Err(Missed::Some)) => None,
            // The engine is gone; there is nothing more to come.
            Some(Err(Missed::End)) => return Ok(()),
        };
        give_back.get_or_insert_with(|| tokio::time::Instant::now() + KEPT);
        let Some(batches) = gathered else {
            pass(shared, records).await;
            catch_up(shared, &mut db, events)?;
            continue;
        };
        let began = Instant::now();
        live(shared, &mut db, events, &batches)?;
        pause = (began.elapsed() * PACE).clamp(LOOK, LONGEST);
    }
}

/// Then, if ever.
async fn at(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// The file, if it is of this journal; else a new one.
fn open(shared: &Shared, events: &dyn Events) -> Result<Connection, ReadModelError> {
    let (db, new) = schema::open(&shared.path)?;
    let (seq, at) = schema::progress(&db)?;
    let same = seq == 0
        || events.page(seq - 1, 1).map_err(ReadModelError::Journal)?.events.first().is_some_and(
            |(found, json)| {
                // Where retention has taken the event away there is nothing to compare with.
                *found > seq || serde_json::from_slice::<Record>(json).map_or(true, |r| r.at == at)
            },
        );
    if same {
        if new {
            shared.rebuilt.fetch_add(1, Ordering::Relaxed);
        }
        shared.seq.store(seq, Ordering::Release);
        return Ok(db);
    }
    tracing::warn!("the list of closed incidents is of another journal; it is made anew");
    drop(db);
    schema::remove(&shared.path)?;
    shared.rebuilt.fetch_add(1, Ordering::Relaxed);
    shared.seq.store(0, Ordering::Release);
    Ok(schema::open(&shared.path)?.0)
}

fn catch_up(shared: &Shared, db: &mut Connection, events: &dyn Events) -> Result<(), ReadModelError> {
    while !shared.stop.load(Ordering::Acquire) {
        let page = events.page(shared.seq.load(Ordering::Acquire), PAGE).map_err(ReadModelError::Journal)?;
        let read = |seq: u64, json: &[u8]| match serde_json::from_slice::<Record>(json) {
            Ok(record) => Some(record),
            Err(e) => {
                tracing::warn!(seq, error = %e, "an event that this release cannot read");
                None
            }
        };
        let parsed: Vec<Option<Record>> = page.events.iter().map(|(seq, json)| read(*seq, json)).collect();
        let records = page.events.iter().zip(&parsed);
        write(shared, db, records.map(|((seq, json), record)| (*seq, record.as_ref(), &json[..])))?;
        if !page.more {
            break;
        }
    }
    Ok(())
}

/// A batch and what comes after it within a pause. Nothing where that is too much to be held.
async fn gather(records: &mut Follow, first: Batch, pause: Duration) -> Option<Vec<Batch>> {
    let began = Instant::now();
    let mut events = first.records.len();
    let mut batches = vec![first];
    loop {
        tokio::time::sleep(LOOK).await;
        events += take(records, |batch| batches.push(batch));
        if events >= STORM {
            return None;
        }
        if began.elapsed() >= pause {
            return Some(batches);
        }
    }
}

/// Waits for the end of a storm.
async fn pass(shared: &Shared, records: &mut Follow) {
    let began = Instant::now();
    let mut last = began;
    while began.elapsed() < LONGEST_STORM && last.elapsed() < CALM_FOR && !shared.stop.load(Ordering::Acquire)
    {
        tokio::time::sleep(LOOK).await;
        if take(records, drop) > CALM {
            last = Instant::now();
        }
    }
}

/// Takes what waits. Returns how many events that was; what was missed was many.
fn take(records: &mut Follow, mut each: impl FnMut(Batch)) -> usize {
    let mut events = 0;
    loop {
        match records.try_next() {
            Ok(Some(batch)) => {
                events += batch.records.len();
                each(batch);
            }
            Err(Missed::Some) => events += STORM,
            Ok(None) | Err(Missed::End) => return events,
        }
    }
}

/// Writes what was gathered. A gap is filled from the journal.
fn live(
    shared: &Shared,
    db: &mut Connection,
    events: &dyn Events,
    batches: &[Batch],
) -> Result<(), ReadModelError> {
    let seq = shared.seq.load(Ordering::Acquire);
    let new: Vec<(&Arc<Record>, &[u8])> =
        batches.iter().flat_map(|b| b.iter()).filter(|(r, _)| r.seq > seq).collect();
    if new.first().is_some_and(|(r, _)| r.seq != seq + 1) {
        return catch_up(shared, db, events);
    }
    write(shared, db, new.into_iter().map(|(r, json)| (r.seq, Some(&**r), json)))
}

/// Events with their numbers and lines; without what this release cannot read.
fn write<'a>(
    shared: &Shared,
    db: &mut Connection,
    records: impl Iterator<Item = (u64, Option<&'a Record>, &'a [u8])>,
) -> Result<(), ReadModelError> {
    let tx = db.transaction()?;
    let (mut seq, mut at) = schema::progress(&tx)?;
    let before = seq;
    let mut fold = Fold::new(&tx);
    for (n, record, json) in records {
        seq = n;
        if let Some(record) = record {
            at = record.at;
            fold.add(record, json)?;
        }
    }
    fold.end()?;
    if seq != before {
        schema::set_progress(&tx, seq, at)?;
        tx.commit()?;
        shared.seq.store(seq, Ordering::Release);
    }
    Ok(())
}
