//! `cargo xtask bench`: what Foghorn does, beside other programs from Debian's packages in the same run. The whole of each
//! process is measured, from outside, on whatever machine this is: ratios, not promises, and nothing is asserted.

mod checks;
mod console;
mod crowd;
mod detect;
mod intake;
mod latency;
mod load;
mod peers;
mod process;
mod start;
mod status;
mod table;
mod target;

use crate::run::{Missing, root};
pub(crate) use crowd::pages;

use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;
use std::time::Instant;
use table::Row;

/// What can be measured: its name, and how.
const BENCHES: [(&str, fn(&Bench) -> Result<Vec<Row>>); 12] = [
    ("fsync", intake::fsync),
    ("intake", intake::rates),
    ("memory", intake::memory),
    ("latency", latency::to_webhook),
    ("crowd", crowd::crowd),
    ("check", checks::cost),
    ("checks", checks::ten_thousand),
    ("detect", detect::twenty_times),
    ("console", console::list),
    ("status", status::page),
    ("start", start::million),
    ("sim", start::simulator),
];
/// It takes seconds, and a fresh process has the least memory.
const IDLE: (&str, fn(&Bench) -> Result<Vec<Row>>) = ("idle", start::idle);

/// What every measurement needs.
pub(crate) struct Bench {
    /// The binary that packages carry.
    pub(crate) binary: PathBuf,
    /// On the disk that is measured; not in memory, as a directory for temporary files may be.
    pub(crate) dir: PathBuf,
}

/// Runs those named, or all; `--readme` puts the table into README.md, `--list` names them, `--binary=PATH` measures another
/// build than that of this tree.
pub(crate) fn bench(args: &[&str]) -> Result<()> {
    let all: Vec<_> = std::iter::once(IDLE).chain(BENCHES).collect();
    let names: Vec<&str> = args.iter().copied().filter(|a| !a.starts_with("--")).collect();
    let known = || all.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(" ");
    if let Some(unknown) = names.iter().find(|n| all.iter().all(|(known, _)| known != *n)) {
        return Err(Missing(format!("there is no bench {unknown:?}; there are: {}", known())).into());
    }
    let options = ["--readme", "--list", "--binary="];
    if let Some(unknown) =
        args.iter().find(|a| a.starts_with("--") && !options.iter().any(|o| a.starts_with(o)))
    {
        return Err(Missing(format!(
            "there is no option {unknown:?} of bench; there are: {}PATH",
            options.join(" ")
        ))
        .into());
    }
    if args.contains(&"--list") {
        println!("{}", known());
        return Ok(());
    }
    crate::packages::bring(&crate::packages::FOR_BENCHES)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let binary = match args.iter().find_map(|a| a.strip_prefix("--binary=")) {
        Some(path) => PathBuf::from(path),
        None => crate::dist::packaged(&target)?,
    };
    let bench = Bench { binary, dir: target.join("bench") };
    std::fs::create_dir_all(&bench.dir).with_context(|| bench.dir.display().to_string())?;
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for (name, run) in all.iter().filter(|(n, _)| names.is_empty() || names.contains(n)) {
        println!("\n== {name}");
        let began = Instant::now();
        match run(&bench) {
            Ok(measured) => {
                measured.iter().for_each(|row| println!("{row}"));
                rows.extend(measured);
            }
            // The figures of the others stand.
            Err(e) => {
                println!("{name} has not been measured: {e:#}");
                failed.push(*name);
            }
        }
        println!("== {name} took {:.0} s", began.elapsed().as_secs_f64());
    }
    let text = table::markdown(&rows);
    println!("\n{text}");
    let json = bench.dir.join("bench.json");
    std::fs::write(&json, table::json(&rows)?)?;
    println!("also in {}", json.display());
    if !failed.is_empty() {
        bail!("not measured, see above: {}", failed.join(" "));
    }
    if args.contains(&"--readme") {
        table::into_readme(&text)?;
    }
    Ok(())
}
