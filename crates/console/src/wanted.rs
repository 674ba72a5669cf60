//! Which incidents somebody wants to see: one rule for the API, the list of what is open and the list of what is over.

use crate::readmodel::Filter;
use crate::show::incident::shown_severity;
use foghorn_core::incident::{Incident, IncidentId};
use foghorn_core::words::Severity;
use serde::Deserialize;
use utoipa::ToSchema;

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
    /// Somewhere in the title; while it is open, in the name of something unwell too. The case of ASCII letters does not
    /// matter; empty fits all.
    pub(crate) text: String,
}

impl Wanted {
    /// Whether an incident at hand is one.
    pub(crate) fn fits(&self, i: &Incident) -> bool {
        let state = match self.which {
            Which::Open => !i.is_resolved(),
            Which::Unacknowledged => !i.is_resolved() && !i.is_acknowledged(),
            Which::Acknowledged => i.is_acknowledged(),
            Which::Resolved => i.is_resolved(),
            Which::All => true,
        };
        state
            && self.severity.is_none_or(|s| shown_severity(i) == s)
            && (has(&i.title, &self.text) || self.unwell_in(i))
    }

    /// What is over has its title alone: so it is found before and after it was put away.
    fn unwell_in(&self, i: &Incident) -> bool {
        !i.is_resolved() && i.entities.iter().any(|(name, open)| *open > 0 && has(name, &self.text))
    }

    /// The same of those that are put away, older than `before`; `None` where none is wanted.
    pub(crate) fn put_away(&self, before: Option<IncidentId>) -> Option<Filter> {
        matches!(self.which, Which::Resolved | Which::All).then(|| Filter {
            before,
            severity: self.severity,
            text: Some(self.text.clone()).filter(|t| !t.is_empty()),
            resolved: self.which == Which::Resolved,
        })
    }
}

/// Without a copy: a thousand titles are looked through for one page.
fn has(text: &str, part: &str) -> bool {
    part.is_empty() || text.as_bytes().windows(part.len()).any(|w| w.eq_ignore_ascii_case(part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::has;

    #[test]
    fn letters_are_found_in_either_case_and_others_as_they_are() {
        for (text, part, is) in [
            ("", "", true),
            ("shop", "", true),
            ("", "x", false),
            ("Shop-DB is down", "shop-db", true),
            ("shop", "shop is down", false),
            ("Größe", "GRöß", true),
            ("Größe", "GRÖSS", false),
            ("100 % full", "%", true),
            ("100 full", "_", false),
        ] {
            assert_eq!(has(text, part), is, "{part:?} in {text:?}");
        }
    }
}
