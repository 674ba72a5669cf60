//! `kill -9` at random moments, and the loss of power: what was acknowledged is there, whoever has not answered goes on being
//! paged, and no page is lost. Some are sent twice; how many is counted.
//!
//! `FOGHORN_CRASHES=5000` makes it go on for longer. What is random is told at the end, and differs from run to run: the
//! moments are the machine's anyway.

use crate::parts::foghorn::{Foghorn, basics, critical};
use crate::parts::hook::Hook;
use crate::parts::{http, until};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// Servers side by side in each test.
const LANES: u64 = 2;
/// Requests that one life of a server is asked for: a whole run stays small enough to look at all of it.
const A_LIFE: u32 = 8;

fn crashes() -> u64 {
    std::env::var("FOGHORN_CRASHES").map_or(200, |n| n.parse().expect("FOGHORN_CRASHES is a number"))
}

/// Random enough to choose moments by (xorshift64*).
struct Dice(u64);

impl Dice {
    fn new(lane: u64) -> Dice {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Dice((now.as_nanos() as u64 ^ (lane << 32)) | 1)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }
}

/// What the server has promised: the requests that it answered with 200.
#[derive(Default)]
struct Promised {
    alerts: BTreeSet<String>,
    /// Alerts that were said to be over, with or without an answer.
    ended: BTreeSet<String>,
    ended_for_sure: BTreeSet<String>,
    /// Incidents that were acknowledged, with or without an answer.
    acks: BTreeSet<u64>,
    acks_for_sure: BTreeSet<u64>,
    requests: u64,
}

/// Sends alerts, answers pages, says that things are over; most of the time to a server that is not there.
fn load(address: SocketAddr, hook: &Hook, lane: u64, stop: &AtomicBool, life: &AtomicU32) -> Promised {
    let mut dice = Dice::new(lane + 100);
    let mut done = Promised::default();
    let mut alert = 0;
    let mut seen = 0;
    // Pages that nobody has answered yet, by incident.
    let mut unanswered: BTreeMap<u64, (String, String)> = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        hook.look(|all| {
            for page in &all[seen..] {
                let id = page.title().split(' ').find(|w| w.contains("lane")).unwrap_or_default().to_owned();
                if page.kind() == "page" && !done.acks.contains(&page.incident()) {
                    unanswered.insert(page.incident(), (page.link().to_owned(), id));
                }
            }
            seen = all.len();
        });
        if life.load(Ordering::Relaxed) >= A_LIFE {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        let promised = if dice.below(3) == 0 || unanswered.is_empty() {
            let ids: Vec<String> = (0..=dice.below(3)).map(|n| format!("lane{lane}-{}", alert + n)).collect();
            alert += ids.len() as u64;
            let names: Vec<&str> = ids.iter().map(String::as_str).collect();
            let ok = http::post(address, "/api/v2/alerts", &critical(&names)).is_ok_and(|a| a.status == 200);
            if ok {
                done.alerts.extend(ids);
            }
            ok
        } else {
            let which = dice.below(unanswered.len() as u64) as usize;
            let (incident, (link, id)) = unanswered.iter().nth(which).map(|(i, l)| (*i, l.clone())).unwrap();
            // A few are never answered: they must be paged for to the end.
            if incident % 16 == 3 {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            done.acks.insert(incident);
            let answer = if dice.below(2) == 0 {
                http::request(address, "POST", &link, &[], b"").map(|a| a.status == 303)
            } else {
                http::post(address, &format!("/api/v1/incidents/{incident}/ack"), &json!({}))
                    .map(|a| a.status == 200)
            };
            let ok = answer.is_ok_and(|ok| ok);
            if ok {
                done.acks_for_sure.insert(incident);
                unanswered.remove(&incident);
                if dice.below(3) == 0 {
                    done.ended.insert(id.clone());
                    let over = json!([{ "labels": { "alertname": "Broken", "id": id, "severity": "critical" }, "endsAt": "2020-01-01T00:00:00Z" }]);
                    if http::post(address, "/api/v2/alerts", &over).is_ok_and(|a| a.status == 200) {
                        done.ended_for_sure.insert(id);
                    }
                }
            }
            ok
        };
        if promised {
            done.requests += 1;
            life.fetch_add(1, Ordering::Relaxed);
        } else {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    done
}

/// What came of a lane.
#[derive(Default)]
struct Count {
    kills: u64,
    unready: u64,
    requests: u64,
    alerts: usize,
    acks: usize,
    pages: usize,
    twice: usize,
}

/// One server's many lives. On a forgetful disk of the second lane, some of what was not synced is there all the same, in no
/// order, as a kernel may have it.
fn lane(lane: u64, kills: u64, forgetful: bool) -> Count {
    let mut dice = Dice::new(lane);
    let hook = Hook::start();
    let config = basics(&hook, "3s");
    let mut foghorn = if forgetful {
        Foghorn::on_forgetful_disk(&config, if lane == 0 { 0 } else { 30 })
    } else {
        Foghorn::new(&config)
    };
    foghorn.run();
    let address = foghorn.address;
    let (stop, life) = (AtomicBool::new(false), AtomicU32::new(0));
    let mut unready = 0;
    let promised = std::thread::scope(|scope| {
        let sender = scope.spawn(|| load(address, &hook, lane, &stop, &life));
        // Whatever happens below, the sender ends.
        let guard = Stop(&stop);
        for kill in 0..kills {
            // Half of them anywhere after its birth, the others while it serves.
            if kill % 2 == 0 {
                std::thread::sleep(Duration::from_millis(dice.below(300)));
            } else {
                until("the first request of a life", || (life.load(Ordering::Relaxed) > 0).then_some(()));
                std::thread::sleep(Duration::from_millis(dice.below(100)));
            }
            foghorn.kill();
            unready += u64::from(life.swap(0, Ordering::Relaxed) == 0);
            foghorn.spawn();
        }
        drop(guard);
        sender.join().unwrap()
    });
    foghorn.ready();
    check(&mut foghorn, &hook, &promised);
    let (pages, twice) = hook.look(|all| {
        let ids: BTreeSet<&str> = all.iter().map(|r| r.id()).collect();
        (ids.len(), all.len() - ids.len())
    });
    let (alerts, acks) = (promised.alerts.len(), promised.acks_for_sure.len());
    Count { kills, unready, requests: promised.requests, alerts, acks, pages, twice }
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Every incident that nobody has answered.
fn unanswered(foghorn: &Foghorn) -> BTreeSet<u64> {
    let mut all = BTreeSet::new();
    let mut path = "/api/v1/incidents?state=open&limit=1000".to_owned();
    loop {
        let page = foghorn.get(&path);
        // `open` is all that is not over.
        let open = page["incidents"].as_array().unwrap().iter().filter(|i| i["state"] == "open");
        all.extend(open.filter_map(|i| i["id"].as_u64()));
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return all,
        }
    }
}

fn check(foghorn: &mut Foghorn, hook: &Hook, promised: &Promised) {
    // Every alert that was taken is there, unless it was said to be over.
    let alerts = foghorn.get("/api/v2/alerts");
    let open: BTreeSet<String> = alerts
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|a| a["labels"]["id"].as_str())
        .map(str::to_owned)
        .collect();
    let lost: Vec<&String> =
        promised.alerts.iter().filter(|id| !open.contains(*id) && !promised.ended.contains(*id)).collect();
    assert!(lost.is_empty(), "alerts that were taken are lost: {lost:?}");
    let back: Vec<&String> = promised.ended_for_sure.iter().filter(|id| open.contains(*id)).collect();
    assert!(back.is_empty(), "alerts that were over are back: {back:?}");

    // Every acknowledgement that was taken is there.
    let unanswered = unanswered(foghorn);
    let forgotten: Vec<&u64> = promised.acks_for_sure.iter().filter(|id| unanswered.contains(id)).collect();
    assert!(forgotten.is_empty(), "acknowledgements that were taken are lost: {forgotten:?}");

    // Whoever has not answered is paged again, by a server that has just started; nobody else is.
    let before = hook.look(|all| all.len());
    until("every open incident to be escalated", || {
        hook.look(|all| {
            let paged: BTreeSet<u64> =
                all[before..].iter().filter(|r| r.kind() == "page").map(|r| r.incident()).collect();
            unanswered.iter().all(|id| paged.contains(id)).then_some(())
        })
    });
    hook.look(|all| {
        let again: Vec<_> = all[before..]
            .iter()
            .filter(|r| r.kind() == "page" && promised.acks_for_sure.contains(&r.incident()))
            .collect();
        assert!(again.is_empty(), "paged after an acknowledgement: {again:#?}");
    });

    // No page is lost: all that was taken was paged for, and the second step where nobody answered the first.
    until("every alert to be paged for", || {
        hook.look(|all| {
            let paged = |person: &str| -> BTreeSet<String> {
                let mine = all.iter().filter(|r| r.kind() == "page" && r.person() == person);
                mine.filter_map(|r| r.title().split(' ').find(|w| w.contains("lane")).map(str::to_owned))
                    .collect()
            };
            let (ana, bob) = (paged("ana"), paged("bob"));
            let second =
                unanswered.iter().all(|id| all.iter().any(|r| r.incident() == *id && r.person() == "bob"));
            (promised.alerts.iter().all(|id| ana.contains(id) || bob.contains(id)) && second).then_some(())
        })
    });

    assert!(foghorn.stop().success());
    assert_eq!(foghorn.verify()["whole"], true);
}

fn all_lanes(what: &str, forgetful: bool) {
    let each = crashes().div_ceil(LANES);
    let began = std::time::Instant::now();
    let total = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|n| scope.spawn(move || lane(n, each, forgetful))).collect();
        lanes.into_iter().fold(Count::default(), |sum, lane| {
            let one = lane.join().unwrap();
            Count {
                kills: sum.kills + one.kills,
                unready: sum.unready + one.unready,
                requests: sum.requests + one.requests,
                alerts: sum.alerts + one.alerts,
                acks: sum.acks + one.acks,
                pages: sum.pages + one.pages,
                twice: sum.twice + one.twice,
            }
        })
    });
    println!(
        "{what} {} times ({} of them before the first request was answered): {} requests were acknowledged, with {} alerts and {} acknowledgements, and all are there; \
         {} pages and notices went out, none was lost, {} were sent twice; {:.0} s",
        total.kills,
        total.unready,
        total.requests,
        total.alerts,
        total.acks,
        total.pages,
        total.twice,
        began.elapsed().as_secs_f64()
    );
    // A run in which nothing happened would prove nothing.
    assert!(
        total.requests > total.kills && total.acks > 0 && total.unready < total.kills,
        "too little happened"
    );
}

#[test]
fn killed() {
    all_lanes("kill -9", false);
}

#[test]
fn without_power() {
    all_lanes("the power went", true);
}
