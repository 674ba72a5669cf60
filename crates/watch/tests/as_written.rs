//! Checks as a configuration gives them: what nobody has written is expected too.
#![allow(missing_docs, clippy::unwrap_used)]

mod kit;

use foghorn_watch::check::Verdict;
use kit::*;
use std::path::Path;

const PEOPLE: &str = r#"
people: { ana: { contacts: [ { via: hook } ] } }
channels: { hook: { kind: webhook, url: "https://hook.example.com/" } }
escalations: { default: { steps: [ { page: person/ana, wait: 5m } ] } }
"#;

/// What an answer with this status is called by a check that is written like this; `ADDR` stands for the server's.
async fn told(status: &'static str, check: &str) -> Result<String, String> {
    let addr = http(move |_, _| answer(status, "", "database is read-only"));
    let text =
        format!("checks: {{ shop: {{ {} }} }}{PEOPLE}", check.replace("ADDR", &format!("http://{addr}/")));
    let config = foghorn_config::parse(&text, "foghorn.yaml", Path::new(""), &|_| None).unwrap();
    let outcome = run(&config.checks["shop"]).await;
    let summary = outcome.summary.replace(&addr.to_string(), "ADDR");
    if outcome.verdict == Verdict::Good { Ok(summary) } else { Err(summary) }
}

#[tokio::test]
async fn a_status_that_is_an_error_is_told_with_what_the_server_says() {
    let error = Err("answered 503 Service Unavailable: database is read-only".to_owned());
    for check in [r#"http: "ADDR""#, r#"http: "ADDR", expect: body contains database"#] {
        assert_eq!(told("503 Service Unavailable", check).await, error, "{check}");
        assert!(told("302 Found", check).await.is_ok(), "{check}");
    }
    let steps = r#"http: { steps: [ { url: "ADDR" }, { url: "ADDR" } ] }"#;
    let first = told("503 Service Unavailable", steps).await.unwrap_err();
    assert_eq!(first, "step 1 of 2: answered 503 Service Unavailable: database is read-only");
    assert!(told("204 No Content", steps).await.is_ok());
}

#[tokio::test]
async fn a_status_that_is_expected_is_what_counts() {
    let gone = r#"http: "ADDR", expect: status == 404"#;
    assert!(told("404 Not Found", gone).await.is_ok());
    assert_eq!(told("503 Service Unavailable", gone).await, Err("status == 404, got 503".to_owned()));
    // What is expected of a check of several steps is expected of the last.
    let last = r#"http: { steps: [ { url: "ADDR", expect: status == 404 }, { url: "ADDR" } ] }, expect: status == 404"#;
    assert!(told("404 Not Found", last).await.is_ok());
}

/// What stands in a variable is a secret where it is sent or run; a page is read by many, and goes to many providers.
#[tokio::test]
async fn what_a_variable_stands_for_is_shown_nowhere() {
    use std::io::{Read as _, Write as _};
    let echo = serve(|mut s| {
        let mut got = [0; 256];
        let n = s.read(&mut got).unwrap_or(0);
        let _ = s.write_all(&got[..n]);
    });
    for kind in [
        r#"tcp: { target: "ECHO", send: "AUTH ${TOK}\r\n", contains: "+OK" }"#,
        r#"tcp: { target: "ECHO", send: "hello", contains: "${TOK}" }"#,
        r#"tcp: { target: "ECHO", send: "AUTH aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ${TOK}\r\n", contains: "+OK" }"#,
        r#"exec: [/bin/sh, -c, "echo CRIT ${TOK}; exit 2"]"#,
    ] {
        let text = format!("checks: {{ shop: {{ {} }} }}{PEOPLE}", kind.replace("ECHO", &echo.to_string()));
        let token = |name: &str| (name == "TOK").then(|| "tokTOK123456789".to_owned());
        let config = foghorn_config::parse(&text, "foghorn.yaml", Path::new(""), &token).unwrap();
        let outcome = run(&config.checks["shop"]).await;
        assert_ne!(outcome.verdict, Verdict::Good, "{kind}");
        assert!(
            outcome.summary.contains('…') && !outcome.summary.contains("tokT"),
            "{kind}: {}",
            outcome.summary
        );
    }
}
