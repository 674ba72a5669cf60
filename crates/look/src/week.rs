//! A schedule's days, a row each.

use crate::svg::{cut, escape, percent, picture, share, words};
use crate::tone::Tone;
use std::fmt::Write as _;

/// A day of the calendar that the schedule goes by; 23 or 25 hours long where clocks are set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeekDay {
    /// `Mon 23`.
    pub label: String,
    /// Its beginning, in milliseconds or any other one unit.
    pub from: i64,
    /// Its end.
    pub to: i64,
}

/// Somebody's turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Beginning.
    pub from: i64,
    /// End.
    pub to: i64,
    /// The end as people read it: `Tue 24 09:00`.
    pub until: String,
    /// Who: `Ana, Ben`. Empty: nobody is on call, which is drawn as what it is.
    pub who: String,
    /// Whether somebody stands in: marked with a word.
    pub stand_in: bool,
}

/// Turns that are told in words.
const SAID: usize = 14;
const ROW: f64 = 30.0;
const LEFT: f64 = 0.16;
/// Tones that tell neighbours apart; who it is says the name.
const TINTS: [Tone; 4] = [Tone::Info, Tone::Good, Tone::Planned, Tone::Unknown];

/// Draws days as rows from midnight to midnight with the turns in them; `now` as a line, if it is among them.
#[must_use]
pub fn week(title: &str, days: &[WeekDay], turns: &[Turn], now: Option<i64>) -> String {
    let mut people: Vec<&str> = turns.iter().map(|t| t.who.as_str()).collect();
    people.sort_unstable();
    people.dedup();
    let wide = |share: f64| LEFT + share * (1.0 - LEFT);
    let mut inside = String::new();
    for (row, day) in days.iter().enumerate() {
        let y = row as f64 * ROW;
        words(&mut inside, "strong", 0.0, y + 18.0, &day.label);
        for turn in turns.iter().filter(|t| t.from < day.to && t.to > day.from) {
            let (from, to) =
                (wide(share(turn.from, day.from, day.to)), wide(share(turn.to, day.from, day.to)));
            let tone = match turn.who.as_str() {
                "" => Tone::Bad,
                who => TINTS[people.iter().position(|p| *p == who).unwrap_or(0) % TINTS.len()],
            };
            let name = name(turn);
            // A nested picture cuts off the name that does not fit. Writing to a String cannot fail.
            let _ = write!(
                inside,
                "<svg class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><rect class=\"turn\" x=\"0\" y=\"0\" width=\"100%\" height=\"100%\"/><text class=\"strong\" x=\"5\" y=\"17\">{}</text><title>{}</title></svg>",
                tone.class(),
                percent(from),
                y + 1.0,
                percent((to - from).max(0.001)),
                ROW - 4.0,
                escape(&cut(&name, 40)),
                escape(&name),
            );
        }
        if let Some(now) = now.filter(|n| (day.from..day.to).contains(n)) {
            let x = percent(wide(share(now, day.from, day.to)));
            let _ = write!(
                inside,
                "<line class=\"now\" x1=\"{x}\" x2=\"{x}\" y1=\"{y}\" y2=\"{}\"><title>now</title></line>",
                y + ROW - 2.0
            );
        }
    }
    let below = days.len() as f64 * ROW + 12.0;
    for (at, label) in [(0.0, "0 h"), (0.25, "6"), (0.5, "12"), (0.75, "18"), (1.0, "24")] {
        words(&mut inside, "", wide(at).max(0.11), below, label);
    }
    let height = (below + 6.0) as u32;
    picture("", height, title, &said(turns, days.last().map(|day| day.to), now), &inside)
}

fn name(turn: &Turn) -> String {
    match (turn.who.as_str(), turn.stand_in) {
        ("", _) => "nobody on call".to_owned(),
        (who, true) => format!("{who} (stands in)"),
        (who, false) => who.to_owned(),
    }
}

/// `On call: Ana until Tue 24 09:00; Ben until Wed 25 09:00; then Ana.` What is over is left out.
fn said(turns: &[Turn], end: Option<i64>, now: Option<i64>) -> String {
    let left: Vec<&Turn> = turns.iter().filter(|t| now.is_none_or(|now| t.to > now)).collect();
    if left.iter().all(|t| t.who.is_empty()) {
        return "Nobody is on call.".to_owned();
    }
    let told =
        left.iter().take(SAID).enumerate().map(|(n, t)| match (n, end.is_some_and(|end| t.to >= end)) {
            (0, true) => format!("{}, all the time", name(t)),
            (_, true) => format!("then {}", name(t)),
            (_, false) => format!("{} until {}", name(t), t.until),
        });
    let mut said = format!("On call: {}", told.collect::<Vec<_>>().join("; "));
    if left.len() > SAID {
        let _ = write!(said, "; and {} more turns", left.len() - SAID);
    }
    said.push('.');
    said
}
