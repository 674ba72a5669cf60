//! What a check costs: N HTTP checks, each once in an interval, against a target, through schedule and history.
//!
//! ```text
//! cargo run --release -p foghorn-watch --example probe_load -- --url http://127.0.0.1:8080/ --checks 10000 --every 10 --seconds 30
//! ```
//!
//! Without `--url` it starts a small server as another process on loopback, so that its work is not counted. Prints
//! one line of JSON.

use foghorn_config::model::{Check, CheckKind, HttpCheck, HttpStep};
use foghorn_config::secret::Secret;
use foghorn_watch::history::History;
use foghorn_watch::{Options, Plan, Stats, Transition, Watch};
use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

type Fail = Box<dyn Error>;

fn main() -> Result<(), Fail> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|a| a == "--serve") {
        return serve();
    }
    let option = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1)).cloned();
    let number = |name: &str, default: u64| option(name).map_or(Ok(default), |v| v.parse::<u64>());
    let (checks, every) = (number("--checks", 10_000)?, number("--every", 10)?);
    let (seconds, threads) = (number("--seconds", 30)?, number("--threads", 1)?);
    match option("--url") {
        Some(url) => measure(&url, checks, every, seconds, threads),
        None => {
            let mut server =
                Command::new(std::env::current_exe()?).arg("--serve").stdout(Stdio::piped()).spawn()?;
            let mut url = String::new();
            BufReader::new(server.stdout.take().ok_or("the server has no output")?).read_line(&mut url)?;
            let result = measure(url.trim(), checks, every, seconds, threads);
            server.kill()?;
            server.wait()?;
            result
        }
    }
}

fn measure(url: &str, checks: u64, every: u64, seconds: u64, threads: u64) -> Result<(), Fail> {
    let check = |i: u64| {
        let step = HttpStep {
            method: "GET".to_owned(),
            url: Secret::new(url),
            headers: Vec::new(),
            body: Secret::new(""),
            expect: Vec::new(),
            capture: Vec::new(),
        };
        let http = HttpCheck {
            steps: vec![step],
            keep_alive: false,
            http2: false,
            redirects: 0,
            insecure: false,
            ca_file: None,
            connect_to: None,
            source: None,
        };
        let name = format!("check-{i}");
        let check = Check {
            hidden: Vec::new(),
            name: name.clone(),
            kind: CheckKind::Http(http),
            every: Duration::from_secs(every),
            timeout: Duration::from_secs(3),
            fail_after: 2,
            recover_after: 2,
            expect: Vec::new(),
        };
        (name, Arc::new(check))
    };
    let plan = Plan { checks: (0..checks).map(check).collect(), reference_targets: Vec::new() };
    let stats = Arc::new(Stats::default());
    let dir = std::env::temp_dir().join(format!("foghorn-probe-load-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let history = History::open(&dir, Arc::clone(&stats))?;
    let told = Arc::new(AtomicU64::new(0));
    let sink = {
        let told = Arc::clone(&told);
        Arc::new(move |_: Transition| {
            told.fetch_add(1, Ordering::Relaxed);
        })
    };
    let options = Options { threads: usize::try_from(threads)?, ..Options::default() };
    let watch = Watch::start(options, &plan, &HashMap::new(), sink, Some(history), Arc::clone(&stats))?;
    let began = Instant::now();
    // All of them once, before it is measured.
    let mut first_round = None;
    while began.elapsed() < Duration::from_secs(every.min(5)) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let (cpu, runs, at) = (cpu_seconds()?, stats.runs.load(Ordering::Relaxed), Instant::now());
    while at.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(Duration::from_millis(20));
        if first_round.is_none() && stats.runs.load(Ordering::Relaxed) >= checks {
            first_round = Some(began.elapsed());
        }
    }
    let (cpu, runs) = (cpu_seconds()? - cpu, stats.runs.load(Ordering::Relaxed) - runs);
    let ms = |share| stats.lateness.quantile(share).as_secs_f64() * 1000.0;
    println!(
        "{{\"checks\":{checks},\"per_second\":{:.0},\"cpu_us_per_check\":{:.1},\"lateness_ms\":{{\"p50\":{},\"p99\":{},\"max\":{:.1}}},\"bad\":{},\"unknown\":{},\"skipped\":{},\"waited\":{},\"transitions\":{},\"first_round_s\":{:.1},\"rss_mib\":{:.0},\"history_dropped\":{}}}",
        runs as f64 / at.elapsed().as_secs_f64(),
        cpu * 1e6 / runs as f64,
        ms(0.5),
        ms(0.99),
        stats.lateness.max().as_secs_f64() * 1000.0,
        stats.bad.load(Ordering::Relaxed),
        stats.unknown.load(Ordering::Relaxed),
        stats.skipped.load(Ordering::Relaxed),
        stats.waited.load(Ordering::Relaxed),
        told.load(Ordering::Relaxed),
        first_round.map_or(f64::NAN, |d| d.as_secs_f64()),
        peak_mib()?,
        stats.history_dropped.load(Ordering::Relaxed),
    );
    drop(watch);
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// User and system time of this process, from `/proc`, in seconds.
fn cpu_seconds() -> Result<f64, Fail> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |i: usize| -> Result<f64, Fail> { Ok(fields.get(i).ok_or("a short line")?.parse()?) };
    // Fields 14 and 15, of which the first two have been cut off; a hundred ticks a second on every Linux.
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// The most memory held so far.
fn peak_mib() -> Result<f64, Fail> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<f64>()? / 1024.0)
}

/// Answers as fast as a thread can, one connection after the other, until the other side closes it.
fn serve() -> Result<(), Fail> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}/", listener.local_addr()?);
    let mut request = [0; 4096];
    for stream in listener.incoming() {
        let mut stream = stream?;
        while stream.read(&mut request).is_ok_and(|n| n > 0) {
            // A client that has gone is noticed by the next read.
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n");
        }
    }
    Ok(())
}
