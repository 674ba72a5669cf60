//! What an alert costs between the wire and the journal: deciding, folding, encoding; by batch, with many held.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a bench measures"
)]

use foghorn_core::State;
use foghorn_core::alert::AlertItem;
use foghorn_core::input::Input;
use foghorn_core::labels::Labels;
use foghorn_core::setup::Setup;
use foghorn_core::time::{Mono, Now, Span, Wall};
use foghorn_core::words::Severity;
use foghorn_engine::engine::{Appended, Limits};
use foghorn_engine::{Action, BatchId, Class, Command, Engine};
use std::sync::Arc;
use std::time::Instant;

const SETUP: &str = r#"{
  "people": { "ana": { "name": "Ana", "time_zone": "UTC", "contacts": [ { "channel": "push" } ] } },
  "escalations": { "default": { "steps": [ { "page": [ { "person": "ana" } ], "wait": 300000 } ] } },
  "integrations": { "prom": { "group_by": ["alertname"], "max_alerts": 10000000 } }
}"#;

fn alert(n: usize) -> Input {
    let labels = Labels::from_pairs([
        ("alertname", "Bench".to_owned()),
        ("host", format!("h{n}")),
        ("severity", "warning".to_owned()),
    ]);
    let annotations = Labels::from_pairs([("summary", "a benchmark alert of some length")]);
    let lifetime = Some(Span::hours(12));
    let item =
        AlertItem { severity: Some(Severity::Warning), lifetime, ..AlertItem::firing(labels, annotations) };
    Input::Alerts { source: "prom".into(), items: vec![item] }
}

fn main() {
    let now = Now { mono: Mono(1000), wall: Wall(1_790_000_000_000) };
    let mut engine = Engine::new(
        State::default(),
        0,
        BatchId::default(),
        [7; 16],
        Limits { snapshot_every: u64::MAX, ..Limits::default() },
    );
    let setup: Setup = serde_json::from_str(SETUP).unwrap();
    engine.on(
        Action::Submit {
            input: Input::AdoptConfig { hash: "1".into(), setup: Arc::new(setup) },
            class: Class::World,
            ticket: None,
        },
        now,
    );
    let mut view = None;
    let mut step = |engine: &mut Engine| {
        let mut bytes = 0;
        let mut commands = engine.on(Action::Poll, now);
        while let Some(c) = commands.pop() {
            if let Command::Append(a) = c {
                bytes +=
                    a.written.records.iter().map(|r| serde_json::to_vec(&**r).unwrap().len()).sum::<usize>();
                commands.extend(engine.on(Action::Appended { id: a.id, result: Appended::Durable }, now));
            }
        }
        // Somebody always holds the last view.
        view = engine.view(now).or(view.take());
        bytes
    };
    step(&mut engine);
    let mut n = 0;
    for batch in [1_usize, 8, 64, 1000] {
        let rounds = 40_000 / batch;
        let inputs: Vec<Input> = (0..rounds * batch).map(|i| alert(n + i)).collect();
        n += inputs.len();
        let began = Instant::now();
        let mut bytes = 0;
        let mut inputs = inputs.into_iter();
        for _ in 0..rounds {
            for input in inputs.by_ref().take(batch) {
                engine.on(Action::Submit { input, class: Class::Intake, ticket: None }, now);
            }
            bytes += step(&mut engine);
        }
        let each = began.elapsed().as_secs_f64() / (rounds * batch) as f64;
        println!(
            "{batch:>5} a batch: {:>6.2} us an alert, {:>4} bytes, {n} held",
            each * 1e6,
            bytes / (rounds * batch)
        );
    }
}
