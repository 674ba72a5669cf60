//! Starting, watching over, and ending a server.

use super::adapters::{Chores, JournalEvents, Measured, RoomFigures, Verdicts};
use super::adopting::Adopting;
use super::alive::{self, Alive};
use super::callback::{self, Callbacks};
use super::carry::{self, Carrying};
use super::certificate::Certificate;
use super::clock::Clock;
use super::listen::{self, Elsewhere, Listener, Listening};
use super::open::{self, LINK_KEY, LinkKey, OpenFailure, Opened};
use super::own::{Own, Trouble};
use super::pager::{End, Happening, Pager};
use super::public::Public;
use super::shared::Shared;
use super::watch_over::{Ended, Paging, Signals, end_at_the_latest, sd, watch_over};
use super::{configuration, files, first, private};
use foghorn_config::model::Tls;
use foghorn_config::{Config, Errors};
use foghorn_console::{Accounts, Api, Link, Links, Parts, ReadModel};
use foghorn_core::alert::AlertStatus;
use foghorn_core::input::Input;
use foghorn_core::page::PageKey;
use foghorn_core::time::Span;
use foghorn_engine::engine::Limits;
use foghorn_engine::{BatchId, Class, Engine, View};
use foghorn_host::aside::{Aside, within};
use foghorn_wake::Sender;
use foghorn_wake::link::Tokens;
use foghorn_watch::history::History;
use foghorn_watch::{Open, Plan, Watch};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Who may log in to the console, in the data directory.
pub const ACCOUNTS: &str = "accounts.db";

/// In the data directory: the run before ended because its pager did. With what is told of it then.
const FELL: &str = "fell";
const THE_PAGER_FELL: &str = "a bug: the thread that pages ended, and Foghorn has started anew; what was answered as saved \
     is there. Report it with the log's lines about \"panicked\"";

/// A pager that falls as soon as it starts does so no oftener than this.
const AGAIN: Duration = Duration::from_secs(5);

/// Requests under way when the end comes have this long.
const LAST_REQUESTS: Duration = Duration::from_millis(1500);
/// Files that are to be written have this long then.
const LAST_WRITES: Duration = Duration::from_millis(500);
/// Checks wait no longer for their history.
const LONGEST_OPENING: Duration = Duration::from_secs(2);

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// foghorn.yaml.
    pub config: PathBuf,
    /// Where the last good configuration is, for when the file is gone or does not say.
    pub data_dir: Option<PathBuf>,
    /// Ends the server when it turns true; without it, SIGTERM and SIGINT do.
    pub end: Option<watch::Receiver<bool>>,
}

/// Why a server does not start. Only what a person must mend first is here.
#[derive(Debug, thiserror::Error)]
pub enum StartFailure {
    /// The first configuration is bad.
    #[error("{0}")]
    Configuration(Errors),
    /// The data directory cannot be used.
    #[error(transparent)]
    Journal(#[from] OpenFailure),
    /// The system gives no thread, or no signal handler.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// Why it did not start.
pub fn serve(options: &Options) -> Result<(), StartFailure> {
    // Before any other thread is there, so that all have it.
    if let Err(e) = foghorn_host::turns::shorten() {
        tracing::debug!("under load, pages wait for the turns of other work: {e}");
    }
    let began = std::time::Instant::now();
    let begun = configuration::begin(&options.config, options.data_dir.as_deref())
        .map_err(StartFailure::Configuration)?;
    let config = begun.config;
    let files = files::raise(config.checks.len());
    for warning in configuration::warnings(&config, jiff::Timestamp::now().into()).iter().chain(&files) {
        tracing::warn!("{warning}");
    }
    let data_dir = config.server.data_dir.clone();
    private::only_mine();
    // A volume that is not mounted, say: people are paged all the same, as with any disk that takes nothing.
    if let Err(error) = private_dir(&data_dir) {
        let path = data_dir.display();
        tracing::error!(
            "server.data_dir {path} cannot be made: {error}; create it for Foghorn's user, or name another"
        );
    }
    private::take_back(&data_dir);
    let Opened { journal, state, head, recovery, tail, snapshot } = open::open(&data_dir)?;
    tracing::info!(events = head.seq, replayed = tail, "the journal is open");
    let lost = open::lost(&data_dir, head.seq);
    let LinkKey { key, new: new_key, lost: lost_key } = open::link_key(&data_dir, head.seq > 0);
    let tokens = Arc::new(Tokens::new(&key));
    let (clock, away) = Clock::after(state.clock, alive::last(&data_dir));
    let clock = Arc::new(clock);
    let open = |name: &String| {
        let alert = state.check_alert(name)?;
        // By the rules under which it was raised: those that come into force change the alert themselves.
        let rule = state.setup.checks.get(name.as_str());
        let how = match alert.status {
            AlertStatus::Unknown => Open::Unknown,
            _ if rule.is_some_and(|rule| alert.severity < rule.severity) => Open::Warning,
            _ => Open::Failing,
        };
        Some((name.clone(), how))
    };
    let open_checks: HashMap<String, Open> = config.checks.keys().filter_map(open).collect();

    // From here on it ends in order when it is told to, however far it has come; and it ends, whatever hangs.
    let main = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = main.block_on(async { Signals::listen() })?;
    if options.end.is_none() {
        end_at_the_latest()?;
    }

    // The pager, before anything else.
    let mut nonce = [0; 16];
    if let Err(e) = getrandom::fill(&mut nonce) {
        tracing::error!("the system gives no random numbers: {e}");
        nonce[..8].copy_from_slice(&clock.now().wall.0.to_le_bytes());
        nonce[8..12].copy_from_slice(&std::process::id().to_le_bytes());
    }
    let deadline = u64::try_from(config.server.journal_deadline.as_millis()).unwrap_or(2000);
    let limits = Limits { append_deadline: Span(deadline), ..Limits::default() };
    let (happenings_tx, happenings) = mpsc::channel();
    let engine = Engine::new(state.clone(), head.seq, BatchId::default(), nonce, limits);
    let mut engine = engine.with_snapshot(snapshot.0, snapshot.1);
    if let Some(why) = &recovery.read_only {
        tracing::error!(%why, "the journal takes no events: pages go out from memory");
        engine.start_degraded(clock.now(), why);
        let _ = happenings_tx.send(Happening::Degraded(Arc::from(why.as_str())));
    }
    let (handle, port) = foghorn_engine::handle::channel(View::new(state, head.seq, clock.now()));
    let own = Arc::new(Own::new(handle.clone()));
    let aside = Aside::begin(&data_dir)?;
    if new_key {
        let (own, clock, path) = (own.clone(), clock.clone(), data_dir.join(LINK_KEY));
        aside.write(LINK_KEY, key.to_vec(), move |written| {
            if let Err(e) = written {
                let why = format!(
                    "{} cannot be written: {e}; links in pages will not work after a restart",
                    path.display()
                );
                own.raise(Trouble::LinkKey, LINK_KEY, &why, clock.now().wall);
            }
        });
    }
    let wake = runtime("wake", 1, FIRST)?;
    let reports = handle.clone();
    let sender = Sender::new(
        wake.handle().clone(),
        foghorn_wake::Limits::default(),
        Default::default(),
        move |r: foghorn_wake::Report<PageKey>| {
            reports.tell(
                Class::Paging,
                Input::Delivered { key: r.key, channel: Some(r.channel.into()), outcome: r.outcome },
            );
        },
    );
    let (config_tx, config_rx) = watch::channel(config.clone());
    let (stop, pulse) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(clock.now().mono.0)));
    let adopting = Arc::new(Adopting::new(config_tx, sender.clone()));
    let shared = Arc::new(Shared {
        path: options.config.clone(),
        data_dir: data_dir.clone(),
        aside,
        adopting: adopting.clone(),
        reloading: Mutex::default(),
        begun: config.server.clone(),
        begun_page: config.status_page.clone(),
        handle: handle.clone(),
        own: own.clone(),
        sender: sender.clone(),
        measured: Measured::default(),
        journal: journal.clone(),
        clock: clock.clone(),
        listening: Listening::default(),
        refusing: Mutex::default(),
    });
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let life = u16::from_le_bytes([nonce[14], nonce[15]]);
    handle.tell(Class::Paging, Input::Start { version, down: away, life });
    handle.tell(Class::Paging, Input::AdoptConfig { hash: config.setup_hash(), setup: config.setup.clone() });
    shared.use_channels(&config);
    let pager = Pager {
        engine,
        port,
        handle: handle.clone(),
        journal: journal.clone(),
        end: End::at(head),
        carrying: recovery.unread.then(Carrying::default),
        clock: clock.clone(),
        adopting,
        sender: sender.clone(),
        tokens: tokens.clone(),
        events: happenings_tx,
        stop: stop.clone(),
        pulse: pulse.clone(),
    };
    let pager = std::thread::Builder::new().name("pager".into()).spawn(move || pager.run())?;

    let there = clock.clone();
    let alive = Alive::begin(&data_dir, Arc::new(move || there.now().wall))?;

    // What went wrong on the way here.
    let now = clock.now().wall;
    match begun.text {
        Err(why) => own.raise(Trouble::Configuration, "file", &why, now),
        Ok(text) => configuration::keep(text, &shared.aside, |kept| {
            if let Err(e) = kept {
                tracing::warn!("{}", configuration::not_kept(e));
            }
        }),
    }
    for damage in &recovery.damage {
        let kept = damage
            .kept
            .as_ref()
            .map_or(String::new(), |p| format!("; the damaged file is kept as {}", p.display()));
        let summary = format!(
            "the journal was damaged: what came from event {} on is lost ({}){kept}",
            damage.from_seq, damage.why
        );
        own.raise(Trouble::JournalDamaged, &format!("event {}", damage.from_seq), &summary, now);
    }
    if let Some(missing) = &recovery.missing {
        own.raise(
            Trouble::JournalDamaged,
            "event 1",
            &format!("a part of the journal is missing: {missing}"),
            now,
        );
    }
    // A tail that is gone leaves a chain that is whole: only what had been read from it tells.
    if let Some(lost) = lost.filter(|_| recovery.damage.is_empty()) {
        own.raise(Trouble::JournalDamaged, &format!("event {}", head.seq + 1), &lost, now);
    }
    if let Some(lost) = &lost_key {
        own.raise(Trouble::LinkKey, LINK_KEY, lost, now);
    }
    let fell = std::fs::remove_file(data_dir.join(FELL)).is_ok();
    if fell {
        own.raise(Trouble::Bug, "decisions", THE_PAGER_FELL, now);
    }
    own.forget_earlier(now);
    let then = clock.clone();
    carry::resume(&data_dir, &handle, move || then.now().wall);

    // Checks.
    let stats = Arc::new(foghorn_watch::Stats::default());
    let (dir, counts) = (data_dir.clone(), stats.clone());
    // Of a file that is there nothing but reading is needed; a new one, on a disk that hangs, is left.
    let history = within(LONGEST_OPENING, move || History::open(&dir, counts).map_err(|e| e.to_string()))
        .unwrap_or_else(|e| Err(format!("{e}; there is one from the next start on")))
        .map_err(|e| tracing::error!("there is no history of checks: {e}"))
        .ok();
    if let Some(history) = &history {
        drop(shared.measured.history.set(history.clone()));
    }
    let verdicts = Arc::new(Verdicts { handle: handle.clone(), own: own.clone() });
    match Watch::start(
        foghorn_watch::Options::default(),
        &Plan::from(&*config),
        &open_checks,
        verdicts,
        history,
        stats,
    ) {
        Ok(watch) => drop(shared.measured.watch.set(watch)),
        Err(e) => own.raise(Trouble::Watching, "start", &e.to_string(), now),
    }

    // Listeners.
    let (end_tx, end) = watch::channel(false);
    let edge = runtime("edge", 2, FIRST)?;
    let desk = runtime("desk", 2, AFTER)?;
    let mut certificates = Vec::new();
    let mut tls = |name, files: Option<&Tls>| {
        let certificate = Certificate::new(name, files?, &own, now);
        certificates.push(certificate.clone());
        Some(certificate.ready())
    };
    let inner = tls("server.tls", config.server.tls.as_ref());
    let share = config.server.address_share;
    let routers = routers(&shared, &tokens, &config_rx, &desk, &sender);
    let on = [edge.handle().clone()];
    let mut listeners = Vec::new();
    let listener = Listener::inner("server.listen", config.server.listen, routers.main, inner.clone(), share);
    listeners.extend(listen::spawn(&on, listener, &shared, end.clone()));
    if let Some(address) = config.server.links_listen {
        let listener = Listener::inner("server.links_listen", address, routers.links, inner, share);
        listeners.extend(listen::spawn(&on, listener, &shared, end.clone()));
    }
    let public = config.status_page.as_ref().map(|page| {
        let tls = tls("status_page.tls", page.tls.as_ref());
        Public::start(&shared, &config_rx, &pulse, away, page.listen, tls, &end)
    });
    let public =
        public.transpose().map_err(|e| own.raise(Trouble::Listener, "status_page", &e.to_string(), now));
    let mut public = public.ok().flatten();
    listeners.extend(public.as_mut().and_then(|p| p.listener.take()));

    let snapshot = Some(snapshot.0).filter(|seq| *seq > 0);
    let paging = Paging { happenings: &happenings, pulse: &pulse, thread: &pager, fell, snapshot };
    let watching = watch_over(&shared, paging, &certificates, signals, options.end.clone());
    let ended = main.block_on(watching);

    // The end: no new requests, then the pager's last batch, then the disk.
    tracing::info!("stopping");
    // Who starts anew is the same process: whoever is told that it stops ends it.
    if matches!(ended, Ended::Asked) {
        sd(&[sd_notify::NotifyState::Stopping]);
    }
    end_tx.send_replace(true);
    main.block_on(async {
        let all = async {
            for listener in listeners {
                // One that panicked has ended too.
                let _ = listener.await;
            }
        };
        // Streams never end by themselves.
        let _ = tokio::time::timeout(LAST_REQUESTS, all).await;
    });
    stop.store(true, Ordering::Relaxed);
    handle.wake();
    // A panic in it was logged by its hook.
    let acts = pager.join().unwrap_or_default();
    drop(alive);
    let (tx, rx) = mpsc::channel();
    let stops = journal.stop(Box::new(move |()| _ = tx.send(()))).is_ok();
    shared.aside.settle(LAST_WRITES);
    if stops {
        // A disk that hangs is not waited for: what was answered is on it.
        let _ = rx.recv_timeout(Duration::from_secs(1));
    }
    drop(public);
    for runtime in [edge, desk, wake, main] {
        runtime.shutdown_background();
    }
    match ended {
        Ended::Asked => Ok(()),
        Ended::ToReadTheJournal => {
            carry::keep(&data_dir, acts);
            Err(anew()?.into())
        }
        Ended::PagerFell => {
            shared.aside.write(FELL, Vec::new(), |written| {
                if let Err(e) = written {
                    tracing::warn!("nobody will be told of it: {e}");
                }
            });
            shared.aside.settle(LAST_WRITES);
            std::thread::sleep(AGAIN.saturating_sub(began.elapsed()));
            Err(anew()?.into())
        }
    }
}

/// Starts anew: the same process for whoever watches over it, with the same words. Returns only if that fails.
fn anew() -> std::io::Result<std::io::Error> {
    use std::os::unix::process::CommandExt;
    let exec =
        |program: PathBuf| std::process::Command::new(program).args(std::env::args_os().skip(1)).exec();
    let failed = exec(std::env::current_exe()?);
    // After an upgrade in place the path leads to nothing; the kernel's own link still leads to what runs.
    Ok(if failed.kind() == std::io::ErrorKind::NotFound { exec("/proc/self/exe".into()) } else { failed })
}

struct Routers {
    main: axum::Router,
    links: axum::Router,
}

fn routers(
    shared: &Arc<Shared>,
    tokens: &Arc<Tokens>,
    config: &watch::Receiver<Arc<Config>>,
    desk: &Runtime,
    sender: &Sender<PageKey>,
) -> Routers {
    let events = Arc::new(JournalEvents::new(&shared.journal));
    let read_model =
        Arc::new(ReadModel::start(shared.data_dir.join(ReadModel::FILE), events.clone(), &shared.handle));
    let intake = foghorn_intake::Intake::new(shared.handle.clone(), config.clone());
    let accounts = Arc::new(Accounts::new(shared.data_dir.join(ACCOUNTS)));
    let figures = RoomFigures {
        accounts: accounts.clone(),
        sender: sender.clone(),
        measured: shared.measured.clone(),
        intake: intake.clone(),
        journal: shared.journal.clone(),
        listening: shared.listening.clone(),
    };
    let (clock, own, pager) = (shared.clock.clone(), shared.own.clone(), sender.clone());
    let api = Api::new(Parts {
        engine: shared.handle.clone(),
        config: config.clone(),
        clock: Arc::new(move || clock.now()),
        events,
        read_model,
        checks: Arc::new(shared.measured.clone()),
        figures: vec![Arc::new(figures)],
        admin: Arc::new(Chores(shared.clone())),
        unwell: Arc::new(move || own.standing()),
        why_not: Arc::new(move |channel, to| pager.why_not(channel, to)),
        version: env!("CARGO_PKG_VERSION"),
    });
    let url = first::address(&config.borrow().server);
    // A password takes a while to hash, and nothing waits for it.
    desk.handle().spawn(first::there(accounts.clone(), url, shared.clone()));
    let console = foghorn_console::console(Arc::new(api), accounts);
    let api = Elsewhere { on: desk.handle().clone(), router: console };
    let (opener, clock) = (tokens.clone(), shared.clock.clone());
    let links = Links::new(
        shared.handle.clone(),
        Arc::new(move || clock.now()),
        Arc::new(move |token: &str| {
            opener.open(token).map(|l| Link { incident: l.incident, person: l.person, revision: l.revision })
        }),
    );
    let links = foghorn_console::links(Arc::new(links)).merge(callback::router(Callbacks {
        handle: shared.handle.clone(),
        config: config.clone(),
        tokens: tokens.clone(),
    }));
    Routers {
        main: foghorn_intake::router(intake.clone()).merge(links.clone()).fallback_service(api),
        links: foghorn_console::links_alone(links.merge(foghorn_intake::pings(intake))),
    }
}

/// Makes a directory that only Foghorn's user may enter: what is wrong in a house is nobody else's business.
pub fn private_dir(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Threads that pages depend on.
const FIRST: fn() = || {};
/// A thousand open pages of the console are drawn anew with each alert: none of that comes before a page that wakes.
const AFTER: fn() = || foghorn_host::turns::step_back(5);

fn runtime(name: &'static str, workers: usize, at_first: fn()) -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(16)
        .thread_name(name)
        .thread_stack_size(1 << 20)
        .on_thread_start(at_first)
        .enable_all()
        .build()
}
