//! That the checkers can fail: every deliberately broken rule is caught within the number of seeds that it states.
#![allow(missing_docs)]

use foghorn_sim::{Mutation, Profile, TEST_HOURS, run};

#[test]
fn every_broken_rule_is_caught_within_its_number_of_seeds() {
    let mut missed = Vec::new();
    for mutation in Mutation::ALL.iter().copied() {
        let caught = (0..mutation.within()).find_map(|seed| {
            Some((seed, run(seed, TEST_HOURS, &Profile::of_seed(seed), Some(mutation)).failure?))
        });
        match caught {
            Some((seed, failure)) => {
                assert_eq!(failure.mutation, Some(mutation));
                assert!(failure.command().contains(mutation.name()));
                println!(
                    "{mutation:<18} caught by {:<22} with seed {seed} (within {})",
                    failure.violation.invariant,
                    mutation.within()
                );
            }
            None => missed.push(mutation.name()),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
