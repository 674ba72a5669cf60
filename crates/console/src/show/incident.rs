//! An incident, as the API shows it.

use super::alert::AlertShown;
use super::event::EventShown;
use super::{Mark, Severity, Stage, Who, picture};
use crate::next::{self, Next, person};
use crate::problem::{Kind, Problem};
use crate::readmodel::{Closed, Line};
use crate::time::rfc3339;
use foghorn_core::event::Event;
use foghorn_core::incident::{Incident, IncidentId, Phase, Status};
use foghorn_core::page::{Delivery, Page, PageKind};
use foghorn_core::update::StatusUpdate;
use foghorn_core::words::{Severity as Bad, Urgency};
use foghorn_engine::View;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Nobody has answered.
    Open,
    /// Somebody is on it.
    Acknowledged,
    /// Over.
    Resolved,
}

/// An incident in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Summary {
    pub(crate) id: IncidentId,
    pub(crate) title: String,
    pub(crate) state: State,
    /// How bad it is now; how bad it was, once it is over.
    pub(crate) severity: Severity,
    /// How bad it ever was.
    peak_severity: Severity,
    /// RFC 3339.
    opened_at: String,
    /// The person who opened it, if not an alert.
    opened_by: Option<Who>,
    /// Who is on it; once it is over, who was first.
    acknowledged: Option<Mark>,
    resolved: Option<Mark>,
    /// How long it has been open, or was, in seconds.
    duration_seconds: u64,
    alerts: AlertCounts,
    /// How many entities are unwell now.
    entities_unwell: u32,
    /// False while its state (open, acknowledged, resolved) is in effect and not on disk: the journal is degraded, and a
    /// restart would forget it.
    saved: bool,
    /// Where the API shows it.
    url: String,
}

/// An incident's alerts.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct AlertCounts {
    /// Known to be wrong, or not known to be well.
    open: u32,
    /// Of these, muted by a silence.
    muted: u32,
    /// Of these, not open for long enough to be paged for.
    held: u32,
    /// Open and ended.
    total: u64,
}

impl Summary {
    pub(crate) fn of(view: &View, incident: &Incident, public_url: &str) -> Summary {
        let state = &view.state;
        let mark = |at, by| Some(Mark::new(at, by, state));
        let (word, acknowledged, resolved, until) = match &incident.status {
            Status::Open => (State::Open, None, None, view.at.wall),
            Status::Acknowledged { by, at, .. } => {
                (State::Acknowledged, mark(at.wall, Some(by)), None, view.at.wall)
            }
            Status::Resolved { by, at, .. } => {
                let first = incident.answered.as_ref().and_then(|(at, by)| mark(*at, Some(by)));
                (State::Resolved, first, mark(at.wall, by.as_ref()), at.wall)
            }
        };
        Summary {
            id: incident.id,
            title: incident.title.to_string(),
            state: word,
            severity: shown_severity(incident).into(),
            peak_severity: incident.peak.into(),
            opened_at: rfc3339(incident.opened.wall),
            opened_by: incident.opened_by.as_ref().map(|b| Who::of(b, state)),
            acknowledged,
            resolved,
            duration_seconds: until.since(incident.opened.wall).0 / 1000,
            alerts: AlertCounts {
                open: incident.open_alerts(),
                muted: incident.muted,
                held: incident.held,
                total: incident.had_alerts(),
            },
            entities_unwell: incident.width,
            saved: view.is_saved(incident.id),
            url: url(public_url, incident.id),
        }
    }

    pub(crate) fn closed(c: &Closed, view: &View, public_url: &str) -> Summary {
        let mark = |m: &Option<(foghorn_core::time::Wall, Option<foghorn_core::words::Actor>)>| {
            m.as_ref().map(|(at, by)| Mark::new(*at, by.as_ref(), &view.state))
        };
        let until = c.resolved.as_ref().map_or(view.at.wall, |(at, _)| *at);
        Summary {
            id: c.id,
            title: c.title.clone(),
            state: match c.state.as_str() {
                "open" => State::Open,
                "acknowledged" => State::Acknowledged,
                _ => State::Resolved,
            },
            severity: c.peak.into(),
            peak_severity: c.peak.into(),
            opened_at: rfc3339(c.opened),
            opened_by: c.opened_by.as_ref().map(|b| Who::of(b, &view.state)),
            acknowledged: mark(&c.acked),
            resolved: mark(&c.resolved),
            duration_seconds: until.since(c.opened).0 / 1000,
            alerts: AlertCounts { total: c.alerts, ..AlertCounts::default() },
            entities_unwell: 0,
            saved: true,
            url: url(public_url, c.id),
        }
    }
}

/// What it was, once it is over.
pub(crate) fn shown_severity(incident: &Incident) -> Bad {
    if incident.is_resolved() { incident.peak } else { incident.severity() }
}

fn url(public_url: &str, id: IncidentId) -> String {
    format!("{public_url}/api/v1/incidents/{id}")
}

/// All of an incident.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Detail {
    #[serde(flatten)]
    pub(crate) summary: Summary,
    /// What an acknowledgement covers: send it along with one.
    revision: u64,
    /// The worst 100; all are at `…/alerts`.
    pub(crate) worst_alerts: Vec<AlertShown>,
    /// What is unwell, at most 1000.
    entities: Vec<EntityShown>,
    /// What stands on that: the blast radius, at most 1000.
    downstream: Vec<String>,
    /// How many stand on it.
    downstream_total: usize,
    /// Of one that is over: the incident in which alerts of it have come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    came_back_in: Option<IncidentId>,
    /// Pages and notices at hand, and what became of each. Earlier ones are in the timeline.
    pages: Vec<PageShown>,
    /// Pages that a channel took.
    pages_sent: Option<u64>,
    escalation: Option<EscalationShown>,
    /// What changed within a day before it began.
    changes: Vec<ChangeShown>,
    /// Where to read what to do.
    runbooks: Vec<String>,
    /// What people have told the public, newest first.
    pub(crate) updates: Vec<UpdateShown>,
    /// The last 50 events; all are at `…/timeline`.
    pub(crate) timeline: Vec<EventShown>,
    /// Lines that were too many for the timeline; the journal has them.
    timeline_left_out: u64,
    /// Why there is no timeline, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeline_error: Option<String>,
    /// Set where events may be missing at its end, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeline_incomplete: Option<String>,
}

/// Something unwell.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntityShown {
    name: String,
    open_alerts: u32,
}

/// A page or a notice, without the address.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageShown {
    /// The same over all attempts.
    id: String,
    /// `page`, `acknowledged`, `resolved`.
    #[schema(value_type = String)]
    kind: PageKind,
    /// Id.
    person: String,
    /// As people read it.
    person_name: String,
    channel: String,
    /// From 1.
    step: u32,
    /// From 1.
    round: u32,
    /// `due` or `accepted`.
    state: &'static str,
    /// When it is sent next, or when the channel took it (RFC 3339).
    at: String,
    attempts: u32,
    /// The next contact was taken instead.
    passed_over: bool,
    /// What went wrong last.
    error: Option<String>,
}

/// Who is paged, and who next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EscalationShown {
    policy: Option<String>,
    /// `idle`, `waiting`, `exhausted`.
    phase: &'static str,
    /// Whether people are woken.
    wakes: bool,
    /// How often paging has begun anew, from 1.
    wave: u32,
    /// From 1.
    round: u32,
    /// The step that was entered last, from 1.
    step: u32,
    /// What happens next if nobody answers.
    next: NextShown,
}

/// A forecast: who is on call may change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NextShown {
    /// In a sentence.
    text: String,
    /// RFC 3339.
    at: Option<String>,
    /// From 1.
    step: Option<usize>,
    /// Ids.
    people: Vec<String>,
}

/// Something that was changed in production.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangeShown {
    /// RFC 3339.
    at: String,
    /// Who told.
    source: String,
    summary: String,
    entity: Option<String>,
    link: Option<String>,
}

/// A status update.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UpdateShown {
    /// RFC 3339.
    at: String,
    /// Who wrote it; the public does not hear of that.
    by: Who,
    stage: Stage,
    /// What it says now; of what is withdrawn, what it said last.
    text: String,
    /// From 1, in the order in which they were published.
    number: u32,
    /// How often it was corrected; a correction says which one was read.
    revision: u32,
    /// When it was corrected or withdrawn last, and by whom; the timeline has what it said before.
    corrected: Option<Mark>,
    /// Whether the public does not read it any more.
    withdrawn: bool,
}

impl UpdateShown {
    pub(crate) fn of(number: u32, update: &StatusUpdate, state: &foghorn_core::State) -> UpdateShown {
        UpdateShown {
            at: rfc3339(update.at),
            by: Who::of(&update.by, state),
            stage: Stage(update.stage),
            text: update.text.clone(),
            number,
            revision: update.revision(),
            corrected: update.corrected.as_ref().map(|c| Mark::new(c.at, Some(&c.by), state)),
            withdrawn: update.is_withdrawn(),
        }
    }
}

/// What people have told the public of an incident, newest first, each with its number; where the state has forgotten it, by
/// its record.
pub(crate) fn updates(
    state: &foghorn_core::State,
    id: IncidentId,
    record: &[Line],
) -> Vec<(u32, StatusUpdate)> {
    let mut all: Vec<StatusUpdate> = state.updates(id).iter().map(|u| (**u).clone()).collect();
    if all.is_empty() {
        for l in record {
            let at = l.record.at.wall;
            match &l.record.event {
                Event::StatusUpdated { by, stage, text, .. } => {
                    let (by, text) = (by.clone(), text.clone());
                    all.push(StatusUpdate { at, by, stage: *stage, text, corrected: None });
                }
                Event::StatusCorrected { number, by, text, .. } => {
                    if let Some(update) = all.get_mut((*number as usize).wrapping_sub(1)) {
                        update.correct(at, by.clone(), text.clone());
                    }
                }
                _ => {}
            }
        }
    }
    let mut all: Vec<(u32, StatusUpdate)> = (1..).zip(all).collect();
    all.reverse();
    all
}

impl From<&foghorn_core::change::Change> for ChangeShown {
    fn from(c: &foghorn_core::change::Change) -> ChangeShown {
        ChangeShown {
            at: rfc3339(c.at),
            source: c.source.to_string(),
            summary: c.summary.clone(),
            entity: c.entity.as_ref().map(ToString::to_string),
            link: c.link.clone(),
        }
    }
}

/// Names in a list.
const LISTED: usize = 1000;
/// Alerts in the picture of an incident.
const WORST: usize = 100;

impl Detail {
    pub(crate) fn of(view: &View, incident: &Incident, closed: Option<&Closed>, public_url: &str) -> Detail {
        let state = &view.state;
        let downstream = picture::downstream(state, incident);
        let mut summary = Summary::of(view, incident, public_url);
        if incident.is_resolved() {
            // The state forgets who was on it; the record does not.
            let first = closed.and_then(|c| c.acked.as_ref());
            summary.acknowledged = first.map(|(at, by)| Mark::new(*at, by.as_ref(), state));
        }
        Detail {
            summary,
            revision: incident.revision(),
            worst_alerts: picture::worst(state, incident, WORST)
                .into_iter()
                .map(|a| AlertShown::of(a, |at| view.wall_at(at)))
                .collect(),
            entities: picture::unwell(incident)
                .into_iter()
                .take(LISTED)
                .map(|(name, open_alerts)| EntityShown { name: name.to_string(), open_alerts })
                .collect(),
            downstream_total: downstream.len(),
            downstream: downstream.iter().take(LISTED).map(ToString::to_string).collect(),
            came_back_in: incident.went_on().map(|gone| gone.incident),
            pages: state.pages_of(incident.id).take(LISTED).map(|p| page(p, view)).collect(),
            pages_sent: closed.map(|c| c.paged),
            escalation: Some(escalation(view, incident)),
            changes: picture::changes(state, incident, 20).into_iter().map(ChangeShown::from).collect(),
            runbooks: picture::runbooks(state, incident),
            updates: Vec::new(),
            timeline: Vec::new(),
            timeline_left_out: closed.map_or(0, |c| c.left_out),
            timeline_error: None,
            timeline_incomplete: None,
        }
    }

    pub(crate) fn closed(c: &Closed, view: &View, public_url: &str) -> Detail {
        Detail {
            summary: Summary::closed(c, view, public_url),
            revision: 0,
            worst_alerts: Vec::new(),
            entities: Vec::new(),
            downstream: Vec::new(),
            downstream_total: 0,
            came_back_in: None,
            pages: Vec::new(),
            pages_sent: Some(c.paged),
            escalation: None,
            changes: Vec::new(),
            runbooks: Vec::new(),
            updates: Vec::new(),
            timeline: Vec::new(),
            timeline_left_out: c.left_out,
            timeline_error: None,
            timeline_incomplete: None,
        }
    }
}

fn page(p: &Page, view: &View) -> PageShown {
    let (state, at) = match p.delivery {
        Delivery::Due { at } => ("due", view.wall_at(at)),
        Delivery::Accepted { at } => ("accepted", at.wall),
    };
    PageShown {
        id: p.key.to_string(),
        kind: p.key.kind,
        person: p.key.person.to_string(),
        person_name: person(&view.state, &p.key.person),
        channel: p.channel.to_string(),
        step: u32::from(p.key.step) + 1,
        round: p.key.round + 1,
        state,
        at: rfc3339(at),
        attempts: p.attempts,
        passed_over: p.passed_over,
        error: p.error.clone(),
    }
}

fn escalation(view: &View, incident: &Incident) -> EscalationShown {
    let e = &incident.escalation;
    let next = next::next(&view.state, incident, view.at);
    let text = next::sentence(&view.state, &next, view.at);
    let (at, step, people) = match next {
        Next::Step { at, step, people, .. } | Next::Again { at, step, people } => {
            (Some(at), Some(step + 1), people)
        }
        Next::Unseen { at } | Next::Over { at } | Next::Covered { at, .. } => (Some(at), None, Vec::new()),
        Next::End | Next::Nothing => (None, None, Vec::new()),
    };
    EscalationShown {
        policy: e.policy.as_ref().map(ToString::to_string),
        phase: match e.phase {
            Phase::Idle => "idle",
            Phase::Waiting { .. } => "waiting",
            Phase::Exhausted => "exhausted",
        },
        wakes: e.urgency == Urgency::High,
        wave: e.wave,
        round: e.round + 1,
        step: u32::from(e.step) + 1,
        next: NextShown {
            text,
            at: at.map(|at| rfc3339(view.wall_at(at))),
            step,
            people: people.iter().map(ToString::to_string).collect(),
        },
    }
}

/// Why records lack what happens now, if they do.
pub(crate) fn unwritten(view: &View) -> Option<String> {
    view.degraded.as_ref().map(|d| {
        format!(
            "the journal takes no events ({}): what happens now is not in it until the disk is back",
            d.why
        )
    })
}

/// There is no such incident, as far as is known: what opened and was put away while the disk took nothing is nowhere to be
/// read until it does.
pub(crate) fn nowhere(view: &View, id: IncidentId) -> Problem {
    match unwritten(view).filter(|_| (1..view.state.next_incident).contains(&id)) {
        Some(why) => Problem::new(Kind::Unavailable, format!("incident {id} is not at hand, and {why}")),
        None => Problem::not_found(format!("incident {id}")),
    }
}
