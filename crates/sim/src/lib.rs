//! A deterministic simulator: the very loop and rules that run in production, against simulated journals, channels,
//! clocks, senders and people, with crashes at any point.
//!
//! A run is made by its seed and length alone. Checkers that stand outside hold it against [`Invariant`]s after every
//! step; a run that fails is told with the command that shows it again. [`Mutation`]s, deliberately broken rules, show
//! that the checkers can fail.

mod check;
mod disk;
mod mutation;
mod profile;
mod report;
mod rng;
mod setup;
mod world;

pub use check::{Figures, Invariant, Violation};
pub use mutation::Mutation;
pub use profile::Profile;
pub use report::{Failure, Report, Summary};

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;
use world::World;

/// How many hours a seed simulates in the tests, and in the promise of [`Mutation::within`].
pub const TEST_HOURS: u64 = 6;
/// Every so many seeds one is run twice.
const REPEAT: u64 = 16;

/// One run. The same arguments give the same report.
#[must_use]
pub fn run(seed: u64, hours: u64, profile: &Profile, mutation: Option<Mutation>) -> Report {
    let mut world = World::new(seed, profile, mutation, false);
    world.run(hours);
    let failure = world.checker.violation.take().map(|violation| {
        // What led to it is written down only now: the same seed gives the same run.
        let mut again = World::new(seed, profile, mutation, true);
        again.run(hours);
        let lines = again.lines.take().map(Vec::from).unwrap_or_default();
        Failure { seed, hours, mutation, violation, lines }
    });
    Report {
        seed,
        hours,
        hash: world.hash,
        figures: world.checker.figures,
        checks: world.checker.counts.to_vec(),
        failure,
    }
}

/// Many runs, each with the profile of its seed, on so many threads. `progress` is told how many are done; once it
/// returns false no more are begun.
pub fn run_many(
    seeds: Range<u64>,
    hours: u64,
    threads: usize,
    mutation: Option<Mutation>,
    progress: impl Fn(u64) -> bool + Sync,
) -> Summary {
    let began = Instant::now();
    let (next, done) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    let summary = Mutex::new(Summary::default());
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let profile = Profile::of_seed(seed);
            let mut report = run(seed, hours, &profile, mutation);
            let twice = seed % REPEAT == 0;
            if twice && report.failure.is_none() {
                same_again(&mut report, &profile, mutation);
            }
            let mut sum = summary.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            sum.repeated += u64::from(twice);
            sum.add(report);
            drop(sum);
            if !progress(done.fetch_add(1, Ordering::Relaxed) + 1) {
                stop.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    let mut summary = summary.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    summary.took = began.elapsed();
    summary
}

/// Runs a seed once more: everything observed must be the same.
fn same_again(report: &mut Report, profile: &Profile, mutation: Option<Mutation>) {
    let again = run(report.seed, report.hours, profile, mutation);
    if let Some(n) = report.checks.get_mut(Invariant::SameRun as usize) {
        *n += 1;
    }
    if (again.hash, again.figures) != (report.hash, report.figures) {
        let what =
            format!("{:x} and {:x}; {:?} and {:?}", report.hash, again.hash, report.figures, again.figures);
        let violation = Violation { invariant: Invariant::SameRun, at: 0, what };
        let (seed, hours) = (report.seed, report.hours);
        report.failure = Some(Failure { seed, hours, mutation, violation, lines: Vec::new() });
    }
}
