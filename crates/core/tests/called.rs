//! What an incident is called when somebody is woken for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use world::{SHOP, World};

/// Both are held before they are paged for, the disk of the database for so many milliseconds.
fn world(disk: u32) -> World {
    let shop = r#""shop": { "entity": "shop", "severity": "critical""#;
    let full = r#""disk": { "entity": "db", "severity": "warning""#;
    let held = |rule: &str, ms: u32| format!(r#"{rule}, "fail_for": {ms}"#);
    World::new(&SHOP.replace(shop, &held(shop, 30_000)).replace(full, &held(full, disk)))
}

fn title(w: &World) -> String {
    w.incident(1).title.to_string()
}

#[test]
fn not_after_what_was_over_before_anybody_was_woken() {
    let mut w = world(30_000);
    w.fails("disk");
    w.secs(8);
    w.fails("shop");
    w.secs(8);
    w.recovers("disk");
    assert!(title(&w).starts_with("disk: "), "{}", title(&w));
    w.secs(31);
    assert_eq!((w.open(), w.pages.len()), (vec![1], 1));
    assert!(title(&w).starts_with("shop: "), "{}", title(&w));
}

#[test]
fn not_after_what_is_still_held() {
    let mut w = world(3_600_000);
    w.fails("disk");
    w.secs(8);
    w.fails("shop");
    w.secs(31);
    assert_eq!((w.open(), w.pages.len()), (vec![1], 1));
    assert!(title(&w).starts_with("shop: "), "{}", title(&w));
    w.recovers("disk");
    assert!(title(&w).starts_with("shop: "), "{}", title(&w));
}

#[test]
fn after_the_worse_of_two_that_are_paged_for_one_after_the_other() {
    let mut w = world(30_000);
    w.fails("disk");
    w.secs(20);
    w.fails("shop");
    w.secs(11);
    assert!(title(&w).starts_with("disk: "), "{}", title(&w));
    w.secs(20);
    assert!(title(&w).starts_with("shop: "), "{}", title(&w));
}
