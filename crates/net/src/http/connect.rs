//! From an address to a connection.

use super::{HttpError, Options, Url};
use crate::resolve::{ResolveError, Resolver};
use crate::tcp::break_when_unacknowledged;
use crate::tls::{Why, WhyKind};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

pub(super) type Connection = http1::SendRequest<Full<Bytes>>;

/// What was sent and is not acknowledged by the peer's kernel for this long breaks the connection. Without it a kept
/// connection to a peer that vanished would hold a page until the deadline.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

/// Resolves, connects to the first address that answers, shakes hands.
pub(super) async fn connect(
    resolver: &Resolver,
    url: &Url,
    tls: Option<Arc<ClientConfig>>,
    options: &Options,
    deadline: Instant,
) -> Result<Connection, HttpError> {
    let at = url.authority();
    let no_address = |why: String| HttpError::Resolve { host: url.host().to_owned(), why };
    let found = timeout_at(deadline, resolver.resolve(url.host()))
        .await
        .map_err(|_| HttpError::timeout(url, "address", options))?
        .map_err(|e| match e {
            ResolveError::Failed { why, .. } => no_address(why),
            ResolveError::Busy { .. } => no_address(e.to_string()),
        })?;
    let addresses: Vec<SocketAddr> = found.iter().map(|ip| SocketAddr::new(*ip, url.port())).collect();
    let stream = first_that_connects(&addresses, deadline).await.map_err(|failed| match failed {
        None => no_address("the name has no address".to_owned()),
        Some((_, None)) => HttpError::timeout(url, "connection", options),
        Some((address, Some(e))) => HttpError::Connect { at: address.to_string(), why: connect_text(&e) },
    })?;
    let Some(tls) = tls else { return http(stream, url, options, deadline).await };
    let other = |e: &dyn std::fmt::Display| Why {
        kind: WhyKind::Other,
        text: format!("no TLS connection with {at}: {e}"),
    };
    let name = ServerName::try_from(url.host().to_owned()).map_err(|e| HttpError::Tls(other(&e)))?;
    let stream = timeout_at(deadline, TlsConnector::from(tls).connect(name, stream))
        .await
        .map_err(|_| HttpError::timeout(url, "TLS handshake", options))?
        .map_err(|e| HttpError::Tls(Why::of(&e, &at, url.host()).unwrap_or_else(|| other(&e))))?;
    http(stream, url, options, deadline).await
}

/// Each address gets an equal part of the time that is left, so that a dead one does not use up the others'.
/// The error is that of the last address; no `io::Error` in it means that the time was up.
async fn first_that_connects(
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<TcpStream, Option<(SocketAddr, Option<io::Error>)>> {
    let mut last = None;
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let until = Instant::now() + deadline.saturating_duration_since(Instant::now()) / left;
        match timeout_at(until, TcpStream::connect(address)).await {
            Err(_) => last = Some((*address, None)),
            Ok(Err(e)) => last = Some((*address, Some(e))),
            Ok(Ok(stream)) => {
                let prepared = stream
                    .set_nodelay(true)
                    .and_then(|()| break_when_unacknowledged(&stream, UNACKNOWLEDGED));
                match prepared {
                    Ok(()) => return Ok(stream),
                    Err(e) => last = Some((*address, Some(e))),
                }
            }
        }
    }
    Err(last)
}

fn connect_text(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused by".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to the host of".to_owned(),
        io::ErrorKind::NetworkUnreachable => "no network to reach".to_owned(),
        io::ErrorKind::TimedOut => "no connection in time to".to_owned(),
        _ => format!("{e}, connecting to"),
    }
}

async fn http<S>(stream: S, url: &Url, options: &Options, deadline: Instant) -> Result<Connection, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = timeout_at(deadline, http1::handshake(TokioIo::new(stream)))
        .await
        .map_err(|_| HttpError::timeout(url, "connection", options))?
        .map_err(|e| HttpError::of(url, super::BEFORE, &e))?;
    // Ends when the sender is dropped or the peer closes; its error is seen by whoever waits for the answer.
    tokio::spawn(connection);
    Ok(sender)
}
