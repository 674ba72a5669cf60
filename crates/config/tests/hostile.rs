//! Whatever stands in a file: no panic, and no secret in what is said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use foghorn_config::expect::Expectation;
use foghorn_config::parse;
use proptest::prelude::*;
use std::path::Path;

const FULL: &str = include_str!("good/full.yaml");
const SECRETS: [&str; 11] = [
    "viewer-token-0000",
    "prometheus-token",
    "0123456789abcdef0123456789abcdef",
    "user:pass",
    "hooks.example.com/x",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "tk_0000",
    "tw-token",
    "own-key",
    "7f0c3a3e-5b8e-4f8e-9c0d-0123456789ab",
    "variable-secret-0123",
];

fn said(text: &str) -> String {
    let environment = |name: &str| (name == "CI_TOKEN").then(|| "variable-secret-0123".to_owned());
    match parse(text, "f", Path::new("tests/good"), &environment) {
        Ok(config) => format!("{config:?}"),
        Err(errors) => {
            assert!(!errors.0.is_empty());
            assert!(errors.0.iter().all(|p| p.line > 0 && p.column > 0 && p.width > 0));
            format!("{}{}", errors.render(true), errors.to_json())
        }
    }
}

/// Some line of the file after another, cut, doubled, bent: every way to fail that a slip of the hand finds.
#[test]
fn no_slip_of_the_hand_shows_a_secret() {
    let lines: Vec<&str> = FULL.lines().collect();
    let mut texts: Vec<String> = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let mut bend = |bent: Vec<String>| {
            let rest = lines[i + 1..].iter().map(|l| (*l).to_owned());
            let all: Vec<String> =
                lines[..i].iter().map(|l| (*l).to_owned()).chain(bent).chain(rest).collect();
            texts.push(all.join("\n"));
        };
        bend(vec![]);
        bend(vec![(*line).to_owned(), (*line).to_owned()]);
        bend(vec![format!(" {line}")]);
        bend(vec![line.replacen(':', "", 1)]);
        bend(vec![line.replacen(['{', '['], "", 1)]);
        bend(vec![line.replacen(['}', ']'], "", 1)]);
        bend(vec![line.replacen('"', "", 1)]);
        bend(vec![line.replacen("token", "tokn", 1)]);
        bend(vec![line.replacen("url", "ulr", 1)]);
        bend(vec![line.replacen("kind: ", "kind: x", 1)]);
        bend(vec![line.replacen(": ", ": [", 1)]);
        bend(vec![line.replacen(": ", ": !x ", 1)]);
    }
    assert!(texts.len() > 1000);
    for text in texts {
        let said = said(&text);
        if let Some(secret) = SECRETS.iter().find(|s| said.contains(**s)) {
            panic!("{secret} is shown:\n{said}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_answered(text in ".{0,200}") {
        said(&text);
    }

    #[test]
    fn anything_like_yaml_is_answered(text in "([a-z]{1,3}|[-:?&*!|>'\"%@`#,\\[\\]{}]|server|people|checks|http| |\n|  )*") {
        said(&text);
    }

    #[test]
    fn any_mutation_is_answered(at in 0..FULL.len(), length in 0usize..40, put in "[-a-z0-9:?&*!|>'\"%#,\\[\\]{} \n\u{e4}]{0,6}") {
        let from = (0..=at).rev().find(|i| FULL.is_char_boundary(*i)).unwrap_or(0);
        let to = (from + length..=FULL.len()).find(|i| FULL.is_char_boundary(*i)).unwrap_or(FULL.len());
        said(&format!("{}{put}{}", &FULL[..from], &FULL[to..]));
    }

    #[test]
    fn any_expectation_is_answered(text in "(status|body|json|header|total|perf|answer| |==|<|in|not|contains|matches|exists|\\$|\\.|\\[|\\]|'|\"|\\\\|[a-z0-9,]|\u{e4})*") {
        if let Ok(first) = Expectation::parse(&text) {
            let printed = first.to_string();
            let second = Expectation::parse(&printed).map_err(|e| TestCaseError::fail(format!("{text:?} -> {printed:?}: {e}")))?;
            prop_assert_eq!((&second.subject, second.op, &second.value), (&first.subject, first.op, &first.value), "{} -> {}", text, printed);
            prop_assert_eq!(second.to_string(), printed);
        }
    }
}

/// A few hundred bytes of aliases must not become gigabytes, nor many brackets a deep recursion.
#[test]
fn small_files_stay_small() {
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, before) in ('b'..='j').zip('a'..) {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(", ")));
    }
    assert!(said(&bomb).contains("more than 2000000 values"));
    assert!(said(&format!("{}{}", "[".repeat(100), "]".repeat(100))).contains("nested more than 64 deep"));
    assert!(said(&"- ".repeat(100)).contains("nested more than 64 deep"));
    assert!(said(&"[".repeat(10_000)).contains("this is not YAML"));
    assert!(said(&"a: {".repeat(10_000)).contains("nested more than 64 deep"));
    // Each repeats the one before, sixty deeper.
    let mut text = format!("a0: &a0 {}x{}\n", "[".repeat(60), "]".repeat(60));
    for n in 1..200 {
        text += &format!("a{n}: &a{n} {}*a{}{}\n", "[".repeat(60), n - 1, "]".repeat(60));
    }
    assert!(said(&text).contains("nested more than 64 deep"), "{}", said(&text));
    assert!(said("people: &p { ana: *p }").contains("this alias stands inside of what it repeats"));
}

#[test]
fn many_errors_are_counted() {
    let text: String = (0..1000).map(|i| format!("key{i}: x\n")).collect();
    assert!(said(&text).contains("800 more errors follow"));
}
