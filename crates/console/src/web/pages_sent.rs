//! Who was paged, and what became of each page: from the incident's record, with what is still under way on top.

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
use std::collections::BTreeMap;

/// Pages that are shown; the rest is in the timeline.
const SHOWN: usize = 50;

/// One page, to one person over one channel.
pub(super) struct Sent {
    pub(super) person: String,
    pub(super) channel: String,
    /// `page`, `stand down`, `it is over`.
    pub(super) what: &'static str,
    /// `step 2`, `step 2, round 3`.
    pub(super) step: String,
    /// In a word: `taken`, `waits`, `not taken`.
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
                fate.mark = if page.attempts > 0 { "not taken" } else { "waits" };
                fate.became = match &page.error {
                    Some(error) => format!("not taken, tried again at {when}: {error}"),
                    None => format!("to be sent at {when}"),
                };
            }
            // The record lacks it: the disk takes nothing, or is behind.
            Delivery::Accepted { at } if fate.mark != "taken" => {
                fate.mark = "taken";
                fate.became = format!("taken by {} at {}", page.channel, clock.second(at.wall));
            }
            Delivery::Accepted { .. } => {}
        }
    }
    let mut all: Vec<(PageKey, Fate)> = fates.into_iter().collect();
    all.sort_by(|(a, x), (b, y)| (y.last, b).cmp(&(x.last, a)));
    let more = all.len().saturating_sub(SHOWN);
    (all.into_iter().take(SHOWN).map(|(key, fate)| sent(&view.state, &key, fate)).collect(), more)
}

fn tell(fates: &mut BTreeMap<PageKey, Fate>, told: &Line, clock: &Clock) {
    let at = told.record.at.wall;
    match &told.record.event {
        Event::PageAttempted { key, channel, attempt, outcome, .. } => {
            let nth = if *attempt > 1 { format!(" at attempt {attempt}") } else { String::new() };
            let (mark, became) = match outcome {
                Outcome::Accepted { .. } => {
                    ("taken", format!("taken by {channel} at {}{nth}", clock.second(at)))
                }
                Outcome::Retry { error, .. } | Outcome::Failed { error } => {
                    ("not taken", format!("not taken at {}{nth}: {error}", clock.second(at)))
                }
            };
            let fate = Fate { last: at, channel: channel.to_string(), mark, became };
            fates.insert(key.clone(), fate);
        }
        Event::ContactPassedOver { key, next, why, .. } => {
            if let Some(fate) = fates.get_mut(key) {
                let then = if next.is_some() { ", the next contact was taken" } else { "" };
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

fn sent(state: &State, key: &PageKey, fate: Fate) -> Sent {
    let round = if key.round > 0 { format!(", round {}", key.round + 1) } else { String::new() };
    let channel = line(&fate.channel, NAME);
    let which = state.contact(key, &Name::from(&*fate.channel));
    Sent {
        person: person(state, &key.person),
        channel: which.map_or_else(|| channel.clone(), |n| format!("{channel}, contact {n}")),
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
