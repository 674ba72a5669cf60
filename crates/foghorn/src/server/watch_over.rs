//! Whoever watches over a server that runs: signals, the pager's thread, what it says of the journal, certificates, the
//! system's watchdog.

use super::carry::Act;
use super::certificate::Certificate;
use super::own::Trouble;
use super::pager::Happening;
use super::shared::Shared;
use foghorn_core::time::{Mono, Span};
use foghorn_journal::WriterHandle;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// A degraded journal is paged for once it has lasted this long: a disk that hesitates wakes nobody.
const DEGRADED_FOR: Duration = Duration::from_secs(10);
/// A bug that has shown itself is told of until it has not for so long.
const BUG_FOR: Duration = Duration::from_secs(3600);
/// A server that was told to end has ended by then: five seconds are promised.
const AT_THE_LATEST: Duration = Duration::from_millis(4700);
/// A pager that has not gone round for this long is stuck: the watchdog is not fed.
const STUCK: Span = Span::secs(10);

/// Why a server ended.
pub(super) enum Ended {
    /// Somebody wanted it to.
    Asked,
    /// A journal that could not be read at the start is there: time, numbers and incidents have to begin from what it says.
    ToReadTheJournal,
    /// A bug: the thread that pages has panicked. What it knew is in the journal.
    PagerFell,
}

/// The thread that pages, as whoever watches over it sees it.
pub(super) struct Paging<'a> {
    pub(super) happenings: &'a mpsc::Receiver<Happening>,
    pub(super) pulse: &'a AtomicU64,
    pub(super) thread: &'a std::thread::JoinHandle<Vec<Act>>,
    /// That of the run before has panicked.
    pub(super) fell: bool,
    /// The event of the last snapshot.
    pub(super) snapshot: Option<u64>,
}

/// What the system tells a server.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on. Within a runtime.
    pub(super) fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// Ends the process some time after it was told to end, should something keep it from ending in order. What was answered as
/// saved is on disk.
///
/// # Errors
/// The system gives no thread, or no signal handler.
pub(super) fn end_at_the_latest() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async { Signals::listen() })?;
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = signals.terminate.recv() => {}
                _ = signals.interrupt.recv() => {}
            }
            tokio::time::sleep(AT_THE_LATEST).await;
        });
        tracing::warn!("something hangs, and is not waited for");
        std::process::exit(0)
    };
    std::thread::Builder::new().name("last-resort".into()).spawn(wait).map(drop)
}

/// Signals, happenings, the watchdog, certificates. Returns when it is time to stop.
pub(super) async fn watch_over(
    shared: &Arc<Shared>,
    paging: Paging<'_>,
    certificates: &[Arc<Certificate>],
    mut signals: Signals,
    end: Option<watch::Receiver<bool>>,
) -> Ended {
    let mut end = std::pin::pin!(told(end));
    let mut second = tokio::time::interval(Duration::from_millis(500));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut degraded: Option<(std::time::Instant, Arc<str>)> = None;
    let mut snapshot = paging.snapshot;
    let mut bug = paging.fell.then(std::time::Instant::now);
    sd(&[sd_notify::NotifyState::Ready]);
    tracing::info!("Foghorn {} is on watch", env!("CARGO_PKG_VERSION"));
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return Ended::Asked,
            _ = signals.interrupt.recv() => return Ended::Asked,
            () = &mut end => return Ended::Asked,
            _ = signals.hangup.recv() => {
                let shared = shared.clone();
                // Not one of the runtime's threads: those it waits for in the end.
                let thread = std::thread::Builder::new().name("reload".into());
                if let Err(e) = thread.spawn(move || hang_up(&shared)) {
                    tracing::error!("the configuration is not read again: {e}");
                }
            }
            _ = second.tick() => {}
        }
        let now = shared.clock.now();
        if paging.thread.is_finished() {
            tracing::error!("a bug in Foghorn: the thread that pages has ended; Foghorn starts anew");
            return Ended::PagerFell;
        }
        while let Ok(happening) = paging.happenings.try_recv() {
            match happening {
                Happening::Degraded(why) => {
                    tracing::error!("the journal is degraded, paging goes on from memory: {why}");
                    degraded = Some((std::time::Instant::now(), why));
                }
                Happening::Recovered { after, lost } => {
                    tracing::warn!("the journal is back after {after}; {lost} inputs could not be kept");
                    degraded = None;
                    shared.own.clear(Trouble::JournalDegraded, "journal", now.wall);
                }
                Happening::SetAside(what) => {
                    tracing::error!(
                        what,
                        "this could not be decided and is set aside: a bug in Foghorn, or too much at once"
                    );
                    bug = Some(std::time::Instant::now());
                    // Once: were it this alert that cannot be decided, it would never end.
                    shared.own.raise_once(Trouble::Bug, "decisions", &set_aside(&what), now.wall);
                }
                Happening::Found(seq) => {
                    tracing::error!(
                        "the journal can be read now, and ends at event {seq}: Foghorn starts anew to go on from there. \
                         What people did meanwhile is done again there"
                    );
                    return Ended::ToReadTheJournal;
                }
                Happening::Snapshot(seq) => {
                    // What the snapshot before this one covers is sealed into files: a start needs it no more.
                    if let Some(before) = snapshot.replace(seq) {
                        seal(&shared.journal, before);
                    }
                }
                Happening::SnapshotFailed(why) => tracing::warn!("no snapshot: {why}"),
            }
        }
        if let Some((_, why)) = degraded.as_mut().filter(|(since, _)| since.elapsed() >= DEGRADED_FOR) {
            let why = shared.handle.view().degraded.as_ref().map_or(why.clone(), |d| d.why.clone());
            shared.own.raise(
                Trouble::JournalDegraded,
                "journal",
                &format!("the journal is degraded: {why}"),
                now.wall,
            );
            degraded = None;
        }
        if bug.take_if(|since| since.elapsed() >= BUG_FOR).is_some() {
            shared.own.clear(Trouble::Bug, "decisions", now.wall);
        }
        if now.mono.since(Mono(paging.pulse.load(Ordering::Relaxed))) < STUCK {
            sd(&[sd_notify::NotifyState::Watchdog]);
        }
        certificates.iter().for_each(|c| c.look(&shared.own, now.wall));
        shared.look_at_channels(now.wall);
        if shared.measured.watch.get().is_some_and(|w| !w.is_alive()) {
            shared.own.raise_once(
                Trouble::Watching,
                "threads",
                "a checking thread has ended: checks do not run",
                now.wall,
            );
        }
    }
}

fn set_aside(what: &str) -> String {
    format!(
        "a bug, unless it was too much at once: {what} could not be decided and was set aside; everything else goes on. Look \
         into the console for what nobody was paged about, and report it with the log's lines about \"panicked\""
    )
}

/// Until the owner says so; for ever without one.
async fn told(end: Option<watch::Receiver<bool>>) {
    match end {
        // An owner that is gone has ended too.
        Some(mut end) => drop(end.wait_for(|end| *end).await),
        None => std::future::pending().await,
    }
}

/// Has the journal move what came up to `seq` into its archive.
fn seal(journal: &WriterHandle, seq: u64) {
    let done = Box::new(move |result: Result<_, foghorn_journal::CheckpointError>| match result {
        Ok(_) => tracing::debug!(seq, "older events are in the archive"),
        Err(e) => tracing::warn!("older events stay in the journal's file: {e}"),
    });
    if let Err(e) = journal.checkpoint(seq, done) {
        tracing::warn!("older events stay in the journal's file: {e}");
    }
}

/// SIGHUP: nobody sees an answer, so a bad file becomes an alert.
fn hang_up(shared: &Shared) {
    sd(&[sd_notify::NotifyState::Reloading]);
    match shared.reload() {
        Ok(reloaded) => {
            reloaded.warnings.iter().for_each(|w| tracing::warn!("{w}"));
            tracing::info!(hash = reloaded.hash, "the configuration was read again");
        }
        Err(errors) => {
            errors.iter().for_each(|e| tracing::error!("{e}"));
            let first = errors.first().cloned().unwrap_or_default();
            let summary = format!("the new configuration is not valid, so the old one counts: {first}");
            shared.own.raise(Trouble::Configuration, "file", &summary, shared.clock.now().wall);
        }
    }
    sd(&[sd_notify::NotifyState::Ready]);
}

/// Tells systemd, if it started us.
pub(super) fn sd(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(states) {
        tracing::debug!("systemd does not listen: {e}");
    }
}
