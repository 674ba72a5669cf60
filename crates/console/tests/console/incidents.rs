//! Incidents through the API: seen, answered, listed, looked up when they are over.

use crate::kit::{HERE, Mode, OPEN, from, kit, send};
use foghorn_config::model::Role;
use foghorn_core::input::Input;
use foghorn_core::page::{Outcome, PageKey, PageKind};
use serde_json::{Value, json};

/// Whoever opens one by hand and does not say how bad it is wants somebody woken; and says it as other tools do.
#[tokio::test]
async fn one_opened_by_hand() {
    let kit = kit(OPEN).await;
    for (id, body, title, severity) in [
        (1, r#"{"title": "down"}"#, "down", "critical"),
        (2, r#"{"title": "down", "severity": "Critical"}"#, "down", "critical"),
        (3, r#"{"title": "down", "severity": "error"}"#, "down", "critical"),
        (4, r#"{"title": "down", "severity": "warn"}"#, "down", "warning"),
        (5, r#"{"title": "down", "severity": "info"}"#, "down", "info"),
        (6, r#"{"title": "it is\r\n\tdown\u0000\n"}"#, "it is down", "critical"),
        (7, r#"{"title": "abc\u202efdp.exe", "entity": "db\n"}"#, "abcfdp.exe", "critical"),
    ] {
        let made = kit.post("/api/v1/incidents", body).await;
        assert_eq!((made.status.as_u16(), &made.json()["id"]), (201, &json!(id)), "{body}: {made:?}");
        let place = made.header("location");
        assert_eq!(place, format!("/api/v1/incidents/{id}"), "{body}");
        let shown = kit.get(place).await.json();
        assert_eq!((&shown["title"], &shown["severity"]), (&json!(title), &json!(severity)), "{body}");
    }
    let entities = kit.get("/api/v1/incidents/7").await.json()["entities"].clone();
    assert_eq!(entities[0]["name"], "db");
    // What is in effect is there, too; nothing else has a place.
    *kit.mode.lock().unwrap() = Mode::Degraded;
    let unsaved = kit.post("/api/v1/incidents", r#"{"title": "down"}"#).await;
    assert_eq!((unsaved.status.as_u16(), unsaved.header("location")), (202, "/api/v1/incidents/8"));
    let acked = kit.post("/api/v1/incidents/1/ack", "").await;
    assert_eq!((acked.status.as_u16(), acked.header("location")), (202, ""));
}

/// What the status page will contradict is published, and whoever wrote it hears of that.
#[tokio::test]
async fn words_against_what_is_measured() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("502")).await;
    let warnings = async |stage: &str| {
        let body = json!({ "stage": stage, "text": format!("This is {stage}.") });
        let told = kit.post("/api/v1/incidents/1/updates", &body.to_string()).await;
        assert_eq!(told.status, 200, "{told:?}");
        told.json()["warnings"].clone()
    };
    let still =
        "`Shop` is measured: major outage. The status page goes on showing that, whatever these words say";
    assert_eq!(warnings("identified").await, Value::Null);
    assert_eq!(warnings("monitoring").await, json!([still]));
    assert_eq!(warnings("resolved").await, json!([still]));
    assert_eq!(warnings("postmortem").await, Value::Null);
}

/// It was about something, and says where that is now.
#[tokio::test]
async fn one_that_is_over_when_its_alert_comes_back_as_news() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    kit.check("shop", Some("502")).await;
    assert_eq!(kit.post("/api/v1/incidents/1/resolve", "").await.status, 200);
    kit.check("shop", None).await;
    kit.check("shop", Some("502")).await;
    kit.caught_up().await;
    let (old, new) =
        (kit.get("/api/v1/incidents/1").await.json(), kit.get("/api/v1/incidents/2").await.json());
    assert_eq!((&old["alerts"]["total"], &old["came_back_in"]), (&json!(1), &json!(2)), "{old}");
    assert_eq!((&new["alerts"]["total"], &new["came_back_in"]), (&json!(1), &Value::Null), "{new}");
    let page = ana.page("/incidents/1").await;
    let said = "1 alert of it has come back since, as of <a href=\"/incidents/2\">incident 2</a>.";
    assert!(page.contains(said) && !page.contains("No alert belongs"), "{page}");
    assert!(ana.page("/incidents/closed").await.contains("1 alert "));
}

#[tokio::test]
async fn an_incident_from_a_failing_check_to_the_end() {
    let kit = kit(OPEN).await;
    assert_eq!(
        kit.post("/api/v1/changes", r#"{"summary": "shop-api 1.2.3", "entity": "db"}"#).await.status,
        200
    );
    kit.check("shop", Some("status is 502")).await;
    let key = PageKey {
        incident: 1,
        kind: PageKind::Page,
        wave: 1,
        round: 0,
        step: 0,
        person: "day-ops".into(),
        contact: 0,
    };
    let outcome = Outcome::Retry { error: "451 try later".to_owned(), after: None };
    kit.input(Input::Delivered { key, channel: None, outcome }).await;
    kit.caught_up().await;

    let i = kit.get("/api/v1/incidents/1").await.json();
    assert_eq!(i["title"], "shop: status is 502");
    assert_eq!(
        (&i["state"], &i["severity"], &i["opened_at"]),
        (&json!("open"), &json!("critical"), &json!("2026-11-21T03:12:40.000Z"))
    );
    assert_eq!(i["entities"], json!([{"name": "shop-api", "open_alerts": 1}]));
    assert_eq!(i["downstream"], json!(["shop"]));
    assert_eq!(i["runbooks"], json!(["https://wiki.example.com/shop"]));
    assert_eq!(i["changes"][0]["summary"], "shop-api 1.2.3", "a change to what it stands on");
    assert_eq!(i["worst_alerts"][0]["status"], "firing");
    let page = &i["pages"][0];
    assert_eq!(
        (&page["person_name"], &page["attempts"], &page["error"]),
        (&json!("Day operator"), &json!(1), &json!("451 try later"))
    );
    assert!(!i.to_string().contains("day@example.com"), "addresses are nobody's business");
    assert_eq!(i["escalation"]["next"]["text"], "in 5m it pages Night operator (step 2)");
    assert_eq!(i["escalation"]["next"]["at"], "2026-11-21T03:17:40.000Z");

    let lines = kit.get("/api/v1/incidents/1/timeline").await.json();
    let texts: Vec<&str> =
        lines["events"].as_array().unwrap().iter().map(|e| e["text"].as_str().unwrap()).collect();
    insta::assert_snapshot!(texts.join("\n"), @r"
incident 1 opened: shop: status is 502
critical alert on shop-api from checks: shop: status is 502
now critical, 1 entity unwell
paging begins by policy default
step 1: paging Day operator by email
could not reach Day operator by email (step 1), will try again: 451 try later
");

    let ack = kit.post("/api/v1/incidents/1/ack", "").await;
    assert_eq!((ack.status.as_u16(), ack.json()), (200, json!({"saved": true, "changed": true})));
    let again = kit.post("/api/v1/incidents/1/ack", "{}").await;
    assert_eq!(
        again.json(),
        json!({"saved": true, "changed": false}),
        "a repeated acknowledgement is harmless"
    );
    let i = kit.get("/api/v1/incidents/1").await.json();
    assert_eq!((&i["state"], &i["acknowledged"]["by"]["name"]), (&json!("acknowledged"), &json!("local")));
    assert_eq!(kit.post("/api/v1/incidents/1/note", r#"{"text": "the cable"}"#).await.status, 200);
    assert_eq!(kit.post("/api/v1/incidents/1/escalate", "").await.status, 200);
    assert_eq!(kit.post("/api/v1/incidents/1/resolve", "").await.status, 200);
    let over = kit.post("/api/v1/incidents/1/ack", "").await;
    assert_eq!((over.status.as_u16(), over.json()["type"].as_str()), (409, Some("/problems/over")));

    kit.check("shop", None).await;
    kit.pass(3_600_000).await;
    kit.caught_up().await;
    assert!(kit.engine.view().state.incident(1).is_none());
    let i = kit.get("/api/v1/incidents/1").await.json();
    assert_eq!(
        (&i["state"], &i["acknowledged"]["by"]["name"], &i["resolved"]["by"]["name"]),
        (&json!("resolved"), &json!("local"), &json!("local"))
    );
    assert_eq!(i["worst_alerts"][0]["summary"], "shop: status is 502");
    assert!(i["timeline"].as_array().unwrap().iter().any(|e| e["text"] == "local (API): the cable"), "{i:#}");
    assert!(
        i["timeline"]
            .as_array()
            .unwrap()
            .iter()
            .any(|e| e["text"] == "well again; it was: shop: status is 502"),
        "{i:#}"
    );
    assert_eq!(kit.get("/api/v1/incidents/1/alerts").await.json()["alerts"][0]["status"], "resolved");
    let late = kit.post("/api/v1/incidents/1/ack", "").await;
    assert_eq!(late.status, 409, "put away is over, not unknown");
    // The postmortem is written days later.
    let found = kit.post("/api/v1/incidents/1/note", r#"{"text": "a mouse bit the cable"}"#).await;
    assert_eq!(found.status, 200, "{}", found.text);
    kit.caught_up().await;
    let i = kit.get("/api/v1/incidents/1").await.json();
    let last = i["timeline"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["text"], "local (API): a mouse bit the cable");
    let nowhere = kit.post("/api/v1/incidents/2/note", r#"{"text": "a mouse"}"#).await;
    assert_eq!(nowhere.status, 404, "{}", nowhere.text);
}

#[tokio::test]
async fn what_is_not_saved_says_so() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("status is 502")).await;
    *kit.mode.lock().unwrap() = Mode::Degraded;
    let ack = kit.post("/api/v1/incidents/1/ack", "").await;
    assert_eq!(
        (ack.status.as_u16(), ack.json()),
        (202, json!({"saved": false, "why": "no space left on the disk", "changed": true}))
    );
    let ready = kit.get("/readyz").await;
    assert_eq!(ready.status, 200, "able to page from memory");
    assert_eq!(
        ready.json(),
        json!({"ready": true, "degraded": true, "reasons": ["the journal takes no events: no space left on the disk; pages go out from memory"]})
    );
    assert_eq!(kit.get("/api/v1/status").await.json()["degraded"]["why"], "no space left on the disk");
    *kit.mode.lock().unwrap() = Mode::Unavailable;
    let change = kit.post("/api/v1/changes", r#"{"summary": "x"}"#).await;
    assert_eq!((change.status.as_u16(), change.header("retry-after")), (503, "2"));
}

fn ids(list: &Value) -> Vec<u64> {
    list["incidents"].as_array().unwrap().iter().map(|i| i["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn lists_go_through_open_and_closed_ones_page_by_page() {
    let kit = kit(OPEN).await;
    for n in 1..=7 {
        kit.past(&format!("old {n} 100%"), if n % 2 == 0 { "critical" } else { "warning" }).await;
    }
    for title in ["new a", "new b", "NEW c"] {
        kit.post("/api/v1/incidents", &format!(r#"{{"title": "{title}", "severity": "warning"}}"#)).await;
    }
    kit.post("/api/v1/incidents/9/ack", "").await;
    kit.post("/api/v1/incidents/10/resolve", "").await;
    kit.caught_up().await;

    let mut seen = Vec::new();
    let mut path = "/api/v1/incidents?limit=3".to_owned();
    loop {
        let page = kit.get(&path).await;
        seen.extend(ids(&page.json()));
        let next = page.json()["next"].clone();
        assert_eq!(next.is_null(), page.header("link").is_empty());
        let Some(next) = next.as_u64() else { break };
        assert_eq!(page.header("link"), format!("</api/v1/incidents?after={next}&limit=3>; rel=\"next\""));
        path = format!("/api/v1/incidents?limit=3&after={next}");
    }
    assert_eq!(seen, (1..=10).rev().collect::<Vec<_>>(), "each once, newest first");
    for (query, expected) in [
        ("state=open", vec![9, 8]),
        ("state=acknowledged", vec![9]),
        ("state=resolved", vec![10, 7, 6, 5, 4, 3, 2, 1]),
        ("state=all&severity=critical", vec![6, 4, 2]),
        ("q=new%20", vec![10, 9, 8]),
        ("q=NEW%20C", vec![10]),
        ("q=100%25", vec![7, 6, 5, 4, 3, 2, 1]),
        ("q=1%250", vec![]),
        ("q=_ld", vec![]),
        ("q=old&severity=warning&limit=2", vec![7, 5]),
        ("q=old&severity=warning&limit=2&after=5", vec![3, 1]),
    ] {
        assert_eq!(ids(&kit.get(&format!("/api/v1/incidents?{query}")).await.json()), expected, "{query}");
    }
    let filtered = kit.get("/api/v1/incidents?q=old%20&after=7&limit=2&severity=warning").await;
    assert_eq!(
        filtered.header("link"),
        "</api/v1/incidents?q=old%20&severity=warning&after=3&limit=2>; rel=\"next\""
    );
    let first = kit.get("/api/v1/events?limit=2").await.json();
    assert_eq!((first["events"][1]["seq"].as_u64(), first["next"].as_u64()), (Some(2), Some(2)));
    let last = kit.journal.0.lock().unwrap().len() as u64;
    let rest = kit.get(&format!("/api/v1/events?limit=2&after={}", last - 2)).await.json();
    assert_eq!((rest["events"][1]["seq"].as_u64(), rest["next"].is_null()), (Some(last), true));
}

#[tokio::test]
async fn ten_thousand_alerts_are_shown_a_page_at_a_time() {
    use foghorn_core::alert::AlertItem;
    use foghorn_core::labels::Labels;
    let kit = kit(OPEN).await;
    let item = |n: u32| AlertItem {
        entity: Some("db".into()),
        ..AlertItem::firing(
            Labels::from_pairs([("alertname", "Slow".to_owned()), ("n", n.to_string())]),
            Labels::empty(),
        )
    };
    kit.input(Input::Alerts { source: "prometheus".into(), items: (0..10_000).map(item).collect() }).await;
    let i = kit.get("/api/v1/incidents/1").await;
    assert!(i.text.len() < 200_000, "{}", i.text.len());
    assert_eq!(
        (i.json()["alerts"]["open"].as_u64(), i.json()["worst_alerts"].as_array().unwrap().len()),
        (Some(10_000), 100)
    );
    let (mut seen, mut after) = (std::collections::BTreeSet::new(), String::new());
    loop {
        let page = kit.get(&format!("/api/v1/incidents/1/alerts?limit=1000{after}")).await.json();
        seen.extend(page["alerts"].as_array().unwrap().iter().map(|a| a["key"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_u64() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen.len(), 10_000);
    kit.caught_up().await;
    assert_eq!(kit.get("/api/v1/incidents/1").await.json()["timeline_left_out"], 0);
}

#[tokio::test]
async fn schedules_checks_components_silences_and_the_rest() {
    let kit = kit(OPEN).await;
    let oncall = kit.get("/api/v1/oncall?at=2026-11-21T03:12:40Z").await.json();
    let primary = &oncall["schedules"][0];
    assert_eq!(primary["on_call"], json!([{"id": "day-ops", "name": "Day operator"}]));
    assert_eq!(
        (&primary["until"], &primary["then"][0]["id"]),
        (&json!("2026-11-23T09:00:00.000Z"), &json!("night-ops"))
    );
    let made =
        kit.post("/api/v1/overrides", r#"{"schedule": "primary", "person": "night-ops", "for": "2h"}"#).await;
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let primary = kit.get("/api/v1/oncall").await.json()["schedules"][0].clone();
    assert_eq!((&primary["on_call"][0]["id"], &primary["overridden"]), (&json!("night-ops"), &json!(true)));
    assert_eq!(kit.get("/api/v1/overrides").await.json()["overrides"][0]["ends"], "2026-11-21T05:12:40.000Z");
    assert_eq!(
        send(&kit.api, from(HERE, "DELETE", &format!("/api/v1/overrides/{id}"), &[], "")).await.status,
        200
    );
    assert_eq!(
        kit.get("/api/v1/people").await.json()["people"][0],
        json!({"id": "day-ops", "name": "Day operator", "time_zone": "Europe/Lisbon", "on_call": ["primary"]})
    );

    let state = |name: &'static str| {
        let checks = kit.get("/api/v1/checks");
        async move {
            checks.await.json()["checks"]
                .as_array()
                .unwrap()
                .iter()
                .find(|c| c["name"] == name)
                .unwrap()
                .clone()
        }
    };
    assert_eq!(
        (&state("shop").await["state"], &state("shop").await["last"]["total_ms"]),
        (&json!("ok"), &json!(12.345))
    );
    assert_eq!(
        (&state("disk").await["state"], &state("backup-job").await["state"]),
        (&json!("pending"), &json!("pending"))
    );
    kit.check("disk", Some("no answer")).await;
    assert_eq!(
        (&state("disk").await["state"], &state("disk").await["incident"]),
        (&json!("firing"), &json!(1))
    );
    let components = kit.get("/api/v1/components").await.json();
    assert_eq!(components["components"][0]["status"], "degraded_performance");
    assert_eq!(components["components"][1]["status"], "operational");

    let silence = kit
        .post("/api/v1/silences", r#"{"matchers": ["check=disk"], "for": "1h", "comment": "known"}"#)
        .await;
    assert_eq!(silence.status, 201);
    let id = silence.json()["id"].as_str().unwrap().to_owned();
    let listed = kit.get("/api/v1/silences").await.json()["silences"][0].clone();
    assert_eq!(
        (&listed["id"], &listed["matchers"][0], &listed["active"]),
        (&json!(id), &json!("check=\"disk\""), &json!(true))
    );
    assert_eq!(kit.get("/api/v1/incidents/1").await.json()["alerts"]["muted"], 1);
    assert_eq!(
        send(&kit.api, from(HERE, "DELETE", &format!("/api/v1/silences/{id}"), &[], "")).await.status,
        200
    );
    assert_eq!(kit.get("/api/v1/incidents/1").await.json()["alerts"]["muted"], 0);

    assert_eq!(
        kit.post("/api/v1/backup", r#"{"name": "before.db"}"#).await.json()["path"],
        "data/backups/before.db"
    );
    let status = kit.get("/api/v1/status").await.json();
    assert_eq!((&status["version"], &status["incidents"]["open"]), (&json!("0.1.0"), &json!(1)));
}

#[tokio::test]
async fn how_a_check_fared() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("status is 502")).await;
    let shop = kit.get("/api/v1/checks/shop").await.json();
    let listed = kit.get("/api/v1/checks").await.json();
    let listed = listed["checks"].as_array().unwrap().iter().find(|c| c["name"] == "shop").unwrap();
    for (key, value) in listed.as_object().unwrap() {
        assert_eq!(&shop[key], value, "{key} is as in the list");
    }
    assert_eq!((&shop["state"], &shop["incident"]), (&json!("firing"), &json!(1)));
    let days: Vec<_> =
        shop["uptime"].as_array().unwrap().iter().map(|u| (u["days"].clone(), u["count"].clone())).collect();
    let told = [1, 7, 30, 90, 365].map(|days| (json!(days), json!(days * 1440)));
    assert_eq!(days, told);
    assert_eq!(shop["uptime"][0]["ratio"], json!(1438.0 / 1439.0), "what is not known counts neither way");
    let history = &shop["history"];
    assert_eq!(
        (&history["from"], &history["to"], history["points"].as_array().unwrap().len()),
        (&json!("2026-11-20T03:12:40.000Z"), &json!("2026-11-21T03:12:40.000Z"), 96)
    );
    assert_eq!(
        history["points"][0],
        json!({"at": "2026-11-20T03:12:40.000Z", "count": 15, "up": 13, "unknown": 1, "ratio": 13.0 / 14.0, "latency": null})
    );
    assert_eq!(
        history["points"][1]["latency"],
        json!({"min_ms": 1.0, "avg_ms": 2.0, "max_ms": 4.0, "p95_ms": 3.0})
    );
    assert_eq!(shop["recent"].as_array().unwrap().len(), 20);
    assert_eq!(shop["recent"][1], json!({"at": "2026-11-21T03:11:40.000Z", "good": false, "total_ms": 2.0}));
    assert_eq!(shop["recent"][2]["good"], json!(null));

    let ranged = "/api/v1/checks/shop?from=2026-11-01T00:00:00Z&to=2026-11-02T01:00:00%2B01:00&points=1000";
    let history = kit.get(ranged).await.json()["history"].clone();
    assert_eq!(
        (&history["to"], &history["uptime"]["count"]),
        (&json!("2026-11-02T00:00:00.000Z"), &json!(1440))
    );
    assert_eq!(history["points"].as_array().unwrap().len(), 1000, "at most");
    let before = kit.get("/api/v1/checks/shop?to=2026-11-02T00:00:00Z").await.json();
    assert_eq!(before["history"]["from"], "2026-11-01T00:00:00.000Z", "a day before its end");

    let job = kit.get("/api/v1/checks/backup-job").await.json();
    assert_eq!((&job["kind"], &job["uptime"][0]["ratio"]), (&json!("heartbeat"), &json!(null)));
    assert_eq!((&job["history"]["points"], &job["recent"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn health_readiness_and_metrics() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("status is 502")).await;
    assert_eq!(kit.get("/healthz").await.json(), json!({"alive": true}));
    assert_eq!(kit.get("/readyz").await.json(), json!({"ready": true, "degraded": false, "reasons": []}));
    let metrics = kit.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    for line in [
        "foghorn_incidents_open{severity=\"critical\"} 1",
        "foghorn_incidents_unanswered 1",
        "foghorn_degraded 0",
        "foghorn_info{version=\"0.1.0\"} 1",
        "foghorn_test_total 42",
    ] {
        assert!(metrics.text.lines().any(|l| l == line), "{line} is not in\n{}", metrics.text);
    }
    let names = metrics.text.lines().filter(|l| l.starts_with("# TYPE")).collect::<Vec<_>>();
    assert_eq!(names.len(), names.iter().collect::<std::collections::BTreeSet<_>>().len(), "no name twice");

    *kit.mode.lock().unwrap() = Mode::Stuck;
    kit.engine.tell(foghorn_engine::Class::Paging, Input::Tick);
    assert_eq!(kit.get("/healthz").await.status, 200, "it may be about to decide");
    kit.clock.fetch_add(11_000, std::sync::atomic::Ordering::SeqCst);
    let (health, ready) = (kit.get("/healthz").await, kit.get("/readyz").await);
    assert_eq!((health.status.as_u16(), ready.status.as_u16()), (503, 503));
    assert_eq!(ready.json()["reasons"][0], "the engine has work and has not decided anything for 11s");
}

#[tokio::test]
async fn ready_is_able_to_page() {
    let two = OPEN
        .replace("to: day@example.com }", "to: day@example.com }, { via: phone }")
        .replace("channels:\n", "channels:\n  phone: { kind: ntfy }\n");
    let kit = kit(&two).await;
    let told = async |broken: &[&str]| {
        *kit.broken.lock().unwrap() = broken.iter().map(|c| (*c).to_owned()).collect();
        let answer = kit.get("/readyz").await;
        let json = answer.json();
        let reasons: Vec<String> = json["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|r| r.as_str())
            .map(str::to_owned)
            .collect();
        assert_eq!(answer.status == 200, json["ready"] == true);
        (answer.status.as_u16(), json["degraded"] == true, reasons)
    };
    assert_eq!(told(&[]).await, (200, false, vec![]));
    let day = "Day operator by email: it refuses everything".to_owned();
    let night = "Night operator by email: it refuses everything".to_owned();
    let phone = "Day operator by phone: it refuses everything".to_owned();
    // Somebody can still be woken.
    assert_eq!(told(&["email"]).await, (200, true, vec![day.clone(), night.clone()]));
    let asleep = "nobody can be woken: only contacts that wake nobody work".to_owned();
    assert_eq!(told(&["phone"]).await, (503, true, vec![asleep, phone.clone()]));
    let nobody = "nobody can be paged: no contact works".to_owned();
    assert_eq!(told(&["email", "phone"]).await, (503, true, vec![nobody, day, phone, night]));
}

#[tokio::test]
async fn an_entity_that_nobody_knows_is_told() {
    let kit = kit(OPEN).await;
    let silence = |entity: &str| format!(r#"{{"entities": ["{entity}"], "for": "1h"}}"#);
    let change = |entity: &str| format!(r#"{{"summary": "x", "entity": "{entity}"}}"#);
    let near =
        json!(["neither the topology nor an open alert has an entity `shop-ap`; did you mean `shop-api`?"]);
    let opened = |entity: &str| format!(r#"{{"title": "x", "entity": "{entity}"}}"#);
    let all: [(&str, &dyn Fn(&str) -> String); 3] =
        [("/api/v1/silences", &silence), ("/api/v1/changes", &change), ("/api/v1/incidents", &opened)];
    for (path, body) in all {
        assert_eq!(kit.post(path, &body("shop-api")).await.json().get("warnings"), None);
        let told = kit.post(path, &body("shop-ap")).await;
        assert!(told.status.is_success() && told.json()["warnings"] == near, "{}", told.text);
        assert_eq!(kit.post(path, &body(" ")).await.status, 422);
    }
}

/// Whoever says that it is over hears what says otherwise.
#[tokio::test]
async fn what_still_fails_is_told_to_whoever_resolves() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("502 <Bad\tGateway>")).await;
    let told = kit.post("/api/v1/incidents/1/resolve", "").await.json();
    let said = "still failing: shop: 502 <Bad Gateway>. What still fails in 5m opens the incident again";
    assert_eq!(told["warnings"], json!([said]), "{told}");
    kit.post("/api/v1/incidents", r#"{"title": "by hand"}"#).await;
    let told = kit.post("/api/v1/incidents/2/resolve", "").await.json();
    assert_eq!(told.get("warnings"), None, "nothing measures it: {told}");
}

/// It counts, and a page would go past them: said at once, not at night.
#[tokio::test]
async fn who_stands_in_and_cannot_be_woken_is_warned_of() {
    let people = [
        ("{ name: Cy, time_zone: UTC, contacts: [] }", Some("has no contacts")),
        (
            "{ name: Cy, time_zone: UTC, contacts: [ { via: email, to: cy@example.com } ] }",
            Some("has no contact that wakes"),
        ),
        ("{ name: Cy, time_zone: UTC, contacts: [ { via: push, to: cy } ] }", None),
    ];
    for (cy, said) in people {
        let file = OPEN.replace("people:\n", &format!("people:\n  cy: {cy}\n"));
        let kit =
            kit(&file
                .replace("channels:\n", "channels:\n  push: { kind: ntfy, url: \"http://127.0.0.1:9\" }\n"))
            .await;
        let stands_in = r#"{"schedule": "primary", "person": "cy", "for": "2h"}"#;
        let told = kit.post("/api/v1/overrides", stands_in).await;
        assert_eq!(told.status, 201, "{told:?}");
        let warning = told.json()["warnings"][0].as_str().map(ToOwned::to_owned);
        assert_eq!(warning.is_some(), said.is_some(), "{cy}: {warning:?}");
        assert!(
            said.is_none_or(|said| warning.unwrap_or_default().starts_with(&format!("Cy {said}"))),
            "{cy}"
        );
    }
}

/// What is measured, and what is pinged.
#[tokio::test]
async fn metrics_tell_which_checks_are_up() {
    let kit = kit(OPEN).await;
    let up = async || {
        let text = kit.get("/metrics").await.text;
        let lines = text.lines().filter(|l| l.starts_with("foghorn_check_up{"));
        lines.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let shop = r#"foghorn_check_up{check="shop"} 1"#;
    assert_eq!(up().await, [shop], "nothing is known of the others");
    let ping = |ping| Input::Ping { check: "backup-job".into(), ping, run: None, body: String::new() };
    kit.input(ping(foghorn_core::event::PingKind::Success)).await;
    assert_eq!(up().await, [r#"foghorn_check_up{check="backup-job"} 1"#, shop]);
    kit.input(ping(foghorn_core::event::PingKind::Fail)).await;
    assert_eq!(up().await, [r#"foghorn_check_up{check="backup-job"} 0"#, shop]);
}
