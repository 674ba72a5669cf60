//! What every channel for people shows, in words: made once, laid out by each.

use crate::message::{Kind, Message, Names};
use crate::text::line;
use foghorn_core::time::Wall;
use std::fmt::Write as _;

/// At most so many alerts, changes and runbooks are listed.
const LISTED: usize = 8;
/// At most so many names are listed.
const NAMES: usize = 12;
/// Characters of a listed line.
const WIDE: usize = 300;

/// A message in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// `[CRITICAL] shop-api is down (#12)`, at most 78 characters.
    pub headline: String,
    /// One or two sentences.
    pub lead: String,
    /// What there is to tell, the most important first.
    pub sections: Vec<Section>,
    /// The button: its label and where it leads. Notices have none.
    pub button: Option<(&'static str, String)>,
    /// Where more is shown: label and address.
    pub link: (&'static str, String),
}

/// A heading and what is under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// `What is broken`
    pub head: &'static str,
    /// One or more.
    pub lines: Vec<Line>,
}

/// One line, harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(pub String);

impl Line {
    /// The line itself, if it is a link that may be followed from a mail.
    #[must_use]
    pub fn href(&self) -> Option<&str> {
        let ok = !self.0.contains(char::is_whitespace) && foghorn_net::http::Url::parse(&self.0).is_ok();
        ok.then_some(&self.0)
    }
}

/// The message in words, with times in the person's zone.
#[must_use]
pub fn view(m: &Message) -> View {
    let is_page = m.kind == Kind::Page;
    let mut sections = Vec::new();
    let mut section = |head, lines: Vec<String>| {
        if !lines.is_empty() {
            sections.push(Section { head, lines: lines.into_iter().map(Line).collect() });
        }
    };
    section("Foghorn itself is unwell", m.degraded.iter().map(|d| line(d, WIDE)).collect());
    match m.kind {
        Kind::Page | Kind::Acknowledged { .. } => section("What is broken", broken(m)),
        Kind::Resolved { .. } => section("What was broken", broken(m)),
        Kind::Test => {}
    }
    if is_page {
        section("How wide", wide(m));
        section("What changed lately", listed(m.changes.iter(), m.changes.len()));
        section("Runbook", listed(m.runbooks.iter(), m.runbooks.len()));
        section("If nobody answers", m.next.iter().map(|n| line(n, WIDE)).collect());
        section("Why you", vec![line(&m.why, WIDE)].into_iter().filter(|w| !w.is_empty()).collect());
    }
    View {
        headline: headline(m, 78),
        lead: lead(m),
        sections,
        button: is_page.then(|| ("Acknowledge", url(&m.ack_url))),
        link: (if m.kind == Kind::Test { "Foghorn" } else { "The incident" }, url(&m.incident.url)),
    }
}

impl View {
    /// All of it as plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("{}\n", self.lead);
        if let Some((label, url)) = &self.button {
            let _ = write!(out, "\n{label}: {url}\n");
        }
        for Section { head, lines } in &self.sections {
            let _ = write!(out, "\n{head}\n");
            for Line(text) in lines {
                let _ = writeln!(out, "- {text}");
            }
        }
        let (label, url) = &self.link;
        let _ = write!(out, "\n{label}: {url}\n");
        out
    }
}

/// `[DRILL] [CRITICAL] title (#12)` in at most `most` characters: the title gives way.
pub(crate) fn headline(m: &Message, most: usize) -> String {
    let drill = if m.drill { "[DRILL] " } else { "" };
    let (before, after) = match m.kind {
        Kind::Test => (format!("{drill}[TEST] "), String::new()),
        _ => (format!("{drill}[{}] ", word(m)), format!(" (#{})", m.incident.id)),
    };
    let room = most.saturating_sub(before.chars().count() + after.chars().count());
    format!("{before}{}{after}", line(&m.incident.title, room))
}

/// `CRITICAL`, `ACKNOWLEDGED`, `RESOLVED`, `TEST`
pub(crate) fn word(m: &Message) -> String {
    match m.kind {
        Kind::Page => m.incident.severity.as_str().to_uppercase(),
        _ => m.kind.as_str().to_uppercase(),
    }
}

fn lead(m: &Message) -> String {
    let drill = if m.drill { "This is a drill. " } else { "" };
    let since = time(m.incident.opened_at, m);
    let for_ = m.open_for();
    match &m.kind {
        Kind::Page => {
            // Whoever acknowledged it an hour ago must not read that nobody did.
            let what = match m.again.as_deref() {
                None => "nobody has acknowledged it".to_owned(),
                Some("") => "it pages again: nobody has acknowledged it as it is now".to_owned(),
                Some(why) => format!("it pages again: {}", line(why, WIDE)),
            };
            let doubt = m.doubt().map_or_else(String::new, |doubt| format!(" {doubt}."));
            format!("{drill}Open since {since}, for {for_}, and {what}.{doubt}")
        }
        Kind::Acknowledged { by } => {
            format!("{drill}Acknowledged by {}. You can stand down.", line(by, 80))
        }
        Kind::Resolved { by: Some(by) } => {
            format!("{drill}Resolved by {} after {for_} (since {since}).", line(by, 80))
        }
        Kind::Resolved { by: None } if m.incident.unwatched => format!(
            "{drill}It is over after {for_} (since {since}): what was wrong is not watched any more, so nobody knows that it is well."
        ),
        Kind::Resolved { by: None } => format!("{drill}It is over after {for_} (since {since})."),
        Kind::Test => format!("{drill}Nothing is wrong. If you read this, pages reach you here."),
    }
}

/// What a person says first: of an incident opened by hand there may be no alert at all.
fn broken(m: &Message) -> Vec<String> {
    let i = &m.incident;
    let says = i
        .opened_by
        .as_ref()
        .map(|by| format!("{} (opened by {}, {})", line(&i.title, 200), line(by, 60), time(i.opened_at, m)));
    let alerts = m.alerts.iter().map(|a| {
        // Where one thing is unwell, that is said below; where several are, it must be said which.
        let entity = a.entity.as_ref().filter(|e| m.entities.total > 1 && !a.summary.contains(e.as_str()));
        let entity = entity.map_or_else(String::new, |e| format!("{}, ", line(e, 60)));
        // What a person has said is over may fail still.
        let still =
            (matches!(m.kind, Kind::Resolved { .. }) && a.status.is_open()).then_some("still failing");
        let but = a.but().or(still).map_or_else(String::new, |but| format!("; {but}"));
        format!("{} ({entity}since {}{but})", line(&a.summary, WIDE), time(a.since, m))
    });
    let wrote = i.note.as_ref().map(|note| line(note, WIDE));
    let total =
        m.alerts_total.max(m.alerts.len()) + usize::from(says.is_some()) + usize::from(wrote.is_some());
    listed(says.into_iter().chain(wrote).chain(alerts), total)
}

fn wide(m: &Message) -> Vec<String> {
    let mut out = Vec::new();
    if m.entities.total > 0 {
        out.push(format!("Unwell: {}", names(&m.entities)));
    }
    if m.downstream.total > 0 {
        out.push(format!("Depends on it: {}", names(&m.downstream)));
    }
    out
}

/// `a, b and 3 more`
pub(crate) fn names(names: &Names) -> String {
    let shown: Vec<String> = names.listed.iter().take(NAMES).map(|n| line(n, 60)).collect();
    let more = match names.total.saturating_sub(shown.len()) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("{}{more}", shown.join(", "))
}

fn listed(lines: impl Iterator<Item = impl AsRef<str>>, total: usize) -> Vec<String> {
    let mut out: Vec<String> =
        lines.take(LISTED).map(|l| line(l.as_ref(), WIDE)).filter(|l| !l.is_empty()).collect();
    if total > out.len() && !out.is_empty() {
        out.push(format!("and {} more", total - out.len()));
    }
    out
}

/// `14 alerts, 2 unwell (shop-api, db), 3 more depend on it`, for where there is room for a sentence only.
pub(crate) fn width(m: &Message, most: usize) -> Option<String> {
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    let mut parts = Vec::new();
    let alerts = m.alerts_total.max(m.alerts.len());
    if alerts > 0 {
        parts.push(format!("{alerts} alert{}", plural(alerts)));
    }
    if m.entities.total > 0 {
        parts.push(format!("{} unwell ({})", m.entities.total, line(&names(&m.entities), most)));
    }
    if m.downstream.total > 0 {
        let depend = if m.downstream.total == 1 { "depends" } else { "depend" };
        parts.push(format!("{} more {depend} on it", m.downstream.total));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A part of a message that is short of room.
pub(crate) struct Part {
    /// 0 stays whatever happens; of the others the highest gives way first.
    pub(crate) rank: u8,
    /// As it stands in the message.
    pub(crate) text: String,
}

/// The parts in their order, without those that must give way until `fits`.
pub(crate) fn within(mut parts: Vec<Part>, fits: impl Fn(&str) -> bool) -> String {
    loop {
        let text: String = parts.iter().map(|p| p.text.as_str()).collect();
        let least = parts.iter().enumerate().max_by_key(|(_, p)| p.rank);
        match least {
            Some((at, Part { rank: 1.., .. })) if !fits(&text) => drop(parts.remove(at)),
            _ => return text,
        }
    }
}

/// A link of our own making: whole, but without anything that ends a line.
pub(crate) fn url(url: &str) -> String {
    url.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect()
}

/// `03:12 WET`, with the date if it is another day than that of sending. An unknown zone counts as UTC, and the name
/// that is shown says so.
pub(crate) fn time(at: Wall, m: &Message) -> String {
    let zone = jiff::tz::TimeZone::get(&m.person.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let (at, now) = (at.timestamp().to_zoned(zone.clone()), m.sent_at.timestamp().to_zoned(zone));
    let format = if at.date() == now.date() { "%H:%M %Z" } else { "%Y-%m-%d %H:%M %Z" };
    at.strftime(format).to_string()
}
