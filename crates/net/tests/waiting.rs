//! Clients that hold a connection by waiting.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use foghorn_net::serve::{Counts, Limits, Server, listen};
use foghorn_net::tls::{ServerCert, client_config};
use http_body_util::Empty;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
