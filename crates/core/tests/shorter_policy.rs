//! A policy that becomes shorter while its last step is waiting.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::input::Input;
use foghorn_core::page::Outcome;
use foghorn_core::setup::Setup;
use std::sync::Arc;
use world::World;

#[test]
fn does_not_end_there_without_a_word_to_anybody() {
    let once = world::SHOP.replace(
        r#"{ "page": [ "everyone" ], "wait": 600000 } ]"#,
        r#"{ "page": [ { "person": "cy" } ], "wait": 600000 } ], "repeat": 1"#,
    );
    assert_ne!(once, world::SHOP);
    let mut w = World::new(&once);
    w.broken.push(("mail".into(), Outcome::Retry { error: "dead".into(), after: None }));
    w.fails("shop");
    w.mins(10);
    assert_eq!(w.incident(1).escalation.step, 2);
    let mut setup: Setup = serde_json::from_str(&once).unwrap();
    setup.people.remove("cy");
    setup.escalations.get_mut("default").unwrap().steps.pop();
    let before = w.pages.len();
    w.put(Input::AdoptConfig { hash: "2".into(), setup: Arc::new(setup) });
    assert_eq!(w.pages[before..], ["600s ben by push"], "{:?}", w.whys());
}
