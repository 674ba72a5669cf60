//! What the public is told by people.

use super::Draft;
use super::people::check_text;
use crate::event::Event;
use crate::incident::IncidentId;
use crate::input::{Answer, Refusal};
use crate::update::{
    LATE_UPDATES, LONGEST_UPDATE, MOST_CORRECTIONS, MOST_TOLD, MOST_UPDATES, Stage, StatusUpdate,
};
use crate::words::Actor;
use alloc::format;
use alloc::string::ToString;

impl Draft<'_> {
    /// Takes a person's words for the public. They count whatever the incident touches: a person may know of a trouble that
    /// nothing measures. *Resolved* ends the incident as well, so that the public and the team hear the same.
    pub(super) fn update_status(
        &mut self,
        id: IncidentId,
        by: &Actor,
        stage: Stage,
        text: &str,
    ) -> Result<Answer, Refusal> {
        let invalid = |why| Err(Refusal::Invalid { why });
        self.still_told(id)?;
        let state = &*self.state;
        let (incident, told) = (state.incident(id), state.told.get(&id));
        let open = incident.is_some_and(|i| !i.is_resolved());
        check_text("a status update", text, LONGEST_UPDATE)?;
        if state.setup.components.is_empty() {
            return invalid(
                "nobody would read it: no component of a status page is configured; add `status_page` to foghorn.yaml"
                    .to_string(),
            );
        }
        if open && stage == Stage::Postmortem {
            return invalid(format!(
                "incident {id} is not over, and a postmortem comes after: resolve it first"
            ));
        }
        let ends = open && stage == Stage::Resolved;
        let updates = told.map_or(&[][..], |t| &t.updates);
        let is_this = |u: &StatusUpdate| u.stage == stage && u.text == text && !u.is_withdrawn();
        let same = updates.last().is_some_and(|last| is_this(last));
        if same && !ends {
            return Ok(Answer::Already);
        }
        if updates.len() >= MOST_UPDATES {
            return invalid(format!("incident {id} has {MOST_UPDATES} status updates, and takes no more"));
        }
        // What is over makes room; what is open does not.
        if told.is_none() && state.told.size() >= MOST_TOLD && state.told.values().all(|t| t.ended.is_none())
        {
            return invalid(format!(
                "{MOST_TOLD} incidents with status updates are at hand: resolve some first"
            ));
        }
        self.emit(Event::StatusUpdated { id, by: by.clone(), stage, text: text.to_string() });
        if ends {
            self.resolve_by(id, by)?;
        }
        Ok(Answer::Done)
    }

    /// Takes a person's correction of what the public was told, or its withdrawal. The journal keeps what it said; whoever
    /// has not read what it says now is told so. It ends or opens no incident again: that is said in an update of its own.
    pub(super) fn correct_update(
        &mut self,
        id: IncidentId,
        number: u32,
        by: &Actor,
        revision: Option<u32>,
        text: Option<&str>,
    ) -> Result<Answer, Refusal> {
        self.still_told(id)?;
        let what = format!("status update {number} of incident {id}");
        let place = (number as usize).wrapping_sub(1);
        let Some(update) = self.state.updates(id).get(place) else {
            return Err(Refusal::NotFound { what });
        };
        if let Some(text) = text {
            check_text("a status update", text, LONGEST_UPDATE)?;
        }
        let done = match (&update.corrected, text) {
            (Some(c), None) => c.withdrawn,
            (Some(c), Some(text)) => !c.withdrawn && update.text == text,
            (None, text) => text == Some(update.text.as_str()),
        };
        if done {
            return Ok(Answer::Already);
        }
        let invalid = |why| Err(Refusal::Invalid { why });
        if let Some(last) = &update.corrected {
            if last.withdrawn {
                return invalid(format!("{what} is withdrawn: publish a new one"));
            }
            if revision.is_some_and(|seen| seen != last.times) {
                let who = self.called(&last.by.name);
                return Err(Refusal::Changed {
                    why: format!(
                        "{who} corrected {what} meanwhile: read what it says now, then correct that"
                    ),
                });
            }
            // What is public and wrong can always be taken back.
            if last.times >= MOST_CORRECTIONS && text.is_some() {
                return invalid(format!(
                    "{what} was corrected {MOST_CORRECTIONS} times: withdraw it, and publish a new one"
                ));
            }
        } else if revision.is_some_and(|seen| seen != 0) {
            return invalid(format!("{what} was never corrected: its revision is 0"));
        }
        let (by, was) = (by.clone(), update.text.clone());
        let text = text.map(ToString::to_string);
        self.emit(Event::StatusCorrected { id, number, by, text, was });
        Ok(Answer::Done)
    }

    /// Whether an incident still takes words for the public.
    fn still_told(&self, id: IncidentId) -> Result<(), Refusal> {
        let ended = self.state.told.get(&id).and_then(|t| t.ended);
        let in_time = ended.is_some_and(|at| self.now.wall.since(at) <= LATE_UPDATES);
        if self.state.incident(id).is_some() || in_time {
            return Ok(());
        }
        if id == 0 || id >= self.state.next_incident {
            return Err(Refusal::NotFound { what: format!("incident {id}") });
        }
        Err(Refusal::Invalid {
            why: format!(
                "incident {id} ended too long ago: the public is told of it for {LATE_UPDATES} after"
            ),
        })
    }
}
