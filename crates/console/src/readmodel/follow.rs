//! The thread that folds the journal: from where it was, then live.

use super::{ReadModelError, Shared, fold, lock, schema};
use crate::ports::Events;
use foghorn_core::Record;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// Events that are read from the journal at a time.
const PAGE: usize = 1000;
/// Batches that are written in one transaction.
const AT_ONCE: usize = 256;
/// So long are batches gathered: what is closed may lag, and the pager needs the processor more.
const GATHER: Duration = Duration::from_millis(20);
/// After a failure it is tried again.
const AGAIN: Duration = Duration::from_secs(5);

type Batch = Arc<[Arc<Record>]>;

pub(super) fn run(shared: &Shared, events: &dyn Events, mut records: Receiver<Batch>) {
    // Where the system does not permit it, this thread is as important as the others.
    let _ = rustix::process::nice(10);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(e) => return shared.fail(&e.to_string()),
    };
    runtime.block_on(async {
        while !shared.stop.load(Ordering::Acquire) {
            let Err(e) = work(shared, events, &mut records).await else { return };
            shared.fail(&e.to_string());
            if e.is_damage() || shared.damaged.load(Ordering::Acquire) {
                *lock(&shared.reader) = None;
                match schema::remove(&shared.path) {
                    Ok(()) => continue,
                    Err(e) => shared.fail(&e.to_string()),
                }
            }
            let _ = tokio::time::timeout(AGAIN, shared.wake.notified()).await;
        }
    });
}

/// Ends well when it is asked to end.
async fn work(
    shared: &Shared,
    events: &dyn Events,
    records: &mut Receiver<Batch>,
) -> Result<(), ReadModelError> {
    let mut db = open(shared, events)?;
    *lock(&shared.reader) = Some(schema::reader(&shared.path)?);
    shared.damaged.store(false, Ordering::Release);
    catch_up(shared, &mut db, events)?;
    *lock(&shared.error) = None;
    loop {
        let first = tokio::select! {
            () = shared.wake.notified() => None,
            batch = records.recv() => Some(batch),
        };
        if shared.stop.load(Ordering::Acquire) {
            return Ok(());
        }
        if shared.damaged.load(Ordering::Acquire) {
            return Err(ReadModelError::NotReady("it was found damaged".to_owned()));
        }
        match first {
            None => {}
            Some(Ok(batch)) => {
                // What comes together is one transaction.
                tokio::time::sleep(GATHER).await;
                live(shared, &mut db, events, records, batch)?;
            }
            Some(Err(RecvError::Lagged(_))) => catch_up(shared, &mut db, events)?,
            // The engine is gone; there is nothing more to come.
            Some(Err(RecvError::Closed)) => return Ok(()),
        }
    }
}

/// The file, if it is of this journal; else a new one.
fn open(shared: &Shared, events: &dyn Events) -> Result<Connection, ReadModelError> {
    let (db, new) = schema::open(&shared.path)?;
    let (seq, at) = schema::progress(&db)?;
    let same = seq == 0
        || events.page(seq - 1, 1).map_err(ReadModelError::Journal)?.first().is_some_and(|(found, json)| {
            // Where retention has taken the event away there is nothing to compare with.
            *found > seq || serde_json::from_slice::<Record>(json).map_or(true, |r| r.at == at)
        });
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
        let more = page.len() >= PAGE;
        let mut parsed = page.into_iter().map(|(seq, json)| match serde_json::from_slice::<Record>(&json) {
            Ok(record) => (seq, Some(record), json),
            Err(e) => {
                tracing::warn!(seq, error = %e, "an event that this release cannot read");
                (seq, None, json)
            }
        });
        write(shared, db, &mut parsed)?;
        if !more {
            break;
        }
    }
    Ok(())
}

/// One batch and all that waits behind it. A gap is filled from the journal.
fn live(
    shared: &Shared,
    db: &mut Connection,
    events: &dyn Events,
    records: &mut Receiver<Batch>,
    first: Batch,
) -> Result<(), ReadModelError> {
    let mut batches = vec![first];
    let mut lost = false;
    while batches.len() < AT_ONCE && !lost {
        match records.try_recv() {
            Ok(batch) => batches.push(batch),
            Err(TryRecvError::Lagged(_)) => lost = true,
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    let seq = shared.seq.load(Ordering::Acquire);
    let new: Vec<&Arc<Record>> = batches.iter().flat_map(|b| b.iter()).filter(|r| r.seq > seq).collect();
    if lost || new.first().is_some_and(|r| r.seq != seq + 1) {
        return catch_up(shared, db, events);
    }
    let mut parsed =
        new.into_iter().filter_map(|r| Some((r.seq, Some((**r).clone()), serde_json::to_vec(&**r).ok()?)));
    write(shared, db, &mut parsed)
}

fn write(
    shared: &Shared,
    db: &mut Connection,
    records: &mut dyn Iterator<Item = (u64, Option<Record>, Vec<u8>)>,
) -> Result<(), ReadModelError> {
    let tx = db.transaction()?;
    let (mut seq, mut at) = schema::progress(&tx)?;
    let before = seq;
    for (n, record, json) in records {
        seq = n;
        if let Some(record) = record {
            at = record.at;
            fold::fold(&tx, &record, &json)?;
        }
    }
    if seq != before {
        schema::set_progress(&tx, seq, at)?;
        tx.commit()?;
        shared.seq.store(seq, Ordering::Release);
    }
    Ok(())
}
