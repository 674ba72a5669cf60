//! Whose turn it is: what must be decided now comes before what has queued, and nothing waits for ever.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod owner;

use foghorn_core::input::{Answer, Input, Refusal};
use foghorn_core::time::Now;
use foghorn_core::{Event, State};
use foghorn_engine::engine::{Appended, Found, Limits};
use foghorn_engine::{Action, BatchId, Class, Engine};
use owner::{Owner, ack, alert};
use proptest::prelude::*;
use std::cell::RefCell;

thread_local! {
    /// The numbers of the inputs, as they were decided first.
    static DECIDED: RefCell<Vec<i64>> = const { RefCell::new(Vec::new()) };
}

/// Every input has a number and becomes one event.
fn numbered(_: &mut State, _: Now, input: &Input, events: &mut Vec<Event>) -> Result<Answer, Refusal> {
    if let Input::ClockStep { by } = input {
        DECIDED.with_borrow_mut(|all| {
            if !all.contains(by) {
                all.push(*by)
            }
        });
        events.push(Event::ClockStepped { by: *by });
    }
    Ok(Answer::Done)
}

#[derive(Clone, Copy, Debug)]
enum Do {
    Submit(Class),
    Poll,
    Durable,
    Refused,
}

fn doing() -> impl Strategy<Value = Do> {
    prop_oneof![
        3 => Just(Do::Submit(Class::Paging)),
        2 => Just(Do::Submit(Class::World)),
        12 => Just(Do::Submit(Class::Intake)),
        3 => Just(Do::Poll),
        3 => Just(Do::Durable),
        1 => Just(Do::Refused),
    ]
}

/// The journal answers, whatever it was asked.
fn answer(o: &mut Owner, refused: bool) {
    if o.engine.is_degraded() {
        o.wait(1000);
        let head = o.head;
        o.on(Action::Settled { found: Found::Head(head) });
    }
    let Some(append) = &o.held else { return };
    let id = append.id;
    if refused {
        o.held = None;
        o.on(Action::Appended { id, result: Appended::Refused("disk full".into()) });
    } else {
        o.write();
        o.on(Action::Appended { id, result: Appended::Durable });
    }
}

proptest! {
    /// Whatever comes and however the journal answers: each is decided, in order within its class, and before one of
    /// `Paging` is, after it came, no more of the others than one for every seven of `Paging` that were there before it.
    #[test]
    fn what_must_be_decided_now_waits_for_nothing_that_has_queued(
        doing in prop::collection::vec(doing(), 1..300),
        batch_inputs in 1_usize..40,
    ) {
        DECIDED.with_borrow_mut(Vec::clear);
        let mut o = Owner::new();
        let limits = Limits { batch_inputs, ..Limits::default() };
        o.head = BatchId::default();
        o.disk.clear();
        o.engine = Engine::new(State::default(), 0, o.head, [9; 16], limits).with_rules(numbered);
        // Of each in turn: class, and how many had been decided when it came.
        let mut came: Vec<(Class, usize)> = Vec::new();
        for what in doing {
            match what {
                Do::Submit(class) => {
                    came.push((class, DECIDED.with_borrow(Vec::len)));
                    let input = Input::ClockStep { by: came.len() as i64 - 1 };
                    o.on(Action::Submit { input, class, ticket: None });
                }
                Do::Poll => o.on(Action::Poll),
                Do::Durable => answer(&mut o, false),
                Do::Refused => answer(&mut o, true),
            }
        }
        for _ in 0..2 * came.len() + 4 {
            o.on(Action::Poll);
            answer(&mut o, false);
        }
        let decided: Vec<usize> = DECIDED.with_borrow(|all| all.iter().map(|n| usize::try_from(*n).unwrap()).collect());
        prop_assert_eq!(decided.len(), came.len(), "nothing is left waiting");
        for first in [true, false] {
            let of = |n: &&usize| (came[**n].0 == Class::Paging) == first;
            prop_assert!(decided.iter().filter(of).is_sorted(), "{:?}", decided);
        }
        for (place, n) in decided.iter().enumerate().filter(|(_, n)| came[**n].0 == Class::Paging) {
            let since = &decided[came[*n].1..place];
            let paging = since.iter().filter(|m| came[**m].0 == Class::Paging).count();
            let others = since.len() - paging;
            prop_assert!(others <= paging / 7 + 1, "{} waited for {} others behind {}", n, others, paging);
        }
    }

    /// However much of `Paging` keeps coming, one in eight is not.
    #[test]
    fn the_others_are_not_starved(flood in 1_usize..100) {
        DECIDED.with_borrow_mut(Vec::clear);
        let mut o = Owner::new();
        o.head = BatchId::default();
        o.disk.clear();
        o.engine = Engine::new(State::default(), 0, o.head, [9; 16], Limits::default()).with_rules(numbered);
        let classes = (0..flood).map(|_| Class::Paging).chain((0..flood).map(|_| Class::Intake));
        for (n, class) in classes.enumerate() {
            o.on(Action::Submit { input: Input::ClockStep { by: n as i64 }, class, ticket: None });
        }
        o.on(Action::Poll);
        o.flow();
        let others = |all: &Vec<i64>| all[..flood].iter().filter(|n| **n >= flood as i64).count();
        prop_assert_eq!(DECIDED.with_borrow(others), flood / 8);
    }
}

/// A page that is due and a person's answer go into the next batch, however many alerts were there before and although
/// these fill it.
#[test]
fn an_acknowledgement_comes_before_a_flood_of_alerts() {
    let mut o = Owner::new();
    let limits = Limits { batch_inputs: 10, ..Limits::default() };
    o.engine = Engine::new(o.replayed(), o.disk.len() as u64, o.head, [9; 16], limits);
    o.submit(Class::Intake, alert(0));
    o.flow();
    for n in 1..1000 {
        o.submit(Class::Intake, alert(n));
    }
    let acked = o.submit(Class::Paging, ack(1));
    let first = o.write();
    o.on(Action::Appended { id: first, result: Appended::Durable });
    assert_eq!(o.reply(acked), None);
    let second = o.write();
    o.on(Action::Appended { id: second, result: Appended::Durable });
    assert!(o.engine.queued() > 900);
    assert!(o.reply(acked).is_some(), "with the batch that was being decided when it came");
    assert!(o.engine.state().incident(1).unwrap().is_acknowledged());
}
