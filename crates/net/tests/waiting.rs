//! Clients that hold a connection by waiting.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use foghorn_net::serve::{Counts, Limits, Server, listen};
use foghorn_net::tls::{ServerCert, client_config};
use http_body_util::{BodyExt, Empty};
use hyper::body::Frame;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const SHORT: Duration = Duration::from_millis(100);

/// More than the kernel's buffers hold.
const MUCH: usize = 64 << 20;

fn start(router: Router, limits: Limits, tls: Option<&Path>) -> (SocketAddr, Counts) {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let at = listener.local_addr().unwrap();
    let mut server = Server::new(router, limits);
    if let Some(dir) = tls {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let cert = ServerCert::load(&dir.join("cert.pem"), &dir.join("key.pem")).unwrap();
        server = server.tls(Arc::new(cert));
    }
    let counts = server.counts();
    tokio::spawn(server.run(listener, std::future::pending()));
    (at, counts)
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn all_of(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // Closing with something unread resets; what came before that counts.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_408() {
    let router =
        Router::new().route("/", post(|body: Bytes| async move { format!("{} bytes\n", body.len()) }));
    let (at, counts) = start(router, Limits { body_timeout: SHORT, ..Limits::default() }, None);
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\na=").await.unwrap();
    let answer = all_of(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nthe body came too slowly\n"), "{answer}");
    until(|| counts.open() == 0).await;
}

#[tokio::test]
async fn a_body_that_keeps_coming_may_take_longer() {
    let router =
        Router::new().route("/", post(|body: Bytes| async move { format!("{} bytes\n", body.len()) }));
    let limits = Limits { body_timeout: Duration::from_secs(2), ..Limits::default() };
    let (at, _) = start(router, limits, None);
    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 204800\r\n\r\n";
    stream.write_all(head).await.unwrap();
    for _ in 0..25 {
        stream.write_all(&[b'x'; 8192]).await.unwrap();
        // It is the time that is tested here: two and a half seconds of it.
        tokio::time::sleep(SHORT).await;
    }
    let answer = all_of(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("204800 bytes\n"), "{answer}");
}

#[tokio::test]
async fn a_handler_that_takes_its_time_does_not_make_the_body_late() {
    let slow = |request: axum::extract::Request| async move {
        tokio::time::sleep(3 * SHORT).await;
        let body = request.into_body().collect().await.unwrap().to_bytes();
        format!("{} bytes\n", body.len())
    };
    let router = Router::new().route("/", post(slow));
    let (at, _) = start(router, Limits { body_timeout: SHORT, ..Limits::default() }, None);
    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\na=";
    stream.write_all(head).await.unwrap();
    let answer = all_of(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("2 bytes\n"), "{answer}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_let_go() {
    for tls in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let router = Router::new().route("/", get(|| async { vec![b'x'; MUCH] }));
        let limits = Limits { write_timeout: SHORT, ..Limits::default() };
        let (at, counts) = start(router, limits, tls.then_some(dir.path()));
        let mut stream = TcpStream::connect(at).await.unwrap();
        let requests = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
        let _held: Box<dyn std::any::Any> = if tls {
            let config = client_config(false, Some(&dir.path().join("cert.pem")), &[]).unwrap();
            let connector = tokio_rustls::TlsConnector::from(config);
            let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
            stream.write_all(&requests).await.unwrap();
            Box::new(stream)
        } else {
            stream.write_all(&requests).await.unwrap();
            Box::new(stream)
        };
        until(|| counts.requests() > 0).await;
        until(|| counts.open() == 0).await;
    }
}

/// A connection of HTTP/2, driven by a task of its own that answers pings.
async fn connect(at: SocketAddr, dir: &Path) -> SendRequest<Empty<Bytes>> {
    let config = client_config(false, Some(&dir.join("cert.pem")), &[b"h2"]).unwrap();
    let stream = TcpStream::connect(at).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(config);
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn ask(sender: &mut SendRequest<Empty<Bytes>>) -> hyper::Response<hyper::body::Incoming> {
    let request = hyper::Request::get("https://localhost/").body(Empty::new()).unwrap();
    sender.send_request(request).await.unwrap()
}

/// Events as they come.
struct Events(mpsc::Receiver<&'static str>);

impl hyper::body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|event| event.map(|e| Ok(Frame::data(Bytes::from_static(e.as_bytes())))))
    }
}

#[tokio::test]
async fn with_http2_an_idle_connection_ends_and_one_that_waits_for_events_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (tell, events) = mpsc::channel(1);
    let events = Arc::new(std::sync::Mutex::new(Some(events)));
    let stream = move || async move {
        let events = events.lock().unwrap().take().unwrap();
        Body::new(Events(events))
    };
    let router = Router::new().route("/", get(stream));
    // Pings are answered in time, also on a machine that has much to do.
    let limits = Limits { head_timeout: Duration::from_millis(500), ..Limits::default() };
    let (at, counts) = start(router, limits, Some(dir.path()));
    let mut listening = connect(at, dir.path()).await;
    let mut answer = ask(&mut listening).await;
    tell.send("one").await.unwrap();
    assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
    let idle = connect(at, dir.path()).await;
    until(|| counts.open() == 2).await;
    until(|| idle.is_closed()).await;
    until(|| counts.open() == 1).await;
    tell.send("two").await.unwrap();
    assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "two");
    drop(tell);
    assert_eq!(answer.collect().await.unwrap().to_bytes(), "");
    until(|| counts.open() == 0).await;
}

#[tokio::test]
async fn with_http2_an_answer_that_nobody_gives_leave_to_send_ends() {
    let dir = tempfile::tempdir().unwrap();
    let router = Router::new().route("/", get(|| async { vec![b'x'; MUCH] }));
    let limits = Limits {
        head_timeout: Duration::from_millis(500),
        write_timeout: Duration::from_millis(500),
        ..Limits::default()
    };
    let (at, counts) = start(router, limits, Some(dir.path()));
    let mut sender = connect(at, dir.path()).await;
    let _unread = ask(&mut sender).await;
    assert_eq!(counts.open(), 1);
    until(|| counts.open() == 0).await;
}
