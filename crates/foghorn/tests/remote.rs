//! Commands that talk to a server, and what a server leaves on the disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn foghorn(args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foghorn"));
    command
        .env_remove("FOGHORN_SERVER")
        .env_remove("FOGHORN_TOKEN")
        .env_remove("FOGHORN_CA")
        .stdin(Stdio::null())
        .args(args);
    let out = command.output().unwrap();
    let text = [out.stdout, out.stderr].concat();
    (out.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// Answers requests with these bodies, one after the other.
fn answering(bodies: Vec<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for body in bodies {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).unwrap() > 2 {
                if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = n.trim().parse().unwrap();
                }
                line.clear();
            }
            reader.take(length).read_to_end(&mut Vec::new()).unwrap();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    address.to_string()
}

#[test]
fn an_address_without_a_scheme_is_understood_and_a_wrong_one_explained() {
    let server = answering(vec![r#"{"incidents": []}"#]);
    let (code, said) = foghorn(&["--server", &server, "incident", "list"]);
    assert_eq!((code, &*said), (0, "Nothing is open.\n"));

    // Whatever is said to it, as a server without TLS.
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = plain.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = plain.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let (code, said) = foghorn(&["incident", "list", "--server", &format!("https://{server}")]);
    assert!(
        code == 3 && said.contains("does not speak TLS. Without TLS, its address begins with http://"),
        "{said}"
    );
    for bad in ["http://", "ftp://x", "http://a b"] {
        let (code, said) = foghorn(&["incident", "list", "--server", bad]);
        assert!(code == 2 && said.contains(&format!("--server {bad}")), "{bad}: {said}");
    }
}

#[test]
fn whoever_has_no_token_reads_where_one_stands() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for status in ["401 Unauthorized", "403 Forbidden"] {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
        }
    });
    let stands = "writes one into foghorn.yaml, under server.tokens";
    let (code, said) = foghorn(&["incident", "list", "--server", &server]);
    assert!(code == 2 && said.contains("--token or FOGHORN_TOKEN") && said.contains(stands), "{said}");
    let (code, said) = foghorn(&["incident", "list", "--server", &server]);
    assert!(code == 2 && said.contains("a token that may do this") && !said.contains(stands), "{said}");
}

#[test]
fn who_acknowledges_again_hears_who_has() {
    let server = answering(vec![
        r#"{"saved": true, "changed": false}"#,
        r#"{"acknowledged": {"by": {"id": "ana", "name": "Ana Reis"}, "at": "2026-11-21T03:12:40.000Z"}}"#,
    ]);
    let (code, said) = foghorn(&["incident", "ack", "12", "--server", &server]);
    let words =
        "incident 12: already acknowledged by Ana Reis at 2026-11-21T03:12:40.000Z; nothing changed\n";
    assert_eq!((code, &*said), (0, words));
}

#[test]
fn a_timeline_that_lacks_its_end_says_so() {
    let server = answering(vec![
        r#"{"id": 1, "timeline": [], "timeline_incomplete": "it is 7 events behind the journal: no space"}"#,
    ]);
    let (code, said) = foghorn(&["incident", "show", "1", "--server", &server]);
    let words = "The timeline may lack its end: it is 7 events behind the journal: no space";
    assert!(code == 0 && said.contains(words), "{said}");
}

#[test]
fn what_the_public_was_told_is_shown_with_what_became_of_it() {
    let server = answering(vec![
        r#"{"saved": true, "changed": true}"#,
        r#"{"saved": true, "changed": true}"#,
        r#"{"id": 1, "updates": [
            {"number": 2, "at": "T2", "stage": "identified", "text": "db7 burns", "withdrawn": true, "corrected": {"at": "T4"}},
            {"number": 1, "at": "T1", "stage": "investigating", "text": "Some orders fail.", "withdrawn": false, "corrected": {"at": "T3"}},
            {"number": 0, "at": "T0", "stage": "investigating", "text": "We look.", "withdrawn": false, "corrected": null}]}"#,
    ]);
    let (code, said) = foghorn(&[
        "incident",
        "correct",
        "1",
        "1",
        "Some orders fail.",
        "--revision",
        "0",
        "--server",
        &server,
    ]);
    assert_eq!((code, &*said), (0, "incident 1: what the public is told is corrected\n"));
    let (code, said) = foghorn(&["status", "withdraw", "1", "2", "--server", &server]);
    assert_eq!((code, &*said), (0, "incident 1: what the public was told is withdrawn\n"));
    let (code, said) = foghorn(&["incident", "show", "1", "--server", &server]);
    for line in [
        "  2. T2  identified (withdrawn T4): db7 burns\n",
        "  1. T1  investigating (corrected T3): Some orders fail.\n",
        "  0. T0  investigating: We look.\n",
    ] {
        assert!(code == 0 && said.contains(line), "{said}");
    }
}

#[test]
fn a_restoration_that_fails_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("letter.db");
    std::fs::write(&file, "a letter").unwrap();
    let into = dir.path().join("new/data");
    for from in [file.to_str().unwrap(), "none.db"] {
        let (code, said) = foghorn(&["restore", from, into.to_str().unwrap()]);
        assert!(code == 2 && !dir.path().join("new").exists(), "{said}");
    }
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn serve(config: &Path, url: &str) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foghorn"));
    command.args(["serve", "-c"]).arg(config).stdin(Stdio::null()).stderr(Stdio::null());
    let server = Server(command.spawn().unwrap());
    wait(|| foghorn(&["incident", "list", "--server", url]).0 == 0);
    server
}

fn wait(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn modes(dir: &Path) -> Vec<(String, u32)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let mode = |p: &Path| p.metadata().unwrap().permissions().mode() & 0o777;
    entries.filter(|p| p.is_file()).map(|p| (p.display().to_string(), mode(&p))).collect()
}

#[test]
fn a_certificate_that_is_not_trusted_is_told_and_may_be_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, config) = (dir.path().join("cert.pem"), dir.path().join("foghorn.yaml"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let port = free();
    let text = format!(
        "server: {{ listen: \"127.0.0.1:{port}\", tls: {{ cert_file: cert.pem, key_file: key.pem }} }}\n\
         people: {{ ana: {{ contacts: [ {{ via: hook }} ] }} }}\n\
         channels: {{ hook: {{ kind: webhook, url: \"http://127.0.0.1:9/\" }} }}\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_foghorn"));
    command.args(["serve", "-c"]).arg(&config).stdin(Stdio::null()).stderr(Stdio::null());
    let _server = Server(command.spawn().unwrap());
    let url = format!("https://localhost:{port}");
    let cert = cert.to_str().unwrap();
    wait(|| foghorn(&["incident", "list", "--server", &url, "--ca", cert]).0 == 0);
    let (code, said) = foghorn(&["incident", "list", "--server", &url]);
    assert!(code == 3 && said.contains("does not trust its certificate") && said.contains("--ca"), "{said}");
    let (code, said) = foghorn(&["incident", "list", "--server", &url, "--ca", "none.pem"]);
    assert!(code == 2 && said.contains("--ca: none.pem: No such file"), "{said}");
}

#[test]
fn a_server_keeps_its_files_to_itself_counts_the_public_and_comes_back_from_a_backup() {
    let dir = tempfile::tempdir().unwrap();
    let (port, public, data) = (free(), free(), dir.path().join("data"));
    let url = format!("127.0.0.1:{port}");
    let config = |data: &Path| {
        let path = dir.path().join("foghorn.yaml");
        let text = format!(
            "server: {{ listen: \"{url}\", data_dir: {data:?} }}\n\
             people: {{ ana: {{ name: Ana, contacts: [ {{ via: hook }} ] }} }}\n\
             channels: {{ hook: {{ kind: webhook, url: \"http://127.0.0.1:9/\" }} }}\n\
             escalations: {{ default: {{ steps: [ {{ page: [everyone], wait: 5m }} ] }} }}\n\
             topology: {{ shop: {{}} }}\n\
             checks: {{ shop: {{ entity: shop, tcp: \"127.0.0.1:{port}\", every: 1s }} }}\n\
             status_page: {{ listen: \"127.0.0.1:{public}\", name: Shop, components: {{ Shop: [shop] }} }}\n"
        );
        std::fs::write(&path, text).unwrap();
        path
    };
    let file = config(&data);
    let c = file.to_str().unwrap();
    let server = serve(&file, &url);
    let (code, said) = foghorn(&["user", "add", "ana", "--role", "responder", "--person", "ana", "-c", c]);
    assert_eq!(code, 0, "{said}");
    wait(|| TcpStream::connect(("127.0.0.1", public)).is_ok());
    wait(|| get(public, "/").starts_with("HTTP/1.1 200") && data.join("status.json").exists());
    assert!(get(public, "/none").starts_with("HTTP/1.1 404"));
    let metrics = get(port, "/metrics");
    let requests = metrics
        .lines()
        .find_map(|l| l.strip_prefix("foghorn_listener_requests_total{listener=\"status_page.listen\"} "))
        .unwrap_or_else(|| panic!("{metrics}"));
    assert!(requests.trim().parse::<u64>().unwrap() >= 2, "{requests}");
    for name in ["connections_refused_total", "accept_errors_total", "slow_clients_total", "connections"] {
        let line = format!("foghorn_listener_{name}{{listener=\"status_page.listen\"}} ");
        assert!(metrics.contains(&line), "{line}");
    }
    assert!(metrics.contains("_requests_refused_total{listener=\"server.listen\",class=\"api\"} 0"));
    for name in ["asked_total", "refused_total", "waiting", "running", "hung"] {
        for of in ["pages", "checks"] {
            let line = format!("foghorn_resolver_{name}{{for=\"{of}\"}} ");
            assert!(metrics.contains(&line), "{line}");
        }
    }

    // What is measured is in the history's file a moment later.
    let measured = || get(port, "/api/v1/checks/shop").contains("\"recent\":[{\"at\"");
    wait(measured);
    let (code, said) = foghorn(&["backup", "--name", "all.db", "--server", &url]);
    assert_eq!(code, 0, "{said}");
    for (path, mode) in modes(&data).into_iter().chain(modes(&data.join("backups"))) {
        assert_eq!(mode, 0o600, "{path}");
    }
    drop(server);

    let restored = dir.path().join("restored");
    let backup = data.join("backups/all.db");
    let (code, said) = foghorn(&["restore", backup.to_str().unwrap(), restored.to_str().unwrap()]);
    assert!(code == 0 && said.contains("accounts.db, history.db, link.key, status.json"), "{said}");
    assert_eq!(restored.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert!(modes(&restored).iter().all(|(_, mode)| *mode == 0o600), "{:?}", modes(&restored));
    let key = |dir: &Path| std::fs::read(dir.join("link.key")).unwrap();
    assert_eq!(key(&restored), key(&data));
    let file = config(&restored);
    let (code, said) = foghorn(&["user", "list", "-c", file.to_str().unwrap()]);
    assert!(code == 0 && said.contains("ana") && said.contains("admin"), "{said}");
    let _server = serve(&file, &url);
    wait(measured);
    let (code, said) = foghorn(&["journal", "verify", restored.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
}
