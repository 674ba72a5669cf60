//! What is known about a run while it goes on, so that one that is cut off by its deadline can say how far it came.

use super::{Phases, StepPhases, Trouble};
use foghorn_net::resolve::Begun;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;

/// What a run is waiting for.
#[derive(Clone, Debug, Default)]
pub(crate) enum Doing {
    #[default]
    Starting,
    /// For its turn, which is no fault of the target.
    Queued(&'static str),
    /// For a name's addresses; until the look-up has begun, for its turn.
    Resolving {
        host: String,
        begun: Begun,
    },
    Connecting(SocketAddr),
    Handshaking(SocketAddr),
    Waiting {
        peer: SocketAddr,
        sent: bool,
    },
    Reading {
        peer: SocketAddr,
        bytes: usize,
    },
    /// Answers came, and none of them was the one.
    Refusing(String),
    /// Anything else, as it goes on after "no answer within 3 s ".
    Other(String),
}

/// A run that is going on.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) started: Instant,
    pub(crate) deadline: Instant,
    pub(crate) timeout: Duration,
    /// Of the step under way, or of a check without steps.
    pub(crate) phases: Phases,
    pub(crate) steps: Vec<StepPhases>,
    /// When the step under way began.
    stepping: Option<Instant>,
    pub(crate) doing: Doing,
    /// `step 2 of 3: `, where there are several.
    pub(crate) step: String,
    pub(crate) seen: super::Seen,
    /// When the answer was complete, where that was only known later.
    pub(crate) complete: Option<Instant>,
}

impl Trace {
    pub(crate) fn new(timeout: Duration) -> Trace {
        let started = Instant::now();
        Trace {
            started,
            deadline: started + timeout,
            timeout,
            phases: Phases::default(),
            steps: Vec::new(),
            stepping: None,
            doing: Doing::Starting,
            step: String::new(),
            seen: super::Seen::default(),
            complete: None,
        }
    }

    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    pub(crate) fn begin_step(&mut self, method: &str) {
        self.stepping = Some(Instant::now());
        self.steps.push(StepPhases { name: method.to_owned(), status: None, phases: Phases::default() });
    }

    /// Ends the step under way, and gives its phases.
    pub(crate) fn end_step(&mut self) -> Phases {
        let mut own = std::mem::take(&mut self.phases);
        own.total = self.stepping.take().map_or(Duration::ZERO, |began| began.elapsed());
        if let Some(last) = self.steps.last_mut() {
            last.phases = own;
        }
        own
    }

    /// Ends the run, wherever it is: its phases are the sums of its steps', if it has any.
    pub(crate) fn finish(&mut self) {
        if self.stepping.is_some() {
            self.end_step();
        }
        for step in &self.steps {
            self.phases.add(&step.phases);
        }
        let ended = self.complete.unwrap_or_else(Instant::now);
        self.phases.total = ended.saturating_duration_since(self.started);
    }

    /// What a page says when the time is up.
    pub(crate) fn timed_out(&self) -> Trouble {
        let t = ShowTime(self.timeout);
        Trouble::Bad(match &self.doing {
            Doing::Starting => return Trouble::Unknown(format!("not begun within {t}")),
            Doing::Queued(why) => return Trouble::Unknown(format!("not begun within {t}: {why}")),
            Doing::Resolving { host, begun } if !begun.has() => {
                let why = "too many other names wait for the host's resolver";
                return Trouble::Unknown(format!("{host} was not looked up within {t}: {why}"));
            }
            Doing::Resolving { host, .. } => format!("no answer from the resolver for {host} within {t}"),
            Doing::Connecting(peer) => format!("no connection to {peer} within {t}"),
            Doing::Handshaking(peer) => format!("no TLS handshake with {peer} within {t} (connected)"),
            Doing::Waiting { peer, sent: true } => {
                format!("no answer from {peer} within {t} (connected, request sent)")
            }
            Doing::Waiting { peer, sent: false } => format!("no answer from {peer} within {t} (connected)"),
            Doing::Reading { peer, bytes } => {
                format!("answer from {peer} not complete within {t} ({bytes} bytes of it read)")
            }
            Doing::Refusing(what) => format!("{what}, and nothing else came within {t}"),
            Doing::Other(what) => format!("no answer within {t} ({what})"),
        })
    }
}

impl Phases {
    fn add(&mut self, other: &Phases) {
        let sum = |into: &mut Option<Duration>, more: Option<Duration>| {
            if let Some(more) = more {
                *into.get_or_insert_default() += more;
            }
        };
        sum(&mut self.resolve, other.resolve);
        sum(&mut self.connect, other.connect);
        sum(&mut self.tls, other.tls);
        sum(&mut self.first_byte, other.first_byte);
    }
}

/// A duration as people read it in one glance: `3 s`, `1.5 s`, `12 ms`, `0.3 ms`.
pub(crate) struct ShowTime(pub(crate) Duration);

impl std::fmt::Display for ShowTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = self.0.as_secs_f64() * 1000.0;
        if ms >= 10_000.0 {
            write!(f, "{:.0} s", ms / 1000.0)
        } else if ms >= 1000.0 {
            let text = format!("{:.1}", ms / 1000.0);
            write!(f, "{} s", text.trim_end_matches(".0"))
        } else if ms >= 10.0 {
            write!(f, "{ms:.0} ms")
        } else {
            let text = format!("{ms:.1}");
            write!(f, "{} ms", text.trim_end_matches(".0"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_in_one_glance() {
        for (us, want) in [
            (300, "0.3 ms"),
            (1_000, "1 ms"),
            (12_400, "12 ms"),
            (999_000, "999 ms"),
            (1_500_000, "1.5 s"),
            (3_000_000, "3 s"),
            (61_000_000, "61 s"),
        ] {
            assert_eq!(ShowTime(Duration::from_micros(us)).to_string(), want);
        }
    }
}
