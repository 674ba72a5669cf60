//! Where events live: an append-only journal of opaque payloads, one SQLite file, one blob a batch.
//!
//! The journal knows nothing of what an event means. It promises four things:
//!
//! - **Acknowledged means durable.** [`Journal::append`] returns after an `fsync`. If it cannot know, it says
//!   so ([`AppendError::Unknown`]), and [`Journal::settle`] finds out by reopening and looking.
//! - **Changed or missing is found.** Each batch's hash covers the one before; [`verify()`] walks the chain.
//! - **It always starts.** Damage costs the tail, never the start: [`Journal::open`] comes up with the longest
//!   good prefix, keeps the damaged file, and says what was lost.
//! - **Nobody waits for the disk.** [`Writer`] owns the journal on a thread of its own, which may hang in
//!   `fsync` for minutes; callers hand over requests and look at [`WriterHandle::busy_for`].
//!
//! In the directory: `journal.db` (and SQLite's `-wal` and `-shm`), `snapshot-<seq>.json`,
//! `archive/<first>-<last>.jsonl`, `lock`, and `journal.db.damaged-<ms>` where something was ever damaged.

mod archive;
mod backup;
mod beside;
mod chain;
mod db;
mod disk;
mod error;
mod history;
mod journal;
mod lock;
#[cfg(test)]
mod older;
mod open;
mod read;
mod snapshot;
mod survey;
mod verify;
mod wal;
mod writer;

pub use backup::{BackupError, Copied, RestoreError, Restored, backup, restore};
pub use beside::Beside;
pub use chain::{Batch, BatchId, ChainHash, Head, Lines, MAX_BATCH_BYTES, StoredBatch};
pub use error::{Damage, StoreError};
pub use journal::{
    AppendError, CheckpointError, Durability, Journal, Options, Refusal, SettleError, Settled,
};
pub use open::{OpenError, Recovery};
pub use read::{Event, MAX_PAGE, Page, ReadHandle};
pub use snapshot::{Body, Snapshot, SnapshotError, Unwritten};
pub use verify::{Finding, Report, dump, verify};
pub use writer::{Done, Rejected, Writer, WriterHandle};
