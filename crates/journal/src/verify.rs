//! Reading everything and saying what is wrong, and dumping it. Neither writes, and both work beside a running
//! server, on a copy, and on a backup.

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::Serialize;

use crate::backup::CHANGED;
use crate::chain::{Head, StoredBatch, hex};
use crate::db::{self, Access, Carried, Kind};
use crate::error::StoreError;
use crate::journal::FILE;
use crate::{archive, beside, history, lock, read, snapshot, wal};

/// One page full of findings says as much as a million.
const MAX_FINDINGS: usize = 1000;
/// How often a checkpoint may move batches while they are verified.
const TRIES: usize = 4;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The event from which on something is wrong; 0 if the events are not concerned.
    pub seq: u64,
    /// The batch, by its id in hexadecimal, where one is concerned.
    pub batch: Option<String>,
    /// What is wrong.
    pub what: String,
}

/// What a verification read, and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The file that was verified.
    pub path: PathBuf,
    /// The first event that was read; 0 if there is none.
    pub first_seq: u64,
    /// Where the chain ends.
    pub head: Head,
    /// How many batches were read, archived ones included.
    pub batches: u64,
    /// How many events.
    pub events: u64,
    /// How many archived segments.
    pub segments: u64,
    /// How many snapshots were checked.
    pub snapshots: u64,
    /// Everything that is wrong, up to a thousand.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Is nothing wrong?
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { path, first_seq, head, batches, events, segments, snapshots, findings } = self;
        writeln!(f, "{}: {events} events in {batches} batches, {first_seq} to {}", path.display(), head.seq)?;
        writeln!(f, "archived segments: {segments}, snapshots: {snapshots}, head {}", head.hash)?;
        for Finding { seq, batch, what } in findings {
            let batch = batch.as_ref().map_or(String::new(), |id| format!(", batch {id}"));
            match seq {
                0 => writeln!(f, "DAMAGED: {what}")?,
                _ => writeln!(f, "DAMAGED at event {seq}{batch}: {what}")?,
            }
        }
        write!(f, "{}", if findings.is_empty() { "whole" } else { "DAMAGED" })
    }
}

/// Reads every event of a data directory, or of one file such as a backup, and checks the chain, counts, the
/// archive and the snapshots. The error is only for what cannot be looked at; damage is in the report.
pub fn verify(path: &Path) -> Result<Report, StoreError> {
    let (dir, file) = if path.is_dir() { (Some(path), path.join(FILE)) } else { (None, path.to_owned()) };
    std::fs::metadata(&file).map_err(StoreError::io("reading", &file))?;
    let running = || dir.is_some_and(lock::is_taken);
    let mut report = Report {
        path: file.clone(),
        first_seq: 0,
        head: Head::GENESIS,
        batches: 0,
        events: 0,
        segments: 0,
        snapshots: 0,
        findings: Vec::new(),
    };
    for _ in 0..TRIES {
        let live = running();
        let mut pass = Pass {
            report: Report { findings: Vec::new(), ..report.clone() },
            prev: Head::GENESIS,
            marks: Vec::new(),
            snapshot: 0,
        };
        let moved = pass.run(dir, &file, live);
        report = pass.report;
        // A server that started, or moved batches into the archive, under a reader's feet is no damage.
        if report.is_whole() || (!moved && (live || !running())) {
            break;
        }
    }
    Ok(report)
}

struct Pass {
    report: Report,
    prev: Head,
    /// Places on the chain that snapshots speak of.
    marks: Vec<(String, Head)>,
    /// The last event that a good snapshot covers.
    snapshot: u64,
}

impl Pass {
    fn found(&mut self, seq: u64, batch: Option<&StoredBatch>, what: impl Into<String>) {
        if self.report.findings.len() < MAX_FINDINGS {
            self.report.findings.push(Finding { seq, batch: batch.map(|b| hex(&b.id)), what: what.into() });
        }
    }

    fn found_error(&mut self, error: &StoreError) {
        match error {
            StoreError::Damaged { seq, why } => self.found(*seq, None, why.clone()),
            StoreError::Beside => self.found(0, None, error.to_string()),
            other => self.found(self.prev.seq.saturating_add(1), None, format!("reading stopped: {other}")),
        }
    }

    /// Goes over everything once. Says whether a checkpoint moved batches meanwhile.
    fn run(&mut self, dir: Option<&Path>, file: &Path, live: bool) -> bool {
        (self.report.batches, self.report.events, self.report.segments, self.report.first_seq) = (0, 0, 0, 0);
        if let Some(dir) = dir {
            self.read_snapshots(dir);
        }
        let open = |access| {
            let db = db::connect(file, access)?;
            match db::kind(&db)? {
                Kind::Journal => Ok((db::ends(&db)?, db)),
                Kind::Newer(found) => Err(StoreError::Damaged {
                    seq: 1,
                    why: format!("format {found} is newer than this release knows"),
                }),
                Kind::Foreign => {
                    Err(StoreError::Damaged { seq: 1, why: "this is not a journal of Foghorn's".into() })
                }
            }
        };
        // A server on a read-only disk has no index of its log to share.
        let opened =
            if live { open(Access::Live).or_else(|_| open(Access::Still)) } else { open(Access::Still) };
        let (ends, db) = match opened {
            Ok(opened) => opened,
            Err(e) => {
                self.found_error(&e);
                return false;
            }
        };
        if let Some(dir) = dir {
            self.read_archive(dir, ends.base);
        }
        self.mark(ends.base);
        self.prev = ends.base;
        let mut marked = ends.base == ends.head;
        let read = db::rows(&db, ends.base.seq, |batch| {
            self.check(&batch);
            marked |= self.prev == ends.head;
            ControlFlow::Continue(())
        });
        if let Err(e) = read {
            self.found_error(&e);
        } else if !marked {
            let what = format!(
                "the journal says that it ends, or ended, at event {} with hash {}, and that is not there",
                ends.head.seq, ends.head.hash
            );
            self.found(self.prev.seq.saturating_add(1), None, what);
        }
        if !live && let Some(what) = wal::damage(&db::beside(file, "-wal")) {
            self.found(self.prev.seq.saturating_add(1), None, what);
        }
        self.report.head = self.prev;
        self.check_marks(&db, dir.is_none());
        self.check_beginning(ends.base);
        if let Err(e) = beside::check(&db) {
            self.found_error(&e);
        }
        db::ends(&db).is_ok_and(|now| now.base != ends.base)
    }

    /// The next batch. After a bad one the next is judged by what the bad one claims to be, so that one change is one
    /// finding.
    fn check(&mut self, batch: &StoredBatch) {
        if let Err(what) = batch.check(self.prev) {
            self.found(batch.first_seq.min(self.prev.seq.saturating_add(1)), Some(batch), what);
        }
        if self.report.batches == 0 {
            self.report.first_seq = batch.first_seq;
        }
        self.report.batches += 1;
        self.report.events += batch.count;
        self.prev = batch.head();
        self.mark(self.prev);
    }

    fn read_archive(&mut self, dir: &Path, base: Head) {
        for segment in archive::segments(dir) {
            if segment.first > base.seq {
                // Sealed, and then the batches stayed in the file: they are read from there.
                continue;
            }
            self.report.segments += 1;
            let mut first = true;
            let read = archive::read_segment(&segment, |prev, batch| {
                if std::mem::take(&mut first)
                    && (self.report.batches == 0 || batch.first_seq > self.prev.seq.saturating_add(1))
                {
                    // Older segments may have been moved elsewhere; one from the middle may not.
                    if self.report.batches > 0 || (segment.first == 1 && prev != Head::GENESIS) {
                        self.found(
                            self.prev.seq.saturating_add(1),
                            None,
                            format!("events up to {} are in neither the archive nor the journal", prev.seq),
                        );
                    }
                    self.prev = prev;
                }
                if batch.first_seq > base.seq {
                    return ControlFlow::Break(());
                }
                if batch.last_seq() > self.prev.seq {
                    self.check(&batch);
                }
                ControlFlow::Continue(())
            });
            if let Err(e) = read {
                self.found_error(&e);
            }
        }
        if self.report.segments > 0 && self.prev != base {
            self.found(
                self.prev.seq.saturating_add(1),
                None,
                format!(
                    "the archive ends at event {}, and the journal goes on from event {}",
                    self.prev.seq, base.seq
                ),
            );
        }
    }

    fn read_snapshots(&mut self, dir: &Path) {
        for file in snapshot::files(dir) {
            match snapshot::read(&file) {
                Ok(s) => {
                    self.snapshot = self.snapshot.max(s.seq);
                    self.marks.push((file.display().to_string(), s.head()));
                }
                // Removed meanwhile, as a newer one came.
                Err(_) if !file.exists() => continue,
                Err(why) => {
                    self.found(snapshot_seq(&file), None, format!("snapshot {}: {why}", file.display()))
                }
            }
            self.report.snapshots += 1;
        }
    }

    /// The chain passes here.
    fn mark(&mut self, head: Head) {
        self.marks.retain(|(_, mark)| *mark != head);
    }

    /// What was taken out of the file is in the archive, or a snapshot has what became of it.
    fn check_beginning(&mut self, base: Head) {
        if base.seq > 0 && self.report.segments == 0 && self.snapshot < base.seq {
            let what = format!(
                "it goes on from event {}, and neither archive nor snapshot has what came before",
                base.seq.saturating_add(1)
            );
            self.found(1, None, what);
        }
    }

    /// Snapshots that the chain did not pass, and the one that `travels` in a backup.
    fn check_marks(&mut self, db: &Connection, travels: bool) {
        let carried = match db::carried_snapshot(db) {
            Ok(Carried::Whole(s) | Carried::Unsummed(s)) => Some(s),
            Ok(Carried::None) => None,
            Ok(Carried::Changed(seq)) => {
                self.found(seq, None, CHANGED);
                None
            }
            Err(e) if travels => {
                self.found_error(&e);
                None
            }
            // A journal in use carries none: it has files.
            Err(_) => None,
        };
        if let Some(s) = carried {
            self.report.snapshots += 1;
            self.snapshot = self.snapshot.max(s.seq);
            let on_chain = db::ends(db).is_ok_and(|e| e.base == s.head())
                || db::head_at(db, s.seq).ok().flatten() == Some(s.head());
            if !on_chain {
                self.marks.push(("in the file".into(), s.head()));
            }
        }
        for (name, mark) in std::mem::take(&mut self.marks) {
            self.found(
                mark.seq,
                None,
                format!(
                    "snapshot {name}: no batch of the journal ends at event {} with hash {}",
                    mark.seq, mark.hash
                ),
            );
        }
    }
}

fn snapshot_seq(file: &Path) -> u64 {
    file.file_stem()
        .and_then(|s| s.to_str())
        .and_then(|s| s.strip_prefix("snapshot-"))
        .and_then(|s| s.parse().ok())
        .unwrap_or(0)
}

/// Calls `each` with the number, the wall clock (milliseconds since the Unix epoch) and the payload of every event
/// after `after`, in order, of a data directory or of one file such as a backup. Says how many there were.
///
/// # Errors
/// [`StoreError::Io`] if there is no such file; what is damaged or cannot be read.
pub fn dump(path: &Path, after: u64, mut each: impl FnMut(u64, i64, &[u8])) -> Result<u64, StoreError> {
    let file = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
    std::fs::metadata(&file).map_err(StoreError::io("reading", &file))?;
    let db = if path.is_dir() { read::connect(path)?.0 } else { db::connect(path, Access::Still)? };
    let mut count = 0;
    history::each(path, &db, after, |batch| {
        for (seq, payload) in batch.events().filter(|(seq, _)| *seq > after) {
            each(seq, batch.at_wall_ms, payload);
            count += 1;
        }
        ControlFlow::Continue(())
    })?;
    Ok(count)
}
