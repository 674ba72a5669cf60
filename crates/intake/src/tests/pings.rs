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
    for length in [9_999, 10_001, 60_000, 70_000, 1_000_000] {
        assert_eq!(rig.post(&format!("/ping/{UUID}"), &"x".repeat(length)).await.line(), "200 OK");
        assert_eq!(rig.notes().last().map(String::len), Some(length.min(crate::PING_BODY)), "{length}");
    }
    // One that never ends is not listened to for ever.
    let endless = futures_util::stream::repeat_with(|| {
        Ok::<_, std::io::Error>(bytes::Bytes::from_static(&[b'x'; 999]))
    });
    let sent = from("192.0.2.1:1", Method::POST, &format!("/ping/{UUID}"), &[], Body::from_stream(endless));
    assert_eq!(rig.send(sent).await.line(), "200 OK");
    assert_eq!((rig.stat("ping/uuid-job").accepted, rig.notes().len()), (6, 6));
    assert_eq!(rig.refused("ping/uuid-job", Reason::Size), 0);
}

/// A body that is given in pieces, from outside.
fn in_pieces() -> (tokio::sync::mpsc::UnboundedSender<std::io::Result<&'static str>>, Body) {
    let (pieces, rest) = tokio::sync::mpsc::unbounded_channel();
    let body = futures_util::stream::unfold(rest, |mut rest| async { Some((rest.recv().await?, rest)) });
    (pieces, Body::from_stream(body))
}

#[tokio::test]
async fn a_body_that_breaks_off_loses_no_ping() {
    let rig = Rig::usual();
    let (pieces, body) = in_pieces();
    pieces.send(Ok("the first half")).unwrap();
    pieces.send(Err(std::io::ErrorKind::ConnectionReset.into())).unwrap();
    let sent = from("192.0.2.1:1", Method::POST, &format!("/ping/{UUID}"), &[], body);
    assert_eq!(rig.send(sent).await.line(), "200 OK");
    assert_eq!(rig.notes(), ["the first half"]);
    assert!(beat(&rig, "uuid-job").is_some_and(|b| b.last.is_some()));
}

/// Its connection is gone, and with it whoever waited for the answer.
#[tokio::test]
async fn a_sender_that_is_gone_has_pinged() {
    let rig = Arc::new(Rig::usual());
    let (pieces, body) = in_pieces();
    let sent = from("192.0.2.1:1", Method::POST, &format!("/ping/{UUID}"), &[], body);
    let sending = tokio::spawn({
        let rig = rig.clone();
        async move { rig.send(sent).await }
    });
    pieces.send(Ok("half")).unwrap();
    while rig.intake.stats().is_empty() {
        tokio::task::yield_now().await;
    }
    sending.abort();
    assert!(sending.await.is_err_and(|e| e.is_cancelled()));
    assert_eq!(rig.stat("ping/uuid-job").accepted, 0);
    drop(pieces);
    while rig.stat("ping/uuid-job").accepted == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.notes(), ["half"]);
}

#[tokio::test]
async fn a_slow_body_loses_no_ping() {
    let rig = Rig::usual();
    let (pieces, body) = in_pieces();
    pieces.send(Ok("what it said so far")).unwrap();
    let sent = from("192.0.2.1:1", Method::POST, &format!("/ping/{UUID}"), &[], body);
    assert_eq!(rig.send(sent).await.line(), "200 OK");
    assert_eq!(rig.notes(), ["what it said so far"]);
    assert!(pieces.send(Ok("too late")).is_err());
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
