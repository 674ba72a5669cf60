use super::*;
use foghorn_core::state::Heartbeat;

fn beat(rig: &Rig, check: &str) -> Option<Heartbeat> {
    rig.handle.view().state.heartbeats.get(check).cloned()
}

#[tokio::test]
async fn every_address() {
    let rig = Rig::usual();
    let far = "192.0.2.1:1";
    let here = "127.0.0.1:1";
    for (peer, path, said) in [
        (far, format!("/ping/{UUID}"), "200 OK"),
        (far, format!("/ping/{UUID}/"), "200 OK"),
        (far, format!("/ping/{UUID}/start"), "200 OK"),
        (far, format!("/ping/{UUID}/fail"), "200 OK"),
        (far, format!("/ping/{UUID}/log"), "200 OK"),
        (far, format!("/ping/{UUID}/0"), "200 OK"),
        (far, format!("/ping/{UUID}/255"), "200 OK"),
        (far, format!("/ping/{UUID}/256"), "400 invalid url format"),
        (far, format!("/ping/{UUID}/stop"), "400 invalid url format"),
        (far, format!("/ping/{UUID}/0/0"), "400 invalid url format"),
        (far, format!("/ping/{UUID}?rid={UUID}"), "200 OK"),
        (far, format!("/ping/{UUID}?rid=7"), "400 invalid uuid format"),
        (far, "/ping/00000000-0000-4000-8000-000000000000".into(), "404 not found"),
        (far, "/ping/project-key-0123456789/key-job".into(), "200 OK"),
        (far, "/ping/project-key-0123456789/key-job/3".into(), "200 OK"),
        (far, "/ping/project-key-0123456789/Key-Job".into(), "400 invalid url format"),
        (far, "/ping/project-key-0123456789/other".into(), "404 not found"),
        (far, "/ping/project-key-0123456789/other?create=1".into(), "404 not found"),
        (far, "/ping/project-key-0123456789/open-job".into(), "404 not found"),
        (far, "/ping/project-key-0123456789".into(), "404 not found"),
        (far, "/ping/wrong-key/key-job".into(), "404 not found"),
        (far, "/ping/open-job".into(), "404 not found"),
        (here, "/ping/open-job".into(), "200 OK"),
        (here, "/ping/open-job/fail".into(), "200 OK"),
        (here, "/ping/key-job".into(), "404 not found"),
        (here, "/ping/uuid-job".into(), "404 not found"),
    ] {
        for method in [Method::GET, Method::POST, Method::HEAD] {
            let got = rig.send(from(peer, method.clone(), &path, &[], Body::from("did it"))).await;
            let said = if method == Method::HEAD { said.split_inclusive(' ').next().unwrap() } else { said };
            assert_eq!(got.line(), said, "{method} {path}");
            assert_eq!(
                (got.header("ping-body-limit"), got.header("access-control-allow-origin")),
                ("10000", "*")
            );
        }
    }
    assert_eq!(
        rig.json(Method::PUT, &format!("/ping/{UUID}"), "").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn what_a_ping_does() {
    let rig = Rig::usual();
    assert_eq!(rig.post(&format!("/ping/{UUID}/start?rid={UUID}"), "").await.status, StatusCode::OK);
    assert!(beat(&rig, "uuid-job").is_some_and(|b| b.running_since.is_some() && b.last.is_none()));
    assert_eq!(
        rig.post(&format!("/ping/{UUID}/3"), "\n pg_dump: no space left\nmore").await.status,
        StatusCode::OK
    );
    assert_eq!(rig.open(), ["checks: alertname=uuid-job check=uuid-job [critical] shop"]);
    let summary = rig.handle.view().state.check_alert("uuid-job").unwrap().summary();
    assert_eq!(summary, "uuid-job: exit status 3: pg_dump: no space left");
    assert_eq!(rig.get(&format!("/ping/{UUID}")).await.status, StatusCode::OK);
    assert!(rig.open().is_empty());
    assert_eq!(rig.stat("ping/uuid-job").accepted, 3);
}

#[tokio::test]
async fn a_long_body_is_taken_and_cut() {
    let rig = Rig::new(config(&format!(
        "server: {{ max_body: 64KiB }}\n{}",
        USUAL.split_once("integrations").map_or("", |(_, r)| r).replacen(':', "integrations:", 1)
    )));
    assert_eq!(rig.post(&format!("/ping/{UUID}/log"), &"x".repeat(60_000)).await.line(), "200 OK");
    let said = rig.post(&format!("/ping/{UUID}/log"), &"x".repeat(70_000)).await;
    assert_eq!(said.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(rig.refused("ping/uuid-job", Reason::Size), 1);
}

#[tokio::test]
async fn what_is_not_saved_is_not_acknowledged() {
    let rig = Rig::usual();
    rig.broken.store(true, Ordering::Relaxed);
    let said = rig.get(&format!("/ping/{UUID}")).await;
    assert_eq!(said.line(), "503 not saved, try again: disk full");
    assert_eq!(said.header("retry-after"), "5");
}

#[tokio::test]
async fn the_listener_of_links_has_pings_alone() {
    let rig = Rig::usual();
    let links = crate::pings(rig.intake.clone());
    let ask = |path: &str| {
        links.clone().oneshot(request(Method::POST, path, &[("content-type", "application/json")], "[]"))
    };
    assert_eq!(ask(&format!("/ping/{UUID}")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(ask("/api/v2/alerts").await.unwrap().status(), StatusCode::NOT_FOUND);
}
