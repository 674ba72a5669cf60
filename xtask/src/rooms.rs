//! Who may know whom, from ARCHITECTURE.md, held against `cargo metadata`: rooms never import one another.

use crate::run::{cargo, read};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;

const CORE: &str = "foghorn-core";
const DETECT: &str = "foghorn-detect";
const ENGINE: &str = "foghorn-engine";
const CONFIG: &str = "foghorn-config";
const NET: &str = "foghorn-net";
const LOOK: &str = "foghorn-look";
const HOST: &str = "foghorn-host";

/// What a room may import.
const FOR_ROOMS: &[&str] = &[CORE, DETECT, ENGINE, CONFIG, NET, LOOK, HOST];

/// Each crate, and which of ours it may import, tests included. `None`: all.
const MAY_IMPORT: &[(&str, Option<&[&str]>)] = &[
    (CORE, Some(&[])),
    (DETECT, Some(&[CORE])),
    (ENGINE, Some(&[CORE])),
    ("foghorn-journal", Some(&[HOST])),
    (CONFIG, Some(&[CORE])),
    (NET, Some(&[])),
    (LOOK, Some(&[])),
    (HOST, Some(&[])),
    ("foghorn-watch", Some(FOR_ROOMS)),
    ("foghorn-intake", Some(FOR_ROOMS)),
    ("foghorn-wake", Some(FOR_ROOMS)),
    ("foghorn-console", Some(FOR_ROOMS)),
    ("foghorn-tell", Some(FOR_ROOMS)),
    // Its bench has the allocator of the product.
    ("foghorn-sim", Some(&[CORE, DETECT, ENGINE, HOST])),
    ("foghorn", None),
    ("xtask", Some(&[])),
];

/// Fails with every import that is against the rule.
pub(crate) fn check() -> Result<()> {
    let text = read(cargo().args(["metadata", "--format-version", "1", "--no-deps", "--offline"]))
        .or_else(|_| read(cargo().args(["metadata", "--format-version", "1", "--no-deps"])))?;
    let metadata: Value = serde_json::from_str(&text)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let ours: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let mut wrong = Vec::new();
    let mut imports = 0;
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(n, _)| *n == name) else {
            wrong.push(format!("{name} is new: say in xtask/src/rooms.rs what it may import"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            if !ours.contains(&on) {
                continue;
            }
            imports += 1;
            if allowed.is_some_and(|a| !a.contains(&on)) {
                wrong.push(format!("{name} imports {on}: only the binary joins rooms"));
            }
        }
    }
    if wrong.is_empty() {
        println!("{} crates with {imports} imports of one another: none is against the rule", packages.len());
        return Ok(());
    }
    bail!("{}", wrong.join("\n"))
}
