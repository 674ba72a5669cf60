//! A few hundred seeds, as every test run goes through them. A long run is `foghorn sim`.
#![allow(missing_docs)]

use foghorn_sim::{Profile, TEST_HOURS, run, run_many};

#[test]
fn every_invariant_holds_for_some_hundred_seeds() {
    let summary = run_many(0..300, TEST_HOURS, 2, None, |_| true);
    println!("{summary}");
    assert!(
        summary.failures.is_empty(),
        "{}",
        summary.failures.first().map(ToString::to_string).unwrap_or_default()
    );
    assert_eq!(summary.runs, 300);
    assert!(summary.repeated >= 10);
    for (invariant, n) in foghorn_sim::Invariant::ALL.iter().zip(&summary.checks) {
        assert!(*n > 0, "{invariant} was never checked");
    }
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_another() {
    let profile = Profile::default();
    let a = run(7, TEST_HOURS, &profile, None);
    let b = run(7, TEST_HOURS, &profile, None);
    let c = run(8, TEST_HOURS, &profile, None);
    assert_eq!((a.hash, a.figures, &a.checks), (b.hash, b.figures, &b.checks));
    assert_ne!(a.hash, c.hash);
}
