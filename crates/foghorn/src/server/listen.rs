//! Listeners. Intake and links run on a runtime of their own with reserved connections; the API's work is done on
//! another, so ten thousand browsers starve nobody. A listener that cannot be had is said, and tried again; paging does
//! not wait for it.

use super::Shared;
use super::own::Trouble;
use axum::Router;
use foghorn_net::serve::{self, Arriving, Class, Counts, Limits, Server};
use foghorn_net::tls::ServerCert;
use http::{Request, Response};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tower::{Service, ServiceExt};

/// A listener that could not be had is tried again after this long.
const AGAIN: Duration = Duration::from_secs(5);
/// When the end comes, requests under way have this long.
const GRACE: Duration = Duration::from_secs(1);
/// Of all connections, so many may have carried requests to the API; the rest is for intake and links.
const API_CONNECTIONS: usize = 3072;
/// The public page's connections. Each costs little: what it is sent is in memory once.
const PUBLIC_CONNECTIONS: usize = 8192;
/// A public client has this long for a request's head, and until its next request.
const PUBLIC_HEAD: Duration = Duration::from_secs(15);
/// Nothing that a browser sends to a page without cookies is larger.
const PUBLIC_HEAD_SIZE: usize = 16 * 1024;

/// One listener.
pub struct Listener<S> {
    /// Where.
    pub address: SocketAddr,
    /// What it is, for people: `server.listen`.
    pub name: &'static str,
    /// What it serves.
    pub service: S,
    /// TLS, if any: it is waited for, since without it the listener would speak in the clear.
    pub tls: Option<watch::Receiver<Option<Arc<ServerCert>>>>,
    /// Limits.
    pub limits: Limits,
    /// Limits for classes of requests, and the class of a path.
    pub classes: (Vec<Class>, fn(&str) -> usize),
}

impl<S> Listener<S> {
    /// For the console, the API, intake and links: their classes and usual limits.
    pub fn inner(
        name: &'static str,
        address: SocketAddr,
        service: S,
        tls: Option<watch::Receiver<Option<Arc<ServerCert>>>>,
        address_share: u8,
    ) -> Listener<S> {
        let classes = vec![Class { name: "api", connections: API_CONNECTIONS }];
        let limits = Limits { address_share, grace: GRACE, ..Limits::default() };
        Listener { address, name, service, tls, limits, classes: (classes, classify) }
    }

    /// For the public: limits of its own, so that a flood there takes nothing from anybody else.
    pub fn public(
        name: &'static str,
        address: SocketAddr,
        service: S,
        tls: Option<watch::Receiver<Option<Arc<ServerCert>>>>,
        address_share: u8,
    ) -> Listener<S> {
        let limits = Limits {
            address_share,
            connections: PUBLIC_CONNECTIONS,
            head_timeout: PUBLIC_HEAD,
            head_size: PUBLIC_HEAD_SIZE,
            grace: GRACE,
            ..Limits::default()
        };
        Listener { address, name, service, tls, limits, classes: (Vec::new(), |_| 0) }
    }
}

/// The counters of every listener that is there, by its name.
#[derive(Clone, Default)]
pub struct Listening(Arc<Mutex<BTreeMap<&'static str, Counts>>>);

impl Listening {
    fn add(&self, name: &'static str, counts: Counts) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, counts);
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<&'static str, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves until `end` says so, on one or more runtimes that share the connections. The first attempt to listen is made at
/// once, by the caller's thread, so that whoever asks for port 0 or a taken port hears of it soon.
pub fn spawn<S, B>(
    on: &[Handle],
    listener: Listener<S>,
    shared: &Shared,
    mut end: watch::Receiver<bool>,
) -> Option<tokio::task::JoinHandle<()>>
where
    S: Service<Request<Arriving>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let first = serve::listen(listener.address);
    let (leader, others) = on.split_first()?;
    let others = others.to_vec();
    let (own, clock, listening) = (shared.own.clone(), shared.clock.clone(), shared.listening.clone());
    Some(leader.spawn(async move {
        let what = format!("{} {}", listener.name, listener.address);
        let mut attempt = first;
        let socket = loop {
            match attempt {
                Ok(socket) => break socket,
                Err(e) => own.raise(
                    Trouble::Listener,
                    &what,
                    &format!("{} ({})", e, listener.name),
                    clock.now().wall,
                ),
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                _ = end.wait_for(|end| *end) => return,
            }
            attempt = serve::listen(listener.address);
        };
        own.clear(Trouble::Listener, &what, clock.now().wall);
        let (classes, classify) = listener.classes;
        let mut server = Server::new(listener.service, listener.limits).classes(classes, classify);
        listening.add(listener.name, server.counts());
        if let Some(mut tls) = listener.tls {
            tokio::select! {
                _ = end.wait_for(|end| *end) => return,
                // The certificate outlives every listener.
                ready = tls.wait_for(Option::is_some) => match ready.ok().and_then(|cert| cert.clone()) {
                    Some(cert) => server = server.tls(cert),
                    None => return,
                }
            }
        }
        tracing::info!(address = %listener.address, "{} is there", listener.name);
        let run = |server: Server<S>, socket: std::io::Result<std::net::TcpListener>| {
            let (own, clock, what, mut end) = (own.clone(), clock.clone(), what.clone(), end.clone());
            async move {
                let ended = async move {
                    // The sender is gone only when everything ends.
                    let _ = end.wait_for(|end| *end).await;
                };
                let ran = match socket {
                    Ok(socket) => server.run(socket, ended).await,
                    Err(e) => Err(e),
                };
                if let Err(e) = ran {
                    own.raise(Trouble::Listener, &what, &e.to_string(), clock.now().wall);
                }
            }
        };
        let others: Vec<_> =
            others.iter().map(|on| on.spawn(run(server.clone(), socket.try_clone()))).collect();
        run(server, Ok(socket)).await;
        for other in others {
            // One that panicked has ended too.
            let _ = other.await;
        }
    }))
}

/// The API's requests are in the one class with a limit; intake, links and health are in none.
fn classify(path: &str) -> usize {
    const FREE: [&str; 8] =
        ["/api/v2/", "/v2/", "/api/intake/", "/ping/", "/ack/", "/callback/", "/healthz", "/readyz"];
    usize::from(FREE.iter().any(|free| path.starts_with(free)))
}

/// Does a router's work on another runtime.
#[derive(Clone)]
pub struct Elsewhere {
    /// Where.
    pub on: Handle,
    /// What.
    pub router: Router,
}

impl Service<Request<axum::body::Body>> for Elsewhere {
    type Response = Response<axum::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<axum::body::Body>) -> Self::Future {
        let work = self.on.spawn(self.router.clone().oneshot(request));
        Box::pin(async move {
            match work.await {
                Ok(response) => response,
                Err(e) => {
                    tracing::error!(error = %e, "a request's handler ended early");
                    let mut response =
                        Response::new(axum::body::Body::from("this request failed; the log has more\n"));
                    *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                    Ok(response)
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::classify;

    #[test]
    fn what_phones_and_tools_call_is_not_counted_with_browsers() {
        assert!(
            ["/api/v2/alerts", "/v2/enqueue", "/ack/x", "/ping/x", "/readyz"]
                .iter()
                .all(|p| classify(p) == 1)
        );
        assert!(["/api/v1/incidents", "/", "/metrics"].iter().all(|p| classify(p) == 0));
    }
}
