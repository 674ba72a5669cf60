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

impl Draft<'_> {
    /// Each is settled: at once if they are few, next if they are many.
    pub(super) fn settle_all(&mut self, incidents: BTreeSet<IncidentId>) {
        if incidents.len() <= AT_ONCE {
            return incidents.into_iter().for_each(|id| self.settle(id));
        }
        self.plan_follow_up(incidents, Vec::new(), Vec::new());
    }

    /// The step of each is entered again.
    pub(super) fn enter_all_again(&mut self, incidents: BTreeSet<IncidentId>) {
        if incidents.len() <= AT_ONCE {
            return incidents.into_iter().for_each(|id| self.enter_again(id, CHANGED));
        }
        self.plan_follow_up(BTreeSet::new(), incidents.into_iter().collect(), Vec::new());
    }

    /// Each is paged for by the policy that the rules name now.
    pub(super) fn follow_all_policies(&mut self, incidents: Vec<IncidentId>) {
        if incidents.len() <= AT_ONCE {
            return incidents.into_iter().for_each(|id| self.follow_policy(id));
        }
        self.plan_follow_up(BTreeSet::new(), Vec::new(), incidents);
    }

    /// What waits for working hours is for whoever the rules name now.
    pub(super) fn wait_all_anew(&mut self, incidents: BTreeSet<IncidentId>, why: &str) {
        if incidents.len() <= AT_ONCE {
            return incidents.into_iter().for_each(|id| self.wait_anew(id, why));
        }
        self.plan_follow_up(incidents, Vec::new(), Vec::new());
    }

    fn plan_follow_up(
        &mut self,
        incidents: BTreeSet<IncidentId>,
        again: Vec<IncidentId>,
        by_rule: Vec<IncidentId>,
    ) {
        let incidents = incidents.into_iter().collect();
        self.emit(Event::FollowUpPlanned { incidents, again, by_rule });
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
