//! Pages on their way to a channel, and since when.

use foghorn_core::page::PageKey;
use foghorn_core::time::Mono;
use std::collections::{BTreeMap, BTreeSet};

/// By key, and in the order in which they left.
#[derive(Default)]
pub(crate) struct Sending {
    since: BTreeMap<PageKey, Mono>,
    order: BTreeSet<(Mono, PageKey)>,
}

impl Sending {
    pub(crate) fn len(&self) -> usize {
        self.since.len()
    }

    pub(crate) fn contains(&self, key: &PageKey) -> bool {
        self.since.contains_key(key)
    }

    /// Since when a page is on its way.
    pub(crate) fn since(&self, key: &PageKey) -> Option<Mono> {
        self.since.get(key).copied()
    }

    /// Since when the one is that left first.
    pub(crate) fn oldest(&self) -> Option<Mono> {
        self.order.first().map(|(at, _)| *at)
    }

    pub(crate) fn put(&mut self, key: PageKey, at: Mono) {
        self.remove(&key);
        self.order.insert((at, key.clone()));
        self.since.insert(key, at);
    }

    /// Whether it was on its way.
    pub(crate) fn remove(&mut self, key: &PageKey) -> bool {
        let since = self.since.remove_entry(key);
        since.map(|(key, at)| self.order.remove(&(at, key))).is_some()
    }

    /// Forgets the one that left first, if that was at `last` or before. Returns whether there was such a one.
    pub(crate) fn forget_oldest(&mut self, last: Mono) -> bool {
        let Some((at, key)) = self.order.pop_first() else { return false };
        if at > last {
            self.order.insert((at, key));
            return false;
        }
        self.since.remove(&key);
        true
    }
}
