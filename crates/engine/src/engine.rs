//! The loop itself: what comes in is put into batches, what is decided waits for the journal, what is due goes out.
//!
//! `on(Action, now) -> [Command]`, without I/O: its owner appends, replies and sends, and says what became of it. The
//! simulator is another owner of the same code.
//!
//! States: *saved* is what the journal holds. A batch is decided *ahead* of it, and is in flight until the journal
//! answers; replies and effects wait for that. Meanwhile the next one is decided, on top of what that one holds: it is
//! handed over when that one is on disk, and decided anew if it is not. If the journal fails or does not answer by its deadline, the loop is
//! *degraded*: it goes on in memory, effects leave from there, and inputs are kept. When the journal is back, the kept
//! inputs are decided again on top of what it really holds.

mod away;
mod invalid;
mod leave;
mod protocol;

pub use protocol::{Action, Append, Appended, Command, Found, Limits, Ticket};

use crate::batch::{Batch, Decide, Flaw, Queued};
use crate::chain::BatchId;
use crate::handle::Class;
use crate::queue::{Queue, Room};
use crate::sending::Sending;
use crate::view::{Degraded, Stats, View};
use crate::written::Written;
use away::{Away, restore};
use foghorn_core::decide::MOST_TIMERS;
use foghorn_core::input::Input;
use foghorn_core::time::{Mono, Now, Span};
use foghorn_core::{State, decide};
use std::sync::Arc;

/// After a tick that panicked.
const TICK_AFTER_PANIC: Span = Span::secs(1);
/// Events decided in one go: then it is seen whether the disk has answered. Where it has nothing to do it is handed so many
/// and not all that waits, so that it writes while the rest is decided: what comes in is answered in parts then, and does
/// not all come again at once.
const SLICE: usize = 300;

struct Flight {
    id: BatchId,
    batch: Batch,
    written: Arc<Written>,
    deadline: Mono,
    /// Until it is answered or its deadline has passed, everything else queues.
    waiting: bool,
}

/// Whether a look at the journal says nothing about what it holds now.
type Outdated = bool;

/// How many events come in a second.
struct Lull {
    since: Mono,
    seq: u64,
    calm: bool,
}

impl Lull {
    /// Whether fewer than `storm` events a second came lately.
    fn is_calm(&mut self, now: Mono, seq: u64, storm: u64) -> bool {
        let ms = now.since(self.since).0;
        if ms >= 1000 {
            let events = seq.saturating_sub(self.seq);
            *self = Lull { since: now, seq, calm: events.saturating_mul(1000) / ms < storm };
        }
        self.calm
    }
}

/// The loop around core.
pub struct Engine {
    saved: State,
    seq: u64,
    head: BatchId,
    flight: Option<Flight>,
    /// What is decided while that is under way, as if it were on disk already.
    next: Option<Batch>,
    queue: Queue,
    away: Option<Away>,
    sending: Sending,
    /// When the next page that is not on its way is due; to be looked up again once that may have changed.
    next_page: Option<Option<Mono>>,
    /// The journal is being looked at, and whether a batch has been handed to it since: then the answer is out of date.
    looking: Option<Outdated>,
    limits: Limits,
    /// Fewer inputs to a batch than usual, while it is found out which of them the journal does not take.
    narrowed: Option<usize>,
    rules: Decide,
    nonce: [u8; 16],
    batches: u64,
    snapshot_seq: u64,
    /// How many alerts the last snapshot holds.
    snapshot_held: u64,
    lull: Lull,
    /// After a tick that panicked the next one waits, so that a bug does not become a busy loop.
    tick_from: Mono,
    stats: Stats,
    changed: bool,
}

impl Engine {
    /// Around a state that the journal holds up to `seq`, ending with the batch `head`, with a snapshot of it. `nonce` is random, so that no two
    /// runs give a batch the same id.
    #[must_use]
    pub fn new(state: State, seq: u64, head: BatchId, nonce: [u8; 16], limits: Limits) -> Engine {
        Engine {
            saved: state,
            seq,
            head,
            flight: None,
            next: None,
            queue: Queue::default(),
            away: None,
            sending: Sending::default(),
            next_page: None,
            looking: None,
            limits,
            narrowed: None,
            rules: decide,
            nonce,
            batches: 0,
            snapshot_seq: seq,
            snapshot_held: 0,
            lull: Lull { since: Mono::default(), seq, calm: false },
            tick_from: Mono::default(),
            stats: Stats::default(),
            changed: true,
        }
    }

    /// Decides by these rules. What runs has [`foghorn_core::decide()`]; a test may put around it what a bug would do.
    #[must_use]
    pub fn with_rules(self, rules: Decide) -> Engine {
        Engine { rules, ..self }
    }

    /// The last snapshot is of event `seq` and holds so many alerts. Not of where the journal ends: what comes after it is read
    /// at every start, and grows with each that takes none.
    #[must_use]
    pub fn with_snapshot(self, seq: u64, alerts: u64) -> Engine {
        Engine { snapshot_seq: seq, snapshot_held: alerts, ..self }
    }

    /// Begins degraded, because the journal could not be opened for writing.
    pub fn start_degraded(&mut self, now: Now, why: &str) {
        self.degrade(now, why, &mut Vec::new());
    }

    /// What is in effect: what the journal holds, or memory while it is away.
    #[must_use]
    pub fn state(&self) -> &State {
        self.away.as_ref().map_or(&self.saved, |a| &a.memory)
    }

    /// What the journal holds.
    #[must_use]
    pub fn saved(&self) -> (&State, u64) {
        (&self.saved, self.seq)
    }

    /// A look for others, if anything has changed since the last.
    pub fn view(&mut self, now: Now) -> Option<View> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let degraded = self.away.as_ref().map(|a| Degraded {
            why: a.why.clone(),
            since: a.since,
            kept: a.kept.len(),
            lost: a.lost,
        });
        let saved = self.away.as_ref().map(|_| self.saved.clone());
        let (state, seq, stats) = (self.state().clone(), self.seq, self.stats);
        Some(View { state, seq, degraded, saved, at: now, stats })
    }

    /// Counters since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Whether the journal takes no events, as far as is known.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.away.is_some()
    }

    /// Whether the journal has not answered yet.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.flight.is_some()
    }

    /// How many inputs wait for the batch in flight.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len() + self.next.as_ref().map_or(0, |batch| batch.inputs.len())
    }

    /// When [`Action::Poll`] is needed next, if nothing else happens.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        let state = self.state();
        let timer = state.next_timer().filter(|_| self.flight.as_ref().is_none_or(|f| !f.waiting));
        let timer = timer.map(|at| at.max(self.tick_from));
        let waiting = self.flight.as_ref().filter(|f| f.waiting);
        let deadline = waiting.map(|f| f.deadline);
        let look =
            self.away.as_ref().filter(|_| self.looking.is_none() && waiting.is_none()).map(|a| a.look_at);
        let page = self.next_page.unwrap_or_else(|| self.look_for_page());
        let page = page.filter(|_| self.sending.len() < self.limits.sending);
        let resend = self.sending.oldest().map(|at| at + self.limits.send_deadline);
        let ahead = self.may_decide_ahead();
        let in_memory = self.away.is_some() && waiting.is_none() && !self.queue.is_empty();
        let more = (ahead || in_memory).then(Mono::default);
        [more, timer, deadline, look, page, resend].into_iter().flatten().min()
    }

    /// One step of the loop. Submissions only queue; [`Action::Poll`] closes a batch, so that all that came at once is
    /// one append.
    pub fn on(&mut self, action: Action, now: Now) -> Vec<Command> {
        let mut out = Vec::new();
        match action {
            Action::Submit { input, class, ticket } => {
                // Its outcome is known now, though not decided on: nothing is overdue.
                if let Input::Delivered { key, channel, .. } = &input {
                    self.sending.renew(key, channel.as_ref(), now.mono);
                }
                self.queue.push(Queued::new(now, input, class, ticket));
            }
            Action::Appended { id, result } => self.appended(now, id, result, &mut out),
            Action::Settled { found } => self.settled(now, found, &mut out),
            Action::Poll => self.poll(now, &mut out),
        }
        if self.next_page.is_none() {
            self.next_page = Some(self.look_for_page());
        }
        out
    }

    fn poll(&mut self, now: Now, out: &mut Vec<Command>) {
        if let Some(f) = self.flight.as_mut().filter(|f| f.waiting && f.deadline <= now.mono) {
            f.waiting = false;
            let why = format!("no answer from the disk for {}", self.limits.append_deadline);
            self.degrade(now, &why, out);
        }
        if self.away.is_none() {
            self.decide_ahead(now, out);
            self.close_batch(now, out);
        } else if self.flight.as_ref().is_none_or(|f| !f.waiting) {
            self.decide_in_memory(now, out);
            self.look(now, out);
        }
        self.send_due(now, out);
    }

    /// What is due comes first, however much else has queued.
    fn queue_tick(&mut self, now: Now, next: Option<Mono>) {
        if next.is_some_and(|at| at.max(self.tick_from) <= now.mono) {
            self.queue.push_due(Queued::new(now, Input::Tick, Class::World, None));
        }
    }

    /// What the journal holds once the batch under way is in it.
    fn ahead(&self) -> &State {
        self.flight.as_ref().map_or(&self.saved, |f| &f.batch.after)
    }

    /// Decides what has queued, ahead of the journal, a little at a time: neither the disk nor its answer is left waiting.
    fn decide_ahead(&mut self, now: Now, out: &mut Vec<Command>) {
        let seq = self.seq + self.flight.as_ref().map_or(0, |f| f.written.records.len() as u64);
        let mut batch = self.next.take().unwrap_or_else(|| self.batch(self.ahead(), seq + 1));
        let decided = if self.flight.is_some() { batch.records.len() } else { 0 };
        let enough = decided.saturating_add(SLICE);
        if self.room(&batch) != Room::Full {
            self.queue_tick(now, batch.after.next_timer());
        }
        while batch.records.len() < enough
            && let Some(q) = self.queue.pop(self.room(&batch))
        {
            self.decide(&mut batch, q, out);
        }
        self.next = Some(batch).filter(|batch| !batch.is_empty());
    }

    /// Whether there is something to decide, and room for it.
    fn may_decide_ahead(&self) -> bool {
        let room = self.next.as_ref().map_or(Room::Any, |batch| self.room(batch));
        self.away.is_none() && self.queue.has(room)
    }

    /// An empty one on top of `base`.
    fn batch(&self, base: &State, first_seq: u64) -> Batch {
        Batch::new(base, first_seq, self.rules, self.limits.input_bytes)
    }

    /// Whom it has room for.
    fn room(&self, batch: &Batch) -> Room {
        match self.narrowed {
            Some(most) if batch.inputs.len() >= most => Room::Full,
            _ => batch.room(&self.limits),
        }
    }

    /// What has been decided is handed over as one batch, unless one is under way.
    fn close_batch(&mut self, now: Now, out: &mut Vec<Command>) {
        if self.flight.is_none()
            && let Some(batch) = self.next.take()
        {
            self.stats.inputs += batch.inputs.len() as u64;
            self.stats.last_decision = now.mono;
            self.launch(now, batch, out);
        }
    }

    /// A batch that has been decided goes to the journal; one without events is answered at once.
    fn launch(&mut self, now: Now, mut batch: Batch, out: &mut Vec<Command>) {
        if batch.records.is_empty() {
            self.forget_sent(&batch.inputs);
            return out.extend(batch.replies().map(|(t, _, r)| Command::Reply(t, r)));
        }
        let records = std::mem::take(&mut batch.records).into();
        let written = Arc::new(std::mem::take(&mut batch.lines).finish(records));
        self.batches += 1;
        let id = BatchId::derive(&self.nonce, self.batches);
        let deadline = now.mono + self.limits.append_deadline;
        self.looking = self.looking.map(|_| true);
        let first_seq = batch.first_seq();
        out.push(Command::Append(Append { id, first_seq, at: now, written: written.clone() }));
        self.flight = Some(Flight { id, batch, written, deadline, waiting: true });
    }

    /// One more for a batch. What panics is set aside.
    fn decide(&mut self, batch: &mut Batch, q: Queued, out: &mut Vec<Command>) {
        let Some((bad, flaw)) = batch.add(q) else { return };
        self.set_aside(&bad, flaw, out);
        if bad.input != Input::Tick {
            return;
        }
        // One thing at a time: what cannot be decided stays where it is, and holds nothing else up.
        let mut past = 0;
        for _ in 0..MOST_TIMERS {
            let decided = batch.records.len();
            let one = Queued { input: Input::TickOne { past }, ..bad.clone() };
            if let Some((bad, flaw)) = batch.add(one) {
                past += 1;
                self.set_aside(&bad, flaw, out);
            } else if batch.records.len() == decided {
                break;
            }
        }
    }

    fn set_aside(&mut self, bad: &Queued, flaw: Flaw, out: &mut Vec<Command>) {
        self.stats.panics += 1;
        self.changed = true;
        if bad.input == Input::Tick {
            self.tick_from = bad.at.mono + TICK_AFTER_PANIC;
        }
        out.push(Command::SetAside(match flaw {
            Flaw::Bug => bad.about(),
            Flaw::TooLarge(size) => format!("{} ({size} bytes of events, too many at once)", bad.about()),
        }));
    }

    fn appended(&mut self, now: Now, id: BatchId, result: Appended, out: &mut Vec<Command>) {
        if self.flight.as_ref().is_none_or(|f| f.id != id) {
            return;
        }
        match result {
            Appended::Durable => {
                self.commit(now, out);
                if self.away.is_some() {
                    self.come_back(now, out);
                }
                self.poll(now, out);
            }
            Appended::Refused(why) => {
                // Certainly not there: its inputs are the first to be decided again.
                self.degrade(now, &why, out);
                if let (Some(f), Some(a)) = (self.flight.take(), &mut self.away) {
                    restore(a, f);
                }
                self.poll(now, out);
            }
            Appended::Invalid(why) => self.invalid(now, &why, out),
            Appended::Unknown(why) => {
                if let Some(f) = &mut self.flight {
                    f.waiting = false;
                }
                self.degrade(now, &why, out);
                self.poll(now, out);
            }
        }
    }

    /// The batch in flight is on disk.
    fn commit(&mut self, now: Now, out: &mut Vec<Command>) {
        let Some(mut f) = self.flight.take() else { return };
        let events = f.written.records.len() as u64;
        self.seq += events;
        self.head = f.id;
        self.narrowed = self.narrowed.map(|n| n.saturating_mul(2)).filter(|n| *n < self.limits.batch_inputs);
        self.next_page = None;
        self.stats.batches += 1;
        self.stats.events += events;
        self.changed = true;
        // What took effect in memory has been forgotten there, and may be on its way again.
        if f.waiting {
            self.forget_sent(&f.batch.inputs);
        }
        out.extend(f.batch.replies().map(|(t, _, r)| Command::Reply(t, r)));
        self.saved = f.batch.after;
        out.push(Command::Publish(f.written));
        let due = self.limits.snapshot_every.max(self.snapshot_held);
        let due = if self.lull.is_calm(now.mono, self.seq, self.limits.storm) { due } else { 3 * due };
        if self.seq.saturating_sub(self.snapshot_seq) >= due {
            (self.snapshot_seq, self.snapshot_held) = (self.seq, self.saved.alerts.size() as u64);
            out.push(Command::Snapshot { seq: self.seq, state: Box::new(self.saved.clone()) });
        }
    }
}
