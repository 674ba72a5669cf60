//! `tcp`: connect, send, expect.

use super::trace::{Doing, ShowTime, Trace};
use super::{Env, Trouble, expect, shorten};
use crate::connect;
use foghorn_config::expect::{Phase, Subject};
use foghorn_config::model::{Check, SocketTarget};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

/// More of an answer is not read.
const LIMIT: usize = 64 * 1024;

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
    let mut body = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).await.map_err(|e| connect::trouble(&e, peer))?;
        trace.phases.first_byte.get_or_insert_with(|| waiting.elapsed());
        body.extend(buffer.iter().take(n));
        body.truncate(LIMIT);
        if satisfied(&body, trace) {
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
