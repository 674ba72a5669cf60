use super::*;

fn with_server(server: &str, integrations: &str) -> Rig {
    Rig::new(config(&format!("server: {{ {server} }}\nintegrations: {{ {integrations} }}")))
}

const TWO: &str = r#"noisy: { kind: alertmanager }, quiet: { kind: alertmanager, token: "quiet-token-0123456789" },
    pd: { kind: pagerduty, routing_key: 0123456789abcdef0123456789abcdef }, dash: { kind: grafana }"#;

fn quiet(body: &'static str) -> Request<Body> {
    let headers = [("content-type", "application/json"), ("authorization", "Bearer quiet-token-0123456789")];
    request(Method::POST, "/api/v2/alerts", &headers, body)
}

#[tokio::test]
async fn a_body_that_is_too_large() {
    let rig = with_server("max_body: 1KiB", TWO);
    let large = format!("[{}]", " ".repeat(2000));
    let said = rig.post("/api/v2/alerts", &large).await;
    assert_eq!(
        said.line(),
        r#"413 {"code":413,"message":"the body is larger than 1024 bytes: send less at a time, or raise server.max_body"}"#
    );
    // Without a length in the head, too.
    let parts = futures_util::stream::iter(
        (0..20).map(|_| Ok::<_, std::io::Error>(bytes::Bytes::from(" ".repeat(100)))),
    );
    let chunked = from("127.0.0.1:1", Method::POST, "/api/v2/alerts", &[], Body::from_stream(parts));
    assert_eq!(rig.send(chunked).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(rig.refused("noisy", Reason::Size), 2);
    assert_eq!(rig.post("/api/intake/grafana/dash", &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(rig.refused("dash", Reason::Size), 1);
    assert_eq!(rig.post("/v2/enqueue", &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(rig.intake.unread(), 1);
}

#[tokio::test]
async fn a_noisy_integration_is_slowed_and_another_is_not() {
    let rig = with_server("rate_limit: 1", TWO);
    for _ in 0..2 {
        assert_eq!(rig.post("/api/v2/alerts", "[]").await.status, StatusCode::OK);
    }
    let mut refused = 0;
    for _ in 0..50 {
        let said = rig.post("/api/v2/alerts", "[]").await;
        if said.status == StatusCode::TOO_MANY_REQUESTS {
            refused += 1;
            assert!(said.header("retry-after").parse::<u64>().unwrap() >= 1);
            assert_eq!(said.json()["code"], 429);
        }
    }
    assert!(refused > 0 && rig.refused("noisy", Reason::Rate) == refused);
    assert_eq!(rig.send(quiet("[]")).await.status, StatusCode::OK);
    let event = format!(r#"{{"routing_key":"{KEY}","event_action":"acknowledge","dedup_key":"k"}}"#);
    let mut last = rig.post("/v2/enqueue", &event).await;
    for _ in 0..50 {
        if last.status != StatusCode::ACCEPTED {
            break;
        }
        last = rig.post("/v2/enqueue", &event).await;
    }
    assert_eq!(
        last.line(),
        r#"429 {"message":"Requests for this service are arriving too quickly.  Please retry later.","status":"throttle exceeded"}"#
    );
}

#[tokio::test]
async fn pings_that_come_too_often_are_told_what_helps_a_ping() {
    let rig = Rig::new(config(
        "server: { rate_limit: 1 }\nchecks: { job: { heartbeat: { every: 1d, grace: 1h } } }",
    ));
    let mut said = rig.get("/ping/job").await;
    for _ in 0..50 {
        if said.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        said = rig.get("/ping/job").await;
    }
    assert!(said.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(
        said.line(),
        "429 this check is pinged more often than server.rate_limit allows a second: ping it less often, or raise that"
    );
}

/// The engine stands still; one integration has as many requests waiting as it may, and another's still comes in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_are_each_integrations_own() {
    let rig = Arc::new(with_server("rate_limit: 1000000", TWO));
    let standing = rig.gate.clone().lock_owned().await;
    let mut flood = Vec::new();
    for _ in 0..700 {
        let rig = rig.clone();
        flood
            .push(tokio::spawn(async move { rig.post("/api/v2/alerts", r#"[{"labels":{"a":"1"}}]"#).await }));
    }
    // Those beyond the limit are answered at once, although nothing is decided.
    while rig.intake.stats().first().is_none_or(|s| s.refused[Reason::InFlight as usize].1 < 188) {
        tokio::task::yield_now().await;
    }
    let other = tokio::spawn({
        let rig = rig.clone();
        async move { rig.send(quiet(r#"[{"labels":{"b":"1"}}]"#)).await }
    });
    while rig.intake.stats().len() < 2 {
        tokio::task::yield_now().await;
    }
    drop(standing);
    assert_eq!(other.await.unwrap().status, StatusCode::OK);
    let mut counts = std::collections::BTreeMap::<u16, u32>::new();
    for sent in flood {
        let said = sent.await.unwrap();
        if said.status == StatusCode::SERVICE_UNAVAILABLE {
            assert!(said.header("retry-after").parse::<u64>().unwrap() >= 1);
        }
        *counts.entry(said.status.as_u16()).or_default() += 1;
    }
    assert_eq!(counts, [(200, 512), (503, 188)].into());
    assert_eq!(rig.open(), ["noisy: a=1 [critical]", "quiet: b=1 [critical]"]);
}

#[tokio::test]
async fn too_many_alerts_at_once_and_too_many_open() {
    let rig = with_server(
        "rate_limit: 1000",
        r#"am: { kind: alertmanager, max_alerts: 2 }, pd: { kind: pagerduty, routing_key: 0123456789abcdef0123456789abcdef, max_alerts: 1 }"#,
    );
    let many = format!("[{}]", vec![r#"{"labels":{"a":"1"}}"#; 10_001].join(","));
    let said = rig.post("/api/v2/alerts", &many).await;
    assert_eq!(
        said.line(),
        r#"413 {"code":413,"message":"more than 10000 alerts in one request: send fewer at a time"}"#
    );
    assert_eq!(rig.refused("am", Reason::Items), 1);
    let three = r#"[{"labels":{"a":"1"}},{"labels":{"a":"2"}},{"labels":{"a":"3"}}]"#;
    let said = rig.post("/api/v2/alerts", three).await;
    assert_eq!(
        said.line(),
        r#"400 "1 new alerts were refused: am has as many alerts open as its max_alerts allows; resolve some, or raise it""#
    );
    assert_eq!(rig.open().len(), 2);
    assert_eq!((rig.stat("am").accepted, rig.refused("am", Reason::Cardinality)), (2, 1));
    let event = |key| {
        format!(
            r#"{{"routing_key":"{KEY}","event_action":"trigger","dedup_key":"{key}","payload":{{"summary":"s","source":"h","severity":"info"}}}}"#
        )
    };
    assert_eq!(rig.post("/v2/enqueue", &event("a")).await.status, StatusCode::ACCEPTED);
    let said = rig.post("/v2/enqueue", &event("b")).await;
    assert!(said.status == StatusCode::BAD_REQUEST && said.body.contains("max_alerts"), "{}", said.body);
}

#[tokio::test]
async fn only_json_is_taken_for_alerts() {
    let rig = with_server("rate_limit: 1000", TWO);
    for (kind, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
    ] {
        let sent = request(Method::POST, "/api/v2/alerts", &[("content-type", kind)], "[]");
        assert_eq!(rig.send(sent).await.status.as_u16(), status, "{kind}");
    }
    assert_eq!(rig.send(request(Method::POST, "/api/v2/alerts", &[], "[]")).await.status, StatusCode::OK);
}
