//! What only this machine, this moment, or the state of the channels can tell of a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use foghorn_config::reach::{Level, Reach};
use foghorn_config::{Config, load, load_from, parse};
use foghorn_core::time::Wall;
use std::path::Path;

/// The channel of [`FILE`]: what stands in for a telephone is on this host.
const LOCAL: &str = r#"kind: ntfy, url: "http://127.0.0.1:9""#;

const FILE: &str = r#"
people: { ana: { contacts: [ { via: phone, to: x } ] } }
channels: { phone: { kind: ntfy, url: "http://127.0.0.1:9" } }
schedules:
  primary:
    rotations:
      - { people: ana, starts: "2026-11-09 09:00" }
      - { people: ana, starts: "2026-11-02 09:00" }
escalations: { default: { steps: [ { page: schedule/primary }, { page: everyone } ] } }
"#;

fn config(text: &str, base: &Path) -> Config {
    parse(text, "foghorn.yaml", base, &|_| None).unwrap_or_else(|e| panic!("{e}"))
}

fn at(text: &str) -> Wall {
    Wall::from(text.parse::<jiff::Timestamp>().unwrap())
}

#[test]
fn a_schedule_that_begins_in_years_is_told_with_its_place() {
    let config = config(FILE, Path::new(""));
    let said = config.warnings_here(at("2024-11-02T09:00:00Z"));
    let [warning] = &said[..] else { panic!("{said:?}") };
    let expected = "foghorn.yaml:8:32: nobody is on call on schedule primary for 730d: its first turn begins at 2026-11-02T09:00";
    assert!(warning.starts_with(expected), "{warning}");
    for on_time in ["2026-11-01T09:00:00Z", "2026-12-24T09:00:00Z"] {
        assert_eq!(config.warnings_here(at(on_time)), Vec::<String>::new());
    }
}

#[test]
fn a_listener_for_links_to_which_no_link_leads_is_told() {
    let of = |server: &str| config(&format!("server: {{ {server} }}{FILE}"), Path::new("")).warnings;
    let said = of("links_listen: 127.0.0.1:7072");
    let [warning] = &said[..] else { panic!("{said:?}") };
    assert!(warning.starts_with("foghorn.yaml:1:25: `public_url` is not set"), "{warning}");
    assert_eq!(of("links_listen: 127.0.0.1:7072, public_url: https://x.example"), Vec::<String>::new());
    assert_eq!(of("listen: 127.0.0.1:7070"), Vec::<String>::new());
}

/// A proxy that names nobody is taken for whoever sits at this host, and without a token that is an admin.
#[test]
fn a_proxy_that_may_make_everybody_an_admin_is_told() {
    let of = |server: &str| config(&format!("server: {{ {server} }}{FILE}"), Path::new("")).warnings;
    let said = of("listen: 127.0.0.1:7070, public_url: https://x.example");
    let [warning] = &said[..] else { panic!("{said:?}") };
    assert!(
        warning.starts_with("foghorn.yaml:1:47: no token is configured, so whoever reaches"),
        "{warning}"
    );
    for part in ["`127.0.0.1:7070`", "`links_listen:`", "`tokens:`", "`X-Forwarded-For`"] {
        assert!(warning.contains(part), "{warning}");
    }
    for good in [
        "listen: 127.0.0.1:7070, public_url: http://127.0.0.1:7070",
        "listen: 127.0.0.1:7070, public_url: http://localhost:7070",
        "links_listen: 127.0.0.1:7072, public_url: https://x.example",
        "public_url: https://x.example, tokens: { a: { token: a-token-0123456789, role: admin } }",
    ] {
        assert_eq!(of(good), Vec::<String>::new(), "{good}");
    }
}

/// A token for the API is none for what other tools send.
#[test]
fn a_proxy_that_may_let_everybody_send_alerts_is_told() {
    let token = "tokens: { a: { token: a-token-0123456789, role: admin } }";
    let of = |server: &str, integration: &str| {
        let own = format!("integrations: {{ prom: {{ {integration} }} }}\nserver: {{ {server} }}{FILE}");
        config(&own, Path::new("")).warnings
    };
    let there = format!("listen: 127.0.0.1:7070, public_url: https://x.example, {token}");
    let said = of(&there, "kind: alertmanager");
    let [warning] = &said[..] else { panic!("{said:?}") };
    assert!(warning.starts_with("foghorn.yaml:1:17: the integration `prom` has no token"), "{warning}");
    assert_eq!(of(&there, "kind: alertmanager, token: another-token-0123456789"), Vec::<String>::new());
    for near in [
        "listen: 127.0.0.1:7070, public_url: http://127.0.0.1:7070",
        "links_listen: 127.0.0.1:7072, public_url: https://x.example",
    ] {
        assert_eq!(of(&format!("{near}, {token}"), "kind: alertmanager"), Vec::<String>::new(), "{near}");
    }
}

#[test]
fn a_token_that_may_be_guessed_is_told() {
    let of = |token: &str| {
        let server =
            format!("listen: 192.0.2.1:7070, tokens: {{ a: {{ token: \"{token}\", role: admin }} }}");
        config(&format!("server: {{ {server} }}{FILE}"), Path::new("")).warnings
    };
    let said = of("swordfish");
    let [warning] = &said[..] else { panic!("{said:?}") };
    assert!(
        warning.starts_with("foghorn.yaml:1:57: the token `a` has fewer than 16 characters"),
        "{warning}"
    );
    assert!(!warning.contains("swordfish"), "{warning}");
    assert_eq!(of("0123456789abcdef"), Vec::<String>::new());
    assert_eq!(of("${NOT_SET}"), Vec::<String>::new(), "that is told otherwise");
}

/// Nobody can follow a link to `0.0.0.0`, nor one to loopback from a telephone. With everything on this host nothing is said.
#[test]
fn links_that_nobody_can_follow_are_told() {
    let near = r#"kind: webhook, url: "http://localhost:9/""#;
    let relay = r#"kind: smtp, url: "smtp://127.0.0.1:25", from: "F <f@example.com>""#;
    let mail = r#"kind: smtp, url: "smtps://u:p@mail.example.com", from: "F <f@example.com>""#;
    let slack = r#"kind: slack, url: "https://hooks.slack.com/x""#;
    let call = r#"kind: twilio-voice, account: AC0, token: x, from: "+351912345678""#;
    let any = "which is no address that anybody can open";
    for (server, channel, told) in [
        ("", near, None),
        ("", relay, None),
        ("", "kind: exec, command: [sh]", None),
        ("", r#"kind: slack, url: "${NOT_SET}""#, None),
        ("listen: 192.0.2.1:7070", slack, None),
        (r#"listen: 0.0.0.0:7070, public_url: "https://x.example""#, slack, None),
        ("listen: 0.0.0.0:7070", near, Some(("1:19", "`http://0.0.0.0:7070`", any))),
        (r#"listen: "[::]:7070""#, near, Some(("1:19", "`http://[::]:7070`", any))),
        (r#"public_url: "http://0.0.0.0""#, near, Some(("1:23", "`http://0.0.0.0`", any))),
        ("", slack, Some(("1:1", "`http://127.0.0.1:7070`", "pages leave it by phone: "))),
        ("", mail, Some(("1:1", "`http://127.0.0.1:7070`", "pages leave it by phone: "))),
        ("", "kind: ntfy", Some(("1:1", "the links in pages lead to", "pages leave it by phone: "))),
        ("", call, Some(("1:1", "and the key pressed in a call, lead to", "pages leave it by phone: "))),
        (r#"public_url: "http://localhost""#, slack, Some(("1:23", "`http://localhost`", "by phone: "))),
    ] {
        let to = match channel.split(", ").next() {
            Some("kind: twilio-voice") => "\"+351912345678\"",
            Some("kind: smtp") => "x@example.com",
            _ => "x",
        };
        let tokens = "tokens: { a: { token: a-token-0123456789, role: admin } }";
        let file = FILE.replace("to: x", &format!("to: {to}")).replace(LOCAL, channel);
        let comma = if server.is_empty() { "" } else { ", " };
        let config = config(&format!("server: {{ {server}{comma}{tokens} }}{file}"), Path::new(""));
        let said: Vec<&String> = config.warnings.iter().filter(|w| w.contains("public_url")).collect();
        match told {
            None => assert!(said.is_empty(), "{server}; {channel}: {said:?}"),
            Some((place, lead, why)) => {
                assert_eq!(said.len(), 1, "{server}; {channel}");
                assert!(
                    said[0].starts_with(&format!("foghorn.yaml:{place}: the links in pages")),
                    "{said:?}"
                );
                assert!(said[0].contains(lead) && said[0].contains(why), "{server}; {channel}: {said:?}");
            }
        }
    }
    // No page goes out by a channel that nobody has a contact by.
    let spare = FILE.replace("channels: {", "channels: { spare: { kind: ntfy },");
    assert_eq!(config(&spare, Path::new("")).warnings, Vec::<String>::new());
}

#[test]
fn programs_that_cannot_be_run_are_told_with_their_place() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    for (name, mode) in [("plain", 0o644), ("good", 0o755)] {
        std::fs::write(dir.path().join(name), "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(dir.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let checks = "checks:\n  a: { exec: [./gone, x] }\n  b: { exec: [./plain] }\n  c: { exec: [./good] }\n  d: { exec: [sh, -c, x] }\n  e: { exec: [no-such-plugin] }\n  f: { exec: [./] }\n";
    let file = format!("{checks}{}", FILE.replace(LOCAL, "kind: exec, command: [./hoot]"));
    let config = config(&file, dir.path());
    let said = config.warnings_here(at("2026-12-24T09:00:00Z"));
    let short: Vec<String> =
        said.iter().map(|w| w.replace(&format!("{}/", dir.path().display()), "")).collect();
    assert_eq!(
        short,
        [
            "foghorn.yaml:10:44: `hoot` cannot be run: there is no such file",
            "foghorn.yaml:2:15: `gone` cannot be run: there is no such file",
            "foghorn.yaml:3:15: `plain` cannot be run: it is not executable; `chmod +x` makes it so",
            "foghorn.yaml:6:15: there is no program `no-such-plugin` in PATH here, so it cannot be run",
            "foghorn.yaml:7:15: `` cannot be run: it is a directory",
        ]
    );
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let large = dir.path().join("large.yaml");
    std::fs::File::create(&large).unwrap().set_len(30_000_000).unwrap();
    for (path, why) in [
        (pipe.as_path(), "it is a pipe or a device, not a file"),
        (Path::new("/dev/zero"), "it is a pipe or a device, not a file"),
        (dir.path(), "it is a directory, not a file"),
        (&large, "it is larger than 16 MiB, which is the most"),
    ] {
        let errors = load(path, &|_| None).unwrap_err();
        assert_eq!(errors.0[0].message, format!("the file cannot be read: {why}"));
    }
    // A pipe in place of a secret must not keep Foghorn from starting.
    let file = FILE.replace("kind: ntfy", "kind: ntfy, token_file: pipe");
    let missing = config(&file, dir.path()).missing_secrets;
    assert!(missing[0].contains("pipe cannot be read: it is a pipe or a device"), "{missing:?}");
}

#[test]
fn what_is_open_already_is_read_too() {
    assert!(load_from(FILE.as_bytes(), "standard input", Path::new(""), &|_| None).is_ok());
    let errors = load_from(&b"bogus: 1"[..], "standard input", Path::new(""), &|_| None).unwrap_err();
    assert!(errors.to_string().starts_with("standard input:1:1: error: "), "{errors}");
    let endless = std::io::repeat(b' ');
    let errors = load_from(endless, "standard input", Path::new(""), &|_| None).unwrap_err();
    assert!(errors.to_string().contains("larger than 16 MiB"), "{errors}");
}

#[test]
fn how_far_people_can_be_reached() {
    let file = r#"
people:
  ana: { contacts: [ { via: mail, to: a@example.com }, { via: phone, to: ana } ] }
  bob: { contacts: [ { via: mail, to: b@example.com } ] }
  cy: { contacts: [ { via: phone, to: cy, only: low }, { via: phone, to: cy-high } ] }
  dan: { contacts: [ { via: phone, to: dan } ] }
channels:
  mail: { kind: smtp, url: "smtp://127.0.0.1:1", from: "F <f@example.com>" }
  phone: { kind: ntfy }
schedules: { primary: { rotations: [ { people: [ana, bob], starts: "2026-11-02 09:00" } ] } }
escalations: { default: { steps: [ { page: [schedule/primary, person/cy] } ] } }
"#;
    use Level::{Quiet, Unreached, Waking};
    let reach = |works: &dyn Fn(&str, &str) -> bool| -> Vec<(String, Level, Level)> {
        let reach = config(file, Path::new("")).reach(works);
        reach.into_iter().map(|(n, Reach { promised, left })| (n.to_string(), promised, left)).collect()
    };
    let three = |ana, bob, cy| {
        let of = |name: &str, promised, left| (name.to_owned(), promised, left);
        vec![of("ana", Waking, ana), of("bob", Quiet, bob), of("cy", Waking, cy)]
    };
    // No policy pages Dan.
    assert_eq!(reach(&|_, _| true), three(Waking, Quiet, Waking));
    assert_eq!(reach(&|channel, _| channel != "phone"), three(Quiet, Quiet, Unreached));
    assert_eq!(reach(&|channel, _| channel != "mail"), three(Waking, Unreached, Waking));
    assert_eq!(reach(&|_, to| to != "cy-high"), three(Waking, Quiet, Quiet));
    let nothing_wakes = format!("{file}paging: {{ urgency: {{ critical: low }} }}\n");
    let reach = config(&nothing_wakes, Path::new("")).reach(&|channel, _| channel == "mail");
    assert_eq!(reach["ana"], Reach { promised: Quiet, left: Quiet });
}

/// Where e-mail alone takes what waits for working hours, nobody hears of a warning without it.
#[test]
fn whether_anybody_hears_of_a_warning() {
    let file = r#"
people: { ana: { contacts: [ { via: mail, to: ana@example.com, only: low }, { via: phone, to: a, only: high } ] } }
channels:
  mail: { kind: smtp, url: "smtp://127.0.0.1:1", from: "F <f@example.com>" }
  phone: { kind: ntfy }
escalations: { default: { steps: [ { page: everyone } ] } }
"#;
    let arrive = |file: &str, broken: &str| {
        config(file, Path::new("")).warnings_arrive(&|channel, _| channel != broken)
    };
    assert!(arrive(file, "none") && arrive(file, "phone") && !arrive(file, "mail"));
    assert!(arrive(&file.replace(", only: high", ""), "mail"));
    let nothing_waits = format!("{file}paging: {{ urgency: {{ warning: high }} }}\n");
    assert!(arrive(&nothing_waits, "mail"));
}

/// What does not say how bad it is wakes somebody, unless the file says otherwise.
#[test]
fn an_alert_without_a_severity_is_critical() {
    use foghorn_core::words::Severity;
    let of = |more: &str| {
        let file = format!("integrations: {{ prom: {{ kind: alertmanager{more} }} }}{FILE}");
        config(&file, Path::new("")).setup.integrations["prom"].severity
    };
    assert_eq!((of(""), of(", severity: warning")), (Severity::Critical, Severity::Warning));
}

#[test]
fn an_error_on_one_line_has_its_advice() {
    let errors = parse("sever: {}\n", "f", Path::new(""), &|_| None).unwrap_err();
    let lines: Vec<String> = errors.0.iter().map(foghorn_config::Problem::line).collect();
    let wanted = "f:1:1: the key `sever` is not known here; did you mean `server`?";
    assert!(lines.iter().any(|line| line == wanted), "{lines:?}");
}
