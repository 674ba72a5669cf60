//! What stands on what: what is sick, and what that endangers.

use crate::svg::{cut, escape};
use crate::tone::Tone;
use std::collections::HashMap;
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
}

const WIDTH: usize = 172;
const HEIGHT: usize = 44;
const ACROSS: usize = WIDTH + 44;
const DOWN: usize = HEIGHT + 12;
const EDGE: usize = 4;
/// Characters of a name.
const NAME: usize = 17;

/// Columns: what stands on nothing is on the left, and what stands on it to the right. The region scrolls where it is wider
/// than the page.
#[must_use]
pub fn topology(title: &str, nodes: &[Node]) -> String {
    let place: HashMap<&str, usize> = nodes.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect();
    let below: Vec<Vec<usize>> = nodes
        .iter()
        .enumerate()
        .map(|(i, n)| {
            n.stands_on.iter().filter_map(|s| place.get(s.as_str()).copied()).filter(|b| *b != i).collect()
        })
        .collect();
    let column = columns(&below);
    let mut filled: Vec<usize> = vec![0; column.iter().max().map_or(0, |c| c + 1)];
    let at: Vec<(usize, usize)> = column
        .iter()
        .map(|c| {
            let row = filled[*c];
            filled[*c] += 1;
            (EDGE + c * ACROSS, EDGE + row * DOWN)
        })
        .collect();
    let (mut edges, mut boxes) = (String::new(), String::new());
    for (i, node) in nodes.iter().enumerate() {
        let (x, y) = at[i];
        for b in &below[i] {
            let (bx, by) = (at[*b].0 + WIDTH, at[*b].1 + HEIGHT / 2);
            let (to, middle) = (y + HEIGHT / 2, (bx + x) / 2);
            let sick = matches!(nodes[*b].tone, Tone::Bad | Tone::Warn) || nodes[*b].endangered;
            let class = if sick {
                format!("edge {}", nodes[*b].tone.max(Tone::Warn).class())
            } else {
                "edge".to_owned()
            };
            // Writing to a String cannot fail.
            let _ = write!(
                edges,
                "<path class=\"{class}\" d=\"M{bx} {by}C{middle} {by} {middle} {to} {x} {to}\"/>"
            );
        }
        let danger = if node.endangered { " danger" } else { "" };
        let _ = write!(
            boxes,
            "<g class=\"{}{danger}\"><rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/><svg x=\"{}\" y=\"{}\" width=\"20\" height=\"20\" viewBox=\"0 0 24 24\"><path class=\"sign\" fill-rule=\"evenodd\" d=\"{}\"/></svg><text class=\"strong\" x=\"{}\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\">{}</text><title>{}: {}</title></g>",
            node.tone.class(),
            x + 8,
            y + 12,
            node.tone.path(),
            x + 34,
            y + 18,
            escape(&cut(&node.name, NAME)),
            x + 34,
            y + 35,
            escape(&cut(&node.word, NAME)),
            escape(&node.name),
            escape(&node.word)
        );
    }
    let width = 2 * EDGE + filled.len().max(1) * ACROSS - (ACROSS - WIDTH);
    let height = 2 * EDGE + filled.iter().max().copied().unwrap_or(1).max(1) * DOWN - (DOWN - HEIGHT);
    let title = escape(title);
    format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{title}\" tabindex=\"0\"><svg class=\"pic topology\" width=\"{width}\" height=\"{height}\" role=\"img\"><title>{title}</title><desc>{}</desc>{edges}{boxes}</svg></div>",
        escape(&said(nodes))
    )
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
    format!("{} things.{}{}", nodes.len(), list("Sick", sick), list("Endangered", endangered))
}
