//! A disk that hangs at the worst moments: when Foghorn starts, reloads, or is told to end.

use crate::parts::foghorn::{Foghorn, basics, critical};
use crate::parts::hook::Hook;
use crate::parts::session::{account, after, ask, log_in};
use crate::parts::until;
use rustix::process::Signal;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

/// On a disk that can be made to hang. A check measures a port that nobody listens on.
fn foghorn(hook: &Hook) -> Foghorn {
    let checks = "checks:\n  gone: { tcp: \"127.0.0.1:1\", every: 200ms, urgency: low, severity: info }\n";
    let rest = format!("  journal_deadline: 300ms\n{}{checks}", basics(hook, "10m"));
    Foghorn::on_forgetful_disk(&rest, 0)
}

/// SIGTERM ends it within the five seconds that are promised.
#[track_caller]
fn ends_soon(foghorn: &mut Foghorn) {
    let began = Instant::now();
    let status = foghorn.stop();
    let took = began.elapsed();
    assert!(status.success() && took < Duration::from_secs(5), "{status} after {took:?}: {}", foghorn.said());
}

#[test]
fn a_start_waits_for_no_disk() {
    let hook = Hook::start();
    let mut foghorn = foghorn(&hook);
    foghorn.run();
    assert!(foghorn.stop().success());
    // What a start would have to write.
    for name in ["last-good.yaml", "link.key", "history.db"] {
        std::fs::remove_file(foghorn.data().join(name)).unwrap();
    }
    let path = foghorn.dir.join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd.set_nonblocking(true).unwrap();
    foghorn.set("NOTIFY_SOCKET", path.display().to_string());
    foghorn.disk.as_ref().unwrap().fault("fsync=hang");
    foghorn.spawn();
    foghorn.ready();
    let mut told = String::new();
    until("systemd to be told that it is ready", || {
        let mut buffer = [0; 4096];
        while let Ok(n) = systemd.recv(&mut buffer) {
            told += &String::from_utf8_lossy(&buffer[..n]);
        }
        told.contains("READY=1").then_some(())
    });
    foghorn.post("/api/v2/alerts", &critical(&["during"])).is(503);
    let page =
        hook.wait("the page", |r| r.kind() == "page" && r.body.to_string().contains("during is broken"));
    foghorn.request("GET", page.link(), &[], b"").unwrap().is(200);
    until("checks to measure", || {
        let checks = foghorn.get("/api/v1/checks");
        checks["checks"][0]["last"].is_object().then_some(())
    });
    ends_soon(&mut foghorn);

    // What was to be written is, when the disk is back.
    foghorn.spawn();
    foghorn.ready();
    foghorn.disk.as_ref().unwrap().fault("");
    until("the copy and the key to be kept", || {
        let size = |name| std::fs::metadata(foghorn.data().join(name)).map_or(0, |m| m.len());
        (size("last-good.yaml") > 0 && size("link.key") == 32).then_some(())
    });
}

#[test]
fn a_reload_waits_for_no_disk() {
    let hook = Hook::start();
    let mut foghorn = foghorn(&hook);
    foghorn.run();
    let file = std::fs::read_to_string(foghorn.config()).unwrap();
    let kept = || std::fs::read_to_string(foghorn.data().join("last-good.yaml")).unwrap();
    until("the first copy", || (kept() == file).then_some(()));
    foghorn.disk.as_ref().unwrap().fault("fsync=hang");
    for name in ["Ana Silva", "Ana Souza"] {
        std::fs::write(foghorn.config(), file.replace("name: Ana,", &format!("name: {name},"))).unwrap();
        let warnings = foghorn.cli_json(&["reload"])["warnings"].to_string();
        assert!(warnings.contains("not kept yet"), "{warnings}");
        assert!(foghorn.get("/api/v1/people").to_string().contains(name));
    }
    foghorn.disk.as_ref().unwrap().fault("");
    until("the latest copy", || kept().contains("Ana Souza").then_some(()));

    foghorn.disk.as_ref().unwrap().fault("fsync=hang");
    std::fs::write(foghorn.config(), &file).unwrap();
    foghorn.process().signal(Signal::HUP);
    until("the file to count", || {
        (!foghorn.get("/api/v1/people").to_string().contains("Souza")).then_some(())
    });
    ends_soon(&mut foghorn);
}

/// People log in when something is wrong, and what may be wrong is the disk.
#[test]
fn who_logs_in_waits_for_no_disk() {
    let hook = Hook::start();
    let mut foghorn = foghorn(&hook);
    account(&foghorn, "ana", "admin", &[], "a long enough password");
    account(&foghorn, "bob", "viewer", &[], "a long enough password");
    foghorn.run();
    let before = log_in(foghorn.address, "bob", "a long enough password").unwrap();
    foghorn.disk.as_ref().unwrap().fault("fsync=hang");
    let ana = log_in(foghorn.address, "ana", "a long enough password").unwrap();
    for cookie in [&before, &ana] {
        ask(foghorn.address, "GET", "/", cookie, "").is(200);
    }
    let users = ask(foghorn.address, "GET", "/users", &ana, "").is(200).body;
    let form = after(&users, "name=\"form\" value=\"", '"');
    let change = format!("form={form}&do=remove");
    let refused = ask(foghorn.address, "POST", "/users/bob", &ana, &change).is(503).body;
    assert!(refused.contains("the disk does not answer"), "{refused}");
    ask(foghorn.address, "GET", "/", &before, "").is(200);
    foghorn.disk.as_ref().unwrap().fault("");
    until("all to be written", || {
        let metrics = foghorn.request("GET", "/metrics", &[], b"").unwrap().is(200).body;
        metrics.contains("foghorn_accounts_writes_waiting 0").then_some(())
    });
    foghorn.kill();
    foghorn.run();
    ask(foghorn.address, "GET", "/users", &ana, "").is(200);
}
