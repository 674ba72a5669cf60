//! The main job, whole: what is watched breaks, people are paged one after another until one answers, it is mended, it is
//! over, and the record says so.

use crate::parts::exim::Exim;
use crate::parts::foghorn::Foghorn;
use crate::parts::hook::{Hook, SECRET};
use crate::parts::http;
use crate::parts::nginx::Nginx;
use crate::parts::postgres::Postgres;
use crate::parts::until;
use serde_json::Value;

/// The hidden fields of the page's only form, as a browser would send them.
fn form(html: &str) -> String {
    assert_eq!(html.matches("<form").count(), 1, "{html}");
    let inputs = html.split("<input ").skip(1).map(|i| i.split('>').next().unwrap());
    let attribute = |tag: &str, name: &str| {
        tag.split(&format!("{name}=\"")).nth(1).map(|v| v.split('"').next().unwrap().to_owned())
    };
    let fields = inputs
        .filter(|i| i.contains("hidden"))
        .filter_map(|i| Some(format!("{}={}", attribute(i, "name")?, attribute(i, "value")?)));
    fields.collect::<Vec<_>>().join("&")
}

#[test]
fn from_a_failing_check_to_an_acknowledged_page_and_back() {
    let (mut nginx, mut postgres, exim, hook) =
        (Nginx::start(), Postgres::start(), Exim::start(), Hook::start());
    let mut foghorn = Foghorn::start(&format!(
        r#"
people:
  day-ops: {{ name: Day operator, contacts: [ {{ via: email, to: day@example.com }}, {{ via: hook }} ] }}
  night-ops: {{ name: Night operator, contacts: [ {{ via: hook }} ] }}
channels:
  email: {{ kind: smtp, url: "smtp://{smtp}", from: "Foghorn <foghorn@example.com>" }}
  hook: {{ kind: webhook, url: "{hook_url}", secret: {SECRET} }}
escalations:
  default:
    steps:
      - {{ page: [person/day-ops], wait: 2s }}
      - {{ page: [person/night-ops], wait: 10m }}
topology:
  web1: {{ kind: host }}
  db: {{ kind: service, runs_on: web1 }}
  shop: {{ kind: service, runs_on: web1, depends_on: db, runbook: "https://wiki.example.com/shop" }}
checks:
  shop-front: {{ entity: shop, http: "http://{nginx}/", every: 1s, timeout: 1s, expect: [ "status == 200", "body contains ok" ], fail_for: 0s }}
  database: {{ entity: db, tcp: "{postgres}", every: 1s, timeout: 1s, fail_for: 0s }}
"#,
        smtp = exim.address,
        hook_url = hook.url(),
        nginx = nginx.address,
        postgres = postgres.address,
    ));

    until("both checks to be well", || {
        let checks = foghorn.get("/api/v1/checks");
        let all = checks["checks"].as_array().unwrap();
        (all.len() == 2 && all.iter().all(|c| c["state"] == "ok" && c["last"]["good"] == true)).then_some(())
    });
    assert_eq!(foghorn.cli_json(&["incident", "list"])["incidents"], Value::Array(Vec::new()));

    nginx.stop();
    let first = hook.wait("the first step's page", |r| r.kind() == "page" && r.person() == "day-ops");
    let id = first.incident();
    let mail = exim.wait("the first step's page", |m| m.contains("day@example.com"));
    assert!(mail.contains("shop-front") && mail.contains("/ack/"), "{mail}");
    assert!(first.title().contains("shop-front"), "{first:?}");
    assert_eq!(first.body["incident"]["severity"], "critical");
    assert_eq!(first.body["runbooks"][0], "https://wiki.example.com/shop");
    assert!(first.body["next"].as_str().unwrap().contains("Night operator"), "{first:?}");

    // Nobody answers.
    let second = hook.wait("the second step's page", |r| r.kind() == "page" && r.person() == "night-ops");
    assert_eq!((second.incident(), second.step()), (id, 2));
    assert_ne!(second.id(), first.id());

    // A mail scanner follows the link; that changes nothing.
    let link = second.link().to_owned();
    let page = http::get(foghorn.address, &link).unwrap().is(200);
    assert!(page.body.contains("shop-front") && page.body.contains("<button"), "{}", page.body);
    assert!(!page.body.contains("<script"), "{}", page.body);
    assert_eq!(foghorn.incident(id)["state"], "open");

    // The night operator presses the button.
    let form = form(&page.body);
    let pressed = http::request(
        foghorn.address,
        "POST",
        &link,
        &[("Content-Type", "application/x-www-form-urlencoded")],
        form.as_bytes(),
    );
    pressed.unwrap().is(303);
    let acked = foghorn.incident(id);
    assert_eq!(acked["state"], "acknowledged");
    assert_eq!(acked["acknowledged"]["by"]["name"], "Night operator");
    assert!(http::get(foghorn.address, &link).unwrap().is(200).body.contains("Night operator"));
    let notice = hook.wait("the first to be told to stand down", |r| {
        r.kind() == "acknowledged" && r.person() == "day-ops"
    });
    assert_eq!(notice.incident(), id);

    nginx.again();
    foghorn.wait_for_state(id, "resolved");
    for person in ["day-ops", "night-ops"] {
        hook.wait("both to be told that it is over", |r| {
            r.kind() == "resolved" && r.person() == person && r.incident() == id
        });
    }
    exim.wait("a mail that says that it is over", |m| {
        m.contains("day@example.com")
            && m.to_lowercase().contains("subject:")
            && m.to_lowercase().contains("resolved")
    });

    // Nobody was paged for anything else, or twice.
    let pages: Vec<_> = hook.all().into_iter().filter(|r| r.kind() == "page").collect();
    assert_eq!(pages.len(), 2, "{pages:#?}");
    postgres.assert_runs();

    // The command line says what the API says.
    assert_eq!(foghorn.cli_json(&["incident", "list"])["incidents"], Value::Array(Vec::new()));
    let listed = foghorn.cli_json(&["incident", "list", "--state", "all"])["incidents"][0].clone();
    let accepted =
        |e: &&Value| e["type"] == "page_attempted" && e["record"]["event"]["outcome"]["is"] == "accepted";
    let shown = until("the record to say that all were told", || {
        let shown = foghorn.cli_json(&["incident", "show", &id.to_string()]);
        // Three pages; a notice for each way to the one who did not answer; and all three in the end.
        (shown["timeline"].as_array()?.iter().filter(accepted).count() == 8).then_some(shown)
    });
    for key in ["id", "title", "state", "severity", "opened_at", "resolved", "peak_severity"] {
        assert_eq!(listed[key], shown[key], "{key}");
    }
    let text = |e: &Value| e["text"].as_str().unwrap_or_default().to_owned();
    let timeline: Vec<String> = shown["timeline"].as_array().unwrap().iter().map(text).collect();
    for word in ["shop-front", "Day operator", "Night operator"] {
        assert!(timeline.iter().any(|l| l.contains(word)), "{word}: {timeline:#?}");
    }

    // How long its channels took is no secret.
    let metrics = foghorn.request("GET", "/metrics", &[], b"").unwrap().is(200).body;
    let figure = |name: &str| -> f64 {
        let line =
            metrics.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {metrics}"));
        line.trim().parse().unwrap()
    };
    let of =
        |name: &str, outcome: &str| figure(&format!("foghorn_channel_{name}{{channel=\"hook\"{outcome}}}"));
    let accepted = of("attempts_total", ",outcome=\"accepted\"");
    assert!(accepted >= 3.0 && of("attempt_seconds_count", "") >= accepted, "{metrics}");
    assert!(of("attempt_seconds_bucket", ",le=\"+Inf\"") >= of("attempt_seconds_bucket", ",le=\"1\""));
    assert_eq!((of("refused_total", ""), of("under_way", "")), (0.0, 0.0));
    assert_eq!(figure("foghorn_intake_unread_total"), 0.0);

    assert!(foghorn.stop().success());
    let verified = foghorn.verify();
    assert_eq!(verified["whole"], true);
}
