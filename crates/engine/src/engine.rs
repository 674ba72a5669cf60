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

use crate::batch::{Batch, Decide, Queued};
use crate::chain::BatchId;
use crate::handle::{Class, Reply};
use crate::queue::{Queue, Room};
use crate::sending::Sending;
use crate::view::{Degraded, Stats, View};
use foghorn_core::decide::MOST_TIMERS;
use foghorn_core::event::Record;
use foghorn_core::input::{Answer, Input};
use foghorn_core::page::{Page, PageKey};
use foghorn_core::time::{Mono, Now, Span};
use foghorn_core::{State, decide};
use std::sync::Arc;

/// Whoever waits for a reply; given by the owner.
pub type Ticket = u64;

/// After a tick that panicked.
const TICK_AFTER_PANIC: Span = Span::secs(1);
/// Due pages that are looked through for one whose channel has room. Behind so many of one that hangs, others wait until
/// its retries have made room.
const MOST_LOOKED_AT: usize = 10_000;
/// Events decided in one go while a batch is under way.
const SLICE: usize = 100;

/// Limits and waits of the loop.
#[derive(Clone, Debug)]
pub struct Limits {
    /// An append that takes longer makes the loop degraded.
    pub append_deadline: Span,
    /// Inputs in one batch.
    pub batch_inputs: usize,
    /// Events in one batch, roughly: a batch is closed once it has so many.
    pub batch_events: usize,
    /// Inputs kept while degraded, where every alert counts as one. Other tools' are the first that are not kept.
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
    Publish(Arc<[Arc<Record>]>),
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
    /// A bug: deciding this has panicked. It is set aside, and nothing of it counts.
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
    /// In order.
    pub records: Arc<[Arc<Record>]>,
}

struct Flight {
    id: BatchId,
    batch: Batch,
    records: Arc<[Arc<Record>]>,
    deadline: Mono,
    /// Until it is answered or its deadline has passed, everything else queues.
    waiting: bool,
}

struct Away {
    why: Arc<str>,
    since: Now,
    /// What is in effect.
    memory: State,
    /// What will be decided again, in order.
    kept: Vec<Queued>,
    /// Of all that is kept.
    weight: usize,
    lost: u64,
    look_at: Mono,
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
    /// Around a state that the journal holds up to `seq`, ending with the batch `head`. `nonce` is random, so that no two
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

    /// What has been decided and is not handed over yet. More may come to it; a batch that is decided anew has other records.
    #[must_use]
    pub fn decided(&self) -> &[Arc<Record>] {
        self.next.as_ref().map_or(&[], |batch| &batch.records)
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
        let ahead = waiting.is_some() && self.may_decide_ahead();
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
                if let Input::Delivered { key, .. } = &input {
                    self.sending.renew(key, now.mono);
                }
                self.queue.push(Queued { at: now, input, class, ticket, late: false });
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

    /// When the next page that may leave is due: one that is not on its way, by a channel that has room.
    fn look_for_page(&self) -> Option<Mono> {
        self.may_leave(Mono(u64::MAX)).next().and_then(Page::due_at)
    }

    /// What is due at a moment, or before, and not on its way, where its channel has room.
    fn may_leave(&self, at: Mono) -> impl Iterator<Item = &Page> {
        let due = self.state().due_pages(at).take(MOST_LOOKED_AT);
        due.filter(|p| {
            self.sending.of(&p.channel) < self.limits.sending_by_one && !self.sending.contains(&p.key)
        })
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
            let tick = Queued { at: now, input: Input::Tick, class: Class::World, ticket: None, late: false };
            self.queue.push_due(tick);
        }
    }

    /// What the journal holds once the batch under way is in it.
    fn ahead(&self) -> &State {
        self.flight.as_ref().map_or(&self.saved, |f| &f.batch.after)
    }

    /// Decides what has queued, ahead of the journal; while a batch is under way, a little at a time, so that its answer is
    /// not left waiting.
    fn decide_ahead(&mut self, now: Now, out: &mut Vec<Command>) {
        let seq = self.seq + self.flight.as_ref().map_or(0, |f| f.records.len() as u64);
        let mut batch = self.next.take().unwrap_or_else(|| Batch::new(self.ahead(), seq + 1, self.rules));
        let enough =
            batch.records.len().saturating_add(if self.flight.is_some() { SLICE } else { usize::MAX });
        if batch.room(&self.limits) != Room::Full {
            self.queue_tick(now, batch.after.next_timer());
        }
        while batch.records.len() < enough
            && let Some(q) = self.queue.pop(batch.room(&self.limits))
        {
            self.decide(&mut batch, q, out);
        }
        self.next = Some(batch).filter(|batch| !batch.is_empty());
    }

    /// Whether there is something to decide, and room for it.
    fn may_decide_ahead(&self) -> bool {
        let room = self.next.as_ref().map_or(Room::Any, |batch| batch.room(&self.limits));
        self.away.is_none() && self.queue.has(room)
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
        let records: Arc<[Arc<Record>]> = std::mem::take(&mut batch.records).into();
        self.batches += 1;
        let id = BatchId::derive(&self.nonce, self.batches);
        let deadline = now.mono + self.limits.append_deadline;
        self.looking = self.looking.map(|_| true);
        let first_seq = batch.first_seq();
        out.push(Command::Append(Append { id, first_seq, at: now, records: records.clone() }));
        self.flight = Some(Flight { id, batch, records, deadline, waiting: true });
    }

    /// One more for a batch. What panics is set aside.
    fn decide(&mut self, batch: &mut Batch, q: Queued, out: &mut Vec<Command>) {
        let Some(bad) = batch.add(q) else { return };
        self.set_aside(&bad, out);
        if bad.input != Input::Tick {
            return;
        }
        // One thing at a time: what cannot be decided stays where it is, and holds nothing else up.
        let mut past = 0;
        for _ in 0..MOST_TIMERS {
            let decided = batch.records.len();
            let one = Queued { input: Input::TickOne { past }, ..bad.clone() };
            if let Some(bad) = batch.add(one) {
                past += 1;
                self.set_aside(&bad, out);
            } else if batch.records.len() == decided {
                break;
            }
        }
    }

    fn set_aside(&mut self, bad: &Queued, out: &mut Vec<Command>) {
        self.stats.panics += 1;
        self.changed = true;
        if bad.input == Input::Tick {
            self.tick_from = bad.at.mono + TICK_AFTER_PANIC;
        }
        out.push(Command::SetAside(bad.about()));
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
        self.seq += f.records.len() as u64;
        self.head = f.id;
        self.next_page = None;
        self.stats.batches += 1;
        self.stats.events += f.records.len() as u64;
        self.changed = true;
        // What took effect in memory has been forgotten there, and may be on its way again.
        if f.waiting {
            self.forget_sent(&f.batch.inputs);
        }
        out.extend(f.batch.replies().map(|(t, _, r)| Command::Reply(t, r)));
        self.saved = f.batch.after;
        out.push(Command::Publish(f.records));
        let due = self.limits.snapshot_every.max(self.snapshot_held);
        let due = if self.lull.is_calm(now.mono, self.seq, self.limits.storm) { due } else { 3 * due };
        if self.seq - self.snapshot_seq >= due {
            (self.snapshot_seq, self.snapshot_held) = (self.seq, self.saved.alerts.size() as u64);
            out.push(Command::Snapshot { seq: self.seq, state: Box::new(self.saved.clone()) });
        }
    }

    /// Goes on in memory. What is in flight counts there: it may be on disk, and two pages are better than none.
    fn degrade(&mut self, now: Now, why: &str, out: &mut Vec<Command>) {
        let why: Arc<str> = Arc::from(why);
        self.changed = true;
        if let Some(a) = &mut self.away {
            a.why = why;
            a.look_at = now.mono + self.limits.settle_every;
            return;
        }
        self.stats.degradations += 1;
        // What is decided but not handed over is decided again, in memory; what could not be is answered.
        if let Some(mut next) = self.next.take() {
            out.extend(
                next.failed().map(|(t, class, reply)| Command::Reply(t, in_memory(class, reply, &why))),
            );
            next.inputs.into_iter().rev().for_each(|q| self.queue.put_back(q));
        }
        let memory = self.flight.as_ref().map_or_else(|| self.saved.clone(), |f| f.batch.after.clone());
        if let Some(f) = &mut self.flight {
            out.extend(
                f.batch.replies().map(|(t, class, reply)| Command::Reply(t, in_memory(class, reply, &why))),
            );
        }
        let look_at = now.mono + self.limits.settle_every;
        self.next_page = None;
        self.away = Some(Away {
            why: why.clone(),
            since: now,
            memory,
            kept: Vec::new(),
            weight: 0,
            lost: 0,
            look_at,
        });
        self.forget_in_flight();
        out.push(Command::Degraded(why));
    }

    /// Decides what has queued on top of what is in effect, and keeps it to be decided again.
    fn decide_in_memory(&mut self, now: Now, out: &mut Vec<Command>) {
        let Some(mut away) = self.away.take() else { return };
        self.queue_tick(now, away.memory.next_timer());
        if !self.queue.is_empty() {
            let mut batch = Batch::new(&away.memory, self.seq + 1, self.rules);
            // As much as a batch, so that pages leave in between.
            while let Some(q) = self.queue.pop(batch.room(&self.limits)) {
                self.decide(&mut batch, q, out);
            }
            self.next_page = None;
            self.stats.inputs += batch.inputs.len() as u64;
            self.stats.last_decision = now.mono;
            self.changed |= !batch.records.is_empty();
            let why = &away.why;
            out.extend(
                batch.replies().map(|(t, class, reply)| Command::Reply(t, in_memory(class, reply, why))),
            );
            self.forget_sent(&batch.inputs);
            away.memory = batch.after;
            for q in batch.inputs {
                self.keep(&mut away, q);
            }
        }
        self.away = Some(away);
    }

    /// Keeps an input to be decided again. At the limit other tools' alerts are not kept: they were answered 503, and
    /// their senders try again.
    fn keep(&self, away: &mut Away, q: Queued) {
        let queued = Queued { ticket: None, late: true, ..q };
        let (weight, limit) = (queued.weight(), self.limits.kept);
        if away.weight + weight <= limit {
            away.weight += weight;
            return away.kept.push(queued);
        }
        if queued.class == Class::Intake {
            away.lost += 1;
            return;
        }
        // What people and pages say is kept in the place of what can be said again.
        for class in [Class::Intake, Class::World] {
            while away.weight + weight > limit
                && let Some(i) = away.kept.iter().position(|k| k.class == class)
            {
                away.weight -= away.kept.remove(i).weight();
                away.lost += 1;
            }
        }
        if away.weight + weight <= limit {
            away.weight += weight;
            away.kept.push(queued);
        } else {
            away.lost += 1;
        }
    }

    fn look(&mut self, now: Now, out: &mut Vec<Command>) {
        let Some(a) = &mut self.away else { return };
        if self.looking.is_none() && a.look_at <= now.mono {
            self.looking = Some(false);
            out.push(Command::Settle);
        }
    }

    fn settled(&mut self, now: Now, found: Found, out: &mut Vec<Command>) {
        let outdated = self.looking.take().unwrap_or(true);
        let Some(a) = &mut self.away else { return };
        a.look_at = now.mono + self.limits.settle_every;
        match found {
            // It says where the journal ended before the batch that is under way now: to believe it would be to decide
            // that batch a second time.
            Found::Head(_) if outdated => {}
            Found::StillBroken(why) => {
                if *a.why != *why {
                    a.why = Arc::from(why);
                    self.changed = true;
                }
            }
            Found::Head(head) => {
                if self.flight.as_ref().is_some_and(|f| f.id == head) {
                    self.commit(now, out);
                } else if head != self.head {
                    a.why = Arc::from(
                        "the journal does not end as Foghorn left it: is another process writing to it?",
                    );
                    self.changed = true;
                    return self.poll(now, out);
                } else if let (Some(f), Some(a)) = (self.flight.take(), &mut self.away) {
                    restore(a, f);
                }
                self.come_back(now, out);
            }
        }
        self.poll(now, out);
    }

    /// The journal takes events again: what was kept is decided anew, on top of what it really holds. Until that is on
    /// disk, memory stays in effect.
    fn come_back(&mut self, now: Now, out: &mut Vec<Command>) {
        let Some(mut away) = self.away.take() else { return };
        self.next_page = None;
        let kept = std::mem::take(&mut away.kept);
        away.weight = 0;
        if kept.is_empty() {
            self.changed = true;
            self.stats.lost += away.lost;
            out.push(Command::Recovered { after: now.mono.since(away.since.mono), lost: away.lost });
            return;
        }
        let mut batch = Batch::new(&self.saved, self.seq + 1, self.rules);
        for q in kept {
            self.decide(&mut batch, q, out);
        }
        away.memory = batch.after.clone();
        away.look_at = now.mono + self.limits.append_deadline;
        self.away = Some(away);
        self.launch(now, batch, out);
        if self.flight.is_none() {
            self.come_back(now, out);
        }
    }

    /// Hands out the pages that are due and not on their way.
    fn send_due(&mut self, now: Now, out: &mut Vec<Command>) {
        let deadline = self.limits.send_deadline.0;
        while now.mono.0.checked_sub(deadline).is_some_and(|last| self.sending.forget_oldest(Mono(last))) {
            self.next_page = None;
        }
        let next = self.next_page.unwrap_or_else(|| self.look_for_page());
        self.next_page = Some(next);
        if next.is_none_or(|at| at > now.mono) {
            return;
        }
        let room = self.limits.sending.saturating_sub(self.sending.len());
        let due: Vec<Page> = self.may_leave(now.mono).take(room).cloned().collect();
        // As many leave by one channel as it has room for.
        for page in due {
            self.next_page = None;
            if self.sending.of(&page.channel) < self.limits.sending_by_one {
                self.sending.put(&page, now.mono);
                self.stats.sent += 1;
                out.push(Command::Send(page.key));
            }
        }
    }

    /// What is in flight takes effect in memory.
    fn forget_in_flight(&mut self) {
        if let Some(f) = self.flight.take() {
            self.forget_sent(&f.batch.inputs);
            self.flight = Some(f);
        }
    }

    /// The outcomes of these pages are in effect: they may be due again. Those that were in effect in memory before have
    /// been forgotten then, and their pages may be on their way again; so may a page that left after an outcome came
    /// which was that of an earlier attempt.
    fn forget_sent(&mut self, inputs: &[Queued]) {
        for q in inputs.iter().filter(|q| !q.late) {
            if let Input::Delivered { key, .. } = &q.input
                && self.sending.since(key).is_some_and(|since| since <= q.at.mono)
            {
                self.sending.remove(key);
                self.next_page = None;
            }
        }
    }
}

/// A batch that is not on disk: its inputs come before all that was kept later.
fn restore(away: &mut Away, flight: Flight) {
    let mut inputs: Vec<Queued> =
        flight.batch.inputs.into_iter().map(|q| Queued { ticket: None, late: true, ..q }).collect();
    inputs.append(&mut away.kept);
    away.weight = inputs.iter().map(Queued::weight).sum();
    away.kept = inputs;
}

/// What may be promised while the journal is away.
fn in_memory(class: Class, reply: Reply, why: &Arc<str>) -> Reply {
    match (class, reply) {
        (Class::Paging, Reply::Saved(answer)) => Reply::NotSaved(answer, why.clone()),
        (_, Reply::Saved(Answer::Already)) => Reply::Saved(Answer::Already),
        (_, Reply::Saved(_)) => Reply::Unavailable(why.clone()),
        (_, reply) => reply,
    }
}
