//! How far people can be paged where some contacts do not work, held against what the file promises.

use crate::model::{Channel, Config};
use foghorn_core::setup::{Setup, Target};
use foghorn_core::words::{Name, Severity, Urgency};
use std::collections::{BTreeMap, BTreeSet};

/// How far a person can be paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Not at all.
    Unreached,
    /// By what wakes nobody: e-mail, Slack, a contact that is `only: low`.
    Quiet,
    /// By something that wakes.
    Waking,
}

/// One person's levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// If every contact works.
    pub promised: Level,
    /// By the contacts that do.
    pub left: Level,
}

impl Config {
    /// How far each person whom a policy may page can be reached. `works` says of a channel and an address whether pages
    /// go there.
    #[must_use]
    pub fn reach(&self, works: &dyn Fn(&str, &str) -> bool) -> BTreeMap<Name, Reach> {
        let of = |name: &Name| Some((name.clone(), self.reach_of(name, works)?));
        paged(&self.setup).into_iter().filter_map(of).collect()
    }

    /// How far one person can be reached, whether a policy pages them or not. `None` if there is no such person.
    #[must_use]
    pub fn reach_of(&self, name: &Name, works: &dyn Fn(&str, &str) -> bool) -> Option<Reach> {
        let wakes = wakes(&self.setup);
        let person = self.setup.people.get(name)?;
        let addresses = self.addresses.get(name.as_str())?;
        let mut reach = Reach { promised: Level::Unreached, left: Level::Unreached };
        for (contact, to) in person.contacts.iter().zip(addresses) {
            let channel = self.channels.get(contact.channel.as_str());
            let high = wakes && contact.only.is_none_or(|only| only == Urgency::High);
            let level =
                if high && channel.is_some_and(Channel::wakes) { Level::Waking } else { Level::Quiet };
            reach.promised = reach.promised.max(level);
            if works(&contact.channel, to) {
                reach.left = reach.left.max(level);
            }
        }
        Some(reach)
    }

    /// What is to be said to whoever has a person stand in who would not hear a page. `None` where they would, and where there
    /// is no such person.
    #[must_use]
    pub fn unfit_to_stand_in(&self, name: &Name) -> Option<String> {
        let reach = self.reach_of(name, &|_, _| true)?;
        let person = self.setup.people.get(name).map_or("", |p| &p.name);
        match reach.promised {
            Level::Unreached => Some(format!(
                "{person} has no contacts: who stands in cannot be reached, and pages go past them. Give them contacts in the configuration, or let somebody else stand in"
            )),
            Level::Quiet if wakes(&self.setup) => Some(format!(
                "{person} has no contact that wakes: e-mail, Slack and what is `only: low` do not. Give them one in the configuration, or let somebody else stand in"
            )),
            Level::Quiet | Level::Waking => None,
        }
    }
}

impl Config {
    /// Whether anybody whom a policy may page hears of what waits for working hours, if anything does. `works` as for
    /// [`Config::reach`].
    #[must_use]
    pub fn warnings_arrive(&self, works: &dyn Fn(&str, &str) -> bool) -> bool {
        !pages_at(&self.setup, Urgency::Low)
            || paged(&self.setup).into_iter().any(|name| {
                let contacts = self.setup.people.get(name).map(|p| &p.contacts[..]).unwrap_or_default();
                let addresses = self.addresses.get(name.as_str()).map(|a| &a[..]).unwrap_or_default();
                let takes = |only: Option<Urgency>| only.is_none_or(|only| only == Urgency::Low);
                contacts.iter().zip(addresses).any(|(c, to)| takes(c.only) && works(&c.channel, to))
            })
    }
}

impl Channel {
    /// Whether a page by this channel wakes a person. E-mail and Slack do not.
    #[must_use]
    pub fn wakes(&self) -> bool {
        !matches!(self, Channel::Smtp { .. } | Channel::Slack { .. })
    }
}

/// Whether anything at all wakes people.
pub(crate) fn wakes(setup: &Setup) -> bool {
    pages_at(setup, Urgency::High)
}

/// Whether anything has this urgency.
fn pages_at(setup: &Setup, urgency: Urgency) -> bool {
    Severity::ALL.iter().any(|s| setup.timing.urgency_of(*s) == urgency)
        || setup.checks.values().any(|c| c.urgency == Some(urgency))
}

/// Everybody whom a policy may page; without any policy that is everybody.
pub(crate) fn paged(setup: &Setup) -> BTreeSet<&Name> {
    let mut people = BTreeSet::new();
    for target in setup.escalations.values().flat_map(|e| &e.steps).flat_map(|s| &s.page) {
        match target {
            Target::Everyone => people.extend(setup.people.keys()),
            Target::Person(name) => _ = people.insert(name),
            Target::Schedule(name) => {
                let rotations = setup.schedules.get(name).into_iter().flat_map(|s| &s.rotations);
                people.extend(rotations.flat_map(|r| &r.people));
            }
        }
    }
    if setup.escalations.is_empty() { setup.people.keys().collect() } else { people }
}
