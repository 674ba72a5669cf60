//! What has recovered within an incident that goes on is well: what breaks there next is news.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::time::Span;
use world::World;

const DB: &[(&str, &str)] = &[("alertname", "DbSlow"), ("entity", "db"), ("severity", "critical")];
const WEB: &[(&str, &str)] = &[("alertname", "WebErrors"), ("entity", "web1"), ("severity", "critical")];

/// The database and, below it, the host are unwell in one incident, which Ana has; the host recovers.
fn half_recovered() -> World {
    let mut w = World::shop();
    w.fire(DB);
    w.fire(WEB);
    w.ack(1, "ana");
    w.end(WEB);
    assert_eq!((w.open(), w.incident(1).width), (vec![1], 1));
    // Longer than alerts near one another are taken for one incident.
    w.mins(10);
    w
}

#[test]
fn a_new_alert_of_a_recovered_entity_is_not_swallowed_by_the_acknowledgement() {
    let mut w = half_recovered();
    let before = w.pages.len();
    w.fire(&[("alertname", "WebDiskFull"), ("entity", "web1"), ("severity", "critical")]);
    assert_eq!(w.open(), [1, 2]);
    assert_eq!(w.pages.len(), before + 1, "{:?}", w.pages);
}

#[test]
fn a_new_alert_of_what_is_still_unwell_joins_as_before() {
    let mut w = half_recovered();
    let before = w.pages.len();
    w.fire(&[("alertname", "DbFull"), ("entity", "db"), ("severity", "critical")]);
    assert_eq!((w.open(), w.pages.len()), (vec![1], before));
}

/// Nobody is paged for it yet, but it is unwell: two checks of one thing that fail together are one incident.
#[test]
fn an_entity_whose_alerts_are_all_held_is_unwell() {
    let mut w = World::shop();
    w.fails("slow");
    assert_eq!(w.incident(1).held, 1);
    w.fire(&[("alertname", "BlogErrors"), ("entity", "blog"), ("severity", "critical")]);
    assert_eq!(w.open(), [1]);
    w.wait(Span::secs(31));
    assert_eq!(w.incident(1).alerts.size(), 2);
}
