//! What a run, or many, came to.

use crate::check::{Figures, Invariant, Violation};
use crate::mutation::Mutation;
use std::fmt;
use std::time::Duration;

/// So many of the things that happened before a failure are shown.
const SHOWN: usize = 40;

/// What one run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// How many hours on call were simulated, before the faults stop.
    pub hours: u64,
    /// Of everything observed: equal for equal runs.
    pub hash: u64,
    /// What was counted.
    pub figures: Figures,
    /// How often each invariant was looked at, in the order of [`Invariant::ALL`].
    pub checks: Vec<u64>,
    /// The first that did not hold.
    pub failure: Option<Failure>,
}

/// A run that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// Its length.
    pub hours: u64,
    /// What was broken on purpose, if anything was.
    pub mutation: Option<Mutation>,
    /// What did not hold.
    pub violation: Violation,
    /// What happened before, oldest first; the last million things at most.
    pub lines: Vec<String>,
}

impl Failure {
    /// How to see it again.
    #[must_use]
    pub fn command(&self) -> String {
        let mutation = self.mutation.map(|m| format!(" --mutation {m}")).unwrap_or_default();
        format!("foghorn sim --seed {} --hours {}{mutation}", self.seed, self.hours)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v = &self.violation;
        writeln!(f, "seed {} fails after {}:", self.seed, hms(v.at))?;
        writeln!(f, "  {}: {}", v.invariant, v.invariant.sentence())?;
        writeln!(f, "  seen: {}", v.what)?;
        writeln!(f, "the last steps before it:")?;
        let last = self.lines.len().saturating_sub(SHOWN);
        self.lines.iter().skip(last).try_for_each(|l| writeln!(f, "  {l}"))?;
        write!(f, "to see it again: {}", self.command())
    }
}

/// What many runs came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many runs.
    pub runs: u64,
    /// How many hours on call they simulated in all.
    pub hours: u64,
    /// How long that took.
    pub took: Duration,
    /// What was counted.
    pub figures: Figures,
    /// How often each invariant was looked at, in the order of [`Invariant::ALL`].
    pub checks: Vec<u64>,
    /// Runs that failed, by seed.
    pub failures: Vec<Failure>,
    /// How many of the seeds were run a second time to see that they give the same run.
    pub repeated: u64,
}

impl Summary {
    /// Takes a run in.
    pub fn add(&mut self, report: Report) {
        self.runs += 1;
        self.hours += report.hours;
        self.figures.add(&report.figures);
        self.checks.resize(Invariant::ALL.len(), 0);
        for (sum, n) in self.checks.iter_mut().zip(&report.checks) {
            *sum += n;
        }
        self.failures.extend(report.failure);
        self.failures.sort_by_key(|f| f.seed);
    }

    /// Hours on call a second.
    #[must_use]
    pub fn pace(&self) -> f64 {
        self.hours as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Invariants, and how often each was checked:")?;
        for (invariant, n) in Invariant::ALL.iter().zip(&self.checks) {
            let n = if *n == 0 { "not checked".to_owned() } else { n.to_string() };
            writeln!(f, "  {n:>12}  {:<22} {}", invariant.name(), invariant.sentence())?;
        }
        let g = &self.figures;
        writeln!(
            f,
            "{} runs, {} hours on call in {:.1} s: {:.0} hours a second.",
            self.runs,
            self.hours,
            self.took.as_secs_f64(),
            self.pace()
        )?;
        writeln!(
            f,
            "{} inputs, {} records, {} incidents; {} pages and notices, of which {} may have arrived twice.",
            g.inputs, g.records, g.incidents, g.pages, g.duplicates
        )?;
        writeln!(
            f,
            "{} crashes, the journal was away {} times and lost its end {} times, the clock was set {} times.",
            g.crashes, g.degradations, g.damages, g.clock_steps
        )?;
        for failure in &self.failures {
            writeln!(f, "\n{failure}")?;
        }
        let unchecked = self.checks.iter().filter(|n| **n == 0).count();
        match self.failures.len() {
            0 if unchecked == self.checks.len() => write!(f, "Nothing was checked."),
            0 if unchecked > 0 => {
                write!(f, "Every invariant that was checked held; {unchecked} not checked.")
            }
            0 => write!(f, "Every invariant held."),
            1 => write!(f, "One run failed."),
            n => write!(f, "{n} runs failed."),
        }
    }
}

fn hms(ms: u64) -> String {
    let s = ms / 1000;
    format!("{} h {:02} min {:02}.{:03} s", s / 3600, s / 60 % 60, s % 60, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_looked_at_did_not_hold() {
        let end = |checks: Vec<u64>| Summary { checks, ..Summary::default() }.to_string();
        let line = |text: &str, name: &str| {
            text.lines().find(|l| l.contains(name)).map(|l| l.split(name).next().unwrap().trim().to_owned())
        };
        let all = Invariant::ALL.len();
        let some: Vec<u64> = (0..all as u64).collect();
        let (first, last) = (Invariant::ALL[0].name(), Invariant::ALL[all - 1].name());
        let text = end(some);
        assert_eq!(line(&text, first).as_deref(), Some("not checked"));
        assert_eq!(line(&text, last), Some((all - 1).to_string()));
        assert!(text.ends_with("Every invariant that was checked held; 1 not checked."), "{text}");
        assert!(end(vec![0; all]).ends_with("Nothing was checked."));
        assert!(end(vec![1; all]).ends_with("Every invariant held."));
    }
}
