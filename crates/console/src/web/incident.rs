//! One incident: everything about it, and the buttons.

use super::alerts::Row;
use super::form::{Path, encoded};
use super::guard::Visitor;
use super::page::{self, Frame, Here, respond};
use super::pages_sent::{self, Sent};
use super::text::{Clock, Counted, NAME, WIDE, count, grouped, line, long, machine, names, person};
use super::timeline::{LOOKED_AT, Shown, WORDS, latest_first, lines_of};
use super::{Web, strip};
use crate::next;
use crate::problem::{Kind, Problem};
use crate::readmodel::{Closed, Line};
use crate::show::incident::{nowhere, shown_severity, unwritten, updates};
use crate::show::picture;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::component;
use foghorn_core::incident::{GoneOn, Incident, IncidentId, Status};
use foghorn_core::update::Stage;
use foghorn_core::words::Severity;
use foghorn_engine::View;
use http::StatusCode;
use std::sync::Arc;

/// Alerts in the picture of an incident; all are on pages of their own.
const ALERTS: usize = 12;
/// Acts and attempts that are looked through.
const LIFE: usize = 500;
/// Of changes and names.
const LISTED: usize = 12;
/// People named on a button.
const PAGED: usize = 2;

#[derive(Template)]
#[template(path = "console/incident.html")]
struct Page {
    frame: Frame,
    id: IncidentId,
    title: String,
    severity: Severity,
    standing: Standing,
    opened: String,
    lasts: String,
    /// The same in milliseconds.
    age: u64,
    /// How many alerts, where it is more than one.
    size: String,
    /// What a button covers.
    revision: u64,
    next: Counted,
    /// Whom the next step pages if it is asked for now.
    escalate: String,
    /// After which step that is.
    seen: String,
    rows: Vec<Row>,
    alerts: u64,
    open_alerts: u64,
    /// How many have come back as another incident's, and whose.
    gone_on: Option<GoneOn>,
    unwell: String,
    downstream: String,
    downstream_total: usize,
    sent: Vec<Sent>,
    sent_more: usize,
    changes: Vec<Item>,
    runbooks: Vec<Item>,
    strip: String,
    lines: Vec<Shown>,
    /// Whether the timeline has more.
    earlier: bool,
    left_out: u64,
    /// Why there is no timeline.
    missing: Option<String>,
    /// Why it lacks what happens now.
    unwritten: Option<String>,
    /// What can be silenced: value and words.
    choices: Vec<(String, String)>,
    public: Public,
}

/// What the public is told.
#[derive(Default)]
struct Public {
    /// Whether there is a status page to tell it on.
    there: bool,
    /// Components that the public sees unwell because of it.
    components: String,
    /// By people, newest first.
    updates: Vec<Said>,
    /// What a form offers: value, words, whether it is the likeliest.
    stages: Vec<(&'static str, &'static str, bool)>,
}

/// A status update.
struct Said {
    stage: Stage,
    at: String,
    machine: String,
    by: String,
    text: Vec<String>,
    /// That it was corrected or withdrawn, when and by whom.
    corrected: Option<String>,
    withdrawn: bool,
    /// Where it is corrected, while that can be done.
    correct: Option<String>,
}

/// How it stands.
enum Standing {
    Open {
        again: bool,
    },
    Acknowledged {
        by: String,
        /// As forms name them.
        holder: String,
        you: bool,
        at: String,
    },
    Resolved {
        by: Option<String>,
        at: String,
    },
}

/// A line, perhaps a link, and a remark.
struct Item {
    text: String,
    href: Option<String>,
    remark: String,
}

/// `GET /incidents/{id}`
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(id): Path<IncidentId>,
) -> Response {
    if visitor.told.is_some() {
        web.api.own_line().await;
    }
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let model = &web.api.parts.read_model;
        let clock = page::clock(&view, visitor);
        let stored = model.incident(id);
        // Without it the pages under way are still told, and the timeline says why it is missing.
        let life = model.life(id, LIFE).unwrap_or_default();
        let latest = model.latest(id, LOOKED_AT + 1);
        let mut page = match (view.state.incident(id), stored) {
            (Some(open), stored) => {
                let stored = stored.ok().flatten();
                at_hand(web, &view, visitor, &clock, open, stored.as_ref())
            }
            (None, Ok(Some(closed))) => put_away(web, &view, visitor, &clock, &closed)?,
            (None, Ok(None)) => return Err(nowhere(&view, id)),
            (None, Err(e)) => return Err(Problem::new(Kind::Unavailable, e.to_string())),
        };
        page.unwritten = unwritten(&view).map(|why| line(&why, WIDE));
        page.public = public(&view, &clock, id, &life);
        (page.sent, page.sent_more) = pages_sent::of(&view, &clock, id, &life);
        page.strip = strip::of(&view, &clock, id, &life);
        match latest {
            Ok(lines) => {
                let begun = lines.len() <= LOOKED_AT;
                (page.lines, page.earlier) = latest_first(&view, &clock, &lines, begun);
                page.earlier |= !begun;
            }
            Err(e) => page.missing = Some(line(&e.to_string(), WIDE)),
        }
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}

fn at_hand(
    web: &Web,
    view: &View,
    visitor: &Visitor,
    clock: &Clock,
    incident: &Incident,
    stored: Option<&Closed>,
) -> Page {
    let state = &view.state;
    let id = incident.id;
    let by = |actor: &foghorn_core::words::Actor| person(state, &actor.name);
    let standing = match &incident.status {
        Status::Open => Standing::Open { again: incident.escalation.wave > 1 },
        Status::Acknowledged { by: who, at, .. } => Standing::Acknowledged {
            by: by(who),
            holder: who.name.to_string(),
            you: who.name == visitor.actor.name,
            at: clock.time(at.wall),
        },
        Status::Resolved { by: who, at, .. } => {
            Standing::Resolved { by: who.as_ref().map(by), at: clock.time(at.wall) }
        }
    };
    let until = match &incident.status {
        Status::Resolved { at, .. } => at.wall,
        _ => view.at.wall,
    };
    let downstream = picture::downstream(state, incident);
    let unwell = picture::unwell(incident);
    let worst = picture::worst_by_name(state, incident, ALERTS);
    let changes = picture::changes(state, incident, LISTED).into_iter().map(|c| Item {
        text: line(&c.summary, WIDE),
        href: c.link.clone().filter(|l| picture::is_web_link(l)),
        remark: line(&format!("{}, by {}", clock.time(c.at), c.source), 120),
    });
    let runbooks = picture::runbooks(state, incident).into_iter().map(|url| Item {
        text: line(&url, WIDE),
        href: Some(url).filter(|u| picture::is_web_link(u)),
        remark: String::new(),
    });
    let mut choices = Vec::new();
    if !unwell.is_empty() {
        let words = format!("everything unwell here: {}", names(unwell.iter().map(|(n, _)| *n), 3));
        choices.push(("unwell".to_owned(), words));
    }
    choices.extend(
        unwell
            .iter()
            .take(LISTED)
            .filter(|_| unwell.len() > 1)
            .map(|(name, _)| (format!("entity:{name}"), format!("only {}", line(name, NAME)))),
    );
    for alike in &worst {
        if let Some(name) = alike.worst.labels.get("alertname") {
            let value = format!("called:{}", encoded(name));
            if choices.len() < 2 * LISTED && !choices.iter().any(|(v, _)| *v == value) {
                choices.push((value, format!("alerts called {}, wherever", line(name, NAME))));
            }
        }
    }
    let title = line(&incident.title, WIDE);
    let frame = Frame::new(web, view, visitor, &format!("{}: {title}", incident.severity()), Here::Incidents)
        .live(format!("/incidents/{id}/live"));
    Page {
        id,
        severity: shown_severity(incident),
        standing,
        opened: clock.time(incident.opened.wall),
        lasts: long(until.since(incident.opened.wall)),
        age: until.since(incident.opened.wall).0,
        size: size(incident.had_alerts(), u64::from(incident.open_alerts()), incident.width),
        revision: incident.revision(),
        next: Counted::of(state, incident, view.at).capital(),
        escalate: escalate(view, incident),
        seen: incident.escalation.seen().to_string(),
        rows: worst.iter().map(|a| Row::of_alike(a, view, clock)).collect(),
        alerts: incident.alerts.size() as u64,
        open_alerts: u64::from(incident.open_alerts()),
        gone_on: incident.went_on(),
        unwell: names(unwell.iter().map(|(n, _)| *n), LISTED),
        downstream_total: downstream.len(),
        downstream: names(downstream.iter(), LISTED),
        changes: changes.collect(),
        runbooks: runbooks.collect(),
        left_out: stored.map_or(0, |c| c.left_out),
        choices,
        ..blank(frame, title)
    }
}

/// `10,000 alerts, 9,990 open, 12 unwell`; nothing for a single one.
fn size(alerts: u64, open: u64, width: u32) -> String {
    if alerts < 2 {
        return String::new();
    }
    let mut parts = vec![count(alerts, "alert", "alerts")];
    parts.extend((open > 0).then(|| format!("{} open", grouped(open))));
    parts.extend((width > 1).then(|| format!("{} unwell", grouped(width))));
    parts.join(", ")
}

/// On the button: who is woken by it, as far as that is known.
fn escalate(view: &View, incident: &Incident) -> String {
    let Some((step, people)) = next::asked(&view.state, incident, view.at) else {
        return "Page the next step now".to_owned();
    };
    let mut who = people.iter().take(PAGED).map(|p| person(&view.state, p)).collect::<Vec<_>>().join(", ");
    if people.len() > PAGED {
        who.push_str(&format!(" and {} more", grouped(people.len() - PAGED)));
    }
    format!("Page {who} now (step {})", step + 1)
}

fn blank(frame: Frame, title: String) -> Page {
    Page {
        frame,
        id: 0,
        title,
        severity: Severity::Info,
        standing: Standing::Resolved { by: None, at: String::new() },
        opened: String::new(),
        lasts: String::new(),
        age: 0,
        size: String::new(),
        revision: 0,
        next: Counted::default(),
        escalate: String::new(),
        seen: String::new(),
        rows: Vec::new(),
        alerts: 0,
        open_alerts: 0,
        gone_on: None,
        unwell: String::new(),
        downstream: String::new(),
        downstream_total: 0,
        sent: Vec::new(),
        sent_more: 0,
        changes: Vec::new(),
        runbooks: Vec::new(),
        strip: String::new(),
        lines: Vec::new(),
        earlier: false,
        left_out: 0,
        missing: None,
        unwritten: None,
        choices: Vec::new(),
        public: Public::default(),
    }
}

fn public(view: &View, clock: &Clock, id: IncidentId, life: &[Line]) -> Public {
    let state = &view.state;
    let incident = state.incident(id);
    let open = incident.is_some_and(|i| !i.is_resolved());
    let (updates, mut room) = (updates(state, id, life), WORDS);
    let last = updates.iter().find(|(_, u)| !u.is_withdrawn()).map(|(_, u)| u.stage);
    let likeliest = match last {
        _ if !open => Stage::Postmortem,
        Some(Stage::Resolved | Stage::Postmortem) | None => Stage::Investigating,
        Some(stage) => stage,
    };
    let stages = Stage::ALL.into_iter().filter(|s| !open || *s != Stage::Postmortem);
    let at_hand = !state.updates(id).is_empty();
    let seen = incident.filter(|_| open).map(|i| component::seen(state, i, view.at.wall));
    Public {
        there: !state.setup.components.is_empty(),
        components: seen.map_or_else(String::new, |seen| names(seen.iter().map(|(name, _)| *name), 3)),
        stages: stages.map(|s| (s.as_str(), stage_words(s, open), s == likeliest)).collect(),
        updates: updates
            .into_iter()
            .map(|(number, u)| Said {
                stage: u.stage,
                at: clock.time(u.at),
                machine: machine(u.at),
                by: person(state, &u.by.name),
                corrected: u.corrected.as_ref().map(|c| {
                    let what = if c.withdrawn { "withdrawn" } else { "corrected" };
                    format!("{what} {} by {}", clock.time(c.at), person(state, &c.by.name))
                }),
                withdrawn: u.is_withdrawn(),
                correct: (at_hand && !u.is_withdrawn()).then(|| format!("/incidents/{id}/updates/{number}")),
                text: lines_of(&u.text, &mut room),
            })
            .collect(),
    }
}

/// Short enough for a telephone.
pub(super) fn stage_words(stage: Stage, open: bool) -> &'static str {
    match stage {
        Stage::Investigating => "investigating: cause unknown",
        Stage::Identified => "identified: cause known",
        Stage::Monitoring => "monitoring: it is mended",
        Stage::Resolved if open => "resolved: ends the incident",
        Stage::Resolved => "resolved: it is over",
        Stage::Postmortem => "postmortem: what happened",
    }
}

fn put_away(
    web: &Web,
    view: &View,
    visitor: &Visitor,
    clock: &Clock,
    closed: &Closed,
) -> Result<Page, Problem> {
    let title = line(&closed.title, WIDE);
    let frame = Frame::new(web, view, visitor, &title, Here::Incidents);
    let (until, by) = closed.resolved.clone().unwrap_or((view.at.wall, None));
    let rows = web.api.parts.read_model.alerts(closed.id, 0, ALERTS)?.into_iter().map(|(_, a)| Row {
        summary: line(&a.summary, WIDE),
        severity: a.severity,
        status: a.status,
        entity: a.entity.map_or_else(String::new, |e| line(&e, NAME)),
        source: line(&a.source, NAME),
        since: clock.time(a.started),
        remark: String::new(),
        alike: String::new(),
        labels: Vec::new(),
    });
    Ok(Page {
        id: closed.id,
        severity: closed.peak,
        standing: Standing::Resolved { by: by.map(|b| person(&view.state, &b.name)), at: clock.time(until) },
        opened: clock.time(closed.opened),
        lasts: long(until.since(closed.opened)),
        rows: rows.collect(),
        alerts: closed.alerts,
        size: size(closed.alerts, 0, 0),
        left_out: closed.left_out,
        ..blank(frame, title)
    })
}
