//! What happened, in a sentence that a person reads in the morning.
//!
//! Pure, so that the API, the command line and the demo say the same of the same event.

use crate::alert::{AlertStatus, EndReason};
use crate::event::{Event, Others, PersonTurn, PingKind, Record};
use crate::labels::AlertKey;
use crate::page::{Outcome, PageKey, PageKind};
use crate::setup::Target;
use crate::silence::Silence;
use crate::state::State;
use crate::time::Span;
use crate::words::{Actor, Name, Urgency, Via};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use jiff::tz::TimeZone;

/// What ids stand for, as far as it is known. The defaults know nothing.
pub trait Names {
    /// A person's name as other people read it.
    fn person(&self, id: &Name) -> Option<String> {
        let _ = id;
        None
    }

    /// An alert in one line.
    fn alert(&self, key: &AlertKey) -> Option<String> {
        let _ = key;
        None
    }

    /// Which of a person's contacts a page goes to, counted from 1, where several of them are on this channel.
    fn contact(&self, key: &PageKey, channel: &Name) -> Option<usize> {
        let _ = (key, channel);
        None
    }
}

/// Ids are all there is.
pub struct Nameless;

impl Names for Nameless {}

impl Names for State {
    fn person(&self, id: &Name) -> Option<String> {
        self.setup.people.get(id).map(|p| p.name.clone())
    }

    fn alert(&self, key: &AlertKey) -> Option<String> {
        self.alerts.get(key).map(|a| a.summary())
    }

    fn contact(&self, key: &PageKey, channel: &Name) -> Option<usize> {
        self.setup.several_on(&key.person, channel).then_some(usize::from(key.contact) + 1)
    }
}

/// So many names are listed before "and 3 more".
const LISTED: usize = 12;

/// `03:12:40 paged Day operator by email (step 1, attempt 2): 451 try later`
#[must_use]
pub fn line(record: &Record, names: &dyn Names, zone: &TimeZone) -> String {
    let at = record.at.wall.timestamp().to_zoned(zone.clone());
    format!("{} {}", at.strftime("%H:%M:%S"), sentence(record, names))
}

/// The event without its time: `paged Day operator by email (step 1, attempt 2): 451 try later`.
///
/// Texts from outside (titles, summaries, errors, notes) are part of it as they are: whoever puts it into HTML or on a
/// terminal escapes it.
#[must_use]
pub fn sentence(record: &Record, names: &dyn Names) -> String {
    let said = Teller(names);
    let text = said
        .alerts(&record.event)
        .or_else(|| said.paging(&record.event))
        .unwrap_or_else(|| said.rest(&record.event));
    if record.late { format!("{text} (written down later)") } else { text }
}

struct Teller<'a>(&'a dyn Names);

impl Teller<'_> {
    fn person(&self, id: &Name) -> String {
        self.0.person(id).unwrap_or_else(|| id.to_string())
    }

    fn actor(&self, by: &Actor) -> String {
        if by.via == Via::System {
            return by.to_string();
        }
        Actor { name: Name::from(self.person(&by.name)), via: by.via }.to_string()
    }

    fn alert(&self, key: &AlertKey) -> String {
        // The first digits tell alerts apart well enough where nothing else is known.
        self.0
            .alert(key)
            .unwrap_or_else(|| format!("alert {}", key.to_string().chars().take(8).collect::<String>()))
    }

    fn alerts(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::AlertOpened { alert, .. } => {
                let on = alert.entity.as_ref().map_or_else(String::new, |e| format!(" on {e}"));
                let held = if alert.held_until.is_some() { ", not yet paged for" } else { "" };
                let muted =
                    alert.muted.as_ref().map_or_else(String::new, |s| format!(", muted by silence {s}"));
                format!(
                    "{} alert{on} from {}: {}{held}{muted}",
                    alert.severity,
                    alert.source,
                    alert.summary()
                )
            }
            Event::AlertsRefreshed { source, alerts } => {
                format!("{source} repeated {}", count(alerts.len(), "alert"))
            }
            Event::AlertsExtended { alerts, why } => {
                format!("{} given more time: {why}", count(alerts.len(), "alert"))
            }
            Event::AlertConfirmed { alert } => {
                format!("lasted long enough to be paged for: {}", self.alert(&alert.key))
            }
            Event::AlertChanged { alert, severity, annotations, escalation, .. } => {
                // As it is called from now on.
                let said = annotations.as_ref().and_then(crate::alert::said);
                let called = said.map_or_else(|| self.alert(&alert.key), ToString::to_string);
                let by =
                    escalation.as_ref().map_or_else(String::new, |p| format!(", paged for by policy {p}"));
                format!("now {severity}{by}: {called}")
            }
            Event::FollowUpPlanned { incidents, again, by_rule } => {
                let most = incidents.len().max(again.len()).max(by_rule.len());
                format!("{} looked at one after another", count(most, "incident"))
            }
            Event::FollowedUp { id } => format!("incident {id} looked at in its turn"),
            Event::AlertReworded { alert, annotations } => {
                let said = crate::alert::said(annotations);
                format!("now called: {}", said.map_or_else(|| self.alert(&alert.key), ToString::to_string))
            }
            Event::AlertStatusChanged { alert, status, why, .. } => {
                format!("{}: {} ({why})", status_word(*status), self.alert(&alert.key))
            }
            Event::AlertAwaited { alert, .. } => {
                format!("its sender is back and may repeat it: {}", self.alert(&alert.key))
            }
            Event::AlertEnded { alert, reason, .. } => {
                format!("{}: {}", end_word(*reason), self.alert(&alert.key))
            }
            Event::AlertMuted { alert, by } => format!("muted by silence {by}: {}", self.alert(&alert.key)),
            Event::AlertUnmuted { alert } => format!("not muted any more: {}", self.alert(&alert.key)),
            Event::AlertsRefused { why, .. } => format!("alerts refused: {why}"),
            Event::SourceHeard { source } => format!("heard from {source}"),
            _ => return None,
        })
    }

    fn paging(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::EscalationStarted { policy, wave, urgency, why, .. } => {
                let woken = if *urgency == Urgency::High { "" } else { ", in working hours" };
                let again = if *wave > 1 { " again" } else { "" };
                format!("paging begins{again} by policy {policy}{woken}{}", because(why))
            }
            Event::EscalationPaused { .. } => "paging stops: nothing is left to page for".to_string(),
            Event::StepEntered { step, round, turns, gaps, why, .. } => {
                let round = if *round > 0 { format!(", round {}", round + 1) } else { String::new() };
                let whom = self.turns(turns, gaps);
                format!("step {}{round}: {whom}{}", step + 1, because(why))
            }
            Event::StepHastened { why, .. } => format!("the next step comes now: {why}"),
            Event::RetriesHastened { why } => format!("what was not accepted is tried again now: {why}"),
            Event::NobodyAnswered { rounds, .. } => {
                format!("nobody answered after {}; the policy ends here", count(*rounds as usize, "round"))
            }
            Event::PageAttempted { key, channel, attempt, outcome, retry } => {
                self.attempt(key, channel, *attempt, outcome, retry.is_some())
            }
            Event::ContactPassedOver { key, next, others, why } => {
                let who = self.person(&key.person);
                match (others, next) {
                    (Some(Others::Accepted), _) => format!("{who} has it by another contact, but: {why}"),
                    (_, Some(_)) => format!("{who} is not reached, the next contact is taken: {why}"),
                    (Some(Others::Tried), None) => {
                        format!("{who} is not reached, other contacts are still tried: {why}")
                    }
                    (Some(Others::Exhausted), None) => {
                        format!("{who} is not reached, no contact is left: {why}")
                    }
                    (None, None) => format!("{who} is not reached by this contact: {why}"),
                }
            }
            Event::PageDropped { key, why } => format!("gave up telling {}: {why}", self.person(&key.person)),
            Event::NoticesPlanned { kind, to, .. } => {
                let mut people: Vec<String> = to.iter().map(|(p, ..)| self.person(p)).collect();
                people.dedup();
                format!("to be told that it is {}: {}", notice_word(*kind), list(people))
            }
            Event::Acknowledged { by, covers, .. } => {
                let wide = match covers.width {
                    0 | 1 => String::new(),
                    n => format!(" and {} wide", count(n as usize, "entity")),
                };
                format!("acknowledged by {}, as {}{wide}", self.actor(by), covers.severity)
            }
            Event::AcknowledgementKept { by: Some(by), .. } => format!("{} is still on it", self.actor(by)),
            Event::AcknowledgementKept { .. } => {
                "looked at again: the acknowledgement is still enough".to_string()
            }
            Event::AcknowledgementLapsed { why, .. } => {
                format!("the acknowledgement is not enough any more: {why}")
            }
            _ => return None,
        })
    }

    fn rest(&self, event: &Event) -> String {
        match event {
            Event::Started { version, down, .. } if *down == Span::ZERO => {
                format!("Foghorn {version} started")
            }
            Event::Started { version, down, .. } => format!("Foghorn {version} started after {down} away"),
            Event::ClockStepped { by: 0 } => "the two clocks differ by less than a second".to_string(),
            Event::ClockStepped { by } => {
                let way = if *by < 0 { "back" } else { "forward" };
                format!("the clock was set {way} by {}", Span(by.unsigned_abs()))
            }
            Event::NumbersTaken { next } => {
                format!(
                    "incidents are numbered from {next} on: numbers before it were given while nothing could be saved"
                )
            }
            Event::ConfigAdopted { hash, setup } => format!(
                "configuration {} counts from here: {}, {}, {}",
                hash.chars().take(8).collect::<String>(),
                count(setup.people.len(), "person"),
                count(setup.checks.len(), "check"),
                count(setup.topology.len(), "entity"),
            ),
            Event::IncidentOpened { id, title, by, severity, .. } => {
                let severity = severity.map_or_else(String::new, |s| format!("{s} "));
                let by = by.as_ref().map_or_else(String::new, |b| format!(" by {}", self.actor(b)));
                format!("{severity}incident {id} opened{by}: {title}")
            }
            Event::IncidentGrew { shape, .. } if shape.width == 0 => {
                let quiet = if shape.urgency == Urgency::None { ", but nothing of it pages" } else { "" };
                format!("now {}{quiet}", shape.severity)
            }
            Event::IncidentGrew { shape, title, .. } => {
                let called = title.as_ref().map_or_else(String::new, |t| format!(": {t}"));
                format!("now {}, {} unwell{called}", shape.severity, count(shape.width as usize, "entity"))
            }
            Event::IncidentResolved { by: Some(by), .. } => format!("resolved by {}", self.actor(by)),
            Event::IncidentResolved { by: None, unwatched: true, .. } => {
                "over: what was wrong is not watched any more, so nobody knows that it is well".to_string()
            }
            Event::IncidentResolved { by: None, .. } => "resolved: everything is well again".to_string(),
            Event::IncidentReopened { why, title, .. } => {
                let called = title.as_ref().map_or_else(String::new, |t| format!("; it is called {t} now"));
                format!("opened again: {why}{called}")
            }
            Event::RecoveryAwaited { until: Some(_), why, .. } => format!("all is well; {why}"),
            Event::RecoveryAwaited { until: None, why, .. } => why.clone(),
            Event::IncidentKept { .. } => {
                "not put away yet: whom it woke has still to hear that it is over".to_string()
            }
            Event::IncidentArchived { .. } => "put away: it stayed well".to_string(),
            Event::Noted { by, text, .. } => format!("{}: {text}", self.actor(by)),
            Event::StatusUpdated { by, stage, text, .. } => {
                format!("{} told the public, {stage}: {text}", self.actor(by))
            }
            Event::StatusCorrected { number, by, text: Some(text), was, .. } => {
                format!(
                    "{} corrected what the public is told (update {number}): {text}\nIt said before: {was}",
                    self.actor(by)
                )
            }
            Event::StatusCorrected { number, by, text: None, was, .. } => {
                format!("{} withdrew what the public was told (update {number}): {was}", self.actor(by))
            }
            Event::SilenceAdded { silence } => self.silence(silence),
            Event::SilenceBegan { id } => format!("silence {id} begins"),
            Event::SilenceEnded { id, by } => format!("silence {id} ended{}", self.perhaps_by(by.as_ref())),
            Event::OverrideAdded { id, entry, by } => format!(
                "{} stands in on {} from {} to {} (override {id}, by {})",
                self.person(&entry.person),
                entry.schedule,
                entry.starts,
                entry.ends,
                self.actor(by)
            ),
            Event::OverrideRemoved { id, by } => {
                format!("override {id} ended{}", self.perhaps_by(by.as_ref()))
            }
            Event::HeartbeatPinged { check, ping, run, body, .. } => {
                let run = run.as_ref().map_or_else(String::new, |r| format!(" (run {r})"));
                let first = body
                    .lines()
                    .next()
                    .filter(|l| !l.trim().is_empty())
                    .map_or_else(String::new, |l| format!(": {l}"));
                format!("{check} {}{run}{first}", ping_word(*ping))
            }
            Event::HeartbeatExpected { check, why, .. } => format!("{check} is awaited anew: {why}"),
            Event::ChangeRecorded { change } => {
                let to = change.entity.as_ref().map_or_else(String::new, |e| format!(" to {e}"));
                format!("change{to} by {}: {}", change.source, change.summary)
            }
            // The others are told above.
            _ => String::new(),
        }
    }

    fn perhaps_by(&self, by: Option<&Actor>) -> String {
        by.map_or_else(String::new, |b| format!(" by {}", self.actor(b)))
    }

    fn turns(&self, turns: &[PersonTurn], gaps: &[Target]) -> String {
        let people = turns.iter().map(|t| {
            let by: Vec<&str> = t.contacts.iter().map(|c| c.channel.as_str()).collect();
            let waits = t.contacts.first().is_some_and(|c| c.calendar.is_some());
            let when = if waits { " when working hours begin" } else { "" };
            format!("{} by {}{when}", self.person(&t.person), by.join(" and "))
        });
        let whom = list(people.collect());
        match (whom.is_empty(), gaps.is_empty()) {
            (true, true) => "whom it names has the page already".to_string(),
            (true, false) => "there is nobody to page".to_string(),
            (false, true) => format!("paging {whom}"),
            (false, false) => format!("paging {whom}, with a gap in who is on call"),
        }
    }

    fn attempt(&self, key: &PageKey, channel: &Name, attempt: u32, outcome: &Outcome, again: bool) -> String {
        let who = self.person(&key.person);
        let which = self.0.contact(key, channel).map_or_else(String::new, |n| format!(", contact {n}"));
        let nth = if attempt > 1 { format!("{which}, attempt {attempt}") } else { which };
        let (step, told) = match key.kind {
            PageKind::Page => (format!("step {}", key.step + 1), "paged"),
            kind => (format!("notice: {}", notice_word(kind)), "told"),
        };
        match outcome {
            Outcome::Accepted { detail } if detail.is_empty() => {
                format!("{told} {who} by {channel} ({step}{nth})")
            }
            Outcome::Accepted { detail } => format!("{told} {who} by {channel} ({step}{nth}): {detail}"),
            Outcome::Retry { error, .. } => {
                // Another page has taken its place meanwhile, or nobody has to be paged any more.
                let next = if again { "will try again" } else { "and need not any more" };
                format!("could not reach {who} by {channel} ({step}{nth}), {next}: {error}")
            }
            Outcome::Failed { error } => format!("could not reach {who} by {channel} ({step}{nth}): {error}"),
        }
    }

    fn silence(&self, s: &Silence) -> String {
        let kind = if s.maintenance { "maintenance" } else { "silence" };
        let matchers = s.matchers.iter().map(ToString::to_string);
        let what = list(matchers.chain(s.entities.iter().map(ToString::to_string)).collect());
        let why = if s.comment.is_empty() { String::new() } else { format!(": {}", s.comment) };
        format!("{kind} {} by {} for {what} from {} to {}{why}", s.id, self.actor(&s.by), s.starts, s.ends)
    }
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

/// `1 entity`, `2 entities`.
fn count(n: usize, what: &str) -> String {
    let many = match what {
        "entity" => "entities",
        "person" => "people",
        "round" => "rounds",
        "check" => "checks",
        "incident" => "incidents",
        _ => "alerts",
    };
    format!("{n} {}", if n == 1 { what } else { many })
}

fn list(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    let shown = names.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn status_word(status: AlertStatus) -> &'static str {
    match status {
        AlertStatus::Firing => "firing",
        AlertStatus::Flapping => "flapping",
        AlertStatus::Stale => "stale, so not known to be over",
        AlertStatus::Unknown => "unknown, so not known to be over",
        AlertStatus::Resolved => "over",
    }
}

fn end_word(reason: EndReason) -> &'static str {
    match reason {
        // Good news is not told in the words of what was wrong.
        EndReason::Sender => "well again; it was",
        EndReason::NotRepeated => "over, its sender is back and repeats it no more",
        EndReason::Removed => "over, it is not in the configuration any more",
        EndReason::Person => "over, a person closed the incident",
        EndReason::Unknown => "not known any more, and did not last long enough to be paged for",
    }
}

fn notice_word(kind: PageKind) -> &'static str {
    match kind {
        PageKind::Page => "open",
        PageKind::Acknowledged => "acknowledged",
        PageKind::Resolved => "resolved",
    }
}

fn ping_word(ping: PingKind) -> &'static str {
    match ping {
        PingKind::Success => "pinged: done",
        PingKind::Start => "pinged: it begins",
        PingKind::Fail => "pinged: it failed",
        PingKind::Log => "pinged with something to keep",
    }
}

#[cfg(test)]
mod tests;
