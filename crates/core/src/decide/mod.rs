//! The rules. `decide(state, now, input)` says what happens; nothing else in Foghorn does.
//!
//! A handler only reads the state and emits events; emitting applies, so that what follows within the same input sees
//! what came before. A refused input has emitted nothing.

mod alerts;
mod calm;
mod changes;
mod configure;
mod correlate;
mod deliver;
mod escalate;
mod follow_up;
mod people;
mod public;
mod settle;
mod time;
mod waiting;

use crate::event::Event;
use crate::input::{Answer, Input, Refusal};
use crate::state::{State, Timer};
use crate::time::Now;
use alloc::vec::Vec;

pub use alerts::{check_labels, resolve_entity};

/// As many timers are worked off in one tick; the rest is due still, and comes with the next.
pub const MOST_TIMERS: usize = 1000;

/// Decides one input at one moment: `state` becomes what it is afterwards, what happened is appended to `events`.
///
/// # Errors
/// A [`Refusal`], with state and events as they were.
pub fn decide(
    state: &mut State,
    now: Now,
    input: &Input,
    events: &mut Vec<Event>,
) -> Result<Answer, Refusal> {
    let before = events.len();
    let mut d = Draft { state, now, events };
    let answer = d.dispatch(input);
    debug_assert!(answer.is_ok() || events.len() == before, "a refusal has emitted something");
    answer
}

/// What has its time now.
#[derive(Clone, Debug, PartialEq)]
enum Due {
    /// An alert's sender must have repeated it.
    Expiry(crate::held::Place),
    Timer(Timer),
}

/// A decision being made.
struct Draft<'a> {
    state: &'a mut State,
    now: Now,
    events: &'a mut Vec<Event>,
}

impl Draft<'_> {
    fn emit(&mut self, event: Event) {
        self.state.apply(self.now, &event);
        self.events.push(event);
    }

    fn dispatch(&mut self, input: &Input) -> Result<Answer, Refusal> {
        match input {
            Input::Start { version, down, life } => self.start(version, *down, *life),
            Input::Tick => self.tick(),
            Input::TickOne { past } => self.tick_one(*past),
            Input::ClockStep { by } => self.clock_stepped(*by),
            Input::NumbersTaken { next } => {
                if *next > self.state.next_incident {
                    self.emit(Event::NumbersTaken { next: *next });
                }
            }
            Input::AdoptConfig { hash, setup } => return Ok(self.adopt(hash, setup)),
            Input::TryAgain => self.try_again(),
            Input::Alerts { source, items } => return Ok(self.alerts(source, items)),
            Input::Check { check, verdict, since } => return self.check(check, verdict, *since),
            Input::Ping { check, ping, run, body } => return self.ping(check, *ping, run.as_ref(), body),
            Input::Acknowledge { incident, by, revision } => {
                return self.acknowledge(*incident, by, *revision);
            }
            Input::Resolve { incident, by } => return self.resolve_by(*incident, by),
            Input::Note { incident, by, text } => return self.note(*incident, by, text),
            Input::StatusUpdate { incident, by, stage, text } => {
                return self.update_status(*incident, by, *stage, text);
            }
            Input::CorrectUpdate { incident, number, by, revision, text } => {
                return self.correct_update(*incident, *number, by, *revision, text.as_deref());
            }
            Input::Escalate { incident, by, seen } => return self.escalate_now(*incident, by, *seen),
            Input::Open { title, severity, entity, escalation, note, by } => {
                return self.open_by_hand(
                    title,
                    *severity,
                    entity.as_ref(),
                    escalation.as_ref(),
                    note.as_deref(),
                    by,
                );
            }
            Input::Delivered { key, channel, outcome } => {
                return Ok(self.delivered(key, channel.as_ref(), outcome));
            }
            Input::Silence { .. } => return self.silence(input),
            Input::EndSilence { id, by } => return self.end_silence(id, by),
            Input::AddOverride { id, entry, by } => return self.add_override(id, entry, by),
            Input::RemoveOverride { id, by } => return self.remove_override(id, by),
            Input::Change { change } => self.changed(change),
        }
        Ok(Answer::Done)
    }

    /// Works off what is due. Every handler moves or removes its timer; one that did not would be met again at once, so
    /// the same timer twice in a row ends the tick.
    fn tick(&mut self) {
        let mut last: Option<(crate::time::Mono, Due)> = None;
        for _ in 0..MOST_TIMERS {
            let Some(due) = self.next_due().filter(|(at, _)| *at <= self.now.mono) else { return };
            debug_assert_ne!(last.as_ref(), Some(&due), "a timer stays where it was");
            if last.as_ref() == Some(&due) {
                return;
            }
            self.work_off(&due.1);
            last = Some(due);
        }
    }

    /// The first thing that is due, after so many that are passed by.
    fn tick_one(&mut self, past: u32) {
        let past = past as usize;
        let expiries = self.state.expiries.iter().map(|(at, place)| (*at, Due::Expiry(*place)));
        let timers = self.state.timers.iter().map(|(at, timer)| (*at, Due::Timer(timer.clone())));
        let mut first: Vec<_> = expiries.take(past + 1).chain(timers.take(past + 1)).collect();
        first.sort_by_key(|(at, _)| *at);
        if let Some((_, due)) = first.into_iter().nth(past).filter(|(at, _)| *at <= self.now.mono) {
            self.work_off(&due);
        }
    }

    fn work_off(&mut self, due: &Due) {
        match due {
            Due::Expiry(place) => self.alert_expired(*place),
            Due::Timer(Timer::Hold(place)) => self.alert_confirmed(*place),
            Due::Timer(Timer::Escalation(id)) => self.step_over(*id),
            Due::Timer(Timer::Acknowledgement(id)) => self.acknowledgement_due(*id),
            Due::Timer(Timer::PassOver(key)) => self.contact_late(key),
            Due::Timer(Timer::Resolved(id)) => self.resolved_again(*id),
            Due::Timer(Timer::Silence(id)) => self.silence_edge(id),
            Due::Timer(Timer::Override(id)) => self.override_ends(id),
            Due::Timer(Timer::Heartbeat(check)) => self.heartbeat_overdue(check),
            Due::Timer(Timer::FollowUp(id)) => self.follow_up(*id),
        }
    }

    /// The earliest of all that waits for its time; of two at one moment an alert's expiry.
    fn next_due(&self) -> Option<(crate::time::Mono, Due)> {
        let expiry = self.state.expiries.first().map(|(at, place)| (*at, Due::Expiry(*place)));
        let timer = self.state.timers.first().map(|(at, timer)| (*at, Due::Timer(timer.clone())));
        [expiry, timer].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}
