//! Each channel against a faithful stand-in of its provider.
#![allow(clippy::unwrap_used)]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::smtp::Smtp;
use common::{Fake, accepted, answer, attempt, failed, page, raw, retried, secret};
use foghorn_config::model::{Channel, Twilio};
use foghorn_config::secret::Secret;
use foghorn_core::page::Outcome;
use foghorn_core::time::Span;
use foghorn_wake::channels::{build, build_all};
use foghorn_wake::{Kind, Message};
use hmac::{Hmac, Mac};
use std::collections::BTreeMap;
use std::time::Duration;

fn smtp(url: impl Into<String>) -> Channel {
    Channel::Smtp { url: secret(url), from: "Foghorn <foghorn@example.com>".to_owned() }
}

fn webhook(url: impl Into<String>) -> Channel {
    Channel::Webhook { url: secret(url), secret: None }
}

fn exec(script: &str, timeout: Duration) -> Channel {
    Channel::Exec {
        command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        timeout,
        hidden: Vec::new(),
    }
}

#[tokio::test]
async fn mail_arrives() {
    let server = Smtp::start(None).await;
    let outcome = attempt(&smtp(format!("smtp://{}", server.at)), &page("Ana <ana@example.com>")).await;
    assert_eq!(accepted(outcome), "250 2.0.0 Ok: queued as 4F3A1");
    let mail = &server.mails()[0];
    assert_eq!((mail.from.as_str(), mail.to.as_str()), ("foghorn@example.com", "ana@example.com"));
    for wanted in [
        "From: Foghorn <foghorn@example.com>\n",
        "Subject: [CRITICAL] shop-api is down: \"connection\" <refused> (#12)\n",
        "Auto-Submitted: auto-generated\n",
        "X-Foghorn-Incident: 12\n",
        "X-Priority: 1\n",
        "References: <incident.12.1793643179000@example.com>\n",
        "Message-ID: <page.",
        "Content-Type: multipart/alternative;",
        "Acknowledge: http://127.0.0.1:7070/ack/TOKEN\n",
    ] {
        assert!(mail.data.contains(wanted), "no {wanted:?} in {}", mail.data);
    }
}

#[tokio::test]
async fn mail_with_a_log_in() {
    let server = Smtp::start(Some(("foghorn@example.com", "p@ss/word"))).await;
    let good = format!("smtp://foghorn%40example.com:p%40ss%2Fword@{}", server.at);
    accepted(attempt(&smtp(good), &page("ana@example.com")).await);
    let bad =
        attempt(&smtp(format!("smtp://foghorn:wr0ngs3cret@{}", server.at)), &page("ana@example.com")).await;
    let error = failed(bad);
    assert!(error.contains("535") && !error.contains("wr0ngs3cret"), "{error}");
    let none = attempt(&smtp(format!("smtp://{}", server.at)), &page("ana@example.com")).await;
    assert!(failed(none).contains("530"));
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn mail_that_is_refused_later_or_for_good() {
    let server = Smtp::start(None).await;
    let config = smtp(format!("smtp://{}", server.at));
    let error = failed(attempt(&config, &page("nobody@example.com")).await);
    assert!(error.contains("550") && error.contains("no such user"), "{error}");
    let error = retried(attempt(&config, &page("grey@example.com")).await);
    assert!(error.contains("451") && error.contains("Greylisted"), "{error}");
    assert!(failed(attempt(&config, &page("not an address")).await).contains("not a mail address"));
    let error =
        failed(attempt(&smtp(format!("smtp+starttls://{}", server.at)), &page("ana@example.com")).await);
    assert!(error.contains("STARTTLS"), "{error}");
    let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = retried(attempt(&smtp(format!("smtp://{refused}")), &page("ana@example.com")).await);
    assert!(error.contains(&refused.to_string()) && error.contains("refused"), "{error}");
    let error = retried(attempt(&smtp(format!("smtps://{}", server.at)), &page("ana@example.com")).await);
    let said = "does not speak TLS from the first byte on: try `smtp+starttls://`, or `smtp://` without TLS";
    assert_eq!(error, format!("{} {said}", server.at));
    assert!(server.mails().is_empty());
}

/// A server that has taken the mail and says no word more: the mail is taken.
#[tokio::test]
async fn mail_that_is_taken_waits_for_no_goodbye() {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 here\r\n").await.unwrap();
        let (mut line, mut data) = (String::new(), false);
        loop {
            line.clear();
            if stream.read_line(&mut line).await.unwrap() == 0 {
                break false;
            }
            let answer = match line.trim_end() {
                "." => "250 taken",
                _ if data => continue,
                "DATA" => "354 go on",
                "QUIT" => break true,
                _ => "250 ok",
            };
            data = answer.starts_with("354");
            stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        }
    });
    let outcome = attempt(&smtp(format!("smtp://{at}")), &page("ana@example.com")).await;
    assert_eq!(accepted(outcome), "250 taken");
    assert!(server.await.unwrap(), "it says goodbye all the same");
}

#[tokio::test]
async fn a_title_cannot_write_headers() {
    let server = Smtp::start(None).await;
    let mut m = page("ana@example.com");
    m.incident.title = "down\r\nBcc: all@example.com\r\n\r\nhello".to_owned();
    m.id = "x\r\nBcc: all@example.com".to_owned();
    accepted(attempt(&smtp(format!("smtp://{}", server.at)), &m).await);
    let data = server.mails()[0].data.clone();
    let head = data.split("\n\n").next().unwrap();
    assert!(!head.lines().any(|l| l.starts_with("Bcc") || l.starts_with("hello")), "{head}");
}

#[tokio::test]
async fn a_webhook_is_signed() {
    let fake = Fake::start(|_| answer(200, "")).await;
    let config = Channel::Webhook {
        url: secret(format!("{}/page", fake.url)),
        secret: Some(secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
    };
    assert_eq!(accepted(attempt(&config, &page("ana")).await), "HTTP 200");
    let seen = fake.only();
    assert_eq!((seen.method.as_str(), seen.uri.path()), ("POST", "/page"));
    let json = seen.json();
    assert_eq!(
        (&json["kind"], &json["incident"]["id"], &json["person"]),
        (&"page".into(), &12.into(), &"ana".into())
    );
    assert_eq!(json["id"], seen.header("webhook-id"));
    let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(
        format!("{}.{}.{}", seen.header("webhook-id"), seen.header("webhook-timestamp"), seen.body)
            .as_bytes(),
    );
    assert_eq!(
        seen.header("webhook-signature"),
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    );
    assert!(!seen.header("webhook-id").contains('.'));
}

#[tokio::test]
async fn what_answers_mean() {
    for (status, later) in [
        (429, true),
        (500, true),
        (503, true),
        (408, true),
        (400, false),
        (404, false),
        (410, false),
        (302, false),
    ] {
        let fake = Fake::start(move |_| answer(status, "the\nreason")).await;
        let outcome = attempt(&webhook(&fake.url), &page("ana")).await;
        let error = if later { retried(outcome) } else { failed(outcome) };
        assert!(error.starts_with(&format!("HTTP {status}")) && error.ends_with(": the reason"), "{error}");
    }
    let fake = Fake::start(|_| (429, &[("retry-after", "7")], String::new())).await;
    let outcome = attempt(&webhook(&fake.url), &page("ana")).await;
    assert!(matches!(outcome, Outcome::Retry { after: Some(Span(7000)), .. }), "{outcome:?}");
    let echo = Fake::start(|seen| {
        answer(400, format!("no hook at {} for {}", seen.uri, seen.header("authorization")))
    })
    .await;
    let url =
        echo.url.replace("http://", "http://user:p4ssw0rd@") + "/hooks/h00k/T0k3nT0k3nT0k3n?key=k3yk3yk3y";
    let error = failed(attempt(&webhook(url), &page("ana")).await);
    assert!(error.starts_with("HTTP 400") && error.contains("no hook at"), "{error}");
    for hidden in ["p4ssw0rd", "T0k3n", "k3yk3y", &STANDARD.encode("user:p4ssw0rd")] {
        assert!(!error.contains(hidden), "{hidden} in {error}");
    }
    let cut = raw(Some("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")).await;
    assert!(retried(attempt(&webhook(cut), &page("ana")).await).contains("in the middle of its answer"));
    let closed = raw(Some("")).await;
    assert!(retried(attempt(&webhook(closed), &page("ana")).await).contains("before it answered"));
    let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = retried(attempt(&webhook(format!("http://{refused}/")), &page("ana")).await);
    assert_eq!(error, format!("connection refused by {refused}"));
}

#[tokio::test]
async fn ntfy() {
    let fake = Fake::start(|seen| match (seen.header("authorization"), seen.json()["topic"].as_str()) {
        ("Bearer tk_s3cr3ttoken", Some("limited")) => {
            answer(429, r#"{"code":42901,"http":429,"error":"limit reached: too many requests","link":"https://ntfy.sh/docs/publish/#limitations"}"#)
        }
        ("Bearer tk_s3cr3ttoken", _) => answer(200, r#"{"id":"xE73Iyuabi","time":1673542291,"event":"message","topic":"ops"}"#),
        _ => answer(403, r#"{"code":40301,"http":403,"error":"forbidden tk_s3cr3ttokeX"}"#),
    })
    .await;
    let with = |token: &str| Channel::Ntfy { url: fake.url.clone(), token: Some(secret(token)) };
    assert_eq!(accepted(attempt(&with("tk_s3cr3ttoken"), &page("ops")).await), "message xE73Iyuabi");
    let seen = fake.only();
    let json = seen.json();
    assert_eq!(
        (seen.uri.path(), &json["priority"], &json["click"]),
        ("/", &5.into(), &"http://127.0.0.1:7070/ack/TOKEN".into())
    );
    let error = retried(attempt(&with("tk_s3cr3ttoken"), &page("limited")).await);
    assert!(error.contains("limit reached"), "{error}");
    let error = failed(attempt(&with("tk_s3cr3ttokeX"), &page("ops")).await);
    assert!(error.contains("forbidden …") && !error.contains("s3cr3t"), "{error}");
    assert!(failed(attempt(&with("tk_s3cr3ttoken"), &page("a/b")).await).contains("not an ntfy topic"));
}

#[tokio::test]
async fn slack() {
    let fake = Fake::start(|seen| match seen.uri.path() {
        "/services/T024F/B024F/s3cr3ts3cr3t" if seen.json()["blocks"].is_array() => answer(200, "ok"),
        "/services/T024F/B024F/badbadbadbad" => answer(400, "invalid_payload"),
        path => answer(404, format!("no_service {path}")),
    })
    .await;
    let with =
        |path: &str| Channel::Slack { url: secret(format!("{}/services/T024F/B024F/{path}", fake.url)) };
    assert_eq!(accepted(attempt(&with("s3cr3ts3cr3t"), &page("#ops")).await), "ok");
    assert!(failed(attempt(&with("badbadbadbad"), &page("#ops")).await).contains("invalid_payload"));
    let error = failed(attempt(&with("goneg0negone"), &page("#ops")).await);
    assert!(error.contains("no_service") && !error.contains("goneg0negone"), "{error}");
}

fn twilio(url: &str, token: &str, from: &str) -> Twilio {
    Twilio { url: url.to_owned(), account: "AC0123".to_owned(), token: secret(token), from: from.to_owned() }
}

async fn fake_twilio() -> Fake {
    Fake::start(|seen| {
        let form = seen.form();
        let get = |name: &str| form.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
        let error = |status: u16, code: u32, message: &str| {
            let more = format!("https://www.twilio.com/docs/errors/{code}");
            answer(
                status,
                serde_json::json!({"code": code, "message": message, "more_info": more, "status": status})
                    .to_string(),
            )
        };
        if seen.header("authorization") != format!("Basic {}", STANDARD.encode("AC0123:s3cr3t")) {
            return error(401, 20003, "Authenticate");
        }
        match (seen.uri.path(), get("To")) {
            (_, "+15005550001") => {
                error(400, 21211, "The 'To' number +15005550001 is not a valid phone number.")
            }
            (_, "+15005550002") => error(429, 20429, "Too Many Requests"),
            ("/2010-04-01/Accounts/AC0123/Calls.json", _)
                if get("Twiml").contains("<Gather") && !get("From").is_empty() =>
            {
                answer(201, r#"{"sid":"CA1","status":"queued"}"#)
            }
            ("/2010-04-01/Accounts/AC0123/Messages.json", _)
                if !get("Body").is_empty()
                    && get("From").is_empty() != get("MessagingServiceSid").is_empty() =>
            {
                answer(201, r#"{"sid":"SM1","status":"queued"}"#)
            }
            _ => error(400, 21602, "A parameter is missing"),
        }
    })
    .await
}

#[tokio::test]
async fn calls_and_text_messages() {
    let fake = fake_twilio().await;
    let account = twilio(&fake.url, "s3cr3t", "+15005550006");
    let mut m = page("+351912345678");
    m.callback_url = Some("https://foghorn.example/callback".to_owned());
    assert_eq!(accepted(attempt(&Channel::TwilioVoice(account.clone()), &m).await), "CA1 queued");
    assert_eq!(accepted(attempt(&Channel::TwilioSms(account.clone()), &m).await), "SM1 queued");
    let service = Channel::TwilioSms(twilio(&fake.url, "s3cr3t", "MG0123"));
    assert_eq!(accepted(attempt(&service, &m).await), "SM1 queued");
    for channel in [Channel::TwilioVoice(account.clone()), Channel::TwilioSms(account.clone())] {
        let error = failed(attempt(&channel, &page("+15005550001")).await);
        assert!(error.contains("Twilio 21211: The 'To' number"), "{error}");
        assert!(retried(attempt(&channel, &page("+15005550002")).await).contains("20429"));
        let before = fake.seen().len();
        assert!(failed(attempt(&channel, &page("0912 345 678")).await).contains("not a telephone number"));
        assert_eq!(fake.seen().len(), before);
    }
    let error = failed(attempt(&Channel::TwilioSms(twilio(&fake.url, "wr0ng", "+15005550006")), &m).await);
    assert!(error.contains("20003") && !error.contains("wr0ng"), "{error}");
}

#[tokio::test]
async fn a_program_gets_the_page_as_json() {
    let dir = std::env::temp_dir().join(format!("foghorn-wake-exec-{}", std::process::id()));
    let long = Duration::from_secs(20);
    let script = format!("cat > {0} && echo taken by duty-phone; env >> {0}.env", dir.display());
    assert_eq!(accepted(attempt(&exec(&script, long), &page("ana")).await), "taken by duty-phone");
    let written = std::fs::read_to_string(&dir).unwrap();
    let env = std::fs::read_to_string(dir.with_extension("env"));
    let env = env.or_else(|_| std::fs::read_to_string(format!("{}.env", dir.display()))).unwrap();
    std::fs::remove_file(&dir).unwrap();
    std::fs::remove_file(format!("{}.env", dir.display())).unwrap();
    let json: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(json["incident"]["title"], page("ana").incident.title);
    assert!(!env.contains("CARGO"), "{env}");

    let error = retried(attempt(&exec("echo modem is off >&2; exit 3", long), &page("ana")).await);
    assert!(error.contains("exit status: 3: modem is off"), "{error}");
    // Does not read its input, writes more than anybody keeps.
    let detail = accepted(attempt(&exec("yes x | head -c 1000000", long), &page("ana")).await);
    assert!(detail.chars().count() <= 500);
    // Leaves a child behind that holds the pipes: both are killed.
    let error =
        retried(attempt(&exec("sleep 600 & sleep 600", Duration::from_millis(300)), &page("ana")).await);
    assert!(error.contains("not done within 300ms"), "{error}");
    // Has taken the page, and leaves its sending to a child that holds the pipes: that goes on.
    let sent = dir.with_extension("sent");
    let queued = format!("(sleep 1; echo dialled; echo yes > {}) & echo queued", sent.display());
    assert_eq!(accepted(attempt(&exec(&queued, long), &page("ana")).await), "queued");
    while !std::fs::read_to_string(&sent).is_ok_and(|said| said == "yes\n") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    std::fs::remove_file(&sent).unwrap();
    let missing =
        Channel::Exec { command: vec!["/does/not/exist".to_owned()], timeout: long, hidden: Vec::new() };
    assert!(failed(attempt(&missing, &page("ana")).await).contains("/does/not/exist: No such file"));
}

fn http(url: &str, body: &str, headers: &[(&str, &str)]) -> Channel {
    Channel::Http {
        url: secret(url),
        method: "PUT".to_owned(),
        headers: headers.iter().map(|(k, v)| ((*k).to_owned(), secret(*v))).collect(),
        body: body.to_owned(),
        hidden: Vec::new(),
    }
}

#[tokio::test]
async fn any_api_by_templates() {
    let fake = Fake::start(|_| answer(202, "")).await;
    let url = format!("{}/{{{{ to|urlencode }}}}?id={{{{ incident.id }}}}", fake.url);
    let body = r#"{"text": {{ title|json }}, "who": {{ person_name|json }}{% if drill %}, "drill": true{% endif %}}"#;
    let config = http(&url, body, &[("X-Title", "{{ headline }}"), ("Authorization", "Bearer t0ken")]);
    let mut m = page("room 1/a");
    m.incident.title = "\"quoted\"\r\nX-Evil: 1 ção".to_owned();
    assert_eq!(accepted(attempt(&config, &m).await), "HTTP 202");
    let seen = fake.only();
    assert_eq!((seen.method.as_str(), seen.uri.to_string().as_str()), ("PUT", "/room%201%2Fa?id=12"));
    assert_eq!(seen.json(), serde_json::json!({"text": "\"quoted\" X-Evil: 1 ção", "who": "Ana"}));
    assert_eq!(seen.header("authorization"), "Bearer t0ken");
    assert!(seen.headers.get("x-evil").is_none());
}

/// Receivers of JSON refuse for good what does not say that it is.
#[tokio::test]
async fn a_body_says_what_it_is() {
    for (body, headers, kind) in [
        (r#"{"text": {{ title|json }}}"#, &[][..], "application/json"),
        ("{{ title }}: {{ url }}", &[], "text/plain; charset=utf-8"),
        (
            "a=b",
            &[("Content-Type", "application/x-www-form-urlencoded")],
            "application/x-www-form-urlencoded",
        ),
    ] {
        let fake = Fake::start(|_| answer(202, "")).await;
        accepted(attempt(&http(&fake.url, body, headers), &page("ana")).await);
        assert_eq!(fake.only().header("content-type"), kind);
    }
}

#[test]
fn a_wrong_configuration_is_told_when_the_channel_is_made() {
    let ok = "http://127.0.0.1/";
    for (config, want) in [
        (http("http://127.0.0.1/{{ to", "", &[]), "url line 1: syntax error"),
        (http(ok, "{{ titel }}", &[]), "body line 1: undefined value"),
        (http(ok, "{{ title|shout }}", &[]), "body line 1: unknown filter"),
        (http(ok, "", &[("X-A", "{% if %}")]), "header X-A line 1: syntax error"),
        (http(ok, "", &[("X A", "b")]), "headers: \"x a\" is not a header's name"),
        (http("ftp://s3cr3t.example/", "", &[]), "url: the URL begins with ftp://"),
        (webhook("hooks.example/page"), "the URL must begin with http:// or https://"),
        (smtp("http://mail.example"), "url: http:// is not smtp://"),
        (smtp("mail.example:25"), "url: "),
        (Channel::Smtp { url: secret("smtp://127.0.0.1"), from: "nobody".to_owned() }, "from: "),
        (
            Channel::Exec { command: Vec::new(), timeout: Duration::from_secs(1), hidden: Vec::new() },
            "command: it names no program",
        ),
        (
            Channel::Webhook { url: secret(ok), secret: Some(secret("whsec_%%%")) },
            "secret: what follows whsec_ is not base64",
        ),
        (
            Channel::TwilioSms(Twilio { account: "AC/../x".to_owned(), ..twilio(ok, "t", "+1") }),
            "account: a Twilio account",
        ),
    ] {
        let Err(error) = build("name", &config) else { unreachable!("{config:?} was made") };
        let error = error.to_string();
        assert!(error.starts_with(&format!("channel name: {want}")), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_secret_fails_the_channel_and_nothing_else() {
    let configs = BTreeMap::from([
        ("hook".to_owned(), Channel::Webhook { url: Secret::missing("HOOK_URL is not set"), secret: None }),
        ("wrong".to_owned(), webhook("nonsense")),
        ("exec".to_owned(), exec("true", Duration::from_secs(20))),
    ]);
    let (channels, errors) = build_all(&configs);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(failed(channels["hook"].send(&page("ana")).await), "HOOK_URL is not set");
    assert!(failed(channels["wrong"].send(&page("ana")).await).contains("the URL must begin with"));
    accepted(channels["exec"].send(&page("ana")).await);
}

#[tokio::test]
async fn a_test_page_and_notices_go_over_every_channel() {
    let fake = Fake::start(|_| answer(200, "ok")).await;
    let server = Smtp::start(None).await;
    let kinds = [
        Kind::Test,
        Kind::Acknowledged { by: "Ana (link in a page)".to_owned() },
        Kind::Resolved { by: None },
    ];
    for kind in kinds {
        let message = |to: &str| Message { kind: kind.clone(), ..page(to) };
        for (config, to) in [
            (smtp(format!("smtp://{}", server.at)), "ana@example.com"),
            (webhook(&fake.url), "ana"),
            (Channel::Slack { url: secret(&fake.url) }, "#ops"),
            (Channel::Ntfy { url: fake.url.clone(), token: None }, "ops"),
            (Channel::TwilioVoice(twilio(&fake.url, "t", "+15005550006")), "+351912345678"),
            (Channel::TwilioSms(twilio(&fake.url, "t", "+15005550006")), "+351912345678"),
            (http(&fake.url, "{{ text }}", &[]), "x"),
        ] {
            accepted(attempt(&config, &message(to)).await);
        }
    }
    assert_eq!((fake.seen().len(), server.mails().len()), (18, 3));
}
