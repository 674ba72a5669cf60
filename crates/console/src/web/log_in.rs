//! Log-in and log-out.

use super::Web;
use super::action::Pressed;
use super::cookie::{Secure, Which};
use super::flash::{self, Done, Told};
use super::form::{Asked, Fields, local};
use super::guard::{FormShown, Visitor};
use super::once::Key;
use super::page::{self, Frame, respond};
use crate::accounts::AccountError;
use crate::problem::{Kind, Problem};
use askama::Template;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foghorn_core::time::{Span, Wall};
use foghorn_net::serve::Peer;
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// What was pressed is kept for so long.
const KEPT: Span = Span::mins(30);
/// Names and addresses that have logged in.
const MOST_KNOWN: usize = 1024;

/// Who has logged in from where, since the start: nobody else's guesses keep them out.
#[derive(Default)]
pub(super) struct Known(Mutex<(HashSet<(String, IpAddr)>, VecDeque<(String, IpAddr)>)>);

impl Known {
    fn has(&self, who: &(String, IpAddr)) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.contains(who)
    }

    fn add(&self, who: (String, IpAddr)) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0.insert(who.clone()) {
            known.1.push_back(who);
        }
        if known.1.len() > MOST_KNOWN
            && let Some(oldest) = known.1.pop_front()
        {
            known.0.remove(&oldest);
        }
    }
}

/// An action that waits for a log-in.
#[derive(Serialize, Deserialize)]
struct Waiting {
    at: Wall,
    action: Pressed,
}

#[derive(Template)]
#[template(path = "console/log_in.html")]
struct Page {
    frame: Frame,
    /// Why there is a page again.
    wrong: Option<String>,
    name: String,
    next: String,
    /// What is done after the log-in: sealed, and in words.
    action: Option<(String, String)>,
    first: bool,
}

/// A visit: what ties the form to the browser that it was shown to.
fn visit(secure: Secure, headers: &HeaderMap) -> Result<(String, bool), Problem> {
    if let Some(visit) = secure.read(Which::Visit, headers) {
        return Ok((visit, false));
    }
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes)
        .map_err(|e| Problem::new(Kind::Internal, format!("the system gives no random numbers: {e}")))?;
    Ok((URL_SAFE_NO_PAD.encode(bytes), true))
}

/// The page, with the visit's cookie where it is new.
fn shown(
    web: &Web,
    secure: Secure,
    headers: &HeaderMap,
    status: StatusCode,
    make: impl FnOnce(&str) -> Page,
) -> Response {
    let (visit, new) = match visit(secure, headers) {
        Ok(visit) => visit,
        Err(p) => return page::problem(None, &p),
    };
    let mut page = make(&visit);
    page.frame.token = web.seal().form(&visit);
    let mut response = respond(status, &page);
    if let Some(cookie) = secure.set(Which::Visit, Some(&visit)).filter(|_| new) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn blank() -> Page {
    Page {
        frame: Frame::bare("Log in"),
        wrong: None,
        name: String::new(),
        next: "/".to_owned(),
        action: None,
        first: false,
    }
}

/// `GET /log-in`
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    secure: Secure,
    headers: HeaderMap,
    Told(told): Told,
    asked: Asked,
) -> Response {
    let next = local(asked.get("next")).to_owned();
    let make = move |web: &Web| {
        shown(web, secure, &headers, StatusCode::OK, |_| Page { wrong: told, next, first: true, ..blank() })
    };
    web.blocking(make).await.unwrap_or_else(|p| page::problem(None, &p))
}

/// The session was over when the button was pressed: first the log-in, then what the button does.
pub(super) fn first(web: &Web, secure: Secure, headers: &HeaderMap, action: &Pressed) -> Response {
    let waiting = Waiting { at: web.api.now().wall, action: action.clone() };
    shown(web, secure, headers, StatusCode::OK, |visit| {
        // What was read from a form can be written.
        let text = serde_json::to_string(&waiting).unwrap_or_default();
        Page { action: Some((web.seal().close(visit, &text), action.sentence())), ..blank() }
    })
}

/// An address that counts as one: in IPv6 everybody has a whole /64.
fn one(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// `POST /log-in`
pub(super) async fn log_in(
    State(web): State<Arc<Web>>,
    secure: Secure,
    FormShown(form_shown): FormShown,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let name = fields.get("name").to_ascii_lowercase();
    let visit = secure.read(Which::Visit, &headers).unwrap_or_default();
    let sealed = fields.get("action").to_owned();
    let waiting = waiting(&web, &visit, &sealed);
    let next = local(fields.get("next")).to_owned();
    // It waited for too long, or for another browser.
    let lost = waiting.is_none() && !sealed.is_empty();
    let again = |status, wrong: &str| {
        let wrong =
            Some(format!("{wrong}{}", if lost { " What you pressed before was not done." } else { "" }));
        let action = waiting.as_ref().map(|w| (sealed.clone(), w.action.sentence()));
        let name = crate::show::text::line(&name, 64);
        let (web, headers, next) = (web.clone(), headers.clone(), next.clone());
        async move {
            let page = Page { wrong, name, next, action, ..blank() };
            let make = move |web: &Web| shown(web, secure, &headers, status, |_| page);
            web.blocking(make).await.unwrap_or_else(|p| page::problem(None, &p))
        }
    };
    if !form_shown {
        let wrong = "This page was too old, or your browser keeps no cookies for this site. Try once more.";
        return again(StatusCode::FORBIDDEN, wrong).await;
    }
    let address = one(peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |p| p.0.address.ip()));
    let (now, who) = (web.api.now(), (name.clone(), address));
    // Counted before the password is looked at: many at once are many. What is refused for its address is no try of a name:
    // else one address could use up everybody's.
    // Whoever has logged in from there is shut out by nobody else's, be all behind one proxy.
    let known = web.known.has(&who);
    let guesses = if known {
        web.by_known.too_many(who.clone(), now.mono)
    } else {
        web.by_address.too_many(address, now.mono) || web.by_name.too_many(name.clone(), now.mono)
    };
    if guesses {
        web.api.log_ins_refused.fetch_add(1, Ordering::Relaxed);
        let wrong = "Too many tries. Wait ten minutes. To acknowledge now, use the link in your page.";
        let mut response = again(StatusCode::TOO_MANY_REQUESTS, wrong).await;
        response.headers_mut().insert(header::RETRY_AFTER, http::HeaderValue::from_static("600"));
        return response;
    }
    let (given, password) = (name.clone(), fields.raw("password").to_owned());
    let proved = match hashed(&web, move |web| web.accounts.check(&given, &password)).await {
        Ok(Some(proved)) => proved,
        Ok(None) => {
            web.api.log_ins_refused.fetch_add(1, Ordering::Relaxed);
            return again(StatusCode::UNPROCESSABLE_ENTITY, "The name or the password is wrong.").await;
        }
        Err(problem) => return page::problem(None, &problem),
    };
    // That one password was right says nothing of the guesses at others'.
    if !known {
        web.by_address.forgive_one(&address);
    }
    web.by_known.forgive(&who);
    web.by_name.forgive(&name);
    web.known.add(who);
    // A new id, and the old one is worth nothing: nobody can have put it there.
    let old = secure.read(Which::Session, &headers);
    let begun = {
        let proved = proved.clone();
        web.blocking(move |web| {
            if let Some(old) = old
                && let Err(e) = web.accounts.end(&old, now.wall)
            {
                tracing::warn!(error = %e, "the session before could not be ended");
            }
            web.accounts.begin(&proved, now.wall)
        })
        .await
    };
    let id = match begun {
        Ok(Ok(id)) => id,
        Ok(Err(e)) => return page::problem(None, &unavailable(&e)),
        Err(problem) => return page::problem(None, &problem),
    };
    let visitor = {
        let (account, id) = (proved.account, id.clone());
        web.blocking(move |web| Visitor::new(web, account, id)).await
    };
    let mut response = match (waiting, visitor) {
        (_, Err(problem)) => page::problem(None, &problem),
        // It waited for too long, or in another browser.
        (None, Ok(_)) if lost => flash::go(&next, Done::TooLate, false),
        (None, Ok(_)) => Redirect::to(&next).into_response(),
        (Some(waiting), Ok(visitor)) => {
            // What waited was sealed but once.
            done(&web, waiting.action, visitor, Sha256::digest(&sealed).into()).await
        }
    };
    for cookie in
        [secure.set(Which::Session, Some(&id)), secure.set(Which::Visit, None)].into_iter().flatten()
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// What was pressed before.
async fn done(web: &Arc<Web>, action: Pressed, visitor: Visitor, key: Key) -> Response {
    if !visitor.may(foghorn_config::model::Role::Responder) {
        let detail = "your account may look, not act: what you pressed was not done";
        return page::told(web, visitor, Problem::new(Kind::Forbidden, detail)).await;
    }
    action.answer(web, visitor, Some(key)).await
}

fn waiting(web: &Web, visit: &str, sealed: &str) -> Option<Waiting> {
    let text = web.seal().open(visit, sealed)?;
    let waiting: Waiting = serde_json::from_str(&text).ok()?;
    (web.api.now().wall.since(waiting.at) <= KEPT).then_some(waiting)
}

/// Works with a password, off the threads that serve others, and with two at once at most.
pub(super) async fn hashed<T: Send + 'static>(
    web: &Arc<Web>,
    work: impl FnOnce(&Web) -> Result<T, AccountError> + Send + 'static,
) -> Result<T, Problem> {
    let busy = |_| Problem::new(Kind::Unavailable, "too many people log in at once: try again in a moment");
    let _waits = web.waiting.try_acquire().map_err(|e| busy(e.to_string()))?;
    let _one = web.hashing.acquire().await.map_err(|e| busy(e.to_string()))?;
    web.blocking(work).await?.map_err(|e| said(&e))
}

fn unavailable(e: &AccountError) -> Problem {
    tracing::error!(error = %e, "accounts");
    Problem::new(Kind::Unavailable, e.to_string())
}

/// What went wrong with an account, on a page.
pub(super) fn said(e: &AccountError) -> Problem {
    match e {
        AccountError::File { .. }
        | AccountError::Hangs(_)
        | AccountError::Late(_)
        | AccountError::Hash(_) => unavailable(e),
        AccountError::Unknown(_) => Problem::new(Kind::NotFound, e.to_string()),
        _ => Problem::new(Kind::Invalid, e.to_string()),
    }
}

/// `POST /log-out`
pub(super) async fn out(State(web): State<Arc<Web>>, secure: Secure, visitor: Visitor) -> Response {
    let now = web.api.now().wall;
    let ended = web.blocking(move |web| web.accounts.end(&visitor.session, now)).await;
    if let Ok(Err(e)) = ended {
        tracing::warn!(error = %e, "a session could not be ended on disk");
    }
    let mut response = Redirect::to("/log-in").into_response();
    if let Some(cookie) = secure.set(Which::Session, None) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
