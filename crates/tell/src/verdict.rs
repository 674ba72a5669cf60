//! What is measured and what people say, where they differ: the rule of an honest page.
//!
//! How a component is, its bar and the headline come from what is measured. A person's word says how far the work is; it can
//! make nothing better than it is measured. Where nothing is known, it is all there is.

use crate::ledger::{Affected, PublicIncident, rank};
use foghorn_core::component::ComponentStatus;
use foghorn_core::time::Wall;
use foghorn_look::Tone;

/// What the whole page says, and its tone. `working`: people say that they look for a cause, or mend it, which can make
/// nothing better.
pub(crate) fn heading(statuses: &[ComponentStatus], working: bool) -> (&'static str, Tone) {
    use ComponentStatus as C;
    let worst = statuses.iter().copied().max_by_key(|s| rank(*s));
    let unknown = statuses.contains(&C::Unknown);
    match worst {
        None => ("Nothing to tell yet", Tone::Unknown),
        Some(C::MajorOutage) if statuses.iter().all(|s| *s == C::MajorOutage) => {
            ("Everything is down", Tone::Bad)
        }
        Some(C::MajorOutage) => ("Something is down", Tone::Bad),
        Some(C::PartialOutage) => ("Something is partly down", Tone::Bad),
        Some(C::DegradedPerformance) => ("Something does not work as it should", Tone::Warn),
        Some(_) if working => ("Something is being worked on", Tone::Warn),
        Some(_) if unknown => ("Not everything is known", Tone::Unknown),
        Some(C::UnderMaintenance) => ("Planned work is going on", Tone::Planned),
        Some(C::Operational | C::Unknown) => ("All systems operational", Tone::Good),
    }
}

/// The worst of what is so now. What is not known may be worse than planned work.
pub(crate) fn gravest(all: &[Affected]) -> Option<ComponentStatus> {
    all.iter().map(|a| a.status).max_by_key(|s| gravity(*s))
}

/// How bad it is that something is so now.
fn gravity(status: ComponentStatus) -> u8 {
    use ComponentStatus as C;
    match status {
        C::Operational => 0,
        C::UnderMaintenance => 1,
        C::Unknown => 2,
        C::DegradedPerformance => 3,
        C::PartialOutage => 4,
        C::MajorOutage => 5,
    }
}

impl PublicIncident {
    /// How bad it is now; how bad it was, if it is over. What people alone know of is something that does not work well.
    pub(crate) fn gravity(&self) -> u8 {
        gravity(gravest(&self.standing()).unwrap_or(ComponentStatus::DegradedPerformance))
    }

    /// When the public last read something new of it.
    pub(crate) fn heard_of(&self) -> Wall {
        let said = self.words.iter().map(|w| w.corrected.map_or(w.at, |c| c.at.max(w.at)));
        said.chain(self.updates.iter().map(|u| u.at)).max().unwrap_or(self.opened)
    }
}

/// How an incident that is over ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It is well, or nobody knows better than the person who says so.
    Resolved,
    /// Nobody works on it any more; that it is well is not known, or not so.
    Closed,
}

/// `left` is what is not measured well of all that it touched; `said`, whether the last that people wrote is that it is over.
pub(crate) fn end(left: &[Affected], said: bool) -> End {
    let hurt = left.iter().any(|a| a.status.is_hurt());
    if left.is_empty() || (said && !hurt) { End::Resolved } else { End::Closed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ComponentStatus as C;

    const ALL: [C; 6] = [
        C::Operational,
        C::DegradedPerformance,
        C::PartialOutage,
        C::MajorOutage,
        C::UnderMaintenance,
        C::Unknown,
    ];

    #[test]
    fn the_headline_is_never_better_than_what_is_measured() {
        for working in [false, true] {
            for a in ALL {
                for b in ALL {
                    let (words, tone) = heading(&[a, b], working);
                    let hurt = a.is_hurt() || b.is_hurt();
                    assert_eq!(tone == Tone::Good, a == C::Operational && a == b && !working, "{a:?} {b:?}");
                    assert_eq!(words == "All systems operational", tone == Tone::Good, "{a:?} {b:?}");
                    // What people say is heard only where nothing is measured that is worse.
                    assert_eq!(words == "Something is being worked on", working && !hurt, "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn resolved_by_table() {
        let left = |all: &[C]| -> Vec<Affected> {
            all.iter().map(|s| Affected { component: "Shop".to_owned(), status: *s }).collect()
        };
        for (status, said, expected) in [
            (&[][..], false, End::Resolved),
            (&[], true, End::Resolved),
            (&[C::MajorOutage], true, End::Closed),
            (&[C::PartialOutage], true, End::Closed),
            (&[C::DegradedPerformance], true, End::Closed),
            (&[C::MajorOutage], false, End::Closed),
            (&[C::Unknown], true, End::Resolved),
            (&[C::UnderMaintenance], true, End::Resolved),
            (&[C::Unknown], false, End::Closed),
            (&[C::Unknown, C::DegradedPerformance], true, End::Closed),
        ] {
            assert_eq!(end(&left(status), said), expected, "{status:?}, said: {said}");
        }
    }
}
