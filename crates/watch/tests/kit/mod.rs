//! Small servers on loopback, and checks made by hand.
#![allow(dead_code, reason = "each test file uses its own part")]

use foghorn_config::expect::Expectation;
use foghorn_config::model::{Check, CheckKind, HttpCheck, HttpStep, SocketTarget};
use foghorn_config::secret::Secret;
use foghorn_watch::check::{self, Env, Memory, Outcome};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Serves each connection on a thread of its own until the test's process ends.
pub(crate) fn serve(handler: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let handler = Arc::new(handler);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handler = Arc::clone(&handler);
            std::thread::spawn(move || handler(stream));
        }
    });
    addr
}

/// The head of a request, in lines, and its body.
pub(crate) fn read_request(stream: &mut impl Read) -> Option<(Vec<String>, String)> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let length = lines
        .iter()
        .find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((lines, String::from_utf8_lossy(&body).into_owned()))
}

/// An HTTP server that answers each request with what the closure makes of its head and body.
pub(crate) fn http(answer: impl Fn(&[String], &str) -> String + Send + Sync + 'static) -> SocketAddr {
    serve(move |mut stream| {
        while let Some((head, body)) = read_request(&mut stream) {
            if stream.write_all(answer(&head, &body).as_bytes()).is_err() {
                return;
            }
        }
    })
}

/// A whole answer.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// An address on which nobody listens.
pub(crate) fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(crate) fn target(addr: SocketAddr) -> SocketTarget {
    SocketTarget { host: addr.ip().to_string(), port: addr.port() }
}

pub(crate) fn check(kind: CheckKind) -> Check {
    Check {
        hidden: Vec::new(),
        name: "shop".to_owned(),
        kind,
        every: Duration::from_secs(10),
        // Long, so that a busy machine breaks nothing; tests of timeouts set their own.
        timeout: Duration::from_secs(20),
        fail_after: 2,
        recover_after: 2,
        expect: Vec::new(),
    }
}

pub(crate) fn step(method: &str, url: &str) -> HttpStep {
    HttpStep {
        method: method.to_owned(),
        url: Secret::new(url),
        headers: Vec::new(),
        body: Secret::new(""),
        expect: Vec::new(),
        capture: Vec::new(),
    }
}

pub(crate) fn http_check(steps: Vec<HttpStep>) -> HttpCheck {
    HttpCheck {
        steps,
        keep_alive: false,
        http2: false,
        redirects: 0,
        insecure: false,
        ca_file: None,
        connect_to: None,
        source: None,
    }
}

pub(crate) fn get(url: &str) -> Check {
    check(CheckKind::Http(http_check(vec![step("GET", url)])))
}

pub(crate) fn exec(command: &[&str]) -> Check {
    check(CheckKind::Exec {
        command: command.iter().map(|s| (*s).to_owned()).collect(),
        env: BTreeMap::new(),
    })
}

pub(crate) fn expecting(mut check: Check, texts: &[&str]) -> Check {
    check.expect = texts.iter().map(|t| Expectation::parse(t).unwrap()).collect();
    check
}

pub(crate) fn within(mut check: Check, timeout: Duration) -> Check {
    check.timeout = timeout;
    check
}

pub(crate) async fn run(check: &Check) -> Outcome {
    check::run(check, &Env::new(&foghorn_watch::Stats::default()), &Memory::default()).await
}

/// Waits for something to become true; a minute is longer than any machine needs.
pub(crate) fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(std::time::Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
