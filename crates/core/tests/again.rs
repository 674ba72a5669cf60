//! A file that was read again may have mended a channel: what was not accepted is tried at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::input::Input;
use foghorn_core::page::Outcome;
use foghorn_core::time::Span;
use world::World;

#[test]
fn what_a_channel_refused_is_tried_at_once_and_what_was_not_tried_yet_waits_for_its_time() {
    let mut w = World::shop();
    let after = Some(Span::mins(50));
    w.broken = vec![("push".into(), Outcome::Retry { error: "401 Unauthorized".into(), after })];
    w.fire(&[("alertname", "DiskFull"), ("severity", "critical")]);
    w.secs(10);
    assert_eq!(w.pages, ["0s ana by push fails"]);
    w.broken.clear();
    w.put(Input::TryAgain);
    assert_eq!(w.pages, ["0s ana by push fails", "10s ana by push"], "her text message is due in 110 s");
    let events = w.log.len();
    w.put(Input::TryAgain);
    assert_eq!(w.log.len(), events, "nothing waits: nothing is written");
}
