//! One incident: everything about it, and the buttons.

use super::alerts::Row;
use super::fold::{self, Fold};
use super::form::{Asked, Path};
use super::guard::Visitor;
use super::page::{self, Frame, Here, respond};
use super::pages_sent::{self, Sent};
use super::text::{Clock, NAME, WIDE, capital, count, line, long, machine, names, person};
use super::{Web, strip};
use crate::next;
use crate::problem::{Kind, Problem};
use crate::readmodel::{Closed, Line};
use crate::show::event::sentence;
use crate::show::incident::{shown_severity, updates};
use crate::show::picture;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::Record;
use foghorn_core::component;
use foghorn_core::event::Event;
use foghorn_core::incident::{Incident, IncidentId, Status};
use foghorn_core::page::Outcome;
use foghorn_core::update::Stage;
use foghorn_core::words::Severity;
use foghorn_engine::View;
use foghorn_look::Tone;
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;

/// Alerts in the picture of an incident; all are on pages of their own.
const ALERTS: usize = 12;
/// Lines of the timeline; all are on pages of their own.
const LINES: usize = 60;
/// Records that are looked through for them: many may be one line.
const LOOKED_AT: usize = 300;
/// Of lines that are one, so many can be unfolded; all are on pages of their own.
const UNFOLDED: usize = 20;
/// The same on the whole page.
const UNFOLDED_IN_ALL: usize = 100;
/// Bytes of people's words in a list: beyond, of each the first are shown. All are in the API.
const WORDS: usize = 24 << 10;
/// The same on a page of the timeline.
const WORDS_OF_TIMELINE: usize = 60 << 10;
/// Lines on a page of the timeline.
const LINES_ON_A_PAGE: usize = 100;
/// Acts and attempts that are looked through.
const LIFE: usize = 500;
/// Of changes and names.
const LISTED: usize = 12;
/// After a button the page waits so long for its own line in the timeline.
const OWN_LINE: Duration = Duration::from_millis(800);

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
    /// What a button covers.
    revision: u64,
    next: String,
    rows: Vec<Row>,
    alerts: u64,
    open_alerts: u64,
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
}

/// How it stands.
enum Standing {
    Open { again: bool },
    Acknowledged { by: String, you: bool, at: String },
    Resolved { by: Option<String>, at: String },
}

/// A line, perhaps a link, and a remark.
struct Item {
    text: String,
    href: Option<String>,
    remark: String,
}

/// A line of the timeline as it is shown.
enum Shown {
    One(Told),
    /// Many that are alike.
    Many(Many),
}

/// Lines that are alike, as one.
struct Many {
    /// The same for as long as lines are added to it: a page that is open keeps it unfolded.
    id: String,
    words: String,
    kind: &'static str,
    from: (String, String),
    to: (String, String),
    lines: Vec<Told>,
    /// How many can not be unfolded here.
    more: usize,
}

/// A line of the timeline.
struct Told {
    seq: u64,
    at: String,
    machine: String,
    /// One line, of a note several.
    text: Vec<String>,
    /// A tone, for its mark.
    kind: &'static str,
}

/// `GET /incidents/{id}`
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(id): Path<IncidentId>,
    asked: Asked,
) -> Response {
    if !asked.get("done").is_empty() {
        own_line(&web).await;
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
                at_hand(web, &view, visitor, &clock, open, stored.as_ref(), &asked)
            }
            (None, Ok(Some(closed))) => put_away(web, &view, visitor, &clock, &closed, &asked)?,
            (None, Ok(None)) => return Err(Problem::not_found(format!("incident {id}"))),
            (None, Err(e)) => return Err(Problem::new(Kind::Unavailable, e.to_string())),
        };
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

/// Whoever pressed a button looks for it in the timeline.
async fn own_line(web: &Web) {
    let seq = web.api.parts.engine.view().seq;
    let there = async {
        while web.api.parts.read_model.lag().seq < seq {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // A list that lags for longer says so itself.
    let _ = tokio::time::timeout(OWN_LINE, there).await;
}

fn at_hand(
    web: &Web,
    view: &View,
    visitor: &Visitor,
    clock: &Clock,
    incident: &Incident,
    stored: Option<&Closed>,
    asked: &Asked,
) -> Page {
    let state = &view.state;
    let id = incident.id;
    let by = |actor: &foghorn_core::words::Actor| person(state, &actor.name);
    let standing = match &incident.status {
        Status::Open => Standing::Open { again: incident.escalation.wave > 1 },
        Status::Acknowledged { by: who, at, .. } => Standing::Acknowledged {
            by: by(who),
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
    let worst = picture::worst(state, incident, ALERTS);
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
    for alert in &worst {
        if let Some(name) = alert.labels.get("alertname") {
            let value = format!("alertname={name:?}");
            if choices.len() < 2 * LISTED && !choices.iter().any(|(v, _)| *v == value) {
                choices.push((value, format!("alerts called {}, wherever", line(name, NAME))));
            }
        }
    }
    let title = line(&incident.title, WIDE);
    let frame = Frame::new(web, view, visitor, &format!("{}: {title}", incident.severity()), Here::Incidents)
        .told(asked)
        .live(format!("/incidents/{id}/live"));
    Page {
        id,
        severity: shown_severity(incident),
        standing,
        opened: clock.time(incident.opened.wall),
        lasts: long(until.since(incident.opened.wall)),
        revision: incident.shape().revision,
        next: capital(&line(&next::sentence(state, &next::next(state, incident, view.at), view.at), WIDE)),
        rows: worst.into_iter().map(|a| Row::of(a, view, clock)).collect(),
        alerts: incident.alerts.size() as u64,
        open_alerts: u64::from(incident.open_alerts()),
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

fn blank(frame: Frame, title: String) -> Page {
    Page {
        frame,
        id: 0,
        title,
        severity: Severity::Info,
        standing: Standing::Resolved { by: None, at: String::new() },
        opened: String::new(),
        lasts: String::new(),
        revision: 0,
        next: String::new(),
        rows: Vec::new(),
        alerts: 0,
        open_alerts: 0,
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
        choices: Vec::new(),
        public: Public::default(),
    }
}

fn public(view: &View, clock: &Clock, id: IncidentId, life: &[Line]) -> Public {
    let state = &view.state;
    let incident = state.incident(id);
    let open = incident.is_some_and(|i| !i.is_resolved());
    let (updates, mut room) = (updates(state, id, life), WORDS);
    let last = updates.first().map(|u| u.stage);
    let likeliest = match last {
        _ if !open => Stage::Postmortem,
        Some(Stage::Resolved | Stage::Postmortem) | None => Stage::Investigating,
        Some(stage) => stage,
    };
    let stages = Stage::ALL.into_iter().filter(|s| !open || *s != Stage::Postmortem);
    let hurt = incident.filter(|i| open && i.severity() > Severity::Info);
    Public {
        there: !state.setup.components.is_empty(),
        components: hurt.map_or_else(String::new, |i| names(component::touched(state, i), 3)),
        stages: stages.map(|s| (s.as_str(), stage_words(s, open), s == likeliest)).collect(),
        updates: updates
            .into_iter()
            .map(|u| Said {
                stage: u.stage,
                at: clock.time(u.at),
                machine: machine(u.at),
                by: person(state, &u.by.name),
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
    asked: &Asked,
) -> Result<Page, Problem> {
    let title = line(&closed.title, WIDE);
    let frame = Frame::new(web, view, visitor, &title, Here::Incidents).told(asked);
    let (until, by) = closed.resolved.clone().unwrap_or((view.at.wall, None));
    let rows = web.api.parts.read_model.alerts(closed.id, None, ALERTS)?.into_iter().map(|a| Row {
        summary: line(&a.summary, WIDE),
        severity: a.severity,
        status: a.status,
        entity: a.entity.map_or_else(String::new, |e| line(&e, NAME)),
        source: line(&a.source, NAME),
        since: clock.time(a.started),
        remark: String::new(),
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
        left_out: closed.left_out,
        ..blank(frame, title)
    })
}

/// The last lines of an incident, and whether there are more. `begun` is whether the first that is given is its first.
fn latest_first(view: &View, clock: &Clock, lines: &[Line], begun: bool) -> (Vec<Shown>, bool) {
    let folds = folded(view, lines);
    let (mut room, mut words) = (UNFOLDED_IN_ALL, WORDS);
    let mut all = Vec::new();
    for fold in folds.iter().rev().take(LINES) {
        let Some(of) = lines.get(fold.of.clone()) else { continue };
        let unfolded = of.len().min(UNFOLDED).min(room);
        let Some(mut shown) = shown(view, clock, fold, of, of.len() - unfolded, &mut words) else { continue };
        if let Shown::Many(many) = &mut shown {
            room -= unfolded;
            many.lines.reverse();
            if !begun && fold.of.start == 0 {
                // Its first line is not known, and is another with every line that comes.
                (many.id, many.words) = ("f0".to_owned(), format!("at least {}", many.words));
            }
        }
        all.push(shown);
    }
    (all, folds.len() > LINES)
}

fn folded(view: &View, lines: &[Line]) -> Vec<Fold> {
    let records: Vec<&Record> = lines.iter().map(|l| &l.record).collect();
    fold::fold(&records, &|id| person(&view.state, id))
}

/// A fold of lines, of which the first `more` are not shown; `None` of no line.
fn shown(
    view: &View,
    clock: &Clock,
    fold: &Fold,
    of: &[Line],
    more: usize,
    room: &mut usize,
) -> Option<Shown> {
    let (Some(words), [first, .., last]) = (&fold.words, of) else {
        return of.first().map(|l| Shown::One(told(view, clock, l, room)));
    };
    let at = |l: &Line| (machine(l.record.at.wall), clock.second(l.record.at.wall));
    Some(Shown::Many(Many {
        id: format!("f{}", first.record.seq),
        words: words.clone(),
        kind: tone(&first.record.event).class(),
        from: at(first),
        to: at(last),
        lines: of.iter().skip(more).map(|l| told(view, clock, l, room)).collect(),
        more,
    }))
}

fn tone(event: &Event) -> Tone {
    match event {
        Event::Noted { .. } | Event::StatusUpdated { .. } | Event::Acknowledged { .. } => Tone::Info,
        Event::IncidentResolved { .. } | Event::AlertEnded { .. } => Tone::Good,
        Event::PageAttempted { outcome: Outcome::Accepted { .. }, .. } | Event::StepEntered { .. } => {
            Tone::Warn
        }
        Event::PageAttempted { .. }
        | Event::ContactPassedOver { .. }
        | Event::NobodyAnswered { .. }
        | Event::AcknowledgementLapsed { .. }
        | Event::IncidentReopened { .. }
        | Event::IncidentOpened { .. }
        | Event::AlertOpened { .. } => Tone::Bad,
        Event::AlertMuted { .. } => Tone::Planned,
        _ => Tone::Unknown,
    }
}

fn told(view: &View, clock: &Clock, l: &Line, room: &mut usize) -> Told {
    // A note keeps its lines; of everything else one is enough.
    let text = sentence(&l.record, &view.state, l.alert.as_deref());
    let text = match &l.record.event {
        Event::Noted { .. } | Event::StatusUpdated { .. } => lines_of(&text, room),
        _ => vec![line(&text, 500)],
    };
    let at = l.record.at.wall;
    let kind = tone(&l.record.event).class();
    Told { seq: l.record.seq, at: clock.second(at), machine: machine(at), text, kind }
}

/// Characters of a note that are shown in a list.
const NOTE: usize = 4000;
/// The same where there is no room left.
const FIRST_WORDS: usize = 200;

/// The lines of what a person wrote, as far as there is room for bytes.
pub(super) fn lines_of(text: &str, room: &mut usize) -> Vec<String> {
    let most = NOTE.min((*room).max(FIRST_WORDS));
    let mut left = most;
    let mut lines = Vec::new();
    for all in text.lines().take(100) {
        if left == 0 {
            break;
        }
        let shown = line(all, left);
        left = left.saturating_sub(shown.chars().count());
        *room = room.saturating_sub(shown.len());
        lines.push(shown);
    }
    if text.chars().count() > most || text.lines().count() > 100 {
        lines.push("… the whole is in the API".to_owned());
    }
    lines
}

#[derive(Template)]
#[template(path = "console/timeline.html")]
struct TimelinePage {
    frame: Frame,
    id: IncidentId,
    title: String,
    lines: Vec<Shown>,
    /// Where the next page begins.
    after: Option<u64>,
    first: bool,
    left_out: u64,
    count: String,
}

/// `GET /incidents/{id}/timeline`: from its beginning.
pub(super) async fn timeline(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(id): Path<IncidentId>,
    asked: Asked,
) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let model = &web.api.parts.read_model;
        let clock = page::clock(&view, visitor);
        let stored = model.incident(id)?;
        let title = match (view.state.incident(id), &stored) {
            (Some(i), _) => line(&i.title, WIDE),
            (None, Some(c)) => line(&c.title, WIDE),
            (None, None) => return Err(Problem::not_found(format!("incident {id}"))),
        };
        let after = asked.number("after").unwrap_or(0);
        let mut lines = model.timeline(id, after, LINES_ON_A_PAGE + 1)?;
        let more = lines.len() > LINES_ON_A_PAGE;
        lines.truncate(LINES_ON_A_PAGE);
        let mut room = WORDS_OF_TIMELINE;
        let folds = folded(&view, &lines).into_iter();
        let all = folds.filter_map(|f| shown(&view, &clock, &f, lines.get(f.of.clone())?, 0, &mut room));
        let all: Vec<Shown> = all.collect();
        let page = TimelinePage {
            frame: Frame::new(web, &view, visitor, &format!("Timeline of incident {id}"), Here::Incidents),
            id,
            title,
            after: lines.last().filter(|_| more).map(|l| l.record.seq),
            count: count(lines.len() as u64, "line", "lines"),
            lines: all,
            first: after == 0,
            left_out: stored.map_or(0, |c| c.left_out),
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}
