//! The journal on its own threads, with everything going on at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use common::{Dir, batch, event, open, replayed, snapshot_of};
use foghorn_journal::{
    AppendError, Batch, Done, Head, Journal, Options, Rejected, Settled, Writer, WriterHandle, verify,
};

/// Asks, and waits for the answer.
fn answer<T: Send + 'static>(ask: impl FnOnce(Done<T>) -> Result<(), Rejected>) -> T {
    let (tell, told) = channel();
    ask(Box::new(move |answer| tell.send(answer).unwrap())).unwrap();
    told.recv().unwrap()
}

fn append(writer: &WriterHandle, batch: Batch) -> Result<Head, AppendError> {
    answer(|done| writer.append(batch, done))
}

#[test]
fn requests_are_answered_in_order() {
    let dir = Dir::new();
    let writer = Writer::spawn(open(&dir).0).unwrap();
    let first = batch(0, Head::GENESIS.hash, 1, 2);
    let head = append(&writer, first.clone()).unwrap();
    assert_eq!(append(&writer, first.clone()), Err(AppendError::LostRace { head }));
    assert!(
        matches!(answer(|done| writer.settle(first.id, done)), Ok(Settled::Durable(r)) if r.head == head)
    );
    assert_eq!(append(&writer, batch(0, head.hash, 3, 1)).unwrap().seq, 3);
    assert_eq!((writer.busy_for(), writer.rejected()), (None, 0));
    answer(|done| writer.stop(done));
    // The directory is free again, and nobody is left to ask.
    let (journal, recovery) = open(&dir);
    assert_eq!((recovery.events, replayed(&journal, 2)), (3, vec![(3, event(3))]));
    assert_eq!(writer.append(first, Box::new(drop)), Err(Rejected::Stopped));
}

#[test]
fn dropping_the_last_handle_closes_the_journal() {
    let dir = Dir::new();
    let writer = Writer::spawn(open(&dir).0).unwrap();
    append(&writer, batch(0, Head::GENESIS.hash, 1, 1)).unwrap();
    drop(writer.clone());
    append(&writer, batch(0, writer_head(&dir), 2, 1)).unwrap();
    drop(writer);
    // Taking the lock waits for a moment for whoever is about to let it go.
    assert_eq!(open(&dir).1.events, 2);
}

fn writer_head(dir: &Dir) -> foghorn_journal::ChainHash {
    verify(dir.path()).unwrap().head.hash
}

/// Sets the flag when it goes, also by a panic, so that no thread waits for ever.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn readers_backups_snapshots_and_checkpoints_go_on_beside_appends() {
    const BATCHES: u64 = 1500;
    let dir = Dir::new();
    let writer = Writer::spawn(open(&dir).0).unwrap();
    let done = AtomicBool::new(false);
    let read_all = || {
        let mut reader = writer.reader();
        let mut read = 0;
        loop {
            let last_round = done.load(Ordering::Relaxed);
            let page = reader.page(read, 100).unwrap();
            for e in &page.events {
                assert_eq!((e.seq, &e.payload), (read + 1, &event(read + 1)));
                read += 1;
            }
            if page.events.is_empty() && last_round {
                return read;
            }
        }
    };
    let verify_all = || {
        let mut rounds = 0;
        while !done.load(Ordering::Relaxed) {
            let report = verify(dir.path()).unwrap();
            assert!(report.is_whole(), "{report}");
            rounds += 1;
        }
        rounds
    };
    let back_up = || {
        let mut copies = 0;
        while !done.load(Ordering::Relaxed) {
            let to = dir.path().join(format!("backup-{copies}.db"));
            let to_writer = to.clone();
            let (tell, told) = std::sync::mpsc::channel();
            let done = Box::new(move |head| drop(tell.send(head)));
            if writer.backup(to_writer, Vec::new(), done).is_err() {
                // The queue of chores is full of snapshots.
                thread::yield_now();
                continue;
            }
            let head = told.recv().unwrap().unwrap().head;
            let report = verify(&to).unwrap();
            assert!(report.is_whole(), "{report}");
            assert_eq!((report.head, report.events), (head, head.seq));
            std::fs::remove_file(to).unwrap();
            copies += 1;
        }
        copies
    };
    thread::scope(|threads| {
        let ends = Ends(&done);
        let (reading, verifying, backing_up) =
            (threads.spawn(read_all), threads.spawn(verify_all), threads.spawn(back_up));
        let mut head = Head::GENESIS;
        for n in 1..=BATCHES {
            head = append(&writer, batch(0, head.hash, head.seq + 1, 5)).unwrap();
            if n % 100 == 0 {
                let snapshot = snapshot_of(head, "state");
                // The queue of chores may be full of backups; a checkpoint needs the snapshot.
                if writer.snapshot(snapshot, Box::new(|kept| kept.unwrap())).is_ok() {
                    let _ = writer.checkpoint(head.seq, Box::new(|base| assert!(base.is_ok(), "{base:?}")));
                }
            }
        }
        drop(ends);
        assert_eq!(reading.join().unwrap(), 5 * BATCHES);
        assert!(verifying.join().unwrap() > 0);
        assert!(backing_up.join().unwrap() > 0);
    });
    let report = verify(dir.path()).unwrap();
    assert!(report.is_whole(), "{report}");
    assert_eq!(report.events, 5 * BATCHES);
}

#[test]
fn the_log_does_not_grow_without_end() {
    let dir = Dir::new();
    let writer = Writer::spawn(open(&dir).0).unwrap();
    let mut head = Head::GENESIS;
    let mut longest = 0;
    for _ in 0..400 {
        let mut large = batch(0, head.hash, head.seq + 1, 1);
        large.events = [vec![b'x'; 400_000]].into_iter().collect();
        head = append(&writer, large).unwrap();
        longest = longest.max(std::fs::metadata(dir.path().join("journal.db-wal")).unwrap().len());
    }
    // 160 MB went through it.
    assert!(longest < 80 << 20, "{longest} bytes");
}

#[test]
fn a_checkpoint_gives_way_to_appends() {
    let dir = Dir::new();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    let mut head = common::append_n(&mut journal, 3000, 1);
    dir.snapshot(&journal, "state").unwrap();
    let writer = Writer::spawn(journal).unwrap();
    let (tell, told) = channel();
    writer.checkpoint(head.seq, Box::new(move |base| tell.send(base).unwrap())).unwrap();
    let mut beside = 0;
    let base = loop {
        head = append(&writer, batch(0, head.hash, head.seq + 1, 1)).unwrap();
        beside += 1;
        if let Ok(base) = told.try_recv() {
            break base.unwrap();
        }
    };
    assert_eq!(base.seq, 3000);
    assert!(beside > 1, "no append went through before the checkpoint was done");
    assert!(verify(dir.path()).unwrap().is_whole());
}
