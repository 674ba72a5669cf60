//! Server-sent events: nothing is left out, whatever happens to the connection.

use crate::kit::{HERE, Kit, OPEN, config, from, kit, with_tokens};
use foghorn_core::input::Input;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use std::pin::Pin;
use tower::ServiceExt;

type Lines = Pin<Box<dyn futures_util::Stream<Item = String>>>;

/// Open streams and the ids that they send.
async fn stream(kit: &Kit, path: &str, headers: &[(&str, &str)]) -> Lines {
    let response = kit.api.clone().oneshot(from(HERE, "GET", path, headers, "")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let frames = response.into_body().into_data_stream();
    let text = frames.map(|f| String::from_utf8(f.unwrap().to_vec()).unwrap());
    Box::pin(text.filter(|t| futures_util::future::ready(!t.starts_with(':'))))
}

fn id(event: &str) -> u64 {
    event.lines().find_map(|l| l.strip_prefix("id: ")).unwrap().parse().unwrap()
}

async fn take(lines: &mut Lines, n: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    while ids.len() < n {
        let next = tokio::time::timeout(std::time::Duration::from_secs(20), lines.next()).await;
        ids.push(id(&next.expect("an event in time").expect("the stream goes on")));
    }
    ids
}

#[tokio::test]
async fn a_stream_resumes_where_it_was() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("status is 502")).await;
    let last = kit.engine.view().seq;
    assert!(last >= 4);
    let mut all = stream(&kit, "/api/v1/stream?after=0", &[]).await;
    assert_eq!(take(&mut all, last as usize).await, (1..=last).collect::<Vec<_>>());
    let mut resumed = stream(&kit, "/api/v1/stream?after=0", &[("last-event-id", "2")]).await;
    assert_eq!(take(&mut resumed, last as usize - 2).await, (3..=last).collect::<Vec<_>>());
    let mut live = stream(&kit, "/api/v1/stream", &[]).await;
    kit.post("/api/v1/incidents/1/note", r#"{"text": "live\nand kicking"}"#).await;
    let event = live.next().await.unwrap();
    assert!(
        event.contains("event: noted\n") && event.contains(r#""text":"local (API): live\nand kicking""#),
        "{event}"
    );
    assert_eq!(id(&event), last + 1);
    assert_eq!((take(&mut all, 1).await, take(&mut resumed, 1).await), (vec![last + 1], vec![last + 1]));
}

/// Large events come a few at a time, however many were asked for: that is not the end.
#[tokio::test]
async fn large_events_are_followed_to_the_end() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("status is 502")).await;
    kit.journal.1.store(1, std::sync::atomic::Ordering::Relaxed);
    let last = kit.engine.view().seq;
    let mut all = stream(&kit, "/api/v1/stream?after=0", &[]).await;
    assert_eq!(take(&mut all, last as usize).await, (1..=last).collect::<Vec<_>>());
    let (mut after, mut pages) = (0, 0);
    loop {
        let page = kit.get(&format!("/api/v1/events?limit=1000&after={after}")).await.json();
        pages += 1;
        assert_eq!(page["events"][0]["seq"].as_u64(), Some(after + 1));
        let Some(next) = page["next"].as_u64() else { break };
        after = next;
    }
    assert_eq!(pages, last);
}

#[tokio::test]
async fn beyond_the_end_there_is_nothing_to_wait_for() {
    let kit = kit(OPEN).await;
    let end = kit.engine.view().seq;
    drop(stream(&kit, &format!("/api/v1/stream?after={end}"), &[]).await);
    let ask = async |path: String, headers: &[(&str, &str)]| {
        let answer = crate::kit::send(&kit.api, from(HERE, "GET", &path, headers, "")).await;
        (answer.status.as_u16(), answer.json()["detail"].as_str().unwrap().to_owned())
    };
    let (beyond, says) = (end + 1, format!("the journal ends at event {end}"));
    for (path, headers) in [
        (format!("/api/v1/stream?after={beyond}"), vec![]),
        (format!("/api/v1/stream?after={}", u64::MAX), vec![]),
        ("/api/v1/stream".to_owned(), vec![("last-event-id", "999")]),
        (format!("/api/v1/events?after={beyond}"), vec![]),
    ] {
        let (status, detail) = ask(path.clone(), &headers).await;
        assert!(status == 409 && detail.starts_with(&says), "{path}: {status} {detail}");
    }
}

#[tokio::test]
async fn who_falls_behind_reads_the_journal() {
    let kit = kit(OPEN).await;
    let mut slow = stream(&kit, "/api/v1/stream?after=0", &[]).await;
    assert_eq!(take(&mut slow, 1).await, [1]);
    // More batches than the engine's channel holds.
    for _ in 0..1500 {
        kit.input(Input::ClockStep { by: 1 }).await;
    }
    let last = kit.engine.view().seq;
    assert_eq!(take(&mut slow, last as usize - 1).await, (2..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn there_is_a_limit_to_streams() {
    let kit = kit(OPEN).await;
    let mut open = Vec::new();
    let full = loop {
        let response = kit.api.clone().oneshot(from(HERE, "GET", "/api/v1/stream", &[], "")).await.unwrap();
        if response.status() != 200 {
            break response;
        }
        open.push(response);
        assert!(open.len() < 10_000, "there is no limit");
    };
    assert_eq!((full.status().as_u16(), open.len()), (503, 256));
    assert!(full.headers().contains_key("retry-after"));
    open.pop();
    drop(stream(&kit, "/api/v1/stream", &[]).await);
    let bad =
        crate::kit::send(&kit.api, from(HERE, "GET", "/api/v1/stream", &[("last-event-id", "x")], "")).await;
    assert_eq!(bad.status, 400);
    let _ = full.into_body().collect().await;
}

/// Before the token was taken out it read everything; afterwards it reads nothing, also of what it had not read yet.
#[tokio::test]
async fn a_stream_ends_with_the_right_to_it() {
    let kit = kit(&with_tokens()).await;
    let bearer = |token: &'static str| [("authorization", token)];
    let eye = "Bearer viewer-token-0123456789";
    let mut waits = stream(&kit, "/api/v1/stream", &bearer(eye)).await;
    let mut reads = stream(&kit, "/api/v1/stream?after=0", &bearer(eye)).await;
    let mut stays = stream(&kit, "/api/v1/stream", &bearer("Bearer admin-token-0123456789")).await;
    assert_eq!(take(&mut reads, 1).await, [1]);
    kit.config.send_replace(config(&with_tokens()));
    kit.check("shop", Some("status is 502")).await;
    let seq = take(&mut waits, 1).await[0];
    assert_eq!(take(&mut stays, 1).await, [seq], "a change that takes nothing away ends nothing");
    kit.config.send_replace(config(
        &with_tokens().replace("eye: { token: viewer-token", "eye: { token: another-token"),
    ));
    kit.check("disk", Some("refused")).await;
    let soon = std::time::Duration::from_secs(20);
    for mut stream in [waits, reads] {
        assert_eq!(tokio::time::timeout(soon, stream.next()).await.expect("it ends"), None);
    }
    assert!(take(&mut stays, 1).await[0] > seq);
}
