//! Who is paged, and who next, until a person answers. Outage 4: nobody had to take the alert, and nobody did for 4 h.

use super::Draft;
use crate::alert::Alert;
use crate::event::{ContactTurn, Event, PersonTurn};
use crate::incident::{Incident, IncidentId, Phase, Status, StepSeen};
use crate::page::{Page, PageKind};
use crate::setup::{EscalationPolicy, Person, Step, Target};
use crate::steps::{Ahead, From};
use crate::time::{Mono, Span, Wall};
use crate::words::{Name, Urgency};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Reverse;

/// When nobody at all can be paged, it is tried again after this long: a reload may bring somebody.
const NOBODY_WAIT: Span = Span::mins(1);

/// Who is paged beside those whom a step names, or is left out of them: whoever has acknowledged.
#[derive(Clone, Copy)]
pub(super) enum But<'a> {
    /// Nobody.
    Nobody,
    /// Is on it, and was not enough.
    Without(&'a Name),
    /// Is on what was less.
    With(&'a Name),
}

/// A step as it would be entered now.
struct Plan {
    step: u16,
    round: u32,
    turns: Vec<PersonTurn>,
    gaps: Vec<Target>,
    until: Mono,
    calendar: Option<Wall>,
}

impl Draft<'_> {
    /// Begins a wave: the first step of the policy of the worst open alert is entered.
    pub(super) fn start_escalation(&mut self, id: IncidentId, but: But<'_>, why: &str) {
        let Some(i) = self.state.incident(id) else { return };
        let (wave, urgency) = (i.escalation.wave + 1, i.urgency());
        let policy = self.policy_for(id);
        self.drop_waiting(id);
        self.emit(Event::EscalationStarted { id, policy, wave, urgency, asked: false, why: why.to_string() });
        self.enter(id, From::Wave(0), urgency, but, why);
    }

    /// The policy of the worst of what is wrong, an alert or what a person opened; else `default`. Of several that are as bad it is the one
    /// that is at it already, else that of the first: a second team is no better than the one that knows.
    pub(super) fn policy_for(&self, id: IncidentId) -> Name {
        let setup = &self.state.setup;
        let Some(i) = self.state.incident(id) else { return Name::from("default") };
        let of = |a: &Alert| match setup.escalations.contains_key(&a.escalation) {
            true => a.escalation.clone(),
            false => setup.escalation_for(None, a.entity.as_ref(), &a.source),
        };
        let is_at_it = |a: &Alert| i.escalation.policy.as_ref() == Some(&of(a));
        let worst = self.state.counted_of(i).min_by_key(|a| Reverse((a.urgency, a.severity, is_at_it(a))));
        // What a person opened by hand is as bad as they said, and theirs until something is worse.
        let own = i.own.map(|severity| (i.own_urgency, severity));
        match worst.filter(|a| own.is_none_or(|own| (a.urgency, a.severity) > own)) {
            Some(a) => of(a),
            None => {
                let entity = i.own_entity.as_ref().or_else(|| i.entities.keys().next());
                setup.escalation_for(i.own_policy.as_ref(), entity, &Name::from(""))
            }
        }
    }

    /// Enters a step, or the next one that reaches somebody. When no step does, everybody is paged; when there is
    /// nobody, that is written and tried again.
    pub(super) fn enter(&mut self, id: IncidentId, from: From, urgency: Urgency, but: But<'_>, why: &str) {
        let Some(i) = self.state.incident(id) else { return };
        let (wave, urgency) = (i.escalation.wave, urgency.max(Urgency::Low));
        let policy = self.policy_of(i);
        // `round` is the last that was gone through, from 0.
        let rounds = if let From::Next(_, round) = from { round + 1 } else { 1 };
        match self.plan(id, &policy, from, urgency, but) {
            Some(plan) => self.begin(id, wave, plan, why),
            None => self.emit(Event::NobodyAnswered { id, rounds }),
        }
    }

    fn begin(&mut self, id: IncidentId, wave: u32, plan: Plan, why: &str) {
        let mut why = why.to_string();
        for gap in &plan.gaps {
            let whom = match gap {
                Target::Schedule(n) => format!("nobody is on call on {n}"),
                Target::Person(n) => format!("{} cannot be paged", self.called(n)),
                Target::Everyone => "there is nobody to page".to_string(),
            };
            why.push_str(if why.is_empty() { "" } else { "; " });
            why.push_str(&whom);
        }
        let Plan { step, round, turns, gaps, until, calendar } = plan;
        self.emit(Event::StepEntered { id, wave, round, step, until, calendar, turns, gaps, why });
    }

    /// The policy by which an incident is paged.
    fn policy_of(&self, i: &Incident) -> EscalationPolicy {
        let known = &self.state.setup.escalations;
        let own = i.escalation.policy.as_ref().and_then(|p| known.get(p));
        own.or_else(|| known.get("default")).cloned().unwrap_or_else(everyone)
    }

    /// Whom a step of it would page now, and its wait.
    pub(super) fn turns_of_step(
        &self,
        id: IncidentId,
        step: u16,
        urgency: Urgency,
    ) -> Option<(Vec<PersonTurn>, Span)> {
        let policy = self.policy_of(self.state.incident(id)?);
        let step = policy.steps.get(usize::from(step)).or(policy.steps.last())?;
        Some((self.turns(id, &step.page, urgency, None, &mut Vec::new()), step.wait))
    }

    /// `None` when the policy is at its end.
    fn plan(
        &self,
        id: IncidentId,
        policy: &EscalationPolicy,
        from: From,
        urgency: Urgency,
        but: But<'_>,
    ) -> Option<Plan> {
        let mut gaps = Vec::new();
        let except = if let But::Without(who) = but { Some(who) } else { None };
        let found = policy.ahead(from, |step, round, s| {
            let turns = self.turns(id, &s.page, urgency, except, &mut gaps);
            (!turns.is_empty()).then_some((step, round, turns, s.wait))
        });
        let (step, round, mut turns, wait) = match found {
            Ahead::End => return None,
            Ahead::Step(found) => found,
            Ahead::Everybody(round) => {
                let all = [Target::Everyone];
                let others = self.turns(id, &all, urgency, except, &mut gaps);
                let turns =
                    if others.is_empty() { self.turns(id, &all, urgency, None, &mut gaps) } else { others };
                let first = policy.steps.first().filter(|_| !turns.is_empty());
                (0, round, turns, first.map_or(NOBODY_WAIT, |s| s.wait))
            }
        };
        if let But::With(who) = but
            && !turns.is_empty()
            && turns.iter().all(|t| t.person != *who)
        {
            let who = [Target::Person(who.clone())];
            turns.extend(self.turns(id, &who, urgency, None, &mut Vec::new()));
        }
        let (until, calendar) = self.end_of_step(&turns, wait);
        Some(Plan { step, round, turns, gaps, until, calendar })
    }

    /// Waits count from entering the step; where everybody's turn waits for working hours, from the first of them.
    pub(super) fn end_of_step(&self, turns: &[PersonTurn], wait: Span) -> (Mono, Option<Wall>) {
        let first = turns.iter().flat_map(|t| &t.contacts).min_by_key(|c| c.due);
        let calendar = first.and_then(|c| c.calendar).map(|w| w + wait);
        (calendar.map_or(self.now.mono + wait, |w| self.now.mono_at(w)), calendar)
    }

    /// The turns of everybody whom the targets name, each person once.
    fn turns(
        &self,
        id: IncidentId,
        targets: &[Target],
        urgency: Urgency,
        except: Option<&Name>,
        gaps: &mut Vec<Target>,
    ) -> Vec<PersonTurn> {
        let setup = &self.state.setup;
        let mut turns: Vec<PersonTurn> = Vec::new();
        for target in targets {
            let mut reached = false;
            for (name, from) in self.state.named(target, self.now.wall, urgency) {
                // Whoever is left out on purpose is no gap.
                reached |= except == Some(&name);
                let Some(person) = setup.people.get(&name).filter(|_| except != Some(&name)) else {
                    continue;
                };
                let contacts = self.contacts(id, &name, person, urgency, from);
                reached |= !contacts.is_empty();
                if !contacts.is_empty() && turns.iter().all(|t| t.person != name) {
                    turns.push(PersonTurn { person: name, urgency, contacts });
                }
            }
            if !reached && !gaps.contains(target) {
                gaps.push(target.clone());
            }
        }
        turns
    }

    /// A person's contacts for a page of this urgency. A contact that is only for the other urgency is left out, unless
    /// nothing else remains: better the wrong bell than none. One that waits already does not begin to wait again: a delay
    /// longer than the policy's waits would never end. Their turn begins at `from`.
    fn contacts(
        &self,
        id: IncidentId,
        name: &Name,
        person: &Person,
        urgency: Urgency,
        from: Wall,
    ) -> Vec<ContactTurn> {
        let begin = match urgency {
            Urgency::High => from,
            _ => person.working_hours.next(&person.time_zone, from),
        };
        let fits = |c: &&crate::setup::Contact| c.only.is_none_or(|only| only == urgency);
        let any_fits = person.contacts.iter().any(|c| fits(&c));
        let numbered = (0_u8..).zip(&person.contacts).filter(|(_, c)| !any_fits || fits(c));
        numbered
            .map(|(contact, c)| {
                let calendar = Some(begin + c.after).filter(|_| begin > self.now.wall);
                let due = calendar.map_or(self.now.mono + c.after, |w| self.now.mono_at(w));
                let waits = |p: &&Page| {
                    p.key.kind == PageKind::Page && p.key.person == *name && p.key.contact == contact
                };
                let waiting =
                    self.state.pages_of(id).find(|p| waits(p) && p.attempts == 0).and_then(Page::due_at);
                let due = waiting.filter(|_| calendar.is_none()).map_or(due, |earlier| due.min(earlier));
                let pass_over = due + self.state.setup.timing.pass_over;
                ContactTurn { contact, channel: c.channel.clone(), due, pass_over, calendar }
            })
            .collect()
    }

    /// The wait of a step is over: the next one.
    pub(super) fn step_over(&mut self, id: IncidentId) {
        let Some(i) = self.state.incident(id) else { return };
        let e = &i.escalation;
        let (step, round, urgency) = (e.step, e.round, i.pages_with());
        if urgency == Urgency::None {
            return self.emit(Event::EscalationPaused { id });
        }
        let why = format!(
            "nobody has acknowledged step {} of {}",
            step + 1,
            e.policy.as_ref().map_or("default", Name::as_str)
        );
        // What has become a warning wakes nobody any more.
        self.enter(id, From::Next(step + 1, round), urgency, But::Nobody, &why);
    }

    /// An acknowledgement does not stop the clock for good (outage 2b: operations tried for 49 minutes before development
    /// heard of it): still critical, and the next team of the policy is paged.
    pub(super) fn acknowledgement_due(&mut self, id: IncidentId) {
        let Some(i) = self.state.incident(id) else { return };
        let Status::Acknowledged { by, at, .. } = &i.status else { return };
        let (who, since, name) = (by.name.clone(), at.mono, self.called(&by.name));
        if i.urgency() < Urgency::High {
            if self.state.joined_unseen(i) {
                let why = format!("something else is wrong too since {name} acknowledged it");
                self.emit(Event::AcknowledgementLapsed { id, why: why.clone() });
                return self.start_escalation(id, But::With(&who), &why);
            }
            let until = self.now.mono + self.state.setup.timing.ack_expires;
            return self.emit(Event::AcknowledgementKept { id, until, by: None });
        }
        let why = format!("still {} {} after {name} acknowledged", i.severity(), self.now.mono.since(since));
        self.next_team(id, But::Without(&who), false, &why);
    }

    /// A new wave that begins with the step after the one that was entered last; `asked` if a person wants it.
    pub(super) fn next_team(&mut self, id: IncidentId, but: But<'_>, asked: bool, why: &str) {
        let Some(i) = self.state.incident(id) else { return };
        let (e, acknowledged) = (i.escalation.clone(), i.is_acknowledged());
        let setup = self.state.setup.clone();
        let known = |policy: &Name| setup.escalations.contains_key(policy);
        // One that left the configuration meanwhile is not gone on with: what the rules name now is begun.
        let (policy, from) = match e.policy.clone().filter(known) {
            Some(policy) => (policy, self.state.next_team(i, self.now.mono)),
            None => (self.policy_for(id), From::Wave(0)),
        };
        let rule = setup.escalations.get(&policy);
        if acknowledged {
            self.emit(Event::AcknowledgementLapsed { id, why: why.to_string() });
        }
        let (but, why) = match (but, rule) {
            (But::Without(who), Some(rule)) if !self.has_others(id, rule, who) => {
                (But::Nobody, format!("{why}; nobody else is on the policy {policy}"))
            }
            _ => (but, why.to_string()),
        };
        self.drop_waiting(id);
        let (wave, urgency) = (e.wave + 1, Urgency::High);
        self.emit(Event::EscalationStarted { id, policy, wave, urgency, asked, why: why.clone() });
        self.enter(id, from, urgency, but, &why);
    }

    /// Whether some step of it wakes somebody else now.
    fn has_others(&self, id: IncidentId, policy: &EscalationPolicy, who: &Name) -> bool {
        let wakes = |s: &Step| self.turns(id, &s.page, Urgency::High, Some(who), &mut Vec::new());
        policy.steps.iter().any(|s| !wakes(s).is_empty())
    }

    /// The step is entered once more, because whom it paged is not in the configuration any more. Who has taken the page is
    /// not sent it again.
    pub(super) fn enter_again(&mut self, id: IncidentId, why: &str) {
        let Some(i) = self.state.incident(id) else { return };
        if !matches!((&i.status, i.escalation.phase), (Status::Open, Phase::Waiting { .. })) {
            return;
        }
        let entered = i.escalation.seen();
        let (step, round, urgency) = (entered.step, entered.round, i.pages_with());
        if urgency == Urgency::None {
            return self.emit(Event::EscalationPaused { id });
        }
        // A policy that has become shorter is not at its end for that.
        let steps = i.escalation.policy.as_ref().and_then(|p| self.state.setup.escalations.get(p));
        let last = steps.and_then(|p| u16::try_from(p.steps.len().saturating_sub(1)).ok());
        // What has become a warning wakes nobody any more.
        let (wave, urgency, policy) = (entered.wave, urgency.max(Urgency::Low), self.policy_of(i));
        let from = From::Next(step.min(last.unwrap_or(step)), round);
        let plan = self.plan(id, &policy, from, urgency, But::Nobody);
        let Some(mut plan) = plan else {
            return self.emit(Event::NobodyAnswered { id, rounds: round + 1 });
        };
        let same = (round, step) == (plan.round, plan.step);
        let taken: Vec<(&Name, &Name)> = self
            .state
            .pages_of(id)
            .filter(|p| same && p.key.is_of(entered) && p.due_at().is_none())
            .map(|p| (&p.key.person, &p.channel))
            .filter(|(person, channel)| !self.state.setup.several_on(person, channel))
            .collect();
        for turn in &mut plan.turns {
            turn.contacts.retain(|c| !taken.contains(&(&turn.person, &c.channel)));
        }
        plan.turns.retain(|t| !t.contacts.is_empty());
        if !plan.turns.is_empty() || taken.is_empty() {
            self.begin(id, wave, plan, why);
        }
    }

    /// The next step is entered now if no contact of this one is left to hope for: each has been passed over. Only in
    /// the first round; after that everybody is being tried, and the policy's waits hold.
    pub(super) fn hasten_if_hopeless(&mut self, id: IncidentId) {
        let Some(i) = self.state.incident(id) else { return };
        let e = &i.escalation;
        if e.round > 0 || i.status != Status::Open || !matches!(e.phase, Phase::Waiting { .. }) {
            return;
        }
        // Whoever had the page of this step when it became calmer was left out of the calmer wave.
        let before = StepSeen { wave: e.wave.saturating_sub(1), ..e.seen() };
        let of_step = |p: &&Page| p.key.is_of(e.seen()) || e.urgency == Urgency::Low && p.key.is_of(before);
        // What was passed over may have been taken since.
        let hopeless = |p: &Page| p.passed_over && p.due_at().is_some();
        if self.state.pages_of(id).filter(of_step).all(hopeless) {
            let why: String = "no contact of this step has taken the page".to_string();
            self.emit(Event::StepHastened { id, until: self.now.mono, why });
        }
    }
}

/// For a setup without any policy.
fn everyone() -> EscalationPolicy {
    EscalationPolicy {
        steps: alloc::vec![Step { page: alloc::vec![Target::Everyone], wait: Span::mins(5) }],
        repeat: None,
    }
}
