//! What is wrong with a file: where, the line itself, and what to do.

use std::fmt::{self, Write as _};

/// A stretch of the file, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct At {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl At {
    /// Where what stands in for a value that could not be read is: nothing that is said of it is heard.
    pub(crate) const NOWHERE: At = At { start: usize::MAX, end: usize::MAX };

    /// Whether it is in the file.
    pub(crate) fn is_known(self) -> bool {
        self != At::NOWHERE
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// The offending line (or the part of a long one), with secrets covered. Empty if there is none to show.
    pub excerpt: String,
    /// Where in the excerpt the mark begins, in characters from 0.
    pub mark: usize,
    /// How long the mark is, in characters; at least 1.
    pub width: usize,
}

/// Everything that is wrong with a file, in the order of the file. Never empty when it is an `Err`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors(pub Vec<Problem>);

/// So many problems are shown; a file with more is another kind of file.
pub(crate) const MOST_PROBLEMS: usize = 200;

impl Problem {
    /// A problem with the file as a whole, such as that it cannot be read.
    pub(crate) fn whole(file: &str, message: String, advice: &str) -> Problem {
        Problem {
            file: file.to_owned(),
            line: 1,
            column: 1,
            message,
            advice: Some(advice.to_owned()),
            excerpt: String::new(),
            mark: 0,
            width: 1,
        }
    }

    /// On one line: `file:line:column: message; advice`.
    #[must_use]
    pub fn line(&self) -> String {
        let Problem { file, line, column, message, advice, .. } = self;
        let advice = advice.as_ref().map_or_else(String::new, |advice| format!("; {advice}"));
        format!("{file}:{line}:{column}: {message}{advice}")
    }

    fn render(&self, color: bool, out: &mut String) -> fmt::Result {
        let paint = |code: &'static str| if color { code } else { "" };
        let (bold, red, blue, plain) =
            (paint("\x1b[1m"), paint("\x1b[1;31m"), paint("\x1b[34m"), paint("\x1b[0m"));
        let Problem { file, line, column, message, .. } = self;
        writeln!(out, "{bold}{file}:{line}:{column}:{plain} {red}error:{plain} {bold}{message}{plain}")?;
        if !self.excerpt.is_empty() {
            let number = line.to_string();
            let gap = " ".repeat(number.len());
            let marks = "^".repeat(self.width);
            writeln!(out, " {blue}{number} |{plain} {}", self.excerpt)?;
            writeln!(out, " {blue}{gap} |{plain} {}{red}{marks}{plain}", " ".repeat(self.mark))?;
        }
        match &self.advice {
            Some(advice) => writeln!(out, "   {blue}={plain} {advice}"),
            None => Ok(()),
        }
    }
}

impl Errors {
    /// For people; with colours only if asked, which is for a terminal.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let mut out = String::new();
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                out.push('\n');
            }
            // Writing to a string cannot fail.
            let _ = problem.render(color, &mut out);
        }
        out
    }

    /// For programs: a list of objects.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let one = |p: &Problem| {
            serde_json::json!({
                "file": p.file, "line": p.line, "column": p.column, "message": p.message, "advice": p.advice,
            })
        };
        self.0.iter().map(one).collect()
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Errors {}

/// The file's text and name, to turn bytes into lines and columns.
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
    /// The byte at which each line begins.
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(name: &'a str, text: &'a str) -> Source<'a> {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Source { name, text, lines }
    }

    /// Line and column, from 1, of a byte.
    pub(crate) fn place(&self, byte: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= byte).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        (line, self.text.get(start..byte).unwrap_or_default().chars().count() + 1)
    }

    /// A problem with the line around it, on which `hidden` says of every byte whether it is covered.
    pub(crate) fn problem(
        &self,
        at: At,
        message: String,
        advice: Option<String>,
        hidden: &dyn Fn(usize) -> bool,
    ) -> Problem {
        const SHOWN: usize = 120;
        let (line, column) = self.place(at.start);
        let start = at.start.min(self.text.len());
        let from = self.text.get(..start).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
        let whole = self.text.get(from..).and_then(|t| t.lines().next()).unwrap_or_default();
        let cover = |(i, c): (usize, char)| match c {
            c if c.is_control() => ' ',
            c if c != ' ' && hidden(from + i) => '•',
            c => c,
        };
        // A long line is shown around the mark.
        let skipped = if whole.chars().count() <= SHOWN { 0 } else { (column - 1).saturating_sub(SHOWN / 2) };
        let excerpt: String = whole.char_indices().map(cover).skip(skipped).take(SHOWN).collect();
        let marked =
            self.text.get(start..at.end.max(start)).and_then(|t| t.lines().next()).unwrap_or_default();
        let mark = column - 1 - skipped;
        let room = excerpt.chars().count().saturating_sub(mark).max(1);
        Problem {
            file: self.name.to_owned(),
            line,
            column,
            message,
            advice,
            width: marked.trim_end().chars().count().clamp(1, room),
            excerpt: excerpt.trim_end().to_owned(),
            mark,
        }
    }
}

/// A value for a message: short, on one line.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::from("`");
    for (i, c) in text.chars().enumerate() {
        if i == 60 {
            out.push('…');
            break;
        }
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out.push('`');
    out
}

/// `a`, `b` or `c`.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let words: Vec<String> = words.into_iter().map(|w| format!("`{w}`")).collect();
    match words.split_last() {
        Some((end, [])) => end.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
        None => String::new(),
    }
}

/// The word nearest to `wrong`, if one is near enough that a slip of the finger explains it.
#[must_use]
pub fn nearest<'a>(wrong: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.get(..wrong.len().min(64)).unwrap_or_default().to_lowercase();
    let limit = (wrong.chars().count() / 3).clamp(1, 3);
    words
        .into_iter()
        .map(|w| (distance(&wrong, &w.to_lowercase()), w))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, w)| w)
}

/// How many letters must be inserted, removed, changed or swapped with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let words = ["listen", "data_dir", "public_url"];
        assert_eq!(nearest("listn", words), Some("listen"));
        assert_eq!(nearest("lisetn", words), Some("listen"));
        assert_eq!(nearest("data-dir", words), Some("data_dir"));
        assert_eq!(nearest("colour", words), None);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn the_mark_stands_under_what_is_wrong_in_a_long_line_too() {
        let text = format!("a: 1\nb: [{}wrong{}]\n", "x, ".repeat(100), ", y".repeat(100));
        let start = text.find("wrong").unwrap();
        let source = Source::new("f", &text);
        let p = source.problem(At { start, end: start + 5 }, "m".into(), None, &|_| false);
        assert_eq!((p.line, p.column), (2, 305));
        let marked: String = p.excerpt.chars().skip(p.mark).take(p.width).collect();
        assert_eq!(marked, "wrong");
    }
}
