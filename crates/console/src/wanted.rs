//! Which incidents are wanted: one rule for the pages and the API, for what is at hand and what is put away.

use crate::readmodel::Filter;
use crate::show::incident::shown_severity;
use crate::words::Words;
use foghorn_core::State;
use foghorn_core::alert::Alert;
use foghorn_core::incident::{Incident, IncidentId, Status};
use foghorn_core::time::Wall;
use foghorn_core::words::Severity;
use serde::Deserialize;
use std::cell::Cell;
use utoipa::ToSchema;

/// Alerts of one incident that are searched, here and when it is put away: the first that came.
pub(crate) const ALERTS_OF_ONE: usize = 1000;
/// Alerts that one search looks through, of all incidents at hand together.
const ALERTS_IN_ALL: usize = 20_000;

/// Which incidents, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Which {
    /// Not over.
    Open,
    /// Not over, and nobody is on it.
    Unacknowledged,
    /// Somebody is on it.
    Acknowledged,
    /// Over.
    Resolved,
    /// Every one.
    #[default]
    All,
}

/// What must be true of an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) which: Which,
    /// How bad it is; how bad it was, once it is over.
    pub(crate) severity: Option<Severity>,
    /// In its title, the names of its entities, and its alerts' labels.
    pub(crate) words: Words,
    /// It was not over before then.
    pub(crate) from: Option<Wall>,
    /// It began before then.
    pub(crate) to: Option<Wall>,
}

/// How many alerts a search may still look through.
pub(crate) struct Room(Cell<usize>);

impl Default for Room {
    fn default() -> Room {
        Room(Cell::new(ALERTS_IN_ALL))
    }
}

impl Room {
    /// Why something may be missing.
    pub(crate) fn short(&self) -> Option<String> {
        let used_up = self.0.get() == 0;
        used_up.then(|| {
            format!(
                "more than {ALERTS_IN_ALL} alerts are at hand: the labels of the others were not searched"
            )
        })
    }

    fn take(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0
    }
}

impl Wanted {
    /// Whether an incident at hand is one.
    pub(crate) fn fits(&self, state: &State, i: &Incident, room: &Room) -> bool {
        let stands = match self.which {
            Which::Open => !i.is_resolved(),
            Which::Unacknowledged => !i.is_resolved() && !i.is_acknowledged(),
            Which::Acknowledged => i.is_acknowledged(),
            Which::Resolved => i.is_resolved(),
            Which::All => true,
        };
        let ended = if let Status::Resolved { at, .. } = &i.status { Some(at.wall) } else { None };
        stands
            && self.severity.is_none_or(|s| shown_severity(i) == s)
            && self.to.is_none_or(|to| i.opened.wall < to)
            && self.from.is_none_or(|from| ended.is_none_or(|at| at >= from))
            && self.has_words(state, i, room)
    }

    fn has_words(&self, state: &State, i: &Incident, room: &Room) -> bool {
        let mut sought = self.words.sought();
        // Mostly nothing is searched for: whoever looks at ten thousand incidents must not pay for it.
        if sought.is_found() {
            return true;
        }
        sought.look(&i.title);
        i.entities.keys().for_each(|entity| sought.look(entity));
        let mut alerts = state.alerts_of(i).take(ALERTS_OF_ONE);
        while !sought.is_found()
            && let Some(alert) = alerts.next()
            && room.take()
        {
            texts(alert).for_each(|text| sought.look(text));
        }
        sought.is_found()
    }

    /// The same of those that are put away, older than `before`; `None` where none is wanted.
    pub(crate) fn put_away(&self, before: Option<IncidentId>) -> Option<Filter> {
        matches!(self.which, Which::Resolved | Which::All).then(|| Filter {
            before,
            severity: self.severity,
            words: self.words.query(),
            resolved: self.which == Which::Resolved,
            from: self.from,
            to: self.to,
        })
    }
}

/// What is searched of an alert: what is unwell, and its labels' values, of which its name is one.
pub(crate) fn texts(alert: &Alert) -> impl Iterator<Item = &str> {
    alert.entity.as_deref().into_iter().chain(alert.labels.iter().map(|(_, value)| value))
}
