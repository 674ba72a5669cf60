//! An incident's timeline: its last lines for the incident's page, and all of it on pages of its own.

use super::Web;
use super::fold::{self, Fold};
use super::form::{Asked, Path};
use super::guard::Visitor;
use super::page::{self, Frame, Here, respond};
use super::text::{Clock, WIDE, count, line, machine, person};
use crate::problem::Problem;
use crate::readmodel::{Line, ReadModel};
use crate::show::event::sentence;
use crate::show::incident::{nowhere, unwritten};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::Record;
use foghorn_core::event::Event;
use foghorn_core::incident::IncidentId;
use foghorn_core::page::Outcome;
use foghorn_engine::View;
use foghorn_look::Tone;
use http::StatusCode;
use std::ops::Range;
use std::sync::Arc;

/// Lines of the timeline; all are on pages of their own.
const LINES: usize = 60;
/// Records that are looked through for them: many may be one line.
pub(super) const LOOKED_AT: usize = 300;
/// Of lines that are one, so many can be unfolded; all are on pages of their own.
const UNFOLDED: usize = 20;
/// The same on the whole page.
const UNFOLDED_IN_ALL: usize = 100;
/// Bytes of people's words in a list: beyond, of each the first are shown. All are in the API.
pub(super) const WORDS: usize = 24 << 10;
/// The same on a page of the timeline.
const WORDS_OF_TIMELINE: usize = 60 << 10;
/// Lines on a page of the timeline.
const LINES_ON_A_PAGE: usize = 100;
/// Records that are read for a page of it, at a time and in all: a storm is few lines.
const READ: usize = 1000;
const READ_IN_ALL: usize = 4000;

/// A line of the timeline as it is shown.
pub(super) enum Shown {
    One(Told),
    /// Many that are alike.
    Many(Many),
}

/// Lines that are alike, as one.
pub(super) struct Many {
    /// The same for as long as lines are added to it: a page that is open keeps it unfolded.
    pub(super) id: String,
    pub(super) words: String,
    pub(super) kind: &'static str,
    pub(super) from: (String, String),
    pub(super) to: (String, String),
    pub(super) lines: Vec<Told>,
    /// How many can not be unfolded here.
    pub(super) more: usize,
    /// Where each of its lines is on a page of the timeline: after this one.
    pub(super) before: u64,
}

/// A line of the timeline.
pub(super) struct Told {
    pub(super) seq: u64,
    pub(super) at: String,
    pub(super) machine: String,
    /// One line, of a note several.
    pub(super) text: Vec<String>,
    /// A tone, for its mark.
    /// Which way it is written: `ltr`, or `auto` for what somebody wrote.
    pub(super) dir: &'static str,
    pub(super) kind: &'static str,
}

/// The last lines of an incident, and whether there are more. `begun` is whether the first that is given is its first.
pub(super) fn latest_first(view: &View, clock: &Clock, lines: &[Line], begun: bool) -> (Vec<Shown>, bool) {
    let folds = folded(view, lines);
    let (mut room, mut words) = (UNFOLDED_IN_ALL, WORDS);
    let mut all = Vec::new();
    for fold in folds.iter().rev().take(LINES) {
        let Some(of) = lines.get(fold.of.clone()) else { continue };
        let unfolded = of.len().min(UNFOLDED).min(room);
        let Some(mut shown) = shown(view, clock, fold, of, of.len() - unfolded..of.len(), &mut words) else {
            continue;
        };
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

/// A fold of lines, of which these are shown; `None` of no line.
fn shown(
    view: &View,
    clock: &Clock,
    fold: &Fold,
    of: &[Line],
    unfolded: Range<usize>,
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
        more: of.len() - unfolded.len(),
        lines: of.get(unfolded)?.iter().map(|l| told(view, clock, l, room)).collect(),
        before: first.record.seq.saturating_sub(1),
    }))
}

fn tone(event: &Event) -> Tone {
    match event {
        Event::Noted { .. }
        | Event::StatusUpdated { .. }
        | Event::StatusCorrected { .. }
        | Event::Acknowledged { .. } => Tone::Info,
        Event::IncidentResolved { .. }
        | Event::AlertEnded { .. }
        | Event::RecoveryAwaited { until: Some(_), .. } => Tone::Good,
        Event::PageAttempted { outcome: Outcome::Accepted { .. }, .. } | Event::StepEntered { .. } => {
            Tone::Warn
        }
        Event::PageAttempted { .. }
        | Event::ContactPassedOver { .. }
        | Event::NobodyAnswered { .. }
        | Event::AcknowledgementLapsed { .. }
        | Event::IncidentReopened { .. }
        | Event::RecoveryAwaited { .. }
        | Event::IncidentOpened { .. }
        | Event::AlertOpened { .. } => Tone::Bad,
        Event::AlertMuted { .. } => Tone::Planned,
        _ => Tone::Unknown,
    }
}

fn told(view: &View, clock: &Clock, l: &Line, room: &mut usize) -> Told {
    // A note keeps its lines; of everything else one is enough. It goes the way of what somebody wrote, while Foghorn's own
    // sentences go theirs though a name begins them that is written from right to left.
    let text = sentence(&l.record, &view.state, l.alert.as_deref());
    let (text, dir) = match &l.record.event {
        Event::Noted { .. } | Event::StatusUpdated { .. } | Event::StatusCorrected { .. } => {
            (lines_of(&text, room), "auto")
        }
        _ => (vec![line(&text, 500)], "ltr"),
    };
    let at = l.record.at.wall;
    let kind = tone(&l.record.event).class();
    Told { seq: l.record.seq, at: clock.second(at), machine: machine(at), text, dir, kind }
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
    /// Whether lines that are alike are not folded.
    each: bool,
    /// Where the next page begins.
    after: Option<u64>,
    first: bool,
    left_out: u64,
    count: String,
    /// Why it lacks what happens now.
    unwritten: Option<String>,
}

/// What a page of a timeline shows.
#[derive(Clone, Copy)]
struct Wanted {
    /// From after this one on.
    after: u64,
    /// The end instead.
    end: bool,
    /// Whether lines that are alike are not folded.
    each: bool,
}

/// A page of a timeline: its records, how they are folded, and whether more come after them.
fn leaf(view: &View, model: &ReadModel, id: IncidentId, wanted: Wanted) -> Result<Leaf, Problem> {
    let fold = |lines: &[Line]| match wanted.each {
        true => (0..lines.len()).map(|n| Fold { of: n..n + 1, words: None }).collect(),
        false => folded(view, lines),
    };
    if wanted.end {
        let lines = model.latest(id, if wanted.each { LINES_ON_A_PAGE } else { READ })?;
        let mut folds = fold(&lines);
        folds.drain(..folds.len().saturating_sub(LINES_ON_A_PAGE));
        return Ok(Leaf { lines, folds, more: false });
    }
    let (at_once, most) = if wanted.each { (LINES_ON_A_PAGE, 0) } else { (READ, READ_IN_ALL) };
    let (mut lines, mut after) = (Vec::new(), wanted.after);
    loop {
        let mut next = model.timeline(id, after, at_once + 1)?;
        let mut more = next.len() > at_once;
        next.truncate(at_once);
        after = next.last().map_or(after, |l| l.record.seq);
        lines.extend(next);
        let mut folds = fold(&lines);
        if more && folds.len() <= LINES_ON_A_PAGE && lines.len() < most {
            continue;
        }
        more |= folds.len() > LINES_ON_A_PAGE;
        folds.truncate(LINES_ON_A_PAGE);
        return Ok(Leaf { lines, folds, more });
    }
}

struct Leaf {
    lines: Vec<Line>,
    folds: Vec<Fold>,
    more: bool,
}

/// `GET /incidents/{id}/timeline`: from its beginning.
pub(super) async fn show(
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
            (None, None) => return Err(nowhere(&view, id)),
        };
        let wanted = Wanted {
            after: asked.number("after").unwrap_or(0),
            end: asked.get("from") == "end",
            each: asked.get("each") == "yes",
        };
        let Leaf { lines, folds, more } = leaf(&view, model, id, wanted)?;
        let (mut room, mut unfold) = (WORDS_OF_TIMELINE, UNFOLDED_IN_ALL);
        let (mut all, mut told) = (Vec::new(), 0);
        for fold in &folds {
            let Some(of) = lines.get(fold.of.clone()) else { continue };
            let unfolded = of.len().min(UNFOLDED).min(unfold);
            unfold -= if fold.words.is_some() { unfolded } else { 0 };
            told += of.len();
            all.extend(shown(&view, &clock, fold, of, 0..unfolded, &mut room));
        }
        let last = folds.last().and_then(|f| lines.get(f.of.end.checked_sub(1)?));
        let page = TimelinePage {
            frame: Frame::new(web, &view, visitor, &format!("Timeline of incident {id}"), Here::Incidents),
            id,
            title,
            each: wanted.each,
            after: last.filter(|_| more).map(|l| l.record.seq),
            count: count(told as u64, "line", "lines"),
            lines: all,
            first: wanted.after == 0 && !wanted.end,
            left_out: stored.map_or(0, |c| c.left_out),
            unwritten: unwritten(&view).map(|why| line(&why, WIDE)),
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}
