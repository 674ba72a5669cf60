//! How every channel looks, with harmless and with hostile text.

use super::{email, json, ntfy, slack, sms, view, voice};
use crate::message::{Alert, Incident, Kind, Message, Person};
use foghorn_core::alert::AlertStatus;
use foghorn_core::time::Wall;
use foghorn_core::words::{Severity, Urgency};
use insta::assert_snapshot;

fn at(text: &str) -> Wall {
    Wall::from(text.parse::<jiff::Timestamp>().unwrap())
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|t| (*t).to_owned()).collect()
}

fn alert(since: &str) -> Alert {
    let (entity, status) = (None, AlertStatus::Firing);
    Alert { summary: String::new(), since: at(since), entity, status, silenced: false }
}

/// A page as it would be on a bad night.
pub(crate) fn page() -> Message {
    Message {
        id: "12-p-1_0_1-night-ops-0".to_owned(),
        kind: Kind::Page,
        drill: false,
        incident: Incident {
            id: 12,
            title: "shop-api is down: connection refused".to_owned(),
            severity: Severity::Critical,
            url: "http://127.0.0.1:7070/incidents/12".to_owned(),
            opened_at: at("2026-11-02T18:12:05Z"),
            opened_by: None,
            note: None,
            status: "open".to_owned(),
            unwatched: false,
        },
        alerts: vec![
            Alert {
                summary: "shop: connection refused by 127.0.0.1:8080".to_owned(),
                ..alert("2026-11-02T18:12:05Z")
            },
            Alert { summary: "checkout: 503".to_owned(), ..alert("2026-11-02T14:59:00Z") },
        ],
        alerts_total: 14,
        entities: ["shop-api", "db"].iter().collect(),
        downstream: ["shop-1", "shop-2", "shop-3"].iter().collect(),
        changes: strings(&["18:05 UTC deploy shop-api 4.2 by ana"]),
        runbooks: strings(&["https://wiki.example/runbooks/shop?x=1&y=2"]),
        next: Some("in 5m: everyone".to_owned()),
        why: "step 2 of default; nobody acknowledged since 03:12".to_owned(),
        again: None,
        ack_url: "http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt".to_owned(),
        callback_url: Some("https://foghorn.example/callback/twilio?t=a&b".to_owned()),
        degraded: None,
        person: Person {
            id: "night-ops".to_owned(),
            name: "Night operator".to_owned(),
            time_zone: "Asia/Tokyo".to_owned(),
        },
        step: 2,
        attempt: 1,
        sent_at: at("2026-11-02T18:17:09Z"),
        to: "night@example.com".to_owned(),
        urgency: Urgency::High,
    }
}

/// The same, by somebody who may send alerts and means harm.
fn hostile() -> Message {
    let evil = "</Say><Hangup/>\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script> \u{1b}[2J\u{1b}]0;x\u{7}<!channel> \u{202e}cod.exe {{ 7*7 }} &amp;";
    Message {
        incident: Incident { title: evil.to_owned(), ..page().incident },
        alerts: vec![Alert { summary: "x".repeat(10_000), ..alert("2026-11-02T18:12:05Z") }],
        alerts_total: 1,
        entities: ["a\nb", "<b>bold</b>"].iter().collect(),
        downstream: (0..500).map(|n| format!("shop-{n}")).collect(),
        changes: strings(&["\u{1b}[31mred"]),
        runbooks: strings(&["javascript:alert(1)", "https://wiki.example/\"onclick=\"x"]),
        next: Some("<!here> & co".to_owned()),
        why: "because".to_owned(),
        degraded: Some(
            "Foghorn's journal is degraded: disk full. This page was sent from memory.".to_owned(),
        ),
        drill: true,
        ..page()
    }
}

fn notice(kind: Kind) -> Message {
    Message { kind, changes: Vec::new(), next: None, ..page() }
}

/// Express takes 100 kB, nginx a megabyte; what they refuse is refused for good.
#[test]
fn the_page_about_the_widest_outage_is_no_longer_than_others() {
    let wide = Message {
        incident: Incident { note: Some("y".repeat(60_000)), ..page().incident },
        alerts: vec![Alert { summary: "x".repeat(16_000), ..alert("2026-11-02T18:12:05Z") }; 10],
        entities: (0..20_000).map(|n| format!("customer-{n}.shops.example.com")).collect(),
        downstream: (0..20_000).map(|n| format!("shop-{n}.shops.example.com")).collect(),
        changes: vec!["z".repeat(16_000); 5],
        ..page()
    };
    let body = json(&wide).unwrap();
    assert!(body.len() < 40_000, "{}", body.len());
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["entities_total"], &body["downstream_total"]), (&20_000.into(), &20_000.into()));
    assert_eq!(body["downstream"].as_array().unwrap().len(), 100);
    assert!(view::view(&wide).text().contains("and 19988 more"), "{}", view::view(&wide).text());
}

#[test]
fn who_had_acknowledged_before_does_not_read_that_nobody_did() {
    let again = view::view(&Message { again: Some(String::new()), ..page() });
    assert_snapshot!(again.lead, @"Open since 03:12 JST, for 5m 4s, and it pages again: nobody has acknowledged it as it is now.");
}

#[test]
fn why_it_pages_again_is_said_by_every_channel() {
    let why = "now critical; Ana acknowledged warning";
    let m = Message {
        again: Some(why.to_owned()),
        why: format!("step 1 of default; paged again: {why}"),
        ..page()
    };
    assert_snapshot!(view(&m).lead, @"Open since 03:12 JST, for 5m 4s, and it pages again: now critical; Ana acknowledged warning.");
    let mail = email(&m, "example.com");
    for text in [
        mail.text,
        mail.html,
        slack(&m).to_string(),
        ntfy(&m).to_string(),
        json(&m).unwrap(),
        sms(&m),
        voice(&m),
    ] {
        assert!(text.contains(why), "{text}");
    }
}

/// Then the title is all that there is to say what is broken, and no alert stands beside it.
#[test]
fn who_opened_it_by_hand_is_said_by_every_channel() {
    let (opened_by, note) = (Some("Ana Reis".to_owned()), Some("Since the move to rack 4.".to_owned()));
    let incident = Incident { opened_by, note, ..page().incident };
    let m = Message { incident: incident.clone(), alerts: Vec::new(), alerts_total: 0, ..page() };
    let broken = |m: &Message| {
        let sections = view(m).sections;
        let found = sections.into_iter().find(|s| s.head == "What is broken").unwrap();
        found.lines.into_iter().map(|l| l.0).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(broken(&m), @r"
    shop-api is down: connection refused (opened by Ana Reis, 03:12 JST)
    Since the move to rack 4.
    ");
    assert_snapshot!(broken(&Message { incident, ..page() }), @r"
    shop-api is down: connection refused (opened by Ana Reis, 03:12 JST)
    Since the move to rack 4.
    shop: connection refused by 127.0.0.1:8080 (since 03:12 JST)
    checkout: 503 (since 2026-11-02 23:59 JST)
    and 12 more
    ");
    let mail = email(&m, "example.com");
    let (slack, ntfy, json) = (slack(&m).to_string(), ntfy(&m).to_string(), json(&m).unwrap());
    for text in [mail.text, mail.html, slack, ntfy, json, sms(&m), voice(&m)] {
        assert!(text.contains("Ana Reis"), "{text}");
    }
}

#[test]
fn mail() {
    let mail = email(&page(), "example.com");
    assert_snapshot!(mail.subject, @"[CRITICAL] shop-api is down: connection refused (#12)");
    assert_snapshot!(format!("{}\n{}\n{:#?}", mail.message_id, mail.thread, mail.headers), @r#"
    <page.b24444117e07d03f5902b0ecaae16301@example.com>
    <incident.12.1793643125000@example.com>
    [
        (
            "Auto-Submitted",
            "auto-generated",
        ),
        (
            "X-Foghorn-Kind",
            "page",
        ),
        (
            "X-Foghorn-Incident",
            "12",
        ),
        (
            "X-Foghorn-Severity",
            "critical",
        ),
        (
            "X-Foghorn-Page",
            "12-p-1_0_1-night-ops-0",
        ),
        (
            "X-Priority",
            "1",
        ),
        (
            "Importance",
            "high",
        ),
    ]
    "#);
    assert_snapshot!(mail.text, @"
    Open since 03:12 JST, for 5m 4s, and nobody has acknowledged it.

    Acknowledge: http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt

    What is broken
    - shop: connection refused by 127.0.0.1:8080 (since 03:12 JST)
    - checkout: 503 (since 2026-11-02 23:59 JST)
    - and 12 more

    How wide
    - Unwell: shop-api, db
    - Depends on it: shop-1, shop-2, shop-3

    What changed lately
    - 18:05 UTC deploy shop-api 4.2 by ana

    Runbook
    - https://wiki.example/runbooks/shop?x=1&y=2

    If nobody answers
    - in 5m: everyone

    Why you
    - step 2 of default; nobody acknowledged since 03:12

    The incident: http://127.0.0.1:7070/incidents/12
    ");
    assert_snapshot!(mail.html, @r#"
    <!doctype html>
    <html lang="en">
    <body style="margin:0;padding:16px;font:15px/1.45 sans-serif;color:#1c1b1a;background:#ffffff">
    <h1 style="margin:0 0 8px;font-size:18px;color:#b3261e">[CRITICAL] shop-api is down: connection refused (#12)</h1>
    <p style="margin:0 0 16px">Open since 03:12 JST, for 5m 4s, and nobody has acknowledged it.</p>
    <p style="margin:0 0 16px"><a href="http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt" style="display:inline-block;padding:12px 24px;border-radius:6px;background:#b3261e;color:#ffffff;font-weight:bold;text-decoration:none">Acknowledge</a></p>
    <h2 style="margin:16px 0 4px;font-size:15px">What is broken</h2>
    <ul style="margin:0;padding-left:20px">
    <li>shop: connection refused by 127.0.0.1:8080 (since 03:12 JST)</li>
    <li>checkout: 503 (since 2026-11-02 23:59 JST)</li>
    <li>and 12 more</li>
    </ul>
    <h2 style="margin:16px 0 4px;font-size:15px">How wide</h2>
    <ul style="margin:0;padding-left:20px">
    <li>Unwell: shop-api, db</li>
    <li>Depends on it: shop-1, shop-2, shop-3</li>
    </ul>
    <h2 style="margin:16px 0 4px;font-size:15px">What changed lately</h2>
    <ul style="margin:0;padding-left:20px">
    <li>18:05 UTC deploy shop-api 4.2 by ana</li>
    </ul>
    <h2 style="margin:16px 0 4px;font-size:15px">Runbook</h2>
    <ul style="margin:0;padding-left:20px">
    <li><a href="https://wiki.example/runbooks/shop?x=1&#38;y=2">https://wiki.example/runbooks/shop?x=1&#38;y=2</a></li>
    </ul>
    <h2 style="margin:16px 0 4px;font-size:15px">If nobody answers</h2>
    <ul style="margin:0;padding-left:20px">
    <li>in 5m: everyone</li>
    </ul>
    <h2 style="margin:16px 0 4px;font-size:15px">Why you</h2>
    <ul style="margin:0;padding-left:20px">
    <li>step 2 of default; nobody acknowledged since 03:12</li>
    </ul>
    <p style="margin:16px 0 0"><a href="http://127.0.0.1:7070/incidents/12">The incident</a></p>
    </body>
    </html>
    "#);
}

#[test]
fn hostile_mail() {
    let mail = email(&hostile(), "example.com");
    assert!(mail.subject.chars().count() <= 78);
    assert_snapshot!(mail.subject, @"[DRILL] [CRITICAL] </Say><Hangup/> Bcc: all@example.com <script>alert(1… (#12)");
    assert_snapshot!(mail.text, @r#"
    This is a drill. Open since 03:12 JST, for 5m 4s, and nobody has acknowledged it.

    Acknowledge: http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt

    Foghorn itself is unwell
    - Foghorn's journal is degraded: disk full. This page was sent from memory.

    What is broken
    - xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…

    How wide
    - Unwell: a b, <b>bold</b>
    - Depends on it: shop-0, shop-1, shop-2, shop-3, shop-4, shop-5, shop-6, shop-7, shop-8, shop-9, shop-10, shop-11 and 488 more

    What changed lately
    - red

    Runbook
    - javascript:alert(1)
    - https://wiki.example/"onclick="x

    If nobody answers
    - <!here> & co

    Why you
    - because

    The incident: http://127.0.0.1:7070/incidents/12
    "#);
    assert_snapshot!(mail.html, @r#"
    <!doctype html>
    <html lang="en">
    <body style="margin:0;padding:16px;font:15px/1.45 sans-serif;color:#1c1b1a;background:#ffffff">
    <h1 style="margin:0 0 8px;font-size:18px;color:#b3261e">[DRILL] [CRITICAL] &#60;/Say&#62;&#60;Hangup/&#62; Bcc: all@example.com &#60;script&#62;alert(1… (#12)</h1>
    <p style="margin:0 0 16px">This is a drill. Open since 03:12 JST, for 5m 4s, and nobody has acknowledged it.</p>
    <p style="margin:0 0 16px"><a href="http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt" style="display:inline-block;padding:12px 24px;border-radius:6px;background:#b3261e;color:#ffffff;font-weight:bold;text-decoration:none">Acknowledge</a></p>
    <h2 style="margin:16px 0 4px;font-size:15px">Foghorn itself is unwell</h2>
    <ul style="margin:0;padding-left:20px">
    <li>Foghorn&#39;s journal is degraded: disk full. This page was sent from memory.</li>
    </ul>
    <h2 style="margin:16px 0 4px;font-size:15px">What is broken</h2>
    <ul style="margin:0;padding-left:20px">
    <li>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…</li>
    </ul>
    <h2 style="margin:16px 0 4px;font-size:15px">How wide</h2>
    <ul style="margin:0;padding-left:20px">
    <li>Unwell: a b, &#60;b&#62;bold&#60;/b&#62;</li>
    <li>Depends on it: shop-0, shop-1, shop-2, shop-3, shop-4, shop-5, shop-6, shop-7, shop-8, shop-9, shop-10, shop-11 and 488 more</li>
    </ul>
    <h2 style="margin:16px 0 4px;font-size:15px">What changed lately</h2>
    <ul style="margin:0;padding-left:20px">
    <li>red</li>
    </ul>
    <h2 style="margin:16px 0 4px;font-size:15px">Runbook</h2>
    <ul style="margin:0;padding-left:20px">
    <li>javascript:alert(1)</li>
    <li><a href="https://wiki.example/&#34;onclick=&#34;x">https://wiki.example/&#34;onclick=&#34;x</a></li>
    </ul>
    <h2 style="margin:16px 0 4px;font-size:15px">If nobody answers</h2>
    <ul style="margin:0;padding-left:20px">
    <li>&#60;!here&#62; &#38; co</li>
    </ul>
    <h2 style="margin:16px 0 4px;font-size:15px">Why you</h2>
    <ul style="margin:0;padding-left:20px">
    <li>because</li>
    </ul>
    <p style="margin:16px 0 0"><a href="http://127.0.0.1:7070/incidents/12">The incident</a></p>
    </body>
    </html>
    "#);
    for part in mail.headers.iter().map(|(_, v)| v).chain([&mail.subject, &mail.message_id, &mail.thread]) {
        assert!(!part.contains(char::is_control), "{part:?}");
    }
}

#[test]
fn notices_and_tests() {
    let by = || "Ana (link in a page)".to_owned();
    for (kind, urgency) in [
        (Kind::Acknowledged { by: by() }, Urgency::High),
        (Kind::Resolved { by: None }, Urgency::High),
        (Kind::Resolved { by: Some(by()) }, Urgency::Low),
    ] {
        let m = Message { urgency, ..notice(kind) };
        let mail = email(&m, "example.com");
        assert!(!mail.html.contains("Acknowledge</a>") && !mail.text.contains(&m.ack_url));
        assert!(!mail.headers.iter().any(|(name, _)| *name == "X-Priority"));
    }
    let m = notice(Kind::Acknowledged { by: by() });
    assert_snapshot!(view(&m).headline + "\n" + &view(&m).text(), @"
    [ACKNOWLEDGED] shop-api is down: connection refused (#12)
    Acknowledged by Ana (link in a page). You can stand down.

    What is broken
    - shop: connection refused by 127.0.0.1:8080 (since 03:12 JST)
    - checkout: 503 (since 2026-11-02 23:59 JST)
    - and 12 more

    The incident: http://127.0.0.1:7070/incidents/12
    ");
    let m = notice(Kind::Resolved { by: None });
    assert_snapshot!(view(&m).headline + "\n" + &view(&m).text(), @"
    [RESOLVED] shop-api is down: connection refused (#12)
    It is over after 5m 4s (since 03:12 JST).

    What was broken
    - shop: connection refused by 127.0.0.1:8080 (since 03:12 JST; still failing)
    - checkout: 503 (since 2026-11-02 23:59 JST; still failing)
    - and 12 more

    The incident: http://127.0.0.1:7070/incidents/12
    ");
    let m = Message::test(page().person, "x", page().sent_at, "http://127.0.0.1:7070");
    assert_snapshot!(view(&m).headline + "\n" + &view(&m).text(), @"
    [TEST] Foghorn can reach you
    Nothing is wrong. If you read this, pages reach you here.

    Foghorn: http://127.0.0.1:7070
    ");
}

#[test]
fn text_messages() {
    assert_snapshot!(sms(&page()), @"CRITICAL #12: shop-api is down: connection refused. Since 03:12 JST. 14 alerts, 2 unwell (shop-api, db), 3 more depend on it. Changed: 18:05 UTC deploy shop-api 4.2 by ana. Else in 5m: everyone. Runbook: https://wiki.example/runbooks/shop?x=1&y=2 Ack: http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt");
    assert_snapshot!(sms(&hostile()), @"DRILL CRITICAL #12: </Say><Hangup/> Bcc: all@example.com <script>alert(1)</script> <!channel> cod.exe {{ 7*7 }} &amp;. Since 03:12 JST. 1 alert, 2 unwell (a b, <b>bold</b>), 500 more depend on it. Foghorn itself is unwell. Changed: red. Else <!here> & co. Runbook: javascript:alert(1) Ack: http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt");
    let title = "Ligação recusada – “loja” está em baixo…".to_owned();
    assert_snapshot!(sms(&Message { incident: Incident { title, ..page().incident }, ..page() }), @r#"CRITICAL #12: Ligacao recusada - "loja" esta em baixo. Since 03:12 JST. 14 alerts, 2 unwell (shop-api, db), 3 more depend on it. Changed: 18:05 UTC deploy shop-api 4.2 by ana. Else in 5m: everyone. Runbook: https://wiki.example/runbooks/shop?x=1&y=2 Ack: http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt"#);
    let title = "магазин не отвечает".to_owned();
    assert_snapshot!(sms(&Message { incident: Incident { title, ..page().incident }, ..page() }), @"CRITICAL #12: магазин не отвечает. Since 03:12 JST. 14 alerts, 2 unwell (shop-api, db), 3 more depend on it. Else in 5m: everyone. Ack: http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt");
    assert_snapshot!(sms(&notice(Kind::Acknowledged { by: "Ana (link in a page)".to_owned() })), @"ACKNOWLEDGED #12: shop-api is down: connection refused. By Ana (link in a page): stand down. http://127.0.0.1:7070/incidents/12");
    let ack_url = format!("https://foghorn.example/ack/{}", "x".repeat(400));
    let long = sms(&Message { ack_url: ack_url.clone(), ..page() });
    assert!(long.ends_with(&ack_url));
}

#[test]
fn calls() {
    assert_snapshot!(voice(&page()), @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Gather numDigits="1" timeout="10" method="POST" action="https://foghorn.example/callback/twilio?t=a&amp;b"><Say loop="2">This is Foghorn. Incident 12, critical: shop-api is down: connection refused. Since 03:12 JST. There are 14 alerts. Unwell: shop-api, db. 3 more things depend on that. The latest change: 18:05 UTC deploy shop-api 4.2 by ana. If nobody answers, in 5 minutes: everyone. There is a runbook; the incident&apos;s page links to it. Press 1 to acknowledge.</Say></Gather><Say>No key was pressed. The page goes on.</Say></Response>"#);
    let hostile = voice(&hostile());
    assert!(hostile.len() < 4000);
    assert_snapshot!(hostile, @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Gather numDigits="1" timeout="10" method="POST" action="https://foghorn.example/callback/twilio?t=a&amp;b"><Say loop="2">This is a drill. This is Foghorn. Incident 12, critical: &lt;/Say&gt;&lt;Hangup/&gt; Bcc: all@example.com &lt;script&gt;alert(1)&lt;/script&gt; &lt;!channel&gt; cod.exe {{ 7*7 }} &amp;amp;. Since 03:12 JST. Unwell: a b, &lt;b&gt;bold&lt;/b&gt;. 500 more things depend on that. Foghorn itself is unwell. The latest change: red. If nobody answers, &lt;!here&gt; &amp; co. There is a runbook; the incident&apos;s page links to it. Press 1 to acknowledge.</Say></Gather><Say>No key was pressed. The page goes on.</Say></Response>"#);
    assert_snapshot!(voice(&Message { callback_url: None, ..page() }), @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Say loop="2">This is Foghorn. Incident 12, critical: shop-api is down: connection refused. Since 03:12 JST. There are 14 alerts. Unwell: shop-api, db. 3 more things depend on that. The latest change: 18:05 UTC deploy shop-api 4.2 by ana. If nobody answers, in 5 minutes: everyone. There is a runbook; the incident&apos;s page links to it.</Say></Response>"#);
    assert_snapshot!(voice(&notice(Kind::Resolved { by: None })), @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Say loop="2">This is Foghorn. Incident 12, shop-api is down: connection refused, is resolved.</Say></Response>"#);
}

#[test]
fn slack_messages() {
    assert_snapshot!(format!("{:#}", slack(&page())), @r#"
    {
      "blocks": [
        {
          "text": {
            "text": "*[CRITICAL] shop-api is down: connection refused (#12)*\nOpen since 03:12 JST, for 5m 4s, and nobody has acknowledged it.",
            "type": "mrkdwn"
          },
          "type": "section"
        },
        {
          "text": {
            "text": "*<http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt|Acknowledge>*  ·  <http://127.0.0.1:7070/incidents/12|The incident>",
            "type": "mrkdwn"
          },
          "type": "section"
        },
        {
          "text": {
            "text": "*What is broken*\n• shop: connection refused by 127.0.0.1:8080 (since 03:12 JST)\n• checkout: 503 (since 2026-11-02 23:59 JST)\n• and 12 more",
            "type": "mrkdwn"
          },
          "type": "section"
        },
        {
          "text": {
            "text": "*How wide*\n• Unwell: shop-api, db\n• Depends on it: shop-1, shop-2, shop-3",
            "type": "mrkdwn"
          },
          "type": "section"
        },
        {
          "text": {
            "text": "*What changed lately*\n• 18:05 UTC deploy shop-api 4.2 by ana",
            "type": "mrkdwn"
          },
          "type": "section"
        },
        {
          "text": {
            "text": "*Runbook*\n• https://wiki.example/runbooks/shop?x=1&amp;y=2",
            "type": "mrkdwn"
          },
          "type": "section"
        },
        {
          "text": {
            "text": "*If nobody answers*\n• in 5m: everyone",
            "type": "mrkdwn"
          },
          "type": "section"
        },
        {
          "text": {
            "text": "*Why you*\n• step 2 of default; nobody acknowledged since 03:12",
            "type": "mrkdwn"
          },
          "type": "section"
        }
      ],
      "text": "[CRITICAL] shop-api is down: connection refused (#12)",
      "unfurl_links": false
    }
    "#);
    let hostile = slack(&Message { to: "U024BE7LH".to_owned(), ..hostile() }).to_string();
    assert!(!hostile.contains("<!"));
    assert_snapshot!(hostile, @r#"{"blocks":[{"text":{"text":"<@U024BE7LH> *[DRILL] [CRITICAL] &lt;/Say&gt;&lt;Hangup/&gt; Bcc: all@example.com &lt;script&gt;alert(1… (#12)*\nThis is a drill. Open since 03:12 JST, for 5m 4s, and nobody has acknowledged it.","type":"mrkdwn"},"type":"section"},{"text":{"text":"*<http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt|Acknowledge>*  ·  <http://127.0.0.1:7070/incidents/12|The incident>","type":"mrkdwn"},"type":"section"},{"text":{"text":"*Foghorn itself is unwell*\n• Foghorn's journal is degraded: disk full. This page was sent from memory.","type":"mrkdwn"},"type":"section"},{"text":{"text":"*What is broken*\n• xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…","type":"mrkdwn"},"type":"section"},{"text":{"text":"*How wide*\n• Unwell: a b, &lt;b&gt;bold&lt;/b&gt;\n• Depends on it: shop-0, shop-1, shop-2, shop-3, shop-4, shop-5, shop-6, shop-7, shop-8, shop-9, shop-10, shop-11 and 488 more","type":"mrkdwn"},"type":"section"},{"text":{"text":"*What changed lately*\n• red","type":"mrkdwn"},"type":"section"},{"text":{"text":"*Runbook*\n• javascript:alert(1)\n• https://wiki.example/\"onclick=\"x","type":"mrkdwn"},"type":"section"},{"text":{"text":"*If nobody answers*\n• &lt;!here&gt; &amp; co","type":"mrkdwn"},"type":"section"},{"text":{"text":"*Why you*\n• because","type":"mrkdwn"},"type":"section"}],"text":"<@U024BE7LH> [DRILL] [CRITICAL] &lt;/Say&gt;&lt;Hangup/&gt; Bcc: all@example.com &lt;script&gt;alert(1… (#12)","unfurl_links":false}"#);
}

#[test]
fn ntfy_messages() {
    assert_snapshot!(format!("{:#}", ntfy(&Message { to: "night".to_owned(), ..page() })), @r#"
    {
      "actions": [
        {
          "action": "view",
          "clear": true,
          "label": "Acknowledge",
          "url": "http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt"
        },
        {
          "action": "view",
          "label": "The incident",
          "url": "http://127.0.0.1:7070/incidents/12"
        }
      ],
      "click": "http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt",
      "message": "Open since 03:12 JST, for 5m 4s, and nobody has acknowledged it.\n\nAcknowledge: http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt\n\nWhat is broken\n- shop: connection refused by 127.0.0.1:8080 (since 03:12 JST)\n- checkout: 503 (since 2026-11-02 23:59 JST)\n- and 12 more\n\nHow wide\n- Unwell: shop-api, db\n- Depends on it: shop-1, shop-2, shop-3\n\nWhat changed lately\n- 18:05 UTC deploy shop-api 4.2 by ana\n\nRunbook\n- https://wiki.example/runbooks/shop?x=1&y=2\n\nIf nobody answers\n- in 5m: everyone\n\nWhy you\n- step 2 of default; nobody acknowledged since 03:12\n\nThe incident: http://127.0.0.1:7070/incidents/12\n",
      "priority": 5,
      "tags": [
        "rotating_light"
      ],
      "title": "[CRITICAL] shop-api is down: connection refused (#12)",
      "topic": "night"
    }
    "#);
    assert!(ntfy(&hostile())["message"].as_str().unwrap().len() <= 4096);
    let low = ntfy(&Message { urgency: Urgency::Low, ..page() });
    assert_eq!(low["priority"], 3);
}

#[test]
fn webhooks() {
    let value: serde_json::Value = serde_json::from_str(&json(&page()).unwrap()).unwrap();
    assert_snapshot!(format!("{value:#}"), @r#"
    {
      "ack_url": "http://127.0.0.1:7070/ack/DAFuaWdodC1vcHPrmBmIhA1k3Oe2Gtbh6oAt",
      "alerts": [
        {
          "silenced": false,
          "since": "2026-11-02T18:12:05.000Z",
          "status": "firing",
          "summary": "shop: connection refused by 127.0.0.1:8080"
        },
        {
          "silenced": false,
          "since": "2026-11-02T14:59:00.000Z",
          "status": "firing",
          "summary": "checkout: 503"
        }
      ],
      "alerts_total": 14,
      "attempt": 1,
      "by": null,
      "changes": [
        "18:05 UTC deploy shop-api 4.2 by ana"
      ],
      "degraded": null,
      "downstream": [
        "shop-1",
        "shop-2",
        "shop-3"
      ],
      "downstream_total": 3,
      "drill": false,
      "entities": [
        "shop-api",
        "db"
      ],
      "entities_total": 2,
      "id": "12-p-1_0_1-night-ops-0",
      "incident": {
        "id": 12,
        "note": null,
        "opened_at": "2026-11-02T18:12:05.000Z",
        "opened_by": null,
        "severity": "critical",
        "status": "open",
        "title": "shop-api is down: connection refused",
        "url": "http://127.0.0.1:7070/incidents/12"
      },
      "kind": "page",
      "next": "in 5m: everyone",
      "person": "night-ops",
      "person_name": "Night operator",
      "runbooks": [
        "https://wiki.example/runbooks/shop?x=1&y=2"
      ],
      "sent_at": "2026-11-02T18:17:09.000Z",
      "step": 2,
      "to": "night@example.com",
      "urgency": "high",
      "why": "step 2 of default; nobody acknowledged since 03:12"
    }
    "#);
    // Programs get the text as it came.
    let value: serde_json::Value = serde_json::from_str(&json(&hostile()).unwrap()).unwrap();
    assert_eq!(value["incident"]["title"], hostile().incident.title);
}

#[test]
fn an_unknown_zone_is_utc_and_says_so() {
    let mut m = page();
    m.person.time_zone = "Mars/Olympus".to_owned();
    assert!(view(&m).lead.contains("since 18:12 UTC"), "{}", view(&m).lead);
}

/// Whoever is woken must not take for certain what nobody knows any more.
#[test]
fn what_is_not_known_to_be_so_still_is_said() {
    let of = |status, silenced| {
        let alert = |entity: &str| Alert {
            summary: "disk full".to_owned(),
            entity: Some(entity.to_owned()),
            status,
            silenced,
            ..alert("2026-11-02T18:12:05Z")
        };
        Message { alerts: vec![alert("db"), alert("shop-api")], alerts_total: 2, ..page() }
    };
    for (status, silenced, said, beside) in [
        (
            AlertStatus::Unknown,
            false,
            "It cannot be measured now, so it may be over",
            "cannot be measured now",
        ),
        (
            AlertStatus::Stale,
            false,
            "Its sender has fallen silent, so it may be over",
            "not heard of any more",
        ),
        (AlertStatus::Firing, true, "A silence covers it", "silenced"),
    ] {
        let m = of(status, silenced);
        assert!(sms(&m).contains(&format!(" {said}.")), "{}", sms(&m));
        assert!(voice(&m).contains(&format!(" {said}.")), "{}", voice(&m));
        let view = view(&m);
        assert!(view.lead.ends_with(&format!(" {said}.")), "{}", view.lead);
        let broken: Vec<&str> = view.sections[0].lines.iter().map(|l| &*l.0).collect();
        assert_eq!(
            broken,
            ["db", "shop-api"].map(|e| format!("disk full ({e}, since 03:12 JST; {beside})")),
            "and of what"
        );
    }
    let mut m = of(AlertStatus::Stale, false);
    m.alerts[0].status = AlertStatus::Firing;
    assert_eq!(m.doubt(), None, "one of them is known");
}

#[test]
fn what_is_not_watched_any_more_is_not_called_well() {
    let mut m = Message { kind: Kind::Resolved { by: None }, ..page() };
    assert!(!view(&m).lead.contains("watched") && !sms(&m).contains("watched"));
    m.incident.unwatched = true;
    for said in [view(&m).lead, sms(&m), voice(&m)] {
        assert!(said.contains("not watched any more"), "{said}");
    }
}
