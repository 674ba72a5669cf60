//! Clients that take their time, by a clock that the tests set: connections are in memory, so that nothing happens between
//! one moment and the next.

use super::*;
use axum::Router;
use axum::routing::{get, post};
use http_body_util::{BodyExt, Empty};
use hyper::body::Frame;
use hyper::client::conn::http2::{self, SendRequest};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn names_of_this_host() {
    for host in ["localhost", "LOCALHOST:7070", "127.0.0.1:7070", "127.8.9.1", "[::1]", "[::1]:7070"] {
        assert!(names_loopback(host), "{host}");
    }
    for host in [
        "",
        "example.com",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "10.0.0.1",
        "u@localhost",
        "[::2]",
        "a b",
    ] {
        assert!(!names_loopback(host), "{host}");
    }
}

/// One connection to a server, as if it were accepted; in memory, where so many bytes fit.
fn connect(router: Router, limits: Limits, http2: bool, fit: usize) -> (DuplexStream, Counts) {
    let (client, stream) = tokio::io::duplex(fit);
    let server = Server::new(router, limits);
    let counts = server.counts();
    let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let held = Budget::hold(&server.budget, address.ip()).unwrap();
    let stream = Paced::new(stream, server.limits.write_timeout, Arc::clone(&server.budget));
    tokio::spawn(async move {
        let (_end, ended) = watch::channel(false);
        server.exchange(stream, http2, Peer { address, tls: http2 }, held, ended).await;
    });
    (client, counts)
}

async fn all_of(mut stream: DuplexStream) -> String {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

fn counted() -> Router {
    Router::new().route("/", post(|body: Bytes| async move { format!("{} bytes\n", body.len()) }))
}

#[tokio::test(start_paused = true)]
async fn a_body_that_keeps_coming_may_take_longer() {
    for (a_second, status) in [(8192, "200 OK"), (2048, "408 Request Timeout")] {
        let (mut stream, _) = connect(counted(), Limits::default(), false, 1 << 20);
        let size = 60 * a_second;
        let head =
            format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..60 {
            // One that is refused need not be sent to its end.
            let _ = stream.write_all(&vec![b'x'; a_second]).await;
            sleep(SECOND).await;
        }
        let answer = all_of(stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert_eq!(answer.ends_with(&format!("{size} bytes\n")), status == "200 OK", "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_its_time_does_not_make_the_body_late() {
    let slow = |request: axum::extract::Request| async move {
        sleep(60 * SECOND).await;
        let body = request.into_body().collect().await.unwrap().to_bytes();
        format!("{} bytes\n", body.len())
    };
    let (mut stream, _) = connect(Router::new().route("/", post(slow)), Limits::default(), false, 1 << 20);
    let head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\na=";
    stream.write_all(head).await.unwrap();
    let answer = all_of(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("2 bytes\n"), "{answer}");
}

/// Frames as they come.
struct Events(mpsc::Receiver<Bytes>);

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|event| event.map(|e| Ok(Frame::data(e))))
    }
}

/// What is sent here is the answer.
fn told() -> (mpsc::Sender<Bytes>, Router) {
    let (tell, events) = mpsc::channel(1);
    let events = Arc::new(std::sync::Mutex::new(Some(events)));
    let stream = move || async move {
        let events = events.lock().unwrap().take().unwrap();
        axum::body::Body::new(Events(events))
    };
    (tell, Router::new().route("/", get(stream)))
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

/// A large answer, taken piece by piece: how much of it came, and after how long the connection ended.
async fn take(piece: usize, every: Duration) -> (usize, Duration, u64) {
    const MUCH: usize = 1 << 20;
    let router = Router::new().route("/", get(|| async { vec![b'x'; MUCH] }));
    let (mut stream, counts) = connect(router, Limits::default(), false, 8192);
    stream.write_all(GET).await.unwrap();
    let (begun, mut came, mut some) = (Instant::now(), 0, vec![0; piece]);
    loop {
        match stream.read(&mut some).await {
            Ok(0) | Err(_) => return (came, begun.elapsed(), counts.slow()),
            Ok(n) => came += n,
        }
        sleep(every).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_taken_too_slowly_ends() {
    // Fast enough, however long it takes; in large pieces now and then, too.
    for (piece, every) in [(5000, SECOND), (8192, SECOND), (1000, SECOND / 5)] {
        let (came, _, slow) = take(piece, every).await;
        assert!(came > 1 << 20 && slow == 0, "{came} of pieces of {piece}");
    }
    // A few bytes now and then.
    for (piece, every) in [(10, 20 * SECOND), (1, SECOND), (2000, SECOND), (8192, 29 * SECOND)] {
        let (came, after, slow) = take(piece, every).await;
        assert!(came < 1 << 20 && slow == 1, "{came} of pieces of {piece}");
        // What is in memory is the client's still.
        let rest = u32::try_from(8192_usize.div_ceil(piece)).unwrap() + 2;
        assert!(after <= 60 * SECOND + every * rest, "{after:?} in pieces of {piece}");
    }
}

/// A live stream rests for hours, and its client may be away for a moment again and again.
#[tokio::test(start_paused = true)]
async fn a_live_stream_is_not_slow() {
    let (tell, router) = told();
    let (mut stream, counts) = connect(router, Limits::default(), false, 1024);
    stream.write_all(GET).await.unwrap();
    let mut some = vec![0; 64 * 1024];
    for round in 0..100 {
        // More than fits, so that it waits for its client for twenty seconds.
        tell.send(Bytes::from_static(&[b'e'; 4096])).await.unwrap();
        sleep(20 * SECOND).await;
        let mut came = 0;
        while came < 4096 {
            came += stream.read(&mut some).await.unwrap();
        }
        assert_eq!(counts.open(), 1, "in round {round}");
        sleep(if round % 10 == 0 { 3600 * SECOND } else { 30 * SECOND }).await;
    }
    assert_eq!(counts.slow(), 0);
}

/// A connection of HTTP/2, driven by a task of its own that answers pings. `window` is what it has not taken yet at most.
async fn connect2(router: Router, limits: Limits, window: u32) -> (SendRequest<Empty<Bytes>>, Counts) {
    let (stream, counts) = connect(router, limits, true, 1 << 20);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window).initial_connection_window_size(1 << 20);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    (sender, counts)
}

async fn ask(sender: &mut SendRequest<Empty<Bytes>>) -> Incoming {
    let request = Request::get("https://localhost/").body(Empty::new()).unwrap();
    sender.send_request(request).await.unwrap().into_body()
}

#[tokio::test(start_paused = true)]
async fn with_http2_an_idle_connection_ends_and_one_that_waits_for_events_does_not() {
    let (tell, router) = told();
    let (mut listening, counts) = connect2(router, Limits::default(), 1 << 16).await;
    let mut answer = ask(&mut listening).await;
    for word in ["one", "two", "three"] {
        tell.send(Bytes::from_static(word.as_bytes())).await.unwrap();
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), word);
        sleep(3600 * SECOND).await;
        assert_eq!((counts.open(), counts.slow()), (1, 0), "after {word}");
    }
    drop(tell);
    assert_eq!(answer.collect().await.unwrap().to_bytes(), "");
    // Now it is idle.
    let begun = Instant::now();
    while counts.open() > 0 {
        sleep(SECOND).await;
    }
    let limits = Limits::default();
    assert!(listening.is_closed() && begun.elapsed() <= limits.head_timeout + limits.write_timeout + SECOND);
}

/// What is there at once is no other than what comes piece by piece.
#[tokio::test(start_paused = true)]
async fn with_http2_a_large_answer_is_given_as_fast_as_it_is_taken() {
    const WHOLE: usize = 1 << 20;
    for (every, whole) in [(2 * SECOND, true), (20 * SECOND, false)] {
        let router = Router::new().route("/", get(|| async { Bytes::from(vec![b'x'; WHOLE]) }));
        let (mut sender, counts) = connect2(router, Limits::default(), 16 * 1024).await;
        let mut answer = ask(&mut sender).await;
        assert_eq!(answer.size_hint().exact(), Some(WHOLE as u64));
        let mut came = 0;
        while let Some(Ok(frame)) = answer.frame().await {
            came += frame.into_data().unwrap().len();
            sleep(every).await;
        }
        assert_eq!((came == WHOLE, counts.slow()), (whole, u64::from(!whole)), "{came} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn with_http2_an_answer_that_is_taken_too_slowly_ends() {
    for (every, whole) in [(SECOND, true), (20 * SECOND, false)] {
        let (tell, router) = told();
        let (mut sender, counts) = connect2(router, Limits::default(), 16 * 1024).await;
        let mut answer = ask(&mut sender).await;
        let telling = tokio::spawn(async move {
            for _ in 0..64 {
                if tell.send(Bytes::from_static(&[b'x'; 16 * 1024])).await.is_err() {
                    return;
                }
            }
        });
        let mut came = 0;
        while let Some(Ok(frame)) = answer.frame().await {
            came += frame.into_data().unwrap().len();
            sleep(every).await;
        }
        telling.await.unwrap();
        assert_eq!((came == 1 << 20, counts.slow()), (whole, u64::from(!whole)), "{came} bytes");
    }
}
