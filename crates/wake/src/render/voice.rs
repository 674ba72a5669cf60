//! A telephone call, in Twilio's markup: <https://www.twilio.com/docs/voice/twiml/gather>.

use super::view::{Part, names, time, within};
use crate::message::{Kind, Message};
use crate::text::{line, xml};
use crate::twilio::XML;

/// Twilio takes 4,000 characters of markup; the rest is for what is around the words.
const MOST: usize = 3500;

/// What is read aloud, twice; key 1 acknowledges.
#[must_use]
pub fn voice(m: &Message) -> String {
    let spoken = within(spoken(m), |text| xml(text).len() <= MOST);
    let say = format!("<Say loop=\"2\">{}</Say>", xml(&spoken));
    let Some(callback) = m.callback_url.as_deref().filter(|_| m.kind == Kind::Page) else {
        return format!("{XML}<Response>{say}</Response>");
    };
    format!(
        "{XML}<Response><Gather numDigits=\"1\" timeout=\"10\" method=\"POST\" action=\"{}\">{say}</Gather>\
         <Say>No key was pressed. The page goes on.</Say></Response>",
        xml(callback)
    )
}

/// Whole sentences, the most important first: whoever was asleep hears the first ones.
fn spoken(m: &Message) -> Vec<Part> {
    let title = line(&m.incident.title, 150);
    let title = title.trim_end_matches('.');
    let id = m.incident.id;
    let mut out = Vec::new();
    let mut say = |rank, text: String| out.push(Part { rank, text });
    say(0, (if m.drill { "This is a drill. " } else { "" }).to_owned() + "This is Foghorn.");
    match &m.kind {
        Kind::Page => {
            say(0, format!(" Incident {id}, {}: {title}.", m.incident.severity));
            say(0, format!(" Since {}.", time(m.incident.opened_at, m)));
            if let Some(doubt) = m.doubt() {
                say(1, format!(" {doubt}."));
            }
            if let Some(why) = m.again.as_deref().filter(|why| !why.is_empty()) {
                say(1, format!(" It pages again: {}.", aloud(why, 150)));
            }
            if let Some(by) = &m.incident.opened_by {
                say(3, format!(" Opened by {}.", line(by, 80)));
            }
            for sentence in wide(m) {
                say(2, format!(" {sentence}."));
            }
            if m.degraded.is_some() {
                say(0, " Foghorn itself is unwell.".to_owned());
            }
            if let Some(change) = m.changes.first() {
                say(4, format!(" The latest change: {}.", aloud(change, 150)));
            }
            if let Some(next) = &m.next {
                say(3, format!(" If nobody answers, {}.", aloud(next, 150)));
            }
            if !m.runbooks.is_empty() {
                say(5, " There is a runbook; the incident's page links to it.".to_owned());
            }
            if m.callback_url.is_some() {
                say(0, " Press 1 to acknowledge.".to_owned());
            }
        }
        Kind::Acknowledged { by } => {
            say(0, format!(" Incident {id}, {title}, is acknowledged by {}. Stand down.", line(by, 80)));
        }
        Kind::Resolved { .. } if m.incident.unwatched => {
            say(0, format!(" Incident {id}, {title}, is not watched any more."));
        }
        Kind::Resolved { .. } => say(0, format!(" Incident {id}, {title}, is resolved.")),
        Kind::Test => say(0, " A test call. Nothing is wrong.".to_owned()),
    }
    out
}

/// How many alerts, what is unwell, how much stands on that.
fn wide(m: &Message) -> Vec<String> {
    let mut out = Vec::new();
    let alerts = m.alerts_total.max(m.alerts.len());
    if alerts > 1 {
        out.push(format!("There are {alerts} alerts"));
    }
    if m.entities.total > 0 {
        out.push(format!("Unwell: {}", line(&names(&m.entities), 100)));
    }
    match m.downstream.total {
        0 => {}
        1 => out.push("One more thing depends on that".to_owned()),
        n => out.push(format!("{n} more things depend on that")),
    }
    out
}

/// A line as it is said: `4m 10s` is `4 minutes 10 seconds`, `(step 2)` is `, step 2`.
fn aloud(text: &str, most: usize) -> String {
    let text = line(text, most).replace(" (", ", ").replace(')', "");
    let words: Vec<String> =
        text.split(' ').map(|word| length(word).unwrap_or_else(|| word.to_owned())).collect();
    words.join(" ").trim_end_matches('.').to_owned()
}

/// `4m,` in words, with what follows the unit.
fn length(word: &str) -> Option<String> {
    let body = word.trim_end_matches([',', '.', ':', ';']);
    let unit = body.chars().last()?;
    let number: u64 = body.strip_suffix(unit)?.parse().ok()?;
    let name = match unit {
        's' => "second",
        'm' => "minute",
        'h' => "hour",
        'd' => "day",
        'w' => "week",
        _ => return None,
    };
    let plural = if number == 1 { "" } else { "s" };
    Some(format!("{number} {name}{plural}{}", word.strip_prefix(body)?))
}
