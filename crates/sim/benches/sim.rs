//! Hours on call a second, with the profile that the figure is about: 10 people, 100 entities, an alert a minute, a
//! fault every ten. Every invariant is checked after every step; that a snapshot which was not needed reads back, after
//! every 2,000 batches.
//!
//! `cargo bench -p foghorn-sim` prints one line; `SIM_HOURS`, `SIM_SEEDS` and `SIM_THREADS` change the amount. A run is one
//! thread's; runs go side by side, on as many threads as there are processors.
#![allow(missing_docs)]

// The product's allocator.
use foghorn_host as _;
use foghorn_sim::{Profile, Summary, run};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn main() {
    let (hours, seeds) = (number("SIM_HOURS", 200), number("SIM_SEEDS", 8));
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let threads = number("SIM_THREADS", processors).clamp(1, seeds.max(1));
    let profile = Profile::bench();
    let (summary, next) = (Mutex::new(Summary::default()), AtomicU64::new(0));
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds {
            return;
        }
        let report = run(seed, hours, &profile, None);
        summary.lock().unwrap_or_else(PoisonError::into_inner).add(report);
    };
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut summary = summary.into_inner().unwrap_or_else(PoisonError::into_inner);
    summary.took = began.elapsed();
    if !summary.failures.is_empty() {
        println!(
            "{summary}\nTheir world is that of the figures: to see it again, run this bench with as many hours."
        );
        std::process::exit(1);
    }
    if std::env::var_os("SIM_VERBOSE").is_some() {
        println!("{summary}");
    }
    let records = summary.figures.records as f64 / summary.took.as_secs_f64();
    let plural = if threads == 1 { "" } else { "s" };
    println!(
        "simulator: {:.0} on-call hours a second on {threads} thread{plural} ({records:.0} records a second)",
        summary.pace()
    );
}
