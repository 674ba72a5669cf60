//! `cargo xtask test`: everything that must hold, in the order in which it is cheapest to hear of it.

use crate::run::{cargo, show, works};
use crate::{deny, packages, purity, rooms};
use anyhow::{Context as _, Result};
use std::time::Instant;

/// A name, what it is about, and how.
struct Stage {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<()>,
}

const STAGES: [Stage; 8] = [
    Stage {
        name: "packages",
        what: "Debian packages that tests need",
        run: || packages::bring(&packages::FOR_TESTS),
    },
    Stage { name: "fmt", what: "formatting", run: fmt },
    Stage { name: "rooms", what: "rooms do not import one another", run: rooms::check },
    Stage { name: "purity", what: "core and detect are pure", run: purity::check },
    Stage { name: "clippy", what: "lints", run: clippy },
    Stage { name: "docs", what: "documentation builds without warnings", run: docs },
    Stage { name: "test", what: "all tests", run: tests },
    Stage { name: "deny", what: "dependencies: bans, licences, sources", run: deny::check },
];

/// Runs the stages named, or all; stops at the first that fails.
pub(crate) fn test(names: &[&str]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|n| STAGES.iter().all(|s| s.name != **n)) {
        let known = STAGES.map(|s| s.name).join(" ");
        return Err(crate::run::Missing(format!("there is no stage {unknown:?}; there are: {known}")).into());
    }
    let chosen: Vec<&Stage> = STAGES.iter().filter(|s| names.is_empty() || names.contains(&s.name)).collect();
    let began = Instant::now();
    let mut took = Vec::new();
    for (i, stage) in chosen.iter().enumerate() {
        println!("\n== {}/{} {}: {}", i + 1, chosen.len(), stage.name, stage.what);
        let start = Instant::now();
        (stage.run)()
            .with_context(|| format!("stage {} failed after {:.0?}", stage.name, start.elapsed()))?;
        println!("== {} is good ({:.1} s)", stage.name, start.elapsed().as_secs_f64());
        took.push(format!("{} {:.0} s", stage.name, start.elapsed().as_secs_f64()));
    }
    println!("\nAll good in {:.0} s: {}", began.elapsed().as_secs_f64(), took.join(", "));
    Ok(())
}

fn fmt() -> Result<()> {
    component("fmt", "rustfmt")?;
    show(cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    component("clippy", "clippy")?;
    show(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))
}

/// A toolchain with rustup's minimal profile has neither formatter nor lints.
fn component(command: &str, name: &str) -> Result<()> {
    if works(cargo().args([command, "--version"])) {
        return Ok(());
    }
    show(crate::run::program("rustup").args(["component", "add", name]))
}

fn docs() -> Result<()> {
    let mut c = cargo();
    c.args(["doc", "--workspace", "--no-deps", "--document-private-items", "--locked", "--quiet"]);
    show(c.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links -A rustdoc::bare_urls"))
}

/// Every test is the same under both; nextest runs those of different crates side by side, and shows the slow ones.
fn tests() -> Result<()> {
    if works(cargo().args(["nextest", "--version"])) {
        show(cargo().args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]))?;
        return show(cargo().args(["test", "--doc", "--workspace", "--locked", "--quiet"]));
    }
    show(cargo().args(["test", "--workspace", "--locked", "--no-fail-fast"]))
}
