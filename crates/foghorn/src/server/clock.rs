//! The two clocks, read in one place.

use foghorn_core::time::{CLOCK_SET, Mono, Now, Span, Wall};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Being away for longer than this is not believed: the host may have woken up in 2038 (outage 3). Waits would all be
/// over; ten years more do not make them more so.
const LONGEST_AWAY: Span = Span::hours(24 * 365);

/// Foghorn's clocks: the monotonic one goes on where the journal ends.
#[derive(Debug)]
pub struct Clock {
    began: Instant,
    base: u64,
    /// Wall minus mono, when last looked at.
    offset: AtomicI64,
}

fn wall() -> Wall {
    let ms = |d: std::time::Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
    Wall(SystemTime::now().duration_since(UNIX_EPOCH).map_or_else(|e| -ms(e.duration()), ms))
}

impl Clock {
    /// Goes on from the last moment in the journal. Returns how long Foghorn was away, as far as the wall clock can be
    /// believed: since then, or since it was `alive`, if that was later.
    pub fn after(last: Now, alive: Option<Wall>) -> (Clock, Span) {
        let now = wall();
        let since = |at: Wall| {
            if last == Now::default() { Span::ZERO } else { now.since(at).min(LONGEST_AWAY) }
        };
        let away = since(alive.filter(|at| *at <= now).map_or(last.wall, |at| at.max(last.wall)));
        let base = last.mono.0.saturating_add(since(last.wall).0);
        let clock = Clock { began: Instant::now(), base, offset: AtomicI64::new(0) };
        let offset = now.0.saturating_sub(i64::try_from(base).unwrap_or(i64::MAX));
        clock.offset.store(offset, Ordering::Relaxed);
        (clock, away)
    }

    /// This moment.
    pub fn now(&self) -> Now {
        let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { mono: Mono(self.base.saturating_add(passed)), wall: wall() }
    }

    /// By how much the wall clock was set since this was last asked, in milliseconds, if it was.
    pub fn stepped(&self) -> Option<i64> {
        let now = self.now();
        let offset = now.wall.0.saturating_sub(i64::try_from(now.mono.0).unwrap_or(i64::MAX));
        let before = self.offset.load(Ordering::Relaxed);
        let by = offset.saturating_sub(before);
        if by.abs() < CLOCK_SET {
            return None;
        }
        self.offset.store(offset, Ordering::Relaxed);
        Some(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_where_the_journal_ends() {
        let (fresh, away) = Clock::after(Now::default(), None);
        assert_eq!(away, Span::ZERO);
        assert!(fresh.now().mono.0 < 60_000);
        let an_hour_ago = Now { mono: Mono(500), wall: Wall(wall().0 - 3_600_000) };
        let (clock, away) = Clock::after(an_hour_ago, None);
        assert!(away >= Span::hours(1) && clock.now().mono >= Mono(3_600_500));
        let alive = Some(Wall(wall().0 - 60_000));
        let (clock, away) = Clock::after(an_hour_ago, alive);
        assert!(away >= Span::mins(1) && away < Span::hours(1), "nothing happened for an hour; it was there");
        assert!(clock.now().mono >= Mono(3_600_500), "time went on all the same");
        let (_, away) = Clock::after(an_hour_ago, Some(Wall(2_145_916_800_000)));
        assert!(away >= Span::hours(1), "a moment to come tells nothing");
        let in_2038 = Now { mono: Mono(500), wall: Wall(2_145_916_800_000) };
        let (clock, away) = Clock::after(in_2038, None);
        assert_eq!(away, Span::ZERO, "a clock that went back tells nothing");
        assert!(clock.now().mono >= Mono(500));
        assert_eq!(clock.stepped(), None);
    }
}
