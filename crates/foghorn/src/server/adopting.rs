//! A configuration on its way into force. Its channels and addresses count from the moment at which its rules do: a page
//! that is planned by the new file must not leave for an address of the old one, nor the reverse.

use foghorn_config::Config;
use foghorn_core::page::PageKey;
use foghorn_wake::Sender;
use foghorn_wake::channels::Channel;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A configuration, and the channels that were built of it.
pub struct Staged {
    /// Of its rules.
    pub hash: String,
    /// Addresses, secrets, listeners.
    pub config: Arc<Config>,
    /// By name.
    pub channels: BTreeMap<String, Arc<dyn Channel>>,
}

/// Between who reads the file and the pager, which knows what rules are in force.
pub struct Adopting {
    config: watch::Sender<Arc<Config>>,
    sender: Sender<PageKey>,
    inner: Mutex<Inner>,
}

struct Inner {
    /// Of the rules to which channels and addresses belong.
    in_force: String,
    staged: Option<Staged>,
}

impl Adopting {
    /// With the configuration of the start in force.
    pub fn new(config: watch::Sender<Arc<Config>>, sender: Sender<PageKey>) -> Adopting {
        let in_force = config.borrow().setup_hash();
        Adopting { config, sender, inner: Mutex::new(Inner { in_force, staged: None }) }
    }

    /// What is in force.
    pub fn config(&self) -> Arc<Config> {
        self.config.borrow().clone()
    }

    /// Comes into force with its rules.
    pub fn stage(&self, staged: Staged) {
        self.inner().staged = Some(staged);
    }

    /// Its rules were not adopted.
    pub fn drop_staged(&self) {
        self.inner().staged = None;
    }

    /// The rules with this hash are in force. Returns whether channels and addresses belong to them.
    pub fn follow(&self, hash: &str) -> bool {
        let mut inner = self.inner();
        if let Some(new) = inner.staged.take_if(|s| s.hash == hash) {
            self.sender.update(new.channels);
            self.config.send_replace(new.config);
            inner.in_force = new.hash;
        }
        inner.in_force == hash
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
