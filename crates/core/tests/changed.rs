//! Changes to production, as they are told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::change::Change;
use foghorn_core::input::Input;
use world::World;

fn tell(w: &mut World, summary: &str) {
    let change = Change {
        at: w.now.wall,
        source: "deploys".into(),
        summary: summary.to_owned(),
        entity: Some("shop".into()),
        link: None,
    };
    w.put(Input::Change { change });
}

/// Whoever was told to try again does.
#[test]
fn what_is_told_twice_within_a_minute_is_one_change() {
    let mut w = World::shop();
    tell(&mut w, "deploy 7");
    w.secs(5);
    tell(&mut w, "deploy 7");
    assert_eq!(w.state.changes.len(), 1);
    tell(&mut w, "deploy 8");
    w.mins(2);
    tell(&mut w, "deploy 8");
    assert_eq!(w.state.changes.len(), 3, "another, or later, is another");
}
