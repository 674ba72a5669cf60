//! Errors: every one is a problem, and says what and where.

use crate::kit::{HERE, JSON, OPEN, from, kit, send};

#[tokio::test]
async fn bad_requests_by_table() {
    let kit = kit(OPEN).await;
    kit.caught_up().await;
    let huge = format!(r#"{{"title": "{}", "severity": "info"}}"#, "x".repeat(300_000));
    let long = format!(r#"{{"title": "{}", "severity": "info"}}"#, "x".repeat(501));
    let deep = "[".repeat(10_000);
    let open = "/api/v1/incidents";
    let table: &[(&str, &str, &str, u16, &str, &str)] = &[
        ("POST", open, "", 400, "malformed-json", "the body is empty"),
        ("POST", open, "{", 400, "malformed-json", "EOF while parsing an object at line 1 column 1"),
        ("POST", open, "{\n  \"title\": \"x\",\n  nope\n}", 400, "malformed-json", "at line 3 column 3"),
        ("POST", open, "[]]", 400, "malformed-json", "trailing characters at line 1 column 3"),
        ("POST", open, &deep, 400, "malformed-json", "EOF while parsing"),
        ("POST", open, "\u{0}", 400, "malformed-json", "line 1 column 1"),
        ("POST", open, "[]", 422, "invalid", "must be a JSON object"),
        ("POST", open, r#"["arr", "critical", null, null, null]"#, 422, "invalid", "must be a JSON object"),
        ("POST", open, "null", 422, "invalid", "must be a JSON object"),
        ("POST", "/api/v1/incidents/1/ack", "[3]", 422, "invalid", "must be a JSON object"),
        (
            "POST",
            open,
            r#"{"title": null}"#,
            422,
            "invalid",
            "`title`: invalid type: null, expected a string",
        ),
        (
            "POST",
            open,
            r#"{"title": "nulls", "severity": null}"#,
            422,
            "invalid",
            "`severity`: invalid type: null, expected a string at line 1 column 35",
        ),
        (
            "POST",
            open,
            r#"{"title": "t", "severity": 5}"#,
            422,
            "invalid",
            "`severity`: invalid type: integer `5`",
        ),
        ("POST", open, r#"{"title": "\ud800"}"#, 422, "invalid", "`title`: "),
        ("POST", open, r#"{"title": "\u0000\n\u200b"}"#, 422, "invalid", "a title must not be empty"),
        (
            "POST",
            "/api/v1/incidents/1/updates",
            r#"{"stage": null, "text": "x"}"#,
            422,
            "invalid",
            "`stage`: ",
        ),
        (
            "POST",
            "/api/v1/silences",
            r#"{"for": "1h", "entities": ["db", 7]}"#,
            422,
            "invalid",
            "`entities[1]`: invalid type: integer `7`",
        ),
        ("POST", open, "{}", 422, "invalid", "missing field `title`"),
        (
            "POST",
            open,
            r#"{"title": 1, "severity": "info"}"#,
            422,
            "invalid",
            "expected a string at line 1 column 11",
        ),
        (
            "POST",
            open,
            r#"{"title": "x", "severity": "bad"}"#,
            422,
            "invalid",
            "expected one of `info`, `warning`, `critical`",
        ),
        (
            "POST",
            open,
            r#"{"title": "x", "severity": "info", "more": 1}"#,
            422,
            "invalid",
            "unknown field `more`",
        ),
        (
            "POST",
            open,
            r#"{"title": "x", "severity": "info", "severity": "info"}"#,
            422,
            "invalid",
            "duplicate field",
        ),
        ("POST", open, r#"{"title": " ", "severity": "info"}"#, 422, "invalid", "a title must not be empty"),
        ("POST", open, &long, 422, "invalid", "must not be longer than 500 bytes"),
        ("POST", open, &huge, 413, "too-large", "at most 262144 bytes"),
        (
            "POST",
            open,
            r#"{"title": "x", "severity": "info", "escalation": "nobody"}"#,
            404,
            "not-found",
            "escalation policy nobody",
        ),
        ("POST", "/api/v1/incidents/1/ack", r#"{"revision": -1}"#, 422, "invalid", "expected u64"),
        ("POST", "/api/v1/incidents/99/ack", "{}", 404, "not-found", "there is no incident 99 at hand"),
        ("POST", "/api/v1/incidents/x/ack", "{}", 404, "not-found", "there is no /api/v1/incidents/x/ack"),
        ("POST", "/api/v1/incidents/1/note", "{}", 422, "invalid", "missing field `text`"),
        (
            "POST",
            "/api/v1/incidents/1/updates",
            r#"{"stage": "solved", "text": "x"}"#,
            422,
            "invalid",
            "unknown variant `solved`, expected one of `investigating`, `identified`, `monitoring`, `resolved`, `postmortem`",
        ),
        (
            "POST",
            "/api/v1/incidents/99/updates",
            r#"{"stage": "identified", "text": "x"}"#,
            404,
            "not-found",
            "there is no incident 99",
        ),
        ("POST", "/api/v1/silences", "{}", 422, "invalid", "either `ends` with a time, or `for`"),
        ("POST", "/api/v1/silences", r#"{"for": "1h"}"#, 422, "invalid", "at least one matcher or entity"),
        (
            "POST",
            "/api/v1/silences",
            r#"{"for": "1h", "matchers": ["a=~("]}"#,
            422,
            "invalid",
            "regular expression",
        ),
        (
            "POST",
            "/api/v1/silences",
            r#"{"for": "1 hour", "matchers": ["a=b"]}"#,
            422,
            "invalid",
            "is no duration",
        ),
        (
            "POST",
            "/api/v1/silences",
            r#"{"ends": "tomorrow", "matchers": ["a=b"]}"#,
            422,
            "invalid",
            "`tomorrow` is no time",
        ),
        ("DELETE", "/api/v1/silences/none", "", 404, "not-found", "there is no silence none"),
        (
            "POST",
            "/api/v1/overrides",
            r#"{"schedule": "x", "person": "day-ops", "for": "1h"}"#,
            404,
            "not-found",
            "schedule x",
        ),
        (
            "POST",
            "/api/v1/overrides",
            r#"{"schedule": "primary", "person": "x", "for": "1h"}"#,
            404,
            "not-found",
            "person x",
        ),
        (
            "POST",
            "/api/v1/changes",
            r#"{"summary": "x", "link": "javascript:alert(1)"}"#,
            422,
            "invalid",
            "is no link",
        ),
        (
            "POST",
            "/api/v1/backup",
            r#"{"name": "../../etc/cron.d/x"}"#,
            422,
            "invalid",
            "is no plain file name",
        ),
        ("POST", "/api/v1/backup", r#"{"name": "taken.db"}"#, 422, "invalid", "is already there"),
        ("POST", "/api/v1/reload", "", 422, "invalid", "the one before still counts"),
        (
            "GET",
            "/api/v1/incidents?limit=many",
            "",
            400,
            "bad-query",
            "`limit=many` must be a whole number from 1 to 1000",
        ),
        ("GET", "/api/v1/incidents?limit=0", "", 400, "bad-query", "`limit=0` must be"),
        (
            "GET",
            "/api/v1/incidents?after=-1",
            "",
            400,
            "bad-query",
            "`after=-1` must be a whole number, 0 or more",
        ),
        (
            "GET",
            "/api/v1/incidents?state=shut",
            "",
            400,
            "bad-query",
            "`state=shut` must be one of open, unacknowledged, acknowledged, resolved, all",
        ),
        (
            "GET",
            "/api/v1/incidents?pages=2",
            "",
            400,
            "bad-query",
            "there is no parameter `pages`: this address takes state, after, limit, severity, q",
        ),
        ("GET", "/api/v1/incidents?limit=1&limit=2", "", 400, "bad-query", "`limit` is given twice"),
        (
            "GET",
            "/api/v1/status?x=1",
            "",
            400,
            "bad-query",
            "there is no parameter `x`: this address takes none",
        ),
        ("POST", "/api/v1/incidents/1/ack?force=1", "", 400, "bad-query", "no parameter `force`"),
        ("GET", "/api/v1/events?after=99", "", 409, "beyond-the-end", "there is no event 99 yet"),
        ("GET", "/api/v1/stream?after=99", "", 409, "beyond-the-end", "the journal ends at event"),
        ("POST", "/api/v1/incidents/1/note", r#"{"text": " "}"#, 422, "invalid", "`text` is empty"),
        ("GET", "/api/v1/incidents/1", "", 404, "not-found", "there is no incident 1"),
        ("GET", "/api/v1/incidents/99999999999999999999", "", 404, "not-found", "there is no"),
        ("GET", "/api/v1/incidents/18446744073709551615", "", 404, "not-found", "there is no"),
        ("GET", "/api/v1/incidents/1/timeline", "", 404, "not-found", "there is no incident 1"),
        ("GET", "/api/v1/incidents/1/alerts", "", 404, "not-found", "there is no incident 1"),
        ("GET", "/api/v1/oncall?at=noon", "", 400, "bad-query", "`at=noon` is no time"),
        ("GET", "/api/v1/checks/none", "", 404, "not-found", "there is no check none"),
        ("GET", "/api/v1/checks/shop?from=noon", "", 400, "bad-query", "`from=noon` is no time"),
        ("GET", "/api/v1/checks/shop?points=-1", "", 400, "bad-query", "`points=-1` must be a whole number"),
        ("GET", "/api/v1/checks/shop?days=7", "", 400, "bad-query", "there is no parameter `days`"),
        (
            "GET",
            "/api/v1/checks/shop?to=2026-11-21T00:00:00Z&from=2026-11-21T00:00:00Z",
            "",
            400,
            "bad-query",
            "`from` must be before `to`",
        ),
        ("GET", "/api/v1/checks/shop?from=2027-01-01T00:00:00Z", "", 400, "bad-query", "must be before"),
        ("GET", "/api/v1/checks/disk", "", 503, "unavailable", "the history cannot be used"),
        ("GET", "/api/v1/nothing", "", 404, "not-found", "there is no /api/v1/nothing"),
        ("GET", "/problems/none", "", 404, "not-found", "there is no problem none"),
        ("PUT", "/api/v1/incidents", "", 405, "method-not-allowed", "does not know PUT"),
        ("GET", "/api/v1/reload", "", 405, "method-not-allowed", "does not know GET"),
    ];
    for (method, path, body, status, kind, says) in table {
        let shown: String = body.chars().take(60).collect();
        let got = send(&kit.api, from(HERE, method, path, &[JSON], (*body).to_owned())).await;
        assert_eq!(got.status, *status, "{method} {path} {shown}: {}", got.text);
        assert_eq!(got.header("content-type"), "application/problem+json", "{method} {path} {shown}");
        let problem = got.json();
        assert_eq!(problem["type"], format!("/problems/{kind}"), "{method} {path} {shown}");
        assert_eq!(problem["status"], *status, "{method} {path}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{method} {path} {shown}: {problem}");
    }
    let answer = kit.post(open, "{\n \"title\": 1}").await.json();
    assert_eq!((answer["line"].as_u64(), answer["column"].as_u64()), (Some(2), Some(11)), "{answer}");
    let reload = kit.post("/api/v1/reload", "").await.json();
    assert_eq!(reload["errors"][0], "foghorn.yaml:3:7: `chekcs` is not known; did you mean `checks`?");
    let no_type = send(&kit.api, from(HERE, "POST", open, &[], "{}")).await;
    assert_eq!(
        (no_type.status.as_u16(), no_type.json()["type"].as_str()),
        (415, Some("/problems/unsupported-media-type"))
    );
    for (encoding, status) in [("gzip", 415), ("gzip, br", 415), ("identity", 422), ("Identity", 422)] {
        let sent = from(HERE, "POST", open, &[JSON, ("content-encoding", encoding)], "{}");
        assert_eq!(send(&kit.api, sent).await.status, status, "{encoding}");
    }
    let bytes = from(HERE, "POST", open, &[JSON], &b"{\"title\": \"\xff\"}"[..]);
    let not_text = send(&kit.api, bytes).await;
    assert!(not_text.status == 400 && not_text.text.contains("is not UTF-8"), "{not_text:?}");
    let not_allowed = send(&kit.api, from(HERE, "PUT", open, &[], "")).await;
    assert!(not_allowed.header("allow").contains("POST"), "{not_allowed:?}");
}

/// What is not the API is asked by probes and caches, which add parameters of their own.
#[tokio::test]
async fn health_and_metrics_take_any_query() {
    let kit = kit(OPEN).await;
    for path in ["/healthz?t=1", "/readyz?t=1", "/metrics?t=1", "/openapi.json?t=1"] {
        assert_eq!(kit.get(path).await.status, 200, "{path}");
    }
    let at = |plus: &str| format!("/api/v1/oncall?at=2026-11-21T10:00:00{plus}01:00");
    let (raw, escaped) = (kit.get(&at("+")).await, kit.get(&at("%2B")).await);
    assert_eq!((raw.status.as_u16(), raw.text), (200, escaped.text));
}

/// Every type of problem can be looked up where its `type` points.
#[tokio::test]
async fn every_problem_is_explained() {
    let kit = kit(OPEN).await;
    for kind in foghorn_console::Kind::ALL {
        let (name, title, _) = kind.parts();
        let page = kit.get(&format!("/problems/{name}")).await;
        assert!(page.status == 200 && page.text.starts_with(title), "{name}: {}", page.text);
    }
}

#[tokio::test]
async fn answers_are_not_framed_guessed_or_kept() {
    let kit = kit(OPEN).await;
    for path in ["/", "/api/v1/status", "/nothing", "/metrics"] {
        let got = kit.get(path).await;
        assert!(got.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert_eq!(got.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(got.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(got.header("cache-control"), "no-store", "{path}");
    }
}

/// A file system that is frozen: who asks first hears of it in seconds, and who comes later does not queue up.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_hangs_is_answered_and_holds_up_nobody() {
    let kit = kit(OPEN).await;
    kit.past("first", "warning").await;
    kit.caught_up().await;
    let journal = kit.journal.clone();
    let (hangs, until) = std::sync::mpsc::channel::<()>();
    let (begun, began) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _held = journal.0.lock().unwrap();
        begun.send(()).unwrap();
        let _ = until.recv();
    });
    began.await.unwrap();
    let ask = || kit.get("/api/v1/events");
    let all = tokio::join!(ask(), ask(), ask(), ask());
    for answer in [all.0, all.1, all.2, all.3] {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.text.contains("the disk does not answer"), "{answer:?}");
    }
    let began = std::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(ask().await.status, 503);
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(4), "at once: {:?}", began.elapsed());
    assert_eq!(kit.get("/api/v1/incidents/1").await.status, 200, "the list is another file");
    drop(hangs);
    while ask().await.status != 200 {
        tokio::task::yield_now().await;
    }
}
