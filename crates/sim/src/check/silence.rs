//! The checkers' own silences: from when until when, for what.

use foghorn_core::State;
use foghorn_core::labels::Labels;
use foghorn_core::silence::Silence;
use foghorn_core::time::Wall;
use foghorn_core::words::Name;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub(crate) label: Option<(String, String)>,
    pub(crate) entities: BTreeSet<Name>,
    pub(crate) starts: Wall,
    pub(crate) ends: Wall,
    pub(crate) relative: bool,
    /// In the journal, as far as was said.
    pub(crate) saved: bool,
    /// Ended by a person, which is not saved.
    pub(crate) gone: bool,
}

impl Own {
    fn active(&self, at: Wall) -> bool {
        !self.gone && self.starts <= at && at < self.ends
    }

    fn covers(&self, labels: &Labels, entity: Option<&Name>) -> bool {
        let label = self.label.as_ref().is_none_or(|(k, v)| labels.get(k) == Some(v));
        label && (self.entities.is_empty() || entity.is_some_and(|e| self.entities.contains(e)))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Quiet {
    all: BTreeMap<Name, Own>,
    /// Which were active when last looked at.
    active: BTreeSet<Name>,
}

impl Quiet {
    pub(crate) fn put(&mut self, id: Name, own: Own) {
        self.all.insert(id, own);
    }

    pub(crate) fn end(&mut self, id: &Name, saved: bool) {
        if saved {
            self.all.remove(id);
        } else if let Some(own) = self.all.get_mut(id) {
            own.gone = true;
        }
    }

    /// Whether other silences count now than when last asked.
    pub(crate) fn moved(&mut self, at: Wall) -> bool {
        if self.all.is_empty() && self.active.is_empty() {
            return false;
        }
        let now: BTreeSet<Name> =
            self.all.iter().filter(|(_, s)| s.active(at)).map(|(n, _)| n.clone()).collect();
        let moved = now != self.active;
        self.active = now;
        moved
    }

    pub(crate) fn covers(&self, at: Wall, labels: &Labels, entity: Option<&Name>) -> bool {
        self.all.values().any(|s| s.active(at) && s.covers(labels, entity))
    }

    /// The wall clock was set, and it was noticed: what was given as a length of time moves along.
    pub(crate) fn step(&mut self, by: i64) {
        for s in self.all.values_mut().filter(|s| s.relative) {
            s.starts.0 += by;
            s.ends.0 += by;
        }
    }

    pub(crate) fn all_saved(&mut self) {
        self.all.retain(|_, s| !s.gone);
        self.all.values_mut().for_each(|s| s.saved = true);
    }

    /// The process died: only what the journal holds, said or not, is left.
    pub(crate) fn forget_unsaved(&mut self, journal: &BTreeSet<Name>) {
        self.all.retain(|id, s| s.saved || journal.contains(id));
        self.all.values_mut().for_each(|s| (s.saved, s.gone) = (true, false));
    }

    /// After the disk lost something: what the journal still has, with the times that it has. That may be one whose end was
    /// lost.
    pub(crate) fn follow(&mut self, journal: &State) {
        let own = |s: &Silence| Own {
            label: s.matchers.first().map(|m| (m.name.clone(), m.value.clone())),
            entities: s.entities.clone(),
            starts: s.starts,
            ends: s.ends,
            relative: s.relative,
            saved: true,
            gone: false,
        };
        self.all = journal.silences.iter().map(|(id, s)| (id.clone(), own(s))).collect();
    }
}
