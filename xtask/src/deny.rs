//! Dependencies: what may not come in, under which licences, and from where (`deny.toml`).

use crate::run::{cargo, read, root, show, works};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// By cargo-deny where it is installed; otherwise what can be told from `cargo metadata`: licences, sources, and crates
/// that are banned.
pub(crate) fn check() -> Result<()> {
    if works(cargo().args(["deny", "--version"])) {
        return show(cargo().args(["deny", "--workspace", "check", "bans", "licenses", "sources"]));
    }
    println!(
        "cargo-deny is not installed (`cargo install cargo-deny --locked`): checking the lists of deny.toml by hand"
    );
    let policy = std::fs::read_to_string(root().join("deny.toml")).context("deny.toml")?;
    let allowed = strings(&policy, "allow")?;
    let banned = strings(&policy, "deny")?;
    let text = read(cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text)?;
    let mut wrong = Vec::new();
    let mut count = 0;
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let version = package["version"].as_str().unwrap_or_default();
        count += 1;
        if banned.iter().any(|b| b == name) {
            wrong.push(format!("{name} {version} is banned"));
        }
        match package["license"].as_str() {
            Some(license) if satisfied(license, &allowed) => {}
            Some(license) => wrong.push(format!("{name} {version} is under {license}")),
            None => wrong.push(format!("{name} {version} states no licence")),
        }
        if let Some(source) = package["source"].as_str()
            && !source.starts_with("registry+")
            && !source.starts_with("sparse+")
        {
            wrong.push(format!("{name} {version} comes from {source}"));
        }
    }
    if wrong.is_empty() {
        println!("{count} crates: none banned, all from a registry, all under {}", allowed.join(", "));
        return Ok(());
    }
    bail!("{}", wrong.join("\n"))
}

/// The strings of the list `key = [...]`, the first in the file.
fn strings(toml: &str, key: &str) -> Result<Vec<String>> {
    let start =
        toml.find(&format!("\n{key} = [")).with_context(|| format!("deny.toml has no list `{key}`"))?;
    let list = toml[start..].split(']').next().unwrap_or_default();
    let uncommented: String = list.lines().map(|l| l.split('#').next().unwrap_or_default()).collect();
    Ok(uncommented.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

/// An SPDX expression of `OR`, `AND` and brackets: some alternative has only allowed licences.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let ok = either(&tokens, &mut at, allowed);
    ok && at == tokens.len()
}

fn either(tokens: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut ok = both(tokens, at, allowed);
    while tokens.get(*at) == Some(&"OR") {
        *at += 1;
        ok |= both(tokens, at, allowed);
    }
    ok
}

fn both(tokens: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut ok = one(tokens, at, allowed);
    while tokens.get(*at) == Some(&"AND") {
        *at += 1;
        ok &= one(tokens, at, allowed);
    }
    ok
}

fn one(tokens: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let Some(token) = tokens.get(*at) else { return false };
    *at += 1;
    if *token == "(" {
        let ok = either(tokens, at, allowed);
        *at += 1;
        return ok;
    }
    let mut license = (*token).to_owned();
    if tokens.get(*at) == Some(&"WITH") {
        license = format!("{license} WITH {}", tokens.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    allowed.contains(&license)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spdx_expressions() {
        let allowed: Vec<String> = ["MIT", "Apache-2.0", "Unicode-3.0"].map(str::to_owned).into();
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "MIT/Apache-2.0",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 OR ISC AND GPL-2.0",
        ] {
            assert!(satisfied(good, &allowed), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0 WITH LLVM-exception", "(MIT", "", "MIT MIT"] {
            assert!(!satisfied(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn lists_of_the_policy() {
        let toml = "x = 1\nallow = [\n  \"MIT\", # \"no\"\n  \"ISC\",\n]\n";
        assert_eq!(strings(toml, "allow").unwrap(), ["MIT", "ISC"]);
        assert!(strings(toml, "deny").is_err());
    }
}
