//! Wrong files, and the whole of what is said about each.
//!
//! `tests/wrong/*.txt` hold cases: `=== name`, the file, `---`, what is said. A file that begins with `# and the rest` gets
//! people, a channel and an escalation behind it, as far as it has none itself. `UPDATE=1 cargo test -p foghorn-config`
//! writes what is said now into the tables, to be read before it is kept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

const REST: [(&str, &str); 3] = [
    ("people:", "people: { ana: { contacts: [ { via: hook } ] } }\n"),
    ("channels:", "channels: { hook: { kind: webhook, url: \"http://127.0.0.1:9/\" } }\n"),
    ("escalations:", "escalations: { default: { steps: [ { page: [everyone] } ] } }\n"),
];

struct Case {
    name: String,
    file: String,
    said: String,
}

fn cases(text: &str) -> Vec<Case> {
    let case = |text: &str| {
        let (name, rest) = text.split_once('\n').expect("a case has a name");
        let (file, said) = rest.split_once("\n---\n").expect("a case has a line `---`");
        Case { name: name.trim().to_owned(), file: format!("{file}\n"), said: said.trim_end().to_owned() }
    };
    text.split("=== ").skip(1).map(case).collect()
}

fn whole(file: &str) -> String {
    let mut whole = file.to_owned();
    if file.starts_with("# and the rest\n") {
        let missing = REST.iter().filter(|(key, _)| !file.lines().any(|l| l.starts_with(key)));
        missing.for_each(|(_, text)| whole.push_str(text));
    }
    whole
}

fn environment(name: &str) -> Option<String> {
    match name {
        "EMPTY" => Some(String::new()),
        "PASSWORD" => Some("swordfish".to_owned()),
        _ => None,
    }
}

#[test]
fn what_is_said_of_wrong_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let update = std::env::var_os("UPDATE").is_some();
    let (mut differ, mut names) = (String::new(), BTreeSet::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut written = String::new();
        for case in cases(&std::fs::read_to_string(&path).unwrap()) {
            let text = whole(&case.file);
            let said =
                match foghorn_config::parse(&text, "foghorn.yaml", Path::new("/etc/foghorn"), &environment) {
                    Ok(config) => format!("good, with warnings:\n{}", config.warnings.join("\n")),
                    Err(errors) => errors.to_string(),
                };
            assert!(
                !said.contains("swordfish") && !said.contains("hunter2"),
                "{}: a secret is shown:\n{said}",
                case.name
            );
            assert!(names.insert(case.name.clone()), "there are two cases named {}", case.name);
            if said.trim_end() != case.said {
                let _ = writeln!(
                    differ,
                    "=== {}\n{}--- expected\n{}\n--- said\n{said}",
                    case.name, case.file, case.said
                );
            }
            let _ = write!(written, "=== {}\n{}---\n{}\n\n", case.name, case.file, said.trim_end());
        }
        if update {
            std::fs::write(&path, written.trim_end().to_owned() + "\n").unwrap();
        }
    }
    assert!(names.len() >= 40, "only {} cases were found", names.len());
    assert!(update || differ.is_empty(), "{differ}");
}
