//! `foghorn oncall`.

use super::client::{call, list, segment, text};
use super::{Done, Remote, say};
use http::Method;
use serde_json::Value;

pub fn run(at: Option<&str>, to: &Remote) -> Done {
    let query = at.map_or(String::new(), |at| format!("?at={}", segment(at)));
    let found = call(to, Method::GET, &format!("/api/v1/oncall{query}"), None)?;
    if to.json {
        say(&found.to_string());
        return Ok(());
    }
    let schedules = list(&found, "/schedules");
    if schedules.is_empty() {
        say("There is no schedule in the configuration.");
    }
    for s in schedules {
        let until = text(s, "/until");
        let then = names(list(s, "/then"));
        let next = if until.is_empty() {
            ", and nobody else takes turns".to_owned()
        } else {
            format!(", until {until}, then {then}")
        };
        let stands_in = if s.get("overridden") == Some(&Value::Bool(true)) { " (stands in)" } else { "" };
        say(&format!("{:<16} {}{stands_in}{next}", text(s, "/name"), names(list(s, "/on_call"))));
    }
    Ok(())
}

fn names(people: &[Value]) -> String {
    if people.is_empty() {
        return "NOBODY".to_owned();
    }
    people.iter().map(|p| format!("{} ({})", text(p, "/name"), text(p, "/id"))).collect::<Vec<_>>().join(", ")
}
