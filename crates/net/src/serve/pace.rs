//! How long somebody may be waited for who has to give or to take bytes.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Bytes must come, or go, at this rate, on the whole: the poorest mobile network is faster.
pub(super) const BYTES_A_SECOND: u32 = 4096;

/// The time that may be spent waiting for a peer. What it gives or takes adds to what is left of that, and so does the
/// time in which it is not waited for: a stream that rests for minutes is not slow.
#[derive(Debug)]
pub(super) struct Pace {
    most: Duration,
    left: Duration,
    /// Since when nobody has been waited for.
    rests: Instant,
    /// Since when it is.
    waits: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// At most so long for a peer that gives or takes nothing.
    pub(super) fn new(most: Duration) -> Pace {
        Pace { most, left: most, rests: Instant::now(), waits: None, alarm: None }
    }

    /// From now on it is waited for.
    pub(super) fn begin(&mut self) {
        if self.waits.is_none() {
            let now = Instant::now();
            self.earn(now.saturating_duration_since(self.rests));
            self.waits = Some(now);
        }
    }

    /// It is waited for. Ready when that has taken too long.
    pub(super) fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.begin();
        let left = self.left;
        self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(left))).as_mut().poll(cx)
    }

    /// It has given or taken so many bytes. False if that has taken too long.
    pub(super) fn moved(&mut self, bytes: usize) -> bool {
        // The clock is read only where somebody was waited for: mostly nobody is.
        let mut in_time = true;
        if let Some(since) = self.waits.take() {
            self.alarm = None;
            self.rests = Instant::now();
            let waited = self.rests.saturating_duration_since(since);
            in_time = waited < self.left;
            self.left = self.left.saturating_sub(waited);
        }
        if self.left < self.most {
            self.earn(Duration::from_secs(bytes as u64) / BYTES_A_SECOND);
        }
        in_time
    }

    fn earn(&mut self, time: Duration) {
        self.left = self.most.min(self.left.saturating_add(time));
    }
}
