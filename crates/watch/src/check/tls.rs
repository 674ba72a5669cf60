//! `tls`: chain, name and days to expiry; and the handshake that `http` uses too.

use super::trace::{Doing, Trace};
use super::{Env, Trouble};
use crate::connect;
use foghorn_config::model::SocketTarget;
use foghorn_core::time::Wall;
use foghorn_net::tls::{Why, WhyKind};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const DAY: i64 = 86_400;

pub(super) async fn run(
    target: &SocketTarget,
    server_name: &str,
    min_days: u32,
    ca_file: Option<&Path>,
    env: &Env,
    trace: &mut Trace,
) -> Result<String, Trouble> {
    let (stream, peer) = connect::connect(&env.resolver, &target.host, target.port, None, trace).await?;
    let stream = match handshake(config(false, ca_file, &[])?, server_name, stream, peer, trace).await {
        Ok(stream) => stream,
        Err(Trouble::Bad(why)) => {
            return Err(Trouble::Bad(match shown(server_name, peer, trace).await {
                Some(shown) => format!("{why}; it shows {shown}"),
                None => why,
            }));
        }
        Err(other) => return Err(other),
    };
    let leaf =
        leaf(&stream).ok_or_else(|| Trouble::Bad(format!("{peer} shows no certificate that can be read")))?;
    trace.seen.cert_days = Some(leaf.days());
    if leaf.days() < i64::from(min_days) {
        return Err(Trouble::Bad(format!(
            "certificate of {server_name} ends in {} ({}), which is fewer than {min_days} days",
            days(leaf.days()),
            leaf.date()
        )));
    }
    Ok(format!("certificate of {server_name} is good for {} ({})", days(leaf.days()), leaf.date()))
}

/// A second look, without demanding anything, to say what was shown instead.
async fn shown(server_name: &str, peer: SocketAddr, trace: &mut Trace) -> Option<String> {
    let config = config(true, None, &[]).ok()?;
    let name = ServerName::try_from(server_name.to_owned()).ok()?;
    let look = async {
        let stream = TcpStream::connect(peer).await.ok()?;
        TlsConnector::from(config).connect(name, stream).await.ok()
    };
    let leaf = leaf(&tokio::time::timeout(trace.left() / 2, look).await.ok()??)?;
    trace.seen.cert_days = Some(leaf.days());
    Some(format!("{} issued by {}, until {}", leaf.subject, leaf.issuer, leaf.date()))
}

/// Whom to trust and what to offer. Sessions are not resumed: a resumed one shows no certificate, and one that has
/// expired meanwhile would go unnoticed.
pub(super) fn config(
    insecure: bool,
    ca_file: Option<&Path>,
    alpn: &[&[u8]],
) -> Result<Arc<ClientConfig>, Trouble> {
    let shared = foghorn_net::tls::client_config(insecure, ca_file, alpn)
        .map_err(|e| Trouble::Unknown(format!("TLS cannot be used: {e}")))?;
    let mut config = ClientConfig::clone(&shared);
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The handshake; adds to the run's phases.
pub(super) async fn handshake(
    config: Arc<ClientConfig>,
    name: &str,
    stream: TcpStream,
    peer: SocketAddr,
    trace: &mut Trace,
) -> Result<TlsStream<TcpStream>, Trouble> {
    let server_name = ServerName::try_from(name.to_owned())
        .map_err(|_| Trouble::Bad(format!("{name} is no name that a certificate could be for")))?;
    trace.doing = Doing::Handshaking(peer);
    let began = Instant::now();
    let result = TlsConnector::from(config).connect(server_name, stream).await;
    *trace.phases.tls.get_or_insert_default() += began.elapsed();
    result.map_err(|e| trouble(&e, name, peer))
}

fn trouble(e: &std::io::Error, name: &str, peer: SocketAddr) -> Trouble {
    match Why::of(e, &peer.to_string(), name) {
        Some(Why { kind: WhyKind::SignedItself, text }) => {
            Trouble::Bad(format!("{text} (name it with `ca_file` to trust it)"))
        }
        Some(why) => Trouble::Bad(why.text),
        None if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            Trouble::Bad(format!("{peer} closed the connection in the TLS handshake"))
        }
        None => connect::trouble(e, peer).map(|t| format!("{t} (in the TLS handshake)")),
    }
}

/// What is said of a certificate.
struct Leaf {
    subject: String,
    issuer: String,
    ends: i64,
}

impl Leaf {
    fn days(&self) -> i64 {
        days_until(self.ends)
    }

    fn date(&self) -> String {
        let text = Wall(self.ends.saturating_mul(1000)).to_string();
        text.split('T').next().unwrap_or_default().to_owned()
    }
}

fn leaf(stream: &TlsStream<TcpStream>) -> Option<Leaf> {
    let cert = stream.get_ref().1.peer_certificates()?.first()?;
    let (_, cert) = x509_parser::parse_x509_certificate(cert).ok()?;
    let or_none = |name: String| if name.is_empty() { "nobody".to_owned() } else { name };
    Some(Leaf {
        subject: or_none(cert.subject().to_string()),
        issuer: or_none(cert.issuer().to_string()),
        ends: cert.validity().not_after.timestamp(),
    })
}

/// When the server's certificate ends, in seconds of Unix.
pub(super) fn leaf_ends(stream: &TlsStream<TcpStream>) -> Option<i64> {
    leaf(stream).map(|l| l.ends)
}

/// Whole days until a certificate ends; whole days since, negative and at least one, once it has.
pub(super) fn days_until(ends: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    match ends.saturating_sub(i64::try_from(now).unwrap_or(i64::MAX)) {
        left @ 0.. => left / DAY,
        since => (since / DAY).min(-1),
    }
}

fn days(n: i64) -> String {
    if n == 1 { "1 day".to_owned() } else { format!("{n} days") }
}
