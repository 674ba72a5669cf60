//! What the demo prints: lines with a clock and a speaker, a page as a box, and one line at the bottom that waits for a key.
//! Colour and the moving of the cursor are for terminals only. What it says is on the board for the browser, too.

use super::browser::{Board, Step};
use foghorn_core::text::clean;
use std::io::{IsTerminal, Write};
use std::time::Instant;

/// A line fits a terminal of 80 columns, and a narrower one down to this.
const WIDE: usize = 78;
const NARROW: usize = 36;
/// Where the text begins: after the clock and the speaker.
const INDENT: usize = 17;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// What happens in the shop.
    Shop,
    /// What Foghorn does.
    Foghorn,
    /// What arrives on somebody's phone.
    Phone,
    /// What a person does.
    Person,
}

impl Who {
    /// The word.
    pub const fn word(self) -> &'static str {
        self.look().0
    }

    /// The word, and its colour.
    const fn look(self) -> (&'static str, &'static str) {
        match self {
            Who::Shop => ("shop", "36"),
            Who::Foghorn => ("foghorn", "1;33"),
            Who::Phone => ("phone", "35"),
            Who::Person => ("person", "32"),
        }
    }
}

/// Standard output.
pub struct Screen {
    /// What the browser shows.
    pub board: Board,
    begun: Instant,
    colour: bool,
    moves: bool,
    prompt: Option<String>,
    gone: bool,
}

impl Screen {
    /// The clock begins now.
    pub fn new(board: Board) -> Screen {
        let terminal =
            std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb");
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Screen { board, begun: Instant::now(), colour, moves: terminal, prompt: None, gone: false }
    }

    /// Whether the reader went away, as `head` does.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// When the clock began.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// A heading.
    pub fn heading(&mut self, text: &str) {
        self.board.step(Step::Heading(text.to_owned()));
        let lines = wrap(&clean(text), self.wide() - 2);
        let lines: String = lines.iter().map(|l| format!("  {}\n", self.paint("1", l))).collect();
        self.put(&format!("\n{lines}"));
    }

    /// Text at the margin.
    pub fn text(&mut self, text: &str) {
        self.board.step(Step::Text(text.to_owned()));
        let lines: String = wrap(&clean(text), self.wide() - 2).iter().map(|l| format!("  {l}\n")).collect();
        self.put(&lines);
    }

    /// A row of a table, as it is.
    pub fn row(&mut self, text: &str) {
        self.board.row(text);
        self.put(&format!("{}\n", format!("  {}", clean(text)).trim_end()));
    }

    /// A row whose last column goes on below itself where it is long.
    pub fn hung(&mut self, before: &str, text: &str) {
        let indent = before.chars().count();
        for (n, line) in wrap(text, self.wide().saturating_sub(2 + indent).max(20)).iter().enumerate() {
            let before = if n == 0 { before } else { "" };
            self.row(&format!("{before:indent$}{line}"));
        }
    }

    /// Something happens.
    pub fn say(&mut self, who: Who, text: &str) {
        let (word, colour) = who.look();
        let (clock, word) = (self.clock(), self.paint(colour, &format!("{word:<8}")));
        let (at, said) = (clock.clone(), ended(text));
        self.board.step(Step::Said { at, who, text: said, remarks: Vec::new() });
        let head = format!("{}  {word}", self.paint("2", &clock));
        let lines = wrap(&clean(text), self.wide() - INDENT);
        let mut out = String::new();
        for (n, line) in lines.iter().enumerate() {
            out += &if n == 0 { format!("{head}  {line}\n") } else { format!("{:INDENT$}{line}\n", "") };
        }
        self.put(&out);
    }

    /// What it means, under what happened.
    pub fn remark(&mut self, text: &str) {
        self.board.remark(text);
        let lines = wrap(&clean(text), self.wide() - INDENT);
        let lines: String = lines.iter().map(|l| format!("{:INDENT$}{}\n", "", self.paint("2", l))).collect();
        self.put(&lines);
    }

    /// A page as it is on a phone: a title, a first line that shouts, and rows with a word before each.
    pub fn page(&mut self, title: &str, shout: &str, rows: &[(&str, String)], button: &str) {
        let inner = self.wide() - INDENT - 4;
        let mut lines: Vec<(String, &str)> =
            wrap(&clean(shout), inner).into_iter().map(|l| (l, "1;31")).collect();
        for (word, text) in rows {
            for (n, line) in wrap(&clean(text), inner - 9).into_iter().enumerate() {
                lines.push((format!("{:<9}{line}", if n == 0 { word } else { "" }), ""));
            }
        }
        lines.push((format!("[ {button} ]"), "7"));
        let margin = " ".repeat(INDENT);
        let rule = "─".repeat((inner + 2).saturating_sub(title.chars().count() + 3));
        let mut out = format!("{margin}╭─ {} {rule}╮\n", self.paint("1", title));
        for (line, colour) in &lines {
            let fill = " ".repeat(inner.saturating_sub(line.chars().count()));
            out += &format!("{margin}│ {}{fill} │\n", self.paint(colour, line));
        }
        out += &format!("{margin}╰{}╯\n", "─".repeat(inner + 2));
        self.put(&out);
    }

    /// A line that stays at the bottom until [`Screen::answered`] or the next prompt.
    pub fn prompt(&mut self, text: Option<String>) {
        if self.prompt == text {
            return;
        }
        if self.prompt.take().is_some() && self.moves {
            self.write("\r\x1b[2K");
        }
        match &text {
            Some(line) if !self.moves => self.write(&format!("{:INDENT$}{line}\n", "")),
            _ => {}
        }
        self.prompt = text;
        self.put("");
    }

    /// A key was pressed: the terminal went to the next line by itself.
    pub fn answered(&mut self) {
        self.prompt = None;
    }

    /// `3:07` since the clock began.
    pub fn clock(&self) -> String {
        clock(self.begun.elapsed().as_secs())
    }

    /// Characters on a line, in a terminal that may have been made narrower since the last.
    fn wide(&self) -> usize {
        let size = self.moves.then(|| rustix::termios::tcgetwinsize(std::io::stdout()).ok()).flatten();
        let columns = size.map_or(0, |size| usize::from(size.ws_col));
        if columns == 0 { WIDE } else { columns.saturating_sub(2).clamp(NARROW, WIDE) }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour && !colour.is_empty() {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Text above the prompt.
    fn put(&mut self, text: &str) {
        match self.prompt.clone().filter(|_| self.moves) {
            None => self.write(text),
            Some(prompt) => {
                // On one line: no more than that can be taken back.
                let line = wrap(&prompt, self.wide() - INDENT).swap_remove(0);
                let prompt = self.paint("1", &line);
                self.write(&format!("\r\x1b[2K{text}{:INDENT$}{prompt} ", ""));
            }
        }
    }

    fn write(&mut self, text: &str) {
        let mut out = std::io::stdout().lock();
        self.gone |= out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.prompt.is_some() && self.moves {
            self.write("\r\x1b[2K");
        }
    }
}

/// ` 3:07`, from the beginning
pub fn clock(seconds: u64) -> String {
    format!("{:>2}:{:02}", seconds / 60, seconds % 60)
}

/// What comes under a colon in the terminal is beside the story in a browser, where the sentence ends.
fn ended(text: &str) -> String {
    text.strip_suffix(':').map_or_else(|| text.to_owned(), |text| format!("{text}."))
}

/// Lines of at most so many characters; a longer word is cut.
pub fn wrap(text: &str, wide: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(wide.max(1)) {
            let line = lines.last().map_or(0, |l| l.chars().count());
            if line > 0 && line + 1 + piece.len() > wide {
                lines.push(String::new());
            }
            if let Some(last) = lines.last_mut() {
                if !last.is_empty() {
                    last.push(' ');
                }
                last.extend(piece);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{clean, clock, ended, wrap};

    #[test]
    fn text_is_wrapped_between_words_and_long_words_are_cut() {
        assert_eq!(wrap("the stuck writes fill the proxy", 12), ["the stuck", "writes fill", "the proxy"]);
        assert_eq!(wrap("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("übergrößenträger", 16), ["übergrößenträger"]);
    }

    #[test]
    fn a_sentence_in_the_browser_ends() {
        assert_eq!((&*ended("Ana is paged:"), &*ended("It is over.")), ("Ana is paged.", "It is over."));
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(clean("a\x1b[2Jb\nc"), "a [2Jb c");
        assert_eq!((clock(7).as_str(), clock(187).as_str()), (" 0:07", " 3:07"));
    }
}
