//! Alerts: what comes in, what it means, when it is over.

use super::Draft;
use crate::alert::{Alert, AlertItem, AlertStatus, CHECKS, EndReason};
use crate::event::{AlertRef, Event};
use crate::held::Place;
use crate::incident::IncidentId;
use crate::input::{Answer, CheckVerdict, Refusal};
use crate::labels::{AlertKey, Labels};
use crate::setup::IntegrationRule;
use crate::text::shortened;
use crate::time::{Mono, Span, Wall};
use crate::words::{Name, Severity};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::OnceCell;

/// So many ended alerts of an open incident are listed; older news is in the journal.
const MOST_ENDED: u32 = 1000;
/// What fails and cannot be measured any more before it has lasted for long enough is not paged for meanwhile: a year, for
/// want of a time that never comes.
const UNMEASURED: Span = Span::hours(365 * 24);

/// What identifies the alert of a check: its name alone, so that the rest of its rule may change.
#[must_use]
pub fn check_labels(check: &str) -> Labels {
    Labels::from_pairs([("alertname", check), ("check", check)])
}

impl Draft<'_> {
    pub(super) fn alerts(&mut self, source: &Name, items: &[AlertItem]) -> Answer {
        let setup = self.state.setup.clone();
        let otherwise = OnceCell::new();
        let rule = setup.integrations.get(source);
        let rule = rule.unwrap_or_else(|| otherwise.get_or_init(IntegrationRule::default));
        let emitted = self.events.len();
        let mut refreshed: Vec<(AlertKey, Mono)> = Vec::new();
        let mut touched: BTreeSet<IncidentId> = BTreeSet::new();
        let mut refused = 0;
        for item in items {
            let key = AlertKey::of(source, &item.labels);
            let place = self.state.alerts.place(&key);
            let open = place.and_then(|p| self.state.alerts.at(p)).filter(|a| a.status.is_open()).cloned();
            match (open, item.ended) {
                (Some(a), Some(ended)) => {
                    self.end_alert(key, ended, EndReason::Sender);
                    touched.insert(a.incident);
                }
                (None, Some(_)) => {}
                (Some(a), None) => {
                    self.update(&a, item, rule, &mut refreshed);
                    touched.insert(a.incident);
                }
                (None, None) => {
                    let open = self.state.sources.get(source).map_or(0, |s| s.open);
                    if open >= rule.max_alerts {
                        refused += 1;
                    } else {
                        touched.insert(self.open(key, place, source, item, rule));
                    }
                }
            }
        }
        // One request may say of one alert that it fires and that it is over.
        refreshed.retain(|(key, _)| self.state.alerts.get(key).is_some_and(|a| a.status.is_open()));
        if !refreshed.is_empty() {
            self.emit(Event::AlertsRefreshed { source: source.clone(), alerts: refreshed });
        }
        if refused > 0 {
            let why = format!(
                "{source} has {} alerts open, as many as max_alerts of this integration allows; {refused} new ones were refused",
                rule.max_alerts
            );
            self.emit(Event::AlertsRefused { source: source.clone(), count: refused, why });
        }
        self.await_stale(source);
        if self.events.len() == emitted
            && self
                .state
                .sources
                .get(source)
                .is_some_and(|s| s.open > 0 && self.now.mono.since(s.heard) > Span::secs(30))
        {
            self.emit(Event::SourceHeard { source: source.clone() });
        }
        for id in touched {
            self.settle(id);
        }
        if refused > 0 { Answer::Refused(refused) } else { Answer::Done }
    }

    /// A new alert: finds its entity, its incident and its policy. One that ended and is back has a place already. Returns
    /// the incident.
    fn open(
        &mut self,
        key: AlertKey,
        place: Option<Place>,
        source: &Name,
        item: &AlertItem,
        rule: &IntegrationRule,
    ) -> IncidentId {
        let setup = self.state.setup.clone();
        let severity = item.severity.unwrap_or(rule.severity);
        let entity = item.entity.clone().or_else(|| {
            rule.entity_labels
                .iter()
                .find_map(|l| item.labels.get(l))
                .map(|v| resolve_entity(&setup.topology, v))
        });
        // It stands in every page, in lists of a hundred.
        let entity =
            entity.map(|e| if e.len() > LONGEST_ENTITY { shortened(&e, LONGEST_ENTITY).into() } else { e });
        let mut alert = Alert {
            key,
            source: source.clone(),
            labels: item.labels.clone(),
            annotations: item.annotations.clone(),
            severity,
            urgency: item.urgency.unwrap_or_else(|| setup.timing.urgency_of(severity)),
            group: self.state.shared_group(group_of(source, item, entity.as_ref(), rule, key)),
            escalation: setup.escalation_for(item.escalation.as_ref(), entity.as_ref(), source),
            entity,
            // A sender whose clock is ahead: nothing has been wrong since tomorrow.
            started: item.started.map_or(self.now.wall, |at| at.min(self.now.wall)),
            received: self.now,
            held_until: Some(self.now.mono + item.page_after).filter(|_| item.page_after > Span::ZERO),
            status: if item.flapping { AlertStatus::Flapping } else { AlertStatus::Firing },
            lifetime: item.lifetime_at(self.now.wall),
            incident: 0,
            muted: None,
        };
        alert.muted = self.muted_by(&alert);
        alert.incident = self.incident_for(&alert);
        let incident = alert.incident;
        let expires = alert.lifetime.map(|l| self.now.mono + l);
        let place = place.unwrap_or(self.state.alerts.last() + 1);
        self.emit(Event::AlertOpened { alert: Arc::new(alert), place, expires });
        incident
    }

    /// An alert of an incident, and where it is.
    pub(super) fn reference(&self, key: AlertKey, incident: IncidentId) -> AlertRef {
        AlertRef { key, incident, place: self.state.alerts.place(&key).unwrap_or_default() }
    }

    /// An open alert was repeated, perhaps with news.
    fn update(
        &mut self,
        a: &Alert,
        item: &AlertItem,
        rule: &IntegrationRule,
        refreshed: &mut Vec<(AlertKey, Mono)>,
    ) {
        let severity = item.severity.unwrap_or(rule.severity);
        let urgency = item.urgency.unwrap_or_else(|| self.state.setup.timing.urgency_of(severity));
        let annotations = (item.annotations != a.annotations).then(|| item.annotations.clone());
        if (severity, urgency) != (a.severity, a.urgency) {
            let alert = self.reference(a.key, a.incident);
            self.emit(Event::AlertChanged { alert, severity, urgency, annotations, escalation: None });
        } else if let Some(annotations) = annotations {
            let alert = self.reference(a.key, a.incident);
            self.emit(Event::AlertReworded { alert, annotations });
        }
        let status = if item.flapping { AlertStatus::Flapping } else { AlertStatus::Firing };
        if status != a.status {
            let why = match a.status {
                AlertStatus::Stale => "repeated by its sender",
                AlertStatus::Unknown => "measured again",
                _ if item.flapping => "its verdict keeps changing",
                _ => "stable again",
            };
            // What could not be measured meanwhile lasts from here on.
            let held = a.held_until.filter(|_| a.status == AlertStatus::Unknown);
            let held_until = held.map(|until| until.min(self.now.mono + item.page_after));
            let (alert, why) = (self.reference(a.key, a.incident), why.to_string());
            self.emit(Event::AlertStatusChanged { alert, status, held_until, why });
        }
        if let Some(lifetime) = item.lifetime_at(self.now.wall) {
            let expires = item.ends.map_or(self.now.mono + lifetime, |ends| a.mono_at(ends, self.now));
            // Senders in pairs repeat everything twice: what moves little is not worth writing.
            let old = self.state.expires(a.key);
            let moved = old.is_none_or(|old| expires.since(old).0 > lifetime.0 / 8 || old > expires);
            if moved || self.contradicts(a) {
                refreshed.push((a.key, expires));
            }
        }
    }

    /// Whether it is the first repetition since a person said that its incident is over.
    fn contradicts(&self, a: &Alert) -> bool {
        let closed = self.state.incident(a.incident).filter(|i| i.is_closed());
        closed.is_some_and(|i| self.state.alerts.place(&a.key).is_some_and(|p| !i.repeated.contains(&p)))
    }

    pub(super) fn end_alert(&mut self, key: AlertKey, at: Wall, reason: EndReason) {
        let Some(a) = self.state.alerts.get(&key) else { return };
        let forget = self.state.incident(a.incident).is_none_or(|i| i.ended >= MOST_ENDED);
        let alert = self.reference(key, a.incident);
        self.emit(Event::AlertEnded { alert, at, reason, forget });
    }

    /// A sender fell silent: its alert is stale, which is not over. A stale alert whose sender came back without repeating
    /// it for a whole lifetime is over.
    pub(super) fn alert_expired(&mut self, place: Place) {
        let Some(a) = self.state.alerts.at(place).cloned() else { return };
        let key = a.key;
        if a.status == AlertStatus::Stale {
            self.end_alert(key, self.now.wall, EndReason::NotRepeated);
            return self.settle(a.incident);
        }
        let heard = self.state.sources.get(&a.source).map(|s| s.heard_wall);
        let why = format!(
            "{} has not repeated it for {}; last heard from {}",
            a.source,
            a.lifetime.unwrap_or_default(),
            heard.map_or_else(|| "never".to_string(), |h| h.to_string())
        );
        let alert = AlertRef { key, incident: a.incident, place };
        self.emit(Event::AlertStatusChanged { alert, status: AlertStatus::Stale, held_until: None, why });
    }

    /// Stale alerts of a sender that is heard from have one more lifetime to be repeated. Those that are told once, and
    /// are stale because their integration had left the configuration, wait for no repetition.
    fn await_stale(&mut self, source: &Name) {
        let from = (source.clone(), AlertKey::FIRST);
        let stale: Vec<AlertKey> =
            self.state.stale.range(from..).take_while(|(s, _)| s == source).map(|(_, k)| *k).collect();
        for key in stale {
            let Some(a) = self.state.alerts.get(&key) else { continue };
            let Some(lifetime) = a.lifetime else { continue };
            let alert = self.reference(key, a.incident);
            self.emit(Event::AlertAwaited { alert, until: self.now.mono + lifetime });
        }
    }

    /// A failure has lasted for the check's `fail_for`.
    pub(super) fn alert_confirmed(&mut self, place: Place) {
        let Some((key, incident)) = self.state.alerts.at(place).map(|a| (a.key, a.incident)) else { return };
        self.emit(Event::AlertConfirmed { alert: AlertRef { key, incident, place } });
        self.settle(incident);
    }

    pub(super) fn check(
        &mut self,
        check: &Name,
        verdict: &CheckVerdict,
        since: Wall,
    ) -> Result<Answer, Refusal> {
        let Some(rule) = self.state.setup.checks.get(check).cloned() else {
            return Err(Refusal::NotFound { what: format!("check {check}") });
        };
        let labels = check_labels(check);
        let firing = |summary: &str, severity: Option<Severity>, flapping: bool| {
            let mut annotations = alloc::vec![("summary", format!("{check}: {summary}"))];
            annotations.extend(self.state.setup.runbook_of_check(&rule).map(|url| ("runbook_url", url)));
            AlertItem {
                severity: Some(severity.map_or(rule.severity, |s| s.min(rule.severity))),
                urgency: rule.urgency,
                started: Some(since),
                entity: rule.entity.clone(),
                escalation: rule.escalation.clone(),
                page_after: rule.fail_for,
                flapping,
                ..AlertItem::firing(labels.clone(), Labels::from_pairs(annotations))
            }
        };
        let item = match verdict {
            CheckVerdict::Failing { summary, severity } => firing(summary, *severity, false),
            CheckVerdict::Flapping { summary, severity } => firing(summary, *severity, true),
            CheckVerdict::Ok => AlertItem::resolved(labels, since),
            CheckVerdict::Unknown { why } => {
                let key = AlertKey::of(CHECKS, &labels);
                let open = self.state.alerts.get(&key);
                let open = open.filter(|a| a.status.is_open() && a.status != AlertStatus::Unknown);
                let Some(a) = open.cloned() else { return Ok(Answer::Already) };
                // Nobody has heard of it, and it is not known to last: nobody is woken for that until it is measured again.
                let held_until = a.held_until.map(|_| self.now.mono + UNMEASURED);
                let (alert, why) = (self.reference(key, a.incident), why.clone());
                self.emit(Event::AlertStatusChanged { alert, status: AlertStatus::Unknown, held_until, why });
                return Ok(Answer::Done);
            }
        };
        Ok(self.alerts(&Name::from(CHECKS), &[item]))
    }
}

/// Bytes of an entity's name; what other tools send that is longer is cut.
pub(super) const LONGEST_ENTITY: usize = 256;

/// A label's value as the name of an entity: as it is, else without a port, else without a domain, if the topology has
/// that. `web1.example.com:9100` is `web1` where there is a `web1`.
#[must_use]
pub fn resolve_entity(
    topology: &alloc::collections::BTreeMap<Name, crate::setup::Entity>,
    value: &str,
) -> Name {
    let host = value
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(value, |(h, _)| h);
    let short = host.split('.').next().unwrap_or(host);
    [value, host, short]
        .into_iter()
        .find_map(|n| topology.get_key_value(n))
        .map_or_else(|| Name::from(value), |(n, _)| n.clone())
}

/// Alerts of one group are one incident: the same integration, and the same values of `group_by`. Foghorn's own checks
/// group by entity. Where none of the labels is there, the alert is a group of its own.
fn group_of(
    source: &Name,
    item: &AlertItem,
    entity: Option<&Name>,
    rule: &IntegrationRule,
    key: AlertKey,
) -> Name {
    let entity_only = [Name::from("entity")];
    let by: &[Name] = if **source == *CHECKS { &entity_only } else { &rule.group_by };
    let mut text = String::with_capacity(64);
    text.push_str(source);
    let mut found = false;
    for label in by {
        let value = if **label == *"entity" { entity.map(Name::as_str) } else { item.labels.get(label) };
        found |= value.is_some();
        text.push('\u{1f}');
        text.push_str(value.unwrap_or(""));
    }
    if !found {
        text.push_str(&key.to_string());
    }
    Name::from(text)
}
