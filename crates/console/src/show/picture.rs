//! What an incident is about: shared by the API and the page behind a link.

use foghorn_core::State;
use foghorn_core::alert::Alert;
use foghorn_core::change::Change;
use foghorn_core::incident::Incident;
use foghorn_core::labels::AlertKey;
use foghorn_core::time::{Span, Wall};
use foghorn_core::words::{Name, Severity};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Changes of so long before the incident may have caused it.
const BACK: Span = Span::hours(24);
/// Runbooks that are listed.
const MOST_RUNBOOKS: usize = 8;
/// Alerts that are looked through for runbooks.
const MOST_LOOKED_AT: usize = 1000;

/// Entities with open alerts, by name, and how many each has.
pub(crate) fn unwell(incident: &Incident) -> Vec<(&Name, u32)> {
    incident.entities.iter().filter(|(_, n)| **n > 0).map(|(e, n)| (e, *n)).collect()
}

/// What stands on what is unwell: the blast radius.
pub(crate) fn downstream(state: &State, incident: &Incident) -> Vec<Name> {
    state.setup.downstream(incident.entities.keys())
}

fn order(a: &Alert) -> (bool, Reverse<Severity>, Wall, AlertKey) {
    (!a.status.is_open(), Reverse(a.severity), a.started, a.key)
}

/// Alerts, the worst first: open before over, then by severity, then the oldest.
pub(crate) fn worst<'a>(state: &'a State, incident: &'a Incident, most: usize) -> Vec<&'a Alert> {
    let mut alerts: Vec<&Alert> = state.alerts_of(incident).collect();
    // Of ten thousand only the few that are shown are put in order.
    if most < alerts.len() {
        alerts.select_nth_unstable_by_key(most, |a| order(a));
        alerts.truncate(most);
    }
    alerts.sort_unstable_by_key(|a| order(a));
    alerts
}

/// Of alerts of one name, the worst, and what else there is of it.
pub(crate) struct Alike<'a> {
    pub(crate) worst: &'a Alert,
    /// How many others are called so, and are open or over as it is.
    pub(crate) others: u64,
    /// What all of them are about.
    pub(crate) entities: BTreeSet<&'a Name>,
}

/// Alerts, the worst first. Where there are more than can be shown, those of one name are one.
pub(crate) fn worst_by_name<'a>(state: &'a State, incident: &'a Incident, most: usize) -> Vec<Alike<'a>> {
    let alone = |worst| Alike { worst, others: 0, entities: BTreeSet::new() };
    if incident.alerts.size() <= most {
        return worst(state, incident, most).into_iter().map(alone).collect();
    }
    let mut alike: BTreeMap<(bool, &Name, &str), Alike<'a>> = BTreeMap::new();
    let mut nameless = Vec::new();
    for alert in state.alerts_of(incident) {
        let Some(name) = alert.labels.get("alertname") else {
            nameless.push(alone(alert));
            continue;
        };
        let same = alike.entry((alert.status.is_open(), &alert.source, name));
        let same = same.and_modify(|same| same.others += 1).or_insert_with(|| alone(alert));
        same.entities.extend(&alert.entity);
        if order(alert) < order(same.worst) {
            same.worst = alert;
        }
    }
    let mut all: Vec<Alike<'a>> = alike.into_values().chain(nameless).collect();
    all.sort_unstable_by_key(|a| order(a.worst));
    all.truncate(most);
    all
}

/// Changes to what is unwell and to what it stands on, within a day before it began; the newest first.
pub(crate) fn changes<'a>(state: &'a State, incident: &Incident, most: usize) -> Vec<&'a Change> {
    let near: BTreeSet<Name> = incident.entities.keys().flat_map(|e| state.setup.upstream(e)).collect();
    let mut changes = state.recent_changes(incident.opened.wall, BACK, &[]);
    changes.retain(|c| near.is_empty() || c.entity.as_ref().is_none_or(|e| near.contains(e)));
    changes.truncate(most);
    changes
}

/// Where to read what to do.
pub(crate) fn runbooks(state: &State, incident: &Incident) -> Vec<String> {
    let alerts = state.alerts_of(incident).take(MOST_LOOKED_AT).filter(|a| a.status.is_open());
    crate::runbooks::runbooks(state, incident, alerts, MOST_RUNBOOKS)
}

/// Whether a browser may be sent there: a label from outside could say `javascript:`.
pub(crate) fn is_web_link(url: &str) -> bool {
    let lower = url.get(..8).or_else(|| url.get(..7)).unwrap_or("").to_ascii_lowercase();
    (lower.starts_with("http://") || lower.starts_with("https://"))
        && !url.contains(|c: char| c.is_control() || c.is_whitespace())
}
