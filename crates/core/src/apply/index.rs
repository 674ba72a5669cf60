//! Keeping the indexes: the only place that touches what is derived from alerts, incidents, pages and the rest: their
//! timers, their groups, their counts.

use crate::alert::{Alert, AlertStatus, Source};
use crate::held::Place;
use crate::incident::{GoneOn, Incident, IncidentId};
use crate::labels::AlertKey;
use crate::page::{Delivery, Page, PageKey};
use crate::schedule::Override;
use crate::silence::Silence;
use crate::state::{FollowUp, Heartbeat, Set, State, Timer};
use crate::time::{Mono, Now};
use crate::words::Name;
use alloc::sync::Arc;
use alloc::vec::Vec;

impl State {
    pub(crate) fn put_incident(&mut self, incident: Incident) {
        let old = self.incidents.get(&incident.id).and_then(|i| i.timer());
        self.set_timer(old, incident.timer());
        if incident.is_resolved() {
            self.open.remove_mut(&incident.id);
        } else {
            self.open.insert_mut(incident.id);
        }
        self.incidents.insert_mut(incident.id, Arc::new(incident));
    }

    pub(super) fn remove_incident(&mut self, id: IncidentId) -> Option<Arc<Incident>> {
        let incident = self.incidents.get(&id).cloned()?;
        for place in incident.alerts.iter() {
            self.forget_alert(*place);
        }
        self.set_timer(incident.timer(), None);
        self.incidents.remove_mut(&id);
        self.open.remove_mut(&id);
        Some(incident)
    }

    pub(super) fn edit_incident(&mut self, id: IncidentId, edit: impl FnOnce(&mut Incident)) {
        let Some(shared) = self.incidents.get_mut(&id) else { return };
        let old = shared.timer();
        let incident = Arc::make_mut(shared);
        edit(incident);
        let (new, over) = (incident.timer(), incident.is_resolved());
        if old != new {
            self.set_timer(old, new);
        }
        if over {
            self.open.remove_mut(&id);
        } else if !self.open.contains(&id) {
            self.open.insert_mut(id);
        }
    }

    /// Adds an alert whose key is not held. A storm is made of these, so each index is gone to once.
    pub(super) fn push_alert(&mut self, at: Now, alert: Arc<Alert>, expires: Option<Mono>) {
        let place = self.alerts.push_mut(alert.clone(), expires);
        self.edit_incident(alert.incident, |i| {
            i.count(&alert, true);
            i.alerts.insert_mut(place);
            i.last_joined = at.mono;
        });
        self.edit_source(&alert.source, |s| {
            (s.heard, s.heard_wall) = (at.mono, at.wall);
            s.open = s.open.saturating_add(u32::from(alert.status.is_open()));
        });
        self.index_alert(place, &alert, expires);
    }

    /// Puts an alert in the place of what has its key, and moves the counts of the incidents concerned.
    pub(super) fn put_alert(&mut self, alert: Arc<Alert>, expires: Option<Mono>) {
        let place = self.alerts.place_mut(alert.key);
        let old = self.alerts.at(place).cloned();
        if let Some(old) = &old {
            self.count_alert(old, false);
            self.group(old, false);
            if old.incident != alert.incident {
                self.edit_incident(old.incident, |i| {
                    i.alerts.remove_mut(&place);
                    let gone = i.gone_on.map_or(0, |gone| gone.alerts).saturating_add(1);
                    i.gone_on = Some(GoneOn { alerts: gone, incident: alert.incident });
                });
            }
        }
        self.count_alert(&alert, true);
        self.retime_alert(place, expires);
        self.retime_hold(place, old.and_then(|a| a.held_until), alert.held_until);
        if alert.status == AlertStatus::Stale && expires.is_none() {
            self.stale.insert_mut((alert.source.clone(), alert.key));
        }
        self.edit_incident(alert.incident, |i| i.alerts.insert_mut(place));
        self.group(&alert, true);
        self.alerts.put_mut(place, alert, expires);
    }

    /// An alert of a snapshot: its incident has been counted already.
    pub(crate) fn restore_alert(&mut self, place: Place, alert: Arc<Alert>, expires: Option<Mono>) {
        self.index_alert(place, &alert, expires);
        self.alerts.restore_mut(place, alert, expires);
    }

    /// Puts an alert whose place was empty into the indexes.
    fn index_alert(&mut self, place: Place, alert: &Alert, expires: Option<Mono>) {
        replace(&mut self.expiries, None, expires.map(|at| (at, place)));
        self.retime_hold(place, None, alert.held_until);
        if alert.status == AlertStatus::Stale && expires.is_none() {
            self.stale.insert_mut((alert.source.clone(), alert.key));
        }
        self.group(alert, true);
    }

    pub(super) fn edit_alert(&mut self, key: &AlertKey, edit: impl FnOnce(&mut Alert)) {
        let Some(place) = self.alerts.place(key) else { return };
        let Some(old) = self.alerts.at(place).cloned() else { return };
        self.count_alert(&old, false);
        let mut alert = (*old).clone();
        edit(&mut alert);
        if !alert.status.is_open() {
            alert.held_until = None;
        }
        self.retime_hold(place, old.held_until, alert.held_until);
        self.count_alert(&alert, true);
        let entry = (alert.source.clone(), *key);
        if alert.status == AlertStatus::Stale && old.status != AlertStatus::Stale {
            self.stale.insert_mut(entry);
        } else if alert.status != AlertStatus::Stale && old.status == AlertStatus::Stale {
            self.stale.remove_mut(&entry);
        }
        let expires = self.alerts.expires(place);
        self.alerts.put_mut(place, Arc::new(alert), expires);
    }

    pub(super) fn forget_alert(&mut self, place: Place) {
        let Some(alert) = self.alerts.at(place).cloned() else { return };
        self.count_alert(&alert, false);
        self.retime_alert(place, None);
        self.retime_hold(place, alert.held_until, None);
        self.stale.remove_mut(&(alert.source.clone(), alert.key));
        self.group(&alert, false);
        self.edit_incident(alert.incident, |i| {
            i.alerts.remove_mut(&place);
            // What has recovered is listed for as long as anything of it is: an incident may go on for months.
            if let Some(entity) = alert.entity.as_ref().filter(|e| i.entities.get(*e) == Some(&0)) {
                i.entities.remove_mut(entity);
            }
        });
        self.alerts.remove_mut(&alert.key);
    }

    /// Counts an alert among those of its group in its incident.
    fn group(&mut self, alert: &Alert, add: bool) {
        let entry = (alert.group.clone(), alert.incident);
        match (self.groups.get_mut(&entry), add) {
            (Some(n), true) => *n += 1,
            (Some(n), false) if *n > 1 => *n -= 1,
            (Some(_), false) => {
                self.groups.remove_mut(&entry);
            }
            (None, true) => self.groups.insert_mut(entry, 1),
            (None, false) => {}
        }
    }

    /// Adds an alert to, or takes it from, the counts of its incident and its integration.
    fn count_alert(&mut self, alert: &Alert, add: bool) {
        self.edit_incident(alert.incident, |i| i.count(alert, add));
        if alert.status.is_open() {
            self.edit_source(&alert.source, |s| bump(&mut s.open, add));
        }
    }

    pub(super) fn hear(&mut self, source: &Name, at: Now) {
        self.edit_source(source, |s| (s.heard, s.heard_wall) = (at.mono, at.wall));
    }

    pub(super) fn edit_source(&mut self, source: &Name, edit: impl FnOnce(&mut Source)) {
        if let Some(s) = self.sources.get_mut(source) {
            return edit(s);
        }
        let mut s = Source::default();
        edit(&mut s);
        self.sources.insert_mut(source.clone(), s);
    }

    /// An alert must be repeated before `expires`, or is stale; only what is open can be. Returns where it is, and of
    /// which incident.
    pub(super) fn expire_alert(&mut self, key: AlertKey, expires: Mono) -> Option<(Place, IncidentId)> {
        let place = self.alerts.place(&key)?;
        let incident = self.alerts.at(place).filter(|a| a.status.is_open())?.incident;
        self.retime_alert(place, Some(expires));
        Some((place, incident))
    }

    /// An alert's sender has repeated it, which counts where a person had said that it is over.
    pub(super) fn refresh_alert(&mut self, key: AlertKey, expires: Mono) {
        let Some((place, id)) = self.expire_alert(key, expires) else { return };
        if self.incident(id).is_some_and(|i| i.is_closed() && !i.repeated.contains(&place)) {
            self.edit_incident(id, |i| i.repeated.insert_mut(place));
        }
    }

    pub(super) fn unexpire_alert(&mut self, key: &AlertKey) {
        if let Some(place) = self.alerts.place(key) {
            self.retime_alert(place, None);
        }
    }

    fn retime_alert(&mut self, place: Place, expires: Option<Mono>) {
        let old = self.alerts.expires(place);
        if old != expires {
            replace(&mut self.expiries, old.map(|at| (at, place)), expires.map(|at| (at, place)));
            self.alerts.expire_mut(place, expires);
        }
    }

    fn retime_hold(&mut self, place: Place, old: Option<Mono>, new: Option<Mono>) {
        if old != new {
            let timer = |at| (at, Timer::Hold(place));
            self.set_timer(old.map(timer), new.map(timer));
        }
    }

    pub(crate) fn put_page(&mut self, page: Page, pass_over: Option<Mono>) {
        let key = page.key.clone();
        self.remove_page(&key);
        if let Some(at) = page.due_at() {
            self.due.insert_mut((at, key.clone()));
        }
        self.pages.insert_mut(key.clone(), Arc::new(page));
        self.pass_over_at(&key, pass_over);
    }

    pub(super) fn edit_page(&mut self, key: &PageKey, edit: impl FnOnce(&mut Page)) {
        let Some(shared) = self.pages.get_mut(key) else { return };
        let old = shared.due_at();
        let page = Arc::make_mut(shared);
        edit(page);
        let new = page.due_at();
        if let Some(at) = old {
            self.due.remove_mut(&(at, key.clone()));
        }
        if let Some(at) = new {
            self.due.insert_mut((at, key.clone()));
        }
    }

    /// A page's turn begins at another time; how long it then has to be accepted stays the same.
    pub(super) fn move_page(&mut self, key: &PageKey, due: Mono) {
        let Some(before) = self.pages.get(key).map(|p| p.first_due) else { return };
        self.edit_page(key, |p| (p.first_due, p.delivery) = (due, Delivery::Due { at: due }));
        if let Some(limit) = self.pass_over.get(key).copied() {
            self.pass_over_at(key, Some(due + limit.since(before)));
        }
    }

    pub(super) fn remove_page(&mut self, key: &PageKey) {
        if let Some(at) = self.pages.get(key).and_then(|p| p.due_at()) {
            self.due.remove_mut(&(at, key.clone()));
        }
        self.pass_over_at(key, None);
        self.pages.remove_mut(key);
    }

    pub(super) fn drop_pages(&mut self, id: IncidentId, which: impl Fn(&PageKey) -> bool) {
        let gone: Vec<PageKey> = self.pages_of(id).map(|p| p.key.clone()).filter(|k| which(k)).collect();
        for key in &gone {
            self.remove_page(key);
        }
    }

    pub(super) fn pass_over_at(&mut self, key: &PageKey, at: Option<Mono>) {
        let timer = |at| (at, Timer::PassOver(key.clone()));
        let old = self.pass_over.get(key).copied();
        self.set_timer(old.map(timer), at.map(timer));
        match at {
            Some(at) => self.pass_over.insert_mut(key.clone(), at),
            None => {
                self.pass_over.remove_mut(key);
            }
        }
    }

    pub(crate) fn put_silence(&mut self, silence: Arc<Silence>, edge: Mono) {
        self.retime_edge(Timer::Silence(silence.id.clone()), Some(edge));
        self.silences.insert_mut(silence.id.clone(), silence);
    }

    pub(crate) fn put_override(&mut self, id: Name, entry: Arc<Override>, edge: Mono) {
        self.retime_edge(Timer::Override(id.clone()), Some(edge));
        self.overrides.insert_mut(id, entry);
    }

    pub(super) fn retime_edge(&mut self, timer: Timer, at: Option<Mono>) {
        let old = self.edges.get(&timer).copied();
        self.set_timer(old.map(|o| (o, timer.clone())), at.map(|n| (n, timer.clone())));
        match at {
            Some(at) => self.edges.insert_mut(timer, at),
            None => {
                self.edges.remove_mut(&timer);
            }
        }
    }

    /// What was planned for it before is done with it.
    pub(crate) fn put_follow_up(&mut self, id: IncidentId, work: FollowUp) {
        let before = self.follow_ups.get(&id).copied();
        let all = before.map_or(work, |b| FollowUp {
            at: b.at,
            again: b.again || work.again,
            by_rule: b.by_rule || work.by_rule,
        });
        self.follow_ups.insert_mut(id, all);
        self.timers.insert_mut((all.at, Timer::FollowUp(id)));
    }

    pub(crate) fn remove_follow_up(&mut self, id: IncidentId) {
        if let Some(work) = self.follow_ups.get(&id).copied() {
            self.timers.remove_mut(&(work.at, Timer::FollowUp(id)));
            self.follow_ups.remove_mut(&id);
        }
    }

    pub(crate) fn put_heartbeat(&mut self, check: Name, beat: Heartbeat) {
        let timer = |at| (at, Timer::Heartbeat(check.clone()));
        let old = self.heartbeats.get(&check).map(|b| b.due);
        self.set_timer(old.map(timer), Some(timer(beat.due)));
        self.heartbeats.insert_mut(check, beat);
    }

    pub(super) fn remove_heartbeat(&mut self, check: &Name) {
        if let Some(beat) = self.heartbeats.get(check) {
            let timer = (beat.due, Timer::Heartbeat(check.clone()));
            self.set_timer(Some(timer), None);
        }
        self.heartbeats.remove_mut(check);
    }

    pub(super) fn set_timer(&mut self, old: Option<(Mono, Timer)>, new: Option<(Mono, Timer)>) {
        replace(&mut self.timers, old, new);
    }
}

fn bump(n: &mut u32, add: bool) {
    *n = if add { n.saturating_add(1) } else { n.saturating_sub(1) };
}

impl Incident {
    /// Adds an alert to the counts, or takes it from them.
    fn count(&mut self, alert: &Alert, add: bool) {
        if !alert.status.is_open() {
            bump(&mut self.ended, add);
            return;
        }
        self.peak = if add { self.peak.max(alert.severity) } else { self.peak };
        let counts = alert.muted.is_none() && alert.held_until.is_none();
        if alert.muted.is_some() {
            bump(&mut self.muted, add);
        } else if alert.held_until.is_some() {
            bump(&mut self.held, add);
        } else {
            bump(&mut self.by_severity[alert.severity as usize], add);
            bump(&mut self.by_urgency[alert.urgency as usize], add);
        }
        if let Some(entity) = &alert.entity {
            self.count_entity(entity, counts.then_some(add));
        }
    }

    /// Of one that was opened by hand: what its opener says is unwell, for as long as it is not over.
    pub(super) fn count_own(&mut self, add: bool) {
        if let Some(entity) = self.own_entity.clone() {
            self.count_entity(&entity, Some(add));
        }
    }

    /// One more thing, or one less, is wrong with an entity; `None` if what is wrong does not count, which is noted all the same.
    fn count_entity(&mut self, entity: &Name, add: Option<bool>) {
        let before = self.entities.get(entity).copied().unwrap_or(0);
        let mut n = before;
        if let Some(add) = add {
            bump(&mut n, add);
        }
        match (before, n) {
            (0, 1..) => self.width += 1,
            (1.., 0) => self.width = self.width.saturating_sub(1),
            _ => {}
        }
        self.entities.insert_mut(entity.clone(), n);
    }
}

fn replace<T: Ord + Clone>(set: &mut Set<T>, old: Option<T>, new: Option<T>) {
    if let Some(old) = old {
        set.remove_mut(&old);
    }
    if let Some(new) = new {
        set.insert_mut(new);
    }
}
