//! How it looks when something is huge, broken or gone, and what each role sees, in a real browser. What is pressed and
//! looked at is in `tests/browser/states.js`.

use crate::browser::run;
use crate::parts::foghorn::{BINARY, Foghorn, basics, critical};
use crate::parts::hook::Hook;
use crate::parts::process::Process;
use crate::parts::session::account;
use crate::parts::{Dir, until};
use serde_json::{Value, json};
use std::process::Command;

const PASSWORD: &str = "correct horse battery";
/// Alerts in one incident, and in one request.
const HUGE: usize = 10_000;
const AT_ONCE: usize = 500;

/// Alerts of one incident, each with labels as long as tools make them.
fn many(first: usize) -> Value {
    let alert = |n: usize| {
        json!({
            "labels": { "alertname": "PodCrashLooping", "id": "huge", "severity": "critical", "namespace": format!("shop-{:02}", n % 40),
                        "pod": format!("checkout-7d9f8b6c5d-{n:05}"), "cluster": "eu-west-1" },
            "annotations": { "summary": format!("checkout-7d9f8b6c5d-{n:05} restarts again and again") },
        })
    };
    (first..first + AT_ONCE).map(alert).collect()
}

/// The demo, and its address. Slow, so that the browser is in time for every button.
fn demo(dir: &Dir) -> (Process, String) {
    let mut command = Command::new(BINARY);
    command.args(["demo", "--unattended", "--speed", "0.4"]).env("TMPDIR", dir.path()).env_remove("RUST_LOG");
    let mut demo = Process::start("the demo", &mut command, &dir.join("demo.log"));
    let at = until("the demo's address", || {
        demo.assert_runs();
        let said = demo.said();
        let line = said.lines().find(|l| l.contains("in a browser"))?;
        Some(format!("http://{}", line.split_once("http://")?.1.trim()))
    });
    (demo, at)
}

#[test]
fn roles_and_what_is_huge_or_broken_or_gone_in_a_browser() {
    let hook = Hook::start();
    let more = "schedules: { primary: { rotations: [ { people: [ana, bob], every: 1d, starts: \"2026-11-02 09:00\" } ] } }\n\
                topology: { shop: { kind: service, depends_on: [db] }, db: { kind: service } }\n\
                checks: { backup: { entity: db, heartbeat: { every: 1d } } }\n";
    let config = format!("  rate_limit: 1000000\n{}{more}", basics(&hook, "1h"));
    let mut foghorn = Foghorn::start(&config);
    account(&foghorn, "vera", "viewer", &[], PASSWORD);
    account(&foghorn, "rosa", "responder", &["--person", "bob"], PASSWORD);
    let of = |id: &str| {
        let is = |title: &str| title.contains(id);
        hook.wait(id, |r| r.kind() == "page" && is(r.title())).incident()
    };
    foghorn.post("/api/v2/alerts", &critical(&["roles", "ended", "plainly"])).is(200);
    for first in (0..HUGE).step_by(AT_ONCE) {
        foghorn.post("/api/v2/alerts", &many(first)).is(200);
    }
    let huge = of("checkout-");
    until("the alerts of one incident", || (foghorn.incident(huge)["alerts"]["total"] == HUGE).then_some(()));
    foghorn
        .post("/api/v1/silences", &json!({ "entities": ["shop"], "for": "1h", "comment": "moving house" }))
        .is(201);
    let silence = foghorn.get("/api/v1/silences")["silences"][0]["id"].clone();

    let mut degraded =
        Foghorn::on_forgetful_disk(&format!("  journal_deadline: 300ms\n{}", basics(&hook, "1h")), 0);
    // Before it runs: what the server has not synced on that disk another process does not see.
    account(&degraded, "rosa", "responder", &["--person", "bob"], PASSWORD);
    degraded.run();
    degraded.post("/api/v2/alerts", &critical(&["during"])).is(200);

    let mut gone = Foghorn::start(&basics(&hook, "1h"));
    account(&gone, "rosa", "responder", &["--person", "bob"], PASSWORD);
    gone.post("/api/v2/alerts", &critical(&["before"])).is(200);

    let dir = Dir::new();
    let (mut shown, at) = demo(&dir);
    run(
        "states.js",
        &json!({
            "password": PASSWORD, "console": format!("http://{}", foghorn.address), "incident": of("roles"),
            "ended": of("ended"), "endedPlain": of("plainly"), "huge": huge, "silence": silence,
            "degraded": format!("http://{}", degraded.address), "degradedIncident": of("during"),
            "disk": degraded.disk.as_ref().unwrap().control(),
            "gone": format!("http://{}", gone.address), "goneId": gone.process().id(), "demo": at,
        }),
    );
    assert!(shown.wait().success(), "{}", shown.said());
    for server in [&mut foghorn, &mut degraded, &mut gone] {
        assert!(server.stop().success());
    }
}
