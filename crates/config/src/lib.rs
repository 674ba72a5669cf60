//! foghorn.yaml: read with spans, checked, with errors that say what, where and what to do.
//!
//! The way of a file: text, [`tree`] (what YAML says, and where), [`raw`] (records with types, by the readers of
//! [`read`]), [`build`] (references and rules), [`Config`]. The [`schema()`] comes from the same records.

mod build;
mod duration;
mod errors;
pub mod expect;
mod here;
pub mod model;
pub mod placeholder;
mod plain;
mod raw;
pub mod reach;
mod read;
mod scalars;
mod schema;
pub mod secret;
mod tree;
mod whole;

pub use duration::{parse_duration, show_duration};
pub use errors::{Errors, Problem, nearest};
pub use model::Config;
pub use schema::{reference, schema};

use errors::Source;
use read::{Cx, Read};
use std::path::Path;

/// A larger file is not a configuration: one with ten thousand checks has 2 MiB.
const LARGEST: u64 = 16 << 20;

const FROM_NOTHING: &str =
    "add `people` with `contacts`, and `channels` to reach them by; `foghorn init` writes a whole file";

/// Reads and checks a file. `env` gives the environment's variables.
///
/// # Errors
/// Everything that is wrong with it. A secret that cannot be found is not: see [`Config::missing_secrets`].
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Errors> {
    load_with_text(path, env).map(|(config, _)| config)
}

/// The same, and the text that it was made of: the file may be another by then.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_with_text(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<(Config, String), Errors> {
    let (name, base) = (path.display().to_string(), path.parent().unwrap_or(Path::new("")));
    let text = text_of(whole::read(path, LARGEST), &name)?;
    parse(&text, &name, base, env).map(|config| (config, text))
}

/// The same from what is open already, such as standard input; `name` stands in messages, relative names of files are taken
/// from `base_dir`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_from(
    input: impl std::io::Read,
    name: &str,
    base_dir: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Errors> {
    parse(&text_of(whole::read_from(input, LARGEST), name)?, name, base_dir, env)
}

fn text_of(bytes: std::io::Result<Vec<u8>>, name: &str) -> Result<String, Errors> {
    let text = bytes.map_err(|e| {
        let advice = match e.kind() {
            std::io::ErrorKind::NotFound => {
                "name the file that is Foghorn's; `foghorn init` writes a first one"
            }
            _ => "name the file that is Foghorn's, and see that its user may read it",
        };
        Errors(vec![Problem::whole(name, format!("the file cannot be read: {e}"), advice)])
    })?;
    String::from_utf8(text).map_err(|e| {
        let good = String::from_utf8_lossy(&e.as_bytes()[..e.utf8_error().valid_up_to()]).into_owned();
        let (line, column) = Source::new(name, &good).place(good.len());
        let problem =
            Problem::whole(name, "the file is not UTF-8 text from here on".to_owned(), "save it as UTF-8");
        Errors(vec![Problem { line, column, ..problem }])
    })
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
    understand(text, file_name, base_dir, env, false).map(|(config, _)| config)
}

/// What is left of a text that was good once, for an earlier release, without what this one refuses; with that. `None` if
/// nobody could be paged by what is left.
///
/// It is for a start that has nothing else: a file that is good for the release before must not keep the one after from
/// paging.
#[must_use]
pub fn salvage(
    text: &str,
    file_name: &str,
    base_dir: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Option<(Config, Errors)> {
    understand(text, file_name, base_dir, env, true).ok()
}

/// With `salvage`, what is wrong keeps nothing from being read that can be.
fn understand(
    text: &str,
    file_name: &str,
    base_dir: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    salvage: bool,
) -> Result<(Config, Errors), Errors> {
    // An editor's byte order mark is no part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(file_name, text);
    let tree::Tree { root, wrong, dropped } = tree::read(&source);
    let mut cx = Cx::new(&source, env, base_dir);
    let empty = root.is_none() && wrong.is_empty();
    cx.wrong = wrong;
    if empty {
        return Err(Errors(vec![Problem::whole(file_name, "the file is empty".to_owned(), FROM_NOTHING)]));
    }
    let file = root.as_ref().and_then(|root| raw::File::read(root, &mut cx));
    let nobody = file.as_ref().filter(|file| file.pages_nobody()).map(|_| {
        let why = "nobody can be paged: there is no person with a contact".to_owned();
        Problem::whole(file_name, why, FROM_NOTHING)
    });
    match (file.and_then(|file| build::build(&file, salvage, &mut cx)), nobody) {
        (Some(config), None) => Ok((config, cx.errors(root.as_ref(), dropped))),
        (_, nobody) => {
            let others = cx.errors(root.as_ref(), dropped).0;
            Err(Errors(nobody.into_iter().chain(others).collect()))
        }
    }
}
