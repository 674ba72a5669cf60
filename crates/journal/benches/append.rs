//! Group commit of 1, 10 and 100 events, beside a bare write and `fsync` of as many bytes in the same run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench may")]

use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use foghorn_journal::{Batch, Head, Journal, Options, Snapshot};

/// About what an event of an alert is.
const EVENT: usize = 400;
const GROUPS: [usize; 3] = [1, 10, 100];

fn event() -> Vec<u8> {
    format!("{{\"pad\":\"{}\"}}", "x".repeat(EVENT - 10)).into_bytes()
}

fn appender(dir: &tempfile::TempDir, events: usize) -> impl FnMut() {
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).expect("an empty directory opens");
    let mut number = 0u128;
    let events = vec![event(); events];
    move || {
        number += 1;
        let batch = Batch {
            id: number.to_be_bytes(),
            prev: journal.head().hash,
            at_wall_ms: 0,
            at_mono_ms: 0,
            events: events.iter().collect(),
        };
        black_box(journal.append(&batch)).expect("an append to a healthy disk");
    }
}

fn bare(dir: &tempfile::TempDir, events: usize) -> impl FnMut() {
    let mut file =
        OpenOptions::new().create(true).append(true).open(dir.path().join("bare")).expect("a new file");
    let bytes = vec![b'x'; events * EVENT];
    move || {
        file.write_all(&bytes).and_then(|()| file.sync_all()).expect("a write to a healthy disk");
    }
}

/// The median of both, taken in turns, so that a noisy machine is as noisy for the one as for the other.
fn medians(mut a: impl FnMut(), mut b: impl FnMut()) -> (Duration, Duration) {
    fn time(work: &mut impl FnMut()) -> Duration {
        let start = Instant::now();
        work();
        start.elapsed()
    }
    let mut times: (Vec<_>, Vec<_>) = (0..1000).map(|_| (time(&mut a), time(&mut b))).unzip();
    times.0.sort_unstable();
    times.1.sort_unstable();
    (times.0[times.0.len() / 2], times.1[times.1.len() / 2])
}

/// How long a start takes on a million events, of which a snapshot covers all but a thousand.
fn open_large(dir: &tempfile::TempDir) -> Duration {
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).expect("an empty directory opens");
    let events = vec![event(); 1000];
    for n in 0..1000u128 {
        let prev = journal.head();
        let batch = Batch {
            id: n.to_be_bytes(),
            prev: prev.hash,
            at_wall_ms: 0,
            at_mono_ms: 0,
            events: events.iter().collect(),
        };
        journal.append(&batch).expect("an append to a healthy disk");
        if n == 998 {
            let Head { seq, hash } = journal.head();
            let snapshot = Snapshot { seq, hash, at_wall_ms: 0, bytes: vec![b' '; 1 << 20] };
            journal.snapshot(snapshot).expect("a snapshot on a healthy disk");
        }
    }
    drop(journal);
    let start = Instant::now();
    let (journal, recovery) = Journal::open(dir.path(), Options::default()).expect("a whole journal opens");
    let mut replayed = 0;
    journal
        .replay(recovery.snapshot.map_or(0, |s| s.seq), |batch| replayed += batch.count)
        .expect("a whole journal");
    assert_eq!(replayed, 1000);
    start.elapsed()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let dir = || tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory on cargo's disk");
    for events in GROUPS {
        let mut group = criterion.benchmark_group("append");
        group.throughput(Throughput::Elements(events as u64));
        let (journal, file) = (dir(), dir());
        let mut append = appender(&journal, events);
        group.bench_function(BenchmarkId::new("journal", events), |b| b.iter(&mut append));
        let mut bare = bare(&file, events);
        group.bench_function(BenchmarkId::new("write and fsync", events), |b| b.iter(&mut bare));
        group.finish();
    }
    for events in GROUPS {
        let (journal, file) = (dir(), dir());
        let (append, bare) = medians(appender(&journal, events), bare(&file, events));
        println!(
            "{events} events: append {append:?}, write and fsync of as many bytes {bare:?}, ratio {:.2}, {:.0} events/s",
            append.as_secs_f64() / bare.as_secs_f64(),
            events as f64 / append.as_secs_f64()
        );
    }
    println!("open a journal of 1,000,000 events with a snapshot: {:?}", open_large(&dir()));
    criterion.final_summary();
}
