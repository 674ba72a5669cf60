use super::*;
use proptest::prelude::*;

fn record(check: &str, at: i64, mark: Mark, us: u64) -> Record {
    Record {
        check: Name::from(check),
        sample: Sample { at: Wall(at), mark, took: Duration::from_micros(us) },
    }
}

/// Some noon.
const START: i64 = 1_800_000_000_000;

#[test]
fn a_year_of_a_thousand_checks_is_below_two_gib() {
    const CHECKS: i64 = 12;
    const DAYS: i64 = 1;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    let mut store = Store::open(&path).unwrap();
    // Latencies that spread over a factor of three, now and then a slow one, a failure in a thousand.
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    let names: Vec<String> = (0..CHECKS).map(|c| format!("shop-{c}")).collect();
    for tick in 0..DAYS * 8640 {
        let batch: Vec<Record> = names
            .iter()
            .enumerate()
            .map(|(c, name)| {
                let jitter = (random() % 8).cast_signed();
                let us = if random() % 50 == 0 {
                    200_000 + random() % 500_000
                } else {
                    10_000 + random() % 20_000
                };
                let mark = if random() % 1000 == 0 { Mark::Down } else { Mark::Up };
                record(name, START + tick * 10_000 + c as i64 * 400 + jitter, mark, us)
            })
            .collect();
        store.write(&batch).unwrap();
        if tick % 360 == 0 {
            store.sweep(Wall(START + tick * 10_000)).unwrap();
        }
    }
    store.retain().unwrap();
    let size = |tier: Tier| -> f64 {
        let sql = "SELECT sum(length(data)) FROM chunks WHERE key >= ?1 AND key < ?2";
        let bytes: i64 =
            store.db().query_row(sql, [key(tier, 0, 0), key(tier, 1 << 27, 0)], |r| r.get(0)).unwrap();
        // Per check and millisecond.
        bytes as f64 / (CHECKS * DAYS * 24 * HOUR) as f64
    };
    let year = (365 * 24 * HOUR) as f64;
    let mut total = size(Tier { keep: 0, ..RAW }) * (RAW.keep * RAW.chunk) as f64;
    for tier in ROLLUPS {
        total += size(tier) * ((tier.keep * tier.chunk) as f64).min(year);
    }
    // What the file needs beside the packed data: pages that are partly full, keys, rows of the last half hour.
    store.db().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let packed: i64 = store.db().query_row("SELECT sum(length(data)) FROM chunks", [], |r| r.get(0)).unwrap();
    let overhead = std::fs::metadata(&path).unwrap().len() as f64 / packed as f64;
    let gib = total * overhead * 1000.0 / f64::from(1 << 30);
    println!(
        "{:.0} KB a check, overhead {overhead:.2}, a thousand checks after a year: {gib:.2} GiB",
        total / 1000.0
    );
    assert!(gib < 2.0, "{gib} GiB");
    assert!(gib > 0.2, "{gib} GiB: so little cannot be true");
}

#[test]
fn what_is_not_in_a_chunk_yet_is_there_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    let mut store = Store::open(&path).unwrap();
    for i in 0..100 {
        store
            .write(&[
                record("a", START + i * 10_000, Mark::Up, 5000),
                record("b", START + i * 10_000 + 5, Mark::Down, 9000),
            ])
            .unwrap();
    }
    let before =
        (store.samples("a", 0, i64::MAX).unwrap(), store.rolls("b", ROLLUPS[0], 0, i64::MAX).unwrap());
    assert_eq!(before.0.len(), 100);
    // No farewell: what is in memory is forgotten.
    drop(store);
    let store = Store::open(&path).unwrap();
    let after =
        (store.samples("a", 0, i64::MAX).unwrap(), store.rolls("b", ROLLUPS[0], 0, i64::MAX).unwrap());
    assert_eq!(before.0, after.0);
    let counts =
        |r: &BTreeMap<i64, point::Roll>| r.iter().map(|(at, r)| (*at, r.up, r.down)).collect::<Vec<_>>();
    assert_eq!(counts(&before.1), counts(&after.1));
}

#[test]
fn old_chunks_go_and_a_clock_in_2038_takes_none_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("history.db")).unwrap();
    // One result in ten minutes, for longer than single results are kept.
    for i in 0..RAW.keep + 50 {
        store.write(&[record("a", START + i * RAW.chunk, Mark::Up, 5000)]).unwrap();
    }
    store.retain().unwrap();
    let kept = store.samples("a", 0, i64::MAX).unwrap();
    assert_eq!(kept.len(), usize::try_from(RAW.keep).unwrap() + 1, "and the one that is still open");
    let far = 2_150_000_000_000;
    store.write(&[record("a", far, Mark::Up, 5000)]).unwrap();
    store.write(&[record("a", START + 400 * RAW.chunk, Mark::Up, 5000)]).unwrap();
    store.retain().unwrap();
    let after = store.samples("a", 0, i64::MAX).unwrap();
    assert!(after.len() >= kept.len() - 2, "{} of {} left", after.len(), kept.len());
}

#[test]
fn a_check_that_is_gone_is_forgotten_once_nothing_so_old_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("history.db")).unwrap();
    let [.., coarse] = ROLLUPS;
    let rows = |store: &Store| -> (i64, i64) {
        let id = store.find("gone").unwrap().unwrap_or(1);
        let sql = "SELECT count(*) FROM chunks WHERE key >> 32 & 268435455 = ?1";
        let chunks = store.db().query_row(sql, [id], |r| r.get(0)).unwrap();
        let names = store.db().query_row("SELECT count(*) FROM checks", [], |r| r.get(0)).unwrap();
        (chunks, names)
    };
    store.write(&[record("gone", START, Mark::Up, 5000), record("stays", START, Mark::Up, 5000)]).unwrap();
    let measure = |store: &mut Store, month: i64| {
        let at = START + month * coarse.chunk;
        store.write(&[record("stays", at, Mark::Up, 5000)]).unwrap();
        store.sweep(Wall(at + RAW.chunk * 2)).unwrap();
        store.retain().unwrap();
    };
    (1..=20).for_each(|month| measure(&mut store, month));
    // For a moment the clock is in 2060.
    measure(&mut store, 400);
    (21..coarse.keep - 1).for_each(|month| measure(&mut store, month));
    assert_eq!(rows(&store), (4, 2), "as old as what is kept of the other");
    measure(&mut store, coarse.keep - 1);
    assert_eq!(rows(&store), (0, 1));
    let kept = store.rolls("stays", coarse, 0, i64::MAX).unwrap().len();
    assert_eq!(i64::try_from(kept).unwrap(), coarse.keep);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the clock does, every result is counted once in every tier, through sweeps and restarts.
    #[test]
    fn nothing_is_lost_and_nothing_counted_twice(
        steps in proptest::collection::vec((-2_000_000i64..4_000_000, 0u8..3, 0u64..3, 1u64..1_000_000), 1..120),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history.db");
        let mut store = Store::open(&path).unwrap();
        let mut at = START;
        let mut written = 0;
        for (step, check, mark, us) in steps {
            at += step;
            let mark = Mark::from_bits(mark).unwrap();
            store.write(&[record(&format!("c{check}"), at, mark, us)]).unwrap();
            written += 1;
            if us % 7 == 0 {
                store.sweep(Wall(at)).unwrap();
            }
        }
        let mut raw = 0;
        let mut rolled = [0; 3];
        for check in ["c0", "c1", "c2"] {
            raw += store.samples(check, 0, i64::MAX).unwrap().len();
            for (sum, tier) in rolled.iter_mut().zip(ROLLUPS) {
                *sum += store.rolls(check, tier, 0, i64::MAX).unwrap().values().map(point::Roll::count).sum::<u64>();
            }
        }
        prop_assert_eq!(raw, written);
        prop_assert_eq!(rolled, [written as u64; 3]);
    }

    #[test]
    fn any_row_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), base: i64) {
        prop_assert!(read_row(&bytes, base).len() <= bytes.len());
    }
}
