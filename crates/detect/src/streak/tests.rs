use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

const EVERY: Span = Span::secs(10);

fn rule(fail_after: u32, recover_after: u32) -> Rule {
    Rule::new(fail_after, recover_after, EVERY)
}

fn reading(letter: char) -> Reading {
    match letter {
        'g' => Reading::Good,
        'b' => Reading::Bad(Grade::Full),
        'w' => Reading::Bad(Grade::Partial),
        _ => Reading::Unknown,
    }
}

/// Runs a row of letters, one every ten seconds, and writes what was told: `F`ailing, `W`orse, `L`ess bad, `R`ecovered,
/// `U`nknown, `~` flapping, `.` nothing; lower case `f` for one that flaps from the start.
fn told(rule: &Rule, mut streak: Streak, letters: &str) -> alloc::string::String {
    let mut out = alloc::string::String::new();
    for (i, letter) in letters.chars().enumerate() {
        let at = Mono(EVERY.0 * i as u64);
        out.push(match streak.on(rule, at, reading(letter)).change {
            None => '.',
            Some(Change::Failing { flapping: false, .. }) => 'F',
            Some(Change::Failing { flapping: true, .. }) => 'f',
            Some(Change::Graded { grade: Grade::Full, .. }) => 'W',
            Some(Change::Graded { grade: Grade::Partial, .. }) => 'L',
            Some(Change::Flapping { .. }) => '~',
            Some(Change::Recovered { .. }) => 'R',
            Some(Change::Unknown { .. }) => 'U',
        });
    }
    out
}

#[test]
fn rows_are_told_once() {
    for (why, r, input, want) in [
        ("good from the start is no news", rule(2, 2), "ggg", "..."),
        ("one failure is not failing", rule(2, 2), "gbgg", "...."),
        ("two are, once", rule(2, 2), "gbbbb", "..F.."),
        ("one good one is no recovery", rule(2, 2), "bbgbb", ".F..."),
        ("two are", rule(2, 2), "bbggg", ".F.R."),
        ("the first failure counts with fail_after 1", rule(1, 1), "bg", "FR"),
        ("unknown breaks the row", rule(2, 2), "b?b?b", "....."),
        ("a lasting unknown is told once", rule(2, 2), "???", ".U."),
        ("and good after it", rule(2, 2), "??ggg", ".U.R."),
        ("unknown is no recovery", rule(2, 2), "bb??gbb", ".F.U..F"),
        ("a warning gets worse", rule(2, 2), "wwwbwbbb", ".F....W."),
        ("a mixed row is as bad as its worst", rule(2, 2), "wbbb", ".F.."),
        ("and less bad once that was long ago", rule(2, 2), "bwww", ".FL."),
        ("what was critical is a warning, and critical again", rule(2, 3), "bbwwwwbb", ".F..L..W"),
        ("one warning among them is none", rule(2, 2), "bbwbwbwb", ".F......"),
    ] {
        assert_eq!(told(&r, Streak::new(), input), want, "{why}: {input}");
    }
}

#[test]
fn an_open_alert_is_not_told_again_but_its_end_is() {
    assert_eq!(told(&rule(2, 2), Streak::open(Mono(0), Grade::Full), "bbbb"), "....");
    assert_eq!(told(&rule(2, 2), Streak::open(Mono(0), Grade::Full), "gbgg"), "...R");
}

#[test]
fn an_open_warning_is_told_when_it_gets_worse_and_an_open_failure_when_it_is_a_warning() {
    assert_eq!(told(&rule(2, 2), Streak::open(Mono(0), Grade::Partial), "wwbbb"), "...W.");
    assert_eq!(told(&rule(2, 2), Streak::open(Mono(0), Grade::Full), "wwwgg"), ".L..R");
}

#[test]
fn what_flaps_is_as_bad_as_it_was_seen_to_be() {
    let grades = |letters: &str| -> Vec<Grade> {
        let mut s = Streak::new();
        let step = |(i, l)| s.on(&rule(3, 2), Mono(EVERY.0 * i as u64), reading(l)).change;
        let changes: Vec<Change> = letters.chars().enumerate().filter_map(step).collect();
        changes
            .into_iter()
            .filter_map(|c| match c {
                Change::Failing { grade, .. }
                | Change::Graded { grade, .. }
                | Change::Flapping { grade, .. } => Some(grade),
                Change::Recovered { .. } | Change::Unknown { .. } => None,
            })
            .collect()
    };
    assert_eq!(grades(&"gw".repeat(15)), [Grade::Partial]);
    assert_eq!(grades(&"gb".repeat(15)), [Grade::Full]);
    // One is enough then: it never fails three times in a row.
    assert_eq!(grades(&alloc::format!("{}gbgw", "gw".repeat(15))), [Grade::Partial, Grade::Full]);
}

#[test]
fn an_open_alert_that_was_unknown_is_told_as_it_is() {
    for (input, want) in [("bbb", ".F."), ("bbgg", ".F.R"), ("gg", ".R"), ("???", ".U."), ("?bb", "..F")] {
        assert_eq!(told(&rule(2, 2), Streak::open_unknown(), input), want, "{input}");
    }
}

#[test]
fn going_down_again_and_again_is_one_alert_until_it_is_calm() {
    // Down and up twice, then held: no further Recovered until five minutes (30 results) without a change.
    let restless = "gbbggbbggbbggbbgg";
    assert_eq!(told(&rule(2, 2), Streak::new(), restless), "..F.R.F~.........");
    let calm = alloc::format!("{restless}{}", "g".repeat(40));
    let out = told(&rule(2, 2), Streak::new(), &calm);
    assert_eq!(out.matches('R').count(), 2, "{out}");
    // The last change was the good result at index 15, so calm is reached at 15 + 30.
    assert_eq!(out.rfind('R'), Some(45), "{out}");
}

#[test]
fn one_that_never_fails_twice_in_a_row_is_still_found() {
    let out = told(&rule(3, 2), Streak::new(), &"gb".repeat(15));
    assert_eq!(out.matches('f').count(), 1, "{out}");
    assert_eq!(out.find('f'), Some(10), "half of 20 results: {out}");
    assert!(!out.contains('R'), "{out}");
}

#[test]
fn a_lost_packet_in_ten_does_not_flap() {
    let out = told(&rule(2, 2), Streak::new(), &"gggggggggb".repeat(10));
    assert!(out.chars().all(|c| c == '.'), "{out}");
}

#[test]
fn a_first_failure_wants_a_confirmation_and_a_known_one_does_not() {
    let r = rule(2, 2);
    let mut s = Streak::new();
    let next = |s: &mut Streak, at: u64, letter| s.on(&r, Mono(at), reading(letter)).next;
    assert_eq!(next(&mut s, 0, 'g'), Next::Scheduled);
    assert_eq!(next(&mut s, 1, 'b'), Next::Soon);
    assert_eq!(next(&mut s, 2, 'b'), Next::Scheduled);
    assert_eq!(next(&mut s, 3, 'g'), Next::Soon);
    assert_eq!(next(&mut s, 4, 'g'), Next::Scheduled);
}

#[test]
fn since_is_when_the_first_failure_was_seen() {
    let r = rule(3, 1);
    let mut s = Streak::new();
    let changes: Vec<_> = (1..=3).filter_map(|i| s.on(&r, Mono(i * 1000), reading('b')).change).collect();
    assert_eq!(changes, [Change::Failing { since: Mono(1000), grade: Grade::Full, flapping: false }]);
    s.on(&r, Mono(4000), reading('?'));
    s.on(&r, Mono(5000), reading('?'));
    s.on(&r, Mono(6000), reading('?'));
    // It was failing before it was unknown: the story goes on.
    let again: Vec<_> = (7..=9).filter_map(|i| s.on(&r, Mono(i * 1000), reading('b')).change).collect();
    assert_eq!(again, [Change::Failing { since: Mono(1000), grade: Grade::Full, flapping: false }]);
}

proptest! {
    #[test]
    fn whatever_comes(
        fail_after in 1u32..5,
        recover_after in 1u32..5,
        open in any::<bool>(),
        letters in proptest::collection::vec(proptest::sample::select(&['g', 'g', 'b', 'b', 'w', '?', '!']), 0..200),
    ) {
        let r = rule(fail_after, recover_after);
        let mut s = if open { Streak::open(Mono(0), Grade::Full) } else { Streak::new() };
        let mut alert = open;
        let (mut good, mut bad) = (0, 0);
        let mut soon = 0;
        for (i, letter) in letters.iter().enumerate() {
            if *letter == '!' {
                s.interrupt();
                // Rows are counted from here.
                (good, bad, soon) = (0, 0, 0);
                continue;
            }
            let (was_flapping, was) = (s.is_flapping(), s.failing().map(|(_, grade)| grade));
            let step = s.on(&r, Mono(i as u64 * 1000), reading(*letter));
            (good, bad) = match letter {
                'g' => (good + 1, 0),
                'b' | 'w' => (0, bad + 1),
                _ => (0, 0),
            };
            match step.change {
                Some(Change::Failing { flapping, .. }) => {
                    prop_assert!(!alert, "told twice without an end");
                    prop_assert!(flapping || bad >= fail_after, "told before it was due");
                    alert = true;
                }
                Some(Change::Recovered { .. }) => {
                    prop_assert!(good >= recover_after, "recovered without good results");
                    prop_assert!(!s.is_flapping(), "recovered while it flaps");
                    alert = false;
                }
                Some(Change::Unknown { .. }) => {
                    prop_assert_eq!(*letter, '?');
                    alert = false;
                }
                Some(Change::Flapping { .. }) => {
                    prop_assert!(alert && !was_flapping, "flapping is told once, of a failing check");
                }
                Some(Change::Graded { grade, .. }) => {
                    prop_assert!(alert);
                    prop_assert_eq!(s.failing().map(|(_, now)| now), Some(grade));
                    prop_assert_ne!(was, Some(grade), "told twice");
                }
                None => {}
            }
            if bad >= fail_after {
                prop_assert!(s.is_failing(), "failed {} times in a row and nothing was told", bad);
            }
            // Confirmations end: a steady row decides, a restless one flaps.
            soon = if step.next == Next::Soon { soon + 1 } else { 0 };
            let rows = 1 + letters[..=i].iter().rev().take(soon).collect::<Vec<_>>().windows(2).filter(|w| w[0] != w[1]).count();
            prop_assert!(soon < rows * fail_after.max(recover_after) as usize);
            if s.is_flapping() {
                prop_assert_eq!(step.next, Next::Scheduled);
            }
        }
    }
}
