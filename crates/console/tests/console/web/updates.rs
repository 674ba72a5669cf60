//! What people tell the public, from the button to the record.

use crate::kit::{OPEN, kit};
use foghorn_config::model::Role;
use serde_json::json;

const NOTHING: &str = "Nobody has told it anything yet.";

#[tokio::test]
async fn the_public_is_told_by_a_person() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    kit.check("shop", Some("502")).await;
    kit.caught_up().await;
    let page = ana.page("/incidents/1").await;
    assert!(
        page.contains("It sees <bdi>Shop</bdi> unwell, as measured.") && page.contains(NOTHING),
        "{page}"
    );
    assert!(page.contains("Everybody who opens the status page reads this"), "{page}");
    assert!(
        page.contains("<option value=\"investigating\" selected>") && !page.contains("value=\"postmortem\"")
    );
    let path = "/incidents/1/updates";
    for fields in [&[("stage", "identified"), ("text", " ")][..], &[("stage", "solved"), ("text", "x")]] {
        assert_eq!(ana.post(path, fields).await.status, 422, "{fields:?}");
    }
    let said = [("stage", "identified"), ("text", "Orders fail.\r\nWe replace a disk.")];
    assert_eq!(ana.post(path, &said).await.led(), "/incidents/1 told");
    let page = ana.page("/incidents/1").await;
    assert!(page.contains("Published: it is on the status page in a moment."), "{page}");
    assert_eq!(ana.post(path, &said).await.led(), "/incidents/1 already", "sent twice");
    kit.caught_up().await;
    let page = ana.page("/incidents/1").await;
    assert!(page.contains("<strong>identified</strong>") && !page.contains(NOTHING), "{page}");
    assert!(page.contains("<bdi>Orders fail.<br>We replace a disk.</bdi>"), "{page}");
    assert!(page.contains("ana (console) told the public, identified: Orders fail."), "{page}");
    assert!(page.contains("<option value=\"identified\" selected>"), "what was said last is the likeliest");
    // Resolved to the public is resolved for the team.
    let over = [("stage", "resolved"), ("text", "Orders work.")];
    assert_eq!(ana.post(path, &over).await.status, 303);
    kit.check("shop", None).await;
    kit.pass(3_600_000).await;
    kit.caught_up().await;
    assert!(kit.engine.view().state.incident(1).is_none(), "it is put away");
    let page = ana.page("/incidents/1").await;
    assert!(page.contains("<option value=\"postmortem\" selected>"), "{page}");
    let late = [("stage", "postmortem"), ("text", "A disk was full.")];
    assert_eq!(ana.post(path, &late).await.led(), "/incidents/1 told");
    kit.caught_up().await;
    assert!(ana.page("/incidents/1").await.contains("A disk was full."));
}

/// What cannot be taken back is read once more, as it will be read; it can be changed, and left.
#[tokio::test]
async fn what_the_public_is_to_be_told_is_shown_first() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    kit.check("shop", Some("502")).await;
    kit.caught_up().await;
    let shown = ana.page("/incidents/1").await;
    assert!(shown.contains("action=\"/incidents/1/draft\"") && !shown.contains("/1/updates\""), "{shown}");
    let words = "  Orders <fail>.\r\n\r\n\"Soon\" they work & you can pay.  ";
    let draft = ana.post("/incidents/1/draft", &[("stage", "resolved"), ("text", words)]).await;
    assert_eq!(draft.status, 200, "{}", draft.text);
    let read = "Orders &#60;fail&#62;.<br><br>&#34;Soon&#34; they work &#38; you can pay.";
    assert!(draft.text.contains("Not published yet") && draft.text.contains(read), "{}", draft.text);
    assert!(
        draft.text.contains("also resolves incident 1") && draft.text.contains("<strong>Resolved</strong>")
    );
    let untold = || kit.engine.view().state.updates(1).is_empty();
    assert!(untold(), "it is published unread");
    // The button publishes what was read.
    let hidden = |name: &str| super::browser::hidden(&draft.text, name).unwrap();
    let text = hidden("text")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#38;", "&");
    assert_eq!(text, "Orders <fail>.\n\n\"Soon\" they work & you can pay.");
    assert!(draft.text.contains("action=\"/incidents/1/updates\""), "{}", draft.text);
    for (stage, text) in [("identified", " "), ("solved", "x"), ("identified", "x".repeat(9000).as_str())] {
        let refused = ana.post("/incidents/1/draft", &[("stage", stage), ("text", text)]).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
    }
    assert!(untold());
    let told = ana.post("/incidents/1/updates", &[("stage", &hidden("stage")), ("text", &text)]).await;
    assert_eq!(told.led(), "/incidents/1 told");
    assert_eq!(kit.engine.view().state.updates(1)[0].text, text);

    // Whose session had ended reads it after the log-in: a log-in publishes nothing.
    kit.check("disk", Some("slow")).await;
    let ben = kit.logged_in("ben", Role::Responder).await;
    let token = super::browser::hidden(&ben.page("/account").await, "form").unwrap();
    let session = ben.jar.lock().unwrap().clone();
    ben.post("/log-out", &[]).await;
    // It ended elsewhere: this browser still has its cookie.
    *ben.jar.lock().unwrap() = session;
    let fields = [("form", token.as_str()), ("stage", "identified"), ("text", "It is a disk.")];
    let first = ben.post_raw("/incidents/2/draft", &fields, &[]).await;
    assert!(
        first.text.contains("read once more what the public would be told of incident 2"),
        "{}",
        first.text
    );
    let after = ben.fill_in(&first.text, "ben", super::browser::PASSWORD).await;
    assert!(after.status == 200 && after.text.contains("Not published yet"), "{}", after.text);
    assert!(kit.engine.view().state.updates(2).is_empty());
    let form = super::browser::hidden(&after.text, "form").unwrap();
    let fields = [("form", form.as_str()), ("stage", "identified"), ("text", "It is a disk.")];
    assert_eq!(ben.post_raw("/incidents/2/updates", &fields, &[]).await.led(), "/incidents/2 told");
}

/// What touches no component is told all the same, and the form says so; no one is nagged about it.
#[tokio::test]
async fn what_no_component_shows_can_be_told() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    ana.post("/incidents", &[("title", "mails are late"), ("severity", "critical")]).await;
    kit.caught_up().await;
    let page = ana.page("/incidents/1").await;
    assert!(page.contains("this will be shown all the same") && !page.contains(NOTHING), "{page}");
    let bare = crate::kit::kit(&OPEN.replace("status_page:", "# status_page:")).await;
    let bo = bare.logged_in("bo", Role::Responder).await;
    bare.check("shop", Some("502")).await;
    bare.caught_up().await;
    assert!(!bo.page("/incidents/1").await.contains("/updates"), "there is nobody to tell");
    let refused = bo.post("/incidents/1/updates", &[("stage", "identified"), ("text", "x")]).await;
    assert!(refused.status == 422 && refused.text.contains("Nobody would read it"), "{}", refused.text);
}

#[tokio::test]
async fn the_api_tells_the_public() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("502")).await;
    let say = |stage: &str, text: &str| json!({ "stage": stage, "text": text }).to_string();
    let path = "/api/v1/incidents/1/updates";
    let early = kit.post(path, &say("postmortem", "x")).await;
    assert!(early.status == 422 && early.text.contains("incident 1 is not over"), "{}", early.text);
    assert_eq!(
        kit.post(path, &say("investigating", "We look.")).await.json(),
        json!({"saved": true, "changed": true})
    );
    assert_eq!(kit.post(path, &say("resolved", "It works.")).await.status, 200);
    let shown = kit.get("/api/v1/incidents/1").await.json();
    assert_eq!(shown["state"], "resolved");
    let told: Vec<String> = shown["updates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| format!("{} by {}: {}", u["stage"].as_str().unwrap(), u["by"]["name"], u["text"]))
        .collect();
    assert_eq!(told, [r#"resolved by "local": "It works.""#, r#"investigating by "local": "We look.""#]);
    kit.check("shop", None).await;
    kit.pass(3_600_000).await;
    kit.caught_up().await;
    assert_eq!(kit.post(path, &say("postmortem", "A disk was full.")).await.status, 200);
    let shown = kit.get("/api/v1/incidents/1").await.json();
    assert_eq!(shown["updates"][0]["stage"], "postmortem");
    kit.pass(31 * 86_400_000).await;
    let late = kit.post(path, &say("postmortem", "And another.")).await;
    assert!(late.status == 422 && late.text.contains("ended too long ago"), "{}", late.text);
}
