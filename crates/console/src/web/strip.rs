//! An incident's life as a strip: how it stood when, and what happened.

use super::charts::ticks;
use super::marks;
use super::text::{Clock, NAME, line, person};
use crate::readmodel::Line;
use foghorn_core::event::Event;
use foghorn_core::incident::IncidentId;
use foghorn_core::page::{Outcome, PageKind};
use foghorn_core::time::{Span, Wall};
use foghorn_core::words::{Severity, Urgency};
use foghorn_engine::View;
use foghorn_look::{Mark, MarkKind, Phase, Strip, Tone};

/// Alerts whose beginnings are looked at.
const ALERTS: usize = 500;
/// An incident that began just now has a strip of this length.
const SHORTEST: Span = Span::secs(10);

/// How it stood when.
#[derive(Default)]
struct Phases {
    all: Vec<(Wall, Tone, String)>,
    /// How bad it is; as bad as can be while that is not known.
    shape: Option<(Severity, Urgency)>,
    /// Whether somebody is waited for, and since when in which words.
    open: Option<&'static str>,
}

impl Phases {
    fn push(&mut self, at: Wall, tone: Tone, word: String) {
        match self.all.last_mut() {
            // Of what happens in one moment the last counts.
            Some(last) if last.0 == at => (last.1, last.2) = (tone, word),
            Some(last) if (last.1, &last.2) == (tone, &word) => {}
            _ => self.all.push((at, tone, word)),
        }
    }

    /// Somebody is on it, or it is over.
    fn calm(&mut self, at: Wall, tone: Tone, word: String) {
        self.open = None;
        self.push(at, tone, word);
    }

    /// As bad as it is, and not a red outage if it is none.
    fn open(&mut self, at: Wall, word: &'static str) {
        self.open = Some(word);
        let (severity, urgency) = self.shape.unwrap_or((Severity::Critical, Urgency::High));
        let pages_nobody = if urgency == Urgency::None { ", pages nobody" } else { "" };
        self.push(at, marks::of(severity), format!("{severity}, {word}{pages_nobody}"));
    }

    fn is_now(&mut self, at: Wall, severity: Severity, urgency: Urgency) {
        self.shape = Some((severity, urgency));
        if let Some(word) = self.open {
            self.open(at, word);
        }
    }
}

/// From the incident's record; empty where that is not known.
pub(super) fn of(view: &View, clock: &Clock, id: IncidentId, life: &[Line]) -> String {
    let mut phases = Phases::default();
    let mut marks: Vec<(Wall, MarkKind, String)> = Vec::new();
    let name = |id: &str| person(&view.state, id);
    for told in life {
        let at = told.record.at.wall;
        let mut mark = |kind, words: String| marks.push((at, kind, format!("{} {words}", clock.second(at))));
        match &told.record.event {
            Event::IncidentOpened { severity, urgency, .. } => {
                phases.shape = severity.map(|severity| (severity, *urgency));
                phases.open(at, "nobody is on it");
            }
            Event::IncidentGrew { shape, .. } => phases.is_now(at, shape.severity, shape.urgency),
            Event::IncidentReopened { .. } => phases.open(at, "open again"),
            Event::RecoveryAwaited { until: Some(_), .. } => {
                phases.calm(at, Tone::Good, "all was well for a while".to_owned());
            }
            Event::RecoveryAwaited { .. } => phases.open(at, "unwell again"),
            Event::AcknowledgementLapsed { .. } => phases.open(at, "the acknowledgement was not enough"),
            Event::Acknowledged { by, .. } => {
                phases.calm(at, Tone::Info, format!("acknowledged by {}", name(&by.name)));
                mark(MarkKind::Acknowledged, format!("acknowledged by {}", name(&by.name)));
            }
            Event::IncidentResolved { .. } => {
                phases.calm(at, Tone::Good, "over".to_owned());
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
            Event::PageAttempted { key, channel, outcome, .. } if key.kind == PageKind::Page => {
                let (whom, channel) = (name(&key.person), line(channel, NAME));
                match outcome {
                    Outcome::Accepted { .. } => {
                        mark(MarkKind::Page, format!("{whom} was paged by {channel}"))
                    }
                    Outcome::Retry { .. } | Outcome::Failed { .. } => {
                        mark(MarkKind::Failed, format!("{whom} was not reached by {channel}"));
                    }
                }
            }
            _ => {}
        }
    }
    let phases = phases.all;
    let Some((from, ..)) = phases.first() else { return String::new() };
    let from = *from;
    let open = view.state.incident(id);
    if let Some(incident) = open {
        let began = view.state.alerts_of(incident).take(ALERTS).map(|a| {
            let at = a.received.wall;
            (
                at,
                MarkKind::Alert(marks::of(a.severity)),
                format!("{} {}", clock.second(at), line(&a.summary(), NAME)),
            )
        });
        marks.extend(began.filter(|(at, ..)| *at >= from));
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
