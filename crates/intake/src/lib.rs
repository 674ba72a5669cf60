//! Other tools' alerts and pings, as inputs: Alertmanager v2, PagerDuty Events v2, Grafana's webhook, Healthchecks pings.
//!
//! A request goes the same way in every format: who sends it ([`auth`]), may it come in now ([`door`]), what does it say
//! ([`read`], [`item`]), and what became of it ([`reply`]). A good reply means that it is on disk. A bad item in a batch
//! gets its error and costs no good one.

mod alertmanager;
mod auth;
mod door;
mod grafana;
mod id;
mod item;
mod moment;
mod pagerduty;
mod ping;
mod read;
mod reply;
#[cfg(test)]
mod tests;

pub use door::{Reason, Stats};

use axum::Router;
use door::Door;
use foghorn_config::Config;
use foghorn_core::time::Wall;
use foghorn_engine::handle::Handle;
use foghorn_net::throttle::Throttle;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Semaphore, watch};

/// The longest alert request of PagerDuty's format, as its documentation has it; `server.max_body` counts where it is
/// smaller.
pub const LARGEST_PAGERDUTY_EVENT: usize = 512 * 1024;
/// As many bytes of what comes with a ping are looked at, as at Healthchecks.
pub const PING_BODY: usize = 10_000;

/// So many long lists are made at one time; more are answered 503.
const LISTS_AT_ONCE: usize = 4;
/// So many events of PagerDuty's format are read at one time before it is known whose they are.
const UNKNOWN_AT_ONCE: usize = 256;

/// The room: what all requests share.
pub struct Intake {
    handle: Handle,
    config: watch::Receiver<Arc<Config>>,
    doors: RwLock<BTreeMap<String, Arc<Door>>>,
    unauthenticated: AtomicU64,
    throttle: Throttle,
    unread: AtomicU64,
    lists: Arc<Semaphore>,
    unknown: Arc<Semaphore>,
    started: Wall,
}

impl Intake {
    /// The room, as `config` has it now and later.
    #[must_use]
    pub fn new(handle: Handle, config: watch::Receiver<Arc<Config>>) -> Arc<Intake> {
        Arc::new(Intake {
            handle,
            config,
            doors: RwLock::default(),
            unauthenticated: AtomicU64::new(0),
            throttle: Throttle::default(),
            unread: AtomicU64::new(0),
            lists: Arc::new(Semaphore::new(LISTS_AT_ONCE)),
            unknown: Arc::new(Semaphore::new(UNKNOWN_AT_ONCE)),
            started: jiff::Timestamp::now().into(),
        })
    }

    /// Counters of every integration that was heard from, and of every heartbeat (`ping/NAME`), sorted by name.
    #[must_use]
    pub fn stats(&self) -> Vec<Stats> {
        self.doors.read().unwrap_or_else(PoisonError::into_inner).values().map(|d| d.stats()).collect()
    }

    /// Requests that did not say who they are, or said it wrongly.
    #[must_use]
    pub fn unauthenticated(&self) -> u64 {
        self.unauthenticated.load(Ordering::Relaxed)
    }

    /// Requests that were refused before it was known whose they are: too many at a time, or too large.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.unread.load(Ordering::Relaxed)
    }

    fn config(&self) -> Arc<Config> {
        self.config.borrow().clone()
    }

    /// The door of an integration or a heartbeat that is in the configuration.
    fn door(&self, name: &str, config: &Config) -> Arc<Door> {
        if let Some(door) = self.doors.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return door.clone();
        }
        let mut doors = self.doors.write().unwrap_or_else(PoisonError::into_inner);
        doors.retain(|n, _| match n.strip_prefix(ping::DOOR) {
            Some(check) => config.pings.contains_key(check),
            None => config.integrations.contains_key(n),
        });
        doors.entry(name.to_owned()).or_insert_with(|| Arc::new(Door::new(name))).clone()
    }
}

/// Everything that other tools send: [`pings`] too.
pub fn router(intake: Arc<Intake>) -> Router {
    Router::new()
        .merge(alertmanager::routes())
        .merge(pagerduty::routes())
        .merge(grafana::routes())
        .merge(ping::routes())
        .with_state(intake)
}

/// Nothing but pings, for the listener of links.
pub fn pings(intake: Arc<Intake>) -> Router {
    ping::routes().with_state(intake)
}
