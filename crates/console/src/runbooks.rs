//! Where to read what to do about an incident: told in pages, on the page behind their link, by the API and the console.

use foghorn_core::State;
use foghorn_core::alert::Alert;
use foghorn_core::incident::Incident;

/// Entities that are looked through: each is a walk up the topology, and pages wait for this.
const MOST_LOOKED_AT: usize = 100;

/// Links to runbooks, each once and at most `most`: what these alerts say, then what the topology says of what is unwell
/// (of what was, where nothing is any more): the nearest thing upwards that says something.
#[must_use]
pub fn runbooks<'a>(
    state: &'a State,
    incident: &'a Incident,
    alerts: impl IntoIterator<Item = &'a Alert>,
    most: usize,
) -> Vec<String> {
    let unwell = incident.entities.iter().any(|(_, open)| *open > 0);
    let entities = incident.entities.iter().filter(|(_, open)| **open > 0 || !unwell).map(|(e, _)| e);
    let setup = &state.setup;
    let nearest = entities.take(MOST_LOOKED_AT).filter_map(|e| setup.runbook_of(e));
    let mut found: Vec<String> = Vec::new();
    for url in alerts.into_iter().filter_map(Alert::runbook).chain(nearest) {
        if found.len() >= most {
            break;
        }
        if found.iter().all(|known| known != url) {
            found.push(url.to_owned());
        }
    }
    found
}
