//! One incident as the public reads it: what was measured and what people wrote, as one story.

use crate::ledger::{Affected, Ledger, PublicIncident, Stage, Update};
use crate::page::{NAME, clock, lasting, line, machine_time, same_day, tone};
use crate::verdict::{End, end, gravest};
use crate::words::Words;
use foghorn_core::component::ComponentStatus;
use foghorn_core::text::is_blank;
use foghorn_core::time::Wall;
use foghorn_core::update;
use foghorn_look::{Tone, badge};

/// Components that a sentence names.
const NAMED: usize = 6;
/// Characters of a person's first words that stand as a title.
const FIRST_WORDS: usize = 70;

/// An incident in words.
pub(crate) struct Shown {
    pub(crate) title: String,
    pub(crate) badge: String,
    pub(crate) when: String,
    /// Newest first.
    pub(crate) updates: Vec<ShownUpdate>,
    /// People's words for which there was no room.
    pub(crate) earlier: usize,
}

pub(crate) struct ShownUpdate {
    pub(crate) tone: &'static str,
    pub(crate) at: String,
    pub(crate) machine: String,
    pub(crate) word: &'static str,
    /// What is said of what was measured.
    pub(crate) text: String,
    /// A person's own words, line by line.
    pub(crate) said: Vec<String>,
    /// That they were others, and until when: words, and the time twice.
    pub(crate) corrected: Option<(&'static str, String, String)>,
}

/// How much of people's words a page still takes.
pub(crate) struct Room(usize);

impl Room {
    pub(crate) fn of(bytes: usize) -> Room {
        Room(bytes)
    }

    pub(crate) fn left(&self) -> usize {
        self.0
    }

    /// As many of the newest as there is room for, oldest first.
    pub(crate) fn newest<'a>(&mut self, words: &'a [Words]) -> &'a [Words] {
        let fits = words.iter().rev().take_while(|w| {
            let left = self.0.checked_sub(w.text.len());
            self.0 = left.unwrap_or(0);
            left.is_some()
        });
        &words[words.len() - fits.count()..]
    }
}

impl Shown {
    pub(crate) fn of(incident: &PublicIncident, ledger: &Ledger, now: Wall, room: &mut Room) -> Shown {
        let said = room.newest(&incident.words);
        let before = std::iter::once(None).chain(incident.updates.iter().map(Some));
        let measured = incident.updates.iter().zip(before);
        let measured = measured.filter(|(u, before)| !said_by_people(incident, u, *before));
        let measured = measured.map(|(u, before)| {
            let hurt = || ledger.hurt_at(&incident.worst, u.at);
            (u.at, measured_line(u, before, hurt, now))
        });
        let mut all: Vec<(Wall, ShownUpdate)> =
            measured.chain(said.iter().map(|w| (w.at, said_line(w, now)))).collect();
        all.sort_by_key(|(at, _)| *at);
        Shown {
            title: title(incident),
            badge: badge_of(incident),
            when: when(incident, now),
            updates: all.into_iter().rev().map(|(_, line)| line).collect(),
            earlier: incident.words.len() - said.len(),
        }
    }
}

/// The components that are hurt most, or that were if it is over; what people said first where none was.
fn title(incident: &PublicIncident) -> String {
    let all = incident.standing();
    let Some(worst) = gravest(&all) else {
        let said = incident.said().next().map(|w| first_words(&w.text)).filter(|said| !said.is_empty());
        return said.unwrap_or_else(|| "Incident".to_owned());
    };
    let hurt: Vec<&Affected> = all.iter().filter(|a| a.status == worst).collect();
    let names: Vec<String> = hurt.iter().take(NAMED).map(|a| line(&a.component, NAME)).collect();
    format!("{}: {}", list(&names, hurt.len()), worst.words())
}

/// The first line that says something, cut between words where it is long.
fn first_words(text: &str) -> String {
    let first = text.lines().find(|l| !is_blank(l)).unwrap_or_default().trim();
    let short = line(first, FIRST_WORDS);
    if first.chars().nth(FIRST_WORDS).is_none() {
        return short;
    }
    match short.rsplit_once(' ') {
        Some((words, _)) => format!("{}…", words.trim_end()),
        None => short,
    }
}

/// How far it is, by a person's word where there is one; else how bad it is. That it is over well is not theirs alone to say.
fn badge_of(incident: &PublicIncident) -> String {
    match (incident.resolved, incident.under_way()) {
        (Some(_), _) => match end(incident.left(), over_by_word(incident)) {
            End::Resolved => badge(Tone::Good, "resolved"),
            End::Closed => badge(Tone::Info, "closed"),
        },
        (None, Some(stage)) => badge(stage_tone(stage), stage.as_str()),
        (None, None) => match gravest(&incident.standing()) {
            Some(status) => badge(tone(status), status.words()),
            None => badge(Tone::Warn, "open"),
        },
    }
}

/// Whether the last that people wrote is that it is over, or what followed of that.
fn over_by_word(incident: &PublicIncident) -> bool {
    let last = incident.said().next_back().map(|w| w.stage);
    matches!(last, Some(update::Stage::Resolved | update::Stage::Postmortem))
}

fn when(incident: &PublicIncident, now: Wall) -> String {
    let from = clock(incident.opened, "%-d %B %Y, %H:%M");
    match incident.resolved {
        Some(end) => {
            let form = match () {
                () if same_day(incident.opened, end) => "%H:%M",
                () if clock(incident.opened, "%Y") == clock(end, "%Y") => "%-d %B, %H:%M",
                () => "%-d %B %Y, %H:%M",
            };
            format!("{from} to {}, {}", clock(end, form), lasting(end.since(incident.opened)))
        }
        None => format!("since {from}, for {}", lasting(now.since(incident.opened))),
    }
}

/// Whether a person has said already what was measured then: that somebody works on it, or that it is over.
fn said_by_people(incident: &PublicIncident, u: &Update, before: Option<&Update>) -> bool {
    // What they said before it came back was said of what was then.
    let back = incident.came_back_by(u.at);
    let last = incident.said().rev().find(|w| w.at <= u.at && back.is_none_or(|back| w.at > back));
    let last = last.map(|w| w.stage);
    match u.stage {
        Stage::Noticed => false,
        Stage::Investigating => last.is_some() && before.is_some_and(|b| b.affected == u.affected),
        Stage::Resolved => {
            // What a person's word does not end is told beside it, and then that it works again.
            let stands = |affected: &[Affected]| end(affected, true) == End::Resolved;
            let closed = before.is_some_and(|b| b.stage == Stage::Resolved && !stands(&b.affected));
            last == Some(update::Stage::Resolved) && stands(&u.affected) && !closed
        }
    }
}

/// What is affected is said again only when it is something else. `hurt`: what was hurt then all the same.
fn measured_line(
    u: &Update,
    before: Option<&Update>,
    hurt: impl Fn() -> Vec<Affected>,
    now: Wall,
) -> ShownUpdate {
    // What is back after an end is told whole.
    let told = before.filter(|b| b.stage != Stage::Resolved || u.stage == Stage::Resolved);
    let change = || change(told.map_or(&[], |b| &b.affected), &u.affected);
    if before.is_some_and(|before| planned(before, u)) {
        return update_line(u.at, now, Tone::Planned, "Planned work has begun.", change(), Vec::new());
    }
    let (tone, word, text) = match u.stage {
        Stage::Noticed => (Tone::Bad, "Noticed.", change()),
        Stage::Investigating => (Tone::Info, "Somebody is working on it.", change()),
        Stage::Resolved if u.affected.is_empty() => (Tone::Good, "Resolved.", over(&hurt())),
        Stage::Resolved => (Tone::Info, "Closed.", not_yet(&u.affected)),
    };
    update_line(u.at, now, tone, word, text, Vec::new())
}

/// Whether planned work is all that is new: nothing of that was noticed, and nothing is better by it.
fn planned(before: &Update, u: &Update) -> bool {
    let was = |a: &Affected| before.affected.iter().find(|b| b.component == a.component);
    let mut new = u.affected.iter().filter(|a| was(a) != Some(a)).peekable();
    let gone = before.affected.iter().any(|b| u.affected.iter().all(|a| a.component != b.component));
    before.stage == u.stage
        && !gone
        && new.peek().is_some()
        && new.all(|a| a.status == ComponentStatus::UnderMaintenance)
}

fn said_line(w: &Words, now: Wall) -> ShownUpdate {
    let word = match w.stage {
        update::Stage::Investigating => "Investigating",
        update::Stage::Identified => "Identified",
        update::Stage::Monitoring => "Monitoring",
        update::Stage::Resolved => "Resolved",
        update::Stage::Postmortem => "Postmortem",
    };
    let said = w.text.trim().lines().map(|l| line(l, usize::MAX)).collect();
    let corrected = w.corrected.map(|c| {
        let words = if c.withdrawn { "withdrawn" } else { "corrected" };
        (words, clock(c.at, time_form(c.at, now)), machine_time(c.at))
    });
    let tone = if w.is_withdrawn() { Tone::Unknown } else { stage_tone(w.stage) };
    ShownUpdate { corrected, ..update_line(w.at, now, tone, word, String::new(), said) }
}

fn update_line(
    at: Wall,
    now: Wall,
    tone: Tone,
    word: &'static str,
    text: String,
    said: Vec<String>,
) -> ShownUpdate {
    let (machine, at) = (machine_time(at), clock(at, time_form(at, now)));
    ShownUpdate { tone: tone.class(), at, machine, word, text, said, corrected: None }
}

/// With the day where that is another one.
fn time_form(at: Wall, now: Wall) -> &'static str {
    if same_day(at, now) { "%H:%M" } else { "%-d %B, %H:%M" }
}

fn stage_tone(stage: update::Stage) -> Tone {
    match stage {
        update::Stage::Investigating => Tone::Bad,
        update::Stage::Identified => Tone::Warn,
        update::Stage::Monitoring => Tone::Info,
        update::Stage::Resolved => Tone::Good,
        update::Stage::Postmortem => Tone::Planned,
    }
}

/// What is affected, and what is not any more.
fn change(before: &[Affected], now: &[Affected]) -> String {
    if before == now {
        return String::new();
    }
    let gone = before.iter().filter(|b| now.iter().all(|a| a.component != b.component));
    let gone: Vec<String> = gone.map(|a| line(&a.component, NAME)).collect();
    let named = list(&gone[..gone.len().min(NAMED)], gone.len());
    match (now.is_empty(), gone.is_empty()) {
        (_, true) => format!("Affected: {}.", components(now)),
        (true, _) => format!("Not affected any more: {named}."),
        _ => format!("Affected: {}. Not any more: {named}.", components(now)),
    }
}

/// At the end of one, where another may go on.
fn over(hurt: &[Affected]) -> String {
    if hurt.is_empty() {
        "It works again.".to_owned()
    } else {
        format!("This is over; something else is not: {}.", components(hurt))
    }
}

/// At the end, of what is not measured well.
fn not_yet(all: &[Affected]) -> String {
    format!("It is not measured well yet: {}.", components(all))
}

fn components(all: &[Affected]) -> String {
    let named = all.iter().take(NAMED);
    let names: Vec<String> =
        named.map(|a| format!("{} ({})", line(&a.component, NAME), a.status.words())).collect();
    list(&names, all.len())
}

/// `a, b and 3 more`
fn list(names: &[String], all: usize) -> String {
    match all.saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
