//! Who is paged next if nobody answers, as far as it is known now: told in pages, on the page behind their link, and by
//! the API. A forecast: who is on call may change before then.

use foghorn_core::State;
use foghorn_core::incident::{Incident, Phase, Status};
use foghorn_core::schedule::Override;
use foghorn_core::setup::Target;
use foghorn_core::time::{Mono, Now, Wall};
use foghorn_core::words::Name;

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// People are paged then.
    Step {
        /// When.
        at: Mono,
        /// The policy's step, from 0.
        step: usize,
        /// How often the steps have been gone through before it.
        round: u32,
        /// Who, each once; empty where no step reaches anybody then.
        people: Vec<Name>,
    },
    /// Somebody has it; if it is still critical then, the next team is paged.
    Again {
        /// When.
        at: Mono,
    },
    /// The policy ends after this step: nobody else is paged.
    End,
    /// Nothing pages.
    Nothing,
}

/// What happens next to an incident, seen at `now`.
#[must_use]
pub fn next(state: &State, incident: &Incident, now: Now) -> Next {
    let at = match (&incident.status, incident.escalation.phase) {
        (Status::Resolved { .. }, _) | (Status::Open, Phase::Idle) => return Next::Nothing,
        (Status::Acknowledged { until, .. }, _) => return Next::Again { at: *until },
        (Status::Open, Phase::Exhausted) => return Next::End,
        (Status::Open, Phase::Waiting { until, .. }) => until,
    };
    let setup = &state.setup;
    let e = &incident.escalation;
    let policy =
        e.policy.as_ref().and_then(|p| setup.escalations.get(p)).or_else(|| setup.escalations.get("default"));
    let Some(policy) = policy else {
        return Next::Step {
            at,
            step: 0,
            round: e.round + 1,
            people: setup.people.keys().cloned().collect(),
        };
    };
    let (mut step, mut round) = (usize::from(e.step) + 1, e.round);
    // A step that reaches nobody then is passed at once, as the core does.
    for _ in 0..policy.steps.len() {
        if step >= policy.steps.len() {
            (step, round) = (0, round + 1);
            if policy.repeat.is_some_and(|n| round >= n) {
                return Next::End;
            }
        }
        let targets = policy.steps.get(step).map_or(&[][..], |s| &s.page);
        let people = reached(state, targets, now.wall_at(at));
        if !people.is_empty() {
            return Next::Step { at, step, round, people };
        }
        step += 1;
    }
    Next::Step { at, step: 0, round, people: Vec::new() }
}

/// Whom the targets reach at a time, each person once.
fn reached(state: &State, targets: &[Target], at: Wall) -> Vec<Name> {
    let setup = &state.setup;
    let mut people: Vec<Name> = Vec::new();
    for target in targets {
        let found = match target {
            Target::Everyone => setup.people.keys().cloned().collect(),
            Target::Person(p) => vec![p.clone()],
            Target::Schedule(name) => {
                setup.schedules.get(name).map_or_else(Vec::new, |s| s.on_call(at, overrides(state, name)))
            }
        };
        for person in found {
            let can = setup.people.get(&person).is_some_and(|p| !p.contacts.is_empty());
            if can && !people.contains(&person) {
                people.push(person);
            }
        }
    }
    people
}

/// Who stands in on a schedule.
pub(crate) fn overrides<'a>(state: &'a State, schedule: &'a Name) -> impl Iterator<Item = &'a Override> {
    state.overrides.values().map(|o| &**o).filter(move |o| o.schedule == *schedule)
}

/// A person's name as other people read it.
pub(crate) fn person(state: &State, id: &str) -> String {
    state.setup.people.get(id).map_or_else(|| id.to_owned(), |p| p.name.clone())
}

/// In a sentence, for people: `in 4m 10s it pages Night operator (step 2)`.
#[must_use]
pub fn sentence(state: &State, next: &Next, now: Now) -> String {
    match next {
        Next::Step { at, step, people, .. } => {
            let who: Vec<String> = people.iter().take(12).map(|p| person(state, p)).collect();
            let more = people.len().saturating_sub(who.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let (wait, step) = (at.since(now.mono), step + 1);
            match who.len() {
                0 => format!(
                    "in {wait} it pages whoever can be reached: no step of the policy reaches anybody"
                ),
                _ => format!("in {wait} it pages {}{more} (step {step})", who.join(", ")),
            }
        }
        Next::Again { at } => {
            format!("if it is still critical in {}, the next step is paged", at.since(now.mono))
        }
        Next::End => "nobody else is paged: the policy ends here".to_owned(),
        Next::Nothing => "nobody is paged".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_core::incident::Escalation;
    use foghorn_core::input::Input;
    use foghorn_core::setup::{Contact, EscalationPolicy, Person, Setup, Step};
    use foghorn_core::time::Span;
    use foghorn_core::words::{Actor, Severity};
    use std::sync::Arc;

    /// An incident opened by hand under a policy of two steps, the second for everybody.
    fn open(repeat: Option<u32>) -> (State, Now) {
        let contact = Contact { channel: "email".into(), after: Span::ZERO, only: None, notices: true };
        let person = |name: &str| Person {
            name: name.to_owned(),
            time_zone: "UTC".into(),
            working_hours: foghorn_core::schedule::WorkingHours::default(),
            contacts: vec![contact.clone()],
        };
        let step = |page| Step { page, wait: Span::mins(5) };
        let steps = vec![
            step(vec![Target::Person("ana".into())]),
            step(vec![Target::Everyone, Target::Person("bo".into())]),
        ];
        let setup = Setup {
            people: [("ana".into(), person("Ana")), ("bo".into(), person("Bo"))].into(),
            escalations: [("default".into(), EscalationPolicy { steps, repeat })].into(),
            ..Setup::default()
        };
        let (mut state, now) = (State::default(), Now { mono: Mono(1000), wall: Wall(1000) });
        let by = Actor::system();
        let opened = Input::Open {
            title: "x".into(),
            severity: Severity::Critical,
            entity: None,
            escalation: None,
            note: None,
            by,
        };
        for input in [Input::AdoptConfig { hash: "h".into(), setup: Arc::new(setup) }, opened] {
            foghorn_core::decide(&mut state, now, &input, &mut Vec::new()).unwrap();
        }
        (state, now)
    }

    #[test]
    fn steps_follow_until_the_policy_ends() {
        let (state, now) = open(Some(1));
        let mut incident = state.incident(1).unwrap().clone();
        let first = next(&state, &incident, now);
        assert_eq!(sentence(&state, &first, now), "in 5m it pages Ana, Bo (step 2)");
        incident.escalation = Escalation { step: 1, ..incident.escalation.clone() };
        assert_eq!(next(&state, &incident, now), Next::End);
        let (state, _) = open(None);
        let again = next(&state, &incident, now);
        assert_eq!(again, Next::Step { at: Mono(301_000), step: 0, round: 1, people: vec!["ana".into()] });
        incident.escalation.phase = Phase::Exhausted;
        assert_eq!(next(&state, &incident, now), Next::End);
        incident.escalation.phase = Phase::Idle;
        assert_eq!(sentence(&state, &next(&state, &incident, now), now), "nobody is paged");
    }
    /// On call at 3 a.m. one reads who is next, not that a schedule has a gap.
    #[test]
    fn a_step_that_reaches_nobody_is_passed() {
        let (mut state, now) = open(None);
        let mut setup = (*state.setup).clone();
        let steps = &mut setup.escalations.get_mut(&Name::from("default")).unwrap().steps;
        steps.insert(1, Step { page: vec![Target::Schedule("gap".into())], wait: Span::mins(5) });
        state.setup = Arc::new(setup);
        let incident = state.incident(1).unwrap();
        assert_eq!(sentence(&state, &next(&state, incident, now), now), "in 5m it pages Ana, Bo (step 3)");
    }
}
