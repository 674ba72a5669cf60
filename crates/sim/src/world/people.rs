//! People: they answer pages or not, close what is still broken, silence, stand in, change the configuration.

use super::{Happening, MINUTE, World, canary_of};
use crate::setup;
use foghorn_core::incident::{IncidentId, Shape};
use foghorn_core::input::{Ends, Input};
use foghorn_core::page::PageKey;
use foghorn_core::schedule::Override;
use foghorn_core::silence::Matcher;
use foghorn_core::time::{Span, Wall};
use foghorn_core::update::Stage;
use foghorn_core::words::{Actor, Name, Severity, Via};
use foghorn_engine::Class;
use std::sync::Arc;

/// What somebody is about to do.
#[derive(Debug)]
pub(super) enum Intent {
    /// To acknowledge: by the link of a page that showed this, or for all there is. What was shown from memory while
    /// the journal was away has the life of the process that had it.
    Acknowledge(IncidentId, Name, Option<Shape>, Option<u32>),
    Resolve(IncidentId, Name, u32),
    /// To close what was opened by hand, at the end.
    CloseManual,
    EndSilence(Name),
}

fn actor(name: Name, via: Via) -> Actor {
    Actor { name, via }
}

impl World {
    /// Somebody hears a page, perhaps.
    pub(super) fn may_answer(&mut self, key: &PageKey, shape: Shape, from_memory: Option<u32>) {
        let likely = if self.calm { 95 } else { 45 };
        if !self.rng.percent(likely) {
            return;
        }
        let wait = self.rng.between(5000, if self.calm { 2 * MINUTE } else { 9 * MINUTE });
        let shown = Some(shape).filter(|_| self.rng.percent(70));
        let intent = Intent::Acknowledge(key.incident, key.person.clone(), shown, from_memory);
        self.later(wait, Happening::Person(intent));
    }

    pub(super) fn person(&mut self, intent: Intent) {
        match intent {
            Intent::Acknowledge(incident, who, shown, from_memory) => {
                let lost = from_memory.is_some_and(|life| life != self.life);
                if lost && shown.is_none() {
                    // The number may stand for something else by now; whoever types one looks first.
                    return;
                }
                let via = if shown.is_some() { Via::Link } else { Via::Api };
                let by = actor(who.clone(), via);
                let revision = shown.map(|s| s.revision);
                if let Some(shown) = shown {
                    self.checker.link_pressed(incident, &who, shown, lost);
                }
                let told = self.submit(Class::Paging, Input::Acknowledge { incident, by, revision });
                if told.is_none() && self.calm {
                    self.later(MINUTE, Happening::Person(Intent::Acknowledge(incident, who, None, None)));
                } else if !self.calm && !lost && self.rng.percent(12) {
                    let wait = self.rng.between(MINUTE, 20 * MINUTE);
                    self.later(wait, Happening::Person(Intent::Resolve(incident, who, self.life)));
                }
            }
            Intent::Resolve(incident, who, life) if life == self.life => {
                self.submit(Class::Paging, Input::Resolve { incident, by: actor(who, Via::Api) });
            }
            // Whoever comes back after a restart looks again, and finds out.
            Intent::Resolve(..) => {}
            Intent::CloseManual => {
                let open: Vec<IncidentId> = self.engine.as_ref().map_or_else(Vec::new, |e| {
                    e.state().open_incidents().filter(|i| i.own.is_some()).map(|i| i.id).collect()
                });
                for incident in open {
                    let by = actor(setup::person(0), Via::Console);
                    self.submit(Class::Paging, Input::Resolve { incident, by });
                }
                self.later(10 * MINUTE, Happening::Person(Intent::CloseManual));
            }
            Intent::EndSilence(id) => {
                let by = actor(setup::person(1), Via::Console);
                self.submit(Class::Paging, Input::EndSilence { id, by });
            }
        }
    }

    /// An open incident that is no canary.
    fn some_incident(&mut self) -> Option<IncidentId> {
        let engine = self.engine.as_ref()?;
        let state = engine.state();
        let open: Vec<IncidentId> =
            state.open_incidents().map(|i| i.id).filter(|id| canary_of(state, *id).is_none()).collect();
        self.rng.pick(&open).copied()
    }

    pub(super) fn whim(&mut self) {
        if self.calm {
            return;
        }
        let wait = self.rng.wait(self.profile.whim_every.0);
        self.later(wait, Happening::Whim);
        let who = setup::person(self.rng.index(self.profile.people));
        let by = actor(who.clone(), Via::Console);
        self.ids += 1;
        let id = Name::from(format!("id-{}", self.ids));
        match self.rng.below(13) {
            0..=3 => self.silence(id, by),
            4 => {
                let known: Vec<Name> = self
                    .engine
                    .as_ref()
                    .map_or_else(Vec::new, |e| e.state().silences.keys().cloned().collect());
                if let Some(id) = self.rng.pick(&known).cloned() {
                    self.submit(Class::Paging, Input::EndSilence { id, by });
                }
            }
            5 => {
                let from = self.rng.below(3 * 60) * MINUTE;
                let starts = self.now().wall + Span(from);
                let ends = starts + Span(self.rng.between(5, 300) * MINUTE);
                let schedule = Name::from(if self.rng.percent(50) { "primary" } else { "second" });
                let entry = Override { schedule, person: who, starts, ends };
                self.submit(Class::Paging, Input::AddOverride { id, entry, by });
            }
            6 => {
                let known: Vec<Name> = self
                    .engine
                    .as_ref()
                    .map_or_else(Vec::new, |e| e.state().overrides.keys().cloned().collect());
                if let Some(id) = self.rng.pick(&known).cloned() {
                    self.submit(Class::Paging, Input::RemoveOverride { id, by });
                }
            }
            7 => {
                let severity = self.rng.pick(&Severity::ALL).copied().unwrap_or_default();
                let entity = Some(setup::entity(self.rng.index(self.profile.entities)))
                    .filter(|_| self.rng.percent(50));
                let input = Input::Open {
                    title: "a customer says so".into(),
                    severity,
                    entity,
                    escalation: None,
                    note: None,
                    by,
                };
                self.submit(Class::Paging, input);
                let wait = self.rng.between(5 * MINUTE, 60 * MINUTE);
                self.later(wait, Happening::Person(Intent::CloseManual));
            }
            8 => {
                if let Some(incident) = self.some_incident() {
                    self.submit(Class::Paging, Input::Escalate { incident, by, seen: None });
                }
            }
            9 => {
                if let Some(incident) = self.some_incident() {
                    self.submit(Class::Paging, Input::Resolve { incident, by });
                }
            }
            10 => {
                if let Some(incident) = self.some_incident() {
                    self.submit(Class::Paging, Input::Note { incident, by, text: "looking".into() });
                }
            }
            11 => {
                // Of what is over too, and of what never was; canaries are nobody's business.
                let next = self.engine.as_ref().map_or(1, |e| e.state().next_incident);
                let incident = self.rng.between(next.saturating_sub(20), next + 1);
                let canary = self.engine.as_ref().is_some_and(|e| canary_of(e.state(), incident).is_some());
                let stage = self.rng.pick(&Stage::ALL).copied().unwrap_or(Stage::Investigating);
                let text = format!("update {}", self.rng.below(3));
                if !canary {
                    self.submit(Class::Paging, Input::StatusUpdate { incident, by, stage, text });
                }
            }
            _ => {
                if let Some(incident) = self.some_incident() {
                    self.person(Intent::Acknowledge(incident, who, None, None));
                }
            }
        }
    }

    fn silence(&mut self, id: Name, by: Actor) {
        let wall = self.now().wall;
        let starts: Option<Wall> =
            Some(wall + Span(self.rng.between(1, 40) * MINUTE)).filter(|_| self.rng.percent(30));
        let length = Span(self.rng.between(3, 70) * MINUTE);
        let ends = if self.rng.percent(50) {
            Ends::After(length)
        } else {
            Ends::At(starts.unwrap_or(wall) + length)
        };
        let entities = if self.rng.percent(50) {
            (0..3).map(|_| setup::entity(self.rng.index(self.profile.entities))).collect()
        } else {
            std::collections::BTreeSet::new()
        };
        let name = format!("alertname=A{}", self.rng.below(12));
        let matchers =
            if entities.is_empty() { Matcher::parse(&name).into_iter().collect() } else { Vec::new() };
        let input = Input::Silence {
            id: id.clone(),
            matchers,
            entities,
            starts,
            ends,
            comment: "expected".into(),
            maintenance: false,
            by,
        };
        self.submit(Class::Paging, input);
        if self.rng.percent(20) {
            let wait = self.rng.between(MINUTE, length.0);
            self.later(wait, Happening::Person(Intent::EndSilence(id)));
        }
    }

    /// Somebody changes the file and reloads.
    pub(super) fn reload(&mut self) {
        if !self.calm {
            let wait = self.rng.wait(self.profile.reload_every.0);
            self.later(wait, Happening::Reload);
            self.variant.change(&mut self.rng, self.profile.people);
        }
        self.files += 1;
        self.file = Arc::new(setup::build(&self.profile, &self.variant));
        self.adopt();
        self.submit(Class::Paging, Input::TryAgain);
        self.measure_everything();
    }

    pub(super) fn adopt(&mut self) {
        let setup = self.file.clone();
        if self.engine.is_some() {
            self.checker.configured(&setup);
        }
        self.submit(Class::Paging, Input::AdoptConfig { hash: self.files.to_string(), setup });
    }
}
