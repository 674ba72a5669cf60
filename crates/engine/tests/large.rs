//! Inputs that are large: no batch is more than the journal takes, and none that it will not take keeps it away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod owner;

use foghorn_core::alert::AlertItem;
use foghorn_core::input::{Answer, Input, Refusal};
use foghorn_core::labels::Labels;
use foghorn_engine::engine::{Appended, Found, Limits};
use foghorn_engine::{Action, Class, Engine, Reply};
use owner::{Owner, ack, alert};

const KIB: usize = 1 << 10;

fn limits() -> Limits {
    Limits { batch_bytes: 64 * KIB, input_bytes: 256 * KIB, ..Limits::default() }
}

/// What the journal takes in one batch.
fn most() -> usize {
    2 * limits().batch_bytes + limits().input_bytes
}

fn owner() -> Owner {
    let mut o = Owner::new();
    o.engine = Engine::new(o.replayed(), o.disk.len() as u64, o.head, [8; 16], limits());
    o
}

/// So many bytes of annotations.
fn large(n: usize, bytes: usize) -> Input {
    let labels = Labels::from_pairs([("alertname", "Large".to_string()), ("n", n.to_string())]);
    let annotations = Labels::from_pairs([("description", "d".repeat(bytes))]);
    Input::Alerts { source: "prom".into(), items: vec![AlertItem::firing(labels, annotations)] }
}

/// As [`Owner::flow`], by a journal that takes no more bytes than it does.
fn flow(o: &mut Owner) -> Vec<usize> {
    let mut sizes = Vec::new();
    while let Some(a) = &o.held {
        let size = a.written.lines.len();
        assert!(size < most(), "{size} bytes");
        sizes.push(size);
        let id = o.write();
        o.on(Action::Appended { id, result: Appended::Durable });
    }
    sizes
}

#[test]
fn a_batch_is_closed_by_bytes() {
    let mut o = owner();
    let tickets: Vec<u64> = (0..100).map(|n| o.submit(Class::Intake, large(n, 20 * KIB))).collect();
    let sizes = flow(&mut o);
    assert!(sizes.len() > 10, "{sizes:?}");
    assert!(tickets.iter().all(|t| o.reply(*t) == Some(&Reply::Saved(Answer::Done))));
    assert!(o.other.is_empty(), "{:?}", o.other);
    assert_eq!(&o.replayed(), o.engine.state());
}

#[test]
fn what_was_kept_is_written_in_several_batches() {
    let mut o = owner();
    o.submit(Class::Intake, alert(0));
    let id = o.held.take().unwrap().id;
    o.on(Action::Appended { id, result: Appended::Refused("disk full".into()) });
    for n in 0..100 {
        o.submit(Class::Intake, large(n, 20 * KIB));
    }
    o.submit(Class::Paging, ack(1));
    o.wait(1000);
    o.on(Action::Settled { found: Found::Head(o.head) });
    // The disk takes the first of them, and is away again; nothing is written twice or left out.
    let id = o.write();
    o.on(Action::Appended { id, result: Appended::Durable });
    assert!(o.engine.is_degraded(), "there is more to write");
    assert!(o.engine.state().incident(1).unwrap().is_acknowledged(), "memory stays in effect until then");
    let id = o.held.take().unwrap().id;
    o.on(Action::Appended { id, result: Appended::Refused("disk full".into()) });
    o.wait(1000);
    o.on(Action::Settled { found: Found::Head(o.head) });
    let sizes = flow(&mut o);
    assert!(sizes.len() > 10, "{sizes:?}");
    assert!(!o.engine.is_degraded() && o.engine.state().incident(1).unwrap().is_acknowledged());
    assert_eq!(
        (o.other.last().unwrap().as_str(), o.engine.state().alerts.size()),
        ("recovered, 0 lost", 101)
    );
    assert_eq!(&o.replayed(), o.engine.state());
}

#[test]
fn an_input_that_would_write_too_much_is_refused_to_its_sender_alone() {
    let mut o = owner();
    let before = o.submit(Class::Intake, large(1, KIB));
    let bad = o.submit(Class::Intake, large(2, 300 * KIB));
    let after = o.submit(Class::Intake, large(3, KIB));
    flow(&mut o);
    assert!(
        matches!(o.reply(bad), Some(Reply::Refused(Refusal::Invalid { why })) if why.contains("send less"))
    );
    for t in [before, after] {
        assert_eq!(o.reply(t), Some(&Reply::Saved(Answer::Done)));
    }
    assert!(o.other.len() == 1 && o.other[0].starts_with("set aside: 1 alerts of prom ("), "{:?}", o.other);
    assert_eq!((o.engine.stats().panics, &o.replayed()), (1, o.engine.state()));
}

/// Whatever it is in a batch that the journal never takes: it is found, and everything else is written.
#[test]
fn what_the_journal_never_takes_is_found_and_set_aside() {
    for away in [false, true] {
        let mut o = owner();
        if away {
            o.submit(Class::Intake, alert(0));
            let id = o.held.take().unwrap().id;
            o.on(Action::Appended { id, result: Appended::Refused("disk full".into()) });
        }
        let tickets: Vec<u64> = (0..21).map(|n| o.submit(Class::Intake, large(n, 10))).collect();
        if away {
            o.wait(1000);
            o.on(Action::Settled { found: Found::Head(o.head) });
        }
        let mut appends = 0;
        while let Some(a) = &o.held {
            appends += 1;
            assert!(appends < 100, "it goes on for ever");
            let id = a.id;
            let bad = a.written.lines.windows(8).any(|w| w == br#""n":"13""#);
            let result = if bad { Appended::Invalid("no".into()) } else { Appended::Durable };
            match bad {
                true => drop(o.held.take()),
                false => drop(o.write()),
            }
            o.on(Action::Appended { id, result });
        }
        assert!(!o.engine.is_degraded());
        assert_eq!(o.other.iter().filter(|line| *line == "set aside: 1 alerts of prom (no)").count(), 1);
        assert_eq!(
            (o.engine.state().alerts.size(), &o.replayed()),
            (20 + usize::from(away), o.engine.state())
        );
        for (n, t) in tickets.iter().enumerate().filter(|_| !away) {
            let expected = match n {
                13 => Reply::Refused(Refusal::Invalid { why: "no".into() }),
                _ => Reply::Saved(Answer::Done),
            };
            assert_eq!(o.reply(*t), Some(&expected), "{n}");
        }
    }
}
