//! The language of expectations: whether they hold, and what is said if not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use foghorn_config::expect::{Expectation, Observed, Phases};
use std::time::Duration;

/// `holds`, or what is said.
fn ask(text: &str, seen: &Observed<'_>) -> String {
    let expectation = Expectation::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    expectation.holds(seen).err().unwrap_or_else(|| "holds".to_owned())
}

fn header(name: &str) -> Option<String> {
    (name == "content-type").then(|| "application/json; charset=utf-8".to_owned())
}

fn table(seen: &Observed<'_>, rows: &[(&str, &str)]) {
    for (text, wanted) in rows {
        assert_eq!(ask(text, seen), *wanted, "{text}");
    }
}

#[test]
fn numbers_texts_and_phases() {
    let seen = Observed {
        status: Some(503),
        body: Some(b"all is ok\n\x1b[31mtoday"),
        header: Some(&header),
        phases: Phases {
            connect: Some(Duration::from_micros(450)),
            total: Some(Duration::from_millis(1204)),
            ..Phases::default()
        },
        cert_days: Some(13.9),
        ..Observed::default()
    };
    table(
        &seen,
        &[
            ("status == 503", "holds"),
            ("status == 200", "status == 200, got 503"),
            ("status in 200..299, 304", "status in 200..299, 304, got 503"),
            ("status in 500..599", "holds"),
            ("status!=503", "status!=503, got 503"),
            ("body contains ok", "holds"),
            ("body contains is ok", "holds"),
            ("body contains 'is ok'", "holds"),
            ("body not contains ok", "body not contains ok, got all is ok\\n\\u{1b}[31mtoday"),
            ("body matches ^all .* ok$", "body matches ^all .* ok$, got all is ok\\n\\u{1b}[31mtoday"),
            (r#"body matches "(?s)ok.*\d1""#, "holds"),
            ("body not  matches zzz", "holds"),
            ("body in yes, no", "body in yes, no, got all is ok\\n\\u{1b}[31mtoday"),
            ("size < 10", "size < 10, got 20"),
            ("header Content-Type contains json", "holds"),
            (
                "header content-type == text/html",
                "header content-type == text/html, got application/json; charset=utf-8",
            ),
            ("header etag exists", "header etag exists, no such header"),
            ("header etag not exists", "holds"),
            ("header etag == x", "header etag == x, no such header"),
            ("total < 800ms", "total < 800ms, took 1.2s"),
            ("total<1s500ms", "holds"),
            ("rtt < 1s", "rtt < 1s, took 1.2s"),
            ("connect < 1ms", "holds"),
            ("connect >= 1ms", "connect >= 1ms, took 0.5ms"),
            ("total in 1s..2s", "holds"),
            ("tls < 1s", "tls < 1s, it was not measured"),
            ("cert_days > 14", "cert_days > 14, got 13"),
            ("json $.a == 1", "json $.a == 1, the body is no JSON"),
            ("answer contains x", "answer contains x, no answer"),
        ],
    );
}

#[test]
fn json() {
    let body = br#"{"queue":{"depth":12,"oldest":"3"},"nodes":[{"state":"green","up":true},{"state":"red","up":true}],"a b":null,"tags":["x","y"],"empty":[],"v":"1.10"}"#;
    let seen = Observed { body: Some(body), ..Observed::default() };
    table(
        &seen,
        &[
            ("json $.queue.depth <= 10", "json $.queue.depth <= 10, got 12"),
            ("json $.queue.depth == 12", "holds"),
            ("json $.queue.depth in 10..20", "holds"),
            ("json $.queue.oldest < 5", "holds"),
            ("json $.nodes[0].state == green", "holds"),
            ("json $.nodes[-1].state == green", "json $.nodes[-1].state == green, got \"red\""),
            ("json $.nodes[*].state == green", "json $.nodes[*].state == green, got \"red\""),
            ("json $.nodes[*].state in green, red", "holds"),
            ("json $.nodes[*].up == true", "holds"),
            ("json $.nodes.length == 2", "holds"),
            ("json $.empty[*].state == green", "json $.empty[*].state == green, there is nothing"),
            ("json $['a b'] == null", "holds"),
            ("json $['a b'] exists", "holds"),
            ("json $.nothing exists", "json $.nothing exists, there is nothing"),
            ("json $.nothing not exists", "holds"),
            ("json $.queue not exists", "json $.queue not exists, got {\"depth\":12,\"oldest\":\"3\"}"),
            ("json $.tags contains x", "holds"),
            ("json $.tags not contains x", "json $.tags not contains x, got [\"x\",\"y\"]"),
            ("json $.queue contains depth", "holds"),
            ("json $.v == '1.10'", "holds"),
            ("json $.v == '1.1'", "json $.v == '1.1', got \"1.10\""),
            ("json $.v matches ^1", "holds"),
            ("json $.nodes[0].state != green", "json $.nodes[0].state != green, got \"green\""),
        ],
    );
}

/// A float has 53 bits: numbers of orders and sequences have more.
#[test]
fn great_numbers_are_compared_to_the_last_digit() {
    let seen = Observed { body: Some(br#"{"id": 9007199254740993, "small": 3.0}"#), ..Observed::default() };
    table(
        &seen,
        &[
            ("json $.id == 9007199254740993", "holds"),
            ("json $.id == 9007199254740992", "json $.id == 9007199254740992, got 9007199254740993"),
            ("json $.id != 9007199254740992", "holds"),
            ("json $.small == 3", "holds"),
        ],
    );
}

#[test]
fn plugins_and_names() {
    let answers = ["mail.example.com.".to_owned(), "10.0.0.1".to_owned(), "v=spf1 include:x -all".to_owned()];
    let perf = [("load1".to_owned(), 4.5), ("C: used".to_owned(), 80.0)];
    let seen = Observed { status: Some(1), answers: Some(&answers), perf: &perf, ..Observed::default() };
    table(
        &seen,
        &[
            ("status in 0, 1", "holds"),
            ("perf load1 < 4", "perf load1 < 4, got 4.5"),
            ("perf 'C: used' <= 80", "holds"),
            ("perf load15 exists", "perf load15 exists, no such value"),
            ("answer contains mail.example.com", "holds"),
            (
                "answer contains example.com",
                "answer contains example.com, got mail.example.com., 10.0.0.1, v=spf1 include:x -all",
            ),
            (
                "answer contains 10.0.0",
                "answer contains 10.0.0, got mail.example.com., 10.0.0.1, v=spf1 include:x -all",
            ),
            ("answer contains include:x", "holds"),
            ("answer matches ^10\\.", "holds"),
            (
                "answer not contains 10.0.0.1",
                "answer not contains 10.0.0.1, got mail.example.com., 10.0.0.1, v=spf1 include:x -all",
            ),
        ],
    );
}

/// As names and addresses are the same, by the key `answer` too.
#[test]
fn answers_are_the_same_however_they_are_written() {
    let answers = ["mail.example.com".to_owned(), "2001:db8::1".to_owned(), "10 mx.example.com".to_owned()];
    let seen = Observed { answers: Some(&answers), ..Observed::default() };
    table(
        &seen,
        &[
            ("answer == Mail.Example.com", "holds"),
            ("answer == mail.example.com.", "holds"),
            ("answer == 2001:DB8:0::1", "holds"),
            ("answer contains 2001:DB8:0::1", "holds"),
            ("answer == \"10 MX.example.com.\"", "holds"),
            ("answer in www.example.com, MAIL.example.com", "holds"),
            (
                "answer != Mail.Example.com",
                "answer != Mail.Example.com, got mail.example.com, 2001:db8::1, 10 mx.example.com",
            ),
            (
                "answer == example.com",
                "answer == example.com, got mail.example.com, 2001:db8::1, 10 mx.example.com",
            ),
        ],
    );
}

#[test]
fn a_long_body_is_cut_in_what_is_said() {
    let body = "x".repeat(10_000);
    let seen = Observed { body: Some(body.as_bytes()), ..Observed::default() };
    let said = ask("body contains y", &seen);
    assert_eq!(said, format!("body contains y, got {}…", "x".repeat(80)));
}

#[test]
fn the_column_counts_characters() {
    let e = Expectation::parse("header é == 1").unwrap_err();
    assert_eq!(e.offset, 7);
    let e = Expectation::parse("body contains 'ä' x").unwrap_err();
    assert_eq!((e.offset, e.width), (18, 1));
    assert_eq!(e.to_string(), "column 19: this is too much: nothing is expected after the value");
}
