//! Pages on their way to a channel, and since when.

use foghorn_core::page::{Page, PageKey};
use foghorn_core::time::Mono;
use foghorn_core::words::Name;
use std::collections::{BTreeMap, BTreeSet};

/// By key, in the order in which they left, and how many each channel has.
#[derive(Default)]
pub(crate) struct Sending {
    since: BTreeMap<PageKey, (Mono, Name)>,
    order: BTreeSet<(Mono, PageKey)>,
    by_channel: BTreeMap<Name, usize>,
}

impl Sending {
    pub(crate) fn len(&self) -> usize {
        self.since.len()
    }

    /// By the channel that it has now; a reload may have given it another one.
    pub(crate) fn contains(&self, page: &Page) -> bool {
        self.since(&page.key, Some(&page.channel)).is_some()
    }

    /// How many a channel has.
    pub(crate) fn of(&self, channel: &Name) -> usize {
        self.by_channel.get(channel).copied().unwrap_or_default()
    }

    /// Since when a page is on its way by this channel; by any, if none is named.
    pub(crate) fn since(&self, key: &PageKey, channel: Option<&Name>) -> Option<Mono> {
        let (at, by) = self.since.get(key)?;
        channel.is_none_or(|c| c == by).then_some(*at)
    }

    /// Since when the one is that left first.
    pub(crate) fn oldest(&self) -> Option<Mono> {
        self.order.first().map(|(at, _)| *at)
    }

    /// It leaves now.
    pub(crate) fn put(&mut self, page: &Page, at: Mono) {
        self.insert(page.key.clone(), page.channel.clone(), at);
    }

    /// It counts as having left now, if it is on its way by this channel.
    pub(crate) fn renew(&mut self, key: &PageKey, channel: Option<&Name>, at: Mono) {
        if self.since(key, channel).is_some()
            && let Some(channel) = self.take(key)
        {
            self.insert(key.clone(), channel, at);
        }
    }

    /// Whether it was on its way.
    pub(crate) fn remove(&mut self, key: &PageKey) -> bool {
        self.take(key).is_some()
    }

    /// Forgets the one that left first, if that was at `last` or before. Returns whether there was such a one.
    pub(crate) fn forget_oldest(&mut self, last: Mono) -> bool {
        let oldest = self.order.first().filter(|(at, _)| *at <= last).map(|(_, key)| key.clone());
        oldest.is_some_and(|key| self.remove(&key))
    }

    fn insert(&mut self, key: PageKey, channel: Name, at: Mono) {
        self.remove(&key);
        *self.by_channel.entry(channel.clone()).or_default() += 1;
        self.order.insert((at, key.clone()));
        self.since.insert(key, (at, channel));
    }

    fn take(&mut self, key: &PageKey) -> Option<Name> {
        let (key, (at, channel)) = self.since.remove_entry(key)?;
        self.order.remove(&(at, key));
        if let Some(count) = self.by_channel.get_mut(&channel) {
            *count -= 1;
            if *count == 0 {
                self.by_channel.remove(&channel);
            }
        }
        Some(channel)
    }
}
