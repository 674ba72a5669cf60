//! Hours on call a second, with the profile that the figure is about: 10 people, 100 entities, an alert a minute, a
//! fault every ten. One thread; every invariant is checked.
//!
//! `cargo bench -p foghorn-sim` prints one line; `SIM_HOURS` and `SIM_SEEDS` change the amount.
#![allow(missing_docs)]

use foghorn_sim::{Profile, Summary, run};
use std::time::Instant;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn main() {
    let (hours, seeds) = (number("SIM_HOURS", 200), number("SIM_SEEDS", 8));
    let profile = Profile::bench();
    let began = Instant::now();
    let mut summary = Summary::default();
    for seed in 0..seeds {
        summary.add(run(seed, hours, &profile, None));
    }
    summary.took = began.elapsed();
    if !summary.failures.is_empty() {
        println!("{summary}");
        std::process::exit(1);
    }
    if std::env::var_os("SIM_VERBOSE").is_some() {
        println!("{summary}");
    }
    let records = summary.figures.records as f64 / summary.took.as_secs_f64();
    println!(
        "simulator: {:.0} on-call hours a second on one thread ({records:.0} records a second)",
        summary.pace()
    );
}
