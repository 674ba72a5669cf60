use super::*;

const ONE: &str = r#"[{"labels":{"alertname":"A"}}]"#;
const BASIC: &str = "Basic dXNlcjpzZWNvbmQtdG9rZW4tMDEyMzQ1Njc4OQ==";

/// From where, with what credentials, to which path: what comes of it.
#[tokio::test]
async fn who_may_send_alerts() {
    let rig = Rig::usual();
    let (here, there) = ("127.0.0.1:5000", "192.0.2.7:5000");
    let mapped = "[::ffff:127.0.0.1]:5000";
    let (plain, named, first) = (
        "/api/v2/alerts",
        "/api/intake/alertmanager/second/api/v2/alerts",
        "/api/intake/alertmanager/prometheus/api/v2/alerts",
    );
    for (peer, header, path, status, source) in [
        (here, None, plain, 200, "prometheus"),
        (mapped, None, plain, 200, "prometheus"),
        ("[::1]:5000", None, plain, 200, "prometheus"),
        (here, Some(("authorization", "Bearer second-token-0123456789")), plain, 200, "second"),
        (there, Some(("authorization", "Bearer second-token-0123456789")), plain, 200, "second"),
        (there, Some(("authorization", "bearer second-token-0123456789")), named, 200, "second"),
        (there, Some(("authorization", BASIC)), plain, 200, "second"),
        (here, None, first, 200, "prometheus"),
        (there, None, plain, 401, ""),
        (there, None, first, 401, ""),
        (here, None, named, 401, ""),
        (there, Some(("authorization", "Bearer wrong")), plain, 401, ""),
        (here, Some(("authorization", "Bearer wrong")), plain, 401, ""),
        (here, Some(("authorization", "Bearer dash-token-0123456789")), plain, 401, ""),
        (here, Some(("authorization", "Bearer second-token-0123456789")), first, 401, ""),
        (here, Some(("authorization", "Bearer")), plain, 401, ""),
        (here, Some(("authorization", "Basic ???")), plain, 401, ""),
        (here, Some(("authorization", "Bearer responder-token-0123456789")), plain, 403, ""),
        // A web page on this host's browser, and somebody behind a proxy on this host.
        (here, Some(("origin", "https://evil.example")), plain, 401, ""),
        (here, Some(("x-forwarded-for", "192.0.2.7")), plain, 401, ""),
        // A name that another site's owner has made point here: then the page's requests need no `Origin`.
        (here, Some(("host", "rebound.example:7070")), plain, 401, ""),
        (here, Some(("host", "localhost:7070")), plain, 200, "prometheus"),
        (here, Some(("host", "[::1]:7070")), plain, 200, "prometheus"),
        (here, None, "/api/intake/alertmanager/nobody/api/v2/alerts", 404, ""),
        (there, None, "/api/intake/alertmanager/nobody/api/v2/alerts", 401, ""),
        (here, None, "/api/intake/alertmanager/nagios/api/v2/alerts", 404, ""),
    ] {
        let rig = Rig::usual();
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(header);
        let said = rig.send(from(peer, Method::POST, path, &headers, Body::from(ONE))).await;
        assert_eq!(said.status.as_u16(), status, "{peer} {header:?} {path}: {}", said.body);
        let asked: Vec<_> = said.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(asked.len(), if status == 401 { 2 } else { 0 });
        assert_eq!(rig.intake.unauthenticated(), u64::from(status == 401));
        let open = rig.open();
        assert_eq!(open.first().map_or("", |l| l.split(':').next().unwrap()), source, "{open:?}");
    }
    // Without a peer nobody is known to be here.
    let bare = Request::post("/api/v2/alerts").body(Body::from(ONE)).unwrap();
    assert_eq!(rig.send(bare).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn without_an_integration_it_says_what_to_write() {
    let rig = Rig::new(config(""));
    assert_eq!(
        rig.post("/api/v2/alerts", ONE).await.line(),
        r#"404 "no integration of kind alertmanager is configured: write `integrations: { prometheus: { kind: alertmanager } }`""#
    );
}

#[tokio::test]
async fn a_token_that_is_missing_opens_nothing() {
    let rig =
        Rig::new(config(r#"integrations: { prometheus: { kind: alertmanager, token: "${NOT_SET}" } }"#));
    assert_eq!(rig.post("/api/v2/alerts", ONE).await.status, StatusCode::UNAUTHORIZED);
    let empty = [("content-type", "application/json"), ("authorization", "Bearer ")];
    assert_eq!(
        rig.send(request(Method::POST, "/api/v2/alerts", &empty, ONE)).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn who_may_silence() {
    let rig = Rig::usual();
    let body = r#"{"matchers":[{"name":"a","value":"1","isRegex":false}],"startsAt":"2026-01-01T00:00:00Z",
        "endsAt":"2099-01-01T00:00:00Z","createdBy":"","comment":"c"}"#;
    for (token, may_look, may_silence, by) in [
        ("responder-token-0123456789", 200, 200, "ana"),
        ("viewer-token-0123456789", 200, 403, ""),
        ("second-token-0123456789", 200, 200, "second"),
        ("wrong", 401, 401, ""),
    ] {
        let bearer = format!("Bearer {token}");
        let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        let look = rig.send(request(Method::GET, "/api/v2/alerts", &headers, "")).await;
        assert_eq!(look.status.as_u16(), may_look, "{token}");
        let said = rig.send(request(Method::POST, "/api/v2/silences", &headers, body)).await;
        assert_eq!(said.status.as_u16(), may_silence, "{token}: {}", said.body);
        let Some(id) = (may_silence == 200).then(|| said.json()["silenceID"].as_str().unwrap().to_owned())
        else {
            continue;
        };
        assert_eq!(rig.get(&format!("/api/v2/silence/{id}")).await.json()["createdBy"], by);
        let end = rig.send(request(Method::DELETE, &format!("/api/v2/silence/{id}"), &headers, "")).await;
        assert_eq!(end.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_new_configuration_counts_from_now_on() {
    let rig = Rig::usual();
    assert_eq!(rig.post("/api/v2/alerts", ONE).await.status, StatusCode::OK);
    let tokens =
        config(r#"integrations: { prometheus: { kind: alertmanager, token: "a-new-token-0123456789" } }"#);
    rig.config.send_replace(Arc::new(tokens));
    assert_eq!(rig.post("/api/v2/alerts", ONE).await.status, StatusCode::UNAUTHORIZED);
}
