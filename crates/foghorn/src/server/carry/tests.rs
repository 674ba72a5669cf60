//! What people did while the journal could not be read, done again.

use super::*;
use foghorn_core::alert::AlertItem;
use foghorn_core::decide;
use foghorn_core::labels::Labels;
use foghorn_core::setup::Setup;
use foghorn_core::time::{Mono, Now};
use foghorn_core::update::Stage;
use foghorn_core::words::{Name, Severity, Via};
use std::collections::BTreeSet;
use std::sync::Arc;

const AT: Wall = Wall(1_793_588_400_000);

fn ana() -> Actor {
    Actor { name: Name::from("ana"), via: Via::Console }
}

/// A server: what it decides, from one number of incidents on.
#[derive(Default)]
struct Server(State);

impl Server {
    fn put(&mut self, input: &Input) -> Answer {
        let now = Now { mono: Mono(1_000_000), wall: AT };
        decide(&mut self.0, now, input, &mut Vec::new()).unwrap()
    }

    fn fires(&mut self, name: &str, severity: Severity) {
        let labels = Labels::from_pairs([("alertname", name), ("service", "shop")]);
        let item = AlertItem {
            severity: Some(severity),
            ..AlertItem::firing(labels, Labels::from_pairs([("summary", name)]))
        };
        self.put(&Input::Alerts { source: "prometheus".into(), items: vec![item] });
    }

    /// What somebody does here, where nothing is saved.
    fn act(&mut self, input: Input) -> Act {
        let mut carrying = Carrying::default();
        carrying.asked(1, AT, &input);
        let answer = self.put(&input);
        carrying.answered(1, &Reply::NotSaved(answer, "full".into()), &self.0);
        carrying.acts().remove(0)
    }

    fn next(&self, act: &Act) -> Next {
        next(act, &self.0, &BTreeMap::new(), AT + Span::mins(10))
    }
}

#[test]
fn an_act_counts_for_what_it_was_about_and_no_more() {
    let (mut memory, mut journal) = (Server::default(), Server::default());
    // Number 1 is another one in the journal.
    journal.put(&Input::Open {
        title: "other".into(),
        severity: Severity::Critical,
        entity: None,
        escalation: None,
        note: None,
        by: ana(),
    });
    memory.fires("Slow", Severity::Warning);
    let acknowledged = memory.act(Input::Acknowledge { incident: 1, by: ana(), revision: None });
    let resolved = memory.act(Input::Resolve { incident: 1, by: ana() });
    assert_eq!((journal.next(&acknowledged), journal.next(&resolved)), (Next::Wait, Next::Wait));
    journal.fires("Slow", Severity::Warning);
    assert_eq!(
        (journal.next(&acknowledged), journal.next(&resolved)),
        (
            Next::Do(Input::Acknowledge { incident: 2, by: ana(), revision: None }),
            Next::Do(Input::Resolve { incident: 2, by: ana() })
        )
    );
    // It is worse than it was shown.
    journal.fires("Down", Severity::Critical);
    for (act, word) in [(&acknowledged, "acknowledged at"), (&resolved, "resolved at")] {
        let Next::Do(Input::Note { incident: 2, text, .. }) = journal.next(act) else {
            panic!("{:?}", journal.next(act))
        };
        assert!(text.starts_with(word), "{text}");
    }
}

#[test]
fn a_silence_ends_when_it_was_to_end() {
    let silence_from = |starts, ends| Input::Silence {
        id: "s".into(),
        matchers: Vec::new(),
        entities: BTreeSet::from([Name::from("shop")]),
        starts,
        ends,
        comment: "work".into(),
        maintenance: false,
        by: ana(),
    };
    let silence = |ends| silence_from(None, ends);
    let next_of = |input| {
        let mut memory = Server::default();
        let act = memory.act(input);
        memory.next(&act)
    };
    let next = |ends| next_of(silence(ends));
    assert_eq!(next(Ends::After(Span::mins(30))), Next::Do(silence(Ends::After(Span::mins(20)))));
    assert_eq!(next(Ends::After(Span::mins(10))), Next::Over);
    assert_eq!(next(Ends::At(AT + Span::mins(5))), Next::Over);
    // One that was to begin later.
    let from = Some(AT + Span::mins(60));
    let later = silence_from(from, Ends::At(AT + Span::mins(65)));
    assert_eq!(next_of(silence_from(from, Ends::After(Span::mins(5)))), Next::Do(later));
    assert_eq!(next_of(silence_from(Some(AT), Ends::After(Span::mins(5)))), Next::Over);
}

/// In the journal the incident has updates that nobody in memory knew.
#[test]
fn a_correction_finds_the_update_that_it_was_about() {
    let (mut memory, mut journal) = (Server::default(), Server::default());
    let say = |text: &str| Input::StatusUpdate {
        incident: 1,
        by: ana(),
        stage: Stage::Identified,
        text: text.into(),
    };
    for server in [&mut memory, &mut journal] {
        server.0.setup =
            Arc::new(Setup { components: [("Shop".into(), vec!["shop".into()])].into(), ..Setup::default() });
        server.fires("Slow", Severity::Warning);
    }
    journal.put(&say("before"));
    let told = memory.act(say("All orders fail."));
    let text = Some("Some orders fail.".to_owned());
    let corrected =
        memory.act(Input::CorrectUpdate { incident: 1, number: 1, by: ana(), revision: Some(0), text });
    let done = |journal: &Server, act: &Act, known: &BTreeMap<_, _>| match journal.next(act) {
        Next::Do(input) => renumbered(input, &act.input, known),
        other => panic!("{other:?}"),
    };
    assert_eq!(done(&journal, &corrected, &BTreeMap::new()), None, "it never came");
    let input = done(&journal, &told, &BTreeMap::new()).unwrap();
    journal.put(&input);
    let known = BTreeMap::from([(1, vec![number_of(&input, &journal.0)])]);
    journal.put(&done(&journal, &corrected, &known).unwrap());
    let texts: Vec<&str> = journal.0.updates(1).iter().map(|u| u.text.as_str()).collect();
    assert_eq!(texts, ["before", "Some orders fail."]);
}
