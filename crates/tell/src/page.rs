//! What the public reads.

use crate::days::{DAY, Spent, days, measured, percent, uptime};
use crate::ledger::{Ledger, PublicIncident, Stretch};
use crate::pages::{Body, HTML, Pages};
use crate::shown::{Room, Shown};
use crate::verdict::{gravest, heading};
use askama::Template;
use foghorn_config::model::StatusPage;
use foghorn_core::component::ComponentStatus;
use foghorn_core::incident::IncidentId;
use foghorn_core::time::{Span, Wall};
use foghorn_core::update::Stage;
use foghorn_look::{Day, Tone, badge, bars, icon};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

/// Days that are drawn.
const DAYS: usize = 90;
/// Bytes of the front page for people's words and for bars; components beyond have a figure, so that the page stays small.
const ROOM: usize = 84 << 10;
/// Bytes of a component without bars.
const WITHOUT_BARS: usize = 220;
/// Incidents that the front page shows, of each sort.
const SHOWN: usize = 10;
/// Incidents of the last so many days are on the front page.
const LATELY: i64 = 14 * DAY;
/// Incidents of a month that are shown.
const IN_MONTH: usize = 100;
/// Months that have a page even if nothing happened; none is from before anything was known.
const MONTHS: i32 = 13;
/// Characters of a component's name.
pub(crate) const NAME: usize = 80;
/// Bytes of people's words on the front page; all are on those of the months.
const TEXT_ON_FRONT: usize = 40 << 10;
/// The same on the page of a month.
const TEXT_IN_MONTH: usize = 512 << 10;

/// Why what is shown may not be how it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It is.
    None,
    /// What decides has not moved since then.
    Old { since: Wall },
    /// Foghorn's own disk is unwell.
    Degraded { since: Wall },
    /// The past is still being read.
    NoHistoryYet,
}

#[derive(Template)]
#[template(path = "status.html")]
struct StatusTemplate<'a> {
    frame: Frame<'a>,
    heading: &'static str,
    tone: &'static str,
    icon: String,
    unknown_icon: String,
    doubt: Option<String>,
    as_of: String,
    as_of_machine: String,
    open: Vec<Shown>,
    open_more: usize,
    /// The page of this month, which has all that is open.
    month: String,
    components: Vec<Component>,
    past: Vec<Shown>,
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryTemplate<'a> {
    frame: Frame<'a>,
    month: String,
    is_over: bool,
    /// The first day of which anything is known, if it is of this month.
    since: Option<String>,
    before: Option<(String, String)>,
    after: Option<(String, String)>,
    incidents: Vec<Shown>,
    more: usize,
}

#[derive(Template)]
#[template(path = "missing.html")]
struct MissingTemplate<'a> {
    frame: Frame<'a>,
}

/// What is around every page.
#[derive(Clone, Copy)]
struct Frame<'a> {
    /// The status page's name.
    name: &'a str,
    style: &'static str,
    /// The place in the navigation.
    here: &'static str,
}

struct Component {
    name: String,
    well: bool,
    badge: String,
    bars: String,
    uptime: String,
}

/// Every page.
pub(crate) fn render(
    page: &StatusPage,
    ledger: &Ledger,
    now: Wall,
    doubt: Doubt,
) -> Result<Pages, askama::Error> {
    let style = foghorn_look::style_file();
    let name = line(&page.name, 200);
    let frame = |here| Frame { name: &name, style, here };
    let mut css = Body::new("text/css; charset=utf-8", foghorn_look::STYLE);
    css.fixed = true;
    let mut all = HashMap::from([(format!("/{style}"), css)]);
    all.insert("/".to_owned(), Body::new(HTML, front(page, frame("/"), ledger, now, doubt).render()?));
    all.insert("/status.json".to_owned(), Body::new("application/json", machine(page, ledger, now)));
    for (path, text) in months(frame("/history"), ledger, now)? {
        all.insert(path, Body::new(HTML, text));
    }
    let missing = MissingTemplate { frame: frame("") }.render()?;
    Ok(Pages::new(all, Body::new(HTML, missing)))
}

fn front<'a>(
    page: &StatusPage,
    frame: Frame<'a>,
    ledger: &Ledger,
    now: Wall,
    doubt: Doubt,
) -> StatusTemplate<'a> {
    let statuses: Vec<ComponentStatus> = page.components.iter().map(|(n, _)| status(ledger, n)).collect();
    let open = open(ledger);
    let mut stages = open.iter().filter_map(|(_, i)| i.under_way());
    let working = stages.any(|stage| stage != Stage::Monitoring);
    let (heading, overall) = heading(&statuses, working);
    let mut room = Room::of(TEXT_ON_FRONT);
    let lately =
        ledger.incidents.values().rev().filter(|i| i.resolved.is_some_and(|at| at.0 >= now.0 - LATELY));
    let (shown_open, shown_past): (Vec<Shown>, Vec<Shown>) = (
        open.iter().take(SHOWN).map(|(_, i)| Shown::of(i, ledger, now, &mut room)).collect(),
        lately.take(SHOWN).map(|i| Shown::of(i, ledger, now, &mut room)).collect(),
    );
    let spent = TEXT_ON_FRONT - room.left() + WITHOUT_BARS * page.components.len();
    let mut for_bars = ROOM.saturating_sub(spent);
    let all = page.components.iter().zip(&statuses);
    let mut components: Vec<Component> =
        all.map(|((name, _), status)| component(name, *status, past(ledger, name), now)).collect();
    // What is unwell has its bars before what is well, wherever it stands.
    for well in [false, true] {
        for component in components.iter_mut().filter(|c| c.well == well) {
            match for_bars.checked_sub(component.bars.len()) {
                Some(left) => for_bars = left,
                None => component.bars.clear(),
            }
        }
    }
    StatusTemplate {
        frame,
        heading,
        tone: overall.class(),
        icon: icon(overall),
        unknown_icon: icon(Tone::Unknown),
        doubt: doubt_words(doubt, now),
        as_of: clock(now, "%-d %B %Y, %H:%M"),
        as_of_machine: machine_time(now),
        open_more: open.len().saturating_sub(SHOWN),
        month: path(month(now)),
        open: shown_open,
        past: shown_past,
        components,
    }
}

/// What is open: the worst first, and of what is as bad that of which the public has heard last.
fn open(ledger: &Ledger) -> Vec<(&IncidentId, &PublicIncident)> {
    let mut open: Vec<_> = ledger.incidents.iter().rev().filter(|(_, i)| i.resolved.is_none()).collect();
    open.sort_by_cached_key(|(_, i)| Reverse((i.gravity(), i.heard_of())));
    open
}

fn past<'a>(ledger: &'a Ledger, component: &str) -> &'a [Stretch] {
    ledger.stretches.get(component).map_or(&[], Vec::as_slice)
}

fn status(ledger: &Ledger, component: &str) -> ComponentStatus {
    past(ledger, component).last().map_or(ComponentStatus::Unknown, |s| s.status)
}

fn component(name: &str, status: ComponentStatus, past: &[Stretch], now: Wall) -> Component {
    let all = days(past, now, DAYS);
    let uptime = up(&all);
    let name = line(name, NAME);
    let bar = |(i, spent): (usize, &Spent)| {
        let worst = spent.worst();
        let lasted = Span(spent.of(worst).unsigned_abs());
        let date = clock(Wall(now.0 - DAY * (DAYS - 1 - i) as i64), "%-d %B");
        let note = match worst {
            ComponentStatus::Unknown | ComponentStatus::Operational => format!("{date}: {}", worst.words()),
            bad => format!("{date}: {} for {}", bad.words(), lasting(lasted)),
        };
        Day { tone: tone(worst), note }
    };
    let days: Vec<Day> = all.iter().enumerate().map(bar).collect();
    let unwell: Vec<&str> =
        days.iter().filter(|d| d.tone >= Tone::Warn).map(|d| d.note.as_str()).take(10).collect();
    let said = if unwell.is_empty() { String::new() } else { format!(" {}.", unwell.join("; ")) };
    let bars = bars(&format!("{name}, the last {DAYS} days"), &format!("{uptime}.{said}"), &days);
    Component {
        well: status == ComponentStatus::Operational,
        badge: badge(tone(status), status.words()),
        name,
        bars,
        uptime,
    }
}

/// The share of the time in which it was up, and of how long a time that is said while it is not all the days.
fn up(all: &[Spent]) -> String {
    let Some(share) = uptime(all) else { return "not measured yet".to_owned() };
    let (share, known) = (percent(share), measured(all));
    // Today is not over.
    if known >= DAY * (DAYS as i64 - 1) {
        return format!("{share} up");
    }
    format!("{share} up, measured for {}", lasting(Span(known.unsigned_abs())))
}

pub(crate) fn tone(status: ComponentStatus) -> Tone {
    match status {
        ComponentStatus::Operational => Tone::Good,
        ComponentStatus::DegradedPerformance => Tone::Warn,
        ComponentStatus::PartialOutage | ComponentStatus::MajorOutage => Tone::Bad,
        ComponentStatus::UnderMaintenance => Tone::Planned,
        ComponentStatus::Unknown => Tone::Unknown,
    }
}

fn doubt_words(doubt: Doubt, now: Wall) -> Option<String> {
    let ago = |since| crate::keeper::ago(since, now);
    match doubt {
        Doubt::None => None,
        Doubt::Old { since } => Some(format!(
            "This page is {} old: it shows how things were at {} UTC.",
            ago(since),
            clock(since, "%H:%M")
        )),
        Doubt::Degraded { since } => Some(format!(
            "The system that keeps this page has had a problem of its own for {}. What is shown may be late.",
            ago(since)
        )),
        Doubt::NoHistoryYet => {
            Some("The history of this page is being read; it will be whole soon.".to_owned())
        }
    }
}

/// For a page that nobody makes anew any more.
pub(crate) fn old_banner(age: Duration) -> String {
    format!(
        "<div class=\"banner warn\" role=\"status\">{}<div><p>This page is {} old: how things are now is not known.</p></div></div>",
        icon(Tone::Warn),
        lasting(Span(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)))
    )
}

/// A month as a number, by which they are counted.
fn month(at: Wall) -> i32 {
    let date = civil(at);
    i32::from(date.year()) * 12 + i32::from(date.month()) - 1
}

fn path(month: i32) -> String {
    format!("/history/{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)
}

/// The months that an incident was in, first and last. One that ends at midnight was not in the next.
fn months_of(incident: &PublicIncident, now: Wall) -> (i32, i32) {
    let last = incident.resolved.map_or(now, |end| Wall(end.0 - 1));
    (month(incident.opened), month(last.max(incident.opened)))
}

/// Those that a month's page shows of all that were in it, newest first: what is open and what was worst has room before the rest.
fn of_month(mut all: Vec<&PublicIncident>) -> Vec<&PublicIncident> {
    if all.len() > IN_MONTH {
        let mut by_weight: Vec<usize> = (0..all.len()).collect();
        by_weight.sort_by_cached_key(|n| Reverse((all[*n].resolved.is_none(), all[*n].gravity())));
        by_weight.truncate(IN_MONTH);
        by_weight.sort_unstable();
        all = by_weight.into_iter().map(|n| all[n]).collect();
    }
    all
}

/// Each month that can be looked at, by its path, and `/history` for the latest.
fn months(frame: Frame<'_>, ledger: &Ledger, now: Wall) -> Result<Vec<(String, String)>, askama::Error> {
    let words = |n: i32| {
        let first =
            Date::new(i16::try_from(n.div_euclid(12)).unwrap_or(1970), (n.rem_euclid(12) + 1) as i8, 1);
        first.map_or_else(|_| path(n), |d| d.strftime("%B %Y").to_string())
    };
    let last = month(now);
    let since = ledger.known_since().unwrap_or(now);
    let first = month(since).clamp(last - MONTHS + 1, last);
    let mut pages = Vec::new();
    let spans: Vec<_> = ledger.incidents.values().map(|i| (i, months_of(i, now))).collect();
    for n in first..=last {
        let all = spans.iter().rev().filter(|(_, (first, last))| (*first..=*last).contains(&n));
        let all: Vec<&PublicIncident> = all.map(|(i, _)| *i).collect();
        let mut room = Room::of(TEXT_IN_MONTH);
        let page = HistoryTemplate {
            frame,
            month: words(n),
            is_over: n < last,
            since: (n == month(since)).then(|| clock(since, "%-d %B %Y")),
            before: (n > first).then(|| (path(n - 1), words(n - 1))),
            after: (n < last).then(|| (path(n + 1), words(n + 1))),
            more: all.len().saturating_sub(IN_MONTH),
            incidents: of_month(all).into_iter().map(|i| Shown::of(i, ledger, now, &mut room)).collect(),
        }
        .render()?;
        if n == last {
            pages.push(("/history".to_owned(), page.clone()));
        }
        pages.push((path(n), page));
    }
    Ok(pages)
}

/// The same for programs.
fn machine(page: &StatusPage, ledger: &Ledger, now: Wall) -> String {
    let components: Vec<_> = page
        .components
        .iter()
        .map(|(name, _)| {
            let up = uptime(&days(past(ledger, name), now, DAYS));
            json!({ "name": name, "status": status(ledger, name), "uptime_90_days": up })
        })
        .collect();
    let open = open(ledger);
    let mut room = Room::of(TEXT_ON_FRONT);
    let shown = open.iter().take(SHOWN);
    let incidents: Vec<_> = shown
        .map(|(id, i)| {
            let (said, standing) = (room.newest(&i.words), i.standing());
            let updates: Vec<_> = said
                .iter()
                .rev()
                .map(|w| {
                    let mut update = json!({ "at": machine_time(w.at), "stage": w.stage, "text": w.text });
                    if let Some(c) = w.corrected {
                        update["corrected_at"] = machine_time(c.at).into();
                        update["withdrawn"] = c.withdrawn.into();
                    }
                    update
                })
                .collect();
            json!({
                "id": id,
                "opened_at": machine_time(i.opened),
                "impact": gravest(&standing),
                "components": standing,
                "updates": updates,
            })
        })
        .collect();
    json!({
        "name": page.name,
        "as_of": machine_time(now),
        "components": components,
        "open_incidents": incidents,
        "open_incidents_total": open.len(),
    })
    .to_string()
}

fn civil(at: Wall) -> jiff::Zoned {
    at.timestamp().to_zoned(TimeZone::UTC)
}

pub(crate) fn clock(at: Wall, form: &str) -> String {
    civil(at).strftime(form).to_string()
}

pub(crate) fn machine_time(at: Wall) -> String {
    clock(at, "%Y-%m-%dT%H:%M:%SZ")
}

pub(crate) fn same_day(a: Wall, b: Wall) -> bool {
    a.0.div_euclid(DAY) == b.0.div_euclid(DAY)
}

/// `less than a minute`, `12 min`, `3 h 5 min`, `2 days`.
pub(crate) fn lasting(span: Span) -> String {
    let minutes = span.0 / 60_000;
    match minutes {
        0 => "less than a minute".to_owned(),
        1..60 => format!("{minutes} min"),
        60..2880 if minutes.is_multiple_of(60) => format!("{} h", minutes / 60),
        60..2880 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// One line of at most so many characters, without what could turn the text around.
pub(crate) fn line(text: &str, most: usize) -> String {
    let mut clean = foghorn_core::text::plain(text);
    let mut out: String = clean.by_ref().take(most).collect();
    if clean.next().is_some() {
        out.pop();
        out.push('…');
    }
    out
}
