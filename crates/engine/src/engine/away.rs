//! While the journal is away: going on in memory, keeping what came in, and deciding it again on what the journal holds.

use super::{Command, Engine, Flight, Found};
use crate::batch::{Ground, Queued};
use crate::handle::{Class, Reply};
use crate::queue::Room;
use foghorn_core::State;
use foghorn_core::input::{Answer, Input};
use foghorn_core::page::Outcome;
use foghorn_core::time::{Mono, Now};
use std::sync::Arc;

pub(super) struct Away {
    pub(super) why: Arc<str>,
    pub(super) since: Now,
    /// What is in effect.
    pub(super) memory: State,
    /// What will be decided again, in order.
    pub(super) kept: Vec<Queued>,
    /// Of all that is kept.
    pub(super) weight: usize,
    pub(super) lost: u64,
    pub(super) look_at: Mono,
}

impl Away {
    /// Where more than `limit` is kept, the oldest of this rank go; a tenth more than must, so that all is not gone through
    /// again for the next one.
    fn make_room(&mut self, rank: u8, limit: usize) {
        if self.weight <= limit {
            return;
        }
        let enough = limit - limit / 10;
        let Away { kept, weight, lost, .. } = self;
        kept.retain(|k| {
            let goes = *weight > enough && dispensable(k) == Some(rank);
            if goes {
                *weight -= k.weight();
                *lost += 1;
            }
            !goes
        });
    }
}

/// The last that goes.
const LAST_RESORT: u8 = 2;

/// What goes first where not everything can be kept, from 0 on; nothing for what nobody says again: a person that they are on
/// it, a check that it fails.
fn dispensable(q: &Queued) -> Option<u8> {
    match &q.input {
        // A later one does all that is due.
        Input::Tick | Input::TickOne { .. } => Some(0),
        // The page is only sent again sooner.
        Input::Delivered { outcome: Outcome::Retry { .. } | Outcome::Failed { .. }, .. } => Some(0),
        // Two pages are better than none.
        Input::Delivered { outcome: Outcome::Accepted { .. }, .. } => Some(LAST_RESORT),
        // Its sender says it again.
        _ => (q.class == Class::Intake).then_some(1),
    }
}

impl Engine {
    /// Goes on in memory. What is in flight counts there: it may be on disk, and two pages are better than none.
    pub(super) fn degrade(&mut self, now: Now, why: &str, out: &mut Vec<Command>) {
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
    pub(super) fn decide_in_memory(&mut self, now: Now, out: &mut Vec<Command>) {
        let Some(mut away) = self.away.take() else { return };
        self.queue_tick(now, away.memory.next_timer());
        if !self.queue.is_empty() {
            let mut batch = self.batch(&away.memory, self.seq + 1);
            // As much as a batch, so that pages leave in between.
            while let Some(q) = self.queue.pop(self.room(&batch)) {
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

    /// Keeps an input to be decided again. At the limit other tools' alerts are not kept: they were answered 503, and their
    /// senders try again. Of the rest, what is said again or found out again makes room.
    fn keep(&self, away: &mut Away, q: Queued) {
        let queued = Queued { ticket: None, late: true, ..q };
        let weight = queued.weight();
        let limit = self.limits.kept.saturating_sub(weight);
        if away.weight > limit && queued.class != Class::Intake {
            let most = dispensable(&queued).unwrap_or(u8::MAX);
            (0..=most.min(LAST_RESORT)).for_each(|rank| away.make_room(rank, limit));
        }
        if away.weight <= limit {
            away.weight += weight;
            away.kept.push(queued);
        } else {
            away.lost += 1;
        }
    }

    pub(super) fn look(&mut self, now: Now, out: &mut Vec<Command>) {
        let Some(a) = &mut self.away else { return };
        if self.looking.is_none() && a.look_at <= now.mono {
            self.looking = Some(false);
            out.push(Command::Settle);
        }
    }

    pub(super) fn settled(&mut self, now: Now, found: Found, out: &mut Vec<Command>) {
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
    pub(super) fn come_back(&mut self, now: Now, out: &mut Vec<Command>) {
        let Some(mut away) = self.away.take() else { return };
        self.next_page = None;
        if away.kept.is_empty() {
            self.changed = true;
            self.stats.lost += away.lost;
            out.push(Command::Recovered { after: now.mono.since(away.since.mono), lost: away.lost });
            return;
        }
        let mut batch = self.batch(&self.saved, self.seq + 1);
        let mut kept = std::mem::take(&mut away.kept).into_iter();
        while self.room(&batch) == Room::Any
            && let Some(q) = kept.next()
        {
            if away.lost > 0 {
                // What could not be kept may have opened incidents.
                if let Some(numbers) = q.numbers(&batch.after) {
                    self.decide(&mut batch, numbers, out);
                }
                if Ground::of(&batch.after, &q.input).opened != q.ground.opened {
                    away.lost += 1;
                    continue;
                }
            }
            self.decide(&mut batch, q, out);
        }
        // What one batch has no room for follows when that is on disk.
        away.kept = kept.collect();
        away.weight = away.kept.iter().map(Queued::weight).sum();
        if away.kept.is_empty() {
            away.memory = batch.after.clone();
        }
        away.look_at = now.mono + self.limits.append_deadline;
        self.away = Some(away);
        self.launch(now, batch, out);
        if self.flight.is_none() {
            self.come_back(now, out);
        }
    }
}

/// A batch that is not on disk: its inputs come before all that was kept later.
pub(super) fn restore(away: &mut Away, flight: Flight) {
    let mut inputs: Vec<Queued> =
        flight.batch.inputs.into_iter().map(|q| Queued { ticket: None, late: true, ..q }).collect();
    inputs.append(&mut away.kept);
    away.weight = inputs.iter().map(Queued::weight).sum();
    away.kept = inputs;
}

/// What may be promised while the journal is away.
pub(super) fn in_memory(class: Class, reply: Reply, why: &Arc<str>) -> Reply {
    match (class, reply) {
        (Class::Paging, Reply::Saved(answer)) => Reply::NotSaved(answer, why.clone()),
        (_, Reply::Saved(Answer::Already)) => Reply::Saved(Answer::Already),
        (_, Reply::Saved(_)) => Reply::Unavailable(why.clone()),
        (_, reply) => reply,
    }
}
