//! Everything that is true now, folded from the journal.
//!
//! Maps are persistent: a clone is a few pointers. That gives rollback, consistent views for readers, and snapshots
//! without a pause. Indexes (timers, due pages, groups) are kept by [`crate::apply`] and never stored.

use crate::alert::{Alert, Source};
use crate::change::Change;
use crate::held::{Alerts, Place};
use crate::incident::{Incident, IncidentId, Status};
use crate::labels::AlertKey;
use crate::page::{Delivery, Page, PageKey};
use crate::schedule::Override;
use crate::setup::Setup;
use crate::silence::Silence;
use crate::time::{Mono, Now, Wall};
use crate::update::{StatusUpdate, Told};
use crate::words::{Name, Urgency};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

pub use crate::map::{Map, Set};

/// Alerts of an incident that are looked at one by one.
const MOST_LOOKED_AT: usize = 1000;

/// Everything that is true now.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The moment of the last event.
    pub clock: Now,
    /// Of the server's present run: a random number.
    pub life: u16,
    /// What counts of the configuration.
    pub setup: Arc<Setup>,
    /// Its hash; empty before the first.
    pub setup_hash: Arc<str>,
    /// Open alerts, and the ended ones of incidents at hand.
    pub alerts: Alerts,
    /// Who sends alerts.
    pub sources: Map<Name, Source>,
    /// Incidents that are open or can still be reopened.
    pub incidents: Map<IncidentId, Arc<Incident>>,
    /// The number of the next incident.
    pub next_incident: IncidentId,
    /// Pages that are due, and those of unanswered incidents that were accepted.
    pub pages: Map<PageKey, Arc<Page>>,
    /// Silences that begin or go on.
    pub silences: Map<Name, Arc<Silence>>,
    /// The last silences that have ended, newest last; [`Silence::ends`] is when they did.
    pub ended_silences: Arc<VecDeque<Arc<Silence>>>,
    /// Who stands in.
    pub overrides: Map<Name, Arc<Override>>,
    /// Checks that wait to be pinged.
    pub heartbeats: Map<Name, Heartbeat>,
    /// The last changes to production, newest last.
    pub changes: Arc<VecDeque<Arc<Change>>>,
    /// What people have told the public of incidents at hand, and of those that ended not long ago.
    pub told: Map<IncidentId, Arc<Told>>,
    /// Things that were counted, by name.
    pub counts: Map<Name, u64>,

    /// What is to be decided when, but for `expiries`.
    pub(crate) timers: Set<(Mono, Timer)>,
    /// When an open alert's sender must have repeated it. Every alert has one, so it is not kept among the others, each of
    /// which takes four times the room.
    pub(crate) expiries: Set<(Mono, Place)>,
    /// Pages to be sent when.
    pub(crate) due: Set<(Mono, PageKey)>,
    /// The incidents at hand that have alerts of a group, and how many.
    pub(crate) groups: Map<(Name, IncidentId), u32>,
    /// Stale alerts, by integration.
    pub(crate) stale: Set<(Name, AlertKey)>,
    /// Incidents that are not over.
    pub(crate) open: Set<IncidentId>,
    /// When a page's contact is passed over.
    pub(crate) pass_over: Map<PageKey, Mono>,
    /// Incidents that are to be looked at next, because of what concerned many at once.
    pub(crate) follow_ups: Map<IncidentId, FollowUp>,
    /// When a silence begins or ends, or a stand-in ends, as far as the wall clock could be believed.
    pub(crate) edges: Map<Timer, Mono>,
}

/// What is to be done with an incident when its turn comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FollowUp {
    /// Since when.
    pub(crate) at: Mono,
    /// Its step is entered again.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) again: bool,
    /// It is paged for by the policy that the rules name now.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) by_rule: bool,
}

/// A check that waits to be pinged, as the state knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The last ping that said success.
    pub last: Option<Wall>,
    /// A run that has begun and not ended.
    pub running_since: Option<Wall>,
    /// When the next is overdue.
    pub due: Mono,
    /// When a success is overdue, where that is later: a run is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_due: Option<Mono>,
    /// The run that began last, if it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// One was due while nobody could hear it: until the next, nothing is known.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub unheard: bool,
}

/// A run of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// As its pings name it; none where they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it has to have ended.
    pub due: Mono,
}

impl Heartbeat {
    /// Whether it says anything of how things are.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.last.is_some() && !self.unheard
    }
}

/// Something to be decided later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// An alert has lasted for as long as it takes to be paged for.
    Hold(Place),
    /// An escalation goes on.
    Escalation(IncidentId),
    /// An acknowledgement is not enough any more.
    Acknowledgement(IncidentId),
    /// A contact is passed over.
    PassOver(PageKey),
    /// A resolved incident is looked at again: archived, or opened again if it is still failing.
    Resolved(IncidentId),
    /// A silence begins or ends.
    Silence(Name),
    /// A stand-in ends.
    Override(Name),
    /// A heartbeat is overdue.
    Heartbeat(Name),
    /// An incident is looked at, because of what concerned many at once.
    FollowUp(IncidentId),
}

impl Default for State {
    fn default() -> Self {
        State {
            clock: Now::default(),
            life: 0,
            setup: Arc::new(Setup::default()),
            setup_hash: Arc::from(""),
            alerts: Alerts::default(),
            sources: Map::new(),
            incidents: Map::new(),
            next_incident: 1,
            pages: Map::new(),
            silences: Map::new(),
            ended_silences: Arc::default(),
            overrides: Map::new(),
            heartbeats: Map::new(),
            changes: Arc::default(),
            told: Map::new(),
            counts: Map::new(),
            timers: Set::new(),
            expiries: Set::new(),
            due: Set::new(),
            groups: Map::new(),
            stale: Set::new(),
            open: Set::new(),
            pass_over: Map::new(),
            follow_ups: Map::new(),
            edges: Map::new(),
        }
    }
}

impl State {
    /// An incident at hand.
    #[must_use]
    pub fn incident(&self, id: IncidentId) -> Option<&Incident> {
        self.incidents.get(&id).map(|i| &**i)
    }

    /// Incidents that are not over, oldest first.
    pub fn open_incidents(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.open.iter().filter_map(|id| self.incident(*id))
    }

    /// How many incidents are not over.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.size()
    }

    /// Who stands in on a schedule. Whoever has left the configuration does not: the turn is that of the rotation again, and
    /// no gap.
    pub fn overrides_of<'a>(&'a self, schedule: &'a Name) -> impl Iterator<Item = &'a Override> {
        let known = |o: &&Override| self.setup.people.contains_key(&o.person);
        self.overrides.values().map(|o| &**o).filter(move |o| o.schedule == *schedule).filter(known)
    }

    /// An incident's alerts, open and ended.
    pub fn alerts_of<'a>(&'a self, incident: &'a Incident) -> impl Iterator<Item = &'a Alert> {
        incident.alerts.iter().filter_map(|place| self.alerts.at(*place).map(|a| &**a))
    }

    /// Those of them that people are paged for. Ended ones, which there may be many of, come first.
    pub fn counted_of<'a>(&'a self, incident: &'a Incident) -> impl Iterator<Item = &'a Alert> {
        self.alerts_of(incident).filter(|a| a.is_counted())
    }

    /// An incident's pages and notices at hand.
    pub fn pages_of(&self, id: IncidentId) -> impl Iterator<Item = &Page> {
        self.pages.range(PageKey::first_of(id)..).map(|(_, p)| &**p).take_while(move |p| p.key.incident == id)
    }

    /// Whether something that people are paged for has joined an acknowledged incident since what its acknowledgement was
    /// shown, however little worse that has made it.
    #[must_use]
    pub fn joined_unseen(&self, incident: &Incident) -> bool {
        let Status::Acknowledged { covers, .. } = &incident.status else { return false };
        let (pages, seen) = (|a: &&Alert| a.urgency > Urgency::None, covers.moment());
        incident.had_alerts() > covers.alerts
            && self.counted_of(incident).filter(pages).take(MOST_LOOKED_AT).any(|a| a.received.mono > seen)
    }

    /// The incidents at hand that have alerts of a group, youngest first.
    pub(crate) fn incidents_of_group<'a>(&'a self, group: &'a Name) -> impl Iterator<Item = &'a Incident> {
        let mut before = IncidentId::MAX;
        core::iter::from_fn(move || {
            let bound = (group.clone(), before);
            let ((_, id), _) = self.groups.before(&bound).filter(|((g, _), _)| g == group)?;
            before = *id;
            Some(self.incident(*id))
        })
        .flatten()
    }

    /// A group's name as the alerts at hand that have it share it.
    pub(crate) fn shared_group(&self, group: Name) -> Name {
        let bound = (group, 0);
        let known = self.groups.range(bound.clone()..).next().map(|((g, _), _)| g.clone());
        known.filter(|g| *g == bound.0).unwrap_or(bound.0)
    }

    /// When an open alert must have been repeated, if its sender repeats it.
    #[must_use]
    pub fn expires(&self, key: AlertKey) -> Option<Mono> {
        self.alerts.expires(self.alerts.place(&key)?)
    }

    /// Whether an alert of this check is open.
    #[must_use]
    pub fn check_alert(&self, check: &str) -> Option<&Alert> {
        let key = AlertKey::of(crate::alert::CHECKS, &crate::decide::check_labels(check));
        self.alerts.get(&key).map(|a| &**a).filter(|a| a.status.is_open())
    }

    /// Whether the topology has this entity, or an open alert is of it.
    #[must_use]
    pub fn knows(&self, entity: &Name) -> bool {
        let of_it = |a: &Arc<Alert>| a.status.is_open() && a.entity.as_ref() == Some(entity);
        self.setup.topology.contains_key(entity) || self.alerts.values().any(of_it)
    }

    /// When something is to be decided next.
    #[must_use]
    pub fn next_timer(&self) -> Option<Mono> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let expiry = self.expiries.first().map(|(at, _)| *at);
        [timer, expiry].into_iter().flatten().min()
    }

    /// When a page is to be sent next.
    #[must_use]
    pub fn next_due(&self) -> Option<Mono> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Pages to be sent at `now`, earliest first.
    pub fn due_pages(&self, now: Mono) -> impl Iterator<Item = &Page> {
        self.due
            .iter()
            .take_while(move |(at, _)| *at <= now)
            .filter_map(|(_, key)| self.pages.get(key).map(|p| &**p))
    }

    /// Pages that are not accepted yet.
    #[must_use]
    pub fn pending_pages(&self) -> usize {
        self.due.size()
    }

    /// What people have told the public of an incident, oldest first.
    #[must_use]
    pub fn updates(&self, id: IncidentId) -> &[Arc<StatusUpdate>] {
        self.told.get(&id).map_or(&[], |told| &told.updates)
    }

    /// A counter's value.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// The changes to production within `back` before `at`, newest first, those to one of `entities` (or to nobody
    /// knows what) only.
    #[must_use]
    pub fn recent_changes(&self, at: Wall, back: crate::time::Span, entities: &[Name]) -> Vec<&Change> {
        let mut hits: Vec<&Change> = self
            .changes
            .iter()
            .map(|c| &**c)
            .filter(|c| c.at <= at + crate::time::Span::mins(5) && c.at >= at - back)
            .filter(|c| c.entity.as_ref().is_none_or(|e| entities.is_empty() || entities.contains(e)))
            .collect();
        hits.sort_by_key(|c| core::cmp::Reverse(c.at));
        hits
    }

    /// All of it as plain lists, to be stored.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let list = |p: &Arc<Page>| (**p).clone();
        Snapshot {
            version: SNAPSHOT_VERSION,
            clock: self.clock,
            life: self.life,
            setup: self.setup.clone(),
            setup_hash: self.setup_hash.as_ref().into(),
            next_incident: self.next_incident,
            alerts: self.alerts.entries().map(|(place, a, expires)| (place, a.clone(), expires)).collect(),
            last_place: self.alerts.last(),
            sources: self.sources.iter().map(|(n, s)| (n.clone(), s.clone())).collect(),
            incidents: self.incidents.values().map(|i| StoredIncident::from(&**i)).collect(),
            pages: self.pages.iter().map(|(k, p)| (list(p), self.pass_over.get(k).copied())).collect(),
            silences: self
                .silences
                .iter()
                .map(|(n, s)| (s.clone(), self.edge(&Timer::Silence(n.clone()))))
                .collect(),
            overrides: self
                .overrides
                .iter()
                .map(|(n, o)| (n.clone(), o.clone(), self.edge(&Timer::Override(n.clone()))))
                .collect(),
            heartbeats: self.heartbeats.iter().map(|(n, h)| (n.clone(), h.clone())).collect(),
            changes: self.changes.iter().cloned().collect(),
            ended_silences: self.ended_silences.iter().cloned().collect(),
            told: self.told.iter().map(|(id, told)| (*id, told.clone())).collect(),
            counts: self.counts.iter().map(|(n, c)| (n.clone(), *c)).collect(),
            follow_ups: self.follow_ups.iter().map(|(id, work)| (*id, *work)).collect(),
        }
    }

    fn edge(&self, timer: &Timer) -> Mono {
        self.edges.get(timer).copied().unwrap_or_default()
    }

    /// Rebuilt, with its indexes.
    #[must_use]
    pub fn from_snapshot(s: Snapshot) -> State {
        let mut state = State {
            clock: s.clock,
            life: s.life,
            setup: s.setup,
            setup_hash: Arc::from(s.setup_hash),
            next_incident: s.next_incident,
            sources: s.sources.into_iter().collect(),
            counts: s.counts.into_iter().collect(),
            changes: Arc::new(s.changes.into_iter().collect()),
            ended_silences: Arc::new(s.ended_silences.into_iter().collect()),
            told: s.told.into_iter().collect(),
            ..State::default()
        };
        // Incidents first: what the others put into indexes may depend on them.
        for stored in s.incidents {
            state.put_incident(stored.into());
        }
        for (place, alert, expires) in s.alerts {
            state.restore_alert(place, alert, expires);
        }
        state.alerts.given_mut(s.last_place);
        for (page, pass_over) in s.pages {
            state.put_page(page, pass_over);
        }
        for (silence, edge) in s.silences {
            state.put_silence(silence, edge);
        }
        for (id, entry, edge) in s.overrides {
            state.put_override(id, entry, edge);
        }
        for (check, heartbeat) in s.heartbeats {
            state.put_heartbeat(check, heartbeat);
        }
        for (id, work) in s.follow_ups {
            state.put_follow_up(id, work);
        }
        state
    }
}

/// A snapshot of another version is not read; the journal is replayed instead.
pub const SNAPSHOT_VERSION: u32 = 2;

/// A state as plain lists.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// Must be [`SNAPSHOT_VERSION`].
    pub version: u32,
    clock: Now,
    life: u16,
    setup: Arc<Setup>,
    setup_hash: String,
    next_incident: IncidentId,
    alerts: Vec<(Place, Arc<Alert>, Option<Mono>)>,
    last_place: Place,
    sources: Vec<(Name, Source)>,
    incidents: Vec<StoredIncident>,
    pages: Vec<(Page, Option<Mono>)>,
    silences: Vec<(Arc<Silence>, Mono)>,
    overrides: Vec<(Name, Arc<Override>, Mono)>,
    heartbeats: Vec<(Name, Heartbeat)>,
    changes: Vec<Arc<Change>>,
    #[serde(default)]
    ended_silences: Vec<Arc<Silence>>,
    #[serde(default)]
    told: Vec<(IncidentId, Arc<Told>)>,
    counts: Vec<(Name, u64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    follow_ups: Vec<(IncidentId, FollowUp)>,
}

/// An incident without its persistent collections.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredIncident {
    #[serde(flatten)]
    head: crate::incident::Head,
    alerts: Vec<Place>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    repeated: Vec<Place>,
    entities: Vec<(Name, u32)>,
    paged: Vec<(Name, u64)>,
}

impl From<&Incident> for StoredIncident {
    fn from(i: &Incident) -> Self {
        StoredIncident {
            head: i.head.clone(),
            alerts: i.alerts.iter().copied().collect(),
            repeated: i.repeated.iter().copied().collect(),
            entities: i.entities.iter().map(|(n, c)| (n.clone(), *c)).collect(),
            paged: i.paged.iter().map(|(n, c)| (n.clone(), *c)).collect(),
        }
    }
}

impl From<StoredIncident> for Incident {
    fn from(s: StoredIncident) -> Self {
        Incident {
            head: s.head,
            alerts: s.alerts.into_iter().collect(),
            repeated: s.repeated.into_iter().collect(),
            entities: s.entities.into_iter().collect(),
            paged: s.paged.into_iter().collect(),
        }
    }
}

impl Page {
    /// When it is to be sent; `None` once accepted.
    #[must_use]
    pub fn due_at(&self) -> Option<Mono> {
        match self.delivery {
            Delivery::Due { at } => Some(at),
            Delivery::Accepted { .. } => None,
        }
    }

    /// Whether it has been tried, was not taken, and is not due again yet.
    pub(crate) fn waits_to_be_tried_again(&self, now: Mono) -> bool {
        self.attempts > 0 && self.due_at().is_some_and(|due| due > now)
    }
}
