//! The page behind the link in a page: what is broken, and one big button. No log-in, no script; the link is the key.
//!
//! Only the button's POST acknowledges: mail scanners follow links. It depends on the engine alone, so that it works when
//! everything else here does not.

mod page;

use crate::api::harden;
use crate::tries::Tries;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use foghorn_core::Now;
use foghorn_core::input::Input;
use foghorn_core::time::Span;
use foghorn_core::words::{Actor, Name, Via};
use foghorn_engine::{Class, Handle, Reply, View};
use foghorn_net::serve::Peer;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use page::Page;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Bad tokens that one address may show in a minute.
const BAD_TOKENS: u32 = 20;

/// What the link in a page stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The incident's number.
    pub incident: u64,
    /// Whose page it was in: acknowledges in their name.
    pub person: String,
    /// What of the incident was shown when the page was made.
    pub revision: u64,
}

/// Everything the links need.
pub struct Links {
    engine: Handle,
    clock: Arc<dyn Fn() -> Now + Send + Sync>,
    open: Arc<dyn Fn(&str) -> Option<Link> + Send + Sync>,
    bad: Tries<IpAddr>,
}

impl Links {
    /// `open` says what a token stands for, if it is one of ours.
    #[must_use]
    pub fn new(
        engine: Handle,
        clock: Arc<dyn Fn() -> Now + Send + Sync>,
        open: Arc<dyn Fn(&str) -> Option<Link> + Send + Sync>,
    ) -> Links {
        Links { engine, clock, open, bad: Tries::new(BAD_TOKENS, Span::mins(1)) }
    }

    fn view(&self) -> View {
        View { at: (self.clock)(), ..(*self.engine.view()).clone() }
    }

    /// What a token stands for, or the answer to a bad one. A good link always opens: whoever holds one must get
    /// through, whatever others behind the same address try.
    fn link(&self, token: &str, peer: Option<&Peer>) -> Result<Link, Box<Response>> {
        if let Some(link) = (self.open)(token) {
            return Ok(link);
        }
        let from = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |p| p.address.ip().to_canonical());
        if self.bad.too_many(from, (self.clock)().mono) {
            let mut response = page::nothing(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many tries",
                "Wait a minute, then open the link in your page again.",
            );
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
            return Err(Box::new(response));
        }
        Err(Box::new(page::nothing(
            StatusCode::NOT_FOUND,
            "This link does not open anything",
            "It may be cut off or old. Open the link in your page again, whole.",
        )))
    }
}

/// `/ack/TOKEN`. Requests must carry a [`Peer`].
pub fn links(links: Arc<Links>) -> Router {
    Router::new()
        .route("/ack/{token}", get(show).post(acknowledge))
        .layer(axum::middleware::map_response(harden))
        .with_state(links)
}

/// For a listener that has links alone: whoever looks there for the console reads that it is elsewhere.
pub fn links_alone(router: Router) -> Router {
    router.fallback(async || {
        let text = "This address is for the links in pages alone. The console is at the address that server.listen names.";
        harden(page::nothing(StatusCode::NOT_FOUND, "There is nothing here", text)).await
    })
}

async fn show(State(links): State<Arc<Links>>, Path(token): Path<String>, req: Request) -> Response {
    match links.link(&token, req.extensions().get()) {
        Ok(link) => Page::new(&links.view(), &link).respond(StatusCode::OK),
        Err(response) => *response,
    }
}

async fn acknowledge(State(links): State<Arc<Links>>, Path(token): Path<String>, req: Request) -> Response {
    let link = match links.link(&token, req.extensions().get()) {
        Ok(link) => link,
        Err(response) => return *response,
    };
    // What the page showed when the button was pressed; else what the page that brought the link told of.
    let revision = shown(req).await.unwrap_or(link.revision);
    let by = Actor { name: Name::from(link.person.as_str()), via: Via::Link };
    let input = Input::Acknowledge { incident: link.incident, by, revision: Some(revision) };
    let problem = match links.engine.submit(Class::Paging, input).await {
        Reply::Saved(_) | Reply::NotSaved(..) => return see_other(&token),
        Reply::Refused(_) => {
            let page = Page::new(&links.view(), &link);
            // What is over is over; the page says so.
            return if page.refuses() { page.respond(StatusCode::FORBIDDEN) } else { see_other(&token) };
        }
        Reply::Unavailable(why) => why.to_string(),
        Reply::Busy => "too much is waiting to be decided".to_owned(),
    };
    let page = Page::new(&links.view(), &link).with_problem(problem);
    page.respond(StatusCode::SERVICE_UNAVAILABLE)
}

/// Reloading what comes after a 303 sends nothing again.
fn see_other(token: &str) -> Response {
    // A token that opened is made of letters, digits, `-` and `_`; anything else is not put into a header.
    let Ok(to) = HeaderValue::try_from(format!("/ack/{token}")) else {
        return StatusCode::NO_CONTENT.into_response();
    };
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// The form's hidden field.
async fn shown(req: Request) -> Option<u64> {
    if !says_form(req.headers()) {
        return None;
    }
    let body = Limited::new(req.into_body(), 4096).collect().await.ok()?.to_bytes();
    let text = std::str::from_utf8(&body).ok()?;
    text.split('&').find_map(|pair| pair.strip_prefix("revision="))?.parse().ok()
}

fn says_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    kind.starts_with("application/x-www-form-urlencoded")
}

/// A page of HTML with what it may do: its own style, its own form.
fn html(status: StatusCode, body: String) -> Response {
    let policy = [(header::CONTENT_SECURITY_POLICY, page::policy())];
    (status, policy, Html(body)).into_response()
}
