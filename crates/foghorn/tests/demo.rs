//! `foghorn demo` as anybody would run it for the first time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The story takes half a minute at this speed; a busy machine gets ten.
const SPEED: &str = "2";
const CEILING: Duration = Duration::from_secs(600);

fn demo(arguments: &[&str], tmp: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_foghorn"))
        .arg("demo")
        .args(arguments)
        .env("TMPDIR", tmp)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What it printed, once it has ended.
fn end(mut child: Child) -> Output {
    let begun = Instant::now();
    // What it prints fits the pipes' buffers of 64 KiB.
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > CEILING {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("it has not ended: {}", String::from_utf8_lossy(&output.stdout));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.wait_with_output().unwrap()
}

fn foghorn(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_foghorn")).args(arguments).output().unwrap()
}

#[test]
fn nobody_answers_so_it_escalates_until_somebody_does_and_then_it_is_over() {
    let tmp = tempfile::tempdir().unwrap();
    let kept = tmp.path().join("kept");
    let output = end(demo(&["--unattended", "--speed", SPEED, "--keep", kept.to_str().unwrap()], tmp.path()));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let story = format!("{text}\n--\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{story}");

    // In this order; what is between them may differ from run to run.
    let milestones = [
        "All 5 checks are green.",
        "From now on every write hangs.",
        "Detected, ",
        "Ana is paged:",
        "shop-db: database upgraded from 13.4",
        "step 2.",
        "Ben is paged:",
        "step 3.",
        "Caro opens the link",
        "Acknowledged",
        "The database is restarted.",
        "Resolved",
        "told: it is over.",
        "The timeline of incident 1",
        "paged Ana by phone (step 1)",
        "paged Ben by phone (step 2)",
        "acknowledged by Caro",
        "resolved: everything is well again",
        "After it broke",
        "Every confirmed order is on disk.",
        "What to do next",
    ];
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = words.as_str();
    for milestone in milestones {
        let Some((_, after)) = rest.split_once(milestone) else {
            panic!("{milestone:?} does not come in its place:\n{story}")
        };
        rest = after;
    }
    assert!(!text.contains('\x1b'), "colour without a terminal:\n{text}");
    assert!(
        text.lines().all(|l| l.chars().count() <= 80 || l.contains(tmp.path().to_str().unwrap())),
        "{text}"
    );

    // What it kept is as good as anybody else's.
    let config = foghorn(&["config", "check", kept.join("foghorn.yaml").to_str().unwrap()]);
    assert!(config.status.success(), "{}", String::from_utf8_lossy(&config.stderr));
    let journal = foghorn(&["journal", "verify", kept.join("data").to_str().unwrap()]);
    assert!(journal.status.success(), "{}", String::from_utf8_lossy(&journal.stdout));
}

#[test]
fn a_signal_ends_it_and_nothing_is_left() {
    use std::io::{BufRead, BufReader};
    let tmp = tempfile::tempdir().unwrap();
    let mut child = demo(&["--unattended"], tmp.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|l| l.unwrap().contains("checks are green")), "it ended before it began");
    assert_ne!(std::fs::read_dir(tmp.path()).unwrap().count(), 0, "its files are elsewhere");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = end(child);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ended early"), "{output:?}");
    assert_eq!(std::fs::read_dir(tmp.path()).unwrap().count(), 0, "its files are still there");
}

/// The address of its page, from what it prints.
fn address(out: &mut impl std::io::BufRead) -> String {
    told(out, "in a browser  ")
}

/// The address that it prints beside a word.
fn told(out: &mut impl std::io::BufRead, word: &str) -> String {
    let mut line = String::new();
    while !line.contains(word) {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "it prints no address of {word}");
    }
    line.split_once("http://").unwrap().1.trim().trim_end_matches('/').to_owned()
}

/// Opens an incident, once somebody takes it.
fn opened_by_hand(console: &str) {
    use std::io::{Read, Write};
    let begun = Instant::now();
    let body = r#"{"title": "it smells", "severity": "critical"}"#;
    loop {
        let mut answer = String::new();
        if let Ok(mut stream) = std::net::TcpStream::connect(console) {
            let length = body.len();
            write!(stream, "POST /api/v1/incidents HTTP/1.1\r\nhost: {console}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
            stream.read_to_string(&mut answer).unwrap();
        }
        if answer.starts_with("HTTP/1.1 201") {
            return;
        }
        assert!(begun.elapsed() < CEILING, "nobody takes it: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn without_a_terminal_it_stays_for_who_looks_and_ends_for_nobody() {
    use std::io::{BufReader, Read};
    let (seen, unseen) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut looked_at = demo(&["--speed", "4"], seen.path());
    let nobody = demo(&["--speed", "4"], unseen.path());
    let mut out = BufReader::new(looked_at.stdout.take().unwrap());
    let at = address(&mut out);
    // What somebody opens in the console meanwhile is not the story's, and spoils nothing.
    let console = told(&mut out, "Foghorn  ");
    opened_by_hand(&console);
    let page = page_with("It ends ten minutes after the page was closed", &at);
    assert!(page.contains("What to do next"), "{page}");

    let output = end(nobody);
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("it stays while you look") && !told.contains("ten minutes"), "{told}");

    // The story was over before that of the other: it is all still there.
    let own = format!("origin: http://{at}");
    let answer = ask("POST /console", &at, &own, &at);
    let console = answer.lines().find_map(|l| l.strip_prefix("location: http://")).unwrap();
    assert!(ask("GET /log-in", console, "accept: text/html", console).starts_with("HTTP/1.1 200"));
    assert!(looked_at.try_wait().unwrap().is_none(), "it took its pages away");
    let pid = rustix::process::Pid::from_child(&looked_at);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("which is not of this story."), "{rest}");
    let output = end(looked_at);
    assert_eq!(output.status.code(), Some(0), "{rest}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_dir(seen.path()).unwrap().count(), 0, "its files are still there");
}

#[test]
fn a_directory_with_something_in_it_is_not_written_to() {
    let tmp = tempfile::tempdir().unwrap();
    std::fs::write(tmp.path().join("mine"), "").unwrap();
    let output = end(demo(&["--keep", tmp.path().to_str().unwrap()], tmp.path()));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read_dir(tmp.path()).unwrap().count(), 1);
}

/// Sends a request and gives all of the answer.
fn ask(head: &str, host: &str, more: &str, at: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(CEILING)).unwrap();
    let (extra, body) = more.split_once("\n\n").unwrap_or((more, ""));
    let extra: String = extra.lines().map(|l| format!("{l}\r\n")).collect();
    let form = "content-type: application/x-www-form-urlencoded\r\nconnection: close";
    let length = body.len();
    write!(
        stream,
        "{head} HTTP/1.1\r\nhost: {host}\r\n{extra}{form}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The page at `at`, once it has `what` in it.
fn page_with(what: &str, at: &str) -> String {
    let begun = Instant::now();
    loop {
        let page = ask("GET /", at, "", at);
        if page.contains(what) {
            return page;
        }
        assert!(begun.elapsed() < CEILING, "there never is {what:?}: {page}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_browser_shows_the_story_and_the_phone_and_its_button_acknowledges_without_a_script() {
    use std::io::{BufReader, Read};
    let tmp = tempfile::tempdir().unwrap();
    // Slow, so that nobody else answers first.
    let mut child = demo(&["--unattended", "--speed", "0.5"], tmp.path());
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let at = address(&mut out);

    let page = page_with("Nobody has been paged", &at);
    assert!(page.contains("href=\"/?follow\"") && page.contains("default-src 'none'"), "{page}");
    // Without a script it loads itself again for who asks for that, and for nobody else.
    assert!(!page.contains("http-equiv=\"refresh\""), "{page}");
    assert!(ask("GET /?follow", &at, "", &at).contains("http-equiv=\"refresh\""));
    let page = page_with("value=\"acknowledge\"", &at);
    for part in
        ["From now on every write hangs.", "phone\"", "incident 1", "shop-db: database upgraded", "/ack/"]
    {
        assert!(page.contains(part), "{part:?} is not in {page}");
    }

    // Neither another site's page nor another site's name for this machine.
    let own = format!("origin: http://{at}");
    let pressed = "what=acknowledge";
    for (host, from, refused) in [
        (at.as_str(), "origin: http://evil.example", "403"),
        (&at, "sec-fetch-site: cross-site", "403"),
        (&at, "accept: text/html", "403"),
        ("evil.example", "origin: http://evil.example", "421"),
    ] {
        let answer = ask("POST /press", host, &format!("{from}\n\n{pressed}"), &at);
        assert!(answer.starts_with(&format!("HTTP/1.1 {refused}")), "{from}: {answer}");
    }
    assert!(ask("GET /", "evil.example", "", &at).starts_with("HTTP/1.1 421"));
    assert!(ask("POST /console", &at, "accept: text/html", &at).starts_with("HTTP/1.1 403"));
    let page = page_with("value=\"acknowledge\"", &at);
    // What the page asks for, its policy allows.
    assert!(page.contains("href=\"data:,\"") && page.contains("img-src data:;"), "{page}");
    assert!(page.contains("Ana is paged.") && !page.contains("is paged:"), "{page}");

    let answer = ask("POST /press", &at, &format!("{own}\n\n{pressed}"), &at);
    assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("location: /\r\n"), "{answer}");
    let followed = ask("POST /press", &at, &format!("{own}\n\n{pressed}&follow="), &at);
    assert!(followed.contains("location: /?follow\r\n"), "{followed}");
    let page = page_with("value=\"repair\"", &at);
    assert!(page.contains("Ana opens the link") || page.contains("Ben opens the link"), "{page}");
    // The same press again is another question's answer, and does nothing.
    ask("POST /press", &at, &format!("{own}\n\n{pressed}"), &at);

    let answer = ask("POST /console", &at, &own, &at);
    let of = |name: &str| {
        let line = answer.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_else(|| panic!("{answer}"));
        line.split(';').next().unwrap().trim().trim_start_matches("http://").to_owned()
    };
    let (console, cookie) = (of("location:"), of("set-cookie:"));
    let inside = ask("GET /", &console, &format!("accept: text/html\ncookie: {cookie}"), &console);
    assert!(inside.starts_with("HTTP/1.1 200") && inside.contains("/incidents/1"), "{inside}");
    let outside = ask("GET /", &console, "accept: text/html", &console);
    assert!(outside.contains("/log-in"), "{outside}");
    let status = page.split_once("href=\"http://").unwrap().1.split('"').next().unwrap();
    page_with("The tea shop", status);

    ask("POST /press", &at, &format!("{own}\n\nwhat=repair"), &at);
    assert!(ask("GET /", &at, "", &at).contains("The database is restarted."));
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let output = end(child);
    assert_eq!(output.status.code(), Some(0), "{rest}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!rest.contains("Caro opens the link"), "{rest}");
}
