use super::*;
use crate::moment;
use foghorn_core::alert::AlertStatus;
use foghorn_core::time::Span;
use foghorn_engine::handle::Class;

/// What the installed Alertmanager (0.25) was seen to answer is marked with `=`; where Foghorn keeps more or says more, `+`.
#[tokio::test]
async fn bad_bodies() {
    let rig = Rig::usual();
    for (body, said) in [
        // =
        (r#"[]"#, "200 "),
        (r#"null"#, "200 "),
        (r#"[{"labels":{"a":"1"},"endsAt":"0001-01-01T00:00:00Z","foo":1}]"#, "200 "),
        // = and the place of the item
        (r#"[{"labels":{}}]"#, r#"400 "at least one label pair required (alerts[0])""#),
        (r#"[{"labels":{"a":""}}]"#, r#"400 "at least one label pair required (alerts[0])""#),
        (r#"[{"labels":{"1bad":"x"}}]"#, r#"400 "invalid label set: invalid name \"1bad\" (alerts[0])""#),
        (
            r#"[{"labels":{"a":"1"},"annotations":{"1x":"y"}}]"#,
            r#"400 "invalid annotations: invalid name \"1x\" (alerts[0])""#,
        ),
        (
            r#"[{"labels":{"a":"1"},"startsAt":"2026-01-02T00:00:00Z","endsAt":"2026-01-01T00:00:00Z"}]"#,
            r#"400 "start time must be before end time (alerts[0])""#,
        ),
        // + (there 422, or {"code":400})
        (r#"[{"annotations":{"a":"1"}}]"#, r#"400 "at least one label pair required (alerts[0])""#),
        (r#"[{"labels":null}]"#, r#"400 "at least one label pair required (alerts[0])""#),
        (
            "[{\"labels\":\n {\"a\":1}}]",
            r#"400 "alerts[0]: invalid type: integer `1`, expected a string at line 2 column 7""#,
        ),
        (
            r#"[{"labels":{"a":"1"},"startsAt":"yesterday"}]"#,
            r#"400 "startsAt \"yesterday\" is no time: write it as 2026-11-21T09:30:00Z (alerts[0])""#,
        ),
        (
            r#"{"labels":{"a":"1"}}"#,
            r#"400 "alerts must be a JSON array: invalid type: map, expected a sequence at line 1 column 0""#,
        ),
        ("junk", r#"400 "alerts must be a JSON array: expected value at line 1 column 1""#),
        (
            r#"[{"labels":{"a":"1"}},"#,
            r#"400 "alerts must be a JSON array: EOF while parsing a value at line 1 column 22""#,
        ),
        ("", r#"400 "the body is empty: send a JSON array of alerts""#),
        // + (there the connection is closed by a crash)
        ("[null]", r#"400 "alerts[0]: invalid type: null, expected an alert at line 1 column 5""#),
    ] {
        let got = rig.post("/api/v2/alerts", body).await;
        assert_eq!(got.line(), said, "{body}");
    }
    assert_eq!(rig.stat("prometheus").bad, 14);
}

#[tokio::test]
async fn good_alerts_are_kept_beside_bad_ones() {
    let rig = Rig::usual();
    let body = r#"[{"labels":{"alertname":"Down","instance":"web1.example.com:9100","severity":"critical"}},
        {"labels":{}}, 5, {"labels":{"alertname":"Slow"},"startsAt":"x"}, {"labels":{"alertname":"Full","job":"naïve"}}]"#;
    let said = rig.post("/api/v2/alerts", body).await;
    assert_eq!(said.status, StatusCode::BAD_REQUEST);
    insta::assert_snapshot!(said.body, @r#""alerts[2]: invalid type: integer `5`, expected an alert at line 2 column 24; at least one label pair required (alerts[1]); startsAt \"x\" is no time: write it as 2026-11-21T09:30:00Z (alerts[3])""#);
    insta::assert_snapshot!(rig.open().join("\n"), @r"
    prometheus: alertname=Down instance=web1.example.com:9100 severity=critical [critical] web1
    prometheus: alertname=Full job=naïve [critical]
    ");
    assert_eq!((rig.stat("prometheus").accepted, rig.stat("prometheus").bad), (2, 3));
    assert!(rig.stat("prometheus").last_seen.is_some());
}

#[tokio::test]
async fn an_alert_ends_as_its_sender_says() {
    let rig = Rig::usual();
    let at = |seconds: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).to_string();
    let firing =
        format!(r#"[{{"labels":{{"alertname":"A"}},"startsAt":"{}","endsAt":"{}"}}]"#, at(-60), at(240));
    assert_eq!(rig.post("/api/v2/alerts", &firing).await.status, StatusCode::OK);
    assert_eq!(rig.open(), ["prometheus: alertname=A [critical]"]);
    let shown = rig.get("/api/v2/alerts").await.json();
    let ends: jiff::Timestamp = shown[0]["endsAt"].as_str().unwrap().parse().unwrap();
    assert!((ends - jiff::Timestamp::now()).get_seconds() > 200, "{ends}");
    let over =
        format!(r#"[{{"labels":{{"alertname":"A"}},"startsAt":"{}","endsAt":"{}"}}]"#, at(-60), at(-1));
    assert_eq!(rig.post("/api/v2/alerts", &over).await.status, StatusCode::OK);
    assert!(rig.open().is_empty());
    assert_eq!(rig.get("/api/v2/alerts").await.line(), "200 []");
}

/// To the millisecond, whenever one asks, and when it was repeated too. What it ends by is in the future, so that no machine is
/// too slow for it.
#[tokio::test]
async fn times_are_shown_as_they_were_sent() {
    let rig = Rig::usual();
    let now = jiff::Timestamp::now().as_millisecond();
    let start = moment::show(Wall(now / 1000 * 1000 - 60_000 + 123));
    for after in [240_457, 300_001, 900_999] {
        let end = moment::show(Wall(now / 1000 * 1000 + after));
        let body = format!(r#"[{{"labels":{{"alertname":"A"}},"startsAt":"{start}","endsAt":"{end}"}}]"#);
        assert_eq!(rig.post("/api/v2/alerts", &body).await.status, StatusCode::OK);
        let first = rig.get("/api/v2/alerts").await.json();
        for _ in 0..50 {
            let shown = rig.get("/api/v2/alerts").await.json();
            assert_eq!(
                (&shown[0]["startsAt"], &shown[0]["endsAt"]),
                (&start.as_str().into(), &end.as_str().into())
            );
            assert_eq!(shown[0]["updatedAt"], first[0]["updatedAt"]);
            // Another moment to count from.
            rig.handle.submit(Class::World, Input::Tick).await;
        }
        let updated: jiff::Timestamp = first[0]["updatedAt"].as_str().unwrap().parse().unwrap();
        assert!(updated.as_millisecond() >= now, "{updated}");
    }
}

/// Its end and when it was last heard of stay where they are, whenever one asks.
#[tokio::test]
async fn a_stale_alert_says_when_it_was_due() {
    let rig = Rig::usual();
    let end = moment::show(Wall::from(jiff::Timestamp::now()) + Span(2000));
    rig.post("/api/v2/alerts", &format!(r#"[{{"labels":{{"alertname":"A"}},"endsAt":"{end}"}}]"#)).await;
    let alert = |rig: &Rig| rig.handle.view().state.alerts.values().next().cloned().unwrap();
    while alert(&rig).status != AlertStatus::Stale {
        rig.handle.submit(Class::World, Input::Tick).await;
    }
    let first = rig.get("/api/v2/alerts").await.json();
    let asked = rig.handle.view().at.wall;
    // Until a clock that is shown to the second would show another.
    while rig.handle.view().at.wall < asked + Span(1100) {
        rig.handle.submit(Class::World, Input::Tick).await;
    }
    assert_eq!(rig.get("/api/v2/alerts").await.json(), first);
    assert_eq!(first[0]["updatedAt"], moment::show(alert(&rig).received.wall).as_str());
    assert_eq!(first[0]["endsAt"], end.as_str());
}

#[tokio::test]
async fn a_shown_alert_has_what_clients_read() {
    let rig = Rig::usual();
    let body = r#"[{"labels":{"alertname":"Down","team":"web"},"annotations":{"summary":"it is down"},
        "startsAt":"2026-11-21T01:00:00Z","generatorURL":"http://prom/graph"}]"#;
    rig.post("/api/v2/alerts", body).await;
    let shown = rig.get("/api/v2/alerts").await.json();
    let a = &shown[0];
    assert_eq!(a["labels"], serde_json::json!({ "alertname": "Down", "team": "web" }));
    assert_eq!(a["annotations"], serde_json::json!({ "summary": "it is down" }));
    assert_eq!(a["generatorURL"], "http://prom/graph");
    assert_eq!(a["startsAt"], "2026-11-21T01:00:00.000Z");
    assert_eq!(a["receivers"], serde_json::json!([{ "name": "default" }]));
    assert_eq!(
        a["status"],
        serde_json::json!({ "state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": [] })
    );
    assert_eq!(a["fingerprint"].as_str().map(str::len), Some(32));
    for key in ["endsAt", "updatedAt"] {
        assert!(a[key].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{key}");
    }
    let groups = rig.get("/api/v2/alerts/groups").await.json();
    assert_eq!(groups[0]["labels"], serde_json::json!({ "incident": "1" }));
    assert_eq!(groups[0]["receiver"], serde_json::json!({ "name": "default" }));
    assert_eq!(groups[0]["alerts"][0], *a);
    assert_eq!(rig.get("/api/v2/receivers").await.line(), r#"200 [{"name":"default"}]"#);
    let status = rig.get("/api/v2/status").await.json();
    assert_eq!(status["cluster"], serde_json::json!({ "status": "disabled", "peers": [] }));
    assert_eq!(
        status["config"]["original"],
        "route:\n  receiver: \"default\"\nreceivers:\n- name: \"default\"\n"
    );
}

#[tokio::test]
async fn filters() {
    let rig = Rig::usual();
    let body = r#"[{"labels":{"alertname":"A","team":"web"}},{"labels":{"alertname":"B","team":"d\"b"}}]"#;
    rig.post("/api/v2/alerts", body).await;
    let silence = r#"{"matchers":[{"name":"alertname","value":"B","isRegex":false}],"startsAt":"2026-01-01T00:00:00Z",
        "endsAt":"2099-01-01T00:00:00Z","createdBy":"ana","comment":"moving"}"#;
    rig.post("/api/v2/silences", silence).await;
    for (query, names) in [
        ("", "A B"),
        ("?filter=alertname%3D%22A%22", "A"),
        ("?filter=alertname=A", "A"),
        ("?filter=alertname!=A", "B"),
        ("?filter=team%3D~%22w.%2B%22", "A"),
        ("?filter=team%3D%22d%5C%22b%22", "B"),
        ("?filter=alertname=A&filter=team=x", ""),
        ("?silenced=false", "A"),
        ("?active=false", "B"),
        ("?active=false&silenced=false", ""),
        ("?inhibited=false&unprocessed=false", "A B"),
        ("?receiver=def.*", "A B"),
        ("?receiver=def", ""),
    ] {
        let shown = rig.get(&format!("/api/v2/alerts{query}")).await.json();
        let mut got: Vec<&str> =
            shown.as_array().unwrap().iter().map(|a| a["labels"]["alertname"].as_str().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got.join(" "), names, "{query}");
    }
    for (query, why) in [
        ("filter=a", "bad matcher format"),
        ("receiver=(", "failed to parse receiver param"),
        ("filter=a%3D~%22(%22", "bad matcher format"),
    ] {
        let said = rig.get(&format!("/api/v2/alerts?{query}")).await;
        assert_eq!(said.status, StatusCode::BAD_REQUEST);
        assert!(said.json().as_str().unwrap().starts_with(why), "{}", said.body);
    }
}

#[tokio::test]
async fn silences_come_and_go() {
    let rig = Rig::usual();
    let silence = |id: &str, value: &str| {
        format!(
            r#"{{{id}"matchers":[{{"name":"alertname","value":"{value}","isRegex":true}},{{"name":"x","value":"y","isRegex":false,"isEqual":false}}],
               "startsAt":"2026-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:00Z","createdBy":"ana","comment":"moving"}}"#
        )
    };
    let made = rig.post("/api/v2/silences", &silence("", "A|B")).await;
    assert_eq!(made.status, StatusCode::OK);
    let id = made.json()["silenceID"].as_str().unwrap().to_owned();
    assert!(crate::id::is_uuid(&id));
    let one = rig.get(&format!("/api/v2/silence/{id}")).await.json();
    assert_eq!(one["createdBy"], "ana");
    assert_eq!(one["comment"], "moving");
    assert_eq!(one["status"], serde_json::json!({ "state": "active" }));
    assert_eq!(
        one["matchers"],
        serde_json::json!([{ "isEqual": true, "isRegex": true, "name": "alertname", "value": "A|B" },
                           { "isEqual": false, "isRegex": false, "name": "x", "value": "y" }])
    );
    assert_eq!(rig.get("/api/v2/silences").await.json(), serde_json::json!([one]));
    assert_eq!(
        rig.get("/api/v2/silences?filter=alertname%3D~%22A%7CB%22").await.json().as_array().unwrap().len(),
        1
    );
    assert_eq!(rig.get("/api/v2/silences?filter=alertname=A").await.line(), "200 []");
    // The same silence again, changed.
    let changed = rig.post("/api/v2/silences", &silence(&format!(r#""id":"{id}","#), "C")).await;
    assert_eq!(changed.json()["silenceID"], id.as_str());
    assert_eq!(rig.get(&format!("/api/v2/silence/{id}")).await.json()["matchers"][0]["value"], "C");
    let delete = |id: String| async move { format!("/api/v2/silence/{id}") };
    let path = delete(id.clone()).await;
    assert_eq!(rig.json(Method::DELETE, &path, "").await.line(), "200 ");
    assert_eq!(rig.json(Method::DELETE, &path, "").await.line(), "404 ");
    // It is shown as over; with its id another one is made.
    assert_eq!(rig.get(&path).await.json()["status"]["state"], "expired");
    let again = rig.post("/api/v2/silences", &silence(&format!(r#""id":"{id}","#), "D")).await;
    let other = again.json()["silenceID"].as_str().unwrap().to_owned();
    assert_ne!(other, id);
    let all = rig.get("/api/v2/silences").await.json();
    let states: Vec<_> =
        all.as_array().unwrap().iter().map(|s| (s["id"].as_str(), s["status"]["state"].as_str())).collect();
    assert_eq!(states, [(Some(&*other), Some("active")), (Some(&*id), Some("expired"))]);
    assert_eq!(rig.get("/api/v2/silence/5f9b6c1e-0000-4000-8000-000000000000").await.line(), "404 ");
}

#[tokio::test]
async fn a_silence_keeps_its_beginning_and_says_when_it_ended() {
    let rig = Rig::usual();
    let now = jiff::Timestamp::now();
    let at = |seconds: i64| moment::show(Wall::from(now + jiff::SignedDuration::from_secs(seconds)));
    let post = async |id: &str, starts: &str, ends: &str| {
        let body = format!(
            r#"{{"id":"{id}","matchers":[{{"name":"a","value":"b","isRegex":false}}],"startsAt":"{starts}","endsAt":"{ends}","createdBy":"ana","comment":"c"}}"#
        );
        rig.post("/api/v2/silences", &body).await.json()["silenceID"].as_str().unwrap().to_owned()
    };
    let get = async |id: &str| rig.get(&format!("/api/v2/silence/{id}")).await.json();
    let id = post("", &at(0), &at(60)).await;
    let made = get(&id).await;
    let began = made["startsAt"].as_str().unwrap();
    let passed = rig.handle.view().at.wall + Span(20);
    while Wall::from(jiff::Timestamp::now()) < passed {
        tokio::task::yield_now().await;
    }
    for starts in [began, &at(0), &at(-3600)] {
        assert_eq!(post(&id, starts, &at(7200)).await, id);
        let longer = get(&id).await;
        assert_eq!(
            (&longer["startsAt"], &longer["endsAt"]),
            (&made["startsAt"], &at(7200).into()),
            "{starts}"
        );
        assert_eq!(longer["status"]["state"], "active");
    }
    rig.json(Method::DELETE, &format!("/api/v2/silence/{id}"), "").await;
    let over = get(&id).await;
    assert_eq!((&over["startsAt"], &over["status"]["state"]), (&made["startsAt"], &"expired".into()));
    assert_eq!(over["updatedAt"], over["endsAt"]);
    assert!(over["updatedAt"].as_str().unwrap() > began, "{over}");
    // What is yet to begin can be moved.
    let id = post("", &at(3600), &at(7200)).await;
    post(&id, &at(5400), &at(7200)).await;
    assert_eq!(get(&id).await["startsAt"], at(5400));
    post(&id, &at(-60), &at(7200)).await;
    assert_eq!(get(&id).await["status"]["state"], "active");
}

#[tokio::test]
async fn bad_silences() {
    let rig = Rig::usual();
    let body = |matchers: &str, from: &str, to: &str, id: &str| {
        format!(
            r#"{{{id}"matchers":[{matchers}],"startsAt":"{from}","endsAt":"{to}","createdBy":"ana","comment":"c"}}"#
        )
    };
    let good = r#"{"name":"a","value":"1","isRegex":false}"#;
    let (old, past, far) = ("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z", "2099-01-01T00:00:00Z");
    for (body, said) in [
        (body(good, old, past, ""), "400 \"Failed to create silence: end time can't be in the past\""),
        (body(good, past, old, ""), "400 \"Failed to create silence: start time must be before end time\""),
        (
            body("", old, far, ""),
            "400 \"silence invalid: at least one matcher must not match the empty string\"",
        ),
        (
            body(r#"{"name":"a","value":"","isRegex":false}"#, old, far, ""),
            "400 \"silence invalid: at least one matcher must not match the empty string\"",
        ),
        (
            body(r#"{"name":"","value":"x","isRegex":false}"#, old, far, ""),
            "400 \"silence invalid: a matcher needs the name of a label, as in team=web\"",
        ),
        (
            body(good, old, far, r#""id":"5f9b6c1e-0000-4000-8000-000000000000","#),
            "404 \"silence not found\"",
        ),
        (
            format!(r#"{{"matchers":[{good}],"endsAt":"{far}","createdBy":"a","comment":"c"}}"#),
            "400 \"the silence cannot be read: missing field `startsAt` at line 1 column 117\"",
        ),
        (
            "[]".to_owned(),
            "400 \"the silence cannot be read: invalid length 0, expected a silence at line 1 column 2\"",
        ),
    ] {
        assert_eq!(rig.post("/api/v2/silences", &body).await.line(), said, "{body}");
    }
    let said =
        rig.post("/api/v2/silences", &body(r#"{"name":"a","value":"(","isRegex":true}"#, old, far, "")).await;
    assert!(
        said.status == StatusCode::BAD_REQUEST && said.body.contains("regular expression"),
        "{}",
        said.body
    );
    assert_eq!(rig.get("/api/v2/silences").await.line(), "200 []");
}

#[tokio::test]
async fn what_is_not_saved_is_not_acknowledged() {
    let rig = Rig::usual();
    rig.broken.store(true, Ordering::Relaxed);
    let said = rig.post("/api/v2/alerts", r#"[{"labels":{"alertname":"A"}},{"labels":{}}]"#).await;
    assert_eq!(said.line(), r#"503 {"code":503,"message":"not saved, try again: disk full"}"#);
    assert_eq!(said.header("retry-after"), "5");
    assert_eq!(rig.refused("prometheus", Reason::Unavailable), 1);
    assert_eq!(rig.stat("prometheus").accepted, 0);
}

/// What is in effect is not said to have failed: whoever hears that adds a second silence.
#[tokio::test]
async fn a_silence_that_is_not_saved_yet_is_in_effect_and_says_so() {
    let rig = Rig::usual();
    rig.broken.store(true, Ordering::Relaxed);
    let silence = r#"{"matchers":[{"name":"alertname","value":"A","isRegex":false}],
        "startsAt":"2026-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:00Z","createdBy":"ana","comment":"c"}"#;
    let made = rig.post("/api/v2/silences", silence).await;
    assert_eq!(made.status, StatusCode::OK);
    assert_eq!(made.header("warning"), r#"199 foghorn "in effect, not yet saved: disk full""#);
    let id = made.json()["silenceID"].as_str().unwrap().to_owned();
    assert_eq!(rig.get("/api/v2/silences").await.json().as_array().unwrap().len(), 1);
    let ended = rig.send(request(Method::DELETE, &format!("/api/v2/silence/{id}"), &[], "")).await;
    assert_eq!(ended.status, StatusCode::OK);
    assert_eq!(ended.header("warning"), r#"199 foghorn "in effect, not yet saved: disk full""#);
}

/// PowerShell writes one.
#[tokio::test]
async fn a_byte_order_mark_is_no_error() {
    let rig = Rig::usual();
    let said = rig.post("/api/v2/alerts", "\u{feff}[{\"labels\":{\"alertname\":\"A\"}}]").await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.body);
    assert_eq!(rig.stat("prometheus").accepted, 1);
}
