//! A newcomer's path: a clone, what the README says, `init`, then what that says to do next, until a page arrives.

use crate::parts::clone::Clone;
use crate::parts::exim::Exim;
use crate::parts::foghorn::{BINARY, Foghorn};
use crate::parts::http;
use crate::parts::nginx::Nginx;
use crate::parts::{free_port, until};
use std::net::SocketAddr;
use std::path::Path;

#[test]
fn from_nothing_to_a_page() {
    init_and_what_it_says(Path::new(BINARY));
}

/// Every command of the README in its order, as it stands there, in a copy of what is committed or about to be, with
/// nothing built. What is not as a newcomer has it:
/// - the release is built without optimisation, since that takes minutes and is tried by `cargo xtask dist`;
/// - of `cargo xtask test` a single stage is run, or this test would be run by itself for ever;
/// - the demo tells its story faster, and nobody watches;
/// - what is installed goes to a directory of the test, not to /usr/local/bin;
/// - the web site of the configuration is a local nginx, looked at every second; nothing goes to a real telephone.
#[test]
fn from_a_clone_by_the_readme_to_a_page() {
    let clone = Clone::fresh();
    let readme = clone.read("README.md");
    let block = |kind: &str| -> Vec<String> {
        let begin = format!("```{kind}\n");
        let blocks = readme.split(&begin).skip(1);
        blocks.map(|b| b.split("```").next().unwrap().to_owned()).collect()
    };
    let mut nginx = Nginx::start();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let configuration = block("yaml").concat();
    let here = configuration.replace("kind: ntfy", "kind: ntfy, url: \"http://127.0.0.1:9\"").replace(
        "http: \"https://shop.example.com/\"",
        &format!("every: 1s, http: \"http://{}/\"", nginx.address),
    );
    assert_eq!(here.matches("127.0.0.1").count(), 2, "the README's configuration has changed: {here}");
    clone.write("foghorn.yaml", &format!("{here}server: {{ listen: \"{address}\" }}\n"));

    let mut serving = None;
    let blocks = block("sh");
    let commands: Vec<&str> = blocks.iter().flat_map(|b| b.lines()).filter(|l| !l.is_empty()).collect();
    for command in &commands {
        let server = format!("http://{address}");
        let run = |command: &str, code: i32| clone.run(command, &server, code);
        match *command {
            "cargo run --release -- demo" => {
                assert!(run(&format!("{command} --unattended --speed 4"), 0).contains("What to do next"));
            }
            "cargo xtask test" => {
                assert!(run(&format!("{command} no-such-stage"), 2).contains("packages fmt"));
                assert!(run(&format!("{command} rooms"), 0).contains("All good"));
            }
            "foghorn serve -c foghorn.yaml" => {
                let process = serving.insert(clone.start(command));
                until("the README's server to be ready", || {
                    process.assert_runs();
                    http::get(address, "/readyz").ok().filter(|a| a.status == 200)
                });
            }
            "foghorn incident list" => {
                nginx.stop();
                until("an incident", || run(command, 0).contains("shop").then_some(()));
            }
            _ if command.starts_with("foghorn ") => _ = run(command, 0),
            "cargo build --release && cp target/release/foghorn /usr/local/bin/" => {
                run(&command.replace("/usr/local/bin/", &clone.bin().display().to_string()), 0);
            }
            other => panic!("the README says to run {other:?}: say here how that is done in a test"),
        }
    }
    for said in [
        "cargo run",
        "cargo xtask",
        "cargo build",
        "config check",
        "check run",
        "serve",
        "incident ack",
        "oncall",
    ] {
        assert!(
            commands.iter().any(|c| c.contains(said)),
            "the README does not say {said:?} any more: {commands:?}"
        );
    }
    drop(serving);
    init_and_what_it_says(&clone.bin().join("foghorn"));
}

fn init_and_what_it_says(binary: &Path) {
    let (mut nginx, exim) = (Nginx::start(), Exim::start());
    let mut foghorn = Foghorn::new("");
    foghorn.binary = binary.to_owned();
    // Only the address and the directory are taken from it.
    std::fs::remove_file(foghorn.config()).unwrap();
    let run = |foghorn: &Foghorn, args: &[&str], code: i32| {
        let out = foghorn.cli(args);
        let said = [&*out.stdout, &*out.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(out.status.code(), Some(code), "foghorn {args:?}: {said}");
        said
    };

    let (url, smtp) = (format!("http://{}/", nginx.address), format!("smtp://{}", exim.address));
    let listen = foghorn.address.to_string();
    let answers =
        ["init", "--url", &url, "--name", "Ana Sousa", "--email", "ana@example.com", "--smtp", &smtp];
    let next = run(&foghorn, &[&answers[..], &["--listen", &listen]].concat(), 0);

    // What it says to do next, in that order.
    let commands: Vec<Vec<&str>> = next
        .lines()
        .filter_map(|l| l.strip_prefix("  foghorn ")?.split("     ").next())
        .map(|l| l.split(' ').collect())
        .collect();
    let [check, try_it, page, user, serve] = &commands[..] else { panic!("{next}") };
    assert!(run(&foghorn, check, 0).contains("is good"));
    assert!(run(&foghorn, try_it, 0).contains("website"));
    assert!(run(&foghorn, page, 0).contains("accepted"));
    let mail = exim.wait("the test page", |m| m.contains("[TEST]"));
    assert!(mail.contains("ana@example.com") && mail.contains("Nothing is wrong"), "{mail}");
    let account = run(&foghorn, user, 0);
    assert!(account.contains("ana may log in at") && account.contains("password"), "{account}");
    assert_eq!(serve[..2], ["serve", "-c"]);

    // In the defaults a page takes a minute to go out: this newcomer is in a hurry.
    let text = std::fs::read_to_string(foghorn.config()).unwrap();
    let hurried = text.replacen("    http: ", "    every: 1s\n    fail_for: 0s\n    http: ", 1);
    assert_ne!(text, hurried);
    std::fs::write(foghorn.config(), hurried).unwrap();
    run(&foghorn, check, 0);
    foghorn.run();
    nginx.stop();
    // It proves itself bad before it pages.
    assert!(run(&foghorn, try_it, 1).contains("refused"));
    let mail = exim.wait("the page", |m| m.contains("website") && m.contains("/ack/"));
    assert!(mail.contains("ana@example.com") && !mail.contains("[TEST]"), "{mail}");

    run(&foghorn, &["incident", "ack", "1"], 0);
    nginx.again();
    foghorn.wait_for_state(1, "resolved");
    assert!(run(&foghorn, &["user", "list", "-c", "foghorn.yaml"], 0).contains("ana"));
    assert!(foghorn.stop().success());
}
