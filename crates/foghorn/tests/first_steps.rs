//! `foghorn init` and `foghorn page test`, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn foghorn(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foghorn"));
    command.current_dir(dir).args(args).stdin(Stdio::null());
    command.env_remove("FOGHORN_CONFIG").env_remove("SMTP_PASSWORD").env("USER", "ana");
    command.output().unwrap()
}

/// The exit code, and all that was said.
fn said(out: &Output) -> (i32, String) {
    let text = [&*out.stdout, &*out.stderr].concat();
    (out.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn what_init_writes_is_good_whatever_was_answered() {
    let rows: [&[&str]; 9] = [
        &["--yes"],
        &["--yes", "--name", "Ana \"the night\": Sousa # 1", "--email", "ana+page@shop.example.com"],
        &["--yes", "--name", "Zoë 李雷 🚨", "--listen", "0.0.0.0:7070"],
        &["--yes", "--name=- ${HOME} 'it' <x", "--url", "http://[::1]:8080/a?b=\"c\"&d=%24#f: g"],
        &["--yes", "--email", "on@call.example", "--listen", "[::1]:7171"],
        &["--yes", "--smtp", "smtps://alerts%40shop.example:p%22a%3Ass@mail.shop.example:465"],
        &["--yes", "--smtp", "smtp+starttls://alerts:${SMTP_PASSWORD}@mail.shop.example"],
        &["--yes", "--listen", "https://foghorn.example.com", "--name", "No"],
        &[
            "--url",
            "https://shop.example.com/",
            "--name",
            "Bob",
            "--email",
            "bob@x.example",
            "--smtp",
            "smtp://[::1]:25",
            "--listen",
            "127.0.0.1:1",
        ],
    ];
    for row in rows {
        let dir = tempfile::tempdir().unwrap();
        let (code, text) = said(&foghorn(dir.path(), &[&["init"], row].concat()));
        assert_eq!(code, 0, "{row:?}: {text}");
        let file = dir.path().join("foghorn.yaml");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let (code, checked) = said(&foghorn(dir.path(), &["config", "check"]));
        let written = std::fs::read_to_string(&file).unwrap();
        assert_eq!(code, 0, "{row:?}: {checked}\n{written}");
        assert!(checked.contains("is good: 1 check, 0 integrations, 1 person, 1 channel"), "{checked}");
        assert!(!text.contains("p%22a"), "{text}");
        // What it says to do next can be done.
        for line in text.lines().filter_map(|l| l.strip_prefix("  foghorn ")) {
            // What explains it is a comment of the shell, so that the line can be pasted as it is.
            let (command, why) = line.split_once("     ").unwrap_or((line, "# nothing"));
            assert!(why.starts_with("# "), "{line}");
            let args: Vec<&str> = command.split(' ').chain(["--help"]).collect();
            let (code, help) = said(&foghorn(dir.path(), &args));
            assert_eq!(code, 0, "{command}: {help}");
        }
        assert_eq!(text.matches("\n  foghorn ").count(), 5, "{text}");
    }
}

/// Under systemd Foghorn runs as another user than who sets it up: the file names the directory that it may write to, and
/// what root adds is that user's.
#[test]
fn what_root_sets_up_is_for_whoever_runs_it() {
    let dir = tempfile::tempdir().unwrap();
    let (file, data) = (dir.path().join("foghorn.yaml"), dir.path().join("state"));
    let name = data.to_str().unwrap();
    // A script's variable that is not set.
    let (code, text) = said(&foghorn(dir.path(), &["init", "--yes", "--data-dir", ""]));
    assert_eq!((code, text.contains("--data-dir: it is empty")), (2, true), "{text}");
    assert!(!file.exists());
    let (code, text) = said(&foghorn(dir.path(), &["init", "--yes", "--data-dir", name]));
    assert_eq!(code, 0, "{text}");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written.contains(&format!("data_dir: \"{name}\"     # incidents, accounts, history")),
        "{written}"
    );
    let add = ["user", "add", "ana", "--role", "admin"];
    let root = file.metadata().unwrap().uid() == 0;
    if root {
        std::os::unix::fs::chown(&file, Some(7070), Some(7070)).unwrap();
        let (code, text) = said(&foghorn(dir.path(), &add));
        assert_eq!((code, text.contains("start Foghorn first")), (2, true), "{text}");
        assert!(!data.exists());
        std::fs::create_dir(&data).unwrap();
        std::os::unix::fs::chown(&data, Some(7070), Some(7070)).unwrap();
    }
    let (code, text) = said(&foghorn(dir.path(), &add));
    assert_eq!(code, 0, "{text}");
    for entry in std::fs::read_dir(&data).unwrap().flatten() {
        let (of, whose) = (entry.metadata().unwrap().uid(), data.metadata().unwrap().uid());
        assert_eq!(of, whose, "{}", entry.path().display());
    }
    assert!(data.join("accounts.db").exists());
}

#[test]
fn init_overwrites_nothing_and_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("foghorn.yaml");
    std::fs::write(&file, "mine").unwrap();
    let (code, text) = said(&foghorn(dir.path(), &["init", "--yes"]));
    assert_eq!((code, text.contains("nothing is ever overwritten")), (2, true), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    // A link that leads nowhere is something, too.
    std::os::unix::fs::symlink("nowhere", dir.path().join("linked.yaml")).unwrap();
    assert_eq!(foghorn(dir.path(), &["init", "--yes", "linked.yaml"]).status.code(), Some(2));

    for (args, words) in [
        (&["init", "new"][..], &["no terminal", "--url", "--yes"][..]),
        (&["init", "new", "--url", "https://x.example/"], &["--name and --email"]),
        (&["init", "new", "--yes", "--url", "shop"], &["--url: ", "URL"]),
        (&["init", "new", "--yes", "--email", "ana"], &["--name and --email: ", "no e-mail address"][..1]),
        (&["init", "new", "--yes", "--listen", "7070"], &["--listen: "]),
    ] {
        let (code, text) = said(&foghorn(dir.path(), args));
        assert_eq!(code, 2, "{args:?}: {text}");
        assert!(words.iter().all(|w| text.contains(w)), "{args:?}: {text}");
        assert!(!dir.path().join("new").exists(), "{args:?}");
    }

    let (code, text) = said(&foghorn(dir.path(), &["init", "--yes", "it's new"]));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(r"config check 'it'\''s new/foghorn.yaml'"), "{text}");
}

const PEOPLE: &str = r#"
people:
  ana: { name: Ana, contacts: [ { via: good, to: desk }, { via: broken, only: high }, { via: secret } ] }
  bob: { contacts: [ { via: good } ] }
  eve: {}
channels:
  good: { kind: exec, command: [ ./keep ] }
  broken: { kind: exec, command: [ ./keep, away ] }
  secret: { kind: webhook, url: "${NO_SUCH_VARIABLE}" }
escalations: { default: { steps: [ { page: [ person/ana, person/bob ] } ] } }
"#;

#[test]
fn a_test_page_goes_through_the_real_channels_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("foghorn.yaml"), PEOPLE).unwrap();
    let keep = dir.path().join("keep");
    let kept = dir.path().join("kept.json");
    let script =
        format!("#!/bin/sh\n[ -z \"$1\" ] || {{ echo \"no $1\" >&2; exit 1; }}\ncat >> {}\n", kept.display());
    std::fs::write(&keep, script).unwrap();
    std::fs::set_permissions(&keep, std::fs::Permissions::from_mode(0o755)).unwrap();

    let (code, text) = said(&foghorn(dir.path(), &["page", "test", "ana"]));
    assert_eq!(code, 1, "{text}");
    for words in [
        "1. good desk: accepted",
        "2. broken ana, only for pages that wake: NOT ACCEPTED",
        "3. secret ana: NOT ACCEPTED",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.contains("NO_SUCH_VARIABLE is not set") && text.contains("no away"), "{text}");
    let page: serde_json::Value = serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
    assert_eq!(page["kind"], "test");
    assert_eq!((&page["person"], &page["to"]), (&"ana".into(), &"desk".into()), "{page}");

    let (code, text) = said(&foghorn(dir.path(), &["page", "test", "ana", "--contact", "1", "--json"]));
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &report["accepted"]), (0, &true.into()), "{text}");
    assert_eq!(report["contacts"].as_array().unwrap().len(), 1);
    assert_eq!(said(&foghorn(dir.path(), &["page", "test", "bob"])).0, 0);

    for (args, words) in [
        (&["page", "test", "ana", "--contact", "4"][..], "count from 1 to 3"),
        (&["page", "test", "ana", "--contact", "0"], "count from 1 to 3"),
        (&["page", "test", "eve"], "eve has no contacts"),
        (&["page", "test", "zoe"], "there are: ana, bob, eve"),
    ] {
        let (code, text) = said(&foghorn(dir.path(), args));
        assert_eq!((code, text.contains(words)), (2, true), "{args:?}: {text}");
    }
}

#[test]
fn completions_are_scripts_that_their_shell_reads() {
    let dir = tempfile::tempdir().unwrap();
    for (shell, word) in
        [("bash", "_foghorn()"), ("zsh", "#compdef foghorn"), ("fish", "complete -c foghorn")]
    {
        let (code, script) = said(&foghorn(dir.path(), &["completions", shell]));
        assert_eq!((code, script.contains(word)), (0, true), "{script}");
        assert!(script.contains("oncall") && script.contains("postmortem"), "{script}");
        if shell == "bash" {
            let file = dir.path().join("completion");
            std::fs::write(&file, &script).unwrap();
            assert!(Command::new("bash").arg("-n").arg(&file).status().unwrap().success());
        }
    }
}
