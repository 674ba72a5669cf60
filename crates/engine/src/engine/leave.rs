//! Pages that are due leave, each channel's within its share, and none twice.

use super::{Command, Engine};
use crate::batch::Queued;
use foghorn_core::input::Input;
use foghorn_core::page::Page;
use foghorn_core::time::{Mono, Now};

/// Due pages that are looked through for one whose channel has room. Behind so many of one that hangs, others wait until
/// its retries have made room.
const MOST_LOOKED_AT: usize = 10_000;

impl Engine {
    /// When the next page that may leave is due: one that is not on its way, by a channel that has room.
    pub(super) fn look_for_page(&self) -> Option<Mono> {
        self.may_leave(Mono(u64::MAX)).next().and_then(Page::due_at)
    }

    /// What is due at a moment, or before, and not on its way, where its channel has room.
    pub(super) fn may_leave(&self, at: Mono) -> impl Iterator<Item = &Page> {
        let due = self.state().due_pages(at).take(MOST_LOOKED_AT);
        due.filter(|p| self.sending.of(&p.channel) < self.limits.sending_by_one && !self.sending.contains(p))
    }

    /// Hands out the pages that are due and not on their way.
    pub(super) fn send_due(&mut self, now: Now, out: &mut Vec<Command>) {
        let deadline = self.limits.send_deadline.0;
        while now.mono.0.checked_sub(deadline).is_some_and(|last| self.sending.forget_oldest(Mono(last))) {
            self.next_page = None;
        }
        let next = self.next_page.unwrap_or_else(|| self.look_for_page());
        self.next_page = Some(next);
        if next.is_none_or(|at| at > now.mono) {
            return;
        }
        let room = self.limits.sending.saturating_sub(self.sending.len());
        let due: Vec<Page> = self.may_leave(now.mono).take(room).cloned().collect();
        // As many leave by one channel as it has room for.
        for page in due {
            self.next_page = None;
            if self.sending.of(&page.channel) < self.limits.sending_by_one {
                self.sending.put(&page, now.mono);
                self.stats.sent += 1;
                out.push(Command::Send(page.key));
            }
        }
    }

    /// What is in flight takes effect in memory.
    pub(super) fn forget_in_flight(&mut self) {
        if let Some(f) = self.flight.take() {
            self.forget_sent(&f.batch.inputs);
            self.flight = Some(f);
        }
    }

    /// The outcomes of these pages are in effect: they may be due again. Those that were in effect in memory before have
    /// been forgotten then, and their pages may be on their way again; so may a page that left after an outcome came
    /// which was that of an earlier attempt.
    pub(super) fn forget_sent(&mut self, inputs: &[Queued]) {
        for q in inputs.iter().filter(|q| !q.late) {
            if let Input::Delivered { key, channel, .. } = &q.input
                && self.sending.since(key, channel.as_ref()).is_some_and(|since| since <= q.at.mono)
            {
                self.sending.remove(key);
                self.next_page = None;
            }
        }
    }
}
