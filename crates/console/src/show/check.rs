//! How a check stands: for lists, pages and metrics.

use crate::ports::CheckFigure;
use crate::show::alert::word;
use foghorn_core::alert::AlertStatus;
use foghorn_core::setup::CheckRule;
use foghorn_engine::View;

/// How a check stands. The order is that of lists: what is worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has an open alert.
    Alert(AlertStatus),
    /// It cannot be known: where it is measured nothing can be reached, or Foghorn was away when a ping was due.
    Unknown,
    /// Nothing has been measured, or pinged, yet.
    Pending,
    /// It is well.
    Ok,
}

impl Standing {
    /// Of a check, by what was measured `last`.
    pub(crate) fn of(view: &View, name: &str, rule: &CheckRule, last: Option<&CheckFigure>) -> Standing {
        if let Some(alert) = view.state.check_alert(name) {
            return Standing::Alert(alert.status);
        }
        let beat = view.state.heartbeats.get(name);
        let measured = match &rule.heartbeat {
            Some(_) => beat.is_some_and(|b| b.last.is_some()),
            None => last.is_some_and(|f| f.good.is_some()),
        };
        // A location that is blind knows nothing, whether or not there was an alert before; nor who was away when one was due.
        let blind = last.is_some_and(|f| f.good.is_none()) || beat.is_some_and(|b| b.unheard);
        match (blind, measured) {
            (true, _) => Standing::Unknown,
            (false, true) => Standing::Ok,
            (false, false) => Standing::Pending,
        }
    }

    /// What it is called.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Standing::Alert(status) => word(status),
            Standing::Unknown => "unknown",
            Standing::Pending => "pending",
            Standing::Ok => "ok",
        }
    }

    /// Where it stands in a list.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Standing::Alert(_) => 0,
            Standing::Unknown => 1,
            Standing::Pending => 2,
            Standing::Ok => 3,
        }
    }

    /// Of a check that is measured whether the last measurement was good, of a heartbeat whether it comes; `None` where that is
    /// not known.
    pub(crate) fn up(self, rule: &CheckRule, last: Option<&CheckFigure>) -> Option<bool> {
        if rule.heartbeat.is_none() {
            return last.and_then(|f| f.good);
        }
        match self {
            Standing::Alert(AlertStatus::Firing | AlertStatus::Flapping) => Some(false),
            Standing::Ok => Some(true),
            Standing::Alert(_) | Standing::Unknown | Standing::Pending => None,
        }
    }
}
