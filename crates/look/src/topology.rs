//! What stands on what: what is sick, and what that endangers.

use crate::svg::{cut, cut_middle, escape};
use crate::tone::Tone;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

/// A thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name, once in a picture.
    pub name: String,
    /// How it is.
    pub tone: Tone,
    /// How it is, in a word: `down`, `well`.
    pub word: String,
    /// Well itself, but it stands on something that is not: drawn with a broken edge.
    pub endangered: bool,
    /// The names of what it stands on; those that are not in the picture are left out.
    pub stands_on: Vec<String>,
    /// Where its box leads.
    pub href: Option<String>,
}

const WIDTH: usize = 172;
const HEIGHT: usize = 44;
const GAP: usize = 44;
const ACROSS: usize = WIDTH + GAP;
const DOWN: usize = HEIGHT + 12;
/// A lane between boxes, in which a line goes by.
const LANE: usize = 14;
const EDGE: usize = 4;
/// Characters of a name.
const NAME: usize = 17;

/// Columns: what stands on nothing is on the left, and what stands on it to the right; in each, what is sick is on top. A
/// line that goes further than to the next column has a lane of its own in those between, so that it crosses no box. The
/// region scrolls where it is wider than the page.
#[must_use]
pub fn topology(title: &str, nodes: &[Node]) -> String {
    let place: HashMap<&str, usize> = nodes.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect();
    let on = |(i, n): (usize, &Node)| {
        let mut on: Vec<usize> = n.stands_on.iter().filter_map(|s| place.get(s.as_str()).copied()).collect();
        on.retain(|b| *b != i);
        on.sort_unstable();
        on.dedup();
        on
    };
    let below: Vec<Vec<usize>> = nodes.iter().enumerate().map(on).collect();
    let column = columns(&below);
    let plan = Plan::of(nodes, &below, &column);
    // A shape is written once, however many boxes have it.
    let mut shapes: Vec<Tone> = nodes.iter().map(|n| n.tone).collect();
    shapes.sort_unstable();
    shapes.dedup();
    let shape = |t: &Tone| format!("<path id=\"sign-{}\" d=\"{}\"/>", t.class(), t.path());
    let shapes: String = shapes.iter().map(shape).collect();
    let (width, height, title) = (plan.width, plan.height, escape(title));
    let (edges, boxes) = (plan.edges(nodes, &below, &column), boxes(nodes, &plan));
    // What can be pressed must not be in an image.
    let role = if nodes.iter().any(|n| n.href.is_some()) { "group" } else { "img" };
    format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{title}\" tabindex=\"0\"><svg class=\"pic topology\" width=\"{width}\" height=\"{height}\" role=\"{role}\"><title>{title}</title><desc>{}</desc><defs>{shapes}</defs>{edges}{boxes}</svg></div>",
        escape(&said(nodes))
    )
}

/// Something in a column.
#[derive(Clone, Copy)]
enum Slot {
    Box(usize),
    /// For the lines that go out from a box.
    Lane(usize),
}

/// Where everything is.
struct Plan {
    /// The top left corner of each box.
    at: Vec<(usize, usize)>,
    /// The height of a lane: by column and by the box that its lines go out from.
    lanes: HashMap<(usize, usize), usize>,
    width: usize,
    height: usize,
}

impl Plan {
    fn of(nodes: &[Node], below: &[Vec<usize>], column: &[usize]) -> Plan {
        let mut slots: Vec<Vec<Slot>> = vec![Vec::new(); column.iter().max().map_or(0, |c| c + 1)];
        let mut has_lane = HashSet::new();
        for (i, on) in below.iter().enumerate() {
            slots[column[i]].push(Slot::Box(i));
            for b in on {
                for (c, slots) in slots.iter_mut().enumerate().take(column[i]).skip(column[*b] + 1) {
                    if has_lane.insert((c, *b)) {
                        slots.push(Slot::Lane(*b));
                    }
                }
            }
        }
        let mut plan = Plan {
            at: vec![(EDGE, EDGE); nodes.len()],
            lanes: HashMap::new(),
            width: 2 * EDGE + slots.len().max(1) * ACROSS - (ACROSS - WIDTH),
            height: 2 * EDGE + HEIGHT,
        };
        let calm = |slot: &Slot| match *slot {
            Slot::Box(i) => !is_sick(&nodes[i]),
            Slot::Lane(_) => true,
        };
        for (c, slots) in slots.iter_mut().enumerate() {
            // Beside what it stands on, as far as that is one place.
            let beside = |slot: &Slot| {
                let from: Vec<usize> = match *slot {
                    Slot::Lane(b) => vec![plan.leaves(b, column[b], c)],
                    Slot::Box(i) => {
                        let on = below[i].iter().filter(|b| column[**b] < c);
                        on.map(|b| plan.leaves(*b, column[*b], c)).collect()
                    }
                };
                from.iter().sum::<usize>() / from.len().max(1)
            };
            slots.sort_by_cached_key(|slot| (calm(slot), beside(slot)));
            let mut y = EDGE;
            for slot in slots {
                match *slot {
                    Slot::Box(i) => {
                        plan.at[i] = (EDGE + c * ACROSS, y);
                        y += DOWN;
                    }
                    Slot::Lane(b) => {
                        plan.lanes.insert((c, b), y + LANE / 2 - (DOWN - HEIGHT) / 2);
                        y += LANE;
                    }
                }
            }
            plan.height = plan.height.max(y + EDGE - (DOWN - HEIGHT));
        }
        plan
    }

    /// The height at which the lines of a box come to a column.
    fn leaves(&self, of: usize, own: usize, to: usize) -> usize {
        let lane = (own + 1..to).rev().find_map(|c| self.lanes.get(&(c, of)));
        lane.copied().unwrap_or(self.at[of].1 + HEIGHT / 2)
    }

    fn edges(&self, nodes: &[Node], below: &[Vec<usize>], column: &[usize]) -> String {
        let (mut out, mut drawn) = (String::new(), HashSet::new());
        for (i, on) in below.iter().enumerate() {
            for b in on {
                let mut path = String::new();
                // A lane is drawn with the first line that needs it.
                let (mut x, mut y) = (self.at[*b].0 + WIDTH, self.at[*b].1 + HEIGHT / 2);
                for c in column[*b] + 1..column[i] {
                    let Some(lane) = self.lanes.get(&(c, *b)) else { continue };
                    let left = EDGE + c * ACROSS;
                    if drawn.insert((c, *b)) {
                        line(&mut path, *b, (x, y), (left, *lane));
                        // Writing to a String cannot fail, here and below.
                        let _ = write!(path, "H{}", left + WIDTH);
                    }
                    (x, y) = (left + WIDTH, *lane);
                }
                let (to_x, to_y) = self.at[i];
                line(&mut path, *b, (x, y), (to_x, to_y + HEIGHT / 2));
                let tone = nodes[*b].tone.max(Tone::Warn).class();
                let sick = if is_sick(&nodes[*b]) { format!(" {tone}") } else { String::new() };
                let _ = write!(out, "<path class=\"edge{sick}\" d=\"{path}\"/>");
            }
        }
        out
    }
}

/// What is on top, and whose lines are drawn as such.
fn is_sick(node: &Node) -> bool {
    matches!(node.tone, Tone::Bad | Tone::Warn) || node.endangered
}

/// Across, along the gap between two columns, across. Lines of one box go the same way until they part.
fn line(path: &mut String, of: usize, from: (usize, usize), to: (usize, usize)) {
    let _ = write!(path, "M{} {}", from.0, from.1);
    if from.1 != to.1 {
        let _ = write!(path, "H{}V{}", from.0 + GAP / 6 * (1 + of % 5), to.1);
    }
    let _ = write!(path, "H{}", to.0);
}

fn boxes(nodes: &[Node], plan: &Plan) -> String {
    let mut out = String::new();
    for (node, (x, y)) in nodes.iter().zip(&plan.at) {
        let class = node.tone.class();
        let danger = if node.endangered { " danger" } else { "" };
        let (name, word) = (escape(&node.name), escape(&node.word));
        let (open, close) = match &node.href {
            Some(href) => (format!("<a href=\"{}\">", escape(href)), "</a>"),
            None => (String::new(), ""),
        };
        let _ = write!(
            out,
            "{open}<g class=\"{class}{danger}\"><title>{name}: {word}</title><rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/><svg x=\"{}\" y=\"{}\" width=\"20\" height=\"20\" viewBox=\"0 0 24 24\"><use class=\"sign\" href=\"#sign-{class}\"/></svg><text class=\"strong\" x=\"{}\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\">{}</text></g>{close}",
            x + 8,
            y + 12,
            x + 34,
            y + 18,
            escape(&cut_middle(&node.name, NAME)),
            x + 34,
            y + 35,
            escape(&cut(&node.word, NAME)),
        );
    }
    out
}

/// The column of each: one more than that of what it stands on. A circle ends where it began.
fn columns(below: &[Vec<usize>]) -> Vec<usize> {
    let mut column = vec![0; below.len()];
    // As deep as there are things, in the worst case; a column beyond that is a circle.
    for _ in 0..below.len() {
        let mut moved = false;
        for (i, on) in below.iter().enumerate() {
            let least = on.iter().map(|b| column[*b] + 1).max().unwrap_or(0);
            if least > column[i] && least < below.len() {
                (column[i], moved) = (least, true);
            }
        }
        if !moved {
            break;
        }
    }
    // Circles leave empty columns.
    let mut used: Vec<usize> = column.clone();
    used.sort_unstable();
    used.dedup();
    column.iter().map(|c| used.binary_search(c).unwrap_or(0)).collect()
}

fn said(nodes: &[Node]) -> String {
    const NAMED: usize = 12;
    let list = |what: &str, all: Vec<&Node>| {
        if all.is_empty() {
            return String::new();
        }
        let names: Vec<String> = all.iter().take(NAMED).map(|n| format!("{} ({})", n.name, n.word)).collect();
        let more = all.len() - names.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!(" {what}: {}{more}.", names.join(", "))
    };
    let sick = nodes.iter().filter(|n| matches!(n.tone, Tone::Bad | Tone::Warn) && !n.endangered).collect();
    let endangered = nodes.iter().filter(|n| n.endangered).collect();
    let all = if nodes.len() == 1 { "1 thing".to_owned() } else { format!("{} things", nodes.len()) };
    format!("{all}.{}{}", list("Sick", sick), list("Endangered", endangered))
}
