//! Pages that wait for working hours: whose they are, and what becomes of them when that changes. Who is on call on Sunday,
//! when a warning comes, may not be on Monday, when it leaves.

use super::Draft;
use super::follow_up::Concern;
use crate::event::Event;
use crate::incident::{IncidentId, Phase, Status};
use crate::page::{Page, PageKey, PageKind};
use crate::state::State;
use crate::time::Wall;
use crate::words::{Name, Urgency};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

/// So many changes of a schedule ahead somebody is looked for who works in their turn.
const MOST_CHANGES: usize = 50;

impl State {
    /// Who of a schedule has a page of this urgency that is planned at `at`, and from when on. What waits for working hours is
    /// for whoever is on call when these begin; works nobody in their turn, it is for whoever is on call then.
    #[must_use]
    pub fn on_call_for(&self, name: &Name, urgency: Urgency, at: Wall) -> Vec<(Name, Wall)> {
        let Some(schedule) = self.setup.schedules.get(name) else { return Vec::new() };
        let overrides = || self.overrides_of(name);
        let since = |at: Wall| schedule.on_call(at, overrides()).into_iter().map(move |p| (p, at));
        let now: Vec<(Name, Wall)> = since(at).collect();
        if urgency == Urgency::High || now.is_empty() {
            return now;
        }
        let mut at = at;
        for _ in 0..MOST_CHANGES {
            let until = schedule.next_change(at, overrides());
            let works = |(person, from): &(Name, Wall)| {
                let person = self.setup.people.get(person);
                let begins = person.map(|p| p.working_hours.next(&p.time_zone, *from));
                begins.is_some_and(|begins| until.is_none_or(|until| begins < until))
            };
            let at_work: Vec<(Name, Wall)> = since(at).filter(works).collect();
            if !at_work.is_empty() {
                return at_work;
            }
            let Some(until) = until else { break };
            at = until;
        }
        now
    }
}

impl Draft<'_> {
    /// The configuration or a stand-in is another: what waits may be for somebody else now, or for other hours. Whoever has
    /// been paged is not paged again for that.
    pub(super) fn look_at_waiting(&mut self, why: &str) {
        let waiting = self.state.pages.values().filter(|p| self.waits(p)).map(|p| p.key.incident);
        let ids: BTreeSet<IncidentId> = waiting.collect();
        self.look_at_all(ids, Concern::Hours(why));
    }

    /// A page of the calendar that has not left.
    fn waits(&self, p: &Page) -> bool {
        p.waits_for_hours(self.now.mono)
    }

    /// Paging starts over: whom the policy pages then does not wait for working hours beside it.
    pub(super) fn drop_waiting(&mut self, id: IncidentId) {
        let waiting: Vec<PageKey> =
            self.state.pages_of(id).filter(|p| self.waits(p)).map(|p| p.key.clone()).collect();
        self.give_up(waiting, "paging starts over");
    }

    fn give_up(&mut self, pages: Vec<PageKey>, why: &str) {
        for key in pages {
            self.emit(Event::PageDropped { key, why: why.to_string() });
        }
    }

    /// What woke is a warning now: whom it has not reached yet is not woken for it, and hears of it when they work. Whoever
    /// has been paged is not paged again for that; the step's wait goes on.
    pub(super) fn calm_down(&mut self, id: IncidentId) {
        let Some(i) = self.state.incident(id) else { return };
        let e = &i.escalation;
        let (wave, round, step, policy) = (e.wave, e.round, e.step, e.policy.clone());
        let (Phase::Waiting { until, calendar }, Some(policy)) = (e.phase, policy) else { return };
        let why = format!("it is {} now", i.severity());
        let pages = || self.state.pages_of(id).filter(|p| p.key.kind == PageKind::Page);
        let taken = pages().filter(|p| p.due_at().is_none() && p.key.wave == wave);
        let reached: BTreeSet<Name> = taken.map(|p| p.key.person.clone()).collect();
        let untaken = pages().filter(|p| p.due_at().is_some()).map(|p| p.key.clone()).collect();
        self.give_up(untaken, &why);
        let (wave, urgency) = (wave + 1, Urgency::Low);
        let Some((mut turns, wait)) = self.turns_of_step(id, step, urgency) else { return };
        self.emit(Event::EscalationStarted { id, policy, wave, urgency, asked: false, why: why.clone() });
        turns.retain(|t| !reached.contains(&t.person));
        let (until, calendar) = if reached.is_empty() && !turns.is_empty() {
            self.end_of_step(&turns, wait)
        } else {
            (until, calendar)
        };
        self.emit(Event::StepEntered {
            id,
            wave,
            round,
            step,
            until,
            calendar,
            turns,
            gaps: Vec::new(),
            why,
        });
    }

    pub(super) fn wait_anew(&mut self, id: IncidentId, why: &str) {
        let Some(i) = self.state.incident(id) else { return };
        let e = &i.escalation;
        let (entered, wave, round, step) = (e.seen(), e.wave, e.round, e.step);
        let (Status::Open, Phase::Waiting { until, calendar }) = (&i.status, e.phase) else { return };
        // What wakes waits for nothing.
        if i.pages_with() != Urgency::Low {
            return;
        }
        let Some((mut turns, wait)) = self.turns_of_step(id, step, Urgency::Low) else { return };
        let planned = |p: &Page| {
            let of = turns.iter().filter(|t| t.person == p.key.person).flat_map(|t| &t.contacts);
            of.into_iter().any(|c| (c.contact, c.calendar) == (p.key.contact, p.calendar))
        };
        let others: Vec<PageKey> =
            self.state.pages_of(id).filter(|p| self.waits(p) && !planned(p)).map(|p| p.key.clone()).collect();
        if others.is_empty() {
            return;
        }
        self.give_up(others, why);
        let there: BTreeSet<(Name, u8)> = self
            .state
            .pages_of(id)
            .filter(|p| p.key.is_of(entered))
            .map(|p| (p.key.person.clone(), p.key.contact))
            .collect();
        for turn in &mut turns {
            turn.contacts.retain(|c| !there.contains(&(turn.person.clone(), c.contact)));
        }
        turns.retain(|t| !t.contacts.is_empty());
        if turns.is_empty() {
            return;
        }
        // Where others have a page of this step, its wait goes on.
        let (until, calendar) =
            if there.is_empty() { self.end_of_step(&turns, wait) } else { (until, calendar) };
        let (gaps, why) = (Vec::new(), why.to_string());
        self.emit(Event::StepEntered { id, wave, round, step, until, calendar, turns, gaps, why });
    }
}
