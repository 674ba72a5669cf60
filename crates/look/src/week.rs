//! A schedule's days, a row each, with the names of who is on call below.

mod clock;

use crate::svg::{escape, percent, picture, words};
use crate::tone::Tone;
use clock::Stretch;
use std::fmt::Write as _;

/// A day of the calendar that the schedule is shown by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeekDay {
    /// `Mon 23`: the part after the blank is written below the other.
    pub label: String,
    /// Its beginning, in milliseconds or any other one unit.
    pub from: i64,
    /// Its end.
    pub to: i64,
    /// When clocks are set in it.
    pub set: Option<ClockSet>,
}

/// Clocks are set, which makes a day longer or shorter than what they show of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSet {
    /// When, from the day's beginning on.
    pub at: i64,
    /// By how much: more than 0 is forward.
    pub by: i64,
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

/// Turns that the description tells; the list has all.
const SAID: usize = 14;
const ROW: f64 = 30.0;
const LEFT: f64 = 0.13;
/// Tones that tell neighbours apart; who it is says the number.
const TINTS: [Tone; 4] = [Tone::Info, Tone::Good, Tone::Planned, Tone::Unknown];
/// Pixels of a whole day on the smallest telephone, and from where on `.roomy` is shown.
const NARROW: f64 = 215.0;
const ROOMY: f64 = 480.0;
/// Less than this share of a day is drawn as a line, so that a turn of a minute is seen on any screen.
const THIN: f64 = 0.01;

/// Draws days as rows from midnight to midnight with the turns in them, each where clocks show its time; `now` as a line,
/// if it is among them. In each box is a number, and the name where there is room for it; below is whose number it is, and
/// every turn in words.
#[must_use]
pub fn week(title: &str, days: &[WeekDay], turns: &[Turn], now: Option<i64>) -> String {
    let mut people: Vec<(&str, bool)> = Vec::new();
    for turn in turns.iter().filter(|t| !t.who.is_empty()) {
        if !people.contains(&(&turn.who, turn.stand_in)) {
            people.push((&turn.who, turn.stand_in));
        }
    }
    let end = days.last().map(|day| day.to);
    let mut inside = String::new();
    for (row, day) in days.iter().enumerate() {
        let y = row as f64 * ROW;
        let (first, second) = day.label.split_once(' ').unwrap_or((&day.label, ""));
        words(&mut inside, "strong", 0.0, y + 12.0, first);
        words(&mut inside, "", 0.0, y + 25.0, second);
        let stretches = clock::stretches(day);
        let (mut boxes, mut lines) = (String::new(), String::new());
        for turn in turns {
            let who = people.iter().position(|p| *p == (turn.who.as_str(), turn.stand_in));
            let told = told(turn, end);
            for stretch in &stretches {
                let Some((from, to)) = stretch.share(turn.from, turn.to) else { continue };
                // What is too short for more than a line is drawn over its neighbours.
                let out = if to - from < THIN { &mut lines } else { &mut boxes };
                part(out, stretch, y, (from, to), (who, turn), &told);
            }
        }
        inside.push_str(&boxes);
        inside.push_str(&lines);
        for stretch in &stretches {
            let Some((x, _)) = now.and_then(|now| stretch.share(now, now.saturating_add(1))) else {
                continue;
            };
            let x = percent(wide(x));
            // Writing to a String cannot fail, here and below.
            let _ = write!(
                inside,
                "<line class=\"now\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"><title>now</title></line>",
                y + stretch.top * ROW,
                y + (stretch.top + stretch.height) * ROW - 2.0
            );
        }
    }
    let below = days.len() as f64 * ROW + 12.0;
    for (at, label) in [(0.0, "0 h"), (0.25, "6"), (0.5, "12"), (0.75, "18"), (1.0, "24")] {
        words(&mut inside, "", wide(at), below, label);
    }
    let left: Vec<&Turn> = turns.iter().filter(|t| now.is_none_or(|now| t.to > now)).collect();
    let height = (below + 6.0) as u32;
    let mut out = picture("", height, title, &said(&left, end), &inside);
    legend(&mut out, &people, turns.iter().any(|t| t.who.is_empty()));
    list(&mut out, &left, end);
    out
}

/// Where a share of a day is across.
fn wide(share: f64) -> f64 {
    LEFT + share * (1.0 - LEFT)
}

/// The part of a turn that is in a stretch of a day.
fn part(
    out: &mut String,
    stretch: &Stretch,
    y: f64,
    (from, to): (f64, f64),
    (who, turn): (Option<usize>, &Turn),
    told: &str,
) {
    let (class, told) = (tone(who).class(), escape(told));
    let (top, height) = (y + 1.0 + stretch.top * (ROW - 4.0), (ROW - 4.0) * stretch.height);
    if to - from < THIN {
        let x = percent(wide(from));
        let _ = write!(
            out,
            "<line class=\"thin {class}\" x1=\"{x}\" x2=\"{x}\" y1=\"{top}\" y2=\"{}\"><title>{told}</title></line>",
            top + height
        );
        return;
    }
    // A nested picture cuts off what is wider than it was thought to be.
    let _ = write!(
        out,
        "<svg class=\"{class}\" x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{height}\"><rect class=\"turn\" x=\"0\" y=\"0\" width=\"100%\" height=\"100%\"/>{}<title>{told}</title></svg>",
        percent(wide(from)),
        percent((to - from) * (1.0 - LEFT)),
        text(who, &name(turn), to - from, stretch.height < 1.0),
    );
}

/// What there is room for in a box, on a telephone and elsewhere: the number and the name, the number, or nothing. Half a
/// row is for numbers alone.
fn text(who: Option<usize>, name: &str, width: f64, half: bool) -> String {
    // Pixels that a text of this size takes at most: of scripts with wide letters more.
    let long = |text: &str| text.chars().map(|c| if c < '\u{1100}' { 7.5 } else { 13.0 }).sum::<f64>() + 10.0;
    let (key, y) = (key(who), if half { 11 } else { 17 });
    let whole = format!("{key} {name}");
    let fits = |text: &str, day: f64| long(text) <= width * day;
    let (class, more) = match (fits(&key, NARROW), fits(&key, ROOMY)) {
        (false, false) => return String::new(),
        (false, true) => (" roomy", ""),
        (true, _) => ("", if fits(&whole, NARROW) { "" } else { " class=\"roomy\"" }),
    };
    let name = match !half && fits(&whole, ROOMY) {
        true => format!("<tspan{more}> {}</tspan>", escape(name)),
        false => String::new(),
    };
    format!("<text class=\"strong{class}\" x=\"5\" y=\"{y}\">{key}{name}</text>")
}

/// The number of who has a turn, as it stands in the boxes and in the legend.
fn key(who: Option<usize>) -> String {
    who.map_or_else(|| "–".to_owned(), |n| (n + 1).to_string())
}

fn tone(who: Option<usize>) -> Tone {
    who.map_or(Tone::Bad, |n| TINTS[n % TINTS.len()])
}

fn name(turn: &Turn) -> String {
    match (turn.who.as_str(), turn.stand_in) {
        ("", _) => "nobody on call".to_owned(),
        (who, true) => format!("{who} (stands in)"),
        (who, false) => who.to_owned(),
    }
}

/// `Ana until Tue 24 09:00`; of a turn that goes on beyond what is drawn, the name alone.
fn told(turn: &Turn, end: Option<i64>) -> String {
    match end.is_some_and(|end| turn.to >= end) {
        true => name(turn),
        false => format!("{} until {}", name(turn), turn.until),
    }
}

/// `On call: Ana until Tue 24 09:00; Ben until Wed 25 09:00; then Ana.`
fn said(left: &[&Turn], end: Option<i64>) -> String {
    if left.iter().all(|t| t.who.is_empty()) {
        return "Nobody is on call.".to_owned();
    }
    let all =
        left.iter().take(SAID).enumerate().map(|(n, t)| match (n, end.is_some_and(|end| t.to >= end)) {
            (0, true) => format!("{}, all the time", name(t)),
            (_, true) => format!("then {}", name(t)),
            (_, false) => told(t, end),
        });
    let mut said = format!("On call: {}", all.collect::<Vec<_>>().join("; "));
    match left.len().saturating_sub(SAID) {
        0 => {}
        1 => said.push_str("; the last turn is in the list below"),
        more => {
            let _ = write!(said, "; the other {more} turns are in the list below");
        }
    }
    said.push('.');
    said
}

/// Whose number it is.
fn legend(out: &mut String, people: &[(&str, bool)], gaps: bool) {
    out.push_str("<ul class=\"legend\">");
    let gap = gaps.then_some((None, ("nobody on call", false)));
    for (who, (name, stand_in)) in people.iter().enumerate().map(|(n, p)| (Some(n), *p)).chain(gap) {
        let mark = if stand_in { " (stands in)" } else { "" };
        let _ = write!(
            out,
            "<li><span class=\"key {}\">{}</span> <bdi>{}</bdi>{mark}</li>",
            tone(who).class(),
            key(who),
            escape(name)
        );
    }
    out.push_str("</ul>");
}

/// Every turn that is not over, in words: what is told where there is no room in a box.
fn list(out: &mut String, left: &[&Turn], end: Option<i64>) {
    out.push_str("<details><summary>Every turn in words</summary><ul class=\"list dense\">");
    for turn in left {
        let who = match turn.who.as_str() {
            "" => "<strong>nobody on call</strong>".to_owned(),
            who => format!("<bdi>{}</bdi>", escape(who)),
        };
        let mark = if turn.stand_in && !turn.who.is_empty() { " (stands in)" } else { "" };
        let until = match end.is_some_and(|end| turn.to >= end) {
            true => "to the end of the week shown".to_owned(),
            false => format!("until {}", escape(&turn.until)),
        };
        let _ = write!(out, "<li>{who}{mark} {until}</li>");
    }
    out.push_str("</ul></details>");
}
