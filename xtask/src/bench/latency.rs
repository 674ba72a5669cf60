//! From an alert to the webhook that tells of it.

use super::Bench;
use super::peers::Alertmanager;
use super::process::{Foghorn, basics};
use super::table::{Row, quantile};
use super::target::Hook;
use anyhow::{Context as _, Result};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How many, and how long after the webhook for one the next is sent.
#[derive(Clone, Copy)]
pub(super) struct Alerts {
    pub(super) number: u32,
    pub(super) pause: Duration,
}

const ONE_AFTER_ANOTHER: Alerts = Alerts { number: 500, pause: Duration::ZERO };

/// Milliseconds from writing the request, each alert an incident of its own with a name that begins so, to the whole webhook.
pub(super) fn measure(to: SocketAddr, hook: &Hook, name: &str, alerts: Alerts) -> Result<Vec<f64>> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    let mut took = Vec::new();
    for i in 0..alerts.number {
        std::thread::sleep(alerts.pause);
        let name = format!("{name}-{i:05}");
        let body = format!(
            "[{{\"labels\":{{\"alertname\":\"{name}\",\"severity\":\"critical\"}},\"annotations\":{{\"summary\":\"{name}\"}}}}]"
        );
        let request = format!(
            "POST /api/v2/alerts HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let began = Instant::now();
        stream.write_all(request.as_bytes())?;
        let came = hook.wait(&name).with_context(|| format!("the webhook for {name}"))?;
        took.push(came.duration_since(began).as_secs_f64() * 1000.0);
        let mut answer = [0; 4096];
        let n = stream.read(&mut answer)?;
        anyhow::ensure!(
            answer[..n].starts_with(b"HTTP/1.1 200"),
            "not taken: {}",
            String::from_utf8_lossy(&answer[..n])
        );
    }
    Ok(took)
}

/// One after another.
pub(crate) fn to_webhook(bench: &Bench) -> Result<Vec<Row>> {
    let hook = Hook::start()?;
    let foghorn = Foghorn::start(bench, &basics(hook.address))?;
    let mut ours = measure(foghorn.address, &hook, "latency", ONE_AFTER_ANOTHER)?;
    drop(foghorn);
    let alertmanager = Alertmanager::start(&bench.dir, hook.address)?;
    let mut theirs = measure(alertmanager.address, &hook, "latency", ONE_AFTER_ANOTHER)?;
    let (p50, p99) = (quantile(&mut ours, 0.5), quantile(&mut ours, 0.99));
    let (their_p50, their_p99) = (quantile(&mut theirs, 0.5), quantile(&mut theirs, 0.99));
    Ok(vec![Row {
        what: "an alert is sent to its webhook is there; ours durable".into(),
        target: "p99 20 ms".into(),
        ours: format!("p50 {p50:.1} ms, p99 {p99:.1} ms"),
        others: format!(
            "Alertmanager with `group_wait: 0s`, in memory only: p50 {their_p50:.1} ms, p99 {their_p99:.1} ms"
        ),
        reached: Some(p99 <= 20.0),
        figures: json!({ "p50_ms": p50, "p99_ms": p99, "alertmanager_p50_ms": their_p50, "alertmanager_p99_ms": their_p99 }),
    }])
}
