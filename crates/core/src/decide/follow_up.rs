//! What concerns many incidents at once, the end of a silence or a new configuration, is worked off one after another: all that
//! would be decided of them at one time may be more than the journal takes.

use super::Draft;
use crate::event::Event;
use crate::incident::IncidentId;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// As many incidents are looked at within one input.
const AT_ONCE: usize = 200;

/// Why, where it is not the silence's end that is told.
const CHANGED: &str = "the configuration changed";

/// What many incidents are looked at for.
#[derive(Clone, Copy)]
pub(super) enum Concern<'a> {
    /// Their alerts are not what they were.
    Alerts,
    /// Whom their step paged cannot be paged so any more.
    Step,
    /// The policy that the rules name is another.
    Policy,
    /// What waits for working hours is for somebody else, or for other hours, and why.
    Hours(&'a str),
}

impl Draft<'_> {
    /// Each has its turn: at once if they are few, next if they are many.
    pub(super) fn look_at_all(&mut self, incidents: BTreeSet<IncidentId>, concern: Concern<'_>) {
        if incidents.len() > AT_ONCE {
            let (ids, none) = (incidents.into_iter().collect(), Vec::new);
            let (incidents, again, by_rule) = match concern {
                Concern::Alerts | Concern::Hours(_) => (ids, none(), none()),
                Concern::Step => (none(), ids, none()),
                Concern::Policy => (none(), none(), ids),
            };
            return self.emit(Event::FollowUpPlanned { incidents, again, by_rule });
        }
        for id in incidents {
            match concern {
                Concern::Alerts => self.settle(id),
                Concern::Step => self.enter_again(id, CHANGED),
                Concern::Policy => self.follow_policy(id),
                Concern::Hours(why) => self.wait_anew(id, why),
            }
        }
    }

    /// An incident's turn.
    pub(super) fn follow_up(&mut self, id: IncidentId) {
        let Some(work) = self.state.follow_ups.get(&id).cloned() else { return };
        self.emit(Event::FollowedUp { id });
        self.settle(id);
        if work.again {
            self.enter_again(id, CHANGED);
        }
        if work.by_rule {
            self.follow_policy(id);
        }
        self.wait_anew(id, CHANGED);
    }
}
