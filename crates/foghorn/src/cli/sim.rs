//! `foghorn sim`.

use super::{Done, Failure, say};
use clap::Args;
use clap::builder::PossibleValuesParser;
use foghorn_sim::Mutation;
use std::io::{IsTerminal, Write};

#[derive(Args)]
pub struct SimArgs {
    /// Where random choices begin; a failure prints it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many seeds, from that one on
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Simulated hours on call of each
    #[arg(long, default_value_t = 24)]
    hours: u64,
    /// Threads; one a processor by default
    #[arg(long)]
    threads: Option<usize>,
    /// Breaks a rule on purpose, to see that it is noticed; `list` prints them
    #[arg(long, hide_possible_values = true, value_parser = PossibleValuesParser::new(mutations()))]
    mutation: Option<String>,
    /// Writes everything that happened before the first failure to this file
    #[arg(long, value_name = "FILE")]
    trace: Option<std::path::PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The names of the mutations, and what prints them.
fn mutations() -> impl Iterator<Item = &'static str> {
    Mutation::ALL.iter().map(|m| m.name()).chain(["list"])
}

pub fn run(args: &SimArgs) -> Done {
    let mutation = match args.mutation.as_deref() {
        None => None,
        Some("list") => {
            for m in Mutation::ALL {
                say(&format!("{:<28} {} (noticed within {} seeds)", m.name(), m.sentence(), m.within()));
            }
            return Ok(());
        }
        Some(name) => Some(name.parse::<Mutation>().map_err(Failure::Wrong)?),
    };
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let show = std::io::stderr().is_terminal() && args.seeds > 1;
    let end = args.seed.saturating_add(args.seeds.max(1));
    let summary = foghorn_sim::run_many(args.seed..end, args.hours, threads, mutation, |done| {
        if show {
            // Only for whoever watches.
            let _ = write!(std::io::stderr(), "\r{done} of {} seeds", args.seeds);
        }
        true
    });
    if show {
        let _ = writeln!(std::io::stderr());
    }
    if let (Some(path), Some(failure)) = (&args.trace, summary.failures.first()) {
        std::fs::write(path, failure.lines.join("\n"))
            .map_err(|e| Failure::Bad(format!("the trace cannot be written to {}: {e}", path.display())))?;
    }
    if args.json {
        let failures: Vec<_> = summary
            .failures
            .iter()
            .map(|f| {
                let v = &f.violation;
                serde_json::json!({ "seed": f.seed, "invariant": v.invariant.name(), "seen": v.what, "replay": f.command() })
            })
            .collect();
        let checks: serde_json::Map<String, serde_json::Value> = foghorn_sim::Invariant::ALL
            .iter()
            .zip(&summary.checks)
            .map(|(i, n)| (i.name().to_owned(), (*n).into()))
            .collect();
        say(&serde_json::json!({
            "runs": summary.runs, "hours": summary.hours, "seconds": summary.took.as_secs_f64(), "hours_per_second": summary.pace(),
            "checks": checks, "failures": failures,
        })
        .to_string());
    } else {
        say(&summary.to_string());
    }
    if summary.failures.is_empty() { Ok(()) } else { Err(Failure::Bad(String::new())) }
}
