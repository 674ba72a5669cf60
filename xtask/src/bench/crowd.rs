//! From an alert to its webhook, while a thousand pages of the console are open and the status page is flooded.
//!
//! Who loads the server would be elsewhere, and so would who sends the alerts and who is told of them. Here they share its
//! cores, so the former run when nothing else wants to (`SCHED_IDLE`), and the latter as soon as they want to (`SCHED_RR`,
//! if that is permitted): what is measured is what the server's own work for the crowd costs an alert. What it costs that
//! the cores are busy at all is measured beside it, with loops that do nothing in the place of the crowd.

use super::Bench;
use super::console::{self, ask};
use super::latency::{self, Alerts};
use super::process::{Foghorn, basics, free, get};
use super::status;
use super::table::{Row, quantile, thousands};
use super::target::Hook;
use crate::run::Missing;
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PAGES: usize = 1000;
/// Alerts of one turn, and the pause between two of them: an alert storm, but not all that the server can take.
const ALERTS: Alerts = Alerts { number: 1000, pause: Duration::from_millis(5) };
/// Quiet and loaded in turns, and the middle one of each counts: what else the machine does hits both, or one turn alone.
const TURNS: usize = 5;
/// What the thousand say when all are connected.
const CONNECTED: &str = "connected";

/// A program that only runs when nothing else wants to.
fn idly(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("chrt");
    command.args(["--idle", "0"]).arg(program);
    command
}

/// A program that is ended when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The open pages, in a process of their own.
fn open_pages(to: SocketAddr, cookie: &str) -> Result<Running> {
    let mut child = idly(std::env::current_exe()?)
        .args(["bench-pages", &to.to_string(), cookie])
        .stdout(Stdio::piped())
        .spawn()
        .context("chrt does not start")?;
    let out = child.stdout.take().context("no standard output")?;
    let pages = Running(child);
    let first = BufReader::new(out).lines().next().context("the pages could not be opened")??;
    ensure!(first == CONNECTED, "the pages could not be opened: {first}");
    Ok(pages)
}

/// `cargo xtask bench-pages ADDRESS COOKIE`, which the bench starts: as the browsers of a thousand people, each of whom is
/// told that something is new and asks for the page again a while later, as the page's script does. Until it is killed.
pub(crate) fn pages(args: &[&str]) -> Result<()> {
    let [to, cookie] = args else {
        return Err(Missing("bench-pages takes an address and a cookie".to_owned()).into());
    };
    let to: SocketAddr = to.parse()?;
    let connected = AtomicU64::new(0);
    std::thread::scope(|scope| -> Result<()> {
        let mut threads = Vec::new();
        for n in 0..PAGES {
            let connected = &connected;
            let page = move || page(to, cookie, n, connected);
            threads.push(std::thread::Builder::new().stack_size(256 * 1024).spawn_scoped(scope, page)?);
        }
        threads.into_iter().try_for_each(|t| t.join().map_err(|_| anyhow::anyhow!("a page panicked"))?)
    })
}

fn page(to: SocketAddr, cookie: &str, n: usize, connected: &AtomicU64) -> Result<()> {
    let cookie = ("Cookie", cookie);
    let mut stream = TcpStream::connect(to)?;
    write!(stream, "GET /live HTTP/1.1\r\nHost: {to}\r\n{}: {}\r\n\r\n", cookie.0, cookie.1)?;
    for (at, line) in BufReader::with_capacity(1024, stream).lines().enumerate() {
        let line = line?;
        match line.as_str() {
            "event: here" if connected.fetch_add(1, Ordering::Relaxed) + 1 == PAGES as u64 => {
                println!("{CONNECTED}")
            }
            "event: changed" => {
                // Up to five seconds later, at no time that another page has chosen.
                std::thread::sleep(Duration::from_millis(((n * 7919 + at * 104_729) % 5000) as u64));
                ask(to, "GET /", &[("Accept", "text/html"), cookie], "")?;
            }
            _ => {}
        }
    }
    anyhow::bail!("the server has ended a stream")
}

/// Sixty-four readers of the status page, each as fast as it can.
struct Flood(Running);

impl Flood {
    fn start(page: SocketAddr) -> Result<Flood> {
        let mut wrk = idly("wrk");
        wrk.args(["-t2", "-c64", "-d600s", "--latency"]).arg(format!("http://{page}/"));
        let flood = Flood(Running(wrk.stdout(Stdio::piped()).spawn().context("chrt does not start")?));
        std::thread::sleep(Duration::from_millis(500));
        Ok(flood)
    }

    /// How many a second were served.
    fn end(mut self) -> Result<f64> {
        // Asked to end early, it tells what it has seen so far.
        ensure!(
            Command::new("kill").args(["-INT", &self.0.0.id().to_string()]).status()?.success(),
            "wrk has ended"
        );
        let mut text = String::new();
        self.0.0.stdout.take().context("no standard output")?.read_to_string(&mut text)?;
        Ok(status::rate_and_p99(&text)?.0)
    }
}

/// What keeps all cores busy, and has nothing to do with the server.
fn loops() -> Result<Vec<Running>> {
    let one = |_| idly("sh").args(["-c", "while :; do :; done"]).spawn().map(Running);
    let all = (0..std::thread::available_parallelism()?.get()).map(one).collect::<Result<_, _>>();
    all.context("chrt does not start")
}

/// Whether those who measure, the threads of this process, wait for no one.
fn measure_first() -> Result<bool> {
    let me = std::process::id().to_string();
    let told = Command::new("chrt").args(["--all-tasks", "--rr", "--pid", "1", &me]).output()?;
    Ok(told.status.success())
}

/// The median and the 99th percentile of each turn.
#[derive(Default)]
struct Turns {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Turns {
    fn add(&mut self, mut took: Vec<f64>) {
        self.p50.push(quantile(&mut took, 0.5));
        self.p99.push(quantile(&mut took, 0.99));
    }

    fn middle(&mut self) -> (f64, f64) {
        (quantile(&mut self.p50, 0.5), quantile(&mut self.p99, 0.5))
    }
}

/// With and without.
pub(crate) fn crowd(bench: &Bench) -> Result<Vec<Row>> {
    let hook = Hook::start()?;
    let status_page = free()?;
    let config = basics(hook.address)
        + "topology: { shop: { kind: service } }\n"
        + &format!(
            "status_page: {{ listen: \"{status_page}\", name: Example, components: {{ Shop: [shop] }} }}\n"
        );
    let mut foghorn = Foghorn::start(bench, &config)?;
    let cookie = console::account(bench, &foghorn)?;
    foghorn.process.wait_until(|| get(status_page, "/").is_ok_and(|(code, _)| code == 200))?;
    // The server runs already, and is not among them.
    let first = measure_first()?;
    let turn = |name: &str| latency::measure(foghorn.address, &hook, name, ALERTS);
    turn("warm")?;
    let [mut quiet, mut busy, mut loaded, mut streams_alone] = std::array::from_fn(|_| Turns::default());
    let mut served = 0.0_f64;
    for n in 0..TURNS {
        quiet.add(turn(&format!("quiet-{n}"))?);
        let loops = loops()?;
        busy.add(turn(&format!("busy-{n}"))?);
        drop(loops);
        let pages = open_pages(foghorn.address, &cookie)?;
        streams_alone.add(turn(&format!("pages-{n}"))?);
        let flood = Flood::start(status_page)?;
        loaded.add(turn(&format!("crowd-{n}"))?);
        served += flood.end()? / TURNS as f64;
        drop(pages);
    }
    let (q50, q99) = quiet.middle();
    let (b50, b99) = busy.middle();
    let (s50, s99) = streams_alone.middle();
    let (l50, l99) = loaded.middle();
    let measured =
        if first { "" } else { "; who measures had to wait for the crowd as well: run it as root" };
    Ok(vec![Row {
        what: format!(
            "an alert is sent to its webhook is there, 200 a second at most, while {} pages of the console are open and reload, \
             and `wrk` floods the status page ({} a second); \
             the middle one of {TURNS} turns{measured}",
            thousands(PAGES as f64),
            thousands(served)
        ),
        target: "at most a fifth more than without".into(),
        ours: format!(
            "p50 {l50:.2} ms, p99 {l99:.2} ms: {:+.0} %, {:+.0} %",
            (l50 / q50 - 1.0) * 100.0,
            (l99 / q99 - 1.0) * 100.0
        ),
        others: format!(
            "without anybody: p50 {q50:.2} ms, p99 {q99:.2} ms; with loops that do nothing instead: p50 {b50:.2} ms, p99 {b99:.2} ms; with the pages alone: p50 {s50:.2} ms, p99 {s99:.2} ms"
        ),
        reached: Some(l50 <= 1.2 * q50 && l99 <= 1.2 * q99),
        figures: json!({ "p50_ms": l50, "p99_ms": l99, "quiet_p50_ms": q50, "quiet_p99_ms": q99,
            "busy_p50_ms": b50, "busy_p99_ms": b99, "pages_p50_ms": s50, "pages_p99_ms": s99, "flood_per_second": served }),
    }])
}
