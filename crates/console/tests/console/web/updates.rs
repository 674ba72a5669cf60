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

/// What was published is corrected or withdrawn: the record keeps what it said, and whoever comes too late is told.
#[tokio::test]
async fn what_the_public_was_told_is_corrected_and_withdrawn() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    let viewer = kit.logged_in("vic", Role::Viewer).await;
    kit.check("shop", Some("502")).await;
    let path = "/incidents/1/updates";
    ana.post(path, &[("stage", "identified"), ("text", "All <orders> fail.\r\nSorry.")]).await;
    kit.caught_up().await;
    let place = "/incidents/1/updates/1";
    assert!(ana.page("/incidents/1").await.contains(&format!("href=\"{place}\"")));
    assert!(!viewer.page("/incidents/1").await.contains(place), "a viewer has no button");
    let page = ana.page(place).await;
    assert!(page.contains("All &#60;orders&#62; fail.\nSorry.</textarea>"), "{page}");
    assert_eq!(super::browser::hidden(&page, "revision").unwrap(), "0");
    let correct = format!("{place}/correct");
    let odd = ana.post(&correct, &[("revision", "none"), ("text", "All is well.")]).await;
    assert!(odd.status == 422 && odd.text.contains("revision cannot be read: none"), "{}", odd.text);
    let words = [("revision", "0"), ("text", "Some orders fail.\r\nSorry.")];
    assert_eq!(ana.post(&correct, &words).await.led(), "/incidents/1 corrected");
    assert!(ana.page("/incidents/1").await.contains("the status page shows it in a moment"));
    assert_eq!(ana.post(&correct, &words).await.led(), "/incidents/1 already", "sent twice");
    // Somebody else read what it said before.
    let bo = kit.logged_in("bo", Role::Responder).await;
    let late = bo.post(&correct, &[("revision", "0"), ("text", "No order fails.")]).await;
    assert!(late.status == 409 && late.text.contains("corrected status update 1"), "{}", late.text);
    for text in [" ", "x".repeat(9000).as_str()] {
        assert_eq!(ana.post(&correct, &[("revision", "1"), ("text", text)]).await.status, 422);
    }
    kit.caught_up().await;
    let page = ana.page("/incidents/1").await;
    assert!(page.contains("<bdi>Some orders fail.<br>Sorry.</bdi>") && page.contains("corrected "), "{page}");
    assert!(page.contains("It said before: All &#60;orders&#62; fail."), "{page}");
    assert_eq!(kit.engine.view().state.updates(1)[0].text, "Some orders fail.\nSorry.");
    // Withdrawn, it is there for the team, and to nobody's hand.
    let withdraw = format!("{place}/withdraw");
    assert_eq!(ana.post(&withdraw, &[("revision", "1")]).await.led(), "/incidents/1 withdrawn");
    kit.caught_up().await;
    let page = ana.page("/incidents/1").await;
    assert!(
        page.contains("The public read until then:") && !page.contains(&format!("href=\"{place}\"")),
        "{page}"
    );
    assert!(page.contains("<option value=\"investigating\" selected>"), "what is withdrawn says nothing");
    assert_eq!(ana.get(place).await.status, 409);
    assert_eq!(ana.get("/incidents/1/updates/2").await.status, 404);
    assert_eq!(ana.post("/incidents/1/updates/2/withdraw", &[]).await.status, 404);
}

#[tokio::test]
async fn the_api_corrects_and_withdraws() {
    let kit = kit(OPEN).await;
    kit.check("shop", Some("502")).await;
    let path = "/api/v1/incidents/1/updates";
    for text in ["All orders fail.", "Server db7 is down."] {
        kit.post(path, &json!({ "stage": "identified", "text": text }).to_string()).await;
    }
    let correct = "/api/v1/incidents/1/updates/1/correct";
    let done = kit.post(correct, r#"{"text": "Some orders fail.", "revision": 0}"#).await;
    assert_eq!(done.json(), json!({"saved": true, "changed": true}));
    let late = kit.post(correct, r#"{"text": "A few orders fail.", "revision": 0}"#).await;
    assert_eq!((late.status.as_u16(), late.json()["type"].clone()), (409, json!("/problems/changed")));
    assert_eq!(kit.post(correct, r#"{"text": "A few orders fail."}"#).await.status, 200);
    let withdraw = kit.post("/api/v1/incidents/1/updates/2/withdraw", "").await;
    assert_eq!(withdraw.json(), json!({"saved": true, "changed": true}));
    assert_eq!(kit.post("/api/v1/incidents/1/updates/2/withdraw", "{}").await.json()["changed"], false);
    for (body, status) in [(r#"{"text": " "}"#, 422), ("{}", 422), (r#"{"text": "x", "revision": -1}"#, 422)]
    {
        assert_eq!(kit.post(correct, body).await.status, status, "{body}");
    }
    assert_eq!(kit.post("/api/v1/incidents/1/updates/x/withdraw", "").await.status, 404);
    let shown = |updates: &serde_json::Value| -> Vec<String> {
        let one = |u: &serde_json::Value| {
            format!(
                "{} {} {} {} {}",
                u["number"], u["revision"], u["withdrawn"], u["corrected"]["by"]["id"], u["text"]
            )
        };
        updates.as_array().unwrap().iter().map(one).collect()
    };
    let expected = [r#"2 1 true "local" "Server db7 is down.""#, r#"1 2 false "local" "A few orders fail.""#];
    assert_eq!(shown(&kit.get("/api/v1/incidents/1").await.json()["updates"]), expected);
    let events = kit.get("/api/v1/events?limit=1000").await.json();
    let told: Vec<&str> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["type"] == "status_corrected")
        .map(|e| e["text"].as_str().unwrap())
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].ends_with("(update 1): Some orders fail.\nIt said before: All orders fail."), "{told:?}");
    assert!(
        told[2].ends_with("withdrew what the public was told (update 2): Server db7 is down."),
        "{told:?}"
    );
}

/// A silence says who is paged: what the public sees stays, and the form goes on proposing it.
#[tokio::test]
async fn after_a_silence_the_form_names_what_the_public_still_sees() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    kit.check("shop", Some("502")).await;
    let silence = [("what", "unwell"), ("for", "1h"), ("comment", "")];
    assert_eq!(ana.post("/incidents/1/silence", &silence).await.status, 303);
    kit.caught_up().await;
    let page = ana.page("/incidents/1").await;
    assert!(
        page.contains("It sees <bdi>Shop</bdi> unwell.") && !page.contains("this will be shown all the same"),
        "{page}"
    );
    // Well again, there is nothing that it sees.
    kit.check("shop", None).await;
    kit.caught_up().await;
    assert!(!ana.page("/incidents/1").await.contains("<bdi>Shop</bdi> unwell"));
}

/// Whoever writes that it is mended reads what is measured.
#[tokio::test]
async fn the_preview_says_what_the_page_goes_on_showing() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    kit.check("shop", Some("502")).await;
    let draft =
        async |stage: &str| ana.post("/incidents/1/draft", &[("stage", stage), ("text", "x")]).await.text;
    let warning = "Still shown as unwell: <bdi>Shop (major outage)</bdi>.";
    let resolved = draft("resolved").await;
    assert!(resolved.contains(warning) && resolved.contains("<em>closed</em>"), "{resolved}");
    let monitoring = draft("monitoring").await;
    assert!(monitoring.contains(warning) && !monitoring.contains("<em>closed</em>"), "{monitoring}");
    assert!(!draft("identified").await.contains("Still shown"));
    kit.check("shop", None).await;
    assert!(!draft("resolved").await.contains("Still shown"));
}
