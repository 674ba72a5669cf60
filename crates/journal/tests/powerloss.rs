//! A real program loses its power at random moments, and its disk hangs, fails, fills up and turns read-only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod common;
#[path = "../powerloss/mod.rs"]
mod powerloss;

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use common::Dir;
use foghorn_journal::{dump, verify};
use powerloss::Disk;

/// How often the power goes, on a disk that keeps what was synced.
const CRASHES: u64 = 60;
const CRASHES_A_JOURNAL: u64 = 10;

/// Builds the program, in the profile of this test, and says where it is.
fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let exe = std::env::current_exe().unwrap();
        let profile_dir = exe.parent().unwrap().parent().unwrap();
        let profile = match profile_dir.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--package",
                "foghorn-journal",
                "--example",
                "appender",
                "--profile",
                profile,
            ])
            .status();
        assert!(built.unwrap().success());
        profile_dir.join("examples/appender")
    })
}

/// The program at work. Dropping it is a loss of power.
struct Appender {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Appender {
    fn start(dir: &Dir, disk: &Disk, arg: &str) -> Appender {
        let mut command = disk.attach(Command::new(program()));
        let mut child = command.arg(dir.path()).arg(arg).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Appender { child, lines }
    }

    /// The next line, split at its first space. It panics if the program ended by itself.
    fn line(&mut self) -> (String, String) {
        let line = self.lines.next().expect("the program goes on until it is killed").unwrap();
        let (word, rest) = line.split_once(' ').unwrap();
        (word.to_owned(), rest.to_owned())
    }

    /// Reads until a line begins with this word, and gives its rest.
    fn until(&mut self, word: &str) -> String {
        loop {
            let (found, rest) = self.line();
            assert_ne!(found, "damage", "{rest}");
            if found == word {
                return rest;
            }
        }
    }

    /// Cuts the power. Says which batch was the last to be acknowledged, in what it still wrote.
    fn crash(mut self) -> u64 {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let acked = |line: String| line.strip_prefix("ack ").and_then(|n| n.parse().ok());
        self.lines.by_ref().filter_map(|line| acked(line.unwrap())).last().unwrap_or(0)
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What an event says of itself.
#[derive(serde::Deserialize)]
struct Event {
    batch: u64,
    n: u64,
}

/// The numbers of the batches in the journal: they have to be 1, 2, 3 and so on. Says how many.
fn batches(dir: &Dir) -> u64 {
    let mut last = 0;
    dump(dir.path(), 0, |seq, _, payload| {
        let Event { batch, n } = serde_json::from_slice(payload).unwrap();
        assert!(batch == last || batch == last + 1 && n == 0, "event {seq} is of batch {batch} after {last}");
        last = batch;
    })
    .unwrap();
    last
}

/// Different in every run, and said, so that what is found can be looked into.
fn seed() -> u64 {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into();
    println!("seed {seed}");
    seed
}

fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn what_was_acknowledged_outlives_the_power() {
    let mut random = seed();
    let (mut dir, mut acked, mut total) = (Dir::new(), 0, 0);
    for crash in 0..CRASHES {
        // A long journal takes long to verify, and what goes wrong in it goes wrong in a short one too.
        if crash.is_multiple_of(CRASHES_A_JOURNAL) {
            total += std::mem::take(&mut acked);
            dir = Dir::new();
        }
        // Now and then some of what was not synced reaches the disk, in any order.
        let disk = Disk::new(dir.path(), if crash % 2 == 0 { 0 } else { 30 });
        let mut appender = Appender::start(&dir, &disk, "");
        appender.until("open");
        for _ in 0..next_random(&mut random) % 150 {
            acked = appender.until("ack").parse().unwrap();
        }
        acked = acked.max(appender.crash());
        let report = verify(dir.path()).unwrap();
        assert!(report.is_whole(), "crash {crash}: {report}");
        let there = batches(&dir);
        // One more may have been on its way.
        assert!((acked..=acked + 1).contains(&there), "crash {crash}: {acked} acknowledged, {there} there");
        acked = there;
    }
    total += acked;
    assert!(total > 10 * CRASHES, "only {total} batches: this tried too little");
}

#[test]
fn without_syncing_the_same_check_fails() {
    let dir = Dir::new();
    let disk = Disk::new(dir.path(), 0);
    let mut appender = Appender::start(&dir, &disk, "no-sync");
    let acked: u64 = (0..40).map(|_| appender.until("ack").parse().unwrap()).max().unwrap();
    appender.crash();
    let there = batches(&dir);
    assert!(
        there < acked,
        "{acked} acknowledged without a sync, and {there} are there: nothing was thrown away"
    );
}

#[test]
fn a_disk_that_hangs_blocks_nobody_and_loses_nothing() {
    let dir = Dir::new();
    let disk = Disk::new(dir.path(), 0);
    let mut appender = Appender::start(&dir, &disk, "");
    appender.until("ack");
    disk.fault("fsync=hang");
    // Acknowledgements that were on their way still come; then only the time that it takes.
    let first: u64 = appender.until("busy").parse().unwrap();
    let taken: u64 = appender.until("full").parse().unwrap();
    assert!((1..100).contains(&taken), "{taken} requests were queued: the queue is bounded");
    let later: u64 = appender.until("busy").parse().unwrap();
    assert!(later > first);
    let before = batches(&dir);
    disk.fault("");
    let acked: u64 = appender.until("ack").parse().unwrap();
    assert!(acked > before);
    appender.until("ack");
    appender.crash();
    assert!(verify(dir.path()).unwrap().is_whole());
    assert!(batches(&dir) > acked);
}

#[test]
fn a_sync_that_fails_is_settled_by_looking() {
    let dir = Dir::new();
    let mut acked = 0;
    for _ in 0..5 {
        let disk = Disk::new(dir.path(), 0);
        let mut appender = Appender::start(&dir, &disk, "");
        appender.until("ack");
        disk.fault("fsync=eio");
        appender.until("unknown");
        // As long as nothing can be synced, nothing is settled.
        appender.until("down");
        disk.fault("");
        let settled = loop {
            match appender.line() {
                (word, number) if word == "durable" || word == "absent" => {
                    break number.parse::<u64>().unwrap();
                }
                // A slow machine is busy settling for a while, and more queues than there is room for.
                (word, why) => assert!(["down", "busy", "full"].contains(&&*word), "{word} {why}"),
            }
        };
        acked = appender.until("ack").parse::<u64>().unwrap().max(settled);
        acked = acked.max(appender.crash());
        let report = verify(dir.path()).unwrap();
        assert!(report.is_whole(), "{report}");
        assert!(batches(&dir) >= acked);
    }
    assert!(acked >= 10);
}

#[test]
fn a_disk_that_is_full_or_read_only_refuses_and_comes_back() {
    for (fault, refusal) in [("write=enospc", "Full"), ("write=erofs", "ReadOnly")] {
        let dir = Dir::new();
        let disk = Disk::new(dir.path(), 0);
        let mut appender = Appender::start(&dir, &disk, "");
        appender.until("ack");
        disk.fault(fault);
        assert!(appender.until("refused").starts_with(refusal), "{fault}");
        appender.until("refused");
        disk.fault("");
        let acked: u64 = appender.until("ack").parse().unwrap();
        let acked = acked.max(appender.crash());
        assert!(verify(dir.path()).unwrap().is_whole());
        assert!(batches(&dir) >= acked);
    }
}

#[test]
fn a_start_on_a_disk_that_takes_no_writes_reads_and_waits() {
    for fault in ["write=enospc", "write=erofs"] {
        let dir = Dir::new();
        let disk = Disk::new(dir.path(), 0);
        let mut appender = Appender::start(&dir, &disk, "");
        for _ in 0..30 {
            appender.until("ack");
        }
        // Its log is still there, and is read too.
        appender.crash();
        let events = verify(dir.path()).unwrap().events;
        disk.fault(fault);
        let mut appender = Appender::start(&dir, &disk, "");
        let said = appender.until("read-only");
        assert!(said.starts_with(&format!("{events} ")), "{said}, of {events} events");
        assert!(said.contains("takes no writes"), "{said}");
        disk.fault("");
        assert_eq!(appender.until("open"), events.to_string());
        appender.until("ack");
    }
    // Nothing at all is there yet, not even the directory's lock.
    let dir = Dir::new();
    let disk = Disk::new(dir.path(), 0);
    disk.fault("write=erofs");
    let mut appender = Appender::start(&dir, &disk, "");
    assert!(appender.until("read-only").starts_with("0 "));
    disk.fault("");
    assert_eq!(appender.until("open"), "0");
    appender.until("ack");
}
