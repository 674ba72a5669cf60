//! The configuration file: read, adopted, kept. A bad one changes nothing; at a start the last good one counts.

use foghorn_config::{Config, Errors, Problem};
use foghorn_core::time::Wall;
use foghorn_host::aside::Aside;
use foghorn_net::tls::{ServerCert, TlsError};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A copy of the last file that was good, in the data directory. Secrets that the file names by variable or by file
/// are not in it.
const LAST_GOOD: &str = "last-good.yaml";

/// What a start begins with.
pub struct Beginning {
    /// What counts.
    pub config: Arc<Config>,
    /// What it was made of, to be kept; or why it is not the file that was asked for.
    pub text: Result<String, String>,
}

/// The environment.
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads the file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path) -> Result<Config, Errors> {
    load_with_text(path).map(|(config, _)| config)
}

/// The same, and the text that it was made of.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_with_text(path: &Path) -> Result<(Config, String), Errors> {
    foghorn_config::load_with_text(path, &env)
}

/// Things to say of a good file here and now, `file:line:column: text`. A certificate that cannot be used is one: its
/// listener waits for it.
pub fn warnings(config: &Config, now: Wall) -> Vec<String> {
    let bad = config.places.certificates.iter().filter_map(|c| {
        let error = ServerCert::load(&c.files.cert_file, &c.files.key_file).err()?;
        let place = if matches!(error, TlsError::Key { .. }) { &c.key_place } else { &c.cert_place };
        Some(format!("{place}: {error}; until that is mended nothing listens there"))
    });
    config.warnings_here(now).into_iter().chain(bad).collect()
}

/// The file, or the last good one if there is one: in `data`, or else where the file says that the data is.
///
/// # Errors
/// The file is bad or gone, and there is no other.
pub fn begin(path: &Path, data: Option<&Path>) -> Result<Beginning, Errors> {
    let errors = match load_with_text(path) {
        Ok((config, text)) => return Ok(Beginning { config: Arc::new(config), text: Ok(text) }),
        Err(errors) => errors,
    };
    let good = data.map_or_else(|| data_dir(path), Path::to_owned).join(LAST_GOOD);
    let Ok(text) = fs::read_to_string(&good) else { return Err(errors) };
    let base = path.parent().unwrap_or(Path::new(""));
    let name = good.display().to_string();
    // A release may refuse what the one before took: what is left of that pages, and is no reason not to start.
    let (config, without) = match foghorn_config::parse(&text, &name, base, &env) {
        Ok(config) => (config, ""),
        Err(_) => match foghorn_config::salvage(&text, &name, base, &env) {
            Some((config, refused)) => {
                tracing::error!(
                    "of the last good configuration this is left out:\n{}",
                    refused.render(false)
                );
                (config, ", without what this release refuses of it")
            }
            None => return Err(errors),
        },
    };
    let first = errors.0.first().map(Problem::line);
    let more = errors.0.len().saturating_sub(1);
    let rejected = format!(
        "{} cannot be used, so the last good configuration counts{without}: {}{}",
        path.display(),
        first.unwrap_or_default(),
        if more > 0 { format!(" (and {more} more errors)") } else { String::new() }
    );
    tracing::error!("{}", errors.render(false));
    Ok(Beginning { config: Arc::new(config), text: Err(rejected) })
}

/// Where a file that cannot be read as a whole says that the data is: its key `data_dir`, on a line of its own or among
/// others in braces; else the default. A wrong guess finds no last good configuration, and the start ends with the
/// file's errors.
fn data_dir(path: &Path) -> PathBuf {
    let text = fs::read_to_string(path).unwrap_or_default();
    let named = text.lines().find_map(|line| {
        let line = line.split(" #").next().filter(|l| !l.trim_start().starts_with('#'))?;
        let (before, value) = line.split_once("data_dir:")?;
        let key = before.is_empty() || before.ends_with([' ', '\t', '{', ',']);
        key.then(|| plain(value, &|name| std::env::var(name).ok()))
    });
    path.parent().unwrap_or(Path::new("")).join(named.unwrap_or_else(|| "data".to_owned()))
}

/// A value as far as one can tell, with its variables put in.
fn plain(value: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let value = value.trim();
    let (mut rest, ends): (&str, &[char]) = match value.chars().next() {
        Some('"') => (&value[1..], &['"']),
        Some('\'') => (&value[1..], &['\'']),
        _ => (value, &[',', '}']),
    };
    let mut text = String::new();
    while let Some(at) = rest.find(|c| ends.contains(&c) || c == '$') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        match from.strip_prefix("${").and_then(|name| name.split_once('}')) {
            Some((name, after)) => {
                text.push_str(&variable(name).unwrap_or_default());
                rest = after;
            }
            None if from.starts_with('$') => {
                text.push('$');
                rest = &from[1..];
            }
            None => {
                rest = "";
            }
        }
    }
    text.push_str(rest);
    text.trim().to_owned()
}

/// Keeps the text of a good file as the last good one, in the data directory; the latest wins. Waits for no disk: `done` hears
/// what becomes of it. That it cannot be kept is no reason not to run.
pub fn keep(text: String, aside: &Aside, done: impl FnOnce(std::io::Result<()>) + Send + 'static) {
    aside.write(LAST_GOOD, text.into_bytes(), done);
}

/// What is told of a copy that could not be kept.
pub fn not_kept(why: impl std::fmt::Display) -> String {
    format!("the last good configuration could not be kept: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_directory_of_a_file_that_cannot_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("foghorn.yaml");
        for (text, expected) in [
            ("server:\n  data_dir: \"var/x\" # here\n  bogus: [", "var/x"),
            ("server: {", "data"),
            ("  data_dir: /abs/y\n", "/abs/y"),
            ("server: { listen: 127.0.0.1:1, data_dir: var/z, bogus: 1 }", "var/z"),
            ("server: {data_dir: 'a, b'}", "a, b"),
            ("# data_dir: old\nserver: { data_dir: new }", "new"),
            ("x: { my_data_dir: other }", "data"),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(data_dir(&path), dir.path().join(expected));
        }
    }

    #[test]
    fn a_data_directory_may_stand_in_a_variable() {
        let variable = |name: &str| (name == "DATA").then(|| "/srv/foghorn".to_owned());
        for (value, expected) in [
            ("${DATA}", "/srv/foghorn"),
            (" \"${DATA}/x\" # there", "/srv/foghorn/x"),
            ("${DATA}/y, bogus: 1 }", "/srv/foghorn/y"),
            ("'a$b' }", "a$b"),
            ("${OTHER}/z", "/z"),
            ("${", "${"),
        ] {
            assert_eq!(plain(value, &variable), expected, "{value}");
        }
    }

    const FILE: &str = r#"
people: { ana: { contacts: [ { via: phone, to: x } ] } }
channels: { phone: { kind: ntfy } }
schedules: { primary: { rotations: [ { people: ana, starts: "2026-11-02 09:00" } ] } }
escalations: { default: { steps: [ { page: schedule/primary }, { page: everyone } ] } }
"#;

    #[test]
    fn the_last_good_one_counts_where_the_file_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let (path, data) = (dir.path().join("foghorn.yaml"), dir.path().join("elsewhere"));
        fs::create_dir(&data).unwrap();
        fs::write(&path, FILE).unwrap();
        let aside = Aside::begin(&data).unwrap();
        let (tx, rx) = std::sync::mpsc::channel();
        let begun = begin(&path, None).unwrap();
        // Somebody saves it in the same moment.
        fs::write(&path, "server: { broken").unwrap();
        keep(begun.text.unwrap(), &aside, move |kept| tx.send(kept).unwrap());
        rx.recv().unwrap().unwrap();
        let begun = begin(&path, Some(&data)).unwrap();
        assert!(begun.config.setup.people.contains_key("ana") && begun.text.is_err());
        fs::remove_file(&path).unwrap();
        assert!(begin(&path, None).is_err(), "nothing says where the data is");
        let begun = begin(&path, Some(&data)).unwrap();
        assert!(begun.config.setup.people.contains_key("ana"));
        let why = begun.text.unwrap_err();
        assert!(why.contains("the file cannot be read: No such file"), "{why}");
    }
}
