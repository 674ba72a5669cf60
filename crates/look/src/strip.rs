//! An incident's timeline as a strip.

use crate::svg::{band, escape, percent, picture, share, words};
use crate::tone::Tone;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What happened between two moments.
#[derive(Clone, Debug)]
pub struct Strip<'a> {
    /// What it is: `Incident 12`.
    pub title: &'a str,
    /// The left end, in milliseconds or any other one unit.
    pub from: i64,
    /// The right end.
    pub to: i64,
    /// In order, each up to the next: `nobody has answered`, `acknowledged by Ana`, `resolved`.
    pub phases: &'a [Phase<'a>],
    /// In order of time; of many at one place one is drawn. At most [`Strip::MOST`].
    pub marks: &'a [Mark<'a>],
    /// Labels below, with their moments; two or three.
    pub ticks: &'a [(i64, String)],
}

/// How it stood from a moment on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase<'a> {
    /// From then on.
    pub from: i64,
    /// The worse, the taller.
    pub tone: Tone,
    /// In words.
    pub word: &'a str,
}

/// Something that happened at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark<'a> {
    /// When.
    pub at: i64,
    /// What sort of thing.
    pub kind: MarkKind,
    /// In words, with the time: `03:12:40 Ana was paged by e-mail`.
    pub note: &'a str,
}

/// Each kind has its own shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarkKind {
    /// Somebody wrote something. A small disc.
    Note,
    /// An alert began, and how bad it is. A square.
    Alert(Tone),
    /// Something was changed in production. A diamond.
    Change,
    /// A person was paged. A triangle that points down.
    Page,
    /// A person was to be paged, and the page was not taken. A cross.
    Failed,
    /// Somebody acknowledged. A tick.
    Acknowledged,
    /// It is over. A flag.
    Resolved,
}

impl MarkKind {
    /// In a square of 12 around its moment.
    const fn path(self) -> &'static str {
        match self {
            MarkKind::Note => "M6 3a3 3 0 1 0 .01 0z",
            MarkKind::Alert(_) => "M2 2h8v8H2z",
            MarkKind::Change => "M6 .5L11.5 6 6 11.5.5 6z",
            MarkKind::Page => "M.5 1.5h11L6 11z",
            MarkKind::Failed => "M2.5.5L6 4l3.5-3.5 2 2L8 6l3.5 3.5-2 2L6 8l-3.5 3.5-2-2L4 6 .5 2.5z",
            MarkKind::Acknowledged => "M4.5 10.5L0 6l2-2 2.5 2.5L10 1l2 2z",
            MarkKind::Resolved => "M2 0h9L8.5 3 11 6H4v6H2z",
        }
    }

    const fn tone(self) -> Tone {
        match self {
            MarkKind::Note | MarkKind::Change => Tone::Unknown,
            MarkKind::Alert(tone) => tone,
            MarkKind::Page => Tone::Warn,
            MarkKind::Failed => Tone::Bad,
            MarkKind::Acknowledged => Tone::Info,
            MarkKind::Resolved => Tone::Good,
        }
    }

    /// For the legend.
    const fn word(self) -> &'static str {
        match self {
            MarkKind::Note => "somebody wrote",
            MarkKind::Alert(_) => "an alert began",
            MarkKind::Change => "a change",
            MarkKind::Page => "a page was accepted",
            MarkKind::Failed => "a page was not accepted",
            MarkKind::Acknowledged => "somebody acknowledged",
            MarkKind::Resolved => "it was over",
        }
    }
}

impl Strip<'_> {
    /// Marks that are drawn.
    pub const MOST: usize = 200;
    /// Places across at which a mark of a kind is drawn once.
    const PLACES: f64 = 100.0;
    /// Phases in the legend; whoever looks at more of them reads the timeline.
    const KEYS: usize = 8;
}

/// Draws it, with a legend below.
#[must_use]
pub fn strip(strip: &Strip<'_>) -> String {
    let x = |at: i64| share(at, strip.from, strip.to);
    let mut inside = String::new();
    let mut said = String::new();
    for (i, phase) in strip.phases.iter().enumerate() {
        let (from, to) = (x(phase.from), x(strip.phases.get(i + 1).map_or(strip.to, |p| p.from)));
        let height = match phase.tone {
            Tone::Bad => 24.0,
            Tone::Warn => 18.0,
            Tone::Unknown => 12.0,
            Tone::Good | Tone::Info | Tone::Planned => 8.0,
        };
        let class = format!("solid {}", phase.tone.class());
        band(&mut inside, &class, from, to - from, 44.0 - height, height, phase.word);
        // Writing to a String cannot fail.
        let _ = write!(said, "{}{}", if i == 0 { "" } else { ", then " }, phase.word);
    }
    // Of alerts at one place the worst is drawn.
    let mut drawn: Vec<(i64, &Mark<'_>)> = Vec::new();
    for mark in strip.marks {
        let place = (x(mark.at) * Strip::PLACES) as i64;
        let same = |(at, m): &&mut (i64, &Mark<'_>)| *at == place && m.kind.word() == mark.kind.word();
        let full = drawn.len() >= Strip::MOST;
        match drawn.iter_mut().find(same) {
            Some(there) if mark.kind.tone() > there.1.kind.tone() => there.1 = mark,
            None if !full => drawn.push((place, mark)),
            _ => {}
        }
    }
    for (_, mark) in &drawn {
        let _ = write!(
            inside,
            "<svg class=\"{}\" x=\"{}\" y=\"3\" width=\"1\" height=\"1\" overflow=\"visible\"><path class=\"mark\" transform=\"translate(-6 0)\" d=\"{}\"><title>{}</title></path></svg>",
            mark.kind.tone().class(),
            percent(x(mark.at)),
            mark.kind.path(),
            escape(mark.note)
        );
    }
    for (at, label) in strip.ticks {
        words(&mut inside, "", x(*at), 60.0, label);
    }
    picture("", 64, strip.title, &said, &inside) + &legend(strip.phases, &drawn)
}

/// What the colours and the shapes that are there stand for.
fn legend(phases: &[Phase<'_>], drawn: &[(i64, &Mark<'_>)]) -> String {
    let mut out = String::from("<ul class=\"legend\">");
    let mut told: Vec<(Tone, &str)> = Vec::new();
    for phase in phases {
        let key = (phase.tone, phase.word);
        if !told.contains(&key) && told.len() < Strip::KEYS {
            told.push(key);
            let (class, word) = (phase.tone.class(), escape(phase.word));
            let _ = write!(out, "<li><span class=\"key {class}\"></span> <bdi>{word}</bdi></li>");
        }
    }
    let kinds: BTreeMap<&str, MarkKind> = drawn.iter().map(|(_, m)| (m.kind.word(), m.kind)).collect();
    let mut kinds: Vec<MarkKind> = kinds.into_values().collect();
    kinds.sort();
    for kind in kinds {
        let _ = write!(
            out,
            "<li><span class=\"toned {}\"><svg class=\"icon\" viewBox=\"0 0 12 12\" aria-hidden=\"true\"><path d=\"{}\"/></svg></span> {}</li>",
            kind.tone().class(),
            kind.path(),
            kind.word()
        );
    }
    out.push_str("</ul>");
    out
}
