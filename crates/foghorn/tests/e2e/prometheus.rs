//! Other people's tools, unchanged: Prometheus and `amtool`.

use crate::parts::foghorn::Foghorn;
use crate::parts::hook::{Hook, SECRET};
use crate::parts::prometheus::{Prometheus, amtool};
use crate::parts::until;
use serde_json::Value;

fn configuration(hook: &Hook) -> String {
    format!(
        r#"
integrations:
  prometheus: {{ kind: alertmanager }}
people:
  ana: {{ name: Ana, contacts: [ {{ via: hook }} ] }}
channels:
  hook: {{ kind: webhook, url: "{}", secret: {SECRET} }}
escalations:
  default: {{ steps: [ {{ page: person/ana, wait: 10m }} ] }}
topology:
  web1: {{ kind: host }}
"#,
        hook.url()
    )
}

fn alerts(incident: &Value) -> Vec<(String, String)> {
    let text = |a: &Value, key: &str| a.pointer(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    incident["worst_alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| (text(a, "/labels/alertname"), text(a, "/status")))
        .collect()
}

#[test]
fn an_alert_of_a_prometheus_that_dies_is_stale_and_not_over() {
    let hook = Hook::start();
    let foghorn = Foghorn::start(&configuration(&hook));
    let mut prometheus = Prometheus::start(
        foghorn.address,
        r#"
groups:
  - name: test
    rules:
      - alert: WebDown
        expr: vector(1)
        labels: { severity: critical, instance: "web1:9100" }
        annotations: { summary: "web1 does not answer" }
"#,
    );
    let page = hook.wait("Prometheus' alert to page", |r| r.kind() == "page");
    let id = page.incident();
    assert!(page.title().contains("web1"), "{page:?}");
    let incident = foghorn.incident(id);
    assert_eq!(alerts(&incident), [("WebDown".to_owned(), "firing".to_owned())]);
    let alert = &incident["worst_alerts"][0];
    // An external label of Prometheus, and the entity found by the instance without its port.
    assert_eq!(alert["labels"]["cluster"], "test");
    assert_eq!(alert["entity"], "web1");

    prometheus.kill();
    let stale = until("the alert to be stale", || {
        let incident = foghorn.incident(id);
        (alerts(&incident) == [("WebDown".to_owned(), "stale".to_owned())]).then_some(incident)
    });
    assert_eq!(stale["state"], "open");
    until("the timeline to say so", || {
        let incident = foghorn.incident(id);
        let mut lines = incident["timeline"].as_array()?.iter().filter_map(|e| e["text"].as_str());
        lines.any(|l| l.contains("stale") && l.contains("prometheus")).then_some(())
    });
    assert!(hook.all().iter().all(|r| r.kind() == "page"), "nobody is told that it is over");
}

#[test]
fn amtool_adds_queries_silences_and_ends_alerts() {
    let hook = Hook::start();
    let foghorn = Foghorn::start(&configuration(&hook));
    let tool = |args: &[&str]| -> String {
        let out = amtool(foghorn.address, args);
        assert!(out.status.success(), "amtool {args:?}: {out:?}");
        String::from_utf8(out.stdout).unwrap()
    };
    tool(&[
        "alert",
        "add",
        "DiskFull",
        "severity=critical",
        "instance=web1:9100",
        "--annotation=summary=the disk of web1 is full",
    ]);
    let page = hook.wait("the alert to page", |r| r.kind() == "page");
    assert!(page.body.to_string().contains("the disk of web1 is full"), "{page:?}");
    assert!(tool(&["alert", "query", "alertname=DiskFull"]).contains("DiskFull"));

    let silence =
        tool(&["silence", "add", "alertname=Planned", "--comment=work", "--author=ana", "--duration=1h"]);
    assert!(tool(&["silence", "query"]).contains("Planned"));
    tool(&["alert", "add", "Planned", "severity=critical", "instance=db1"]);
    let suppressed = tool(&["alert", "query", "--silenced", "--output=json"]);
    let suppressed: Value = serde_json::from_str(&suppressed).unwrap();
    assert_eq!(suppressed[0]["labels"]["alertname"], "Planned");
    assert_eq!(suppressed[0]["status"]["state"], "suppressed");

    // What was silenced pages once the silence is over, and not before.
    assert!(hook.all().iter().all(|r| !r.title().contains("Planned")));
    tool(&["silence", "expire", silence.trim()]);
    hook.wait("the silenced alert to page", |r| r.kind() == "page" && r.body.to_string().contains("Planned"));

    let now = "--end=2020-01-01T00:00:00Z";
    tool(&[
        "alert",
        "add",
        "DiskFull",
        "severity=critical",
        "instance=web1:9100",
        "--start=2019-01-01T00:00:00Z",
        now,
    ]);
    foghorn.wait_for_state(page.incident(), "resolved");
    hook.wait("the end to be told", |r| r.kind() == "resolved" && r.incident() == page.incident());
    assert_eq!(foghorn.cli_json(&["incident", "list"])["incidents"].as_array().unwrap().len(), 1);
}
