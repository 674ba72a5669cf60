//! A disk that is full, read-only or hangs: people are paged all the same, nobody is told that something is saved which is
//! not, and when the disk is back everything is put right without anybody's help.

use crate::parts::foghorn::{Foghorn, basics, critical};
use crate::parts::hook::Hook;
use crate::parts::until;
use serde_json::{Value, json};

const FORM: &[(&str, &str)] = &[("Content-Type", "application/x-www-form-urlencoded")];

/// Runs the whole story with one fault of the disk. Some word of `words` must be in the reason that people are told.
fn story(fault: &str, words: &[&str]) {
    let hook = Hook::start();
    let mut foghorn =
        Foghorn::on_forgetful_disk(&format!("  journal_deadline: 300ms\n{}", basics(&hook, "10m")), 0);
    foghorn.run();
    let says_why = |why: &str| {
        assert!(
            words.iter().any(|w| why.to_lowercase().contains(w)),
            "{fault}: {why:?} says none of {words:?}"
        )
    };
    let page = |id: &str| {
        let title = format!("{id} is broken");
        hook.wait(&format!("{fault}: the page for {id}"), move |r| {
            r.kind() == "page" && r.body.to_string().contains(&title)
        })
    };
    foghorn.post("/api/v2/alerts", &critical(&["before", "too"])).is(200);
    let before = page("before");
    let too = page("too");
    assert_eq!(before.degraded(), "");

    foghorn.disk.as_ref().unwrap().fault(fault);

    // Not durable, so not taken; paged for all the same, and the page says what is the matter.
    let refused = foghorn.post("/api/v2/alerts", &critical(&["during"])).is(503);
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    let during = page("during");
    says_why(during.degraded());
    let ready = foghorn.get("/readyz");
    assert_eq!(
        (&ready["ready"], &ready["degraded"]),
        (&Value::Bool(true), &Value::Bool(true)),
        "{fault}: {ready}"
    );
    says_why(&ready["reasons"].to_string());

    // A person's word counts at once, and is said to be unsaved, by every way that it can come.
    let page = foghorn.request("GET", during.link(), &[], b"").unwrap().is(200);
    says_why(&page.body);
    foghorn.request("POST", during.link(), FORM, b"").unwrap().is(303);
    let page = foghorn.request("GET", during.link(), &[], b"").unwrap().is(200).body;
    assert!(page.contains("You acknowledged it") && page.contains("Not yet saved"), "{page}");
    let done =
        foghorn.post(&format!("/api/v1/incidents/{}/ack", before.incident()), &json!({})).is(202).json();
    assert_eq!(done["saved"], false);
    says_why(done["why"].as_str().unwrap());
    let by_hand = foghorn.cli(&["incident", "ack", &too.incident().to_string()]);
    assert!(
        by_hand.status.success() && String::from_utf8_lossy(&by_hand.stdout).contains("not yet saved"),
        "{by_hand:?}"
    );
    for incident in [&before, &too, &during] {
        let shown = foghorn.incident(incident.incident());
        assert_eq!((&shown["state"], &shown["saved"]), (&json!("acknowledged"), &json!(false)));
    }
    let listed = foghorn.cli(&["incident", "list"]);
    assert_eq!(String::from_utf8_lossy(&listed.stdout).matches("not yet saved").count(), 3, "{listed:?}");

    foghorn.disk.as_ref().unwrap().fault("");

    let ready = until(&format!("{fault}: everything to be put right"), || {
        let ready = foghorn.get("/readyz");
        (ready["degraded"] == false).then_some(ready)
    });
    assert_eq!(ready["reasons"], json!([]));
    until("the sender's next try to be taken", || {
        (foghorn.post("/api/v2/alerts", &critical(&["during", "after"])).status == 200).then_some(())
    });

    // It is on the disk now: what is not, is gone.
    foghorn.kill();
    foghorn.run();
    let alerts = foghorn.get("/api/v2/alerts");
    for id in ["before", "too", "during", "after"] {
        let alert = alerts.as_array().unwrap().iter().find(|a| a["labels"]["id"] == id);
        assert!(alert.is_some(), "{fault}: {id} is lost: {alerts}");
    }
    let incidents = foghorn.get("/api/v1/incidents?state=acknowledged")["incidents"].clone();
    let mut titles: Vec<&str> =
        incidents.as_array().unwrap().iter().filter_map(|i| i["title"].as_str()).collect();
    titles.sort_unstable();
    assert_eq!(titles.len(), 3, "{fault}: {titles:?}");
    assert!(incidents.as_array().unwrap().iter().all(|i| i["saved"] == true), "{fault}: {incidents}");
    for id in ["before", "during", "too"] {
        assert!(
            titles.iter().any(|t| t.contains(id)),
            "{fault}: the acknowledgement of {id} is lost: {titles:?}"
        );
    }
    assert!(foghorn.stop().success());
    assert_eq!(foghorn.verify()["whole"], true);
}

/// The directory is moved away under the running server, as when its disk is let go: what is then written reaches nothing
/// that a start will find.
#[test]
fn away() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::start(&basics(&hook, "10m"));
    foghorn.post("/api/v2/alerts", &critical(&["before"])).is(200);
    let elsewhere = foghorn.data().with_extension("elsewhere");
    std::fs::rename(foghorn.data(), &elsewhere).unwrap();
    foghorn.post("/api/v2/alerts", &critical(&["during"])).is(503);
    hook.wait("the page for what is not saved", |r| {
        r.kind() == "page" && r.body.to_string().contains("during is broken")
    });
    let reasons = foghorn.get("/readyz")["reasons"].to_string();
    assert!(reasons.contains("journal.db is not in") || reasons.contains("takes no writes"), "{reasons}");
    std::fs::rename(&elsewhere, foghorn.data()).unwrap();
    until("everything to be put right", || (foghorn.get("/readyz")["degraded"] == false).then_some(()));
    foghorn.kill();
    foghorn.run();
    let alerts = foghorn.get("/api/v2/alerts").to_string();
    assert!(alerts.contains("before") && alerts.contains("during"), "{alerts}");
    assert!(foghorn.stop().success());
    assert_eq!(foghorn.verify()["whole"], true);
}

#[test]
fn full() {
    story("write=enospc", &["full", "no space"]);
}

#[test]
fn read_only() {
    story("write=erofs", &["read-only", "readonly"]);
}

#[test]
fn hanging() {
    story("fsync=hang", &["answer", "deadline", "not saved", "took", "hang", "for "]);
}

/// Nobody looks at a log at 3 a.m., and a start on a full disk is the start after the crash that it made.
#[test]
fn full_from_the_start() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::on_forgetful_disk(&basics(&hook, "10m"), 0);
    foghorn.run();
    foghorn.post("/api/v2/alerts", &critical(&["before"])).is(200);
    assert!(foghorn.stop().success());
    foghorn.disk.as_ref().unwrap().fault("write=enospc");
    foghorn.run();
    let page = hook.wait("the page about the disk", |r| {
        let body = r.body.to_string();
        r.kind() == "page" && body.contains("the journal is degraded") && body.contains("No space left")
    });
    assert!(page.degraded().contains("No space left"), "{page:?}");
    foghorn.disk.as_ref().unwrap().fault("");
    until("everything to be put right", || (foghorn.get("/readyz")["degraded"] == false).then_some(()));
    hook.wait("the word that it is over", |r| {
        r.kind() == "resolved" && r.body.to_string().contains("the journal is degraded")
    });
    assert!(foghorn.get("/api/v2/alerts").to_string().contains("before"));
    assert!(foghorn.stop().success());
    assert_eq!(foghorn.verify()["whole"], true);
}
