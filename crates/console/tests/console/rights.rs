//! Who may do what: every route, every role; and what a page of another site may not.

use crate::kit::{HERE, JSON, Mode, OPEN, from, kit, send, with_tokens};
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tower::ServiceExt;

const ALL: u8 = 0;
const SEE: u8 = 1;
const ACT: u8 = 2;
const RULE: u8 = 3;

/// Route and what it needs; `{id}` and the like are filled in below.
const TABLE: &[(&str, &str, u8)] = &[
    ("get", "/api/v1/incidents", SEE),
    ("post", "/api/v1/incidents", ACT),
    ("get", "/api/v1/incidents/{id}", SEE),
    ("get", "/api/v1/incidents/{id}/alerts", SEE),
    ("get", "/api/v1/incidents/{id}/timeline", SEE),
    ("post", "/api/v1/incidents/{id}/ack", ACT),
    ("post", "/api/v1/incidents/{id}/resolve", ACT),
    ("post", "/api/v1/incidents/{id}/note", ACT),
    ("post", "/api/v1/incidents/{id}/updates", ACT),
    ("post", "/api/v1/incidents/{id}/updates/{number}/correct", ACT),
    ("post", "/api/v1/incidents/{id}/updates/{number}/withdraw", ACT),
    ("post", "/api/v1/incidents/{id}/escalate", ACT),
    ("get", "/api/v1/events", SEE),
    ("get", "/api/v1/stream", SEE),
    ("get", "/api/v1/oncall", SEE),
    ("get", "/api/v1/people", SEE),
    ("get", "/api/v1/checks", SEE),
    ("get", "/api/v1/checks/{name}", SEE),
    ("get", "/api/v1/components", SEE),
    ("get", "/api/v1/status", SEE),
    ("get", "/api/v1/silences", SEE),
    ("post", "/api/v1/silences", ACT),
    ("delete", "/api/v1/silences/{id}", ACT),
    ("get", "/api/v1/overrides", SEE),
    ("post", "/api/v1/overrides", ACT),
    ("delete", "/api/v1/overrides/{id}", ACT),
    ("get", "/api/v1/changes", SEE),
    ("post", "/api/v1/changes", ACT),
    ("post", "/api/v1/reload", RULE),
    ("post", "/api/v1/backup", RULE),
    ("get", "/healthz", ALL),
    ("get", "/readyz", ALL),
    ("get", "/metrics", SEE),
    ("get", "/openapi.json", ALL),
    ("get", "/problems/{kind}", ALL),
    ("get", "/", SEE),
];

#[test]
fn the_table_has_every_route() {
    let api: Value = serde_json::from_str(&foghorn_console::openapi()).unwrap();
    let described: BTreeSet<(String, String)> = api["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |m| (m.clone(), path.clone())))
        .collect();
    let table = TABLE.iter().map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
    assert_eq!(described, table);
}

/// Only the status: a stream does not end.
async fn status(router: &axum::Router, request: http::Request<axum::body::Body>) -> StatusCode {
    router.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn every_role_against_every_route() {
    let kit = kit(&with_tokens()).await;
    let tokens = [
        (None, ALL),
        (Some("Bearer no-such-token-at-all"), ALL),
        (Some("Basic viewer-token-0123456789"), ALL),
        (Some("Bearer viewer-token-0123456789"), SEE),
        (Some("bearer responder-token-0123456789"), ACT),
        (Some("Bearer admin-token-0123456789"), RULE),
    ];
    for (method, path, needs) in TABLE {
        let path = path
            .replace("{id}", "999")
            .replace("{number}", "1")
            .replace("{kind}", "over")
            .replace("{name}", "shop");
        for (token, has) in tokens {
            let mut headers = vec![JSON];
            headers.extend(token.map(|t| ("authorization", t)));
            let got =
                status(&kit.api, from("192.0.2.7:50000", &method.to_uppercase(), &path, &headers, "{}"))
                    .await;
            let expected = match (has >= *needs, has) {
                (true, _) => None,
                (false, ALL) => Some(StatusCode::UNAUTHORIZED),
                (false, _) => Some(StatusCode::FORBIDDEN),
            };
            let refused =
                Some(got).filter(|s| matches!(*s, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN));
            assert_eq!(refused, expected, "{method} {path} with {token:?} gave {got}");
        }
    }
}

#[tokio::test]
async fn with_tokens_this_host_needs_one_too_but_for_metrics_and_the_index() {
    let kit = kit(&with_tokens()).await;
    assert_eq!(kit.get("/api/v1/incidents").await.status, 401);
    assert_eq!(kit.get("/metrics").await.status, 200);
    assert_eq!(kit.get("/").await.status, 200);
    let by_proxy = from(HERE, "GET", "/metrics", &[("x-forwarded-for", "192.0.2.7")], "");
    assert_eq!(status(&kit.api, by_proxy).await, 401);
}

#[tokio::test]
async fn a_token_acts_in_the_name_of_its_person() {
    let kit = kit(&with_tokens()).await;
    let send = |path: &'static str, token: &'static str, body: &'static str| {
        crate::kit::send(&kit.api, from(HERE, "POST", path, &[JSON, ("authorization", token)], body))
    };
    let hand = "Bearer responder-token-0123456789";
    assert_eq!(
        send("/api/v1/incidents", hand, r#"{"title": "x", "severity": "critical"}"#).await.status,
        201
    );
    assert_eq!(
        send("/api/v1/incidents/1/note", "Bearer admin-token-0123456789", r#"{"text": "y"}"#).await.status,
        200
    );
    let events = kit
        .journal
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|(_, json)| String::from_utf8(json.clone()).unwrap())
        .collect::<String>();
    assert!(events.contains(r#""by":{"name":"day-ops","via":"api"}"#), "{events}");
    assert!(events.contains(r#""by":{"name":"head","via":"api"}"#), "{events}");
}

/// A name of an attacker's that points to 127.0.0.1, a page of another site, a proxy: none of them speaks for this host.
#[tokio::test]
async fn without_tokens_only_this_host_is_trusted() {
    let kit = kit(OPEN).await;
    for (why, peer, headers, expected) in [
        ("this host", HERE, &[][..], 200),
        ("by name", HERE, &[("host", "localhost:7070")], 200),
        ("by IPv6", "[::1]:50000", &[("host", "[::1]:7070")], 200),
        ("its own page", HERE, &[("origin", "http://127.0.0.1:7070")], 200),
        ("another host", "192.0.2.7:50000", &[], 401),
        ("a proxy", HERE, &[("x-forwarded-for", "192.0.2.7")], 401),
        ("rebinding", HERE, &[("host", "rebind.example.com")], 403),
        (
            "rebinding with a port",
            HERE,
            &[("host", "rebind.example.com:7070"), ("origin", "http://rebind.example.com:7070")],
            403,
        ),
        ("no host", HERE, &[("host", "")], 403),
        ("another site", HERE, &[("origin", "https://evil.example.com")], 403),
        ("another port", HERE, &[("origin", "http://127.0.0.1:8080")], 403),
        ("a sandbox", HERE, &[("origin", "null")], 403),
        ("what the browser says", HERE, &[("sec-fetch-site", "cross-site")], 403),
    ] {
        let read = crate::kit::send(&kit.api, from(peer, "GET", "/api/v1/status", headers, "")).await;
        assert_eq!(read.status, expected, "{why}: {}", read.text);
        let with_type: Vec<_> = headers.iter().copied().chain([JSON]).collect();
        let write =
            status(&kit.api, from(peer, "POST", "/api/v1/changes", &with_type, r#"{"summary": "x"}"#)).await;
        assert_eq!(write, expected, "{why}");
    }
    // What a form of another site can send at all is refused whatever else it says.
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"] {
        let sent = from(HERE, "POST", "/api/v1/changes", &[("content-type", kind)], r#"{"summary": "x"}"#);
        assert_eq!(status(&kit.api, sent).await, 415, "{kind}");
        let empty = from(HERE, "POST", "/api/v1/incidents/1/ack", &[("content-type", kind)], "");
        assert_eq!(status(&kit.api, empty).await, 415, "{kind}");
    }
}

/// Whoever has no token learns whether to send somebody, and nothing of what is inside.
#[tokio::test]
async fn reasons_are_for_those_who_may_see() {
    let kit = kit(&with_tokens()).await;
    *kit.mode.lock().unwrap() = Mode::Degraded;
    let away = "192.0.2.7:50000";
    let token = ("authorization", "Bearer responder-token-0123456789");
    let open =
        from(away, "POST", "/api/v1/incidents", &[JSON, token], r#"{"title": "x", "severity": "info"}"#);
    assert_eq!(send(&kit.api, open).await.status, StatusCode::ACCEPTED);
    let ask = async |headers: &[(&str, &str)]| {
        send(&kit.api, from(away, "GET", "/readyz", headers, "")).await.json()
    };
    let hidden = ask(&[]).await;
    assert_eq!(hidden, json!({"ready": true, "degraded": true, "reasons": []}));
    assert_eq!(ask(&[("authorization", "Bearer wrong-token-0123456789")]).await, hidden);
    let shown = ask(&[("authorization", "Bearer viewer-token-0123456789")]).await;
    assert!(shown["reasons"][0].as_str().unwrap().contains("no space left on the disk"), "{shown}");
    assert_eq!(kit.get("/readyz").await.json(), shown);
}

#[tokio::test]
async fn guessing_tokens_is_slow() {
    let kit = kit(&with_tokens()).await;
    let ask = async |address: &str, token: &str| {
        let headers = [("authorization", token)];
        send(&kit.api, from(address, "GET", "/api/v1/people", &headers, "")).await
    };
    for _ in 0..20 {
        assert_eq!(ask("192.0.2.7:50000", "Bearer guess").await.status, StatusCode::UNAUTHORIZED);
    }
    let late = ask("192.0.2.7:50001", "Bearer viewer-token-0123456789").await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS, "not even a right one is looked at");
    assert_eq!(late.header("retry-after"), "5");
    assert_eq!(ask("192.0.2.8:50000", "Bearer viewer-token-0123456789").await.status, StatusCode::OK);
}
