//! The bulkheads: what one channel does to another, which is nothing.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Fake, answer, page, raw, secret};
use foghorn_config::model;
use foghorn_config::secret::Secret;
use foghorn_core::page::Outcome;
use foghorn_wake::channels::{Channel, build};
use foghorn_wake::{Limits, Message, Report, Sender};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

type Channels = BTreeMap<String, Arc<dyn Channel>>;

fn webhook(url: &str) -> Arc<dyn Channel> {
    Arc::from(build("w", &model::Channel::Webhook { url: secret(url), secret: None }).unwrap())
}

fn named(channels: Vec<(&str, Arc<dyn Channel>)>) -> Channels {
    channels.into_iter().map(|(name, c)| (name.to_owned(), c)).collect()
}

fn start(limits: Limits, channels: Channels) -> (Sender<u64>, UnboundedReceiver<Report<u64>>) {
    let (tx, rx) = unbounded_channel();
    let sender = Sender::new(Handle::current(), limits, channels, move |report| tx.send(report).unwrap());
    (sender, rx)
}

struct Panics;

impl Channel for Panics {
    fn send<'a>(&'a self, _message: &'a Message) -> BoxFuture<'a, Outcome> {
        panic!("a bug in a channel");
    }
}

#[tokio::test]
async fn a_dead_channel_delays_no_other() {
    let dead = raw(None).await;
    let fake = Fake::start(|_| answer(200, "")).await;
    let (sender, mut reports) =
        start(Limits::default(), named(vec![("dead", webhook(&dead)), ("good", webhook(&fake.url))]));
    for key in 0..500 {
        sender.send(key, "dead", page("ana"));
    }
    for key in 1000..1020 {
        sender.send(key, "good", page("ana"));
    }
    // The dead one has none to report yet, so all that comes is the good one's.
    for _ in 0..20 {
        let report = reports.recv().await.unwrap();
        assert_eq!((report.channel.as_str(), report.attempt), ("good", 1));
        assert!(matches!(report.outcome, Outcome::Accepted { .. }), "{report:?}");
    }
    let stats = sender.stats();
    assert_eq!((stats[0].channel.as_str(), stats[0].attempts, stats[0].under_way), ("dead", 0, 500));
    assert_eq!((stats[1].channel.as_str(), stats[1].accepted, stats[1].under_way), ("good", 20, 0));
}

#[tokio::test]
async fn every_attempt_has_a_deadline_and_every_queue_an_end() {
    let dead = raw(None).await;
    let smtp =
        model::Channel::Smtp { url: secret(dead.replace("http", "smtp")), from: "a@example.com".to_owned() };
    let limits = Limits { waiting: 2, at_a_time: 1, deadline: Duration::from_millis(200) };
    let (sender, mut reports) =
        start(limits, named(vec![("dead", webhook(&dead)), ("mail", Arc::from(build("m", &smtp).unwrap()))]));
    sender.send(0, "mail", page("ana@example.com"));
    assert!(matches!(reports.recv().await.unwrap().outcome, Outcome::Retry { .. }));
    for key in 0..4 {
        sender.send(key, "dead", page("ana"));
    }
    let mut errors = BTreeMap::new();
    for _ in 0..4 {
        let report = reports.recv().await.unwrap();
        let Outcome::Retry { error, .. } = report.outcome else { unreachable!("{:?}", report.outcome) };
        errors.insert(report.key, error);
    }
    assert_eq!(errors[&0], "no outcome within 200ms");
    assert_eq!(errors[&3], "2 messages already wait for channel \"dead\"");
    let stats = sender.stats();
    assert_eq!((stats[0].attempts, stats[0].retried, stats[0].refused, stats[0].under_way), (3, 3, 1, 0));
}

#[tokio::test]
async fn a_panic_stays_in_its_attempt() {
    let fake = Fake::start(|_| answer(200, "")).await;
    let (sender, mut reports) =
        start(Limits::default(), named(vec![("bug", Arc::new(Panics)), ("good", webhook(&fake.url))]));
    for key in 0..20 {
        sender.send(key, "bug", page("ana"));
    }
    for _ in 0..20 {
        assert!(matches!(reports.recv().await.unwrap().outcome, Outcome::Retry { .. }));
    }
    sender.send(99, "good", page("ana"));
    assert!(matches!(reports.recv().await.unwrap().outcome, Outcome::Accepted { .. }));
}

#[tokio::test]
async fn an_unknown_channel_is_told_and_a_reload_mends_it() {
    let fake = Fake::start(|_| answer(200, "")).await;
    let (sender, mut reports) = start(Limits::default(), Channels::new());
    sender.send(1, "hook", page("ana"));
    let report = reports.recv().await.unwrap();
    let error = "there is no channel \"hook\" in the configuration".to_owned();
    assert_eq!((report.key, report.outcome), (1, Outcome::Failed { error }));
    sender.update(named(vec![("hook", webhook(&fake.url))]));
    sender.send(2, "hook", page("ana"));
    assert!(matches!(reports.recv().await.unwrap().outcome, Outcome::Accepted { .. }));
    // What is under way when the channel goes is finished.
    let slow = Fake::start(|_| {
        std::thread::sleep(Duration::from_millis(100));
        answer(200, "")
    })
    .await;
    sender.update(named(vec![("hook", webhook(&slow.url))]));
    sender.send(3, "hook", page("ana"));
    sender.update(Channels::new());
    let report = reports.recv().await.unwrap();
    assert!(matches!((report.key, report.outcome), (3, Outcome::Accepted { .. })));
}

#[tokio::test]
async fn a_channel_that_refuses_or_cannot_be_used_is_known() {
    let fake = Fake::start(|_| answer(403, "")).await;
    let key = Secret::missing("KEY is not set");
    let keyless = model::Channel::Webhook { url: secret(&fake.url), secret: Some(key) };
    let keyless: Arc<dyn Channel> = Arc::from(build("keyless", &keyless).unwrap());
    let channels = || named(vec![("w", webhook(&fake.url)), ("keyless", keyless.clone())]);
    let (sender, mut reports) = start(Limits::default(), channels());
    assert_eq!(sender.why_not("keyless", "ana"), Some("KEY is not set".to_owned()), "before any attempt");
    assert_eq!(sender.why_not("gone", "ana"), Some("there is no such channel".to_owned()));
    let message = page("ana");
    for key in 0..3 {
        assert_eq!(sender.why_not("w", &message.to), None);
        sender.send(key, "w", message.clone());
        reports.recv().await.unwrap();
    }
    let why = sender.why_not("w", &message.to).unwrap();
    assert!(why.starts_with("the last 3 attempts were not accepted: ") && why.contains("403"), "{why}");
    assert_eq!(sender.why_not("w", "somebody else"), None);
    assert!(sender.refusing().is_empty(), "that takes a while");
    assert_eq!(sender.unusable("keyless"), Some("KEY is not set".to_owned()));
    sender.update(channels());
    assert_eq!(sender.why_not("w", &message.to), None, "after a reload it may be mended");
}
