//! Client side: whom we trust.

use super::{TlsError, provider, read_certs};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use x509_parser::time::ASN1Time;

/// How long a configuration is used before the roots are read again: a root that the host's package manager adds
/// or removes counts without a restart.
const KEEP: Duration = Duration::from_secs(3600);
/// The most configurations held; when there are more all are made anew.
const MOST: usize = 256;

/// What tells two client configurations apart. The file's stamp is in it, so that a changed file is read again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Trust {
    insecure: bool,
    ca_file: Option<(PathBuf, Option<SystemTime>, u64)>,
}

type Verifier = Arc<dyn ServerCertVerifier>;

/// Verifiers hold the parsed roots and are shared by the configurations that differ in ALPN only.
#[derive(Default)]
struct Cache {
    verifiers: BTreeMap<Trust, (Instant, Verifier)>,
    configs: BTreeMap<(Trust, Vec<Vec<u8>>), (Instant, Arc<ClientConfig>)>,
}

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

/// A client configuration that trusts what the host trusts (Mozilla's roots where the host has none), and the
/// certificates of `ca_file` besides, those that they have issued as well as themselves. With `insecure` any certificate
/// is taken. `alpn` is offered in this order.
///
/// Made once and shared; made again after an hour or when `ca_file` changes.
///
/// # Errors
/// [`TlsError::Certificates`] if `ca_file` cannot be read or holds no certificate.
pub fn client_config(
    insecure: bool,
    ca_file: Option<&Path>,
    alpn: &[&[u8]],
) -> Result<Arc<ClientConfig>, TlsError> {
    let stamped = |path: &Path| {
        let meta = std::fs::metadata(path).ok();
        (path.to_owned(), meta.as_ref().and_then(|m| m.modified().ok()), meta.map_or(0, |m| m.len()))
    };
    let trust = Trust { insecure, ca_file: ca_file.map(stamped) };
    let key = (trust.clone(), alpn.iter().map(|p| p.to_vec()).collect::<Vec<_>>());
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((made, config)) = cache.configs.get(&key)
        && made.elapsed() < KEEP
    {
        return Ok(Arc::clone(config));
    }
    if cache.configs.len() >= MOST {
        *cache = Cache::default();
    }
    let verifier = match cache.verifiers.get(&trust) {
        Some((made, verifier)) if made.elapsed() < KEEP => Arc::clone(verifier),
        _ => {
            let verifier = make_verifier(insecure, ca_file)?;
            cache.verifiers.insert(trust, (Instant::now(), Arc::clone(&verifier)));
            verifier
        }
    };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| TlsError::Setup(e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols.clone_from(&key.1);
    let config = Arc::new(config);
    cache.configs.insert(key, (Instant::now(), Arc::clone(&config)));
    Ok(config)
}

/// What outbound requests use unless told otherwise: the host's roots, HTTP/1.1.
///
/// # Errors
/// See [`client_config`].
pub fn default_client() -> Result<Arc<ClientConfig>, TlsError> {
    client_config(false, None, &[b"http/1.1"])
}

fn make_verifier(insecure: bool, ca_file: Option<&Path>) -> Result<Verifier, TlsError> {
    if insecure {
        return Ok(Arc::new(AnyCertificate(provider())));
    }
    let extra = ca_file.map(read_certs).transpose()?.unwrap_or_default();
    let refused = |e: rustls::Error| TlsError::Certificates {
        path: ca_file.map(Path::to_owned).unwrap_or_default(),
        why: e.to_string(),
    };
    // Asked without the extra roots first, because with them a host without any would not be noticed.
    let issuers: Verifier = match rustls_platform_verifier::Verifier::new(provider()) {
        Ok(host) if extra.is_empty() => return Ok(Arc::new(host)),
        Ok(_) => {
            let v = rustls_platform_verifier::Verifier::new_with_extra_roots(extra.clone(), provider());
            Arc::new(v.map_err(refused)?)
        }
        Err(_) => bundled(extra.clone()).map_err(refused)?,
    };
    Ok(Arc::new(OrItself { issuers, trusted: extra }))
}

/// Trusts what others have issued, and besides a server whose certificate is itself one of those trusted.
///
/// What `openssl req -x509` makes says that it may issue others, and rustls takes no such certificate from a server.
/// Byte for byte the one that somebody has put into the file of those trusted it is what was meant, so only its name and
/// its dates are looked at.
#[derive(Debug)]
struct OrItself {
    issuers: Verifier,
    trusted: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for OrItself {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if !self.trusted.contains(end_entity) {
            return self.issuers.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            );
        }
        let (_, parsed) = x509_parser::parse_x509_certificate(end_entity)
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding))?;
        // What is before 1970 is long over.
        let seconds = |time: ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
        let unix = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let (time, not_before) = (now, unix(seconds(parsed.validity().not_before)));
        let not_after = unix(seconds(parsed.validity().not_after));
        if time < not_before {
            return Err(CertificateError::NotValidYetContext { time, not_before }.into());
        }
        if time > not_after {
            return Err(CertificateError::ExpiredContext { time, not_after }.into());
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.issuers.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.issuers.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.issuers.supported_verify_schemes()
    }
}

/// Mozilla's roots as built in, for a container without `ca-certificates`.
fn bundled(extra: Vec<CertificateDer<'static>>) -> Result<Verifier, rustls::Error> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    for cert in extra {
        roots.add(cert)?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|e| rustls::Error::General(e.to_string()))?;
    Ok(verifier)
}

/// Takes any certificate, but still demands that the peer holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_roots_are_enough_to_begin_with() {
        assert!(bundled(Vec::new()).is_ok());
    }

    #[test]
    fn a_configuration_is_shared_until_its_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        let pem = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.pem();
        std::fs::write(&ca, pem("a")).unwrap();
        let first = client_config(false, Some(&ca), &[b"h2"]).unwrap();
        assert!(Arc::ptr_eq(&first, &client_config(false, Some(&ca), &[b"h2"]).unwrap()));
        assert!(!Arc::ptr_eq(&first, &client_config(false, Some(&ca), &[]).unwrap()));
        std::fs::write(&ca, pem("a") + &pem("b")).unwrap();
        assert!(!Arc::ptr_eq(&first, &client_config(false, Some(&ca), &[b"h2"]).unwrap()));
    }

    #[test]
    fn a_bad_ca_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        let text = || client_config(false, Some(&ca), &[]).unwrap_err().to_string();
        assert!(text().contains("ca.pem: No such file"), "{}", text());
        std::fs::write(&ca, "hello").unwrap();
        assert!(text().contains("ca.pem: no certificate in it; it must hold"), "{}", text());
    }
}
