//! Which step of a policy comes next, and whom it reaches: what is done then, and what is told of it before.

use crate::incident::Incident;
use crate::page::Page;
use crate::setup::{EscalationPolicy, Step, Target};
use crate::state::State;
use crate::time::{Mono, Wall};
use crate::words::{Name, Urgency};
use alloc::vec::Vec;

/// From where on steps are looked at, each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// A wave begins with this step, or the first after it that reaches somebody. It has all its rounds before it: after the
    /// last step comes the first.
    Wave(u16),
    /// A wave goes on with this step, in this round, from 0. After the last step the next round begins, if there is one.
    Next(u16, u32),
}

/// What was found among the steps of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ahead<T> {
    /// A step that reaches somebody.
    Step(T),
    /// No step reaches anybody: then everybody is paged, in this round.
    Everybody(u32),
    /// The policy is at its end.
    End,
}

impl EscalationPolicy {
    /// The first step that reaches somebody: one that reaches nobody is passed at once.
    pub fn ahead<T>(&self, from: From, mut reach: impl FnMut(u16, u32, &Step) -> Option<T>) -> Ahead<T> {
        let (mut step, mut round, costs) = match from {
            From::Wave(step) => (step, 0, 0),
            From::Next(step, round) => (step, round, 1),
        };
        for _ in 0..self.steps.len() {
            if usize::from(step) >= self.steps.len() {
                (step, round) = (0, round + costs);
                if costs > 0 && self.repeat.is_some_and(|n| round >= n) {
                    return Ahead::End;
                }
            }
            if let Some(found) = self.steps.get(usize::from(step)).and_then(|s| reach(step, round, s)) {
                return Ahead::Step(found);
            }
            step += 1;
        }
        if usize::from(step) >= self.steps.len() {
            round += costs;
        }
        if self.repeat.is_some_and(|n| round > n) { Ahead::End } else { Ahead::Everybody(round) }
    }
}

impl State {
    /// Whom targets reach at a time, each person once: who has a contact. What wakes nobody is for whoever is on call when
    /// hours begin.
    #[must_use]
    pub fn reached(&self, targets: &[Target], at: Wall, urgency: Urgency) -> Vec<Name> {
        let mut people: Vec<Name> = Vec::new();
        for target in targets {
            for (person, _) in self.named(target, at, urgency) {
                if !self.setup.contacts(&person).is_empty() && !people.contains(&person) {
                    people.push(person);
                }
            }
        }
        people
    }

    /// Whom a target names at a time, and from when on.
    pub(crate) fn named(&self, target: &Target, at: Wall, urgency: Urgency) -> Vec<(Name, Wall)> {
        match target {
            Target::Everyone => self.setup.people.keys().map(|p| (p.clone(), at)).collect(),
            Target::Person(p) => alloc::vec![(p.clone(), at)],
            Target::Schedule(name) => self.on_call_for(name, urgency, at),
        }
    }

    /// With which of the policy's steps the next team begins, from 0: the one after that which was entered last, unless all
    /// whom that pages wait for working hours, and nobody has heard of it yet.
    #[must_use]
    pub fn next_team(&self, incident: &Incident, now: Mono) -> From {
        let e = &incident.escalation;
        let mut pages = self.pages_of(incident.id).filter(|p| p.key.is_of(e.seen())).peekable();
        let unheard = e.wave == 0 || pages.peek().is_some() && pages.all(|p| p.waits_for_hours(now));
        From::Wave(e.step + u16::from(!unheard))
    }
}

impl Page {
    /// Whether it is a page that waits for working hours, and has not been tried.
    #[must_use]
    pub fn waits_for_hours(&self, now: Mono) -> bool {
        let ahead = self.due_at().is_some_and(|due| due > now);
        self.key.kind == crate::page::PageKind::Page && self.attempts == 0 && self.calendar.is_some() && ahead
    }
}
