//! Files that must load, and what becomes of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use foghorn_config::model::{Capture, Channel, CheckKind, Integration, Role};
use foghorn_config::{Config, load, parse};
use foghorn_core::schedule::Turn;
use foghorn_core::setup::Target;
use foghorn_core::time::Span;
use foghorn_core::words::{Severity, Urgency};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/good")
}

/// The only variable that is set.
fn environment(name: &str) -> Option<String> {
    (name == "CI_TOKEN").then(|| "variable-secret-0123".to_owned())
}

fn good(name: &str) -> Config {
    load(&folder().join(name), &environment).unwrap_or_else(|e| panic!("{e}"))
}

/// Behind each text, on lines of its own: without anybody to page a file is refused.
const SOMEBODY: &str =
    "people: { ana: { contacts: [ { via: push } ] } }\nchannels: { push: { kind: ntfy } }\n";

fn text(text: &str) -> Config {
    parse(&format!("{text}{SOMEBODY}"), "foghorn.yaml", Path::new("/etc/foghorn"), &environment)
        .unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn the_sample_of_the_documentation_loads_as_it_stands() {
    let config = good("interface.yaml");
    assert_eq!(config.warnings, Vec::<String>::new());
    let missing: Vec<&str> =
        config.missing_secrets.iter().filter_map(|m| m.split("interface.yaml:").nth(1)).collect();
    assert_eq!(
        missing,
        [
            "8:44: the environment variable PROM_TOKEN is not set",
            "15:70: the environment variable HOOK_SECRET is not set"
        ]
    );
    assert_eq!(config.server.data_dir, folder().join("data"));
    let shop = &config.checks["shop"];
    let expect: Vec<String> = shop.expect.iter().map(ToString::to_string).collect();
    assert_eq!(expect, ["status == 200", "body contains \"ok\"", "total < 800ms"]);
    assert_eq!(config.setup.checks["shop"].fail_for, Span::ZERO);
    assert_eq!(config.setup.checks["backup-job"].heartbeat.as_ref().unwrap().grace, Span::hours(1));
    assert!(!config.checks.contains_key("backup-job"));
    assert_eq!(config.setup.escalations["default"].steps[2].page, [Target::Everyone]);
    assert_eq!(config.addresses["day-ops"], ["day@example.com", "day-ops"]);
    assert_eq!(config.status_page.unwrap().components, [("Shop".to_owned(), vec!["shop-api".to_owned()])]);
}

#[test]
fn every_key_arrives() {
    let c = good("full.yaml");
    assert_eq!(c.missing_secrets, Vec::<String>::new());
    assert_eq!(c.warnings.len(), 1, "{:?}", c.warnings);
    assert!(c.warnings[0].contains("the escalation `shop` ends"));

    assert_eq!(c.server.public_url, "https://foghorn.example.com");
    assert_eq!(c.server.tls.as_ref().unwrap().cert_file, folder().join("tls/cert.pem"));
    assert_eq!(c.server.tokens["ana"].secret.expose(), Ok("file-secret-0123"));
    assert_eq!(c.server.tokens["ci"].secret.expose(), Ok("variable-secret-0123"));
    assert_eq!(
        (c.server.tokens["ci"].role, c.server.tokens["ana"].person.as_deref()),
        (Role::Admin, Some("ana"))
    );
    assert_eq!(c.server.address_share, 90);
    assert_eq!((c.server.journal_deadline.as_millis(), c.server.max_body), (1500, 512 * 1024));
    assert_eq!(c.server.reference_targets[2].host, "2001:db8::1");

    let prometheus = &c.setup.integrations["prometheus"];
    assert_eq!((prometheus.severity, prometheus.max_alerts), (Severity::Info, 1000));
    assert_eq!(prometheus.group_by.iter().map(|n| n.as_str()).collect::<Vec<_>>(), ["alertname", "cluster"]);
    assert!(
        matches!(&c.integrations["dashboards"], Integration::Grafana { token: Some(t) } if t.expose() == Ok("file-secret-0123"))
    );

    let ana = &c.setup.people["ana"];
    assert_eq!((ana.name.as_str(), &*ana.time_zone), ("Ana Silva", "Europe/Lisbon"));
    assert_eq!(
        (ana.working_hours.days.as_slice(), ana.working_hours.from, ana.working_hours.to),
        (&[1, 3, 7][..], 510, 1440)
    );
    assert_eq!(ana.contacts.iter().map(|c| c.notices).collect::<Vec<_>>(), [false, true, true, true]);
    assert_eq!(ana.contacts[0].only, Some(Urgency::High));
    assert_eq!(c.setup.people["bob"], *ana);

    let Channel::Exec { command, .. } = &c.channels["run"] else { panic!() };
    assert_eq!(
        *command,
        [folder().join("page.sh").to_string_lossy().into_owned(), "--loud".into(), String::new()]
    );
    let Channel::Http { method, headers, body, .. } = &c.channels["api"] else { panic!() };
    assert_eq!((method.as_str(), body.as_str()), ("PUT", "{\"text\": \"{{ title }}\"}\n"));
    assert_eq!(headers["X-Literal"].expose(), Ok("${literal}"));
    assert!(
        matches!(&c.channels["chat"], Channel::Slack { url } if url.expose().unwrap().ends_with("file-slack-path"))
    );

    let rotations = &c.setup.schedules["primary"].rotations;
    assert_eq!((rotations[0].every, rotations[1].every), (Turn::Weeks(2), Turn::Hours(12)));
    assert_eq!(rotations[0].starts, rotations[1].starts);
    assert_eq!(c.setup.escalations["shop"].repeat, Some(3));
    assert_eq!(c.setup.timing.urgency_of(Severity::Info), Urgency::Low);
    assert_eq!(c.setup.timing.correlate_within, Span::ZERO);

    let CheckKind::Http(login) = &c.checks["login"].kind else { panic!() };
    assert_eq!(login.steps.len(), 3);
    assert!(
        matches!(&login.steps[1].capture[3], (name, Capture::Regex(r)) if name == "id" && r.as_str() == r"id=(\d+)")
    );
    assert!(login.steps[0].expect.is_empty(), "a status that is no error is what the check expects itself");
    assert_eq!(login.steps[2].expect[0].text, "status == 302");
    let CheckKind::Http(long) = &c.checks["long"].kind else { panic!() };
    assert_eq!(long.steps[0].url.expose(), Ok("https://shop.example.com/api?x=variable-secret-0123"));
    assert_eq!(long.connect_to.as_ref().unwrap().port, 8443);
    assert!(
        matches!(&c.checks["cert"].kind, CheckKind::Tls { target, min_days: 14, .. } if target.port == 443)
    );
    assert!(matches!(&c.checks["name2"].kind, CheckKind::Dns { resolver: Some(r), .. } if r.port() == 53));
    assert!(matches!(&c.checks["redis"].kind, CheckKind::Tcp { send: Some(s), .. } if s == "PING\r\n"));
    assert_eq!(c.checks["disk"].expect[0].text, "status == 0");
    assert_eq!(c.checks["short"].timeout.as_secs(), 10);
    assert_eq!(c.setup.checks["short"].severity, Severity::Critical);
    assert_eq!(
        (c.setup.checks["short"].fail_for, c.setup.checks["queue"].fail_for),
        (Span::secs(30), Span::ZERO)
    );

    assert_eq!(c.pings["queue"].key.as_ref().unwrap().expose(), Ok("pings"));
    assert_eq!(c.pings["report"].key.as_ref().unwrap().expose(), Ok("own-key"));
    assert!(c.pings["backup"].uuid.is_some());

    // The clocks go from 01:00 to 02:00 that night: 01:30 is moved behind the gap, and 03:30 is summer time.
    let window = &c.setup.maintenance["upgrade"];
    assert_eq!(
        (window.starts.to_string().as_str(), window.ends.to_string().as_str()),
        ("2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z")
    );
    assert_eq!(c.status_page.unwrap().components[0].0, "Shop front");
}

#[test]
fn no_secret_is_shown_by_debug() {
    let shown = format!("{:?}", good("full.yaml"));
    for secret in [
        "file-secret-0123",
        "variable-secret-0123",
        "viewer-token",
        "prometheus-token",
        "user:pass",
        "hooks.example.com",
        "whsec",
        "tk_0000",
        "tw-token",
        "file-slack",
        "own-key",
        "7f0c3a3e",
        "0123456789abcdef",
    ] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
}

#[test]
fn almost_nothing_is_enough() {
    let c = text("server: {}\n");
    assert_eq!(
        (c.server.listen.to_string().as_str(), c.server.public_url.as_str()),
        ("127.0.0.1:7070", "http://127.0.0.1:7070")
    );
    assert_eq!(c.server.data_dir, Path::new("/etc/foghorn/data"));
    let empty_sections =
        text("server:\nmaintenance:\nchecks: ~\nstatus_page: { listen: localhost:7071, name: Shop }\n");
    assert_eq!(empty_sections.status_page.unwrap().listen.to_string(), "127.0.0.1:7071");
    text("\u{feff}server: {}\r\ntopology: {}\r\n");
}

#[test]
fn the_hash_of_the_setup_changes_with_it_alone() {
    let a = text("topology: { a: {} }\n");
    let same = text("# a comment\nserver: { listen: \"127.0.0.1:1\" }\ntopology:\n  a:\n    kind: service\n");
    let other = text("topology: { a: { kind: host } }\n");
    assert_eq!(a.setup_hash().len(), 64);
    assert_eq!(a.setup_hash(), same.setup_hash());
    assert_ne!(a.setup_hash(), other.setup_hash());
}

#[test]
fn a_file_that_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foghorn.yaml");
    let said = load(&path, &environment).unwrap_err().to_string();
    assert!(said.contains("foghorn.yaml:1:1: error: the file cannot be read"), "{said}");
    std::fs::write(&path, b"server: {}\npeople: { \xff\xfe }").unwrap();
    let said = load(&path, &environment).unwrap_err().to_string();
    assert!(said.contains("foghorn.yaml:2:11: error: the file is not UTF-8 text from here on"), "{said}");
}

#[test]
fn a_missing_secret_is_known_and_not_fatal() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    let file = "server:\n  tokens:\n    a: { token_file: nowhere, role: admin }\n    b: { token_file: empty, role: admin }\n    c: { token: \"${NOWHERE}\", role: admin }\n";
    let c = parse(&format!("{file}{SOMEBODY}"), "f", folder.path(), &environment).unwrap();
    assert_eq!(c.missing_secrets.len(), 3, "{:?}", c.missing_secrets);
    assert!(
        c.missing_secrets[0].starts_with("f:3:22: the file ") && c.missing_secrets[0].contains("nowhere")
    );
    assert!(c.missing_secrets[1].ends_with("empty cannot be read: it is empty"));
    assert_eq!(c.missing_secrets[2], "f:5:17: the environment variable NOWHERE is not set");
    assert_eq!(c.server.tokens["c"].secret.expose(), Err("the environment variable NOWHERE is not set"));
}

#[test]
fn errors_are_there_for_programs_and_in_colour() {
    let errors = parse(&format!("sever: {{}}\n{SOMEBODY}"), "f", Path::new(""), &environment).unwrap_err();
    assert_eq!(
        errors.to_json().to_string(),
        r#"[{"advice":"did you mean `server`?","column":1,"file":"f","line":1,"message":"the key `sever` is not known here"}]"#
    );
    assert!(errors.render(true).contains("\x1b[1;31m^^^^^\x1b[0m"));
    assert!(!errors.render(false).contains('\x1b'));
}

#[test]
fn a_target_that_hangs_skips_no_measurement_unless_the_file_says_so() {
    let file = r#"
people: { ana: { contacts: [ { via: push, to: x } ] } }
channels: { push: { kind: ntfy, url: "http://127.0.0.1:9" } }
escalations: { default: { steps: [ { page: everyone } ] } }
checks:
  usual: { icmp: 127.0.0.1 }
  quick: { icmp: 127.0.0.1, every: 5s }
  whole: { icmp: 127.0.0.1, every: 5s, timeout: 5s }
  plugin: { exec: [plugins/check_disk, -w, 10%] }
"#;
    let config = foghorn_config::parse(file, "foghorn.yaml", Path::new(""), &|_| None).unwrap();
    let timeout = |name: &str| config.checks[name].timeout;
    assert_eq!((timeout("usual"), timeout("quick")), (Duration::from_secs(10), Duration::from_secs(4)));
    let [warning] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
    assert!(warning.starts_with("foghorn.yaml:8:49: the timeout is as long as `every`"), "{warning}");
    // It runs in another directory than Foghorn does.
    let CheckKind::Exec { command, .. } = &config.checks["plugin"].kind else { panic!() };
    assert_eq!(Path::new(&command[0]), std::env::current_dir().unwrap().join("plugins/check_disk"));
}
