//! Folding events into the state. Cannot fail and decides nothing: it consults no rule, no configuration, no calendar.
//! An event about something unknown changes nothing.

mod contacts;
mod index;
mod told;

use crate::alert::{AlertStatus, EndReason};
use crate::change;
use crate::event::{AlertRef, Event, PersonTurn};
use crate::incident::{Escalation, Head, Incident, IncidentId, MOST_SHAPES, Phase, Shape, Status};
use crate::page::{Delivery, Outcome, Page, PageKey, PageKind};
use crate::schedule::Override;
use crate::silence::{self, Silence};
use crate::state::{FollowUp, Heartbeat, Map, Run, Set, State, Timer};
use crate::time::{Mono, Now};
use crate::update::StatusUpdate;
use crate::words::{Name, Severity, Urgency};
use alloc::sync::Arc;
use alloc::vec::Vec;

impl State {
    /// Folds one event, decided at `at`, into the state.
    pub fn apply(&mut self, at: Now, event: &Event) {
        self.clock = at;
        match event {
            Event::Started { life, .. } => {
                self.life = *life;
                self.tally("starts", 1);
            }
            Event::ClockStepped { by } => self.step_clock(at, *by),
            Event::FollowUpPlanned { incidents, again, by_rule } => {
                let plan = |again, by_rule| FollowUp { at: at.mono, again, by_rule };
                incidents.iter().for_each(|id| self.put_follow_up(*id, plan(false, false)));
                again.iter().for_each(|id| self.put_follow_up(*id, plan(true, false)));
                by_rule.iter().for_each(|id| self.put_follow_up(*id, plan(false, true)));
            }
            Event::FollowedUp { id } => self.remove_follow_up(*id),
            Event::NumbersTaken { next } => self.next_incident = self.next_incident.max(*next),
            Event::ConfigAdopted { hash, setup } => {
                self.follow_contacts(setup);
                self.setup = setup.clone();
                self.setup_hash = Arc::from(hash.as_str());
                let gone: Vec<Name> =
                    self.heartbeats.keys().filter(|n| !is_heartbeat(setup, n)).cloned().collect();
                for name in gone {
                    self.remove_heartbeat(&name);
                }
            }
            Event::AlertOpened { .. }
            | Event::AlertsRefreshed { .. }
            | Event::AlertsExtended { .. }
            | Event::AlertConfirmed { .. }
            | Event::AlertChanged { .. }
            | Event::AlertReworded { .. }
            | Event::AlertStatusChanged { .. }
            | Event::AlertAwaited { .. }
            | Event::AlertEnded { .. }
            | Event::AlertMuted { .. }
            | Event::AlertUnmuted { .. }
            | Event::AlertsRefused { .. }
            | Event::SourceHeard { .. } => self.apply_to_alerts(at, event),
            Event::SilenceAdded { silence } => {
                let edge = at.mono_at(if at.wall < silence.starts { silence.starts } else { silence.ends });
                self.put_silence(Arc::new(silence.clone()), edge);
            }
            Event::SilenceBegan { id } => {
                if let Some(silence) = self.silences.get(id).cloned() {
                    let edge = at.mono_at(silence.ends);
                    self.put_silence(silence, edge);
                }
            }
            Event::SilenceEnded { id, .. } => {
                if let Some(silence) = self.silences.get(id) {
                    let ended = Silence { ends: silence.ends.min(at.wall), ..(**silence).clone() };
                    let list = Arc::make_mut(&mut self.ended_silences);
                    list.retain(|s| s.id != *id);
                    list.push_back(Arc::new(ended));
                    while list.len() > silence::KEPT {
                        list.pop_front();
                    }
                }
                self.silences.remove_mut(id);
                self.retime_edge(Timer::Silence(id.clone()), None);
            }
            Event::OverrideAdded { id, entry, .. } => {
                self.put_override(id.clone(), Arc::new(entry.clone()), at.mono_at(entry.ends));
            }
            Event::OverrideRemoved { id, .. } => {
                self.overrides.remove_mut(id);
                self.retime_edge(Timer::Override(id.clone()), None);
            }
            Event::HeartbeatPinged { check, ping, run, due, success_due, run_due, .. } => {
                use crate::event::PingKind;
                let mut beat = self.heartbeat(check, *due);
                (beat.unheard, beat.success_due) = (false, *success_due);
                match ping {
                    PingKind::Success => beat.last = Some(at.wall),
                    PingKind::Start => {
                        beat.running_since = Some(at.wall);
                        beat.run = run_due.map(|due| Run { id: run.clone(), due });
                    }
                    PingKind::Fail | PingKind::Log => {}
                }
                if matches!(ping, PingKind::Success | PingKind::Fail) && run_due.is_none() {
                    (beat.running_since, beat.run) = (None, None);
                }
                self.put_heartbeat(check.clone(), beat);
            }
            Event::HeartbeatExpected { check, due, unheard, .. } => {
                let beat = Heartbeat {
                    unheard: *unheard,
                    success_due: None,
                    run: None,
                    ..self.heartbeat(check, *due)
                };
                self.put_heartbeat(check.clone(), beat);
            }
            Event::ChangeRecorded { change } => {
                let changes = Arc::make_mut(&mut self.changes);
                changes.push_back(Arc::new(change.clone()));
                while changes.len() > change::KEPT {
                    changes.pop_front();
                }
            }
            _ => self.apply_to_incident(at, event),
        }
    }

    /// What is known of it, with the next being overdue then.
    fn heartbeat(&self, check: &Name, due: Mono) -> Heartbeat {
        let new =
            Heartbeat { last: None, running_since: None, due, success_due: None, run: None, unheard: false };
        self.heartbeats.get(check).cloned().map_or(new, |known| Heartbeat { due, ..known })
    }

    fn apply_to_alerts(&mut self, at: Now, event: &Event) {
        match event {
            Event::AlertOpened { alert, place, expires } => {
                self.tally("alerts_opened", 1);
                // Of journals that name no places it is looked for.
                if *place > self.alerts.last() {
                    self.push_alert(at, alert.clone(), *expires);
                } else {
                    self.hear(&alert.source, at);
                    self.put_alert(alert.clone(), *expires);
                    self.edit_incident(alert.incident, |i| i.last_joined = at.mono);
                }
            }
            Event::AlertsExtended { alerts, .. } => {
                for (key, expires) in alerts {
                    self.expire_alert(*key, *expires);
                }
            }
            Event::AlertConfirmed { alert: AlertRef { key, .. } } => {
                self.edit_alert(key, |a| a.held_until = None)
            }
            Event::AlertsRefreshed { source, alerts } => {
                self.hear(source, at);
                alerts.iter().for_each(|(key, expires)| self.refresh_alert(*key, *expires));
            }
            Event::AlertChanged {
                alert: AlertRef { key, .. },
                severity,
                urgency,
                annotations,
                escalation,
            } => self.edit_alert(key, |a| {
                (a.severity, a.urgency) = (*severity, *urgency);
                if let Some(annotations) = annotations {
                    a.annotations = annotations.clone();
                }
                if let Some(policy) = escalation {
                    a.escalation = policy.clone();
                }
            }),
            Event::AlertReworded { alert: AlertRef { key, .. }, annotations } => {
                self.edit_alert(key, |a| a.annotations = annotations.clone());
            }
            Event::AlertStatusChanged { alert: AlertRef { key, .. }, status, held_until, .. } => {
                self.edit_alert(key, |a| (a.status, a.held_until) = (*status, held_until.or(a.held_until)));
                if *status == AlertStatus::Stale {
                    self.unexpire_alert(key);
                }
            }
            Event::AlertAwaited { alert: AlertRef { key, .. }, until } => {
                self.expire_alert(*key, *until);
                if let Some(a) = self.alerts.get(key) {
                    let source = a.source.clone();
                    self.stale.remove_mut(&(source.clone(), *key));
                    self.hear(&source, at);
                }
            }
            Event::AlertEnded { alert: AlertRef { key, .. }, reason, forget, .. } => {
                self.tally("alerts_ended", 1);
                if let Some((source, id)) = self.alerts.get(key).map(|a| (a.source.clone(), a.incident)) {
                    self.hear(&source, at);
                    if *reason == EndReason::Removed {
                        self.edit_incident(id, |i| i.unwatched = true);
                    }
                }
                self.unexpire_alert(key);
                self.edit_alert(key, |a| (a.status, a.muted) = (AlertStatus::Resolved, None));
                if let Some(place) = self.alerts.place(key).filter(|_| *forget) {
                    self.forget_alert(place);
                }
            }
            Event::AlertMuted { alert: AlertRef { key, .. }, by } => {
                self.edit_alert(key, |a| a.muted = Some(by.clone()))
            }
            Event::AlertUnmuted { alert: AlertRef { key, .. } } => self.edit_alert(key, |a| a.muted = None),
            Event::AlertsRefused { source, count, .. } => {
                self.hear(source, at);
                self.edit_source(source, |s| s.refused += u64::from(*count));
            }
            Event::SourceHeard { source } => self.hear(source, at),
            _ => {}
        }
    }

    fn apply_to_incident(&mut self, at: Now, event: &Event) {
        match event {
            Event::IncidentOpened { id, title, by, severity, urgency, entity, escalation } => {
                self.tally("incidents_opened", 1);
                self.next_incident = self.next_incident.max(id + 1);
                self.put_incident(Incident {
                    head: Head {
                        id: *id,
                        title: title.clone(),
                        opened: at,
                        opened_by: by.clone(),
                        note: None,
                        status: Status::Open,
                        peak: severity.unwrap_or(Severity::Info),
                        own: *severity,
                        own_urgency: *urgency,
                        own_policy: escalation.clone(),
                        own_entity: entity.clone(),
                        unwatched: false,
                        was: None,
                        answered: None,
                        by_severity: [0; 3],
                        by_urgency: [0; 3],
                        muted: 0,
                        held: 0,
                        width: u32::from(entity.is_some()),
                        ended: 0,
                        last_joined: at.mono,
                        came_back: 0,
                        gone_on: None,
                        recovers_at: None,
                        shapes: Vec::new(),
                        escalation: Escalation::default(),
                    },
                    alerts: Set::new(),
                    repeated: Set::new(),
                    entities: entity.iter().map(|e| (e.clone(), 1)).collect::<Map<Name, u32>>(),
                    paged: Map::new(),
                });
            }
            Event::IncidentGrew { id, shape, title } => self.edit_incident(*id, |i| {
                i.remember(*shape);
                if let Some(title) = title {
                    i.title = title.clone();
                }
            }),
            Event::IncidentResolved { id, by, again, title, .. } => {
                self.tally("incidents_resolved", 1);
                self.drop_pages(*id, |k| k.kind != PageKind::Resolved);
                self.edit_incident(*id, |i| {
                    i.count_own(false);
                    if let Some(title) = title {
                        i.title = title.clone();
                    }
                    i.was = None;
                    i.repeated = Set::new();
                    i.status = Status::Resolved { by: by.clone(), at, again: *again };
                    i.escalation.phase = Phase::Idle;
                    i.recovers_at = None;
                });
            }
            Event::IncidentReopened { id, why, title, withdrawn } => {
                self.drop_pages(*id, |_| true);
                self.edit_incident(*id, |i| {
                    // Who was paged for what is over has heard that it is: what comes now is another matter.
                    i.paged = Map::new();
                    let by_itself = matches!(i.status, Status::Resolved { by: None, .. });
                    i.came_back = if by_itself { i.came_back.saturating_add(1) } else { 0 };
                    if *withdrawn {
                        (i.own, i.own_urgency) = (None, Urgency::None);
                        (i.own_policy, i.own_entity) = (None, None);
                    }
                    i.count_own(true);
                    i.unwatched = false;
                    i.status = Status::Open;
                    if let Some(title) = title {
                        let was = core::mem::replace(&mut i.title, title.clone());
                        i.was = i.was.take().or(Some((i.peak, was)));
                    }
                    i.escalation.why = Arc::from(why.as_str());
                });
            }
            Event::RecoveryAwaited { id, until, .. } => self.edit_incident(*id, |i| i.recovers_at = *until),
            Event::IncidentArchived { id } => self.archive(*id),
            Event::IncidentKept { id, until } => self.edit_incident(*id, |i| {
                if let Status::Resolved { again, .. } = &mut i.status {
                    *again = *until;
                }
            }),
            Event::StatusUpdated { id, by, stage, text } => self.tell_public(
                *id,
                StatusUpdate {
                    at: at.wall,
                    by: by.clone(),
                    stage: *stage,
                    text: text.clone(),
                    corrected: None,
                },
            ),
            Event::StatusCorrected { id, number, by, text, .. } => {
                self.correct_told(*id, *number, |update| update.correct(at.wall, by.clone(), text.clone()));
            }
            Event::EscalationStarted { id, policy, wave, urgency, asked, why } => {
                self.edit_incident(*id, |i| {
                    // What came back says why when it is opened again.
                    let why = if why.is_empty() { i.escalation.why.clone() } else { Arc::from(why.as_str()) };
                    i.escalation = Escalation {
                        policy: Some(policy.clone()),
                        wave: *wave,
                        urgency: *urgency,
                        asked: *asked,
                        why,
                        ..Escalation::default()
                    };
                })
            }
            Event::EscalationPaused { id } => {
                self.drop_pages(*id, |k| k.kind == PageKind::Page);
                self.edit_incident(*id, |i| {
                    i.escalation.phase = Phase::Idle;
                    i.escalation.asked = false;
                    i.escalation.why = Arc::default();
                });
            }
            Event::StepEntered { id, wave, round, step, until, calendar, turns, .. } => {
                self.drop_pages(*id, |k| k.kind != PageKind::Page);
                for turn in turns {
                    self.plan_turn((*id, *wave, *round, *step), turn);
                }
                self.edit_incident(*id, |i| {
                    let e = &mut i.escalation;
                    (e.wave, e.round, e.step) = (*wave, *round, *step);
                    e.urgency = turns.iter().map(|t| t.urgency).max().unwrap_or(e.urgency);
                    e.phase = Phase::Waiting { until: *until, calendar: *calendar };
                });
            }
            Event::StepHastened { id, until, .. } => self.edit_incident(*id, |i| {
                i.escalation.phase = Phase::Waiting { until: *until, calendar: None };
            }),
            Event::NobodyAnswered { id, .. } => {
                self.tally("nobody_answered", 1);
                self.edit_incident(*id, |i| {
                    i.escalation.phase = Phase::Exhausted;
                    // What a person asked for is over: what comes now counts as it would have without.
                    if core::mem::take(&mut i.escalation.asked) {
                        i.escalation.urgency = i.urgency();
                    }
                });
            }
            Event::PageAttempted { key, channel, outcome, retry, .. } => {
                self.apply_attempt(at, key, channel, outcome, *retry);
            }
            Event::ContactPassedOver { key, next, .. } => {
                self.tally("contacts_passed_over", 1);
                self.edit_page(key, |p| p.passed_over = true);
                self.pass_over_at(key, None);
                if let Some((contact, due)) = next {
                    let next_key = PageKey { contact: *contact, ..key.clone() };
                    self.move_page(&next_key, *due);
                }
            }
            Event::RetriesHastened { .. } => {
                let waits = self.pages.values().filter(|p| p.waits_to_be_tried_again(at.mono));
                let keys: Vec<PageKey> = waits.map(|p| p.key.clone()).collect();
                for key in &keys {
                    self.edit_page(key, |p| p.delivery = Delivery::Due { at: at.mono });
                }
            }
            Event::PageDropped { key, .. } => {
                self.tally("pages_dropped", 1);
                self.remove_page(key);
            }
            Event::NoticesPlanned { id, kind, wave, to } => {
                for (person, contact, channel) in to {
                    let key = PageKey {
                        incident: *id,
                        kind: *kind,
                        wave: *wave,
                        round: 0,
                        step: 0,
                        person: person.clone(),
                        contact: *contact,
                    };
                    self.put_page(
                        Page::new(key, channel.clone(), crate::words::Urgency::None, at.mono),
                        None,
                    );
                }
            }
            Event::Acknowledged { id, by, covers, until } => {
                self.tally("acknowledged", 1);
                self.drop_pages(*id, |k| k.kind == PageKind::Page);
                self.edit_incident(*id, |i| {
                    i.answered.get_or_insert_with(|| (at.wall, by.clone()));
                    i.status = Status::Acknowledged { by: by.clone(), at, covers: *covers, until: *until };
                    i.escalation.phase = Phase::Idle;
                });
            }
            Event::AcknowledgementKept { id, until, .. } => self.edit_incident(*id, |i| {
                if let Status::Acknowledged { until: old, .. } = &mut i.status {
                    *old = *until;
                }
            }),
            Event::AcknowledgementLapsed { id, .. } => {
                self.drop_pages(*id, |k| k.kind == PageKind::Acknowledged);
                self.edit_incident(*id, |i| i.status = Status::Open);
            }
            // Written when it was opened. What comes later is in the timeline alone.
            Event::Noted { id, text, .. } if self.is_opened_now(*id, at) => {
                self.edit_incident(*id, |i| i.note = Some(Arc::from(text.as_str())));
            }
            // Only in the timeline.
            _ => {}
        }
    }

    /// Whether a person opens it at this moment, and has written nothing yet.
    fn is_opened_now(&self, id: IncidentId, at: Now) -> bool {
        self.incident(id).is_some_and(|i| i.opened_by.is_some() && i.opened == at && i.note.is_none())
    }

    fn plan_turn(&mut self, (incident, wave, round, step): (IncidentId, u32, u32, u16), turn: &PersonTurn) {
        for c in &turn.contacts {
            // An older page to the same contact says less than this one.
            self.drop_pages(incident, |k| k.person == turn.person && k.contact == c.contact);
            let key = PageKey {
                incident,
                kind: PageKind::Page,
                wave,
                round,
                step,
                person: turn.person.clone(),
                contact: c.contact,
            };
            let page =
                Page { calendar: c.calendar, ..Page::new(key, c.channel.clone(), turn.urgency, c.due) };
            self.put_page(page, Some(c.pass_over));
        }
    }

    fn apply_attempt(
        &mut self,
        at: Now,
        key: &PageKey,
        channel: &Name,
        outcome: &Outcome,
        retry: Option<Mono>,
    ) {
        let (name, error) = match outcome {
            Outcome::Accepted { .. } => ("pages_accepted", None),
            Outcome::Retry { error, .. } | Outcome::Failed { error } => ("pages_failed", Some(error.clone())),
        };
        self.tally(name, 1);
        self.edit_incident(key.incident, |i| {
            let used = i.paged.get(&key.person).copied().unwrap_or(0) | 1 << u64::from(key.contact.min(63));
            i.paged.insert_mut(key.person.clone(), used);
        });
        // What became of it by a channel that it had before a reload says nothing about the one that it has now.
        if self.pages.get(key).is_some_and(|p| p.channel != *channel) {
            return;
        }
        if key.kind != PageKind::Page && error.is_none() {
            self.remove_page(key);
            return;
        }
        self.edit_page(key, |p| {
            p.attempts += 1;
            p.error = error;
            match retry {
                _ if matches!(outcome, Outcome::Accepted { .. }) => p.delivery = Delivery::Accepted { at },
                Some(due) => p.delivery = Delivery::Due { at: due },
                None => {}
            }
        });
        if matches!(outcome, Outcome::Accepted { .. }) {
            self.pass_over_at(key, None);
        }
    }

    /// Calendars stay where they are, so what waits for them moves; a length of time stays what it was.
    fn step_clock(&mut self, at: Now, by: i64) {
        let silences: Vec<Arc<Silence>> = self.silences.values().cloned().collect();
        for silence in silences {
            let mut s = (*silence).clone();
            let began = s.starts.0 <= at.wall.0.saturating_sub(by);
            let due = self.edges.get(&Timer::Silence(s.id.clone())).is_some_and(|edge| *edge <= at.mono);
            if s.relative {
                s.starts.0 = s.starts.0.saturating_add(by);
                s.ends.0 = s.ends.0.saturating_add(by);
            }
            let edge = if at.wall < s.starts {
                at.mono_at(s.starts)
            } else if began && !due {
                at.mono_at(s.ends)
            } else {
                // The step has carried the clock over its beginning, or it was to be looked at anyway.
                at.mono
            };
            self.put_silence(Arc::new(s), edge);
        }
        let overrides: Vec<(Name, Arc<Override>)> =
            self.overrides.iter().map(|(n, o)| (n.clone(), o.clone())).collect();
        for (id, entry) in overrides {
            let edge = at.mono_at(entry.ends);
            self.put_override(id, entry, edge);
        }
        let waiting: Vec<PageKey> = self
            .due
            .iter()
            .filter(|(_, k)| self.pages.get(k).is_some_and(|p| p.calendar.is_some() && p.attempts == 0))
            .map(|(_, k)| k.clone())
            .collect();
        for key in waiting {
            let Some(calendar) = self.pages.get(&key).and_then(|p| p.calendar) else { continue };
            self.move_page(&key, at.mono_at(calendar));
        }
        let escalating: Vec<IncidentId> = self.open.iter().copied().collect();
        for id in escalating {
            let Some(Phase::Waiting { calendar: Some(wall), .. }) =
                self.incident(id).map(|i| i.escalation.phase)
            else {
                continue;
            };
            self.edit_incident(id, |i| {
                i.escalation.phase = Phase::Waiting { until: at.mono_at(wall), calendar: Some(wall) }
            });
        }
    }

    fn archive(&mut self, id: IncidentId) {
        self.drop_pages(id, |_| true);
        let Some(incident) = self.remove_incident(id) else { return };
        if let Status::Resolved { at, .. } = incident.status {
            self.edit_told(id, incident.opened.wall, |told| told.ended = Some(at.wall));
        }
    }

    fn tally(&mut self, what: &str, n: u64) {
        match self.counts.get_mut(what) {
            Some(count) => *count += n,
            None => self.counts.insert_mut(Name::from(what), n),
        }
    }
}

impl Head {
    fn remember(&mut self, shape: Shape) {
        if self.shapes.len() >= MOST_SHAPES {
            self.shapes.remove(0);
        }
        self.shapes.push(shape);
    }
}

impl Page {
    fn new(key: PageKey, channel: Name, urgency: crate::words::Urgency, due: Mono) -> Page {
        Page {
            key,
            channel,
            urgency,
            delivery: Delivery::Due { at: due },
            attempts: 0,
            first_due: due,
            calendar: None,
            passed_over: false,
            error: None,
        }
    }
}

fn is_heartbeat(setup: &crate::setup::Setup, check: &Name) -> bool {
    setup.checks.get(check).is_some_and(|c| c.heartbeat.is_some())
}
