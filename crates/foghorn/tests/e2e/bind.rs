//! Who can reach it, and what they may do.

use crate::parts::foghorn::{Foghorn, basics, critical};
use crate::parts::hook::Hook;
use serde_json::{Value, json};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};

/// The addresses on which a process listens, from the kernel's own tables.
fn listening(pid: u32) -> Vec<IpAddr> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let sockets: Vec<String> = links
        .filter_map(|f| {
            fs::read_link(f.path())
                .ok()?
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')
                .map(str::to_owned)
        })
        .collect();
    let mut found = Vec::new();
    for (table, v6) in [("tcp", false), ("tcp6", true)] {
        for line in fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let listens = fields[3] == "0A" && sockets.iter().any(|s| s == fields[9]);
            if listens {
                let address = fields[1].split(':').next().unwrap();
                found.push(if v6 {
                    IpAddr::V6(u128::from_str_radix(address, 16).unwrap().into())
                } else {
                    IpAddr::V4(Ipv4Addr::from(u32::from_str_radix(address, 16).unwrap().swap_bytes()))
                });
            }
        }
    }
    found
}

#[test]
fn nothing_listens_off_loopback_unless_it_asks_who_is_there() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::start(&basics(&hook, "10m"));
    let id = foghorn.process().id();
    let addresses = listening(id);
    assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    drop(foghorn);

    // Off loopback, without any token: refused before it listens.
    let foghorn = Foghorn::new(&basics(&hook, "10m"));
    let text =
        fs::read_to_string(foghorn.config()).unwrap().replace("listen: 127.0.0.1:", "listen: 0.0.0.0:");
    fs::write(foghorn.config(), text).unwrap();
    let checked = foghorn.cli(&["config", "check", "foghorn.yaml"]);
    assert_eq!(checked.status.code(), Some(2), "{checked:?}");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(said.contains("foghorn.yaml:2:11") && said.contains("without authentication"), "{said}");
}

#[test]
fn each_role_may_what_it_may() {
    let hook = Hook::start();
    let tokens = "  tokens:\n    v: { token: viewer-viewer-viewer, role: viewer }\n    r: { token: responder-responder, role: responder, person: ana }\n    a: { token: admin-admin-admin, role: admin }\n";
    let basics = basics(&hook, "10m")
        .replace("kind: alertmanager,", "kind: alertmanager, token: sender-sender-sender,");
    let mut foghorn = Foghorn::new(&format!("{tokens}{basics}"));
    // Off loopback is allowed now.
    let text =
        fs::read_to_string(foghorn.config()).unwrap().replace("listen: 127.0.0.1:", "listen: 0.0.0.0:");
    fs::write(foghorn.config(), text).unwrap();
    foghorn.run();

    let send = |method: &str, path: &str, token: &str, body: &Value| -> u16 {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Content-Type", "application/json")];
        if !token.is_empty() {
            headers.push(("Authorization", bearer.as_str()));
        }
        let body = if method == "GET" { String::new() } else { body.to_string() };
        foghorn.request(method, path, &headers, body.as_bytes()).unwrap().status
    };
    let alert = critical(&["a"]);
    let nothing = json!({});
    assert_eq!(send("POST", "/api/v2/alerts", "", &alert), 401);
    assert_eq!(send("POST", "/api/v2/alerts", "wrong-wrong-wrong", &alert), 401);
    assert_eq!(send("POST", "/api/v2/alerts", "sender-sender-sender", &alert), 200);
    let page = hook.wait("the page", |r| r.kind() == "page");
    let ack = format!("/api/v1/incidents/{}/ack", page.incident());

    let (nobody, wrong, sender) = ("", "wrong-wrong-wrong", "sender-sender-sender");
    let (viewer, responder, admin) = ("viewer-viewer-viewer", "responder-responder", "admin-admin-admin");
    for (method, path, expected) in [
        ("GET", "/api/v1/incidents", [401, 401, 401, 200, 200, 200]),
        ("GET", "/api/v1/events", [401, 401, 401, 200, 200, 200]),
        ("POST", ack.as_str(), [401, 401, 401, 403, 200, 200]),
        ("POST", "/api/v1/reload", [401, 401, 401, 403, 403, 200]),
        ("GET", "/healthz", [200; 6]),
        ("GET", "/readyz", [200; 6]),
    ] {
        let got = [nobody, wrong, sender, viewer, responder, admin]
            .map(|token| send(method, path, token, &nothing));
        assert_eq!(
            got, expected,
            "{method} {path} by nobody, a wrong token, a sender, a viewer, a responder, an admin"
        );
    }
    // The link in a page is its own key.
    assert_eq!(send("GET", page.link(), nobody, &nothing), 200);
    assert_eq!(send("GET", "/ack/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", admin, &nothing), 404);
    assert_eq!(send("POST", &ack, responder, &nothing), 200);
    let shown = foghorn.request(
        "GET",
        &format!("/api/v1/incidents/{}", page.incident()),
        &[("Authorization", "Bearer viewer-viewer-viewer")],
        b"",
    );
    assert_eq!(
        shown.unwrap().is(200).json()["acknowledged"]["by"]["name"],
        "Ana",
        "the responder's token stands for a person"
    );

    // The command line takes the token from its caller, and says what is missing.
    let without = foghorn.cli(&["incident", "list"]);
    assert_eq!(without.status.code(), Some(2), "{without:?}");
    assert!(foghorn.cli(&["incident", "list", "--token", viewer]).status.success());
    assert!(!foghorn.said().contains("responder-responder"));
}

#[test]
fn without_tokens_only_this_host_is_believed() {
    let hook = Hook::start();
    let foghorn = Foghorn::start(&basics(&hook, "10m"));
    let status =
        |headers: &[(&str, &str)]| foghorn.request("GET", "/api/v1/incidents", headers, b"").unwrap().status;
    assert_eq!(status(&[]), 200);
    // A page of another site makes a browser on this host send it.
    assert_eq!(status(&[("Origin", "https://evil.example.com")]), 403);
    assert_eq!(status(&[("Sec-Fetch-Site", "cross-site")]), 403);
    // A proxy on this host speaks for others.
    assert_eq!(status(&[("X-Forwarded-For", "203.0.113.5")]), 401);
}
