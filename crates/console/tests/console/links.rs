//! The page behind the link in a page.

use crate::kit::{Answer, HERE, Kit, Mode, OPEN, from, kit, send};
use foghorn_core::alert::AlertItem;
use foghorn_core::input::Input;
use foghorn_core::labels::Labels;
use foghorn_core::words::Severity;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
/// The night operator's link to incident 1.
const NIGHT: &str = "/ack/good-1-night-ops";
const DAY: &str = "/ack/good-1-day-ops";

async fn get(kit: &Kit, path: &str) -> Answer {
    send(&kit.links, from(HERE, "GET", path, &[], "")).await
}

async fn press(kit: &Kit, path: &str, body: &'static str) -> Answer {
    send(&kit.links, from(HERE, "POST", path, &[FORM], body)).await
}

async fn broken() -> Kit {
    let kit = kit(OPEN).await;
    kit.post(
        "/api/v1/changes",
        r#"{"summary": "shop-api 1.2.3", "entity": "shop-api", "link": "https://deploy.example.com/7"}"#,
    )
    .await;
    kit.check("shop", Some("status is 502")).await;
    kit.pass(100_000).await;
    kit
}

#[tokio::test]
async fn the_page_as_it_is() {
    let page = get(&broken().await, DAY).await;
    assert_eq!(page.status, 200);
    let body = page.text.split("<body>").nth(1).unwrap();
    insta::assert_snapshot!(body.trim(), @r#"
<main>
<p class="severity critical"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7.5 1h9L23 7.5v9L16.5 23h-9L1 16.5v-9zM10.6 5.5l.5 8.5h1.8l.5-8.5zM10.5 16v3h3v-3z" fill-rule="evenodd"/></svg>CRITICAL<span class="dim">Incident 1</span></p>
<h1><bdi>shop: status is 502</bdi></h1>
<p>Open since 03:12 WET, for 1m 40s. Nobody has acknowledged it.</p>
<form method="post"><input type="hidden" name="revision" value="1024"><button type="submit">Acknowledge: I am on it</button></form>
<p class="dim">As <bdi>Day operator</bdi>. It stops paging the others for what this page shows.</p>
<section><h2>What is broken</h2><ul>
<li><bdi>shop: status is 502</bdi><br><span class="dim">since 03:12 WET</span></li>
</ul></section>
<section><h2>How wide</h2><p>Unwell: <bdi>shop-api</bdi></p><p>1 depends on it: <bdi>shop</bdi></p>
</section>
<section><h2>What changed lately</h2><ul>
<li><a href="https://deploy.example.com/7" rel="noreferrer noopener"><bdi>shop-api 1.2.3</bdi></a><br><span class="dim"><bdi>03:12 WET, by local</bdi></span></li>
</ul></section>
<section><h2>Runbook</h2><ul>
<li><a href="https://wiki.example.com/shop" rel="noreferrer noopener"><bdi>https://wiki.example.com/shop</bdi></a></li>
</ul></section>
<section><h2>If nobody answers</h2><p class="next">in 5m it pages Day operator (step 1).</p></section>
<footer>As of 2026-11-21 03:14:20 WET. Reload this page to see what is new. Foghorn</footer>
</main>
</body>
</html>
"#);
}

#[tokio::test]
async fn following_the_link_changes_nothing_and_the_button_acknowledges() {
    let kit = broken().await;
    let events = || kit.journal.0.lock().unwrap().len();
    let before = events();
    for method in ["GET", "HEAD"] {
        assert_eq!(send(&kit.links, from(HERE, method, DAY, &[], "")).await.status, 200);
    }
    assert_eq!(events(), before, "mail scanners follow links");
    let pressed = press(&kit, DAY, "revision=1024").await;
    assert_eq!((pressed.status.as_u16(), pressed.header("location")), (303, DAY));
    let i = kit.get("/api/v1/incidents/1").await.json();
    assert_eq!(
        (&i["acknowledged"]["by"]["id"], &i["acknowledged"]["by"]["via"]),
        (&"day-ops".into(), &"link".into())
    );
    let mine = get(&kit, DAY).await.text;
    assert!(
        mine.contains("<strong>You acknowledged it</strong> at 03:14 WET")
            && mine.matches("<form").count() == 1,
        "{mine}"
    );
    assert!(mine.contains("in 20m") && mine.contains("I am still on it"), "{mine}");
    let theirs = get(&kit, NIGHT).await.text;
    assert!(
        theirs.contains(
            "<strong><bdi>Day operator</bdi> acknowledged it</strong> at 12:14 JST. You can stand down."
        ),
        "{theirs}"
    );
    assert!(theirs.contains("Take it over"), "{theirs}");

    let before = events();
    assert_eq!(press(&kit, DAY, "revision=1024").await.status, 303);
    assert_eq!(events(), before, "a replayed POST is harmless");
    kit.pass(600_000).await;
    assert!(get(&kit, DAY).await.text.contains("in 10m"));
    assert_eq!(press(&kit, DAY, "revision=1024").await.status, 303);
    assert!(get(&kit, DAY).await.text.contains("in 20m"), "still on it");
    assert_eq!(press(&kit, NIGHT, "revision=1024").await.status, 303);
    assert!(get(&kit, DAY).await.text.contains("<bdi>Night operator</bdi> acknowledged it"));

    kit.check("shop", None).await;
    assert!(get(&kit, DAY).await.text.contains("<strong>It is over</strong> at 03:24 WET, after 11m 40s"));
    assert_eq!(press(&kit, DAY, "revision=1024").await.status, 303, "what is over is over");
    kit.pass(3_600_000).await;
    let gone = get(&kit, DAY).await;
    assert!(gone.status == 200 && gone.text.contains("has been put away"), "{}", gone.text);
    assert_eq!(press(&kit, DAY, "").await.status, 303);
}

/// An acknowledgement covers what was shown: what has grown since pages again.
#[tokio::test]
async fn the_button_covers_what_the_page_showed() {
    let kit = kit(OPEN).await;
    kit.check("disk", Some("no answer")).await;
    let shown = get(&kit, DAY).await.text;
    let revision =
        shown.split("name=\"revision\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    kit.check("shop", Some("status is 502")).await;
    let body = format!("revision={revision}");
    assert_eq!(send(&kit.links, from(HERE, "POST", DAY, &[FORM], body)).await.status, 303);
    assert!(
        get(&kit, DAY).await.text.contains("Nobody has acknowledged it"),
        "it was a warning when it was shown; now it is critical"
    );
    // What cannot be read counts for what the page that brought the link told of, not for all there is.
    assert_eq!(press(&kit, DAY, "revision=abc").await.status, 303);
    assert!(get(&kit, DAY).await.text.contains("Nobody has acknowledged it"));
    press(&kit, DAY, "revision=101376").await;
    assert!(get(&kit, DAY).await.text.contains("You acknowledged it"));
}

#[tokio::test]
async fn hostile_labels_stay_text() {
    const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u{202e}\n{{7*7}}";
    let kit = kit(OPEN).await;
    let labels = Labels::from_pairs([("alertname", EVIL), ("service", EVIL)]);
    let annotations = Labels::from_pairs([("summary", EVIL), ("runbook_url", "javascript:alert(3)")]);
    let item = AlertItem {
        severity: Some(Severity::Critical),
        entity: Some(EVIL.into()),
        ..AlertItem::firing(labels, annotations)
    };
    let safe = Labels::from_pairs([("alertname", "other"), ("service", EVIL)]);
    let link = Labels::from_pairs([("runbook_url", "HTTPS://wiki.example.com/\"onmouseover=\"alert(4)")]);
    let other = AlertItem { entity: Some(EVIL.into()), ..AlertItem::firing(safe, link) };
    kit.input(Input::Alerts { source: "prometheus".into(), items: vec![item, other] }).await;
    let change = serde_json::json!({"summary": EVIL, "entity": EVIL}).to_string();
    assert_eq!(kit.post("/api/v1/changes", &change).await.status, 200);
    let page = get(&kit, DAY).await.text;
    for bad in ["<script", "<img", "href=\"javascript", "\"onmouseover", "\u{202e}", "49"] {
        assert!(!page.contains(bad), "{bad} in {page}");
    }
    assert!(page.contains("&#60;script&#62;") && page.contains("<bdi>javascript:alert(3)</bdi>"), "{page}");
}

#[tokio::test]
async fn the_page_says_what_may_be_done_with_it_and_stays_small() {
    let kit = kit(OPEN).await;
    let item = |n: u32| {
        let long = "x".repeat(5000);
        let labels = Labels::from_pairs([("alertname", long.clone()), ("n", n.to_string())]);
        let annotations = Labels::from_pairs([
            ("summary", long.clone()),
            ("runbook_url", format!("https://e.com/{n}/{long}")),
        ]);
        AlertItem { entity: Some(format!("db{n}-{long}").into()), ..AlertItem::firing(labels, annotations) }
    };
    kit.input(Input::Alerts { source: "prometheus".into(), items: vec![item(1)] }).await;
    for n in 2..500 {
        let grouped = AlertItem { entity: Some(item(1).entity.unwrap()), ..item(n) };
        kit.input(Input::Alerts { source: "prometheus".into(), items: vec![grouped] }).await;
    }
    let page = get(&kit, DAY).await;
    assert!(page.text.contains("and 491 more"), "{}", page.text);
    assert!(page.text.len() < 100_000, "{}", page.text.len());
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-")
            && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(
        !page.text.contains(" style=\"")
            && !page.text.contains("<script")
            && !page.text.contains("http-equiv")
    );
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(page.header(name), value);
    }
}

#[tokio::test]
async fn a_bad_link_tells_nothing_and_is_not_tried_for_ever() {
    let kit = broken().await;
    let bad = get(&kit, "/ack/nonsense").await;
    assert_eq!(bad.status, 404);
    for word in ["shop", "502", "Incident", "operator", "nonsense"] {
        assert!(!bad.text.contains(word), "{word} in {}", bad.text);
    }
    assert_eq!(bad.header("cache-control"), "no-store");
    assert_eq!(press(&kit, "/ack/nonsense", "revision=1024").await.status, 404);
    let mut tries = 0;
    let limited = loop {
        let got = get(&kit, &format!("/ack/guess-{tries}")).await;
        tries += 1;
        if got.status != 404 {
            break got;
        }
        assert!(tries < 1000, "nobody counts");
    };
    assert_eq!((limited.status.as_u16(), limited.header("retry-after")), (429, "60"));
    assert_eq!(get(&kit, DAY).await.status, 200, "a good link always opens");
    let elsewhere = send(&kit.links, from("192.0.2.9:1", "GET", "/ack/guess", &[], "")).await;
    assert_eq!(elsewhere.status, 404);
    assert_eq!(get(&kit, "/").await.status, 404);
    assert_eq!(get(&kit, "/api/v1/incidents").await.status, 404, "nothing but links here");
}

#[tokio::test]
async fn degraded_the_button_works_and_the_page_says_that_it_is_not_saved() {
    let kit = broken().await;
    *kit.mode.lock().unwrap() = Mode::Degraded;
    assert_eq!(press(&kit, DAY, "revision=1024").await.status, 303);
    let page = get(&kit, DAY).await.text;
    assert!(page.contains("journal is degraded: <bdi>no space left on the disk</bdi>"), "{page}");
    assert!(
        page.contains("You acknowledged it") && page.contains("<strong>Not yet saved</strong>"),
        "{page}"
    );
    *kit.mode.lock().unwrap() = Mode::Unavailable;
    let failed = press(&kit, NIGHT, "revision=1024").await;
    assert_eq!(failed.status, 503);
    assert!(
        failed.text.contains("That did not work: <bdi>no space left on the disk</bdi>"),
        "{}",
        failed.text
    );
}

/// Where links have a listener of their own, whoever looks there for the console is told so.
#[tokio::test]
async fn a_listener_of_links_alone_says_so() {
    let kit = broken().await;
    let alone = foghorn_console::links_alone(kit.links.clone());
    for path in ["/", "/log-in", "/incidents/1", "/api/v1/incidents"] {
        let answer = send(&alone, from(HERE, "GET", path, &[], "")).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text.contains("for the links in pages alone. The console is at"), "{}", answer.text);
        assert!(answer.header("x-frame-options") == "DENY" && !answer.text.contains("502"), "{path}");
    }
    let page = send(&alone, from(HERE, "GET", DAY, &[], "")).await;
    assert!(page.status == 200 && page.text.contains("I am on it"));
}

/// The file is read again while the page is open. Who is called otherwise now is the same person; who is not in it any more
/// reads what is broken, and that the button is not for them.
#[tokio::test]
async fn whoever_has_left_the_configuration_reads_the_page_and_acknowledges_nothing() {
    let kit = broken().await;
    let adopt = async |hash: &str, change: &dyn Fn(&mut foghorn_core::setup::Setup)| {
        let mut setup = (*kit.engine.view().state.setup).clone();
        change(&mut setup);
        kit.input(Input::AdoptConfig { hash: hash.to_owned(), setup: setup.into() }).await;
    };
    adopt("renamed", &|setup| setup.people.get_mut("night-ops").unwrap().name = "Nadia".to_owned()).await;
    assert!(get(&kit, NIGHT).await.text.contains("As <bdi>Nadia</bdi>."));

    assert!(get(&kit, DAY).await.text.contains("Acknowledge: I am on it"));
    adopt("gone", &|setup| drop(setup.people.remove("day-ops"))).await;
    let events = || kit.journal.0.lock().unwrap().len();
    let before = events();
    let refused = press(&kit, DAY, "revision=1024").await;
    let read = get(&kit, DAY).await;
    assert_eq!((refused.status.as_u16(), read.status.as_u16(), events()), (403, 200, before));
    for page in [refused, read] {
        assert!(
            page.text.contains("made for <bdi>day-ops</bdi>, whom Foghorn’s configuration does not name")
        );
        assert!(page.text.contains("foghorn incident ack 1") && page.text.contains("shop: status is 502"));
        assert!(!page.text.contains("<form"), "{}", page.text);
    }
    assert!(kit.get("/api/v1/incidents/1").await.json()["acknowledged"].is_null());

    assert_eq!(press(&kit, NIGHT, "revision=1024").await.status, 303);
    let mine = get(&kit, DAY).await.text;
    assert!(mine.contains("<bdi>Nadia</bdi> acknowledged it") && !mine.contains("<form"), "{mine}");
    kit.check("shop", None).await;
    let over = press(&kit, DAY, "revision=1024").await;
    assert_eq!(over.status, 303, "what is over is over, for anybody");
    assert!(!get(&kit, DAY).await.text.contains("acknowledges nothing"));
}
