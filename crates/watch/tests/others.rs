//! `tls`, `dns`, `icmp` and `exec` checks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use foghorn_config::model::CheckKind;
use foghorn_config::secret::Secret;
use foghorn_core::words::Severity;
use foghorn_watch::check::{Env, Memory, Verdict, run as run_with};
use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, MX, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use kit::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);
const BAD: Verdict = Verdict::Bad(None);

/// An authority whose certificate is in a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
    _dir: tempfile::TempDir,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(["self.example".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Example authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, issuer.pem()).unwrap();
    Authority { issuer, file, _dir: dir }
}

/// Serves an authority's own certificate, as whoever follows `openssl req -x509` does.
fn served_by_itself() -> (SocketAddr, Authority) {
    let ca = authority();
    let key = ca.issuer.key().serialize_der();
    (serve_tls(ca.issuer.der().clone(), key), ca)
}

/// A TLS server that says hello; its certificate is good from and for so many days from now.
fn tls_server(ca: Option<&Authority>, name: &str, from: i64, days: i64) -> SocketAddr {
    let now = std::time::SystemTime::now();
    let at = |d: i64| match u64::try_from(d) {
        Ok(d) => now + Duration::from_secs(d * 86_400 + 3600),
        Err(_) => now - Duration::from_secs(d.unsigned_abs() * 86_400 + 3600),
    };
    tls_server_between(ca, name, at(from), at(days))
}

fn tls_server_between(ca: Option<&Authority>, name: &str, from: SystemTime, to: SystemTime) -> SocketAddr {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    (params.not_before, params.not_after) = (from.into(), to.into());
    let key = KeyPair::generate().unwrap();
    let cert = match ca {
        Some(ca) => params.signed_by(&key, &ca.issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    serve_tls(cert.der().clone(), key.serialize_der())
}

fn serve_tls(cert: CertificateDer<'static>, key: Vec<u8>) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert], PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)))
        .unwrap();
    let config = Arc::new(config);
    serve(move |stream| {
        let conn = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut tls = rustls::StreamOwned::new(conn, stream);
        let mut head = [0; 1024];
        while matches!(tls.read(&mut head), Ok(1..)) {
            let _ = tls.write_all(answer("200 OK", "", "secure").as_bytes());
        }
    })
}

fn tls_check(
    addr: SocketAddr,
    name: &str,
    min_days: u32,
    ca: Option<&Authority>,
) -> foghorn_config::model::Check {
    check(CheckKind::Tls {
        target: target(addr),
        server_name: name.to_owned(),
        min_days,
        ca_file: ca.map(|a| a.file.clone()),
    })
}

#[tokio::test]
async fn certificates_good_and_bad() {
    let ca = authority();
    for (signed, name, from, days, asked, min, want) in [
        (
            true,
            "shop.example",
            -1,
            60,
            "shop.example",
            14,
            Ok("certificate of shop.example is good for 60 days"),
        ),
        (true, "shop.example", -1, 5, "shop.example", 14, Err("ends in 5 days")),
        (
            true,
            "shop.example",
            -9,
            -2,
            "shop.example",
            14,
            Err("certificate of shop.example expired 2 days ago"),
        ),
        (true, "shop.example", 3, 9, "shop.example", 1, Err("is not valid before 3 days from now")),
        (
            true,
            "other.example",
            -1,
            60,
            "shop.example",
            14,
            Err("is not for shop.example but for other.example"),
        ),
        (false, "shop.example", -1, 60, "shop.example", 14, Err("is not trusted: its issuer is unknown")),
    ] {
        let addr = tls_server(signed.then_some(&ca), name, from, days);
        let o = run(&tls_check(addr, asked, min, Some(&ca))).await;
        let (verdict, text) = match want {
            Ok(text) => (Verdict::Good, text),
            Err(text) => (BAD, text),
        };
        assert_eq!(o.verdict, verdict, "{}", o.summary);
        assert!(o.summary.contains(text), "{} should say {text}", o.summary);
        // What is said to have expired two days ago has not expired three days ago.
        assert_eq!(o.seen.cert_days, Some(days), "{}", o.summary);
        assert!(o.phases.tls.is_some());
    }
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_good_where_it_is_named() {
    let (addr, own) = served_by_itself();
    let named = run(&tls_check(addr, "self.example", 14, Some(&own))).await;
    assert_eq!(named.verdict, Verdict::Good, "{}", named.summary);
    let o = run(&tls_check(addr, "self.example", 14, Some(&authority()))).await;
    assert_eq!(o.verdict, BAD);
    let said = "certificate of self.example is not trusted: it has signed itself (name it with `ca_file` to trust it)";
    assert!(o.summary.starts_with(said), "{}", o.summary);
}

#[tokio::test]
async fn https_checks_the_certificate_too() {
    let ca = authority();
    let addr = tls_server(Some(&ca), "127.0.0.1", -1, 30);
    let with = |insecure, ca_file: Option<PathBuf>| {
        let mut http = http_check(vec![step("GET", &format!("https://{addr}/"))]);
        http.insecure = insecure;
        http.ca_file = ca_file;
        expecting(check(CheckKind::Http(http)), &["body == secure", "cert_days >= 30"])
    };
    let o = run(&with(false, Some(ca.file.clone()))).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
    assert!(o.phases.tls.is_some());
    assert_eq!(run(&with(true, None)).await.verdict, Verdict::Good);
    let o = run(&with(false, None)).await;
    assert!(o.summary.contains("not trusted"), "{}", o.summary);
    // A server without HTTP/2 says so.
    let mut http = http_check(vec![step("GET", &format!("https://{addr}/"))]);
    (http.http2, http.insecure) = (true, true);
    let o = run(&check(CheckKind::Http(http))).await;
    assert_eq!((o.verdict, o.summary), (BAD, format!("{addr} does not speak HTTP/2")));
}

/// The days of a certificate go by on a connection that is kept, too.
#[tokio::test]
async fn a_kept_connection_is_no_longer_good_than_its_certificate() {
    let ca = authority();
    let env = Env::new(&foghorn_watch::Stats::default());
    let (check, memory) = loop {
        let now = SystemTime::now();
        let addr = tls_server_between(Some(&ca), "127.0.0.1", now - DAY, now + Duration::from_secs(3));
        let mut http = http_check(vec![step("GET", &format!("https://{addr}/"))]);
        (http.keep_alive, http.ca_file) = (true, Some(ca.file.clone()));
        let check = check(CheckKind::Http(http));
        let memory = Memory::default();
        let o = run_with(&check, &env, &memory).await;
        if o.verdict == Verdict::Good {
            assert_eq!(o.seen.cert_days, Some(0));
            break (check, memory);
        }
        assert!(o.summary.contains("expired"), "only a slow machine may be late: {}", o.summary);
    };
    let said = loop {
        let o = run_with(&check, &env, &memory).await;
        if o.verdict != Verdict::Good {
            break o.summary;
        }
        assert!(o.phases.tls.is_none(), "the connection is kept until then");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(said.contains("expired"), "{said}");
}

#[tokio::test]
async fn a_server_without_tls_says_so() {
    let addr = serve(|mut s| {
        let _ = s.write_all(b"220 mail.example ESMTP\r\n");
        let _ = s.read(&mut [0; 1024]);
    });
    let o = run(&tls_check(addr, "shop.example", 1, None)).await;
    assert!(o.summary.contains("does not speak TLS"), "{}", o.summary);
    let o = run(&tls_check(closed(), "shop.example", 1, None)).await;
    assert!(o.summary.starts_with("connection refused by"), "{}", o.summary);
}

/// A DNS server on UDP and TCP, on the same port.
fn dns_server(
    answer: impl Fn(&Message) -> Vec<Message> + Send + Sync + Clone + 'static,
    tcp_answer: Option<Message>,
) -> SocketAddr {
    // Another test's process may have the other half of a port: try again.
    let (udp, tcp) = std::iter::repeat_with(|| {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        TcpListener::bind(udp.local_addr().unwrap()).map(|tcp| (udp, tcp))
    })
    .take(100)
    .find_map(Result::ok)
    .unwrap();
    let addr = udp.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((n, peer)) = udp.recv_from(&mut buffer) {
            for reply in answer(&Message::from_vec(&buffer[..n]).unwrap()) {
                udp.send_to(&reply.to_vec().unwrap(), peer).unwrap();
            }
        }
    });
    std::thread::spawn(move || {
        for mut stream in tcp.incoming().flatten() {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut query).unwrap();
            let query = Message::from_vec(&query).unwrap();
            let mut reply = tcp_answer.clone().unwrap_or_else(|| reply_to(&query));
            reply.metadata.id = query.metadata.id;
            let bytes = reply.to_vec().unwrap();
            stream
                .write_all(&[&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes.as_slice()].concat())
                .unwrap();
        }
    });
    addr
}

fn reply_to(query: &Message) -> Message {
    let mut reply = Message::response(query.metadata.id, OpCode::Query);
    reply.add_query(query.queries[0].clone());
    reply
}

fn with(query: &Message, data: &[RData]) -> Message {
    let mut reply = reply_to(query);
    for d in data {
        reply.add_answer(Record::from_rdata(query.queries[0].name.clone(), 60, d.clone()));
    }
    reply
}

fn dns(addr: SocketAddr, record: &str, answer: &[&str]) -> foghorn_config::model::Check {
    check(CheckKind::Dns {
        name: "shop.example".to_owned(),
        record: record.to_owned(),
        resolver: Some(addr),
        answer: answer.iter().map(|s| (*s).to_owned()).collect(),
    })
}

#[tokio::test]
async fn dns_answers() {
    let server = dns_server(
        |q| {
            vec![match q.queries[0].query_type {
                RecordType::A => with(q, &[RData::A(A::new(192, 0, 2, 1)), RData::A(A::new(192, 0, 2, 2))]),
                RecordType::MX => {
                    with(q, &[RData::MX(MX::new(10, Name::from_ascii("Mail.Example.").unwrap()))])
                }
                RecordType::TXT => {
                    // Too long for UDP, it says.
                    let mut reply = reply_to(q);
                    reply.metadata.truncation = true;
                    reply
                }
                RecordType::NS => {
                    let mut reply = reply_to(q);
                    reply.metadata.response_code = ResponseCode::NXDomain;
                    reply
                }
                RecordType::SOA => {
                    let mut reply = reply_to(q);
                    reply.metadata.response_code = ResponseCode::ServFail;
                    reply
                }
                _ => reply_to(q),
            }]
        },
        Some({
            let mut q = Message::query();
            q.add_query(hickory_proto::op::Query::query(
                Name::from_ascii("shop.example.").unwrap(),
                RecordType::TXT,
            ));
            with(&q, &[RData::TXT(TXT::new(vec!["v=spf1 ".to_owned(), "-all".to_owned()]))])
        }),
    );
    for (record, answer, want) in [
        ("A", &["192.0.2.2"][..], Ok("192.0.2.1, 192.0.2.2 in ")),
        (
            "A",
            &["192.0.2.2", "192.0.2.3"],
            Err("answered 192.0.2.1, 192.0.2.2 for shop.example, without 192.0.2.3"),
        ),
        ("MX", &["10 mail.example."], Ok("10 mail.example in ")),
        ("TXT", &["v=spf1 -all"], Ok("v=spf1 -all in ")),
        ("AAAA", &[], Err("has no AAAA record for shop.example")),
        ("NS", &[], Err("says that there is no shop.example")),
        ("SOA", &[], Err("answered Server Failure for shop.example")),
    ] {
        let o = run(&dns(server, record, answer)).await;
        let (verdict, text) = match want {
            Ok(text) => (Verdict::Good, text),
            Err(text) => (BAD, text),
        };
        assert_eq!(o.verdict, verdict, "{}", o.summary);
        assert!(o.summary.contains(text), "{} should say {text}", o.summary);
    }
    for (record, expectation) in [
        ("A", "answer contains 192.0.2.1"),
        ("TXT", "answer contains spf1"),
        // Nothing is what is wanted: an old name is gone.
        ("AAAA", "answer not exists"),
        ("NS", "answer not exists"),
    ] {
        let o = run(&expecting(dns(server, record, &[]), &[expectation])).await;
        assert_eq!(o.verdict, Verdict::Good, "{expectation}: {}", o.summary);
    }
    let o = run(&expecting(dns(server, "A", &[]), &["answer not exists"])).await;
    assert_eq!(o.verdict, BAD, "{}", o.summary);
}

#[tokio::test]
async fn an_address_is_the_same_however_it_is_written() {
    let v6 = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    let server = dns_server(move |q| vec![with(q, &[RData::AAAA(v6.into())])], None);
    for written in ["2001:db8::1", "2001:DB8:0::1", "2001:db8:0:0:0:0:0:1"] {
        let o = run(&dns(server, "AAAA", &[written])).await;
        assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
    }
    assert_eq!(run(&dns(server, "AAAA", &["2001:db8::2"])).await.verdict, BAD);
}

#[tokio::test]
async fn a_forged_answer_is_not_taken() {
    let server = dns_server(
        |q| {
            let mut forged = with(q, &[RData::A(A::new(203, 0, 113, 66))]);
            forged.metadata.id = q.metadata.id.wrapping_add(1);
            vec![forged, with(q, &[RData::A(A::new(192, 0, 2, 1))])]
        },
        None,
    );
    let o = run(&dns(server, "A", &["192.0.2.1"])).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
    assert_eq!(o.seen.answers.unwrap(), ["192.0.2.1"]);
}

#[tokio::test]
async fn a_silent_resolver_is_asked_again_and_then_given_up() {
    let server = dns_server(|_| Vec::new(), None);
    let o = run(&within(dns(server, "A", &[]), Duration::from_millis(300))).await;
    assert_eq!((o.verdict, o.summary), (BAD, format!("no answer within 300 ms (question sent to {server})")));
    let o = run(&dns(closed(), "A", &[])).await;
    assert!(o.summary.starts_with("connection refused by"), "{}", o.summary);
}

#[tokio::test]
async fn an_answer_that_is_none_is_not_said_to_be_missing() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = udp.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((_, peer)) = udp.recv_from(&mut buffer) {
            udp.send_to(b"HTTP/1.0 400\r\n", peer).unwrap();
        }
    });
    let o = run(&within(dns(server, "A", &[]), Duration::from_millis(300))).await;
    let said = format!("{server} answered with what is no DNS message, and nothing else came within 300 ms");
    assert_eq!((o.verdict, o.summary), (BAD, said));
}

#[tokio::test]
async fn echo_on_loopback_or_what_to_do() {
    for host in ["127.0.0.1", "::1"] {
        let o = run(&check(CheckKind::Icmp { host: host.to_owned() })).await;
        match o.verdict {
            Verdict::Good => assert!(o.summary.starts_with(&format!("{host} answered in ")), "{}", o.summary),
            // A host without the right, or without IPv6.
            _ => assert!(
                o.summary.contains("ping_group_range") || host == "::1" && !o.summary.is_empty(),
                "{}",
                o.summary
            ),
        }
    }
}

#[tokio::test]
async fn plugins_by_exit_code() {
    for (script, verdict, text) in [
        ("echo 'OK - fine | load=0.5;1;2'", Verdict::Good, "OK - fine"),
        ("echo 'WARNING - hm'; exit 1", Verdict::Bad(Some(Severity::Warning)), "WARNING - hm"),
        ("echo 'CRITICAL - no'; exit 2", BAD, "CRITICAL - no"),
        ("echo 'UNKNOWN - eh'; exit 3", Verdict::Unknown, "UNKNOWN - eh"),
        ("echo boom >&2; exit 127", Verdict::Unknown, "exit code 127 is none of a plugin's (0 to 3): boom"),
        ("kill -SEGV $$", BAD, "the plugin was ended by signal 11: the plugin said nothing"),
        ("echo $SECRET", Verdict::Good, "…"),
        ("test -z \"$HOME$USER\" && echo bare", Verdict::Good, "bare"),
        ("yes | head -c 300000", Verdict::Good, "y"),
    ] {
        let mut check = exec(&["/bin/sh", "-c", script]);
        if let CheckKind::Exec { env, .. } = &mut check.kind {
            *env = BTreeMap::from([("SECRET".to_owned(), Secret::new("hunter22"))]);
        }
        let o = run(&check).await;
        assert_eq!((o.verdict, o.summary.as_str()), (verdict, text), "{script}");
    }
    let o = run(&exec(&["/no/such/plugin"])).await;
    assert_eq!(o.verdict, Verdict::Unknown);
    assert!(o.summary.starts_with("cannot run /no/such/plugin: No such file"), "{}", o.summary);
    let o = run(&expecting(exec(&["/bin/sh", "-c", "echo 'OK|load=0.5'"]), &["perf load < 0.4"])).await;
    assert_eq!(o.verdict, BAD, "{}", o.summary);
    // What is expected of the exit code stands in the place of what codes mean.
    for (expectation, code, verdict) in [
        ("status in 0, 1", 1, Verdict::Good),
        ("status in 0, 1", 2, BAD),
        ("status == 4", 4, Verdict::Good),
        ("status == 4", 0, BAD),
        ("status != 2", 3, Verdict::Good),
    ] {
        let script = format!("echo text; exit {code}");
        let o = run(&expecting(exec(&["/bin/sh", "-c", &script]), &[expectation])).await;
        assert_eq!(o.verdict, verdict, "{expectation}, {code}: {}", o.summary);
    }
    // A variable may have a value that the plugin says as well: what is compared is what it said.
    let mut check =
        expecting(exec(&["/bin/sh", "-c", "echo 'OK - load 0.10|load1=0.10'"]), &["perf load1 < 5"]);
    if let CheckKind::Exec { env, .. } = &mut check.kind {
        *env = BTreeMap::from(
            [("KIND", "load"), ("LIMIT", "0.10")].map(|(n, v)| (n.to_owned(), Secret::new(v))),
        );
    }
    let o = run(&check).await;
    assert_eq!((o.verdict, o.summary.as_str()), (Verdict::Good, "OK - … …"));
    let bom =
        run(&expecting(exec(&["/usr/bin/printf", r#"\xef\xbb\xbf{"ok":1}"#]), &["json $.ok == 1"])).await;
    assert_eq!(bom.verdict, Verdict::Good, "{}", bom.summary);
    let long = format!(r#"echo '{{"ok": true, "why": "{}"}}'"#, "long  ".repeat(100));
    let o = run(&expecting(exec(&["/bin/sh", "-c", &long]), &["json $.ok == true"])).await;
    assert_eq!(o.verdict, Verdict::Good, "{}", o.summary);
}

#[tokio::test]
async fn a_plugin_and_its_children_end_with_the_timeout() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let script = format!("sleep 1000 & echo $! > {}; wait", file.display());
    let mut o = run(&within(exec(&["/bin/sh", "-c", &script]), Duration::from_millis(500))).await;
    for _ in 0..20 {
        if std::fs::read_to_string(&file).is_ok_and(|t| t.ends_with('\n')) {
            break;
        }
        // So busy a machine that the script had not even begun.
        o = run(&within(exec(&["/bin/sh", "-c", &script]), Duration::from_secs(3))).await;
    }
    assert_eq!(o.verdict, BAD);
    assert!(o.summary.ends_with("(the plugin was killed)"), "{}", o.summary);
    until_gone(&std::fs::read_to_string(&file).unwrap());
}

/// It is gone, or a corpse that its new parent has not buried yet.
fn until_gone(pid: &str) {
    let stat = format!("/proc/{}/stat", pid.trim());
    until("the end of the plugin's child", || {
        std::fs::read_to_string(&stat).map_or(true, |s| s.contains(") Z "))
    });
}

/// Whether or not it holds the plugin's output.
#[tokio::test]
async fn a_child_that_a_plugin_leaves_behind_ends_with_it() {
    for holds in ["", ">/dev/null 2>&1 "] {
        let o = run(&exec(&["/bin/sh", "-c", &format!("sleep 1000 {holds}& echo $!")])).await;
        assert_eq!(o.verdict, Verdict::Good);
        until_gone(&o.summary);
    }
}
