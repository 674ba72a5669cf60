//! Listeners. Intake and links run on a runtime of their own with reserved connections; the API's work is done on
//! another, so ten thousand browsers starve nobody. A listener that cannot be had is said, and tried again; paging does
//! not wait for it.

use super::clock::Clock;
use super::own::{Own, Trouble};
use axum::Router;
use foghorn_net::serve::{self, Class, Limits, Server};
use foghorn_net::tls::ServerCert;
use http::{Request, Response};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
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

/// One listener.
pub struct Listener {
    /// Where.
    pub address: SocketAddr,
    /// What it is, for people: `server.listen`.
    pub name: &'static str,
    /// What it serves.
    pub router: Router,
    /// TLS, if any.
    pub tls: Option<Arc<ServerCert>>,
}

/// Serves until `end` says so. The first attempt to listen is made at once, by the caller's thread, so that whoever asks
/// for port 0 or a taken port hears of it soon.
pub fn spawn(
    on: &Handle,
    listener: Listener,
    own: Arc<Own>,
    clock: Arc<Clock>,
    mut end: watch::Receiver<bool>,
) -> tokio::task::JoinHandle<()> {
    let first = serve::listen(listener.address);
    on.spawn(async move {
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
        tracing::info!(address = %listener.address, "{} is there", listener.name);
        let mut server = Server::new(listener.router, Limits { grace: GRACE, ..Limits::default() })
            .classes(vec![Class { name: "api", connections: API_CONNECTIONS }], classify);
        if let Some(cert) = listener.tls {
            server = server.tls(cert);
        }
        let ended = async move {
            // The sender is gone only when everything ends.
            let _ = end.wait_for(|end| *end).await;
        };
        if let Err(e) = server.run(socket, ended).await {
            own.raise(Trouble::Listener, &what, &e.to_string(), clock.now().wall);
        }
    })
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
