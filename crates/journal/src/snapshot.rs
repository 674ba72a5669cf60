//! Snapshots: what the state was after an event, so that a start need not replay everything.
//!
//! A file is one line of JSON about the snapshot, and then its bytes. The last two are kept: if the newest
//! turns out to be bad, the one before will do.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chain::{self, ChainHash, Head};
use crate::db::{self, Access};
use crate::disk;
use crate::error::StoreError;

/// How many are kept.
const KEPT: usize = 2;
/// Format 1 had a SHA-256 in the place of `blake3`.
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

/// The first line of the file.
#[derive(Serialize, Deserialize)]
struct Header {
    foghorn_snapshot: u32,
    seq: u64,
    chain: ChainHash,
    at_wall_ms: i64,
    bytes: u64,
    /// Of format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<ChainHash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blake3: Option<ChainHash>,
}

impl Snapshot {
    /// The chain's head that this is the state after.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    fn sum(&self, hash: fn(&[&[u8]]) -> [u8; 32]) -> ChainHash {
        ChainHash(hash(&[&self.seq.to_be_bytes(), &self.hash.0, &self.at_wall_ms.to_be_bytes(), &self.bytes]))
    }
}

/// Writes a snapshot of what lies in `dir`'s journal, durably, and removes those before the last two.
pub(crate) fn take(dir: &Path, snapshot: &Snapshot) -> Result<(), SnapshotError> {
    let db = db::connect(&dir.join(crate::journal::FILE), Access::Live)?;
    if db::head_at(&db, snapshot.seq)? != Some(snapshot.head()) && db::ends(&db)?.base != snapshot.head() {
        return Err(SnapshotError::NotOnChain { seq: snapshot.seq, hash: snapshot.hash });
    }
    write(dir, snapshot)?;
    for old in files(dir).iter().skip(KEPT) {
        fs::remove_file(old).map_err(StoreError::io("removing", old))?;
    }
    Ok(())
}

pub(crate) fn write(dir: &Path, snapshot: &Snapshot) -> Result<(), StoreError> {
    let header = Header {
        foghorn_snapshot: FORMAT,
        seq: snapshot.seq,
        chain: snapshot.hash,
        at_wall_ms: snapshot.at_wall_ms,
        bytes: snapshot.bytes.len() as u64,
        sha256: None,
        blake3: Some(snapshot.sum(chain::blake3)),
    };
    // The number is padded, so that names sort as numbers do.
    disk::write_whole(&dir.join(format!("snapshot-{:020}.json", snapshot.seq)), |out| {
        serde_json::to_writer(&mut *out, &header)?;
        out.write_all(b"\n")?;
        out.write_all(&snapshot.bytes)
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
    if bytes.len() as u64 != header.bytes {
        return Err(format!("it says {} bytes and holds {}", header.bytes, bytes.len()));
    }
    let snapshot = Snapshot { seq: header.seq, hash: header.chain, at_wall_ms: header.at_wall_ms, bytes };
    let fits = match (header.blake3, header.sha256) {
        (Some(sum), _) => snapshot.sum(chain::blake3) == sum,
        (None, Some(sum)) => snapshot.sum(chain::sha256) == sum,
        (None, None) => return Err("its first line has no checksum".into()),
    };
    if fits { Ok(snapshot) } else { Err("its checksum does not fit: it was changed".into()) }
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
            write(dir.path(), &sample(&bytes)).unwrap();
            prop_assert_eq!(read(&files(dir.path())[0]), Ok(sample(&bytes)));
        }

        #[test]
        fn a_changed_byte_is_found(at: prop::sample::Index, flip in 1..=255u8) {
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), &sample(b"{\"a\":1}\n{}")).unwrap();
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
        let sum = old.sum(chain::sha256);
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
            write(dir.path(), &Snapshot { seq, ..sample(b"") }).unwrap();
        }
        assert_eq!(oldest_seq(dir.path()), Some(9));
    }
}
