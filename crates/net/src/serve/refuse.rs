//! Saying no, so that the sender tries again.

use super::limits::Budget;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const TEXT: &str = "too many connections; try again in a second\n";
/// The most tasks (connections and refusals) of a listener beyond its limit; past it connections are just closed.
const MOST: usize = 256;

/// For a connection whose class is full.
pub(super) fn full() -> Response<Full<Bytes>> {
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, TEXT);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// For a request whose body did not come.
pub(super) fn late() -> Response<Full<Bytes>> {
    answer(StatusCode::REQUEST_TIMEOUT, "the body came too slowly\n")
}

/// The connection's last.
fn answer(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// For a connection beyond the listener's limit: the same answer without reading the request.
pub(super) fn politely(mut stream: TcpStream, tasks: &mut JoinSet<()>, budget: &Arc<Budget>) {
    if tasks.len() >= budget.most().saturating_add(MOST) {
        return;
    }
    tasks.spawn(async move {
        let text = format!(
            "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
             content-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\r\n{TEXT}",
            TEXT.len()
        );
        let say = async {
            stream.write_all(text.as_bytes()).await?;
            stream.shutdown().await?;
            // Closing with the request unread would reset the connection and lose the answer.
            let mut sink = [0; 4096];
            while stream.read(&mut sink).await? > 0 {}
            std::io::Result::Ok(())
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), say).await;
    });
}
