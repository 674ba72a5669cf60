//! What somebody has answered, and then is worse, or another matter, or somebody else's: an answer counts for what was
//! shown, and for whoever is still there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
mod world;

use foghorn_core::alert::AlertItem;
use foghorn_core::incident::Status;
use foghorn_core::input::{Answer, CheckVerdict, Input};
use foghorn_core::labels::Labels;
use foghorn_core::setup::{EscalationPolicy, Setup, Step, Target};
use foghorn_core::time::Span;
use foghorn_core::words::{Name, Severity, Urgency};
use std::sync::Arc;
use world::{World, by};

fn reload(w: &mut World, hash: &str, change: impl FnOnce(&mut Setup)) {
    let mut setup = (*w.state.setup).clone();
    change(&mut setup);
    w.put(Input::AdoptConfig { hash: hash.into(), setup: Arc::new(setup) });
}

fn policy(people: &[&str]) -> EscalationPolicy {
    let step = |p: &&str| Step { page: vec![Target::Person((*p).into())], wait: Span::mins(5) };
    EscalationPolicy { steps: people.iter().map(step).collect(), repeat: None }
}

fn alert(w: &mut World, name: &str, change: impl FnOnce(&mut AlertItem)) {
    let labels = Labels::from_pairs([("alertname", name), ("host", "web1")]);
    let mut item = AlertItem {
        severity: Some(Severity::Warning),
        entity: Some("web1".into()),
        ..AlertItem::firing(labels, Labels::empty())
    };
    change(&mut item);
    w.put(Input::Alerts { source: "prom".into(), items: vec![item] });
}

fn warns(w: &mut World, check: &str) {
    let verdict = CheckVerdict::Failing { summary: "hm".into(), severity: Some(Severity::Warning) };
    let since = w.now.wall;
    w.put(Input::Check { check: check.into(), verdict, since });
}

#[test]
fn what_becomes_urgent_pages_whoever_is_on_the_rest() {
    let mut w = World::shop();
    alert(&mut w, "Slow", |_| {});
    w.ack(1, "ana");
    assert!(w.pages.is_empty(), "a warning at night: {:?}", w.pages);
    alert(&mut w, "Full", |a| a.urgency = Some(Urgency::High));
    assert_eq!(w.open(), [1]);
    assert_eq!(w.pages, ["0s ana by push"]);
    assert!(w.whys().iter().any(|y| y.contains("it is urgent now")), "{:?}", w.whys());
}

/// Nobody is woken for it, and nobody is asked anew for what they were shown: but what has joined since is told.
#[test]
fn a_warning_that_joins_an_acknowledged_one_is_told_once_that_is_looked_at_again() {
    let mut w = World::shop();
    // At eleven in the morning.
    w.mins(8 * 60);
    alert(&mut w, "Cert", |_| {});
    assert_eq!(w.pages.len(), 1, "{:?}", w.pages);
    w.ack(1, "ana");
    w.mins(61);
    assert_eq!(w.pages.len(), 1, "she has it: {:?}", w.pages);
    alert(&mut w, "Disk", |_| {});
    assert_eq!(w.open(), [1]);
    assert_eq!(w.pages.len(), 1, "not for every symptom: {:?}", w.pages);
    w.mins(20);
    assert_eq!(w.pages.len(), 2, "{:?}", w.pages);
    w.ack(1, "ana");
    w.mins(120);
    assert_eq!(w.pages.len(), 2, "now she has both: {:?}", w.pages);
}

#[test]
fn whoever_looks_again_has_seen_what_joined() {
    let mut w = World::shop();
    w.mins(8 * 60);
    alert(&mut w, "Cert", |_| {});
    w.ack(1, "ana");
    alert(&mut w, "Disk", |_| {});
    w.mins(1);
    w.ack(1, "ana");
    let paged = w.pages.len();
    w.mins(120);
    assert_eq!(w.pages.len(), paged, "{:?}", w.pages);
}

#[test]
fn what_was_closed_as_a_warning_and_is_critical_is_open_again_at_once() {
    let mut w = World::shop();
    warns(&mut w, "shop");
    w.put(Input::Resolve { incident: 1, by: by("ana") });
    w.secs(1);
    w.fails("shop");
    assert_eq!(w.open(), [1]);
    assert_eq!(w.pages, ["1s ana by push"]);
    assert!(w.whys().iter().any(|y| y.contains("since Ana resolved it")), "{:?}", w.whys());
}

#[test]
fn what_was_closed_and_is_no_worse_waits() {
    let mut w = World::shop();
    w.fails("shop");
    w.put(Input::Resolve { incident: 1, by: by("ana") });
    warns(&mut w, "shop");
    w.fails("shop");
    w.secs(1);
    assert!(w.open().is_empty());
    assert_eq!(w.pages.len(), 1, "{:?}", w.pages);
}

#[test]
fn what_is_worse_is_paged_for_by_its_own_policy() {
    let mut w = World::shop();
    reload(&mut w, "2", |setup| {
        setup.timing.urgency.insert(Severity::Warning, Urgency::High);
        setup.escalations.insert("db".into(), policy(&["ben"]));
    });
    alert(&mut w, "Slow", |_| {});
    assert_eq!(w.pages, ["0s ana by push"]);
    alert(&mut w, "Down", |a| (a.severity, a.escalation) = (Some(Severity::Critical), Some("db".into())));
    assert_eq!(w.open(), [1]);
    assert_eq!(w.pages, ["0s ana by push", "0s ben by push"]);
    assert_eq!(w.incident(1).escalation.policy.as_deref(), Some("db"));
    // As bad, and another's: the incident is with one team already.
    alert(&mut w, "Also", |a| a.severity = Some(Severity::Critical));
    assert_eq!(w.pages.len(), 2, "{:?}", w.pages);
}

#[test]
fn a_policy_of_one_pages_them_again_and_nobody_else() {
    let mut w = World::shop();
    reload(&mut w, "2", |setup| _ = setup.escalations.insert("default".into(), policy(&["ana"])));
    w.fails("shop");
    w.ack(1, "ana");
    w.mins(20);
    assert_eq!(w.pages.last().unwrap(), "1200s ana by push", "{:?}", w.pages);
    assert!(w.pages.iter().all(|p| p.contains("ana")), "{:?}", w.pages);
    assert!(w.whys().iter().any(|y| y.contains("nobody else is on the policy default")), "{:?}", w.whys());
}

#[test]
fn a_policy_that_was_renamed_while_somebody_was_on_it_goes_on_under_its_new_name() {
    let mut w = World::shop();
    reload(&mut w, "2", |setup| {
        setup.escalations.insert("web".into(), policy(&["ana", "ben"]));
        setup.escalations.insert("default".into(), policy(&["cy"]));
        setup.checks.get_mut("shop").unwrap().escalation = Some("web".into());
    });
    w.fails("shop");
    w.ack(1, "ana");
    reload(&mut w, "3", |setup| {
        let web = setup.escalations.remove("web").unwrap();
        setup.escalations.insert("webteam".into(), web);
        setup.checks.get_mut("shop").unwrap().escalation = Some("webteam".into());
    });
    w.mins(20);
    assert_eq!(w.pages, ["0s ana by push", "1200s ben by push"]);
    assert_eq!(w.incident(1).escalation.policy.as_deref(), Some("webteam"));
}

#[test]
fn where_everybody_who_was_paged_has_left_the_step_is_entered_again() {
    let mut w = World::shop();
    reload(&mut w, "2", |setup| _ = setup.escalations.insert("default".into(), policy(&["ben"])));
    w.fails("shop");
    assert_eq!(w.pages, ["0s ben by push"]);
    reload(&mut w, "3", |setup| {
        let ben = setup.people.remove("ben").unwrap();
        setup.people.insert("ben.reis".into(), ben);
        setup.escalations.insert("default".into(), policy(&["ben.reis"]));
    });
    assert_eq!(w.pages, ["0s ben by push", "0s ben.reis by push"]);
    // Whoever is still there has it.
    reload(&mut w, "4", |setup| _ = setup.people.remove("cy"));
    assert_eq!(w.pages.len(), 2, "{:?}", w.pages);
}

#[test]
fn a_delay_that_is_shorter_in_the_file_is_shorter_for_what_waits() {
    let mut w = World::shop();
    w.fails("shop");
    reload(&mut w, "2", |setup| {
        setup.people.get_mut("ana").unwrap().contacts[1].after = Span::ZERO;
    });
    assert_eq!(w.pages, ["0s ana by push", "0s ana by sms"], "what has arrived is not sent again");
}

#[test]
fn contacts_that_change_places_are_those_that_were_used_still() {
    let mut w = World::shop();
    w.fails("shop");
    reload(&mut w, "2", |setup| setup.people.get_mut("ana").unwrap().contacts.reverse());
    assert_eq!(w.pages, ["0s ana by push"], "not once more");
    w.ack(1, "ben");
    assert_eq!(w.notices, ["0s ana by push: stand down"]);
}

#[test]
fn of_an_incident_that_is_back_only_who_was_paged_for_that_is_told() {
    let mut w = World::shop();
    w.fails("shop");
    w.mins(6);
    assert!(w.pages.contains(&"300s ben by push".to_owned()), "{:?}", w.pages);
    w.recovers("shop");
    w.notices.clear();
    w.mins(1);
    w.fails("shop");
    assert_eq!(w.open(), [1]);
    w.recovers("shop");
    assert_eq!(w.notices, ["420s ana by push: resolved"], "Ben heard that it was over, and of nothing since");
}

#[test]
fn the_next_step_is_asked_for_once_by_what_was_seen() {
    let mut w = World::shop();
    w.fails("shop");
    let seen = Some(w.incident(1).escalation.seen());
    let asks = |who: &str| Input::Escalate { incident: 1, by: by(who), seen };
    assert_ne!(w.put(asks("ana")), Answer::Already);
    assert_eq!(w.put(asks("ana")), Answer::Already, "tapped twice");
    assert_eq!(w.put(asks("ben")), Answer::Already, "by another who saw the same");
    assert_eq!(w.pages, ["0s ana by push", "0s ben by push"]);
    assert_eq!(w.incident(1).status, Status::Open);
    let name: Name = "default".into();
    assert_eq!(w.incident(1).escalation.policy, Some(name));
}

/// Ben has it: whoever is called for what it has become meets somebody who knows of that.
#[test]
fn whoever_is_on_it_hears_that_it_has_grown_whomever_the_policy_names() {
    let mut w = World::shop();
    alert(&mut w, "Slow", |_| {});
    w.ack(1, "ben");
    alert(&mut w, "Full", |a| a.urgency = Some(Urgency::High));
    assert_eq!(w.pages, ["0s ana by push", "0s ben by push"]);
    w.ack(1, "an account without a person");
    alert(&mut w, "Down", |a| a.severity = Some(Severity::Critical));
    assert_eq!(w.pages.len(), 3, "nobody is looked for who is no person: {:?}", w.pages);
    assert!(w.whys().iter().all(|y| !y.contains("cannot be paged")), "{:?}", w.whys());
}

#[test]
fn what_was_silenced_when_it_was_acknowledged_is_not_called_urgent_since() {
    let mut w = World::shop();
    let firing = |a: &mut AlertItem| a.severity = Some(Severity::Critical);
    let silence = |ends| Input::Silence {
        id: "s1".into(),
        matchers: vec![foghorn_core::silence::Matcher::parse("host=web1").unwrap()],
        entities: [].into(),
        starts: None,
        ends,
        comment: "known".into(),
        maintenance: false,
        by: by("ben"),
    };
    w.put(silence(foghorn_core::input::Ends::After(Span::mins(10))));
    alert(&mut w, "Down", firing);
    w.ack(1, "ben");
    assert!(w.pages.is_empty(), "{:?}", w.pages);
    w.put(Input::EndSilence { id: "s1".into(), by: by("ben") });
    assert_eq!(w.pages, ["0s ana by push", "0s ben by push"]);
    let said = "it pages now, which it did not when Ben acknowledged it";
    assert!(w.whys().iter().any(|y| y == said), "{:?}", w.whys());
}

/// The first step is to be Monday's: nobody has heard of it, and asked for is who would have.
#[test]
fn the_next_step_of_what_waits_for_working_hours_is_the_one_that_waits() {
    let mut w = World::shop();
    alert(&mut w, "Slow", |_| {});
    assert!(w.pages.is_empty(), "at night: {:?}", w.pages);
    w.put(Input::Escalate { incident: 1, by: by("cy"), seen: None });
    assert_eq!(w.pages, ["0s ana by push"]);
    w.put(Input::Escalate { incident: 1, by: by("cy"), seen: None });
    assert_eq!(w.pages, ["0s ana by push", "0s ben by push"]);
}

/// With rounds that end: Ben has it from the first step's minutes on, and it is still bad. Ana, who was told to stand down, is
/// who is left.
#[test]
fn the_next_team_of_a_policy_that_ends_is_looked_for_from_its_beginning() {
    for (people, acker, paged) in [(["ana", "ben"], "ben", "ana"), (["ana", "gap"], "ana", "ana")] {
        let mut w = World::shop();
        let ends = EscalationPolicy { repeat: Some(1), ..policy(&people) };
        reload(&mut w, "2", |setup| _ = setup.escalations.insert("default".into(), ends));
        w.fails("shop");
        w.ack(1, acker);
        w.pages.clear();
        w.mins(20);
        assert_eq!(w.pages, [format!("1200s {paged} by push")], "{people:?}");
    }
}

/// A person says how bad it is, and whose: two warnings are not worse than what they opened.
#[test]
fn what_was_opened_by_hand_is_its_own_policys_until_something_is_worse() {
    let mut w = World::shop();
    reload(&mut w, "2", |setup| {
        setup.escalations.insert("dba".into(), policy(&["ben", "cy"]));
        setup.timing.urgency.insert(Severity::Warning, Urgency::Low);
    });
    w.put(Input::Open {
        title: "db is corrupt".into(),
        severity: Severity::Critical,
        entity: Some("db".into()),
        escalation: Some("dba".into()),
        note: None,
        by: by("cy"),
    });
    assert_eq!(w.pages, ["0s ben by push"]);
    w.ack(1, "ben");
    for (name, entity) in [("SlowQ", "db"), ("SlowShop", "shop")] {
        alert(&mut w, name, |a| a.entity = Some(entity.into()));
    }
    assert_eq!(w.open(), [1]);
    assert_eq!(w.incident(1).escalation.policy.as_deref(), Some("dba"));
    assert_eq!(w.pages, ["0s ben by push", "0s ben by push"], "two things are unwell now");
}

/// Senders put a measured value into their words.
#[test]
fn other_words_are_no_news() {
    let mut w = World::shop();
    let says = |w: &mut World, n: u32| {
        let labels = Labels::from_pairs([("alertname", "Full"), ("host", "web1")]);
        let text = format!("{n} % full");
        let item = AlertItem::firing(labels, Labels::from_pairs([("description", text.as_str())]));
        w.put(Input::Alerts { source: "prom".into(), items: vec![item] });
    };
    says(&mut w, 91);
    let before = w.log.len();
    says(&mut w, 92);
    let kinds: Vec<_> = w.log[before..].iter().map(|(_, e)| format!("{e:?}")).collect();
    assert!(kinds.len() == 1 && kinds[0].starts_with("AlertReworded"), "{kinds:?}");
    assert_eq!(w.state.alerts.values().next().unwrap().summary(), "92 % full");
}

/// A name stands in every page, and a receiver of pages has a limit.
#[test]
fn an_entity_has_a_name_that_can_be_read() {
    let mut w = World::shop();
    let long = "ö".repeat(300_000);
    alert(&mut w, "Slow", |a| a.entity = Some(long.as_str().into()));
    let entity = w.state.alerts.values().next().unwrap().entity.clone().unwrap();
    assert!(entity.len() <= 256 && entity.ends_with('…'), "{entity}");
    let open = Input::Open {
        title: "x".into(),
        severity: Severity::Critical,
        entity: Some(long.as_str().into()),
        escalation: None,
        note: None,
        by: by("ana"),
    };
    assert!(w.try_put(open).unwrap_err().to_string().contains("not be longer than 256 bytes"));
}
