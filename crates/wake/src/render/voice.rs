//! A telephone call, in Twilio's markup: <https://www.twilio.com/docs/voice/twiml/gather>.

use super::view::{names, time};
use crate::message::{Kind, Message};
use crate::text::{line, xml};
use crate::twilio::XML;

/// What is read aloud, twice; key 1 acknowledges.
#[must_use]
pub fn voice(m: &Message) -> String {
    let say = format!("<Say>{}</Say>", xml(&spoken(m)));
    let Some(callback) = m.callback_url.as_deref().filter(|_| m.kind == Kind::Page) else {
        return format!("{XML}<Response>{say}<Pause length=\"1\"/>{say}</Response>");
    };
    format!(
        "{XML}<Response><Gather numDigits=\"1\" timeout=\"10\" method=\"POST\" action=\"{}\">{say}<Pause length=\"1\"/>{say}</Gather>\
         <Say>No key was pressed. The page goes on.</Say></Response>",
        xml(callback)
    )
}

fn spoken(m: &Message) -> String {
    // Twilio takes at most 4,000 characters of markup, and this is in it twice and may be five times as long escaped.
    let title = line(&m.incident.title, 150);
    let drill = if m.drill { "This is a drill. " } else { "" };
    let unwell = if m.degraded.is_some() { " Foghorn itself is unwell." } else { "" };
    let what = match &m.kind {
        Kind::Page => {
            let wide = if m.entities.is_empty() {
                String::new()
            } else {
                format!(" Unwell: {}.", line(&names(&m.entities), 100))
            };
            let press = if m.callback_url.is_some() { " Press 1 to acknowledge." } else { "" };
            let since = time(m.incident.opened_at, m);
            format!(
                "Incident {}, {}: {title}. Since {since}.{wide}{unwell}{press}",
                m.incident.id, m.incident.severity
            )
        }
        Kind::Acknowledged { by } => {
            format!("Incident {}, {title}, is acknowledged by {}. Stand down.", m.incident.id, line(by, 80))
        }
        Kind::Resolved { .. } => format!("Incident {}, {title}, is resolved.", m.incident.id),
        Kind::Test => "A test call. Nothing is wrong.".to_owned(),
    };
    format!("{drill}This is Foghorn. {what}")
}
