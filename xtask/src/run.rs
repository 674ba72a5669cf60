//! Running other programs, at the repository's root.

use anyhow::{Context as _, Result, bail};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The caller has to do something before the chore can be done: exit code 2.
#[derive(Debug)]
pub(crate) struct Missing(pub(crate) String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

/// The repository's root: where cargo runs this from, which may be another copy than the one that it was compiled in.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent().map_or(here.clone(), Path::to_owned)
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    let mut c = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    c.current_dir(root());
    c
}

/// A program by its name.
pub(crate) fn program(name: &str) -> Command {
    let mut c = Command::new(name);
    c.current_dir(root());
    c
}

/// Runs it with its output shown, and fails if it does.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let line = line(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("{line} could not be started"))?;
    if !status.success() {
        bail!("{line} failed: {status}");
    }
    Ok(())
}

/// Runs it and returns what it wrote.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let line = line(command);
    let out = command.output().with_context(|| format!("{line} could not be started"))?;
    if !out.status.success() {
        bail!("{line} failed: {}\n{}", out.status, String::from_utf8_lossy(&out.stderr));
    }
    String::from_utf8(out.stdout).with_context(|| format!("what {line} wrote is no text"))
}

/// Whether it can be run and succeeds.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let mut line = String::new();
    for (i, word) in words.enumerate() {
        let word = word.to_string_lossy();
        let word =
            if i == 0 { word.rsplit('/').next().unwrap_or_default().to_owned() } else { word.into_owned() };
        line = if line.is_empty() { word } else { format!("{line} {word}") };
    }
    line
}
