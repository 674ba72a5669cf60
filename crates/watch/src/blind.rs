//! Whether this location can see at all. Outages 3 and 5: a monitor whose own network is gone sees everything down.
//!
//! Reference targets are tried every ten seconds, every second while none answers, and at once when a check fails
//! whose failure would count: the failure is believed only after a round that began later has found at least one of
//! them.

use crate::check::LOOKUPS;
use crate::stats::{Stats, add};
use crate::transition::{Sink, Transition};
use crate::watch::wall_now;
use foghorn_config::model::SocketTarget;
use foghorn_net::resolve::Resolver;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Between rounds while a target answers.
const EVERY: Duration = Duration::from_secs(10);
/// Between rounds while none does.
const EVERY_BLIND: Duration = Duration::from_secs(1);
/// Rounds are no closer than this, however much fails.
const SPACING: Duration = Duration::from_millis(250);
/// How long a target may take.
const TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone, Copy)]
struct Round {
    began: Instant,
    sees: bool,
}

/// What is known about the location's sight.
pub(crate) struct Sight {
    targets: Mutex<Arc<[SocketTarget]>>,
    rounds: watch::Sender<Round>,
    wanted: Notify,
    resolver: Resolver,
    stats: Arc<Stats>,
}

impl Sight {
    /// Its look-ups have threads of their own: names of checks that hang must not make it blind.
    pub(crate) fn new(targets: Vec<SocketTarget>, stats: Arc<Stats>) -> Sight {
        let resolver = Resolver::new(LOOKUPS, Arc::clone(&stats.lookups));
        let (rounds, _) = watch::channel(Round { began: Instant::now(), sees: true });
        Sight { targets: Mutex::new(targets.into()), rounds, wanted: Notify::new(), resolver, stats }
    }

    pub(crate) fn set_targets(&self, targets: Vec<SocketTarget>) {
        *self.targets.lock().unwrap_or_else(PoisonError::into_inner) = targets.into();
        self.wanted.notify_one();
    }

    fn targets(&self) -> Arc<[SocketTarget]> {
        Arc::clone(&self.targets.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a reference target answered in a round begun after `since`. Without any it always sees; and if no
    /// round comes, the failure is rather believed than lost.
    pub(crate) async fn sees(&self, since: Instant) -> bool {
        const AT_MOST: Duration = Duration::from_secs(10);
        if self.targets().is_empty() {
            return true;
        }
        tokio::time::timeout(AT_MOST, self.round_after(since)).await.unwrap_or(true)
    }

    async fn round_after(&self, since: Instant) -> bool {
        let mut rounds = self.rounds.subscribe();
        loop {
            let last = *rounds.borrow_and_update();
            if last.began >= since {
                return last.sees;
            }
            self.wanted.notify_one();
            if rounds.changed().await.is_err() {
                return last.sees;
            }
        }
    }

    /// Tries the targets for ever, and tells the sink when sight is lost and when it is back.
    pub(crate) async fn keep_looking(&self, sink: &dyn Sink) {
        let mut saw = true;
        loop {
            let began = Instant::now();
            let result = self.round().await;
            match &result {
                Err(why) if saw => sink.transition(Transition::Blind { at: wall_now(), why: why.clone() }),
                Ok(()) if !saw => sink.transition(Transition::Sighted { at: wall_now() }),
                _ => {}
            }
            saw = result.is_ok();
            self.stats.blind.store(u64::from(!saw), Ordering::Relaxed);
            // Told first, so that no verdict of this round comes before it.
            self.rounds.send_replace(Round { began, sees: saw });
            tokio::time::sleep_until(began + SPACING).await;
            let pause = if saw { EVERY } else { EVERY_BLIND };
            // Woken or not, a round follows.
            let _ = tokio::time::timeout_at(began + pause, self.wanted.notified()).await;
        }
    }

    /// One round: good as soon as one target answers, else how each of them failed.
    async fn round(&self) -> Result<(), String> {
        let targets = self.targets();
        if targets.is_empty() {
            return Ok(());
        }
        add(&self.stats.reference_rounds);
        let mut tries: FuturesUnordered<_> = targets.iter().map(|t| self.one(t)).collect();
        let mut failures = Vec::new();
        while let Some(result) = tries.next().await {
            match result {
                Ok(()) => return Ok(()),
                Err(why) => failures.push(why),
            }
        }
        failures.sort();
        Err(format!("no reference target answers: {}", failures.join("; ")))
    }

    async fn one(&self, target: &SocketTarget) -> Result<(), String> {
        let attempt = async {
            let addresses = self.resolver.resolve(&target.host).await.map_err(|e| e.to_string())?;
            let mut last = Err("it has no address".to_owned());
            for ip in addresses.iter() {
                let peer = SocketAddr::new(*ip, target.port);
                last = touch(peer).await.map_err(|e| e.to_string());
                if last.is_ok() {
                    break;
                }
            }
            last
        };
        let result = tokio::time::timeout(TIMEOUT, attempt).await;
        let why = result.unwrap_or_else(|_| Err(format!("no answer within {} s", TIMEOUT.as_secs())));
        why.map_err(|why| format!("{}:{}: {why}", target.host, target.port))
    }
}

async fn touch(peer: SocketAddr) -> std::io::Result<()> {
    let socket = if peer.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_zero_linger()?;
    match socket.connect(peer).await {
        // A refusal has come all the way back from the target: the network is there.
        Err(e) if e.kind() == std::io::ErrorKind::ConnectionRefused && !peer.ip().is_loopback() => Ok(()),
        result => result.map(drop),
    }
}
