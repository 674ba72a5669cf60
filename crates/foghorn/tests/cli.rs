//! Exit codes of the command line where something is in its way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};

fn foghorn() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foghorn"));
    command.env_remove("FOGHORN_SERVER").env_remove("FOGHORN_TOKEN").stdin(Stdio::null());
    command
}

#[test]
fn what_could_not_be_written_is_no_success() {
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = foghorn().args(["config", "schema"]).stdout(full()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("standard output cannot be written: No space left on device"), "{said}");

    // A reader that has read enough is no error.
    let mut child = foghorn().args(["config", "schema"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Answers one request with a status and a problem's details.
fn answering(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while lines.next().is_some_and(|line| line.is_ok_and(|l| !l.is_empty())) {}
        let body = r#"{"detail": "the journal is degraded: no space left"}"#;
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
    });
    format!("http://{address}")
}

#[test]
fn a_server_that_refuses_has_been_reached() {
    let run = |server: &str| {
        let out = foghorn().args(["incident", "list", "--server", server]).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let (code, said) = run(&answering("503 Service Unavailable"));
    assert_eq!((code, said.contains("the journal is degraded: no space left")), (Some(1), true), "{said}");
    assert_eq!(run(&answering("404 Not Found")).0, Some(2), "a name that is not there is a wrong call");
    assert_eq!(run(&answering("502 Bad Gateway")).0, Some(3), "a proxy did not reach it");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(run(&format!("http://{closed}")).0, Some(3));
}

/// What can only be one of a few words is refused with those words, before any server is asked.
#[test]
fn a_word_that_is_none_is_answered_with_those_that_are() {
    for (args, words) in [
        (&["incident", "open", "x", "--severity", "fatal"][..], "critical, warning, info"),
        (&["incident", "list", "--state", "closed"], "open, unacknowledged, acknowledged, resolved, all"),
        (&["incident", "update", "1", "x", "--stage", "late"], "investigating, "),
        (&["user", "add", "ana", "--role", "boss"], "viewer, responder, admin"),
        (&["sim", "--mutation", "none-such"], "night-shift, "),
    ] {
        let out = foghorn().args(["--server", "http://127.0.0.1:1"]).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(2) && said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn a_server_without_a_host_is_not_asked() {
    for server in ["http:", "https://", "http:///", "ftp://example.com"] {
        let out = foghorn().args(["oncall", "--server", server]).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        let told = said.starts_with(&format!("--server {server}: the URL"));
        assert!(out.status.code() == Some(2) && told, "{server}: {said}");
    }
}

#[test]
fn where_there_is_no_file_it_is_said_what_writes_one() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        &["serve"][..],
        &["config", "check"],
        &["check", "run", "shop"],
        &["page", "test", "ana"],
        &["user", "add", "ana", "--role", "admin"],
    ] {
        let out = foghorn().env_remove("FOGHORN_CONFIG").current_dir(&dir).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(2) && said.contains("`foghorn init`"), "{args:?}: {said}");
    }
}

#[test]
fn what_is_typed_wrongly_is_said_in_plain_words() {
    let dir = tempfile::tempdir().unwrap();
    let bare = "people: { ana: { contacts: [ { via: hook } ] } }\nchannels: { hook: { kind: webhook, url: \"http://127.0.0.1:9/\" } }\n";
    std::fs::write(dir.path().join("foghorn.yaml"), bare).unwrap();
    for (args, words) in [
        (&["incident", "show", "abc"][..], "an incident has a number, such as 12"),
        (&["incident", "ack", "-1"], "unexpected argument"),
        (&["check", "run", "shop"], "check shop is not in the configuration; there is none at all"),
        (&["page", "test", "bo"], "there are: ana"),
    ] {
        let out = foghorn().env_remove("FOGHORN_CONFIG").current_dir(&dir).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(2) && said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn what_is_no_file_is_refused_and_standard_input_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [pipe.as_path(), dir.path()] {
        let out = foghorn().args(["config", "check"]).arg(path).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(2) && said.contains("not a file"), "{said}");
    }
    let good = "people: { ana: { contacts: [ { via: hook } ] } }\nchannels: { hook: { kind: webhook, url: \"http://127.0.0.1:9/\" } }\n";
    for (text, code, words) in
        [(good, 0, "standard input is good: "), ("bogus: 1\n", 2, "standard input:1:1: error")]
    {
        let mut child = foghorn()
            .args(["config", "check", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        assert!(out.status.code() == Some(code) && said.contains(words), "{said}");
    }
}

#[test]
fn what_is_json_anyway_may_be_asked_for_as_json() {
    let schema = |args: &[&str]| {
        let out = foghorn().args(["config", "schema"]).args(args).output().unwrap();
        assert_eq!(out.status.code(), Some(0));
        out.stdout
    };
    assert_eq!(schema(&["--json"]), schema(&[]));
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("nowhere");
    for path in [dir.path(), &nowhere] {
        for command in ["dump", "verify"] {
            let out = foghorn().args(["journal", command, "--json"]).arg(path).output().unwrap();
            let said = String::from_utf8_lossy(&out.stderr);
            let told = said.starts_with("reading ")
                && said.contains(path.to_str().unwrap())
                && out.stdout.is_empty();
            assert!(out.status.code() == Some(2) && told, "{command} {}: {said}", path.display());
        }
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_before_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let [made, other] = [0, 1].map(|_| rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap());
    std::fs::write(at("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(at("other.pem"), other.signing_key.serialize_pem()).unwrap();
    std::fs::write(at("broken.pem"), "broken").unwrap();
    let rest = "people: { ana: { contacts: [ { via: hook } ] } }\nchannels: { hook: { kind: webhook, url: \"http://127.0.0.1:9/\" } }\ntopology: { shop: {} }\n";
    let check = |cert: &str, key: &str| {
        let tls = format!("tls: {{ cert_file: {cert}, key_file: {key} }}");
        let file = format!(
            "server: {{ {tls} }}\nstatus_page: {{ listen: \"127.0.0.1:0\", {tls}, name: Shop, components: {{ Shop: shop }} }}\n{rest}"
        );
        std::fs::write(at("foghorn.yaml"), file).unwrap();
        let out = foghorn().args(["config", "check"]).arg(at("foghorn.yaml")).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).replace(&format!("{}/", dir.path().display()), "");
        assert_eq!(out.status.code(), Some(0), "{said}");
        said.lines().filter(|l| l.starts_with("warning: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(check("cert.pem", "key.pem"), [""; 0]);
    for (cert, key, place, words) in [
        ("gone.pem", "key.pem", "1:29", "gone.pem: "),
        ("broken.pem", "key.pem", "1:29", "broken.pem: "),
        ("cert.pem", "gone.pem", "1:49", "gone.pem: "),
        ("cert.pem", "broken.pem", "1:49", "broken.pem: "),
        ("cert.pem", "other.pem", "1:29", "they are not a pair"),
    ] {
        let said = check(cert, key);
        let [inner, page] = &said[..] else { panic!("{cert}, {key}: {said:?}") };
        let told = inner.starts_with(&format!("warning: foghorn.yaml:{place}: ")) && inner.contains(words);
        assert!(told && page.starts_with("warning: foghorn.yaml:2:") && page.contains(words), "{said:?}");
    }
}

/// A proxy's page to log in, or whatever else listens there: whoever believes that they have acknowledged sleeps on.
#[test]
fn an_answer_that_is_not_foghorns_is_not_taken_for_done() {
    for body in ["<html>Sign in</html>", "", "null"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|l| !l.is_empty())) {}
                let length = body.len();
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
            }
        });
        for args in [&["incident", "list"][..], &["incident", "ack", "7"], &["reload"]] {
            let out = foghorn().args(args).args(["--server", &server]).output().unwrap();
            let said = String::from_utf8_lossy(&out.stderr);
            assert_eq!(out.status.code(), Some(3), "{args:?} {body:?}: {said}");
            assert!(said.contains("is not Foghorn's") && out.stdout.is_empty(), "{said}");
        }
    }
}
