//! Asks who is there, and holds every form against its token, before a handler sees the request.

use super::action::Pressed;
use super::cookie::{Secure, Site, Which, host};
use super::flash::{self, Done, Flash};
use super::form::{self, Fields, encoded};
use super::room::Unread;
use super::{Web, log_in, page};
use crate::accounts::Account;
use crate::auth::Needs;
use crate::{Kind, Problem};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use foghorn_config::model::Role;
use foghorn_core::words::{Actor, Name, Via};
use foghorn_net::serve::Peer;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a path needs to be seen, and to be sent a form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(super) path: &'static str,
    pub(super) get: Needs,
    pub(super) post: Needs,
}

/// The list of open incidents.
pub(super) const FRONT: Rule =
    Rule { path: "/", get: Needs::Role(Role::Viewer), post: Needs::Role(Role::Admin) };

/// Who looks at a page.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) account: Account,
    /// For the timeline.
    pub(super) actor: Actor,
    /// Of every form on the page.
    pub(super) token: String,
    /// The session's id.
    pub(super) session: String,
    /// What the button did that led here.
    pub(super) told: Option<flash::News>,
}

impl Visitor {
    pub(super) fn new(web: &Web, account: Account, session: String) -> Visitor {
        let name = account.person.as_deref().unwrap_or(&account.name);
        let actor = Actor { name: Name::from(name), via: Via::Console };
        Visitor { actor, token: web.seal().form(&session), account, session, told: None }
    }

    pub(super) fn may(&self, role: Role) -> bool {
        self.account.role >= role
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let nobody = || page::problem(None, &Problem::new(Kind::Internal, "nobody asked who is there"));
        parts.extensions.get::<Visitor>().cloned().ok_or_else(nobody)
    }
}

/// How a request came, for cookies.
impl<S: Sync> FromRequestParts<S> for Secure {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Secure>().copied().unwrap_or(Secure(false)))
    }
}

/// Whether a request is a browser's, for a page.
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("");
    accept
        .split(',')
        .any(|kind| kind.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("text/html"))
}

pub(crate) async fn guard(
    State((web, rule)): State<(Arc<Web>, Rule)>,
    mut req: Request,
    next: Next,
) -> Response {
    let public_url = web.api.config().server.public_url.clone();
    let secure = Secure::of(req.extensions().get::<Peer>(), req.headers(), req.uri(), &public_url);
    req.extensions_mut().insert(secure);
    let get = req.method() == Method::GET;
    let flash = get.then(|| Flash::read(secure, req.headers(), req.uri().path())).flatten();
    let tells = flash.is_some();
    if let Some(flash) = flash {
        req.extensions_mut().insert(flash);
    }
    let mut response = guarded(web, rule, secure, &public_url, req, next).await;
    // Told once: the page that tells it has the browser forget it.
    let cookie = match response.extensions().get::<Flash>() {
        Some(flash) => secure.set(Which::Flash, Some(&flash.cookie())),
        None if tells && response.status().is_success() => secure.set(Which::Flash, None),
        None => None,
    };
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

async fn guarded(
    web: Arc<Web>,
    rule: Rule,
    secure: Secure,
    public_url: &str,
    mut req: Request,
    next: Next,
) -> Response {
    let posted = req.method() == Method::POST;
    let needs = if posted { rule.post } else { rule.get };
    let cookie = secure.read(Which::Session, req.headers());
    let mut fields = Fields::default();
    // For as long as the fields are there.
    let _held;
    if posted {
        if let Err(refusal) = same_origin(req.headers(), req.uri(), public_url) {
            web.api.refused.fetch_add(1, Ordering::Relaxed);
            return page::problem(None, &refusal);
        }
        let (parts, body) = req.into_parts();
        // Asked first, because what a stranger sends is held before anything else is known of it.
        let known = needs != Needs::Nothing && matches!(whose(&web, cookie.clone()).await, Ok(Some(_)));
        let (room, most) = match needs {
            _ if known => (&web.room, form::MOST),
            Needs::Nothing => (&web.strangers, form::MOST_OF_LOG_IN),
            _ => (&web.strangers, form::MOST_OF_STRANGERS),
        };
        let read = match room.read(body, most).await {
            Ok((read, taken)) => {
                _held = taken;
                read
            }
            Err(why) => return unread(&web, why, known),
        };
        let Some(read) = Fields::read(&parts.headers, &read) else {
            let detail = "this address takes the forms of Foghorn's own pages; programs use /api/v1";
            return page::problem(None, &Problem::new(Kind::UnsupportedMediaType, detail));
        };
        let whom = match needs {
            Needs::Nothing => secure.read(Which::Visit, &parts.headers),
            _ => cookie.clone(),
        };
        let shown = whom.is_some_and(|whom| web.seal().is_form(&whom, read.get("form")));
        fields = read;
        if !shown && needs != Needs::Nothing {
            web.api.refused.fetch_add(1, Ordering::Relaxed);
            // Without a cookie only a page of this very site may have it wait for a log-in.
            let ours = is_ours(&parts.headers);
            return match cookie {
                Some(_) if ours => another_session(&web, cookie, &parts.uri).await,
                Some(_) => page::problem(None, &Problem::new(Kind::CrossSite, FORGED)),
                None => pressed_too_late(&web, &parts.uri, secure, &parts.headers, &fields, ours),
            };
        }
        req = Request::from_parts(parts, axum::body::Body::empty());
        req.extensions_mut().insert(FormShown(shown));
        req.extensions_mut().insert(fields.clone());
    }
    let role = match needs {
        Needs::Nothing => return next.run(req).await,
        Needs::Away(role) | Needs::Role(role) => role,
    };
    match whose(&web, cookie).await {
        Err(problem) => page::problem(None, &problem),
        Ok(None) if posted => pressed_too_late(&web, req.uri(), secure, req.headers(), &fields, true),
        Ok(None) => ended(&req),
        Ok(Some(visitor)) if !visitor.may(role) => {
            web.api.refused.fetch_add(1, Ordering::Relaxed);
            let done = if posted { "nothing was done: " } else { "" };
            let detail = format!(
                "{done}your account has the role {}; this takes the role {}",
                crate::accounts::word(visitor.account.role),
                crate::accounts::word(role)
            );
            let problem = Problem::new(Kind::Forbidden, detail);
            let refused = move |web: &Web| page::problem(Some((web, &visitor)), &problem);
            web.blocking(refused).await.unwrap_or_else(|p| page::problem(None, &p))
        }
        Ok(Some(mut visitor)) => {
            visitor.told = req.extensions().get::<Flash>().map(Flash::news);
            req.extensions_mut().insert(visitor);
            next.run(req).await
        }
    }
}

/// Why a form was not read, told.
fn unread(web: &Web, why: Unread, known: bool) -> Response {
    let (kind, detail) = match why {
        Unread::Full => {
            web.api.forms_refused.fetch_add(1, Ordering::Relaxed);
            (Kind::Unavailable, "nothing was done: too much is being sent to Foghorn at this moment")
        }
        Unread::Unfit if known => {
            (Kind::TooLarge, "what was sent is too large, or its end did not come: go back and shorten it")
        }
        Unread::Unfit => (
            Kind::TooLarge,
            "nothing was done: what was sent is too large for somebody who is not logged in, or its end did not come. What you typed is still there if you go back: log in on another page, and send it then",
        ),
    };
    page::problem(None, &Problem::new(kind, detail))
}

/// Whether a form that needs no session was one that this visit was shown.
#[derive(Clone, Copy)]
pub(super) struct FormShown(pub(super) bool);

impl<S: Sync> FromRequestParts<S> for FormShown {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<FormShown>().copied().unwrap_or(FormShown(false)))
    }
}

/// The session's cookie of a request that no rule is for.
pub(super) fn cookie_of(web: &Web, req: &Request) -> Option<String> {
    let public_url = &web.api.config().server.public_url;
    let secure = Secure::of(req.extensions().get::<Peer>(), req.headers(), req.uri(), public_url);
    secure.read(Which::Session, req.headers())
}

/// Whose session a cookie names.
pub(super) async fn whose(web: &Arc<Web>, cookie: Option<String>) -> Result<Option<Visitor>, Problem> {
    let Some(id) = cookie else { return Ok(None) };
    let now = web.api.now().wall;
    let read = move |web: &Web| web.accounts.session(&id, now).map(|account| Visitor::new(web, account, id));
    web.blocking(read).await
}

/// Nobody is logged in, or not any more, and a page is asked for.
fn ended(req: &Request) -> Response {
    if req.uri().path().ends_with("/live") {
        return (StatusCode::UNAUTHORIZED, "log in first\n").into_response();
    }
    let next = req.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    Redirect::to(&log_in_to(next)).into_response()
}

/// Nobody is logged in, or not any more, and a button was pressed. It waits for the log-in if it is known to be one of
/// ours; else it is said that nothing was done.
fn pressed_too_late(
    web: &Web,
    uri: &Uri,
    secure: Secure,
    headers: &HeaderMap,
    fields: &Fields,
    ours: bool,
) -> Response {
    match Pressed::of(uri.path(), fields) {
        Some(Ok(action)) if ours => log_in::first(web, secure, headers, &action),
        _ if uri.path() == "/log-out" => Redirect::to("/log-in").into_response(),
        _ => flash::go_on(&log_in_to(&page_of(uri.path())), "/log-in", Done::Nothing, false),
    }
}

fn log_in_to(next: &str) -> String {
    match form::local(next) {
        "/" => "/log-in".to_owned(),
        next => format!("/log-in?next={}", encoded(next)),
    }
}

/// The page that has the form which is sent to a path.
fn page_of(path: &str) -> String {
    let mut parts = path.trim_matches('/').split('/');
    match (parts.next(), parts.next()) {
        (Some("log-out"), _) => "/account".to_owned(),
        (Some("incidents"), None) => "/incidents/new".to_owned(),
        (Some("incidents"), Some(id)) => format!("/incidents/{id}"),
        (first, _) => format!("/{}", first.unwrap_or("")),
    }
}

/// A form without the token of the session that sends it, of which no browser says that it is a page of ours.
const FORGED: &str = "nothing was done: it does not come from a page of this session";

/// A page of ours that was open while somebody logged out and in.
async fn another_session(web: &Arc<Web>, cookie: Option<String>, uri: &Uri) -> Response {
    let now = match whose(web, cookie).await {
        Ok(Some(visitor)) => format!("you are logged in as {} now", visitor.account.name),
        _ => "its session has ended".to_owned(),
    };
    let detail = format!(
        "nothing was done: {now}, and the page with that button was shown in another session. What you typed is still there if you go back: copy it, and send it from the page as it is now"
    );
    page::stale(&Problem::new(Kind::CrossSite, detail), page_of(uri.path()))
}

/// Whether a browser says that a page of this site sends it. That no other says so was looked at before.
fn is_ours(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN)
        || headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

/// Refuses what a page of another site made a browser send.
fn same_origin(headers: &HeaderMap, uri: &Uri, public_url: &str) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).map(|v: &HeaderValue| v.to_str().unwrap_or("?"));
    let refused = |from: &str| {
        Problem::new(
            Kind::CrossSite,
            format!(
                "nothing was done: a page of {from} may not speak to this server. Behind a proxy, set server.public_url to the address that people use"
            ),
        )
    };
    if let Some(origin) = text("origin") {
        let own = Site::of(origin);
        let asked = own.is_some_and(|site| site.is_at(host(headers, uri)));
        if !(asked || own.is_some() && own == Site::of(public_url)) {
            return Err(refused(origin));
        }
    }
    match text("sec-fetch-site") {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(refused("another site")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_sites_own_pages_send_forms() {
        let uri = Uri::from_static("/x");
        let judge = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("foghorn.example:7070"));
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            same_origin(&headers, &uri, "https://on-call.example").is_ok()
        };
        assert!(judge(&[]));
        assert!(judge(&[("origin", "http://foghorn.example:7070"), ("sec-fetch-site", "same-origin")]));
        assert!(judge(&[("origin", "https://on-call.example")]));
        assert!(judge(&[("origin", "https://On-Call.example:443")]));
        assert!(!judge(&[("origin", "http://on-call.example")]), "another scheme is another site");
        for bad in ["null", "http://foghorn.example", "http://evil.example", "foghorn.example:7070", ""] {
            assert!(!judge(&[("origin", bad)]), "{bad}");
        }
        assert!(!judge(&[("sec-fetch-site", "cross-site")]) && !judge(&[("sec-fetch-site", "same-site")]));
    }

    #[test]
    fn browsers_ask_for_html() {
        let asks = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("accept", HeaderValue::from_static(accept));
            wants_html(&headers)
        };
        assert!(asks("text/html,application/xhtml+xml,*/*;q=0.8") && asks("a/b, text/html;q=1"));
        assert!(!asks("*/*") && !asks("application/json") && !wants_html(&HeaderMap::new()));
    }
}
