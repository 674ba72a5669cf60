//! A listener's certificate: read at the start and whenever its files change. A bad one is told, and does not keep the
//! listener away for longer than the files are bad.

use super::own::{Own, Trouble};
use foghorn_config::model::Tls;
use foghorn_core::time::Wall;
use foghorn_net::tls::ServerCert;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The certificate of one or more listeners. Looked after by [`Certificate::look`].
pub struct Certificate {
    /// The key of the configuration: `server.tls`.
    name: &'static str,
    files: Tls,
    ready: watch::Sender<Option<Arc<ServerCert>>>,
    /// What was told last.
    told: Mutex<Option<String>>,
}

impl Certificate {
    /// Reads the files for the first time.
    pub fn new(name: &'static str, files: &Tls, own: &Own, now: Wall) -> Arc<Certificate> {
        let certificate = Certificate {
            name,
            files: files.clone(),
            ready: watch::Sender::new(None),
            told: Mutex::default(),
        };
        certificate.look(own, now);
        Arc::new(certificate)
    }

    /// What listeners wait for.
    pub fn ready(&self) -> watch::Receiver<Option<Arc<ServerCert>>> {
        self.ready.subscribe()
    }

    /// To be called now and then: reads files that were bad or have changed.
    pub fn look(&self, own: &Own, now: Wall) {
        let current = self.ready.borrow().clone();
        let (trouble, read) = match current {
            Some(cert) => (Trouble::Configuration, cert.reload_if_changed()),
            None => {
                let first = ServerCert::load(&self.files.cert_file, &self.files.key_file);
                let first = first.map(|cert| self.ready.send_replace(Some(Arc::new(cert))));
                (Trouble::Listener, first.map(|_| true))
            }
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!("the certificate of {} was read", self.name);
                *told = None;
                own.clear(Trouble::Configuration, self.name, now);
                own.clear(Trouble::Listener, self.name, now);
            }
            Err(e) => {
                let why = e.to_string();
                if told.as_ref() != Some(&why) {
                    own.raise(trouble, self.name, &format!("{why} ({})", self.name), now);
                    *told = Some(why);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_core::State;
    use foghorn_core::time::Now;
    use foghorn_engine::{View, handle};

    #[test]
    fn a_bad_certificate_is_told_once_and_used_when_it_is_mended() {
        let dir = tempfile::tempdir().unwrap();
        let files = Tls { cert_file: dir.path().join("cert.pem"), key_file: dir.path().join("key.pem") };
        let (engine, _port) = handle::channel(View::new(State::default(), 0, Now::default()));
        let own = Own::new(engine.clone());
        let certificate = Certificate::new("server.tls", &files, &own, Wall(0));
        let ready = certificate.ready();
        certificate.look(&own, Wall(0));
        assert!(ready.borrow().is_none());
        let stands = |word: &str| matches!(&own.standing()[..], [one] if one.contains("server.tls") && one.ends_with(word));
        assert!(stands("(ListenerMissing)"), "{:?}", own.standing());
        assert_eq!(engine.waiting(foghorn_engine::Class::World), 1, "told once");

        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&files.cert_file, made.cert.pem()).unwrap();
        std::fs::write(&files.key_file, made.signing_key.serialize_pem()).unwrap();
        certificate.look(&own, Wall(0));
        assert!(ready.borrow().is_some());
        assert!(own.standing().is_empty());

        std::fs::write(&files.cert_file, "broken").unwrap();
        certificate.look(&own, Wall(0));
        assert!(ready.borrow().is_some(), "the old one stays");
        assert!(stands("(ConfigurationRejected)"), "{:?}", own.standing());
        let waiting = engine.waiting(foghorn_engine::Class::World);
        certificate.look(&own, Wall(0));
        assert_eq!(engine.waiting(foghorn_engine::Class::World), waiting, "told once");
    }
}
