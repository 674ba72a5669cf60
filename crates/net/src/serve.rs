//! Listeners: limits on connections, headers and time; TLS; a clean end.
//!
//! A connection counts in every class of requests that it has carried, until it is closed. Each class has its own
//! limit, so if the classes' limits add up to no more than the listener's own, ten thousand browsers on the console
//! leave the connections for intake and for links in pages alone. One address has at most its share of a listener's
//! connections, unless it is this host's own, where a proxy is.
//!
//! No client holds a connection by waiting: not with a head, a body or the next request that does not come, and not with
//! an answer that it takes too slowly.

mod arriving;
mod limits;
mod pace;
mod paced;
mod refuse;
#[cfg(test)]
mod tests;
mod work;

pub use arriving::{ArriveError, Arriving};
pub use limits::{Class, Counts};

use crate::tcp::break_when_unacknowledged;
use crate::tls::ServerCert;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Either;
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use limits::{Budget, Held};
use paced::Paced;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::util::ServiceExt;
use work::{Answer, Taking, Work};

/// Who sent a request: an extension of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end of the connection.
    pub address: SocketAddr,
    /// Whether it came over this listener's TLS.
    pub tls: bool,
}

/// Whether a `Host` header or an authority names this host by something that no other site's owner can point here:
/// `localhost` or an address of loopback, with or without a port.
#[must_use]
pub fn names_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Why a listener cannot listen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot listen on {address}: {why}")]
pub struct ListenError {
    /// Where.
    pub address: SocketAddr,
    /// The reason, in words.
    pub why: String,
}

/// Takes an address. Nothing is accepted before [`Server::run`], but from now on clients may connect and wait.
///
/// # Errors
/// The address is taken, not this host's, or not permitted.
pub fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    use socket2::{Domain, Protocol, Socket, Type};
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // A restart must not wait for old connections in TIME_WAIT. It does not permit two listeners on Linux.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(1024)?;
        Ok(socket.into())
    };
    open().map_err(|e: io::Error| ListenError {
        address,
        why: match e.kind() {
            io::ErrorKind::AddrInUse => "another program listens there".to_owned(),
            io::ErrorKind::AddrNotAvailable => "this host has no such address".to_owned(),
            io::ErrorKind::PermissionDenied => {
                "not permitted; ports below 1024 need the privilege".to_owned()
            }
            _ => e.to_string(),
        },
    })
}

/// The limits of one listener.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections; more are answered 503.
    pub connections: usize,
    /// How many per cent of them one address may have, and one at least. A network of IPv6 (`/64`) counts as one address;
    /// loopback may have all.
    pub address_share: u8,
    /// For the TLS handshake, for a request's head to be whole, and for the next request to begin.
    pub head_timeout: Duration,
    /// For a request's body; it may take longer if it comes at 4 KiB a second at least. Else it is answered 408.
    pub body_timeout: Duration,
    /// A client that takes nothing of its answer for so long is let go; it may take longer if it takes 4 KiB a second at
    /// least. Time in which there is nothing to take counts for it.
    pub write_timeout: Duration,
    /// Bytes of a request's head. At least 8 KiB, which is what it takes to read at all.
    pub head_size: usize,
    /// After the end was asked for, requests under way have this long.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 4096,
            address_share: 50,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            head_size: 32 * 1024,
            grace: Duration::from_secs(3),
        }
    }
}

/// One listener and what it serves. Everything it does happens on the runtime that runs it.
#[derive(Clone, Debug)]
pub struct Server<S> {
    service: S,
    limits: Limits,
    tls: Option<Arc<ServerCert>>,
    budget: Arc<Budget>,
}

impl<S, B> Server<S>
where
    S: tower::Service<Request<Arriving>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Serves `service`, an [axum](https://docs.rs/axum) router for one. Requests carry a [`Peer`].
    #[must_use]
    pub fn new(service: S, limits: Limits) -> Server<S> {
        let budget = Arc::new(Budget::new(&limits, Vec::new(), |_| 0));
        Server { service, limits, tls: None, budget }
    }

    /// With TLS; HTTP/2 if the client asks for it.
    #[must_use]
    pub fn tls(mut self, cert: Arc<ServerCert>) -> Server<S> {
        self.tls = Some(cert);
        self
    }

    /// With a limit for each class of requests. `classify` gives the class of a request's path, as its place in
    /// `classes`; a place that is not there is under the listener's own limit only.
    #[must_use]
    pub fn classes(mut self, classes: Vec<Class>, classify: fn(&str) -> usize) -> Server<S> {
        self.budget = Arc::new(Budget::new(&self.limits, classes, classify));
        self
    }

    /// What is open and what was refused, now and later.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts(Arc::clone(&self.budget))
    }

    /// Accepts and serves until `end`; then stops accepting, lets requests under way finish within
    /// [`Limits::grace`], and closes what is left.
    ///
    /// # Errors
    /// The listener cannot be used with this runtime. Errors of single connections end those only.
    pub async fn run(self, listener: TcpListener, end: impl Future<Output = ()> + Send) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (ending, ended) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut end = std::pin::pin!(end);
        loop {
            let accepted = tokio::select! {
                () = &mut end => break,
                Some(_) = tasks.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(new) => new,
                Err(e) => {
                    // Out of file descriptors, mostly: what is open has to close first.
                    self.budget.count_accept_error();
                    tracing::warn!(error = %e, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Some(held) = Budget::hold(&self.budget, address.ip()) else {
                if self.tls.is_none() {
                    refuse::politely(stream, &mut tasks, &self.budget);
                }
                continue;
            };
            let _ = stream.set_nodelay(true);
            // The kernel goes on taking a little now and then for a client that takes nothing at all.
            let _ = break_when_unacknowledged(&stream, self.limits.write_timeout);
            let (server, ended) = (self.clone(), ended.clone());
            let stream = Paced::new(stream, self.limits.write_timeout, Arc::clone(&self.budget));
            tasks.spawn(async move { server.connection(stream, address, held, ended).await });
        }
        drop(listener);
        ending.send_replace(true);
        let finished = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.grace, finished).await.is_err() {
            tasks.shutdown().await;
        }
        Ok(())
    }

    async fn connection(
        self,
        stream: Paced<TcpStream>,
        address: SocketAddr,
        held: Held,
        ended: watch::Receiver<bool>,
    ) {
        let peer = Peer { address, tls: self.tls.is_some() };
        let Some(cert) = &self.tls else { return self.exchange(stream, false, peer, held, ended).await };
        let handshake = tokio_rustls::TlsAcceptor::from(cert.config()).accept(stream);
        // Port scanners and clients that do not trust the certificate end here; nobody wants to read of each.
        let Ok(Ok(stream)) = tokio::time::timeout(self.limits.head_timeout, handshake).await else { return };
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.exchange(stream, http2, peer, held, ended).await;
    }

    async fn exchange<I>(
        &self,
        stream: I,
        http2: bool,
        peer: Peer,
        held: Held,
        mut ended: watch::Receiver<bool>,
    ) where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Limits { head_timeout, body_timeout, write_timeout, head_size, grace, .. } = self.limits;
        // The protocol is known by ALPN. Left to find out by itself the builder waits for the first bytes for ever.
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder = if http2 { builder.http2_only() } else { builder.http1_only() };
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(head_timeout)
            .max_buf_size(head_size.max(8192));
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(64)
            // What a client may send before a handler has read it: a connection's part of the memory.
            .initial_stream_window_size(64 * 1024)
            .initial_connection_window_size(256 * 1024)
            .max_header_list_size(u32::try_from(head_size).unwrap_or(u32::MAX))
            .keep_alive_interval(head_timeout)
            .keep_alive_timeout(head_timeout);
        let (held, work) = (Arc::new(held), Work::new());
        let service = hyper::service::service_fn(|request: Request<Incoming>| {
            let admitted = held.admit(request.uri().path());
            let late = Arc::new(AtomicBool::new(false));
            let mut request = request.map(|body| Arriving::new(body, body_timeout, Arc::clone(&late)));
            request.extensions_mut().insert(peer);
            let (service, work) = (self.service.clone(), work.clone());
            let taking = http2.then(|| Taking::new(write_timeout, Arc::clone(&self.budget)));
            async move {
                if !admitted {
                    return Ok(refuse::full().map(Either::Right));
                }
                let working = work.begin();
                let response: Result<Response<B>, Infallible> = service.oneshot(request).await;
                drop(working);
                if late.load(Relaxed) {
                    return Ok(refuse::late().map(Either::Right));
                }
                response.map(|r| r.map(|body| Either::Left(Answer::new(body, work, taking))))
            }
        });
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        // With HTTP/1 the wait for the next head has its limit. With HTTP/2 a client that answers pings would have none,
        // nor one that asks for answers and gives no leave to send them.
        let last = async {
            tokio::select! {
                // An error: the listener is gone, which is an end as well.
                _ = ended.wait_for(|ended| *ended) => {}
                () = work.none_for(head_timeout), if http2 => {}
            }
        };
        // A connection's error is its peer's trouble: gone, too slow, not speaking HTTP.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = last => connection.as_mut().graceful_shutdown(),
        }
        let _ = tokio::time::timeout(write_timeout.max(grace), connection).await;
    }
}
