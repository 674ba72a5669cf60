//! The rules. `decide(state, now, input)` says what happens; nothing else in Foghorn does.
//!
//! A handler only reads the state and emits events; emitting applies, so that what follows within the same input sees
//! what came before. A refused input has emitted nothing.

mod alerts;
mod calm;
mod configure;
mod correlate;
mod deliver;
mod escalate;
mod people;
mod public;
mod time;
mod waiting;

use crate::event::Event;
use crate::incident::IncidentId;
use crate::input::{Answer, Input, Refusal};
use crate::state::{State, Timer};
use crate::time::Now;
use alloc::string::ToString;
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
            Input::Delivered { key, outcome } => return Ok(self.delivered(key, outcome)),
            Input::Silence { .. } => return self.silence(input),
            Input::EndSilence { id, by } => return self.end_silence(id, by),
            Input::AddOverride { id, entry, by } => return self.add_override(id, entry, by),
            Input::RemoveOverride { id, by } => return self.remove_override(id, by),
            Input::Change { change } => self.emit(Event::ChangeRecorded { change: change.clone() }),
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
        }
    }

    /// The earliest of all that waits for its time; of two at one moment an alert's expiry.
    fn next_due(&self) -> Option<(crate::time::Mono, Due)> {
        let expiry = self.state.expiries.first().map(|(at, place)| (*at, Due::Expiry(*place)));
        let timer = self.state.timers.first().map(|(at, timer)| (*at, Due::Timer(timer.clone())));
        [expiry, timer].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Brings an incident in line with its alerts: records growth, resolves what is well, starts, restarts or pauses
    /// paging. The one place where these rules are.
    fn settle(&mut self, id: IncidentId) {
        use crate::incident::{Phase, Status};
        use crate::words::Urgency;
        let Some(i) = self.state.incident(id) else { return };
        if i.is_resolved() {
            return self.reopen_if_worse(id);
        }
        if i.is_well() {
            return self.recover(id);
        }
        if i.recovers_at.is_some() {
            self.emit(Event::RecoveryAwaited { id, until: None, why: "unwell again".to_string() });
        }
        let Some(i) = self.state.incident(id) else { return };
        let now = i.shape_now(self.now.mono, self.state.life);
        // Shrinking is recorded as well: a link in a page refers to what the page showed, and an acknowledgement by it
        // must not cover what was worse before or becomes worse again.
        // The first that is unwell is recorded too: while all alerts are held there is none.
        let first = |last: &crate::incident::Shape| (last.width == 0) != (now.width == 0);
        let grown = i.shapes.last().filter(|last| !last.covers(&now)).copied();
        if i.shapes.last().is_none_or(|last| !last.covers(&now) || !now.covers(last) || first(last)) {
            // It is called after what is worst of what people are paged for: whoever is woken for that must not read of
            // what is harmless, nor of what is held still or was over before it was paged for.
            let worse = |last: &crate::incident::Shape| {
                now.severity > last.severity || last.width == 0 && now.width > 0
            };
            let renamed = i.own.is_none() && i.shapes.last().is_some_and(worse);
            let title = if renamed { self.title_of_worst(id) } else { None };
            self.emit(Event::IncidentGrew { id, shape: now, title });
        }
        let Some(i) = self.state.incident(id) else { return };
        let urgency = i.urgency();
        match (&i.status, i.escalation.phase) {
            (Status::Acknowledged { covers, by, .. }, _)
                if !covers.covers(&now) && urgency > Urgency::None =>
            {
                let by = self.called(&by.name);
                let why = if now.severity > covers.severity {
                    let (was, is) = (covers.severity, now.severity);
                    alloc::format!("it grew from {was} to {is} since {by} acknowledged it")
                } else if now.urgency > covers.urgency {
                    alloc::format!("it is urgent now, which it was not when {by} acknowledged it")
                } else {
                    let (is, was) = (now.width, covers.width);
                    alloc::format!("{is} entities are unwell now; {by} acknowledged {was}")
                };
                self.emit(Event::AcknowledgementLapsed { id, why: why.clone() });
                self.start_escalation(id, &why);
            }
            (Status::Open, Phase::Idle) if urgency > Urgency::None => self.start_escalation(id, ""),
            (Status::Open, Phase::Waiting { .. } | Phase::Exhausted) if i.pages_with() == Urgency::None => {
                self.emit(Event::EscalationPaused { id });
            }
            (Status::Open, _) if urgency > i.escalation.urgency && i.escalation.phase != Phase::Idle => {
                let why = alloc::format!("it is {} now", now.severity);
                self.start_escalation(id, &why);
            }
            // What is worse now may be somebody else's, who would not hear of it by the policy of what was first.
            (Status::Open, Phase::Waiting { .. })
                if !i.escalation.asked
                    && grown.is_some_and(|before| now.severity > before.severity)
                    && i.escalation.policy.as_ref() != Some(&self.policy_for(id)) =>
            {
                let why = alloc::format!("it is {} now", now.severity);
                self.start_escalation(id, &why);
            }
            (Status::Open, Phase::Waiting { .. })
                if i.pages_with() == Urgency::Low && i.escalation.urgency == Urgency::High =>
            {
                self.calm_down(id);
            }
            // A policy that has come to its end has not come to that of what is new, nor is who has not answered treated
            // worse than who has.
            (Status::Open, Phase::Exhausted) => {
                let Some(before) = grown else { return };
                let why = if now.severity > before.severity {
                    alloc::format!("it is {} now", now.severity)
                } else {
                    alloc::format!("{} entities are unwell now, {} before", now.width, before.width)
                };
                self.start_escalation(id, &why);
            }
            _ => {}
        }
    }
}
