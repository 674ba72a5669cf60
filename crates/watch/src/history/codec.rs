//! How results are packed. Times are delta-of-delta coded, latencies as differences on a logarithmic scale of steps of
//! 1 %: a result of a check that runs on time takes two to three bytes.

use super::{Mark, Sample};
use foghorn_core::time::Wall;
use std::time::Duration;

/// One step of the scale. Latencies are kept to within half of it.
const STEP: f64 = 1.01;

/// A latency on the logarithmic scale.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
pub(super) fn to_scale(us: u64) -> u64 {
    ((us as f64 + 1.0).ln() / STEP.ln()).round() as u64
}

/// Microseconds of a place on the scale.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
pub(super) fn from_scale(place: u64) -> u64 {
    // Longer than three centuries is no latency.
    (STEP.powf(place.min(3700) as f64) - 1.0).round() as u64
}

pub(super) fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Takes a number off the front; `None` at the end or where there is none.
pub(super) fn take(from: &mut &[u8]) -> Option<u64> {
    let mut n = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        n |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

pub(super) fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)).cast_unsigned()
}

pub(super) fn unzigzag(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ -(n & 1).cast_signed()
}

/// Results of one check in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    last: Cursor,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    at: i64,
    gap: i64,
    place: i64,
}

impl Packed {
    /// `base` is where the times start counting; the same must be given to read them.
    pub(super) fn new(base: i64) -> Packed {
        Packed { bytes: Vec::new(), last: Cursor { at: base, gap: 0, place: 0 } }
    }

    pub(super) fn push(&mut self, sample: &Sample) {
        let gap = sample.at.0.wrapping_sub(self.last.at);
        let place = to_scale(micros(sample.took)).cast_signed();
        // 61 bits are enough for any two moments of this era, and anything else is only shown wrong.
        put(&mut self.bytes, zigzag(gap.wrapping_sub(self.last.gap)) << 2 | sample.mark as u64);
        put(&mut self.bytes, zigzag(place - self.last.place));
        self.last = Cursor { at: sample.at.0, gap, place };
    }

    pub(super) fn samples(&self, base: i64) -> Vec<Sample> {
        unpack(&self.bytes, base)
    }
}

/// Reads packed results; stops where they are damaged.
pub(super) fn unpack(mut bytes: &[u8], base: i64) -> Vec<Sample> {
    let mut out = Vec::new();
    let mut last = Cursor { at: base, gap: 0, place: 0 };
    while let (Some(head), Some(place)) = (take(&mut bytes), take(&mut bytes)) {
        let gap = last.gap.wrapping_add(unzigzag(head >> 2));
        let place = last.place.wrapping_add(unzigzag(place));
        last = Cursor { at: last.at.wrapping_add(gap), gap, place };
        let took = Duration::from_micros(from_scale(u64::try_from(place).unwrap_or_default()));
        let Some(mark) = Mark::from_bits(head & 3) else { break };
        out.push(Sample { at: Wall(last.at), mark, took });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> impl Strategy<Value = Sample> {
        (0i64..1 << 42, 0u64..3, 0u64..1 << 36).prop_map(|(at, mark, us)| Sample {
            at: Wall(at),
            mark: Mark::from_bits(mark).unwrap(),
            took: Duration::from_micros(us),
        })
    }

    #[test]
    fn a_result_on_time_takes_three_bytes_at_most() {
        let mut packed = Packed::new(0);
        for i in 0..1000_i64 {
            let jitter = i * 7919 % 13;
            let took = Duration::from_micros(12_000 + (i * 104_729 % 6_000).unsigned_abs());
            packed.push(&Sample { at: Wall(i * 10_000 + jitter), mark: Mark::Up, took });
        }
        assert!(packed.bytes.len() <= 3000, "{}", packed.bytes.len());
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(samples in proptest::collection::vec(sample(), 0..50), base in 0i64..1 << 42) {
            let mut packed = Packed::new(base);
            samples.iter().for_each(|s| packed.push(s));
            let back = packed.samples(base);
            prop_assert_eq!(back.len(), samples.len());
            for (b, s) in back.iter().zip(&samples) {
                prop_assert_eq!((b.at, b.mark), (s.at, s.mark));
                let (b, s) = (b.took.as_secs_f64(), s.took.as_secs_f64());
                prop_assert!((b - s).abs() <= s * 0.006 + 2e-6, "{} became {}", s, b);
            }
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), base: i64) {
            prop_assert!(unpack(&bytes, base).len() <= bytes.len());
        }
    }
}
