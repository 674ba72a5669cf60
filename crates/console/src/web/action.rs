//! The buttons: what each does, so that it can also be kept while somebody logs in.

use super::draft::{Update, words};
use super::flash::{Done, Went};
use super::form::{Fields, encoded};
use super::guard::Visitor;
use super::once::{self, Key};
use super::{Web, draft, page};
use crate::problem::{Kind, Problem};
use crate::reply::taken;
use crate::routes::new_id;
use crate::show::text::line;
use crate::time::parse_span;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use foghorn_core::incident::{IncidentId, Status, StepSeen};
use foghorn_core::input::{Answer, Ends, Input};
use foghorn_core::silence::{MatchOp, Matcher};
use foghorn_core::words::{Actor, Name, Severity};
use foghorn_engine::Class;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

/// A button that was pressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Pressed {
    /// Something is done.
    Do(Action),
    /// What the public would be told is shown; nothing is done.
    Read(Update),
}

impl Pressed {
    /// What a form that is sent to a path asks for; `None` where no button does that.
    pub(super) fn of(path: &str, fields: &Fields) -> Option<Result<Pressed, Problem>> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts[..] {
            ["incidents", id, "draft"] => Some(Update::read(id.parse().ok()?, fields).map(Pressed::Read)),
            _ => Action::of(&parts, fields).map(|read| read.map(Pressed::Do)),
        }
    }

    /// For whoever is to log in before it counts.
    pub(super) fn sentence(&self) -> String {
        match self {
            Pressed::Do(action) => action.sentence(),
            Pressed::Read(Update { incident, stage, text }) => {
                format!(
                    "read once more what the public would be told of incident {incident}, {stage}: {}",
                    line(text, 120)
                )
            }
        }
    }

    /// Does it, once for a key, and shows what comes after.
    pub(super) async fn answer(self, web: &Arc<Web>, visitor: Visitor, key: Option<Key>) -> Response {
        let action = match self {
            Pressed::Read(update) => return draft::show(web, visitor, update).await,
            Pressed::Do(action) => action,
        };
        let (of, by) = (web.clone(), visitor.actor.clone());
        let work = async move { action.run(&of, by).await };
        let led = match key {
            Some(key) => web.once.run(key, work).await,
            None => work.await,
        };
        match led {
            Ok(went) => went.response(),
            Err(problem) => page::told(web, visitor, problem).await,
        }
    }
}

/// Something that a person does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(super) enum Action {
    /// On it; covers what the page showed.
    Acknowledge {
        incident: IncidentId,
        revision: Option<u64>,
        /// Who the page said was on it; empty for nobody.
        #[serde(default)]
        shown: Option<String>,
    },
    /// Over.
    Resolve { incident: IncidentId },
    /// Written down.
    Note { incident: IncidentId, text: String },
    /// The public is told.
    Tell(Update),
    /// What the public was told says this instead; without a text it is withdrawn.
    Correct { incident: IncidentId, number: u32, revision: Option<u32>, text: Option<String> },
    /// The next step is paged now; after the one that the page showed, if it showed any.
    Escalate {
        incident: IncidentId,
        #[serde(default)]
        seen: Option<StepSeen>,
    },
    /// Alerts that are expected.
    Silence { incident: Option<IncidentId>, what: What, lasts: String, comment: String, maintenance: bool },
    /// Expected no more.
    EndSilence { id: String },
    /// Something that a person has noticed.
    Open { title: String, severity: Severity, entity: Option<String>, note: Option<String> },
}

/// What a silence covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// Everything that is unwell in the incident.
    Unwell,
    /// These.
    Entities(Vec<String>),
    /// Alerts with these labels.
    Matchers(Vec<String>),
}

impl What {
    /// From a field: `unwell`, `called:` and an encoded `alertname`, `entity:NAME`, or matchers, one a line.
    fn read(text: &str) -> What {
        if text == "unwell" {
            return What::Unwell;
        }
        if let Some(name) = text.strip_prefix("called:") {
            let called = Matcher::new("alertname", MatchOp::Equal, &decoded(name));
            return What::Matchers(called.iter().map(Matcher::to_string).collect());
        }
        let lines = || text.lines().map(str::trim).filter(|l| !l.is_empty());
        let entities: Option<Vec<String>> =
            lines().map(|l| l.strip_prefix("entity:").map(|e| e.trim().to_owned())).collect();
        match entities {
            Some(entities) => What::Entities(entities),
            None => What::Matchers(lines().map(str::to_owned).collect()),
        }
    }
}

/// Which state of a thing its page showed; `None` where the form does not say. One that cannot be read must not count as
/// none: that covers all there is.
fn revision<T: FromStr>(fields: &Fields) -> Result<Option<T>, Problem> {
    read(fields, "revision", |text| text.parse().ok())
}

/// A field that a page has written by itself, if it is there.
fn read<T>(fields: &Fields, name: &str, how: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    let text = fields.get(name);
    let unread = || {
        let why = format!("this form’s {name} cannot be read: {}. Load the page again", line(text, 60));
        Problem::new(Kind::Invalid, why)
    };
    if text.is_empty() { Ok(None) } else { how(text).map(Some).ok_or_else(unread) }
}

impl Action {
    /// What a form that is sent to a path does; `None` where no button does that.
    fn of(path: &[&str], fields: &Fields) -> Option<Result<Action, Problem>> {
        Action::read(path, fields).transpose()
    }

    fn read(path: &[&str], fields: &Fields) -> Result<Option<Action>, Problem> {
        let optional = |name: &str| Some(fields.get(name).to_owned()).filter(|t| !t.is_empty());
        let silence = |incident| Action::Silence {
            incident,
            what: What::read(fields.get("what")),
            lasts: fields.get("for").to_owned(),
            comment: fields.get("comment").to_owned(),
            maintenance: fields.get("maintenance") == "yes",
        };
        Ok(Some(match *path {
            ["incidents"] => {
                let severity = Severity::ALL.into_iter().find(|s| s.as_str() == fields.get("severity"));
                let Some(severity) = severity else {
                    return Err(Problem::new(Kind::Invalid, "say how bad it is: critical, warning or info"));
                };
                Action::Open {
                    title: fields.get("title").to_owned(),
                    severity,
                    entity: optional("entity"),
                    note: optional("note"),
                }
            }
            ["silences"] => silence(None),
            ["silences", id, "end"] => Action::EndSilence { id: decoded(id) },
            ["incidents", id, "updates", number, verb] => {
                let text = match verb {
                    "correct" => Some(words(fields)?),
                    "withdraw" => None,
                    _ => return Ok(None),
                };
                let (Ok(incident), Ok(number)) = (id.parse(), number.parse()) else { return Ok(None) };
                Action::Correct { incident, number, revision: revision(fields)?, text }
            }
            ["incidents", id, verb] => {
                let Ok(incident) = id.parse() else { return Ok(None) };
                match verb {
                    "ack" => Action::Acknowledge {
                        incident,
                        revision: revision(fields)?,
                        shown: fields.has("shown").then(|| fields.get("shown").to_owned()),
                    },
                    "resolve" => Action::Resolve { incident },
                    "note" => Action::Note { incident, text: fields.get("text").to_owned() },
                    "updates" => Action::Tell(Update::read(incident, fields)?),
                    "escalate" => Action::Escalate { incident, seen: read(fields, "seen", StepSeen::read)? },
                    "silence" => silence(Some(incident)),
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        }))
    }

    /// For whoever is to log in before it counts.
    fn sentence(&self) -> String {
        match self {
            Action::Acknowledge { incident, .. } => format!("acknowledge incident {incident}"),
            Action::Resolve { incident } => format!("resolve incident {incident}"),
            Action::Note { incident, text } => {
                format!("write down at incident {incident}: {}", line(text, 120))
            }
            Action::Tell(Update { incident, stage, text }) => {
                format!("tell the public of incident {incident}, {stage}: {}", line(text, 120))
            }
            Action::Correct { incident, number, text: Some(text), .. } => {
                format!(
                    "correct what the public was told of incident {incident}, update {number}: {}",
                    line(text, 120)
                )
            }
            Action::Correct { incident, number, text: None, .. } => {
                format!("withdraw what the public was told of incident {incident}, update {number}")
            }
            Action::Escalate { incident, .. } => format!("page the next step for incident {incident}"),
            Action::Silence { incident: Some(id), .. } => format!("silence alerts of incident {id}"),
            Action::Silence { .. } => "add a silence".to_owned(),
            Action::EndSilence { id } => format!("end silence {}", line(id, 60)),
            Action::Open { title, .. } => format!("open an incident: {}", line(title, 120)),
        }
    }

    /// Does it, and says where to go on.
    async fn run(self, web: &Arc<Web>, by: Actor) -> Result<Went, Problem> {
        let (incident, done) = match &self {
            Action::Acknowledge { incident, .. } => (Some(*incident), Done::Acknowledged),
            Action::Resolve { incident } => (Some(*incident), Done::Resolved),
            Action::Note { incident, .. } => (Some(*incident), Done::Noted),
            Action::Tell(Update { incident, .. }) => (Some(*incident), Done::Told),
            Action::Correct { incident, text, .. } => {
                (Some(*incident), if text.is_some() { Done::Corrected } else { Done::Withdrawn })
            }
            Action::Escalate { incident, .. } => (Some(*incident), Done::Escalated),
            Action::Silence { incident, .. } => (*incident, Done::Silenced),
            Action::EndSilence { .. } => (None, Done::SilenceEnded),
            Action::Open { .. } => (None, Done::Opened),
        };
        // Of what is put away notes are written and the public is told, too.
        let of_any = matches!(self, Action::Note { .. } | Action::Tell(_) | Action::Correct { .. });
        if let (Some(id), false) = (incident, of_any) {
            at_hand(web, id).await?;
        }
        if let Action::Acknowledge { incident, shown: Some(shown), .. } = &self
            && let Some(holder) = holder(web, *incident)
            && *holder != **shown
            && holder != by.name
        {
            let place = format!("/incidents/{incident}");
            return Ok(Went { place, done: Done::Theirs, unsaved: false });
        }
        let input = self.input(web, by)?;
        let opened = matches!(input, Input::Open { .. });
        let (answer, unsaved) = taken(web.api.parts.engine.submit(Class::Paging, input).await)?;
        let made = if let Answer::Incident(id) = answer { Some(id) } else { None };
        let place = match incident.or(made) {
            Some(id) => format!("/incidents/{id}"),
            None if opened => "/".to_owned(),
            None => "/silences".to_owned(),
        };
        // Who taps twice has it all the same.
        let done = match (answer, done) {
            (Answer::Already, Done::Escalated) => Done::Stepped,
            (Answer::Already, done) if done != Done::Acknowledged => Done::Already,
            (_, done) => done,
        };
        Ok(Went { place, done, unsaved: unsaved.is_some() })
    }

    fn input(self, web: &Web, by: Actor) -> Result<Input, Problem> {
        let invalid = |why: &str| Problem::new(Kind::Invalid, why);
        Ok(match self {
            Action::Acknowledge { incident, revision, .. } => Input::Acknowledge { incident, by, revision },
            Action::Resolve { incident } => Input::Resolve { incident, by },
            Action::Note { text, .. } if text.is_empty() => {
                return Err(invalid("a note needs words: write down what you know, then send it"));
            }
            Action::Note { incident, text } => Input::Note { incident, by, text: text.replace("\r\n", "\n") },
            Action::Tell(Update { incident, stage, text }) => {
                Input::StatusUpdate { incident, by, stage, text }
            }
            Action::Correct { incident, number, revision, text } => {
                Input::CorrectUpdate { incident, number, by, revision, text }
            }
            Action::Escalate { incident, seen } => Input::Escalate { incident, by, seen },
            Action::EndSilence { id } => Input::EndSilence { id: Name::from(id), by },
            Action::Open { title, .. } if title.is_empty() => {
                return Err(invalid("an incident needs a title: one line that says what is wrong"));
            }
            Action::Open { title, severity, entity, note } => {
                Input::Open { title, severity, entity: entity.map(Name::from), escalation: None, note, by }
            }
            Action::Silence { incident, what, lasts, comment, maintenance } => {
                let (mut entities, mut matchers) = (BTreeSet::new(), Vec::new());
                match what {
                    What::Unwell => {
                        let view = web.api.view();
                        let unwell = incident.and_then(|id| view.state.incident(id));
                        entities.extend(
                            unwell.into_iter().flat_map(crate::show::picture::unwell).map(|(e, _)| e.clone()),
                        );
                        if entities.is_empty() {
                            return Err(invalid(
                                "nothing of it is unwell that has a name: choose a label to silence by instead",
                            ));
                        }
                    }
                    What::Entities(names) => entities.extend(names.into_iter().map(Name::from)),
                    What::Matchers(texts) => {
                        let read = Matcher::parse_all(texts.iter().map(String::as_str));
                        let also = "; for an entity write entity:NAME, one a line and nothing else beside";
                        matchers = read.map_err(|e| Problem::new(Kind::Invalid, format!("{e}{also}")))?;
                    }
                }
                Input::Silence {
                    id: Name::from(new_id("s")?),
                    matchers,
                    entities,
                    starts: None,
                    ends: Ends::After(parse_span(&lasts).map_err(|e| Problem::new(Kind::Invalid, e))?),
                    comment,
                    maintenance,
                    by,
                }
            }
        })
    }
}

/// Who is on it. Whoever pressed on a page that showed another has not seen that: they may go back to sleep, and nobody who
/// works on it loses it to a page that was old. A link in a page goes by what that page was about, and stays as it is.
fn holder(web: &Web, id: IncidentId) -> Option<Name> {
    match &web.api.parts.engine.view().state.incident(id)?.status {
        Status::Acknowledged { by, .. } => Some(by.name.clone()),
        _ => None,
    }
}

/// What is put away is over, not unknown.
async fn at_hand(web: &Arc<Web>, id: IncidentId) -> Result<(), Problem> {
    if web.api.parts.engine.view().state.incident(id).is_some() {
        return Ok(());
    }
    let stored = web.blocking(move |web| web.api.parts.read_model.incident(id)).await?;
    Err(match stored {
        Ok(Some(_)) => Problem::new(
            Kind::Over,
            format!("incident {id} is over already, and put away. If it is back, open a new one"),
        ),
        _ => Problem::not_found(format!("incident {id}")),
    })
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// `POST /incidents/{id}/{verb}`
pub(super) async fn act(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Response {
    match Pressed::of(uri.path(), &fields) {
        None => page::told(&web, visitor, page::not_there()).await,
        Some(Err(problem)) => page::told(&web, visitor, problem).await,
        Some(Ok(pressed)) => {
            let key = once::key(&visitor.session, uri.path(), &fields);
            pressed.answer(&web, visitor, key).await
        }
    }
}

/// Where a silence's end is sent.
pub(super) fn end_of(id: &str) -> String {
    format!("/silences/{}/end", encoded(id))
}
