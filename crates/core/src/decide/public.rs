//! What the public is told by people.

use super::Draft;
use super::people::check_text;
use crate::event::Event;
use crate::incident::IncidentId;
use crate::input::{Answer, Refusal};
use crate::update::{LATE_UPDATES, LONGEST_UPDATE, MOST_TOLD, MOST_UPDATES, Stage};
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
        let state = &*self.state;
        let (incident, told) = (state.incident(id), state.told.get(&id));
        let open = incident.is_some_and(|i| !i.is_resolved());
        let ended = told.and_then(|t| t.ended);
        let in_time = ended.is_some_and(|at| self.now.wall.since(at) <= LATE_UPDATES);
        if incident.is_none() && !in_time {
            return if id == 0 || id >= state.next_incident {
                Err(Refusal::NotFound { what: format!("incident {id}") })
            } else {
                invalid(format!(
                    "incident {id} ended too long ago: the public is told of it for {LATE_UPDATES} after"
                ))
            };
        }
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
        let same = updates.last().is_some_and(|last| last.stage == stage && last.text == text);
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
}
