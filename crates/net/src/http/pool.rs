//! Connections kept for the next request.

use super::connect::Connection;
use super::url::Url;
use rustls::ClientConfig;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an unused connection is kept: shorter than any server or firewall of note forgets it.
const KEEP: Duration = Duration::from_secs(30);
/// The most connections kept; of more, the one longest unused is closed.
const MOST: usize = 64;

#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    to: String,
    tls: Option<Arc<ClientConfig>>,
    since: Instant,
    conn: Connection,
}

impl Pool {
    /// The connection to this server that was used last, if there is one that is still open.
    pub(super) fn take(&self, url: &Url, tls: Option<&Arc<ClientConfig>>) -> Option<Connection> {
        let to = url.authority();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|i| i.since.elapsed() < KEEP && !i.conn.is_closed());
        let same = |i: &Idle| i.to == to && i.tls.as_ref().map(Arc::as_ptr) == tls.map(Arc::as_ptr);
        let at = idle.iter().rposition(same)?;
        Some(idle.remove(at).conn)
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn put(&self, url: &Url, tls: Option<Arc<ClientConfig>>, conn: Option<Connection>) {
        let Some(conn) = conn.filter(|c| !c.is_closed()) else { return };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= MOST {
            idle.remove(0);
        }
        idle.push(Idle { to: url.authority(), tls, since: Instant::now(), conn });
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Pool({} idle)", idle.len())
    }
}
