//! A channel that refuses everything is told past it, once, and until it accepts again.

use crate::parts::foghorn::{Foghorn, basics, critical};
use crate::parts::hook::Hook;
use crate::parts::until;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A push service whose token was revoked, until it is `well`.
fn push_service() -> (SocketAddr, Arc<AtomicBool>) {
    let (listener, well) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::new(AtomicBool::new(false)));
    let (address, is_well) = (listener.local_addr().unwrap(), well.clone());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // One read is enough to know that somebody asks.
            let _ = stream.read(&mut [0; 16 * 1024]);
            let status = if is_well.load(Ordering::Relaxed) { "200 OK" } else { "401 Unauthorized" };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes());
        }
    });
    (address, well)
}

fn open(foghorn: &Foghorn) -> Vec<Value> {
    foghorn.get("/api/v1/incidents?state=open")["incidents"].as_array().unwrap().clone()
}

#[test]
fn a_channel_that_refuses_everything_is_told_by_another() {
    let hook = Hook::start();
    let (push, well) = push_service();
    let file = basics(&hook, "10m")
        .replacen("contacts: [ { via: hook } ]", "contacts: [ { via: push }, { via: hook } ]", 1)
        .replacen(
            "channels:\n",
            &format!("channels:\n  push: {{ kind: ntfy, url: \"http://{push}\" }}\n  lost: {{ kind: ntfy, token: \"${{NO_X}}\" }}\n"),
            1,
        );
    let foghorn = Foghorn::start(&file);
    let page =
        |title: &'static str| hook.wait(title, move |r| r.kind() == "page" && r.title().contains(title));
    foghorn.post("/api/v2/alerts", &critical(&["a"])).is(200);
    page("a is broken");
    let is_told = || foghorn.get("/api/v2/alerts").to_string().contains("ChannelRefusing");
    assert!(!is_told(), "once is no while");
    let mut more = 0;
    until("a while to have passed", || {
        more += 1;
        foghorn.post("/api/v2/alerts", &critical(&[&format!("b{more}")])).is(200);
        page("b1 is broken");
        std::thread::sleep(Duration::from_secs(1));
        is_told().then_some(())
    });
    let told = page("the channel push accepts nothing");
    assert!(told.title().contains("401"), "{}", told.title());
    let reasons = || foghorn.get("/readyz")["reasons"].to_string();
    assert!(reasons().contains("ChannelRefusing"), "{}", reasons());
    // Whoever puts a secret where it belongs does not give a token that works: two incidents, each with what to do.
    let secret = page("a secret is missing");
    assert_ne!(secret.incident(), told.incident());
    for incident in [&secret, &told] {
        assert_eq!(foghorn.incident(incident.incident())["alerts"]["total"], 1);
        assert!(incident.body.to_string().contains("`foghorn reload`"), "{}", incident.body);
    }

    // The page about it was refused by the channel too, and raised nothing.
    until("the channel was asked for that page too", || {
        let events = foghorn.get("/api/v1/events?limit=1000");
        let mut all = events["events"].as_array().unwrap().iter().map(|r| &r["record"]["event"]);
        all.any(|e| {
            e["type"] == "page_attempted"
                && e["channel"] == "push"
                && e["key"]["incident"].as_u64() == Some(told.incident())
        })
        .then_some(())
    });
    foghorn.post("/api/v2/alerts", &critical(&["c"])).is(200);
    page("c is broken");
    let incidents = open(&foghorn);
    assert_eq!(incidents.len(), more + 4, "{incidents:#?}");

    // The first page that it takes ends it.
    well.store(true, Ordering::Relaxed);
    foghorn.post("/api/v2/alerts", &critical(&["d"])).is(200);
    foghorn.wait_for_state(told.incident(), "resolved");
    assert!(
        !reasons().contains("ChannelRefusing") && reasons().contains("a secret is missing"),
        "{}",
        reasons()
    );
}

/// What has one cause is one incident, and different causes are different ones.
#[test]
fn different_troubles_are_different_incidents() {
    let hook = Hook::start();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let missing = "  one: { kind: ntfy, token: \"${NO_X}\" }\n  two: { kind: ntfy, token: \"${NO_Y}\" }\n";
    let file = basics(&hook, "10m").replacen("channels:\n", &format!("channels:\n{missing}"), 1);
    let listen = format!(
        "status_page: {{ listen: \"{}\", name: x, components: {{}} }}\n",
        taken.local_addr().unwrap()
    );
    let foghorn = Foghorn::start(&format!("{file}{listen}"));
    let about = |word: &'static str| hook.wait(word, move |r| r.body.to_string().contains(word)).incident();
    let (port, secret) = (about("status_page"), about("a secret is missing"));
    assert_ne!(port, secret);
    let both = || (foghorn.incident(secret)["alerts"]["total"] == 2).then_some(());
    until("both secrets to be missed in one incident", both);
    assert_eq!((open(&foghorn).len(), foghorn.incident(port)["alerts"]["total"].as_u64()), (2, Some(1)));
}
