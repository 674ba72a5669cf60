//! What waits to be decided, and whose turn it is.

use crate::batch::Queued;
use crate::handle::Class;
use foghorn_core::input::Input;
use std::collections::VecDeque;

/// While both wait, one of so many is not of [`Class::Paging`]: a flood of outcomes must not keep every alert waiting.
const ONE_OF: u8 = 8;

/// Whom a batch has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Everybody.
    Any,
    /// What must be decided now.
    Paging,
    /// Nobody.
    Full,
}

/// Inputs in the order in which they came, and those of [`Class::Paging`] before the others: whoever answers a page does not
/// wait behind a flood of alerts.
#[derive(Default)]
pub(crate) struct Queue {
    paging: VecDeque<Queued>,
    others: VecDeque<Queued>,
    /// So many have gone before the others in a row.
    ahead: u8,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.paging.len() + self.others.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn of(&mut self, class: Class) -> &mut VecDeque<Queued> {
        if class == Class::Paging { &mut self.paging } else { &mut self.others }
    }

    pub(crate) fn push(&mut self, q: Queued) {
        self.of(q.class).push_back(q);
    }

    /// What was taken last is to be taken again.
    pub(crate) fn put_back(&mut self, q: Queued) {
        self.of(q.class).push_front(q);
    }

    /// What is due comes first; but not before Foghorn knows that it was away.
    pub(crate) fn push_due(&mut self, tick: Queued) {
        let starts = self.paging.front().is_some_and(|q| matches!(q.input, Input::Start { .. }));
        self.paging.insert(usize::from(starts), tick);
    }

    /// Whether there is something that such a batch may take.
    pub(crate) fn has(&self, room: Room) -> bool {
        match room {
            Room::Any => !self.is_empty(),
            Room::Paging => !self.paging.is_empty(),
            Room::Full => false,
        }
    }

    pub(crate) fn pop(&mut self, room: Room) -> Option<Queued> {
        match room {
            Room::Any if self.paging.is_empty() || self.ahead + 1 >= ONE_OF && !self.others.is_empty() => {
                self.ahead = 0;
                self.others.pop_front()
            }
            Room::Any => {
                self.ahead = if self.others.is_empty() { 0 } else { self.ahead + 1 };
                self.paging.pop_front()
            }
            Room::Paging => self.paging.pop_front(),
            Room::Full => None,
        }
    }
}
