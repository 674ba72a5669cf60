//! The status page: a listener, threads and limits of its own. They are less important than whatever pages people, and
//! wait for nothing of it: a flood there, or trouble here, stays where it is.

use super::Shared;
use super::adapters::JournalEvents;
use super::listen::{self, Listener};
use foghorn_config::Config;
use foghorn_core::time::{Mono, Span};
use foghorn_net::tls::ServerCert;
use foghorn_tell::{Parts, Site};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Threads that serve the page, if there are as many cores.
const THREADS: usize = 2;

/// The page and what serves it, until it is dropped.
pub struct Public {
    site: Site,
    runtimes: Vec<Runtime>,
    /// Ends when the server does.
    pub listener: Option<JoinHandle<()>>,
}

impl Public {
    /// Starts it.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        shared: &Arc<Shared>,
        config: &watch::Receiver<Arc<Config>>,
        pulse: &Arc<AtomicU64>,
        away: Span,
        address: SocketAddr,
        tls: Option<watch::Receiver<Option<Arc<ServerCert>>>>,
        end: &watch::Receiver<bool>,
    ) -> std::io::Result<Public> {
        let (clock, pulse, measured) = (shared.clock.clone(), pulse.clone(), shared.measured.clone());
        let site = foghorn_tell::start(Parts {
            engine: shared.handle.clone(),
            config: config.clone(),
            events: Arc::new(JournalEvents::new(&shared.journal)),
            clock: Arc::new(move || clock.now()),
            pulse: Arc::new(move || Mono(pulse.load(Ordering::Relaxed))),
            measured: Arc::new(move |check: &str| measured.says(check)),
            away,
            dir: shared.data_dir.clone(),
        })?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let runtimes = (0..THREADS.min(cores)).map(|_| runtime()).collect::<Result<Vec<_>, _>>()?;
        let on: Vec<_> = runtimes.iter().map(|r| r.handle().clone()).collect();
        let listener =
            Listener::public("status_page.listen", address, site.clone(), tls, shared.begun.address_share);
        let listener = listen::spawn(&on, listener, shared, end.clone());
        Ok(Public { site, runtimes, listener })
    }
}

impl Drop for Public {
    fn drop(&mut self) {
        self.site.stop();
        self.runtimes.drain(..).for_each(Runtime::shutdown_background);
    }
}

/// One thread each: a connection stays where it was accepted.
fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .thread_name("public")
        .thread_stack_size(1 << 20)
        .on_thread_start(|| foghorn_host::turns::step_back(10))
        .enable_all()
        .build()
}
