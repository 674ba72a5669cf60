//! Log-in: guesses, sessions, and what was pressed when one had ended.

use super::browser::{PASSWORD, hidden};
use crate::kit::{Mode, OPEN, kit};
use foghorn_config::model::Role;
use foghorn_core::incident::Status;
use foghorn_core::words::Via;
use std::collections::BTreeSet;

const DAY: u64 = 86_400_000;

#[tokio::test]
async fn the_way_in_and_out() {
    let kit = kit(OPEN).await;
    kit.account("ana", Role::Responder, Some("day-ops"));
    let browser = kit.browser();
    let answer = browser.get("/checks/shop?range=7d").await;
    assert_eq!(answer.header("location"), "/log-in?next=%2Fchecks%2Fshop%3Frange%3D7d");
    let answer = browser.log_in_to(answer.header("location"), "Ana", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/checks/shop?range=7d"));
    assert!(browser.page("/account").await.contains("Day operator"));
    assert!(browser.page("/account").await.contains("Europe/Lisbon"));
    let session = browser.cookie().unwrap();
    let out = browser.post("/log-out", &[]).await;
    assert_eq!(out.header("location"), "/log-in");
    assert_eq!(browser.cookie(), None);
    // The cookie of before is worth nothing, whoever has kept it.
    browser.jar.lock().unwrap().insert("foghorn".to_owned(), session);
    assert_eq!(browser.get("/account").await.header("location"), "/log-in?next=%2Faccount");
}

#[tokio::test]
async fn wrong_names_and_passwords_are_told_alike() {
    let kit = kit(OPEN).await;
    kit.account("ana", Role::Responder, None);
    let mut texts = BTreeSet::new();
    for (name, password) in [("ana", "wrong password"), ("nobody", PASSWORD), ("ana", ""), ("", PASSWORD)] {
        let browser = kit.browser();
        let answer = browser.log_in(name, password).await;
        assert_eq!(answer.status, 422, "{name}");
        assert_eq!(browser.cookie(), None);
        let said =
            answer.text.split("role=\"alert\"").nth(1).unwrap().split("</div>").next().unwrap().to_owned();
        texts.insert(said);
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
}

/// An id that somebody else has put into the browser does not become that of a session.
#[tokio::test]
async fn the_session_is_new_at_log_in() {
    let kit = kit(OPEN).await;
    kit.account("ana", Role::Responder, None);
    let browser = kit.browser();
    browser.jar.lock().unwrap().insert("foghorn".to_owned(), "planted-by-somebody-else".to_owned());
    browser.log_in("ana", PASSWORD).await;
    let first = browser.cookie().unwrap();
    assert_ne!(first, "planted-by-somebody-else");
    assert!(first.len() >= 43, "{first}");
    // Logging in again ends the session before.
    browser.log_in("ana", PASSWORD).await;
    let second = browser.cookie().unwrap();
    assert_ne!(first, second);
    for (id, status) in [("planted-by-somebody-else", 303), (first.as_str(), 303), (second.as_str(), 200)] {
        browser.jar.lock().unwrap().insert("foghorn".to_owned(), id.to_owned());
        assert_eq!(browser.get("/account").await.status, status, "{id}");
    }
}

#[tokio::test]
async fn a_log_in_form_counts_for_the_visit_that_it_was_shown_to() {
    let kit = kit(OPEN).await;
    kit.account("ana", Role::Responder, None);
    let (mine, theirs) = (kit.browser(), kit.browser());
    let shown = theirs.get("/log-in").await;
    mine.get("/log-in").await;
    let answer = mine.fill_in(&shown.text, "ana", PASSWORD).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert_eq!(mine.cookie(), None);
    let own = answer.text;
    assert_eq!(mine.fill_in(&own, "ana", PASSWORD).await.status, 303, "the page that says so can be used");
}

#[tokio::test]
async fn guesses_are_counted_by_address_and_by_name() {
    let kit = kit(OPEN).await;
    kit.account("ana", Role::Responder, None);
    kit.account("bo", Role::Responder, None);
    let mut owner = kit.browser();
    owner.address = "192.0.2.200:1";
    assert_eq!(owner.log_in("ana", PASSWORD).await.status, 303);
    let mut guesser = kit.browser();
    for n in 0..20 {
        assert_eq!(guesser.log_in("ana", "wrong password").await.status, 422, "{n}");
    }
    let refused = guesser.log_in("ana", PASSWORD).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "600"));
    assert_eq!(guesser.log_in("bo", PASSWORD).await.status, 429, "the address has guessed enough");
    // From many addresses, one name: in IPv6 a whole network is one.
    for address in ["[2001:db8::1]:1", "[2001:db8:0:1::1]:1"] {
        guesser.address = address;
        for _ in 0..5 {
            guesser.log_in("ana", "wrong password").await;
        }
    }
    guesser.address = "[2001:db8:0:2::1]:1";
    assert_eq!(guesser.log_in("ana", PASSWORD).await.status, 429, "the name was guessed at enough");
    assert_eq!(guesser.log_in("bo", PASSWORD).await.status, 303, "others get in");
    assert_eq!(owner.log_in("ana", PASSWORD).await.status, 303, "who was here before gets in");
    kit.pass(600_000).await;
    guesser.address = "192.0.2.7:50000";
    assert_eq!(guesser.log_in("ana", PASSWORD).await.status, 303, "it is forgotten");
}

/// Whoever has an account, or is behind the same proxy, guesses no better for that; nor does one address shut everybody out.
#[tokio::test]
async fn one_right_password_leaves_the_guesses_at_others_counted() {
    let kit = kit(OPEN).await;
    kit.account("ana", Role::Admin, None);
    kit.account("vera", Role::Viewer, None);
    for (name, known, refused) in [("ana", false, 20), ("ana", true, 30)] {
        let mut both = kit.browser();
        both.address = if known { "192.0.2.1:1" } else { "192.0.2.2:1" };
        if known {
            assert_eq!(both.log_in(name, PASSWORD).await.status, 303);
        }
        let mut guesses = 0;
        while both.log_in(name, "wrong password").await.status == 422 {
            guesses += 1;
            assert!(guesses <= refused, "known: {known}");
            if guesses % 5 == 0 {
                assert_eq!(both.log_in("vera", PASSWORD).await.status, 303, "known: {known}");
            }
        }
        assert!(guesses >= refused - 1, "known: {known}: {guesses}");
    }
    let mut flood = kit.browser();
    flood.address = "192.0.2.3:1";
    for n in 0..60 {
        flood.log_in(&format!("nobody-{n}"), "wrong password").await;
    }
    assert_eq!(flood.log_in("ana", PASSWORD).await.status, 429);
    // Strangers have guessed at it, and whoever is logged in has the more reason to set another password.
    let mut rosa = kit.browser();
    kit.account("rosa", Role::Viewer, None);
    rosa.address = "192.0.2.4:1";
    assert_eq!(rosa.log_in("rosa", PASSWORD).await.status, 303);
    for n in 5..9 {
        let mut stranger = kit.browser();
        stranger.address = Box::leak(format!("192.0.2.{n}:1").into_boxed_str());
        for _ in 0..10 {
            stranger.log_in("rosa", "wrong password").await;
        }
    }
    let new = [("old", PASSWORD), ("new", "another password"), ("again", "another password")];
    assert_eq!(rosa.post("/account", &new).await.header("location"), "/account");
}

#[tokio::test]
async fn only_places_of_this_server_are_gone_to() {
    let kit = kit(OPEN).await;
    kit.account("ana", Role::Responder, None);
    for next in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/x%0d%0aSet-Cookie:%20a=b",
        "/x\r\nSet-Cookie: a=b",
        "%2F%2Fevil.example",
        "/log-out",
        "/\u{2028}/evil.example",
    ] {
        let browser = kit.browser();
        let shown = browser.get(&format!("/log-in?next={}", super::browser::written(next))).await;
        let form = hidden(&shown.text, "form").unwrap();
        let fields = [("form", form.as_str()), ("next", next), ("name", "ana"), ("password", PASSWORD)];
        let answer = browser.post_raw("/log-in", &fields, &[]).await;
        let to = answer.header("location");
        assert!(to == "/" || to == "/x%0d%0aSet-Cookie:%20a=b", "{next:?} leads to {to:?}");
        assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2, "{next:?}");
    }
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let kit = kit(OPEN).await;
    let browser = kit.logged_in("ana", Role::Viewer).await;
    kit.pass(2 * DAY).await;
    assert_eq!(browser.get("/account").await.status, 200);
    kit.pass(3 * DAY).await;
    assert_eq!(browser.get("/account").await.status, 303);
}

/// 3 a.m.: the page was open for days, the button is pressed, and it counts.
#[tokio::test]
async fn what_was_pressed_when_the_session_had_ended_still_counts() {
    let kit = kit(OPEN).await;
    kit.account("ana", Role::Responder, Some("day-ops"));
    let browser = kit.browser();
    browser.log_in("ana", PASSWORD).await;
    kit.pass(4 * DAY - 1000).await;
    kit.check("shop", Some("502 Bad Gateway")).await;
    let again = kit.browser();
    again.log_in("ana", PASSWORD).await;
    let page = again.page("/incidents/1").await;
    kit.pass(4 * DAY).await;
    let form = hidden(&page, "form").unwrap();
    let revision = hidden(&page, "revision").unwrap();
    let pressed = again.post_raw("/incidents/1/ack", &[("form", &form), ("revision", &revision)], &[]).await;
    assert_eq!(pressed.status, 200, "{}", pressed.text);
    assert!(pressed.text.contains("acknowledge incident 1") && pressed.text.contains("type=\"password\""));
    assert!(!kit.engine.view().state.incident(1).unwrap().is_acknowledged(), "not before the log-in");
    // A typing error does not lose it.
    let mistyped = again.fill_in(&pressed.text, "ana", "wrong password").await;
    assert!(mistyped.text.contains("acknowledge incident 1"));
    let done = again.fill_in(&mistyped.text, "ana", PASSWORD).await;
    assert_eq!((done.status.as_u16(), done.led().as_str()), (303, "/incidents/1 acknowledged"));
    let view = kit.engine.view();
    let Status::Acknowledged { by, .. } = &view.state.incident(1).unwrap().status else {
        panic!("not acknowledged")
    };
    assert_eq!((by.name.as_str(), by.via), ("day-ops", Via::Console));
    assert!(again.page("/incidents/1").await.contains("Acknowledged: it is yours."));
}

/// The page was open while its owner logged out elsewhere, or the browser forgot the cookie.
#[tokio::test]
async fn what_was_pressed_without_a_cookie_still_counts() {
    let kit = kit(OPEN).await;
    kit.account("ana", Role::Responder, Some("day-ops"));
    kit.check("shop", Some("502 Bad Gateway")).await;
    let browser = kit.browser();
    browser.log_in("ana", PASSWORD).await;
    let form = hidden(&browser.page("/incidents/1").await, "form").unwrap();
    browser.post("/log-out", &[]).await;
    assert!(browser.jar.lock().unwrap().is_empty(), "nothing of the session is left");
    let note = [("form", form.as_str()), ("text", "I restarted it twice.")];
    let pressed = browser.post_raw("/incidents/1/note", &note, &[]).await;
    assert!(pressed.text.contains("write down at incident 1: I restarted it twice."), "{}", pressed.text);
    assert_eq!(browser.fill_in(&pressed.text, "ana", PASSWORD).await.led(), "/incidents/1 noted");
    kit.caught_up().await;
    let page = browser.page("/incidents/1").await;
    assert!(page.contains("I restarted it twice.") && page.contains("Written down."), "{page}");
    // What is no button of an incident's is said not to be done.
    browser.post("/log-out", &[]).await;
    let changed = browser.post_raw("/account", &[("form", &form), ("old", "x"), ("new", "y")], &[]).await;
    assert_eq!(changed.led(), "/log-in?next=%2Faccount nothing");
    assert_eq!(browser.post_raw("/log-out", &[("form", &form)], &[]).await.led(), "/log-in ");
    // What another site sends is refused, whatever the browser keeps.
    let forged = browser.post_raw("/incidents/1/ack", &[], &[("origin", "https://evil.example")]).await;
    assert_eq!(forged.status, 403);
}

/// What was done is told on the page that the button led to: not on a reload, and not by a link.
#[tokio::test]
async fn what_was_done_is_told_once() {
    const YOURS: &str = "Acknowledged: it is yours.";
    let kit = kit(OPEN).await;
    kit.check("shop", Some("502")).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    let page = ana.page("/incidents/1?done=acknowledged&unsaved=1").await;
    assert!(!page.contains(YOURS) && !page.contains("not yet saved"), "{page}");
    assert_eq!(ana.post("/incidents/1/ack", &[]).await.led(), "/incidents/1 acknowledged");
    assert!(!ana.page("/").await.contains(YOURS), "it is for another page");
    assert!(ana.page("/incidents/1").await.contains(YOURS));
    assert!(!ana.page("/incidents/1").await.contains(YOURS), "a reload");
}

#[tokio::test]
async fn what_waits_for_a_log_in_cannot_be_forged_and_is_not_kept_for_ever() {
    let kit = kit(OPEN).await;
    kit.account("ana", Role::Responder, None);
    kit.account("eye", Role::Viewer, None);
    kit.check("shop", Some("502")).await;
    let acknowledged = || kit.engine.view().state.incident(1).unwrap().is_acknowledged();
    // Without the cookie of a session that was, and without a word on where it comes from: it may be another site.
    let stranger = kit.browser();
    let answer = stranger.post_raw("/incidents/1/ack", &[("form", "x")], &[("origin", "")]).await;
    assert_eq!(answer.led(), "/log-in?next=%2Fincidents%2F1 nothing");
    let page = stranger.page("/log-in?next=%2Fincidents%2F1").await;
    assert!(page.contains("What you pressed was not done") && hidden(&page, "action").is_none(), "{page}");
    assert_eq!(stranger.fill_in(&page, "ana", PASSWORD).await.header("location"), "/incidents/1");
    assert!(!stranger.page("/log-in").await.contains("was not done"), "told once");
    assert!(!acknowledged());
    let ended = async || {
        let browser = kit.browser();
        browser.log_in("ana", PASSWORD).await;
        let form = hidden(&browser.page("/account").await, "form").unwrap();
        kit.pass(4 * DAY).await;
        let page = browser.post_raw("/incidents/1/ack", &[("form", &form)], &[]).await;
        (browser, page.text)
    };
    // Sealed for one browser, it is nothing in another.
    let (_, page) = ended().await;
    let other = kit.browser();
    let own = other.get("/log-in").await.text;
    let (form, action) = (hidden(&own, "form").unwrap(), hidden(&page, "action").unwrap());
    let fields = [
        ("form", form.as_str()),
        ("action", &action),
        ("name", "ana"),
        ("password", PASSWORD),
        ("next", "/"),
    ];
    assert_eq!(other.post_raw("/log-in", &fields, &[]).await.led(), "/ late");
    assert!(!acknowledged());
    // Half an hour later nobody means it any more.
    let (browser, page) = ended().await;
    kit.pass(31 * 60_000).await;
    assert_eq!(browser.fill_in(&page, "ana", PASSWORD).await.led(), "/ late");
    assert!(!acknowledged() && browser.page("/").await.contains("What you pressed was not done"));
    // Who logs in must be one who may.
    let (browser, page) = ended().await;
    assert_eq!(browser.fill_in(&page, "eye", PASSWORD).await.status, 403);
    assert!(!acknowledged());
}

#[tokio::test]
async fn accounts_are_managed_by_admins() {
    let kit = kit(OPEN).await;
    let admin = kit.logged_in("admin", Role::Admin).await;
    let new =
        [("name", "Bo"), ("password", "a long password"), ("role", "responder"), ("person", "night-ops")];
    assert_eq!(admin.post("/users", &new).await.led(), "/users added");
    let page = admin.page("/users").await;
    assert!(page.contains("The account is there.") && page.contains("Night operator"));
    assert_eq!(admin.post("/users", &new).await.status, 422, "twice");
    for (name, value) in [("person", "nobody"), ("role", "god"), ("password", "short"), ("name", "a b")] {
        let mut bad: Vec<_> = new.iter().copied().filter(|(n, _)| *n != name && *n != "name").collect();
        bad.extend([(name, value)]);
        bad.extend((name != "name").then_some(("name", "cy")));
        let answer = admin.post("/users", &bad).await;
        assert_eq!(answer.status, 422, "{name}={value}");
        assert!(answer.text.contains("<html"), "{}", answer.text);
    }
    let bo = kit.browser();
    assert_eq!(bo.log_in("bo", "a long password").await.status, 303);
    assert_eq!(bo.get("/users").await.status, 403);
    assert_eq!(admin.post("/users/bo", &[("do", "role"), ("role", "admin")]).await.status, 303);
    assert_eq!(bo.get("/users").await.status, 200, "it counts at once");
    assert_eq!(
        admin.post("/users/bo", &[("do", "password"), ("password", "another password")]).await.status,
        303
    );
    assert_eq!(bo.get("/").await.status, 303, "its sessions have ended");
    // What cannot be undone is asked first; of buttons that are alike each has its account's name.
    let users = admin.page("/users").await;
    assert!(!users.contains("value=\"remove\""), "{users}");
    for words in [
        "<a class=\"button\" href=\"/users/bo/remove\">Remove <bdi>bo</bdi> …</a>",
        "Change the role<span class=\"hide\"> of <bdi>bo</bdi></span></button>",
        "Set it<span class=\"hide\"> as the password of <bdi>bo</bdi></span></button>",
    ] {
        assert!(users.contains(words), "{words}: {users}");
    }
    let asks = admin.page("/users/bo/remove").await;
    assert!(asks.contains("Remove <bdi>bo</bdi>?") && asks.contains("cannot be brought back"), "{asks}");
    assert!(asks.contains("action=\"/users/bo\"") && !asks.contains("your own"), "{asks}");
    assert!(admin.page("/users/admin/remove").await.contains("This is your own account"));
    assert_eq!(admin.get("/users/nobody/remove").await.status, 404);
    assert_eq!(admin.post("/users/bo", &[("do", "remove")]).await.status, 303);
    assert_eq!(bo.log_in("bo", "another password").await.status, 422);
    let last = admin.post("/users/admin", &[("do", "remove")]).await;
    assert!(last.status == 422 && last.text.contains("last admin"), "{}", last.text);
    assert_eq!(admin.post("/users/nobody", &[("do", "remove")]).await.status, 404);
    for name in [".", ".."] {
        let fields = [("name", name), ("password", "a long password"), ("role", "viewer")];
        let answer = admin.post("/users", &fields).await;
        assert!(answer.status == 422 && answer.text.contains("alone are none"), "{name}: {}", answer.text);
    }
}

/// What was done is told where whoever did it may still look.
#[tokio::test]
async fn an_admin_steps_down() {
    let kit = kit(OPEN).await;
    let (ana, ben) = (kit.logged_in("ana", Role::Admin).await, kit.logged_in("ben", Role::Admin).await);
    assert_eq!(ana.post("/users/ana", &[("do", "role"), ("role", "viewer")]).await.led(), "/ changed");
    assert!(ana.page("/").await.contains("The account is changed."));
    // Who only looks has done nothing that could have been left undone.
    let looked = ana.get("/users").await;
    assert!(looked.status == 403 && !looked.text.contains("othing was done"), "{}", looked.text);
    let pressed = ana.post("/users/ben", &[("do", "remove")]).await;
    assert!(pressed.status == 403 && pressed.text.contains("Nothing was done"), "{}", pressed.text);
    assert_eq!(ben.post("/users/ana", &[("do", "role"), ("role", "admin")]).await.led(), "/users changed");
    assert_eq!(ben.post("/users/ben", &[("do", "remove")]).await.led(), "/log-in removed");
    assert!(ben.page("/log-in").await.contains("The account is removed"));
}

#[tokio::test]
async fn ones_own_password() {
    let kit = kit(OPEN).await;
    let (here, there) = (kit.logged_in("ana", Role::Viewer).await, kit.browser());
    there.log_in("ana", PASSWORD).await;
    let change = async |old: &str, new: &str, again: &str| {
        here.post("/account", &[("old", old), ("new", new), ("again", again)]).await
    };
    assert_eq!(change("wrong", "a new password", "a new password").await.status, 422);
    assert_eq!(change(PASSWORD, "a new password", "another").await.status, 422);
    assert_eq!(change(PASSWORD, "short", "short").await.status, 422);
    assert_eq!(change(PASSWORD, "a new password", "a new password").await.status, 303);
    assert_eq!(
        (here.get("/account").await.status.as_u16(), there.get("/account").await.status.as_u16()),
        (200, 303)
    );
    assert_eq!(there.log_in("ana", PASSWORD).await.status, 422);
    assert_eq!(there.log_in("ana", "a new password").await.status, 303);
}

/// The journal's disk is gone: people still get in, and are told.
#[tokio::test]
async fn a_degraded_journal_keeps_nobody_out() {
    let kit = kit(OPEN).await;
    kit.account("ana", Role::Responder, None);
    *kit.mode.lock().unwrap() = Mode::Degraded;
    kit.check("shop", Some("502")).await;
    // The list of what is closed is being made at first.
    kit.caught_up().await;
    let browser = kit.browser();
    browser.log_in("ana", PASSWORD).await;
    let page = browser.page("/incidents/1").await;
    assert!(page.contains("journal is degraded: no space left on the disk"), "{page}");
    // Whoever looks at records hears that they lack their ends.
    for path in ["/incidents/1", "/incidents/1/timeline", "/incidents/closed"] {
        let page = browser.page(path).await;
        assert!(page.contains("what happens now is not in it until the disk is back"), "{path}: {page}");
    }
    let done = browser.post("/incidents/1/ack", &[]).await;
    assert_eq!(done.led(), "/incidents/1 acknowledged unsaved");
    assert!(browser.page(done.header("location")).await.contains("not yet saved"));
    *kit.mode.lock().unwrap() = Mode::Unavailable;
    let refused = browser.post("/incidents/1/note", &[("text", "x")]).await;
    assert_eq!(refused.status, 503);
    assert!(refused.text.contains("press the button again"), "{}", refused.text);
}
