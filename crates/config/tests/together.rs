//! One run tells everything: what each of many faults says alone, all of them say together, and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use foghorn_config::parse;
use std::collections::BTreeSet;
use std::path::Path;

const FULL: &str = include_str!("good/full.yaml");

/// A fault: what stands in the file, what is written instead, and how much is wrong then. Each keeps the number of lines.
const FAULTS: [(&str, &str, usize); 31] = [
    ("max_body: 512KiB", "max_body: lots", 1),
    ("rate_limit: 0.5", "rate_limt: 0.5", 1),
    ("role: responder, person: ana", "role: boss, person: anna", 2),
    ("escalation: shop\n    max_alerts: 1000", "escalation: shopp\n    max_alerts: many", 2),
    ("routing_key: 0123456789abcdef0123456789abcdef", "routing_key: short, severity: bad", 2),
    ("time_zone: europe/lisbon", "time_zone: Lisbonn", 1),
    ("from: \"08:30\", to: \"24:00\"", "from: early, to: \"06:00\"", 1),
    ("via: call, to: \"+351912345678\"", "via: call, to: \"912\"", 1),
    ("via: text, to: \"+351912345678\", after: 1m", "via: txt, to: \"+351912345678\", after: x", 2),
    ("from: \"Foghorn <foghorn@example.com>\"", "from: Foghorn", 1),
    ("kind: twilio-voice, account: AC00, token: tw-token, from: \"+1", "kind: twilio-voice, from: \"1", 3),
    ("{{ to }}", "{{ too }}", 1),
    ("method: put", "method: shout", 1),
    ("- { people: bob, every: 12h", "- { people: bobb, every: never", 2),
    ("page: [person/ana, person/bob], wait: 150s", "page: [person/ana, bob, person/bobb], wait: soon", 3),
    ("ack_expires: 30m", "ack_expires: 0s", 1),
    ("kind: instance, runs_on: [\"web1:9100\"]", "kind: instanc, runs_on: [\"web1:9101\"]", 2),
    ("short: { http: \"https://shop.example.com/\" }", "short: { http: \"http:\", entity: shopp }", 2),
    ("redirects: 3", "redirects: 30", 1),
    ("every: 5s\n    timeout: 3s", "every: often\n    timeout: 30s", 1),
    ("- status in 200..204, 304", "- statos in 200..204, 304", 1),
    ("csrf: json $.csrf", "csrf: somewhere", 1),
    ("url: \"http://127.0.0.1/{{next}}\"", "url: \"ftp://127.0.0.1/{{nxt}}\"", 2),
    ("port: { tcp: \"db1:5432\" }", "port: { tcp: db1, icmp: \"a b\", entity: dbb, fail_after: 0 }", 5),
    ("load: {", "load: !x {", 1),
    ("grace: 1h, uuid: 7f0c3a3e-5b8e-4f8e-9c0d-0123456789ab", "grace: x, uuid: no", 2),
    ("entities: [db, shop]", "entities: [dbb]", 1),
    ("ends: \"2026-03-29 03:30\"", "ends: never", 1),
    ("listen: 0.0.0.0:7071", "listen: nowhere", 1),
    ("Accounts: acme", "Accounts: [acmee, {{ x }}]", 2),
    // A section that stands there twice, in its second half.
    (
        "    Shop front: [shop, checkout]",
        "    Shop front: [shop, checkout]\nchecks: { late: { entity: no, icmp: x, every: 5 } }",
        3,
    ),
];

fn broken(faults: &[(&str, &str, usize)]) -> String {
    // The last one adds a line at the end, behind all others.
    let mut text = FULL.to_owned();
    for (from, to, _) in faults {
        assert!(text.contains(from), "{from} does not stand in the file");
        match to.split_once("\nchecks:") {
            Some((_, rest)) => text.push_str(&format!("checks:{rest}\n")),
            None => text = text.replacen(from, to, 1),
        }
    }
    text
}

/// What is said, without the columns: another fault on the same line moves them.
fn said(text: &str) -> BTreeSet<(usize, String)> {
    let environment = |name: &str| (name == "CI_TOKEN").then(|| "variable-secret-0123".to_owned());
    let errors = parse(text, "f", Path::new("tests/good"), &environment).unwrap_err();
    errors.0.into_iter().map(|p| (p.line, p.message)).collect()
}

#[test]
fn one_run_tells_everything() {
    let mut union = BTreeSet::new();
    for fault in FAULTS {
        let alone = said(&broken(&[fault]));
        assert_eq!(alone.len(), fault.2, "{fault:?} says {alone:#?}");
        union.extend(alone);
    }
    let together = said(&broken(&FAULTS));
    let missing: Vec<_> = union.difference(&together).collect();
    let made_up: Vec<_> = together.difference(&union).collect();
    assert!(missing.is_empty() && made_up.is_empty(), "not said: {missing:#?}\nmade up: {made_up:#?}");
}

/// Of what stands in for a section that is none, nothing is said: not that its names are missing, nor that it is empty.
#[test]
fn a_section_that_is_none_is_one_error() {
    let lines: Vec<&str> = FULL.lines().collect();
    let is_top = |line: &str| line.starts_with(|c: char| c.is_alphabetic());
    let mut sections = 0;
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| is_top(line)) {
        let rest = lines[i + 1..].iter().skip_while(|l| !is_top(l));
        let text: Vec<&str> = lines[..i].iter().chain(rest).copied().collect();
        let text = format!("{}\n{line} 5\n", text.join("\n"));
        let found = said(&text);
        assert!(
            found.len() == 1 && found.iter().all(|(_, m)| m.contains("is expected here")),
            "{line} {found:#?}"
        );
        sections += 1;
    }
    assert_eq!(sections, 11);
}
