use super::*;

fn event(rest: &str) -> String {
    format!(r#"{{"routing_key":"{KEY}",{rest}}}"#)
}

fn trigger(key: &str, payload: &str) -> String {
    event(&format!(r#""event_action":"trigger","dedup_key":"{key}","payload":{{{payload}}}"#))
}

#[tokio::test]
async fn bad_events() {
    let rig = Rig::usual();
    let good = r#""summary":"s","source":"h","severity":"error""#;
    for (body, errors) in [
        ("junk".to_owned(), "the event cannot be read: expected value at line 1 column 1"),
        ("[]".to_owned(), "'routing_key' is missing or blank"),
        ("{}".to_owned(), "'routing_key' is missing or blank"),
        (
            r#"{"routing_key":"short"}"#.to_owned(),
            "Length of 'routing_key' is incorrect (should be 32 characters)",
        ),
        (r#"{"routing_key":"ffffffffffffffffffffffffffffffff"}"#.to_owned(), "Invalid routing key"),
        (
            r#"{"routing_key":7}"#.to_owned(),
            "the event cannot be read: invalid type: integer `7`, expected a string at line 1 column 16",
        ),
        (event(r#""x":1"#), "'event_action' is missing or blank"),
        (
            event(r#""event_action":"explode""#),
            "'event_action' is invalid (must be one of: 'trigger', 'acknowledge' or 'resolve')",
        ),
        (event(r#""event_action":"resolve""#), "'dedup_key' is missing or blank"),
        (event(r#""event_action":"acknowledge""#), "'dedup_key' is missing or blank"),
        (event(r#""event_action":"trigger""#), "'payload' is missing or blank"),
        (
            trigger("k", ""),
            "'payload.summary' is missing or blank|'payload.source' is missing or blank|'payload.severity' is missing or blank",
        ),
        (
            trigger("k", r#""summary":"s","source":"h","severity":"bad""#),
            "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')",
        ),
        (
            trigger(&"k".repeat(256), good),
            "Length of 'dedup_key' is incorrect (should be at most 255 characters)",
        ),
    ] {
        let said = rig.post("/v2/enqueue", &body).await;
        let errors: Vec<&str> = errors.split('|').collect();
        let expected = serde_json::json!({ "status": "invalid event", "message": "Event object is invalid", "errors": errors });
        assert_eq!((said.status, said.json()), (StatusCode::BAD_REQUEST, expected), "{body}");
    }
    assert!(rig.open().is_empty());
    assert_eq!(rig.intake.unauthenticated(), 4);
    assert_eq!(rig.stat("nagios").bad, 8);
}

#[tokio::test]
async fn an_alert_is_its_dedup_key() {
    let rig = Rig::usual();
    let said = rig
        .post(
            "/v2/enqueue",
            &trigger("disk", r#""summary":"disk full","source":"web1.example.com","severity":"error""#),
        )
        .await;
    assert_eq!(said.line(), r#"202 {"dedup_key":"disk","message":"Event processed","status":"success"}"#);
    // The same alert, now of a component and less bad; then somebody's acknowledgement, which is a person's to give.
    let again = trigger(
        "disk",
        r#""summary":"disk nearly full","source":"web1","component":"shop","severity":"warning""#,
    );
    assert_eq!(rig.post("/v2/enqueue", &again).await.status, StatusCode::ACCEPTED);
    let ack = event(r#""event_action":"acknowledge","dedup_key":"disk""#);
    assert_eq!(rig.post("/v2/enqueue", &ack).await.line(), said.line());
    assert_eq!(rig.open(), ["nagios: dedup_key=disk [warning] web1"]);
    assert!(!rig.handle.view().state.incident(1).unwrap().is_acknowledged());
    let resolve = event(r#""event_action":"resolve","dedup_key":"disk""#);
    assert_eq!(rig.post("/v2/enqueue", &resolve).await.line(), said.line());
    assert!(rig.open().is_empty());
    // With nothing open it is dropped in silence, as there.
    assert_eq!(rig.post("/v2/enqueue", &resolve).await.line(), said.line());
    assert_eq!(rig.stat("nagios").accepted, 5);
}

#[tokio::test]
async fn what_an_event_says_is_kept() {
    let rig = Rig::usual();
    let body = event(
        r#""event_action":"trigger","client":"Nagios","client_url":"http://nagios/","payload":{"summary":"load is 40",
        "source":"db7","component":"shop","group":"prod","class":"load","severity":"critical",
        "timestamp":"2026-11-21T01:00:00.000+0000","custom_details":{"load":[40,38],"note":"x"}},
        "links":[{"href":"http://wiki/load","text":"what to do"},{"href":"http://x"}],
        "images":[{"src":"https://i/1.png","href":"https://i","alt":"graph"}]"#,
    );
    let said = rig.post("/v2/enqueue", &body).await;
    let key = said.json()["dedup_key"].as_str().unwrap().to_owned();
    assert!(crate::id::is_uuid(&key));
    assert_eq!(rig.open(), [format!("nagios: dedup_key={key} [critical] shop")]);
    let view = rig.handle.view();
    let alert = view.state.alerts.values().next().unwrap();
    assert_eq!(crate::moment::show(alert.started), "2026-11-21T01:00:00.000Z");
    let lines: Vec<String> = alert.annotations.iter().map(|(k, v)| format!("{k}: {v:?}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    class: "load"
    client: "Nagios"
    client_url: "http://nagios/"
    component: "shop"
    custom_details: "{\"load\":[40,38],\"note\":\"x\"}"
    group: "prod"
    images: "graph: https://i/1.png: https://i"
    links: "what to do: http://wiki/load\nhttp://x"
    source: "db7"
    summary: "load is 40"
    "#);
}

/// Whoever is to be woken is woken: what an alert can do without is left out, and the sender is told.
#[tokio::test]
async fn what_cannot_be_read_costs_no_page() {
    let rig = Rig::usual();
    let payload =
        |rest: &str| format!(r#""payload":{{"summary":"s","source":"h","severity":"error"{rest}}}"#);
    let list = "invalid type: string \"x\", expected a sequence";
    for (n, (rest, inner, without)) in [
        (r#","links":"x""#, "", format!("links ({list})")),
        (r#","images":{}"#, "", "images (invalid type: map, expected a sequence)".to_owned()),
        (
            r#","links":[{"href":"http://good"},7]"#,
            "",
            "links (invalid type: integer `7`, expected an object)".to_owned(),
        ),
        (r#","client":5"#, "", "client (invalid type: integer `5`, expected a string)".to_owned()),
        (
            "",
            r#","group":["a"],"timestamp":1,"custom_details":"text""#,
            "payload.timestamp (invalid type: integer `1`, expected a string); \
             payload.group (invalid type: sequence, expected a string)"
                .to_owned(),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let body = event(&format!(r#""event_action":"trigger","dedup_key":"k{n}",{}{rest}"#, payload(inner)));
        let said = rig.post("/v2/enqueue", &body).await;
        let message = format!("Event processed, without what cannot be read: {without}");
        assert_eq!(
            (said.status, said.json()["message"].as_str()),
            (StatusCode::ACCEPTED, Some(&*message)),
            "{body}"
        );
        assert_eq!(said.json()["dedup_key"], format!("k{n}"));
    }
    assert_eq!(rig.open().len(), 5);
    let view = rig.handle.view();
    let links = view.state.alerts.values().find_map(|a| a.annotations.get("links"));
    assert_eq!(links, Some("http://good"), "the good one of two is kept");
    let change = event(r#""payload":{"summary":"deployed"},"links":{}"#);
    let said = rig.post("/v2/change/enqueue", &change).await;
    assert_eq!(said.status, StatusCode::ACCEPTED);
    assert!(
        said.json()["message"].as_str().unwrap().ends_with("links (invalid type: map, expected a sequence)")
    );
}

#[tokio::test]
async fn an_event_larger_than_the_format_has_is_told_what_helps() {
    let rig = Rig::usual();
    let huge = trigger("k", &format!(r#""summary":"{}""#, "x".repeat(600_000)));
    let said = rig.post("/v2/enqueue", &huge).await;
    let message = said.json()["message"].as_str().unwrap().to_owned();
    assert_eq!(said.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(message.contains("524288 bytes") && !message.contains("max_body"), "{message}");
}

#[tokio::test]
async fn a_long_summary_is_cut_rather_than_refused() {
    let rig = Rig::usual();
    let payload = format!(r#""summary":"{}","source":"h","severity":"info""#, "é".repeat(2000));
    assert_eq!(rig.post("/v2/enqueue", &trigger("k", &payload)).await.status, StatusCode::ACCEPTED);
    let view = rig.handle.view();
    let summary = view.state.alerts.values().next().unwrap().summary();
    assert!(summary.ends_with("é … (cut)") && summary.chars().count() <= 1024, "{summary}");
}

#[tokio::test]
async fn a_wrong_time_costs_the_time_and_not_the_alert() {
    let rig = Rig::usual();
    let payload = r#""summary":"s","source":"h","severity":"error","timestamp":"noon""#;
    assert_eq!(rig.post("/v2/enqueue", &trigger("k", payload)).await.status, StatusCode::ACCEPTED);
    let view = rig.handle.view();
    let alert = view.state.alerts.values().next().unwrap();
    assert_eq!(
        alert.annotations.get("timestamp"),
        Some("timestamp \"noon\" is no time: write it as 2026-11-21T09:30:00Z; the time of arrival counts")
    );
}

#[tokio::test]
async fn a_senders_acknowledgement_is_noted_and_no_more() {
    let rig = Rig::usual();
    let ack = event(r#""event_action":"acknowledge","dedup_key":"disk""#);
    assert_eq!(rig.post("/v2/enqueue", &ack).await.status, StatusCode::ACCEPTED, "nothing is open");
    let payload = r#""summary":"disk full","source":"h","severity":"error""#;
    rig.post("/v2/enqueue", &trigger("disk", payload)).await;
    assert_eq!(rig.post("/v2/enqueue", &ack).await.status, StatusCode::ACCEPTED);
    assert!(!rig.handle.view().state.incident(1).unwrap().is_acknowledged());
    let notes = rig.notes();
    assert_eq!(notes, ["1 nagios (API): disk full was acknowledged there; here that acknowledges nothing"]);
    rig.broken.store(true, Ordering::Relaxed);
    assert_eq!(rig.post("/v2/enqueue", &ack).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn guessed_keys_wait() {
    let rig = Rig::usual();
    let guess = r#"{"routing_key":"ffffffffffffffffffffffffffffffff"}"#;
    for _ in 0..20 {
        assert_eq!(rig.post("/v2/enqueue", guess).await.status, StatusCode::BAD_REQUEST);
    }
    let said = rig.post("/v2/enqueue", guess).await;
    assert_eq!((said.status, said.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "5"));
    // Whatever else it guesses at.
    let said = rig.send(request(Method::GET, "/ping/00000000-0000-4000-8000-000000000000", &[], "")).await;
    assert_eq!((said.status, said.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "5"));
    // A right key behind the same address is never kept waiting: it may be a page.
    let payload = r#""summary":"disk full","source":"h","severity":"error""#;
    assert_eq!(rig.post("/v2/enqueue", &trigger("disk", payload)).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn compressed_bodies_are_refused_and_say_why() {
    let rig = Rig::usual();
    for path in ["/v2/enqueue", "/api/v2/alerts", "/api/intake/grafana/open-dash"] {
        let said = rig.send(request(Method::POST, path, &[("content-encoding", "gzip")], "\u{1f}")).await;
        assert_eq!(said.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path}: {}", said.body);
        assert!(said.body.contains("send it uncompressed"), "{path}: {}", said.body);
    }
}

#[tokio::test]
async fn changes_are_recorded() {
    let rig = Rig::usual();
    let change = event(
        r#""payload":{"summary":"Deployed shop 1.4","source":"shop","timestamp":"2026-11-21T01:00:00Z","custom_details":{"a":1}},
        "links":[{"href":"https://ci/14"}]"#,
    );
    let said = rig.post("/v2/change/enqueue", &change).await;
    assert_eq!(said.line(), r#"202 {"message":"Change event processed","status":"success"}"#);
    let view = rig.handle.view();
    let kept = view.state.changes.iter().next().unwrap();
    assert_eq!(
        (&*kept.source, &*kept.summary, kept.entity.as_deref(), kept.link.as_deref()),
        ("nagios", "Deployed shop 1.4", Some("shop"), Some("https://ci/14"))
    );
    let bad = rig.post("/v2/change/enqueue", &event(r#""payload":{"summary":" "}"#)).await;
    assert_eq!(bad.json()["errors"], serde_json::json!(["'payload.summary' is missing or blank"]));
    // At another time it would be told at the wrong incident; nobody repeats it by itself, so the sender hears why.
    for (time, why) in [
        (r#""noon""#, "'payload.timestamp' \"noon\" is no time"),
        ("1795230760", "'payload.timestamp' (invalid type: integer `1795230760`, expected a string)"),
    ] {
        let late = event(&format!(r#""payload":{{"summary":"s","timestamp":{time}}}"#));
        let said = rig.post("/v2/change/enqueue", &late).await;
        assert_eq!(said.status, StatusCode::BAD_REQUEST);
        assert!(said.json()["errors"][0].as_str().unwrap().starts_with(why), "{}", said.line());
    }
    assert_eq!(rig.handle.view().state.changes.len(), 1);
    assert_eq!(
        rig.post("/v2/change/enqueue", &event(r#""x":1"#)).await.json()["errors"],
        serde_json::json!(["'payload' is missing or blank"])
    );
}

#[tokio::test]
async fn what_is_not_saved_is_not_acknowledged() {
    let rig = Rig::usual();
    rig.broken.store(true, Ordering::Relaxed);
    let said =
        rig.post("/v2/enqueue", &trigger("k", r#""summary":"s","source":"h","severity":"error""#)).await;
    assert_eq!(said.line(), r#"503 {"message":"not saved, try again: disk full","status":"unavailable"}"#);
    assert_eq!(said.header("retry-after"), "5");
    let said = rig.post("/v2/change/enqueue", &event(r#""payload":{"summary":"x"}"#)).await;
    assert_eq!(said.status, StatusCode::SERVICE_UNAVAILABLE);
}

static RIG: std::sync::LazyLock<Rig> = std::sync::LazyLock::new(Rig::usual);

proptest::proptest! {
    #[test]
    fn no_body_panics(
        body in ".*",
        action in "(trigger|resolve|acknowledge|x)",
        payload in "(null|5|\\{\\}|\\{\"summary\":[1]\\}|\"x\")",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let wrong = format!(r#""event_action":"{action}","payload":{payload},"links":{payload}"#);
            for body in [body.clone(), event(&wrong)] {
                for path in ["/v2/enqueue", "/v2/change/enqueue"] {
                    assert_eq!(RIG.post(path, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
                }
            }
        });
    }
}
