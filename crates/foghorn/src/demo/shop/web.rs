//! The reverse proxy: a few workers, and a queue before them. A worker stays with its request until the API has answered,
//! whether or not the customer is still there; so requests that hang take the workers one by one.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use foghorn_net::http::{self as client, Client, HeaderMap, Options, Url};
use http::{StatusCode, header};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Requests that are passed on at once.
pub const WORKERS: usize = 8;
/// Requests that wait for a worker; more are answered 503.
const QUEUE: usize = 64;
/// A worker gives up after this long.
const PATIENCE: Duration = Duration::from_secs(300);

/// How busy the proxy is.
#[derive(Default)]
pub struct Load {
    busy: AtomicUsize,
    waiting: AtomicUsize,
}

impl Load {
    /// Whether every worker is taken and requests wait.
    pub fn is_full(&self) -> bool {
        self.busy.load(Ordering::Relaxed) >= WORKERS && self.waiting.load(Ordering::Relaxed) > 0
    }
}

/// Counts for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(what: &'a AtomicUsize) -> Counted<'a> {
        what.fetch_add(1, Ordering::Relaxed);
        Counted(what)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Proxy {
    api: SocketAddr,
    client: Client,
    workers: Arc<Semaphore>,
    load: Arc<Load>,
}

/// In front of the API.
pub fn router(api: SocketAddr, load: Arc<Load>) -> Router {
    let workers = Arc::new(Semaphore::new(WORKERS));
    Router::new().fallback(pass).with_state(Arc::new(Proxy { api, client: Client::new(), workers, load }))
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    if proxy.load.waiting.load(Ordering::Relaxed) >= QUEUE {
        return (StatusCode::SERVICE_UNAVAILABLE, "the proxy's queue is full\n").into_response();
    }
    let waiting = Counted::new(&proxy.load.waiting);
    let permit = proxy.workers.clone().acquire_owned().await;
    drop(waiting);
    let worker = tokio::spawn({
        let proxy = proxy.clone();
        async move {
            let _held = permit;
            let _busy = Counted::new(&proxy.load.busy);
            proxy
                .forward(request)
                .await
                .unwrap_or_else(|e| (StatusCode::BAD_GATEWAY, format!("{e}\n")).into_response())
        }
    });
    worker.await.unwrap_or_else(|e| (StatusCode::BAD_GATEWAY, format!("{e}\n")).into_response())
}

impl Proxy {
    async fn forward(&self, request: Request) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
        let (head, body) = request.into_parts();
        let url = Url::parse(&format!("http://{}{}", self.api, head.uri))?;
        let mut headers = HeaderMap::new();
        if let Some(kind) = head.headers.get(header::CONTENT_TYPE) {
            headers.insert(header::CONTENT_TYPE, kind.clone());
        }
        let body = to_bytes(body, 4096).await?;
        let request = client::Request { method: head.method, url, headers, body };
        let options = Options { timeout: PATIENCE, ..Options::default() };
        let answer = self.client.request(request, &options).await?;
        let mut response = Response::new(Body::from(answer.body));
        *response.status_mut() = answer.status;
        if let Some(kind) = answer.headers.get(header::CONTENT_TYPE) {
            response.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
        }
        Ok(response)
    }
}
