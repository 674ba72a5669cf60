//! When is it one incident? Outage 2b: one malformed record broke every shop, and that is one incident, not one per shop.
//!
//! A new alert joins, in this order:
//! 1. the incident of its group (the same integration and `group_by` labels), if that is open, or recovered by itself
//!    within `reopen_within` (then it is opened again);
//! 2. an open incident that has the same entity among those that are unwell;
//! 3. an open incident whose last alert came within `correlate_within`, if one of these entities stands on this one or the
//!    other way round, or both stand on a common thing that is smaller than a site.
//!
//! What has recovered counts no more: whoever has acknowledged the rest has not heard of what breaks there next.
//!
//! Else it opens an incident. The youngest incident that fits is taken.

use super::Draft;
use crate::alert::Alert;
use crate::event::Event;
use crate::incident::{Incident, IncidentId, Status};
use crate::setup::{EntityKind, Setup};
use crate::text::clean;
use crate::words::{Name, Urgency};
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// So many open incidents are looked at, youngest first, and so many unwell entities of each, among so many that it has or
/// has had: a storm must not make every alert dearer than the one before.
const MOST_INCIDENTS: usize = 64;
const MOST_ENTITIES: usize = 16;
const MOST_LOOKED_AT: usize = 1000;
/// Characters of a title.
const LONGEST_TITLE: usize = 200;

impl Draft<'_> {
    /// The incident that a new alert belongs to, opened or opened again if need be.
    pub(super) fn incident_for(&mut self, alert: &Alert) -> IncidentId {
        let reopen_within = self.state.setup.timing.reopen_within;
        let of_group =
            self.state.incidents_of_group(&alert.group).take(MOST_INCIDENTS).find(|i| match &i.status {
                Status::Open | Status::Acknowledged { .. } => true,
                Status::Resolved { by: None, at, .. } => self.now.mono.since(at.mono) <= reopen_within,
                Status::Resolved { .. } => false,
            });
        if let Some(i) = of_group {
            let id = i.id;
            if let Status::Resolved { at, .. } = &i.status {
                let since = self.now.mono.since(at.mono);
                let known = self.state.alerts.get(&alert.key).is_some_and(|a| a.incident == id);
                let why = match known {
                    true => alloc::format!("back {since} after it recovered"),
                    false => alloc::format!("something else is wrong {since} after all was well"),
                };
                // It is called after what is wrong now.
                let title = Some(title(alert)).filter(|t| i.own.is_none() && *t != i.title);
                self.emit(Event::IncidentReopened { id, why, title, withdrawn: false });
            }
            return id;
        }
        if let Some(id) = alert.entity.as_ref().and_then(|e| self.related(e)) {
            return id;
        }
        let id = self.state.next_incident;
        self.emit(Event::IncidentOpened {
            id,
            title: title(alert),
            by: None,
            severity: None,
            urgency: Urgency::None,
            entity: None,
            escalation: None,
        });
        id
    }

    /// What it was called while it was worse, if nothing as bad has come since: an outage that came back as a warning was no
    /// less an outage.
    pub(super) fn title_once_over(&self, id: IncidentId) -> Option<Arc<str>> {
        let incident = self.state.incident(id)?;
        let (severity, was) = incident.was.as_ref()?;
        let as_bad = |a: &Alert| a.severity >= *severity && title(a) == incident.title;
        (!self.state.alerts_of(incident).take(MOST_LOOKED_AT).any(as_bad)).then(|| was.clone())
    }

    /// What the first of an incident's worst alerts says, of those that are paged for.
    pub(super) fn title_of_worst(&self, id: IncidentId) -> Option<Arc<str>> {
        let incident = self.state.incident(id)?;
        let worst = self.state.counted_of(incident).min_by_key(|a| Reverse(a.severity))?;
        Some(title(worst)).filter(|title| *title != incident.title)
    }

    fn related(&self, entity: &Name) -> Option<IncidentId> {
        let setup = &self.state.setup;
        let known = setup.topology.contains_key(entity);
        let up = if known { setup.upstream(entity) } else { Vec::new() };
        let recent = |i: &Incident| self.now.mono.since(i.last_joined) <= setup.timing.correlate_within;
        self.state
            .open_incidents()
            .rev()
            .take(MOST_INCIDENTS)
            .find(|i| {
                self.is_unwell(i, entity)
                    || known
                        && recent(i)
                        && self
                            .unwell(i)
                            .take(MOST_ENTITIES)
                            .any(|other| share_a_cause(setup, entity, &up, other))
            })
            .map(|i| i.id)
    }

    /// Whether something is open about this entity, paged for or not.
    fn is_unwell(&self, i: &Incident, entity: &Name) -> bool {
        let counted = i.entities.get(entity);
        counted.is_some_and(|n| *n > 0 || self.uncounted(i).any(|e| e == entity))
    }

    /// The entities of which that is so. An incident's alerts are gone through once for them, not once for each.
    fn unwell<'s>(&'s self, i: &'s Incident) -> impl Iterator<Item = &'s Name> {
        let uncounted: BTreeSet<&Name> = self.uncounted(i).collect();
        let listed = i.entities.iter().take(MOST_LOOKED_AT);
        listed.filter(move |(e, n)| **n > 0 || uncounted.contains(e)).map(|(e, _)| e)
    }

    /// Of what is not paged for yet, or is silenced, an incident keeps no count: the entities of such alerts.
    fn uncounted<'s>(&'s self, i: &'s Incident) -> impl Iterator<Item = &'s Name> {
        let most = if i.held + i.muted > 0 { MOST_LOOKED_AT } else { 0 };
        let open = self.state.alerts_of(i).filter(|a| a.status.is_open()).take(most);
        open.filter_map(|a| a.entity.as_ref())
    }
}

fn title(alert: &Alert) -> Arc<str> {
    let summary = clean(&alert.summary());
    let summary = summary.trim();
    match summary.char_indices().nth(LONGEST_TITLE) {
        None => Arc::from(summary),
        Some(_) => Arc::from(summary.chars().take(LONGEST_TITLE - 1).chain(['…']).collect::<String>()),
    }
}

/// Whether one stands on the other, or both on a thing that is smaller than a site.
fn share_a_cause(setup: &Setup, entity: &Name, up: &[Name], other: &Name) -> bool {
    if up.contains(other) {
        return true;
    }
    let theirs = setup.upstream(other);
    let small = |n: &&Name| setup.topology.get(*n).is_some_and(|e| e.kind != EntityKind::Site);
    theirs.contains(entity) || theirs.iter().filter(small).any(|n| up.contains(n))
}
