//! A journal of format 1, which was chained by SHA-256, is read, verified and gone on with.

use crate::chain::{self, Batch, Head, StoredBatch};
use crate::db::{self, Access};
use crate::journal::{Durability, FILE, Journal, Options};
use crate::verify::verify;
use std::path::Path;

fn batch(id: u8, prev: Head, event: &str) -> Batch {
    Batch { id: [id; 16], prev: prev.hash, at_wall_ms: 1, at_mono_ms: 2, events: [event].iter().collect() }
}

/// As the release before wrote it.
fn write(dir: &Path) -> Head {
    let mut head = Head::GENESIS;
    db::build(&dir.join(FILE), head, None, |builder| {
        for id in 1..=3 {
            let new = StoredBatch::new(&batch(id, head, "{\"old\":true}"), head);
            let old = StoredBatch { hash: new.chained(head.hash, chain::sha256), ..new };
            builder.push(&old)?;
            head = old.head();
        }
        Ok(())
    })
    .unwrap();
    let file = db::connect(&dir.join(FILE), Access::Write(Durability::Off)).unwrap();
    file.pragma_update(None, "user_version", 1).unwrap();
    head
}

#[test]
fn it_is_gone_on_with_and_of_todays_format_from_the_first_append_on() {
    let dir = tempfile::tempdir().unwrap();
    let end = write(dir.path());
    let format = || db::header(&db::connect(&dir.path().join(FILE), Access::Live).unwrap(), "user_version");
    let (mut journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!((recovery.head, recovery.damage), (end, Vec::new()));
    assert_eq!(format().unwrap(), 1, "to look does not change it: the release before can still go on");
    let head = journal.append(&batch(4, end, "{\"old\":false}")).unwrap();
    assert_eq!(format().unwrap(), db::FORMAT);
    drop(journal);
    let (journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!((recovery.head, recovery.batches), (head, 4));
    drop(journal);
    assert!(verify(dir.path()).unwrap().findings.is_empty());
}
