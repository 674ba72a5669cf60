//! Whatever comes from outside is text on every page.

use crate::kit::{OPEN, config, kit};
use foghorn_config::model::Role;
use foghorn_core::alert::AlertItem;
use foghorn_core::input::Input;
use foghorn_core::labels::Labels;
use foghorn_core::words::Severity;

const EVIL: &str = "<img src=x onerror=alert(1)>\"'><script>alert(1)</script>{{7*7}}&lt;\u{202e}";

/// Nothing of it is markup; and it is there, so that this test sees it.
fn assert_text(page: &str, path: &str, shown: bool) {
    assert!(!page.contains("<img"), "{path}: {page}");
    assert!(!page.contains("<script>"), "{path}: {page}");
    assert!(!page.contains("\"'>"), "{path}: {page}");
    assert!(!page.contains('\u{202e}'), "{path}");
    assert!(!page.contains("href=\"javascript:"), "{path}");
    assert_eq!(
        page.contains("onerror=alert(1)&#62;") || page.contains("onerror=alert(1)&gt;"),
        shown,
        "{path}: {page}"
    );
}

#[tokio::test]
async fn what_comes_from_outside_is_text_on_every_page() {
    let kit = kit(OPEN).await;
    let responder = kit.logged_in("ana", Role::Responder).await;
    let labels = Labels::from_pairs([
        ("alertname", EVIL),
        ("service", EVIL),
        ("runbook_url", "javascript:alert(1)"),
        ("severity", "critical"),
    ]);
    let annotations = Labels::from_pairs([
        ("summary", EVIL),
        ("description", EVIL),
        ("runbook_url", "javascript:alert(1)"),
    ]);
    let item = AlertItem {
        severity: Some(Severity::Critical),
        entity: Some(EVIL.into()),
        ..AlertItem::firing(labels, annotations)
    };
    kit.input(Input::Alerts { source: "prometheus".into(), items: vec![item] }).await;
    kit.check("shop", Some(EVIL)).await;
    kit.check("disk", Some(EVIL)).await;
    let ids: Vec<u64> = kit.engine.view().state.open_incidents().map(|i| i.id).collect();
    assert!(!ids.is_empty());
    for id in &ids {
        assert_eq!(responder.post(&format!("/incidents/{id}/note"), &[("text", EVIL)]).await.status, 303);
        let said = [("stage", "identified"), ("text", EVIL)];
        // What is to be published is in the form as it is.
        let straight = EVIL.trim_end_matches('\u{202e}');
        let draft = responder
            .post(&format!("/incidents/{id}/draft"), &[("stage", "identified"), ("text", straight)])
            .await;
        assert_text(&draft.text, "what is not published yet", true);
        assert_eq!(responder.post(&format!("/incidents/{id}/updates"), &said).await.status, 303);
    }
    let matcher = format!("team={EVIL:?}");
    let silence = [("what", matcher.as_str()), ("for", "1h"), ("comment", EVIL)];
    assert_eq!(responder.post("/silences", &silence).await.status, 303);
    let by_hand = [("title", EVIL), ("severity", "critical"), ("note", EVIL)];
    let opened = responder.post("/incidents", &by_hand).await;
    assert_eq!(opened.status, 303, "{}", opened.text);
    let change = format!(r#"{{"summary": {:?}, "entity": "shop-api"}}"#, "<img src=x onerror=alert(1)>");
    assert_eq!(kit.post("/api/v1/changes", &change).await.status, 200);
    kit.caught_up().await;
    assert_text(&responder.page("/").await, "/", true);
    for id in
        ids.iter().chain(&[opened.header("location").split(['/', '?']).nth(2).unwrap().parse().unwrap()])
    {
        for path in ["", "/timeline"] {
            let path = format!("/incidents/{id}{path}");
            assert_text(&responder.page(&path).await, &path, true);
        }
    }
    let alerts = format!("/incidents/{}/alerts", ids[0]);
    assert_text(&responder.page(&alerts).await, &alerts, true);
    for path in ["/checks", "/checks/shop", "/checks/disk", "/silences"] {
        assert_text(&responder.page(path).await, path, true);
    }
    let search = super::browser::written(EVIL);
    for path in [format!("/incidents/closed?q={search}"), format!("/checks?q={search}")] {
        assert_text(&responder.page(&path).await, &path, true);
    }
    for path in ["/topology", "/on-call", "/account"] {
        assert_text(&responder.page(path).await, path, false);
    }
    let login = kit.browser().get(&format!("/log-in?next={search}")).await;
    assert_text(&login.text, "/log-in", false);
    let guessed = kit.browser().log_in(EVIL, "wrong password").await;
    assert_text(&guessed.text, "a wrong name", true);
    // What is over too: it is kept elsewhere.
    for id in ids.iter() {
        responder.post(&format!("/incidents/{id}/resolve"), &[]).await;
    }
    kit.check("shop", None).await;
    kit.check("disk", None).await;
    kit.pass(3_600_000).await;
    kit.caught_up().await;
    let view = kit.engine.view();
    let put_away = ids.iter().find(|id| view.state.incident(**id).is_none()).expect("one is put away");
    for path in ["", "/alerts", "/timeline"] {
        let path = format!("/incidents/{put_away}{path}");
        assert_text(&responder.page(&path).await, &path, true);
    }
    assert_text(&responder.page("/incidents/closed").await, "/incidents/closed", true);
}

/// Names of the configuration are the owner's own, and are no markup either.
#[tokio::test]
async fn names_of_the_configuration_are_text_too() {
    let yaml = OPEN.replace("Day operator", "\"<img src=x onerror=alert(1)>\"");
    let kit = kit(&yaml).await;
    drop(config(&yaml));
    kit.account("ana", Role::Admin, Some("day-ops"));
    let admin = kit.browser();
    admin.log_in("ana", super::browser::PASSWORD).await;
    kit.check("shop", Some("502")).await;
    admin.post("/incidents/1/ack", &[]).await;
    kit.caught_up().await;
    for path in ["/", "/incidents/1", "/on-call", "/account", "/users"] {
        assert_text(&admin.page(path).await, path, true);
    }
}

#[tokio::test]
async fn no_field_writes_a_header() {
    let kit = kit(OPEN).await;
    let admin = kit.logged_in("ana", Role::Admin).await;
    kit.check("shop", Some("502")).await;
    let evil = "x\r\nSet-Cookie: a=b\r\n\r\n<html>";
    for path in
        ["/silences/%0d%0aSet-Cookie:%20a=b/end", "/users/%0d%0aSet-Cookie:%20a=b", "/incidents/1/note"]
    {
        let answer =
            admin.post(path, &[("text", evil), ("do", "remove"), ("for", evil), ("what", evil)]).await;
        let cookies = answer.headers.get_all("set-cookie").into_iter().map(|c| c.to_str().unwrap());
        for cookie in cookies {
            assert!(cookie.starts_with("foghorn-done=noted-saved-") && !cookie.contains("a=b"), "{path}");
        }
        assert!(!answer.header("location").contains(['\r', '\n']), "{path}");
    }
    let path = "/checks/x%0d%0aSet-Cookie:%20a=b";
    assert_eq!(admin.get(path).await.status, 404);
    let stranger = kit.browser().get(path).await;
    assert_eq!(stranger.header("location"), "/log-in?next=%2Fchecks%2Fx%250d%250aSet-Cookie%3A%2520a%3Db");
}
