//! What the journal says, read by the checkers themselves: which alerts are open in which incident, and who is on it.

use super::{Checker, Invariant};
use foghorn_core::alert::{AlertStatus, CHECKS, EndReason, SELF};
use foghorn_core::event::AlertRef;
use foghorn_core::incident::{IncidentId, Shape};
use foghorn_core::labels::{AlertKey, Labels};
use foghorn_core::time::{Mono, Span};
use foghorn_core::words::{Name, Urgency, Via};
use foghorn_core::{Event, Record};
use std::collections::{BTreeMap, BTreeSet};

/// An open alert.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) incident: IncidentId,
    pub(crate) source: Name,
    pub(crate) labels: Labels,
    pub(crate) entity: Option<Name>,
    pub(crate) urgency: Urgency,
    pub(crate) lifetime: Option<Span>,
    pub(crate) stale: Option<Mono>,
    pub(crate) held: bool,
    pub(crate) muted: bool,
    pub(crate) opened: Mono,
}

/// An incident at hand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) open: bool,
    /// Set while a person's word is that it is over.
    pub(crate) closed_at: Option<u64>,
    pub(crate) manual: Option<Urgency>,
    pub(crate) alerts: BTreeSet<AlertKey>,
    pub(crate) acked: Option<Shape>,
    pub(crate) acks: Vec<(Name, Mono)>,
    pub(crate) exhausted: bool,
    pub(crate) policy: Option<Name>,
    /// When paging was started over, last.
    pub(crate) started: Vec<Mono>,
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) seq: u64,
    pub(crate) mono: Mono,
    pub(crate) last_incident: IncidentId,
    pub(crate) alerts: BTreeMap<AlertKey, Told>,
    pub(crate) incidents: BTreeMap<IncidentId, Case>,
    pub(crate) silences: BTreeSet<Name>,
    /// Who stands in.
    pub(crate) overrides: BTreeMap<Name, Name>,
}

/// So many moments are remembered of an incident.
const REMEMBERED: usize = 64;

impl Checker {
    fn case(&mut self, id: IncidentId, edit: impl FnOnce(&mut Case, u64)) {
        self.dirty.insert(id);
        let t = self.t;
        if let Some(case) = self.book.incidents.get_mut(&id) {
            edit(case, t);
            let surplus = case.started.len().saturating_sub(REMEMBERED);
            case.started.drain(..surplus);
            let surplus = case.acks.len().saturating_sub(REMEMBERED);
            case.acks.drain(..surplus);
        }
    }

    fn told(&mut self, key: &AlertKey, edit: impl FnOnce(&mut Told)) {
        if let Some(told) = self.book.alerts.get_mut(key) {
            edit(told);
            self.dirty.insert(told.incident);
        }
    }

    /// Takes a record into the book, and holds it against what was said outside.
    pub(crate) fn fold(&mut self, record: &Record) {
        let at = record.at;
        (self.book.seq, self.book.mono) = (record.seq, at.mono.max(self.book.mono));
        match &record.event {
            Event::AlertOpened { alert, .. } => {
                let open = self.book.incidents.get(&alert.incident).is_some_and(|c| c.open);
                self.holds(Invariant::Counts, open, || format!("{} opened in a closed incident", alert.key));
                let twice = self.book.alerts.contains_key(&alert.key);
                self.holds(Invariant::Counts, !twice, || format!("{} opened twice", alert.key));
                let said =
                    self.words.get(&alert.key).map(|w| &w.urgencies).filter(|u| !u.is_empty()).cloned();
                if let Some(said) = said {
                    self.holds(Invariant::UrgencyIsGiven, said.contains(&alert.urgency), || {
                        format!("{:?} has {:?}, not {said:?}", alert.labels, alert.urgency)
                    });
                }
                let told = Told {
                    incident: alert.incident,
                    source: alert.source.clone(),
                    labels: alert.labels.clone(),
                    entity: alert.entity.clone(),
                    urgency: alert.urgency,
                    lifetime: alert.lifetime,
                    stale: None,
                    held: alert.held_until.is_some(),
                    muted: alert.muted.is_some(),
                    opened: at.mono,
                };
                self.book.alerts.insert(alert.key, told);
                self.case(alert.incident, |c, _| {
                    c.alerts.insert(alert.key);
                });
            }
            Event::AlertConfirmed { alert: AlertRef { key, .. } } => self.told(key, |a| a.held = false),
            Event::AlertChanged { alert: AlertRef { key, .. }, urgency, .. } => {
                self.told(key, |a| a.urgency = *urgency)
            }
            Event::AlertMuted { alert: AlertRef { key, .. }, .. } => self.told(key, |a| a.muted = true),
            Event::AlertUnmuted { alert: AlertRef { key, .. } } => self.told(key, |a| a.muted = false),
            Event::AlertStatusChanged { alert: AlertRef { key, .. }, status, .. } => {
                let known = self.book.alerts.contains_key(key);
                self.holds(Invariant::NotOverUntilSaid, known, || {
                    format!("{key} is over and becomes {status:?}")
                });
                if *status == AlertStatus::Stale {
                    self.stale_in_time(key, at.mono);
                }
                self.told(key, |a| a.stale = Some(at.mono).filter(|_| *status == AlertStatus::Stale));
            }
            Event::AlertEnded { alert: AlertRef { key, .. }, reason, .. } => {
                self.ended_rightly(key, *reason, at.mono);
                if let Some(word) = self.words.get_mut(key).filter(|_| *reason == EndReason::Person) {
                    word.closed = Some(self.t);
                }
                if let Some(told) = self.book.alerts.remove(key) {
                    self.case(told.incident, |c, _| {
                        c.alerts.remove(key);
                    });
                }
            }
            Event::IncidentOpened { id, by, urgency, .. } => {
                self.figures.incidents += 1;
                let next = *id > self.book.last_incident;
                self.holds(Invariant::Sequence, next, || format!("incident {id} comes late"));
                self.book.last_incident = *id;
                let manual = by.as_ref().map(|_| *urgency);
                self.book.incidents.insert(*id, Case { open: true, manual, ..Case::default() });
                self.dirty.insert(*id);
            }
            Event::IncidentResolved { id, by, .. } => {
                let case = self.book.incidents.get(id);
                let well = case.is_some_and(|c| c.alerts.is_empty() && c.manual.is_none());
                let open = case.map(|c| c.alerts.len()).unwrap_or_default();
                self.holds(Invariant::NotOverUntilSaid, by.is_some() || well, || {
                    format!("incident {id} is resolved with {open} alerts open")
                });
                // What its opener said is wrong is over by a person's word.
                self.case(*id, |c, t| {
                    (c.open, c.acked, c.manual) = (false, None, None);
                    c.closed_at = Some(t).filter(|_| !c.alerts.is_empty());
                });
            }
            Event::IncidentReopened { id, .. } => self.case(*id, |c, _| {
                (c.open, c.acked, c.closed_at) = (true, None, None);
                c.started.push(at.mono);
            }),
            Event::IncidentKept { id, .. } => {
                let owed = self.owes_notice(*id);
                let case = self.book.incidents.get(id).cloned();
                let right = owed && case.as_ref().is_some_and(|c| !c.open && c.alerts.is_empty());
                self.holds(Invariant::NotOverUntilSaid, right, || {
                    format!("incident {id} is kept, owing a notice: {owed}, as {case:?}")
                });
                self.case(*id, |c, _| c.closed_at = None);
            }
            Event::IncidentArchived { id } => {
                let case = self.book.incidents.remove(id);
                let right = case.as_ref().is_some_and(|c| !c.open && c.alerts.is_empty());
                self.holds(Invariant::NotOverUntilSaid, right, || {
                    format!("incident {id} is put away as {case:?}")
                });
                self.dirty.insert(*id);
                self.asked.remove(id);
                self.link_acks.retain(|(i, _), _| i != id);
            }
            Event::EscalationStarted { id, policy, .. } => self.case(*id, |c, _| {
                (c.policy, c.exhausted) = (Some(policy.clone()), false);
                c.started.push(at.mono);
            }),
            Event::NobodyAnswered { id, .. } => self.case(*id, |c, _| c.exhausted = true),
            Event::Acknowledged { id, by, covers, .. } => {
                let open = self.book.incidents.get(id).is_some_and(|c| c.open);
                self.holds(Invariant::AckHolds, open, || format!("closed incident {id} is acknowledged"));
                // What is decided again may know of an alert which had ended in memory, where the page was shown.
                if by.via == Via::Link && !record.late {
                    self.covers_what_was_shown(*id, &by.name, covers);
                }
                self.case(*id, |c, _| {
                    c.acked = Some(*covers);
                    c.acks.push((by.name.clone(), at.mono));
                });
            }
            Event::AcknowledgementKept { id, by: None, .. } => self.case(*id, |c, _| c.started.push(at.mono)),
            Event::AcknowledgementKept { id, by: Some(by), .. } => {
                let theirs =
                    |c: &Case| c.acked.is_some() && c.acks.last().is_some_and(|(n, _)| *n == by.name);
                let has_it = self.book.incidents.get(id).is_some_and(theirs);
                self.holds(Invariant::AckHolds, has_it, || {
                    format!("{} is still on incident {id} without having it", by.name)
                });
                self.case(*id, |c, _| c.acks.push((by.name.clone(), at.mono)));
            }
            Event::AcknowledgementLapsed { id, .. } => self.case(*id, |c, _| {
                c.acked = None;
                c.started.push(at.mono);
            }),
            Event::ClockStepped { by } => self.clock_said(*by),
            Event::SilenceAdded { silence } => {
                self.book.silences.insert(silence.id.clone());
            }
            Event::SilenceEnded { id, .. } => {
                self.quiet.end(id, true);
                self.book.silences.remove(id);
            }
            Event::OverrideAdded { id, entry, .. } => {
                self.book.overrides.insert(id.clone(), entry.person.clone());
            }
            Event::OverrideRemoved { id, .. } => {
                self.book.overrides.remove(id);
            }
            _ => {}
        }
    }

    fn ended_rightly(&mut self, key: &AlertKey, reason: EndReason, at: Mono) {
        let Some(told) = self.book.alerts.get(key) else {
            return self.holds(Invariant::NotOverUntilSaid, false, || format!("{key} ends twice"));
        };
        let word = self.words.get(key);
        let right = match reason {
            EndReason::Sender => {
                // What is submitted may wait for the disk before it is decided.
                word.is_some_and(|w| w.ended.is_some_and(|e| e + Span::mins(1) >= told.opened))
            }
            EndReason::NotRepeated => told.stale.is_some_and(|since| {
                let heard = self.heard.get(&told.source).copied().unwrap_or_default();
                heard >= since && at.since(since) >= told.lifetime.unwrap_or_default()
            }),
            EndReason::Removed => match &*told.source {
                SELF => false,
                CHECKS => told.labels.get("check").is_some_and(|c| !self.setup.checks.contains_key(c)),
                // What it reported is no less wrong because it left the configuration.
                _ => false,
            },
            EndReason::Person => true,
            EndReason::Unknown => told.held && &*told.source == CHECKS,
        };
        // A configuration that was submitted since may have brought it back.
        let right = right
            || reason == EndReason::Removed
                && &*told.source == CHECKS
                && self.t.saturating_sub(self.setup_at) < 600_000;
        let what = format!("{:?} of {} ended: {reason:?}", told.labels, told.source);
        let damaged = self.damaged;
        self.holds(Invariant::NotOverUntilSaid, right || damaged, || what);
    }

    fn stale_in_time(&mut self, key: &AlertKey, at: Mono) {
        let (Some(told), Some(word)) = (self.book.alerts.get(key), self.words.get(key)) else { return };
        let Some(lifetime) = told.lifetime else { return };
        // Its integration may have left the configuration, or be about to.
        if !self.setup.integrations.contains_key(&told.source)
            || self.t.saturating_sub(self.setup_at) < 600_000
        {
            return;
        }
        // Repetitions that move little are not written, so an eighth may be missing.
        let least = Mono(word.fired_saved.0 + lifetime.0 - lifetime.0 / 8);
        let what = format!("{:?} is stale {} after it was repeated", told.labels, at.since(word.fired_saved));
        let damaged = self.damaged;
        self.holds(Invariant::StaleIsSaid, at >= least || damaged, || what);
    }

    fn covers_what_was_shown(&mut self, id: IncidentId, who: &Name, covers: &Shape) {
        let Some(shown) = self.link_acks.get(&(id, who.clone())).copied() else { return };
        let before = self.book.incidents.get(&id).and_then(|c| c.acked);
        // Sizes are recorded when they double or halve: what is recorded may be up to twice what was shown.
        // What somebody else has acknowledged counts as well.
        let most = before.map_or(shown, |b| shown.and(&b));
        let fits = covers.severity <= most.severity
            && covers.urgency <= most.urgency
            && covers.width < 2 * most.width.max(1);
        self.holds(Invariant::LinkCovers, fits, || {
            format!("incident {id}: {who} saw {shown:?}, which covers {covers:?}")
        });
    }
}
