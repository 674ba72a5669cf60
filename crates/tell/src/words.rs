//! What people wrote for the public, taken over from the state.

use crate::ledger::{KEEP_INCIDENTS, Ledger, MOST_INCIDENTS, PublicIncident};
use foghorn_core::State;
use foghorn_core::incident::Status;
use foghorn_core::time::Wall;
use foghorn_core::update::{Stage, StatusUpdate};
use serde::{Deserialize, Serialize};

/// Bytes of all texts together; beyond, those of the oldest incidents that are over go.
const MOST_TEXT: usize = 2 << 20;

/// A status update, without who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// When.
    pub at: Wall,
    /// How far the work was.
    pub stage: Stage,
    /// The text; not yet escaped. Empty where it is withdrawn.
    pub text: String,
    /// What was made of it since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<Corrected>,
}

/// That it said something else before: the public is not told what, but that it did, and when that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrected {
    /// When it was corrected last.
    pub at: Wall,
    /// How often.
    pub times: u32,
    /// Whether it is not to be read any more.
    pub withdrawn: bool,
}

impl From<&StatusUpdate> for Words {
    fn from(u: &StatusUpdate) -> Words {
        let corrected =
            u.corrected.as_ref().map(|c| Corrected { at: c.at, times: c.times, withdrawn: c.withdrawn });
        let text = if u.is_withdrawn() { String::new() } else { u.text.clone() };
        Words { at: u.at, stage: u.stage, text, corrected }
    }
}

impl Words {
    /// Whether it is not to be read any more.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.corrected.is_some_and(|c| c.withdrawn)
    }
}

impl PublicIncident {
    /// What people wrote and have not withdrawn, oldest first.
    pub(crate) fn said(&self) -> impl DoubleEndedIterator<Item = &Words> {
        self.words.iter().filter(|w| !w.is_withdrawn())
    }

    /// How far people say that the work on it is, while it is under way.
    pub(crate) fn under_way(&self) -> Option<Stage> {
        let last = self.said().next_back().map(|w| w.stage);
        last.filter(|s| self.resolved.is_none() && !matches!(s, Stage::Resolved | Stage::Postmortem))
    }

    fn text(&self) -> usize {
        self.words.iter().map(|w| w.text.len()).sum()
    }
}

impl Ledger {
    /// Takes over what has been written and corrected since it last listened; `true` if there was anything. What touches no component is
    /// told as well, if a person says so.
    pub(crate) fn listen(&mut self, state: &State, wall: Wall) -> bool {
        let mut changed = false;
        for (id, told) in state.told.iter().filter(|(_, told)| !told.updates.is_empty()) {
            let ended = state.incident(*id).map_or(told.ended, |i| match &i.status {
                Status::Resolved { at, .. } => Some(at.wall),
                _ => None,
            });
            let known = self.incidents.contains_key(id);
            let room = self.incidents.len() < 2 * MOST_INCIDENTS;
            let forgotten = ended.is_some_and(|at| at < wall - KEEP_INCIDENTS);
            if !known && (forgotten || !room) {
                continue;
            }
            let incident =
                self.incidents.entry(*id).or_insert_with(|| PublicIncident::new(told.opened, ended));
            let (heard, new) = told.updates.split_at(incident.heard.min(told.updates.len()));
            // Those that were forgotten are the first.
            let forgotten = heard.len().saturating_sub(incident.words.len());
            for (words, update) in incident.words.iter_mut().zip(heard.iter().skip(forgotten)) {
                if words.corrected.map_or(0, |c| c.times) != update.revision() {
                    *words = Words::from(&**update);
                    changed = true;
                }
            }
            changed |= !new.is_empty();
            incident.words.extend(new.iter().map(|u| Words::from(&**u)));
            incident.heard = incident.heard.max(told.updates.len());
        }
        changed
    }

    /// Keeps all texts together within [`MOST_TEXT`].
    pub(crate) fn forget_words(&mut self) {
        let mut room = MOST_TEXT;
        for incident in self.incidents.values_mut().rev() {
            let text = incident.text();
            if text <= room || incident.resolved.is_none() {
                room = room.saturating_sub(text);
            } else {
                room = 0;
                incident.words = Vec::new();
            }
        }
    }
}
