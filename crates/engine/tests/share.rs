//! A channel that hangs has its share of what may be on its way, and leaves the others theirs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod owner;

use foghorn_core::input::Input;
use foghorn_core::page::Outcome;
use foghorn_core::setup::Setup;
use foghorn_engine::Class;
use foghorn_engine::engine::Limits;
use owner::{Owner, alert};
use std::sync::Arc;

const TWO_CHANNELS: &str = r#"{
  "people": { "ana": { "name": "Ana", "time_zone": "UTC", "contacts": [ { "channel": "dead" }, { "channel": "sms", "after": 60000 } ] } },
  "escalations": { "default": { "steps": [ { "page": [ { "person": "ana" } ], "wait": 300000 } ] } },
  "integrations": { "prom": {} }
}"#;

#[test]
fn a_storm_of_pages_for_a_channel_that_hangs_does_not_hold_up_another() {
    const INCIDENTS: u32 = 1500;
    let by_one = Limits::default().sending_by_one;
    let mut o = Owner::new();
    let setup: Setup = serde_json::from_str(TWO_CHANNELS).unwrap();
    o.submit(Class::World, Input::AdoptConfig { hash: "2".into(), setup: Arc::new(setup) });
    o.flow();
    for n in 0..INCIDENTS {
        o.submit(Class::Intake, alert(n));
        o.flow();
    }
    assert_eq!(o.sent.len(), by_one, "none of them is answered: so many are on their way, and no more");
    assert!(o.sent.iter().all(|k| k.contact == 0));
    // A minute later the text messages are due.
    o.wait(60_000);
    o.flow();
    let mut turns = 0;
    let mut done = by_one;
    while o.sent.iter().filter(|k| k.contact == 1).count() < INCIDENTS as usize {
        turns += 1;
        assert!(turns < 10_000, "{} of {INCIDENTS}", o.sent.iter().filter(|k| k.contact == 1).count());
        let by_sms: Vec<_> = o.sent[done..].iter().filter(|k| k.contact == 1).cloned().collect();
        done = o.sent.len();
        for key in by_sms {
            let outcome = Outcome::Accepted { detail: "ok".into() };
            o.submit(Class::Paging, Input::Delivered { key, channel: None, outcome });
            o.flow();
        }
        o.wait(0);
        o.flow();
    }
}
