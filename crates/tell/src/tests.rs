use crate::keeper;
use crate::ledger::{Ledger, Stage, Stretch};
use crate::page::{Doubt, render};
use crate::pages::{Body, HTML, MARK, Pages};
use crate::rebuild::rebuild;
use crate::site::Site;
use crate::{Events, days};
use foghorn_config::model::StatusPage;
use foghorn_core::component::ComponentStatus as C;
use foghorn_core::input::{CheckVerdict, Ends, Input};
use foghorn_core::setup::{CheckRule, Entity, EscalationPolicy, Person, Setup, Step, Target};
use foghorn_core::time::{Mono, Now, Span, Wall};
use foghorn_core::words::{Actor, Name, Severity};
use foghorn_core::{Record, State, decide};
use foghorn_engine::{Page, View, handle};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use std::sync::{Arc, Mutex};

mod ends;
mod stories;
mod words;

/// 21 November 2026, 12:00 UTC.
const NOON: i64 = 1_795_262_400_000;
const MINUTE: i64 = 60_000;

/// A house with one check behind each of two components, its journal kept.
struct House {
    state: State,
    records: Mutex<Vec<Record>>,
    /// The most events that it gives at a time, as if they were large.
    most: usize,
}

impl Events for House {
    fn page(&self, after: u64, limit: usize) -> Result<Page, String> {
        let records = self.records.lock().unwrap();
        let page = records.iter().filter(|r| r.seq > after).take(limit.min(self.most));
        let events: Vec<_> = page.map(|r| (r.seq, serde_json::to_vec(r).unwrap())).collect();
        let more = events.last().map(|(seq, _)| *seq) < records.last().map(|r| r.seq);
        Ok(Page { more: more && !events.is_empty(), events })
    }
}

fn now(wall: i64) -> Now {
    Now { mono: Mono((wall - NOON + 10_000_000).unsigned_abs()), wall: Wall(wall) }
}

impl House {
    fn new(at: i64) -> House {
        let rule = |entity: &str| CheckRule {
            entity: Some(entity.into()),
            severity: Severity::Critical,
            ..CheckRule::default()
        };
        let person = Person {
            name: "Secret Person".to_owned(),
            time_zone: "UTC".into(),
            working_hours: foghorn_core::schedule::WorkingHours::default(),
            contacts: Vec::new(),
        };
        let step = Step { page: vec![Target::Everyone], wait: Span::hours(1) };
        let setup = Setup {
            components: [
                (Name::from("Shop <&>"), vec![Name::from("secret-host")]),
                (Name::from("Data"), vec![Name::from("db")]),
            ]
            .into(),
            checks: [("secret-check".into(), rule("secret-host")), ("c2".into(), rule("db"))].into(),
            topology: [("secret-host".into(), Entity::default()), ("db".into(), Entity::default())].into(),
            people: [("ana".into(), person)].into(),
            escalations: [("default".into(), EscalationPolicy { steps: vec![step], repeat: None })].into(),
            ..Setup::default()
        };
        let mut house = House { state: State::default(), records: Mutex::default(), most: 7 };
        house.input(at, &Input::Start { version: "1".to_owned(), down: Span::ZERO, life: 1 });
        house.input(at, &Input::AdoptConfig { hash: "h".to_owned(), setup: Arc::new(setup) });
        house
    }

    fn input(&mut self, at: i64, input: &Input) {
        let at = now(at);
        let mut events = Vec::new();
        decide(&mut self.state, at, input, &mut events).unwrap();
        let mut records = self.records.lock().unwrap();
        for event in events {
            let seq = records.len() as u64 + 1;
            records.push(Record { seq, at, late: false, event });
        }
    }

    fn check(&mut self, at: i64, check: &str, verdict: CheckVerdict) {
        self.input(at, &Input::Check { check: check.into(), verdict, since: Wall(at) });
    }

    fn fails(&mut self, at: i64, check: &str) {
        let summary = "secret-summary".to_owned();
        self.check(at, check, CheckVerdict::Failing { summary, severity: None });
    }

    /// Of what is behind the shop.
    fn silence(&mut self, at: i64, maintenance: bool) {
        let silence = Input::Silence {
            id: if maintenance { "m".into() } else { "s".into() },
            matchers: Vec::new(),
            entities: ["secret-host".into()].into(),
            starts: None,
            ends: Ends::After(Span::hours(1)),
            comment: String::new(),
            maintenance,
            by: Actor::system(),
        };
        self.input(at, &silence);
    }

    fn observe(&self, ledger: &mut Ledger, at: i64) -> bool {
        ledger.observe(&self.state, Wall(at), self.records.lock().unwrap().len() as u64)
    }
}

fn config() -> StatusPage {
    StatusPage {
        listen: ([127, 0, 0, 1], 0).into(),
        tls: None,
        name: "Example <Shop>".to_owned(),
        components: vec![
            ("Shop <&>".to_owned(), vec!["secret-host".to_owned()]),
            ("Data".to_owned(), vec!["db".to_owned()]),
        ],
    }
}

fn text(pages: &Pages, path: &str) -> String {
    String::from_utf8(pages.all[path].plain.to_vec()).unwrap()
}

/// An outage of 25 minutes that somebody answered after 5, seen as it happened.
fn outage() -> (House, Ledger) {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.observe(&mut ledger, NOON);
    house.fails(NOON + 10 * MINUTE, "secret-check");
    assert!(house.observe(&mut ledger, NOON + 10 * MINUTE));
    assert!(!house.observe(&mut ledger, NOON + 11 * MINUTE), "nothing new");
    let by = Actor { name: "ana".into(), via: foghorn_core::words::Via::Link };
    house.input(NOON + 15 * MINUTE, &Input::Acknowledge { incident: 1, by, revision: None });
    assert!(house.observe(&mut ledger, NOON + 15 * MINUTE));
    house.check(NOON + 35 * MINUTE, "secret-check", CheckVerdict::Ok);
    assert!(house.observe(&mut ledger, NOON + 35 * MINUTE));
    (house, ledger)
}

#[test]
fn an_outage_is_told_from_beginning_to_end() {
    let (_, ledger) = outage();
    let incident = &ledger.incidents[&1];
    let stages: Vec<Stage> = incident.updates.iter().map(|u| u.stage).collect();
    assert_eq!(stages, [Stage::Noticed, Stage::Investigating, Stage::Resolved]);
    assert_eq!(
        (incident.opened, incident.resolved),
        (Wall(NOON + 10 * MINUTE), Some(Wall(NOON + 35 * MINUTE)))
    );
    assert_eq!(incident.peak(), C::MajorOutage);
    let past: Vec<(i64, C)> =
        ledger.stretches["Shop <&>"].iter().map(|s| ((s.from.0 - NOON) / MINUTE, s.status)).collect();
    assert_eq!(past, [(0, C::Operational), (10, C::MajorOutage), (35, C::Operational)]);
    assert_eq!(ledger.stretches["Data"].len(), 1);
}

/// The last line that the public reads of the only incident.
fn last_line(ledger: &Ledger, at: i64) -> String {
    let html = text(&render(&config(), ledger, Wall(at), Doubt::None).unwrap(), "/");
    let (_, lines) = html.split_once("<ol class=\"timeline\">").unwrap();
    let (_, line) = lines.split_once("<strong>").unwrap();
    line.split_once("</li>").unwrap().0.replace("</strong>", "")
}

#[test]
fn the_journal_gives_the_same_ledger() {
    let (house, mut ledger) = outage();
    let again = rebuild(&house, &|| false).unwrap().unwrap();
    // Which of what never failed was measured, the journal does not tell.
    ledger.doubt(Wall(NOON));
    assert_eq!(again.stretches, ledger.stretches);
    assert_eq!(again.incidents, ledger.incidents);
    assert_eq!(rebuild(&house, &|| true).unwrap(), None);
}

#[test]
fn the_front_page() {
    let (_, ledger) = outage();
    let pages = render(&config(), &ledger, Wall(NOON + 60 * MINUTE), Doubt::None).unwrap();
    // The bars have a snapshot where they are drawn.
    let html = text(&pages, "/").replace(foghorn_look::style_file(), "style.css");
    let html: String = html.split("<path").map(|p| p.split_once("/>").map_or(p, |(_, rest)| rest)).collect();
    insta::assert_snapshot!(html, @r##"
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width,initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>All systems operational – Example &#60;Shop&#62;</title>
    <link rel="stylesheet" href="/style.css">
    <link rel="icon" href="data:,">
    </head>
    <body>
    <a class="skip" href="#content">Skip to the content</a>
    <header class="top"><a class="brand" href="/"><bdi>Example &#60;Shop&#62;</bdi></a><nav aria-label="Pages"><a href="/" aria-current="page">Status</a><a href="/history">History</a></nav></header>
    <main class="narrow" id="content">
    <!--age-->
    <div class="banner large good"><svg class="icon good" viewBox="0 0 24 24" aria-hidden="true"></svg><div><h1>All systems operational</h1>
    <p class="small">As of <time datetime="2026-11-21T13:00:00Z">21 November 2026, 13:00 UTC</time></p></div></div>
    <section aria-labelledby="components"><h2 id="components">Components</h2>
    <ul class="list card">
    <li><div class="row"><h3><bdi>Shop &#60;&#38;&#62;</bdi></h3><span class="end"><span class="badge good"><svg class="icon good" viewBox="0 0 24 24" aria-hidden="true"></svg>operational</span></span></div><svg class="pic" height="36" role="img"><title>Shop &lt;&amp;&gt;, the last 90 days</title><desc>58.33 % up, measured for 1 h. 21 November: major outage for 25 min.</desc><svg width="100%" height="36" viewBox="0 0 90 36" preserveAspectRatio="none"> class="solid bad" d="M89 0h.72v36h-.72z"><title>21 November: major outage for 25 min</title></path></svg></svg>
    <div class="ends"><span>90 days ago</span><span>58.33 % up, measured for 1 h</span><span>today</span></div></li>
    <li><div class="row"><h3><bdi>Data</bdi></h3><span class="end"><span class="badge good"><svg class="icon good" viewBox="0 0 24 24" aria-hidden="true"></svg>operational</span></span></div><svg class="pic" height="36" role="img"><title>Data, the last 90 days</title><desc>100 % up, measured for 1 h.</desc><svg width="100%" height="36" viewBox="0 0 90 36" preserveAspectRatio="none"></svg></svg>
    <div class="ends"><span>90 days ago</span><span>100 % up, measured for 1 h</span><span>today</span></div></li>
    </ul>
    <details><summary>How this is measured</summary><p class="dim">A bar is a day of UTC; the worse the day, the taller. Uptime is the share of the measured time: an outage counts whole, a partial one by three tenths, maintenance and slowness not at all. Time in which nothing was measured is left out.</p></details>
    </section>
    <section aria-labelledby="past"><h2 id="past">The last days</h2>
    <article class="card"><div class="row"><h3>Shop &#60;&#38;&#62;: major outage</h3><span class="end"><span class="badge good"><svg class="icon good" viewBox="0 0 24 24" aria-hidden="true"></svg>resolved</span></span></div>
    <p class="dim small">21 November 2026, 12:10 to 12:35, 25 min</p>
    <ol class="timeline">
    <li class="good"><time datetime="2026-11-21T12:35:00Z">12:35</time><strong>Resolved.</strong> It works again.</li>
    <li class="info"><time datetime="2026-11-21T12:15:00Z">12:15</time><strong>Somebody is working on it.</strong> </li>
    <li class="bad"><time datetime="2026-11-21T12:10:00Z">12:10</time><strong>Noticed.</strong> Affected: Shop &#60;&#38;&#62; (major outage).</li>
    </ol></article>
    <p><a href="/history">Everything before, by month</a></p>
    </section>
    </main>
    <footer class="foot"><p>Times are in UTC. Foghorn keeps this page.</p></footer>
    </body>
    </html>
    "##);
}

#[test]
fn the_months() {
    let (_, ledger) = outage();
    let pages = render(&config(), &ledger, Wall(NOON + 60 * MINUTE), Doubt::None).unwrap();
    let months = pages.all.keys().filter(|p| p.starts_with("/history/")).count();
    assert_eq!(months, 1, "nothing is known of the months before");
    let html = text(&pages, "/history/2026-11");
    assert!(html.contains("November 2026") && html.contains("Shop &#60;&#38;&#62;: major outage"), "{html}");
    assert_eq!(text(&pages, "/history"), html);
    assert!(html.contains("Nothing is known of the time before 21 November 2026."), "{html}");
    assert!(!html.contains("rel=\"prev\"") && !pages.all.contains_key("/history/2026-12"));
    // Measured for long, with the beginning forgotten since.
    let later = Wall(NOON + 600 * days::DAY);
    let mut old = ledger;
    old.prune(later);
    assert!(old.incidents.is_empty());
    let pages = render(&config(), &old, later, Doubt::None).unwrap();
    assert_eq!(pages.all.keys().filter(|p| p.starts_with("/history/")).count(), 13);
    let quiet = text(&pages, "/history/2028-06");
    assert!(quiet.contains("Nothing happened") && !quiet.contains("Nothing is known"), "{quiet}");
    assert!(
        quiet.contains("href=\"/history/2028-05\"") && quiet.contains("href=\"/history/2028-07\""),
        "{quiet}"
    );
}

#[test]
fn a_title_names_what_was_hurt_most() {
    let hurt = |component: &str, status| crate::ledger::Affected { component: component.to_owned(), status };
    let (_, mut ledger) = outage();
    let incident = ledger.incidents.get_mut(&1).unwrap();
    incident.resolved = None;
    incident.updates.pop();
    incident.worst = vec![
        hurt("Shop", C::MajorOutage),
        hurt("Reports", C::DegradedPerformance),
        hurt("Data", C::MajorOutage),
    ];
    incident.updates.last_mut().unwrap().affected = incident.worst.clone();
    let html = text(&render(&config(), &ledger, Wall(NOON + 60 * MINUTE), Doubt::None).unwrap(), "/");
    assert!(html.contains("Shop, Data: major outage"), "{html}");
    assert!(html.contains("Nothing else happened") && html.contains("No other incidents"), "{html}");
}

#[test]
fn it_is_said_for_how_long_it_was_measured_until_that_is_all_of_it() {
    let (_, ledger) = outage();
    let at = |ms| text(&render(&config(), &ledger, Wall(ms), Doubt::None).unwrap(), "/");
    assert!(at(NOON + 90 * 1000).contains("<span>100 % up, measured for 1 min</span>"));
    assert!(at(NOON + 20 * days::DAY).contains("<span>100 % up, measured for 20 days</span>"));
    assert!(at(NOON + 91 * days::DAY).contains("<span>100 % up</span>"));
}

#[test]
fn nothing_of_the_inside_is_told() {
    let (mut house, mut ledger) = outage();
    house.fails(NOON + 50 * MINUTE, "secret-check");
    house.fails(NOON + 50 * MINUTE, "c2");
    house.observe(&mut ledger, NOON + 50 * MINUTE);
    let pages = render(&config(), &ledger, Wall(NOON + 60 * MINUTE), Doubt::None).unwrap();
    for (path, body) in &pages.all {
        let html = String::from_utf8_lossy(&body.plain).to_lowercase();
        assert!(!html.contains("secret") && !html.contains("ana"), "{path}: {html}");
    }
    let html = text(&pages, "/");
    assert!(html.contains("Everything is down") && html.contains("Example &#60;Shop&#62;"), "{html}");
    let json: serde_json::Value = serde_json::from_str(&text(&pages, "/status.json")).unwrap();
    assert_eq!(json["components"][0]["status"], "major_outage");
    assert_eq!(json["open_incidents"][0]["components"][0]["component"], "Data");
}

#[test]
fn empty_and_doubtful_states_are_told() {
    let nothing = StatusPage { components: Vec::new(), ..config() };
    let html = text(&render(&nothing, &Ledger::default(), Wall(NOON), Doubt::None).unwrap(), "/");
    assert!(html.contains("Nothing to tell yet") && html.contains("No components yet"), "{html}");
    let unknown = text(&render(&config(), &Ledger::default(), Wall(NOON), Doubt::NoHistoryYet).unwrap(), "/");
    assert!(unknown.contains("Not everything is known") && unknown.contains("is being read"), "{unknown}");
    let old = Doubt::Old { since: Wall(NOON - 5 * MINUTE) };
    let old = text(&render(&config(), &Ledger::default(), Wall(NOON), old).unwrap(), "/");
    assert!(old.contains("This page is 5 min old: it shows how things were at 11:55 UTC."), "{old}");
    let degraded = Doubt::Degraded { since: Wall(NOON - 90 * MINUTE) };
    let degraded = text(&render(&config(), &Ledger::default(), Wall(NOON), degraded).unwrap(), "/");
    assert!(degraded.contains("for 1 h 30 min"), "{degraded}");
}

#[test]
fn days_and_uptime() {
    let at = |minutes: i64, status| Stretch { from: Wall(NOON + minutes * MINUTE), status };
    let past = [
        at(-2 * 1440, C::Operational),
        at(-1440, C::MajorOutage),
        at(-1440 + 60, C::Operational),
        at(-30, C::PartialOutage),
        at(-20, C::Unknown),
    ];
    let all = days::days(&past, Wall(NOON), 4);
    assert_eq!(
        all.iter().map(days::Spent::worst).collect::<Vec<_>>(),
        [C::Unknown, C::Operational, C::MajorOutage, C::PartialOutage]
    );
    assert_eq!(all[2].of(C::MajorOutage), 60 * MINUTE);
    let up = days::uptime(&all).unwrap();
    let known = (2.0 * 1440.0) - 20.0;
    assert!((up - (1.0 - (60.0 + 3.0) / known)).abs() < 1e-9, "{up}");
    assert_eq!(days::uptime(&[]), None);
    assert_eq!([1.0, 0.999_999, 0.5].map(days::percent), ["100 %", "99.99 %", "50 %"]);
}

/// A first start tells nobody that all is well before anything was measured.
#[test]
fn what_began_with_this_run_is_not_known_yet() {
    let mut house = House::new(NOON);
    house.input(NOON + MINUTE, &Input::Start { version: "0.1.0".into(), down: Span::ZERO, life: 1 });
    let again = house.state.setup.clone();
    house.input(NOON + 2 * MINUTE, &Input::AdoptConfig { hash: "2".into(), setup: again.clone() });
    let old = rebuild(&house, &|| false).unwrap().unwrap();
    assert_eq!(old.stretches["Data"].last().unwrap().status, C::Operational, "it was before");
    let mut new = (*again).clone();
    let shop = new.components["Data"].clone();
    new.components.insert("New".into(), shop);
    house.input(NOON + 3 * MINUTE, &Input::AdoptConfig { hash: "3".into(), setup: Arc::new(new) });
    let ledger = rebuild(&house, &|| false).unwrap().unwrap();
    assert_eq!(ledger.stretches["New"].last().unwrap().status, C::Unknown);
    assert_eq!(ledger.stretches["Data"].last().unwrap().status, C::Operational);
}

/// A good check of one thing says nothing of another that no check can measure.
#[test]
fn what_no_check_can_measure_is_not_made_known_by_its_neighbour() {
    let house = House::new(NOON);
    let mut setup = (*house.state.setup).clone();
    let both: Vec<_> = setup.components.values().flatten().cloned().collect();
    setup.components = [("Both".into(), both)].into();
    let mut state = house.state.clone();
    state.setup = Arc::new(setup);
    let status = |measured: &dyn Fn(&str) -> Option<bool>| {
        let mut ledger = Ledger::default();
        ledger.observe_measured(&state, Wall(NOON), 1, measured);
        ledger.stretches["Both"].last().unwrap().status
    };
    assert_eq!(status(&|_| Some(true)), C::Operational);
    assert_eq!(status(&|c| Some(c == "secret-check")), C::Unknown);
    assert_eq!(status(&|_| Some(false)), C::Unknown);
}

#[test]
fn what_is_not_measured_is_not_shown_as_up() {
    let house = House::new(NOON);
    let mut ledger = Ledger::default();
    let mut look = |minute: i64, measured: &dyn Fn(&str) -> Option<bool>| {
        let at = NOON + minute * MINUTE;
        ledger.observe_measured(&house.state, Wall(at), 1, measured);
        let pages = render(&config(), &ledger, Wall(at), Doubt::None).unwrap();
        let shown: serde_json::Value = serde_json::from_str(&text(&pages, "/status.json")).unwrap();
        let of = |n: usize| {
            let c = &shown["components"][n];
            format!("{} {}", c["status"].as_str().unwrap(), c["uptime_90_days"])
        };
        (of(0), of(1), ledger.waits)
    };
    let (up, none) = ("operational 1.0".to_owned(), "unknown null".to_owned());
    // Nothing has a result yet. Then one check has, and what the other measures cannot be measured.
    assert_eq!(look(0, &|_| None), (none.clone(), none.clone(), true));
    let blind = |c: &str| Some(c == "secret-check");
    look(1, &blind);
    assert_eq!(look(60, &blind), (up.clone(), none.clone(), true));
    // Over a restart what was well goes on, and what was not known does not become well.
    assert_eq!(look(61, &|_| None), (up.clone(), none, true));
    look(62, &|_| Some(true));
    assert_eq!(look(63, &|_| Some(true)), (up.clone(), up, false));
    // Blind now: not known, and the past stays.
    assert_eq!(look(64, &|_| Some(false)).0, "unknown 1.0");
}

#[test]
fn of_a_component_that_was_not_on_the_page_nothing_is_known_meanwhile() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    let with = house.state.setup.clone();
    let mut without = (*with).clone();
    without.components.remove("Data");
    let mut last = |house: &mut House, minute: i64, setup: &Arc<Setup>| {
        let at = NOON + minute * MINUTE;
        house.input(at, &Input::AdoptConfig { hash: format!("h{minute}"), setup: setup.clone() });
        ledger.observe(&house.state, Wall(at), 0);
        ledger.stretches["Data"]
            .iter()
            .map(|s| (s.from.0 - NOON) / MINUTE)
            .zip(ledger.stretches["Data"].iter().map(|s| s.status))
            .collect::<Vec<_>>()
    };
    assert_eq!(last(&mut house, 1, &with), [(1, C::Operational)]);
    let gone = vec![(1, C::Operational), (2, C::Unknown)];
    assert_eq!(last(&mut house, 2, &Arc::new(without.clone())), gone);
    without.components.remove("Shop <&>");
    assert_eq!(last(&mut house, 3, &Arc::new(without)), gone, "once");
    assert_eq!(last(&mut house, 60, &with), [gone, vec![(60, C::Operational)]].concat());
}

#[test]
fn a_ledger_is_bounded() {
    let mut ledger = Ledger::default();
    let stretches = ledger.stretches.entry("Shop".to_owned()).or_default();
    for i in 0..10_000 {
        let status = if i % 2 == 0 { C::Operational } else { C::MajorOutage };
        stretches.push(Stretch { from: Wall(NOON - (10_000 - i) * MINUTE), status });
    }
    ledger.prune(Wall(NOON));
    assert_eq!(ledger.stretches["Shop"].len(), 4000);
    ledger.prune(Wall(NOON + 92 * days::DAY));
    assert_eq!(ledger.stretches["Shop"].len(), 1, "what covers the oldest day stays");
    ledger.away(Wall(NOON + 93 * days::DAY), Span::hours(2));
    assert_eq!(ledger.stretches["Shop"].last().unwrap().status, C::Unknown);
}

#[test]
fn a_large_page_stays_small() {
    let components: Vec<_> =
        (0..300).map(|i| (format!("Component number {i}"), vec![format!("e{i}")])).collect();
    let mut ledger = Ledger::default();
    for (name, _) in &components {
        let stretches = (0..90).map(|d| Stretch {
            from: Wall(NOON - (90 - d) * days::DAY),
            status: if d % 9 == 0 { C::MajorOutage } else { C::Operational },
        });
        ledger.stretches.insert(name.clone(), stretches.collect());
    }
    let page = StatusPage { components, ..config() };
    let pages = render(&page, &ledger, Wall(NOON), Doubt::None).unwrap();
    let body = &pages.all["/"];
    assert!(
        body.plain.len() < 100_000 && body.gzip.len() < 20_000,
        "{} {}",
        body.plain.len(),
        body.gzip.len()
    );
}

/// Sixty components that were mostly well have their bars, and of three hundred the last, which is down.
#[test]
fn what_is_unwell_has_its_bars_wherever_it_stands() {
    let page = |n: usize| {
        let components: Vec<_> =
            (0..n).map(|i| (format!("Component number {i}"), vec![format!("e{i}")])).collect();
        let mut ledger = Ledger::default();
        for (i, (name, _)) in components.iter().enumerate() {
            let well = Stretch { from: Wall(NOON - 60 * days::DAY), status: C::Operational };
            let last = if i + 1 == n { C::MajorOutage } else { C::Operational };
            let stretches = vec![well, Stretch { from: Wall(NOON - MINUTE), status: last }];
            ledger.stretches.insert(name.clone(), stretches);
        }
        let page = StatusPage { components, ..config() };
        let pages = render(&page, &ledger, Wall(NOON), Doubt::None).unwrap();
        let html = String::from_utf8(pages.all["/"].plain.to_vec()).unwrap();
        assert!(html.len() < 100_000, "{n}: {}", html.len());
        let last = html.split(&format!("<bdi>Component number {}</bdi>", n - 1)).nth(1).unwrap();
        let last = last.split("</li>").next().unwrap();
        assert!(last.contains("badge bad") && last.contains("<svg class=\"pic"), "{n}: {last}");
        html.matches("<div class=\"ends\">").count()
    };
    assert_eq!(page(60), 60);
    let some = page(300);
    assert!((30..300).contains(&some), "{some}");
}

async fn ask(
    site: &Site,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> http::Response<bytes::Bytes> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, body) = site.answer(&request.body(()).unwrap()).into_parts();
    http::Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn answers_come_from_memory_and_only_to_readers() {
    let site = Site::new(Pages::starting());
    let early = ask(&site, Method::GET, "/", &[]).await;
    assert_eq!(early.status(), StatusCode::SERVICE_UNAVAILABLE);
    site.show(render(&config(), &Ledger::default(), Wall(NOON), Doubt::None).unwrap());

    let plain = ask(&site, Method::GET, "/", &[]).await;
    assert_eq!((plain.status(), plain.headers()["content-type"].to_str().unwrap()), (StatusCode::OK, HTML));
    assert!(plain.headers()["cache-control"].to_str().unwrap().contains("max-age=10"));
    assert!(plain.headers().get("content-encoding").is_none());
    let packed = ask(&site, Method::GET, "/", &[("accept-encoding", "br, gzip;q=0.8")]).await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_ne!(packed.headers()["etag"], plain.headers()["etag"]);
    let mut unpacked = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed.body()[..]), &mut unpacked)
        .unwrap();
    assert_eq!(unpacked.as_bytes(), &plain.body()[..]);
    for unwanted in ["identity", "gzip;q=0", "br"] {
        let answer = ask(&site, Method::GET, "/", &[("accept-encoding", unwanted)]).await;
        assert!(answer.headers().get("content-encoding").is_none(), "{unwanted}");
    }

    let tag = plain.headers()["etag"].to_str().unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let answer = ask(&site, Method::GET, "/", &[("if-none-match", &known)]).await;
        assert_eq!((answer.status(), answer.body().len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
        assert_eq!(answer.headers()["etag"].to_str().unwrap(), tag);
    }
    assert_eq!(ask(&site, Method::GET, "/", &[("if-none-match", "\"x\"")]).await.status(), StatusCode::OK);

    let style = format!("/{}", foghorn_look::style_file());
    assert!(
        ask(&site, Method::GET, &style, &[]).await.headers()["cache-control"]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    for path in ["/api/v1/incidents", "/console", "/history/2026-13", "/history/", "//", "/metrics"] {
        let answer = ask(&site, Method::GET, path, &[]).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(String::from_utf8_lossy(answer.body()).contains("There is no such page"));
    }
    let posted = ask(&site, Method::POST, "/", &[]).await;
    assert_eq!(
        (posted.status(), posted.headers()["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD")
    );
}

#[tokio::test]
async fn a_page_that_nobody_makes_anew_says_how_old_it_is() {
    let mut pages = Pages::starting();
    pages.all.insert("/".to_owned(), Body::new(HTML, format!("<main>{MARK}</main>")));
    pages.made = pages.made.checked_sub(std::time::Duration::from_secs(600)).unwrap();
    let site = Site::new(pages);
    let answer = ask(&site, Method::GET, "/", &[("accept-encoding", "gzip")]).await;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(text.contains("This page is 10 min old"), "{text}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let html = String::from_utf8_lossy(
        &render(&config(), &Ledger::default(), Wall(NOON), Doubt::None).unwrap().all["/"].plain,
    )
    .into_owned();
    assert_eq!(html.matches(MARK).count(), 1);
}

/// A site with a keeper in a directory, and what it looks at.
struct Kept {
    site: Site,
    port: foghorn_engine::handle::Port,
    view: View,
    _config: tokio::sync::watch::Sender<Arc<foghorn_config::Config>>,
}

fn kept(dir: &std::path::Path, house: House) -> Kept {
    let moment = now(NOON + 60 * MINUTE);
    let seq = house.records.lock().unwrap().len() as u64;
    let view = View::new(house.state.clone(), seq, moment);
    let (engine, port) = handle::channel(view.clone());
    let yaml = "status_page: { listen: \"127.0.0.1:0\", name: Example, components: { \"Shop <&>\": [secret-host], Data: [db] } }\ntopology: { secret-host: { kind: host }, db: { kind: service } }\npeople: { ana: { name: Secret Person, time_zone: UTC, contacts: [ { via: hook, to: ana } ] } }\nchannels: { hook: { kind: webhook, url: \"http://127.0.0.1:9000/page\" } }\n";
    let file = dir.join("foghorn.yaml");
    std::fs::write(&file, yaml).unwrap();
    let config = foghorn_config::load(&file, &|_| None).unwrap();
    let (_config, config) = tokio::sync::watch::channel(Arc::new(config));
    let parts = keeper::Parts {
        engine,
        config,
        events: Arc::new(house),
        clock: Arc::new(move || moment),
        pulse: Arc::new(move || moment.mono),
        measured: Arc::new(|_| Some(true)),
        away: Span::ZERO,
        dir: dir.to_owned(),
    };
    Kept { site: keeper::start(parts).unwrap(), port, view, _config }
}

/// The thread, from a lost file to the pages and back to a file.
#[tokio::test]
async fn the_keeper_makes_the_history_anew_and_keeps_it() {
    let (house, ledger) = outage();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("status.json"), "{\"seq\":").unwrap();
    let Kept { site, port: _port, _config, .. } = kept(dir.path(), house);
    let began = std::time::Instant::now();
    let file = loop {
        assert!(began.elapsed().as_secs() < 60, "no ledger was kept");
        let kept = std::fs::read(dir.path().join("status.json")).unwrap();
        match serde_json::from_slice::<Ledger>(&kept) {
            Ok(ledger) => break ledger,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    site.stop();
    assert_eq!(file.incidents, ledger.incidents);
    let answer = ask(&site, Method::GET, "/", &[]).await;
    assert!(String::from_utf8_lossy(answer.body()).contains("All systems operational"));
}

/// The file that is written is a pipe that nobody reads.
#[tokio::test]
async fn a_disk_that_hangs_keeps_nobody_from_a_page_that_is_current() {
    let (house, _) = outage();
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("status.json.new");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let Kept { site, port, view, _config } = kept(dir.path(), house);
    let began = std::time::Instant::now();
    for (word, degraded) in
        [("All systems operational", None), ("problem of its own", Some("the disk hangs"))]
    {
        let degraded = degraded.map(|why| foghorn_engine::view::Degraded {
            why: why.into(),
            since: view.at,
            kept: 0,
            lost: 0,
        });
        port.view.send_replace(Arc::new(View { degraded, ..view.clone() }));
        loop {
            let answer = ask(&site, Method::GET, "/", &[]).await;
            let page = String::from_utf8_lossy(answer.body()).into_owned();
            if page.contains(word) {
                break;
            }
            assert!(began.elapsed().as_secs() < 60, "{word}: {page}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    site.stop();
}
