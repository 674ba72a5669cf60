//! The console's log-in, with the server's own files: the first account, the command line beside it, sessions over a restart.

use crate::parts::foghorn::{Foghorn, basics};
use crate::parts::hook::Hook;
use crate::parts::http::Answer;
use crate::parts::session::{self, after, log_in, user};
use crate::parts::until;

fn ask(to: &Foghorn, method: &str, path: &str, cookie: &str, body: &str) -> Answer {
    session::ask(to.address, method, path, cookie, body)
}

#[test]
fn the_first_account_the_command_line_and_a_restart() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::start(&basics(&hook, "10m"));
    let told = |foghorn: &Foghorn| foghorn.said().matches("as admin with the password in").count();
    until("the first account is told", || (told(&foghorn) == 1).then_some(()));
    let said = foghorn.said();
    let file = after(&said, "as admin with the password in ", ';').to_owned();
    let password = std::fs::read_to_string(&file).unwrap().trim_end().to_owned();
    assert!(!password.is_empty() && !said.contains(&password), "a log is kept for long");
    // Nobody has used it: the next start says where it is.
    foghorn.stop();
    foghorn.run();
    until("the file is told of again", || (told(&foghorn) == 2).then_some(()));
    let admin = log_in(foghorn.address, "admin", &password).unwrap();
    assert!(!std::path::Path::new(&file).exists(), "it was used");
    assert!(ask(&foghorn, "GET", "/users", &admin, "").is(200).body.contains("Add somebody"));

    let made = user(&foghorn, &["add", "bo", "--role", "viewer"], "");
    let bo_password = after(&made, "with the password ", ';').to_owned();
    let bo = log_in(foghorn.address, "bo", &bo_password).unwrap();
    ask(&foghorn, "GET", "/", &bo, "").is(200);
    ask(&foghorn, "GET", "/users", &bo, "").is(403);

    foghorn.stop();
    foghorn.run();
    ask(&foghorn, "GET", "/users", &admin, "").is(200);
    assert!(
        !foghorn.said().rsplit("is on watch").next().unwrap().contains("the password"),
        "{}",
        foghorn.said()
    );

    user(&foghorn, &["password", "bo", "--password-stdin"], "another password\n");
    ask(&foghorn, "GET", "/", &bo, "").is(303);
    assert_eq!(log_in(foghorn.address, "bo", &bo_password), Err(422));
    let bo = log_in(foghorn.address, "bo", "another password").unwrap();
    let listed = user(&foghorn, &["list", "--json"], "");
    assert!(listed.contains(r#""name":"bo","person":null,"role":"viewer""#), "{listed}");
    user(&foghorn, &["remove", "bo"], "");
    ask(&foghorn, "GET", "/", &bo, "").is(303);
    let log = foghorn.said();
    assert!(!log.contains(&bo_password) && !log.contains("another password"), "{log}");
}
