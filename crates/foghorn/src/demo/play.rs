//! Plays a story: breaks the shop, tells what Foghorn does about it, passes key presses on, mends the shop, and looks whether
//! all went as told. It decides nothing about the incident: it reads events and pages, as people do.

mod news;

use super::browser::{Looked, Offer, Press};
use super::foghorn::Foghorn;
use super::screen::{Screen, Who};
use super::shop::Shop;
use super::stories::{Story, pace};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The shop is well for so many seconds at first.
const CALM: u32 = 4;
/// Who answers at last does so after so many seconds.
const WAKES_UP: u32 = 5;
/// Who is awake answers again after so many seconds.
const AWAKE: u32 = 2;
/// From the answer to the repair.
const REPAIR: u32 = 7;
/// Whatever the story waits for takes less than this at any speed, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(150);
/// Notices that arrive within this are told of in one line.
const TOGETHER: Duration = Duration::from_millis(400);
/// How often the story looks at what Foghorn has written.
const LOOK: Duration = Duration::from_millis(150);

/// Where the story is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// All is well.
    Calm,
    /// Broken, and nobody has answered.
    Broken,
    /// Somebody has.
    Answered,
    /// The shop is mended; Foghorn has not resolved it yet.
    Repaired,
    /// Resolved; the notices are on their way.
    Resolved,
    /// Everybody was told.
    Told,
}

impl Act {
    /// What ends it, for an error.
    const fn awaits(self) -> &'static str {
        match self {
            Act::Calm => "every check to be green",
            Act::Broken => "a page and an answer to it",
            Act::Answered => "the repair",
            Act::Repaired => "Foghorn to resolve the incident",
            Act::Resolved => "the news that it is over to reach everybody who was paged",
            Act::Told => "nothing",
        }
    }
}

/// What people press, while the story goes on by itself.
pub struct Hands {
    /// Enter, pressed; nobody presses it if there is none.
    pub keys: Option<mpsc::Receiver<()>>,
    /// The button in the browser.
    pub presses: mpsc::Receiver<Press>,
    /// When somebody last looked there, where the demo stays for them.
    pub looked: Option<Looked>,
}

/// A story that is being played.
pub struct Play {
    /// What is told.
    pub story: &'static Story,
    /// Where it is told.
    pub screen: Screen,
    /// The shop.
    pub shop: Shop,
    /// The server.
    pub foghorn: Foghorn,
    /// What arrives on phones.
    pub pages: mpsc::Receiver<Value>,
    /// What people press.
    pub hands: Hands,
    /// Waits are shortened by this.
    pub speed: f64,
    seen: u64,
    act: Act,
    since: Instant,
    ready: Option<Instant>,
    signs_told: BTreeSet<usize>,
    checks: BTreeMap<String, String>,
    steps: BTreeSet<String>,
    links: BTreeMap<String, (String, String)>,
    asked: Option<String>,
    /// Who will press the button by themselves, and when.
    wakes: Option<(Instant, String)>,
    /// Whom pages of other incidents were told of.
    others: BTreeSet<(u64, String)>,
    notices: Vec<(String, String)>,
    notices_since: Option<Instant>,
    found: Found,
}

/// What there is to say at the end, in seconds after the shop broke.
#[derive(Default)]
pub struct Found {
    /// When the shop broke, in seconds since 1970.
    pub broke: Option<f64>,
    /// The first alert.
    pub detected: Option<f64>,
    /// The first page that a channel took.
    pub paged: Option<f64>,
    /// The last escalation's step, from 1.
    pub steps: u64,
    /// The first acknowledgement.
    pub answered: Option<f64>,
    /// The end.
    pub resolved: Option<f64>,
    /// What the outage became: one, if all goes as told. What somebody opens in the console beside it is none of them.
    pub incidents: BTreeSet<u64>,
    /// Alerts that it had.
    pub alerts: usize,
    /// People who were paged.
    pub people: BTreeSet<String>,
    /// People who were told that it is over.
    pub told: BTreeSet<String>,
}

impl Play {
    /// Before anything happens.
    pub fn new(
        story: &'static Story,
        screen: Screen,
        shop: Shop,
        foghorn: Foghorn,
        pages: mpsc::Receiver<Value>,
        hands: Hands,
        speed: f64,
    ) -> Play {
        Play {
            story,
            screen,
            shop,
            foghorn,
            pages,
            hands,
            speed,
            seen: 0,
            act: Act::Calm,
            since: Instant::now(),
            ready: None,
            signs_told: BTreeSet::new(),
            checks: BTreeMap::new(),
            steps: BTreeSet::new(),
            links: BTreeMap::new(),
            asked: None,
            wakes: None,
            others: BTreeSet::new(),
            notices: Vec::new(),
            notices_since: None,
            found: Found::default(),
        }
    }

    /// Plays it to the end.
    ///
    /// # Errors
    /// What did not go as told.
    pub async fn run(&mut self) -> Result<(), String> {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while self.act < Act::Told {
            tokio::select! {
                Some(page) = self.pages.recv() => {
                    // What led to it was written down before it was sent.
                    self.read().await?;
                    self.rings(&page);
                }
                pressed = pressed(&mut self.hands.keys) => match pressed {
                    Some(()) => self.key().await?,
                    None => self.hands.keys = None,
                },
                Some((what, done)) = self.hands.presses.recv() => {
                    // What is offered may have changed since the page was shown.
                    if let Some(offer) = self.offers().into_iter().find(|o| o.word() == what) {
                        self.take(offer).await?;
                        self.read().await?;
                    }
                    self.screen.board.offers(self.offers());
                    drop(done);
                },
                _ = tick.tick() => self.look().await?,
            }
            self.screen.board.offers(self.offers());
            if self.screen.is_gone() {
                return Err("nobody reads any more".to_owned());
            }
            if self.since.elapsed() > PATIENCE {
                return Err(format!("waited {} s for {}", PATIENCE.as_secs(), self.act.awaits()));
            }
        }
        self.screen.prompt(None);
        Ok(())
    }

    /// What was found, once it is over.
    pub fn found(&self) -> &Found {
        &self.found
    }

    fn begin(&mut self, act: Act) {
        (self.act, self.since) = (act, Instant::now());
        self.screen.prompt(None);
        self.asked = None;
    }

    fn pace(&self, seconds: u32) -> Duration {
        pace(seconds, self.speed)
    }

    fn ask(&mut self, text: String) {
        if self.hands.keys.is_some() {
            self.screen.prompt(Some(text));
        }
    }

    /// What Foghorn has written down since.
    async fn read(&mut self) -> Result<(), String> {
        for event in self.foghorn.events("/api/v1/events", self.seen).await? {
            self.seen = self.seen.max(number(&event, "/seq"));
            self.tell(&event);
        }
        Ok(())
    }

    async fn look(&mut self) -> Result<(), String> {
        self.read().await?;
        if self.act >= Act::Broken && self.act < Act::Repaired {
            self.signs();
        }
        if self.notices_since.is_some_and(|at| at.elapsed() >= TOGETHER) {
            self.tell_notices();
        }
        match self.act {
            Act::Calm => self.calm().await,
            Act::Broken | Act::Answered
                if self.wakes.as_ref().is_some_and(|(at, _)| *at <= Instant::now()) =>
            {
                match self.wakes.take() {
                    Some((_, person)) => self.press(person).await,
                    None => Ok(()),
                }
            }
            Act::Answered if self.since.elapsed() >= self.pace(REPAIR) => {
                self.repair();
                Ok(())
            }
            Act::Resolved if self.notices.is_empty() && self.found.told.is_superset(&self.found.people) => {
                self.begin(Act::Told);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Until every check is green; a little later the shop breaks.
    async fn calm(&mut self) -> Result<(), String> {
        let Some(ready) = self.ready else {
            let found = self.foghorn.get("/api/v1/checks").await?;
            let checks = list(&found, "/checks");
            let green =
                |c: &Value| text(c, "/state") == "ok" && c.pointer("/last/good") == Some(&Value::Bool(true));
            if !checks.is_empty() && checks.iter().all(green) {
                let n = checks.len();
                self.screen.say(Who::Foghorn, &format!("All {n} checks are green."));
                self.ready = Some(Instant::now());
            }
            return Ok(());
        };
        if ready.elapsed() < self.pace(CALM) || self.shop.orders.taken() == 0 {
            return Ok(());
        }
        let n = self.shop.orders.taken();
        self.screen.row("");
        self.screen.say(Who::Shop, &format!("{n} orders were taken so far."));
        let (entity, summary) = self.story.change;
        self.foghorn.post("/api/v1/changes", &json!({ "entity": entity, "summary": summary })).await?;
        (self.story.breaks)(&self.shop);
        self.found.broke = Some(now());
        self.screen.say(Who::Shop, self.story.broken);
        self.begin(Act::Broken);
        Ok(())
    }

    fn signs(&mut self) {
        let all = self.story.signs.iter().enumerate();
        let new: Vec<_> = all.filter(|(n, (is, _))| !self.signs_told.contains(n) && is(&self.shop)).collect();
        for (n, (_, sentence)) in new {
            self.signs_told.insert(n);
            self.screen.say(Who::Shop, sentence);
        }
    }

    fn repair(&mut self) {
        (self.story.repairs)(&self.shop);
        self.screen.row("");
        self.screen.say(Who::Shop, self.story.repaired);
        self.begin(Act::Repaired);
    }

    /// Enter was pressed.
    async fn key(&mut self) -> Result<(), String> {
        self.screen.answered();
        match self.offers().pop() {
            Some(offer) => self.take(offer).await,
            None => Ok(()),
        }
    }

    /// What may be pressed now; a key does the last of it.
    fn offers(&self) -> Vec<Offer> {
        match (self.act, &self.asked, &self.wakes) {
            (Act::Broken, Some(person), _) => vec![Offer::Acknowledge(person.clone())],
            // Paged again, for what the answer does not cover.
            (Act::Answered, _, Some((_, person))) => {
                vec![Offer::Acknowledge(person.clone()), Offer::Repair(self.story.repair)]
            }
            (Act::Answered, _, None) => vec![Offer::Repair(self.story.repair)],
            _ => Vec::new(),
        }
    }

    async fn take(&mut self, offer: Offer) -> Result<(), String> {
        match offer {
            Offer::Acknowledge(person) => {
                (self.asked, self.wakes) = (None, None);
                self.press(person).await
            }
            Offer::Repair(_) => {
                self.repair();
                Ok(())
            }
        }
    }

    /// Somebody presses the button in the page.
    async fn press(&mut self, person: String) -> Result<(), String> {
        let Some((name, link)) = self.links.get(&person).cloned() else {
            return Err(format!("{person} should answer, and has no page"));
        };
        self.screen.prompt(None);
        self.screen.row("");
        self.screen.say(Who::Person, &format!("{name} opens the link in the page and presses the button."));
        self.foghorn.press(&link).await?;
        self.screen.board.answered(&person);
        Ok(())
    }
}

/// The next key press; for ever where there are no keys.
async fn pressed(keys: &mut Option<mpsc::Receiver<()>>) -> Option<()> {
    match keys {
        Some(keys) => keys.recv().await,
        None => std::future::pending().await,
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}

/// When an event was, in seconds since 1970.
pub fn moment(event: &Value) -> f64 {
    text(event, "/at").parse::<jiff::Timestamp>().map_or(0.0, |t| t.as_duration().as_secs_f64())
}

/// A text in JSON, or an empty one.
pub fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("")
}

/// A list in JSON, or an empty one.
pub fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A number in JSON, or 0.
pub fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}
