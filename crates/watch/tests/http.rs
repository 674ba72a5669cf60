//! `http` and `tcp` checks against servers that behave and misbehave.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use foghorn_config::expect::{Expectation, JsonPath};
use foghorn_config::model::{Capture, CheckKind};
use foghorn_config::secret::Secret;
use foghorn_watch::check::{Env, Memory, Verdict, run as run_with};
use kit::*;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const BAD: Verdict = Verdict::Bad(None);
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_good_answer_is_good_and_timed() {
    let addr = http(|head, _| {
        assert_eq!(head[0], "GET /health?x=1 HTTP/1.1");
        assert!(head.iter().any(|l| l.starts_with("host: 127.0.0.1:")), "{head:?}");
        assert!(head.iter().any(|l| l.starts_with("user-agent: Foghorn/")), "{head:?}");
        answer("200 OK", "x-up: yes\r\n", r#"{"ok": true, "depth": 3}"#)
    });
    let check = expecting(
        get(&format!("http://{addr}/health?x=1")),
        &[
            "status == 200",
            "body contains ok",
            "header x-up == yes",
            "json $.depth < 5",
            "total < 20s",
            "size > 5",
        ],
    );
    let o = run(&check).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
    assert!(o.summary.starts_with("200 OK in "), "{}", o.summary);
    assert_eq!(o.phases.resolve, None, "an address is not resolved");
    assert!(o.phases.connect.is_some() && o.phases.first_byte.is_some() && o.phases.tls.is_none());
    assert!(o.phases.connect.unwrap() + o.phases.first_byte.unwrap() <= o.phases.total);
}

#[tokio::test]
async fn bad_answers_say_why() {
    for (answered, expect, want) in [
        (
            answer("503 Service Unavailable", "", "database is read-only"),
            &[][..],
            "answered 503 Service Unavailable: database is read-only",
        ),
        (answer("500 Internal Server Error", "", "<html>…"), &[], "answered 500 Internal Server Error"),
        (answer("200 OK", "", "fine"), &["body contains ok"], "body contains ok"),
        (answer("200 OK", "", "fine"), &["status == 204"], "status == 204, got 200"),
        ("SSH-2.0-OpenSSH_9\r\n".to_owned(), &[], "is not HTTP"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_owned(), &[], "in the middle of its answer"),
        ("".to_owned(), &[], "closed the connection without an answer"),
    ] {
        let addr = serve(move |mut s| {
            read_request(&mut s);
            s.write_all(answered.as_bytes()).unwrap();
        });
        let o = run(&expecting(get(&format!("http://{addr}/")), expect)).await;
        assert_eq!(o.verdict, BAD);
        assert!(o.summary.contains(want), "{} should say {want}", o.summary);
    }
}

#[tokio::test]
async fn an_error_status_is_good_where_it_is_expected() {
    let addr = http(|_, _| answer("404 Not Found", "", ""));
    let o = run(&expecting(get(&format!("http://{addr}/gone")), &["status == 404"])).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
}

#[tokio::test]
async fn nobody_listening_is_refused() {
    let addr = closed();
    let o = run(&get(&format!("http://{addr}/"))).await;
    assert_eq!((o.verdict, o.summary.as_str()), (BAD, format!("connection refused by {addr}").as_str()));
}

#[tokio::test]
async fn one_that_hangs_says_how_far_it_came() {
    // Accepts and never answers; sends half a head; sends a body without an end.
    for (sent, want) in [
        ("", "(connected, request sent)"),
        ("HTTP/1.1 200 O", "(connected, request sent)"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc", "(3 bytes of it read)"),
    ] {
        let addr = serve(move |mut s| {
            read_request(&mut s);
            s.write_all(sent.as_bytes()).unwrap();
            // Until the check gives up.
            let _ = s.read(&mut [0; 1]);
        });
        let o = run(&within(get(&format!("http://{addr}/")), SHORT)).await;
        assert_eq!(o.verdict, BAD);
        assert!(o.summary.contains(want) && o.summary.contains("within 300 ms"), "{}", o.summary);
    }
}

#[tokio::test]
async fn a_server_that_half_closes_has_answered() {
    let addr = serve(|mut s| {
        read_request(&mut s);
        s.write_all(b"HTTP/1.1 200 OK\r\n\r\nto the end").unwrap();
        s.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = s.read(&mut [0; 1]);
    });
    let o = run(&expecting(get(&format!("http://{addr}/")), &["body == \"to the end\""])).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
}

#[tokio::test]
async fn a_long_body_is_cut_and_that_is_said() {
    let addr = http(|_, _| answer("200 OK", "", &"x".repeat(3 << 20)));
    let o = run(&expecting(get(&format!("http://{addr}/")), &["body contains y"])).await;
    assert_eq!(o.verdict, BAD);
    assert!(o.summary.contains("only the first 1 MiB"), "{}", o.summary);
    assert_eq!(o.seen.body.unwrap().len(), 1 << 20);
}

/// What is not in its beginning may be in the rest of it.
#[tokio::test]
async fn a_body_that_is_cut_proves_nothing_of_its_rest() {
    let addr = http(|_, _| answer("200 OK", "", &format!("ok {}Fatal error", "x".repeat(1 << 20))));
    for (expectation, holds) in [
        ("body not contains Fatal error", false),
        ("body not matches Fatal", false),
        ("body != x", false),
        ("size <= 1048576", false),
        ("size == 1048576", false),
        ("size > 1000", true),
        ("body contains ok", true),
        ("body matches ^ok", true),
        ("status == 200", true),
    ] {
        let o = run(&expecting(get(&format!("http://{addr}/")), &[expectation])).await;
        assert_eq!(o.verdict == Verdict::Good, holds, "{expectation}: {}", o.summary);
        assert!(holds || o.summary.contains("only the first 1 MiB"), "{expectation}: {}", o.summary);
    }
}

#[tokio::test]
async fn an_answer_with_hundreds_of_headers_is_read() {
    let addr =
        http(|_, _| answer("200 OK", &(0..400).map(|n| format!("X-{n}: {n}\r\n")).collect::<String>(), "ok"));
    let all = ["status == 200", "header x-399 == 399", "body == ok"];
    let o = run(&expecting(get(&format!("http://{addr}/")), &all)).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
}

#[tokio::test]
async fn a_missing_secret_is_unknown() {
    let mut s = step("GET", "http://127.0.0.1/");
    s.headers.push(("authorization".to_owned(), Secret::missing("TOKEN is not set")));
    let o = run(&check(CheckKind::Http(http_check(vec![s])))).await;
    assert_eq!(o.verdict, Verdict::Unknown);
    assert!(o.summary.contains("TOKEN is not set"), "{}", o.summary);
}

#[tokio::test]
async fn a_secret_that_the_server_repeats_is_not_shown() {
    let addr = http(|head, _| answer("401 Unauthorized", "", &head.join("; ")));
    let mut s = step("GET", &format!("http://{addr}/"));
    s.headers.push(("authorization".to_owned(), Secret::new("Bearer 0123456789abcdef")));
    let o = run(&check(CheckKind::Http(http_check(vec![s])))).await;
    assert!(
        o.summary.starts_with("answered 401 Unauthorized") && !o.summary.contains("0123456789"),
        "{}",
        o.summary
    );
}

#[tokio::test]
async fn a_secret_in_the_address_is_not_shown() {
    let addr = http(|head, _| answer("403 Forbidden", "", &format!("no such key: {}", head[0])));
    let o = run(&get(&format!("http://{addr}/hooks/4f9c1d2e?key=correct+horse"))).await;
    assert!(
        o.summary.starts_with("answered 403 Forbidden: no such key: GET /hooks/…?key=…"),
        "{}",
        o.summary
    );
}

#[tokio::test]
async fn a_step_that_hangs_leaves_the_times_of_all() {
    let addr = http(|head, _| match head[0].as_str() {
        "GET /a HTTP/1.1" => answer("200 OK", "", "a"),
        _ => String::new(),
    });
    let steps = ["a", "b"].map(|p| step("GET", &format!("http://{addr}/{p}")));
    let o = run(&within(check(CheckKind::Http(http_check(steps.to_vec()))), Duration::from_secs(2))).await;
    assert!(o.summary.starts_with("step 2 of 2: no answer from"), "{}", o.summary);
    assert_eq!(o.steps.iter().map(|s| s.status).collect::<Vec<_>>(), [Some(200), None]);
    let connects: Duration = o.steps.iter().filter_map(|s| s.phases.connect).sum();
    assert_eq!(o.phases.connect, Some(connects));
    assert!(o.steps[1].phases.total > Duration::ZERO && o.phases.total >= o.steps[1].phases.total);
}

#[tokio::test]
async fn a_log_in_and_a_checkout() {
    let addr = http(|head, body| {
        let has = |line: &str| head.iter().any(|l| l == line);
        match head[0].as_str() {
            "GET /login HTTP/1.1" => {
                answer("200 OK", "set-cookie: csrf=c1; Path=/\r\n", r#"{"form": {"token": "t-77"}}"#)
            }
            "POST /login HTTP/1.1" if body == "token=t-77&password=hunter2" && has("cookie: csrf=c1") => {
                answer("303 See Other", "location: /home\r\nset-cookie: session=s9; Path=/\r\n", "")
            }
            "GET /home HTTP/1.1" if has("cookie: csrf=c1; session=s9") => {
                answer("200 OK", "", "welcome, cart 4711")
            }
            "GET /cart/4711 HTTP/1.1" if has("x-session: s9") => answer("200 OK", "", "1 article"),
            _ => answer("403 Forbidden", "", &head.join(" | ")),
        }
    });
    let base = format!("http://{addr}");
    let mut form = step("GET", &format!("{base}/login"));
    form.capture.push(("token".to_owned(), Capture::Json(JsonPath::parse("$.form.token").unwrap())));
    let mut login = step("POST", &format!("{base}/login"));
    login.body = Secret::new("token={{token}}&password=hunter2");
    login.capture.push(("cart".to_owned(), Capture::Regex(regex::Regex::new("cart ([0-9]+)").unwrap())));
    let mut cart = step("GET", &format!("{base}/cart/{{{{cart}}}}"));
    cart.headers.push(("x-session".to_owned(), Secret::new("s9")));
    cart.expect.push(Expectation::parse("body contains article").unwrap());
    let mut http = http_check(vec![form, login, cart]);
    http.redirects = 3;
    let o = run(&check(CheckKind::Http(http.clone()))).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
    assert_eq!(o.steps.iter().map(|s| s.status).collect::<Vec<_>>(), [Some(200); 3]);
    assert!(o.steps.iter().map(|s| s.phases.total).sum::<Duration>() <= o.phases.total);
    http.steps[1].body = Secret::new("token=wrong");
    let o = run(&check(CheckKind::Http(http))).await;
    assert!(o.summary.starts_with("step 2 of 3: answered 403 Forbidden"), "{}", o.summary);
}

#[tokio::test]
async fn redirects_are_followed_as_far_as_told() {
    let other = http(|head, _| {
        // What was meant for the first server must not reach this one.
        let told = head.iter().any(|l| l.starts_with("authorization") || l.starts_with("x-api-key"));
        let told = told || !head.iter().any(|l| l == "accept: text/plain");
        answer("200 OK", "", if told { "leaked" } else { "arrived" })
    });
    let addr = http(move |head, _| match head[0].as_str() {
        "GET /away HTTP/1.1" => answer("302 Found", &format!("location: http://{other}/\r\n"), ""),
        _ => answer("301 Moved Permanently", "location: /again\r\n", ""),
    });
    let with = |path: &str, redirects| {
        let mut s = step("GET", &format!("http://{addr}{path}"));
        s.headers.push(("authorization".to_owned(), Secret::new("Bearer x")));
        s.headers.push(("X-Api-Key".to_owned(), Secret::new("k3y")));
        s.headers.push(("Accept".to_owned(), Secret::new("text/plain")));
        let mut http = http_check(vec![s]);
        http.redirects = redirects;
        check(CheckKind::Http(http))
    };
    assert_eq!(run(&with("/away", 0)).await.seen.status, Some(302));
    let o = run(&expecting(with("/away", 1), &["body == arrived"])).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
    let o = run(&with("/loop", 5)).await;
    assert_eq!(o.summary, "redirected more than 5 times");
}

#[tokio::test]
async fn a_body_is_not_sent_on_to_another_server() {
    let other = http(|_, body| answer("200 OK", "", body));
    let addr = http(move |head, body| match head[0].as_str() {
        "POST /away HTTP/1.1" => {
            answer("307 Temporary Redirect", &format!("location: http://{other}/\r\n"), "")
        }
        "POST /here HTTP/1.1" => answer("308 Permanent Redirect", "location: /in\r\n", ""),
        "POST /seen HTTP/1.1" => answer("303 See Other", &format!("location: http://{other}/\r\n"), ""),
        _ => answer("200 OK", "", body),
    });
    let with = |path: &str| {
        let mut s = step("POST", &format!("http://{addr}{path}"));
        s.body = Secret::new("password=hunter22");
        let mut http = http_check(vec![s]);
        http.redirects = 1;
        check(CheckKind::Http(http))
    };
    let o = run(&with("/away")).await;
    assert_eq!(o.summary, "redirected to http://127.0.0.1, to which the body is not sent");
    let o = run(&expecting(with("/here"), &["body == \"password=hunter22\""])).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
    let o = run(&expecting(with("/seen"), &["body == \"\""])).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
}

/// As they do where a header holds them.
#[tokio::test]
async fn user_and_password_of_an_address_stay_with_its_server() {
    let said = |head: &[String]| {
        let known = head.iter().any(|l| l.starts_with("authorization: Basic YW5hOnB3"));
        answer("200 OK", "", if known { "known" } else { "nobody" })
    };
    let other = http(move |head, _| said(head));
    let addr = http(move |head, _| {
        let host = head.iter().find_map(|l| l.strip_prefix("host: ")).unwrap();
        match head[0].as_str() {
            "GET /away HTTP/1.1" => answer("302 Found", &format!("location: http://{other}/\r\n"), ""),
            "GET /whole HTTP/1.1" => answer("302 Found", &format!("location: http://{host}/in\r\n"), ""),
            "GET /part HTTP/1.1" => answer("302 Found", "location: in\r\n", ""),
            _ => said(head),
        }
    });
    for (path, expected) in [("/whole", "known"), ("/part", "known"), ("/away", "nobody")] {
        let mut http = http_check(vec![step("GET", &format!("http://ana:pw@{addr}{path}"))]);
        http.redirects = 1;
        let o = run(&expecting(check(CheckKind::Http(http)), &[&format!("body == {expected}")])).await;
        assert_eq!(o.verdict, Verdict::Good, "{path}: {}", o.summary);
    }
}

#[tokio::test]
async fn connect_to_goes_around_the_proxy_under_the_same_name() {
    let addr = http(|head, _| {
        let host = head.iter().find(|l| l.starts_with("host: ")).unwrap();
        answer("200 OK", "", host)
    });
    let mut http = http_check(vec![step("GET", "http://shop.invalid/")]);
    http.connect_to = Some(target(addr));
    http.source = Some("127.0.0.9".parse().unwrap());
    let o = run(&expecting(check(CheckKind::Http(http)), &["body == \"host: shop.invalid\""])).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
}

#[tokio::test]
async fn a_name_that_does_not_exist() {
    let o = run(&get("http://no-such-name.invalid/")).await;
    assert_eq!(o.verdict, BAD);
    assert!(o.summary.contains("no-such-name.invalid"), "{}", o.summary);
}

#[tokio::test]
async fn a_kept_connection_is_used_again_and_opened_anew_when_it_was_closed() {
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&connections);
    let addr = serve(move |mut s| {
        seen.fetch_add(1, Ordering::SeqCst);
        // Two requests, and then it closes without a word, as servers do after a while.
        for _ in 0..2 {
            if read_request(&mut s).is_some() {
                s.write_all(answer("200 OK", "", "ok").as_bytes()).unwrap();
            }
        }
    });
    let env = Env::new(&foghorn_watch::Stats::default());
    for (keep, want) in [(true, 2), (false, 4)] {
        connections.store(0, Ordering::SeqCst);
        let mut http = http_check(vec![step("GET", &format!("http://{addr}/"))]);
        http.keep_alive = keep;
        // What was not done again took no time.
        let check = expecting(check(CheckKind::Http(http)), &["connect < 10s", "resolve < 10s"]);
        let memory = Memory::default();
        for i in 0..4 {
            let o = run_with(&check, &env, &memory).await;
            assert_eq!(o.verdict, Verdict::Good, "run {i}: {}", o.summary);
        }
        assert_eq!(connections.load(Ordering::SeqCst), want, "keep_alive: {keep}");
    }
}

#[tokio::test]
async fn http2_by_prior_knowledge() {
    use bytes::Bytes;
    use http_body_util::Full;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper::service::service_fn(|r: http::Request<hyper::body::Incoming>| async move {
                let text = format!("{:?} {}", r.version(), r.uri());
                Ok::<_, std::convert::Infallible>(http::Response::new(Full::new(Bytes::from(text))))
            });
            let conn = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(async move { conn.serve_connection(TokioIo::new(stream), service).await });
        }
    });
    let mut http = http_check(vec![step("GET", &format!("http://{addr}/a?b"))]);
    http.http2 = true;
    let check =
        expecting(check(CheckKind::Http(http)), &[&format!("body == \"HTTP/2.0 http://{addr}/a?b\"")]);
    let o = run(&check).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
}

#[tokio::test]
async fn tcp_sends_and_expects() {
    let addr = serve(|mut s| {
        let mut got = [0; 6];
        if s.read_exact(&mut got).is_err() {
            return;
        }
        assert_eq!(&got, b"PING\r\n");
        s.write_all(b"+PO").unwrap();
        s.write_all(b"NG\r\n").unwrap();
        let _ = s.read(&mut [0; 1]);
    });
    let tcp = |send: Option<&str>, contains: Option<&str>| {
        let (send, contains) = (send.map(str::to_owned), contains.map(str::to_owned));
        check(CheckKind::Tcp { target: target(addr), send, contains })
    };
    let o = run(&tcp(None, None)).await;
    assert_eq!((o.verdict, o.summary), (Verdict::Good, format!("connected to {addr}")));
    let o = run(&tcp(Some("PING\r\n"), Some("+PONG"))).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
    let o = run(&within(tcp(Some("PING\r\n"), Some("+OK")), SHORT)).await;
    assert_eq!(o.verdict, BAD);
    assert!(o.summary.contains("does not contain \"+OK\"") && o.summary.contains("+PONG"), "{}", o.summary);
    // An expectation of what is inside the answer reads it too.
    let status = serve(|mut s| s.write_all(b"{\"ready\": true}\n").unwrap());
    let kind = || CheckKind::Tcp { target: target(status), send: None, contains: None };
    let o = run(&expecting(check(kind()), &["json $.ready == true", "first_byte < 5s"])).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
    let o = run(&expecting(check(kind()), &["json $.ready == false"])).await;
    assert_eq!(o.verdict, BAD, "{}", o.summary);
    // What must not be there may come later.
    let two = serve(|mut s| {
        s.write_all(b"STATUS begin\r\n").unwrap();
        std::thread::sleep(Duration::from_millis(200));
        s.write_all(b"ERROR replication broken\r\n").unwrap();
    });
    let stays = serve(|mut s| {
        s.write_all(b"STATUS begin\r\n").unwrap();
        let _ = s.read(&mut [0; 1]);
    });
    for (addr, expect, good) in [
        (two, "body not contains ERROR", false),
        (two, "size < 20", false),
        (two, "body contains ERROR", true),
        (two, "body contains STATUS", true),
        (stays, "body not contains ERROR", true),
    ] {
        let kind = CheckKind::Tcp { target: target(addr), send: None, contains: None };
        let o = run(&expecting(check(kind), &[expect])).await;
        assert_eq!(o.verdict == Verdict::Good, good, "{expect}: {}", o.summary);
        assert!(
            addr != stays || o.phases.total < Duration::from_secs(1),
            "the wait is no part of the answer"
        );
    }
    let greeting = serve(|mut s| s.write_all(b"550 go away\r\n").unwrap());
    let bye =
        check(CheckKind::Tcp { target: target(greeting), send: None, contains: Some("220".to_owned()) });
    let o = run(&bye).await;
    assert!(o.summary.contains("answered \"550 go away\", which does not contain \"220\""), "{}", o.summary);
}
