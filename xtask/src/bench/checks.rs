//! What checks cost, and how punctual they are.

use super::Bench;
use super::peers::{Blackbox, Nginx};
use super::process::{Foghorn, basics, free, get};
use super::table::{Row, thousands};
use super::target::Hook;
use crate::run::{read, root, works};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

/// HTTP checks of one target.
fn checks(count: u32, every: &str, target: SocketAddr, hook: SocketAddr) -> String {
    let mut text = basics(hook);
    text.push_str("checks:\n");
    for i in 0..count {
        text.push_str(&format!("  c{i}: {{ http: \"http://{target}/\", every: {every}, timeout: 1s }}\n"));
    }
    text
}

/// Where the C loop is, compiled.
fn bare_loop(bench: &Bench) -> Result<std::path::PathBuf> {
    let program = bench.dir.join("bare_loop");
    let source = root().join("crates/watch/benches/bare_loop.c");
    read(Command::new("cc").args(["-O2", "-o"]).arg(&program).arg(source))?;
    Ok(program)
}

/// CPU microseconds a check, how many were made, and how many were not good.
fn foghorn(bench: &Bench, target: SocketAddr, warm: Duration, time: Duration) -> Result<(f64, f64, f64)> {
    let hook = Hook::start()?;
    let foghorn = Foghorn::start(bench, &checks(1000, "1s", target, hook.address))?;
    std::thread::sleep(warm);
    let (cpu, runs) = (foghorn.process.cpu()?, foghorn.metric("foghorn_check_runs_total")?);
    std::thread::sleep(time);
    let (cpu, runs) = (foghorn.process.cpu()? - cpu, foghorn.metric("foghorn_check_runs_total")? - runs);
    let failed = ["bad", "unknown"]
        .map(|v| foghorn.metric(&format!("foghorn_check_results_total{{verdict=\"{v}\"}}")));
    let failed = failed.into_iter().sum::<Result<f64>>()?;
    Ok((cpu / runs * 1e6, foghorn.metric("foghorn_check_runs_total")?, failed))
}

/// CPU microseconds a probe of blackbox_exporter, at a rate that it can keep.
fn blackbox(bench: &Bench, target: SocketAddr) -> Result<f64> {
    const PROBES: u32 = 1000;
    let blackbox = Blackbox::start(&bench.dir)?;
    let path = format!("/probe?module=http_2xx&target=http://{target}/");
    let before = blackbox.process.cpu()?;
    for _ in 0..PROBES {
        let (_, text) = get(blackbox.address, &path)?;
        anyhow::ensure!(text.contains("probe_success 1"), "blackbox_exporter found nginx unwell");
    }
    Ok((blackbox.process.cpu()? - before) / f64::from(PROBES) * 1e6)
}

/// A thousand checks a second on new connections, beside the least that they can cost.
pub(crate) fn cost(bench: &Bench) -> Result<Vec<Row>> {
    let address = free()?;
    let nginx = Nginx::start(&bench.dir, address, None)?;
    let program = bare_loop(bench)?;
    let bare = |to: SocketAddr, seconds: u32| -> Result<f64> {
        let (ip, port) = (to.ip().to_string(), to.port().to_string());
        let text = read(Command::new(&program).args([&ip, &port, "1000", &seconds.to_string()]))?;
        let said: Value = serde_json::from_str(&text)?;
        said["cpu_us_each"].as_f64().context("no figure of the C loop")
    };
    let c = bare(address, 10)?;
    let (ours, _, _) = foghorn(bench, address, Duration::from_secs(3), Duration::from_secs(15))?;
    let theirs = blackbox(bench, address)?;
    drop(nginx);
    let mut rows = vec![Row {
        what: "an HTTP check on a new connection, result recorded, 1,000 a second: CPU of the whole process"
            .into(),
        target: "2 x a bare C loop".into(),
        ours: format!("{ours:.0} us: {:.2} x", ours / c),
        others: format!("C loop {c:.0} us; blackbox_exporter {theirs:.0} us"),
        reached: Some(ours <= 2.0 * c),
        figures: json!({ "cpu_us": ours, "bare_cpu_us": c, "blackbox_cpu_us": theirs }),
    }];
    match Pair::new() {
        Some(pair) => {
            let address = SocketAddr::from(([10, 250, 99, 2], 8080));
            let _nginx = Nginx::start(&bench.dir, address, Some(&pair.name))?;
            let c = bare(address, 10)?;
            let (ours, runs, failed) =
                foghorn(bench, address, Duration::from_secs(3), Duration::from_secs(100))?;
            rows.push(Row {
                what: "the same over a veth pair, off loopback".into(),
                target: "no failed check in 100,000".into(),
                ours: format!("{failed:.0} failed of {}; {ours:.0} us: {:.2} x", thousands(runs), ours / c),
                others: format!("C loop {c:.0} us"),
                reached: Some(failed == 0.0),
                figures: json!({ "runs": runs, "failed": failed, "cpu_us": ours, "bare_cpu_us": c }),
            });
        }
        None => println!("no veth pair: that takes root and iproute2"),
    }
    Ok(rows)
}

/// A pair of network cards, the other end in a namespace of its own.
struct Pair {
    name: String,
}

impl Pair {
    fn new() -> Option<Pair> {
        let pair = Pair { name: format!("foghorn-bench-{}", std::process::id()) };
        let name = pair.name.as_str();
        let ip = |words: &[&str]| works(Command::new("ip").args(words));
        let made = ip(&["netns", "add", name])
            && ip(&["link", "add", "foghorn0", "type", "veth", "peer", "name", "foghorn1", "netns", name])
            && ip(&["addr", "add", "10.250.99.1/24", "dev", "foghorn0"])
            && ip(&["link", "set", "foghorn0", "up"])
            && ip(&["-n", name, "addr", "add", "10.250.99.2/24", "dev", "foghorn1"])
            && ip(&["-n", name, "link", "set", "foghorn1", "up"])
            && ip(&["-n", name, "link", "set", "lo", "up"]);
        made.then_some(pair)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        works(Command::new("ip").args(["link", "del", "foghorn0"]));
        works(Command::new("ip").args(["netns", "del", &self.name]));
    }
}

/// Ten thousand of them, every ten seconds.
pub(crate) fn ten_thousand(bench: &Bench) -> Result<Vec<Row>> {
    let address = free()?;
    let _nginx = Nginx::start(&bench.dir, address, None)?;
    let hook = Hook::start()?;
    let began = Instant::now();
    let foghorn = Foghorn::start(bench, &checks(10_000, "10s", address, hook.address))?;
    while foghorn.metric("foghorn_check_runs_total")? < 10_000.0 && began.elapsed() < Duration::from_secs(60)
    {
        std::thread::sleep(Duration::from_millis(50));
    }
    let first = began.elapsed().as_secs_f64();
    std::thread::sleep(Duration::from_secs(40));
    let p99 = foghorn.metric("foghorn_check_lateness_seconds{quantile=\"0.99\"}")? * 1000.0;
    let p50 = foghorn.metric("foghorn_check_lateness_seconds{quantile=\"0.5\"}")? * 1000.0;
    let rss = foghorn.process.rss()?;
    let failed = foghorn.metric("foghorn_check_results_total{verdict=\"bad\"}")?;
    Ok(vec![Row {
        what: "10,000 HTTP checks every 10 s".into(),
        target: "p99 lateness 20 ms, 100 MiB, all checked within 10 s of a start".into(),
        ours: format!(
            "lateness p50 {p50:.1} ms, p99 {p99:.1} ms; {rss:.0} MiB; all checked {first:.1} s after the process began; {failed:.0} failed"
        ),
        others: "none that keeps up in Debian".into(),
        reached: Some(p99 <= 20.0 && rss <= 100.0 && first <= 10.0),
        figures: json!({ "lateness_p50_ms": p50, "lateness_p99_ms": p99, "rss_mib": rss, "first_round_s": first, "failed": failed }),
    }])
}
