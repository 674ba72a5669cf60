//! The console, the public page and the page behind a link, in a real browser: Chromium goes to every page and presses
//! every button, with and without JavaScript, on a phone and on a wide screen, by day and by night. axe-core and the HTML
//! validator of the W3C look at each page. What is pressed and looked at is in `tests/browser/`; the pictures are in
//! `target/browser/shots/`.

use crate::parts::foghorn::{Foghorn, critical};
use crate::parts::hook::{Hook, SECRET};
use crate::parts::http;
use crate::parts::nginx::Nginx;
use crate::parts::session::account;
use crate::parts::{free_port, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a name or a text from outside may be, at its worst.
const EVIL: [&str; 2] = ["<script>window.pwned=1</script>", "\"><img src=x onerror=window.pwned=1>"];

/// What runs in node, in `tests/browser/`.
const FILES: [&str; 7] =
    ["package.json", "package-lock.json", "main.js", "states.js", "live.js", "look.js", "walk.js"];

/// A directory with the script and what it needs, installed once for each lock file.
fn installed() -> PathBuf {
    let programs = ["/usr/bin/chromium", "/usr/bin/node", "/usr/bin/npm", "/usr/bin/java"];
    let missing: Vec<_> = programs.into_iter().filter(|p| !Path::new(p).exists()).collect();
    assert!(
        missing.is_empty(),
        "the browser test needs {}. Run `cargo xtask test packages`, or, as root,\n  \
         apt-get install -y --no-install-recommends chromium nodejs npm default-jre-headless",
        missing.join(", ")
    );
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("browser");
    std::fs::create_dir_all(&dir).unwrap();
    // Tests run side by side, as threads or as processes.
    let lock = std::fs::File::create(dir.join("lock")).unwrap();
    lock.lock().unwrap();
    let done = dir.join("installed.json");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    for name in FILES {
        let text = std::fs::read(own.join(name)).unwrap();
        // What another test's browser is just reading is not touched.
        if std::fs::read(dir.join(name)).ok().as_ref() != Some(&text) {
            std::fs::write(dir.join(name), text).unwrap();
        }
    }
    let lock = std::fs::read_to_string(dir.join("package-lock.json")).unwrap();
    if std::fs::read_to_string(&done).ok().as_ref() != Some(&lock) {
        let mut npm = Command::new("npm");
        npm.current_dir(&dir).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        let out = npm.output().unwrap();
        assert!(
            out.status.success(),
            "npm cannot install what the browser test needs; is its registry within reach? Try\n  cd {} && npm ci\n{}",
            dir.display(),
            String::from_utf8_lossy(&out.stderr)
        );
        std::fs::write(done, lock).unwrap();
    }
    dir
}

/// Has the browser go its way.
#[track_caller]
pub fn run(script: &str, task: &Value) {
    let dir = installed();
    let out = Command::new("node").current_dir(&dir).arg(script).arg(task.to_string()).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    println!("{told}");
    assert!(
        out.status.success(),
        "the browser found fault; pictures are in {}/shots:\n{told}",
        dir.display()
    );
}

/// People, checks of what is up and of what is down, a schedule, a topology, a public page.
fn everything(hook: &Hook, up: SocketAddr, down: SocketAddr, page: SocketAddr) -> String {
    let [script, image] = EVIL.map(|e| serde_json::to_string(e).unwrap());
    let check = "every: 1s, timeout: 500ms, fail_for: 0s";
    format!(
        r#"
integrations: {{ prometheus: {{ kind: alertmanager, group_by: [id] }} }}
people:
  ana: {{ name: {script}, contacts: [ {{ via: hook }} ], time_zone: Europe/Lisbon }}
  bob: {{ name: Bob, contacts: [ {{ via: hook }} ] }}
channels: {{ hook: {{ kind: webhook, url: "{}", secret: {SECRET} }} }}
schedules:
  primary: {{ time_zone: Europe/Lisbon, rotations: [ {{ people: [ana, bob], every: 1d, starts: "2026-11-02 09:00" }} ] }}
escalations: {{ default: {{ steps: [ {{ page: schedule/primary, wait: 10m }}, {{ page: everyone, wait: 10m }} ] }} }}
paging: {{ correlate_within: 0s }}
topology:
  db1: {{ kind: host }}
  database: {{ runs_on: [db1], runbook: "https://runbooks.example.com/db" }}
  shop: {{ depends_on: [database] }}
  intranet: {{ }}
checks:
  database-answers: {{ entity: database, tcp: "{down}", {check} }}
  shop-page: {{ entity: shop, http: "http://{up}/", {check} }}
  nightly-backup: {{ entity: db1, heartbeat: {{ every: 1d }} }}
status_page:
  listen: {page}
  name: {script}
  components: {{ {image}: [shop], Database: [database], Intranet: [intranet] }}
"#,
        hook.url()
    )
}

/// Alerts of four incidents, with markup in everything that their sender chooses.
fn alerts() -> Value {
    let [script, image] = EVIL;
    let mut alerts = critical(&["with", "without", "open", "acknowledged"]);
    for alert in alerts.as_array_mut().unwrap() {
        alert["labels"]["alertname"] = json!(format!("{script} is broken"));
        alert["labels"]["job"] = json!(image);
        let id = alert["labels"]["id"].as_str().unwrap().to_owned();
        alert["annotations"] = json!({ "summary": format!("{id} {image} {script}"), "description": script });
        alert["generatorURL"] = json!("javascript:window.pwned=1");
    }
    alerts
}

#[test]
fn every_page_and_every_button_in_a_browser() {
    let (nginx, hook) = (Nginx::start(), Hook::start());
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let page = at(free_port());
    let foghorn = Foghorn::start(&everything(&hook, nginx.address, at(free_port()), page));
    let password = "correct horse battery";
    account(&foghorn, "ana", "admin", &["--person", "ana"], password);
    let bare_page = at(free_port());
    let bare = Foghorn::start(&format!(
        "people: {{ ana: {{ contacts: [ {{ via: hook }} ] }} }}\n\
         channels: {{ hook: {{ kind: webhook, url: \"{}\" }} }}\n\
         status_page: {{ listen: \"{bare_page}\", name: Empty }}\n",
        hook.url()
    ));
    until("the empty page to answer", || http::get(bare_page, "/").ok());
    account(&bare, "ana", "admin", &[], password);

    let [script, image] = EVIL;
    let by_hand =
        json!({ "title": format!("{script} {image}"), "severity": "warning", "entity": "intranet" });
    foghorn.post("/api/v1/incidents", &by_hand).is(201);
    foghorn.post("/api/v2/alerts", &alerts()).is(200);
    let change = json!({ "summary": image, "entity": "database", "link": "https://example.com/change" });
    foghorn.post("/api/v1/changes", &change).is(200);
    let of = |id: &str| {
        let page = hook.wait(id, |r| r.kind() == "page" && r.title().starts_with(&format!("{id} ")));
        (page.incident(), page.link().to_owned())
    };
    let (with, without, open, acknowledged) = (of("with"), of("without"), of("open"), of("acknowledged"));
    foghorn.post(&format!("/api/v1/incidents/{}/ack", acknowledged.0), &json!({})).is(200);
    until("the failing check to be told on the page", || {
        let page = http::get(page, "/").ok()?;
        page.body.contains("major outage").then_some(())
    });

    let task = json!({
        "console": format!("http://{}", foghorn.address), "status": format!("http://{page}"),
        "bare": format!("http://{}", bare.address), "bareStatus": format!("http://{bare_page}"),
        "name": "ana", "password": password, "with": with.0, "without": without.0, "open": open.0,
        "acknowledged": acknowledged.0, "link": open.1, "evil": format!("{script} {image}"),
    });
    run("main.js", &task);
}
