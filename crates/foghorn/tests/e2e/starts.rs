//! It always starts: whatever is wrong is paged for, and only a first start without any good configuration ends.

use crate::parts::foghorn::{Foghorn, basics, critical};
use crate::parts::hook::Hook;
use crate::parts::{http, until};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixDatagram;

/// The page about Foghorn's own trouble of this name.
fn page_about(hook: &Hook, words: &[&str]) -> u64 {
    let found = hook.wait(&format!("a page that says {words:?}"), |r| {
        let body = r.body.to_string();
        r.kind() == "page" && words.iter().all(|w| body.contains(w))
    });
    found.incident()
}

#[test]
fn a_first_start_with_a_bad_configuration_ends_and_says_everything() {
    let mut foghorn = Foghorn::new(
        "  rubbish: 1\nchecks:\n  web: { http: \"http://127.0.0.1/\", every: fast }\n  db: { tcp: nonsense }\n",
    );
    foghorn.spawn();
    let status = foghorn.process().wait();
    let said = foghorn.said();
    assert_eq!(status.code(), Some(2), "{said}");
    for place in [":4:3: ", ":6:44: ", ":7:14: "] {
        assert!(said.contains(&format!("foghorn.yaml{place}")), "{place}: {said}");
    }
    assert!(said.contains("rubbish") && said.contains("fast") && said.contains("nonsense"), "{said}");
}

/// A file that was cut or emptied is no configuration, at a first start and later.
#[test]
fn a_configuration_with_nobody_to_page_is_none() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::start(&basics(&hook, "10m"));
    std::fs::write(foghorn.config(), "{}\n").unwrap();
    let said = |out: &std::process::Output| {
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(said.contains("nobody can be paged") && said.contains("`foghorn init`"), "{said}");
        out.status.code()
    };
    assert_eq!(said(&foghorn.cli(&["config", "check"])), Some(2));
    let reload = foghorn.cli(&["reload"]);
    let why = String::from_utf8_lossy(&reload.stderr).into_owned();
    assert!(
        reload.status.code() == Some(2) && why.contains("foghorn.yaml:1:1: nobody can be paged"),
        "{why}"
    );
    foghorn.kill();
    std::fs::write(foghorn.config(), format!("server: {{ listen: \"{}\" }}\n", foghorn.address)).unwrap();
    foghorn.run();
    page_about(&hook, &["nobody can be paged", "the last good configuration counts"]);

    let mut first = Foghorn::new("");
    first.spawn();
    assert_eq!(first.process().wait().code(), Some(2), "{}", first.said());
    assert!(first.said().contains("nobody can be paged"), "{}", first.said());
}

#[test]
fn a_bad_configuration_later_leaves_the_last_good_one() {
    let hook = Hook::start();
    let good = basics(&hook, "10m");
    let mut foghorn = Foghorn::start(&good);
    foghorn.post("/api/v2/alerts", &critical(&["before"])).is(200);
    assert!(foghorn.stop().success());
    foghorn.configure(&format!("{good}rubbish: 1\n"));
    foghorn.spawn();
    let ready = foghorn.ready();
    assert_eq!(ready["degraded"], true, "{ready}");
    let id = page_about(&hook, &["foghorn.yaml:", "rubbish"]);
    // It works as before.
    foghorn.post("/api/v2/alerts", &critical(&["after"])).is(200);
    page_about(&hook, &["after is broken"]);
    foghorn.configure(&good);
    foghorn.cli_json(&["reload"]);
    foghorn.wait_for_state(id, "resolved");
    assert_eq!(foghorn.get("/readyz")["degraded"], false);
}

/// A release refuses what the one before took: it starts all the same, and pages by what is left.
#[test]
fn what_an_earlier_release_took_is_no_reason_not_to_start() {
    let hook = Hook::start();
    let good = basics(&hook, "10m");
    let mut foghorn = Foghorn::start(&good);
    assert!(foghorn.stop().success());
    let refused =
        format!("{good}checks: {{ a: {{ tcp: \"127.0.0.1:1\", expect: [\"body contains ''\"] }} }}\n");
    foghorn.configure(&refused);
    let file = std::fs::read(foghorn.config()).unwrap();
    std::fs::write(foghorn.data().join("last-good.yaml"), file).unwrap();
    foghorn.spawn();
    foghorn.ready();
    let id = page_about(&hook, &["foghorn.yaml", "without what this release refuses", "is in every text"]);
    foghorn.post("/api/v2/alerts", &critical(&["after"])).is(200);
    page_about(&hook, &["after is broken"]);
    foghorn.configure(&good);
    foghorn.cli_json(&["reload"]);
    foghorn.wait_for_state(id, "resolved");
}

#[test]
fn a_configuration_that_is_gone_leaves_the_last_good_one() {
    let hook = Hook::start();
    let good = basics(&hook, "10m");
    let mut foghorn = Foghorn::start(&good);
    assert!(foghorn.stop().success());
    std::fs::remove_file(foghorn.config()).unwrap();
    foghorn.spawn();
    foghorn.ready();
    let id = page_about(&hook, &["foghorn.yaml", "cannot be read"]);
    foghorn.configure(&good);
    foghorn.cli_json(&["reload"]);
    foghorn.wait_for_state(id, "resolved");
}

/// A volume that is not mounted when the host starts: Foghorn pages from memory, and goes on from the journal once it is
/// there.
#[test]
fn a_data_directory_that_comes_late_is_read_when_it_is_there() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::start(&basics(&hook, "2s"));
    foghorn.post("/api/v2/alerts", &critical(&["before"])).is(200);
    page_about(&hook, &["before is broken"]);
    foghorn.kill();
    let (data, away) = (foghorn.data(), foghorn.data().with_extension("away"));
    std::fs::rename(&data, &away).unwrap();
    std::fs::write(&data, "not a directory").unwrap();
    let socket = foghorn.dir.join("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    systemd.set_nonblocking(true).unwrap();
    foghorn.set("NOTIFY_SOCKET", socket.display().to_string());
    foghorn.spawn();
    // While it starts, for the second time too, nobody listens.
    let sent = |id: &str, status: u16| {
        until(&format!("{id} is answered {status}"), || {
            let answer = http::post(foghorn.address, "/api/v2/alerts", &critical(&[id])).ok()?;
            (answer.status == status).then_some(())
        });
    };
    sent("meanwhile", 503);
    let meanwhile = page_about(&hook, &["meanwhile is broken"]);
    // What people do then is not saved, and is done again once it can be.
    let not_saved = |path: &str, body: Value| {
        let answer = foghorn.post(path, &body);
        assert!((200..300).contains(&answer.status) && answer.body.contains("saved"), "{path}: {answer:?}");
        answer.json()
    };
    not_saved(&format!("/api/v1/incidents/{meanwhile}/ack"), json!({}));
    let opened = not_saved("/api/v1/incidents", json!({ "title": "opened by hand", "severity": "critical" }));
    let by_hand = opened["id"].as_u64().unwrap();
    not_saved(&format!("/api/v1/incidents/{by_hand}/note"), json!({ "text": "the cat was on the keyboard" }));
    not_saved(&format!("/api/v1/incidents/{by_hand}/ack"), json!({}));
    not_saved("/api/v1/silences", json!({ "for": "1h", "comment": "while we look", "entities": ["web1"] }));
    let pages = || {
        hook.look(|all| all.iter().filter(|r| r.kind() == "page" && r.title() == "before is broken").count())
    };
    let before = pages();
    std::fs::remove_file(&data).unwrap();
    std::fs::rename(&away, &data).unwrap();
    sent("after", 200);
    page_about(&hook, &["after is broken"]);
    until("what was open before goes on escalating", || (pages() > before).then_some(()));
    let open = || foghorn.get("/api/v1/incidents?state=open")["incidents"].as_array().unwrap().clone();
    let find = |title: &str| {
        let all = open();
        all.iter().find(|i| i["title"] == title).map(|i| i["id"].as_u64().unwrap())
    };
    let by_hand = until("what was opened by hand is open again", || find("opened by hand"));
    foghorn.wait_for_state(by_hand, "acknowledged");
    // Right after the start the list that timelines are read from is still being opened.
    let noted = until("its timeline can be read", || {
        let answer = http::get(foghorn.address, &format!("/api/v1/incidents/{by_hand}/timeline")).ok()?;
        // The list follows the journal at its own pace.
        (answer.status == 200 && answer.body.contains("keyboard")).then_some(answer.body)
    });
    assert!(noted.contains("the cat was on the keyboard") && noted.contains("could not be read"), "{noted}");
    // Its sender says it again, and what was said of it counts.
    assert_eq!(find("meanwhile is broken"), None);
    sent("meanwhile", 200);
    let meanwhile = until("it is there again", || find("meanwhile is broken"));
    foghorn.wait_for_state(meanwhile, "acknowledged");
    assert!(foghorn.get("/api/v1/silences").to_string().contains("while we look"));
    until("nothing is left to be done again", || {
        (!foghorn.data().join("carried.json").exists()).then_some(())
    });
    let before = find("before is broken").unwrap();
    assert_eq!(foghorn.incident(before)["state"], "open", "that was another one");
    // It has started anew as the process that it was: told that it stops, systemd would end it.
    let mut told = String::new();
    let mut buffer = [0; 4096];
    while let Ok(n) = systemd.recv(&mut buffer) {
        told += &String::from_utf8_lossy(&buffer[..n]);
        told.push('\n');
    }
    assert_eq!((told.matches("READY=1").count(), told.contains("STOPPING")), (2, false), "{told}");
    assert!(foghorn.stop().success());
    assert_eq!(foghorn.verify()["whole"], true);
}

#[test]
fn a_secret_that_is_gone_is_paged_for_by_what_is_left() {
    let hook = Hook::start();
    let basics = basics(&hook, "10m").replace(
        "channels:\n",
        "channels:\n  other: { kind: webhook, url: \"http://127.0.0.1:9/\", secret: \"${OTHER_SECRET}\" }\n",
    );
    let mut foghorn = Foghorn::new(&basics);
    foghorn.set("OTHER_SECRET", "hunter2hunter2");
    foghorn.run();
    assert!(foghorn.stop().success());
    foghorn.unset("OTHER_SECRET");
    foghorn.spawn();
    let ready = foghorn.ready();
    assert!(ready["degraded"] == true && ready["reasons"].to_string().contains("OTHER_SECRET"), "{ready}");
    page_about(&hook, &["OTHER_SECRET"]);
    foghorn.post("/api/v2/alerts", &critical(&["a"])).is(200);
    page_about(&hook, &["a is broken"]);
    assert!(!foghorn.said().contains("hunter2"));
}

/// The address of a provider that takes whatever comes.
fn takes_everything() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 16 * 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    url
}

/// The only contact that wakes is gone: that does not wait for working hours.
#[test]
fn a_secret_without_which_nobody_is_woken_pages_at_once() {
    let file = r#"integrations: { prometheus: { kind: alertmanager } }
escalations: { default: { steps: [ { page: everyone } ] } }
people:
  ana: { name: Ana, contacts: [ { via: phone }, { via: chat } ] }
  bob: { name: Bob, contacts: [ { via: phone } ] }
channels:
  phone: { kind: ntfy, url: "http://127.0.0.1:9", token: "${PHONE_TOKEN}" }
  chat: { kind: slack, url: "http://127.0.0.1:9" }
"#;
    let mut foghorn = Foghorn::new(file);
    foghorn.spawn();
    let address = foghorn.address;
    let told = until("foghorn to say that it cannot wake anybody", || {
        http::get(address, "/readyz").ok().filter(|a| a.status == 503).map(|a| a.json())
    });
    let reasons = told["reasons"].to_string();
    let missing = "the environment variable PHONE_TOKEN is not set";
    for reason in ["nobody can be woken", &format!("Ana by phone: {missing}"), "PersonUnreachable"] {
        assert!(reasons.contains(reason), "{reason}: {reasons}");
    }
    until("the page by what is left", || {
        let events = foghorn.get("/api/v1/events?limit=1000");
        let mut all = events["events"].as_array().unwrap().iter().map(|r| &r["record"]["event"]);
        all.any(|e| e["type"] == "page_attempted" && e["channel"] == "chat").then_some(())
    });
    let open = foghorn.get("/api/v1/incidents?state=open");
    assert_eq!(open["incidents"][0]["severity"], "critical", "{open}");
    let all = foghorn.get("/api/v2/alerts").to_string();
    assert!(all.contains("Bob is on call and cannot be reached; phone: "), "{all}");
    // Mended: it is over, and ready.
    let mended =
        file.replace(", token: \"${PHONE_TOKEN}\"", "").replace("http://127.0.0.1:9", &takes_everything());
    foghorn.configure(&mended);
    foghorn.cli_json(&["reload"]);
    assert_eq!(foghorn.ready()["ready"], true);
    until("all to be over", || {
        foghorn.get("/api/v1/incidents?state=open")["incidents"].as_array().unwrap().is_empty().then_some(())
    });
}

/// A plugin that is not there leaves its check unknown for ever: somebody must hear of it.
#[test]
fn a_check_that_measures_nothing_is_told() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::new(&format!(
        "{}checks:\n  disk: {{ exec: [plugins/check_disk], every: 200ms }}\n",
        basics(&hook, "10m")
    ));
    let checked = foghorn.cli(&["config", "check"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{checked:?}");
    assert!(
        said.contains("warning: foghorn.yaml:")
            && said.contains("plugins/check_disk` cannot be run: there is no such file"),
        "{said}"
    );
    foghorn.run();
    let told = |foghorn: &Foghorn| {
        foghorn.get("/api/v2/alerts").to_string().contains("the check disk measures nothing: cannot run")
    };
    until("the check to be told of", || told(&foghorn).then_some(()));
    assert!(foghorn.get("/readyz")["reasons"].to_string().contains("CheckMeasuresNothing"));
    let plugin = foghorn.dir.join("plugins/check_disk");
    std::fs::create_dir(plugin.parent().unwrap()).unwrap();
    std::fs::copy("/bin/true", &plugin).unwrap();
    until("it to be over", || (!told(&foghorn)).then_some(()));
}

/// Links in pages sent before are dead, and somebody is about to press one.
#[test]
fn a_key_of_links_that_is_lost_is_paged() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::start(&basics(&hook, "10m"));
    foghorn.post("/api/v2/alerts", &critical(&["before"])).is(200);
    page_about(&hook, &["before is broken"]);
    assert!(!hook.look(|all| all.iter().any(|r| r.body.to_string().contains("link.key"))), "a first start");
    let key = foghorn.data().join("link.key");
    assert!(foghorn.stop().success());
    std::fs::write(&key, "").unwrap();
    foghorn.run();
    let id = page_about(&hook, &["link.key was damaged", "foghorn incident ack"]);
    assert!(foghorn.get("/readyz")["reasons"].to_string().contains("LinkKeyLost"));
    assert_eq!(std::fs::metadata(&key).unwrap().len(), 32);
    // The key is good from now on; what was lost stays so until somebody has seen it.
    assert!(foghorn.stop().success());
    foghorn.run();
    assert_eq!(foghorn.incident(id)["state"], "open");
}

#[test]
fn accounts_that_cannot_be_used_are_told_until_they_can_be() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::start(&basics(&hook, "10m"));
    let file = foghorn.data().join("accounts.db");
    until("the first account", || foghorn.data().join("first-password").exists().then_some(()));
    assert!(foghorn.stop().success());
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(foghorn.data().join(format!("accounts.db{ending}")));
    }
    std::fs::write(&file, "this is no database, but a letter").unwrap();
    foghorn.run();
    let id = page_about(&hook, &["nobody can log in to the console", "accounts.db"]);
    assert!(foghorn.get("/readyz")["reasons"].to_string().contains("AccountsUnusable"));
    std::fs::remove_file(&file).unwrap();
    foghorn.wait_for_state(id, "resolved");
}

#[test]
fn a_taken_port_is_paged_for_and_tried_again() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::new(&basics(&hook, "10m"));
    let taken = TcpListener::bind(foghorn.address).unwrap();
    foghorn.spawn();
    let id = page_about(&hook, &[&foghorn.address.to_string(), "server.listen"]);
    foghorn.process().assert_runs();
    drop(taken);
    foghorn.ready();
    foghorn.wait_for_state(id, "resolved");
}

#[test]
fn a_damaged_end_of_the_journal_costs_that_end() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::start(&basics(&hook, "10m"));
    for i in 0..40 {
        foghorn.post("/api/v2/alerts", &critical(&[&format!("alert-{i}")])).is(200);
    }
    page_about(&hook, &["alert-39 is broken"]);
    assert!(foghorn.stop().success());
    let whole = foghorn.verify();
    let path = foghorn.data().join("journal.db");
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    file.write_all_at(&[0xa5; 4096], (pages * 3 / 4) * 4096).unwrap();
    let verified = foghorn.cli(&["journal", "verify", &foghorn.data().display().to_string()]);
    assert_eq!(verified.status.code(), Some(1), "{verified:?}");
    assert!(String::from_utf8_lossy(&verified.stdout).contains("DAMAGED at event"), "{verified:?}");

    foghorn.run();
    page_about(&hook, &["the journal was damaged"]);
    let kept: Vec<Value> = foghorn.get("/api/v2/alerts").as_array().unwrap().clone();
    assert!(kept.iter().any(|a| a["labels"]["id"] == "alert-0"), "the good prefix is kept: {kept:?}");
    foghorn.post("/api/v2/alerts", &critical(&["afterwards"])).is(200);
    assert!(foghorn.stop().success());
    let again = foghorn.verify();
    assert_eq!((&whole["whole"], &again["whole"]), (&json!(true), &json!(true)));
}

/// The chain of what is left is whole: only what has been read from the journal knows better.
#[test]
fn an_end_of_the_journal_that_was_removed_is_missed() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::start(&basics(&hook, "10m"));
    foghorn.post("/api/v2/alerts", &critical(&["first"])).is(200);
    assert!(foghorn.stop().success());
    let old = std::fs::read(foghorn.data().join("journal.db")).unwrap();
    assert_eq!(foghorn.verify()["whole"], true);
    foghorn.run();
    foghorn.post("/api/v2/alerts", &critical(&["second"])).is(200);
    until("the list of closed incidents to follow", || {
        let behind = &foghorn.get("/api/v1/status")["read_model"]["behind"];
        (*behind == 0).then_some(())
    });
    assert!(foghorn.stop().success());
    for name in ["journal.db-wal", "journal.db-shm"] {
        let _ = std::fs::remove_file(foghorn.data().join(name));
    }
    std::fs::write(foghorn.data().join("journal.db"), old).unwrap();

    let verified = foghorn.cli(&["journal", "verify", &foghorn.data().display().to_string()]);
    let said = String::from_utf8_lossy(&verified.stdout);
    assert_eq!(verified.status.code(), Some(1), "{said}");
    assert!(said.contains("events that were acknowledged are missing"), "{said}");

    foghorn.run();
    page_about(&hook, &["events that were acknowledged are missing"]);
    assert!(foghorn.stop().success());
    assert_eq!(foghorn.verify()["whole"], true, "what goes on from there is whole, and told");
}

#[test]
fn a_second_process_is_refused() {
    let hook = Hook::start();
    let mut first = Foghorn::start(&basics(&hook, "10m"));
    let mut second = Foghorn::new("");
    let config = std::fs::read_to_string(first.config()).unwrap();
    let own = config.replace(&first.address.to_string(), &second.address.to_string());
    std::fs::write(
        second.config(),
        own.replace("data_dir: data", &format!("data_dir: {}", first.data().display())),
    )
    .unwrap();
    second.spawn();
    let status = second.process().wait();
    let said = second.said();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(
        said.contains(&format!("in use by process {}", first.process().id()))
            && said.contains(&first.data().display().to_string()),
        "{said}"
    );
    first.process().assert_runs();
    first.post("/api/v2/alerts", &critical(&["a"])).is(200);
    assert!(http::get(second.address, "/readyz").is_err());
    until("its page", || hook.look(|all| all.iter().any(|r| r.kind() == "page").then_some(())));
}
