//! The alerts at hand.
//!
//! They are kept in the order in which they came, with an index by key beside it. New alerts then share the last leaf of
//! the list, whereas keys are hashes: kept by key, each new alert would copy a leaf of its own, and with it touch thirty
//! others all over the memory.

use crate::alert::Alert;
use crate::labels::AlertKey;
use crate::map::Map;
use crate::time::Mono;
use alloc::sync::Arc;
use core::fmt;

/// Where an alert is in the order in which they came. It keeps its place for as long as it is held.
pub type Place = u64;

/// Alerts by key, in the order in which they came.
#[derive(Clone, Default)]
pub struct Alerts {
    places: Map<AlertKey, Place>,
    list: Map<Place, (Arc<Alert>, Option<Mono>)>,
    last: Place,
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
        self.at(self.place(key)?)
    }

    /// The alert of a place.
    #[must_use]
    pub fn at(&self, place: Place) -> Option<&Arc<Alert>> {
        self.list.get(&place).map(|(a, _)| a)
    }

    /// Where the alert of a key is.
    #[must_use]
    pub fn place(&self, key: &AlertKey) -> Option<Place> {
        self.places.get(key).copied()
    }

    /// When the alert of a place must have been repeated, if its sender repeats it.
    #[must_use]
    pub fn expires(&self, place: Place) -> Option<Mono> {
        self.list.get(&place)?.1
    }

    /// In the order in which they came.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Arc<Alert>> {
        self.list.values().map(|(a, _)| a)
    }

    /// In the order in which they came, with their places and when they must have been repeated.
    pub fn entries(&self) -> impl Iterator<Item = (Place, &Arc<Alert>, Option<Mono>)> {
        self.list.iter().map(|(place, (a, expires))| (*place, a, *expires))
    }

    /// The place that was given last.
    #[must_use]
    pub fn last(&self) -> Place {
        self.last
    }

    /// The place of a key, which is a new one if it has none.
    pub fn place_mut(&mut self, key: AlertKey) -> Place {
        self.place(&key).unwrap_or_else(|| {
            self.last += 1;
            self.places.insert_mut(key, self.last);
            self.last
        })
    }

    /// Adds an alert of a key that has no place yet to the end of the list. Returns its place.
    pub fn push_mut(&mut self, alert: Arc<Alert>, expires: Option<Mono>) -> Place {
        self.last += 1;
        self.places.insert_mut(alert.key, self.last);
        self.put_mut(self.last, alert, expires);
        self.last
    }

    /// Puts an alert into the place of its key, from [`Alerts::place_mut`].
    pub fn put_mut(&mut self, place: Place, alert: Arc<Alert>, expires: Option<Mono>) {
        self.list.insert_mut(place, (alert, expires));
    }

    /// Puts back what was stored, in its order.
    pub fn restore_mut(&mut self, place: Place, alert: Arc<Alert>, expires: Option<Mono>) {
        self.last = self.last.max(place);
        self.places.insert_mut(alert.key, place);
        self.put_mut(place, alert, expires);
    }

    /// Places up to this one have been given.
    pub fn given_mut(&mut self, last: Place) {
        self.last = self.last.max(last);
    }

    /// An alert must have been repeated by then.
    pub fn expire_mut(&mut self, place: Place, expires: Option<Mono>) {
        if let Some(entry) = self.list.get_mut(&place) {
            entry.1 = expires;
        }
    }

    /// Takes an alert out.
    pub fn remove_mut(&mut self, key: &AlertKey) {
        if let Some(place) = self.place(key) {
            self.places.remove_mut(key);
            self.list.remove_mut(&place);
        }
    }
}

impl PartialEq for Alerts {
    fn eq(&self, other: &Alerts) -> bool {
        self.last == other.last && self.list == other.list
    }
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.values().map(|a| (a.key, a))).finish()
    }
}
