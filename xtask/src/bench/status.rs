//! The status page beside nginx.

use super::Bench;
use super::peers::Static;
use super::process::{Foghorn, basics, free, get};
use super::table::{Row, thousands};
use super::target::Hook;
use crate::run::read;
use anyhow::{Context as _, Result};
use serde_json::json;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

/// With so many components the page is about 30 KB.
const COMPONENTS: usize = 9;

/// Requests a second, and the 99th percentile in milliseconds, by `wrk`.
fn wrk(to: SocketAddr, seconds: u32) -> Result<(f64, f64)> {
    rate_and_p99(&read(
        Command::new("wrk")
            .args(["-t2", "-c64", "--latency"])
            .arg(format!("-d{seconds}s"))
            .arg(format!("http://{to}/")),
    )?)
}

/// What `wrk --latency` said: requests a second, and the 99th percentile in milliseconds.
pub(super) fn rate_and_p99(text: &str) -> Result<(f64, f64)> {
    let word = |start: &str| -> Result<String> {
        let line = text.lines().find_map(|l| l.trim().strip_prefix(start));
        Ok(line.with_context(|| format!("wrk says no {start}: {text}"))?.trim().to_owned())
    };
    anyhow::ensure!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{text}");
    let p99 = word("99%")?;
    let number: f64 = p99.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse()?;
    let scale = match p99.trim_start_matches(|c: char| !c.is_ascii_alphabetic()) {
        "us" => 0.001,
        "s" => 1000.0,
        _ => 1.0,
    };
    Ok((word("Requests/sec:")?.parse()?, number * scale))
}

/// In turns, so that what else the machine does hits both.
pub(crate) fn page(bench: &Bench) -> Result<Vec<Row>> {
    let hook = Hook::start()?;
    let address = free()?;
    let mut config = basics(hook.address);
    let all = |one: fn(usize) -> String| (0..COMPONENTS).map(one).collect::<Vec<_>>().join(", ");
    config.push_str(&format!("topology: {{ {} }}\n", all(|i| format!("e{i}: {{ kind: service }}"))));
    config.push_str(&format!(
        "status_page: {{ listen: \"{address}\", name: Example, components: {{ {} }} }}\n",
        all(|i| format!("Component {i}: [e{i}]"))
    ));
    let _foghorn = Foghorn::start(bench, &config)?;
    let began = Instant::now();
    let body = loop {
        match get(address, "/") {
            Ok((200, body)) => break body,
            other => anyhow::ensure!(began.elapsed() < Duration::from_secs(30), "no status page: {other:?}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let nginx = Static::start(&bench.dir, free()?, &body)?;
    let (mut ours, mut theirs, mut p99, mut their_p99) = (0.0_f64, 0.0_f64, f64::MAX, f64::MAX);
    for _ in 0..3 {
        let (rate, latency) = wrk(nginx.address, 5)?;
        (theirs, their_p99) = (theirs.max(rate), their_p99.min(latency));
        let (rate, latency) = wrk(address, 5)?;
        (ours, p99) = (ours.max(rate), p99.min(latency));
    }
    let size = body.len() as f64 / 1000.0;
    Ok(vec![Row {
        what: format!("status page, {size:.0} KB, 64 connections kept open; the best of three turns"),
        target: "0.6 of nginx with a static file".into(),
        ours: format!("{} a second: {:.2}; p99 {p99:.1} ms", thousands(ours), ours / theirs),
        others: format!("nginx {} a second; p99 {their_p99:.1} ms", thousands(theirs)),
        reached: Some(ours >= 0.6 * theirs),
        figures: json!({ "per_second": ours, "p99_ms": p99, "nginx_per_second": theirs, "nginx_p99_ms": their_p99, "kb": size }),
    }])
}
