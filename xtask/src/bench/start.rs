//! Starting on a long journal, being idle, and the simulator.

use super::Bench;
use super::load::{Load, send};
use super::peers::Alertmanager;
use super::process::{Foghorn, basics};
use super::table::{Row, thousands};
use super::target::Hook;
use crate::run::{cargo, read};
use anyhow::{Context as _, Result};
use serde_json::json;
use std::time::{Duration, Instant};

/// A journal of a million events: alerts that come and go.
pub(crate) fn million(bench: &Bench) -> Result<Vec<Row>> {
    const EVENTS: f64 = 1_000_000.0;
    let hook = Hook::start()?;
    let foghorn = Foghorn::start(bench, &basics(hook.address))?;
    let events = || foghorn.metric("foghorn_journal_seq");
    let began = Instant::now();
    let mut first = 0;
    let mut now = events()?;
    while now < EVENTS {
        let load =
            Load { clients: 8, each: 100, most: 5_000, time: Duration::from_secs(60), first, ended: false };
        send(foghorn.address, load)?;
        send(foghorn.address, Load { ended: true, ..load })?;
        first += load.most;
        now = events()?;
        println!("{} events after {:.0} s", thousands(now), began.elapsed().as_secs_f64());
    }
    let size = foghorn.size("journal")? as f64 / 1e6;
    // A first start may still have to write what it was told to end in the middle of.
    let (foghorn, one) = foghorn.restart(bench)?;
    let (foghorn, two) = foghorn.restart(bench)?;
    let rss = foghorn.process.rss()?;
    let (one, two) = (one.as_secs_f64(), two.as_secs_f64());
    Ok(vec![Row {
        what: format!(
            "start of the process to able to page, on a journal of {} events ({size:.0} MB) with a snapshot",
            thousands(now)
        ),
        target: "1 s".into(),
        ours: format!("{one:.2} s, again {two:.2} s; {rss:.0} MiB"),
        others: "".into(),
        reached: Some(one.max(two) <= 1.0),
        figures: json!({ "first_s": one, "second_s": two, "rss_mib": rss, "events": now, "journal_mb": size }),
    }])
}

/// With a few checks and nothing else to do.
pub(crate) fn idle(bench: &Bench) -> Result<Vec<Row>> {
    let hook = Hook::start()?;
    let mut config = basics(hook.address);
    config.push_str("checks:\n");
    (0..10).for_each(|i| config.push_str(&format!("  c{i}: {{ tcp: \"{}\", every: 10s }}\n", hook.address)));
    let foghorn = Foghorn::start(bench, &config)?;
    let alertmanager = Alertmanager::start(&bench.dir, hook.address)?;
    std::thread::sleep(Duration::from_secs(25));
    let (ours, theirs) = (foghorn.process.rss()?, alertmanager.process.rss()?);
    Ok(vec![Row {
        what: "idle memory of `serve`, 10 checks".into(),
        target: "30 MiB".into(),
        ours: format!("{ours:.0} MiB"),
        others: format!("Alertmanager {theirs:.0} MiB"),
        reached: Some(ours <= 30.0),
        figures: json!({ "rss_mib": ours, "alertmanager_rss_mib": theirs }),
    }])
}

/// On-call hours a second.
pub(crate) fn simulator(_: &Bench) -> Result<Vec<Row>> {
    let text = read(
        // As much as the machine does in a few seconds where the figure is reached.
        cargo()
            .args(["bench", "--package", "foghorn-sim", "--locked"])
            .env("SIM_HOURS", "200")
            .env("SIM_SEEDS", "8"),
    )?;
    let line = text
        .lines()
        .find_map(|l| l.strip_prefix("simulator: "))
        .context("the simulator's bench says nothing")?;
    let pace: f64 = line.split(' ').next().context("no number")?.parse()?;
    let threads = line.split_once(" on ").and_then(|(_, rest)| rest.split_once(" (")).map_or("", |(n, _)| n);
    Ok(vec![Row {
        what: format!(
            "simulator: 10 people, 100 entities, an alert a minute, a fault every ten; {threads}, every invariant checked, the whole state against a replay at every start"
        ),
        target: "1,000 on-call hours a second".into(),
        ours: format!("{} hours a second", thousands(pace)),
        others: "".into(),
        reached: Some(pace >= 1000.0),
        figures: json!({ "hours_per_second": pace }),
    }])
}
