//! Days of a component's past.

use crate::ledger::{Stretch, rank};
use foghorn_core::component::ComponentStatus;
use foghorn_core::time::Wall;

/// A day's length in milliseconds. Days are those of UTC.
pub(crate) const DAY: i64 = 24 * 60 * 60 * 1000;
/// Statuses.
const KINDS: usize = 6;

/// How long it was what, on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spent([i64; KINDS]);

impl Spent {
    fn add(&mut self, status: ComponentStatus, ms: i64) {
        self.0[usize::from(rank(status))] += ms;
    }

    /// Milliseconds in a status.
    pub(crate) fn of(&self, status: ComponentStatus) -> i64 {
        self.0[usize::from(rank(status))]
    }

    /// The worst status of which there was any.
    pub(crate) fn worst(&self) -> ComponentStatus {
        use ComponentStatus as C;
        [C::MajorOutage, C::PartialOutage, C::DegradedPerformance, C::UnderMaintenance, C::Operational]
            .into_iter()
            .find(|s| self.of(*s) > 0)
            .unwrap_or(C::Unknown)
    }
}

/// The last `days` days, oldest first; the last is today, up to `now`.
pub(crate) fn days(stretches: &[Stretch], now: Wall, days: usize) -> Vec<Spent> {
    let midnight = now.0.div_euclid(DAY) * DAY;
    let first = midnight - DAY * (i64::try_from(days).unwrap_or(1) - 1);
    let mut spent = vec![Spent::default(); days];
    for (i, s) in stretches.iter().enumerate() {
        let end = stretches.get(i + 1).map_or(now.0, |next| next.from.0).min(now.0);
        let mut at = s.from.0.max(first);
        while at < end {
            let day = (at - first) / DAY;
            let until = (first + (day + 1) * DAY).min(end);
            if let Some(day) = usize::try_from(day).ok().and_then(|d| spent.get_mut(d)) {
                day.add(s.status, until - at);
            }
            at = until;
        }
    }
    spent
}

fn sum(days: &[Spent], status: ComponentStatus) -> i64 {
    days.iter().map(|d| d.of(status)).sum()
}

/// Milliseconds of which it is known how it was. Maintenance counts not at all: nothing says how it was then, and where
/// nothing measures a component it is all that is known of it.
pub(crate) fn measured(days: &[Spent]) -> i64 {
    use ComponentStatus as C;
    [C::Operational, C::DegradedPerformance, C::PartialOutage, C::MajorOutage]
        .into_iter()
        .map(|status| sum(days, status))
        .sum()
}

/// The share of the known time in which it was up, from 0 to 1: a major outage counts whole, a partial one by three tenths, as
/// is usual. `None` where nothing is known.
pub(crate) fn uptime(days: &[Spent]) -> Option<f64> {
    use ComponentStatus as C;
    let sum = |status| sum(days, status) as f64;
    let known = measured(days) as f64;
    (known > 0.0).then(|| 1.0 - (sum(C::MajorOutage) + 0.3 * sum(C::PartialOutage)) / known)
}

/// `99.98 %`: cut, never rounded up to a hundred.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.2}", (share * 10_000.0).floor() / 100.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing measures it, or nothing was measured while it was worked on: a window says nothing of how it was.
    #[test]
    fn maintenance_is_no_time_in_which_it_was_up() {
        use ComponentStatus as C;
        let mut day = Spent::default();
        day.add(C::UnderMaintenance, 600_000);
        assert_eq!((measured(&[day]), uptime(&[day])), (0, None));
        day.add(C::MajorOutage, 100);
        day.add(C::Operational, 300);
        assert_eq!((measured(&[day]), uptime(&[day])), (400, Some(0.75)));
    }
}
