//! Snapshots: what the state was after an event, so that a start need not replay everything.
//!
//! A file is one line of JSON about the snapshot, then its bytes, then a line with their number and sum: a large state is
//! written out as it goes, and never held as text. The last two are kept: if the newest turns out to be bad, the one
//! before will do.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chain::{self, ChainHash, Head};
use crate::db::{self, Access};
use crate::disk;
use crate::error::StoreError;

/// How many are kept.
const KEPT: usize = 2;
/// Format 1 had a SHA-256, and all about the snapshot in the first line.
const FORMAT: u32 = 2;

/// The state after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event that went into it; always the last of its batch.
    pub seq: u64,
    /// The chain's hash at that event: it ties the snapshot to this very journal.
    pub hash: ChainHash,
    /// When it was taken, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// The state, as its owner writes it.
    pub bytes: Vec<u8>,
}

/// Why a snapshot was not kept.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It is of another journal, or of a state that was never appended.
    #[error(
        "event {seq} with hash {hash} is not on this journal's chain: a snapshot is taken of what has been appended"
    )]
    NotOnChain {
        /// The snapshot's.
        seq: u64,
        /// The snapshot's.
        hash: ChainHash,
    },
    /// The disk refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes a state out.
pub type Body = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// A snapshot that is to be written.
pub struct Unwritten {
    /// The chain's head that this is the state after.
    pub head: Head,
    /// When it was taken, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// The state.
    pub body: Body,
}

impl From<Snapshot> for Unwritten {
    fn from(s: Snapshot) -> Unwritten {
        let (head, bytes) = (s.head(), s.bytes);
        Unwritten { head, at_wall_ms: s.at_wall_ms, body: Box::new(move |out| out.write_all(&bytes)) }
    }
}

/// The first line of the file.
#[derive(Serialize, Deserialize)]
struct Header {
    foghorn_snapshot: u32,
    seq: u64,
    chain: ChainHash,
    at_wall_ms: i64,
    /// Here in format 1.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    end: Option<FirstEnd>,
}

#[derive(Serialize, Deserialize)]
struct FirstEnd {
    bytes: u64,
    sha256: ChainHash,
}

/// The last line.
#[derive(Serialize, Deserialize)]
struct End {
    bytes: u64,
    blake3: ChainHash,
}

impl Snapshot {
    /// The chain's head that this is the state after.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }
}

impl Snapshot {
    /// Over all of it.
    pub(crate) fn sum(&self) -> [u8; 32] {
        chain::blake3(&[&about(self.head(), self.at_wall_ms), &self.bytes])
    }
}

/// What the sum covers before the bytes.
fn about(head: Head, at_wall_ms: i64) -> [u8; 48] {
    let mut text = [0; 48];
    text[..8].copy_from_slice(&head.seq.to_be_bytes());
    text[8..40].copy_from_slice(&head.hash.0);
    text[40..].copy_from_slice(&at_wall_ms.to_be_bytes());
    text
}

/// Writes a snapshot of what lies in `dir`'s journal, durably, and removes those before the last two.
pub(crate) fn take(dir: &Path, snapshot: Unwritten) -> Result<(), SnapshotError> {
    let db = db::connect(&dir.join(crate::journal::FILE), Access::Live)?;
    let head = snapshot.head;
    if db::head_at(&db, head.seq)? != Some(head) && db::ends(&db)?.base != head {
        return Err(SnapshotError::NotOnChain { seq: head.seq, hash: head.hash });
    }
    write(dir, snapshot)?;
    for old in files(dir).iter().skip(KEPT) {
        fs::remove_file(old).map_err(StoreError::io("removing", old))?;
    }
    Ok(())
}

/// Counts and sums what goes through.
struct Summed<'a> {
    out: &'a mut dyn Write,
    bytes: u64,
    sum: blake3::Hasher,
}

impl Write for Summed<'_> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.out.write_all(part)?;
        self.bytes += part.len() as u64;
        self.sum.update(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

pub(crate) fn write(dir: &Path, snapshot: Unwritten) -> Result<(), StoreError> {
    let Unwritten { head, at_wall_ms, body } = snapshot;
    let header = Header { foghorn_snapshot: FORMAT, seq: head.seq, chain: head.hash, at_wall_ms, end: None };
    // The number is padded, so that names sort as numbers do.
    disk::write_whole(&dir.join(format!("snapshot-{:020}.json", head.seq)), |out| {
        serde_json::to_writer(&mut *out, &header)?;
        out.write_all(b"\n")?;
        let mut sum = blake3::Hasher::new();
        sum.update(&about(head, at_wall_ms));
        // A state is written a few bytes at a time, and each time would be summed by itself.
        let mut summed = io::BufWriter::with_capacity(1 << 16, Summed { out: &mut *out, bytes: 0, sum });
        body(&mut summed)?;
        let Summed { bytes, sum, .. } = summed.into_inner().map_err(io::IntoInnerError::into_error)?;
        out.write_all(b"\n")?;
        serde_json::to_writer(&mut *out, &End { bytes, blake3: ChainHash(*sum.finalize().as_bytes()) })?;
        out.write_all(b"\n")
    })
}

/// The snapshots' files, newest first.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let is_snapshot = |p: &PathBuf| {
        p.file_name()
            .and_then(|n| n.to_str())
            .is_some_and(|n| n.starts_with("snapshot-") && n.ends_with(".json"))
    };
    let mut found: Vec<_> =
        fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).filter(is_snapshot).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

/// The event that the oldest kept snapshot stands at, going by the files' names.
pub(crate) fn oldest_seq(dir: &Path) -> Option<u64> {
    files(dir).last()?.file_stem()?.to_str()?.strip_prefix("snapshot-")?.parse().ok()
}

/// Reads one and checks it against its own sum. The error says what is wrong with it.
pub(crate) fn read(path: &Path) -> Result<Snapshot, String> {
    let mut bytes = fs::read(path).map_err(|e| e.to_string())?;
    let end = bytes.iter().position(|b| *b == b'\n').ok_or("it has no first line")?;
    let header: Header =
        serde_json::from_slice(&bytes[..end]).map_err(|e| format!("its first line cannot be read: {e}"))?;
    if header.foghorn_snapshot > FORMAT {
        return Err(format!("it is of format {}, and only {FORMAT} is known here", header.foghorn_snapshot));
    }
    bytes.drain(..=end);
    let head = Head { seq: header.seq, hash: header.chain };
    let about = about(head, header.at_wall_ms);
    let (said, fits) = match header.end {
        Some(FirstEnd { bytes: said, sha256 }) => {
            (said, ChainHash(chain::sha256(&[&about, &bytes])) == sha256)
        }
        None => {
            let text = bytes.strip_suffix(b"\n").ok_or("its last line is not whole")?;
            let at = text.iter().rposition(|b| *b == b'\n').ok_or("it has no last line")?;
            let end: End = serde_json::from_slice(&text[at + 1..])
                .map_err(|e| format!("its last line cannot be read: {e}"))?;
            bytes.truncate(at);
            (end.bytes, ChainHash(chain::blake3(&[&about, &bytes])) == end.blake3)
        }
    };
    if bytes.len() as u64 != said {
        return Err(format!("it says {said} bytes and holds {}", bytes.len()));
    }
    if !fits {
        return Err("its checksum does not fit: it was changed".into());
    }
    Ok(Snapshot { seq: header.seq, hash: header.chain, at_wall_ms: header.at_wall_ms, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(bytes: &[u8]) -> Snapshot {
        Snapshot { seq: 12, hash: ChainHash([3; 32]), at_wall_ms: -5, bytes: bytes.to_vec() }
    }

    proptest! {
        #[test]
        fn any_bytes_go_there_and_back(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), sample(&bytes).into()).unwrap();
            prop_assert_eq!(read(&files(dir.path())[0]), Ok(sample(&bytes)));
        }

        #[test]
        fn a_changed_byte_is_found(at: prop::sample::Index, flip in 1..=255u8) {
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), sample(b"{\"a\":1}\n{}").into()).unwrap();
            let path = &files(dir.path())[0];
            let mut bytes = fs::read(path).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            fs::write(path, bytes).unwrap();
            // A change that means the same, as of a digit's case, is harmless; nothing else may pass.
            if let Ok(read) = read(path) {
                prop_assert_eq!(read, sample(b"{\"a\":1}\n{}"));
            }
        }
    }

    #[test]
    fn one_of_format_1_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let old = sample(b"{}");
        let sum = ChainHash(chain::sha256(&[&about(old.head(), old.at_wall_ms), &old.bytes]));
        let chain = old.hash;
        let header = format!(
            r#"{{"foghorn_snapshot":1,"seq":12,"chain":"{chain}","at_wall_ms":-5,"bytes":2,"sha256":"{sum}"}}"#
        );
        let path = dir.path().join("snapshot-12.json");
        fs::write(&path, format!("{header}\n{{}}")).unwrap();
        assert_eq!(read(&path), Ok(old));
        fs::write(&path, format!("{header}\n[]")).unwrap();
        assert_eq!(read(&path), Err("its checksum does not fit: it was changed".to_owned()));
    }

    #[test]
    fn the_oldest_is_told_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(oldest_seq(dir.path()), None);
        for seq in [9, 10, 100] {
            write(dir.path(), Snapshot { seq, ..sample(b"") }.into()).unwrap();
        }
        assert_eq!(oldest_seq(dir.path()), Some(9));
    }
}
