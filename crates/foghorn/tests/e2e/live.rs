//! A page that stays open, in a real browser: what is heard of it, where the focus is, whose it is, and that it says when the
//! server has gone. What is looked at is in `tests/browser/live.js`.

use crate::browser::run;
use crate::parts::foghorn::{Foghorn, basics};
use crate::parts::hook::Hook;
use crate::parts::session::account;
use serde_json::json;

const PASSWORD: &str = "correct horse battery";

#[test]
fn a_page_that_is_open_stays_true_and_usable_in_a_browser() {
    let hook = Hook::start();
    let more = "topology: { shop: { kind: service, runbook: \"https://runbooks.example.com/shop\" } }\n";
    let mut foghorn = Foghorn::start(&format!("{}{more}", basics(&hook, "1h")));
    account(&foghorn, "ana", "responder", &["--person", "ana"], PASSWORD);
    account(&foghorn, "rex", "responder", &["--person", "bob"], PASSWORD);
    let by_hand = json!({ "title": "it smells", "severity": "critical", "entity": "shop" });
    foghorn.post("/api/v1/incidents", &by_hand).is(201);
    let incident = hook.wait("the page", |r| r.kind() == "page").incident();
    let console = format!("http://{}", foghorn.address);
    run("live.js", &json!({ "console": console, "password": PASSWORD, "incident": incident }));
    assert!(foghorn.stop().success());
}
