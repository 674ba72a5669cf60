//! The console as a browser without scripts talks to it.

use super::foghorn::{BINARY, Foghorn};
use super::http::{Answer, request};
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

const HTML: (&str, &str) = ("Accept", "text/html");

/// What follows `before`, up to `end`.
#[track_caller]
pub fn after<'a>(text: &'a str, before: &str, end: char) -> &'a str {
    text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1.split(end).next().unwrap()
}

/// One request, with the cookie; a body is a form.
pub fn ask(to: SocketAddr, method: &str, path: &str, cookie: &str, body: &str) -> Answer {
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    request(to, method, path, &[HTML, form, ("Cookie", cookie)], body.as_bytes()).unwrap()
}

/// Logs in; the session's cookie, or the status of a refusal.
pub fn log_in(to: SocketAddr, name: &str, password: &str) -> Result<String, u16> {
    let page = ask(to, "GET", "/log-in", "", "").is(200);
    let visit = after(page.header("set-cookie").unwrap(), "", ';').to_owned();
    let form = after(&page.body, "name=\"form\" value=\"", '"');
    let password = password.replace(' ', "+");
    let answer = ask(to, "POST", "/log-in", &visit, &format!("form={form}&name={name}&password={password}"));
    if answer.status != 303 {
        return Err(answer.status);
    }
    let cookies = answer.headers.iter().filter(|(n, _)| n == "set-cookie");
    let session = cookies.map(|(_, v)| v).find(|v| v.starts_with("foghorn=")).unwrap();
    Ok(after(session, "", ';').to_owned())
}

/// `foghorn user …` beside the server; what it said.
#[track_caller]
pub fn user(of: &Foghorn, args: &[&str], password: &str) -> String {
    let mut child = Command::new(BINARY)
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

/// Makes an account with this password.
#[track_caller]
pub fn account(of: &Foghorn, name: &str, role: &str, more: &[&str], password: &str) {
    let args = [&["add", name, "--role", role, "--password-stdin"], more].concat();
    user(of, &args, &format!("{password}\n"));
}
