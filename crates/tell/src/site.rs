//! Answers, from memory.

use crate::page;
use crate::pages::{Body, MARK, Pages};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

/// A page that is older than this says so itself.
const OLD: Duration = Duration::from_secs(180);
/// Caches between here and the public keep a page no longer than it takes to be made anew.
const SHORT: HeaderValue = HeaderValue::from_static("public, max-age=10, stale-if-error=600");
const LONG: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The public pages: a service for a listener. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    pages: Arc<RwLock<Arc<Pages>>>,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Site {
    pub(crate) fn new(pages: Pages) -> Site {
        Site { pages: Arc::new(RwLock::new(Arc::new(pages))), stop: Arc::default() }
    }

    pub(crate) fn show(&self, pages: Pages) {
        *self.pages.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pages);
    }

    /// Ends the thread that keeps the pages, at its next step.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// The answer to a request.
    #[must_use]
    pub fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let pages = self.pages.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(body) = pages.all.get(request.uri().path()) else {
            let status =
                if pages.all.is_empty() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NOT_FOUND };
            return respond(status, &pages.missing, pages.missing.plain.clone(), None);
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let text = Bytes::from_static(b"this page can only be read\n");
            let mut response = Response::new(Full::new(text));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let age = pages.made.elapsed();
        if age >= OLD && !body.fixed {
            return old(body, age);
        }
        let gzip = !body.gzip.is_empty() && takes_gzip(request.headers());
        let (bytes, tag) = if gzip { (&body.gzip, &body.gzip_tag) } else { (&body.plain, &body.tag) };
        if is_known(request.headers(), tag) {
            return respond(StatusCode::NOT_MODIFIED, body, Bytes::new(), Some(tag));
        }
        let mut response = respond(StatusCode::OK, body, bytes.clone(), Some(tag));
        if gzip {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

fn respond(
    status: StatusCode,
    body: &Body,
    bytes: Bytes,
    tag: Option<&HeaderValue>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(10);
    if status != StatusCode::NOT_MODIFIED {
        headers.insert(header::CONTENT_TYPE, body.kind.clone());
    }
    match tag {
        Some(tag) => {
            headers.insert(header::ETAG, tag.clone());
            headers.insert(header::CACHE_CONTROL, if body.fixed { LONG } else { SHORT });
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        None => drop(headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))),
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// What makes the pages has died or hangs: the page is shown, and says how old it is.
fn old(body: &Body, age: Duration) -> Response<Full<Bytes>> {
    let plain = String::from_utf8_lossy(&body.plain);
    let text = plain.replacen(MARK, &page::old_banner(age), 1);
    respond(StatusCode::OK, body, text.into(), None)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::ACCEPT_ENCODING);
    all.iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|c| c.eq_ignore_ascii_case("gzip") || c == "*");
        // `q=0`, `q=0.0`: not wanted.
        let wanted =
            parts.find_map(|p| p.strip_prefix("q=")).is_none_or(|q| q.parse::<f32>().is_ok_and(|q| q > 0.0));
        named && wanted
    })
}

fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let Ok(tag) = tag.to_str() else { return false };
    let all = headers.get_all(header::IF_NONE_MATCH);
    all.iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}

impl<B> tower::Service<Request<B>> for Site {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(&request)))
    }
}
