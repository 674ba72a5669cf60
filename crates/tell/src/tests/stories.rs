//! What each of several incidents is told to be, while it is open and when it is over.

use super::*;
use crate::ledger::Affected;
use foghorn_core::alert::AlertItem;
use foghorn_core::labels::Labels;
use foghorn_core::setup::IntegrationRule;
use serde_json::json;

/// `Both` is a shop and a mail server, each with a check; a failing mail server is a warning.
fn both() -> (House, StatusPage) {
    let mut house = House::new(NOON);
    let mut setup = (*house.state.setup).clone();
    let behind = vec![Name::from("secret-host"), Name::from("db")];
    setup.components = [(Name::from("Both"), behind)].into();
    setup.checks.get_mut("c2").unwrap().severity = Severity::Warning;
    house.input(NOON, &Input::AdoptConfig { hash: "both".to_owned(), setup: Arc::new(setup) });
    let behind = vec!["secret-host".to_owned(), "db".to_owned()];
    (house, StatusPage { components: vec![("Both".to_owned(), behind)], ..config() })
}

fn at(minutes: i64) -> i64 {
    NOON + minutes * MINUTE
}

fn both_are(status: C) -> Vec<Affected> {
    vec![Affected { component: "Both".to_owned(), status }]
}

/// An incident is told by its own alerts, whatever else hurts the component.
#[test]
fn two_incidents_of_one_component_tell_their_own_stories() {
    let (mut house, page) = both();
    let mut ledger = Ledger::default();
    house.observe(&mut ledger, NOON);
    house.fails(at(1), "secret-check");
    house.observe(&mut ledger, at(1));
    house.fails(at(30), "c2");
    house.observe(&mut ledger, at(30));
    assert_eq!(house.state.open_incidents().count(), 2, "they are two");
    house.check(at(40), "secret-check", CheckVerdict::Ok);
    house.observe(&mut ledger, at(40));
    house.input(at(41), &Input::Tick);
    house.observe(&mut ledger, at(41));
    let told = |ledger: &Ledger, id| -> Vec<(Stage, Vec<Affected>)> {
        ledger.incidents[&id].updates.iter().map(|u| (u.stage, u.affected.clone())).collect()
    };
    let shop = [(Stage::Noticed, both_are(C::PartialOutage)), (Stage::Resolved, Vec::new())];
    let mail = [(Stage::Noticed, both_are(C::DegradedPerformance))];
    assert_eq!((told(&ledger, 1), told(&ledger, 2)), (shop.to_vec(), mail.to_vec()));
    assert_eq!(ledger.incidents[&2].worst, both_are(C::DegradedPerformance));
    assert_eq!(ledger.stretches["Both"].last().unwrap().status, C::DegradedPerformance);
    let html = text(&render(&page, &ledger, Wall(at(42)), Doubt::None).unwrap(), "/");
    assert!(html.contains("Both: degraded performance") && !html.contains("Closed."), "{html}");
    assert!(html.contains("This is over; something else is not: Both (degraded performance)."), "{html}");
    assert_eq!(rebuild(&house, &|| false).unwrap().unwrap().incidents, ledger.incidents);
}

/// The front page, and what is open for programs.
fn shown(page: &StatusPage, ledger: &Ledger, at: i64) -> (String, serde_json::Value) {
    let pages = render(page, ledger, Wall(at), Doubt::None).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text(&pages, "/status.json")).unwrap();
    (text(&pages, "/"), json["open_incidents"].clone())
}

/// One incident of a shop that is down and a database that warns, both on one host.
fn one_incident() -> (House, Ledger) {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    let item = |name: &str, severity, entity: &str| {
        let labels = Labels::from_pairs([("alertname", name), ("rack", "1")]);
        AlertItem {
            severity: Some(severity),
            entity: Some(entity.into()),
            ..AlertItem::firing(labels, Labels::empty())
        }
    };
    let items = vec![item("Down", Severity::Critical, "secret-host"), item("Slow", Severity::Warning, "db")];
    let rule = IntegrationRule { group_by: vec!["rack".into()], ..IntegrationRule::default() };
    let mut setup = (*house.state.setup).clone();
    setup.integrations = [("prom".into(), rule)].into();
    house.input(NOON, &Input::AdoptConfig { hash: "one".to_owned(), setup: Arc::new(setup) });
    house.input(at(1), &Input::Alerts { source: "prom".into(), items });
    house.observe(&mut ledger, at(1));
    assert_eq!(house.state.open_incidents().count(), 1);
    (house, ledger)
}

/// What is open is told as it is now; what is over, by the worst that it was.
#[test]
fn what_works_again_is_not_said_to_be_down() {
    let (mut house, mut ledger) = one_incident();
    let (html, json) = shown(&config(), &ledger, at(1));
    assert!(html.contains("<h3>Shop &#60;&#38;&#62;: major outage</h3>"), "{html}");
    assert_eq!(json[0]["impact"], "major_outage");
    let ends = |name: &str| {
        let labels = Labels::from_pairs([("alertname", name), ("rack", "1")]);
        let item = AlertItem { ended: Some(Wall(NOON)), ..AlertItem::firing(labels, Labels::empty()) };
        Input::Alerts { source: "prom".into(), items: vec![item] }
    };
    house.input(at(2), &ends("Down"));
    house.observe(&mut ledger, at(2));
    let (html, json) = shown(&config(), &ledger, at(2));
    assert!(html.contains("<h3>Data: degraded performance</h3>"), "{html}");
    assert!(html.contains("badge warn") && !html.contains("badge bad"), "{html}");
    assert_eq!(
        last_line(&ledger, at(2)),
        "Noticed. Affected: Data (degraded performance). Not any more: Shop &#60;&#38;&#62;."
    );
    let components = json!([
        { "component": "Data", "status": "degraded_performance" },
        { "component": "Shop <&>", "status": "operational" },
    ]);
    assert_eq!((&json[0]["impact"], &json[0]["components"]), (&json!("degraded_performance"), &components));
    house.input(at(3), &ends("Slow"));
    house.input(at(30), &Input::Tick);
    house.observe(&mut ledger, at(30));
    let (html, json) = shown(&config(), &ledger, at(30));
    assert!(html.contains("<h3>Shop &#60;&#38;&#62;: major outage</h3>") && json == json!([]), "{html}");
}

/// A window that begins in the middle is planned work, not an outage.
#[test]
fn what_is_being_maintained_is_not_said_to_be_down() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.fails(at(1), "secret-check");
    house.observe(&mut ledger, at(1));
    house.silence(at(2), true);
    house.observe(&mut ledger, at(2));
    let (html, json) = shown(&config(), &ledger, at(2));
    assert!(html.contains("<h3>Shop &#60;&#38;&#62;: under maintenance</h3>"), "{html}");
    assert!(html.contains("<span class=\"badge planned\">") && !html.contains("badge bad"), "{html}");
    assert_eq!(json[0]["impact"], "under_maintenance");
}

/// One that a person closed is measured well by its own check, though another still fails.
#[test]
fn what_a_person_closed_does_not_wait_for_another_incident() {
    let (mut house, _) = both();
    let mut ledger = Ledger::default();
    house.fails(at(1), "secret-check");
    house.observe(&mut ledger, at(1));
    house.fails(at(30), "c2");
    house.observe(&mut ledger, at(30));
    let by = Actor { name: "ana".into(), via: foghorn_core::words::Via::Console };
    house.input(at(31), &Input::Resolve { incident: 2, by });
    house.observe(&mut ledger, at(31));
    assert_eq!(ledger.incidents[&2].left(), both_are(C::DegradedPerformance));
    house.check(at(32), "c2", CheckVerdict::Ok);
    house.observe(&mut ledger, at(32));
    assert_eq!(ledger.incidents[&2].left(), []);
    assert_eq!(ledger.incidents[&1].resolved, None);
}

/// Incidents that people alone know of, opened a minute apart, with what they wrote.
fn told_by_people(ledger: &mut Ledger, ids: std::ops::Range<u64>, minute: i64) {
    for id in ids {
        let opened = Wall(at(minute) + i64::try_from(id).unwrap() * MINUTE);
        let mut incident = crate::PublicIncident::new(opened, None);
        incident.words.push(crate::Words {
            at: opened,
            stage: foghorn_core::update::Stage::Identified,
            text: format!("Word {id}."),
            corrected: None,
        });
        ledger.incidents.insert(id, incident);
    }
}

/// The worst is above what is newer, and nothing is left out without a word.
#[test]
fn the_worst_that_is_open_comes_first() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.fails(at(1), "secret-check");
    house.observe(&mut ledger, at(1));
    told_by_people(&mut ledger, 2..14, 2);
    let (html, json) = shown(&config(), &ledger, at(30));
    let titles: Vec<&str> = html.split("<article").skip(1).collect();
    assert_eq!(titles.len(), 10);
    assert!(titles[0].contains("<h3>Shop &#60;&#38;&#62;: major outage</h3>"), "{html}");
    assert!(titles[1].contains("Word 13.") && titles[9].contains("Word 5."), "{html}");
    assert_eq!((&json[0]["id"], json.as_array().unwrap().len()), (&json!(1), 10));
    let pages = render(&config(), &ledger, Wall(at(30)), Doubt::None).unwrap();
    assert!(html.contains("<a href=\"/history/2026-11\">And 3 more, in this month's history</a>"), "{html}");
    assert_eq!(text(&pages, "/history/2026-11").matches("<article").count(), 13);
    let json: serde_json::Value = serde_json::from_str(&text(&pages, "/status.json")).unwrap();
    assert_eq!(json["open_incidents_total"], 13);
    // What the public has heard of last is above what is as bad.
    ledger.incidents.get_mut(&2).unwrap().words[0].at = Wall(at(29));
    let (html, _) = shown(&config(), &ledger, at(30));
    assert!(html.split("<article").nth(2).unwrap().contains("Word 2."), "{html}");
    // A month has room for a hundred.
    told_by_people(&mut ledger, 14..200, 2);
    let month = text(&render(&config(), &ledger, Wall(at(300)), Doubt::None).unwrap(), "/history");
    assert!(
        month.contains("Shop &#60;&#38;&#62;: major outage") && month.contains("And 99 more."),
        "{month}"
    );
    assert!(month.contains("Word 199."), "{month}");
}

/// An incident is of every month that it was in.
#[test]
fn history_has_what_went_on_from_month_to_month() {
    let incident = |opened: &str, resolved: Option<&str>| {
        let at = |text: &str| Wall(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let mut incident = crate::PublicIncident::new(at(opened), resolved.map(at));
        incident.worst = vec![Affected { component: "Shop".to_owned(), status: C::MajorOutage }];
        incident
    };
    let incidents = [
        (1, incident("2025-12-30T10:00:00Z", Some("2026-01-02T11:00:00Z"))),
        (2, incident("2026-07-31T22:00:00Z", Some("2026-08-01T00:00:00Z"))),
        (3, incident("2026-09-30T10:00:00Z", Some("2026-11-06T11:00:00Z"))),
        (4, incident("2026-10-15T10:00:00Z", None)),
    ];
    let ledger = Ledger { incidents: incidents.into(), ..Ledger::default() };
    let pages = render(&config(), &ledger, Wall(NOON), Doubt::None).unwrap();
    let shown = |month: &str| text(&pages, &format!("/history/{month}")).matches("<article").count();
    let all = ["2025-12", "2026-01", "2026-02", "2026-07", "2026-08", "2026-09", "2026-10", "2026-11"];
    assert_eq!(all.map(shown), [1, 1, 0, 1, 0, 1, 2, 2]);
    let html = text(&pages, "/history/2026-01");
    assert!(html.contains("30 December 2025, 10:00 to 2 January 2026, 11:00, 3 days"), "{html}");
}
