//! Whatever is done to the files: `verify` finds it, and the journal opens with the longest good prefix.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod common;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use common::{Dir, append, append_n, event, open, replayed};
use foghorn_journal::{Recovery, backup, verify};
use proptest::prelude::*;

/// A closed journal of `batches` batches of three events.
fn journal_of(batches: u64) -> Dir {
    let dir = Dir::new();
    append_n(&mut open(&dir).0, batches, 3);
    dir
}

/// Opens a damaged journal: it has to have exactly `events`, say what it lost, keep the damaged file, be whole from
/// then on, and take appends.
fn reopens_with(dir: &Dir, events: u64) -> Recovery {
    let (mut journal, recovery) = open(dir);
    assert_eq!(replayed(&journal, 0), (1..=events).map(|n| (n, event(n))).collect::<Vec<_>>());
    let [damage] = &recovery.damage[..] else { panic!("one damage, not {:?}", recovery.damage) };
    assert_eq!(damage.from_seq, events + 1);
    assert!(damage.kept.as_ref().is_some_and(|p| p.exists()), "{damage:?}");
    append(&mut journal, 2).unwrap();
    drop(journal);
    assert!(verify(dir.path()).unwrap().is_whole());
    let (journal, again) = open(dir);
    assert!(again.damage.is_empty());
    assert_eq!(journal.head().seq, events + 2);
    recovery
}

#[test]
fn tampering_is_found_where_it_is() {
    let at_19 = "UPDATE batch SET events = CAST(replace(CAST(events AS TEXT), '20', '21') AS BLOB) WHERE first_seq = 19";
    for (sql, seq, what) in [
        (at_19, 19, "its hash does not fit: it, or the batch before it, was changed"),
        ("UPDATE batch SET at_wall_ms = 0 WHERE first_seq = 19", 19, "its hash does not fit: it, or the batch before it, was changed"),
        ("UPDATE batch SET count = 2 WHERE first_seq = 19", 19, "it says 2 events and holds 3"),
        ("DELETE FROM batch WHERE first_seq = 19", 19, "events 19 to 21 are missing"),
        (
            "DELETE FROM batch WHERE first_seq = 28",
            28,
            "the journal says that it ends, or ended, at event 30 with hash HEAD, and that is not there",
        ),
        (
            "UPDATE batch SET first_seq = 1000 WHERE first_seq = 19; UPDATE batch SET first_seq = 19 WHERE first_seq = 22;
             UPDATE batch SET first_seq = 22 WHERE first_seq = 1000",
            19,
            "its hash does not fit: it, or the batch before it, was changed",
        ),
    ] {
        let dir = journal_of(10);
        let head = verify(dir.path()).unwrap().head;
        dir.sql(sql);
        let report = verify(dir.path()).unwrap();
        let first = &report.findings[0];
        let what = what.replace("HEAD", &head.hash.to_string());
        assert_eq!((first.seq, &first.what), (seq, &what), "{sql}");
        assert!(report.to_string().contains(&format!("DAMAGED at event {seq}")));
        reopens_with(&dir, seq - 1);
    }
}

#[test]
fn a_file_that_is_no_journal_is_set_aside() {
    let dir = Dir::new();
    for content in [&b""[..], b"garbage", &[0x5a; 20_000]] {
        fs::write(dir.path().join("journal.db"), content).unwrap();
        reopens_with(&dir, 0);
        fs::remove_file(dir.path().join("journal.db")).unwrap();
    }
    common::sql(&dir.path().join("journal.db"), "CREATE TABLE somebody_elses (x)");
    let recovery = reopens_with(&dir, 0);
    assert_eq!(recovery.damage[0].why, "journal.db is not a journal of Foghorn's");
}

#[test]
fn a_truncated_file_is_found_and_costs_only_its_end() {
    for kept in [-1, -4096, -8192, -40_000, 90, 50, 20] {
        let dir = journal_of(400);
        let path = dir.path().join("journal.db");
        let length = i64::try_from(fs::metadata(&path).unwrap().len()).unwrap();
        let left = if kept < 0 { length + kept } else { length * kept / 100 };
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(u64::try_from(left).unwrap()).unwrap();
        drop(file);
        let report = verify(dir.path()).unwrap();
        assert!(!report.is_whole());
        let (journal, recovery) = open(&dir);
        assert_eq!(recovery.damage.len(), 1);
        let events = replayed(&journal, 0);
        // All of what is left but for a few pages: inner ones may lie anywhere.
        let share = events.len() as f64 / 1200.0;
        assert!(share > left as f64 / length as f64 - 0.25, "{kept}: {share} of the events");
        assert!(report.events >= events.len() as u64, "{kept}: verify reads as far: {report}");
        assert_eq!(events, (1..=events.len() as u64).map(|n| (n, event(n))).collect::<Vec<_>>());
        assert_eq!(recovery.damage[0].from_seq, events.len() as u64 + 1);
    }
}

#[test]
fn a_page_of_rubbish_in_the_middle_costs_only_what_comes_after() {
    let dir = journal_of(400);
    let file = OpenOptions::new().write(true).open(dir.path().join("journal.db")).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    file.write_all_at(&[0xa5; 4096], pages / 2 * 4096).unwrap();
    drop(file);
    assert!(!verify(dir.path()).unwrap().is_whole());
    let (journal, recovery) = open(&dir);
    assert_eq!(recovery.damage.len(), 1);
    let kept = journal.head().seq;
    assert!((300..900).contains(&kept), "{kept} of 1200 events");
    assert_eq!(replayed(&journal, 0).len() as u64, kept);
}

#[test]
fn a_snapshot_beyond_the_damage_saves_the_state() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    append_n(&mut journal, 10, 3);
    dir.snapshot(&journal, "at 30").unwrap();
    let head = append_n(&mut journal, 10, 3);
    drop(journal);
    // The batch that is bad is one that the snapshot covers: a start does not even read it.
    dir.sql("UPDATE batch SET at_mono_ms = 0 WHERE first_seq = 13");
    let (journal, recovery) = open(&dir);
    assert_eq!((recovery.damage.len(), recovery.events, journal.head()), (0, 30, head));
    drop(journal);
    assert_eq!(verify(dir.path()).unwrap().findings[0].seq, 13);

    // With the end damaged too, everything before it is kept.
    dir.sql("UPDATE batch SET at_mono_ms = 0 WHERE first_seq = 58");
    let (journal, recovery) = open(&dir);
    assert_eq!((journal.head().seq, recovery.base.seq, recovery.events), (57, 30, 27));
    assert_eq!(recovery.snapshot.map(|s| s.bytes), Some(b"at 30".to_vec()));
    assert_eq!(recovery.damage[0].from_seq, 13);
    assert!(recovery.damage[0].why.ends_with("; the state goes on from the snapshot of event 30"));
    drop(journal);

    // And with the file gone altogether, the state of the snapshot is.
    for name in dir.names("journal.db") {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    let (mut journal, recovery) = open(&dir);
    assert_eq!(recovery.snapshot.map(|s| s.seq), Some(30));
    assert_eq!(
        recovery.damage[0].why,
        "journal.db is missing; the state goes on from the snapshot of event 30"
    );
    assert_eq!(append(&mut journal, 1).unwrap().seq, 31);
    assert!(verify(dir.path()).unwrap().is_whole());
}

#[test]
fn a_lost_end_shows_by_a_snapshot_that_goes_further() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    append_n(&mut journal, 10, 1);
    drop(journal);
    fs::copy(dir.path().join("journal.db"), dir.path().join("old")).unwrap();
    let (mut journal, _) = open(&dir);
    append_n(&mut journal, 10, 1);
    dir.snapshot(&journal, "at 20").unwrap();
    drop(journal);
    fs::rename(dir.path().join("old"), dir.path().join("journal.db")).unwrap();
    assert!(!verify(dir.path()).unwrap().is_whole());
    let (journal, recovery) = open(&dir);
    assert_eq!((journal.head().seq, recovery.snapshot.map(|s| s.seq)), (20, Some(20)));
    assert_eq!(recovery.damage[0].from_seq, 11);
}

#[test]
fn an_interrupted_rescue_is_finished_by_the_next_start() {
    let dir = journal_of(10);
    let good = dir.path().join("good.db");
    backup(dir.path(), &[], &good).unwrap();
    // As after a crash: the rescued file is ready, and only the log has been set aside yet.
    fs::rename(&good, dir.path().join("journal.db.rescued-123")).unwrap();
    dir.sql("DELETE FROM batch WHERE first_seq > 3");
    let (journal, recovery) = open(&dir);
    assert_eq!(journal.head().seq, 30);
    assert_eq!(recovery.damage[0].kept, Some(dir.path().join("journal.db.damaged-123")));
    assert_eq!(dir.names("journal.db.rescued"), [""; 0]);
}

/// The files of a journal as a power loss leaves them: copied while it is open, with its log.
fn with_log(appends: u64) -> Dir {
    let (dir, left) = (Dir::new(), Dir::new());
    let (mut journal, _) = open(&dir);
    append_n(&mut journal, appends, 3);
    for name in ["journal.db", "journal.db-wal"] {
        fs::copy(dir.path().join(name), left.path().join(name)).unwrap();
    }
    left
}

fn flip(dir: &Dir, name: &str, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(dir.path().join(name)).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
}

#[test]
fn a_log_damaged_in_its_middle_is_told_from_a_torn_end() {
    let whole = with_log(20);
    assert!(verify(whole.path()).unwrap().is_whole());
    let (_, recovery) = open(&whole);
    assert_eq!((recovery.events, recovery.damage.len()), (60, 0));

    let dir = with_log(20);
    let length = fs::metadata(dir.path().join("journal.db-wal")).unwrap().len();
    // The last commit may be one that was never acknowledged: losing it is no damage.
    flip(&dir, "journal.db-wal", length - 100);
    assert!(verify(dir.path()).unwrap().is_whole());
    let (_, recovery) = open(&dir);
    assert_eq!((recovery.events, recovery.damage.len()), (57, 0));

    for at in [3, 9, 17, 30, 40, length / 2] {
        let dir = with_log(20);
        flip(&dir, "journal.db-wal", at);
        let report = verify(dir.path()).unwrap();
        assert!(report.findings.iter().any(|f| f.what.contains("write-ahead log")), "byte {at}: {report}");
        let kept = report.events;
        assert!(kept < 60);
        reopens_with(&dir, kept);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Any byte of any event, changed in any way.
    #[test]
    fn a_changed_byte_of_any_event_is_found(batch in 0..12u64, at: prop::sample::Index, to: u8) {
        let dir = journal_of(12);
        let first = batch * 3 + 1;
        let db = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
        let mut blob: Vec<u8> = db.query_row("SELECT events FROM batch WHERE first_seq = ?1", [first as i64], |r| r.get(0)).unwrap();
        let at = at.index(blob.len());
        prop_assume!(blob[at] != to);
        blob[at] = to;
        db.execute("UPDATE batch SET events = ?2 WHERE first_seq = ?1", rusqlite::params![first as i64, blob]).unwrap();
        drop(db);
        let report = verify(dir.path()).unwrap();
        prop_assert_eq!(report.findings[0].seq, first);
        let (journal, recovery) = open(&dir);
        prop_assert_eq!(journal.head().seq, first - 1);
        prop_assert_eq!(recovery.damage[0].from_seq, first);
    }

    /// Any byte of the file itself: either nothing that matters was hit, or it is found; and it always opens, with a
    /// prefix of what was appended.
    #[test]
    fn a_changed_byte_of_the_file_never_passes_for_events(at: prop::sample::Index, flip in 1..=255u8) {
        let dir = journal_of(40);
        let path = dir.path().join("journal.db");
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        fs::write(&path, bytes).unwrap();
        let whole = verify(dir.path()).unwrap().is_whole();
        let opened = foghorn_journal::Journal::open(dir.path(), foghorn_journal::Options::default());
        let (journal, recovery) = match opened {
            // The number of the format lies in four bytes of the header.
            Err(foghorn_journal::OpenError::Newer { .. }) => { prop_assert!((60..64).contains(&at)); return Ok(()); }
            opened => opened.unwrap(),
        };
        let events = replayed(&journal, 0);
        prop_assert_eq!(&events, &(1..=events.len() as u64).map(|n| (n, event(n))).collect::<Vec<_>>());
        prop_assert_eq!(whole, events.len() == 120 && recovery.damage.is_empty());
    }
}
