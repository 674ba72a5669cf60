//! foghorn.yaml: read with spans, checked, with errors that say what, where and what to do.
//!
//! The way of a file: text, [`tree`] (what YAML says, and where), [`raw`] (records with types, by the readers of
//! [`read`]), [`build`] (references and rules), [`Config`]. The [`schema()`] comes from the same records.

mod build;
mod duration;
mod errors;
pub mod expect;
pub mod model;
mod plain;
mod raw;
mod read;
mod scalars;
mod schema;
pub mod secret;
mod tree;

pub use duration::{parse_duration, show_duration};
pub use errors::{Errors, Problem};
pub use model::Config;
pub use schema::{reference, schema};

use errors::Source;
use read::{Cx, Read};
use std::path::Path;

/// A larger file is not a configuration.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Reads and checks a file. `env` gives the environment's variables.
///
/// # Errors
/// Everything that is wrong with it. A secret that cannot be found is not: see [`Config::missing_secrets`].
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Errors> {
    let name = path.display().to_string();
    let text = std::fs::metadata(path).and_then(|m| match m.len() {
        0..=LARGEST => std::fs::read(path),
        _ => Err(std::io::Error::other("it is larger than 64 MiB")),
    });
    let text = text.map_err(|e| {
        let advice = "name the file with -c, and see that Foghorn's user may read it";
        Errors(vec![Problem::whole(&name, format!("the file cannot be read: {e}"), advice)])
    })?;
    let text = String::from_utf8(text).map_err(|e| {
        let good = String::from_utf8_lossy(&e.as_bytes()[..e.utf8_error().valid_up_to()]).into_owned();
        let (line, column) = Source::new(&name, &good).place(good.len());
        let problem =
            Problem::whole(&name, "the file is not UTF-8 text from here on".to_owned(), "save it as UTF-8");
        Errors(vec![Problem { line, column, ..problem }])
    })?;
    parse(&text, &name, path.parent().unwrap_or(Path::new("")), env)
}

/// Reads and checks a text; `file_name` stands in messages, relative names of files are taken from `base_dir`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(
    text: &str,
    file_name: &str,
    base_dir: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Errors> {
    // An editor's byte order mark is no part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(file_name, text);
    let tree::Tree { root, wrong, dropped } = tree::read(&source);
    let mut cx = Cx::new(&source, env, base_dir);
    let empty = root.is_none() && wrong.is_empty();
    cx.wrong = wrong;
    if empty {
        let advice = "start from the example in the documentation, or from `foghorn config schema`";
        return Err(Errors(vec![Problem::whole(file_name, "the file is empty".to_owned(), advice)]));
    }
    let file = root.as_ref().and_then(|root| raw::File::read(root, &mut cx));
    match file.and_then(|file| build::build(&file, &mut cx)) {
        Some(config) => Ok(config),
        None => Err(cx.errors(root.as_ref(), dropped)),
    }
}
