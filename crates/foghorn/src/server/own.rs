//! What is wrong with Foghorn itself, told like everything else: an alert of the integration `foghorn`, paged by the
//! default policy.

use foghorn_core::alert::{AlertItem, SELF};
use foghorn_core::input::Input;
use foghorn_core::labels::{AlertKey, Labels};
use foghorn_core::time::{Span, Wall};
use foghorn_core::words::{Name, Severity};
use foghorn_engine::{Class, Handle};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What can be wrong with Foghorn. The word identifies the alert, so it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The journal takes no events.
    JournalDegraded,
    /// A part of the journal was lost.
    JournalDamaged,
    /// Links in pages sent before do not work any more.
    LinkKey,
    /// Nobody can log in to the console.
    Accounts,
    /// The configuration file is bad; the last good one counts.
    Configuration,
    /// A secret cannot be read.
    Secret,
    /// A channel cannot be used.
    Channel,
    /// A channel refuses everything.
    Refusing,
    /// Nobody hears of warnings any more.
    Unheard,
    /// A person whom a policy pages cannot be reached as the file promises.
    Person,
    /// A check measures nothing.
    Check,
    /// A listener is not there.
    Listener,
    /// Every reference target fails: checks say nothing.
    Blind,
    /// Checks do not run.
    Watching,
    /// Something could not be decided, because of a bug.
    Bug,
}

impl Trouble {
    fn word(self) -> &'static str {
        match self {
            Trouble::JournalDegraded => "JournalDegraded",
            Trouble::JournalDamaged => "JournalDamaged",
            Trouble::LinkKey => "LinkKeyLost",
            Trouble::Accounts => "AccountsUnusable",
            Trouble::Configuration => "ConfigurationRejected",
            Trouble::Secret => "SecretMissing",
            Trouble::Channel => "ChannelUnusable",
            Trouble::Refusing => "ChannelRefusing",
            Trouble::Unheard => "WarningsUnheard",
            Trouble::Person => "PersonUnreachable",
            Trouble::Check => "CheckMeasuresNothing",
            Trouble::Listener => "ListenerMissing",
            Trouble::Blind => "LocationBlind",
            Trouble::Watching => "WatchingStopped",
            Trouble::Bug => "DecisionFailed",
        }
    }

    /// Critical pages at once; a warning waits for working hours, as docs/run.md says of each.
    fn severity(self) -> Severity {
        match self {
            Trouble::JournalDegraded
            | Trouble::JournalDamaged
            | Trouble::LinkKey
            | Trouble::Listener
            | Trouble::Watching
            | Trouble::Blind
            | Trouble::Unheard
            | Trouble::Bug
            | Trouble::Person => Severity::Critical,
            Trouble::Accounts
            | Trouble::Configuration
            | Trouble::Secret
            | Trouble::Channel
            | Trouble::Refusing
            | Trouble::Check => Severity::Warning,
        }
    }

    /// Where it shows; of what follows from something else, where that is.
    fn part(self) -> Part {
        match self {
            Trouble::JournalDegraded | Trouble::JournalDamaged | Trouble::LinkKey | Trouble::Accounts => {
                Part::Journal
            }
            Trouble::Configuration | Trouble::Channel => Part::Configuration,
            Trouble::Secret => Part::Secrets,
            Trouble::Refusing | Trouble::Unheard | Trouble::Person => Part::Channels,
            Trouble::Bug => Part::Decisions,
            Trouble::Listener => Part::Listeners,
            Trouble::Check | Trouble::Blind | Trouble::Watching => Part::Checks,
        }
    }
}

/// A part of Foghorn that is unwell: an entity, so that what is wrong with one is one incident. Each is mended by other hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The disk, and what is on it.
    Journal,
    /// What the file says.
    Configuration,
    /// What the file asks for and is not there.
    Secrets,
    /// Providers, and the way to them.
    Channels,
    /// Ports and certificates.
    Listeners,
    /// What measures.
    Checks,
    /// Foghorn's own code.
    Decisions,
}

impl Part {
    fn entity(self) -> &'static str {
        match self {
            Part::Journal => "foghorn/journal",
            Part::Configuration => "foghorn/configuration",
            Part::Secrets => "foghorn/secrets",
            Part::Channels => "foghorn/channels",
            Part::Listeners => "foghorn/listeners",
            Part::Checks => "foghorn/checks",
            Part::Decisions => "foghorn/decisions",
        }
    }
}

/// A plugin that is being replaced measures nothing for a moment, and a packet may be lost on the way to a reference
/// target: neither is news.
const A_MOMENT: Span = Span::secs(30);

/// Troubles that stand.
pub struct Own {
    handle: Handle,
    standing: Mutex<BTreeMap<(Trouble, String), Stands>>,
}

/// One that stands.
struct Stands {
    labels: Labels,
    /// In words.
    summary: String,
}

impl Own {
    /// None yet.
    pub fn new(handle: Handle) -> Own {
        Own { handle, standing: Mutex::default() }
    }

    /// Something is wrong. `what` tells one from another of the same kind: a channel's name, an address.
    pub fn raise(&self, trouble: Trouble, what: &str, summary: &str, now: Wall) {
        self.raise_in(trouble.part(), trouble, what, summary, now);
    }

    fn raise_in(&self, part: Part, trouble: Trouble, what: &str, summary: &str, now: Wall) {
        tracing::error!(trouble = trouble.word(), what, "{summary}");
        let labels = Labels::from_pairs([
            ("alertname", trouble.word()),
            ("what", what),
            ("service", SELF),
            ("entity", part.entity()),
        ]);
        let annotations = Labels::from_pairs([("summary", format!("Foghorn: {summary}"))]);
        let item = AlertItem {
            severity: Some(trouble.severity()),
            started: Some(now),
            page_after: match trouble {
                Trouble::Check | Trouble::Blind => A_MOMENT,
                _ => Span::ZERO,
            },
            ..AlertItem::firing(labels.clone(), annotations)
        };
        let key = (trouble, what.to_owned());
        self.standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, Stands { labels, summary: summary.to_owned() });
        self.handle.tell(Class::World, Input::Alerts { source: Name::from(SELF), items: vec![item] });
    }

    /// The same, once, for what is looked at again and again.
    pub fn raise_once(&self, trouble: Trouble, what: &str, summary: &str, now: Wall) {
        self.raise_once_in(trouble.part(), trouble, what, summary, now);
    }

    /// The same, with what it follows from.
    pub fn raise_once_in(&self, part: Part, trouble: Trouble, what: &str, summary: &str, now: Wall) {
        if !self.stands(trouble, what) {
            self.raise_in(part, trouble, what, summary, now);
        }
    }

    /// Whether this has been raised and not been cleared.
    pub fn stands(&self, trouble: Trouble, what: &str) -> bool {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.contains_key(&(trouble, what.to_owned()))
    }

    /// What stands, a line each, the worst first: in words, then the alert's name. That the journal is degraded is told by
    /// every view, with the reason of the moment.
    pub fn standing(&self) -> Vec<String> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let others = standing.iter().filter(|((trouble, _), _)| *trouble != Trouble::JournalDegraded);
        let mut others: Vec<_> = others.map(|((trouble, _), s)| (*trouble, s)).collect();
        others.sort_by_key(|(trouble, _)| Reverse(trouble.severity()));
        others.into_iter().map(|(trouble, s)| format!("{} ({})", s.summary, trouble.word())).collect()
    }

    /// It is not wrong any more.
    pub fn clear(&self, trouble: Trouble, what: &str, now: Wall) {
        let key = (trouble, what.to_owned());
        if let Some(stood) = self.standing.lock().unwrap_or_else(PoisonError::into_inner).remove(&key) {
            self.end(stood.labels, now);
        }
    }

    /// Every trouble of this kind but those in `still` is over.
    pub fn clear_others(&self, trouble: Trouble, still: &[String], now: Wall) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<(Trouble, String)> =
            standing.keys().filter(|(t, what)| *t == trouble && !still.contains(what)).cloned().collect();
        for key in gone {
            if let Some(stood) = standing.remove(&key) {
                self.end(stood.labels, now);
            }
        }
    }

    /// After a start: what an earlier run said of itself, and this one does not, is over.
    pub fn forget_earlier(&self, now: Wall) {
        let view = self.handle.view();
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<AlertKey> = standing.values().map(|s| AlertKey::of(SELF, &s.labels)).collect();
        for alert in view.state.alerts.values() {
            let earlier = *alert.source == *SELF && alert.status.is_open() && !keys.contains(&alert.key);
            // What was lost stays lost until a person has seen it.
            let lost = [Trouble::JournalDamaged, Trouble::LinkKey].map(|t| Some(t.word()));
            if earlier && !lost.contains(&alert.labels.get("alertname")) {
                self.end(alert.labels.clone(), now);
            }
        }
    }

    fn end(&self, labels: Labels, now: Wall) {
        let items = vec![AlertItem::resolved(labels, now)];
        self.handle.tell(Class::World, Input::Alerts { source: Name::from(SELF), items });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_core::State;
    use foghorn_core::time::Now;
    use foghorn_engine::{View, handle};

    #[test]
    fn what_pages_at_once_is_told_first() {
        let (engine, _port) = handle::channel(View::new(State::default(), 0, Now::default()));
        let own = Own::new(engine);
        for (trouble, what) in [
            (Trouble::Configuration, "file"),
            (Trouble::Person, "ana"),
            (Trouble::Secret, "pass"),
            (Trouble::Blind, "server"),
        ] {
            own.raise(trouble, what, what, Wall(0));
        }
        assert_eq!(
            own.standing(),
            [
                "ana (PersonUnreachable)",
                "server (LocationBlind)",
                "file (ConfigurationRejected)",
                "pass (SecretMissing)"
            ]
        );
    }
}
