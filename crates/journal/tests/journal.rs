//! The journal from outside: append, replay, snapshots, retention, backups, and one process a directory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod common;

use std::fs;

use common::{Dir, append, append_n, batch, event, open, replayed};
use foghorn_journal::{
    AppendError, BackupError, Beside, ChainHash, CheckpointError, Head, Journal, MAX_PAGE, OpenError,
    Options, ReadHandle, Refusal, RestoreError, SettleError, Settled, SnapshotError, StoreError, backup,
    dump, restore, verify,
};

#[test]
fn what_was_appended_is_there_after_a_restart() {
    let dir = Dir::new();
    let (mut journal, recovery) = open(&dir);
    assert_eq!((recovery.head, recovery.events), (Head::GENESIS, 0));
    assert!(recovery.damage.is_empty() && recovery.read_only.is_none());
    let head = append_n(&mut journal, 10, 3);
    assert_eq!(head.seq, 30);
    drop(journal);
    let (journal, recovery) = open(&dir);
    assert_eq!((journal.head(), recovery.batches, recovery.events), (head, 10, 30));
    assert_eq!(replayed(&journal, 0), (1..=30).map(|n| (n, event(n))).collect::<Vec<_>>());
    // From the middle of a batch on, the whole batch comes.
    assert_eq!(replayed(&journal, 28).first().map(|e| e.0), Some(28));
    assert_eq!(replayed(&journal, 30), []);
    let report = verify(dir.path()).unwrap();
    assert!(report.is_whole(), "{report}");
    assert_eq!((report.batches, report.events, report.first_seq, report.head), (10, 30, 1, head));
}

#[test]
fn a_batch_decided_on_an_old_head_loses() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    let head = append(&mut journal, 1).unwrap();
    let stale = batch(2, ChainHash::GENESIS, 2, 1);
    assert_eq!(journal.append(&stale), Err(AppendError::LostRace { head }));
    assert_eq!(append(&mut journal, 1).unwrap().seq, 2);
}

#[test]
fn what_cannot_be_kept_is_refused_and_harms_nothing() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    let mut bad = batch(1, ChainHash::GENESIS, 1, 1);
    bad.events = [b"{\n}"].into_iter().collect();
    let Err(AppendError::Refused { why: Refusal::Invalid(why) }) = journal.append(&bad) else {
        panic!("a newline in an event")
    };
    assert_eq!(why, "2 lines where the batch says 1: write the JSON of each event on one line");
    assert_eq!(append(&mut journal, 1).unwrap().seq, 1);
}

#[test]
fn settling_tells_what_is_there_from_what_is_not() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    let there = batch(1, journal.head().hash, 1, 2);
    let head = journal.append(&there).unwrap();
    let Ok(Settled::Durable(recovery)) = journal.settle(&there.id) else { panic!("it is there") };
    assert_eq!(recovery.head, head);
    let Ok(Settled::NotThere(recovery)) = journal.settle(&[9; 16]) else { panic!("it is not there") };
    assert_eq!(recovery.head, head);
    assert_eq!(append(&mut journal, 1).unwrap().seq, 3);
}

/// A disk that is let go under the open file, or a directory that is moved: what is written then reaches nothing that a
/// start will find. Nothing is begun anew in its place, and when it is back it goes on.
#[test]
fn nothing_is_acknowledged_while_the_directory_is_away() {
    let dir = Dir::new();
    let (home, away) = (dir.path().join("data"), dir.path().join("elsewhere"));
    let (mut journal, _) = Journal::open(&home, Options::default()).unwrap();
    append_n(&mut journal, 3, 1);
    fs::rename(&home, &away).unwrap();
    let lost = batch(1, journal.head().hash, 4, 1);
    let Err(AppendError::Unknown(why)) = journal.append(&lost) else { panic!("it is durable nowhere") };
    assert!(why.starts_with("journal.db is not in "), "{why}");
    let Err(SettleError::StillDown(why)) = journal.settle(&lost.id) else { panic!("it is away") };
    assert!(why.contains("takes no writes"), "{why}");
    // An empty directory in its place, as a mount point is.
    fs::create_dir(&home).unwrap();
    let Err(SettleError::StillDown(why)) = journal.settle(&lost.id) else { panic!("it is not begun anew") };
    assert!(why.contains("mount its disk again or put it back"), "{why}");
    assert!(!home.join("journal.db").exists());
    fs::remove_dir_all(&home).unwrap();
    fs::rename(&away, &home).unwrap();
    let Ok(Settled::Durable(recovery)) = journal.settle(&lost.id) else {
        panic!("it was written all the same")
    };
    assert_eq!(recovery.head.seq, 4);
    assert_eq!(append(&mut journal, 1).unwrap().seq, 5);
}

/// It is looked at every second: a long journal is not read through each time.
#[test]
fn a_disk_that_still_takes_no_writes_is_not_read_again() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    append_n(&mut journal, 3, 1);
    // Where a file is to be, so that nothing can be written.
    let in_the_way = dir.path().join("probe.tmp");
    fs::create_dir(&in_the_way).unwrap();
    let down = |journal: &mut Journal| matches!(journal.settle(&[9; 16]), Err(SettleError::StillDown(why)) if why.contains("takes no writes"));
    assert!(down(&mut journal));
    fs::rename(dir.path().join("journal.db"), dir.path().join("elsewhere")).unwrap();
    assert!(down(&mut journal));
    assert_eq!(replayed(&journal, 0).len(), 3);
    fs::rename(dir.path().join("elsewhere"), dir.path().join("journal.db")).unwrap();
    fs::remove_dir(&in_the_way).unwrap();
    assert!(matches!(journal.settle(&[9; 16]), Ok(Settled::NotThere(_))));
    assert_eq!(append(&mut journal, 1).unwrap().seq, 4);
}

/// A snapshot may be being written while the journal is looked at.
#[test]
fn only_a_start_removes_what_is_half_written() {
    let dir = Dir::new();
    let half = dir.path().join("snapshot-00000000000000000003.tmp");
    fs::write(&half, "half").unwrap();
    let (mut journal, _) = open(&dir);
    assert!(!half.exists());
    fs::write(&half, "half").unwrap();
    assert!(matches!(journal.settle(&[9; 16]), Ok(Settled::NotThere(_))));
    assert!(half.exists());
}

#[test]
fn a_second_process_is_told_who_the_first_is() {
    let dir = Dir::new();
    let (journal, _) = open(&dir);
    let Err(OpenError::Locked { pid, .. }) = Journal::open(dir.path(), Options::default()) else {
        panic!("the directory is taken")
    };
    assert_eq!(pid, Some(std::process::id()));
    drop(journal);
    open(&dir);
}

#[test]
fn a_later_format_is_refused_and_left_alone() {
    let dir = Dir::new();
    append_n(&mut open(&dir).0, 3, 1);
    dir.sql("PRAGMA user_version = 7");
    let error = Journal::open(dir.path(), Options::default()).map(|_| ()).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "journal.db is of format 7, and this release knows formats up to 2: use the release that wrote it, or a later one"
        ),
        "{error}"
    );
    dir.sql("PRAGMA user_version = 2");
    assert_eq!(open(&dir).1.events, 3);
}

#[test]
fn a_start_replays_only_what_the_newest_good_snapshot_lacks() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    for n in 0..3 {
        append_n(&mut journal, 10, 1);
        dir.snapshot(&journal, &format!("state {n}")).unwrap();
    }
    append_n(&mut journal, 5, 2);
    drop(journal);
    assert_eq!(dir.names("snapshot-").len(), 2, "the last two are kept");

    let (journal, recovery) = open(&dir);
    assert_eq!(recovery.snapshot.map(|s| (s.seq, s.bytes)), Some((30, b"state 2".to_vec())));
    assert_eq!((recovery.batches, recovery.events), (5, 10));
    drop(journal);

    let newest = dir.path().join(dir.names("snapshot-").pop().unwrap());
    let mut bytes = fs::read(&newest).unwrap();
    let state = bytes.windows(7).position(|text| text == b"state 2").unwrap();
    bytes[state] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let (_, recovery) = open(&dir);
    assert_eq!(recovery.snapshot.map(|s| s.seq), Some(20));
    assert_eq!(recovery.skipped_snapshots.len(), 1);
    assert!(recovery.skipped_snapshots[0].ends_with("its checksum does not fit: it was changed"));
    assert!(recovery.damage.is_empty());
    assert_eq!(verify(dir.path()).unwrap().findings.len(), 1);
}

#[test]
fn a_snapshot_of_another_chain_is_neither_taken_nor_used() {
    let (dir, other) = (Dir::new(), Dir::new());
    let (mut journal, _) = open(&dir);
    append_n(&mut journal, 10, 1);
    let (mut elsewhere, _) = open(&other);
    append_n(&mut elsewhere, 5, 2);
    other.snapshot(&elsewhere, "elsewhere").unwrap();
    let name = other.names("snapshot-").pop().unwrap();
    let foreign = common::snapshot_of(elsewhere.head(), "elsewhere");
    assert!(matches!(journal.snapshot(foreign), Err(SnapshotError::NotOnChain { seq: 10, .. })));
    drop(journal);
    fs::copy(other.path().join(&name), dir.path().join(&name)).unwrap();
    let (_, recovery) = open(&dir);
    assert_eq!((recovery.snapshot, recovery.events), (None, 10));
    assert!(recovery.skipped_snapshots[0].ends_with("event 10 has another hash in the journal"));
}

#[test]
fn a_checkpoint_moves_what_a_snapshot_covers_into_the_archive() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    append_n(&mut journal, 600, 2);
    assert!(matches!(journal.checkpoint(100), Err(CheckpointError::NoSnapshot)));
    dir.snapshot(&journal, "at 1200").unwrap();
    append_n(&mut journal, 50, 2);
    assert_eq!(journal.checkpoint(501).unwrap().seq, 500, "not through the middle of a batch");
    assert_eq!(journal.checkpoint(u64::MAX).unwrap().seq, 1200, "no further than the snapshot");
    assert_eq!(journal.checkpoint(u64::MAX).unwrap().seq, 1200);
    assert_eq!(dir.rows(), 50);
    let head = journal.head();
    // Everything is still read as one sequence.
    assert_eq!(replayed(&journal, 0).len(), 1300);
    assert_eq!(replayed(&journal, 450).first().map(|e| e.0), Some(451));
    let page = ReadHandle::new(dir.path()).page(499, 2).unwrap();
    assert_eq!(page.events.iter().map(|e| e.seq).collect::<Vec<_>>(), [500, 501]);
    let report = verify(dir.path()).unwrap();
    assert!(report.is_whole(), "{report}");
    assert_eq!((report.segments, report.events, report.head), (2, 1300, head));
    drop(journal);
    let (journal, recovery) = open(&dir);
    assert_eq!((recovery.base.seq, recovery.events, recovery.head), (1200, 100, head));
    drop(journal);

    // Without its snapshot the state comes from the archive.
    fs::remove_file(dir.path().join(dir.names("snapshot-").pop().unwrap())).unwrap();
    let (journal, recovery) = open(&dir);
    assert!(recovery.snapshot.is_none() && recovery.skipped_snapshots.is_empty());
    assert_eq!(replayed(&journal, 0).len(), 1300);
    drop(journal);
    for segment in fs::read_dir(dir.path().join("archive")).unwrap() {
        fs::remove_file(segment.unwrap().path()).unwrap();
    }
    assert_eq!(
        open(&dir).1.missing.as_deref(),
        Some("no snapshot can be used, and events 1 to 1200 are in neither the journal nor the archive")
    );
    let findings = verify(dir.path()).unwrap().findings;
    let [finding] = &findings[..] else { panic!("one finding, not {findings:?}") };
    assert_eq!(
        (finding.seq, &*finding.what),
        (1, "it goes on from event 1201, and neither archive nor snapshot has what came before")
    );
}

#[test]
fn a_checkpoint_may_drop_what_it_takes_out() {
    let dir = Dir::new();
    let (mut journal, _) =
        Journal::open(dir.path(), Options { archive: false, ..Options::default() }).unwrap();
    append_n(&mut journal, 20, 1);
    dir.snapshot(&journal, "at 20").unwrap();
    append_n(&mut journal, 20, 1);
    journal.checkpoint(20).unwrap();
    let report = verify(dir.path()).unwrap();
    assert!(report.is_whole(), "{report}");
    assert_eq!((report.segments, report.first_seq, report.events), (0, 21, 20));
}

#[test]
fn pages_are_bounded_and_complete() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    let mut reader = ReadHandle::new(dir.path());
    let mut read = Vec::new();
    for _ in 0..30 {
        append_n(&mut journal, 10, 7);
        let page = reader.page(read.len() as u64, 100).unwrap();
        assert_eq!(page.head_seq, journal.head().seq);
        read.extend(page.events.into_iter().map(|e| (e.seq, e.payload)));
    }
    assert_eq!(read, (1..=2100).map(|n| (n, event(n))).collect::<Vec<_>>());
    assert_eq!(reader.page(0, usize::MAX).unwrap().events.len(), MAX_PAGE);
    assert_eq!(reader.page(0, 0).unwrap().events.len(), 0);
    assert_eq!(reader.page(u64::MAX, 1).unwrap().events.len(), 0);
}

/// A page that is cut by its bytes, or by the most events of one, says that there is more.
#[test]
fn a_page_says_whether_there_is_more() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    append_n(&mut journal, 1, MAX_PAGE as u64 + 1);
    let mut reader = ReadHandle::new(dir.path());
    assert!(reader.page(0, usize::MAX).unwrap().more);
    for (after, limit, more) in [(1, MAX_PAGE, false), (1, MAX_PAGE - 1, true), (u64::MAX, 1, false)] {
        assert_eq!(reader.page(after, limit).unwrap().more, more, "after {after}, {limit}");
    }
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(3 << 20));
    let mut batch = common::batch(1, journal.head().hash, 1, 1);
    batch.events = (0..5).map(|_| &large).collect();
    let first = journal.head().seq;
    journal.append(&batch).unwrap();
    let page = reader.page(first, 100).unwrap();
    assert_eq!((page.events.len(), page.more), (3, true));
    let page = reader.page(first + 3, 100).unwrap();
    assert_eq!((page.events.len(), page.more), (2, false));
}

#[test]
fn a_dump_is_what_was_appended() {
    let dir = Dir::new();
    append_n(&mut open(&dir).0, 4, 3);
    let mut lines = Vec::new();
    let count = dump(dir.path(), 5, |seq, at, payload| lines.push((seq, at, payload.to_vec()))).unwrap();
    assert_eq!(count, 7);
    assert_eq!(lines, (6..=12).map(|n| (n, common::AT, event(n))).collect::<Vec<_>>());
}

#[test]
fn a_backup_comes_back_whole() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    append_n(&mut journal, 40, 1);
    dir.snapshot(&journal, "at 40").unwrap();
    journal.checkpoint(30).unwrap();
    append_n(&mut journal, 10, 1);
    let file = dir.path().join("backup.db");
    // The journal is open: this is a running server's.
    let copied = backup(dir.path(), &[], &file).unwrap();
    let head = copied.head;
    assert!(copied.left_out.is_empty());
    assert_eq!(head, journal.head());
    assert!(matches!(backup(dir.path(), &[], &file), Err(BackupError::Exists(_))));
    let report = verify(&file).unwrap();
    assert!(report.is_whole(), "{report}");
    assert_eq!((report.events, report.first_seq, report.snapshots), (50, 1, 1), "what was archived is in it");

    assert!(matches!(restore(&file, dir.path()), Err(RestoreError::NotEmpty(_))));
    let new = Dir::new();
    let into = new.path().join("restored");
    assert_eq!(restore(&file, &into).unwrap().head, head);
    let (mut restored, recovery) = Journal::open(&into, Options::default()).unwrap();
    assert_eq!((recovery.head, recovery.snapshot.map(|s| s.bytes)), (head, Some(b"at 40".to_vec())));
    assert_eq!(replayed(&restored, 0), replayed(&journal, 0));
    assert_eq!(append(&mut restored, 1).unwrap().seq, 51);
    assert!(verify(&into).unwrap().is_whole());
}

/// Nobody's name, silence or acknowledgement in the state may be another's after a restoration.
#[test]
fn a_snapshot_that_was_changed_in_a_backup_is_found_and_not_restored() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    append_n(&mut journal, 40, 1);
    dir.snapshot(&journal, "at 40").unwrap();
    journal.checkpoint(30).unwrap();
    let all = replayed(&journal, 0);
    let (whole, cut) = (dir.path().join("whole.db"), dir.path().join("cut.db"));
    backup(dir.path(), &[], &whole).unwrap();
    fs::remove_dir_all(dir.path().join("archive")).unwrap();
    backup(dir.path(), &[], &cut).unwrap();
    let made = Dir::new();
    let restored = |file: &std::path::Path, name: &str| {
        let into = made.path().join(name);
        restore(file, &into).map(|_| Journal::open(&into, Options::default()).unwrap())
    };
    for (n, change) in [
        "UPDATE snapshot SET bytes = CAST('at 41' AS BLOB)",
        "UPDATE snapshot SET at_wall_ms = 0",
        "DELETE FROM snapshot",
        "DELETE FROM snapshot_sum",
    ]
    .iter()
    .enumerate()
    {
        let changed = dir.path().join("changed.db");
        fs::copy(&cut, &changed).unwrap();
        common::sql(&changed, change);
        let report = verify(&changed).unwrap().to_string();
        assert!(report.contains("DAMAGED at event 40: the snapshot in the file was changed"), "{report}");
        // Where there is nothing else to make the state of, it is refused.
        let error = restored(&changed, "none").map(drop).unwrap_err().to_string();
        assert!(error.contains("the snapshot in the file was changed"), "{error}");
        // Where every event is there, the state is made of those.
        fs::copy(&whole, &changed).unwrap();
        common::sql(&changed, change);
        assert!(!verify(&changed).unwrap().is_whole());
        let (journal, recovery) = restored(&changed, &format!("all {n}")).unwrap();
        assert!(recovery.snapshot.is_none() && replayed(&journal, 0) == all, "{change}");
    }
    // An earlier release left nothing to hold it against: it is taken only where there is nothing else.
    for (file, name, taken) in [(&whole, "old", None), (&cut, "old and cut", Some(40))] {
        common::sql(file, "DROP TABLE snapshot_sum");
        assert!(verify(file).unwrap().is_whole());
        assert_eq!(restored(file, name).unwrap().1.snapshot.map(|s| s.seq), taken);
    }
}

#[test]
fn only_a_whole_backup_is_restored() {
    let dir = Dir::new();
    append_n(&mut open(&dir).0, 40, 1);
    let file = dir.path().join("backup.db");
    backup(dir.path(), &[], &file).unwrap();
    common::sql(&file, "DELETE FROM batch WHERE first_seq = 40");
    // Neither a directory that it made, nor anything in one that was there, stays behind.
    let (deep, there) = (dir.path().join("a/b"), Dir::new());
    assert!(restore(&file, there.path()).is_err());
    assert_eq!(fs::read_dir(there.path()).unwrap().count(), 0);
    let error = restore(&file, &deep).unwrap_err().to_string();
    assert!(!dir.path().join("a").exists());
    assert_eq!(
        error,
        "damaged at event 40: the file says that it ends at event 40, and event 39 is the last one there"
    );
    fs::write(&file, "something else").unwrap();
    assert!(matches!(restore(&file, &dir.path().join("b")), Err(RestoreError::NotABackup(_))));
    assert!(restore(&dir.path().join("none"), &dir.path().join("c")).is_err());
    assert!(!dir.path().join("b").exists() && !dir.path().join("c").exists());
}

#[test]
fn what_lies_beside_the_journal_travels_along() {
    let dir = Dir::new();
    let (mut journal, _) = open(&dir);
    append_n(&mut journal, 3, 1);
    let at = |name: &str| dir.path().join(name);
    // A database in use, whose last rows are in its log alone; one that is no database; a file; and one that is not there.
    let people = rusqlite::Connection::open(at("people.db")).unwrap();
    people.pragma_update(None, "journal_mode", "WAL").unwrap();
    people.execute_batch("CREATE TABLE p (name TEXT); INSERT INTO p VALUES ('ana')").unwrap();
    fs::write(at("broken.db"), "no database at all, but a letter to whoever opens it").unwrap();
    let large: Vec<u8> = (0..3 << 20).map(|n: u32| (n % 251) as u8).collect();
    fs::write(at("large"), &large).unwrap();
    fs::write(at("nothing"), "").unwrap();
    let beside = [
        Beside::Database("people.db"),
        Beside::Database("broken.db"),
        Beside::File("large"),
        Beside::File("nothing"),
        Beside::File("none"),
    ];
    let file = at("backup.db");
    let copied = backup(dir.path(), &beside, &file).unwrap();
    assert_eq!(copied.left_out, ["broken.db: file is not a database"]);
    assert!(verify(&file).unwrap().is_whole());
    people.execute_batch("INSERT INTO p VALUES ('ben')").unwrap();

    let into = at("restored");
    let restored = restore(&file, &into).unwrap();
    assert_eq!(restored.beside, ["large", "nothing", "people.db"]);
    assert_eq!(
        (fs::read(into.join("large")).unwrap(), fs::read(into.join("nothing")).unwrap()),
        (large, vec![])
    );
    let names = |path: &std::path::Path| -> String {
        let db = rusqlite::Connection::open(path).unwrap();
        db.query_row("SELECT group_concat(name) FROM p", [], |row| row.get(0)).unwrap()
    };
    assert_eq!((names(&into.join("people.db")), names(&at("people.db"))), ("ana".into(), "ana,ben".into()));
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|n| n.to_string_lossy().contains("beside")), "{left:?}");

    // One that somebody writes to for long is left out, and said: it must not travel as an empty one.
    fs::remove_file(at("broken.db")).unwrap();
    people.pragma_update(None, "journal_mode", "DELETE").unwrap();
    people.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let busy = backup(dir.path(), &beside, &at("busy.db")).unwrap();
    assert_eq!(busy.left_out, ["people.db: somebody is writing to it"]);
    assert_eq!(restore(&at("busy.db"), &at("without")).unwrap().beside, ["large", "nothing"]);
    people.execute_batch("ROLLBACK").unwrap();

    // A key that was exchanged, or an account that was taken out, is found.
    for change in [
        "UPDATE beside SET bytes = x'00' WHERE name = 'large' AND part = 1",
        "DELETE FROM beside WHERE name = 'people.db'",
    ] {
        let changed = at("changed.db");
        fs::copy(&file, &changed).unwrap();
        common::sql(&changed, change);
        let report = verify(&changed).unwrap().to_string();
        assert!(report.contains("DAMAGED: what lies beside the journal in the backup"), "{report}");
        assert!(matches!(restore(&changed, &at("again")), Err(RestoreError::Store(StoreError::Beside))));
    }

    // A backup that somebody else made must not write where it likes.
    common::sql(&file, "UPDATE beside SET name = '../escaped' WHERE name = 'nothing'");
    assert!(matches!(restore(&file, &at("again")), Err(RestoreError::Name { .. })));
    assert!(!at("escaped").exists() && !at("again").exists());
}
