//! Who is on call, who is next, and the week ahead.

use super::form::Asked;
use super::guard::Visitor;
use super::leaf::Leaf;
use super::page::{self, Frame, Here, respond};
use super::text::{Clock, NAME, line, long, person};
use super::{Web, charts, live};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use foghorn_core::schedule::Schedule;
use foghorn_core::setup::Contact;
use foghorn_core::time::{Span, Wall};
use foghorn_core::words::{Name, Urgency};
use foghorn_engine::View;
use http::StatusCode;
use std::sync::Arc;

/// Schedules on one page.
const ON_A_PAGE: usize = 10;
/// Turns that are drawn on one page; schedules that come after have no picture.
const DRAWN: usize = 250;
/// People and stand-ins that are listed, on the first page.
const SHOWN: usize = 200;
/// Turns in a week of one schedule; a rotation of hours has 168.
const TURNS: usize = 200;

#[derive(Template)]
#[template(path = "console/on_call.html")]
struct Page {
    frame: Frame,
    schedules: Vec<Row>,
    total: usize,
    leaf: Leaf,
    /// Whether there are people.
    people: Vec<(String, String)>,
    stand_ins: Vec<StandIn>,
}

/// Somebody who stands in. Names are apart: one that is written from right to left must not turn the sentence round.
struct StandIn {
    person: String,
    schedule: String,
    /// From when to when, and whether it counts.
    when: String,
}

struct Row {
    name: String,
    /// Of the schedule and, where that is another, of whoever looks.
    zones: (String, Option<String>),
    now: Vec<String>,
    /// Whether a policy pages it.
    paged: bool,
    overridden: bool,
    until: Option<String>,
    then: Vec<String>,
    picture: String,
}

/// Somebody's turn, or nobody's.
pub(super) struct Turn {
    pub(super) from: Wall,
    pub(super) to: Wall,
    pub(super) people: Vec<String>,
    pub(super) stand_in: bool,
}

/// `GET /on-call`
pub(super) async fn show(State(web): State<Arc<Web>>, visitor: Visitor, asked: Asked) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let clock = page::clock(&view, visitor);
        let (state, setup) = (&view.state, &view.state.setup);
        let leaf = Leaf::of(&asked, setup.schedules.len(), ON_A_PAGE, "/on-call?");
        let mut room = DRAWN;
        let rows = leaf.cut(setup.schedules.iter()).map(|(name, s)| row(&view, &clock, name, s, &mut room));
        let listed = if leaf.page == 1 { SHOWN } else { 0 };
        let people = setup
            .people
            .iter()
            .take(listed)
            .map(|(id, p)| (person(state, id), line(&contacts(&p.contacts), 2 * NAME)));
        let stand_ins = state.overrides.values().take(listed).map(|o| {
            let gone = match setup.people.contains_key(&o.person) {
                true => "",
                false => ": no more, being in the configuration no more",
            };
            StandIn {
                person: person(state, &o.person),
                schedule: line(&o.schedule, NAME),
                when: format!("from {} to {}{gone}", clock.time(o.starts), clock.time(o.ends)),
            }
        });
        let page = Page {
            schedules: rows.collect(),
            total: setup.schedules.len(),
            people: people.collect(),
            stand_ins: stand_ins.collect(),
            leaf,
            frame: Frame::new(web, &view, visitor, "On call", Here::OnCall).live(live::TURNS),
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}

/// `by push, then voice after 2m, only for what wakes`. Of several by one channel each has its number, as `foghorn page
/// test --contact` counts.
fn contacts(all: &[Contact]) -> String {
    let name = |(i, c): (usize, &Contact)| {
        let alike = all.iter().filter(|other| other.channel == c.channel).count() > 1;
        let number = if alike { format!(" (contact {})", i + 1) } else { String::new() };
        let after = if c.after > Span::ZERO { format!(" after {}", c.after) } else { String::new() };
        let only = match c.only {
            Some(Urgency::High) => " (only what wakes)",
            Some(_) => " (only what can wait)",
            None => "",
        };
        format!("{}{number}{after}{only}", c.channel)
    };
    let named: Vec<String> = all.iter().enumerate().map(name).collect();
    if named.is_empty() {
        "no contact: cannot be paged".to_owned()
    } else {
        format!("by {}", named.join(", then "))
    }
}

fn row(view: &View, clock: &Clock, name: &Name, s: &Schedule, room: &mut usize) -> Row {
    let (state, now) = (&view.state, view.at.wall);
    let named = |people: Vec<Name>| -> Vec<String> { people.iter().map(|p| person(state, p)).collect() };
    let people = |at| named(s.on_call(at, state.overrides_of(name)));
    let (until, then) = s.next_people(now, &state.overrides_of(name).collect::<Vec<_>>()).unzip();
    let own = clock.zone.iana_name().unwrap_or("UTC");
    Row {
        name: line(name, NAME),
        zones: (line(&s.time_zone, NAME), Some(line(own, NAME)).filter(|_| *own != *s.time_zone)),
        now: people(now),
        paged: page::paged(&state.setup).contains(name),
        overridden: state.overrides_of(name).any(|o| o.is_active(now)),
        until: until.map(|at| format!("{} (in {})", clock.time(at), long(at.since(now)))),
        then: named(then.unwrap_or_default()),
        picture: drawn(s, view, clock, name, &people, room),
    }
}

/// The week ahead in the viewer's time zone, as the words above it; turns of the same people are one. Nothing if there is
/// no room for as many.
fn drawn(
    s: &Schedule,
    view: &View,
    clock: &Clock,
    name: &Name,
    people: &dyn Fn(Wall) -> Vec<String>,
    room: &mut usize,
) -> String {
    let days = charts::days(&clock.zone, view.at.wall);
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return String::new() };
    let (mut at, end) = (Wall(first.from), Wall(last.to));
    let mut all: Vec<Turn> = Vec::new();
    for _ in 0..TURNS {
        let next = s.next_change(at, view.state.overrides_of(name)).unwrap_or(end).min(end);
        let who = people(at);
        let stand_in = view.state.overrides_of(name).any(|o| o.is_active(at));
        match all.last_mut().filter(|t| t.people == who && t.stand_in == stand_in) {
            Some(same) => same.to = next,
            None => all.push(Turn { from: at, to: next, people: who, stand_in }),
        }
        if next >= end {
            break;
        }
        at = next;
    }
    let Some(left) = room.checked_sub(all.len()) else { return String::new() };
    *room = left;
    charts::week(&line(name, NAME), &days, &all, clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_can_be_told_apart() {
        let contact =
            |channel: &str, after, only| Contact { channel: channel.into(), after, only, notices: true };
        let hook = |after| contact("hook", after, None);
        assert_eq!(contacts(&[]), "no contact: cannot be paged");
        assert_eq!(
            contacts(&[hook(Span::ZERO), contact("voice", Span::mins(2), Some(Urgency::High))]),
            "by hook, then voice after 2m (only what wakes)"
        );
        assert_eq!(
            contacts(&[hook(Span::ZERO), hook(Span::ZERO)]),
            "by hook (contact 1), then hook (contact 2)"
        );
    }
}
