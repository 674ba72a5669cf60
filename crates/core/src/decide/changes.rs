//! What was changed in production, as told.

use super::Draft;
use crate::change::Change;
use crate::event::Event;
use crate::time::Span;

/// Whoever has had no answer, or was told to try again, says the same again: within this time it is no second change.
const SAME: Span = Span::mins(1);

impl Draft<'_> {
    pub(super) fn changed(&mut self, change: &Change) {
        let same = |known: &Change| {
            known.at.0.abs_diff(change.at.0) <= SAME.0 && Change { at: change.at, ..known.clone() } == *change
        };
        if !self.state.changes.iter().any(|known| same(known)) {
            self.emit(Event::ChangeRecorded { change: change.clone() });
        }
    }
}
