//! What the browser shows: the story so far, what is on people's phones, and what may be pressed now. The terminal prints
//! the same sentences.

use crate::demo::screen::Who;
use tokio::sync::watch;

/// Steps that are kept; a story has a fifth of that. Of more the first go, and the page says how many.
const MOST_STEPS: usize = 500;
/// News that one phone shows: the last ones.
const MOST_NEWS: usize = 3;

/// Written by the story, read by the page.
#[derive(Clone)]
pub struct Board(watch::Sender<Shown>);

/// What there is to see.
#[derive(Clone, Default)]
pub struct Shown {
    /// Counts changes.
    pub version: u64,
    /// The story so far.
    pub steps: Vec<Step>,
    /// Steps that had to go.
    pub gone: usize,
    /// Who was paged, in the order of their first pages.
    pub phones: Vec<Phone>,
    /// Whose phone is looked at: its place in `phones`.
    pub front: usize,
    /// What may be pressed.
    pub offers: Vec<Offer>,
    /// Nothing more happens.
    pub over: bool,
}

/// One of the story's steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A heading.
    Heading(String),
    /// Text at the margin.
    Text(String),
    /// Rows of a table, as they are.
    Rows(String),
    /// Something happened.
    Said {
        /// On the story's clock.
        at: String,
        /// Who says so.
        who: Who,
        /// What.
        text: String,
        /// What it means.
        remarks: Vec<String>,
    },
}

/// Somebody's phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Whose, as the configuration has it.
    pub person: String,
    /// Whose, as people say.
    pub name: String,
    /// The last page.
    pub page: Page,
    /// Whether its button was pressed.
    pub answered: bool,
    /// What they were told later.
    pub news: Vec<String>,
}

/// A page as a person reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// When it came, on the story's clock.
    pub at: String,
    /// How bad it is.
    pub severity: String,
    /// Severity and incident: what is read first.
    pub shout: String,
    /// A word each, and what it says.
    pub rows: Vec<(&'static str, String)>,
    /// The link in it.
    pub link: String,
}

/// What a key or a button does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// This person acknowledges.
    Acknowledge(String),
    /// Whoever has answered does this.
    Repair(&'static str),
}

impl Offer {
    /// Its word in a form.
    pub const fn word(&self) -> &'static str {
        match self {
            Offer::Acknowledge(_) => "acknowledge",
            Offer::Repair(_) => "repair",
        }
    }
}

impl Board {
    /// An empty one.
    pub fn new() -> Board {
        Board(watch::Sender::new(Shown::default()))
    }

    /// What is on it now, and later.
    pub fn follow(&self) -> watch::Receiver<Shown> {
        self.0.subscribe()
    }

    fn change(&self, change: impl FnOnce(&mut Shown)) {
        self.0.send_modify(|shown| {
            change(shown);
            shown.version += 1;
        });
    }

    /// The next step.
    pub fn step(&self, step: Step) {
        self.change(|shown| {
            if shown.steps.len() >= MOST_STEPS {
                shown.steps.remove(0);
                shown.gone += 1;
            }
            shown.steps.push(step);
        });
    }

    /// A row under the last one.
    pub fn row(&self, row: &str) {
        let joins = matches!(self.0.borrow().steps.last(), Some(Step::Rows(_)));
        match (row.is_empty(), joins) {
            (true, _) => {}
            (false, false) => self.step(Step::Rows(row.to_owned())),
            (false, true) => self.change(|shown| {
                if let Some(Step::Rows(rows)) = shown.steps.last_mut() {
                    rows.push('\n');
                    rows.push_str(row);
                }
            }),
        }
    }

    /// What the last step means.
    pub fn remark(&self, remark: &str) {
        self.change(|shown| {
            if let Some(Step::Said { remarks, .. }) = shown.steps.last_mut() {
                remarks.push(remark.to_owned());
            }
        });
    }

    /// A page arrives. Everybody looks at the phone of whoever is asked first.
    pub fn rings(&self, person: &str, name: &str, page: Page, asked: bool) {
        self.change(|shown| {
            let known = shown.phones.iter().position(|p| p.person == person);
            let n = known.unwrap_or(shown.phones.len());
            if known.is_none() {
                let (person, name) = (person.to_owned(), name.to_owned());
                let page = Page::default();
                shown.phones.push(Phone { person, name, page, answered: false, news: Vec::new() });
            }
            let Some(phone) = shown.phones.get_mut(n) else { return };
            (phone.page, phone.answered) = (page, false);
            if asked {
                shown.front = n;
            }
        });
    }

    /// News arrives on a phone.
    pub fn told(&self, person: &str, news: &str) {
        self.change(|shown| {
            let Some(phone) = shown.phones.iter_mut().find(|p| p.person == person) else { return };
            if phone.news.len() >= MOST_NEWS {
                phone.news.remove(0);
            }
            phone.news.push(news.to_owned());
        });
    }

    /// Somebody has pressed the button in the page.
    pub fn answered(&self, person: &str) {
        self.change(|shown| {
            let Some(n) = shown.phones.iter().position(|p| p.person == person) else { return };
            shown.phones[n].answered = true;
            shown.front = n;
        });
    }

    /// What may be pressed from now on.
    pub fn offers(&self, offers: Vec<Offer>) {
        let same = self.0.borrow().offers == offers;
        if !same {
            self.change(|shown| shown.offers = offers);
        }
    }

    /// Nothing more happens.
    pub fn over(&self) {
        self.change(|shown| shown.over = true);
    }
}

#[cfg(test)]
mod tests {
    use super::{Board, MOST_NEWS, MOST_STEPS, Offer, Page, Step};

    #[test]
    fn rows_come_together_and_what_is_too_much_goes() {
        let board = Board::new();
        let seen = board.follow();
        ["a", "", "b"].iter().for_each(|row| board.row(row));
        assert_eq!(seen.borrow().steps, [Step::Rows("a\nb".to_owned())]);
        (0..MOST_STEPS).for_each(|n| board.step(Step::Text(n.to_string())));
        assert_eq!((seen.borrow().steps.len(), seen.borrow().gone), (MOST_STEPS, 1));
        assert_eq!(seen.borrow().steps[0], Step::Text("0".to_owned()));
    }

    #[test]
    fn the_phone_that_is_asked_is_looked_at() {
        let board = Board::new();
        let seen = board.follow();
        board.rings("ana", "Ana", Page::default(), true);
        board.rings("ben", "Ben", Page::default(), false);
        assert_eq!(seen.borrow().front, 0);
        board.answered("ben");
        assert_eq!(seen.borrow().front, 1);
        // A new page is a new question.
        board.rings("ben", "Ben", Page::default(), false);
        assert!(!seen.borrow().phones[1].answered);
        (0..9).for_each(|n| board.told("ana", &n.to_string()));
        assert_eq!(seen.borrow().phones[0].news.len(), MOST_NEWS);
        let before = seen.borrow().version;
        board.offers(vec![Offer::Repair("x")]);
        board.offers(vec![Offer::Repair("x")]);
        assert_eq!(seen.borrow().version, before + 1, "what does not change is no news");
    }
}
