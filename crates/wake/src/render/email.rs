//! Mail.

use super::view::{View, view};
use crate::message::{Kind, Message};
use crate::text::line;
use askama::Template as _;
use foghorn_core::words::Urgency;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// A mail, as parts. None of them has a line end but the bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// At most 78 characters.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// With brackets; the same over all attempts.
    pub message_id: String,
    /// The incident's thread, with brackets.
    pub thread: String,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

#[derive(askama::Template)]
#[template(path = "email.html")]
struct Html<'a> {
    colour: &'a str,
    view: &'a View,
}

/// The message as a mail from somebody `@domain`.
#[must_use]
pub fn email(m: &Message, domain: &str) -> Email {
    let view = view(m);
    let colour = match m.kind {
        Kind::Page => "#b3261e",
        Kind::Acknowledged { .. } => "#7a5900",
        Kind::Resolved { .. } => "#1b6e3c",
        Kind::Test => "#355f9e",
    };
    let text = view.text();
    // Rendering a template into a string cannot fail; if it ever does, the text is there.
    let html = Html { colour, view: &view }.render().unwrap_or_default();
    let mut headers = vec![
        // RFC 3834: nobody's holiday notice shall answer.
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("X-Foghorn-Kind", m.kind.as_str().to_owned()),
        ("X-Foghorn-Incident", m.incident.id.to_string()),
        ("X-Foghorn-Severity", m.incident.severity.to_string()),
        ("X-Foghorn-Page", line(&m.id, 200)),
    ];
    if m.drill {
        headers.push(("X-Foghorn-Drill", "yes".to_owned()));
    }
    if m.urgency == Urgency::High && m.kind == Kind::Page {
        headers.push(("X-Priority", "1".to_owned()));
        headers.push(("Importance", "high".to_owned()));
    }
    Email {
        message_id: format!("<page.{}@{domain}>", hash(&m.id)),
        thread: format!("<incident.{}.{}@{domain}>", m.incident.id, m.incident.opened_at.0),
        subject: view.headline,
        text,
        html,
        headers,
    }
}

/// An id as text that is harmless everywhere: 32 hexadecimal digits.
fn hash(id: &str) -> String {
    Sha256::digest(id.as_bytes()).iter().take(16).fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}
