//! Where a moment is in a row that goes by the clock on the wall.

use super::WeekDay;
use crate::svg::share;

/// A part of a day in which clocks go on evenly, and its place in the day's row.
pub(super) struct Stretch {
    from: i64,
    to: i64,
    /// The shares of the row at which it begins and ends.
    at: (f64, f64),
    /// Of the row's height. An hour that comes twice has a half each time: the first above the second.
    pub(super) top: f64,
    pub(super) height: f64,
}

impl Stretch {
    /// Between which shares of the row a stretch of time is drawn, if some of it is in here.
    pub(super) fn share(&self, from: i64, to: i64) -> Option<(f64, f64)> {
        let (from, to) = (from.max(self.from), to.min(self.to));
        let place = |at| self.at.0 + share(at, self.from, self.to) * (self.at.1 - self.at.0);
        (from < to).then(|| (place(from), place(to)))
    }
}

/// A day's stretches: one, unless clocks are set in it.
pub(super) fn stretches(day: &WeekDay) -> Vec<Stretch> {
    let set = day.set.filter(|set| set.by != 0 && (day.from..day.to).contains(&set.at));
    let (at, by) = set.map_or((day.to, 0), |set| (set.at, set.by));
    // What clocks show of the day: 24 hours, however long it is.
    let whole = day.to.saturating_sub(day.from).saturating_add(by);
    let back = by.saturating_neg().max(0);
    let stretch = |from: i64, to: i64, by: i64, top, height| {
        let shown = |at: i64| share(at.saturating_sub(day.from).saturating_add(by), 0, whole);
        Stretch { from, to, at: (shown(from), shown(to)), top, height }
    };
    // Set forward, or not at all, nothing comes twice: the two in the middle are empty.
    let (first, second) = (at.saturating_sub(back).max(day.from), at.saturating_add(back).min(day.to));
    let mut all = vec![
        stretch(day.from, first, 0, 0.0, 1.0),
        stretch(first, at, 0, 0.0, 0.5),
        stretch(at, second, by, 0.5, 0.5),
        stretch(second, day.to, by, 0.0, 1.0),
    ];
    all.retain(|s| s.from < s.to);
    all
}

#[cfg(test)]
mod tests {
    use super::super::ClockSet;
    use super::*;

    /// Where moments of a day are, in hours of the ruler, and the halves in which they are.
    fn placed(long: i64, set: Option<(i64, i64)>, at: &[i64]) -> Vec<(f64, f64)> {
        let set = set.map(|(at, by)| ClockSet { at: 1000 + at, by });
        let day = WeekDay { label: String::new(), from: 1000, to: 1000 + long, set };
        let all = stretches(&day);
        let place = |at: &i64| {
            let found = all.iter().find_map(|s| Some((s.share(1000 + at, 1001 + at)?.0 * 24.0, s.top)));
            let (hours, top) = found.unwrap();
            ((hours * 100.0).round() / 100.0, top)
        };
        at.iter().map(place).collect()
    }

    /// In minutes.
    #[test]
    fn a_time_stands_where_the_clock_shows_it() {
        let half_past_six = 390;
        assert_eq!(placed(1440, None, &[0, half_past_six]), [(0.0, 0.0), (6.5, 0.0)]);
        assert_eq!(
            placed(1500, Some((120, -60)), &[59, 70, 130, half_past_six + 60, 1499]),
            [(0.98, 0.0), (1.17, 0.0), (1.17, 0.5), (6.5, 0.0), (23.98, 0.0)]
        );
        assert_eq!(
            placed(1380, Some((60, 60)), &[59, 60, half_past_six - 60, 1379]),
            [(0.98, 0.0), (2.0, 0.0), (6.5, 0.0), (23.98, 0.0)]
        );
        // At midnight: the day begins at one.
        assert_eq!(placed(1380, Some((0, 60)), &[0, half_past_six - 60]), [(1.0, 0.0), (6.5, 0.0)]);
        // To the hour before midnight, at its end.
        assert_eq!(placed(1500, Some((1440, -60)), &[1390, 1450]), [(23.17, 0.0), (23.17, 0.5)]);
    }
}
