//! The listener under load, with TLS, and at its end.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use bytes::Bytes;
use foghorn_net::http::{Client, HeaderMap, Method, Options, Request, Url};
use foghorn_net::serve::{Class, Counts, Limits, Peer, Server, listen};
use foghorn_net::tls::{ServerCert, client_config};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

struct Running {
    at: SocketAddr,
    counts: Counts,
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn start(make: impl FnOnce(Server<Router>) -> Server<Router>, router: Router, limits: Limits) -> Running {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let at = listener.local_addr().unwrap();
    let server = make(Server::new(router, limits));
    let counts = server.counts();
    let (end, ended) = oneshot::channel();
    let task = tokio::spawn(async move { server.run(listener, async { drop(ended.await) }).await.unwrap() });
    Running { at, counts, end, task }
}

fn router() -> Router {
    let peer =
        |Extension(peer): Extension<Peer>| async move { format!("{} tls={}", peer.address.ip(), peer.tls) };
    Router::new().route("/", get(peer)).route("/intake", get(|| async { "taken" }))
}

async fn ask(url: &str, options: &Options) -> (u16, String) {
    let request = Request {
        method: Method::GET,
        url: Url::parse(url).unwrap(),
        headers: HeaderMap::new(),
        body: "".into(),
    };
    let answer = Client::new().request(request, options).await.unwrap();
    (answer.status.as_u16(), String::from_utf8(answer.body.to_vec()).unwrap())
}

/// A connection that has been answered once and stays open.
async fn hold(at: SocketAddr, path: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut head = vec![0; 1024];
    let n = stream.read(&mut head).await.unwrap();
    let line = String::from_utf8_lossy(&head[..n]).lines().next().unwrap_or_default().to_owned();
    (stream, line)
}

#[tokio::test]
async fn above_the_limit_a_connection_is_answered_503_and_counted() {
    let server = start(|s| s, router(), Limits { connections: 2, ..Limits::default() });
    let a = hold(server.at, "/").await;
    let b = hold(server.at, "/").await;
    let (_, line) = hold(server.at, "/").await;
    assert_eq!((a.1.as_str(), b.1.as_str()), ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK"));
    assert_eq!(line, "HTTP/1.1 503 Service Unavailable");
    assert_eq!((server.counts.open(), server.counts.refused()), (2, 1));
    drop(a);
    while server.counts.open() == 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask(&format!("http://{}/", server.at), &Options::default()).await.0, 200);
}

#[tokio::test]
async fn a_full_class_leaves_the_others_their_connections() {
    let classes = vec![Class { name: "intake", connections: 1 }, Class { name: "console", connections: 2 }];
    let classify = |path: &str| usize::from(!path.starts_with("/intake"));
    let server =
        start(|s| s.classes(classes, classify), router(), Limits { connections: 4, ..Limits::default() });
    let console = [hold(server.at, "/").await, hold(server.at, "/").await];
    assert!(console.iter().all(|(_, line)| line == "HTTP/1.1 200 OK"));
    let (full, line) = hold(server.at, "/").await;
    assert_eq!(line, "HTTP/1.1 503 Service Unavailable");
    drop(full);
    let (_held, line) = hold(server.at, "/intake").await;
    assert_eq!(line, "HTTP/1.1 200 OK");
    assert_eq!(server.counts.classes().collect::<Vec<_>>(), [("intake", 1, 0), ("console", 2, 1)]);
}

#[tokio::test]
async fn a_client_that_says_nothing_or_too_much_is_let_go() {
    let limits = Limits { head_timeout: Duration::from_millis(100), head_size: 8192, ..Limits::default() };
    let server = start(|s| s, router(), limits);
    let mut silent = TcpStream::connect(server.at).await.unwrap();
    let mut slow = TcpStream::connect(server.at).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
    for stream in [&mut silent, &mut slow] {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    }
    let mut long = TcpStream::connect(server.at).await.unwrap();
    long.write_all(format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(20_000)).as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    long.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
}

#[tokio::test]
async fn tls_with_a_certificate_of_one_s_own() {
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let loaded = Arc::new(ServerCert::load(&cert, &key).unwrap());
    let server = start(|s| s.tls(loaded), router(), Limits::default());
    let url = format!("https://localhost:{}/", server.at.port());
    let with = |config| Options { client_config: Some(config), ..Options::default() };
    let trusted = with(client_config(false, Some(&cert), &[]).unwrap());
    assert_eq!(ask(&url, &trusted).await, (200, "127.0.0.1 tls=true".to_owned()));
    let insecure = with(client_config(true, None, &[]).unwrap());
    assert_eq!(ask(&url, &insecure).await.0, 200);
    let request = Request {
        method: Method::GET,
        url: Url::parse(&url).unwrap(),
        headers: HeaderMap::new(),
        body: "".into(),
    };
    let error = Client::new().request(request, &Options::default()).await.unwrap_err().to_string();
    assert!(error.starts_with("certificate of localhost is not trusted: its issuer is unknown"), "{error}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_by_name() {
    let server = start(|s| s, router(), Limits { head_size: 8192, ..Limits::default() });
    for head in [format!("x: {}\r\n", "a".repeat(100_000)), "x: a\r\n".repeat(2000)] {
        let mut stream = TcpStream::connect(server.at).await.unwrap();
        // The answer may come before all is sent.
        let _ = stream.write_all(format!("GET / HTTP/1.1\r\nhost: x\r\n{head}\r\n").as_bytes()).await;
        let mut first = [0; 49];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&first), "HTTP/1.1 431 Request Header Fields Too Large\r\ncon");
    }
}

#[tokio::test]
async fn http2_for_who_asks_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let loaded = Arc::new(ServerCert::load(&cert, &key).unwrap());
    let server = start(|s| s.tls(loaded), router(), Limits::default());
    let connector = tokio_rustls::TlsConnector::from(client_config(false, Some(&cert), &[b"h2"]).unwrap());
    let stream = TcpStream::connect(server.at).await.unwrap();
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get(format!("https://localhost:{}/intake", server.at.port()));
    let answer = sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (hyper::Version::HTTP_2, 200));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "taken");
}

#[tokio::test]
async fn the_end_lets_a_request_finish_and_does_not_wait_for_ever() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (e, l) = (Arc::clone(&entered), Arc::clone(&leave));
    let slow = move || {
        let (e, l) = (Arc::clone(&e), Arc::clone(&l));
        async move {
            e.notify_one();
            l.notified().await;
            "done"
        }
    };
    let router = Router::new().route("/slow", get(slow)).route("/never", get(std::future::pending::<()>));
    let limits = Limits { grace: Duration::from_millis(300), ..Limits::default() };
    let server = start(|s| s, router, limits);
    let at = server.at;
    let request = tokio::spawn(async move { ask(&format!("http://{at}/slow"), &Options::default()).await });
    entered.notified().await;
    let mut never = TcpStream::connect(at).await.unwrap();
    never.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    while server.counts.open() < 2 {
        tokio::task::yield_now().await;
    }
    server.end.send(()).unwrap();
    leave.notify_one();
    assert_eq!(request.await.unwrap(), (200, "done".to_owned()));
    server.task.await.unwrap();
    assert_eq!(server.counts.open(), 0);
}

#[tokio::test]
async fn a_taken_port_is_said() {
    let first = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let at = first.local_addr().unwrap();
    assert_eq!(
        listen(at).unwrap_err().to_string(),
        format!("cannot listen on {at}: another program listens there")
    );
}
