//! The owner of the engine: one thread that takes inputs, appends to the journal, replies, and hands pages to their
//! channels. It waits for nothing but its own queue: not for the disk (the journal has its thread), not for a channel,
//! not for a browser.

use super::adopting::Adopting;
use super::carry::{Act, Carrying};
use super::clock::Clock;
use super::compose;
use foghorn_core::input::Input;
use foghorn_core::page::{Outcome, PageKey};
use foghorn_core::time::Span;
use foghorn_engine::engine::{Append, Appended, Found};
use foghorn_engine::handle::{Message, Port, Submission};
use foghorn_engine::{Action, BatchId, Class, Command, Engine, Handle, Reply, View};
use foghorn_journal::{
    AppendError, Batch, Body, ChainHash, Head, Lines, Refusal, SettleError, Settled, Unwritten, WriterHandle,
};
use foghorn_wake::Sender;
use foghorn_wake::link::Tokens;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Inputs taken from the queue before the engine is asked to look around.
const MOST_AT_ONCE: usize = 10_000;
/// What a storm has used is given back when it is quiet: this often, for as long as there may be more of it.
const GIVE_BACK: Duration = Duration::from_secs(1);
const GIVE_BACK_FOR: Duration = Duration::from_secs(10);
/// For so long a page waits for the addresses that belong to the rules in force. Longer, and something is wrong with that:
/// better to an old address than to nobody.
const LONGEST_HELD: Duration = Duration::from_secs(5);
/// The clock and the watchdog are looked at at least this often.
const LOOK_AROUND: Duration = Duration::from_millis(500);

/// What a pager needs.
pub struct Pager {
    /// The loop.
    pub engine: Engine,
    /// Where inputs come in and views go out.
    pub port: Port,
    /// For channels to report by.
    pub handle: Handle,
    /// The disk.
    pub journal: WriterHandle,
    /// Where the journal ends.
    pub end: End,
    /// It could not be read at the start: what it holds is not known, and what people do is carried to the start that
    /// finds it.
    pub carrying: Option<Carrying>,
    /// Time.
    pub clock: Arc<Clock>,
    /// Addresses and secrets, looked up when used; new ones come into force here.
    pub adopting: Arc<Adopting>,
    /// The channels.
    pub sender: Sender<PageKey>,
    /// Links in pages.
    pub tokens: Arc<Tokens>,
    /// What is told to whoever watches over Foghorn itself.
    pub events: mpsc::Sender<Happening>,
    /// Set to end.
    pub stop: Arc<AtomicBool>,
    /// Milliseconds on the monotonic clock at which the loop last went round.
    pub pulse: Arc<AtomicU64>,
}

/// What happens to the pager that somebody should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The journal takes no events.
    Degraded(Arc<str>),
    /// It does again.
    Recovered {
        /// After so long.
        after: Span,
        /// So many inputs could not be kept.
        lost: u64,
    },
    /// A journal that could not be read at the start can be read, and ends with this event.
    Found(u64),
    /// A bug: this could not be decided, and was set aside.
    SetAside(String),
    /// A snapshot is on disk.
    Snapshot(u64),
    /// A snapshot failed.
    SnapshotFailed(String),
}

enum Answer {
    Appended(BatchId, Result<Head, AppendError>),
    /// What became of the batch that was asked for: by now another may be on its way.
    Settled(BatchId, Result<Box<Settled>, String>),
}

/// Where the journal ends, as far as it has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    head: Head,
    /// The last batch since the start; zero for none.
    batch: BatchId,
}

impl End {
    /// As it was found at the start.
    pub fn at(head: Head) -> End {
        End { head, batch: BatchId::default() }
    }

    /// A look for the batch `asked` has found this. The batch that the journal ends with, if it ends with that one, or as it
    /// did.
    fn look(&mut self, asked: BatchId, settled: &Settled) -> Option<BatchId> {
        match settled {
            Settled::Durable(recovery) => *self = End { head: recovery.head, batch: asked },
            // Certainly not there, and the journal can be written to.
            Settled::NotThere(recovery) if recovery.head == self.head => {}
            Settled::NotThere(_) => return None,
        }
        Some(self.batch)
    }
}

fn head_of(settled: &Settled) -> Head {
    match settled {
        Settled::Durable(recovery) | Settled::NotThere(recovery) => recovery.head,
    }
}

impl Pager {
    /// Runs until it is stopped and the last batch is on disk (or a second has passed). Returns what people did that a
    /// journal which could not be read at the start has not in it.
    pub fn run(mut self) -> Vec<Act> {
        let (answers_tx, answers) = mpsc::channel::<Answer>();
        let mut waiting: HashMap<u64, oneshot::Sender<Reply>> = HashMap::new();
        let mut tickets = 0_u64;
        let mut flying = BatchId::default();
        // Pages of rules that are about to be replaced, at a start: the addresses are the new file's already.
        let (mut held, mut holding): (Vec<PageKey>, _) = (Vec::new(), std::time::Instant::now());
        let mut stopping: Option<std::time::Instant> = None;
        let (mut written, mut given_back) = (std::time::Instant::now(), std::time::Instant::now());
        loop {
            let now = self.clock.now();
            self.pulse.store(now.mono.0, Ordering::Relaxed);
            let until = self
                .engine
                .next_wakeup()
                .map_or(LOOK_AROUND, |at| Duration::from_millis(at.since(now.mono).0));
            let mut commands = Vec::new();
            let first = match self.port.rx.recv_timeout(until.min(LOOK_AROUND)) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return self.carried(),
            };
            if first.is_none() {
                self.port.written.forget();
            }
            if first.is_none() && written.elapsed() < GIVE_BACK_FOR && given_back.elapsed() >= GIVE_BACK {
                foghorn_host::heap::give_back();
                given_back = std::time::Instant::now();
            }
            let now = self.clock.now();
            if let Some(by) = self.clock.stepped() {
                tracing::warn!(by_ms = by, "the wall clock was set");
                commands.extend(self.engine.on(
                    Action::Submit { input: Input::ClockStep { by }, class: Class::Paging, ticket: None },
                    now,
                ));
            }
            let rest = std::iter::from_fn(|| self.port.rx.try_recv().ok());
            let messages: Vec<Message> = first.into_iter().chain(rest).take(MOST_AT_ONCE).collect();
            for message in messages {
                let Message::Submit(Submission { input, class, reply }) = message else { continue };
                self.port.taken(class);
                let ticket = reply.map(|reply| {
                    tickets += 1;
                    waiting.insert(tickets, reply);
                    tickets
                });
                if let (Some(carrying), Some(ticket)) = (&mut self.carrying, ticket) {
                    carrying.asked(ticket, now.wall, &input);
                }
                commands.extend(self.engine.on(Action::Submit { input, class, ticket }, now));
            }
            while let Ok(answer) = answers.try_recv() {
                let action = match answer {
                    Answer::Appended(id, Ok(head)) => {
                        self.end = End { head, batch: id };
                        Action::Appended { id, result: Appended::Durable }
                    }
                    Answer::Appended(id, Err(AppendError::Refused { why: Refusal::Invalid(why) })) => {
                        Action::Appended { id, result: Appended::Invalid(why) }
                    }
                    Answer::Appended(id, Err(AppendError::Refused { why })) => {
                        Action::Appended { id, result: Appended::Refused(why.to_string()) }
                    }
                    Answer::Appended(
                        id,
                        Err(e @ (AppendError::LostRace { .. } | AppendError::Unknown(_))),
                    ) => Action::Appended { id, result: Appended::Unknown(e.to_string()) },
                    Answer::Settled(asked, settled) => match settled.map(|s| (self.end.look(asked, &s), s)) {
                        Ok((Some(batch), settled)) => {
                            if matches!(*settled, Settled::NotThere(_)) {
                                self.carrying = None;
                            }
                            Action::Settled { found: Found::Head(batch) }
                        }
                        Ok((None, settled)) if self.carrying.is_some() => {
                            self.tell(Happening::Found(head_of(&settled).seq));
                            Action::Settled {
                                found: Found::StillBroken("it can be read again, and is about to be".into()),
                            }
                        }
                        Ok((None, settled)) => {
                            let why = format!(
                                "the journal ends at event {} and should at {}: part of it is damaged. Restart Foghorn to go on from what is left",
                                head_of(&settled).seq,
                                self.end.head.seq
                            );
                            Action::Settled { found: Found::StillBroken(why) }
                        }
                        Err(why) => Action::Settled { found: Found::StillBroken(why) },
                    },
                };
                commands.extend(self.engine.on(action, now));
            }
            commands.extend(self.engine.on(Action::Poll, now));
            let idle = commands.is_empty();
            // The disk has its next batch first: all the rest is done while it writes.
            let mut rest = Vec::with_capacity(commands.len());
            for command in commands {
                let Command::Append(append) = command else {
                    rest.push(command);
                    continue;
                };
                flying = append.id;
                written = std::time::Instant::now();
                self.append(append, &answers_tx);
            }
            // Before the other commands: what a page says is composed from the view, and a reply must find what it promised.
            if let Some(view) = self.engine.view(now) {
                self.port.view.send_replace(Arc::new(view));
            }
            let in_force = self.adopting.follow(&self.engine.state().setup_hash);
            if in_force {
                holding = std::time::Instant::now();
            }
            let may_send = in_force || holding.elapsed() > LONGEST_HELD;
            if may_send {
                held.drain(..).for_each(|key| self.send(key, now));
            }
            for command in rest {
                match command {
                    // Handed over above.
                    Command::Append(_) => {}
                    Command::Settle => self.settle(flying, &answers_tx),
                    Command::Reply(ticket, reply) => {
                        if let Some(carrying) = &mut self.carrying {
                            carrying.answered(ticket, &reply, self.engine.state());
                        }
                        // Whoever waited may have gone.
                        let _ = waiting.remove(&ticket).map(|w| w.send(reply));
                    }
                    Command::Send(key) if may_send => self.send(key, now),
                    Command::Send(key) => held.push(key),
                    Command::Publish(written) => self.port.written.tell(written),
                    Command::Snapshot { seq, state } => self.snapshot(seq, state),
                    Command::Degraded(why) => self.tell(Happening::Degraded(why)),
                    Command::SetAside(what) => self.tell(Happening::SetAside(what)),
                    Command::Recovered { after, lost } => self.tell(Happening::Recovered { after, lost }),
                }
            }
            if self.stop.load(Ordering::Relaxed) {
                let since = *stopping.get_or_insert_with(std::time::Instant::now);
                if idle && !self.engine.in_flight() || since.elapsed() > Duration::from_secs(1) {
                    return self.carried();
                }
            }
        }
    }

    fn carried(self) -> Vec<Act> {
        self.carrying.map(Carrying::acts).unwrap_or_default()
    }

    /// Hands a batch to the journal.
    fn append(&self, append: Append, answers: &mpsc::Sender<Answer>) {
        let Append { id, at, written, .. } = append;
        let events = Lines { count: written.records.len() as u64, text: written.lines.clone() };
        let batch =
            Batch { id: id.0, prev: self.prev(), at_wall_ms: at.wall.0, at_mono_ms: at.mono.0, events };
        let (tx, wake) = (answers.clone(), self.handle.clone());
        let done = Box::new(move |result| {
            let _ = tx.send(Answer::Appended(id, result));
            wake.wake();
        });
        if let Err(rejected) = self.journal.append(batch, done) {
            let why = Refusal::Other(rejected.to_string());
            let _ = answers.send(Answer::Appended(id, Err(AppendError::Refused { why })));
            self.handle.wake();
        }
    }

    fn prev(&self) -> ChainHash {
        self.end.head.hash
    }

    fn settle(&self, id: BatchId, answers: &mpsc::Sender<Answer>) {
        // A disk that hangs has its thread; asking it to do more would only queue.
        if let Some(busy) = self.journal.busy_for() {
            let why = format!("no answer from the disk for {} s", busy.as_secs());
            let _ = answers.send(Answer::Settled(id, Err(why)));
            return self.handle.wake();
        }
        let (tx, wake) = (answers.clone(), self.handle.clone());
        let done = Box::new(move |result: Result<Settled, SettleError>| {
            let _ = tx.send(Answer::Settled(id, result.map(Box::new).map_err(|e| e.to_string())));
            wake.wake();
        });
        if let Err(rejected) = self.journal.settle(id.0, done) {
            let _ = answers.send(Answer::Settled(id, Err(rejected.to_string())));
            self.handle.wake();
        }
    }

    fn send(&self, key: PageKey, now: foghorn_core::Now) {
        let config = self.adopting.config();
        let view: Arc<View> = self.port.view.borrow().clone();
        match compose::message(&view, &config, &self.tokens, &key, now) {
            Ok((channel, message)) => self.sender.send(key, &channel, message),
            Err(error) => {
                self.handle.tell(
                    Class::Paging,
                    Input::Delivered { key, channel: None, outcome: Outcome::Failed { error } },
                );
            }
        }
    }

    fn snapshot(&self, seq: u64, state: Box<foghorn_core::State>) {
        let head = self.end.head;
        if head.seq != seq {
            return;
        }
        let events = self.events.clone();
        let done = Box::new(move |result: Result<(), foghorn_journal::SnapshotError>| {
            let _ = events.send(match result {
                Ok(()) => Happening::Snapshot(seq),
                Err(e) => Happening::SnapshotFailed(e.to_string()),
            });
        });
        // Writing out a large state takes a while; the pager does not wait for it.
        let body: Body = Box::new(move |out| Ok(serde_json::to_writer(out, &state.snapshot())?));
        let snapshot = Unwritten { head, at_wall_ms: self.clock.now().wall.0, body };
        if let Err(rejected) = self.journal.snapshot(snapshot, done) {
            self.tell(Happening::SnapshotFailed(rejected.to_string()));
        }
    }

    fn tell(&self, happening: Happening) {
        // Nobody watching over it is no reason to stop paging.
        let _ = self.events.send(happening);
    }
}

#[cfg(test)]
mod tests {
    use super::End;
    use foghorn_engine::BatchId;
    use foghorn_engine::engine::Limits;
    use foghorn_journal::{ChainHash, Head, MAX_BATCH_BYTES, Recovery, Settled};

    /// A batch is closed when it has its bytes, or twice as many for what must be decided now; then one input more is in it.
    #[test]
    fn no_batch_is_larger_than_the_journal_takes() {
        let Limits { batch_bytes, input_bytes, .. } = Limits::default();
        assert!(2 * batch_bytes + input_bytes < MAX_BATCH_BYTES);
    }

    fn found(head: Head) -> Recovery {
        Recovery {
            snapshot: None,
            base: Head::GENESIS,
            head,
            batches: 0,
            events: 0,
            damage: Vec::new(),
            skipped_snapshots: Vec::new(),
            missing: None,
            read_only: None,
            unread: false,
        }
    }

    /// The first batch hung and is on disk after all, the second is on its way when that is answered, and is lost: it must not
    /// count as saved.
    #[test]
    fn an_answer_is_about_the_batch_that_was_asked_for() {
        let (first, second) = (BatchId([1; 16]), BatchId([2; 16]));
        let head = |seq, n| Head { seq, hash: ChainHash([n; 32]) };
        let mut end = End::at(head(5, 1));
        let ends_there = |head| Settled::Durable(found(head));
        assert_eq!(end.look(first, &ends_there(head(7, 2))), Some(first));
        assert_eq!(end.look(second, &Settled::NotThere(found(head(7, 2)))), Some(first));
        assert_eq!(end, End { head: head(7, 2), batch: first });
        assert_eq!(end.look(second, &Settled::NotThere(found(head(5, 1)))), None, "it has lost its end");
        assert_eq!(end.look(second, &ends_there(head(9, 3))), Some(second));
    }
}
