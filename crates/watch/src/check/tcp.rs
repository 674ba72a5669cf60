//! `tcp`: connect, send, expect.

use super::trace::{Doing, ShowTime, Trace};
use super::{Env, Trouble, expect, shorten};
use crate::connect;
use foghorn_config::expect::{Expectation, Phase, Subject};
use foghorn_config::model::{Check, SocketTarget};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// More of an answer is not read.
const LIMIT: usize = 64 * 1024;
/// An answer after which nothing has come for so long is all that comes: what must not be in it is not. Of a connection that
/// stays open nothing else tells.
const QUIET: Duration = Duration::from_secs(1);
/// So long before the time is up it is judged, too.
const JUDGING: Duration = Duration::from_millis(50);

pub(super) async fn run(
    check: &Check,
    target: &SocketTarget,
    send: Option<&str>,
    contains: Option<&str>,
    env: &Env,
    trace: &mut Trace,
) -> Result<String, Trouble> {
    let (mut stream, peer) = connect::connect(&env.resolver, &target.host, target.port, None, trace).await?;
    if let Some(send) = send {
        trace.doing = Doing::Waiting { peer, sent: false };
        stream.write_all(send.as_bytes()).await.map_err(|e| connect::trouble(&e, peer))?;
    }
    let of_answer = |s: &Subject| {
        matches!(s, Subject::Body | Subject::Size | Subject::Json(_) | Subject::Phase(Phase::FirstByte))
    };
    let looks_at_answer = check.expect.iter().any(|e| of_answer(&e.subject));
    if contains.is_none() && !looks_at_answer {
        return Ok(format!("connected to {peer}"));
    }
    trace.doing = Doing::Waiting { peer, sent: send.is_some() };
    let waiting = Instant::now();
    let satisfied = |body: &[u8], trace: &mut Trace| {
        trace.seen.set_body(body);
        contains.is_none_or(|c| trace.seen.text().contains(c))
            && expect::first_broken(&check.expect, &trace.seen, &trace.phases).is_none()
    };
    // What holds of the beginning may not hold of the rest.
    let at_once = check.expect.iter().all(Expectation::holds_of_the_whole);
    let mut body = Vec::new();
    let mut buffer = [0; 4096];
    let mut holds = false;
    loop {
        let until = (Instant::now() + QUIET).min(trace.deadline - JUDGING.min(trace.timeout / 4));
        let read = async {
            if holds {
                timeout_at(until, stream.read(&mut buffer)).await
            } else {
                Ok(stream.read(&mut buffer).await)
            }
        };
        let came = Instant::now();
        let Ok(read) = read.await else {
            trace.complete = Some(came);
            return Ok(format!("{peer} answered in {}", ShowTime(came - waiting)));
        };
        let n = read.map_err(|e| connect::trouble(&e, peer))?;
        trace.phases.first_byte.get_or_insert_with(|| waiting.elapsed());
        body.extend(buffer.iter().take(n));
        body.truncate(LIMIT);
        holds = satisfied(&body, trace);
        if holds && (at_once || n == 0 || body.len() >= LIMIT) {
            return Ok(format!("{peer} answered in {}", ShowTime(waiting.elapsed())));
        }
        if n == 0 || body.len() >= LIMIT {
            break;
        }
        trace.doing = Doing::Other(format!("{peer} answered {}", fault(trace, contains)));
    }
    match contains {
        _ if body.is_empty() => Err(Trouble::Bad(format!("{peer} closed the connection without an answer"))),
        Some(c) if !trace.seen.text().contains(c) => {
            Err(Trouble::Bad(format!("{peer} answered {}", fault(trace, contains))))
        }
        // The expectation that does not hold is told by the one who evaluates them all.
        _ => Ok(format!("{peer} answered {}", fault(trace, None))),
    }
}

/// What has come, and what it lacks.
fn fault(trace: &Trace, contains: Option<&str>) -> String {
    let got = format!("{:?}", shorten(&trace.seen.text(), 80));
    match contains {
        Some(c) => format!("{got}, which does not contain {c:?}"),
        None => got,
    }
}
