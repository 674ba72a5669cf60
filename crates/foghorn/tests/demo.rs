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

#[test]
fn a_directory_with_something_in_it_is_not_written_to() {
    let tmp = tempfile::tempdir().unwrap();
    std::fs::write(tmp.path().join("mine"), "").unwrap();
    let output = end(demo(&["--keep", tmp.path().to_str().unwrap()], tmp.path()));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read_dir(tmp.path()).unwrap().count(), 1);
}
