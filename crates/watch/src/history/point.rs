//! What many results come to: counts, and the spread of latencies.

use super::codec::{from_scale, micros, put, take, to_scale};
use super::{Mark, Sample};
use std::collections::BTreeMap;
use std::time::Duration;

/// So many places of the scale of 1 % steps are one bucket: 19 % wide, so that p95 is off by a tenth at most.
const BUCKET: u64 = 17;

/// The results of a stretch of time, of one check.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Roll {
    pub(super) down: u64,
    pub(super) unknown: u64,
    pub(super) up: u64,
    /// Of good results, in microseconds.
    min: u64,
    max: u64,
    mean: f64,
    buckets: BTreeMap<u64, u64>,
}

impl Roll {
    pub(super) fn add(&mut self, sample: &Sample) {
        let us = micros(sample.took);
        match sample.mark {
            Mark::Down => self.down += 1,
            Mark::Unknown => self.unknown += 1,
            Mark::Up => {
                self.min = if self.up == 0 { us } else { self.min.min(us) };
                self.max = self.max.max(us);
                self.up += 1;
                self.mean += (us as f64 - self.mean) / self.up as f64;
                *self.buckets.entry(to_scale(us) / BUCKET).or_default() += 1;
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Roll) {
        let both = self.up + other.up;
        if other.up > 0 {
            self.min = if self.up == 0 { other.min } else { self.min.min(other.min) };
            self.max = self.max.max(other.max);
            self.mean += (other.mean - self.mean) * other.up as f64 / both as f64;
        }
        self.up = both;
        self.down += other.down;
        self.unknown += other.unknown;
        for (bucket, n) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += n;
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.up + self.down + self.unknown
    }

    /// Shortest, mean, longest.
    pub(super) fn min_mean_max(&self) -> Option<[Duration; 3]> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let mean = self.mean.round() as u64;
        (self.up > 0).then(|| [self.min, mean, self.max].map(Duration::from_micros))
    }

    /// What 95 % of the good results did not exceed, to within a tenth.
    pub(super) fn p95(&self) -> Option<Duration> {
        let total: u64 = self.buckets.values().sum();
        let wanted = (total * 95).div_ceil(100);
        let mut seen = 0;
        let (bucket, _) = self.buckets.iter().find(|(_, n)| {
            seen += **n;
            seen >= wanted.max(1)
        })?;
        let us = from_scale(bucket * BUCKET + BUCKET / 2).clamp(self.min, self.max);
        Some(Duration::from_micros(us))
    }

    fn write(&self, out: &mut Vec<u8>) {
        let (min, max) = (to_scale(self.min), to_scale(self.max));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let mean = to_scale(self.mean.round() as u64);
        put(out, self.up);
        put(out, self.down << 1 | u64::from(self.unknown > 0));
        if self.unknown > 0 {
            put(out, self.unknown);
        }
        if self.up == 0 {
            return;
        }
        put(out, min);
        put(out, mean.saturating_sub(min));
        put(out, max.saturating_sub(min));
        put(out, self.buckets.len() as u64);
        let mut last = 0;
        for (bucket, n) in &self.buckets {
            put(out, bucket - last);
            put(out, *n);
            last = *bucket;
        }
    }

    fn read(from: &mut &[u8]) -> Option<Roll> {
        let up = take(from)?;
        let head = take(from)?;
        let unknown = if head & 1 == 1 { take(from)? } else { 0 };
        let mut roll = Roll { up, down: head >> 1, unknown, ..Roll::default() };
        if up == 0 {
            return Some(roll);
        }
        let min = take(from)?;
        roll.min = from_scale(min);
        roll.mean = from_scale(min.saturating_add(take(from)?)) as f64;
        roll.max = from_scale(min.saturating_add(take(from)?));
        let mut last = 0_u64;
        for _ in 0..take(from)? {
            last = last.saturating_add(take(from)?);
            *roll.buckets.entry(last.min(1 << 20)).or_default() += take(from)?.min(1 << 40);
        }
        Some(roll)
    }
}

/// Rolls by the number of their stretch within a chunk.
pub(super) type Rolls = BTreeMap<u64, Roll>;

pub(super) fn write(rolls: &Rolls) -> Vec<u8> {
    let mut out = Vec::new();
    let mut last = 0;
    for (slot, roll) in rolls {
        put(&mut out, slot - last);
        roll.write(&mut out);
        last = *slot;
    }
    out
}

/// Reads rolls; stops where they are damaged.
pub(super) fn read(mut bytes: &[u8]) -> Rolls {
    let mut out = Rolls::new();
    let mut last = 0_u64;
    while let (Some(gap), Some(roll)) = (take(&mut bytes), Roll::read(&mut bytes)) {
        last = last.saturating_add(gap);
        out.entry(last).or_default().merge(&roll);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_core::time::Wall;
    use proptest::prelude::*;

    fn of(samples: &[(Mark, u64)]) -> Roll {
        let mut roll = Roll::default();
        for (mark, us) in samples {
            roll.add(&Sample { at: Wall(0), mark: *mark, took: Duration::from_micros(*us) });
        }
        roll
    }

    #[test]
    fn figures_of_a_hundred() {
        let samples: Vec<_> = (1..=100).map(|i| (Mark::Up, i * 1000)).collect();
        let roll = of(&samples);
        assert_eq!(roll.min_mean_max().unwrap(), [1000, 50_500, 100_000].map(Duration::from_micros));
        let p95 = roll.p95().unwrap().as_secs_f64() * 1000.0;
        assert!((p95 - 95.0).abs() < 9.5, "{p95}");
        assert_eq!(of(&[(Mark::Down, 5), (Mark::Unknown, 5)]).p95(), None);
    }

    proptest! {
        #[test]
        fn rolls_come_back_as_they_went(
            data in proptest::collection::vec((0u64..500, 0u64..3, 1u64..60_000_000), 0..80),
        ) {
            let mut rolls = Rolls::new();
            for (slot, mark, us) in &data {
                let sample = Sample { at: Wall(0), mark: Mark::from_bits(*mark).unwrap(), took: Duration::from_micros(*us) };
                rolls.entry(*slot).or_default().add(&sample);
            }
            let back = read(&write(&rolls));
            prop_assert_eq!(back.len(), rolls.len());
            for ((s1, r1), (s2, r2)) in rolls.iter().zip(&back) {
                prop_assert_eq!((s1, r1.up, r1.down, r1.unknown, &r1.buckets), (s2, r2.up, r2.down, r2.unknown, &r2.buckets));
                for (a, b) in r1.min_mean_max().into_iter().flatten().zip(r2.min_mean_max().into_iter().flatten()) {
                    let (a, b) = (a.as_secs_f64(), b.as_secs_f64());
                    prop_assert!((a - b).abs() <= a * 0.006 + 2e-6, "{} became {}", a, b);
                }
            }
        }

        #[test]
        fn merging_is_as_good_as_adding(a in proptest::collection::vec((0u64..3, 1u64..1_000_000), 0..40), cut in 0usize..40) {
            let a: Vec<_> = a.into_iter().map(|(m, us)| (Mark::from_bits(m).unwrap(), us)).collect();
            let (left, right) = a.split_at(cut.min(a.len()));
            let mut merged = of(left);
            merged.merge(&of(right));
            let whole = of(&a);
            prop_assert_eq!((merged.up, merged.down, merged.unknown), (whole.up, whole.down, whole.unknown));
            prop_assert_eq!(merged.p95(), whole.p95());
            prop_assert!((merged.mean - whole.mean).abs() < 1.0);
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            read(&bytes);
        }
    }
}
