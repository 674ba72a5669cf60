//! What people did while the journal could not be read since the start: it is carried over the new start that goes on from
//! the journal, and done again there.
//!
//! Incidents of that time were numbered from 1, in memory. One that a person opened is opened again; one of alerts is
//! found by them, once their sender or their check has said them again.

use foghorn_core::State;
use foghorn_core::incident::{Incident, IncidentId, Shape, Status};
use foghorn_core::input::{Answer, Ends, Input, LONGEST_NOTE};
use foghorn_core::labels::AlertKey;
use foghorn_core::time::{Span, Wall};
use foghorn_core::words::Actor;
use foghorn_engine::{Class, Handle, Reply};
use foghorn_host::aside::whole;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// In the data directory, from one start to the end of this.
const FILE: &str = "carried.json";
/// More are not carried, which is told.
const MOST: usize = 2000;
/// A disk that takes longer is not waited for: people must be paged.
const LONGEST_WRITE: Duration = Duration::from_secs(2);
/// Between two looks at which incidents there are.
const LOOK: Duration = Duration::from_millis(500);
/// Looks until an incident that has not come back is taken not to: ten minutes, in which every sender has repeated.
const MOST_LOOKS: u32 = 1200;

/// One thing that somebody did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Act {
    at: Wall,
    input: Input,
    /// The incident that it opened.
    opened: Option<IncidentId>,
    /// The incident that it was about.
    about: Option<About>,
}

/// What was known of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct About {
    alerts: Vec<AlertKey>,
    /// What the act covers, if it acknowledges.
    seen: Shape,
}

/// Collects what people do.
#[derive(Default)]
pub struct Carrying {
    /// By ticket, what is not answered yet.
    asked: HashMap<u64, (Wall, Input)>,
    acts: Vec<Act>,
    more: u64,
}

impl Carrying {
    /// Somebody wants something.
    pub fn asked(&mut self, ticket: u64, at: Wall, input: &Input) {
        if is_act(input) {
            self.asked.insert(ticket, (at, input.clone()));
        }
    }

    /// It was answered, and this is true now.
    pub fn answered(&mut self, ticket: u64, reply: &Reply, state: &State) {
        let Some((at, mut input)) = self.asked.remove(&ticket) else { return };
        let Reply::NotSaved(answer, _) = reply else { return };
        if *answer == Answer::Already {
            return;
        }
        if self.acts.len() >= MOST {
            self.more += 1;
            return;
        }
        let incident = incident_of(&mut input).and_then(|id| state.incident(*id));
        let about = incident.map(|incident| About {
            alerts: state.alerts_of(incident).map(|a| a.key).collect(),
            seen: match &incident.status {
                Status::Acknowledged { covers, .. } => *covers,
                _ => incident.shape(),
            },
        });
        let opened = if let Answer::Incident(id) = answer { Some(*id) } else { None };
        self.acts.push(Act { at, input, opened, about });
    }

    /// What is to be carried.
    pub fn acts(self) -> Vec<Act> {
        if self.more > 0 {
            tracing::error!("{} things that people did are lost: {MOST} are carried over", self.more);
        }
        self.acts
    }
}

/// Whether a person wants this, and was told that it is done.
fn is_act(input: &Input) -> bool {
    let acts = matches!(
        input,
        Input::Open { .. }
            | Input::Silence { .. }
            | Input::EndSilence { .. }
            | Input::AddOverride { .. }
            | Input::RemoveOverride { .. }
    );
    acts || incident_of(&mut input.clone()).is_some()
}

/// The incident that an act is about.
fn incident_of(input: &mut Input) -> Option<&mut IncidentId> {
    match input {
        Input::Acknowledge { incident, .. }
        | Input::Resolve { incident, .. }
        | Input::Note { incident, .. }
        | Input::StatusUpdate { incident, .. }
        | Input::CorrectUpdate { incident, .. }
        | Input::Escalate { incident, .. } => Some(incident),
        _ => None,
    }
}

/// What is left to be done again.
#[derive(Default, Serialize, Deserialize)]
struct Carried {
    acts: VecDeque<Act>,
    /// The numbers that incidents which were opened again have now.
    opened: BTreeMap<IncidentId, IncidentId>,
    /// The numbers that status updates have now, in the order in which they were published of an incident in memory.
    #[serde(default)]
    told: BTreeMap<IncidentId, Vec<u32>>,
}

/// Keeps what people did for the start that follows. What cannot be kept is told.
pub fn keep(dir: &Path, acts: Vec<Act>) {
    let n = acts.len();
    if n == 0 {
        return;
    }
    let (dir, carried) = (dir.to_owned(), Carried { acts: acts.into(), ..Carried::default() });
    let (tx, rx) = mpsc::channel();
    let write = std::thread::Builder::new().name("carry".into()).spawn(move || {
        // Nobody waits any more if it took too long.
        let _ = tx.send(carried.write(&dir));
    });
    let written = write.and_then(|_| {
        rx.recv_timeout(LONGEST_WRITE).unwrap_or_else(|_| Err(std::io::Error::other("the disk hangs")))
    });
    match written {
        Ok(()) => tracing::info!("{n} things that people did are carried over"),
        Err(e) => tracing::error!("{n} things that people did are lost: {FILE} cannot be written: {e}"),
    }
}

/// Does again what an earlier start could not save, in a thread of its own. `now` tells the time.
pub fn resume(dir: &Path, handle: &Handle, now: impl Fn() -> Wall + Send + 'static) {
    let path = dir.join(FILE);
    let carried = match fs::read(&path).map(|bytes| serde_json::from_slice::<Carried>(&bytes)) {
        Ok(Ok(carried)) => carried,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return,
        Ok(Err(e)) => return tracing::error!("{} cannot be read: {e}", path.display()),
        Err(e) => return tracing::error!("{} cannot be read: {e}", path.display()),
    };
    let (dir, handle) = (dir.to_owned(), handle.clone());
    let thread = std::thread::Builder::new().name("carry".into()).spawn(move || {
        carried.again(&dir, &handle, &now);
    });
    if let Err(e) = thread {
        tracing::error!("what people did is not done again: {e}");
    }
}

impl Carried {
    /// Does everything again as soon as it can be done.
    fn again(mut self, dir: &Path, handle: &Handle, now: &dyn Fn() -> Wall) {
        let mut looks = 0;
        while !self.acts.is_empty() && looks < MOST_LOOKS {
            // What is answered then may be lost once more.
            if handle.view().degraded.is_none() {
                looks += 1;
                let before = self.acts.len();
                for act in std::mem::take(&mut self.acts) {
                    if !self.done(&act, handle, now()) {
                        self.acts.push_back(act);
                    }
                }
                if self.acts.len() < before
                    && let Err(e) = self.write(dir)
                {
                    tracing::warn!("{FILE} cannot be written, and may be done twice: {e}");
                }
            }
            if !self.acts.is_empty() {
                std::thread::sleep(LOOK);
            }
        }
        for act in &self.acts {
            tracing::warn!(
                ?act,
                "what somebody did is lost: the incident that it was about has not come back"
            );
        }
        if let Err(e) = fs::remove_file(dir.join(FILE)) {
            tracing::warn!("{FILE} cannot be removed, and will be done again at the next start: {e}");
        }
    }

    /// Whether nothing is left to be done about an act.
    fn done(&mut self, act: &Act, handle: &Handle, now: Wall) -> bool {
        let input = match next(act, &handle.view().state, &self.opened, now) {
            Next::Do(input) => input,
            Next::Wait => return false,
            Next::Over => return true,
        };
        let Some(input) = renumbered(input, &act.input, &self.told) else {
            tracing::warn!(
                ?act,
                "what somebody did is lost: the status update that it was about is not there"
            );
            return true;
        };
        let reply = handle.submit_blocking(Class::Paging, input.clone());
        if let (Input::StatusUpdate { incident: old, .. }, false) =
            (&act.input, matches!(reply, Reply::Unavailable(_) | Reply::Busy))
        {
            let number = number_of(&input, &handle.view().state);
            self.told.entry(*old).or_default().push(number);
        }
        match reply {
            Reply::Saved(answer) | Reply::NotSaved(answer, _) => {
                if let (Some(old), Answer::Incident(new)) = (act.opened, answer) {
                    self.opened.insert(old, new);
                }
                true
            }
            Reply::Refused(why) => {
                tracing::warn!(?act, "what somebody did cannot be done again: {why}");
                true
            }
            Reply::Unavailable(_) | Reply::Busy => false,
        }
    }

    fn write(&self, dir: &Path) -> std::io::Result<()> {
        whole(dir, FILE, &serde_json::to_vec(self)?)
    }
}

/// What to do about an act.
#[derive(Debug, PartialEq)]
enum Next {
    Do(Input),
    /// Its incident has not come back yet.
    Wait,
    /// It has no meaning any more.
    Over,
}

fn next(act: &Act, state: &State, opened: &BTreeMap<IncidentId, IncidentId>, now: Wall) -> Next {
    let mut input = act.input.clone();
    if let Some(id) = incident_of(&mut input) {
        let Some(incident) = the_same(*id, act.about.as_ref(), state, opened) else { return Next::Wait };
        *id = incident.id;
        return Next::Do(as_meant(input, act, incident, state, opened));
    }
    match &mut input {
        Input::Silence { starts, ends, .. } => {
            let end = match *ends {
                Ends::At(end) => end,
                Ends::After(span) => starts.unwrap_or(act.at) + span,
            };
            if end <= now {
                return Next::Over;
            }
            *ends = match (*ends, *starts) {
                // It counts from when it is done again, and has had some of its time.
                (Ends::After(span), None) => Ends::After(Span(span.0.saturating_sub(now.since(act.at).0))),
                _ => Ends::At(end),
            };
        }
        Input::Open { note, .. } => {
            let when = format!("opened at {}, while the journal could not be read", act.at);
            *note = Some(note.take().map_or(when.clone(), |note| with(note, &when)));
        }
        _ => {}
    }
    Next::Do(input)
}

/// A correction of the status update that has taken the place of the one in memory; `None` where there is none.
fn renumbered(mut input: Input, act: &Input, told: &BTreeMap<IncidentId, Vec<u32>>) -> Option<Input> {
    if let (Input::CorrectUpdate { incident, .. }, Input::CorrectUpdate { number, .. }) = (act, &mut input) {
        *number = *told.get(incident)?.get((*number as usize).checked_sub(1)?)?;
    }
    Some(input)
}

/// The number of a status update that was just published; 0, which none has, where it was not.
fn number_of(input: &Input, state: &State) -> u32 {
    let Input::StatusUpdate { incident, by, text, .. } = input else { return 0 };
    let numbered = (1..).zip(state.updates(*incident));
    let ours = numbered.filter(|(_, u)| u.by == *by && u.text == *text);
    ours.last().map_or(0, |(number, _)| number)
}

/// The incident that has taken the place of the one in memory.
fn the_same<'s>(
    id: IncidentId,
    about: Option<&About>,
    state: &'s State,
    opened: &BTreeMap<IncidentId, IncidentId>,
) -> Option<&'s Incident> {
    if let Some(new) = opened.get(&id) {
        return state.incident(*new);
    }
    let alerts = about?.alerts.iter().filter_map(|key| state.alerts.get(key));
    alerts
        .filter(|a| a.status.is_open())
        .find_map(|a| state.incident(a.incident).filter(|i| !i.is_resolved()))
}

/// An acknowledgement covers what was shown, and who says that it is over means what they knew: if the journal knows of
/// more, it is only written down.
fn as_meant(
    input: Input,
    act: &Act,
    incident: &Incident,
    state: &State,
    opened: &BTreeMap<IncidentId, IncidentId>,
) -> Input {
    let id = incident.id;
    let known = |key: &AlertKey| act.about.as_ref().is_some_and(|about| about.alerts.contains(key));
    let written = |by: Actor, what: &str| Input::Note {
        incident: id,
        by,
        text: format!(
            "{what} at {}, while the journal could not be read; it is worse now, so that does not count",
            act.at
        ),
    };
    match input {
        Input::Acknowledge { by, .. } => {
            let now = incident.shape_now(state.clock.mono, state.life);
            match act.about.as_ref().is_some_and(|about| about.seen.covers(&now)) {
                true => Input::Acknowledge { incident: id, by, revision: None },
                false => written(by, "acknowledged"),
            }
        }
        Input::Resolve { by, .. } => {
            let ours = opened.values().any(|new| *new == id);
            match ours || state.alerts_of(incident).filter(|a| a.status.is_open()).all(|a| known(&a.key)) {
                true => Input::Resolve { incident: id, by },
                false => written(by, "resolved"),
            }
        }
        Input::Note { by, text, .. } => {
            let text = with(text, &format!("written at {}, while the journal could not be read", act.at));
            Input::Note { incident: id, by, text }
        }
        other => other,
    }
}

/// A note with a line behind it, if there is room.
fn with(note: String, line: &str) -> String {
    if note.len() + line.len() + 3 > LONGEST_NOTE { note } else { format!("{note}\n({line})") }
}

#[cfg(test)]
mod tests;
