//! A batch while it is being decided: input after input, each on top of what those before it have decided.

use crate::engine::{Limits, Ticket};
use crate::handle::{Class, Reply};
use crate::queue::Room;
use crate::written::Lines;
use foghorn_core::event::Record;
use foghorn_core::incident::IncidentId;
use foghorn_core::input::{Answer, Input, Refusal};
use foghorn_core::time::Now;
use foghorn_core::{Event, State};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Who decides: [`foghorn_core::decide()`], or what a test puts around it.
pub type Decide = fn(&mut State, Now, &Input, &mut Vec<Event>) -> Result<Answer, Refusal>;

/// An input that waits to be decided, or has been.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) at: Now,
    pub(crate) input: Input,
    pub(crate) class: Class,
    pub(crate) ticket: Option<Ticket>,
    /// Decided in memory before, while the journal was away.
    pub(crate) late: bool,
    /// What it was first decided on.
    pub(crate) ground: Ground,
}

/// What an input means by the numbers of incidents. Where not all that opened incidents in memory could be kept, it is held
/// against what is there when the input is decided again: no act counts for another incident, and no number is given twice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ground {
    /// The number that the next incident would have had.
    pub(crate) next: IncidentId,
    /// When the incident was opened that it is about.
    pub(crate) opened: Option<Now>,
}

impl Ground {
    pub(crate) fn of(state: &State, input: &Input) -> Ground {
        let about = input.incident().and_then(|id| state.incident(id));
        Ground { next: state.next_incident, opened: about.map(|i| i.opened) }
    }
}

impl Queued {
    pub(crate) fn new(at: Now, input: Input, class: Class, ticket: Option<Ticket>) -> Queued {
        Queued { at, input, class, ticket, late: false, ground: Ground::default() }
    }

    /// What must be decided before it, so that no incident gets a number again that another had in memory.
    pub(crate) fn numbers(&self, state: &State) -> Option<Queued> {
        let next = self.ground.next;
        let taken = next > state.next_incident && !matches!(self.input, Input::NumbersTaken { .. });
        taken.then(|| Queued {
            late: true,
            ground: self.ground,
            ..Queued::new(self.at, Input::NumbersTaken { next }, Class::Paging, None)
        })
    }

    /// How much it takes to keep it: an alert counts as one.
    pub(crate) fn weight(&self) -> usize {
        match &self.input {
            Input::Alerts { items, .. } => items.len().max(1),
            _ => 1,
        }
    }

    /// What it is about, in words.
    pub(crate) fn about(&self) -> String {
        match &self.input {
            Input::Alerts { source, items } => format!("{} alerts of {source}", items.len()),
            Input::Check { check, .. } => format!("a verdict of the check {check}"),
            Input::Ping { check, .. } => format!("a ping of the heartbeat {check}"),
            Input::Tick | Input::TickOne { .. } => "something that was due".to_owned(),
            Input::Delivered { key, .. } => format!("what became of the page {key}"),
            Input::AdoptConfig { .. } => "a new configuration".to_owned(),
            Input::Acknowledge { incident, .. } => format!("an acknowledgement of #{incident}"),
            _ => "what a person or Foghorn itself has asked for".to_owned(),
        }
    }
}

/// A reply, and how its input is treated.
pub(crate) type Answered = (Ticket, Class, Reply);

/// What has been decided on top of a state.
pub(crate) struct Batch {
    pub(crate) inputs: Vec<Queued>,
    replies: Vec<Answered>,
    pub(crate) records: Vec<Arc<Record>>,
    /// The records as the journal is given them.
    pub(crate) lines: Lines,
    /// The state when it is on disk.
    pub(crate) after: State,
    first_seq: u64,
    /// To inputs that could not be decided.
    failed: Vec<Answered>,
    /// How all this was at its beginning, or after the last input that could not be decided.
    mark: Mark,
    rules: Decide,
    /// What one input may write.
    most: usize,
    /// Of one input: kept for its memory.
    events: Vec<Event>,
}

/// A moment in a batch to which it can go back.
struct Mark {
    state: State,
    inputs: usize,
    replies: usize,
    records: usize,
    lines: usize,
}

/// Why an input is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A bug: deciding it panics, or what was decided cannot be written.
    Bug,
    /// Its events take more bytes than one input may write.
    TooLarge(usize),
}

impl Batch {
    /// On top of `base`; its first event will have this sequence number. One input may write `most` bytes.
    pub(crate) fn new(base: &State, first_seq: u64, rules: Decide, most: usize) -> Batch {
        Batch {
            inputs: Vec::new(),
            replies: Vec::new(),
            records: Vec::new(),
            lines: Lines::default(),
            after: base.clone(),
            first_seq,
            failed: Vec::new(),
            mark: Mark { state: base.clone(), inputs: 0, replies: 0, records: 0, lines: 0 },
            rules,
            most,
            events: Vec::new(),
        }
    }

    /// Whether nothing has been decided, and nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.failed.is_empty()
    }

    pub(crate) fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// What must be decided now finds room where the others have used up theirs.
    pub(crate) fn room(&self, limits: &Limits) -> Room {
        let has = |times: usize| {
            self.inputs.len() < limits.batch_inputs.saturating_mul(times)
                && self.records.len() < limits.batch_events.saturating_mul(times)
                && self.lines.len() < limits.batch_bytes.saturating_mul(times)
        };
        match (has(1), has(2)) {
            (true, _) => Room::Any,
            (false, true) => Room::Paging,
            (false, false) => Room::Full,
        }
    }

    /// Decides one more. If that panics, it is left out and given back: no bug in one rule takes the pager down. So is one
    /// that would write more than the journal takes.
    pub(crate) fn add(&mut self, mut q: Queued) -> Option<(Queued, Flaw)> {
        if !q.late {
            q.ground = Ground::of(&self.after, &q.input);
        }
        let Err(flaw) = self.decide(&q) else {
            self.inputs.push(q);
            return None;
        };
        // Nobody knows what it has left behind in the state: what came before it is decided once more, from the mark on.
        // The rules are pure, so that comes out as it did.
        let Mark { state, inputs, replies, records, lines } = &self.mark;
        self.after = state.clone();
        self.replies.truncate(*replies);
        self.records.truncate(*records);
        self.lines.truncate(*lines);
        for q in self.inputs.split_off(*inputs) {
            if self.decide(&q).is_ok() {
                self.inputs.push(q);
            }
        }
        // However many cannot be decided, nothing is decided again for a second one.
        let (inputs, replies, records) = (self.inputs.len(), self.replies.len(), self.records.len());
        self.mark = Mark { state: self.after.clone(), inputs, replies, records, lines: self.lines.len() };
        self.failed.extend(q.ticket.map(|t| (t, q.class, flaw.reply(self.most))));
        Some((q, flaw))
    }

    /// To everybody, those whose inputs could not be decided last.
    pub(crate) fn replies(&mut self) -> impl Iterator<Item = Answered> + '_ {
        self.replies.drain(..).chain(self.failed.drain(..))
    }

    /// The same to those alone that could not be decided: for when the others are decided once more.
    pub(crate) fn failed(&mut self) -> impl Iterator<Item = Answered> + '_ {
        self.failed.drain(..)
    }

    fn decide(&mut self, q: &Queued) -> Result<(), Flaw> {
        let at = Now { mono: q.at.mono.max(self.after.clock.mono), wall: q.at.wall };
        self.events.clear();
        let (rules, state, events) = (self.rules, &mut self.after, &mut self.events);
        let Ok(result) = catch_unwind(AssertUnwindSafe(|| rules(state, at, &q.input, events))) else {
            return Err(Flaw::Bug);
        };
        let next = self.first_seq + self.records.len() as u64;
        let records = (next..).zip(self.events.drain(..));
        let before = (self.records.len(), self.lines.len());
        self.records.extend(records.map(|(seq, event)| Arc::new(Record { seq, at, late: q.late, event })));
        self.lines.add(self.records.get(before.0..).unwrap_or_default()).map_err(|_| Flaw::Bug)?;
        let size = self.lines.len() - before.1;
        if size > self.most {
            return Err(Flaw::TooLarge(size));
        }
        let reply = || result.map_or_else(Reply::Refused, Reply::Saved);
        self.replies.extend(q.ticket.map(|t| (t, q.class, reply())));
        Ok(())
    }
}

impl Flaw {
    /// To whoever asked, where one input may write `most` bytes.
    fn reply(self, most: usize) -> Reply {
        match self {
            Flaw::Bug => {
                let why = "a bug in Foghorn: this input could not be decided, and nothing was changed";
                Reply::Unavailable(Arc::from(why))
            }
            // Another time it would be no smaller.
            Flaw::TooLarge(size) => Reply::Refused(Refusal::Invalid {
                why: format!(
                    "this would write {size} bytes of events at once, the most is {most}: send less at a time"
                ),
            }),
        }
    }
}
