//! By which of their contacts people have been paged, when these change places in the configuration.

use crate::incident::IncidentId;
use crate::setup::{Contact, Setup};
use crate::state::State;
use crate::words::Name;
use alloc::vec::Vec;

/// As many contacts of a person are told apart.
const MOST: u32 = u64::BITS;

impl State {
    /// A bit of [`Incident::paged`](crate::incident::Incident::paged) is a contact's place in a person's list: it moves with it.
    pub(super) fn follow_contacts(&mut self, setup: &Setup) {
        let moved: Vec<(&Name, &[Contact], &[Contact])> = self
            .setup
            .people
            .iter()
            .filter_map(|(name, then)| Some((name, &*then.contacts, &*setup.people.get(name)?.contacts)))
            .filter(|(_, then, now)| then != now)
            .collect();
        let mut edits: Vec<(IncidentId, Name, u64)> = Vec::new();
        for incident in self.incidents.values() {
            for (name, then, now) in &moved {
                if let Some(used) = incident.paged.get(*name) {
                    let new = follow(*used, then, now);
                    edits.extend((new != *used).then(|| (incident.id, (*name).clone(), new)));
                }
            }
        }
        for (id, name, used) in edits {
            self.edit_incident(id, |i| i.paged.insert_mut(name, used));
        }
    }
}

/// The places of the same contacts: by their channels, as the addresses are not known here. Where none of them is left all
/// are, as better all than none.
fn follow(used: u64, then: &[Contact], now: &[Contact]) -> u64 {
    let mut new = 0;
    for (place, contact) in (0..MOST).zip(then).filter(|(place, _)| used & (1 << place) != 0) {
        let same = |c: &Contact| c.channel == contact.channel;
        let stays = now.get(place as usize).is_some_and(same);
        let at = if stays { Some(place as usize) } else { now.iter().position(same) };
        new |= at.filter(|at| *at < MOST as usize).map_or(0, |at| 1 << at);
    }
    if new == 0 && used != 0 { u64::MAX } else { new }
}
