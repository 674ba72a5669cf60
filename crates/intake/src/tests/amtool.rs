//! The real `amtool`, against a real listener.

use super::*;
use foghorn_net::serve::{Limits, Server, listen};
use std::process::Command;

/// Runs `amtool`; what it prints, or what it complains of.
async fn amtool(url: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("amtool");
    command.args(["--alertmanager.url", url]).args(arguments).env("HOME", "/nonexistent");
    let done = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let done = done
        .unwrap_or_else(|e| panic!("amtool cannot be run ({e}): apt-get install -y prometheus-alertmanager"));
    let (out, wrong) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    if done.status.success() { Ok(out) } else { Err(wrong) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amtool_works() {
    let rig = Rig::usual();
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = Server::new(rig.router(), Limits::default());
    let serving = tokio::spawn(server.run(listener, async { drop(stopped.await) }));
    let url = format!("http://{address}");
    let run = async |arguments: &[&str]| {
        amtool(&url, arguments).await.unwrap_or_else(|e| panic!("{arguments:?}: {e}"))
    };

    // Alerts.
    let far = "--end=2099-01-01T00:00:00Z";
    run(&[
        "alert",
        "add",
        "DiskFull",
        "instance=web1:9100",
        "severity=critical",
        "--annotation=summary=disk is full",
        far,
    ])
    .await;
    run(&["alert", "add", "Slow", r#"team="we\"b\\s""#, "--generator-url=http://prom/graph"]).await;
    assert_eq!(
        rig.open(),
        [
            "prometheus: alertname=DiskFull instance=web1:9100 severity=critical [critical] web1",
            "prometheus: alertname=Slow team=we\"b\\s [critical]"
        ]
    );
    let shown = run(&["alert", "query", "alertname=DiskFull"]).await;
    assert!(
        shown.contains("DiskFull") && shown.contains("disk is full") && !shown.contains("Slow"),
        "{shown}"
    );
    let exact: serde_json::Value =
        serde_json::from_str(&run(&["alert", "query", "-o", "json", r#"team="we\"b\\s""#]).await).unwrap();
    assert_eq!(exact[0]["labels"]["alertname"], "Slow");
    assert_eq!(exact[0]["generatorURL"], "http://prom/graph");
    assert!(run(&["alert", "query", "alertname=~Disk.*", "instance!=web1:9100"]).await.lines().count() <= 1);
    let wrong = amtool(&url, &["alert", "add", "X", "1bad=x"]).await;
    assert!(wrong.is_err(), "{wrong:?}");
    run(&[
        "alert",
        "add",
        "Slow",
        r#"team="we\"b\\s""#,
        "--end=2026-01-02T00:00:00Z",
        "--start=2026-01-01T00:00:00Z",
    ])
    .await;
    assert_eq!(rig.open().len(), 1);

    // Silences.
    let add = [
        "silence",
        "add",
        "--author=ana",
        "--comment=disk is being replaced",
        "--duration=1h",
        "alertname=~Disk.+",
        "team!=web",
    ];
    let id = run(&add).await.trim().to_owned();
    assert!(crate::id::is_uuid(&id), "{id}");
    let listed = run(&["silence", "query"]).await;
    assert!(
        listed.contains(&id) && listed.contains("disk is being replaced") && listed.contains("ana"),
        "{listed}"
    );
    assert!(run(&["silence", "query", "-q", "alertname=~Disk.+"]).await.contains(&id));
    assert!(
        !run(&["alert", "query"]).await.contains("DiskFull"),
        "muted alerts are not shown unless asked for"
    );
    let muted = run(&["alert", "query", "--silenced", "-o", "json"]).await;
    assert!(muted.contains(&id) && muted.contains("suppressed"), "{muted}");
    let updated = run(&["silence", "update", "--duration=2h", "--comment=takes longer", &id]).await;
    assert!(updated.contains("takes longer"), "{updated}");
    run(&["silence", "expire", &id]).await;
    assert!(run(&["alert", "query"]).await.contains("DiskFull"));
    assert!(!run(&["silence", "query"]).await.contains(&id));
    assert!(run(&["silence", "query", "--expired"]).await.contains(&id));
    assert!(amtool(&url, &["silence", "expire", "5f9b6c1e-0000-4000-8000-000000000000"]).await.is_err());
    let old = [
        "silence",
        "add",
        "--comment=c",
        "--start=2020-01-01T00:00:00Z",
        "--end=2020-01-02T00:00:00Z",
        "a=b",
    ];
    assert!(amtool(&url, &old).await.is_err());

    // What it asks besides.
    assert!(run(&["config", "show"]).await.contains("receiver: \"default\""));
    assert!(run(&["config", "routes", "show"]).await.contains("default"));
    assert!(run(&["cluster", "show"]).await.contains("disabled"));

    // One integration by its own address, with its token.
    let named = format!("http://user:second-token-0123456789@{address}/api/intake/alertmanager/second");
    amtool(&named, &["alert", "add", "FromSecond"]).await.unwrap();
    assert!(rig.open().contains(&"second: alertname=FromSecond [critical]".to_owned()));

    drop(stop);
    serving.await.unwrap().unwrap();
}
