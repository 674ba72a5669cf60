//! What the documents say is tried: configurations are checked, commands parse, links lead somewhere, paths of the API
//! exist, and the reference of the configuration is the one that the code gives.
//!
//! `UPDATE=1` writes the reference anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a fragment of a configuration leaves out. Keys at the top that it has itself count instead.
const REST: [(&str, &str); 5] = [
    ("people", "people: { ana: { contacts: [ { via: phone, to: topic } ] } }"),
    ("channels", "channels: { phone: { kind: ntfy } }"),
    ("schedules", "schedules: { primary: { rotations: [ { people: ana, starts: \"2026-11-02 09:00\" } ] } }"),
    ("escalations", "escalations: { default: { steps: [ { page: schedule/primary } ] } }"),
    ("topology", "topology: { db: {}, shop-api: {}, shop-web: {}, web1: { kind: host } }"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every document for people: its path below the root, and its text.
fn documents() -> Vec<(String, String)> {
    let markdown = |dir: &str| {
        let entries = std::fs::read_dir(root().join(dir)).unwrap();
        let mut names: Vec<String> = entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .filter(|n| n.ends_with(".md"))
            .map(|n| if dir.is_empty() { n } else { format!("{dir}/{n}") })
            .collect();
        names.sort();
        names
    };
    let names = [markdown(""), markdown("docs")].concat();
    assert!(names.iter().any(|n| n == "README.md") && names.iter().any(|n| n.starts_with("docs/")));
    names.into_iter().map(|n| (n.clone(), std::fs::read_to_string(root().join(&n)).unwrap())).collect()
}

/// A fenced block: where it begins, its language, its text.
struct Block {
    place: String,
    language: String,
    text: String,
}

fn blocks(language: &str) -> Vec<Block> {
    let mut found = Vec::new();
    for (name, text) in documents() {
        let mut open: Option<Block> = None;
        for (n, line) in (1..).zip(text.lines()) {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(word)) => {
                    let (place, language) = (format!("{name}:{n}"), word.trim().to_owned());
                    open = Some(Block { place, language, text: String::new() });
                }
                (Some(_), Some(_)) => found.extend(open.take()),
                (Some(block), None) => block.text.extend([line, "\n"]),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{name}: a fenced block does not end");
    }
    found.retain(|b| b.language == language);
    assert!(!found.is_empty(), "no block of {language}");
    found
}

/// Text outside of fenced blocks and of code in a line.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            out.extend(line.split('`').step_by(2));
            out.push('\n');
        }
    }
    out
}

#[test]
fn every_configuration_is_good() {
    // A secret of 32 characters is long enough for whatever asks for one.
    let env = |_: &str| Some("0123456789abcdef0123456789abcdef".to_owned());
    let (mut whole, mut tried) = (0, 0);
    for block in blocks("yaml") {
        // Another tool's file says in its first line which one it is.
        if block.text.lines().next().is_some_and(|l| l.starts_with("# ") && !l.contains("foghorn.yaml")) {
            continue;
        }
        let has = |key: &str| block.text.lines().any(|l| l.starts_with(&format!("{key}:")));
        let missing: Vec<&str> = REST.iter().filter(|(key, _)| !has(key)).map(|(_, rest)| *rest).collect();
        let is_whole = ["people", "channels", "escalations"].iter().all(|key| has(key));
        let text =
            if is_whole { block.text.clone() } else { format!("{}\n{}\n", block.text, missing.join("\n")) };
        match foghorn_config::parse(&text, &block.place, Path::new(""), &env) {
            Ok(config) if is_whole => {
                // Where people reach it, a file without `server` leaves out.
                let told = config.warnings.iter().filter(|w| has("server") || !w.contains("`public_url:`"));
                assert_eq!(told.collect::<Vec<_>>(), [""; 0], "{}", block.place);
            }
            Ok(_) => {}
            Err(errors) => panic!("{}", errors.render(false)),
        }
        whole += usize::from(is_whole);
        tried += 1;
    }
    assert!(whole >= 2 && tried >= 8, "{whole} whole configurations of {tried}");
}

/// Ended when the test is, however it ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_shortest_configuration_pages_somebody() {
    let first = blocks("yaml").into_iter().find(|b| b.place.starts_with("README.md")).unwrap();
    let ntfy = TcpListener::bind("127.0.0.1:0").unwrap();
    // A port that was free a moment ago refuses connections.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let replaced = [
        ("kind: ntfy", format!("kind: ntfy, url: \"http://{}\"", ntfy.local_addr().unwrap())),
        ("https://shop.example.com/\"", format!("http://{closed}/\", every: 1s, fail_for: 0s")),
    ];
    let text = replaced.iter().fold(first.text, |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the README's first configuration");
        text.replace(from, to)
    });
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("foghorn.yaml");
    std::fs::write(&file, format!("server: {{ listen: \"127.0.0.1:0\" }}\n{text}")).unwrap();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_foghorn"));
    serve.args(["serve", "-c"]).arg(&file).stderr(Stdio::null());
    let mut server = Server(serve.spawn().unwrap());
    ntfy.set_nonblocking(true).unwrap();
    let begun = Instant::now();
    let mut stream = loop {
        match ntfy.accept() {
            Ok((stream, _)) => break stream,
            Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
        }
        assert_eq!(server.0.try_wait().unwrap(), None, "the server has ended");
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody was paged");
        std::thread::sleep(Duration::from_millis(20));
    };
    stream.set_nonblocking(false).unwrap();
    let mut seen = String::new();
    while !seen.contains("\"topic\":\"a-topic-nobody-guesses\"") {
        let mut part = [0; 4096];
        let n = stream.read(&mut part).unwrap();
        assert!(n > 0, "this was no page: {seen}");
        seen.push_str(&String::from_utf8_lossy(&part[..n]));
    }
    assert!(seen.contains("\"priority\":5") && seen.contains("connection refused"), "{seen}");
}

/// Words as a shell would see them, up to whatever ends a command.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    for c in command.chars() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '|' | '>' | '<' | ';' | '&') => break,
            (None, '#') if word.is_none() => break,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The arguments of every call of Foghorn in a line.
fn calls(line: &str) -> Vec<Vec<String>> {
    const BEFORE: [&str; 3] = ["foghorn ", "cargo run --release -- ", "cargo run -- "];
    let parts = line.split("&&").map(|p| p.trim().trim_start_matches("sudo -u foghorn ").trim());
    parts.filter_map(|p| BEFORE.iter().find_map(|b| p.strip_prefix(b))).map(words).collect()
}

#[test]
fn every_command_parses() {
    let mut tried = 0;
    for block in blocks("sh") {
        for line in block.text.lines() {
            for args in calls(line) {
                // Options and values before it are looked at first, so that a wrong one is an error.
                let out =
                    Command::new(env!("CARGO_BIN_EXE_foghorn")).args(&args).arg("--help").output().unwrap();
                let said = String::from_utf8_lossy(&out.stderr);
                assert!(out.status.success(), "{}: {line}\n{said}", block.place);
                tried += 1;
            }
        }
    }
    assert!(tried >= 15, "{tried} commands");
}

#[test]
fn a_wrong_command_would_be_noticed() {
    for line in ["foghorn incidents list", "foghorn incident list --stat open", "foghorn oncall --at"] {
        let args = calls(line).remove(0);
        let out = Command::new(env!("CARGO_BIN_EXE_foghorn")).args(&args).arg("--help").output().unwrap();
        assert!(!out.status.success(), "{line}");
    }
    assert_eq!(calls("a && foghorn b 'c d' --e \"f\" > g # h"), [["b", "c d", "--e", "f"]]);
}

/// A heading's anchor, as code hosts make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_leads_somewhere() {
    let all: BTreeMap<String, String> = documents().into_iter().collect();
    let mut tried = 0;
    for (name, text) in &all {
        let dir = Path::new(name).parent().unwrap();
        let text = prose(text);
        let markdown = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(to, _)| to);
        let html = text.split("src=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(to, _)| to);
        for link in markdown.chain(html).filter(|l| !l.contains("://") && !l.starts_with("mailto:")) {
            let (path, fragment) = link.split_once('#').map_or((link, None), |(p, f)| (p, Some(f)));
            let target = if path.is_empty() { name.clone() } else { dir.join(path).display().to_string() };
            let target = target.trim_start_matches("docs/../");
            assert!(root().join(target).exists(), "{name}: {link} leads nowhere");
            if let Some(fragment) = fragment {
                let headings = all[target].lines().filter(|l| l.starts_with('#'));
                let found = headings.map(|h| anchor(h.trim_start_matches('#'))).any(|a| a == fragment);
                assert!(found, "{name}: {link} names no heading");
            }
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried} links");
}

#[test]
fn every_address_of_the_api_exists() {
    let described: serde_json::Value = serde_json::from_str(&foghorn_console::openapi()).unwrap();
    let known: Vec<&str> = described["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let fits = |path: &str| {
        known.iter().any(|k| {
            let (mut a, mut b) = (k.split('/'), path.split('/'));
            loop {
                match (a.next(), b.next()) {
                    (None, None) => return true,
                    (Some(a), Some(b)) if a == b || a.starts_with('{') && !b.is_empty() => {}
                    _ => return false,
                }
            }
        })
    };
    assert!(
        fits("/api/v1/incidents/12/ack") && !fits("/api/v1/incidents/12/acknowledge") && !fits("/api/v1/x")
    );
    let mut tried = 0;
    for (name, text) in documents() {
        for rest in text.split("/api/v1/").skip(1) {
            let end = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '{' | '}'));
            let path = format!("/api/v1/{}", rest.split(end).next().unwrap());
            assert!(path == "/api/v1/" || fits(&path), "{name}: there is no {path}");
            tried += 1;
        }
    }
    assert!(tried >= 5, "{tried} addresses");
}

#[test]
fn the_reference_is_what_the_code_gives() {
    let path = root().join("docs/configuration.md");
    let reference = foghorn_config::reference();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &reference).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == reference,
        "docs/configuration.md is not what the code gives: run the test with UPDATE=1"
    );
}
