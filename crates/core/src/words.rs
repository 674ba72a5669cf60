//! Small words used everywhere: names, severity, urgency, who did it.

use alloc::borrow::Borrow;
use alloc::string::String;
use core::fmt;
use core::ops::Deref;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A name from the configuration or from a sender: a person, a schedule, an entity, an integration.
/// Cheap to clone, and short ones lie where they are used: a leaf of a persistent map is copied without touching others.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(SmolStr);

impl Name {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(s: &str) -> Name {
        Name(SmolStr::new(s))
    }
}

impl From<String> for Name {
    fn from(s: String) -> Name {
        Name(SmolStr::from(s))
    }
}

impl Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// How bad an alert is. Ordered: `Info < Warning < Critical`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nobody is paged.
    Info,
    /// Somebody should look in working hours.
    #[default]
    Warning,
    /// Somebody is woken.
    Critical,
}

impl Severity {
    /// Every severity, lowest first.
    pub const ALL: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];

    /// The word used in configuration, API and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }

    /// What other tools call it: `page`, `error`, `fatal`, `P1`, `high` and the like. Case is ignored.
    #[must_use]
    pub fn from_foreign(word: &str) -> Option<Severity> {
        const WORDS: [(Severity, &[&str]); 3] = [
            (
                Severity::Critical,
                &[
                    "critical",
                    "crit",
                    "page",
                    "error",
                    "fatal",
                    "emergency",
                    "emerg",
                    "alert",
                    "p1",
                    "p2",
                    "high",
                    "major",
                    "disaster",
                    "sev1",
                    "sev2",
                ],
            ),
            (
                Severity::Warning,
                &["warning", "warn", "p3", "medium", "average", "minor", "moderate", "sev3", "ticket"],
            ),
            (
                Severity::Info,
                &[
                    "info",
                    "information",
                    "informational",
                    "notice",
                    "debug",
                    "none",
                    "ok",
                    "p4",
                    "p5",
                    "low",
                    "sev4",
                    "sev5",
                ],
            ),
        ];
        WORDS.iter().find(|(_, ws)| ws.iter().any(|w| w.eq_ignore_ascii_case(word))).map(|(s, _)| *s)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a person is woken. Ordered: `None < Low < High`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Never pages.
    #[default]
    None,
    /// Waits for the person's working hours.
    Low,
    /// Wakes.
    High,
}

/// Who did something, and by what door. Shown in the timeline as `Ana (link in a page)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// A person's id where one is known, else the name of the API token.
    pub name: Name,
    /// The door.
    pub via: Via,
}

/// The door through which somebody acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// The link in a page.
    Link,
    /// HTTP API or the command line.
    Api,
    /// The web console.
    Console,
    /// A provider's callback: a key pressed on the phone, a reply to an SMS.
    Callback,
    /// Foghorn itself.
    System,
}

impl Actor {
    /// Foghorn itself.
    #[must_use]
    pub fn system() -> Actor {
        Actor { name: Name::from("foghorn"), via: Via::System }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let door = match self.via {
            Via::Link => "link in a page",
            Via::Api => "API",
            Via::Console => "console",
            Via::Callback => "phone",
            Via::System => return f.write_str(&self.name),
        };
        write!(f, "{} ({door})", self.name)
    }
}
