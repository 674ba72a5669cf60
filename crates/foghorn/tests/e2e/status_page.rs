//! The public page: what is watched breaks and is mended, and the public can read it, on a listener that serves nothing else.

use crate::parts::foghorn::{Foghorn, basics};
use crate::parts::hook::Hook;
use crate::parts::http::{self, Answer};
use crate::parts::nginx::Nginx;
use crate::parts::{free_port, until};
use std::net::SocketAddr;

fn get(page: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    http::request(page, "GET", path, headers, b"").unwrap()
}

/// Until the page says so; what it says then.
#[track_caller]
fn says(page: SocketAddr, path: &str, word: &str) -> String {
    until(&format!("{path} to say {word}"), || {
        let answer = http::get(page, path).ok().filter(|a| a.status == 200)?;
        answer.body.contains(word).then_some(answer.body)
    })
}

#[test]
fn the_public_reads_that_something_is_down_and_that_it_is_back() {
    let (mut nginx, hook) = (Nginx::start(), Hook::start());
    let page = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut foghorn = Foghorn::start(&format!(
        r#"{}
topology: {{ inner-name: {{ kind: service }}, other: {{ kind: service }} }}
checks:
  inner-check: {{ entity: inner-name, http: "http://{}/", every: 1s, timeout: 1s, fail_for: 0s, severity: critical }}
status_page:
  listen: {page}
  name: Example <Shop>
  components: {{ "Shop & <cart>": [inner-name], Other: [other] }}
"#,
        basics(&hook, "10m"),
        nginx.address
    ));
    let well = says(page, "/", "operational");
    assert!(well.contains("Shop &#38; &#60;cart&#62;") && well.contains("Not everything is known"), "{well}");

    nginx.stop();
    let down = says(page, "/", "Something is down");
    assert!(down.contains("major outage") && down.contains("Noticed."), "{down}");
    let id = hook.wait("the page", |r| r.kind() == "page").incident();
    foghorn.cli(&["incident", "ack", &id.to_string()]);
    says(page, "/", "Somebody is working on it.");

    nginx.again();
    let back = says(page, "/", "Resolved.");
    let months =
        [back.clone(), says(page, "/history", "Resolved."), get(page, "/status.json", &[]).is(200).body];
    for text in &months {
        let inside = ["inner-", "nginx", "Ana", "127.0.0.1", "refused"];
        assert!(inside.iter().all(|w| !text.contains(w)), "{text}");
    }

    // Only that, and only to be read.
    let style = back.split("href=\"/").find(|l| l.starts_with("style.")).and_then(|l| l.split('"').next());
    get(page, &format!("/{}", style.unwrap()), &[]).is(200);
    for path in ["/healthz", "/metrics", "/api/v1/incidents", "/ack/x", "/log-in", "/history/1999-01"] {
        get(page, path, &[]).is(404);
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        http::request(page, method, "/", &[], b"").unwrap().is(405);
    }
    let head = http::request(page, "HEAD", "/status.json", &[], b"");
    assert!(head.is_err() || head.is_ok_and(|a| a.body.is_empty()), "HEAD has no body");
    let whole = get(page, "/history", &[]);
    let tag = whole.header("etag").unwrap().to_owned();
    get(page, "/history", &[("If-None-Match", &tag)]).is(304);
    assert!(whole.header("content-security-policy").unwrap().contains("default-src 'none'"));

    // What was is still known after a restart, without the file and with it.
    assert!(foghorn.stop().success());
    foghorn.run();
    says(page, "/", "Resolved.");
    foghorn.kill();
    std::fs::remove_file(foghorn.data().join("status.json")).unwrap();
    foghorn.run();
    let again = says(page, "/", "Resolved.");
    assert!(again.contains("Somebody is working on it."), "{again}");
}

/// A certificate that is bad at the start is waited for, and the page is never served in the clear meanwhile.
#[test]
fn the_page_waits_for_its_certificate() {
    let hook = Hook::start();
    let page = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let foghorn = Foghorn::start(&format!(
        "{}\nstatus_page: {{ listen: \"{page}\", name: Example, tls: {{ cert_file: cert.pem, key_file: key.pem }} }}\n",
        basics(&hook, "10m")
    ));
    hook.wait("the missing certificate to be told", |r| {
        r.kind() == "page" && r.body.to_string().contains("cert.pem")
    });
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    foghorn.dir.write("key.pem", &made.signing_key.serialize_pem());
    foghorn.dir.write("cert.pem", &made.cert.pem());
    let pem = foghorn.dir.join("cert.pem");
    let curl = |scheme: &str| {
        let url = format!("{scheme}://localhost:{}/", page.port());
        let out = std::process::Command::new("curl")
            .args(["--silent", "--max-time", "5", "--cacert"])
            .arg(&pem)
            .arg(url)
            .output()
            .unwrap();
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    until("the page to be served over TLS", || curl("https").contains("Nothing to tell yet").then_some(()));
    assert_eq!(curl("http"), "");
}
