//! A newcomer's path: `init`, then what it says to do next, until a page arrives.

use crate::parts::exim::Exim;
use crate::parts::foghorn::Foghorn;
use crate::parts::nginx::Nginx;

#[test]
fn from_nothing_to_a_page() {
    let (mut nginx, exim) = (Nginx::start(), Exim::start());
    let mut foghorn = Foghorn::new("");
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
    assert!(run(&foghorn, page, 0).contains("taken"));
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
