//! What a person was shown when they answered, though it made nothing worse: they are not paged again for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::input::Input;
use foghorn_core::time::Span;
use world::{World, by};

const CERT: &[(&str, &str)] = &[("alertname", "Cert"), ("entity", "web1"), ("severity", "warning")];
const DISK: &[(&str, &str)] = &[("alertname", "Disk"), ("entity", "web1"), ("severity", "warning")];
const LOAD: &[(&str, &str)] = &[("alertname", "Load"), ("entity", "web1"), ("severity", "warning")];

fn press(w: &mut World, shown: u64) {
    w.put(Input::Acknowledge { incident: 1, by: by("ana"), revision: Some(shown) });
}

#[test]
fn whoever_answers_a_page_that_listed_both_warnings_is_not_paged_again_for_the_second() {
    let mut w = World::shop();
    w.fire(CERT);
    w.secs(60);
    w.fire(DISK);
    assert_eq!(w.open(), [1]);
    // At nine, when she begins to work, the page has both.
    w.wait(Span::hours(6));
    assert_eq!(w.pages.len(), 1, "{:?}", w.pages);
    let shown = w.incident(1).revision();
    press(&mut w, shown);
    w.wait(Span::hours(2));
    assert_eq!((w.pages.len(), w.incident(1).is_acknowledged()), (1, true), "{:?}", w.whys());
    // A third is news.
    w.fire(LOAD);
    w.mins(40);
    assert!(w.pages.len() > 1, "{:?}", w.whys());
}

#[test]
fn a_page_that_left_before_the_second_came_covers_the_first_alone() {
    let mut w = World::shop();
    w.fire(CERT);
    w.secs(10);
    let shown = w.incident(1).revision();
    w.fire(DISK);
    assert!(shown < w.incident(1).revision());
    w.wait(Span::hours(6));
    press(&mut w, shown);
    w.mins(40);
    assert!(w.whys().iter().any(|why| why.contains("something else is wrong too")), "{:?}", w.whys());
}

/// What has become less bad since was shown as bad as it was: one who has answered that is not paged when it is back there.
#[test]
fn what_joined_before_it_became_less_bad_was_shown_as_it_was() {
    let mut w = World::shop();
    let disk = |severity| [("alertname", "Disk"), ("entity", "web1"), ("severity", severity)];
    w.fire(&disk("critical"));
    w.secs(10);
    w.fire(LOAD);
    let shown = w.incident(1).revision();
    w.secs(10);
    w.end(&disk("critical"));
    press(&mut w, shown);
    let paged = w.pages.len();
    w.secs(30);
    w.fire(&disk("critical"));
    w.secs(30);
    assert_eq!((w.pages.len(), w.open()), (paged, vec![1]), "{:?}", w.whys());
}
