//! The read model: the same whether it followed or was made anew, and made anew whenever it is not good.

use crate::kit::{Journal, Kit, OPEN, kit};
use foghorn_console::{Lag, ReadModel};
use foghorn_core::alert::AlertItem;
use foghorn_core::event::Event;
use foghorn_core::input::Input;
use foghorn_core::labels::Labels;
use foghorn_core::page::{Outcome, PageKey, PageKind};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Things that happen, of every kind that the read model looks at.
async fn busy() -> Kit {
    let kit = kit(OPEN).await;
    kit.past("first", "warning").await;
    kit.check("disk", Some("no answer")).await;
    kit.check("shop", Some("status is 502")).await;
    let key = PageKey {
        incident: 2,
        kind: PageKind::Page,
        wave: 1,
        round: 0,
        step: 0,
        person: "day-ops".into(),
        contact: 0,
    };
    kit.input(Input::Delivered { key, channel: None, outcome: Outcome::Accepted { detail: String::new() } })
        .await;
    kit.post("/api/v1/incidents/2/ack", "").await;
    kit.post("/api/v1/incidents/2/note", r#"{"text": "looking"}"#).await;
    kit.pass(1_300_000).await;
    kit.post("/api/v1/silences", r#"{"matchers": ["check=disk"], "for": "1h"}"#).await;
    kit.check("shop", None).await;
    kit.check("disk", None).await;
    kit.pass(10_000).await;
    kit.check("shop", Some("back")).await;
    kit.check("shop", None).await;
    kit.pass(3_600_000).await;
    kit.check("shop", Some("again")).await;
    kit.caught_up().await;
    kit
}

/// All rows of all tables, as text; of what lies many to a row each by itself, however they were folded.
fn dump(path: &Path) -> String {
    let db = Connection::open(path).unwrap();
    let mut out = String::new();
    for table in ["progress", "incident", "alert_news", "life"] {
        let mut query = db.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
        let columns = query.column_count();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> =
                (0..columns).map(|n| format!("{:?}", row.get_ref(n).unwrap())).collect();
            out += &format!("{table}: {}\n", values.join(", "));
        }
    }
    db.execute_batch("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, search, instance)").unwrap();
    let mut query = db.prepare("SELECT doc, term FROM temp.vocabulary ORDER BY 1, 2").unwrap();
    let mut rows = query.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (incident, word): (i64, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        out += &format!("search: {incident}, {word}\n");
    }
    for many in ["CAST(rows AS TEXT) FROM alerts", "CAST(records AS TEXT) FROM storm"] {
        let mut query = db.prepare(&format!("SELECT incident, {many} ORDER BY incident, first")).unwrap();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (incident, text): (i64, String) = (row.get(0).unwrap(), row.get(1).unwrap());
            for line in text.lines() {
                out += &format!("{many}: {incident}, {line}\n");
            }
        }
    }
    out
}

/// A read model of the same journal, once it has everything.
fn another(kit: &Kit, path: &Path, journal: Arc<Journal>) -> (ReadModel, Lag) {
    let last = journal.0.lock().unwrap().last().map_or(0, |(seq, _)| *seq);
    let model = ReadModel::start(path.to_owned(), journal, &kit.engine);
    for _ in 0..4000 {
        let lag = model.lag();
        if lag.seq == last && lag.error.is_none() {
            return (model, lag);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it does not catch up: {:?}", model.lag());
}

#[tokio::test]
async fn made_anew_is_the_same_as_followed() {
    let kit = busy().await;
    let followed = dump(&kit.dir.path().join("readmodel.db"));
    assert!(
        followed.contains("incident: Integer(1)") && followed.contains("incident: Integer(3)"),
        "{followed}"
    );
    assert!(followed.contains("search: 1, first") && followed.contains("search: 2, shop"), "{followed}");
    let path = kit.dir.path().join("anew.db");
    let (model, lag) = another(&kit, &path, kit.journal.clone());
    assert_eq!((dump(&path), lag.rebuilt), (followed.clone(), 1));
    drop(model);
    let (model, lag) = another(&kit, &path, kit.journal.clone());
    assert_eq!((dump(&path), lag.rebuilt), (followed, 0), "a good file is gone on with");
    drop(model);
}

/// What a storm brings is let go while it lasts, and read from the journal afterwards, what came before and after it beside it.
#[tokio::test]
async fn nothing_of_a_storm_is_missing_once_it_is_over() {
    let kit = busy().await;
    for batch in 0..3 {
        let alert = |n: u32| {
            let name = format!("storm-{batch}-{n}");
            AlertItem::firing(Labels::from_pairs([("alertname", &*name)]), Labels::empty())
        };
        kit.input(Input::Alerts { source: "prom".into(), items: (0..3400).map(alert).collect() }).await;
    }
    kit.post("/api/v1/incidents/1/note", r#"{"text": "after the storm"}"#).await;
    let last = kit.journal.0.lock().unwrap().last().map_or(0, |(seq, _)| *seq);
    assert!(last > 10_000);
    while kit.read_model.lag().seq < last {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let path = kit.dir.path().join("anew.db");
    let (model, _) = another(&kit, &path, kit.journal.clone());
    assert!(dump(&kit.dir.path().join("readmodel.db")) == dump(&path), "it differs from one made anew");
    drop(model);
}

#[tokio::test]
async fn what_is_damaged_old_or_of_another_journal_is_made_anew() {
    let kit = busy().await;
    let path = kit.dir.path().join("anew.db");
    let good = {
        drop(another(&kit, &path, kit.journal.clone()));
        dump(&path)
    };
    let spoil = |what: &str| match what {
        "no database" => std::fs::write(&path, b"this is not a database, this is a letter").unwrap(),
        "empty" => std::fs::write(&path, b"").unwrap(),
        "a hole" => {
            let mut bytes = std::fs::read(&path).unwrap();
            let len = bytes.len();
            bytes[4096..len].fill(0xaa);
            std::fs::write(&path, bytes).unwrap();
        }
        "cut" => std::fs::File::options().write(true).open(&path).unwrap().set_len(5000).unwrap(),
        "older" => Connection::open(&path).unwrap().pragma_update(None, "user_version", 0).unwrap(),
        "foreign" => Connection::open(&path).unwrap().pragma_update(None, "application_id", 1).unwrap(),
        _ => {
            let db = Connection::open(&path).unwrap();
            db.execute("UPDATE progress SET wall = wall + 1", []).unwrap();
            db.execute("UPDATE incident SET title = 'of another journal'", []).unwrap();
        }
    };
    for what in ["no database", "empty", "a hole", "cut", "older", "foreign", "another journal"] {
        spoil(what);
        let (model, lag) = another(&kit, &path, kit.journal.clone());
        assert_eq!(lag.rebuilt, 1, "{what}");
        drop(model);
        assert_eq!(dump(&path), good, "{what}");
    }
}

/// Large events are read a few at a time, and all of them.
#[tokio::test]
async fn what_is_large_is_read_to_the_end() {
    let kit = busy().await;
    let all = Arc::new(Journal::default());
    all.0.lock().unwrap().extend(kit.journal.0.lock().unwrap().iter().cloned());
    all.1.store(2, std::sync::atomic::Ordering::Relaxed);
    let last = all.0.lock().unwrap().last().map_or(0, |(seq, _)| *seq);
    let (model, lag) = another(&kit, &kit.dir.path().join("anew.db"), all);
    assert_eq!(lag.seq, last);
    drop(model);
}

#[tokio::test]
async fn a_shorter_journal_is_another_journal() {
    let kit = busy().await;
    let path = kit.dir.path().join("anew.db");
    drop(another(&kit, &path, kit.journal.clone()));
    let shorter = Arc::new(Journal::default());
    shorter.0.lock().unwrap().extend(kit.journal.0.lock().unwrap().iter().take(5).cloned());
    let (model, lag) = another(&kit, &path, shorter);
    assert_eq!((lag.seq, lag.rebuilt), (5, 1));
    drop(model);
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_is_said() {
    struct Gone;
    impl foghorn_console::ports::Events for Gone {
        fn page(&self, _: u64, _: usize) -> Result<foghorn_engine::Page, String> {
            Err("the disk is gone".to_owned())
        }
    }
    let kit = kit(OPEN).await;
    let model = ReadModel::start(kit.dir.path().join("gone.db"), Arc::new(Gone), &kit.engine);
    for _ in 0..4000 {
        if let Some(error) = model.lag().error {
            assert_eq!(error, "the journal cannot be read: the disk is gone");
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nothing is said");
}

/// The alert's events belong to the incident that it was part of at the time.
#[tokio::test]
async fn the_same_alert_in_two_incidents() {
    let kit = busy().await;
    for (id, summary) in [(2, "shop: status is 502"), (3, "shop: again")] {
        let timeline = kit.get(&format!("/api/v1/incidents/{id}/timeline")).await;
        let opened = |e: &&serde_json::Value| {
            e["type"] == "alert_opened" && e["text"].as_str().unwrap().contains(summary)
        };
        assert_eq!(
            timeline.json()["events"].as_array().unwrap().iter().filter(opened).count(),
            1,
            "{id}: {}",
            timeline.text
        );
    }
    // Every event that names an incident is in that incident's timeline.
    let records: Vec<foghorn_core::Record> =
        kit.journal.0.lock().unwrap().iter().map(|(_, json)| serde_json::from_slice(json).unwrap()).collect();
    let named = records.iter().filter(|r| r.event.incident() == Some(2)).count();
    let about_alerts =
        records.iter().filter(|r| r.event.incident().is_none() && r.event.alert().is_some()).count();
    let shown =
        kit.get("/api/v1/incidents/2/timeline?limit=1000").await.json()["events"].as_array().unwrap().len();
    assert!(named > 8 && shown >= named && shown <= named + about_alerts, "{named} {shown} {about_alerts}");
    assert!(
        records.iter().any(|r| matches!(r.event, Event::IncidentReopened { .. })),
        "the story has a return in it"
    );
}

/// One of a storm on the database, by its number.
fn item(n: u32) -> AlertItem {
    AlertItem {
        entity: Some("db".into()),
        ..AlertItem::firing(
            Labels::from_pairs([("alertname", "Slow".to_owned()), ("n", n.to_string())]),
            Labels::from_pairs([("summary", format!("number {n}"))]),
        )
    }
}

/// They lie many to a row; what is asked for begins and ends anywhere.
#[tokio::test]
async fn a_storm_that_is_over_is_read_a_page_at_a_time() {
    use foghorn_core::words::Severity;
    let kit = kit(OPEN).await;
    let send = |items: Vec<AlertItem>| kit.input(Input::Alerts { source: "prometheus".into(), items });
    let ended = |n: u32| AlertItem { ended: Some(kit.engine.view().at.wall), ..item(n) };
    send((0..300).map(item).collect()).await;
    send(vec![AlertItem { severity: Some(Severity::Critical), ..item(7) }]).await;
    // One ends, is back, and is called otherwise.
    send(vec![ended(11)]).await;
    let annotations = Labels::from_pairs([("summary", "number 11 again")]);
    send(vec![AlertItem { annotations, ..item(11) }]).await;
    send((0..299).map(ended).collect()).await;
    kit.post("/api/v1/incidents/1/resolve", "").await;
    kit.pass(3_600_000).await;
    kit.caught_up().await;

    let alerts = paged(&kit, 77, 0).await;
    let expected: Vec<String> = (0..300)
        .map(|n| if n == 11 { "number 11 again".to_owned() } else { format!("number {n}") })
        .collect();
    assert_eq!(summaries(&alerts), expected);
    assert!(alerts.iter().all(|a| a["status"] == "resolved" && a["ended_at"].is_string()));
    assert_eq!(alerts[7]["severity"], "critical");

    let (mut seqs, mut after) = (Vec::new(), String::new());
    loop {
        let page = kit.get(&format!("/api/v1/incidents/1/timeline?limit=90{after}")).await.json();
        let events = page["events"].as_array().unwrap().clone();
        assert!(
            events
                .iter()
                .all(|e| e["type"] != "alert_ended" || e["text"].as_str().unwrap().contains("number"))
        );
        seqs.extend(events.iter().map(|e| e["seq"].as_u64().unwrap()));
        let Some(next) = page["next"].as_u64() else { break };
        after = format!("&after={next}");
    }
    let of_it = |r: &foghorn_core::Record| r.event.incident() == Some(1);
    let records: Vec<foghorn_core::Record> =
        kit.journal.0.lock().unwrap().iter().map(|(_, json)| serde_json::from_slice(json).unwrap()).collect();
    let expected: Vec<u64> = records.iter().filter(|r| of_it(r)).map(|r| r.seq).collect();
    assert_eq!(seqs, expected);
    assert!(seqs.len() > 600);
}

/// What ends beyond the most that an incident holds is forgotten; if it is back, it is there twice, and either is read once.
#[tokio::test]
async fn an_alert_that_was_forgotten_and_is_back_is_paged_through() {
    let kit = kit(OPEN).await;
    let send = |items: Vec<AlertItem>| kit.input(Input::Alerts { source: "prometheus".into(), items });
    let ended = |n: u32| AlertItem { ended: Some(kit.engine.view().at.wall), ..item(n) };
    send((0..1010).map(item).collect()).await;
    send((0..1005).map(ended).collect()).await;
    send(vec![item(1001)]).await;
    let expected: Vec<String> = (0..1010)
        .filter(|n| !(1000..1005).contains(n))
        .chain([1001])
        .map(|n| format!("number {n}"))
        .collect();
    assert_eq!(summaries(&paged(&kit, 100, 0).await), expected, "what is held");
    send((1001..1010).map(ended).collect()).await;
    kit.post("/api/v1/incidents/1/resolve", "").await;
    kit.pass(3_600_000).await;
    kit.caught_up().await;
    let expected: Vec<String> = (0..1010).chain([1001]).map(|n| format!("number {n}")).collect();
    // Pages that end between the two, at the first, and at the second.
    for limit in [100, 1000, 1] {
        let rest = if limit == 1 { 990 } else { 0 };
        assert_eq!(summaries(&paged(&kit, limit, rest).await), expected[rest..], "{limit} a page");
    }
}

/// The first incident's alerts after a place, page by page.
async fn paged(kit: &Kit, limit: usize, after: usize) -> Vec<serde_json::Value> {
    let (mut alerts, mut after) = (Vec::new(), format!("&after={after}"));
    loop {
        let page = kit.get(&format!("/api/v1/incidents/1/alerts?limit={limit}{after}")).await.json();
        let more = page["alerts"].as_array().unwrap();
        assert!(!more.is_empty() && alerts.len() < 2000, "it goes on for ever");
        alerts.extend(more.iter().cloned());
        let Some(next) = page["next"].as_u64() else { break };
        after = format!("&after={next}");
    }
    alerts
}

fn summaries(alerts: &[serde_json::Value]) -> Vec<&str> {
    alerts.iter().map(|a| a["summary"].as_str().unwrap()).collect()
}
