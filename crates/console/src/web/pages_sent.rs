//! Who was paged, and what became of it: from the incident's record, with what is still under way on top. A line for each
//! person and contact; what they were told besides is folded into it.

use super::text::{Clock, NAME, WIDE, line, person};
use crate::readmodel::Line;
use foghorn_core::State;
use foghorn_core::event::Event;
use foghorn_core::incident::IncidentId;
use foghorn_core::page::{Delivery, Outcome, PageKey, PageKind};
use foghorn_core::time::Wall;
use foghorn_core::timeline::Names as _;
use foghorn_core::words::Name;
use foghorn_engine::View;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Contacts that are shown; the rest is in the timeline.
const SHOWN: usize = 50;
/// Of one contact, what is folded into its line; and of all.
const FOLDED: usize = 20;
const FOLDED_IN_ALL: usize = 60;

/// A person by one contact.
pub(super) struct Sent {
    /// The same for as long as the incident is shown, so that what was unfolded stays so.
    pub(super) id: usize,
    pub(super) person: String,
    pub(super) channel: String,
    /// The newest page; of whom none was sent, the newest notice.
    pub(super) last: One,
    /// What else was sent, the newest first.
    pub(super) others: Vec<One>,
    /// How many more that is.
    pub(super) more: usize,
}

/// One page or notice.
pub(super) struct One {
    /// `page`, `stand down`, `it is over`.
    pub(super) what: &'static str,
    /// `step 2`, `step 2, round 3`.
    pub(super) step: String,
    /// In a word: `accepted`, `waits`, `not accepted`.
    pub(super) mark: &'static str,
    /// What became of it.
    pub(super) became: String,
}

struct Fate {
    last: Wall,
    channel: String,
    mark: &'static str,
    became: String,
}

/// The newest first, and how many are left out.
pub(super) fn of(view: &View, clock: &Clock, id: IncidentId, record: &[Line]) -> (Vec<Sent>, usize) {
    let mut fates: BTreeMap<PageKey, Fate> = BTreeMap::new();
    for told in record {
        tell(&mut fates, told, clock);
    }
    for page in view.state.pages_of(id) {
        let fate = fates.entry(page.key.clone()).or_insert_with(|| Fate {
            last: view.at.wall,
            channel: page.channel.to_string(),
            mark: "waits",
            became: String::new(),
        });
        match page.delivery {
            Delivery::Due { at } => {
                let when = clock.time(view.wall_at(at));
                fate.mark = if page.attempts > 0 { "not accepted" } else { "waits" };
                fate.became = match &page.error {
                    Some(error) => format!("not accepted, tried again at {when}: {error}"),
                    None => format!("to be sent at {when}"),
                };
            }
            // The record lacks it: the disk takes nothing, or is behind.
            Delivery::Accepted { at } if fate.mark != "accepted" => {
                fate.mark = "accepted";
                fate.became = format!("accepted by {} at {}", page.channel, clock.second(at.wall));
            }
            Delivery::Accepted { .. } => {}
        }
    }
    let mut by_contact: BTreeMap<(Name, u8, String), Vec<(PageKey, Fate)>> = BTreeMap::new();
    for (key, fate) in fates {
        let contact = (key.person.clone(), key.contact, fate.channel.clone());
        by_contact.entry(contact).or_default().push((key, fate));
    }
    let mut all: Vec<(usize, Vec<(PageKey, Fate)>)> = by_contact.into_values().enumerate().collect();
    let newest = |(key, fate): &(PageKey, Fate)| (key.kind == PageKind::Page, fate.last, key.clone());
    for (_, of) in &mut all {
        of.sort_by_key(|one| Reverse(newest(one)));
    }
    all.sort_by_key(|(_, of)| Reverse(of.first().map(newest)));
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    let mut room = FOLDED_IN_ALL;
    (all.into_iter().filter_map(|(id, of)| sent(&view.state, id, of, &mut room)).collect(), more)
}

fn tell(fates: &mut BTreeMap<PageKey, Fate>, told: &Line, clock: &Clock) {
    let at = told.record.at.wall;
    match &told.record.event {
        Event::PageAttempted { key, channel, attempt, outcome, .. } => {
            let nth = if *attempt > 1 { format!(" at attempt {attempt}") } else { String::new() };
            let (mark, became) = match outcome {
                Outcome::Accepted { .. } => {
                    ("accepted", format!("accepted by {channel} at {}{nth}", clock.second(at)))
                }
                Outcome::Retry { error, .. } | Outcome::Failed { error } => {
                    ("not accepted", format!("not accepted at {}{nth}: {error}", clock.second(at)))
                }
            };
            let fate = Fate { last: at, channel: channel.to_string(), mark, became };
            fates.insert(key.clone(), fate);
        }
        Event::ContactPassedOver { key, next, why, .. } => {
            if let Some(fate) = fates.get_mut(key) {
                let then = if next.is_some() { ", the next contact was paged" } else { "" };
                fate.last = at;
                fate.became = format!("passed over at {}{then}: {why}", clock.second(at));
            }
        }
        Event::PageDropped { key, why } => {
            if let Some(fate) = fates.get_mut(key) {
                fate.last = at;
                fate.became = format!("given up at {}: {why}", clock.second(at));
            }
        }
        _ => {}
    }
}

fn sent(state: &State, id: usize, of: Vec<(PageKey, Fate)>, room: &mut usize) -> Option<Sent> {
    let (key, fate) = of.first()?;
    let channel = line(&fate.channel, NAME);
    let which = state.contact(key, &Name::from(&*fate.channel));
    let (person, others) = (person(state, &key.person), of.len() - 1);
    let unfolded = others.min(FOLDED).min(*room);
    *room -= unfolded;
    let mut all = of.into_iter().map(|(key, fate)| one(&key, fate));
    Some(Sent {
        id,
        person,
        channel: which.map_or_else(|| channel.clone(), |n| format!("{channel}, contact {n}")),
        last: all.next()?,
        others: all.take(unfolded).collect(),
        more: others - unfolded,
    })
}

fn one(key: &PageKey, fate: Fate) -> One {
    let round = if key.round > 0 { format!(", round {}", key.round + 1) } else { String::new() };
    One {
        what: match key.kind {
            PageKind::Page => "page",
            PageKind::Acknowledged => "told to stand down",
            PageKind::Resolved => "told that it is over",
        },
        step: match key.kind {
            PageKind::Page => format!("step {}{round}", key.step + 1),
            _ => String::new(),
        },
        mark: fate.mark,
        became: line(&fate.became, WIDE),
    }
}
