//! The console's list of a thousand open incidents, as a browser gets it.

use super::Bench;
use super::process::{Foghorn, basics};
use super::table::{Row, quantile};
use super::target::Hook;
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const INCIDENTS: usize = 1000;
const TIMES: usize = 300;
const PASSWORD: &str = "correct horse battery";

/// An answer: its head, its body, and when its first byte came and its last.
pub(super) struct Answer {
    head: String,
    body: String,
    first: Duration,
    whole: Duration,
}

pub(super) fn ask(to: SocketAddr, what: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!(
        "{what} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    let began = Instant::now();
    stream.write_all(request.as_bytes())?;
    let mut text = vec![0];
    stream.read_exact(&mut text)?;
    let first = began.elapsed();
    stream.read_to_end(&mut text)?;
    let whole = began.elapsed();
    let text = String::from_utf8_lossy(&text);
    let (head, body) = text.split_once("\r\n\r\n").context("no whole answer")?;
    Ok(Answer { head: head.to_owned(), body: body.to_owned(), first, whole })
}

/// What follows `before`, up to `end`.
fn after<'a>(text: &'a str, before: &str, end: char) -> Result<&'a str> {
    let rest = text.split_once(before).with_context(|| format!("no {before} in {text}"))?.1;
    Ok(rest.split(end).next().unwrap_or_default())
}

/// Logs in as a browser does, and gives back the session's cookie.
fn log_in(to: SocketAddr) -> Result<String> {
    let html = ("Accept", "text/html");
    let page = ask(to, "GET /log-in", &[html], "")?;
    let visit = format!("foghorn-visit={}", after(&page.head, "foghorn-visit=", ';')?);
    let form = after(&page.body, "name=\"form\" value=\"", '"')?;
    let fields = format!("form={form}&name=bench&password={}", PASSWORD.replace(' ', "+"));
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let answer = ask(to, "POST /log-in", &[html, kind, ("Cookie", &visit)], &fields)?;
    Ok(format!("foghorn={}", after(&answer.head, "set-cookie: foghorn=", ';')?))
}

/// Makes an account that may look at everything, and logs in; the session's cookie.
pub(super) fn account(bench: &Bench, foghorn: &Foghorn) -> Result<String> {
    let mut add = Command::new(&bench.binary)
        .args(["user", "add", "bench", "--role", "viewer", "--password-stdin", "-c"])
        .arg(foghorn.config())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    add.stdin.take().context("no standard input")?.write_all(PASSWORD.as_bytes())?;
    ensure!(add.wait()?.success(), "no account");
    log_in(foghorn.address)
}

/// A thousand incidents are open.
fn fill(foghorn: &Foghorn) -> Result<()> {
    for begin in (0..INCIDENTS).step_by(100) {
        let alerts: Vec<_> = (begin..begin + 100)
            .map(|n| {
                json!({ "labels": { "alertname": format!("bench-{n:04}"), "severity": if n % 3 == 0 { "critical" } else { "warning" } },
                        "annotations": { "summary": format!("something is wrong with number {n:04}, and has been for a while") } })
            })
            .collect();
        let body = serde_json::to_string(&alerts)?;
        let answer =
            ask(foghorn.address, "POST /api/v2/alerts", &[("Content-Type", "application/json")], &body)?;
        ensure!(answer.head.starts_with("HTTP/1.1 200"), "not taken: {}", answer.head);
    }
    Ok(())
}

/// Its first page, again and again.
pub(crate) fn list(bench: &Bench) -> Result<Vec<Row>> {
    let hook = Hook::start()?;
    let foghorn = Foghorn::start(bench, &basics(hook.address))?;
    let before = foghorn.process.rss()?;
    let cookie = account(bench, &foghorn)?;
    fill(&foghorn)?;
    let headers = [("Accept", "text/html"), ("Cookie", &*cookie)];
    let (mut first, mut whole, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..TIMES {
        let page = ask(foghorn.address, "GET /", &headers, "")?;
        ensure!(page.body.contains(&format!("of {}", INCIDENTS / 50)), "not the list: {}", page.head);
        first.push(page.first.as_secs_f64() * 1000.0);
        whole.push(page.whole.as_secs_f64() * 1000.0);
        bytes = page.body.len();
    }
    let (p50, p99) = (quantile(&mut first, 0.5), quantile(&mut first, 0.99));
    let whole = quantile(&mut whole, 0.99);
    let rss = foghorn.process.rss()?;
    Ok(vec![Row {
        what: format!(
            "console list 1,000: first byte of the page of 1,000 open incidents, {} KB",
            bytes / 1000
        ),
        target: "p99 20 ms".into(),
        ours: format!("p50 {p50:.1} ms, p99 {p99:.1} ms; whole p99 {whole:.1} ms; {rss:.0} MiB"),
        others: String::new(),
        reached: Some(p99 <= 20.0),
        figures: json!({ "p50_ms": p50, "p99_ms": p99, "whole_p99_ms": whole, "bytes": bytes, "rss_mib": rss, "rss_before_mib": before }),
    }])
}
