//! What people have told the public.

use crate::incident::IncidentId;
use crate::state::State;
use crate::time::Wall;
use crate::update::{MOST_TOLD, StatusUpdate, Told};
use alloc::sync::Arc;
use alloc::vec::Vec;

impl State {
    pub(super) fn tell_public(&mut self, id: IncidentId, update: StatusUpdate) {
        let opened = self.incident(id).map(|i| i.opened.wall);
        if let Some(opened) = opened.or_else(|| self.told.get(&id).map(|t| t.opened)) {
            self.edit_told(id, opened, |told| told.updates.push(Arc::new(update)));
        }
    }

    pub(super) fn correct_told(
        &mut self,
        id: IncidentId,
        number: u32,
        correct: impl FnOnce(&mut StatusUpdate),
    ) {
        let Some(told) = self.told.get(&id) else { return };
        let (opened, place) = (told.opened, (number as usize).wrapping_sub(1));
        self.edit_told(id, opened, |told| {
            if let Some(update) = told.updates.get_mut(place) {
                correct(Arc::make_mut(update));
            }
        });
    }

    pub(super) fn edit_told(&mut self, id: IncidentId, opened: Wall, edit: impl FnOnce(&mut Told)) {
        let known = self.told.get(&id).map(|told| (**told).clone());
        let mut told = known.unwrap_or(Told { opened, ended: None, updates: Vec::new() });
        edit(&mut told);
        self.told.insert_mut(id, Arc::new(told));
        while self.told.size() > MOST_TOLD {
            let oldest = self.told.iter().find(|(_, told)| told.ended.is_some()).map(|(id, _)| *id);
            let Some(oldest) = oldest else { break };
            self.told.remove_mut(&oldest);
        }
    }
}
