//! Batches, how their events lie in a blob, and the hash that chains them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The most bytes of events in one batch. A batch is one SQLite blob and is held in memory as a whole.
pub const MAX_BATCH_BYTES: usize = 64 << 20;

/// What a batch is known by, from before its append is tried, so that an append of unknown outcome can be looked up.
pub type BatchId = [u8; 16];

/// BLAKE3 over everything from the first batch up to and including one. Batches of format 1 were chained by SHA-256, which
/// took half of an append's time where the processor has no instructions for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// The hash before the first batch.
    pub const GENESIS: ChainHash = ChainHash([0; 32]);
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ChainHash {
    type Err = String;
    fn from_str(s: &str) -> Result<ChainHash, String> {
        unhex(s).map(ChainHash)
    }
}

impl Serialize for ChainHash {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChainHash {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<ChainHash, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where a chain stands: the sequence number of its last event, and the hash up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last event's sequence number; the first event ever is 1, and 0 is before it.
    pub seq: u64,
    /// The chain's hash up to that event, which is always the last of its batch.
    pub hash: ChainHash,
}

impl Head {
    /// Before the first event.
    pub const GENESIS: Head = Head { seq: 0, hash: ChainHash::GENESIS };
}

/// What is asked to be appended.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Made by the caller, unique.
    pub id: BatchId,
    /// The head on which this batch was decided; if the journal has moved on, it is not appended.
    pub prev: ChainHash,
    /// Wall clock, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// Monotonic clock, milliseconds.
    pub at_mono_ms: u64,
    /// One payload an event.
    pub events: Lines,
}

/// Payloads as they lie in the journal, one a line: JSON, so none is empty and none has a newline in it. A copy is a
/// pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    /// How many.
    pub count: u64,
    /// Each ended by a newline.
    pub text: Arc<Vec<u8>>,
}

impl<T: AsRef<[u8]>> FromIterator<T> for Lines {
    fn from_iter<I: IntoIterator<Item = T>>(payloads: I) -> Lines {
        let (mut count, mut text) = (0, Vec::new());
        for payload in payloads {
            text.extend_from_slice(payload.as_ref());
            text.push(b'\n');
            count += 1;
        }
        Lines { count, text: Arc::new(text) }
    }
}

impl Lines {
    /// The error says why they cannot be kept.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.count == 0 {
            return Err("a batch needs at least one event".into());
        }
        let size = self.text.len();
        if size > MAX_BATCH_BYTES {
            return Err(format!(
                "the batch has {size} bytes, the most is {MAX_BATCH_BYTES}: make it two batches"
            ));
        }
        let lines = count_lines(&self.text);
        if lines != self.count || self.text.last() != Some(&b'\n') {
            return Err(format!(
                "{lines} lines where the batch says {}: write the JSON of each event on one line",
                self.count
            ));
        }
        if self.text.first() == Some(&b'\n') || memchr::memmem::find(&self.text, b"\n\n").is_some() {
            return Err("an event of the batch is empty".into());
        }
        Ok(())
    }
}

/// A batch as it lies in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBatch {
    /// Sequence number of the first event.
    pub first_seq: u64,
    /// How many events.
    pub count: u64,
    /// The id it was appended under.
    pub id: BatchId,
    /// Wall clock, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// Monotonic clock, milliseconds.
    pub at_mono_ms: u64,
    /// The chain's hash up to and including this batch.
    pub hash: ChainHash,
    /// The events, each ended by a newline.
    pub blob: Arc<Vec<u8>>,
}

impl StoredBatch {
    /// Sequence number of the last event.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.first_seq.saturating_add(self.count).saturating_sub(1)
    }

    /// The chain's head after this batch.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { seq: self.last_seq(), hash: self.hash }
    }

    /// Each event with its sequence number, in order.
    pub fn events(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let lines = self.blob.strip_suffix(b"\n").unwrap_or(&self.blob).split(|b| *b == b'\n');
        (self.first_seq..).zip(lines)
    }

    /// Is this the batch that follows `prev`, unchanged? The error says what is wrong with it.
    pub(crate) fn check(&self, prev: Head) -> Result<(), String> {
        let expected = prev.seq.saturating_add(1);
        if self.first_seq != expected {
            return Err(format!("events {expected} to {} are missing", self.first_seq.saturating_sub(1)));
        }
        if self.count == 0 || self.count > i64::MAX.unsigned_abs() - self.first_seq {
            return Err(format!("its count of events cannot be {}", self.count));
        }
        if self.blob.last() != Some(&b'\n') || count_lines(&self.blob) != self.count {
            return Err(format!("it says {} events and holds {}", self.count, count_lines(&self.blob)));
        }
        if self.hash == self.chained(prev.hash, blake3) || self.hash == self.chained(prev.hash, sha256) {
            Ok(())
        } else {
            Err("its hash does not fit: it, or the batch before it, was changed".into())
        }
    }

    /// The hash after this batch. Everything that the journal keeps of a batch goes in, in fixed widths before the
    /// blob, so that no two batches have the same input.
    pub(crate) fn chained(&self, prev: ChainHash, hash: fn(&[&[u8]]) -> [u8; 32]) -> ChainHash {
        ChainHash(hash(&[
            &prev.0,
            &self.id,
            &self.first_seq.to_be_bytes(),
            &self.count.to_be_bytes(),
            &self.at_wall_ms.to_be_bytes(),
            &self.at_mono_ms.to_be_bytes(),
            &self.blob,
        ]))
    }

    /// The batch as it is going to lie in the journal after `prev`.
    pub(crate) fn new(batch: &Batch, prev: Head) -> StoredBatch {
        let unhashed = StoredBatch {
            first_seq: prev.seq.saturating_add(1),
            count: batch.events.count,
            id: batch.id,
            at_wall_ms: batch.at_wall_ms,
            at_mono_ms: batch.at_mono_ms,
            hash: ChainHash::GENESIS,
            blob: batch.events.text.clone(),
        };
        StoredBatch { hash: unhashed.chained(prev.hash, blake3), ..unhashed }
    }
}

/// Of these parts, one after the other.
pub(crate) fn blake3(parts: &[&[u8]]) -> [u8; 32] {
    let mut h = blake3::Hasher::new();
    for part in parts {
        h.update(part);
    }
    *h.finalize().as_bytes()
}

/// The same for what format 1 has written.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut h = ring::digest::Context::new(&ring::digest::SHA256);
    parts.iter().for_each(|part| h.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(h.finish().as_ref());
    hash
}

fn count_lines(blob: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', blob).count() as u64
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|n| char::from(DIGITS[usize::from(n)])).collect()
}

pub(crate) fn unhex<const N: usize>(s: &str) -> Result<[u8; N], String> {
    let bad = || format!("expected {} hexadecimal digits, found {s:?}", 2 * N);
    let (pairs, []) = s.as_bytes().as_chunks::<2>() else { return Err(bad()) };
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[hi, lo]| Some(digit(*hi)? << 4 | digit(*lo)?)).collect();
    bytes.and_then(|b| b.try_into().ok()).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn batch(events: &[&str]) -> Batch {
        let events = events.iter().collect();
        Batch { id: [7; 16], prev: ChainHash::GENESIS, at_wall_ms: 1, at_mono_ms: 2, events }
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        for (events, why) in [
            (&[][..], "a batch needs at least one event"),
            (&["{}", ""], "an event of the batch is empty"),
            (&["", "{}"], "an event of the batch is empty"),
            (&["{\n}"], "2 lines where the batch says 1: write the JSON of each event on one line"),
        ] {
            assert_eq!(batch(events).events.check(), Err(why.to_string()));
        }
    }

    /// What is written today is what every later release has to verify: the values are those of b3sum and sha256sum, of
    /// the same bytes.
    #[test]
    fn the_hash_is_over_fixed_widths_and_that_of_format_1_is_known() {
        let batch = Batch { id: [2; 16], at_wall_ms: -4, at_mono_ms: 5, ..batch(&["{}"]) };
        let prev = Head { seq: 2, hash: ChainHash([1; 32]) };
        let new = StoredBatch::new(&batch, prev);
        assert_eq!(new.hash.to_string(), "c5a82dc93e1ac76660bdb8daa04763e5954b31507af21f3eec01a81bb442e4be");
        assert_eq!(new.check(prev), Ok(()));
        let hash = "f10d98c26b6445855de026cf8b43dcd3506deb0dba314732c4a028bbec17a757";
        let old = StoredBatch { hash: hash.parse().unwrap(), ..new };
        assert_eq!(old.check(prev), Ok(()));
        let neither = StoredBatch { hash: ChainHash([9; 32]), ..old };
        assert!(neither.check(prev).unwrap_err().contains("its hash does not fit"));
    }

    proptest! {
        #[test]
        fn hexadecimal_goes_there_and_back(bytes: [u8; 32]) {
            prop_assert_eq!(ChainHash(bytes).to_string().parse(), Ok(ChainHash(bytes)));
        }

        #[test]
        fn no_text_breaks_the_hexadecimal_parser(s in ".{0,70}") {
            let well_formed = s.len() == 64 && s.bytes().all(|b| b.is_ascii_hexdigit());
            prop_assert_eq!(s.parse::<ChainHash>().is_ok(), well_formed);
        }

        #[test]
        fn events_go_there_and_back(events in prop::collection::vec("[^\n]{1,40}", 1..20)) {
            let batch = batch(&events.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(batch.events.check(), Ok(()));
            let stored = StoredBatch { first_seq: 5, count: events.len() as u64, id: batch.id, at_wall_ms: 1, at_mono_ms: 2, hash: ChainHash::GENESIS, blob: batch.events.text };
            let back: Vec<_> = stored.events().map(|(seq, e)| (seq, e.to_vec())).collect();
            let expected: Vec<_> = (5..).zip(events.into_iter().map(String::into_bytes)).collect();
            prop_assert_eq!(back, expected);
        }
    }
}
