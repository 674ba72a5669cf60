//! The rules that ARCHITECTURE.md writes down, one test a rule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::alert::AlertStatus;
use foghorn_core::event::{Event, Others, PingKind};
use foghorn_core::input::{Answer, Ends, Input, Refusal};
use foghorn_core::page::Outcome;
use foghorn_core::schedule::Override;
use foghorn_core::setup::Setup;
use foghorn_core::silence::Matcher;
use foghorn_core::time::{Span, Wall};
use foghorn_core::words::{Name, Severity, Urgency};
use std::sync::Arc;
use world::{SHOP, World, by};

const DOWN: &[(&str, &str)] = &[("alertname", "Down"), ("host", "web2"), ("severity", "critical")];

#[test]
fn escalates_until_somebody_answers() {
    let mut w = World::shop();
    w.fails("shop");
    w.mins(21);
    assert_eq!(
        w.pages,
        [
            "0s ana by push",
            "120s ana by sms",
            "300s ben by push",
            "600s ana by push",
            "600s ben by push",
            "600s cy by mail",
            "720s ana by sms",
            "1200s ana by push",
        ],
        "step by step, then everybody, then again: waits count from entering the step"
    );
    w.ack(1, "ben");
    let paged = w.pages.len();
    w.mins(19);
    assert_eq!(w.pages.len(), paged, "nobody is paged after an acknowledgement");
    assert_eq!(
        w.notices,
        ["1260s ana by push: stand down", "1260s ana by sms: stand down", "1260s cy by mail: stand down"]
    );
}

/// Outage 2b's rule is for who has fallen asleep over it, not for who is at work.
#[test]
fn who_says_that_they_are_still_on_it_has_as_long_again() {
    let mut w = World::shop();
    w.fails("shop");
    w.ack(1, "ana");
    let (paged, told) = (w.pages.len(), w.notices.len());
    let again = |w: &mut World| w.put(Input::Acknowledge { incident: 1, by: by("ana"), revision: None });
    assert_eq!(again(&mut w), Answer::Already, "a double tap");
    w.mins(19);
    assert_eq!(again(&mut w), Answer::Done);
    w.mins(19);
    assert_eq!((w.pages.len(), w.notices.len()), (paged, told), "nobody is woken, nor told once more");
    w.mins(2);
    assert_eq!(w.pages.len(), paged + 1, "and then the next team is");
}

#[test]
fn an_acknowledgement_does_not_stop_the_clock_for_good() {
    let mut w = World::shop();
    w.fails("shop");
    w.secs(10);
    w.ack(1, "ana");
    w.mins(20);
    assert_eq!(
        w.pages.last().unwrap(),
        "1210s ben by push",
        "still critical: the next team, without the one who is on it"
    );
    assert!(w.whys().contains(&"still critical 20m after Ana acknowledged".to_string()), "{:?}", w.whys());
    w.ack(1, "ben");
    w.recovers("shop");
    assert!(w.open().is_empty());
    let paged = w.pages.len();
    w.mins(60);
    assert_eq!(w.pages.len(), paged);
}

#[test]
fn an_acknowledgement_covers_what_was_shown() {
    let mut w = World::shop();
    w.fire(&[("alertname", "A"), ("entity", "shop-2"), ("severity", "warning")]);
    w.ack(1, "ana");
    // Worse.
    w.fire(&[("alertname", "B"), ("entity", "shop-2"), ("severity", "critical")]);
    assert_eq!(w.open(), [1]);
    assert_eq!(w.pages, ["0s ana by push"], "a higher severity pages again");
    w.ack(1, "ana");
    // Wider: one entity to two pages again, two to three does not, two to four does.
    w.fire(&[("alertname", "B"), ("entity", "shop-3"), ("severity", "critical")]);
    assert_eq!(w.pages.len(), 2, "twice as wide pages again");
    w.ack(1, "ana");
    w.fire(&[("alertname", "B"), ("entity", "shop-4"), ("severity", "critical")]);
    assert_eq!(w.pages.len(), 2, "one more symptom does not");
    w.fire(&[("alertname", "B"), ("entity", "db"), ("severity", "critical")]);
    assert_eq!((w.open(), w.pages.len()), (vec![1], 3));
}

#[test]
fn an_old_link_covers_what_it_showed() {
    let mut w = World::shop();
    w.fire(&[("alertname", "A"), ("entity", "shop-2"), ("severity", "critical")]);
    let shown = w.incident(1).shape().revision;
    for entity in ["shop-3", "shop-4", "db"] {
        w.fire(&[("alertname", "A"), ("entity", entity), ("severity", "critical")]);
    }
    let paged = w.pages.len();
    w.put(Input::Acknowledge { incident: 1, by: by("ana"), revision: Some(shown) });
    assert!(!w.incident(1).is_acknowledged(), "four are unwell; the link said one");
    assert_eq!(w.pages.len(), paged + 1);
}

#[test]
fn warnings_wait_for_working_hours_and_info_never_pages() {
    let mut w = World::shop();
    w.fails("disk");
    assert!(w.pages.is_empty(), "it is three in the morning");
    w.wait(Span::hours(6));
    assert_eq!(w.pages, ["21600s ana by push"], "nine o'clock on Monday");
    let mut w = World::shop();
    w.fire(&[("alertname", "Note"), ("severity", "info")]);
    w.wait(Span::hours(20));
    assert!(w.pages.is_empty() && w.open() == [1]);
}

#[test]
fn a_warning_that_becomes_critical_wakes() {
    let mut w = World::shop();
    w.fire(&[("alertname", "Disk"), ("entity", "db"), ("severity", "warning")]);
    w.mins(1);
    assert!(w.pages.is_empty());
    w.fire(&[("alertname", "Write"), ("entity", "db"), ("severity", "critical")]);
    assert_eq!(w.pages, ["60s ana by push"]);
}

#[test]
fn what_becomes_worse_is_called_after_what_made_it_so() {
    let mut w = World::shop();
    let title = |w: &World| w.state.incident(1).unwrap().title.to_string();
    w.fire(&[("alertname", "Slow"), ("entity", "db"), ("severity", "warning")]);
    assert_eq!(title(&w), "Slow");
    w.fire(&[("alertname", "Down"), ("entity", "db"), ("severity", "critical")]);
    assert_eq!(title(&w), "Down");
    // What is as bad, and what is not, changes nothing.
    w.fire(&[("alertname", "Dead"), ("entity", "db"), ("severity", "critical")]);
    w.fire(&[("alertname", "Odd"), ("entity", "db"), ("severity", "info")]);
    assert_eq!((title(&w).as_str(), w.open()), ("Down", vec![1]));
}

#[test]
fn the_wall_clock_moves_what_waits_for_a_calendar_and_nothing_else() {
    let mut w = World::shop();
    w.fails("disk");
    w.mins(1);
    let six = 6 * 3_600_000;
    w.now.wall = Wall(w.now.wall.0 + six);
    w.put(Input::ClockStep { by: six });
    w.put(Input::Tick);
    assert_eq!(w.pages, ["60s ana by push"], "it is nine now");
    let mut w = World::shop();
    w.fails("shop");
    w.mins(1);
    w.now.wall = Wall(w.now.wall.0 + six);
    w.put(Input::ClockStep { by: six });
    w.mins(3);
    assert_eq!(w.pages.len(), 2, "a wait is a wait");
    w.mins(1);
    assert_eq!(w.pages.last().unwrap(), "300s ben by push");
}

#[test]
fn a_reload_wakes_nobody() {
    let mut w = World::shop();
    w.fails("slow");
    assert_eq!(w.open(), [1], "detected at once");
    assert_eq!(w.incident(1).severity(), Severity::Critical);
    w.secs(29);
    w.recovers("slow");
    assert!(w.open().is_empty());
    w.mins(60);
    assert!(w.pages.is_empty() && w.notices.is_empty());
    w.fails("slow");
    w.secs(30);
    assert_eq!(w.pages.len(), 1, "paged after fail_for");
}

#[test]
fn what_returns_soon_is_the_same_incident() {
    let mut w = World::shop();
    w.fails("shop");
    w.recovers("shop");
    assert_eq!(w.notices, ["0s ana by push: resolved"]);
    w.mins(2);
    w.fails("shop");
    assert_eq!(w.open(), [1]);
    assert_eq!(w.pages.len(), 2, "and pages again");
    w.recovers("shop");
    w.mins(6);
    w.fails("shop");
    assert_eq!(w.open(), [2], "later it is another one");
    assert!(w.state.incident(1).is_none(), "and the old one is put away");
}

#[test]
fn all_shops_are_one_incident() {
    let mut w = World::shop();
    for (i, shop) in ["shop-2", "shop-3", "shop-4"].iter().enumerate() {
        w.fire(&[("alertname", &format!("Alert{i}")), ("entity", shop), ("severity", "critical")]);
        w.secs(20);
    }
    assert_eq!(w.open(), [1], "they stand on one database");
    assert_eq!(w.incident(1).width, 3);
    w.fire(DOWN);
    assert_eq!(w.open(), [1, 2], "another host of the same site is another incident");
    w.mins(10);
    w.fire(&[("alertname", "Late"), ("entity", "db"), ("severity", "critical")]);
    assert_eq!(
        w.open(),
        [1, 2, 3],
        "what comes much later is another incident, unless it is the same entity"
    );
    w.fire(&[("alertname", "Later"), ("entity", "shop-3"), ("severity", "critical")]);
    assert_eq!(w.open(), [1, 2, 3]);
}

#[test]
fn labels_map_to_entities() {
    let mut w = World::shop();
    w.fire(&[("alertname", "Down"), ("instance", "web2.example.com:9100")]);
    assert!(w.incident(1).entities.contains_key("web2"));
    w.fire(&[("alertname", "Other"), ("host", "web2")]);
    assert_eq!(w.open(), [1]);
}

#[test]
fn an_incident_is_over_when_everything_it_broke_is_well() {
    let mut w = World::shop();
    w.fails("shop");
    w.fails("disk");
    assert_eq!(w.open(), [1]);
    w.recovers("shop");
    assert_eq!(w.open(), [1], "the database is still unwell");
    w.recovers("disk");
    assert!(w.open().is_empty());
}

#[test]
fn a_person_may_close_it_but_what_is_still_failing_comes_back() {
    let mut w = World::shop();
    w.fails("shop");
    w.put(Input::Resolve { incident: 1, by: by("ana") });
    assert!(w.open().is_empty());
    assert_eq!(
        w.try_put(Input::Resolve { incident: 1, by: by("ana") }),
        Err(Refusal::Over { what: "incident 1".into() })
    );
    w.mins(5);
    assert_eq!(w.open(), [1]);
    assert!(w.whys().contains(&"still failing 5m after Ana resolved it".to_string()), "{:?}", w.whys());
    assert_eq!(w.pages.len(), 2);
}

#[test]
fn what_was_told_once_is_over_when_a_person_says_so() {
    let mut w = World::shop();
    w.fire(DOWN);
    w.put(Input::Resolve { incident: 1, by: by("ana") });
    w.mins(30);
    assert!(w.open().is_empty() && w.state.alerts.is_empty());
    w.fire(DOWN);
    assert_eq!(w.open(), [2], "told again, it is another one");
    // A stale one too: its sender will not end it.
    let mut w = World::shop();
    w.fire_for(DOWN, Some(Span::mins(4)));
    w.mins(5);
    w.put(Input::Resolve { incident: 1, by: by("ana") });
    w.mins(30);
    assert!(w.open().is_empty());
}

#[test]
fn a_silent_sender_makes_stale_not_resolved() {
    let mut w = World::shop();
    w.fire_for(DOWN, Some(Span::mins(4)));
    w.mins(4);
    let status = |w: &World| w.state.alerts.values().next().unwrap().status;
    assert_eq!(status(&w), AlertStatus::Stale);
    w.wait(Span::hours(3));
    assert_eq!((status(&w), w.open()), (AlertStatus::Stale, vec![1]), "not over, however long");
    // The sender is back with another alert, and does not repeat this one for a whole lifetime.
    w.fire_for(&[("alertname", "Else")], Some(Span::mins(60)));
    w.mins(3);
    assert_eq!(status(&w), AlertStatus::Stale);
    w.mins(1);
    assert!(!w.open().contains(&1));
    // Or it is back and repeats it.
    let mut w = World::shop();
    w.fire_for(DOWN, Some(Span::mins(4)));
    w.mins(5);
    w.fire_for(DOWN, Some(Span::mins(4)));
    assert_eq!(status(&w), AlertStatus::Firing);
}

#[test]
fn contacts_that_fail_are_passed_over_while_they_are_still_tried() {
    let mut w = World::shop();
    w.broken = vec![("push".into(), Outcome::Failed { error: "gone".into() })];
    w.fails("shop");
    assert_eq!(
        w.pages,
        ["0s ana by push fails", "0s ana by sms"],
        "fails for good: the next contact at once"
    );
    w.broken = vec![
        ("push".into(), Outcome::Retry { error: "busy".into(), after: None }),
        ("sms".into(), Outcome::Retry { error: "busy".into(), after: None }),
    ];
    let mut w2 = World::shop();
    std::mem::swap(&mut w2.broken, &mut w.broken);
    w2.fails("shop");
    w2.secs(61);
    assert!(
        w2.pages.contains(&"60s ana by sms fails".to_string()),
        "not accepted for 60 s: the next contact: {:?}",
        w2.pages
    );
    assert!(!w2.pages.iter().any(|p| p.contains("ben")));
    w2.secs(60);
    assert!(w2.pages.contains(&"120s ben by push fails".to_string()), "then the next step: {:?}", w2.pages);
    w2.broken.clear();
    w2.mins(3);
    assert!(w2.pages.iter().any(|p| p.ends_with("ana by push")), "and it is still retried: {:?}", w2.pages);
}

#[test]
fn whoever_has_the_page_by_another_contact_is_not_called_unreached() {
    let told = |broken: &[&str]| {
        let gone = Outcome::Failed { error: "gone".into() };
        let mut w = World::new(&SHOP.replace(r#""after": 120000"#, r#""after": 0"#));
        w.broken = broken.iter().map(|c| ((*c).to_owned(), gone.clone())).collect();
        w.fails("shop");
        w.secs(1);
        let ana = w.log.iter().filter_map(|(_, e)| match e {
            Event::ContactPassedOver { key, others, .. } if *key.person == *"ana" && key.step == 0 => *others,
            _ => None,
        });
        ana.collect::<Vec<_>>()
    };
    assert_eq!(told(&["sms"]), [Others::Accepted]);
    assert_eq!(told(&["push", "sms"]), [Others::Tried, Others::Exhausted]);
}

#[test]
fn a_silence_that_has_ended_is_kept_for_a_while() {
    let mut w = World::shop();
    let silence = |id: &str, entities: &[&str]| Input::Silence {
        id: id.into(),
        matchers: vec![],
        entities: entities.iter().map(|e| Name::from(*e)).collect(),
        starts: None,
        ends: Ends::After(Span::mins(10)),
        comment: String::new(),
        maintenance: false,
        by: by("ana"),
    };
    for nameless in ["", " "] {
        assert!(matches!(w.try_put(silence("s", &[nameless])), Err(Refusal::Invalid { .. })));
    }
    w.put(silence("a", &["shop"]));
    w.put(silence("b", &["db"]));
    w.mins(2);
    w.put(Input::EndSilence { id: "b".into(), by: by("ana") });
    w.mins(20);
    let ended = |w: &World| -> Vec<(String, Span)> {
        let all = w.state.ended_silences.iter();
        all.map(|s| (s.id.to_string(), s.ends.since(s.starts))).collect()
    };
    assert_eq!(ended(&w), [("b".to_owned(), Span::mins(2)), ("a".to_owned(), Span::mins(10))]);
    for i in 0..300 {
        let id = format!("s{i}");
        w.put(silence(&id, &["shop"]));
        w.put(Input::EndSilence { id: id.as_str().into(), by: by("ana") });
    }
    let all = ended(&w);
    assert_eq!((all.len(), all[0].0.as_str()), (foghorn_core::silence::KEPT, "s100"));
    assert!(w.state.knows(&"shop".into()) && !w.state.knows(&"shpo".into()));
}

#[test]
fn if_everybody_fails_it_goes_on_without_a_hot_loop() {
    let mut w = World::shop();
    w.broken = ["push", "sms", "mail"]
        .map(|c| (c.to_string(), Outcome::Failed { error: "no network".into() }))
        .to_vec();
    w.fails("shop");
    w.wait(Span::hours(2));
    let n = w.pages.len();
    assert!((20..400).contains(&n), "{n} attempts in two hours");
    w.broken.clear();
    w.mins(20);
    assert!(w.pages[n..].iter().any(|p| !p.ends_with("fails")), "whoever is reached first hears of it");
}

#[test]
fn a_gap_in_the_schedule_goes_to_the_next_step_and_is_said() {
    let empty = world::SHOP.replace("\"people\": [\"ana\"]", "\"people\": []");
    let mut w = World::new(&empty);
    w.fails("shop");
    assert_eq!(w.pages, ["0s ben by push"]);
    assert_eq!(w.whys(), ["nobody is on call on primary"]);
}

#[test]
fn with_nobody_at_all_it_is_said_and_tried_again() {
    let mut w = World::new(r#"{ "checks": { "shop": { "severity": "critical" } } }"#);
    w.fails("shop");
    w.mins(10);
    assert!(w.pages.is_empty());
    assert!(w.whys().iter().filter(|y| y.contains("there is nobody to page")).count() >= 9);
    w.put(Input::AdoptConfig { hash: "2".into(), setup: world::setup(world::SHOP) });
    w.mins(1);
    assert!(!w.pages.is_empty());
}

#[test]
fn a_finite_policy_ends_by_saying_that_nobody_answered() {
    let json = world::SHOP.replace("\"wait\": 600000 } ] }", "\"wait\": 600000 } ], \"repeat\": 2 }");
    let mut w = World::new(&json);
    w.fails("shop");
    w.wait(Span::hours(5));
    assert_eq!(w.state.count("nobody_answered"), 1);
    assert_eq!(w.open(), [1], "it stays on screen");
    let paged = w.pages.len();
    w.fire(&[("alertname", "x"), ("entity", "shop"), ("severity", "critical")]);
    assert_eq!(w.pages.len(), paged);
}

#[test]
fn silenced_is_on_screen_but_pages_nobody_until_the_silence_ends() {
    let mut w = World::shop();
    let matchers = vec![Matcher::parse("host=web2").unwrap()];
    w.put(Input::Silence {
        id: "s".into(),
        matchers,
        entities: Default::default(),
        starts: None,
        ends: Ends::After(Span::mins(30)),
        comment: "reboot".into(),
        maintenance: false,
        by: by("ana"),
    });
    w.fire(DOWN);
    w.mins(29);
    assert!(w.pages.is_empty() && w.open() == [1]);
    w.mins(1);
    assert_eq!(w.pages, ["1800s ana by push"], "still wrong at its end");
    w.put(Input::Silence {
        id: "t".into(),
        matchers: vec![Matcher::parse("alertname=Down").unwrap()],
        entities: Default::default(),
        starts: None,
        ends: Ends::After(Span::mins(30)),
        comment: String::new(),
        maintenance: false,
        by: by("ana"),
    });
    let paged = w.pages.len();
    w.mins(20);
    assert_eq!(w.pages.len(), paged, "a silence stops an escalation that has begun");
    w.put(Input::EndSilence { id: "t".into(), by: by("ana") });
    assert_eq!(w.pages.len(), paged + 1);
}

#[test]
fn a_maintenance_window_covers_what_it_names_and_nothing_that_depends_on_it() {
    let mut setup: Setup = serde_json::from_str(world::SHOP).unwrap();
    let start = Wall(world::NIGHT);
    setup.maintenance.insert(
        "reboot".into(),
        foghorn_core::setup::Maintenance {
            entities: ["web1".into()].into(),
            starts: start,
            ends: start + Span::hours(1),
            reason: "kernel".into(),
        },
    );
    let mut w = World::shop();
    w.put(Input::AdoptConfig { hash: "2".into(), setup: Arc::new(setup) });
    w.fire(&[("alertname", "Down"), ("host", "web1"), ("severity", "critical")]);
    assert!(w.pages.is_empty());
    w.fails("shop");
    assert_eq!(w.pages.len(), 1, "outage 1: the shop that runs on it is not covered");
}

/// Whatever else changes in the file: who ended it would not know.
#[test]
fn a_window_that_a_person_has_ended_comes_back_only_if_it_is_written_anew() {
    let mut setup: Setup = serde_json::from_str(world::SHOP).unwrap();
    let start = Wall(world::NIGHT);
    let window = |reason: &str| foghorn_core::setup::Maintenance {
        entities: ["web1".into()].into(),
        starts: start,
        ends: start + Span::hours(1),
        reason: reason.into(),
    };
    setup.maintenance.insert("maintenance".into(), window("kernel"));
    let mut w = World::shop();
    let mut adopts = 1;
    let mut adopt = |w: &mut World, setup: &Setup| {
        adopts += 1;
        w.put(Input::AdoptConfig { hash: adopts.to_string(), setup: Arc::new(setup.clone()) });
        w.state.silences.keys().map(|id| id.to_string()).collect::<Vec<_>>()
    };
    let id = "maintenance/maintenance";
    assert_eq!(adopt(&mut w, &setup), [id]);
    w.put(Input::EndSilence { id: id.into(), by: by("ana") });
    setup.timing.correlate_within = Span::secs(7);
    assert_eq!(adopt(&mut w, &setup), [""; 0], "something else has changed");
    setup.maintenance.insert("maintenance".into(), window("kernel, once more"));
    assert_eq!(adopt(&mut w, &setup), [id]);
    setup.maintenance.clear();
    assert_eq!(adopt(&mut w, &setup), [""; 0]);
}

#[test]
fn blind_is_unknown_and_unknown_is_not_well() {
    let mut w = World::shop();
    let unknown = || foghorn_core::input::CheckVerdict::Unknown { why: "this location is blind".into() };
    let since = w.now.wall;
    assert_eq!(
        w.put(Input::Check { check: "shop".into(), verdict: unknown(), since }),
        Answer::Already,
        "no alert from blindness"
    );
    w.fails("shop");
    w.put(Input::Check { check: "shop".into(), verdict: unknown(), since });
    assert_eq!(w.check_alert("shop").unwrap().status, AlertStatus::Unknown);
    assert_eq!(w.open(), [1]);
}

/// A sender whose clock is ahead: a page must not say that it has been wrong since tomorrow.
#[test]
fn nothing_has_been_wrong_since_tomorrow() {
    use foghorn_core::alert::AlertItem;
    use foghorn_core::labels::Labels;
    let mut w = World::shop();
    let labels = Labels::from_pairs([("alertname", "Down")]);
    let key = foghorn_core::labels::AlertKey::of("prom", &labels);
    let started = Some(w.now.wall + Span::hours(24));
    let item = AlertItem { started, ..AlertItem::firing(labels, Labels::empty()) };
    w.put(Input::Alerts { source: "prom".into(), items: vec![item] });
    assert_eq!(w.state.alerts.get(&key).unwrap().started, w.now.wall);
}

/// Whoever is woken reads what is wrong now, not what it was the last time.
#[test]
fn an_incident_that_is_opened_again_is_called_after_what_is_back() {
    let mut w = World::shop();
    let ping = |ping, body: &str| Input::Ping { check: "backup".into(), ping, run: None, body: body.into() };
    w.put(ping(PingKind::Fail, "disk full"));
    assert_eq!(&*w.state.incident(1).unwrap().title, "backup: disk full");
    w.put(ping(PingKind::Success, ""));
    w.wait(Span::secs(5));
    w.put(ping(PingKind::Fail, "no such table"));
    assert_eq!(w.open(), [1]);
    assert_eq!(&*w.state.incident(1).unwrap().title, "backup: no such table");
    // One that is too long is cut, and says so.
    w.put(ping(PingKind::Success, ""));
    w.wait(Span::secs(5));
    w.put(ping(PingKind::Fail, &"long ".repeat(100)));
    let title = w.state.incident(1).unwrap().title.clone();
    assert!(title.chars().count() == 200 && title.ends_with('…'), "{title}");
}

/// A location that goes blind before a failure has lasted: nobody is woken for what nobody knows, unless it fails as
/// before when it is seen again; until then its incident is open.
#[test]
fn a_failure_that_is_not_known_any_more_before_it_is_paged_for_pages_nobody() {
    let json = world::SHOP.replace("\"entity\": \"shop\"", "\"entity\": \"shop\", \"fail_for\": 30000");
    let mut w = World::new(&json);
    let since = w.now.wall;
    let verdict = |verdict| Input::Check { check: "shop".into(), verdict, since };
    let failing = || foghorn_core::input::CheckVerdict::Failing { summary: "refused".into(), severity: None };
    w.put(verdict(failing()));
    assert!(w.check_alert("shop").unwrap().held_until.is_some());
    w.wait(Span::secs(10));
    w.put(verdict(foghorn_core::input::CheckVerdict::Unknown { why: "this location is blind".into() }));
    w.mins(10);
    assert!(w.pages.is_empty());
    assert_eq!(w.open(), [1], "what is not known to be well is not well");
    assert_eq!(w.check_alert("shop").unwrap().status, AlertStatus::Unknown);
    w.put(verdict(failing()));
    w.wait(Span::secs(29));
    assert!(w.pages.is_empty() && w.open() == [1]);
    w.wait(Span::secs(2));
    assert!(!w.pages.is_empty());
    // Or it is well, and only then.
    let mut w = World::new(&json);
    w.put(verdict(failing()));
    w.put(verdict(foghorn_core::input::CheckVerdict::Unknown { why: "this location is blind".into() }));
    w.mins(10);
    w.put(verdict(foghorn_core::input::CheckVerdict::Ok));
    assert!(w.pages.is_empty() && w.open().is_empty());
}

/// A silence "for an hour" lasts an hour, whatever becomes of the clock while Foghorn is away.
#[test]
fn a_clock_that_went_back_while_foghorn_was_away_is_said_at_the_start() {
    let mut w = World::shop();
    w.put(Input::Silence {
        id: "s".into(),
        matchers: vec![Matcher::parse("check=shop").unwrap()],
        entities: Default::default(),
        starts: None,
        ends: Ends::After(Span::hours(1)),
        comment: "expected".into(),
        maintenance: false,
        by: by("ana"),
    });
    w.now.wall = Wall(w.now.wall.0 - Span::hours(24).as_i64());
    w.put(Input::Start { version: "test".into(), down: Span::ZERO, life: 2 });
    w.fails("shop");
    assert!(w.pages.is_empty(), "still silenced");
    w.mins(61);
    assert!(!w.pages.is_empty(), "an hour, not a day and an hour");
}

#[test]
fn a_contact_whose_delay_is_longer_than_the_wait_is_used_all_the_same() {
    let json = world::SHOP
        .replace("\"after\": 120000", "\"after\": 900000")
        .replace("\"schedules\"", "\"timing\": { \"ack_expires\": 1200000 }, \"schedules\"");
    let mut w = World::new(&json);
    w.fails("shop");
    w.mins(16);
    assert!(w.pages.contains(&"900s ana by sms".to_string()), "{:?}", w.pages);
}

#[test]
fn whoever_is_left_out_is_no_gap() {
    let mut w = World::new(&world::SHOP.replace("\"ben\" } ], \"wait\"", "\"ana\" } ], \"wait\""));
    w.fails("shop");
    w.ack(1, "ana");
    w.mins(20);
    assert!(w.whys().iter().all(|y| !y.contains("cannot be paged")), "{:?}", w.whys());
    assert!(w.pages.last().unwrap().starts_with("1200s"), "the step after that: {:?}", w.pages);
}

#[test]
fn a_job_that_says_it_failed_alerts_at_once() {
    let mut w = World::shop();
    w.put(Input::Ping { check: "backup".into(), ping: PingKind::Fail, run: None, body: "disk full".into() });
    assert_eq!(w.check_alert("backup").unwrap().summary(), "backup: disk full");
    w.put(Input::Ping { check: "backup".into(), ping: PingKind::Success, run: None, body: String::new() });
    assert!(w.open().is_empty());
}

#[test]
fn whoever_stands_in_is_paged() {
    let mut w = World::shop();
    let entry = Override {
        schedule: "primary".into(),
        person: "cy".into(),
        starts: w.now.wall,
        ends: w.now.wall + Span::hours(2),
    };
    w.put(Input::AddOverride { id: "o".into(), entry, by: by("ana") });
    w.fails("shop");
    assert_eq!(w.pages, ["0s cy by mail"]);
    w.wait(Span::hours(3));
    assert!(w.state.overrides.is_empty());
}

/// Who has left leaves no gap: whose turn it is by the rotation has it.
#[test]
fn who_stands_in_and_has_left_the_configuration_stands_in_no_more() {
    let mut w = World::shop();
    let (starts, ends) = (w.now.wall, w.now.wall + Span::hours(2));
    let entry = Override { schedule: "primary".into(), person: "cy".into(), starts, ends };
    w.put(Input::AddOverride { id: "o".into(), entry, by: by("ana") });
    let mut setup: Setup = serde_json::from_str(world::SHOP).unwrap();
    setup.people.remove("cy");
    w.put(Input::AdoptConfig { hash: "2".into(), setup: Arc::new(setup) });
    w.fails("shop");
    assert_eq!(w.pages, ["0s ana by push"]);
}

#[test]
fn a_check_that_is_removed_ends_its_alert_and_a_person_who_is_removed_is_not_paged() {
    let mut w = World::shop();
    w.fails("shop");
    let mut setup: Setup = serde_json::from_str(world::SHOP).unwrap();
    setup.people.remove("ana");
    w.put(Input::AdoptConfig { hash: "2".into(), setup: Arc::new(setup.clone()) });
    assert_eq!(
        w.pages,
        ["0s ana by push", "0s ben by push"],
        "her second contact was still to come: the step is entered again"
    );
    setup.checks.remove("shop");
    w.put(Input::AdoptConfig { hash: "3".into(), setup: Arc::new(setup) });
    assert!(w.open().is_empty());
}

/// Taking an integration out of the file is no way of saying that what it reported is over.
#[test]
fn an_integration_that_is_removed_leaves_its_alerts_stale() {
    let mut w = World::shop();
    w.fire(&[("alertname", "Told once")]);
    let setup: Setup = serde_json::from_str(world::SHOP).unwrap();
    let mut without = setup.clone();
    without.integrations.clear();
    let status = |w: &World| w.state.alerts.values().map(|a| a.status).collect::<Vec<_>>();
    w.put(Input::AdoptConfig { hash: "2".into(), setup: Arc::new(without.clone()) });
    assert_eq!((status(&w), w.open().len()), (vec![AlertStatus::Stale], 1));
    w.put(Input::AdoptConfig { hash: "3".into(), setup: Arc::new(setup) });
    assert_eq!(status(&w), [AlertStatus::Firing]);
    w.fire(&[("alertname", "Another")]);
    w.mins(60);
    assert!(status(&w).contains(&AlertStatus::Firing), "what is told once waits for no repetition");
    w.put(Input::AdoptConfig { hash: "4".into(), setup: Arc::new(without) });
    for incident in w.open() {
        w.put(Input::Resolve { incident, by: by("ana") });
    }
    w.mins(60);
    assert!(w.open().is_empty(), "a person's word ends what nobody else can end");
}

#[test]
fn too_many_alerts_are_refused_and_counted() {
    let json = world::SHOP.replace("\"prom\": {}", "\"prom\": { \"max_alerts\": 3 }");
    let mut w = World::new(&json);
    for i in 0..5 {
        w.fire(&[("alertname", "X"), ("n", &i.to_string())]);
    }
    let source = w.state.sources.get("prom").unwrap();
    assert_eq!((source.open, source.refused), (3, 2));
    w.end(&[("alertname", "X"), ("n", "0")]);
    w.fire(&[("alertname", "X"), ("n", "9")]);
    assert_eq!(w.state.sources.get("prom").unwrap().open, 3);
}

#[test]
fn by_hand() {
    let mut w = World::shop();
    let open = |title: &str| Input::Open {
        title: title.into(),
        severity: Severity::Critical,
        entity: None,
        escalation: None,
        note: Some("seen by a customer".into()),
        by: by("cy"),
    };
    assert_eq!(w.put(open("checkout is broken")), Answer::Incident(1));
    assert_eq!(w.pages, ["0s ana by push"]);
    assert!(w.try_put(open(" ")).is_err());
    assert_eq!(w.incident(1).urgency(), Urgency::High);
    w.put(Input::Escalate { incident: 1, by: by("cy"), seen: None });
    assert_eq!(w.pages.last().unwrap(), "0s ben by push");
    w.put(Input::Resolve { incident: 1, by: by("cy") });
    assert!(w.open().is_empty());
    w.mins(10);
    assert!(
        w.state.incidents.is_empty() && w.state.pages.is_empty(),
        "put away with everything that belonged to it"
    );
}
