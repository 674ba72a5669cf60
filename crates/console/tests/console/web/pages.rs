//! What the pages show: working, empty, broken and large.

use super::browser::hidden;
use crate::kit::{OPEN, config, kit};
use foghorn_config::model::Role;
use foghorn_core::alert::AlertItem;
use foghorn_core::input::Input;
use foghorn_core::labels::Labels;
use foghorn_core::page::Outcome;
use foghorn_core::words::Severity;
use http_body_util::BodyExt;
use std::time::Duration;
use tower::ServiceExt;

const EMPTY: &str = r#"
server: { listen: "127.0.0.1:7070", data_dir: data }
people: { ana: { contacts: [ { via: hook, to: ana } ] } }
channels: { hook: { kind: webhook, url: "http://127.0.0.1:9/" } }
escalations: { default: { steps: [ { page: everyone } ] } }
"#;

fn firing(name: &str, entity: &str, severity: Severity) -> AlertItem {
    let labels = Labels::from_pairs([("alertname", name), ("instance", entity)]);
    let annotations = Labels::from_pairs([("summary", &*format!("{name} of {entity} is not well"))]);
    AlertItem {
        severity: Some(severity),
        entity: Some(entity.into()),
        ..AlertItem::firing(labels, annotations)
    }
}

#[tokio::test]
async fn an_empty_foghorn_says_what_to_do() {
    let kit = kit(EMPTY).await;
    let ana = kit.logged_in("ana", Role::Admin).await;
    for (path, says) in [
        ("/", "Nothing is watched yet."),
        ("/checks", "No checks yet."),
        ("/topology", "Nothing is described yet."),
        ("/on-call", "There is no schedule."),
        ("/silences", "Nothing is silenced."),
        ("/incidents/closed", "None yet."),
    ] {
        let page = ana.page(path).await;
        assert!(page.contains(says), "{path}: {page}");
    }
    assert_eq!(ana.get("/incidents/1").await.status, 404);
    assert_eq!(ana.get("/checks/none").await.status, 404);
}

#[tokio::test]
async fn calm_and_nobody_on_call() {
    let kit = kit(&OPEN.replace("2026-11-16 09:00", "2027-01-04 09:00")).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    let page = ana.page("/").await;
    assert!(page.contains("All is well, as far as Foghorn knows.") && page.contains("3 checks"), "{page}");
    assert!(page.contains("Nobody is on call on primary."), "{page}");
    assert!(ana.page("/on-call").await.contains("Nobody is on call now."));
    kit.past("the disk was full", "warning").await;
    kit.caught_up().await;
    assert!(ana.page("/").await.contains("the disk was full</bdi></a>, over for 1h"));
}

/// Nobody is paged by it, so nobody is missed.
#[tokio::test]
async fn a_schedule_that_no_policy_pages_may_be_empty() {
    let empty = OPEN.replace("2026-11-16 09:00", "2027-01-04 09:00");
    let kit = kit(&empty.replace("schedule/primary", "person/day-ops")).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    assert!(!ana.page("/").await.contains("Nobody is on call"));
    let page = ana.page("/on-call").await;
    assert!(page.contains("No policy pages this schedule.") && !page.contains("passed over"), "{page}");
}

/// However much is unwell with Foghorn itself, it is one banner: the button below stays within sight.
#[tokio::test]
async fn what_is_unwell_with_foghorn_is_one_banner() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    let banners = async |unwell: &[&str]| {
        *kit.unwell.lock().unwrap() = unwell.iter().map(|&text| text.to_owned()).collect();
        let page = ana.page("/").await;
        let banners = page.split("<div id=\"banners\" data-live>").nth(1).unwrap();
        banners.split("<details class=\"search\"").next().unwrap().to_owned()
    };
    assert!(!banners(&[]).await.contains("class=\"banner"));
    let one = banners(&["the disk is <full>"]).await;
    assert!(
        one.contains("unwell:</bdi></strong> <bdi>the disk is &#60;full&#62;<") && !one.contains("<details"),
        "{one}"
    );
    let three = banners(&["a", "<b>", "c"]).await;
    assert_eq!(three.matches("class=\"banner").count(), 1, "{three}");
    assert!(three.contains("and 2 more") && three.contains("<li><bdi>&#60;b&#62;</bdi></li>"), "{three}");
    assert!(banners(&["x"; 40]).await.contains("and 19 others"));
    let code = banners(&["`a<b` is not there, `c", "see `d`"]).await;
    assert!(code.contains("<bdi><code>a&#60;b</code> is not there, `c</bdi>"), "{code}");
    assert!(code.contains("<li><bdi>see <code>d</code></bdi></li>"), "{code}");
}

/// Whatever is wrong with Foghorn, what an incident is about and the button come first.
#[tokio::test]
async fn the_button_is_above_what_is_wrong_with_foghorn() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    kit.check("shop", Some("502 Bad Gateway")).await;
    *kit.unwell.lock().unwrap() = vec!["the disk is full".to_owned()];
    let page = ana.page("/incidents/1").await;
    let at = |what: &str| page.find(what).unwrap_or_else(|| panic!("{what}: {page}"));
    assert!(
        at("/incidents/1/ack") < at("id=\"banners\"") && at("id=\"banners\"") < at("Write a note"),
        "{page}"
    );
    assert_eq!(page.matches("the disk is full").count(), 1, "{page}");
    kit.account("vera", Role::Viewer, None);
    let vera = kit.browser();
    vera.log_in("vera", super::browser::PASSWORD).await;
    assert!(vera.page("/incidents/1").await.contains("the disk is full"));
}

/// A page of what is so now hears when it is not any more, and what is being typed is not part of that.
#[tokio::test]
async fn pages_of_what_is_so_now_keep_themselves_true() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    for (path, stream, parts) in [
        ("/", "/live", &["list"][..]),
        ("/checks", "/live?of=checks", &["list"]),
        ("/checks/shop", "/live?of=checks", &["stands", "latency", "results"]),
        ("/checks/backup-job", "/live?of=checks", &["stands"]),
        ("/on-call", "/live?of=turns", &["on-call"]),
        ("/silences", "/live?of=checks", &["silences"]),
    ] {
        let page = ana.page(path).await;
        assert!(page.contains(&format!("data-stream=\"{stream}\"")), "{path}: {page}");
        for part in parts {
            let begins =
                page.split(&format!("<div id=\"{part}\"")).nth(1).unwrap_or_else(|| panic!("{path}: {page}"));
            assert!(begins.split('>').next().unwrap().ends_with(" data-live"), "{path} {part}: {page}");
        }
    }
    let page = ana.page("/silences").await;
    let (kept, typed) = page.split_once("<textarea").unwrap();
    assert!(kept.contains("</div>\n<section class=\"card\"><h2>Add one</h2>"), "{kept}");
    assert!(!typed.contains("data-live>\n<form"), "{typed}");
}

#[tokio::test]
async fn an_incident_from_its_page_to_its_end() {
    let kit = kit(OPEN).await;
    kit.account("ana", Role::Responder, Some("day-ops"));
    let ana = kit.browser();
    ana.log_in("ana", super::browser::PASSWORD).await;
    kit.check("shop", Some("502 Bad Gateway")).await;
    let page = kit.engine.view().state.pages_of(1).next().unwrap().key.clone();
    let outcome = Outcome::Retry { error: "451 try later".to_owned(), after: None };
    kit.input(Input::Delivered { key: page.clone(), channel: None, outcome }).await;
    kit.caught_up().await;
    let shown = ana.page("/incidents/1").await;
    for says in [
        "Nobody has acknowledged it",
        "502 Bad Gateway",
        "not accepted, tried again at",
        "451 try later",
        "Day operator",
        "https://wiki.example.com/shop",
        "1 depends on it",
        "<svg class=\"pic",
        "data-stream=\"/incidents/1/live\"",
    ] {
        assert!(shown.contains(says), "{says}: {shown}");
    }
    kit.input(Input::Delivered {
        key: page,
        channel: None,
        outcome: Outcome::Accepted { detail: String::new() },
    })
    .await;
    assert_eq!(ana.post("/incidents/1/escalate", &[]).await.led(), "/incidents/1 escalated");
    kit.caught_up().await;
    let shown = ana.page("/incidents/1").await;
    assert!(
        shown.contains("The next step is being paged.") && shown.contains("accepted by email at 03:12:40"),
        "{shown}"
    );
    assert!(shown.contains("Night operator"), "{shown}");
    // What cannot be read is not as if nothing had been said: that would cover all there is.
    let odd = [("ack", "revision", "abc"), ("ack", "revision", "-1"), ("escalate", "seen", "1.x.2")];
    for (verb, field, value) in odd {
        let answer = ana.post(&format!("/incidents/1/{verb}"), &[(field, value)]).await;
        assert_eq!(answer.status, 422, "{verb} {field}={value}");
        let says = format!("this form’s {field} cannot be read: {value}");
        assert!(answer.text.to_lowercase().contains(&says), "{says}: {}", answer.text);
    }
    assert!(!kit.engine.view().state.incident(1).unwrap().is_acknowledged());
    assert_eq!(
        ana.post("/incidents/1/ack", &[("revision", "1024")]).await.led(),
        "/incidents/1 acknowledged"
    );
    assert_eq!(
        ana.post("/incidents/1/note", &[("text", "restarted\r\nit twice")]).await.led(),
        "/incidents/1 noted"
    );
    assert_eq!(ana.post("/incidents/1/note", &[("text", "  ")]).await.status, 422);
    let silenced =
        ana.post("/incidents/1/silence", &[("what", "unwell"), ("for", "1h"), ("comment", "known")]).await;
    assert_eq!(silenced.led(), "/incidents/1 silenced");
    let shown = ana.page("/incidents/1").await;
    assert!(shown.contains("You are on it") && shown.contains("restarted<br>it twice"), "{shown}");
    assert!(shown.contains("muted by silence"), "{shown}");
    // Under a finger that has just acknowledged there is nothing to press; what wakes people is apart, and says so.
    let part =
        |id: &str| shown.split(&format!("<div id=\"{id}\"")).nth(1).unwrap().split("</div>").next().unwrap();
    let (act, further) = (part("act"), part("further"));
    assert!(act.contains("class=\"pressed\">You are on it<") && !act.contains("<button"), "{act}");
    assert!(further.contains("withdraws your acknowledgement</strong> and wakes"), "{further}");
    assert!(further.contains("/1/escalate\"") && further.contains("/1/resolve\""), "{further}");
    let silences = ana.page("/silences").await;
    assert!(silences.contains("entity shop-api") && silences.contains("mutes 1 alert now"), "{silences}");
    let end = silences
        .split("action=\"")
        .find(|s| s.contains("/end\""))
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(ana.post(&end, &[]).await.led(), "/silences ended");
    assert_eq!(ana.post("/incidents/1/resolve", &[]).await.led(), "/incidents/1 resolved");
    let shown = ana.page("/incidents/1").await;
    assert!(
        shown.contains("Day operator</bdi> resolved it") && !shown.contains("incidents/1/resolve\""),
        "{shown}"
    );
    let twice = ana.post("/incidents/1/resolve", &[]).await;
    assert!(twice.status == 409 && twice.text.contains("There is nothing left to do."), "{}", twice.text);
    kit.check("shop", None).await;
    kit.pass(3_600_000).await;
    kit.caught_up().await;
    assert!(kit.engine.view().state.incident(1).is_none());
    let shown = ana.page("/incidents/1").await;
    assert!(shown.contains("resolved it") && shown.contains("accepted by email"), "{shown}");
    let over = ana.post("/incidents/1/ack", &[]).await;
    assert!(over.status == 409 && over.text.contains("put away"), "{}", over.text);
    let noted = ana.post("/incidents/1/note", &[("text", "it was the mouse")]).await;
    assert_eq!(noted.led(), "/incidents/1 noted");
    kit.caught_up().await;
    assert!(ana.page("/incidents/1").await.contains("it was the mouse"));
    assert_eq!(ana.post("/incidents/2/note", &[("text", "nowhere")]).await.status, 404);
    let opened =
        ana.post("/incidents", &[("title", "it smells"), ("severity", "warning"), ("entity", "db")]).await;
    assert_eq!(opened.led(), "/incidents/2 opened");
    let form = ana.page("/incidents/new").await;
    assert!(form.contains("<option selected>critical<") && form.matches(" selected").count() == 1, "{form}");
    let list = ana.get("/incidents").await;
    assert_eq!((list.status.as_u16(), list.header("location")), (303, "/"));
}

/// The picture is as bad as the incident, says what its shapes are, and has what did not go out.
#[tokio::test]
async fn the_strip_is_as_bad_as_the_incident_and_says_what_it_shows() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    let strip = async |incident: u64| {
        kit.caught_up().await;
        let page = ana.page(&format!("/incidents/{incident}")).await;
        page.split("<div id=\"strip\"")
            .nth(1)
            .unwrap()
            .split("<div class=\"split\"")
            .next()
            .unwrap()
            .to_owned()
    };
    kit.input(Input::Alerts { source: "p".into(), items: vec![firing("Warm", "attic", Severity::Info)] })
        .await;
    let info = strip(1).await;
    assert!(info.contains("info, nobody is on it, pages nobody") && !info.contains("bad"), "{info}");
    kit.check("shop", Some("502 Bad Gateway")).await;
    let page = kit.engine.view().state.pages_of(2).next().unwrap().key.clone();
    let none = strip(2).await;
    assert!(!none.contains("a page was"), "{none}");
    let outcome = Outcome::Retry { error: "451 try later".to_owned(), after: None };
    kit.input(Input::Delivered { key: page, channel: None, outcome }).await;
    let failed = strip(2).await;
    assert!(
        failed.contains("<rect class=\"solid bad\"") && failed.contains("</span> an alert began<"),
        "{failed}"
    );
    assert!(
        failed.contains("was not reached by email") && failed.contains("</span> a page was not accepted<"),
        "{failed}"
    );
}

/// A line for each contact, with what became of the last page; that somebody was told to stand down is folded into it.
#[tokio::test]
async fn who_was_paged_is_a_line_a_contact() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    kit.check("shop", Some("502 Bad Gateway")).await;
    let deliver = async || {
        let due = kit.engine.view().state.pages_of(1).map(|p| p.key.clone()).collect::<Vec<_>>();
        for key in due {
            let outcome = Outcome::Accepted { detail: String::new() };
            kit.input(Input::Delivered { key, channel: None, outcome }).await;
        }
    };
    deliver().await;
    ana.post("/incidents/1/escalate", &[]).await;
    deliver().await;
    ana.post("/incidents/1/ack", &[]).await;
    deliver().await;
    kit.caught_up().await;
    let page = ana.page("/incidents/1").await;
    let paged = page.split("<h2>Who was paged</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    assert_eq!(paged.matches("<li><div class=\"row\">").count(), 2, "{paged}");
    for one in paged.split("<li><div class=\"row\">").skip(1) {
        let (line, folded) = one.split_once("<details").unwrap();
        assert!(line.contains("page, step") && !line.contains("stand down"), "{line}");
        assert!(
            folded.contains("and 1 more to the same contact") && folded.contains("told to stand down"),
            "{folded}"
        );
    }
}

/// Who is half awake before an older page takes nothing away from whoever was faster.
#[tokio::test]
async fn an_older_page_takes_an_incident_from_nobody() {
    let kit = kit(OPEN).await;
    let (ana, ben) =
        (kit.logged_in("ana", Role::Responder).await, kit.logged_in("ben", Role::Responder).await);
    kit.check("shop", Some("502 Bad Gateway")).await;
    let shown = |page: &str| -> Vec<String> {
        let forms = page.split("action=\"/incidents/1/ack\"").skip(1);
        forms.map(|form| hidden(form.split("</form>").next().unwrap(), "shown").unwrap()).collect()
    };
    let holder = || match &kit.engine.view().state.incident(1).unwrap().status {
        foghorn_core::incident::Status::Acknowledged { by, .. } => by.name.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(shown(&ben.page("/incidents/1").await), [""]);
    let press = [("revision", "1024"), ("shown", "")];
    assert_eq!(ana.post("/incidents/1/ack", &press).await.led(), "/incidents/1 acknowledged");
    assert_eq!(ben.post("/incidents/1/ack", &press).await.led(), "/incidents/1 theirs");
    assert_eq!(holder(), "ana");
    let page = ben.page("/incidents/1").await;
    assert!(page.contains("Nothing was changed:") && page.contains("<bdi>ana</bdi> is on it"), "{page}");
    assert!(page.contains("class=\"banner info\" role=\"status\""), "{page}");
    // Who taps twice has it.
    assert_eq!(ana.post("/incidents/1/ack", &press).await.led(), "/incidents/1 acknowledged");
    // On purpose it is taken over, once.
    assert_eq!(shown(&page), ["ana"]);
    let over = [("revision", "1024"), ("shown", "ana")];
    assert_eq!(ben.post("/incidents/1/ack", &over).await.led(), "/incidents/1 acknowledged");
    assert_eq!(holder(), "ben");
    // “I am still on it” is not true any more.
    assert_eq!(ana.post("/incidents/1/ack", &over).await.led(), "/incidents/1 theirs");
    assert_eq!(holder(), "ben");
}

/// Two people press what names the same step: it is paged, and not the one after it as well.
#[tokio::test]
async fn the_next_step_is_paged_once_for_two_who_press() {
    let kit = kit(OPEN).await;
    let (ana, ben) =
        (kit.logged_in("ana", Role::Responder).await, kit.logged_in("ben", Role::Responder).await);
    kit.check("shop", Some("502 Bad Gateway")).await;
    let seen = hidden(&ana.page("/incidents/1").await, "seen").unwrap();
    let press = [("seen", seen.as_str())];
    let wave = || kit.engine.view().state.incident(1).unwrap().escalation.wave;
    let before = wave();
    assert_eq!(ana.post("/incidents/1/escalate", &press).await.led(), "/incidents/1 escalated");
    assert_eq!(ben.post("/incidents/1/escalate", &press).await.led(), "/incidents/1 stepped");
    assert_eq!(ana.post("/incidents/1/escalate", &press).await.led(), "/incidents/1 stepped");
    assert_eq!(wave(), before + 1);
    // On purpose it goes on.
    let seen = hidden(&ben.page("/incidents/1").await, "seen").unwrap();
    assert_eq!(ben.post("/incidents/1/escalate", &[("seen", &seen)]).await.led(), "/incidents/1 escalated");
    assert_eq!(wave(), before + 2);
}

/// A form that is sent twice, at once or by the way back, does what it is for once, and leads to the same place.
#[tokio::test]
async fn what_is_sent_twice_is_done_once() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    kit.check("shop", Some("502 Bad Gateway")).await;
    let note = [("text", "restarted it")];
    let silence = [("what", "entity:db"), ("for", "1h")];
    let open = [("title", "it smells"), ("severity", "warning")];
    let told = [("stage", "identified"), ("text", "We know the cause.")];
    let draft = ana.post("/incidents/1/draft", &told).await.text;
    let events = || kit.engine.view().seq;
    for (page, path, fields) in [
        (ana.page("/incidents/1").await, "/incidents/1/note", &note[..]),
        (ana.page("/incidents/1").await, "/incidents/1/silence", &silence),
        (ana.page("/silences").await, "/silences", &silence),
        (ana.page("/incidents/new").await, "/incidents", &open),
        (draft, "/incidents/1/updates", &told),
    ] {
        let own = page.split(&format!("action=\"{path}\"")).nth(1).unwrap().split("</form>").next().unwrap();
        let (form, once) = (hidden(own, "form").unwrap(), hidden(own, "once").unwrap());
        assert!(once.len() >= 16, "{once}");
        let send = async |fields: &[(&str, &str)]| {
            let all = [&[("form", &*form), ("once", &*once)], fields].concat();
            let answer = ana.post_raw(path, &all, &[]).await;
            assert_eq!(answer.status, 303, "{path}: {}", answer.text);
            answer.led()
        };
        let before = events();
        let (one, two) = tokio::join!(send(fields), send(fields));
        let after = events();
        let three = send(fields).await;
        assert_eq!((&one, &one, events()), (&two, &three, after), "{path}");
        // Whoever goes back and writes something else means it.
        let other: Vec<_> = fields
            .iter()
            .map(|(n, v)| (*n, if ["text", "title", "for"].contains(n) { "2h" } else { *v }))
            .collect();
        send(&other).await;
        let by_one = after - before;
        assert!(by_one > 0 && events() > after, "{path}: {before} {after} {}", events());
    }
    let notes = kit
        .journal
        .0
        .lock()
        .unwrap()
        .iter()
        .filter(|(_, r)| String::from_utf8_lossy(r).contains("restarted it"))
        .count();
    assert_eq!(notes, 1);
    // What did not work may be tried again.
    let page = ana.page("/incidents/new").await;
    let own = [("form", &*hidden(&page, "form").unwrap()), ("once", &*hidden(&page, "once").unwrap())];
    let send = async || ana.post_raw("/incidents", &[&own[..], &open].concat(), &[]).await;
    *kit.mode.lock().unwrap() = crate::kit::Mode::Unavailable;
    assert_eq!(send().await.status, 503);
    *kit.mode.lock().unwrap() = crate::kit::Mode::Good;
    assert_eq!(send().await.status, 303);
}

/// A page that nobody takes is one line until it is taken, and stays unfolded under the same name while it grows.
#[tokio::test]
async fn what_is_tried_again_and_again_is_one_line() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    kit.check("shop", Some("502")).await;
    let key = kit.engine.view().state.pages_of(1).next().unwrap().key.clone();
    let mut ids = Vec::new();
    for n in 1..=5 {
        kit.pass(10_000).await;
        let outcome = Outcome::Retry { error: format!("451 <try> {n}"), after: None };
        kit.input(Input::Delivered { key: key.clone(), channel: None, outcome }).await;
        if n >= 4 {
            kit.caught_up().await;
            let page = ana.page("/incidents/1").await;
            let fold = page.split("<details id=\"f").nth(1).unwrap_or_else(|| panic!("{n}: {page}"));
            ids.push(fold.split('"').next().unwrap().to_owned());
            assert!(fold.contains(&format!("failed, the last one: 451 &#60;try&#62; {n}")), "{fold}");
        }
    }
    assert_eq!(ids[0], ids[1], "a page that is open would fold it");
    let outcome = Outcome::Accepted { detail: String::new() };
    kit.input(Input::Delivered { key, channel: None, outcome }).await;
    kit.caught_up().await;
    let page = ana.page("/incidents/1").await;
    let (taken, fold) =
        (page.find("paged Day operator by email").unwrap(), page.find("<details id=\"f").unwrap());
    assert!(taken < fold, "who was reached is a line of its own, above: {page}");
}

/// What is waited for is counted on by a page that is open; a button that wakes says whom.
#[tokio::test]
async fn how_long_it_lasts_and_who_is_next() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    kit.check("shop", Some("502 Bad Gateway")).await;
    kit.clock.fetch_add(30_500, std::sync::atomic::Ordering::SeqCst);
    kit.input(Input::Tick).await;
    // The engine looks at the same moment as the page.
    kit.check("disk", Some("slow")).await;
    for path in ["/", "/incidents/1"] {
        let page = ana.page(path).await;
        for says in [
            "for <span data-age=\"30500\">30s</span>",
            "n <span data-wait=\"270000\">4m 30s</span> it pages Night operator (step 2)",
        ] {
            assert!(page.contains(says), "{path} {says}: {page}");
        }
    }
    let page = ana.page("/incidents/1").await;
    assert!(page.contains("<bdi>Page Night operator now (step 2)</bdi>"), "{page}");
    ana.post("/incidents/1/escalate", &[]).await;
    let page = ana.page("/incidents/1").await;
    assert!(page.contains("<bdi>Page Day operator now (step 1)</bdi>"), "{page}");
}

/// What waits until somebody works is told in its own tone, and a matcher that is none with everything that may stand there.
#[tokio::test]
async fn a_warning_does_not_look_like_an_outage() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    kit.check("disk", Some("slow")).await;
    let banner = |page: &str| {
        page.split("<h1>").nth(1).unwrap().split("<div class=\"").nth(1).unwrap()[..11].to_owned()
    };
    assert_eq!(banner(&ana.page("/incidents/1").await), "banner warn");
    kit.input(Input::Alerts { source: "p".into(), items: vec![firing("Down", "db", Severity::Critical)] })
        .await;
    assert_eq!(banner(&ana.page("/incidents/1").await), "banner bad\"");
    let wrong = ana.post("/silences", &[("what", "web1"), ("for", "1h")]).await;
    assert!(wrong.status == 422 && wrong.text.contains("write entity:NAME, one a line"), "{}", wrong.text);
}

/// What a button covers is what the page showed, not what has come since.
#[tokio::test]
async fn an_acknowledgement_covers_what_was_shown() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    kit.check("disk", Some("slow")).await;
    let page = ana.page("/incidents/1").await;
    let seen = super::browser::hidden(&page, "revision").unwrap();
    kit.pass(1000).await;
    kit.input(Input::Alerts { source: "p".into(), items: vec![firing("Down", "db", Severity::Critical)] })
        .await;
    ana.post("/incidents/1/ack", &[("revision", &seen)]).await;
    assert!(!kit.engine.view().state.incident(1).unwrap().is_acknowledged(), "it is critical now");
    let page = ana.page("/incidents/1").await;
    let seen = super::browser::hidden(&page, "revision").unwrap();
    ana.post("/incidents/1/ack", &[("revision", &seen)]).await;
    assert!(kit.engine.view().state.incident(1).unwrap().is_acknowledged());
}

#[tokio::test]
async fn ten_thousand_alerts_in_one_incident() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Responder).await;
    for chunk in 0..20 {
        let items =
            (0..500).map(|n| firing("Down", &format!("tenant-{:05}", chunk * 500 + n), Severity::Critical));
        let mut items: Vec<AlertItem> = items.collect();
        // One group is one incident.
        for item in &mut items {
            item.entity = Some("shop".into());
        }
        if chunk == 7 {
            items[3] =
                AlertItem { entity: Some("shop".into()), ..firing("Elsewhere", "one", Severity::Warning) };
        }
        kit.input(Input::Alerts { source: "prometheus".into(), items }).await;
    }
    kit.caught_up().await;
    let alerts = kit.engine.view().state.incident(1).unwrap().alerts.size();
    assert_eq!(alerts, 10_000);
    let page = ana.page("/incidents/1").await;
    assert!(page.contains("All 10,000 alerts"), "{page}");
    let head = page.split("<h1>").nth(1).unwrap().split("</div>").next().unwrap();
    assert!(head.contains("10,000 alerts, 10,000 open"), "how many is said at the title: {head}");
    let all = ana.page("/").await;
    assert!(all.contains(" · 10,000 alerts · "), "{all}");
    let first = ana.page("/incidents/1/alerts").await;
    assert!(first.contains("1 to 50 of 10,000") && first.contains("Page 1 of 200"));
    assert_eq!(first.matches("<summary class=\"small\">Labels").count(), 50);
    let last = ana.page("/incidents/1/alerts?page=200").await;
    assert!(last.contains("9,951 to 10,000 of 10,000"));
    assert_eq!(
        ana.page("/incidents/1/alerts?page=99999999999").await,
        ana.page("/incidents/1/alerts?page=200").await
    );
    // What is broken is told by name, of each the worst.
    let broken = page.split("<h2>What is broken</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    assert_eq!(broken.matches("<div class=\"row\">").count(), 2, "{broken}");
    assert!(broken.contains("and 9,998 more called Down") && broken.contains("Elsewhere of one"), "{broken}");
    // The timeline is few pages, to the end of which a link leads; what is folded can be read line by line.
    let (mut at, mut pages) = ("/incidents/1/timeline".to_owned(), 0);
    loop {
        pages += 1;
        let page = ana.page(&at).await;
        assert!(page.len() < 100 << 10, "{at}: {}", page.len());
        let Some(later) =
            page.split("\" rel=\"next\">Later").next().filter(|before| before.len() < page.len())
        else {
            break;
        };
        assert!(page.contains("?from=end\">The end"), "{page}");
        at = format!("/incidents/1/timeline{}", later.rsplit('"').next().unwrap().replace("&amp;", "&"));
    }
    assert!(pages < 10, "{pages} pages");
    let end = ana.page("/incidents/1/timeline?from=end").await;
    assert!(end.contains("← Beginning") && !end.contains("Later"), "{end}");
    let end = ana.page("/incidents/1/timeline?from=end&each=yes").await;
    let last = end.rsplit("\" id=\"e").next().unwrap().split('"').next().unwrap();
    assert_eq!(last, kit.engine.view().seq.to_string());
    let each = page.split("<a href=\"/incidents/1/timeline?each=yes&amp;after=").nth(1).unwrap();
    let after = each.split('"').next().unwrap();
    let each = ana.page(&format!("/incidents/1/timeline?each=yes&after={after}")).await;
    assert!(each.matches("<li class=\"bad\" id=\"e").count() > 90 && !each.contains("<details"), "{each}");
    assert!(each.contains("?each=yes&amp;after=") && each.contains("Fold what is alike"), "{each}");
    // In the timeline a storm is one line, which can be unfolded.
    for (path, says, lines) in [
        ("/incidents/1", "at least 301 critical alerts Down on shop from prometheus", 20),
        ("/incidents/1/timeline", "critical alerts Down on shop from prometheus", 41),
    ] {
        let page = ana.page(path).await;
        let timeline = page.split("<ol class=\"timeline\">").nth(1).unwrap();
        assert!(timeline.contains("<details id=\"f") && page.contains(says), "{path}: {page}");
        assert_eq!(page.matches("<li class=\"bad\" id=\"e").count(), lines, "{path}");
    }
    assert_eq!(
        ana.post("/incidents/1/silence", &[("what", "alertname=\"Down\""), ("for", "1h")]).await.status,
        303
    );
}

#[tokio::test]
async fn a_thousand_open_incidents_are_on_pages() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    for n in 0..1000 {
        let severity = if n == 3 { Severity::Critical } else { Severity::Warning };
        kit.input(Input::Open {
            title: format!("incident number {n}"),
            severity,
            entity: None,
            escalation: None,
            note: None,
            by: foghorn_core::words::Actor::system(),
        })
        .await;
    }
    let first = ana.page("/").await;
    assert!(first.contains("1,000 wait for an answer") && first.contains("Page 1 of 20"), "{first}");
    let worst = first.find("incident number 3<").unwrap();
    assert!(worst < first.find("incident number 999<").unwrap(), "the worst is first");
    assert!(ana.page("/?page=20").await.contains("Page 20 of 20"));
    assert!(ana.page("/?page=0").await.contains("Page 1 of 20"));
    assert!(ana.page("/?page=x").await.contains("Page 1 of 20"));
}

/// Silenced, or no more than worth knowing: nobody is to be hurried by that.
#[tokio::test]
async fn what_pages_nobody_does_not_wait_for_an_answer() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    kit.post("/api/v1/incidents", r#"{"title": "Worth knowing", "severity": "info"}"#).await;
    let page = ana.page("/").await;
    assert!(
        page.contains("None waits for an answer · <a href=\"/?state=unacknowledged\">1 pages nobody</a>"),
        "{page}"
    );
    kit.post("/api/v1/incidents", r#"{"title": "Broken"}"#).await;
    let page = ana.page("/").await;
    assert!(
        page.contains("1 waits for an answer</strong></a> · ") && page.contains("1 pages nobody"),
        "{page}"
    );
    assert!(page.find("Broken") < page.find("Worth knowing"), "{page}");
    kit.post("/api/v1/incidents/2/ack", "").await;
    let page = ana.page("/").await;
    assert!(page.contains("1 pages nobody</a> · ") && page.contains("1 acknowledged"), "{page}");
}

/// The address that a page leads to, for whatever begins so.
fn link(page: &str, begins: &str) -> Option<String> {
    let at = page.split("href=\"").find(|s| s.starts_with(begins))?.split('"').next()?;
    Some(at.replace("&#38;", "&").replace("&amp;", "&"))
}

/// By words, by how bad it is, and by whether somebody is on it; what is left out is counted all the same.
#[tokio::test]
async fn what_is_open_is_found_by_words_severity_and_state() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    kit.check("shop", Some("502")).await;
    for n in 0..120 {
        let severity = if n % 2 == 0 { "warning" } else { "critical" };
        // As JSON has it.
        let title = if n == 7 { r#"100 % of \"x\" & <b>"# } else { "Trouble" };
        let body = format!(r#"{{"title": "{title} {n}.", "severity": "{severity}"}}"#);
        assert_eq!(kit.post("/api/v1/incidents", &body).await.status, 201);
    }
    for id in [2, 3, 4] {
        assert_eq!(kit.post(&format!("/api/v1/incidents/{id}/ack"), "{}").await.status, 200);
    }
    let all = ana.page("/").await;
    assert!(all.contains("118 wait for an answer") && all.contains("Page 1 of 3"), "{all}");
    assert!(all.contains("id=\"search\"><summary>") && !all.contains("Shown:"), "folded away: {all}");

    let found = ana.page("/?q=trouble&severity=critical&state=unacknowledged").await;
    assert!(found.contains("Shown: 58 of 121.") && found.contains("118 wait for an answer"), "{found}");
    assert!(found.contains("id=\"search\" open>") && found.contains("value=\"trouble\""), "{found}");
    assert_eq!(found.matches(" selected>").count(), 2, "{found}");
    let next = link(&found, "/?q=trouble&#38;severity=critical&#38;state=unacknowledged&#38;page=2");
    let second = ana.page(&next.unwrap_or_else(|| panic!("no second page of them: {found}"))).await;
    assert!(
        second.contains("Page 2 of 2") && second.contains("Trouble 5.") && !second.contains("Trouble 6.")
    );

    // What is unwell is found by its name, whoever named the incident otherwise.
    let by_entity = ana.page("/?q=SHOP-api").await;
    assert!(by_entity.contains("Shown: 1 of 121.") && by_entity.contains(">shop: 502<"), "{by_entity}");
    let taken = ana.page("/?state=acknowledged").await;
    assert!(taken.contains("Shown: 3 of 121.") && taken.contains("Trouble 0."), "{taken}");
    let odd = ana.page("/?q=100+%25+of+%22x%22+%26+%3Cb%3E").await;
    assert!(odd.contains("Shown: 1 of 121.") && !odd.contains("<b>"), "{odd}");
    let none = ana.page("/?q=nothing+like+it").await;
    assert!(none.contains("Nothing fits.") && none.contains("118 wait for an answer"), "{none}");
    // A word that is none changes nothing.
    assert!(!ana.page("/?severity=loud&state=over").await.contains("Shown:"));

    // The same rule where programs ask.
    for (query, expected) in [
        ("state=unacknowledged&severity=critical&q=trouble", 58),
        ("state=acknowledged", 3),
        ("state=open&q=shop-API", 1),
        ("state=open", 121),
    ] {
        let list = kit.get(&format!("/api/v1/incidents?limit=1000&{query}")).await.json();
        assert_eq!(list["incidents"].as_array().unwrap().len(), expected, "{query}");
    }
}

#[tokio::test]
async fn what_is_over_is_found_by_page_and_by_words() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    for n in 0..60 {
        kit.past(&format!("trouble {n}"), if n % 2 == 0 { "warning" } else { "critical" }).await;
    }
    kit.caught_up().await;
    let first = ana.page("/incidents/closed").await;
    assert!(first.contains("trouble 59<") && first.contains("trouble 10<") && !first.contains("trouble 9<"));
    let older = link(&first, "/incidents/closed?").unwrap();
    let second = ana.page(&older).await;
    assert!(
        second.contains("trouble 9<") && second.contains("trouble 0<") && !second.contains("trouble 10<"),
        "{older}"
    );
    let found = ana.page("/incidents/closed?q=trouble+59&severity=critical").await;
    assert!(found.contains("trouble 59<") && !found.contains("trouble 5<"));
    assert!(ana.page("/incidents/closed?q=trouble+59&severity=info").await.contains("Nothing fits."));
}

/// The same words find an incident while it is open, when it is over, and when it is put away.
#[tokio::test]
async fn words_of_titles_entities_and_labels_find_what_is_over() {
    use foghorn_core::alert::AlertItem;
    use foghorn_core::input::Input;
    use foghorn_core::labels::Labels;
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    let item = |name: &str, host: &str, ended| AlertItem {
        entity: Some("db".into()),
        ended,
        ..AlertItem::firing(
            Labels::from_pairs([("alertname", name), ("host", host), ("job", "Größe_x")]),
            Labels::from_pairs([("summary", "it is slow")]),
        )
    };
    let send = |items: Vec<AlertItem>| kit.input(Input::Alerts { source: "prometheus".into(), items });
    send(vec![item("DiskFull", "Web-17", None)]).await;
    send((0..1100).map(|n| item("Many", &format!("node{n}"), None)).collect()).await;
    kit.caught_up().await;
    let finds = async |query: &str| {
        let list = kit.get(&format!("/api/v1/incidents?{query}")).await;
        assert_eq!(list.status, 200, "{}", list.text);
        let api = list.json()["incidents"].as_array().unwrap().iter().any(|i| i["id"] == 1);
        let over = kit.engine.view().state.incident(1).is_none_or(|i| i.is_resolved());
        let path = if over { "/incidents/closed" } else { "/" };
        let page = ana.page(&format!("{path}?{query}")).await.contains("href=\"/incidents/1\"");
        assert_eq!(api, page, "{query}");
        api
    };
    let table = [
        ("q=slow", true),
        ("q=SLOW+diskf", true),
        ("q=db", true),
        ("q=web-17+db", true),
        ("q=%22web%22+*+17", true),
        ("q=gr%C3%B6", true),
        ("q=node998+many", true),
        ("q=node1050", false),
        ("q=eb", false),
        ("q=slow+nothing", false),
        ("q=OR", false),
        ("q=%E2%92%B6x", false),
        ("q=db&severity=critical", true),
        ("q=db&severity=warning", false),
    ];
    let opened = kit.engine.view().state.incident(1).unwrap().opened.wall;
    for stage in ["open", "over", "put away"] {
        if stage == "over" {
            let at = kit.engine.view().at.wall;
            // As they came: of those that have ended the state holds the first thousand.
            send(vec![item("DiskFull", "Web-17", Some(at))]).await;
            send((0..1100).map(|n| item("Many", &format!("node{n}"), Some(at))).collect()).await;
        } else if stage == "put away" {
            kit.pass(3_600_000).await;
            assert!(kit.engine.view().state.incident(1).is_none());
        }
        kit.caught_up().await;
        for (query, expected) in table {
            assert_eq!(finds(query).await, expected, "{query}, {stage}");
        }
    }
    // By time; the days of the pages are the visitor's.
    let at = |ms: i64| foghorn_core::time::Wall(opened.0 + ms).to_string();
    for (from, to, expected) in [(-1000, 2000, true), (-9000, -8000, false), (7_200_000, 9_000_000, false)] {
        let query = format!("/api/v1/incidents?q=slow&from={}&to={}", at(from), at(to));
        let list = kit.get(&query).await.json();
        assert_eq!(!list["incidents"].as_array().unwrap().is_empty(), expected, "{query}");
    }
    let day = at(0)[..10].to_owned();
    let page = ana.page(&format!("/incidents/closed?q=slow&from={day}&to={day}")).await;
    assert!(
        page.contains("href=\"/incidents/1\"") && page.contains(&format!("name=\"from\" value=\"{day}\""))
    );
    assert!(ana.page("/incidents/closed?to=2001-01-01").await.contains("Nothing fits."));
    // Whoever writes a day otherwise does not take all for what was asked for.
    for (asked, why) in [
        ("from=22.11.2026", "From: “22.11.2026” is no day."),
        ("to=2026-02-30", "To: “2026-02-30” is no day."),
        ("from=2026-11-30&to=2026-11-01", "From is after To"),
        ("from=%3Cb%3E", "From: “&#60;b&#62;” is no day."),
    ] {
        assert!(ana.page(&format!("/incidents/closed?{asked}")).await.contains(why), "{asked}");
    }
    assert!(!ana.page("/incidents/closed?from=&to=").await.contains("is no day"));
    for bad in [
        "from=yesterday",
        "from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z",
        &format!("q={}", "x".repeat(201)),
    ] {
        assert_eq!(kit.get(&format!("/api/v1/incidents?{bad}")).await.status, 400, "{bad}");
    }
}

/// A page that is open hears that something is new, and of nothing else.
#[tokio::test]
async fn open_pages_hear_of_news() {
    let kit = kit(OPEN).await;
    let ana = kit.logged_in("ana", Role::Viewer).await;
    kit.check("shop", Some("502")).await;
    let cookie = format!("foghorn={}", ana.cookie().unwrap());
    let stranger = kit.browser().get("/incidents/1/live").await;
    assert_eq!(stranger.status, 401);
    let request = crate::kit::from("192.0.2.7:1", "GET", "/incidents/1/live", &[("cookie", &cookie)], "");
    let mut stream = kit.api.clone().oneshot(request).await.unwrap();
    assert_eq!(stream.status(), 200);
    let mut heard = async || {
        let frame = tokio::time::timeout(Duration::from_secs(20), stream.body_mut().frame());
        let data = frame.await.expect("in time").unwrap().unwrap().into_data().unwrap();
        String::from_utf8(data.to_vec()).unwrap()
    };
    assert!(heard().await.contains("event: here"));
    kit.input(Input::Open {
        title: "another".to_owned(),
        severity: Severity::Info,
        entity: None,
        escalation: None,
        note: None,
        by: foghorn_core::words::Actor::system(),
    })
    .await;
    let note = Input::Note { incident: 1, by: foghorn_core::words::Actor::system(), text: "x".to_owned() };
    kit.input(note).await;
    assert!(heard().await.contains("event: changed"));
    kit.input(Input::AdoptConfig { hash: "another".to_owned(), setup: config(EMPTY).setup.clone() }).await;
    assert!(heard().await.contains("event: changed"), "what is configured may be on any page");
    // What is told is in the timeline already.
    assert!(kit.read_model.lag().seq >= kit.engine.view().seq);
}

/// What comes later finds its place on a page that was opened before.
#[tokio::test]
async fn whatever_may_come_has_its_place_on_an_open_page() {
    let (empty, full) = (kit(EMPTY).await, kit(OPEN).await);
    let (ana, ben) = (empty.logged_in("ana", Role::Admin).await, full.logged_in("ben", Role::Admin).await);
    let by_hand = r#"{"title": "it smells", "severity": "info"}"#;
    empty.post("/api/v1/incidents", by_hand).await;
    full.check("shop", Some("502")).await;
    let places = |page: &str| -> Vec<String> {
        page.split(" data-live")
            .filter_map(|before| before.rsplit("id=\"").next()?.split('"').next().map(str::to_owned))
            .collect()
    };
    for path in ["/", "/checks", "/topology", "/incidents/1"] {
        let (before, after) = (ana.page(path).await, ben.page(path).await);
        let (mut before, mut after) = (places(&before), places(&after));
        before.pop();
        after.pop();
        assert_eq!(before, after, "{path}");
    }
    let page = ben.page("/incidents/1").await;
    let about = page.split("<div id=\"about\" data-live>").nth(1).unwrap();
    for card in ["How wide", "What the public is told", "Runbook", "What changed lately"] {
        assert!(about.contains(&format!("<h2>{card}</h2>")), "{card}: {about}");
    }
    // What is counted every second is not said every second.
    for said in page.split("role=\"status\"").skip(1).map(|rest| rest.split("</div>").next().unwrap()) {
        assert!(!said.contains("data-age") && !said.contains("data-wait"), "{said}");
    }
}

/// Marks that combine, blanks that are none, what turns text around: what the form offers mutes what it names.
#[tokio::test]
async fn alerts_of_any_name_are_silenced_by_what_the_form_offers() {
    for name in ["डिस्क भर गई", "a\u{a0}b", "\u{202e}x", "a \"b\" c\\", "Down"] {
        let kit = kit(OPEN).await;
        let ana = kit.logged_in("ana", Role::Responder).await;
        let item = AlertItem {
            severity: Some(Severity::Critical),
            ..AlertItem::firing(Labels::from_pairs([("alertname", name)]), Labels::empty())
        };
        kit.input(Input::Alerts { source: "prom".into(), items: vec![item] }).await;
        let shown = ana.page("/incidents/1").await;
        let offered = shown.split("<option value=\"").find(|o| o.contains(">alerts called ")).unwrap();
        let what = offered.split('"').next().unwrap();
        let done = ana.post("/incidents/1/silence", &[("what", what), ("for", "1h"), ("comment", "")]).await;
        assert_eq!(done.led(), "/incidents/1 silenced", "{name}");
        let muted = kit.engine.view().state.incident(1).map(|i| i.muted);
        assert_eq!(muted, Some(1), "{name}: {what}");
    }
}
