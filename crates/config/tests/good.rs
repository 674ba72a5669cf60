//! Files that must load.

use foghorn_config::{Config, load};
use std::path::{Path, PathBuf};

/// No variable is set.
fn nothing(_: &str) -> Option<String> {
    None
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/good");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    files
}

fn good(name: &str) -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/good").join(name);
    load(&path, &nothing).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn every_good_file_loads() {
    for file in files() {
        if let Err(e) = load(&file, &nothing) {
            panic!("{}:\n{e}", file.display());
        }
    }
}

#[test]
fn the_sample_of_the_documentation_loads_as_it_stands() {
    let config = good("interface.yaml");
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(config.missing_secrets.len(), 2, "{:?}", config.missing_secrets);
    println!("{config:#?}");
}
