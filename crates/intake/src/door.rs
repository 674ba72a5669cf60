//! The door of one integration: how much may come in, and what is counted. Each has its own, so that one noisy
//! integration starves no other.

use foghorn_core::time::Wall;
use foghorn_core::words::Name;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Requests of one integration under way at one time.
const MOST_OPEN: usize = 512;
/// Bytes of bodies of one integration under way at one time. One request alone may be as large as `server.max_body`.
const MOST_BYTES: usize = 64 << 20;
/// Alerts of one integration that wait to be decided at one time; the others wait here, in their order. What is decided
/// is decided in the order of arrival, so without this a storm from one would stand before everybody's alerts.
const MOST_WAITING: u32 = 10_000;

/// Why something did not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The body is larger than `server.max_body`.
    Size,
    /// More requests a second than `server.rate_limit`.
    Rate,
    /// Too many requests, or bytes, under way at one time.
    InFlight,
    /// Too many alerts in one request.
    Items,
    /// As many alerts are open as `max_alerts` allows; counted by alert.
    Cardinality,
    /// The journal takes nothing now, or too much waits to be decided.
    Unavailable,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 6] = [
        Reason::Size,
        Reason::Rate,
        Reason::InFlight,
        Reason::Items,
        Reason::Cardinality,
        Reason::Unavailable,
    ];

    /// Its word in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Size => "size",
            Reason::Rate => "rate",
            Reason::InFlight => "in_flight",
            Reason::Items => "items",
            Reason::Cardinality => "cardinality",
            Reason::Unavailable => "unavailable",
        }
    }
}

/// Counters of one integration since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The integration's name, or `ping/` and the heartbeat's.
    pub name: Name,
    /// Requests, refused ones too.
    pub requests: u64,
    /// Alerts, changes and pings that are on disk.
    pub accepted: u64,
    /// Bad items, and requests that could not be read.
    pub bad: u64,
    /// What did not come in, by reason.
    pub refused: [(Reason, u64); 6],
    /// When it last sent something good.
    pub last_seen: Option<Wall>,
}

/// The door of one integration.
pub(crate) struct Door {
    pub(crate) name: Name,
    bucket: Mutex<Bucket>,
    open: AtomicUsize,
    bytes: AtomicUsize,
    turns: Semaphore,
    requests: AtomicU64,
    accepted: AtomicU64,
    bad: AtomicU64,
    refused: [AtomicU64; 6],
    last_seen: AtomicI64,
}

/// Why a request may not come in now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) reason: Reason,
    pub(crate) retry_after: Duration,
}

/// A request that has come in; its end makes room.
pub(crate) struct Visit {
    pub(crate) door: Arc<Door>,
    bytes: usize,
}

impl Visit {
    /// The body is larger than it was taken for. Where there is no more room, the request is refused after all.
    pub(crate) fn holds(&mut self, bytes: usize) -> Result<(), Wait> {
        let more = bytes.saturating_sub(self.bytes);
        let held = self.door.bytes.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
        // The last that is left may go on.
        if more > 0 && held.saturating_add(more) > MOST_BYTES && held > self.bytes {
            return Err(self.door.no_room());
        }
        Ok(())
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.door.open.fetch_sub(1, Ordering::Relaxed);
        self.door.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Door {
    pub(crate) fn new(name: &str) -> Door {
        Door {
            name: Name::from(name),
            bucket: Mutex::new(Bucket { tokens: f64::INFINITY, at: None }),
            open: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            turns: Semaphore::new(MOST_WAITING as usize),
            requests: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            bad: AtomicU64::new(0),
            refused: Default::default(),
            last_seen: AtomicI64::new(i64::MIN),
        }
    }

    /// Lets a request in whose body has `bytes`, if there is room; `rate` requests a second may come in.
    pub(crate) fn enter(self: &Arc<Door>, rate: f64, bytes: usize) -> Result<Visit, Wait> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let wait = self.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(rate, Instant::now());
        if let Err(retry_after) = wait {
            self.refuse(Reason::Rate, 1);
            return Err(Wait { reason: Reason::Rate, retry_after });
        }
        let open = self.open.fetch_add(1, Ordering::Relaxed);
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let visit = Visit { door: self.clone(), bytes };
        if open >= MOST_OPEN || (held > 0 && held.saturating_add(bytes) > MOST_BYTES) {
            return Err(self.no_room());
        }
        Ok(visit)
    }

    /// Too much is under way, which is counted.
    fn no_room(&self) -> Wait {
        self.refuse(Reason::InFlight, 1);
        Wait { reason: Reason::InFlight, retry_after: Duration::from_secs(1) }
    }

    /// Waits until `items` more of this integration may wait to be decided. To be held until they are.
    pub(crate) async fn turn(&self, items: usize) -> Option<SemaphorePermit<'_>> {
        let items = u32::try_from(items).map_or(MOST_WAITING, |n| n.min(MOST_WAITING));
        // Only a closed semaphore fails, and nobody closes this one.
        self.turns.acquire_many(items).await.ok()
    }

    pub(crate) fn accept(&self, items: usize) {
        self.accepted.fetch_add(items as u64, Ordering::Relaxed);
        self.last_seen.store(jiff::Timestamp::now().as_millisecond(), Ordering::Relaxed);
    }

    pub(crate) fn bad(&self, items: usize) {
        self.bad.fetch_add(items as u64, Ordering::Relaxed);
    }

    pub(crate) fn refuse(&self, reason: Reason, count: u64) {
        self.refused[reason as usize].fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            name: self.name.clone(),
            requests: self.requests.load(Ordering::Relaxed),
            accepted: self.accepted.load(Ordering::Relaxed),
            bad: self.bad.load(Ordering::Relaxed),
            refused: Reason::ALL.map(|r| (r, self.refused[r as usize].load(Ordering::Relaxed))),
            last_seen: Some(self.last_seen.load(Ordering::Relaxed)).filter(|at| *at != i64::MIN).map(Wall),
        }
    }
}

/// A token bucket: `rate` a second, and twice as many in a burst.
struct Bucket {
    tokens: f64,
    at: Option<Instant>,
}

impl Bucket {
    /// Takes one, or says when there will be one.
    fn take(&mut self, rate: f64, now: Instant) -> Result<(), Duration> {
        let since = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.at = Some(now);
        self.tokens = (self.tokens + since.as_secs_f64() * rate).min((2.0 * rate).max(1.0));
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::try_from_secs_f64((1.0 - self.tokens) / rate).unwrap_or(Duration::from_secs(60)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn a_storm_waits_for_its_turn_and_holds_up_nobody_else() {
        let (storm, other) = (Door::new("storm"), Door::new("other"));
        let first = storm.turn(6_000).now_or_never().flatten().unwrap();
        let mut second = Box::pin(storm.turn(6_000));
        assert!(second.as_mut().now_or_never().is_none(), "12,000 alerts before everybody else's");
        assert!(storm.turn(1).now_or_never().is_none(), "in their order");
        assert!(other.turn(1).now_or_never().flatten().is_some());
        drop(first);
        assert!(second.now_or_never().flatten().is_some());
        // One request alone may be as large as it likes.
        assert!(storm.turn(usize::MAX).now_or_never().flatten().is_some());
    }

    #[test]
    fn a_bucket_gives_its_rate_and_a_burst_of_twice_as_many() {
        let (mut bucket, start) = (Bucket { tokens: f64::INFINITY, at: None }, Instant::now());
        let burst = (0..100).filter(|_| bucket.take(10.0, start).is_ok()).count();
        assert_eq!(burst, 20);
        assert_eq!(bucket.take(10.0, start), Err(Duration::from_millis(100)));
        let second = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| bucket.take(10.0, second).is_ok()).count(), 10);
        // A slow rate still lets one through.
        let mut slow = Bucket { tokens: f64::INFINITY, at: None };
        assert!(slow.take(0.1, start).is_ok() && slow.take(0.1, start).is_err());
    }

    #[test]
    fn what_is_under_way_is_limited_and_its_end_makes_room() {
        let door = Arc::new(Door::new("x"));
        let visits: Vec<Visit> = (0..MOST_OPEN).map(|_| door.enter(1e9, 10).ok().unwrap()).collect();
        assert_eq!(door.enter(1e9, 10).err().unwrap().reason, Reason::InFlight);
        drop(visits);
        let large = door.enter(1e9, MOST_BYTES + 1).ok().unwrap();
        assert_eq!(door.enter(1e9, 1).err().unwrap().reason, Reason::InFlight);
        drop(large);
        assert!(door.enter(1e9, 1).is_ok());
        assert_eq!(door.stats().refused[Reason::InFlight as usize], (Reason::InFlight, 2));
        // Those of unknown length are counted as they grow.
        let mut two = [door.enter(1e9, 1).ok().unwrap(), door.enter(1e9, 1).ok().unwrap()];
        assert!(two[0].holds(MOST_BYTES - 1).is_ok() && two[0].holds(5).is_ok());
        assert_eq!(two[1].holds(MOST_BYTES / 2).err().unwrap().reason, Reason::InFlight);
        drop(two);
        assert_eq!(door.bytes.load(Ordering::Relaxed), 0);
    }
}
