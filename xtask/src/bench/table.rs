//! Figures as a table in Markdown, and as JSON.

use crate::run::root;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::fmt;

/// One line of the table.
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// What is to be reached.
    pub(crate) target: String,
    /// What Foghorn did.
    pub(crate) ours: String,
    /// What others did, in the same run.
    pub(crate) others: String,
    /// Whether it was reached, where that can be said.
    pub(crate) reached: Option<bool>,
    /// The figures behind it.
    pub(crate) figures: Value,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}; beside it: {}; to reach: {}{}",
            self.what,
            self.ours,
            self.others,
            self.target,
            self.verdict()
        )
    }
}

impl Row {
    fn verdict(&self) -> &'static str {
        match self.reached {
            Some(true) => " (reached)",
            Some(false) => " (**not reached**)",
            None => "",
        }
    }
}

/// Processor, cores and kernel: figures mean nothing without them.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|l| l.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown processor", |(_, m)| m)
        .to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores of {model}, Linux {}", kernel.trim())
}

/// For the README.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = format!("Measured on {}, load generators and peers on the same cores.\n\n", machine());
    text.push_str("| what | to reach | Foghorn | beside it, in the same run |\n|---|---|---|---|\n");
    for row in rows {
        text.push_str(&format!(
            "| {} | {} | {}{} | {} |\n",
            row.what,
            row.target,
            row.ours,
            row.verdict(),
            row.others
        ));
    }
    text
}

/// For programs.
pub(crate) fn json(rows: &[Row]) -> Result<String> {
    let rows: Vec<Value> = rows
        .iter()
        .map(|r| json!({ "what": r.what, "target": r.target, "ours": r.ours, "others": r.others, "reached": r.reached, "figures": r.figures }))
        .collect();
    Ok(serde_json::to_string_pretty(&json!({ "machine": machine(), "rows": rows }))?)
}

/// Between the two comments of README.md.
pub(crate) fn into_readme(table: &str) -> Result<()> {
    const BEGIN: &str = "<!-- figures -->\n";
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path)?;
    let begin = readme.find(BEGIN).context("README.md has no <!-- figures -->")? + BEGIN.len();
    let end = readme.find("<!-- /figures -->").context("README.md has no <!-- /figures -->")?;
    let text = format!("{}{table}{}", &readme[..begin], &readme[end..]);
    std::fs::write(&path, text)?;
    println!("README.md has the table");
    Ok(())
}

/// `12,345`.
pub(crate) fn thousands(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut text = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(c);
    }
    text
}

/// The value below which a share of them is. They are sorted here.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len().max(1)) - 1;
    values.get(at).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([7.0, 999.6, 1234.0, 1_234_567.0].map(thousands), ["7", "1,000", "1,234", "1,234,567"]);
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(
            (quantile(&mut values, 0.5), quantile(&mut values, 0.99), quantile(&mut values, 1.0)),
            (50.0, 99.0, 100.0)
        );
    }
}
