//! One measurement: how each kind of check is run, and what comes of it. A kind is one file here and one arm in
//! [`measure`].

mod dns;
mod exec;
mod expect;
mod http;
mod icmp;
pub mod perfdata;
mod render;
mod secrecy;
mod tcp;
mod tls;
pub(crate) mod trace;

pub use http::HttpMemory;
pub use render::table;

use crate::stats::Stats;
use foghorn_config::expect::{Op, Subject};
use foghorn_config::model::{Check, CheckKind};
use foghorn_core::words::Severity;
use foghorn_net::resolve::Resolver;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use trace::Trace;

/// The most plugins that run at the same time: each is a process.
const PLUGINS: usize = 64;
/// The most names looked up at the same time. Each that hangs keeps a thread, and names beyond wait for one.
pub(crate) const LOOKUPS: usize = 64;

/// What all checks share.
pub struct Env {
    pub(crate) resolver: Resolver,
    pub(crate) plugins: Semaphore,
}

impl Env {
    /// Counts into `stats`.
    #[must_use]
    pub fn new(stats: &Stats) -> Env {
        Env { resolver: Resolver::new(LOOKUPS, Arc::clone(&stats.lookups)), plugins: Semaphore::new(PLUGINS) }
    }
}

/// What one check keeps from run to run: a connection, if it is told to keep it.
#[derive(Debug, Default)]
pub struct Memory {
    pub(crate) http: HttpMemory,
}

/// How long each phase took; `None` for one that this check does not have or that it never came to. Of a check with
/// several requests they are sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Name to address. `None` for an address.
    pub resolve: Option<Duration>,
    /// TCP handshake.
    pub connect: Option<Duration>,
    /// TLS handshake.
    pub tls: Option<Duration>,
    /// From the request's end until the answer's head was there; of `icmp` the round trip.
    pub first_byte: Option<Duration>,
    /// All of it.
    pub total: Duration,
}

/// One request of a check with several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepPhases {
    /// `GET shop.example`: never the path, which may hold a secret.
    pub name: String,
    /// The answer's status.
    pub status: Option<u16>,
    /// Its own phases.
    pub phases: Phases,
}

/// Good, bad, or not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything held.
    Good,
    /// It did not. With a severity, it is no worse than that.
    Bad(Option<Severity>),
    /// It could not be found out, through no fault of the target.
    Unknown,
}

/// What was observed, for expectations and for `check run`.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// HTTP status or exit code.
    pub status: Option<u16>,
    /// The answer, as far as it was read.
    pub body: Option<Vec<u8>>,
    /// The answer was longer than what is read of it.
    pub cut: bool,
    /// The answer's headers.
    pub headers: ::http::HeaderMap,
    /// Whole days until the certificate ends; negative if it has.
    pub cert_days: Option<i64>,
    /// Answers of a DNS question, as text.
    pub answers: Option<Vec<String>>,
    /// A plugin's performance data.
    pub perf: Vec<(String, f64)>,
}

impl Seen {
    pub(crate) fn set_body(&mut self, body: &[u8]) {
        self.body = Some(body.to_vec());
    }

    /// The body as text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.body.as_deref().unwrap_or_default())
    }
}

/// One finished measurement.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Good, bad, or not known.
    pub verdict: Verdict,
    /// One line, fit for a page at three in the morning; never holds a configured secret.
    pub summary: String,
    /// How long it took.
    pub phases: Phases,
    /// Each request of several.
    pub steps: Vec<StepPhases>,
    /// What was observed.
    pub seen: Seen,
}

impl Outcome {
    /// Of a run that ended by a fault of Foghorn's own.
    pub(crate) fn crashed() -> Outcome {
        Outcome {
            verdict: Verdict::Unknown,
            summary: "the check ended by a fault of Foghorn's own; the log says more".to_owned(),
            phases: Phases::default(),
            steps: Vec::new(),
            seen: Seen::default(),
        }
    }
}

/// Why a measurement did not come out well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The target is unwell.
    Bad(String),
    /// A plugin's WARNING.
    Warning(String),
    /// Nothing can be said of the target.
    Unknown(String),
}

impl Trouble {
    fn map(self, f: impl FnOnce(String) -> String) -> Trouble {
        match self {
            Trouble::Bad(t) => Trouble::Bad(f(t)),
            Trouble::Warning(t) => Trouble::Warning(f(t)),
            Trouble::Unknown(t) => Trouble::Unknown(f(t)),
        }
    }
}

/// Runs a check once. Ends by the check's own timeout at the latest. Needs a tokio runtime with I/O and time.
pub async fn run(check: &Check, env: &Env, memory: &Memory) -> Outcome {
    let mut trace = Trace::new(check.timeout);
    let deadline = trace.deadline;
    let result = tokio::time::timeout_at(deadline, measure(check, env, memory, &mut trace)).await;
    trace.finish();
    let result = result
        .unwrap_or_else(|_| Err(trace.timed_out()))
        .map_err(|t| t.map(|text| format!("{}{text}", trace.step)))
        .and_then(|summary| match expect::first_broken(&check.expect, &trace.seen, &trace.phases) {
            Some(why) => Err(Trouble::Bad(why)),
            None => Ok(summary),
        });
    let (verdict, summary) = match result {
        Ok(text) => (Verdict::Good, text),
        Err(Trouble::Bad(text)) => (Verdict::Bad(None), text),
        Err(Trouble::Warning(text)) => (Verdict::Bad(Some(Severity::Warning)), text),
        Err(Trouble::Unknown(text)) => (Verdict::Unknown, text),
    };
    // A server may repeat what it was sent, and a page is read by many.
    let summary = match &check.kind {
        CheckKind::Http(http) if verdict != Verdict::Good => secrecy::hide(&summary, secrecy::of(http)),
        CheckKind::Exec { env, .. } => secrecy::hide(&summary, env.values()),
        _ => summary,
    };
    let summary = secrecy::hide(&summary, &check.hidden);
    Outcome { verdict, summary, phases: trace.phases, steps: trace.steps, seen: trace.seen }
}

async fn measure(check: &Check, env: &Env, memory: &Memory, trace: &mut Trace) -> Result<String, Trouble> {
    match &check.kind {
        CheckKind::Http(http) => Box::pin(http::run(check, http, env, &memory.http, trace)).await,
        CheckKind::Tcp { target, send, contains } => {
            Box::pin(tcp::run(check, target, send.as_deref(), contains.as_deref(), env, trace)).await
        }
        CheckKind::Tls { target, server_name, min_days, ca_file } => {
            Box::pin(tls::run(target, server_name, *min_days, ca_file.as_deref(), env, trace)).await
        }
        CheckKind::Dns { name, record, resolver, answer } => {
            let none = check.expect.iter().any(|e| (&e.subject, e.op) == (&Subject::Answer, Op::NotExists));
            Box::pin(dns::run(name, record, *resolver, answer, none, trace)).await
        }
        CheckKind::Icmp { host } => Box::pin(icmp::run(host, env, trace)).await,
        CheckKind::Exec { command, env: vars } => Box::pin(exec::run(check, command, vars, env, trace)).await,
    }
}

/// At most `most` characters on one line.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(most) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_config::model::SocketTarget;

    /// A resolver none of whose threads is ever free says nothing of a name that waits for one.
    #[tokio::test]
    async fn a_name_that_was_not_looked_up_is_not_known_to_be_bad() {
        let stats = Stats::default();
        let resolver = Resolver::new(0, Arc::clone(&stats.lookups));
        let env = Env { resolver, ..Env::new(&stats) };
        let target = SocketTarget { host: "shop.example".to_owned(), port: 80 };
        let check = Check {
            hidden: Vec::new(),
            name: "shop".to_owned(),
            kind: CheckKind::Tcp { target, send: None, contains: None },
            every: Duration::from_secs(10),
            timeout: Duration::from_millis(20),
            fail_after: 2,
            recover_after: 2,
            expect: Vec::new(),
        };
        let outcome = run(&check, &env, &Memory::default()).await;
        let why =
            "shop.example was not looked up within 20 ms: too many other names wait for the host's resolver";
        assert_eq!((outcome.verdict, outcome.summary.as_str()), (Verdict::Unknown, why));
    }
}
