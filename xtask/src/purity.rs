//! The proof that `core` (and `detect`) do no I/O. Three ways, because features unify across a workspace: a build for a
//! target without an operating system (or, where that target is not installed, what such a build would find), clippy's
//! lists of what may not be called, and time zones that come from inside.

use crate::run::{cargo, program, read, root, show, works};
use anyhow::{Context as _, Result, bail};

const BARE: &str = "x86_64-unknown-none";
const PURE: [&str; 2] = ["core", "detect"];

/// Fails if something pure is not.
pub(crate) fn check() -> Result<()> {
    for name in PURE {
        let package = format!("foghorn-{name}");
        no_std(name)?;
        let installed = works(program("rustup").arg("--version"))
            && read(program("rustup").args(["target", "list", "--installed"]))?.lines().any(|t| t == BARE);
        if installed {
            show(cargo().args(["build", "--quiet", "-p", &package, "--target", BARE]))?;
            println!("{package} builds alone for {BARE}");
        } else {
            without_std(&package)?;
        }
        lists(name)?;
    }
    time_zones()
}

fn no_std(name: &str) -> Result<()> {
    let lib = root().join("crates").join(name).join("src/lib.rs");
    let text = std::fs::read_to_string(&lib).with_context(|| lib.display().to_string())?;
    // In tests the standard library is allowed: they run on a machine.
    if text.lines().any(|l| matches!(l.trim(), "#![no_std]" | "#![cfg_attr(not(test), no_std)]")) {
        return Ok(());
    }
    bail!("crates/{name}/src/lib.rs does not say #![no_std]")
}

/// Built alone, no dependency may have its `std` feature. (`cargo tree -p` resolves features for this crate alone.)
fn without_std(package: &str) -> Result<()> {
    let tree = read(cargo().args([
        "tree",
        "--package",
        package,
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}|{f}",
    ]))?;
    let lines: Vec<(&str, &str)> = tree.lines().filter_map(|l| l.split_once('|')).collect();
    let with: Vec<&str> = lines
        .iter()
        .filter(|(_, f)| f.split(',').any(|f| f.trim_end_matches(" (*)") == "std"))
        .map(|(p, _)| *p)
        .collect();
    if !with.is_empty() {
        bail!("{package} brings the standard library in through {}", with.join(", "));
    }
    println!(
        "{package} is no_std, and none of the {} crates that it needs has `std` on when it is built alone \
         (the target {BARE} is not installed; `rustup target add {BARE}` makes this a build)",
        lines.len().saturating_sub(1)
    );
    Ok(())
}

/// Clippy reads its lists from the crate's own file; without one it would fall back to the workspace's, which forbids
/// nothing.
fn lists(name: &str) -> Result<()> {
    let file = root().join("crates").join(name).join("clippy.toml");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    for must in [
        "disallowed-methods",
        "std::time::Instant::now",
        "std::time::SystemTime::now",
        "disallowed-types",
        "std::collections::HashMap",
    ] {
        if !text.contains(must) {
            bail!("crates/{name}/clippy.toml does not forbid {must}");
        }
    }
    Ok(())
}

fn time_zones() -> Result<()> {
    let jiff = read(cargo().args([
        "tree",
        "--package",
        "foghorn-core",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}|{f}",
    ]))?;
    let features = jiff
        .lines()
        .find_map(|l| l.strip_prefix("jiff v")?.split_once('|').map(|(_, f)| f))
        .context("core does not use jiff")?;
    let has = |f: &str| features.split(',').any(|g| g.trim_end_matches(" (*)") == f);
    if !has("tzdb-bundle-always") || has("tzdb-zoneinfo") || has("tz-system") {
        bail!("core must take time zones from the bundled database alone; jiff has {features}");
    }
    println!("time zones are the bundled ones");
    Ok(())
}
