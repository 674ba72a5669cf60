//! Who is paged next if nobody answers, as far as it is known now: told in pages, on the page behind their link, and by
//! the API. A forecast: who is on call may change before then.

use crate::show::text::grouped;
use foghorn_core::State;
use foghorn_core::incident::{Incident, Phase, Status};
use foghorn_core::page::{Delivery, Page, PageKind};
use foghorn_core::setup::EscalationPolicy;
use foghorn_core::steps::{Ahead, From};
use foghorn_core::time::{Mono, Now, Span};
use foghorn_core::words::{Name, Urgency};

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
        /// The policy's step, from 0.
        step: usize,
        /// Who, each once; empty where no step reaches anybody.
        people: Vec<Name>,
    },
    /// Somebody has it, and something else has joined it since that wakes nobody: paging begins again then.
    Unseen {
        /// When.
        at: Mono,
    },
    /// All is well, but it has come back too often to be believed: it is over then.
    Over {
        /// When.
        at: Mono,
    },
    /// A silence or a maintenance window covers all that is wrong. The first of them ends then.
    Covered {
        /// When.
        at: Mono,
        /// Whether that is planned work.
        maintenance: bool,
    },
    /// The policy ends after this step: nobody else is paged.
    End,
    /// Nothing pages.
    Nothing,
}

/// What happens next to an incident, seen at `now`: the next step, or a page of a step that is entered already and waits,
/// for a contact's delay or for somebody's working hours. Whichever is first.
#[must_use]
pub fn next(state: &State, incident: &Incident, now: Now) -> Next {
    if let Some(at) = incident.recovers_at {
        return Next::Over { at };
    }
    let entered = match (&incident.status, incident.escalation.phase) {
        (Status::Resolved { .. }, _) => return Next::Nothing,
        (Status::Acknowledged { until, by, .. }, _) => return on_it(state, incident, *until, &by.name, now),
        (Status::Open, Phase::Idle) => covered(state, incident, now),
        (Status::Open, Phase::Exhausted) => Next::End,
        (Status::Open, Phase::Waiting { until, .. }) => step_over(state, incident, until, now),
    };
    match (waiting(state, incident, now), entered) {
        (Some((first, page)), Next::Step { at, .. }) if first < at => page,
        (Some((_, page)), Next::End | Next::Covered { .. } | Next::Nothing) => page,
        (_, entered) => entered,
    }
}

/// What follows once an acknowledgement has lasted for as long as it does.
fn on_it(state: &State, incident: &Incident, at: Mono, who: &Name, now: Now) -> Next {
    match incident.urgency() {
        Urgency::None => return covered(state, incident, now),
        Urgency::Low if state.joined_unseen(incident) => return Next::Unseen { at },
        // What does not wake is not paged again.
        Urgency::Low => return Next::Nothing,
        Urgency::High => {}
    }
    let then = Now { mono: at, wall: now.wall_at(at) };
    let (step, people) = team(state, incident, then, Some(who)).unwrap_or_default();
    Next::Again { at, step, people }
}

/// Why nobody is paged: a silence may cover all that would.
fn covered(state: &State, incident: &Incident, now: Now) -> Next {
    let counts = incident.own.is_some() || incident.by_severity.iter().any(|n| *n > 0);
    let muted = state.alerts_of(incident).filter(|_| !counts).filter_map(|a| a.muted.as_ref());
    let first = muted.filter_map(|id| state.silences.get(id)).min_by_key(|s| s.ends);
    first.map_or(Next::Nothing, |s| Next::Covered { at: now.mono_at(s.ends), maintenance: s.maintenance })
}

/// The first pages that wait to be sent, and when that is.
fn waiting(state: &State, incident: &Incident, now: Now) -> Option<(Mono, Next)> {
    let due = |p: &Page| match p.delivery {
        // One that was tried already is not the first that its person hears of it.
        Delivery::Due { at } if at > now.mono && p.attempts == 0 && p.key.kind == PageKind::Page => Some(at),
        _ => None,
    };
    let all = || state.pages_of(incident.id).filter_map(|p| due(p).map(|at| (at, &p.key)));
    let (at, first) = all().min_by_key(|(at, key)| (*at, key.step))?;
    let mut people: Vec<Name> = Vec::new();
    for (_, key) in all().filter(|(a, key)| *a == at && key.step == first.step) {
        if !people.contains(&key.person) {
            people.push(key.person.clone());
        }
    }
    Some((at, Next::Step { at, step: first.step.into(), round: first.round, people }))
}

/// What follows when the wait of a step is over.
fn step_over(state: &State, incident: &Incident, at: Mono, now: Now) -> Next {
    let e = &incident.escalation;
    let Some(policy) = policy(state, incident) else {
        let people = state.setup.people.keys().cloned().collect();
        return Next::Step { at, step: 0, round: e.round + 1, people };
    };
    let (then, urgency) = (now.wall_at(at), incident.pages_with());
    let found = policy.ahead(From::Next(e.step + 1, e.round), |step, round, s| {
        let people = state.reached(&s.page, then, urgency);
        (!people.is_empty()).then_some((step, round, people))
    });
    match found {
        Ahead::Step((step, round, people)) => Next::Step { at, step: step.into(), round, people },
        Ahead::Everybody(round) => Next::Step { at, step: 0, round, people: Vec::new() },
        Ahead::End => Next::End,
    }
}

/// Whom the next step pages if it is asked for now, and which of the policy's steps that is, from 0. `None` where that is
/// not known before.
#[must_use]
pub fn asked(state: &State, incident: &Incident, now: Now) -> Option<(usize, Vec<Name>)> {
    team(state, incident, now, None)
}

/// The next step of the policy, without one of its people if others are on it.
fn team(state: &State, incident: &Incident, now: Now, except: Option<&Name>) -> Option<(usize, Vec<Name>)> {
    let policy = incident.escalation.policy.as_ref().and_then(|p| state.setup.escalations.get(p))?;
    let from = state.next_team(incident, now.mono);
    let reached = |except: Option<&Name>| {
        let found = policy.ahead(from, |step, _, s| {
            let mut people = state.reached(&s.page, now.wall, Urgency::High);
            people.retain(|person| except != Some(person));
            (!people.is_empty()).then_some((usize::from(step), people))
        });
        if let Ahead::Step(found) = found { Some(found) } else { None }
    };
    reached(except).or_else(|| reached(None))
}

fn policy<'a>(state: &'a State, incident: &Incident) -> Option<&'a EscalationPolicy> {
    let all = &state.setup.escalations;
    incident.escalation.policy.as_ref().and_then(|p| all.get(p)).or_else(|| all.get("default"))
}

/// A person's name as other people read it.
pub(crate) fn person(state: &State, id: &str) -> String {
    state.setup.people.get(id).map_or_else(|| id.to_owned(), |p| p.name.clone())
}

impl Next {
    /// How long is waited for it yet, in whole seconds: part of one is one more. `None` if nothing is waited for.
    #[must_use]
    pub fn wait(&self, now: Now) -> Option<Span> {
        let (Next::Step { at, .. }
        | Next::Again { at, .. }
        | Next::Covered { at, .. }
        | Next::Unseen { at }
        | Next::Over { at }) = self
        else {
            return None;
        };
        Some(Span::secs(at.since(now.mono).0.div_ceil(1000))).filter(|wait| *wait > Span::ZERO)
    }
}

/// How long something took or has lasted, in whole seconds that are over: `2h 5m`; `0s` for what has just begun.
#[must_use]
pub fn lasted(span: Span) -> String {
    if span.0 < 1000 { "0s".to_owned() } else { Span(span.0 / 1000 * 1000).to_string() }
}

/// `Night operator, Ana (step 2)`.
fn whom(state: &State, step: usize, people: &[Name]) -> String {
    if people.is_empty() {
        return "whoever can be reached: no step of the policy reaches anybody".to_owned();
    }
    let who: Vec<String> = people.iter().take(12).map(|p| person(state, p)).collect();
    let more = people.len().saturating_sub(who.len());
    let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
    format!("{}{more} (step {})", who.join(", "), step + 1)
}

/// In a sentence, for people: `in 4m 10s it pages Night operator (step 2)`.
#[must_use]
pub fn sentence(state: &State, next: &Next, now: Now) -> String {
    let wait = next.wait(now).map_or_else(|| "now".to_owned(), |wait| format!("in {wait}"));
    match next {
        Next::Step { step, people, .. } => format!("{wait} it pages {}", whom(state, *step, people)),
        Next::Again { step, people, .. } => {
            format!("if it is still critical {wait}, it pages {}", whom(state, *step, people))
        }
        Next::Unseen { .. } => format!("{wait} paging begins again: something else is wrong too"),
        Next::Over { .. } => format!("all is well; if it stays so, it is over {wait}"),
        Next::Covered { maintenance: true, .. } => {
            format!("nobody is paged: planned work covers it, which ends {wait}")
        }
        Next::Covered { .. } => format!("nobody is paged: a silence covers it, which ends {wait}"),
        Next::End => "nobody else is paged: the policy ends here".to_owned(),
        Next::Nothing => "nobody is paged".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_core::incident::Escalation;
    use foghorn_core::input::Input;
    use foghorn_core::setup::{Contact, Person, Setup, Step, Target};
    use foghorn_core::time::Wall;
    use foghorn_core::words::{Actor, Severity};
    use std::sync::Arc;

    /// An incident opened by hand under a policy of two steps, the second for everybody.
    fn open(repeat: Option<u32>) -> (State, Now) {
        open_as(repeat, Severity::Critical, &[Span::ZERO])
    }

    /// The same, as bad as that, where everybody has a contact after each of these delays.
    fn open_as(repeat: Option<u32>, severity: Severity, after: &[Span]) -> (State, Now) {
        let contact =
            |after: &Span| Contact { channel: "email".into(), after: *after, only: None, notices: true };
        let person = |name: &str| Person {
            name: name.to_owned(),
            time_zone: "UTC".into(),
            working_hours: foghorn_core::schedule::WorkingHours::default(),
            contacts: after.iter().map(contact).collect(),
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
        let opened =
            Input::Open { title: "x".into(), severity, entity: None, escalation: None, note: None, by };
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
        incident.recovers_at = Some(Mono(61_000));
        let over = sentence(&state, &next(&state, &incident, now), now);
        assert_eq!(over, "all is well; if it stays so, it is over in 1m");
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

    /// What the incident's page says `ms` later.
    fn says(state: &State, now: Now, ms: u64) -> String {
        let later = Now { mono: now.mono + Span(ms), wall: now.wall + Span(ms) };
        sentence(state, &next(state, state.incident(1).unwrap(), later), later)
    }

    /// Ana's second contact has a page that waits for two minutes: it comes before Bo's turn.
    #[test]
    fn a_page_that_waits_comes_before_the_next_step() {
        let (state, now) = open_as(None, Severity::Critical, &[Span::ZERO, Span::mins(2)]);
        assert_eq!(says(&state, now, 83_000), "in 37s it pages Ana (step 1)");
        assert_eq!(says(&state, now, 121_000), "in 2m 59s it pages Ana, Bo (step 2)");
    }

    /// 1 January 1970 was a Thursday: a warning a second after midnight waits for nine o'clock, and so does Ana's turn.
    #[test]
    fn who_waits_for_working_hours_is_named_with_their_hour() {
        let (state, now) = open_as(None, Severity::Warning, &[Span::ZERO]);
        let hours = state.setup.people["ana"].working_hours.next("UTC", now.wall);
        assert!(hours > now.wall, "the test needs an hour at which nobody works");
        let wait = hours.since(now.wall);
        assert_eq!(says(&state, now, 0), format!("in {wait} it pages Ana (step 1)"));
        assert_eq!(
            says(&state, now, wait.0 + 1000),
            "in 4m 59s it pages Ana, Bo (step 2)",
            "then the step's wait begins"
        );
    }

    /// At five past midnight Bo is on call, who sleeps; at eight it is Cy's turn, who begins at nine. A warning is for Cy.
    #[test]
    fn a_warning_at_night_is_for_whoever_is_on_call_when_hours_begin() {
        let setup: Setup = serde_json::from_str(
            r#"{ "people": { "ana": { "name": "Ana", "time_zone": "UTC", "contacts": [ { "channel": "push" } ],
                    "working_hours": { "days": [1, 2, 3, 4, 5, 6, 7], "from": 0, "to": 1440 } },
                "bo": { "name": "Bo", "time_zone": "UTC", "contacts": [ { "channel": "push" } ] },
                "cy": { "name": "Cy", "time_zone": "UTC", "contacts": [ { "channel": "push" } ] } },
              "schedules": { "rota": { "time_zone": "UTC", "rotations": [
                { "people": ["bo", "cy"], "every": { "days": 1 }, "starts": "1969-12-31T08:00:00" } ] } },
              "escalations": { "default": { "steps": [
                { "page": [ { "person": "ana" } ], "wait": 300000 }, { "page": [ { "schedule": "rota" } ], "wait": 300000 } ] } } }"#,
        )
        .unwrap();
        for (severity, who) in [(Severity::Critical, "Bo"), (Severity::Warning, "Cy")] {
            let (mut state, now) = open_as(None, severity, &[Span::ZERO]);
            let adopt = Input::AdoptConfig { hash: "n".into(), setup: Arc::new(setup.clone()) };
            let open = Input::Open {
                title: "x".into(),
                severity,
                entity: None,
                escalation: None,
                note: None,
                by: Actor::system(),
            };
            for input in [adopt, open] {
                foghorn_core::decide(&mut state, now, &input, &mut Vec::new()).unwrap();
            }
            let incident = state.incident(2).unwrap();
            let told = sentence(&state, &next(&state, incident, now), now);
            assert_eq!(told, format!("in 5m it pages {who} (step 2)"));
        }
    }

    /// Who is on a warning is asked for nothing more; who is on what wakes is.
    #[test]
    fn only_what_wakes_is_paged_again_once_somebody_is_on_it() {
        let by = Actor { name: "ana".into(), via: foghorn_core::words::Via::Console };
        let ack = Input::Acknowledge { incident: 1, by, revision: None };
        for (severity, said) in [
            (Severity::Warning, "nobody is paged"),
            (Severity::Critical, "if it is still critical in 20m, it pages Bo (step 2)"),
        ] {
            let (mut state, now) = open_as(None, severity, &[Span::ZERO]);
            foghorn_core::decide(&mut state, now, &ack, &mut Vec::new()).unwrap();
            assert_eq!(says(&state, now, 0), said);
        }
    }

    /// A page that was written a moment after the decision says what is configured.
    #[test]
    fn waits_are_whole_seconds() {
        let (state, now) = open(None);
        assert_eq!(says(&state, now, 12), "in 5m it pages Ana, Bo (step 2)");
        assert_eq!(says(&state, now, 299_389), "in 1s it pages Ana, Bo (step 2)");
        assert_eq!(says(&state, now, 300_000), "now it pages Ana, Bo (step 2)");
        assert_eq!([28, 1999, 125_000].map(|ms| lasted(Span(ms))), ["0s", "1s", "2m 5s"]);
    }

    #[test]
    fn whom_the_next_step_pages_if_it_is_asked_for() {
        let (state, now) = open(Some(1));
        let incident = state.incident(1).unwrap();
        assert_eq!(asked(&state, incident, now), Some((1, vec!["ana".into(), "bo".into()])));
        let mut last = incident.clone();
        last.escalation = Escalation { step: 1, ..last.escalation.clone() };
        assert_eq!(
            asked(&state, &last, now),
            Some((0, vec!["ana".into()])),
            "after the last step comes the first"
        );
        last.escalation = Escalation::default();
        assert_eq!(asked(&state, &last, now), None, "it has no policy yet");
    }

    /// Else it reads as if paging were broken.
    #[test]
    fn why_nobody_is_paged_is_said_where_a_silence_covers_it() {
        let (mut state, now) = open(None);
        let mut put = |input: &Input| {
            foghorn_core::decide(&mut state, now, input, &mut Vec::new()).unwrap();
        };
        let labels = foghorn_core::labels::Labels::from_pairs([("alertname", "Full")]);
        let item = foghorn_core::alert::AlertItem::firing(labels, foghorn_core::labels::Labels::empty());
        put(&Input::Alerts { source: "prom".into(), items: vec![item] });
        let by = || Actor { name: "ana".into(), via: foghorn_core::words::Via::Api };
        put(&Input::Silence {
            id: "s1".into(),
            matchers: vec![foghorn_core::silence::Matcher::parse("alertname=Full").unwrap()],
            entities: Default::default(),
            starts: None,
            ends: foghorn_core::input::Ends::After(Span::hours(2)),
            comment: "known".into(),
            maintenance: false,
            by: by(),
        });
        let says = |state: &State| {
            let incident = state.incidents.values().last().unwrap();
            sentence(state, &next(state, incident, now), now)
        };
        assert_eq!(says(&state), "nobody is paged: a silence covers it, which ends in 2h");
    }
}
