//! What became of a page: tried again, or the next contact taken while it is still tried.

use super::Draft;
use crate::event::{Event, Others};
use crate::input::Answer;
use crate::page::{NOTICE_ATTEMPTS, Outcome, Page, PageKey, PageKind, backoff};
use crate::words::Name;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

impl Draft<'_> {
    pub(super) fn delivered(&mut self, key: &PageKey, channel: Option<&Name>, outcome: &Outcome) -> Answer {
        let accepted = matches!(outcome, Outcome::Accepted { .. });
        let by_that = |p: &&Arc<Page>| channel.is_none_or(|c| *c == p.channel);
        let Some(page) = self.state.pages.get(key).filter(by_that).cloned() else {
            // Superseded while it was on its way, or by another channel now: still a line in the timeline, if there is one.
            if self.state.incident(key.incident).is_some() {
                self.emit(Event::PageAttempted {
                    key: key.clone(),
                    channel: channel.cloned().unwrap_or_else(|| self.channel_of(key)),
                    attempt: 1,
                    outcome: outcome.clone(),
                    retry: None,
                });
                if accepted {
                    self.tell_late(key);
                }
            }
            return Answer::Already;
        };
        let attempt = page.attempts + 1;
        if !accepted && page.due_at().is_none() {
            // Another attempt under the same key was accepted meanwhile: a late failure does not undo that.
            let (channel, outcome) = (page.channel.clone(), outcome.clone());
            self.emit(Event::PageAttempted { key: key.clone(), channel, attempt, outcome, retry: None });
            return Answer::Already;
        }
        let retry = Some(self.now.mono + backoff(attempt, outcome)).filter(|_| !accepted);
        self.emit(Event::PageAttempted {
            key: key.clone(),
            channel: page.channel.clone(),
            attempt,
            outcome: outcome.clone(),
            retry,
        });
        if key.kind != PageKind::Page {
            if !accepted && attempt >= NOTICE_ATTEMPTS {
                let why = format!("{attempt} attempts to tell {} failed", key.person);
                self.emit(Event::PageDropped { key: key.clone(), why });
            }
        } else if let Outcome::Failed { error } = outcome
            && !page.passed_over
        {
            self.pass_over(key, &format!("{} failed for good: {error}", page.channel));
        }
        Answer::Done
    }

    /// The file was read again: a token may be another, a provider's address right.
    pub(super) fn try_again(&mut self) {
        if self.state.pages.values().any(|p| p.waits_to_be_tried_again(self.now.mono)) {
            self.emit(Event::RetriesHastened { why: "the configuration was read again".to_string() });
        }
    }

    fn channel_of(&self, key: &PageKey) -> Name {
        let contact =
            self.state.setup.people.get(&key.person).and_then(|p| p.contacts.get(usize::from(key.contact)));
        contact.map(|c| c.channel.clone()).unwrap_or_default()
    }

    /// A contact has not taken its page in time.
    pub(super) fn contact_late(&mut self, key: &PageKey) {
        let channel = self.state.pages.get(key).map(|p| p.channel.clone()).unwrap_or_default();
        let wait = self.state.setup.timing.pass_over;
        self.pass_over(key, &format!("{channel} has not accepted it for {wait}"));
    }

    /// The person's next contact is used now; when there is none, and nobody else of the step is left to hope for, the
    /// next step.
    fn pass_over(&mut self, key: &PageKey, why: &str) {
        let same_turn = |p: &&Page| {
            PageKey { contact: p.key.contact, ..key.clone() } == p.key && p.key.contact != key.contact
        };
        let others: Vec<&Page> = self.state.pages_of(key.incident).filter(same_turn).collect();
        let left = others.iter().filter(|p| !p.passed_over);
        let next = left.clone().filter(|p| p.key.contact > key.contact && p.attempts == 0);
        let next = next.map(|p| (p.key.contact, self.now.mono)).min();
        let others = if others.iter().any(|p| p.due_at().is_none()) {
            Others::Accepted
        } else if left.count() > 0 {
            Others::Tried
        } else {
            Others::Exhausted
        };
        let (key, others) = (key.clone(), Some(others));
        self.emit(Event::ContactPassedOver { key: key.clone(), next, others, why: why.to_string() });
        self.hasten_if_hopeless(key.incident);
    }
}
