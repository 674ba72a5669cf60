//! What the story hears: pages on phones, and events of the journal. Each becomes a line or a box on the screen.

use super::{AWAKE, Act, Play, WAKES_UP, list, moment, number, text};
use crate::demo::browser;
use crate::demo::screen::Who;
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::time::Instant;

impl Play {
    /// Something arrives on a phone.
    pub(super) fn rings(&mut self, page: &Value) {
        let (person, name) = (text(page, "/person").to_owned(), text(page, "/person_name").to_owned());
        let of = number(page, "/incident/id");
        if !self.found.incidents.contains(&of) {
            if self.others.insert((of, person)) {
                let text = format!("{name} hears of incident {of}, which is not of this story.");
                self.screen.say(Who::Phone, &text);
            }
            return;
        }
        match text(page, "/kind") {
            "page" => {
                self.links.insert(person.clone(), (name.clone(), text(page, "/ack_url").to_owned()));
                self.found.people.insert(person.clone());
                // Wave, round and step: `1-p-1_0_2-caro-0` without the person.
                let id = text(page, "/id");
                let step = id.split(&format!("-{person}-")).next().unwrap_or(id).to_owned();
                let asks = self.steps.insert(step);
                self.screen.board.rings(&person, &name, self.on_phone(page), asks);
                if !asks {
                    self.screen.say(Who::Phone, &format!("The same page is on {name}'s phone."));
                } else {
                    self.show(page, &name);
                    self.asked = Some(person.clone());
                }
                let sleeps = match self.act {
                    Act::Broken if person == self.story.answers => Some(WAKES_UP),
                    // Whoever has answered once is awake, and answers for what is new.
                    Act::Answered => Some(AWAKE),
                    _ => None,
                };
                if let Some(seconds) = sleeps {
                    self.wakes = Some((Instant::now() + self.pace(seconds), person));
                }
                if self.act == Act::Broken
                    && let Some((asked, _)) = self.asked.as_ref().and_then(|p| self.links.get(p))
                {
                    let text = format!("Press Enter to answer as {asked}, or wait and see who is next.");
                    self.ask(text);
                }
            }
            kind => {
                let by = text(page, "/by");
                let news = match (kind, by) {
                    ("acknowledged", by) => format!("{by} is on it, stand down"),
                    ("resolved", "") => "it is over".to_owned(),
                    (kind, by) => format!("{kind} by {by}"),
                };
                self.screen.board.told(&person, &news);
                if kind == "resolved" {
                    self.found.told.insert(person);
                }
                self.notices.push((news, name));
                self.notices_since = Some(Instant::now());
            }
        }
    }

    fn show(&mut self, page: &Value, name: &str) {
        // The first page is shown whole, later ones with what is new in them.
        let first = self.steps.len() == 1;
        let rows = rows(page, first);
        let shout = shout(page);
        if first {
            self.screen.row("");
        }
        self.screen.say(Who::Phone, &format!("{name} is paged:"));
        self.screen.page(&format!("{name}'s phone"), &shout, &rows, "Acknowledge");
    }

    /// The page for the browser, whole.
    fn on_phone(&self, page: &Value) -> browser::Page {
        browser::Page {
            at: self.screen.clock(),
            severity: text(page, "/incident/severity").to_owned(),
            shout: shout(page),
            rows: rows(page, true),
            link: text(page, "/ack_url").to_owned(),
        }
    }

    pub(super) fn tell_notices(&mut self) {
        self.notices_since = None;
        let mut by_news: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (news, name) in self.notices.drain(..) {
            by_news.entry(news).or_default().push(name);
        }
        for (news, mut names) in by_news {
            names.sort();
            let verb = if names.len() == 1 { "is" } else { "are" };
            let names = match names.as_slice() {
                [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
                names => names.concat(),
            };
            self.screen.say(Who::Phone, &format!("{names} {verb} told: {news}."));
        }
    }

    /// Tells of an event of the journal, if it is one that the story is about.
    pub(super) fn tell(&mut self, event: &Value) {
        let after = self.found.broke.map(|broke| (moment(event) - broke).max(0.0));
        let at = |path: &str| text(event, &format!("/record/event{path}"));
        let of = event.get("incident").and_then(Value::as_u64);
        if text(event, "/type") == "alert_opened" {
            self.found.incidents.extend(of);
        } else if of.is_some_and(|id| !self.found.incidents.contains(&id)) {
            return;
        }
        match text(event, "/type") {
            "alert_opened" => {
                let (check, key) = (at("/alert/labels/check").to_owned(), at("/alert/key").to_owned());
                let summary = at("/alert/annotations/summary").to_owned();
                self.found.alerts += 1;
                let first = self.found.detected.is_none();
                self.found.detected = self.found.detected.or(after);
                let word = detected(first, after, self.found.incidents.len());
                self.screen.say(Who::Foghorn, &format!("{word}: {summary}"));
                if let Some((_, meaning)) = self.story.meanings.iter().find(|(c, _)| *c == check) {
                    self.screen.remark(meaning);
                }
                if first {
                    self.screen.remark("It is on screen at once. It wakes nobody before it has lasted a few seconds (fail_for): a reload must not.");
                }
                self.checks.insert(key, if check.is_empty() { summary } else { check });
            }
            "step_entered" => {
                let step = number(event, "/record/event/step") + 1;
                self.found.steps = self.found.steps.max(step);
                if step > 1 {
                    self.screen.row("");
                    self.screen
                        .say(Who::Foghorn, &format!("Nobody has answered, so it goes on to step {step}."));
                }
            }
            "page_attempted" if at("/outcome/is") != "accepted" => {
                self.screen.say(Who::Foghorn, text(event, "/text"));
            }
            "page_attempted" if at("/key/kind") == "page" => self.found.paged = self.found.paged.or(after),
            "acknowledged" => {
                self.found.answered = self.found.answered.or(after);
                self.screen.say(Who::Foghorn, "Acknowledged: it pages nobody else for what was shown.");
                if self.act == Act::Broken {
                    let (green, sentence) = self.story.stays_green;
                    if green.iter().all(|c| !self.checks.values().any(|failed| failed == c)) {
                        self.screen.remark(sentence);
                    }
                    self.begin(Act::Answered);
                    self.wakes = None;
                }
                if self.act == Act::Answered {
                    self.ask(format!("Press Enter to {}, or wait.", self.story.repair));
                }
            }
            "acknowledgement_lapsed" => {
                let why = at("/why").to_owned();
                self.screen.say(
                    Who::Foghorn,
                    &format!("The acknowledgement does not cover this: {why}. It pages again."),
                );
            }
            "alert_ended" => {
                let check = self.checks.get(at("/key")).cloned().unwrap_or_default();
                self.screen.say(Who::Foghorn, &format!("Well again: {check}."));
            }
            "incident_resolved" => {
                self.found.resolved = after;
                let n = self.found.alerts;
                self.screen
                    .say(Who::Foghorn, &format!("Resolved, as all {n} checks that failed are well again."));
                if self.act >= Act::Repaired {
                    self.begin(Act::Resolved);
                }
            }
            "incident_reopened" => {
                self.screen.say(Who::Foghorn, "It has come back: the same incident is open again.");
                if self.act == Act::Resolved {
                    self.begin(Act::Repaired);
                }
            }
            _ => {}
        }
    }
}

/// The word before what was detected, `after` so many seconds; what it belongs to is said of what came later.
fn detected(first: bool, after: Option<f64>, incidents: usize) -> String {
    match (first, after, incidents) {
        (true, Some(s), _) => format!("Detected, {s:.1} s after it broke"),
        (true, None, _) => "Detected".to_owned(),
        (false, _, 1) => "Also detected, in the same incident".to_owned(),
        (false, ..) => "Also detected".to_owned(),
    }
}

/// What is read first.
fn shout(page: &Value) -> String {
    let severity = text(page, "/incident/severity").to_uppercase();
    format!("{severity} · incident {}", number(page, "/incident/id"))
}

/// The lines of a page, with a word before each; if it is not whole, only the first of what is broken.
fn rows(page: &Value, whole: bool) -> Vec<(&'static str, String)> {
    let names = |path: &str| list(page, path).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    let alerts = list(page, "/alerts");
    let shown = if whole { alerts.len() } else { 1 };
    let more = match alerts.len().saturating_sub(shown) {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    let mut rows: Vec<(&'static str, String)> = Vec::new();
    for (n, alert) in alerts.iter().take(shown).enumerate() {
        rows.push((if n == 0 { "broken" } else { "" }, format!("{}{more}", text(alert, "/summary"))));
    }
    rows.push(match names("/downstream").as_str() {
        "" => ("unwell", names("/entities")),
        down => ("unwell", format!("{}; {down} stands on that", names("/entities"))),
    });
    if whole {
        rows.push(("changed", names("/changes")));
    }
    rows.push(("why you", text(page, "/why").to_owned()));
    rows.push(("next", text(page, "/next").to_owned()));
    rows.retain(|(_, text)| !text.is_empty());
    rows
}

#[cfg(test)]
mod tests {
    use super::detected;
    use crate::demo::stories::STORIES;

    /// Which check is the first to see it is chance: the first opens the incident, and whichever is second joins it.
    #[test]
    fn what_joins_an_incident_is_said_of_what_came_later() {
        assert_eq!(detected(true, Some(1.24), 1), "Detected, 1.2 s after it broke");
        assert_eq!(detected(true, None, 1), "Detected");
        assert_eq!(detected(false, Some(3.0), 1), "Also detected, in the same incident");
        assert_eq!(detected(false, Some(3.0), 2), "Also detected");
        for (check, meaning) in STORIES.iter().flat_map(|s| s.meanings) {
            for word in ["incident", "The same", "joins", "also"] {
                assert!(!meaning.contains(word), "{check} counts on being told after another: {meaning}");
            }
        }
    }
}
