//! People, channels, schedules, escalations, and whether whoever is on call can be reached.

use super::{Sections, span, template};
use crate::errors::{At, quote};
use crate::model::{Channel, Twilio};
use crate::raw::{self, File};
use crate::reach;
use crate::read::{Cx, List, Spanned};
use crate::scalars::{AnyText, HttpUrl, is_host, read_url};
use crate::secret::Secret;
use foghorn_core::schedule::{Rotation, Schedule, WorkingHours};
use foghorn_core::setup::{Contact, EscalationPolicy, Person, Setup, Step, Target};
use foghorn_core::words::{Name, Urgency};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A page's outcome is waited for for 30 s, whatever its channel; so long a program may run.
const LONGEST_PROGRAM: Duration = Duration::from_secs(29);

pub(super) fn channels(file: &File, cx: &mut Cx<'_>) -> BTreeMap<String, Channel> {
    file.channels.good().map(|(name, raw)| (name.value.clone(), channel(raw, cx))).collect()
}

fn channel(raw: &raw::Channel, cx: &mut Cx<'_>) -> Channel {
    match raw {
        raw::Channel::Smtp(c) => {
            secret_url(&c.url.0, &["smtp", "smtps", "smtp+starttls"], cx);
            if !is_email(
                c.from.value.rsplit_once('<').map_or(&*c.from.value, |(_, rest)| rest.trim_end_matches('>')),
            ) {
                cx.say(
                    c.from.at,
                    format!("{} is no sender", quote(&c.from.value)),
                    "write \"Name <address@example.com>\"",
                );
            }
            Channel::Smtp { url: c.url.0.value.clone(), from: c.from.value.clone() }
        }
        raw::Channel::Webhook(c) => {
            secret_url(&c.url.0, &["http", "https"], cx);
            Channel::Webhook {
                url: c.url.0.value.clone(),
                secret: c.secret.0.as_ref().map(|s| s.value.clone()),
            }
        }
        raw::Channel::Ntfy(c) => {
            ntfy_root(&c.url, cx);
            Channel::Ntfy { url: c.url.value.0.clone(), token: c.token.0.as_ref().map(|t| t.value.clone()) }
        }
        raw::Channel::Slack(c) => {
            secret_url(&c.url.0, &["http", "https"], cx);
            Channel::Slack { url: c.url.0.value.clone() }
        }
        raw::Channel::TwilioVoice(c) => {
            e164(&c.from, cx);
            Channel::TwilioVoice(twilio(c))
        }
        raw::Channel::TwilioSms(c) => {
            // A messaging service's id stands where a number would.
            if !c.from.value.starts_with("MG") {
                e164(&c.from, cx);
            }
            Channel::TwilioSms(twilio(c))
        }
        raw::Channel::Exec(c) => {
            if c.timeout.value > LONGEST_PROGRAM {
                cx.warn(c.timeout.at, "no channel is waited for that long: the program is killed after 29s");
            }
            let timeout = c.timeout.value.min(LONGEST_PROGRAM);
            let hidden = cx.put_in(c.command.0.iter().map(|word| word.at));
            Channel::Exec { command: command(&c.command, c.at, cx), timeout, hidden }
        }
        raw::Channel::Http(c) => {
            let template = c.url.0.value.expose().is_ok_and(|url| url.contains("{{") || url.contains("{%"));
            if !template {
                secret_url(&c.url.0, &["http", "https"], cx);
            }
            if let Ok(url) = c.url.0.value.expose() {
                template::check(url, c.url.0.at, cx);
            }
            for (name, value) in c.headers.good() {
                if let Ok(value) = value.expose() {
                    template::check(value, name.at, cx);
                }
            }
            if let Some(body) = &c.body {
                template::check(&body.value.0, body.at, cx);
            }
            let headers = super::http::headers(&c.headers, cx);
            Channel::Http {
                url: c.url.0.value.clone(),
                method: c.method.value.0.clone(),
                headers: headers.into_iter().collect(),
                body: c.body.as_ref().map_or_else(String::new, |b| b.value.0.clone()),
                hidden: cx.put_in(c.body.iter().map(|b| b.at)),
            }
        }
    }
}

fn twilio(c: &raw::Twilio) -> Twilio {
    Twilio {
        url: c.url.value.0.clone(),
        account: c.account.value.clone(),
        token: c.token.0.value.clone(),
        from: c.from.value.clone(),
    }
}

/// At a topic's own address ntfy takes the JSON of a page for the text of an ordinary message: answered 200, and nobody wakes.
fn ntfy_root(url: &Spanned<HttpUrl>, cx: &mut Cx<'_>) {
    if super::server::beyond_the_host(url).is_some() {
        cx.say(
            url.at,
            "the URL of an ntfy server ends with its host: pages are taken at its root, and nobody is woken by what is sent to a topic's address",
            "leave out what follows the host, and put the topic with the contact: `contacts: [ { via: CHANNEL, to: TOPIC } ]`",
        );
    }
}

/// A URL that may hold a secret: what is wrong is said without showing it.
pub(super) fn secret_url(url: &Spanned<Secret>, schemes: &[&str], cx: &mut Cx<'_>) {
    let Ok(text) = url.value.expose() else { return };
    if let Err(why) = read_url(text, schemes) {
        cx.say(url.at, why, format!("write it like `{}://host…`", schemes.first().unwrap_or(&"https")));
    }
}

/// A program and its arguments. A program with a slash is a file, relative to the configuration; it is run from another
/// directory, so its name is made a whole one here.
pub(super) fn command(raw: &List<Spanned<AnyText>>, at: At, cx: &mut Cx<'_>) -> Vec<String> {
    if let Some(word) = raw.0.iter().find(|w| w.value.0.contains('\0')) {
        cx.say(word.at, "no program can be given a zero byte", "leave it out");
    }
    let mut words: Vec<String> = raw.0.iter().map(|w| w.value.0.clone()).collect();
    match words.first_mut() {
        Some(program) if program.contains('/') => {
            let path = cx.path(program);
            *program = std::path::absolute(&path).unwrap_or(path).to_string_lossy().into_owned();
        }
        Some(program) if !program.is_empty() => {}
        _ => {
            let at = raw.0.first().map_or(at, |word| word.at);
            cx.say(at, "the program is missing", "write `[program, argument, …]`");
            return words;
        }
    }
    if let (Some(program), Some(written)) = (words.first(), raw.0.first()) {
        let place = cx.place(written.at);
        cx.places.programs.push((place, program.clone()));
    }
    words
}

pub(super) fn people(
    file: &File,
    names: &Sections<'_>,
    cx: &mut Cx<'_>,
) -> (BTreeMap<Name, Person>, BTreeMap<String, Vec<String>>) {
    let mut people = BTreeMap::new();
    let mut addresses = BTreeMap::new();
    for (id, raw) in file.people.good() {
        let mut contacts = Vec::new();
        let mut own = Vec::new();
        for contact in &raw.contacts.0 {
            let Some(channel) = names.channels.find(&contact.via, cx) else { continue };
            // Of a channel that is none nobody knows what its addresses are like.
            let Some((_, kind)) = file.channels.good().find(|(name, _)| name.value == *channel) else {
                continue;
            };
            own.push(address(contact, kind, &id.value, cx));
            contacts.push(Contact {
                channel,
                after: span(contact.after.value),
                only: contact.only.as_ref().map(|o| o.value.0),
                notices: !matches!(kind, raw::Channel::TwilioVoice(_)),
            });
        }
        let working_hours =
            raw.working_hours.as_ref().map_or_else(WorkingHours::default, |w| working_hours(w, cx));
        let name = raw.name.as_ref().map_or(&id.value, |n| &n.value).clone();
        people.insert(
            Name::from(&*id.value),
            Person { name, time_zone: raw.time_zone.value.0.clone(), working_hours, contacts },
        );
        addresses.insert(id.value.clone(), own);
    }
    (people, addresses)
}

fn address(contact: &raw::Contact, channel: &raw::Channel, person: &str, cx: &mut Cx<'_>) -> String {
    let (wanted, good): (&str, fn(&str) -> bool) = match channel {
        raw::Channel::Smtp(_) => ("an e-mail address", is_email),
        raw::Channel::TwilioVoice(_) | raw::Channel::TwilioSms(_) => {
            ("a telephone number such as \"+351912345678\"", is_e164)
        }
        raw::Channel::Ntfy(_) => ("an ntfy topic: 1 to 64 letters, digits, `-` and `_`", is_topic),
        _ => ("an address", |_| true),
    };
    match &contact.to {
        Some(to) if good(&to.value) => to.value.clone(),
        Some(to) => {
            cx.say(to.at, format!("{} is not {wanted}", quote(&to.value)), "");
            String::new()
        }
        None if good(person) => person.to_owned(),
        None => {
            cx.say(
                contact.via.at,
                "the key `to` is missing in this contact",
                format!("add `to: …`, {wanted}"),
            );
            String::new()
        }
    }
}

fn is_email(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    parts.is_some_and(|(local, domain)| {
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"@".contains(c);
        !local.is_empty() && local.len() <= 64 && local.chars().all(plain) && is_host(domain)
    })
}

fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|n| {
        (7..=15).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()) && !n.starts_with('0')
    })
}

fn is_topic(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn e164(from: &Spanned<String>, cx: &mut Cx<'_>) {
    if !is_e164(&from.value) {
        cx.say(
            from.at,
            format!("{} is no telephone number", quote(&from.value)),
            "write it with its country, in quotes, such as \"+351912345678\"",
        );
    }
}

fn working_hours(raw: &raw::WorkingHours, cx: &mut Cx<'_>) -> WorkingHours {
    let days: BTreeSet<i8> = match &raw.days {
        Some(days) => days.0.iter().map(|d| d.value.0).collect(),
        None => (1..=5).collect(),
    };
    if days.is_empty() {
        cx.say(
            raw.at,
            "a person who never works is never told of a warning",
            "name a day, such as `days: [mon]`",
        );
    }
    let (from, to) = (raw.from.value.0, raw.to.value.0);
    if from >= to {
        cx.say(
            raw.to.at,
            "`to` is not after `from`",
            "working hours begin and end on the same day, up to \"24:00\"",
        );
    }
    WorkingHours { days: days.into_iter().collect(), from, to }
}

pub(super) fn schedules(file: &File, names: &Sections<'_>, cx: &mut Cx<'_>) -> BTreeMap<Name, Schedule> {
    let mut schedules = BTreeMap::new();
    for (name, raw) in file.schedules.good() {
        if raw.rotations.0.is_empty() {
            cx.say(
                name.at,
                format!("nobody is on call in the schedule `{}`", name.value),
                "add `rotations: [ { people: […], every: 1w, starts: \"2026-11-02 09:00\" } ]`",
            );
        }
        let rotation = |raw: &raw::Rotation, cx: &mut Cx<'_>| {
            if raw.people.0.is_empty() {
                cx.say(raw.at, "nobody is in this rotation", "name somebody: `people: […]`");
            }
            Rotation {
                people: names.people.find_all(&raw.people.0, cx),
                every: raw.every.value.0,
                starts: raw.starts.value,
            }
        };
        let rotations = raw.rotations.0.iter().map(|r| rotation(r, cx)).collect();
        if let Some(first) = raw.rotations.0.iter().min_by_key(|r| r.starts.value) {
            let place = cx.place(first.starts.at);
            cx.places.turns.insert(Name::from(&*name.value), place);
        }
        schedules.insert(
            Name::from(&*name.value),
            Schedule { time_zone: raw.time_zone.value.0.clone(), rotations },
        );
    }
    schedules
}

pub(super) fn escalations(
    file: &File,
    names: &Sections<'_>,
    cx: &mut Cx<'_>,
) -> BTreeMap<Name, EscalationPolicy> {
    let mut policies = BTreeMap::new();
    for (name, raw) in file.escalations.good() {
        if raw.steps.0.is_empty() {
            cx.say(
                name.at,
                format!("the escalation `{}` pages nobody", name.value),
                "add `steps: [ { page: [everyone], wait: 5m } ]`",
            );
        }
        let steps = raw.steps.0.iter().map(|s| step(s, names, cx)).collect();
        let repeat = raw.repeat.value.0;
        if repeat.is_some() {
            cx.warn(raw.repeat.at, &format!("the escalation `{}` ends: if nobody has acknowledged by then, the incident is silent; `repeat: forever` does not", name.value));
        }
        policies.insert(Name::from(&*name.value), EscalationPolicy { steps, repeat });
    }
    let first =
        file.checks.0.first().map(|(name, _)| name).or(file.integrations.0.first().map(|(name, _)| name));
    let missing = file.escalations.is_known() && !file.escalations.names().any(|n| n == "default");
    if let Some(first) = first.filter(|_| missing) {
        cx.say(
            first.at,
            "there is no escalation `default`, which says whom alerts page unless they name another",
            "add `escalations: { default: { steps: [ { page: [everyone], wait: 5m } ] } }`",
        );
    }
    policies
}

fn step(raw: &raw::Step, names: &Sections<'_>, cx: &mut Cx<'_>) -> Step {
    if raw.page.0.is_empty() {
        cx.say(
            raw.at,
            "this step pages nobody",
            "name somebody: `page: [schedule/NAME]`, `[person/NAME]` or `[everyone]`",
        );
    }
    if raw.wait.value < Duration::from_secs(1) {
        cx.say(
            raw.wait.at,
            "a wait of less than a second gives nobody the time to answer",
            "write at least `1s`; `5m` is usual",
        );
    }
    let target = |t: &Spanned<crate::scalars::TargetText>, cx: &mut Cx<'_>| {
        Some(match &t.value.0 {
            Target::Everyone => Target::Everyone,
            Target::Person(name) => Target::Person(names.people.find_as(name, t, cx)?),
            Target::Schedule(name) => Target::Schedule(names.schedules.find_as(name, t, cx)?),
        })
    };
    Step { page: raw.page.0.iter().filter_map(|t| target(t, cx)).collect(), wait: span(raw.wait.value) }
}

/// Whoever is on call must have a contact, and one that wakes if anything does.
pub(super) fn reachable(file: &File, setup: &Setup, channels: &BTreeMap<String, Channel>, cx: &mut Cx<'_>) {
    if setup.escalations.is_empty() && !file.escalations.0.is_empty() {
        // Whom they page cannot be read.
        return;
    }
    let (paged, wakes) = (reach::paged(setup), reach::wakes(setup));
    for (id, raw) in file.people.good() {
        let name = Name::from(&*id.value);
        let Some(person) = setup.people.get(&name) else { continue };
        if !paged.contains(&name) {
            continue;
        }
        let high = |c: &&raw::Contact| c.only.as_ref().is_none_or(|o| o.value.0 == Urgency::High);
        // One that is none may be meant to.
        let waking = |c: &raw::Contact| channels.get(&c.via.value).is_none_or(Channel::wakes);
        if raw.contacts.0.is_empty() {
            cx.say(
                id.at,
                format!("{} is on call and cannot be reached: there are no contacts", quote(&person.name)),
                "add `contacts: [ { via: CHANNEL, to: ADDRESS } ]`",
            );
        } else if wakes && !raw.contacts.0.iter().any(|c| high(&c)) {
            cx.say(
                id.at,
                format!(
                    "{} is on call and cannot be reached by a page that wakes: every contact is `only: low`",
                    quote(&person.name)
                ),
                "remove an `only: low`, or add a contact that wakes",
            );
        } else if wakes && !raw.contacts.0.iter().filter(high).any(waking) {
            cx.warn(id.at, &format!("{} is on call, and no contact wakes: e-mail and Slack do not; add a call, a text message or ntfy", quote(&person.name)));
        }
    }
}
