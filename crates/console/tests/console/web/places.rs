//! Checks, schedules and the topology: what is drawn.

use crate::kit::{OPEN, kit};
use foghorn_config::model::Role;
use foghorn_core::input::{CheckVerdict, Input};

#[tokio::test]
async fn checks_with_pictures_and_without() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    kit.check("shop", Some("502 Bad Gateway")).await;
    let unknown = CheckVerdict::Unknown { why: "blind".to_owned() };
    kit.input(Input::Check { check: "disk".into(), verdict: unknown, since: foghorn_core::time::Wall(1) })
        .await;
    let list = ana.page("/checks").await;
    assert!(list.contains("1 not well") && list.contains("class=\"pic spark\""), "{list}");
    assert!(
        list.find("/checks/shop").unwrap() < list.find("/checks/backup-job").unwrap(),
        "the unwell is first"
    );
    let one = ana.page("/checks/shop?range=7d").await;
    assert!(
        one.contains("99.") && one.contains("<svg") && one.contains("range=7d\" aria-current=\"true\""),
        "{one}"
    );
    let broken = ana.page("/checks/disk").await;
    assert!(broken.contains("the history cannot be used: it is broken"), "{broken}");
    assert!(ana.page("/checks/backup-job").await.contains("pinged every 1d"));
    let topology = ana.page("/topology").await;
    assert!(topology.contains("1 not well</strong>, which endangers 1 more, of 4"), "{topology}");
    assert!(topology.contains(": <a href=\"/topology?of=shop-api\"><bdi>shop-api</bdi></a>"), "{topology}");
    assert!(ana.page("/on-call").await.contains("<svg"));
}

/// What failed for being slow is in the chart, with the limit; and a young check fills it from its first result on.
#[tokio::test]
async fn a_chart_shows_what_was_too_slow_and_begins_with_the_first_result() {
    let limit = |yaml: &str| {
        yaml.replace("every: 10s, fail_for: 0s, severity: critical", "every: 10s, expect: [\"total < 2ms\"]")
    };
    let young = "  young: { entity: db, tcp: \"127.0.0.1:5433\" }\nstatus_page:";
    let kit = kit(&limit(OPEN).replace("status_page:", young)).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    let shop = ana.page("/checks/shop?range=1h").await;
    assert!(shop.contains(">┄ limit 2 ms</text>") && shop.contains("Limit 2 ms."), "{shop}");
    assert!(!shop.contains("Begins with the first result"), "{shop}");
    let young = ana.page("/checks/young").await;
    assert!(young.contains("Begins with the first result, 02:4"), "{young}");
    let line = young.split("class=\"trace\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    let first: f64 = line.trim_start_matches('M').split(' ').next().unwrap().parse().unwrap();
    assert!(first < 50.0 && line.matches('L').count() > 20, "all over the chart: {line}");
}

/// The picture of a schedule has the hours of whoever looks, as the words above it do.
#[tokio::test]
async fn a_schedule_of_another_zone_is_drawn_in_ones_own() {
    let night = "night: { time_zone: Asia/Tokyo, rotations: [ { people: [day-ops, night-ops], every: 1d, starts: \"2026-11-16 09:00\" } ] }";
    let kit = kit(&OPEN.replace("escalations:\n", &format!("  {night}\nescalations:\n"))).await;
    kit.account("ana", Role::Viewer, Some("day-ops"));
    let ana = kit.browser();
    ana.log_in("ana", super::browser::PASSWORD).await;
    let page = ana.page("/on-call").await;
    let night = page.split("<section").find(|s| s.contains("<bdi>night</bdi>")).unwrap();
    assert!(
        night.contains("set in <bdi>Asia/Tokyo</bdi>; all times here are in <bdi>Europe/Lisbon</bdi>"),
        "{night}"
    );
    // The same is said to whoever does not see the picture.
    let said = night.split("<desc>").nth(1).unwrap().split("</desc>").next().unwrap();
    assert!(
        said.starts_with("On call: Night operator until Sun 22 00:00; Day operator until Mon 23 00:00;"),
        "{said}"
    );
    assert!(said.ends_with("; then Night operator."), "{said}");
    // Nine in the morning in Tokyo is midnight in Lisbon, where the row of a day begins.
    assert!(night.contains("until 2026-11-22 00:00 WET"), "{night}");
    assert_eq!(night.matches("x=\"13%\" y=").count() - 1, 7, "one turn a day, from its beginning: {night}");
    assert!(
        !page
            .split("<section")
            .find(|s| s.contains("<bdi>primary</bdi>"))
            .unwrap()
            .contains("all times here")
    );
}

/// A name that is written from right to left stays where it is in a sentence, and turns nothing else round.
#[tokio::test]
async fn a_name_from_right_to_left_turns_no_sentence_round() {
    let kit = kit(&OPEN.replace("Night operator", "דנה לוי")).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    kit.account("dana", Role::Responder, Some("night-ops"));
    let dana = kit.browser();
    dana.log_in("dana", super::browser::PASSWORD).await;
    kit.post("/api/v1/overrides", r#"{"schedule": "primary", "person": "night-ops", "for": "2h"}"#).await;
    let page = ana.page("/on-call").await;
    let stands = "<li><bdi>דנה לוי</bdi> stands in on <bdi>primary</bdi> from 03:12 UTC to 05:12 UTC</li>";
    assert!(page.contains(stands), "{page}");
    assert!(page.contains("Now: <strong><bdi>דנה לוי</bdi></strong>"), "{page}");
    kit.check("shop", Some("502 Bad Gateway")).await;
    dana.post("/incidents/1/ack", &[]).await;
    kit.caught_up().await;
    let list = ana.page("/").await;
    assert!(list.contains("<bdi dir=\"ltr\">דנה לוי is on it</bdi>"), "{list}");
    dana.post("/incidents/1/note", &[("text", "מאתחלת")]).await;
    kit.caught_up().await;
    let shown = ana.page("/incidents/1").await;
    assert!(shown.contains("<bdi dir=\"auto\">דנה לוי (console): מאתחלת</bdi>"), "{shown}");
    assert!(shown.contains("<bdi dir=\"ltr\">acknowledged by דנה לוי"), "{shown}");
}

/// A host with hundreds of tenants: the page stays small, begins with what is sick, and goes on.
#[tokio::test]
async fn a_large_topology_is_on_pages() {
    let tenants: String = (0..337)
        .map(|n| format!("  tenant-of-customer-{n:05}: {{ kind: tenant, runs_on: [web1], depends_on: [db, shop-api] }}\n"))
        .collect();
    let yaml = OPEN.replace("checks:\n", &format!("{tenants}checks:\n"));
    let kit = kit(&yaml).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    kit.check("shop", Some("502 Bad Gateway")).await;
    let first = ana.page("/topology").await;
    assert!(first.contains("1 not well</strong>, which endangers 338 more, of 341"), "{first}");
    assert!(first.contains("Page 1 of 7") && first.contains("/topology?page=2\""), "{first}");
    assert_eq!(first.matches("<rect class=\"box\"").count(), 50);
    assert!(first.find(">shop-api</text>").unwrap() < first.find(">tenant-o…").unwrap(), "{first}");
    let around = ana.page("/topology?of=tenant-of-customer-00300").await;
    assert!(around.contains("href=\"/?q=tenant-of-customer-00300\">its open incidents"), "{around}");
    assert!(
        around.contains(">tenant-o…er-00300</text>")
            && around.contains("of=tenant-of-customer-00300&#38;page=2\"")
    );
    assert!(ana.page("/topology?page=99").await.contains("Page 7 of 7"));
    let nobody = ana.get("/topology?of=%3Cb%3E").await;
    assert_eq!(nobody.status, 404);
    assert!(nobody.text.contains("There is no <bdi>&#60;b&#62;</bdi> in the topology."), "{}", nobody.text);
    assert!(nobody.text.contains("Page 1 of 7"), "all of it is there");
    assert!(!ana.page("/topology?of=").await.contains("There is no"), "nothing was asked for");
}

/// Silences that scripts make, schedules of teams and of hours, accounts of a whole company.
#[tokio::test]
async fn long_lists_are_on_pages() {
    let rotation = |people: &str, every: &str| {
        format!("{{ people: [{people}], every: {every}, starts: \"2026-11-16 09:00\" }}")
    };
    let of_a_team =
        format!("{}, {}", rotation("day-ops, night-ops", "1d"), rotation("night-ops, day-ops", "12h"));
    let teams: String = (0..40)
        .map(|n| format!("  team-{n:02}: {{ time_zone: Europe/Lisbon, rotations: [ {of_a_team} ] }}\n"))
        .collect();
    let hours = format!(
        "  by-the-hour: {{ time_zone: UTC, rotations: [ {} ] }}\n  by-the-hour-2: {{ time_zone: UTC, rotations: [ {} ] }}\n",
        rotation("day-ops, night-ops", "1h"),
        rotation("night-ops, day-ops", "1h")
    );
    let kit = kit(&OPEN.replace("schedules:\n", &format!("schedules:\n{hours}{teams}"))).await;
    let ana = kit.logged_in("ana", Role::Admin).await;
    let first = ana.page("/on-call").await;
    assert!(first.contains("43 schedules") && first.contains("Page 1 of 5"), "{first}");
    let pictures = |page: &str| page.matches("role=\"img\"").count();
    assert!((2..10).contains(&pictures(&first)) && first.contains("Too many hand-overs"), "{first}");
    assert!(first.contains("<h2>People</h2>"), "{first}");
    let last = ana.page("/on-call?page=5").await;
    assert!(last.contains("<bdi>team-39</bdi>") && pictures(&last) == 3 && !last.contains("<h2>People</h2>"));

    for n in 0..120 {
        let body = format!(
            r#"{{"matchers": ["instance=customer-{n}.example.com:9100", "alertname=DiskFull"], "for": "{}m", "comment": "{}"}}"#,
            n + 1,
            "planned work on the storage of this customer ".repeat(2)
        );
        assert_eq!(kit.post("/api/v1/silences", &body).await.status, 201);
    }
    let first = ana.page("/silences").await;
    assert!(first.contains("120 in all") && first.contains("Page 1 of 3"), "{first}");
    assert!(first.contains("customer-0.example") && !first.contains("customer-50.example"), "{first}");
    let last = ana.page("/silences?page=3").await;
    assert!(last.contains("customer-119.example") && last.contains("Add one"), "{last}");

    for n in 0..60 {
        kit.account(&format!("colleague-{n:02}"), Role::Viewer, None);
    }
    let first = ana.page("/users").await;
    assert!(first.contains("Page 1 of 2") && first.contains("Add somebody"), "{first}");
    assert!(ana.page("/users?page=2").await.contains("<bdi>colleague-59</bdi>"));
}
