//! What people do: acknowledge, resolve, note, escalate, open.

use super::Draft;
use super::alerts::LONGEST_ENTITY;
use super::escalate::But;
use crate::alert::{Alert, AlertStatus, CHECKS, EndReason};
use crate::event::Event;
use crate::incident::{Incident, IncidentId, Phase, Shape, Status, StepSeen};
use crate::input::{Answer, LONGEST_NOTE, Refusal};
use crate::labels::AlertKey;
use crate::page::{Page, PageKey, PageKind};
use crate::text::{clean, is_blank};
use crate::time::Span;
use crate::words::{Actor, Name, Severity, Via};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// An incident that recovered by itself and came back so often is flapping.
const FLAPPING: u32 = 3;
/// Who acknowledges again before this is over has tapped twice.
const STILL_ON_IT: Span = Span::secs(30);
/// What is over is put away so long after the last notice of it that is still tried.
const UNTOLD: Span = Span::mins(1);

impl Draft<'_> {
    fn known(&self, id: IncidentId) -> Result<&Incident, Refusal> {
        self.state.incident(id).ok_or_else(|| Refusal::NotFound { what: format!("incident {id} at hand") })
    }

    fn unresolved(&self, id: IncidentId) -> Result<&Incident, Refusal> {
        let incident = self.known(id)?;
        if incident.is_resolved() {
            Err(Refusal::Over { what: format!("incident {id}") })
        } else {
            Ok(incident)
        }
    }

    /// Stops paging for what the person was shown. What has grown since pages again at once.
    pub(super) fn acknowledge(
        &mut self,
        id: IncidentId,
        by: &Actor,
        revision: Option<u64>,
    ) -> Result<Answer, Refusal> {
        let i = self.unresolved(id)?;
        // Links live longer than jobs. Decided here, so that it is the people of this moment who count.
        let by_page = matches!(by.via, Via::Link | Via::Callback);
        if by_page && !self.state.setup.people.contains_key(&by.name) {
            let why = format!(
                "{} is not in the configuration any more, so a link to them acknowledges nothing",
                by.name
            );
            return Err(Refusal::Invalid { why });
        }
        let until = self.now.mono + self.state.setup.timing.ack_expires;
        let covers = match revision {
            Some(r) => i.shape_at(r).ok_or_else(|| Refusal::Invalid {
                why: format!("what was seen then was lost when Foghorn died, or never was; look at incident {id} as it is now"),
            })?,
            None => Shape { revision: i.revision(), ..i.shape_now(self.now.mono, self.state.life) },
        };
        let covers = match &i.status {
            Status::Acknowledged { by: before, covers: had, until: old, .. } => {
                if before.name == by.name && had.covers(&covers) && covers.alerts <= had.alerts {
                    // Whoever taps twice says nothing new; whoever comes back says that they are still on it.
                    if until.since(*old) < STILL_ON_IT {
                        return Ok(Answer::Already);
                    }
                    self.emit(Event::AcknowledgementKept { id, until, by: Some(by.clone()) });
                    return Ok(Answer::Done);
                }
                // Two are on it: an older link must not undo what somebody else has taken on.
                covers.and(had)
            }
            _ => covers,
        };
        self.emit(Event::Acknowledged { id, by: by.clone(), covers, until });
        self.tell(id, PageKind::Acknowledged, Some(&by.name));
        self.settle(id);
        Ok(Answer::Done)
    }

    /// What is measured or repeated is evidence, and is looked at again. What was told once, or not repeated for long
    /// enough to be stale, is over when a person says so: nobody else ever would.
    pub(super) fn resolve_by(&mut self, id: IncidentId, by: &Actor) -> Result<Answer, Refusal> {
        let incident = self.unresolved(id)?;
        let told_once =
            |a: &&Alert| a.status == AlertStatus::Stale || a.lifetime.is_none() && *a.source != *CHECKS;
        let over: Vec<AlertKey> = self
            .state
            .alerts_of(incident)
            .filter(|a| a.status.is_open())
            .filter(told_once)
            .map(|a| a.key)
            .collect();
        for key in over {
            self.end_alert(key, self.now.wall, EndReason::Person);
        }
        self.resolve(id, Some(by));
        Ok(Answer::Done)
    }

    /// Closes an incident. One that a person closed while something is still failing is looked at again.
    pub(super) fn resolve(&mut self, id: IncidentId, by: Option<&Actor>) {
        let Some(i) = self.state.incident(id) else { return };
        let timing = &self.state.setup.timing;
        let wait = if i.open_alerts() > 0 { timing.still_failing_after } else { timing.reopen_within };
        let again = self.now.mono + wait;
        let (title, unwatched) = (self.title_once_over(id), i.unwatched);
        self.emit(Event::IncidentResolved { id, by: by.cloned(), again, title, unwatched });
        self.tell(id, PageKind::Resolved, by.map(|b| &b.name));
    }

    /// All is well. What has come back again and again is not believed at once: were it over each time, whoever has it
    /// would be rung up for each return, and each would need a new acknowledgement.
    pub(super) fn recover(&mut self, id: IncidentId) {
        let Some(i) = self.state.incident(id) else { return };
        let (came_back, waits, paging) =
            (i.came_back, i.recovers_at.is_some(), i.escalation.phase != Phase::Idle);
        if came_back < FLAPPING {
            return self.resolve(id, None);
        }
        if waits {
            return;
        }
        let wait = self.state.setup.timing.reopen_within;
        let why =
            format!("it has come back {came_back} times, so it is over once all has been well for {wait}");
        if paging && !i.is_acknowledged() {
            self.emit(Event::EscalationPaused { id });
        }
        self.emit(Event::RecoveryAwaited { id, until: Some(self.now.mono + wait), why });
    }

    /// A resolved incident's time has come: it is put away, or, if something is still failing, opened again. What its
    /// sender has not repeated since a person said that it is over is no evidence against them: it is over.
    pub(super) fn resolved_again(&mut self, id: IncidentId) {
        if self.state.incident(id).is_some_and(|i| !i.is_resolved()) {
            return self.resolve(id, None);
        }
        for key in self.not_repeated_since_resolved(id) {
            self.end_alert(key, self.now.wall, EndReason::Person);
        }
        let Some(i) = self.state.incident(id) else { return };
        if i.open_alerts() == 0 {
            // A notice is tried so often and no more: then it is dropped, which is written.
            let untold = self.state.pages_of(id).filter(|p| p.key.kind == PageKind::Resolved);
            return match untold.filter_map(Page::due_at).max() {
                Some(due) => self.emit(Event::IncidentKept { id, until: due.max(self.now.mono) + UNTOLD }),
                None => self.emit(Event::IncidentArchived { id }),
            };
        }
        let why = match &i.status {
            Status::Resolved { by: Some(by), at, .. } => {
                let by = self.called(&by.name);
                format!("still failing {} after {by} resolved it", self.now.mono.since(at.mono))
            }
            _ => "still failing".to_string(),
        };
        self.reopen(id, why);
    }

    pub(super) fn reopen(&mut self, id: IncidentId, why: String) {
        // Whoever said that it is over has taken back what its opener said: what is measured is what is left.
        let withdrawn = self.state.incident(id).is_some_and(|i| i.own.is_some());
        let title = self.title_of_worst(id);
        self.emit(Event::IncidentReopened { id, why, title, withdrawn });
        self.settle(id);
    }

    fn not_repeated_since_resolved(&self, id: IncidentId) -> Vec<AlertKey> {
        let Some(incident) = self.state.incident(id) else { return Vec::new() };
        if !incident.is_closed() {
            return Vec::new();
        }
        let repeated =
            |a: &Alert| self.state.alerts.place(&a.key).is_some_and(|p| incident.repeated.contains(&p));
        let silent = |a: &&Alert| a.lifetime.is_some() && (a.status == AlertStatus::Stale || !repeated(a));
        let open = self.state.alerts_of(incident).filter(|a| a.status.is_open());
        open.filter(silent).map(|a| a.key).collect()
    }

    /// A person as others read it, or the name of a token.
    pub(super) fn called(&self, id: &Name) -> String {
        self.state.setup.people.get(id).map_or_else(|| id.to_string(), |p| p.name.clone())
    }

    /// Plans notices to everybody who has been paged, by the contacts that were used. They need no answer and wake nobody.
    fn tell(&mut self, id: IncidentId, kind: PageKind, except: Option<&Name>) {
        let Some(i) = self.state.incident(id) else { return };
        let mut to: Vec<(Name, u8, Name)> = Vec::new();
        for (name, used) in i.paged.iter().filter(|(n, _)| Some(*n) != except) {
            let Some(person) = self.state.setup.people.get(name) else { continue };
            let contacts = (0_u8..64)
                .zip(&person.contacts)
                .filter(|(n, c)| used & (1 << u64::from(*n)) != 0 && c.notices);
            to.extend(contacts.map(|(n, c)| (name.clone(), n, c.channel.clone())));
        }
        let wave = i.escalation.wave;
        if !to.is_empty() {
            self.emit(Event::NoticesPlanned { id, kind, wave, to });
        }
    }

    /// A page has arrived that was superseded on its way: whoever has it hears by the same contact what they have missed.
    pub(super) fn tell_late(&mut self, page: &PageKey) {
        let Some(i) = self.state.incident(page.incident).filter(|_| page.kind == PageKind::Page) else {
            return;
        };
        let (kind, by) = match &i.status {
            Status::Open => return,
            Status::Acknowledged { by, .. } => (PageKind::Acknowledged, Some(by)),
            Status::Resolved { by, .. } => (PageKind::Resolved, by.as_ref()),
        };
        let person = self.state.setup.people.get(&page.person);
        let contact = person.and_then(|p| p.contacts.get(usize::from(page.contact))).filter(|c| c.notices);
        if let Some(contact) = contact
            && by.is_none_or(|by| by.name != page.person)
        {
            let to = alloc::vec![(page.person.clone(), page.contact, contact.channel.clone())];
            let (id, wave) = (page.incident, i.escalation.wave);
            let notice = PageKey { kind, wave, round: 0, step: 0, ..page.clone() };
            // One that is on its way is all that they need.
            if !self.state.pages.contains_key(&notice) {
                self.emit(Event::NoticesPlanned { id, kind, wave, to });
            }
        }
    }

    pub(super) fn note(&mut self, id: IncidentId, by: &Actor, text: &str) -> Result<Answer, Refusal> {
        // Whoever writes the postmortem does so when all is long put away: the journal has every incident.
        if !(1..self.state.next_incident).contains(&id) {
            return Err(Refusal::NotFound { what: format!("incident {id}") });
        }
        check_text("a note", text, LONGEST_NOTE)?;
        self.emit(Event::Noted { id, by: by.clone(), text: text.to_string() });
        Ok(Answer::Done)
    }

    /// Whoever asks by what they saw asks for the step after that: pressed twice, or by two people, it is entered once.
    pub(super) fn escalate_now(
        &mut self,
        id: IncidentId,
        by: &Actor,
        seen: Option<StepSeen>,
    ) -> Result<Answer, Refusal> {
        let i = self.unresolved(id)?;
        if seen.is_some_and(|seen| seen != i.escalation.seen()) {
            return Ok(Answer::Already);
        }
        let why = format!("{} asked for the next step", self.called(&by.name));
        self.next_team(id, But::Nobody, true, &why);
        Ok(Answer::Done)
    }

    pub(super) fn open_by_hand(
        &mut self,
        title: &str,
        severity: Severity,
        entity: Option<&Name>,
        escalation: Option<&Name>,
        note: Option<&str>,
        by: &Actor,
    ) -> Result<Answer, Refusal> {
        check_text("a title", title, 500)?;
        if let Some(text) = note {
            check_text("a note", text, LONGEST_NOTE)?;
        }
        let setup = &self.state.setup;
        if let Some(policy) = escalation.filter(|p| !setup.escalations.contains_key(*p)) {
            return Err(Refusal::NotFound { what: format!("escalation policy {policy}") });
        }
        if entity.as_ref().is_some_and(|e| is_blank(e)) {
            return Err(Refusal::Invalid {
                why: "the entity has no name; leave it out, or name it".to_string(),
            });
        }
        if entity.is_some_and(|e| e.len() > LONGEST_ENTITY) {
            return Err(Refusal::Invalid {
                why: format!("an entity's name must not be longer than {LONGEST_ENTITY} bytes"),
            });
        }
        let id = self.state.next_incident;
        let title = clean(title);
        let urgency = setup.timing.urgency_of(severity);
        self.emit(Event::IncidentOpened {
            id,
            title: Arc::from(title.trim()),
            by: Some(by.clone()),
            severity: Some(severity),
            urgency,
            entity: entity.cloned(),
            escalation: escalation.cloned(),
        });
        if let Some(text) = note {
            self.emit(Event::Noted { id, by: by.clone(), text: text.to_string() });
        }
        self.settle(id);
        Ok(Answer::Incident(id))
    }
}

pub(super) fn check_text(what: &str, text: &str, longest: usize) -> Result<(), Refusal> {
    let why: Option<String> = if is_blank(text) {
        Some(format!("{what} must not be empty"))
    } else if text.len() > longest {
        Some(format!("{what} must not be longer than {longest} bytes; this one has {}", text.len()))
    } else {
        None
    };
    why.map_or(Ok(()), |why| Err(Refusal::Invalid { why }))
}
