use super::*;

const PATH: &str = "/api/intake/grafana/open-dash";

#[tokio::test]
async fn alerts_begin_and_end() {
    let rig = Rig::usual();
    let body = |status: &str| {
        format!(
            r#"{{"status":"{status}","alerts":[{{"status":"{status}","labels":{{"alertname":"CPU","service":"shop","severity":"high"}},"endsAt":"0001-01-01T00:00:00Z"}}]}}"#
        )
    };
    assert_eq!(rig.post(PATH, &body("firing")).await.line(), r#"200 {"accepted":1,"errors":[]}"#);
    assert_eq!(rig.open(), ["open-dash: alertname=CPU service=shop severity=high [critical] shop"]);
    assert_eq!(rig.json(Method::PUT, PATH, &body("resolved")).await.status, StatusCode::OK);
    assert!(rig.open().is_empty());
}

#[tokio::test]
async fn bad_notifications() {
    let rig = Rig::usual();
    for (body, said) in [
        (
            "",
            r#"400 {"accepted":0,"errors":["the notification cannot be read: EOF while parsing a value at line 1 column 0"]}"#,
        ),
        (
            r#"{"a":1}"#,
            r#"400 {"accepted":0,"errors":["there is no `alerts` in it: send Grafana's own payload, without a template"]}"#,
        ),
        (
            r#"{"alerts":5}"#,
            r#"400 {"accepted":0,"errors":["alerts must be a JSON array: invalid type: integer `5`, expected a sequence at line 1 column 11"]}"#,
        ),
        (
            "{\"alerts\":[{\"labels\":{}},\n{\"labels\":{\"a\":\"1\"}},{\"labels\":[]}]}",
            r#"400 {"accepted":1,"errors":["alerts[2]: invalid type: sequence, expected an object of strings at line 2 column 31","at least one label pair required (alerts[0])"]}"#,
        ),
    ] {
        assert_eq!(rig.post(PATH, body).await.line(), said, "{body}");
    }
    assert_eq!(rig.open(), ["open-dash: a=1 [critical]"]);
}

#[tokio::test]
async fn the_token_is_asked_for() {
    let rig = Rig::usual();
    let body = r#"{"alerts":[]}"#;
    let said = rig.post("/api/intake/grafana/dash", body).await;
    assert_eq!(said.status, StatusCode::UNAUTHORIZED);
    assert_eq!(said.header("www-authenticate"), "Bearer realm=\"foghorn\"");
    for (scheme, status) in [("Bearer", 200), ("Token", 200), ("Basic", 401)] {
        let header = format!("{scheme} dash-token-0123456789");
        let headers = [("authorization", header.as_str())];
        let sent = from("192.0.2.1:1", Method::POST, "/api/intake/grafana/dash", &headers, Body::from(body));
        assert_eq!(rig.send(sent).await.status.as_u16(), status, "{scheme}");
    }
    assert_eq!(rig.post("/api/intake/grafana/nobody", body).await.status, StatusCode::NOT_FOUND);
}
