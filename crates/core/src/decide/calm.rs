//! Silences, maintenance windows and people who stand in.
//!
//! A silenced alert is still an incident on screen; it pages nobody. When its silence ends and it is still wrong, it does.

use super::Draft;
use super::follow_up::Concern;
use crate::alert::Alert;
use crate::event::Event;
use crate::incident::IncidentId;
use crate::input::{Answer, Ends, Input, Refusal};
use crate::labels::AlertKey;
use crate::schedule::Override;
use crate::silence::{MOST_MATCHERS, Silence, match_anything};
use crate::state::State;
use crate::words::{Actor, Name};
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Silences and stand-ins at one time, each; every alert is held against all silences.
const MOST: usize = 1000;

impl Draft<'_> {
    pub(super) fn silence(&mut self, input: &Input) -> Result<Answer, Refusal> {
        let Input::Silence { id, matchers, entities, starts, ends, comment, maintenance, by } = input else {
            return Ok(Answer::Already);
        };
        let starts = starts.unwrap_or(self.now.wall);
        let (ends, relative) = match ends {
            Ends::At(at) => (*at, false),
            Ends::After(span) => (starts + *span, true),
        };
        let invalid = |why: &str| Err(Refusal::Invalid { why: why.to_string() });
        if matchers.is_empty() && entities.is_empty() {
            return invalid(
                "a silence needs at least one matcher or entity: one that names nothing would mute everything",
            );
        }
        if entities.is_empty() && match_anything(matchers) {
            return invalid(
                "at least one matcher must not match a missing label: these would mute everything without it",
            );
        }
        if entities.iter().any(|e| e.trim().is_empty()) {
            return invalid("an entity has no name here; it would be silenced by nothing");
        }
        if matchers.len() > MOST_MATCHERS || entities.len() > MOST {
            return invalid("a silence may have at most 64 matchers and 1000 entities");
        }
        if ends <= starts || ends <= self.now.wall {
            return invalid("a silence must end after it begins, and after now");
        }
        if self.state.silences.size() >= MOST && !self.state.silences.contains_key(id) {
            return invalid("there are 1000 silences; end some first");
        }
        let silence = Silence {
            id: id.clone(),
            matchers: matchers.clone(),
            entities: entities.clone(),
            starts,
            ends,
            relative,
            by: by.clone(),
            comment: comment.clone(),
            maintenance: *maintenance,
        };
        self.put_silence(silence);
        Ok(Answer::Done)
    }

    /// Adds a silence, or replaces the one with its id.
    pub(super) fn put_silence(&mut self, silence: Silence) {
        let (id, active) = (silence.id.clone(), silence.is_active(self.now.wall));
        self.emit(Event::SilenceAdded { silence });
        self.unmute(&id);
        if active {
            self.mute(&id);
        }
    }

    pub(super) fn end_silence(&mut self, id: &Name, by: &Actor) -> Result<Answer, Refusal> {
        if !self.state.silences.contains_key(id) {
            return Err(Refusal::NotFound { what: format!("silence {id}") });
        }
        self.drop_silence(id, Some(by));
        Ok(Answer::Done)
    }

    pub(super) fn drop_silence(&mut self, id: &Name, by: Option<&Actor>) {
        self.emit(Event::SilenceEnded { id: id.clone(), by: by.cloned() });
        self.unmute(id);
    }

    /// A silence may begin or end now. The two clocks need not agree to the second: where the wall is not there yet,
    /// the edges are put where it will be.
    pub(super) fn silence_edge(&mut self, id: &Name) {
        let Some(s) = self.state.silences.get(id).cloned() else { return };
        if self.now.wall >= s.ends {
            self.drop_silence(id, None);
        } else if self.now.wall >= s.starts {
            self.emit(Event::SilenceBegan { id: id.clone() });
            self.mute(id);
        } else {
            self.emit(Event::ClockStepped { by: 0 });
        }
    }

    /// The wall clock was set. What has begun and is yet to begin by the new time covers nothing until it does again; what
    /// goes on covers what came before the step was noticed, too.
    pub(super) fn clock_stepped(&mut self, by: i64) {
        self.emit(Event::ClockStepped { by });
        let now = self.now.wall;
        let ids = |state: &State, which: &dyn Fn(&Silence) -> bool| -> Vec<Name> {
            state.silences.values().filter(|s| which(s)).map(|s| s.id.clone()).collect()
        };
        ids(self.state, &|s| now < s.starts).iter().for_each(|id| self.unmute(id));
        ids(self.state, &|s| s.is_active(now)).iter().for_each(|id| self.mute(id));
    }

    /// The silence that mutes an alert now.
    pub(super) fn muted_by(&self, alert: &Alert) -> Option<Name> {
        self.state
            .silences
            .values()
            .find(|s| s.is_active(self.now.wall) && s.matches(alert))
            .map(|s| s.id.clone())
    }

    fn mute(&mut self, id: &Name) {
        let Some(s) = self.state.silences.get(id).cloned() else { return };
        let hit = |a: &&Arc<Alert>| a.status.is_open() && a.muted.is_none() && s.matches(a);
        let alerts: Vec<(AlertKey, IncidentId)> =
            self.state.alerts.values().filter(hit).map(|a| (a.key, a.incident)).collect();
        for (key, incident) in &alerts {
            let alert = self.reference(*key, *incident);
            self.emit(Event::AlertMuted { alert, by: id.clone() });
        }
        self.look_at_all(alerts.into_iter().map(|(_, id)| id).collect(), Concern::Alerts);
    }

    fn unmute(&mut self, id: &Name) {
        let hit = |a: &&Arc<Alert>| a.status.is_open() && a.muted.as_ref() == Some(id);
        let alerts: Vec<(AlertKey, IncidentId)> =
            self.state.alerts.values().filter(hit).map(|a| (a.key, a.incident)).collect();
        for (key, incident) in &alerts {
            let alert = self.reference(*key, *incident);
            let other = self.state.alerts.get(key).cloned().and_then(|a| self.muted_by(&a));
            self.emit(match other {
                Some(by) if by == *id => continue,
                Some(by) => Event::AlertMuted { alert, by },
                None => Event::AlertUnmuted { alert },
            });
        }
        self.look_at_all(alerts.into_iter().map(|(_, id)| id).collect(), Concern::Alerts);
    }

    pub(super) fn add_override(
        &mut self,
        id: &Name,
        entry: &Override,
        by: &Actor,
    ) -> Result<Answer, Refusal> {
        let setup = &self.state.setup;
        if !setup.schedules.contains_key(&entry.schedule) {
            return Err(Refusal::NotFound { what: format!("schedule {}", entry.schedule) });
        }
        if !setup.people.contains_key(&entry.person) {
            return Err(Refusal::NotFound { what: format!("person {}", entry.person) });
        }
        if entry.ends <= entry.starts || entry.ends <= self.now.wall {
            return Err(Refusal::Invalid {
                why: "an override must end after it begins, and after now".to_string(),
            });
        }
        if self.state.overrides.size() >= MOST {
            return Err(Refusal::Invalid { why: "there are 1000 overrides; remove some first".to_string() });
        }
        self.emit(Event::OverrideAdded { id: id.clone(), entry: entry.clone(), by: by.clone() });
        self.look_at_waiting("somebody else stands in");
        Ok(Answer::Done)
    }

    pub(super) fn remove_override(&mut self, id: &Name, by: &Actor) -> Result<Answer, Refusal> {
        if !self.state.overrides.contains_key(id) {
            return Err(Refusal::NotFound { what: format!("override {id}") });
        }
        self.emit(Event::OverrideRemoved { id: id.clone(), by: Some(by.clone()) });
        self.look_at_waiting("nobody stands in any more");
        Ok(Answer::Done)
    }

    pub(super) fn override_ends(&mut self, id: &Name) {
        let over = self.state.overrides.get(id).is_none_or(|o| o.ends <= self.now.wall);
        self.emit(if over {
            Event::OverrideRemoved { id: id.clone(), by: None }
        } else {
            Event::ClockStepped { by: 0 }
        });
    }
}
