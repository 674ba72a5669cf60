//! An incident's life as a strip: how it stood when, and what happened.

use super::charts::ticks;
use super::text::{Clock, NAME, line, person};
use crate::readmodel::Line;
use foghorn_core::event::Event;
use foghorn_core::incident::IncidentId;
use foghorn_core::page::{Outcome, PageKind};
use foghorn_core::time::{Span, Wall};
use foghorn_engine::View;
use foghorn_look::{Mark, MarkKind, Phase, Strip, Tone};

/// Alerts whose beginnings are looked at.
const ALERTS: usize = 500;
/// An incident that began just now has a strip of this length.
const SHORTEST: Span = Span::secs(10);

/// From the incident's record; empty where that is not known.
pub(super) fn of(view: &View, clock: &Clock, id: IncidentId, life: &[Line]) -> String {
    let (mut phases, mut marks): (Vec<(Wall, Tone, String)>, Vec<(Wall, MarkKind, String)>) =
        (Vec::new(), Vec::new());
    let name = |id: &str| person(&view.state, id);
    for told in life {
        let at = told.record.at.wall;
        let mut mark = |kind, words: String| marks.push((at, kind, format!("{} {words}", clock.second(at))));
        match &told.record.event {
            Event::IncidentOpened { .. } => phases.push((at, Tone::Bad, "nobody has answered".to_owned())),
            Event::IncidentReopened { .. } => phases.push((at, Tone::Bad, "open again".to_owned())),
            Event::RecoveryAwaited { until: Some(_), .. } => {
                phases.push((at, Tone::Good, "all was well for a while".to_owned()));
            }
            Event::RecoveryAwaited { .. } => phases.push((at, Tone::Bad, "unwell again".to_owned())),
            Event::AcknowledgementLapsed { .. } => {
                phases.push((at, Tone::Bad, "the acknowledgement was not enough".to_owned()));
            }
            Event::Acknowledged { by, .. } => {
                phases.push((at, Tone::Warn, format!("acknowledged by {}", name(&by.name))));
                mark(MarkKind::Acknowledged, format!("acknowledged by {}", name(&by.name)));
            }
            Event::IncidentResolved { .. } => {
                phases.push((at, Tone::Good, "over".to_owned()));
                mark(MarkKind::Resolved, "over".to_owned());
            }
            Event::StatusUpdated { by, stage, .. } => {
                mark(MarkKind::Note, format!("{} told the public: {stage}", name(&by.name)));
            }
            Event::StatusCorrected { by, text, .. } => {
                let what = if text.is_some() { "corrected" } else { "withdrew" };
                mark(MarkKind::Note, format!("{} {what} what the public was told", name(&by.name)));
            }
            Event::Noted { by, .. } => mark(MarkKind::Note, format!("{} wrote a note", name(&by.name))),
            Event::PageAttempted { key, channel, outcome: Outcome::Accepted { .. }, .. }
                if key.kind == PageKind::Page =>
            {
                mark(MarkKind::Page, format!("{} was paged by {}", name(&key.person), line(channel, NAME)));
            }
            _ => {}
        }
    }
    let Some((from, ..)) = phases.first() else { return String::new() };
    let from = *from;
    let open = view.state.incident(id);
    if let Some(incident) = open {
        let alerts = view.state.alerts_of(incident).take(ALERTS).map(|a| {
            let at = a.received.wall;
            (at, MarkKind::Alert, format!("{} {}", clock.second(at), line(&a.summary(), NAME)))
        });
        marks.extend(alerts.filter(|(at, ..)| *at >= from));
        marks.sort_by_key(|(at, ..)| *at);
    }
    // What is over ends a little after its end.
    let over = phases.last().filter(|(_, tone, _)| *tone == Tone::Good).map(|(at, ..)| *at);
    let to = match over {
        Some(at) => at + Span(at.since(from).0 / 12).max(Span::secs(1)),
        None => view.at.wall,
    };
    let to = to.max(from + SHORTEST);
    let phases: Vec<Phase<'_>> =
        phases.iter().map(|(at, tone, word)| Phase { from: at.0, tone: *tone, word }).collect();
    let marks: Vec<Mark<'_>> =
        marks.iter().map(|(at, kind, note)| Mark { at: at.0, kind: *kind, note }).collect();
    foghorn_look::strip(&Strip {
        title: &format!("Incident {id}"),
        from: from.0,
        to: to.0,
        phases: &phases,
        marks: &marks,
        ticks: &ticks(from, to, clock),
    })
}
