//! The API against its own description: schemathesis reads /openapi.json, makes requests that fit it and requests that do
//! not, and holds every answer of the real server against what is described.

use crate::parts::foghorn::Foghorn;
use crate::parts::http::{get, request};
use std::path::{Path, PathBuf};
use std::process::Command;

const TOKEN: &str = "a-token-that-only-this-test-has";

/// Requests for each operation, besides those for every limit of every field. The same ones in every run.
const EXAMPLES: &str = "25";

/// What is held against every answer. Not `positive_data_acceptance`: which person there is, what is a time, and that a
/// silence names something, is no matter of types. Not `use_after_free` and its like, which need links between operations.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,\
    allow_header_conformance,ignored_auth";

/// The program, in a virtual environment that is made once for each list of versions.
fn installed() -> PathBuf {
    const PYTHON: &str = "/usr/bin/python3";
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis/requirements.txt");
    let wanted = std::fs::read_to_string(&own).unwrap();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("schemathesis");
    let done = dir.join("installed.txt");
    let program = dir.join("bin/schemathesis");
    if std::fs::read_to_string(&done).ok().as_ref() == Some(&wanted) && program.exists() {
        return program;
    }
    let run = |program: &Path, args: &[&str], hint: &str| {
        let out = Command::new(program).args(args).output();
        let said = match &out {
            Ok(out) => String::from_utf8_lossy(&[&*out.stdout, &*out.stderr].concat()).into_owned(),
            Err(e) => e.to_string(),
        };
        assert!(out.is_ok_and(|o| o.status.success()), "{hint}\n{said}");
    };
    let (at, list) = (dir.display().to_string(), own.display().to_string());
    run(
        Path::new(PYTHON),
        &["-m", "venv", "--clear", &at],
        "the test of the API needs Python's virtual environments. Run `cargo xtask test packages`, or, as root,\n  \
         apt-get install -y --no-install-recommends python3 python3-venv",
    );
    let install = ["install", "--quiet", "--no-deps", "--only-binary", ":all:", "--requirement", &list];
    let by_hand = format!(
        "pip cannot install what the test of the API needs; is its registry within reach? Try\n  {at}/bin/pip {}",
        install.join(" ")
    );
    run(&dir.join("bin/pip"), &install, &by_hand);
    std::fs::write(done, wanted).unwrap();
    program
}

/// Somebody on call, an incident, a silence, a stand-in, a change: so that lists are not empty. Nothing leaves this host.
const SETUP: &str = r#"
  tokens: { admin: { token: "a-token-that-only-this-test-has", role: admin, person: ana } }
  rate_limit: 1000000
people:
  ana: { contacts: [ { via: nowhere } ] }
  bob: { contacts: [ { via: nowhere } ] }
channels: { nowhere: { kind: exec, command: [ "true" ] } }
schedules: { primary: { rotations: [ { people: [ana, bob], every: 1d, starts: "2026-11-02 09:00" } ] } }
escalations: { default: { steps: [ { page: schedule/primary, wait: 10m } ] } }
topology: { shop: { kind: service } }
checks: { backup: { entity: shop, heartbeat: { every: 1d } } }
"#;

#[test]
fn every_answer_is_as_the_description_says() {
    let program = installed();
    // `server:` goes on where the common part ends.
    let mut foghorn = Foghorn::start(SETUP);
    let authorization = format!("Bearer {TOKEN}");
    let headers = [("Authorization", &*authorization), ("Content-Type", "application/json")];
    let post = |path: &str, body: &str| {
        let answer = request(foghorn.address, "POST", path, &headers, body.as_bytes()).unwrap();
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
    };
    post("/api/v1/incidents", r#"{"title":"orders fail","severity":"critical","entity":"shop"}"#);
    post("/api/v1/incidents/1/note", r#"{"text":"the queue is full"}"#);
    post("/api/v1/silences", r#"{"entities":["shop"],"for":"1h","comment":"moving house"}"#);
    post("/api/v1/overrides", r#"{"schedule":"primary","person":"bob","for":"1h"}"#);
    post("/api/v1/changes", r#"{"summary":"a new release","entity":"shop"}"#);

    let out = Command::new(&program)
        .current_dir(foghorn.dir.path())
        .args(["run", &format!("http://{}/openapi.json", foghorn.address)])
        .args(["--header", &format!("Authorization: {authorization}")])
        .args(["--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", "1"])
        // The stream never ends, so every request would take until its timeout; it has tests of its own.
        .args(["--exclude-path", "/api/v1/stream"])
        // One thread: with more, Python 3.11 now and then fails by itself ("AST constructor recursion depth mismatch",
        // <https://github.com/python/cpython/issues/106905>).
        .args(["--workers", "1", "--continue-on-failure", "--warnings", "off", "--no-color"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    println!("{told}");
    assert!(out.status.success(), "an answer is not as described:\n{told}");
    // It has really asked: a description that is not found, or empty, is no success.
    let tested = told.lines().find_map(|l| l.trim().strip_prefix("Tested: ")).and_then(|n| n.parse().ok());
    assert!(tested.is_some_and(|n: usize| n >= 30), "only {tested:?} operations were tested:\n{told}");

    // And the server is still there, able to page.
    foghorn.process().assert_runs();
    get(foghorn.address, "/readyz").unwrap().is(200);
}
