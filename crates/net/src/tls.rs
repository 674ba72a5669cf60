//! TLS, always with the ring provider given explicitly: nothing here reads or sets a process default.

mod client;
mod server;
mod why;

pub use client::{client_config, default_client};
pub use server::ServerCert;
pub use why::{Why, WhyKind};

use rustls::crypto::CryptoProvider;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

/// Why a TLS configuration could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file of certificates could not be read or holds none.
    #[error("{}: {why}; it must hold certificates in PEM form", path.display())]
    Certificates {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file with a private key could not be read or holds none.
    #[error("{}: {why}; it must hold one private key in PEM form, without a passphrase", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Certificate and key do not belong together, or the key is of a kind that cannot be used.
    #[error("the certificate {} cannot be used with the key {}: {why}", cert.display(), key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// The TLS library refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// The one provider of cryptography.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));
    Arc::clone(&PROVIDER)
}

fn read_certs(path: &std::path::Path) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, TlsError> {
    use rustls::pki_types::pem::PemObject;
    let bad = |why: String| TlsError::Certificates { path: path.to_owned(), why };
    let certs = rustls::pki_types::CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| bad(pem_text(&e)))?;
    if certs.is_empty() {
        return Err(bad("no certificate in it".to_owned()));
    }
    Ok(certs)
}

/// The library's own text for a missing file is `I/O error: …`; people look for the reason only.
fn pem_text(e: &rustls::pki_types::pem::Error) -> String {
    match e {
        rustls::pki_types::pem::Error::Io(e) => e.to_string(),
        rustls::pki_types::pem::Error::NoItemsFound => "nothing in it".to_owned(),
        other => other.to_string(),
    }
}
