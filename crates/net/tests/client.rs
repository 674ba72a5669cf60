//! The client against servers that misbehave.
#![allow(clippy::unwrap_used)]

use foghorn_net::http::{Client, HeaderMap, HttpError, Method, Options, Request, Url};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn get(url: &str) -> Request {
    Request {
        method: Method::GET,
        url: Url::parse(url).unwrap(),
        headers: HeaderMap::new(),
        body: "hello".into(),
    }
}

fn within(timeout: Duration) -> Options {
    Options { timeout, ..Options::default() }
}

/// Reads one request with the body `hello`.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\nhello") {
        let mut buf = [0; 1024];
        match stream.read(&mut buf).await {
            Ok(n) if n > 0 => text.extend_from_slice(&buf[..n]),
            _ => return None,
        }
    }
    String::from_utf8(text).ok()
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server that hands each connection, with its number, to `serve`.
async fn server<F, Fut>(serve: F) -> (String, Arc<AtomicUsize>)
where
    F: Fn(usize, TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(count.fetch_add(1, Ordering::SeqCst), stream));
        }
    });
    (at, connections)
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let (at, connections) = server(|_, mut stream| async move {
        while read_request(&mut stream).await.is_some() {
            stream.write_all(OK).await.unwrap();
        }
    })
    .await;
    let client = Client::new();
    for _ in 0..5 {
        let answer = client.request(get(&format!("http://{at}/x")), &Options::default()).await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.body[..], answer.truncated), (200, &b"ok"[..], false));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_stale_connection_is_replaced_once_and_the_page_still_goes() {
    // The first connection answers once, reads the second request and closes without an answer.
    let (at, connections) = server(|n, mut stream| async move {
        while read_request(&mut stream).await.is_some() {
            stream.write_all(OK).await.unwrap();
            if n == 0 {
                read_request(&mut stream).await;
                return;
            }
        }
    })
    .await;
    let client = Client::new();
    for _ in 0..3 {
        client.request(get(&format!("http://{at}/")), &Options::default()).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_new_connection_that_fails_is_not_tried_again() {
    let (at, connections) = server(|_, mut stream| async move {
        read_request(&mut stream).await;
    })
    .await;
    let error = Client::new().request(get(&format!("http://{at}/")), &Options::default()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{at} closed the connection before it answered"));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn errors_say_what_and_where() {
    let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = Client::new()
        .request(get(&format!("http://{refused}/secret")), &Options::default())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), format!("connection refused by {refused}"));

    let (at, _) = server(|_, mut stream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let error = Client::new()
        .request(get(&format!("http://{at}/")), &within(Duration::from_millis(200)))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), format!("no answer from {at} within 200ms"));

    let (at, _) = server(|_, mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok").await.unwrap();
    })
    .await;
    let error = Client::new().request(get(&format!("http://{at}/")), &Options::default()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{at} closed the connection in the middle of its answer"));

    let (at, _) = server(|_, mut stream| async move {
        stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        read_request(&mut stream).await;
    })
    .await;
    let error = Client::new().request(get(&format!("http://{at}/")), &Options::default()).await.unwrap_err();
    assert!(matches!(error, HttpError::Broken { .. } | HttpError::Closed { .. }), "{error}");

    let error =
        Client::new().request(get("http://does-not-exist.invalid/"), &Options::default()).await.unwrap_err();
    assert!(error.to_string().starts_with("does-not-exist.invalid cannot be resolved: "), "{error}");
}

#[tokio::test]
async fn a_long_body_is_cut_and_its_connection_is_not_used_again() {
    let (at, connections) = server(|_, mut stream| async move {
        while read_request(&mut stream).await.is_some() {
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
            if stream.write_all(&[&head[..], &vec![b'x'; 1_000_000]].concat()).await.is_err() {
                return;
            }
        }
    })
    .await;
    let client = Client::new();
    let options = Options { max_body: 1000, ..Options::default() };
    for _ in 0..2 {
        let answer = client.request(get(&format!("http://{at}/")), &options).await.unwrap();
        assert_eq!((answer.body.len(), answer.truncated), (1000, true));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn redirects_are_not_followed_and_the_url_s_password_becomes_basic() {
    let (at, connections) = server(|_, mut stream| async move {
        let request = read_request(&mut stream).await.unwrap();
        assert!(request.contains("authorization: Basic dTpw\r\n"), "{request}");
        assert!(request.starts_with("GET /a?b=1 HTTP/1.1\r\n"), "{request}");
        stream.write_all(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let answer =
        Client::new().request(get(&format!("http://u:p@{at}/a?b=1")), &Options::default()).await.unwrap();
    assert_eq!(answer.status.as_u16(), 302);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
