//! How each component was, from when to when, and which incidents the public could notice.

use crate::own::Own;
use crate::words::Words;
use foghorn_core::State;
use foghorn_core::component::{self, ComponentStatus, Measured, components};
use foghorn_core::incident::{IncidentId, Status};
use foghorn_core::time::{Now, Span, Wall};
use foghorn_core::words::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bars go back so many days; one more is kept, for the day that is not over.
const KEEP_STRETCHES: Span = Span::hours(24 * 91);
/// Months of incidents go back so far.
pub(crate) const KEEP_INCIDENTS: Span = Span::hours(24 * 400);
/// Stretches of one component; of more the oldest go.
const MOST_STRETCHES: usize = 4000;
/// Incidents; of more the oldest that are over go.
pub(crate) const MOST_INCIDENTS: usize = 2000;
/// Updates of one incident; the last one is always its end.
const MOST_UPDATES: usize = 40;
/// Components that an update names.
pub(crate) const MOST_AFFECTED: usize = 50;
/// Away for less is a restart, which nobody needs to see for ninety days.
const RESTART: Span = Span::secs(60);

/// What the public may look back on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// The last event that it knows.
    pub seq: u64,
    /// That event's moment, to know the journal again.
    pub at: Now,
    /// Each component's past, oldest first; a stretch lasts until the next.
    pub stretches: BTreeMap<String, Vec<Stretch>>,
    /// Incidents that touched a component.
    pub incidents: BTreeMap<IncidentId, PublicIncident>,
    /// The first moment of which anything was known, as far as it was forgotten since: see [`Ledger::known_since`].
    pub since: Option<Wall>,
    /// Whether a component waits for a result of its checks, as it was last looked at.
    #[serde(skip)]
    pub waits: bool,
}

/// How a component was from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// From then on.
    pub from: Wall,
    /// How it was.
    pub status: ComponentStatus,
}

/// An incident as the public could notice it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublicIncident {
    /// When a component was first touched.
    pub opened: Wall,
    /// When it was over.
    pub resolved: Option<Wall>,
    /// Every component that was ever touched, with the worst that it was by this incident.
    pub worst: Vec<Affected>,
    /// What was measured, oldest first.
    pub updates: Vec<Update>,
    /// What people wrote, oldest first.
    #[serde(default)]
    pub words: Vec<Words>,
    /// How many of their status updates have been taken over, those that were forgotten since among them.
    #[serde(default)]
    pub heard: usize,
}

/// A component that was touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// Its name for the public.
    pub component: String,
    /// How it was.
    pub status: ComponentStatus,
}

/// Something that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// When.
    pub at: Wall,
    /// How far the work was.
    pub stage: Stage,
    /// What was not well then; at the end, what is not measured well all the same.
    pub affected: Vec<Affected>,
}

/// How far the work on an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It was noticed; nobody has answered yet.
    Noticed,
    /// Somebody works on it.
    Investigating,
    /// It is over.
    Resolved,
}

/// How much a status matters to who reads a history.
pub(crate) fn rank(status: ComponentStatus) -> u8 {
    match status {
        ComponentStatus::Unknown => 0,
        ComponentStatus::Operational => 1,
        ComponentStatus::UnderMaintenance => 2,
        ComponentStatus::DegradedPerformance => 3,
        ComponentStatus::PartialOutage => 4,
        ComponentStatus::MajorOutage => 5,
    }
}

impl PublicIncident {
    pub(crate) fn new(opened: Wall, resolved: Option<Wall>) -> PublicIncident {
        let (worst, updates, words) = (Vec::new(), Vec::new(), Vec::new());
        PublicIncident { opened, resolved, worst, updates, words, heard: 0 }
    }

    /// The worst that any component was.
    #[must_use]
    pub fn peak(&self) -> ComponentStatus {
        let all = self.worst.iter().map(|a| a.status);
        all.max_by_key(|s| rank(*s)).unwrap_or(ComponentStatus::DegradedPerformance)
    }

    /// The components that it has touched: while it is open how they are by it now, once it is over the worst that they were.
    #[must_use]
    pub fn standing(&self) -> Vec<Affected> {
        let mut all = self.worst.clone();
        if let (None, Some(last)) = (self.resolved, self.updates.last()) {
            for a in &mut all {
                let now = last.affected.iter().find(|n| n.component == a.component);
                a.status = now.map_or(ComponentStatus::Operational, |n| n.status);
            }
        }
        all
    }

    /// What of it is not measured well, though it is over.
    pub(crate) fn left(&self) -> &[Affected] {
        let end = self.updates.last().filter(|u| self.resolved.is_some() && u.stage == Stage::Resolved);
        end.map_or(&[], |u| &u.affected)
    }

    /// When it was noticed again after its end, the last time until a moment.
    pub(crate) fn came_back_by(&self, at: Wall) -> Option<Wall> {
        let back = |two: &&[Update]| match two {
            [end, new] => end.stage == Stage::Resolved && new.stage != Stage::Resolved && new.at <= at,
            _ => false,
        };
        self.updates.windows(2).rev().find(back).and_then(|two| two.last()).map(|u| u.at)
    }

    fn told(&mut self, update: Update) {
        for now in &update.affected {
            let room = self.worst.len() < MOST_AFFECTED;
            match self.worst.iter_mut().find(|w| w.component == now.component) {
                Some(w) if rank(now.status) > rank(w.status) => w.status = now.status,
                Some(_) => {}
                None if room => self.worst.push(now.clone()),
                None => {}
            }
        }
        if self.updates.len() >= MOST_UPDATES {
            self.updates.pop();
        }
        self.updates.push(update);
    }
}

impl Ledger {
    /// Looks at the state after an event; `true` if anything that the public reads has changed.
    pub fn observe(&mut self, state: &State, wall: Wall, seq: u64) -> bool {
        self.observe_measured(state, wall, seq, &|_| Some(true))
    }

    /// The same, where `measured` says of a check whether its last result says how it is; `None` before the first since the
    /// start. The state takes a check for well until it fails; the public is told so only of what is measured.
    pub fn observe_measured(
        &mut self,
        state: &State,
        wall: Wall,
        seq: u64,
        measured: &dyn Fn(&str) -> Option<bool>,
    ) -> bool {
        (self.seq, self.at, self.waits) = (seq, state.clock, false);
        let mut statuses = components(state, wall);
        let entities = component::measured(state, measured);
        for (name, status) in statuses.iter_mut().filter(|(_, s)| **s == ComponentStatus::Operational) {
            let known = is_measured(state, name, &entities);
            self.waits |= known != Some(true);
            let was = self.stretches.get(name.as_str()).and_then(|all| all.last()).map(|s| s.status);
            // Over a restart what was well goes on.
            if known == Some(false) || (known.is_none() && was != Some(ComponentStatus::Operational)) {
                *status = ComponentStatus::Unknown;
            }
        }
        let mut changed = false;
        for (name, status) in &statuses {
            changed |= self.stretch(name, Stretch { from: wall, status: *status });
        }
        // Before a configuration is known, nothing is known to have left it.
        if !state.setup_hash.is_empty() {
            let gone = self.stretches.iter_mut().filter(|(name, _)| !statuses.contains_key(name.as_str()));
            for (_, stretches) in gone {
                changed |= push(stretches, Stretch { from: wall, status: ComponentStatus::Unknown });
            }
        }
        changed | self.incidents(state, &statuses, wall) | self.listen(state, wall)
    }

    /// What was taken for well since this moment, by a state that takes everything for well until it fails, is not known: nothing
    /// has been measured since.
    pub(crate) fn doubt(&mut self, since: Wall) {
        let hurt = |all: &[Stretch]| all.iter().any(|s| s.status.is_hurt());
        // What was unwell and is well again was measured.
        let never = self.stretches.values_mut().filter(|all| !hurt(all));
        for last in never.filter_map(|all| all.last_mut()) {
            if last.status == ComponentStatus::Operational && last.from >= since {
                last.status = ComponentStatus::Unknown;
            }
        }
    }

    /// Foghorn was away before this moment: nobody knows how anything was.
    pub fn away(&mut self, until: Wall, down: Span) {
        if down < RESTART {
            return;
        }
        for stretches in self.stretches.values_mut() {
            push(stretches, Stretch { from: until - down, status: ComponentStatus::Unknown });
        }
    }

    /// The first moment of which anything is known: a component's status, or an incident.
    #[must_use]
    pub fn known_since(&self) -> Option<Wall> {
        let known = |s: &&Stretch| s.status != ComponentStatus::Unknown;
        let first = self.stretches.values().filter_map(|all| all.iter().find(known)).map(|s| s.from);
        first.chain(self.incidents.values().map(|i| i.opened)).chain(self.since).min()
    }

    /// Which of some components were hurt at a moment, by whatever it was, as far as that is remembered.
    pub(crate) fn hurt_at(&self, all: &[Affected], at: Wall) -> Vec<Affected> {
        let then = |a: &Affected| {
            let past = self.stretches.get(&a.component)?;
            let status = past[..past.partition_point(|s| s.from <= at)].last()?.status;
            status.is_hurt().then(|| Affected { component: a.component.clone(), status })
        };
        all.iter().filter_map(then).collect()
    }

    /// Forgets what nobody can look at any more.
    pub fn prune(&mut self, now: Wall) {
        self.since = self.known_since();
        let oldest = now - KEEP_STRETCHES;
        self.stretches.retain(|_, stretches| {
            // The one that covers the oldest moment stays.
            let gone = stretches.partition_point(|s| s.from <= oldest).saturating_sub(1);
            stretches.drain(..gone.max(stretches.len().saturating_sub(MOST_STRETCHES)));
            // A component that is not configured any more ends with an unknown stretch.
            !matches!(stretches.as_slice(), [only] if only.status == ComponentStatus::Unknown && only.from <= oldest)
        });
        let oldest = now - KEEP_INCIDENTS;
        self.incidents.retain(|_, i| i.resolved.is_none_or(|at| at >= oldest));
        while self.incidents.len() > MOST_INCIDENTS {
            let Some(id) = self.incidents.iter().find(|(_, i)| i.resolved.is_some()).map(|(id, _)| *id)
            else {
                break;
            };
            self.incidents.remove(&id);
        }
        self.forget_words();
    }

    fn stretch(&mut self, name: &Name, new: Stretch) -> bool {
        push(self.stretches.entry(name.to_string()).or_default(), new)
    }

    fn incidents(&mut self, state: &State, statuses: &BTreeMap<Name, ComponentStatus>, wall: Wall) -> bool {
        let own = Own::of(state, statuses, wall);
        let mut changed = false;
        for incident in state.open_incidents() {
            let known = self.incidents.get(&incident.id);
            let last = known.and_then(|i| i.updates.last());
            let affected = own.affected(incident);
            // That an acknowledgement has lapsed is for the team. The public was told that somebody works on it, and hears no
            // less until that is over.
            let open = known.is_some_and(|i| i.resolved.is_none());
            let worked_on = open && last.is_some_and(|u| u.stage == Stage::Investigating);
            let stage =
                if incident.is_acknowledged() || worked_on { Stage::Investigating } else { Stage::Noticed };
            let update = Update { at: wall, stage, affected };
            let is_hurt = update.affected.iter().any(|a| a.status.is_hurt());
            let room = self.incidents.len() < 2 * MOST_INCIDENTS;
            match self.incidents.get_mut(&incident.id) {
                None if !is_hurt || !room => {}
                None => {
                    let mut new = PublicIncident::new(wall, None);
                    new.told(update);
                    self.incidents.insert(incident.id, new);
                    changed = true;
                }
                // What is back and held still is published when it lasts, as it was the first time.
                Some(known) if known.resolved.is_some() && !known.worst.is_empty() && !is_hurt => {}
                Some(known) => {
                    // Of what touches no component only people know anything.
                    let unmeasured = known.worst.is_empty() && !is_hurt;
                    let last = known.updates.last();
                    let as_before =
                        last.is_some_and(|last| last.stage == stage && last.affected == update.affected);
                    if known.resolved.take().is_some() || !(as_before || unmeasured) {
                        if !unmeasured {
                            known.told(update);
                        }
                        changed = true;
                    }
                }
            }
        }
        for (id, known) in &mut self.incidents {
            let incident = state.incident(*id);
            if incident.is_some_and(|i| !i.is_resolved()) {
                continue;
            }
            let ended = known.resolved.is_some();
            if ended && known.left().is_empty() {
                continue;
            }
            // A person's word is no measurement: until it is measured well, that is not said. Nor is it of what has been put
            // away meanwhile: who ended that is not known any more.
            let left = match incident.map(|i| (i, &i.status)) {
                Some((i, Status::Resolved { by: Some(_), .. })) => own.left(i, &known.worst),
                // Nor is that a check is gone.
                Some((i, _)) if i.unwatched => own.left(i, &known.worst),
                Some(_) => Vec::new(),
                None => own.left_by_all(&known.worst, ended),
            };
            if !known.worst.is_empty() && (!ended || left.is_empty()) {
                known.told(Update { at: wall, stage: Stage::Resolved, affected: left });
                changed = true;
            }
            changed |= known.resolved.is_none();
            known.resolved = known.resolved.or(Some(wall));
        }
        changed
    }
}

/// Whether it is known how everything behind a component is, as far as anything measures it; `None` where a check has no result
/// yet.
fn is_measured(state: &State, component: &Name, known: &BTreeMap<&Name, Measured>) -> Option<bool> {
    let behind = state.setup.components.get(component).map_or(&[][..], Vec::as_slice);
    match behind.iter().filter_map(|entity| known.get(entity)).max() {
        Some(Measured::Known) => Some(true),
        Some(Measured::NotYet) => None,
        Some(Measured::Unknown | Measured::Nothing) | None => Some(false),
    }
}

/// Adds a stretch if it is another status; moments never go backwards. Where a clock was ahead and has been put right, what
/// came meanwhile was no later than now: an outage that began then is one from now on.
fn push(stretches: &mut Vec<Stretch>, new: Stretch) -> bool {
    let ahead = stretches.partition_point(|s| s.from <= new.from);
    let put_right = ahead < stretches.len();
    stretches.iter_mut().skip(ahead).for_each(|s| s.from = new.from);
    match stretches.last_mut() {
        Some(last) if last.status == new.status => put_right,
        Some(last) if new.from <= last.from => {
            last.status = new.status;
            true
        }
        _ => {
            stretches.push(new);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_outlives_a_clock_that_was_ahead() {
        use ComponentStatus::{MajorOutage, Operational};
        let mut all = Vec::new();
        for (minute, status, changed) in [
            (0, Operational, true),
            (60, MajorOutage, true),
            (2, MajorOutage, true),
            (3, MajorOutage, false),
            (5, Operational, true),
        ] {
            let from = Wall(0) + Span::mins(minute);
            assert_eq!(push(&mut all, Stretch { from, status }), changed, "{minute}");
        }
        let told: Vec<_> = all.iter().map(|s| (s.from.0 / 60_000, s.status)).collect();
        assert_eq!(told, [(0, Operational), (2, MajorOutage), (5, Operational)]);
    }
}
