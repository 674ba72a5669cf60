//! What a page says, whatever the channel.

use foghorn_core::alert::AlertStatus;
use foghorn_core::time::{Span, Wall};
use foghorn_core::words::{Severity, Urgency};

/// Everything that a page or a notice says. Plain data: whoever fills it in decides nothing about how it looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The same over all attempts: made of incident, wave, round, step, person, contact.
    pub id: String,
    /// Page or notice.
    pub kind: Kind,
    /// Whether all this is an exercise. Said first, on every channel.
    pub drill: bool,
    /// What people work on.
    pub incident: Incident,
    /// What is broken, the worst first. The first few are enough.
    pub alerts: Vec<Alert>,
    /// How many alerts there are, more perhaps than in `alerts`.
    pub alerts_total: usize,
    /// What is unwell.
    pub entities: Names,
    /// What stands on that: the blast radius.
    pub downstream: Names,
    /// What changed lately, the latest first.
    pub changes: Vec<String>,
    /// What to do, as links.
    pub runbooks: Vec<String>,
    /// What happens if nobody answers: `in 5m: Night operator`.
    pub next: Option<String>,
    /// Why this person is paged: `step 2 of default; nobody acknowledged since 03:12`.
    pub why: String,
    /// Set when paging began again, after an acknowledgement that covered less or has lapsed, or when it came back: why,
    /// or nothing where that is not known.
    pub again: Option<String>,
    /// The page with the button.
    pub ack_url: String,
    /// Where the telephone provider reports the pressed key; without it a call only tells.
    pub callback_url: Option<String>,
    /// Set when Foghorn itself is unwell: `Foghorn's journal is degraded: disk full. This page was sent from memory.`
    pub degraded: Option<String>,
    /// Who is told.
    pub person: Person,
    /// Step of the escalation, from 1.
    pub step: u32,
    /// Attempt to deliver this, from 1.
    pub attempt: u32,
    /// When this attempt was made.
    pub sent_at: Wall,
    /// The contact's address on the channel.
    pub to: String,
    /// Whether it wakes.
    pub urgency: Urgency,
}

/// Names of which there may be any number: a page about ten thousand customers must arrive as one about one does, and a
/// receiver takes no more than so much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The first of them.
    pub listed: Vec<String>,
    /// How many there are.
    pub total: usize,
}

impl Names {
    /// As many are listed.
    pub const MOST: usize = 100;
    /// Bytes of one of them: a receiver with a limit takes the page.
    pub const LONGEST: usize = 256;
}

impl<T: ToString> FromIterator<T> for Names {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Names {
        let mut all = all.into_iter();
        let name = |name: T| foghorn_core::text::shortened(&name.to_string(), Names::LONGEST);
        let listed: Vec<String> = all.by_ref().take(Names::MOST).map(name).collect();
        Names { total: listed.len() + all.count(), listed }
    }
}

/// What a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody must answer.
    Page,
    /// Stand down.
    Acknowledged {
        /// Who did it, as people read it.
        by: String,
    },
    /// It is over.
    Resolved {
        /// Who said so; `None` if the alerts ended.
        by: Option<String>,
    },
    /// Nothing is wrong: somebody tries whether pages arrive.
    Test,
}

impl Kind {
    /// The word in machine-read formats.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Kind::Page => "page",
            Kind::Acknowledged { .. } => "acknowledged",
            Kind::Resolved { .. } => "resolved",
            Kind::Test => "test",
        }
    }

    /// Who acknowledged or resolved.
    #[must_use]
    pub fn by(&self) -> Option<&str> {
        match self {
            Kind::Acknowledged { by } => Some(by),
            Kind::Resolved { by } => by.as_deref(),
            Kind::Page | Kind::Test => None,
        }
    }
}

/// The incident, as far as a page tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Its number.
    pub id: u64,
    /// One line.
    pub title: String,
    /// The worst of its alerts'.
    pub severity: Severity,
    /// Where it is shown.
    pub url: String,
    /// When it began.
    pub opened_at: Wall,
    /// Who opened it by hand, as people read it; then the title is what they say.
    pub opened_by: Option<String>,
    /// What they wrote then.
    pub note: Option<String>,
    /// `open`, `acknowledged`, `resolved`.
    pub status: String,
    /// Of one that is over: what was wrong is not watched any more, so nobody knows that it is well.
    pub unwatched: bool,
}

/// One thing known to be wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// One line.
    pub summary: String,
    /// When it began.
    pub since: Wall,
    /// What it is wrong with.
    pub entity: Option<String>,
    /// Whether it is known to be wrong still.
    pub status: AlertStatus,
    /// A silence covers it: a person asked for this page.
    pub silenced: bool,
}

impl Alert {
    /// What whoever reads the summary must know beside it.
    #[must_use]
    pub fn but(&self) -> Option<&'static str> {
        match self.status {
            _ if self.silenced => Some("silenced"),
            AlertStatus::Stale => Some("not heard of any more"),
            AlertStatus::Unknown => Some("cannot be measured now"),
            AlertStatus::Flapping => Some("comes and goes"),
            AlertStatus::Firing | AlertStatus::Resolved => None,
        }
    }
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// As in the configuration.
    pub id: String,
    /// As people read it.
    pub name: String,
    /// IANA time zone, in which times are shown.
    pub time_zone: String,
}

impl Message {
    /// What must be said of all of it at once: that nobody knows whether it is still so, or that a silence covers it.
    #[must_use]
    pub fn doubt(&self) -> Option<&'static str> {
        let all = |is: fn(&Alert) -> bool| {
            let known = self.incident.opened_by.is_none() && self.alerts_total <= self.alerts.len();
            known && !self.alerts.is_empty() && self.alerts.iter().all(is)
        };
        if all(|a| a.silenced) {
            Some("A silence covers it")
        } else if all(|a| a.status == AlertStatus::Unknown) {
            Some("It cannot be measured now, so it may be over")
        } else if all(|a| a.status == AlertStatus::Stale) {
            Some("Its sender has fallen silent, so it may be over")
        } else if all(|a| matches!(a.status, AlertStatus::Stale | AlertStatus::Unknown)) {
            Some("Nobody knows whether it is still so")
        } else {
            None
        }
    }

    /// A message that says that nothing is wrong: for trying a channel, and for trying a template before it is
    /// needed.
    #[must_use]
    pub fn test(person: Person, to: &str, now: Wall, public_url: &str) -> Message {
        Message {
            id: format!("test-{}-{}", person.id, now.0),
            kind: Kind::Test,
            drill: false,
            incident: Incident {
                id: 0,
                title: "Foghorn can reach you".to_owned(),
                severity: Severity::Info,
                url: public_url.to_owned(),
                opened_at: now,
                opened_by: None,
                note: None,
                status: "test".to_owned(),
                unwatched: false,
            },
            alerts: Vec::new(),
            alerts_total: 0,
            entities: Names::default(),
            downstream: Names::default(),
            changes: Vec::new(),
            runbooks: Vec::new(),
            next: None,
            why: "somebody asked for a test page".to_owned(),
            again: None,
            ack_url: public_url.to_owned(),
            callback_url: None,
            degraded: None,
            person,
            step: 1,
            attempt: 1,
            sent_at: now,
            to: to.to_owned(),
            urgency: Urgency::Low,
        }
    }

    /// How long the incident has been open, in whole seconds that are over.
    #[must_use]
    pub fn open_for(&self) -> Span {
        Span(self.sent_at.since(self.incident.opened_at).0 / 1000 * 1000)
    }
}
