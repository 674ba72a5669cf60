//! What is wrong with a good file here and now: what only this machine or this moment can tell.

use crate::model::{Config, Tls};
use foghorn_core::time::{Span, Wall};
use foghorn_core::words::Name;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A first turn further off than this is a slip in the year, most likely.
const FAR: Span = Span::hours(7 * 24);

/// Where things stand in the file, as `file:line:column`.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The first `starts` of each schedule.
    pub(crate) turns: BTreeMap<Name, String>,
    /// Programs that are run, in the order of the file.
    pub(crate) programs: Vec<(String, String)>,
    /// Certificates of listeners.
    pub certificates: Vec<Certificate>,
}

/// A certificate that a listener is to have. Whoever reads it knows whether it can be used.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Its files.
    pub files: Tls,
    /// Where the certificate's file is named.
    pub cert_place: String,
    /// Where the key's file is named.
    pub key_place: String,
}

impl Config {
    /// Things to say that are no errors, `file:line:column: text`: the file's own warnings, schedules on which nobody is on
    /// call for more than a week from `now`, and programs that cannot be run on this machine.
    #[must_use]
    pub fn warnings_here(&self, now: Wall) -> Vec<String> {
        let far_off = self.places.turns.iter().filter_map(|(name, place)| {
            let schedule = self.setup.schedules.get(name)?;
            if !schedule.on_call(now, []).is_empty() {
                return None;
            }
            let first = schedule.next_change(now, []).filter(|first| first.since(now) > FAR)?;
            let wait = first.since(now);
            Some(format!(
                "{place}: nobody is on call on schedule {name} for {wait}: its first turn begins at {first}; see `starts`"
            ))
        });
        let programs = self.places.programs.iter();
        let cannot =
            programs.filter_map(|(place, program)| Some(format!("{place}: {}", cannot_run(program)?)));
        self.warnings.iter().cloned().chain(far_off).chain(cannot).collect()
    }
}

/// Why a program cannot be run by this user, if that can be seen without running it.
fn cannot_run(program: &str) -> Option<String> {
    if !program.contains('/') {
        let path = std::env::var("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).any(|dir| runnable(&dir.join(program)).is_ok());
        return (!found)
            .then(|| format!("there is no program `{program}` in PATH here, so it cannot be run"));
    }
    runnable(Path::new(program)).err().map(|why| format!("`{program}` cannot be run: {why}"))
}

fn runnable(path: &Path) -> Result<(), String> {
    let meta = std::fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => e.to_string(),
    })?;
    if meta.is_dir() {
        return Err("it is a directory".to_owned());
    }
    if meta.permissions().mode() & 0o111 == 0 {
        return Err("it is not executable; `chmod +x` makes it so".to_owned());
    }
    Ok(())
}
