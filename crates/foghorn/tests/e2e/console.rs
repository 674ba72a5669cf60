//! The console's log-in, with the server's own files: the first account, the command line beside it, sessions over a restart.

use crate::parts::foghorn::{Foghorn, basics};
use crate::parts::hook::Hook;
use crate::parts::http::{Answer, request};
use crate::parts::until;
use std::io::Write as _;
use std::process::{Command, Stdio};

const HTML: (&str, &str) = ("Accept", "text/html");

fn after<'a>(text: &'a str, before: &str, end: char) -> &'a str {
    text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1.split(end).next().unwrap()
}

fn ask(to: &Foghorn, method: &str, path: &str, cookie: &str, body: &str) -> Answer {
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    request(to.address, method, path, &[HTML, form, ("Cookie", cookie)], body.as_bytes()).unwrap()
}

/// Logs in; the session's cookie, or the status of a refusal.
fn log_in(to: &Foghorn, name: &str, password: &str) -> Result<String, u16> {
    let page = ask(to, "GET", "/log-in", "", "").is(200);
    let visit = after(page.header("set-cookie").unwrap(), "", ';').to_owned();
    let form = after(&page.body, "name=\"form\" value=\"", '"');
    let answer = ask(to, "POST", "/log-in", &visit, &format!("form={form}&name={name}&password={password}"));
    if answer.status != 303 {
        return Err(answer.status);
    }
    let cookies = answer.headers.iter().filter(|(n, _)| n == "set-cookie");
    let session = cookies.map(|(_, v)| v).find(|v| v.starts_with("foghorn=")).unwrap();
    Ok(after(session, "", ';').to_owned())
}

fn user(of: &Foghorn, args: &[&str], password: &str) -> String {
    let mut child = Command::new(crate::parts::foghorn::BINARY)
        .arg("user")
        .args(args)
        .arg("-c")
        .arg(of.config())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_first_account_the_command_line_and_a_restart() {
    let hook = Hook::start();
    let mut foghorn = Foghorn::start(&basics(&hook, "10m"));
    until("the first account is told", || {
        foghorn.said().contains("as admin with the password").then_some(())
    });
    let said = foghorn.said();
    let password = after(&said, "as admin with the password ", ' ').to_owned();
    let admin = log_in(&foghorn, "admin", &password).unwrap();
    assert!(ask(&foghorn, "GET", "/users", &admin, "").is(200).body.contains("Add somebody"));

    let made = user(&foghorn, &["add", "bo", "--role", "viewer"], "");
    let bo_password = after(&made, "with the password ", ';').to_owned();
    let bo = log_in(&foghorn, "bo", &bo_password).unwrap();
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
    assert_eq!(log_in(&foghorn, "bo", &bo_password), Err(422));
    let bo = log_in(&foghorn, "bo", "another+password").unwrap();
    let listed = user(&foghorn, &["list", "--json"], "");
    assert!(listed.contains(r#""name":"bo","person":null,"role":"viewer""#), "{listed}");
    user(&foghorn, &["remove", "bo"], "");
    ask(&foghorn, "GET", "/", &bo, "").is(303);
    let log = foghorn.said();
    assert!(!log.contains(&bo_password) && !log.contains("another password"), "{log}");
}
