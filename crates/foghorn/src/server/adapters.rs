//! What joins the rooms: they do not know one another.

use super::listen::Listening;
use super::open::LINK_KEY;
use super::own::{Own, Trouble};
use super::{ACCOUNTS, Shared};
use foghorn_console::Accounts;
use foghorn_console::ports::{
    Admin, BackedUp, CheckFigure, CheckFigures, CheckHistory, CheckLatency, CheckPoint, CheckResult,
    CheckUptime, Events, Figures, NoBackup, Reloaded,
};
use foghorn_core::input::{CheckVerdict, Input};
use foghorn_core::page::PageKey;
use foghorn_core::time::Wall;
use foghorn_engine::{Class, Handle, Page};
use foghorn_journal::{BackupError, Beside, ReadHandle, WriterHandle};
use foghorn_net::resolve::Counts;
use foghorn_wake::{BUCKETS, ChannelStats, Sender};
use foghorn_watch::Watch;
use foghorn_watch::history::{History, HistoryError, Latency, Mark, Point, Sample};
use foghorn_watch::transition::{Sink, Transition, Verdict};
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

/// Checks' transitions become inputs.
pub struct Verdicts {
    /// To the engine.
    pub handle: Handle,
    /// Blindness, and a check that measures nothing, are Foghorn's own trouble.
    pub own: Arc<Own>,
}

impl Sink for Verdicts {
    fn transition(&self, t: Transition) {
        let mut blind = false;
        let (check, verdict, since) = match t {
            Transition::Blind { at, why } => {
                let why = format!(
                    "{why}; until one of them answers, failing checks say nothing: see to this host's network"
                );
                return self.own.raise(Trouble::Blind, "server", &why, at);
            }
            Transition::Sighted { at } => return self.own.clear(Trouble::Blind, "server", at),
            Transition::Check { check, at, verdict } => match verdict {
                Verdict::Failing { since, summary, severity_hint, flapping: true } => {
                    (check, CheckVerdict::Flapping { summary, severity: severity_hint }, since)
                }
                Verdict::Failing { since, summary, severity_hint, flapping: false } => {
                    (check, CheckVerdict::Failing { summary, severity: severity_hint }, since)
                }
                Verdict::Flapping { summary, severity_hint } => {
                    (check, CheckVerdict::Flapping { summary, severity: severity_hint }, at)
                }
                Verdict::Recovered { since } => (check, CheckVerdict::Ok, since),
                Verdict::Unknown { since, why, blind: by_blindness } => {
                    blind = by_blindness;
                    (check, CheckVerdict::Unknown { why }, since)
                }
            },
        };
        // While it says nothing of its target nothing can be wrong with that: somebody has to look at the check itself; or
        // at the location, which has said so.
        match &verdict {
            CheckVerdict::Unknown { .. } if blind => {}
            CheckVerdict::Unknown { why } => {
                let summary = format!("the check {check} measures nothing: {why}");
                self.own.raise(Trouble::Check, &check, &summary, since);
            }
            _ => self.own.clear(Trouble::Check, &check, jiff::Timestamp::now().into()),
        }
        // The queue for checks is longer than there are checks; one that is full is counted by its length.
        if !self.handle.tell(Class::World, Input::Check { check: check.clone(), verdict, since }) {
            tracing::error!(%check, "the engine's queue is full: a verdict was not taken");
        }
    }
}

/// The journal, for the console.
pub struct JournalEvents(Mutex<ReadHandle>);

impl JournalEvents {
    /// With a connection of its own.
    pub fn new(journal: &WriterHandle) -> JournalEvents {
        JournalEvents(Mutex::new(journal.reader()))
    }
}

impl Events for JournalEvents {
    fn page(&self, after: u64, limit: usize) -> Result<Page, String> {
        let mut reader = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let page = reader.page(after, limit).map_err(|e| e.to_string())?;
        Ok(Page { events: page.events.into_iter().map(|e| (e.seq, e.payload)).collect(), more: page.more })
    }
}

impl foghorn_tell::Events for JournalEvents {
    fn page(&self, after: u64, limit: usize) -> Result<Page, String> {
        Events::page(self, after, limit)
    }
}

/// Checks' results, once watching has begun.
#[derive(Clone, Default)]
pub struct Measured {
    /// The last ones.
    pub watch: Arc<OnceLock<Watch>>,
    /// Those before.
    pub history: Arc<OnceLock<History>>,
}

impl Measured {
    /// Whether the last result of a check says how it is; `None` before the first since the start.
    pub fn says(&self, check: &str) -> Option<bool> {
        let last = self.watch.get()?.latest(check)?;
        Some(last.verdict != foghorn_watch::check::Verdict::Unknown)
    }

    fn kept(&self) -> Result<&History, String> {
        self.history
            .get()
            .ok_or_else(|| "there is no history of checks; the server's log says why".to_owned())
    }
}

impl CheckFigures for Measured {
    fn last(&self, check: &str) -> Option<CheckFigure> {
        let latest = self.watch.get()?.latest(check)?;
        let p = &latest.phases;
        let named =
            [("resolve", p.resolve), ("connect", p.connect), ("tls", p.tls), ("first_byte", p.first_byte)];
        Some(CheckFigure {
            at: latest.at,
            good: match latest.verdict {
                foghorn_watch::check::Verdict::Good => Some(true),
                foghorn_watch::check::Verdict::Unknown => None,
                _ => Some(false),
            },
            summary: latest.summary,
            total: p.total,
            phases: named.into_iter().filter_map(|(n, d)| Some((n.to_owned(), d?))).collect(),
        })
    }

    fn history(&self, check: &str, from: Wall, to: Wall, points: usize) -> Result<CheckHistory, String> {
        let (history, said) = (self.kept()?, |e: HistoryError| e.to_string());
        let u = history.uptime(check, from, to).map_err(said)?;
        let points = match points {
            0 => Vec::new(),
            most => history.latency(check, from, to, most).map_err(said)?,
        };
        Ok(CheckHistory {
            uptime: CheckUptime { count: u.count, up: u.up, unknown: u.unknown },
            points: points.into_iter().map(point).collect(),
        })
    }

    fn recent(&self, check: &str, n: usize) -> Result<Vec<CheckResult>, String> {
        let samples = self.kept()?.recent(check, n).map_err(|e| e.to_string())?;
        let result = |s: Sample| CheckResult {
            at: s.at,
            good: match s.mark {
                Mark::Up => Some(true),
                Mark::Down => Some(false),
                Mark::Unknown => None,
            },
            total: s.took,
        };
        Ok(samples.into_iter().map(result).collect())
    }
}

fn point(p: Point) -> CheckPoint {
    CheckPoint {
        at: p.at,
        uptime: CheckUptime { count: p.count, up: p.up, unknown: p.unknown },
        latency: p.latency.map(|Latency { min, avg, max, p95 }| CheckLatency { min, avg, max, p95 }),
    }
}

/// Figures of channels and checks, in Prometheus' text format.
pub struct RoomFigures {
    /// Who may log in.
    pub accounts: Arc<Accounts>,
    /// Channels.
    pub sender: Sender<PageKey>,
    /// Checks.
    pub measured: Measured,
    /// Other tools.
    pub intake: Arc<foghorn_intake::Intake>,
    /// The journal.
    pub journal: WriterHandle,
    /// Connections and requests.
    pub listening: Listening,
}

impl Figures for RoomFigures {
    fn render(&self, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = self.channels(out);
        let _ = self.checks(out);
        let _ = self.others(out);
        let _ = self.listeners(out);
        let _ = self.look_ups(out);
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

/// A figure's name, kind and help, and how it is read.
type Figure<T> = (&'static str, &'static str, &'static str, fn(&T) -> u64);

/// Each figure of all of them, told apart by a label.
fn each<T>(out: &mut String, label: &str, figures: &[Figure<T>], all: &[(&str, &T)]) -> std::fmt::Result {
    for (name, kind, help, figure) in figures {
        head(out, name, kind, help)?;
        for (of, from) in all {
            writeln!(out, "{name}{{{label}=\"{}\"}} {}", quoted(of), figure(from))?;
        }
    }
    Ok(())
}

/// A label's value, escaped.
fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

impl RoomFigures {
    fn channels(&self, out: &mut String) -> std::fmt::Result {
        let all = self.sender.stats();
        head(
            out,
            "foghorn_channel_attempts_total",
            "counter",
            "Attempts to send a page or a notice, by outcome.",
        )?;
        for c in &all {
            let name = quoted(&c.channel);
            for (outcome, n) in [("accepted", c.accepted), ("retry", c.retried), ("failed", c.failed)] {
                writeln!(
                    out,
                    "foghorn_channel_attempts_total{{channel=\"{name}\",outcome=\"{outcome}\"}} {n}"
                )?;
            }
        }
        let figures: [Figure<ChannelStats>; 2] = [
            (
                "foghorn_channel_refused_total",
                "counter",
                "Messages that were put off at once because too many were waiting.",
                |c| c.refused,
            ),
            ("foghorn_channel_under_way", "gauge", "Messages that wait or are being sent.", |c| {
                c.under_way as u64
            }),
        ];
        let named: Vec<_> = all.iter().map(|c| (c.channel.as_str(), c)).collect();
        each(out, "channel", &figures, &named)?;
        let name = "foghorn_channel_attempt_seconds";
        head(out, name, "histogram", "How long attempts took, from the call to the outcome.")?;
        for c in &all {
            let channel = quoted(&c.channel);
            for (most, n) in BUCKETS.into_iter().zip(c.latency_buckets) {
                let most = Duration::from_millis(most).as_secs_f64();
                writeln!(out, "{name}_bucket{{channel=\"{channel}\",le=\"{most}\"}} {n}")?;
            }
            writeln!(out, "{name}_bucket{{channel=\"{channel}\",le=\"+Inf\"}} {}", c.attempts)?;
            writeln!(out, "{name}_sum{{channel=\"{channel}\"}} {}", c.latency_sum.as_secs_f64())?;
            writeln!(out, "{name}_count{{channel=\"{channel}\"}} {}", c.attempts)?;
        }
        Ok(())
    }

    fn checks(&self, out: &mut String) -> std::fmt::Result {
        let Some(watch) = self.measured.watch.get() else { return Ok(()) };
        let stats = watch.stats();
        head(out, "foghorn_check_runs_total", "counter", "Measurements made.")?;
        writeln!(out, "foghorn_check_runs_total {}", stats.runs.load(Ordering::Relaxed))?;
        head(out, "foghorn_check_results_total", "counter", "Measurements that ended, by verdict.")?;
        for (verdict, n) in [("good", &stats.good), ("bad", &stats.bad), ("unknown", &stats.unknown)] {
            let n = n.load(Ordering::Relaxed);
            writeln!(out, "foghorn_check_results_total{{verdict=\"{verdict}\"}} {n}")?;
        }
        head(
            out,
            "foghorn_check_skipped_total",
            "counter",
            "Measurements skipped because the last was still under way.",
        )?;
        writeln!(out, "foghorn_check_skipped_total {}", stats.skipped.load(Ordering::Relaxed))?;
        head(out, "foghorn_check_lateness_seconds", "summary", "How late measurements begin, by quantile.")?;
        for (q, share) in [("0.5", 0.5), ("0.99", 0.99)] {
            let late = stats.lateness.quantile(share).as_secs_f64();
            writeln!(out, "foghorn_check_lateness_seconds{{quantile=\"{q}\"}} {late}")?;
        }
        Ok(())
    }

    fn listeners(&self, out: &mut String) -> std::fmt::Result {
        let figures: [Figure<foghorn_net::serve::Counts>; 5] = [
            ("foghorn_listener_connections", "gauge", "Connections open now.", |c| c.open() as u64),
            ("foghorn_listener_requests_total", "counter", "Requests, refused ones too.", |c| c.requests()),
            (
                "foghorn_listener_connections_refused_total",
                "counter",
                "Connections refused because as many were open as there may be.",
                |c| c.refused(),
            ),
            (
                "foghorn_listener_accept_errors_total",
                "counter",
                "Connections that the system could not hand over.",
                |c| c.accept_errors(),
            ),
            (
                "foghorn_listener_slow_clients_total",
                "counter",
                "Answers that ended early because their client took too little of them.",
                |c| c.slow(),
            ),
        ];
        let all = self.listening.all();
        let named: Vec<_> = all.iter().map(|(listener, counts)| (*listener, counts)).collect();
        each(out, "listener", &figures, &named)?;
        let name = "foghorn_listener_requests_refused_total";
        head(
            out,
            name,
            "counter",
            "Requests refused because their class had as many connections as it may have.",
        )?;
        for (listener, counts) in &all {
            for (class, _, refused) in counts.classes() {
                writeln!(out, "{name}{{listener=\"{listener}\",class=\"{class}\"}} {refused}")?;
            }
        }
        Ok(())
    }

    fn look_ups(&self, out: &mut String) -> std::fmt::Result {
        let checks = self.measured.watch.get().map(|watch| ("checks", &*watch.stats().lookups));
        let all: Vec<_> = [("pages", &**Counts::outbound())].into_iter().chain(checks).collect();
        let figures: [Figure<Counts>; 5] = [
            ("foghorn_resolver_asked_total", "counter", "Host names that were to be looked up.", |c| {
                c.asked.load(Ordering::Relaxed)
            }),
            (
                "foghorn_resolver_refused_total",
                "counter",
                "Host names that were not looked up, because too many others waited.",
                |c| c.refused.load(Ordering::Relaxed),
            ),
            ("foghorn_resolver_waiting", "gauge", "Host names that wait for a thread.", |c| {
                c.queued.load(Ordering::Relaxed)
            }),
            ("foghorn_resolver_running", "gauge", "Look-ups under way.", |c| {
                c.running.load(Ordering::Relaxed)
            }),
            ("foghorn_resolver_hung", "gauge", "Look-ups that have been under way for more than 5 s.", |c| {
                c.hung() as u64
            }),
        ];
        each(out, "for", &figures, &all)
    }

    fn others(&self, out: &mut String) -> std::fmt::Result {
        head(
            out,
            "foghorn_intake_unauthenticated_total",
            "counter",
            "Requests of other tools without the right credentials.",
        )?;
        writeln!(out, "foghorn_intake_unauthenticated_total {}", self.intake.unauthenticated())?;
        head(
            out,
            "foghorn_intake_unread_total",
            "counter",
            "Requests of other tools that were refused before it was known whose they are: too many at a time, or too large.",
        )?;
        writeln!(out, "foghorn_intake_unread_total {}", self.intake.unread())?;
        let all = self.intake.stats();
        head(out, "foghorn_intake_requests_total", "counter", "Requests of other tools, by integration.")?;
        for s in &all {
            writeln!(
                out,
                "foghorn_intake_requests_total{{integration=\"{}\"}} {}",
                quoted(&s.name),
                s.requests
            )?;
        }
        head(
            out,
            "foghorn_intake_items_total",
            "counter",
            "Alerts, changes and pings, by what became of them.",
        )?;
        for s in &all {
            let name = quoted(&s.name);
            let more = s.refused.iter().map(|(reason, n)| (reason.as_str(), *n));
            for (outcome, n) in [("accepted", s.accepted), ("bad", s.bad)].into_iter().chain(more) {
                writeln!(
                    out,
                    "foghorn_intake_items_total{{integration=\"{name}\",outcome=\"{outcome}\"}} {n}"
                )?;
            }
        }
        head(
            out,
            "foghorn_journal_busy_seconds",
            "gauge",
            "For how long the journal's present operation has been under way.",
        )?;
        let busy = self.journal.busy_for().unwrap_or_default().as_secs_f64();
        writeln!(out, "foghorn_journal_busy_seconds {busy}")?;
        head(
            out,
            "foghorn_journal_rejected_total",
            "counter",
            "Requests that the journal's queue had no room for.",
        )?;
        writeln!(out, "foghorn_journal_rejected_total {}", self.journal.rejected())?;
        let (waiting, lost) = self.accounts.writes();
        head(
            out,
            "foghorn_accounts_writes_waiting",
            "gauge",
            "Sessions and accounts that wait for the disk.",
        )?;
        writeln!(out, "foghorn_accounts_writes_waiting {waiting}")?;
        head(
            out,
            "foghorn_accounts_writes_lost_total",
            "counter",
            "Sessions and accounts that were not written because too many waited.",
        )?;
        writeln!(out, "foghorn_accounts_writes_lost_total {lost}")
    }
}

/// What a backup holds beside the journal. Of the other files, some are made anew from it, and `last-good.yaml` is a copy.
const BESIDE: [Beside; 4] = [
    Beside::Database(ACCOUNTS),
    Beside::Database(History::FILE),
    Beside::File(foghorn_tell::FILE),
    Beside::File(LINK_KEY),
];

/// The server's chores, for the console.
pub struct Chores(pub Arc<Shared>);

impl Admin for Chores {
    fn reload(&self) -> Result<Reloaded, Vec<String>> {
        self.0.reload()
    }

    fn backup(&self, name: Option<&str>) -> Result<BackedUp, NoBackup> {
        let failed = NoBackup::Failed;
        let now: Wall = jiff::Timestamp::now().into();
        let dir = self.0.data_dir.join("backups");
        std::fs::create_dir_all(&dir)
            .map_err(|e| failed(format!("{} cannot be made: {e}", dir.display())))?;
        let name = name.map_or_else(
            || format!("foghorn-{}.db", now.timestamp().strftime("%Y%m%dT%H%M%S%.3fZ")),
            str::to_owned,
        );
        let path = dir.join(name);
        let (tx, rx) = mpsc::channel();
        self.0
            .journal
            .backup(path.clone(), BESIDE.to_vec(), Box::new(move |result| drop(tx.send(result))))
            .map_err(|e| failed(e.to_string()))?;
        let copied = rx
            .recv_timeout(Duration::from_secs(600))
            .map_err(|_| failed("the backup took more than ten minutes; it goes on by itself".to_owned()))?
            .map_err(|e| match e {
                BackupError::Exists(path) => NoBackup::Taken(path.display().to_string()),
                BackupError::Store(e) => failed(e.to_string()),
            })?;
        let bytes = std::fs::metadata(&path).map_or(0, |m| m.len());
        let (seq, left_out) = (copied.head.seq, copied.left_out);
        Ok(BackedUp { path: path.display().to_string(), seq, bytes, left_out })
    }
}
