//! The alerts at hand.
//!
//! They are kept in the order in which they came, with an index by key beside it. New alerts then share the last leaf of
//! the list, whereas keys are hashes: kept by key, each new alert would copy a leaf of its own, and with it touch thirty
//! others all over the memory.

use crate::alert::Alert;
use crate::labels::AlertKey;
use crate::map::Map;
use alloc::sync::Arc;
use core::fmt;

/// Alerts by key, in the order in which they came.
#[derive(Clone, Default)]
pub struct Alerts {
    places: Map<AlertKey, u64>,
    list: Map<u64, Arc<Alert>>,
    next: u64,
}

impl Alerts {
    /// How many.
    #[must_use]
    pub fn size(&self) -> usize {
        self.list.size()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The alert of a key.
    #[must_use]
    pub fn get(&self, key: &AlertKey) -> Option<&Arc<Alert>> {
        self.list.get(self.places.get(key)?)
    }

    /// In the order in which they came.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Arc<Alert>> {
        self.list.values()
    }

    /// Puts an alert in the place of what had its key.
    pub fn insert_mut(&mut self, alert: Arc<Alert>) {
        let place = self.places.get(&alert.key).copied().unwrap_or_else(|| {
            self.next += 1;
            self.places.insert_mut(alert.key, self.next);
            self.next
        });
        self.list.insert_mut(place, alert);
    }

    /// Takes an alert out. Returns whether it was there.
    pub fn remove_mut(&mut self, key: &AlertKey) -> bool {
        let Some(place) = self.places.get(key).copied() else { return false };
        self.places.remove_mut(key);
        self.list.remove_mut(&place)
    }
}

/// The same alerts, in whatever order they came.
impl PartialEq for Alerts {
    fn eq(&self, other: &Alerts) -> bool {
        self.size() == other.size() && self.places.keys().all(|k| self.get(k) == other.get(k))
    }
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.values().map(|a| (a.key, a))).finish()
    }
}
