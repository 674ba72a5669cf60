//! Alerts taken in.

use super::Bench;
use super::load::{Load, send};
use super::peers::Alertmanager;
use super::process::{Foghorn, Running, basics};
use super::table::{Row, thousands};
use super::target::Hook;
use anyhow::Result;
use serde_json::json;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

/// How often the disk can be asked to keep something: what no durable server gets past for one client.
fn fsyncs(bench: &Bench, time: Duration) -> Result<f64> {
    let path = bench.dir.join("fsync");
    // In place, as a log is written that is used again and again.
    let mut file = File::create(&path)?;
    file.write_all(&[0; 1 << 20])?;
    file.sync_all()?;
    let began = Instant::now();
    let mut count = 0_u32;
    while began.elapsed() < time {
        file.write_all_at(&[7; 4096], u64::from(count % 256) * 4096)?;
        file.sync_data()?;
        count += 1;
    }
    std::fs::remove_file(path)?;
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// The machine's own.
pub(crate) fn fsync(bench: &Bench) -> Result<Vec<Row>> {
    let rate = fsyncs(bench, Duration::from_secs(2))?;
    Ok(vec![Row {
        what: "the machine: 4 KiB in place and `fdatasync`, one after another".into(),
        target: "".into(),
        ours: "".into(),
        others: format!("{} a second", thousands(rate)),
        reached: None,
        figures: json!({ "fsyncs_per_second": rate }),
    }])
}

/// A rate, and what it cost the server.
fn measure(process: &Running, address: std::net::SocketAddr, load: Load) -> Result<(f64, f64)> {
    let before = process.cpu()?;
    let taken = send(address, load)?;
    let cpu = (process.cpu()? - before) / taken.alerts as f64 * 1e6;
    Ok((taken.rate(), cpu))
}

/// The turn in the middle counts: on a shared machine what comes second may have twice the processor that the first had.
const TURNS: usize = 3;

/// Distinct alerts, by number of clients and of alerts in a request.
pub(crate) fn rates(bench: &Bench) -> Result<Vec<Row>> {
    let hook = Hook::start()?;
    let mut rows = Vec::new();
    for (clients, each, aim) in
        [(8, 1, 0.8), (64, 1, 2.0), (8, 10, 2.0), (64, 10, 2.0), (8, 100, 2.0), (64, 100, 2.0)]
    {
        let load =
            Load { clients, each, most: 150_000, time: Duration::from_secs(4), first: 0, ended: false };
        let warm = Load { most: 2_000, first: 5_000_000, ..load };
        let mut turns = Vec::new();
        for _ in 0..TURNS {
            // Fresh, and one after the other: each has the machine for itself.
            let foghorn = Foghorn::start(bench, &basics(hook.address))?;
            send(foghorn.address, warm)?;
            let disk = fsyncs(bench, Duration::from_millis(500))?;
            let ours = measure(&foghorn.process, foghorn.address, load)?;
            drop(foghorn);
            let alertmanager = Alertmanager::start(&bench.dir, hook.address)?;
            send(alertmanager.address, warm)?;
            let theirs = measure(&alertmanager.process, alertmanager.address, load)?;
            turns.push((ours.0 / theirs.0, ours, theirs, disk));
        }
        turns.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, ours, theirs, disk) = turns[TURNS / 2];
        rows.push(Row {
            what: format!("distinct alerts taken in, {clients} clients, {each} a request; ours durable; the middle one of three turns"),
            target: format!("{aim} x Alertmanager"),
            ours: format!("{} a second, {:.0} us CPU each: {ratio:.2} x", thousands(ours.0), ours.1),
            others: format!("Alertmanager, in memory only: {} a second, {:.0} us; bare `fdatasync` {} a second", thousands(theirs.0), theirs.1, thousands(disk)),
            reached: Some(ratio >= aim),
            figures: json!({ "clients": clients, "each": each, "fsyncs_per_second": disk, "per_second": ours.0, "cpu_us": ours.1, "alertmanager_per_second": theirs.0, "alertmanager_cpu_us": theirs.1 }),
        });
    }
    Ok(rows)
}

/// With a hundred thousand alerts held, once all was notified.
pub(crate) fn memory(bench: &Bench) -> Result<Vec<Row>> {
    let hook = Hook::start()?;
    let load =
        Load { clients: 8, each: 100, most: 100_000, time: Duration::from_secs(300), first: 0, ended: false };
    let settled = |process: &Running| -> Result<f64> {
        // Until it does nothing any more, or half a minute: notifications are out then.
        let began = Instant::now();
        let mut before = process.cpu()?;
        loop {
            std::thread::sleep(Duration::from_secs(2));
            let now = process.cpu()?;
            if now - before < 0.1 || began.elapsed() > Duration::from_secs(30) {
                return process.rss();
            }
            before = now;
        }
    };
    let foghorn = Foghorn::start(bench, &basics(hook.address))?;
    send(foghorn.address, load)?;
    let ours = settled(&foghorn.process)?;
    drop(foghorn);
    let alertmanager = Alertmanager::start(&bench.dir, hook.address)?;
    send(alertmanager.address, load)?;
    let theirs = settled(&alertmanager.process)?;
    Ok(vec![Row {
        what: "memory with 100,000 alerts held in 100 incidents, after notification".into(),
        target: "half of Alertmanager's".into(),
        ours: format!("{ours:.0} MiB: {:.2} x", ours / theirs),
        others: format!("Alertmanager: {theirs:.0} MiB"),
        reached: Some(ours <= theirs / 2.0),
        figures: json!({ "rss_mib": ours, "alertmanager_rss_mib": theirs }),
    }])
}
