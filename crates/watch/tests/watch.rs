//! The schedule and what is told, with real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use foghorn_config::model::{Check, CheckKind};
use foghorn_config::secret::Secret;
use foghorn_core::words::Severity;
use foghorn_watch::history::{History, Mark};
use foghorn_watch::{Open, Options, Plan, Stats, Transition, Verdict, Watch};
use kit::*;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const OPTIONS: Options = Options { threads: 2, concurrency: 500 };

type Told = Arc<Mutex<Vec<Transition>>>;

struct Rig {
    watch: Watch,
    told: Told,
    stats: Arc<Stats>,
}

fn named(name: &str, every_ms: u64, mut check: Check) -> Check {
    name.clone_into(&mut check.name);
    check.every = Duration::from_millis(every_ms);
    check
}

fn plan(checks: impl IntoIterator<Item = Check>) -> Plan {
    let checks: BTreeMap<_, _> = checks.into_iter().map(|c| (c.name.clone(), Arc::new(c))).collect();
    Plan { checks, reference_targets: Vec::new() }
}

fn start(plan: &Plan, open: &[(&str, Open)], history: Option<History>) -> Rig {
    let told = Told::default();
    let stats = Arc::new(Stats::default());
    let sink = {
        let told = Arc::clone(&told);
        move |t: Transition| told.lock().unwrap().push(t)
    };
    let open: HashMap<_, _> = open.iter().map(|(n, how)| ((*n).to_owned(), *how)).collect();
    let watch = Watch::start(OPTIONS, plan, &open, Arc::new(sink), history, Arc::clone(&stats)).unwrap();
    Rig { watch, told, stats }
}

impl Rig {
    /// What was told, in a few letters: `shop F`, `shop R`, `blind`, `sighted`.
    fn words(&self) -> Vec<String> {
        let word = |t: &Transition| match t {
            Transition::Blind { .. } => "blind".to_owned(),
            Transition::Sighted { .. } => "sighted".to_owned(),
            Transition::Check { check, verdict, .. } => {
                let letter = match verdict {
                    Verdict::Failing { .. } => "F",
                    Verdict::Recovered { .. } => "R",
                    Verdict::Unknown { .. } => "U",
                    Verdict::Flapping { .. } => "~",
                };
                format!("{check} {letter}")
            }
        };
        self.told.lock().unwrap().iter().map(word).collect()
    }

    fn wait_for(&self, want: &[&str]) {
        until(&format!("{want:?}"), || self.words().len() >= want.len());
        assert_eq!(self.words(), want);
    }

    fn runs(&self) -> u64 {
        self.stats.runs.load(Ordering::Relaxed)
    }

    fn wait_runs(&self, more: u64) {
        let to = self.runs() + more;
        until("more runs", || self.runs() >= to);
    }
}

/// A server that is well or not.
fn moody() -> (String, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&well);
    let addr = http(move |_, _| {
        if state.load(Ordering::SeqCst) {
            answer("200 OK", "", "ok")
        } else {
            answer("500 Internal Server Error", "", "sick")
        }
    });
    (format!("http://{addr}/"), well)
}

#[test]
fn one_that_hangs_delays_nobody_else() {
    let counts: Arc<Vec<AtomicUsize>> = Arc::new((0..200).map(|_| AtomicUsize::new(0)).collect());
    let seen = Arc::clone(&counts);
    let addr = http(move |head, _| {
        let path = head[0].split(['/', ' ']).nth(2).unwrap();
        seen[path.parse::<usize>().unwrap()].fetch_add(1, Ordering::SeqCst);
        answer("200 OK", "", "ok")
    });
    // Connects, and that is all that happens.
    let hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut checks: Vec<Check> =
        (0..199).map(|i| named(&format!("c{i}"), 250, get(&format!("http://{addr}/{i}")))).collect();
    checks.push(named(
        "hangs",
        250,
        within(get(&format!("http://{}/", hole.local_addr().unwrap())), Duration::from_secs(3600)),
    ));
    let rig = start(&plan(checks), &[], None);
    until("five runs of each of the others", || {
        counts.iter().take(199).all(|c| c.load(Ordering::SeqCst) >= 5)
    });
    until("skips", || rig.stats.skipped.load(Ordering::Relaxed) >= 3);
    assert_eq!(rig.watch.latest("hangs"), None, "it hangs still");
    assert_eq!(rig.watch.all().values().flatten().count(), 199);
    assert_eq!(rig.stats.bad.load(Ordering::Relaxed), 0);
    assert_eq!(rig.stats.lateness.counts().iter().sum::<u64>(), rig.runs());
    assert!(rig.watch.is_alive());
}

#[test]
fn no_more_run_at_once_than_allowed_and_all_have_their_turn() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let addr = {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        http(move |_, _| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
            now.fetch_sub(1, Ordering::SeqCst);
            answer("200 OK", "", "ok")
        })
    };
    let checks = (0..50).map(|i| named(&format!("c{i}"), 100, get(&format!("http://{addr}/"))));
    let stats = Arc::new(Stats::default());
    let options = Options { threads: 1, concurrency: 4 };
    let sink = Arc::new(|_: Transition| ());
    let watch =
        Watch::start(options, &plan(checks), &HashMap::new(), sink, None, Arc::clone(&stats)).unwrap();
    until("a result of each", || watch.all().values().flatten().count() == 50);
    assert!(stats.waited.load(Ordering::Relaxed) > 0);
    assert!(most.load(Ordering::SeqCst) <= 4, "{most:?}");
}

#[test]
fn a_first_failure_is_confirmed_without_waiting_for_the_interval() {
    let addr = closed();
    // Once an hour: without confirmations there would be no second result within this test.
    let checks = (0..100).map(|i| named(&format!("c{i}"), 3_600_000, get(&format!("http://{addr}/"))));
    let rig = start(&plan(checks), &[], None);
    until("a verdict", || !rig.words().is_empty());
    assert!(rig.stats.confirmations.load(Ordering::Relaxed) >= 1);
    let told = rig.told.lock().unwrap();
    let Transition::Check {
        at, verdict: Verdict::Failing { since, summary, severity_hint, flapping }, ..
    } = &told[0]
    else {
        panic!("{told:?}");
    };
    assert_eq!(*summary, format!("connection refused by {addr}"));
    assert!(since < at && severity_hint.is_none() && !flapping);
}

#[test]
fn failing_and_recovered_are_told_once() {
    let (url, well) = moody();
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), Arc::default()).unwrap();
    let rig = start(&plan([named("shop", 50, get(&url))]), &[], Some(history.clone()));
    rig.wait_runs(3);
    assert!(rig.words().is_empty());
    well.store(false, Ordering::SeqCst);
    rig.wait_for(&["shop F"]);
    rig.wait_runs(5);
    assert!(rig.watch.latest("shop").unwrap().failing);
    well.store(true, Ordering::SeqCst);
    rig.wait_for(&["shop F", "shop R"]);
    drop(rig);
    history.flush();
    let marks: Vec<Mark> = history.recent("shop", 1000).unwrap().iter().map(|s| s.mark).collect();
    assert_eq!(marks.first(), Some(&Mark::Up));
    assert!(
        marks.iter().filter(|m| **m == Mark::Down).count() >= 2 && marks.last() == Some(&Mark::Up),
        "{marks:?}"
    );
}

#[test]
fn an_alert_that_was_open_gets_its_end_and_no_second_beginning() {
    let (url, _well) = moody();
    let sick = closed();
    let checks = [named("well", 50, get(&url)), named("sick", 50, get(&format!("http://{sick}/")))];
    let rig = start(&plan(checks), &[("well", Open::Failing), ("sick", Open::Failing)], None);
    rig.wait_for(&["well R"]);
    until("runs of the sick one", || rig.stats.bad.load(Ordering::Relaxed) >= 5);
    assert_eq!(rig.words(), ["well R"]);
}

#[test]
fn an_alert_that_was_unknown_is_told_as_it_is_found() {
    let (url, _well) = moody();
    let sick = closed();
    for (check, word) in [
        (get(&url), "shop R"),
        (get(&format!("http://{sick}/")), "shop F"),
        (exec(&["/bin/sh", "-c", "echo no idea; exit 3"]), "shop U"),
    ] {
        let rig = start(&plan([named("shop", 50, check)]), &[("shop", Open::Unknown)], None);
        rig.wait_for(&[word]);
        rig.wait_runs(5);
        assert_eq!(rig.words(), [word], "once");
    }
}

/// Whether its alert was open before this start or was told since.
#[test]
fn a_check_that_is_changed_while_it_fails_recovers_only_if_it_is_well() {
    let (url, _well) = moody();
    let (sick, sicker) = (closed(), closed());
    let at = |name: &str, url: &str| named(name, 50, get(url));
    let [sick, sicker] = [sick, sicker].map(|addr| format!("http://{addr}/"));
    let names = ["mended", "moved"];
    for (open, told) in [
        (names.map(|n| (n, Open::Failing)), &[][..]),
        (names.map(|n| (n, Open::Unknown)), &["mended F", "moved F"]),
    ] {
        let rig = start(&plan(names.map(|n| at(n, &sick))), &open, None);
        until("what was open", || rig.words().len() >= told.len() && rig.runs() >= 8);
        let mut words = rig.words();
        words.sort();
        assert_eq!(words, told);
        rig.watch.update(&plan([at("mended", &url), at("moved", &sicker)]));
        let ended = || -> Vec<String> { rig.words().into_iter().filter(|w| w.ends_with('R')).collect() };
        until("an end", || !ended().is_empty());
        rig.wait_runs(10);
        assert_eq!(ended(), ["mended R"]);
        assert!(rig.watch.latest("moved").unwrap().failing);
    }
}

#[test]
fn a_run_of_what_a_check_was_before_does_not_count() {
    let (release, began) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let slow = {
        let (release, began) = (Arc::clone(&release), Arc::clone(&began));
        http(move |_, _| {
            began.store(true, Ordering::SeqCst);
            until("the release", || release.load(Ordering::SeqCst));
            answer("200 OK", "", "ok")
        })
    };
    let once = |url: &str| {
        let mut check = named("shop", 50, within(get(url), Duration::from_secs(60)));
        check.recover_after = 1;
        check
    };
    let open = [("shop", Open::Failing)];
    let rig = start(&plan([once(&format!("http://{slow}/"))]), &open, None);
    until("a run", || began.load(Ordering::SeqCst));
    rig.watch.update(&plan([once(&format!("http://{}/", closed()))]));
    rig.wait_runs(3);
    release.store(true, Ordering::SeqCst);
    rig.wait_runs(10);
    assert_eq!(rig.words(), [""; 0]);
}

#[test]
fn a_reload_keeps_what_is_known() {
    let sick = closed();
    let (url, _well) = moody();
    let shop = || named("shop", 50, get(&format!("http://{sick}/")));
    let rig = start(&plan([shop(), named("old", 50, get(&url))]), &[], None);
    rig.wait_for(&["shop F"]);
    until("a result of the old one", || rig.watch.latest("old").is_some());
    rig.watch.update(&plan([shop(), named("new", 50, get(&url))]));
    until("a result of the new one", || rig.watch.latest("new").is_some());
    assert_eq!(rig.watch.latest("old"), None);
    assert_eq!(rig.stats.checks.load(Ordering::Relaxed), 2);
    rig.wait_runs(10);
    assert_eq!(rig.words(), ["shop F"], "not told again");
    // Another target: well now.
    rig.watch.update(&plan([named("shop", 70, get(&url))]));
    rig.wait_for(&["shop F", "shop R"]);
}

/// A connection that is kept shows whether a check was begun anew.
#[test]
fn a_reload_leaves_alone_what_is_the_same() {
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&connections);
    let addr = serve(move |mut stream| {
        seen.fetch_add(1, Ordering::SeqCst);
        while read_request(&mut stream).is_some() {
            if stream.write_all(answer("200 OK", "", "ok").as_bytes()).is_err() {
                return;
            }
        }
    });
    let shop = |key: &str| {
        let mut asks = step("GET", &format!("http://{addr}/"));
        asks.headers.push(("x-key".to_owned(), Secret::new(key)));
        let mut http = http_check(vec![asks]);
        http.keep_alive = true;
        named("shop", 50, check(CheckKind::Http(http)))
    };
    let rig = start(&plan([shop("one")]), &[], None);
    rig.wait_runs(2);
    rig.watch.update(&plan([shop("one")]));
    rig.wait_runs(4);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    rig.watch.update(&plan([shop("two")]));
    until("another connection", || connections.load(Ordering::SeqCst) == 2);
}

#[test]
fn a_blind_location_believes_no_failure() {
    let reference = closed();
    let mut plan = plan([named("shop", 50, get(&format!("http://{}/", closed())))]);
    plan.reference_targets = vec![target(reference)];
    let rig = start(&plan, &[], None);
    until("some failures", || rig.stats.unknown.load(Ordering::Relaxed) >= 4);
    assert_eq!(rig.words(), ["blind"]);
    assert_eq!(rig.stats.blind.load(Ordering::Relaxed), 1);
    assert_eq!(rig.stats.bad.load(Ordering::Relaxed), 0);
    let latest = rig.watch.latest("shop").unwrap();
    assert!(latest.summary.starts_with("this location is blind") && !latest.failing, "{latest:?}");
    // The network is back, and the shop is not.
    let _listener = TcpListener::bind(reference).unwrap();
    rig.wait_for(&["blind", "sighted", "shop F"]);
}

#[test]
fn what_fails_is_not_known_to_fail_while_the_location_is_blind() {
    let reference = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = reference.local_addr().unwrap();
    let mut plan = plan([named("shop", 50, get(&format!("http://{}/", closed())))]);
    plan.reference_targets = vec![target(at)];
    let rig = start(&plan, &[], None);
    rig.wait_for(&["shop F"]);
    drop(reference);
    rig.wait_for(&["shop F", "blind", "shop U"]);
    let latest = rig.watch.latest("shop").unwrap();
    assert!(latest.summary.starts_with("this location is blind") && !latest.failing, "{latest:?}");
    // It sees again, and the shop fails as before.
    let _listener = TcpListener::bind(at).unwrap();
    rig.wait_for(&["shop F", "blind", "shop U", "sighted", "shop F"]);
}

#[test]
fn a_warning_lowers_the_severity_until_it_gets_worse() {
    let dir = tempfile::tempdir().unwrap();
    let code = dir.path().join("code");
    std::fs::write(&code, "1").unwrap();
    let script = format!("echo disk; exit $(cat {})", code.display());
    let rig = start(&plan([named("disk", 50, exec(&["/bin/sh", "-c", &script]))]), &[], None);
    rig.wait_for(&["disk F"]);
    // In one step, so that no run sees an empty file.
    std::fs::write(dir.path().join("next"), "2").unwrap();
    std::fs::rename(dir.path().join("next"), &code).unwrap();
    rig.wait_for(&["disk F", "disk F"]);
    let hints: Vec<_> = rig
        .told
        .lock()
        .unwrap()
        .iter()
        .map(|t| match t {
            Transition::Check { verdict: Verdict::Failing { severity_hint, .. }, .. } => *severity_hint,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(hints, [Some(Severity::Warning), None]);
}

#[test]
fn a_check_that_measures_nothing_is_told_once_and_when_it_does_again() {
    let dir = tempfile::tempdir().unwrap();
    let plugin = dir.path().join("plugin");
    let rig = start(&plan([named("disk", 50, exec(&[plugin.to_str().unwrap()]))]), &[], None);
    rig.wait_for(&["disk U"]);
    let why = match &rig.told.lock().unwrap()[0] {
        Transition::Check { verdict: Verdict::Unknown { why, .. }, .. } => why.clone(),
        other => panic!("{other:?}"),
    };
    assert!(why.starts_with("cannot run ") && why.contains("No such file"), "{why}");
    rig.wait_runs(5);
    assert_eq!(rig.words(), ["disk U"], "once");
    std::fs::copy("/bin/true", &plugin).unwrap();
    rig.wait_for(&["disk U", "disk R"]);
    // A plugin that can only say UNKNOWN measures nothing either.
    let rig = start(&plan([named("disk", 50, exec(&["/bin/sh", "-c", "echo no idea; exit 3"]))]), &[], None);
    rig.wait_for(&["disk U"]);
}

#[test]
fn run_once_from_anywhere() {
    let (url, _well) = moody();
    let outcome = foghorn_watch::run_once(&get(&url)).unwrap();
    assert!(foghorn_watch::check::table("shop", &outcome).starts_with("shop: good, 200 OK in "));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime
        .block_on(async { assert_eq!(foghorn_watch::run_once(&get(&url)).unwrap().seen.status, Some(200)) });
}

/// It began as one thing and is another now: whoever is paged next reads of that.
#[test]
fn a_failure_that_becomes_another_is_told_as_what_it_is() {
    let status = Arc::new(AtomicUsize::new(500));
    let now = Arc::clone(&status);
    let addr = http(move |_, _| match now.load(Ordering::SeqCst) {
        500 => answer("500 Internal Server Error", "", "sick"),
        _ => answer("404 Not Found", "", "gone"),
    });
    let check =
        named("shop", 40, check(CheckKind::Http(http_check(vec![step("GET", &format!("http://{addr}/"))]))));
    let check = expecting(check, &["status == 200"]);
    let rig = start(&plan([check]), &[], None);
    rig.wait_for(&["shop F"]);
    rig.wait_runs(10);
    assert_eq!(rig.words(), ["shop F"], "the same is told once");
    status.store(404, Ordering::SeqCst);
    rig.wait_for(&["shop F", "shop F"]);
    let told = rig.told.lock().unwrap();
    let said = |n: usize| match &told[n] {
        Transition::Check { verdict: Verdict::Failing { summary, since, .. }, .. } => {
            (summary.clone(), *since)
        }
        other => panic!("{other:?}"),
    };
    assert!(said(0).0.contains("500") && said(1).0.contains("404"), "{told:?}");
    // The two clocks agree to a few milliseconds.
    assert!((said(0).1.0 - said(1).1.0).abs() < 1000, "since it began: {told:?}");
}
