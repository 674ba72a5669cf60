//! Lists of incidents: what is open, what is over; and opening one by hand.

use super::form::{Asked, encoded};
use super::guard::Visitor;
use super::leaf::Leaf;
use super::page::{self, Frame, Here, respond};
use super::text::{Clock, Counted, NAME, WIDE, count, grouped, line, long, person};
use super::{Web, live};
use crate::readmodel::{Closed, Filter};
use crate::show::incident::{shown_severity, unwritten};
use crate::wanted::{Room, Wanted, Which};
use crate::words::{LONGEST, Words};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::incident::{Incident, Status};
use foghorn_core::words::{Actor, Severity, Urgency};
use foghorn_engine::View;
use http::StatusCode;
use jiff::civil::Date;
use std::cmp::Reverse;
use std::sync::Arc;

/// Incidents on one page.
const ON_A_PAGE: usize = 50;
/// Characters that are repeated of a day that cannot be read.
const DAY: usize = 40;
/// Names in a list to choose from.
const CHOICES: usize = 500;

/// One line of a list.
struct Row {
    id: u64,
    title: String,
    severity: Severity,
    /// `open`, `acknowledged`, `resolved`.
    state: &'static str,
    /// Who is on it, or what happens next.
    who: Counted,
    since: String,
    lasts: String,
    /// For how long, in milliseconds, while it is open.
    age: Option<u64>,
    /// `3 alerts, 2 unwell`
    size: String,
}

#[derive(Template)]
#[template(path = "console/incidents.html")]
struct Open {
    frame: Frame,
    rows: Vec<Row>,
    /// Somebody is paged for until they answer.
    unanswered: usize,
    /// Nobody is on, and nobody is paged for: silenced, or no more than worth knowing.
    quiet: usize,
    acknowledged: usize,
    wanted: Search,
    /// How many fit.
    found: usize,
    /// Why more may fit.
    short: Option<String>,
    leaf: Leaf,
    /// What is watched, in a sentence; `None` if nothing is.
    watched: Option<String>,
    /// The last incident that is over.
    last: Option<(u64, String, String)>,
}

/// What was filled in to find incidents: the words of a form and of an address.
struct Search {
    q: String,
    severity: &'static str,
    /// Of what is open.
    state: &'static str,
    /// Days, as browsers write them: from the beginning of one to the end of the other.
    from: String,
    to: String,
    /// What of it cannot be meant so; empty where all can.
    wrong: String,
}

impl Search {
    /// Words that are none are passed over: a page is shown for any address. It says so of days, which people write.
    fn read(asked: &Asked, which: Which, clock: &Clock) -> (Wanted, Search) {
        let text = line(asked.get("q"), LONGEST);
        let severity = Severity::ALL.into_iter().find(|s| s.as_str() == asked.get("severity"));
        let (which, state) = match asked.get("state") {
            _ if which == Which::Resolved => (which, ""),
            "unacknowledged" => (Which::Unacknowledged, "unacknowledged"),
            "acknowledged" => (Which::Acknowledged, "acknowledged"),
            _ => (which, ""),
        };
        let day = |name| asked.get(name).parse::<Date>().ok();
        let (first, last) = (day("from"), day("to"));
        let unread =
            [("From", "from", first), ("To", "to", last)].into_iter().find_map(|(label, name, day)| {
                let text = line(asked.get(name), DAY);
                let unread = day.is_none() && !text.is_empty();
                unread.then(|| format!("{label}: “{text}” is no day. Write it as in 2026-11-22."))
            });
        let reversed = first.zip(last).is_some_and(|(first, last)| first > last);
        let reversed = reversed.then(|| "From is after To: no day is between them.".to_owned());
        let begins = |day: Date| day.to_zoned(clock.zone.clone()).ok().map(|at| at.timestamp().into());
        let wanted = Wanted {
            which,
            severity,
            words: Words::read(&text),
            from: first.and_then(begins),
            to: last.and_then(|day| begins(day.tomorrow().ok()?)),
        };
        let written = |day: Option<Date>| day.map_or_else(String::new, |d| d.to_string());
        let severity = severity.map_or("", Severity::as_str);
        let wrong = unread.or(reversed).unwrap_or_default();
        let search = Search { q: text, severity, state, from: written(first), to: written(last), wrong };
        (wanted, search)
    }

    /// Whether something may be left out.
    fn narrows(&self) -> bool {
        [&self.q, self.severity, self.state, &self.from, &self.to].into_iter().any(|word| !word.is_empty())
    }

    /// An address, as far as to the name of one more parameter.
    fn address(&self, path: &str) -> String {
        let all = [
            ("q", encoded(&self.q)),
            ("severity", self.severity.to_owned()),
            ("state", self.state.to_owned()),
            ("from", self.from.clone()),
            ("to", self.to.clone()),
        ];
        let given = all.into_iter().filter(|(_, word)| !word.is_empty());
        let query: String = given.map(|(name, word)| format!("{name}={word}&")).collect();
        format!("{path}?{query}")
    }
}

/// `GET /`
pub(super) async fn open(State(web): State<Arc<Web>>, visitor: Visitor, asked: Asked) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let clock = page::clock(&view, visitor);
        let mut all: Vec<&Incident> = view.state.open_incidents().collect();
        // Who waits for an answer first, then the worst, then the newest. What is silenced waits for none.
        let quiet = |i: &Incident| !i.is_acknowledged() && i.pages_with() == Urgency::None;
        all.sort_by_key(|i| (i.is_acknowledged(), quiet(i), Reverse(i.severity()), Reverse(i.id)));
        let acknowledged = all.iter().filter(|i| i.is_acknowledged()).count();
        let quiet = all.iter().filter(|i| quiet(i)).count();
        let unanswered = all.len() - acknowledged - quiet;
        let last = if all.is_empty() { last(web, &view, &clock) } else { None };
        let (wanted, search) = Search::read(&asked, Which::Open, &clock);
        let room = Room::default();
        all.retain(|i| wanted.fits(&view.state, i, &room));
        let leaf = Leaf::of(&asked, all.len(), ON_A_PAGE, search.address("/"));
        let rows = leaf.cut(all.iter().copied()).map(|i| row(&view, &clock, i));
        let page = Open {
            rows: rows.collect(),
            unanswered,
            quiet,
            acknowledged,
            found: all.len(),
            short: room.short(),
            leaf,
            wanted: search,
            watched: watched(&view),
            last,
            frame: Frame::new(web, &view, visitor, "Open incidents", Here::Incidents).live(live::ALL),
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}

fn row(view: &View, clock: &Clock, i: &Incident) -> Row {
    let (state, who) = match &i.status {
        Status::Acknowledged { by, .. } => {
            let who = format!("{} is on it", person(&view.state, &by.name));
            ("acknowledged", Counted::plain(who))
        }
        Status::Resolved { .. } => ("resolved", Counted::default()),
        Status::Open => ("open", Counted::of(&view.state, i, view.at)),
    };
    Row {
        id: i.id,
        title: line(&i.title, WIDE),
        severity: shown_severity(i),
        state,
        who,
        since: clock.time(i.opened.wall),
        lasts: long(clock.ago(i.opened.wall)),
        age: Some(view.at.wall.since(i.opened.wall).0),
        size: size(i.open_alerts(), i.width),
    }
}

/// `10,000 alerts, 1,200 unwell`
fn size(alerts: u32, width: u32) -> String {
    let alerts = count(alerts.into(), "alert", "alerts");
    if width > 1 { format!("{alerts}, {} unwell", grouped(width)) } else { alerts }
}

/// What Foghorn looks at: somebody who sees no incident wants to know whether that means anything.
fn watched(view: &View) -> Option<String> {
    let setup = &view.state.setup;
    let (checks, integrations) = (setup.checks.len() as u64, setup.integrations.len() as u64);
    let checks = (checks > 0).then(|| count(checks, "check", "checks"));
    let others = (integrations > 0).then(|| count(integrations, "integration", "integrations"));
    let all: Vec<String> = checks.into_iter().chain(others).collect();
    (!all.is_empty()).then(|| all.join(" and "))
}

fn last(web: &Web, view: &View, clock: &Clock) -> Option<(u64, String, String)> {
    let mut at_hand: Vec<&Incident> = view.state.incidents.values().map(|i| &**i).collect();
    at_hand.sort_by_key(|i| Reverse(i.id));
    if let Some(i) = at_hand.first()
        && let Status::Resolved { at, .. } = &i.status
    {
        return Some((i.id, line(&i.title, WIDE), long(clock.ago(at.wall))));
    }
    let filter = Filter { resolved: true, ..Filter::default() };
    let closed = web.api.parts.read_model.incidents(&filter, 1, &|_| false).ok()?;
    let c = closed.first()?;
    let (at, _) = c.resolved.as_ref()?;
    Some((c.id, line(&c.title, WIDE), long(clock.ago(*at))))
}

#[derive(Template)]
#[template(path = "console/closed.html")]
struct ClosedPage {
    frame: Frame,
    rows: Vec<Row>,
    wanted: Search,
    /// Where the next page is.
    older: Option<String>,
    /// Whether this is the first page.
    first: bool,
    /// Why something may be missing.
    incomplete: Option<String>,
}

/// `GET /incidents/closed`
pub(super) async fn closed(State(web): State<Arc<Web>>, visitor: Visitor, asked: Asked) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let clock = page::clock(&view, visitor);
        let (wanted, search) = Search::read(&asked, Which::Resolved, &clock);
        let room = Room::default();
        let before = asked.number("before");
        let fits = |i: &&Incident| before.is_none_or(|b| i.id < b) && wanted.fits(&view.state, i, &room);
        let at_hand = view.state.incidents.values().rev().map(|i| &**i).filter(fits).take(ON_A_PAGE + 1);
        let mut rows: Vec<Row> = at_hand.map(|i| over(&view, &clock, i)).collect();
        let filter = wanted.put_away(before).unwrap_or_default();
        let known = |id| view.state.incidents.contains_key(&id);
        let mut incomplete = room.short().or_else(|| unwritten(&view));
        match web.api.parts.read_model.incidents(&filter, ON_A_PAGE + 1, &known) {
            Ok(found) => rows.extend(found.iter().map(|c| put_away(&view, &clock, c))),
            Err(e) => incomplete = Some(line(&e.to_string(), WIDE)),
        }
        rows.sort_by_key(|r| Reverse(r.id));
        let more = rows.len() > ON_A_PAGE;
        rows.truncate(ON_A_PAGE);
        let older = rows.last().filter(|_| more);
        let older = older.map(|r| format!("{}before={}", search.address("/incidents/closed"), r.id));
        let page = ClosedPage {
            frame: Frame::new(web, &view, visitor, "Closed incidents", Here::Incidents),
            rows,
            wanted: search,
            older,
            first: before.is_none(),
            incomplete,
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}

/// Whose word ended it, or that nothing was wrong any more.
fn ended_by(view: &View, by: Option<&Actor>) -> String {
    by.map_or_else(|| "recovered".to_owned(), |b| format!("resolved by {}", person(&view.state, &b.name)))
}

fn over(view: &View, clock: &Clock, i: &Incident) -> Row {
    let (by, until) = match &i.status {
        Status::Resolved { by, at, .. } => (by.as_ref(), at.wall),
        _ => (None, view.at.wall),
    };
    Row {
        id: i.id,
        title: line(&i.title, WIDE),
        severity: i.peak,
        state: "resolved",
        who: Counted::plain(ended_by(view, by)),
        age: None,
        since: clock.time(i.opened.wall),
        lasts: long(until.since(i.opened.wall)),
        size: count(i.had_alerts(), "alert", "alerts"),
    }
}

fn put_away(view: &View, clock: &Clock, c: &Closed) -> Row {
    let (until, by) = c.resolved.clone().unwrap_or((view.at.wall, None));
    Row {
        id: c.id,
        title: line(&c.title, WIDE),
        severity: c.peak,
        state: "resolved",
        who: Counted::plain(ended_by(view, by.as_ref())),
        age: None,
        since: clock.time(c.opened),
        lasts: long(until.since(c.opened)),
        size: count(c.alerts, "alert", "alerts"),
    }
}

#[derive(Template)]
#[template(path = "console/new.html")]
struct New {
    frame: Frame,
    entities: Vec<String>,
}

/// `GET /incidents/new`
pub(super) async fn new(State(web): State<Arc<Web>>, visitor: Visitor) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let entities = view.state.setup.topology.keys().take(CHOICES).map(|e| line(e, NAME)).collect();
        let frame = Frame::new(web, &view, visitor, "Open an incident", Here::Incidents);
        Ok(respond(StatusCode::OK, &New { frame, entities }))
    };
    page::made(&web, visitor, make).await
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn large_numbers_are_grouped_alike() {
        assert_eq!(size(10_000, 10_000), "10,000 alerts, 10,000 unwell");
        assert_eq!((size(2, 1), size(1, 2)), ("2 alerts".into(), "1 alert, 2 unwell".into()));
    }
}
