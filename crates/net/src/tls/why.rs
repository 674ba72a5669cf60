//! Why a handshake failed, in words for people.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};
use std::io;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// Why a handshake failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Of which kind it is.
    pub kind: WhyKind,
    /// A sentence that names the peer or its certificate.
    pub text: String,
}

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyKind {
    /// The peer speaks something else.
    NotTls,
    /// Its certificate is not taken.
    Certificate,
    /// Its certificate is not taken, and would be if it were named: it has signed itself, as `openssl req -x509` makes them.
    SignedItself,
    /// Anything else.
    Other,
}

impl Why {
    /// Why the handshake with `peer`, which should show a certificate of `name`, failed. `None` where TLS is not the reason.
    #[must_use]
    pub fn of(error: &(dyn std::error::Error + 'static), peer: &str, name: &str) -> Option<Why> {
        let mut at = Some(error);
        while let Some(e) = at {
            let inner = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let tls = inner.and_then(|e| e.downcast_ref::<Error>()).or_else(|| e.downcast_ref::<Error>());
            if let Some(tls) = tls {
                return Some(Why::from(tls, peer, name));
            }
            at = e.source();
        }
        None
    }

    fn from(error: &Error, peer: &str, name: &str) -> Why {
        let (kind, text) = match error {
            Error::InvalidCertificate(c) if is_signed_by_itself(c) => {
                (WhyKind::SignedItself, format!("certificate of {name} is not trusted: it has signed itself"))
            }
            Error::InvalidCertificate(c) => (WhyKind::Certificate, certificate(c, name)),
            Error::InvalidMessage(_) => (WhyKind::NotTls, format!("{peer} does not speak TLS")),
            Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
                (WhyKind::Other, format!("{peer} does not speak the protocol asked for (ALPN)"))
            }
            Error::AlertReceived(alert) => {
                (WhyKind::Other, format!("{peer} refused the TLS handshake: {alert:?}"))
            }
            Error::PeerIncompatible(why) => {
                (WhyKind::Other, format!("no TLS version or cipher in common with {peer}: {why:?}"))
            }
            other => (WhyKind::Other, format!("TLS handshake with {peer} failed: {other}")),
        };
        Why { kind, text }
    }
}

/// The library has no variant of its own for it.
fn is_signed_by_itself(e: &CertificateError) -> bool {
    matches!(e, CertificateError::Other(e) if e.to_string().contains("CaUsedAsEndEntity"))
}

fn certificate(e: &CertificateError, name: &str) -> String {
    let ago = |a: &UnixTime, b: &UnixTime| span(a.as_secs().abs_diff(b.as_secs()));
    match e {
        CertificateError::Expired => format!("certificate of {name} expired"),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("certificate of {name} expired {} ago", ago(time, not_after))
        }
        CertificateError::NotValidYet => format!("certificate of {name} is not valid yet"),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("certificate of {name} is not valid before {} from now", ago(time, not_before))
        }
        CertificateError::UnknownIssuer => format!(
            "certificate of {name} is not trusted: its issuer is unknown (an intermediate certificate that is not \
             sent, or a private authority)"
        ),
        CertificateError::NotValidForName => format!("certificate is for another name than {name}"),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|p| presented_name(p)).take(5).collect();
            format!(
                "certificate is not for {name} but for {}",
                if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
            )
        }
        CertificateError::Revoked => format!("certificate of {name} is revoked"),
        CertificateError::BadSignature => {
            format!("certificate of {name} is not trusted: its signature is wrong")
        }
        other => format!("certificate of {name} is not trusted: {other}"),
    }
}

/// `DnsName("a.example")` and `IpAddress(192.0.2.1)` as the library writes them.
fn presented_name(text: &str) -> &str {
    let address = || text.strip_prefix("IpAddress(")?.strip_suffix(')');
    text.split('"').nth(1).or_else(address).unwrap_or(text)
}

fn span(seconds: u64) -> String {
    let (n, unit) = match seconds {
        DAY.. => (seconds / DAY, "day"),
        HOUR.. => (seconds / HOUR, "hour"),
        _ => (seconds / 60, "minute"),
    };
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}
