//! The thread that keeps the pages: it looks at each new view, and makes them anew when something has changed, when a
//! minute has passed, and when the configuration is another. It is less important than whatever pages people.

use crate::Events;
use crate::ledger::Ledger;
use crate::page::{self, Doubt};
use crate::pages::Pages;
use crate::rebuild::rebuild;
use crate::site::Site;
use foghorn_config::Config;
use foghorn_core::Record;
use foghorn_core::time::{Mono, Now, Span, Wall};
use foghorn_engine::{Handle, View};
use foghorn_host::aside::Aside;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The ledger's file, in the data directory. It may be lost: the journal has what it is made of.
pub const FILE: &str = "status.json";
/// Views are looked at no more often than this.
const BREATH: Duration = Duration::from_millis(200);
/// And the thread rests for so many times as long as it worked: a storm of alerts needs the processor more.
const REST: u32 = 10;
/// The page says as of when it is, so it is made anew this often.
const MINUTE: Duration = Duration::from_secs(60);
/// While the past is being read, and while a component waits for a result, which is no view's news.
const SOON: Duration = Duration::from_secs(1);
const RESULT: Duration = Duration::from_secs(3);
/// The ledger's file is written anew this often even if nothing has changed.
const SAVE: Duration = Duration::from_secs(600);
/// A pager that has not gone round for this long is stuck: what is shown is old.
const STUCK: Span = Span::secs(10);

/// What it takes.
pub struct Parts {
    /// Views.
    pub engine: Handle,
    /// The page's name and components.
    pub config: watch::Receiver<Arc<Config>>,
    /// For a ledger that is lost.
    pub events: Arc<dyn Events>,
    /// Now.
    pub clock: Arc<dyn Fn() -> Now + Send + Sync>,
    /// When the pager last went round.
    pub pulse: Arc<dyn Fn() -> Mono + Send + Sync>,
    /// Whether a check's last result says how it is, heartbeats aside; `None` before the first.
    pub measured: Arc<dyn Fn(&str) -> Option<bool> + Send + Sync>,
    /// How long Foghorn had been away before this start.
    pub away: Span,
    /// The data directory.
    pub dir: PathBuf,
}

/// Starts the thread; until its first pages are there the site says that it is starting.
///
/// # Errors
/// The system gives no thread.
pub fn start(parts: Parts) -> std::io::Result<Site> {
    let site = Site::new(Pages::starting());
    let (theirs, stop) = (site.clone(), site.stop.clone());
    std::thread::Builder::new().name("status-page".to_owned()).spawn(move || {
        foghorn_host::turns::step_back(10);
        match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime.block_on(keep(parts, theirs, stop)),
            Err(e) => tracing::error!("the status page is not kept: {e}"),
        }
    })?;
    Ok(site)
}

async fn keep(parts: Parts, site: Site, stop: Arc<AtomicBool>) {
    let path = parts.dir.join(FILE);
    let mut views = parts.engine.watch();
    let mut config = parts.config.clone();
    let began = (parts.clock)();
    let (mut ledger, mut rebuilt) = match load(&path, &*parts.events) {
        Some(mut ledger) => {
            ledger.away(began.wall, parts.away);
            (ledger, None)
        }
        None => (Ledger::default(), Some(rebuilding(&parts, &stop))),
    };
    let file = Aside::begin(&parts.dir)
        .inspect_err(|e| tracing::warn!("the history of the status page is not written: {e}"))
        .ok();
    let mut saved = Instant::now();
    let mut dirty = true;
    while !stop.load(Ordering::Acquire) {
        let work = Instant::now();
        let view = views.borrow_and_update().clone();
        let now = (parts.clock)();
        if let Some(Ok(anew)) = rebuilt.as_ref().map(mpsc::Receiver::try_recv) {
            (ledger, rebuilt) = (anew, None);
        }
        if !view.state.setup_hash.is_empty() {
            dirty |= ledger.observe_measured(&view.state, now.wall, view.seq, &*parts.measured);
        }
        ledger.prune(now.wall);
        let current = config.borrow_and_update().clone();
        if let Some(status_page) = &current.status_page {
            let doubt = doubt(&view, now, (parts.pulse)(), rebuilt.is_some());
            match page::render(status_page, &ledger, now.wall, doubt) {
                Ok(pages) => site.show(pages),
                Err(e) => tracing::error!("the status page cannot be made: {e}"),
            }
        }
        // A ledger that is not whole yet would pass for one.
        if rebuilt.is_none() && (dirty || saved.elapsed() >= SAVE) {
            if let Some(file) = &file {
                save(file, &ledger);
            }
            (saved, dirty) = (Instant::now(), false);
        }
        tokio::time::sleep((work.elapsed() * REST).max(BREATH)).await;
        tokio::select! {
            changed = views.changed() => if changed.is_err() { break },
            changed = config.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(if rebuilt.is_some() { SOON } else if ledger.waits { RESULT } else { MINUTE }) => {}
        }
    }
}

fn doubt(view: &View, now: Now, pulse: Mono, rebuilding: bool) -> Doubt {
    if now.mono.since(pulse) > STUCK {
        Doubt::Old { since: now.wall_at(pulse) }
    } else if let Some(degraded) = &view.degraded {
        Doubt::Degraded { since: degraded.since.wall }
    } else if rebuilding {
        Doubt::NoHistoryYet
    } else {
        Doubt::None
    }
}

/// Reads the whole journal on a thread of its own, of which the result comes once.
fn rebuilding(parts: &Parts, stop: &Arc<AtomicBool>) -> mpsc::Receiver<Ledger> {
    let (tx, rx) = mpsc::channel();
    let (events, stop) = (parts.events.clone(), stop.clone());
    let spawned = std::thread::Builder::new().name("status-history".to_owned()).spawn(move || {
        foghorn_host::turns::step_back(5);
        while !stop.load(Ordering::Acquire) {
            match rebuild(&*events, &|| stop.load(Ordering::Acquire)) {
                // Whoever asked may be gone.
                Ok(Some(ledger)) => return drop(tx.send(ledger)),
                Ok(None) => return,
                Err(e) => tracing::warn!("the status page has no history yet: {e}"),
            }
            std::thread::sleep(Duration::from_secs(10));
        }
    });
    if let Err(e) = spawned {
        tracing::warn!("the status page has no history: {e}");
    }
    rx
}

/// The file, if it is whole and of this journal.
fn load(path: &Path, events: &dyn Events) -> Option<Ledger> {
    let bytes = std::fs::read(path).ok()?;
    let ledger: Ledger = serde_json::from_slice(&bytes)
        .map_err(|e| tracing::warn!("{} is made anew: {e}", path.display()))
        .ok()?;
    let before = ledger.seq.checked_sub(1)?;
    let page = events.page(before, 1).map_err(|e| tracing::warn!("the journal cannot be read: {e}")).ok()?;
    let (found, json) = page.events.first()?;
    // Where retention has taken the event away there is nothing to compare with.
    let same = *found > ledger.seq
        || serde_json::from_slice::<Record>(json).map_or(true, |record| record.at == ledger.at);
    if !same {
        tracing::warn!("{} is of another journal; it is made anew", path.display());
    }
    same.then_some(ledger)
}

/// A disk that hangs keeps nobody from a page that is current.
fn save(file: &Aside, ledger: &Ledger) {
    let warn = |why: &dyn std::fmt::Display| tracing::warn!("{FILE} cannot be written: {why}");
    match serde_json::to_vec(ledger) {
        Ok(bytes) => file.write(FILE, bytes, move |done| done.unwrap_or_else(|e| warn(&e))),
        Err(e) => warn(&e),
    }
}

/// How long ago, as the public reads it.
pub(crate) fn ago(then: Wall, now: Wall) -> String {
    page::lasting(now.since(then))
}
