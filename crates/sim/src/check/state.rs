//! What the state has counted, counted again; what the journal gives, folded again.

use super::{Checker, Invariant};
use foghorn_core::State;
use foghorn_core::incident::{Incident, Phase, Status};
use foghorn_core::update::MOST_TOLD;
use foghorn_core::words::Urgency;
use foghorn_engine::Engine;
use std::collections::{BTreeMap, BTreeSet};

impl Checker {
    /// The state in effect, the journal and the checkers' book say the same.
    pub(crate) fn compare(&mut self, engine: &Engine) {
        let (saved, seq) = engine.saved();
        self.counts(engine.state());
        if seq != self.book.seq {
            return;
        }
        let same = *saved == self.shadow;
        let what = if same { String::new() } else { difference(saved, &self.shadow) };
        self.holds(Invariant::Replay, same, || what);
        self.agrees(saved);
        if !self.degraded {
            self.silent_senders();
        }
    }

    /// A snapshot gives the same state, with all its indexes; now and then by way of its stored form. After a start
    /// this is known already: what was compared then had been made of a snapshot and the rest.
    pub(crate) fn stored(&mut self, engine: &Engine) {
        let (state, seq) = engine.saved();
        if seq != self.book.seq {
            return;
        }
        let back = if self.batches.is_multiple_of(64) {
            let text = serde_json::to_string(&state.snapshot());
            text.ok().and_then(|t| serde_json::from_str(&t).ok()).map(State::from_snapshot)
        } else {
            Some(State::from_snapshot(state.snapshot()))
        };
        let same = back.as_ref() == Some(state);
        self.holds(Invariant::Replay, same, || {
            format!(
                "a snapshot: {}",
                back.map_or_else(|| "unreadable".to_string(), |b| difference(state, &b))
            )
        });
    }

    /// What was promised is in the state: the same alerts are open, the same incidents acknowledged.
    fn agrees(&mut self, state: &State) {
        let open: BTreeSet<_> = state.alerts.values().filter(|a| a.status.is_open()).map(|a| a.key).collect();
        let same = open.iter().eq(self.book.alerts.keys());
        self.holds(Invariant::SavedIsDurable, same, || {
            format!("{} alerts are open, by the journal it should be others", open.len())
        });
        let here: Vec<_> =
            state.incidents.values().map(|i| (i.id, i.is_acknowledged(), !i.is_resolved())).collect();
        let there: Vec<_> =
            self.book.incidents.iter().map(|(id, c)| (*id, c.acked.is_some(), c.open)).collect();
        self.holds(Invariant::SavedIsDurable, here == there, || format!("{here:?} against {there:?}"));
    }

    fn counts(&mut self, state: &State) {
        for incident in state.incidents.values() {
            let wrong = miscounted(state, incident);
            self.holds(Invariant::Counts, wrong.is_none(), || wrong.unwrap_or_default());
        }
        let mut open: BTreeMap<&str, u32> = BTreeMap::new();
        for (place, alert, _) in state.alerts.entries() {
            let there = state.incident(alert.incident).is_some_and(|i| i.alerts.contains(&place));
            self.holds(Invariant::Bounded, there, || format!("{:?} is in no incident", alert.labels));
            *open.entry(&alert.source).or_default() += u32::from(alert.status.is_open());
        }
        for (name, source) in state.sources.iter() {
            let n = open.get(name.as_str()).copied().unwrap_or(0);
            self.holds(Invariant::Counts, n == source.open, || {
                format!("{name} has {n} alerts open and counts {}", source.open)
            });
        }
        for page in state.pages.values() {
            let there = state.incident(page.key.incident).is_some();
            self.holds(Invariant::Bounded, there, || format!("{} belongs to nothing", page.key));
        }
        let known = state.incidents.size() <= self.book.incidents.len() || self.degraded;
        self.holds(Invariant::Bounded, known, || "incidents that are over are still held".to_string());
        let told = state.told.size();
        self.holds(Invariant::Bounded, told <= MOST_TOLD, || {
            format!("what {told} incidents were told of is held")
        });
    }

    /// At the end, when all is well.
    pub(crate) fn rests(&mut self, engine: &Engine) {
        let state = engine.state();
        let left = [
            ("incidents", state.incidents.size()),
            ("alerts", state.alerts.size()),
            ("pages", state.pages.size()),
            ("pages due", state.pending_pages()),
            ("inputs queued", engine.queued()),
        ];
        // What the disk has lost, its sender takes for said.
        let damaged = self.damaged;
        for (what, n) in left.into_iter().filter(|_| !damaged) {
            self.holds(Invariant::ComesToRest, n == 0, || {
                let which: Vec<String> =
                    state.incidents.values().take(3).map(|i| format!("{:?}", i.head)).collect();
                format!("{n} {what} are left: {which:#?}")
            });
        }
        let degraded = self.degraded;
        self.holds(Invariant::ComesToRest, !degraded, || "still degraded".to_string());
        let said = self.words.values().filter(|w| !w.source.is_empty() && !w.is_over()).count();
        self.holds(Invariant::ComesToRest, said == 0 || damaged, || {
            format!("{said} troubles were never said to be over")
        });
        self.compare(engine);
        self.stored(engine);
    }
}

/// The first count of an incident that is wrong.
fn miscounted(state: &State, i: &Incident) -> Option<String> {
    let alerts: Vec<_> = i.alerts.iter().filter_map(|place| state.alerts.at(*place)).collect();
    let open = || alerts.iter().filter(|a| a.status.is_open());
    let counted = || open().filter(|a| a.muted.is_none() && a.held_until.is_none());
    let mut by_severity = [0; 3];
    let mut by_urgency = [0; 3];
    for a in counted() {
        by_severity[a.severity as usize] += 1;
        by_urgency[a.urgency as usize] += 1;
    }
    let mut entities: BTreeSet<&str> = counted().filter_map(|a| a.entity.as_deref()).collect();
    // A person who opened it named an entity: it counts as long as that is not contradicted by its own alerts.
    if i.own.is_some() {
        entities.extend(i.entities.iter().filter(|(_, n)| **n > 0).map(|(e, _)| e.as_str()));
    }
    let muted = open().filter(|a| a.muted.is_some()).count();
    let held = open().filter(|a| a.muted.is_none() && a.held_until.is_some()).count();
    let ended = alerts.iter().filter(|a| !a.status.is_open()).count();
    let checks = [
        ("alerts", i.alerts.size() == alerts.len()),
        ("by_severity", i.by_severity == by_severity),
        ("by_urgency", i.by_urgency == by_urgency),
        ("width", i.width as usize == entities.len()),
        ("muted", i.muted as usize == muted),
        ("held", i.held as usize == held),
        ("ended", i.ended as usize == ended),
        ("a timer", must_go_on(i)),
    ];
    let (what, _) = checks.into_iter().find(|(_, ok)| !ok)?;
    Some(format!("incident {}: {what}: {:?}", i.id, i.head))
}

/// An incident that asks for somebody is being escalated, or has been to the end.
fn must_go_on(i: &Incident) -> bool {
    let idle = i.status == Status::Open && i.escalation.phase == Phase::Idle;
    !idle || i.urgency() == Urgency::None
}

/// Where two states differ, in short.
fn difference(a: &State, b: &State) -> String {
    let (a, b) = (format!("{a:#?}"), format!("{b:#?}"));
    let lines = a.lines().zip(b.lines()).enumerate().filter(|(_, (x, y))| x != y).take(6);
    let shown: Vec<String> =
        lines.map(|(n, (x, y))| format!("line {n}: {} | {}", x.trim(), y.trim())).collect();
    if shown.is_empty() {
        format!("{} against {} lines", a.lines().count(), b.lines().count())
    } else {
        shown.join("; ")
    }
}
