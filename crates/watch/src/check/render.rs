//! A measurement as `check run` prints it.

use super::trace::ShowTime;
use super::{Outcome, Phases, Verdict};
use std::fmt::Write;
use std::time::Duration;

/// Verdict, summary, and a table of phases with a bar each, in plain text. Ends with a line break.
#[must_use]
pub fn table(name: &str, outcome: &Outcome) -> String {
    let verdict = match outcome.verdict {
        Verdict::Good => "good",
        Verdict::Bad(None) => "BAD",
        Verdict::Bad(Some(_)) => "WARNING",
        Verdict::Unknown => "unknown",
    };
    let mut out = format!("{name}: {verdict}, {}\n", outcome.summary);
    if outcome.steps.len() > 1 {
        for (i, step) in outcome.steps.iter().enumerate() {
            let status = step.status.map_or_else(|| "no answer".to_owned(), |s| s.to_string());
            line(&mut out, &format!("step {}  {}  {status}", i + 1, step.name));
            phases(&mut out, &step.phases);
        }
        line(&mut out, "all steps");
    }
    phases(&mut out, &outcome.phases);
    if let Some(days) = outcome.seen.cert_days {
        line(&mut out, &format!("certificate ends in {days} days"));
    }
    for (label, value) in &outcome.seen.perf {
        line(&mut out, &format!("{label} = {value}"));
    }
    out
}

fn line(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "  {text}");
}

fn phases(out: &mut String, phases: &Phases) {
    let rows = [
        ("resolve", phases.resolve),
        ("connect", phases.connect),
        ("tls", phases.tls),
        ("first byte", phases.first_byte),
        ("total", Some(phases.total)),
    ];
    for (name, took) in rows {
        let Some(took) = took else { continue };
        line(out, &format!("{name:<10} {:>9}  {}", ShowTime(took).to_string(), bar(took, phases.total)));
    }
}

/// A bar of up to thirty characters; what took any time at all shows one.
fn bar(took: Duration, total: Duration) -> String {
    let share = took.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
    let n = (1..=30).filter(|i| f64::from(*i) / 30.0 <= share + 1e-9).count();
    "#".repeat(if took > Duration::ZERO { n.max(1) } else { n })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Seen, StepPhases};

    #[test]
    fn a_table_reads() {
        let ms = |n| Some(Duration::from_millis(n));
        let total = Duration::from_millis(30);
        let phases = Phases { resolve: None, connect: ms(1), tls: ms(9), first_byte: ms(20), total };
        let mut outcome = Outcome {
            verdict: Verdict::Good,
            summary: "200 OK in 30 ms".to_owned(),
            phases,
            steps: vec![StepPhases { name: "GET shop.example".to_owned(), status: Some(200), phases }],
            seen: Seen { cert_days: Some(60), ..Seen::default() },
        };
        insta::assert_snapshot!(table("shop", &outcome), @r"
        shop: good, 200 OK in 30 ms
          connect         1 ms  #
          tls             9 ms  #########
          first byte     20 ms  ####################
          total          30 ms  ##############################
          certificate ends in 60 days
        ");
        outcome.steps.push(StepPhases { name: "POST shop.example".to_owned(), status: None, phases });
        outcome.verdict = Verdict::Bad(None);
        let text = table("shop", &outcome);
        assert!(text.starts_with("shop: BAD"), "{text}");
        assert!(text.contains("  step 2  POST shop.example  no answer\n"), "{text}");
    }
}
