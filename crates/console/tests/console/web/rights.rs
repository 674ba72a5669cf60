//! Every role against every page and button; and what a page of another site may not.

use super::browser::{PASSWORD, hidden};
use crate::kit::{OPEN, kit, with_tokens};
use foghorn_config::model::Role;
use http::StatusCode;

const ALL: u8 = 0;
const SEE: u8 = 1;
const ACT: u8 = 2;
const RULE: u8 = 3;

const TABLE: &[(&str, &str, u8)] = &[
    ("GET", "/", SEE),
    ("GET", "/incidents/new", ACT),
    ("GET", "/incidents/closed", SEE),
    ("GET", "/incidents/1", SEE),
    ("GET", "/incidents/1/alerts", SEE),
    ("GET", "/incidents/1/timeline", SEE),
    ("GET", "/checks", SEE),
    ("GET", "/checks/shop", SEE),
    ("GET", "/on-call", SEE),
    ("GET", "/topology", SEE),
    ("GET", "/silences", SEE),
    ("GET", "/account", SEE),
    ("GET", "/users", RULE),
    ("GET", "/users/admin/remove", RULE),
    ("GET", "/log-in", ALL),
    ("GET", "/style/x.css", ALL),
    ("GET", "/script/x.js", ALL),
    ("POST", "/incidents", ACT),
    ("POST", "/incidents/1/ack", ACT),
    ("POST", "/incidents/1/note", ACT),
    ("POST", "/incidents/1/draft", ACT),
    ("POST", "/incidents/1/updates", ACT),
    ("GET", "/incidents/1/updates/1", ACT),
    ("POST", "/incidents/1/updates/1/correct", ACT),
    ("POST", "/incidents/1/updates/1/withdraw", ACT),
    ("POST", "/incidents/1/escalate", ACT),
    ("POST", "/incidents/1/silence", ACT),
    ("POST", "/incidents/1/resolve", ACT),
    ("POST", "/silences", ACT),
    ("POST", "/silences/s1/end", ACT),
    ("POST", "/account", SEE),
    ("POST", "/users", RULE),
    ("POST", "/users/nobody", RULE),
];

#[tokio::test]
async fn every_role_against_every_page() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("502")).await;
    kit.caught_up().await;
    let browsers = [
        (None, kit.browser(), ALL),
        (Some("viewer"), kit.logged_in("viewer", Role::Viewer).await, SEE),
        (Some("responder"), kit.logged_in("responder", Role::Responder).await, ACT),
        (Some("admin"), kit.logged_in("admin", Role::Admin).await, RULE),
    ];
    for (method, path, needs) in TABLE {
        for (who, browser, has) in &browsers {
            let answer = match (*method, who) {
                ("GET", _) => browser.get(path).await,
                (_, None) => browser.post_raw(path, &[], &[]).await,
                (..) => browser.post(path, &[("text", "seen")]).await,
            };
            // A button of ours waits for the log-in, on its page.
            let waits = answer.text.contains("Log in, and it is done");
            let to_log_in = waits || answer.header("location").starts_with("/log-in");
            match (has >= needs, *has) {
                (true, _) => assert!(
                    answer.status != StatusCode::FORBIDDEN && !to_log_in,
                    "{method} {path} as {who:?}: {}",
                    answer.status
                ),
                (false, ALL) => assert!(to_log_in, "{method} {path}: {}", answer.status),
                (false, _) => assert_eq!(answer.status, 403, "{method} {path} as {who:?}"),
            }
        }
    }
}

/// The pages' cookie is nothing to the API, which has tokens: no form of another site can reach it.
#[tokio::test]
async fn a_session_opens_no_api() {
    let kit = kit(&with_tokens()).await;
    let browser = kit.logged_in("admin", Role::Admin).await;
    assert_eq!(browser.get("/api/v1/incidents").await.status, 401);
    assert_eq!(browser.post("/api/v1/incidents/1/ack", &[]).await.status, 401);
}

#[tokio::test]
async fn a_viewer_is_shown_no_buttons() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("502")).await;
    kit.caught_up().await;
    let viewer = kit.logged_in("viewer", Role::Viewer).await;
    for path in ["/", "/incidents/1", "/silences"] {
        let page = viewer.page(path).await;
        assert!(!page.contains("method=\"post\""), "{path}");
        assert!(!page.contains("/incidents/new") && !page.contains("/users"), "{path}");
    }
    let responder = kit.logged_in("responder", Role::Responder).await;
    for button in ["ack", "resolve", "note", "draft", "escalate", "silence"] {
        assert!(responder.page("/incidents/1").await.contains(&format!("action=\"/incidents/1/{button}\"")));
    }
}

/// A form counts with the token of the very session, from a page of this very site.
#[tokio::test]
async fn forms_of_other_sites_and_sessions_do_nothing() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("502")).await;
    let (ana, bo) = (kit.logged_in("ana", Role::Responder).await, kit.logged_in("bo", Role::Responder).await);
    let good = hidden(&ana.page("/account").await, "form").unwrap();
    let others = hidden(&bo.page("/account").await, "form").unwrap();
    let visit = hidden(&kit.browser().get("/log-in").await.text, "form").unwrap();
    let tokens = [None, Some(""), Some("x"), Some(&others), Some(&visit)];
    for token in tokens.map(|t: Option<&str>| t) {
        let fields: Vec<_> = token.into_iter().map(|t| ("form", t)).collect();
        for path in ["/incidents/1/ack", "/incidents/1/resolve", "/account", "/log-out", "/users"] {
            let answer = ana.post_raw(path, &fields, &[]).await;
            assert_eq!(answer.status, 403, "{path} with {token:?}: {}", answer.text);
        }
    }
    let fields = [("form", good.as_str())];
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:8080"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = ana.post_raw("/incidents/1/ack", &fields, &[(name, value)]).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
    }
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/json"] {
        let answer = ana.post_raw("/incidents/1/ack", &fields, &[("content-type", kind)]).await;
        assert_eq!(answer.status, 415, "{kind}");
    }
    assert!(!kit.engine.view().state.incident(1).unwrap().is_acknowledged());
    assert!(ana.cookie().is_some(), "nobody was logged out");
    let answer = ana.post_raw("/incidents/1/ack", &fields, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.led().as_str()), (303, "/incidents/1 acknowledged"));
    assert!(kit.engine.view().state.incident(1).unwrap().is_acknowledged());
}

/// A page that was open while somebody else logged in says so, and where to go on.
#[tokio::test]
async fn a_page_of_the_session_before_says_whose_it_is_now() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("502")).await;
    let browser = kit.logged_in("ana", Role::Responder).await;
    let shown = browser.page("/incidents/1").await;
    assert!(shown.contains("<main id=\"main\" data-who=\"ana\" "), "{shown}");
    browser.post("/log-out", &[]).await;
    kit.account("rex", Role::Responder, None);
    browser.log_in("rex", super::browser::PASSWORD).await;
    let fields = [("form", &*hidden(&shown, "form").unwrap()), ("text", "it was the mouse")];
    let answer = browser.post_raw("/incidents/1/note", &fields, &[]).await;
    assert_eq!(answer.status, 403);
    for says in ["othing was done", "logged in as rex now", "href=\"/incidents/1\""] {
        assert!(answer.text.contains(says), "{says}: {}", answer.text);
    }
    assert!(!answer.text.contains("another site"), "{}", answer.text);
    // Where no browser says that it comes from a page of ours, nothing is told of who is logged in.
    let forged = browser.post_raw("/incidents/1/note", &fields, &[("origin", "")]).await;
    assert!(forged.status == 403 && !forged.text.contains("rex"), "{}", forged.text);
}

/// Every page says what it may do, and is kept by nobody.
#[tokio::test]
async fn pages_are_private_and_hardened() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("502")).await;
    kit.caught_up().await;
    let admin = kit.logged_in("admin", Role::Admin).await;
    admin.post("/incidents/1/updates", &[("stage", "identified"), ("text", "x")]).await;
    for (_, path, _) in TABLE.iter().filter(|(m, p, _)| *m == "GET" && !p.contains("/x.")) {
        let answer = admin.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        // What the policy forbids is not on the page.
        assert!(
            !answer.text.contains("<style")
                && !answer.text.contains(" style=\"")
                && !answer.text.contains(" onclick"),
            "{path}"
        );
    }
    let style = admin.page("/").await;
    let style = style.split("href=\"/style/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let answer = admin.get(&format!("/style/{style}")).await;
    assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    assert!(answer.header("cache-control").contains("immutable"));
    let before = admin.get("/style/style.0123456789abcdef.css").await;
    assert_eq!((before.status.as_u16(), before.header("cache-control")), (200, "no-store"));
    for path in [
        "/style/x.css",
        "/style/style.css",
        "/style/live.0123456789abcdef.js",
        "/style/style.0123.css",
        "/script/x.js",
    ] {
        assert_eq!(admin.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn programs_get_what_they_always_got() {
    let kit = kit(OPEN).await;
    let answer = kit.get("/").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("/openapi.json"), "{}", answer.text);
    let browser = kit.browser();
    let nothing = browser.get("/no/such/page").await;
    assert_eq!(nothing.status, 404);
    assert!(nothing.text.contains("<html") && nothing.text.contains("href=\"/\""));
    assert!(kit.get("/no/such/page").await.header("content-type").starts_with("application/problem+json"));
    assert_eq!(browser.get("/api/v1/nothing").await.header("content-type"), "application/problem+json");
    let wrong = browser.send("DELETE", "/silences", &[], String::new()).await;
    assert_eq!(wrong.status, 405);
}

#[tokio::test]
async fn a_page_that_is_not_there_has_the_way_back() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    for path in ["/no/such/page", "/incidents/x", "/incidents/99"] {
        let answer = ana.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(
            answer.text.contains("There is nothing here") && answer.text.contains("href=\"/\""),
            "{path}"
        );
    }
    let strange = ana.post("/incidents/1/dance", &[]).await;
    assert_eq!(strange.status, 403, "a viewer is told nothing more");
}

/// A note of 64 KiB in any language counts; so much of a stranger is not even read.
#[tokio::test]
async fn who_is_not_logged_in_sends_little() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("502")).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    let long = "\u{448}".repeat(20_000);
    assert_eq!(ana.post("/incidents/1/note", &[("text", &long)]).await.led(), "/incidents/1 noted");
    let form = hidden(&ana.page("/account").await, "form").unwrap();
    kit.pass(4 * 86_400_000).await;
    for (who, path) in
        [(&ana, "/incidents/1/note"), (&kit.browser(), "/incidents/1/note"), (&kit.browser(), "/log-in")]
    {
        let answer = who.post_raw(path, &[("form", &form), ("text", &long)], &[]).await;
        assert_eq!(answer.status, 413, "{path}");
        assert!(answer.text.contains("is too large for somebody who is not logged in"), "{}", answer.text);
    }
    // What is as long as people write still waits for the log-in.
    let note = "\u{448}".repeat(5_000);
    let pressed = ana.post_raw("/incidents/1/note", &[("form", &form), ("text", &note)], &[]).await;
    assert_eq!(ana.fill_in(&pressed.text, "ana", PASSWORD).await.led(), "/incidents/1 noted");
}
