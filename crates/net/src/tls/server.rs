//! Server side: a certificate that is read again when its files change.

use super::{TlsError, pem_text, provider, read_certs};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

/// A server's certificate and key. New connections get what was read last; a bad new file changes nothing.
#[derive(Debug)]
pub struct ServerCert {
    cert_file: PathBuf,
    key_file: PathBuf,
    /// Of what was read last; `None` after files that could not be used.
    seen: Mutex<Option<Stamps>>,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
}

type Stamps = [Option<(SystemTime, u64)>; 2];

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl ServerCert {
    /// Reads both files. ALPN offers `h2` and `http/1.1`.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn load(cert_file: &Path, key_file: &Path) -> Result<ServerCert, TlsError> {
        let seen = stamps(cert_file, key_file);
        let current = Arc::new(Current(RwLock::new(Arc::new(read(cert_file, key_file)?))));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| TlsError::Setup(e.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Current>::clone(&current));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(ServerCert {
            cert_file: cert_file.to_owned(),
            key_file: key_file.to_owned(),
            seen: Mutex::new(Some(seen)),
            current,
            config: Arc::new(config),
        })
    }

    /// For the acceptor. It stays the same over reloads.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// To be called now and then: reads the files again if time or length of one has changed, or if they could not be
    /// used the last time: what was in the way may be no part of them, such as their mode. `true` if the new ones are in
    /// use.
    ///
    /// # Errors
    /// What is wrong with the new files, at each call until it is mended; the old certificate stays in use.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Some(stamps(&self.cert_file, &self.key_file));
        if now == *seen {
            return Ok(false);
        }
        *seen = None;
        let fresh = Arc::new(read(&self.cert_file, &self.key_file)?);
        *seen = now;
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(true)
    }
}

fn stamps(cert: &Path, key: &Path) -> Stamps {
    [cert, key].map(|path| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    })
}

fn read(cert_file: &Path, key_file: &Path) -> Result<CertifiedKey, TlsError> {
    let chain = read_certs(cert_file)?;
    let key = PrivateKeyDer::from_pem_file(key_file)
        .map_err(|e| TlsError::Key { path: key_file.to_owned(), why: pem_text(&e) })?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|e| TlsError::Pair {
        cert: cert_file.to_owned(),
        key: key_file.to_owned(),
        why: match e {
            rustls::Error::InconsistentKeys(_) => "they are not a pair".to_owned(),
            other => other.to_string(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_pair(dir: &Path) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (cert, key)
    }

    #[test]
    fn a_bad_new_file_keeps_the_old_one_and_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = write_pair(dir.path());
        let server = ServerCert::load(&cert, &key).unwrap();
        let in_use = || server.current.0.read().unwrap().cert[0].clone();
        let old = in_use();
        assert_eq!(server.reload_if_changed(), Ok(false));
        std::fs::write(&cert, "broken").unwrap();
        assert!(matches!(server.reload_if_changed(), Err(TlsError::Certificates { .. })));
        assert!(server.reload_if_changed().is_err(), "until it is mended");
        assert_eq!(in_use(), old);
        let other = tempfile::tempdir().unwrap();
        let (other_cert, other_key) = write_pair(other.path());
        std::fs::copy(&other_cert, &cert).unwrap();
        let text = server.reload_if_changed().unwrap_err().to_string();
        assert!(text.contains("they are not a pair"), "{text}");
        std::fs::write(&key, std::fs::read_to_string(&other_key).unwrap() + "\n").unwrap();
        assert_eq!(server.reload_if_changed(), Ok(true));
        assert_ne!(in_use(), old);
    }
    /// Of a file whose mode or directory was wrong, neither time nor length tell that it can be read by now.
    #[test]
    fn files_that_could_not_be_used_are_tried_again_though_they_look_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = write_pair(dir.path());
        let server = ServerCert::load(&cert, &key).unwrap();
        let (good, read_at) =
            (std::fs::read(&cert).unwrap(), std::fs::metadata(&cert).unwrap().modified().unwrap());
        let write = |text: &[u8], at: SystemTime| {
            std::fs::write(&cert, text).unwrap();
            std::fs::File::options().write(true).open(&cert).unwrap().set_modified(at).unwrap();
        };
        let renewed = read_at + std::time::Duration::from_secs(60);
        write(&vec![b'x'; good.len()], renewed);
        assert!(server.reload_if_changed().is_err());
        write(&good, renewed);
        assert_eq!(server.reload_if_changed(), Ok(true));
        assert_eq!(server.reload_if_changed(), Ok(false));
        // Nor is it forgotten that a file was bad where the old one is put back as it was.
        write(b"broken", renewed);
        assert!(server.reload_if_changed().is_err());
        write(&good, renewed);
        assert_eq!(server.reload_if_changed(), Ok(true));
    }
}
