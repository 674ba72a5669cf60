//! A running server: its configuration changes, systemd watches over it, it ends when it is told to.

use crate::parts::foghorn::{Foghorn, basics, critical};
use crate::parts::hook::Hook;
use crate::parts::{CEILING, until};
use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

fn people(foghorn: &Foghorn) -> Vec<String> {
    let people = foghorn.get("/api/v1/people");
    people["people"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|p| p["name"].as_str())
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_bad_file_changes_nothing_and_a_good_one_counts() {
    let hook = Hook::start();
    let good = basics(&hook, "10m");
    let better = good.replace("name: Ana,", "name: Ana Silva,");
    let mut foghorn = Foghorn::start(&good);
    assert_eq!(people(&foghorn), ["Ana", "Bob"]);

    // By the command line, which says what is wrong.
    foghorn.configure(&format!("{better}rubbish: 1\n"));
    let refused = foghorn.cli(&["reload"]);
    let line = std::fs::read_to_string(foghorn.config()).unwrap().lines().count();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains(&format!("foghorn.yaml:{line}:1: ")),
        "{refused:?}"
    );
    assert_eq!(people(&foghorn), ["Ana", "Bob"]);

    // By a signal, which nobody sees an answer to: it is paged for.
    foghorn.process().signal(Signal::HUP);
    let page = hook
        .wait("the bad file to be told", |r| r.kind() == "page" && r.body.to_string().contains("rubbish"));
    assert!(foghorn.said().contains(&format!("foghorn.yaml:{line}:1: ")), "{}", foghorn.said());
    assert_eq!(people(&foghorn), ["Ana", "Bob"]);

    foghorn.configure(&better);
    foghorn.process().signal(Signal::HUP);
    until("the good file to count", || (people(&foghorn) == ["Ana Silva", "Bob"]).then_some(()));
    foghorn.wait_for_state(page.incident(), "resolved");

    foghorn.configure(&good);
    let done = foghorn.cli(&["reload"]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(people(&foghorn), ["Ana", "Bob"]);

    // What was decided before goes on as it was.
    foghorn.post("/api/v2/alerts", &critical(&["a"])).is(200);
    hook.wait("a page", |r| r.kind() == "page" && r.body.to_string().contains("a is broken"));
}

/// A page that is planned by the new file leaves for an address of the new file: who is new in it is reached at once, and
/// nobody else is woken in their place.
#[test]
fn who_is_new_in_the_file_is_paged_for_what_is_open() {
    let hook = Hook::start();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let before = basics(&hook, "30m")
        .replace("contacts: [ { via: hook } ] }\n  bob", "contacts: [ { via: dead } ] }\n  bob")
        .replace(
            "channels:\n",
            &format!("channels:\n  dead: {{ kind: webhook, url: \"http://{nobody}/\" }}\n"),
        );
    let after = before
        .replace("  ana: { name: Ana,", "  zoe: { name: Zoe,")
        .replace("{ via: dead }", "{ via: hook }")
        .replace("person/ana", "person/zoe");
    assert!(before.contains("{ via: dead }") && after.contains("person/zoe"));
    let foghorn = Foghorn::start(&before);
    foghorn.post("/api/v2/alerts", &critical(&["a"])).is(200);
    let timeline = |foghorn: &Foghorn| foghorn.incident(1)["timeline"].to_string();
    until("Ana's channel to fail", || timeline(&foghorn).contains("could not reach Ana").then_some(()));
    foghorn.configure(&after);
    foghorn.cli_json(&["reload"]);
    let page = hook.wait("a page", |r| r.kind() == "page" && r.incident() == 1);
    assert_eq!(page.person(), "zoe");
    let said = timeline(&foghorn);
    assert!(!said.contains("could not reach Zoe") && !said.contains("Bob"), "{said}");
}

/// What takes a restart is held against what runs, not against the file before; and the copy of a good file stays with the
/// data that is in use.
#[test]
fn what_takes_a_restart_is_said_until_the_file_is_as_it_was() {
    let hook = Hook::start();
    let good = basics(&hook, "10m");
    let foghorn = Foghorn::start(&good);
    let warnings = |foghorn: &Foghorn| foghorn.cli_json(&["reload"])["warnings"].to_string();
    assert_eq!(warnings(&foghorn), "[]");
    let file = std::fs::read_to_string(foghorn.config()).unwrap();
    std::fs::write(foghorn.config(), file.replace("data_dir: data\n", "data_dir: elsewhere\n")).unwrap();
    for _ in 0..2 {
        assert_eq!(warnings(&foghorn), r#"["server.data_dir has changed: that takes a restart"]"#);
    }
    let kept = std::fs::read_to_string(foghorn.data().join("last-good.yaml")).unwrap();
    assert!(kept.contains("data_dir: elsewhere"), "{kept}");
    std::fs::write(foghorn.config(), file).unwrap();
    assert_eq!(warnings(&foghorn), "[]");

    // Two backups within a second have two names; a name that is taken is the caller's mistake.
    for _ in 0..2 {
        let done = foghorn.cli(&["backup"]);
        assert!(done.status.success(), "{done:?}");
    }
    assert!(foghorn.cli(&["backup", "--name", "one.db"]).status.success());
    assert_eq!(foghorn.cli(&["backup", "--name", "one.db"]).status.code(), Some(2));
}

/// What systemd is told, until something is.
fn told(socket: &UnixDatagram, what: &str) -> Vec<String> {
    let mut all = Vec::new();
    let began = Instant::now();
    let mut buffer = [0; 4096];
    while began.elapsed() < CEILING {
        let n = socket.recv(&mut buffer).unwrap_or_else(|e| panic!("{what} was not told: {e}; only {all:?}"));
        all.extend(String::from_utf8_lossy(&buffer[..n]).lines().map(str::to_owned));
        if all.iter().any(|l| l == what) {
            return all;
        }
    }
    panic!("{what} was not told; only {all:?}");
}

#[test]
fn systemd_is_told_and_sigterm_ends_it_soon() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::new(&basics(&hook, "10m"));
    let path = foghorn.dir.join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(CEILING)).unwrap();
    foghorn.set("NOTIFY_SOCKET", path.display().to_string());
    foghorn.set("WATCHDOG_USEC", "3000000");
    foghorn.run();
    told(&socket, "READY=1");
    told(&socket, "WATCHDOG=1");
    told(&socket, "WATCHDOG=1");
    foghorn.post("/api/v2/alerts", &critical(&["a"])).is(200);
    let began = Instant::now();
    let status = foghorn.stop();
    let took = began.elapsed();
    assert!(status.success(), "{status}");
    told(&socket, "STOPPING=1");
    // It takes a fraction of a second; five are promised.
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(foghorn.verify()["whole"], Value::Bool(true));

    // What it was told before it ended is there.
    foghorn.run();
    let alerts = foghorn.get("/api/v2/alerts");
    assert_eq!(alerts[0]["labels"]["id"], "a", "{alerts}");
}
