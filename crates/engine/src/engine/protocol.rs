//! What the loop and its owner say to each other.

use crate::chain::BatchId;
use crate::handle::{Class, Reply};
use crate::written::Written;
use foghorn_core::State;
use foghorn_core::input::Input;
use foghorn_core::page::PageKey;
use foghorn_core::time::{Now, Span};
use std::sync::Arc;

/// Whoever waits for a reply; given by the owner.
pub type Ticket = u64;

/// Limits and waits of the loop.
#[derive(Clone, Debug)]
pub struct Limits {
    /// An append that takes longer makes the loop degraded.
    pub append_deadline: Span,
    /// Inputs in one batch.
    pub batch_inputs: usize,
    /// Events in one batch, roughly: a batch is closed once it has so many.
    pub batch_events: usize,
    /// Bytes of events in one batch, roughly, as the journal is given them: a batch is closed once it has so many. What must
    /// be decided now may use up as much again.
    pub batch_bytes: usize,
    /// Bytes of events that one input may write. One that would write more is left out, and refused to its sender. Twice
    /// `batch_bytes` and this together are to be less than a batch of the journal may have.
    pub input_bytes: usize,
    /// Inputs kept while degraded, where every alert counts as one. At the limit what is said again makes room.
    pub kept: usize,
    /// Pages on their way at one time.
    pub sending: usize,
    /// Of these by one channel, so that one that hangs leaves the others theirs.
    pub sending_by_one: usize,
    /// A page whose outcome is not reported for so long is sent again.
    pub send_deadline: Span,
    /// While degraded, the journal is looked at this often.
    pub settle_every: Span,
    /// A snapshot is asked for after so many events, and after no fewer than there are alerts in the one before: so all of
    /// them together cost no more than a few times what was written. A storm has better things to do: while there is one,
    /// it waits until there are three times as many.
    pub snapshot_every: u64,
    /// So many events a second are a storm.
    pub storm: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            append_deadline: Span::secs(2),
            batch_inputs: 4096,
            batch_events: 2_000,
            batch_bytes: 8 << 20,
            input_bytes: 40 << 20,
            kept: 20_000,
            sending: 1024,
            sending_by_one: 128,
            send_deadline: Span::secs(120),
            settle_every: Span::secs(1),
            snapshot_every: 50_000,
            storm: 2_000,
        }
    }
}

/// What the owner tells the loop.
#[derive(Debug)]
pub enum Action {
    /// An input, and who waits for the reply.
    Submit {
        /// What is to be decided.
        input: Input,
        /// How it is treated.
        class: Class,
        /// Who waits.
        ticket: Option<Ticket>,
    },
    /// The journal answered an append.
    Appended {
        /// Which batch.
        id: BatchId,
        /// What became of it.
        result: Appended,
    },
    /// The journal was looked at (the answer to [`Command::Settle`]).
    Settled {
        /// What it holds.
        found: Found,
    },
    /// Look around: time has passed, or all that had queued has been told.
    Poll,
}

/// What became of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is on disk.
    Durable,
    /// It is certainly not on disk, for this reason.
    Refused(String),
    /// It is certainly not on disk, and never will be: the batch itself cannot be kept, for this reason.
    Invalid(String),
    /// Nobody knows; looking will tell.
    Unknown(String),
}

/// What a look at the journal found.
#[derive(Clone, Debug)]
pub enum Found {
    /// It cannot be used yet, for this reason.
    StillBroken(String),
    /// It can be used, and ends with this batch (zero for none): the batch in question is in it or not.
    Head(BatchId),
}

/// What the loop wants of its owner.
#[derive(Debug)]
pub enum Command {
    /// Append these events after the present head.
    Append(Append),
    /// Reopen the journal and look at its head. Answered by [`Action::Settled`].
    Settle,
    /// Tell whoever waits.
    Reply(Ticket, Reply),
    /// Send a page. Answered by an [`Input::Delivered`].
    Send(PageKey),
    /// Records that are on disk now.
    Publish(Arc<Written>),
    /// Keep a snapshot of this state, which is what the journal holds up to `seq`.
    Snapshot {
        /// The last event in it.
        seq: u64,
        /// What to keep.
        state: Box<State>,
    },
    /// The journal does not take events.
    Degraded(Arc<str>),
    /// It does again, and nothing that was kept is missing.
    Recovered {
        /// How long it did not.
        after: Span,
        /// Inputs that could not be kept.
        lost: u64,
    },
    /// A bug: deciding this has panicked. Or the journal does not take what it would write. It is set aside, and nothing of it
    /// counts.
    SetAside(String),
}

/// A batch on its way to the journal.
#[derive(Debug)]
pub struct Append {
    /// Its id.
    pub id: BatchId,
    /// The sequence number of its first event.
    pub first_seq: u64,
    /// When it was closed.
    pub at: Now,
    /// Its events.
    pub written: Arc<Written>,
}
