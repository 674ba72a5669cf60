//! TCP connections, with errors that say who refused.

use crate::check::Trouble;
use crate::check::trace::{Doing, Trace};
use foghorn_net::resolve::{ResolveError, Resolver};
use rustix::io::Errno;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

/// An address that does not answer is left for the next one after this long, or sooner if time is short.
const PER_ADDRESS: Duration = Duration::from_secs(2);

/// The addresses of a host; the time it takes is added to the run's.
pub(crate) async fn resolve(
    resolver: &Resolver,
    host: &str,
    trace: &mut Trace,
) -> Result<std::sync::Arc<[IpAddr]>, Trouble> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok([ip].into());
    }
    let trouble = |e: ResolveError| match e {
        ResolveError::Failed { .. } => Trouble::Bad(e.to_string()),
        ResolveError::Busy { .. } => Trouble::Unknown(e.to_string()),
    };
    let began = Instant::now();
    let look_up = resolver.look_up(host).map_err(trouble)?;
    trace.doing = Doing::Resolving { host: host.to_owned(), begun: look_up.begun() };
    let found = look_up.await;
    *trace.phases.resolve.get_or_insert_default() += began.elapsed();
    found.map_err(trouble)
}

/// Resolves and connects, one address after the other; adds to the run's phases.
pub(crate) async fn connect(
    resolver: &Resolver,
    host: &str,
    port: u16,
    source: Option<IpAddr>,
    trace: &mut Trace,
) -> Result<(TcpStream, SocketAddr), Trouble> {
    let mut addresses = resolve(resolver, host, trace).await?;
    if let Some(source) = source {
        // From an address of one family nothing of the other is reached: to try it would hide why the rest failed.
        addresses = addresses.iter().copied().filter(|ip| ip.is_ipv4() == source.is_ipv4()).collect();
        if addresses.is_empty() {
            let family = if source.is_ipv4() { "IPv4" } else { "IPv6" };
            return Err(Trouble::Bad(format!(
                "{host} has no {family} address, as the source {source} is one"
            )));
        }
    }
    let began = Instant::now();
    let mut last = None;
    let count = addresses.len();
    for (i, ip) in addresses.iter().enumerate() {
        let peer = SocketAddr::new(*ip, port);
        trace.doing = Doing::Connecting(peer);
        let attempt = open(peer, source);
        let result = if i + 1 == count {
            attempt.await
        } else {
            let left = u32::try_from(count - i).map_or(PER_ADDRESS, |n| trace.left() / n);
            match tokio::time::timeout(left.min(PER_ADDRESS), attempt).await {
                Ok(result) => result,
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            }
        };
        match result {
            Ok(stream) => {
                *trace.phases.connect.get_or_insert_default() += began.elapsed();
                return Ok((stream, peer));
            }
            Err(e) => last = Some(trouble(&e, peer)),
        }
    }
    *trace.phases.connect.get_or_insert_default() += began.elapsed();
    Err(last.unwrap_or_else(|| Trouble::Bad(format!("{host} has no address"))))
}

/// One connection. It is closed by a reset: at hundreds of checks a second, connections left in TIME_WAIT would run
/// this host out of ports within half a minute. By then everything wanted has been read.
async fn open(peer: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if peer.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_zero_linger()?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(peer).await
}

/// What an error on the way to a peer means.
pub(crate) fn trouble(e: &io::Error, peer: SocketAddr) -> Trouble {
    let local = |what: &str| Trouble::Unknown(format!("this host {what}, so {peer} was not tried"));
    match Errno::from_io_error(e) {
        Some(Errno::MFILE | Errno::NFILE) => local("has no file descriptor left"),
        Some(Errno::ADDRNOTAVAIL) => local("has no free port or not the source address"),
        Some(Errno::NOBUFS | Errno::NOMEM) => local("has no memory left"),
        Some(Errno::CONNREFUSED) => Trouble::Bad(format!("connection refused by {peer}")),
        Some(Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED) => {
            Trouble::Bad(format!("connection reset by {peer}"))
        }
        Some(Errno::NETUNREACH) => Trouble::Bad(format!("no route to {peer}: network unreachable")),
        Some(Errno::HOSTUNREACH) => Trouble::Bad(format!("no route to {peer}: host unreachable")),
        Some(Errno::TIMEDOUT) => Trouble::Bad(format!("no connection to {peer}: it does not answer")),
        _ if e.kind() == io::ErrorKind::TimedOut => {
            Trouble::Bad(format!("no connection to {peer}: it does not answer"))
        }
        _ => Trouble::Bad(format!("connection to {peer} failed: {e}")),
    }
}
