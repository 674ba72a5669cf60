//! Ten hundred people have the console open, two hundred programs follow the journal, and the whole town reads the status
//! page, while alerts come in: everybody hears of everything, and every page leaves. How long that takes is measured by
//! `cargo xtask bench crowd`; a test on a busy machine can only say that nothing is lost.

use crate::parts::foghorn::{Foghorn, basics, critical};
use crate::parts::hook::Hook;
use crate::parts::http::get;
use crate::parts::session::{account, log_in};
use crate::parts::{CEILING, free_port, until};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Open pages of the console.
const PAGES: usize = 1000;
/// Programs that read `/api/v1/stream`: fewer than there may be.
const PROGRAMS: usize = 200;
/// Who read the status page as fast as they can.
const READERS: usize = 16;
/// Alerts meanwhile, each an incident of its own.
const ALERTS: usize = 100;

/// This process has the other end of every connection.
fn raise_the_limit_of_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let enough = 4096;
    if current.is_some_and(|soft| soft < enough) {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(enough), maximum });
        assert!(
            raised.is_ok(),
            "this test needs {enough} open files, but only {maximum:?} are allowed: ulimit -Hn"
        );
    }
}

/// A thread that needs no room.
fn small(name: &str, work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name(name.to_owned()).stack_size(128 * 1024).spawn(work).unwrap();
}

/// Opens a stream of events; each line of it goes to `line`, until one says that it is enough or the server ends it.
fn follow(to: SocketAddr, path: &str, cookie: &str, mut line: impl FnMut(&str)) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(CEILING)).unwrap();
    let accept = "Accept: text/event-stream";
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {to}\r\n{accept}\r\nCookie: {cookie}\r\n\r\n").unwrap();
    for text in BufReader::with_capacity(4096, stream).lines() {
        match text {
            Ok(text) => line(&text),
            // The server has been stopped: the test is over.
            Err(_) => return,
        }
    }
}

/// What one of many has heard so far.
#[derive(Default)]
struct Heard {
    /// Answered, and told that the server is there.
    here: AtomicU64,
    /// Told that something has changed.
    changed: AtomicU64,
    /// Incidents whose opening it was told of, each once.
    opened: Mutex<BTreeSet<u64>>,
    /// Events, and those that were not the next after the one before.
    events: AtomicU64,
    gaps: AtomicU64,
}

/// How many of them are so.
fn count(all: &[Arc<Heard>], is: impl Fn(&Heard) -> bool) -> usize {
    all.iter().filter(|h| is(h)).count()
}

#[test]
fn a_thousand_open_pages_and_a_flood_outside_keep_no_page_from_leaving() {
    raise_the_limit_of_open_files();
    let hook = Hook::start();
    let page = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut foghorn = Foghorn::start(&format!(
        "  rate_limit: 1000000\n{}\ntopology: {{ shop: {{ kind: service }} }}\n\
         status_page: {{ listen: \"{page}\", name: Example, components: {{ Shop: [shop] }} }}\n",
        basics(&hook, "1h")
    ));
    let to = foghorn.address;
    account(&foghorn, "bo", "viewer", &[], "correct horse battery");
    let cookie = log_in(to, "bo", "correct horse battery").unwrap();

    let pages: Vec<Arc<Heard>> = (0..PAGES).map(|_| Arc::default()).collect();
    for heard in pages.iter().cloned() {
        let cookie = cookie.clone();
        small("page", move || {
            follow(to, "/live", &cookie, |line| match line {
                "event: here" => _ = heard.here.fetch_add(1, Ordering::Relaxed),
                "event: changed" => _ = heard.changed.fetch_add(1, Ordering::Relaxed),
                _ => {}
            });
        });
    }
    let programs: Vec<Arc<Heard>> = (0..PROGRAMS).map(|_| Arc::default()).collect();
    for heard in programs.iter().cloned() {
        small("program", move || {
            let mut last = None;
            follow(to, "/api/v1/stream", "", |line| {
                if line.starts_with("HTTP/1.1 200") {
                    heard.here.fetch_add(1, Ordering::Relaxed);
                } else if let Some(id) = line.strip_prefix("id: ") {
                    let id: u64 = id.parse().unwrap();
                    if last.replace(id).is_some_and(|last| id != last + 1) {
                        heard.gaps.fetch_add(1, Ordering::Relaxed);
                    }
                    heard.events.fetch_add(1, Ordering::Relaxed);
                } else if let Some(event) = line.strip_prefix("data: ") {
                    let event: serde_json::Value = serde_json::from_str(event).unwrap();
                    if event["type"] == "incident_opened" {
                        heard.opened.lock().unwrap().insert(event["incident"].as_u64().unwrap());
                    }
                }
            });
        });
    }
    let both = || {
        count(&pages, |h| h.here.load(Ordering::Relaxed) > 0)
            + count(&programs, |h| h.here.load(Ordering::Relaxed) > 0)
    };
    until("every stream to be open", || (both() == PAGES + PROGRAMS).then_some(()));

    // The flood begins: the whole page, or a word that there are too many, and nothing else.
    let whole = until("the status page", || get(page, "/").ok().filter(|a| a.status == 200));
    assert!(whole.body.contains("Example"), "{whole:?}");
    let (enough, served, refused) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let faults: Arc<Mutex<Vec<String>>> = Arc::default();
    let flood: Vec<_> = (0..READERS)
        .map(|_| {
            let (enough, served, refused, faults) =
                (enough.clone(), served.clone(), refused.clone(), faults.clone());
            thread::spawn(move || {
                while !enough.load(Ordering::Relaxed) {
                    match get(page, "/") {
                        Ok(a) if a.status == 200 && a.body.contains("</html>") => {
                            _ = served.fetch_add(1, Ordering::Relaxed)
                        }
                        Ok(a) if a.status == 503 => _ = refused.fetch_add(1, Ordering::Relaxed),
                        other => faults.lock().unwrap().push(format!("{other:?}")),
                    }
                }
            })
        })
        .collect();
    until("the flood", || (served.load(Ordering::Relaxed) > 100).then_some(()));

    let ids: Vec<String> = (0..ALERTS).map(|n| format!("crowd-{n}")).collect();
    let mut incidents = BTreeSet::new();
    for id in &ids {
        // A sender tries again where the disk of a busy machine does not answer in time.
        until("the alert to be taken", || {
            (foghorn.post("/api/v2/alerts", &critical(&[id])).status == 200).then_some(())
        });
        let came = hook.wait(id, |r| r.kind() == "page" && r.title() == format!("{id} is broken"));
        incidents.insert(came.incident());
    }
    assert_eq!(incidents.len(), ALERTS, "each alert is an incident of its own, and its page has left");
    let during = served.load(Ordering::Relaxed);
    until("the flood to go on", || (served.load(Ordering::Relaxed) > during).then_some(()));

    until("every program to be told of every incident", || {
        (count(&programs, |h| h.opened.lock().unwrap().is_superset(&incidents)) == PROGRAMS).then_some(())
    });
    assert_eq!(
        count(&programs, |h| h.gaps.load(Ordering::Relaxed) > 0),
        0,
        "an event was left out of a stream"
    );
    // A page is told that something is new, once a second at most: so not of each alert, but of the last one too.
    let before: Vec<u64> = pages.iter().map(|h| h.changed.load(Ordering::Relaxed)).collect();
    foghorn.post("/api/v2/alerts", &critical(&["the-last"])).is(200);
    until("every page to be told of the last one", || {
        let told =
            pages.iter().zip(&before).filter(|(h, before)| h.changed.load(Ordering::Relaxed) > **before);
        (told.count() == PAGES).then_some(())
    });

    enough.store(true, Ordering::Relaxed);
    for reader in flood {
        reader.join().unwrap();
    }
    let faults = faults.lock().unwrap();
    assert!(faults.is_empty(), "the status page was neither served whole nor refused: {:?}", faults.first());
    println!(
        "{PAGES} pages and {PROGRAMS} programs heard of {} incidents; the status page was served {} times and refused {}",
        ALERTS + 1,
        served.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed)
    );
    assert!(foghorn.stop().success());
}
