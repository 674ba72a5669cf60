//! `cargo xtask dist`: what a release consists of. A stripped binary, its manual pages and completions, the unit for
//! systemd, a Debian package, and what an image is built from. The files that people wrote are in `packaging/`.

mod debian;

use crate::run::{Missing, cargo, program, read, root, show, works};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// How cargo builds what others get.
const PROFILE: &str = "packaged";
/// Where completions go, and how a shell's file is called.
const SHELLS: [(&str, &str); 3] = [("bash", "foghorn"), ("zsh", "_foghorn"), ("fish", "foghorn.fish")];
/// Files of `packaging/` that go along as they are.
const AS_THEY_ARE: [&str; 3] = ["foghorn.service", "foghorn.yaml", "Dockerfile"];

struct Options {
    profile: String,
    binary: Option<PathBuf>,
    out: Option<PathBuf>,
}

/// Makes all of it.
pub(crate) fn dist(args: &[&str]) -> Result<()> {
    let options = options(args)?;
    if let Some(foreign) = options.out.as_ref().filter(|out| foreign(out)) {
        let text = format!("{} has other files in it, and would be emptied: name another", foreign.display());
        return Err(Missing(text).into());
    }
    for (tool, package) in
        [("strip", "binutils"), ("readelf", "binutils"), ("gzip", "gzip"), ("dpkg-deb", "dpkg")]
    {
        if !works(program(tool).arg("--version")) {
            return Err(Missing(format!("{tool} is missing: it is in Debian's package {package}")).into());
        }
    }
    let metadata: Value =
        serde_json::from_str(&read(cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let foghorn = packages.iter().find(|p| p["name"] == "foghorn").context("there is no crate foghorn")?;
    let version = foghorn["version"].as_str().context("the crate foghorn has no version")?;
    let target =
        PathBuf::from(metadata["target_directory"].as_str().context("cargo has no target directory")?);
    let built = match options.binary {
        Some(binary) => binary,
        None => build(&options.profile, &target)?,
    };
    let out = options.out.unwrap_or_else(|| target.join("dist"));
    if out.is_dir() {
        fs::remove_dir_all(&out).with_context(|| format!("{} cannot be emptied", out.display()))?;
    }
    fs::create_dir_all(&out).with_context(|| format!("{} cannot be made", out.display()))?;
    let binary = out.join("foghorn");
    show(program("strip").arg("-o").arg(&binary).arg(&built))?;
    show(program(&text(&binary)).arg("man").arg(out.join("man")))?;
    for (shell, file) in SHELLS {
        let script = read(program(&text(&binary)).args(["completions", shell]))?;
        put(&out.join("completions").join(shell).join(file), &script)?;
    }
    for name in AS_THEY_ARE {
        copy(&root().join("packaging").join(name), &out.join(name))?;
    }
    let package = debian::package(&out, version)?;
    let deb = text(Path::new(package.file_name().context("the package has no name")?));
    let sums = read(program("sha256sum").args(["foghorn", &deb]).current_dir(&out))?;
    put(&out.join("SHA256SUMS"), &sums)?;
    println!("\n{} has:\n{sums}", out.display());
    Ok(())
}

fn options(args: &[&str]) -> Result<Options> {
    let mut options = Options { profile: PROFILE.to_owned(), binary: None, out: None };
    let mut rest = args.iter().copied();
    while let Some(arg) = rest.next() {
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (arg, rest.next()),
        };
        match (name, value) {
            ("--profile", Some(value)) => value.clone_into(&mut options.profile),
            ("--binary", Some(value)) => options.binary = Some(std::path::absolute(value)?),
            ("--out", Some(value)) => options.out = Some(std::path::absolute(value)?),
            _ => {
                let known = "there are: --profile=NAME, --binary=PATH, --out=DIR";
                return Err(
                    Missing(format!("dist does not know {arg:?}, or it lacks its value; {known}")).into()
                );
            }
        }
    }
    Ok(options)
}

/// Whether something is there that is no earlier release.
fn foreign(out: &Path) -> bool {
    let used = out.is_file() || fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    used && !out.join("SHA256SUMS").is_file()
}

/// The binary that others get. Returns where it is.
pub(crate) fn packaged(target: &Path) -> Result<PathBuf> {
    build(PROFILE, target)
}

fn build(profile: &str, target: &Path) -> Result<PathBuf> {
    show(cargo().args(["build", "--locked", "--package", "foghorn", "--profile", profile]))?;
    let dir = if profile == "dev" { "debug" } else { profile };
    let built = target.join(dir).join("foghorn");
    if !built.exists() {
        bail!("cargo has built, but {} is not there", built.display());
    }
    Ok(built)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Writes a file, with its directories.
fn put(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    let done = fs::create_dir_all(dir).and_then(|()| fs::write(path, content));
    done.with_context(|| format!("{} cannot be written", path.display()))
}

/// Copies a file, with its directories.
fn copy(from: &Path, to: &Path) -> Result<()> {
    put(to, fs::read(from).with_context(|| format!("{} cannot be read", from.display()))?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]
    use super::*;

    #[test]
    fn only_an_earlier_release_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!foreign(dir.path()) && !foreign(&dir.path().join("new")));
        fs::write(dir.path().join("mine"), "").unwrap();
        assert!(foreign(dir.path()) && foreign(&dir.path().join("mine")));
        fs::write(dir.path().join("SHA256SUMS"), "").unwrap();
        assert!(!foreign(dir.path()));
    }

    #[test]
    fn options_are_given_either_way() {
        let two = options(&["--profile", "dev", "--out=/x/y"]).unwrap();
        assert_eq!((two.profile.as_str(), two.out), ("dev", Some(PathBuf::from("/x/y"))));
        assert!(two.binary.is_none());
        assert_eq!(options(&[]).unwrap().profile, PROFILE);
        for wrong in [&["--profil=dev"][..], &["--out"], &["dev"]] {
            assert!(options(wrong).is_err(), "{wrong:?}");
        }
    }
}
