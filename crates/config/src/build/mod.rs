//! From the file as written to the configuration as the rooms read it: references resolved, rules kept.

mod checks;
mod http;
mod links;
mod people;
mod server;
mod template;
mod topology;

use crate::errors::{listed, nearest, quote};
use crate::model::{Channel, Config};
use crate::raw::File;
use crate::reach;
use crate::read::{Cx, Spanned, Table};
use foghorn_core::setup::{Person, Setup, Timing};
use foghorn_core::time::Span;
use foghorn_core::words::{Name, Severity, Urgency};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The names of one section, for references to them.
pub(crate) struct Names<'f> {
    section: &'static str,
    noun: &'static str,
    names: BTreeSet<&'f str>,
    /// These are all.
    known: bool,
}

impl<'f> Names<'f> {
    fn of<T>(section: &'static str, noun: &'static str, table: &'f Table<T>) -> Names<'f> {
        Names { section, noun, names: table.names().collect(), known: table.is_known() }
    }

    /// The name that a reference means, or an error.
    fn find(&self, wanted: &Spanned<String>, cx: &mut Cx<'_>) -> Option<Name> {
        self.find_as(&wanted.value, wanted, cx)
    }

    /// The same, where the reference is a part of what stands there.
    fn find_as<T>(&self, name: &str, place: &Spanned<T>, cx: &mut Cx<'_>) -> Option<Name> {
        if self.names.contains(name) {
            return Some(Name::from(name));
        }
        if !self.known {
            return None;
        }
        let advice = match nearest(name, self.names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.names.is_empty() => {
                format!("there is nothing under `{0}` in this file: add `{0}:`", self.section)
            }
            None if self.names.len() <= 8 => {
                let verb = if self.names.len() == 1 { "is" } else { "are" };
                format!("under `{}` there {verb} {}", self.section, listed(self.names.iter().copied(), "and"))
            }
            None => format!("add it under `{}`", self.section),
        };
        cx.wrong(place.at, format!("there is no {} {}", self.noun, quote(name)), advice)
    }

    fn find_all(&self, wanted: &[Spanned<String>], cx: &mut Cx<'_>) -> Vec<Name> {
        wanted.iter().filter_map(|w| self.find(w, cx)).collect()
    }

    fn find_some(&self, wanted: Option<&Spanned<String>>, cx: &mut Cx<'_>) -> Option<Name> {
        wanted.and_then(|w| self.find(w, cx))
    }
}

/// The names that things refer to.
struct Sections<'f> {
    people: Names<'f>,
    channels: Names<'f>,
    schedules: Names<'f>,
    escalations: Names<'f>,
    entities: Names<'f>,
}

/// Checks everything that is more than a type, and gives the configuration if nothing at all was wrong. With `salvage`, if
/// what is left pages somebody.
pub(crate) fn build(file: &File, salvage: bool, cx: &mut Cx<'_>) -> Option<Config> {
    for (what, more, names) in [
        ("a person", "", keys(&file.people)),
        ("a channel", "", keys(&file.channels)),
        ("a schedule", "", keys(&file.schedules)),
        ("an escalation", "", keys(&file.escalations)),
        ("an integration", "", keys(&file.integrations)),
        ("a check", "", keys(&file.checks)),
        ("a maintenance window", "", keys(&file.maintenance)),
        ("an entity", ":/@", keys(&file.topology)),
    ] {
        names.into_iter().for_each(|name| check_name(what, more, name, cx));
    }
    let names = Sections {
        people: Names::of("people", "person", &file.people),
        channels: Names::of("channels", "channel", &file.channels),
        schedules: Names::of("schedules", "schedule", &file.schedules),
        escalations: Names::of("escalations", "escalation", &file.escalations),
        entities: Names::of("topology", "entity", &file.topology),
    };
    let timing = timing(file, cx);
    let server = server::server(file, &names, cx);
    let (integrations, integration_rules) = server::integrations(file, server.as_ref(), &names, cx);
    let channels = people::channels(file, cx);
    let (people, addresses) = people::people(file, &names, cx);
    let schedules = people::schedules(file, &names, cx);
    let escalations = people::escalations(file, &names, cx);
    let topology = topology::topology(file, &names, cx);
    let maintenance = topology::maintenance(file, &names, cx);
    let status_page = topology::status_page(file, &names, cx);
    let checks::Checks { rules, checks, pings } = checks::checks(file, server.as_ref(), &names, cx);
    let setup = Setup {
        components: status_page
            .iter()
            .flat_map(|p| &p.components)
            .map(|(name, behind)| {
                (Name::from(name.as_str()), behind.iter().map(|e| Name::from(e.as_str())).collect())
            })
            .collect(),
        people,
        schedules,
        escalations,
        topology,
        checks: rules,
        integrations: integration_rules,
        maintenance,
        timing,
    };
    people::reachable(file, &setup, &channels, cx);
    if let Some(server) = &server {
        links::lead_somewhere(file, server, &setup, &channels, cx);
        links::proxy_names_senders(file, &integrations, cx);
    }
    let good = cx.wrong.is_empty() || salvage && pages_somebody(&setup, &channels);
    if !good {
        return None;
    }
    Some(Config {
        setup: Arc::new(setup),
        server: server?,
        integrations,
        channels,
        addresses,
        checks,
        pings,
        status_page,
        warnings: std::mem::take(&mut cx.warnings),
        places: std::mem::take(&mut cx.places),
        missing_secrets: std::mem::take(&mut cx.missing_secrets),
    })
}

/// Whether some step of an escalation reaches a person by a channel that is there.
fn pages_somebody(setup: &Setup, channels: &BTreeMap<String, Channel>) -> bool {
    let paged = reach::paged(setup);
    let reached = |p: &Person| p.contacts.iter().any(|c| channels.contains_key(c.channel.as_str()));
    setup.people.iter().any(|(name, person)| paged.contains(name) && reached(person))
}

fn keys<T>(table: &Table<T>) -> Vec<&Spanned<String>> {
    table.0.iter().map(|(name, _)| name).collect()
}

/// Names stand in addresses, labels, log lines and on the command line.
fn check_name(what: &str, more: &str, name: &Spanned<String>, cx: &mut Cx<'_>) {
    let good = |c: char| c.is_alphanumeric() || "-_.".contains(c) || more.contains(c);
    let text = &name.value;
    if text.is_empty()
        || text.len() > 128
        || !text.chars().all(good)
        || !text.starts_with(char::is_alphanumeric)
    {
        let marks = "-_.".chars().chain(more.chars()).map(|c| format!("`{c}`")).collect::<Vec<_>>().join(" ");
        cx.say(
            name.at,
            format!("{} cannot be the name of {what}", quote(text)),
            format!("a name begins with a letter or digit and goes on with letters, digits and {marks}, up to 128 bytes"),
        );
    }
}

fn timing(file: &File, cx: &mut Cx<'_>) -> Timing {
    let Some(paging) = &file.paging.0 else { return Timing::default() };
    for (key, wait) in [("ack_expires", &paging.ack_expires), ("pass_over", &paging.pass_over)] {
        if wait.value < Duration::from_secs(1) {
            cx.say(
                wait.at,
                format!("`{key}` is less than a second"),
                "that would page without an end: write at least `1s`",
            );
        }
    }
    if let Some(critical) = paging.urgency.0.as_ref().map(|u| &u.critical)
        && critical.value != Urgency::High
    {
        cx.warn(
            critical.at,
            "critical alerts wake nobody, Foghorn's own among them: only `high` wakes, `low` waits for working hours, `none` never pages",
        );
    }
    let urgency = paging.urgency.0.as_ref().map(|u| {
        let of =
            [(Severity::Critical, &u.critical), (Severity::Warning, &u.warning), (Severity::Info, &u.info)];
        of.into_iter().map(|(severity, urgency)| (severity, urgency.value)).collect::<BTreeMap<_, _>>()
    });
    Timing {
        ack_expires: span(paging.ack_expires.value),
        pass_over: span(paging.pass_over.value),
        correlate_within: span(paging.correlate_within.value),
        reopen_within: span(paging.reopen_within.value),
        still_failing_after: span(paging.still_failing_after.value),
        urgency: urgency.unwrap_or_default(),
    }
}

fn span(duration: Duration) -> Span {
    Span(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
