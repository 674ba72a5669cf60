//! Who may do what.
//!
//! With tokens in the configuration, a request shows one. Without any, and listening on loopback only, whoever is on this
//! host is trusted; then a browser on this host must not be made to speak for a page of another site, so `Host` and
//! `Origin` are looked at.

use crate::api::Api;
use crate::problem::{Kind, Problem};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use foghorn_config::model::{Role, Server};
use foghorn_core::words::{Actor, Name, Via};
use foghorn_net::serve::{Peer, names_loopback};
use http::request::Parts;
use http::{HeaderMap, Uri, header};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// Who sends a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Caller {
    /// For the timeline.
    pub(crate) actor: Actor,
    /// What they may do.
    pub(crate) role: Role,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| Problem::new(Kind::Internal, "nobody asked who sent this request"))
    }
}

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: it tells nothing that is worth hiding.
    Nothing,
    /// A role, unless the request comes from this host.
    Away(Role),
    /// A role.
    Role(Role),
}

/// A route's method and address as in the documentation, and what it needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) needs: Needs,
}

/// Asks for what a route needs, before the route sees the request.
pub(crate) async fn guard(
    State((api, rule)): State<(Arc<Api>, Rule)>,
    mut req: Request,
    next: Next,
) -> Response {
    let peer = req.extensions().get::<Peer>().copied();
    let server = &api.config().server;
    // Only who shows a token can guess one.
    let shows = rule.needs != Needs::Nothing && req.headers().contains_key(header::AUTHORIZATION);
    let (from, now) = (peer.filter(|_| shows).map(|p| p.address.ip()), Instant::now());
    if let Some(wait) = from.and_then(|ip| api.throttle.wait(ip, now)) {
        api.refused.fetch_add(1, Ordering::Relaxed);
        return wait_for(wait);
    }
    let judged = judge(&rule, server, peer, req.headers(), req.uri());
    match (&judged, from) {
        (Ok(_), Some(ip)) => api.throttle.right(ip, now),
        (Err(Problem { kind: Kind::Unauthenticated, .. }), Some(ip)) => api.throttle.wrong(ip, now),
        _ => {}
    }
    match judged {
        Ok(Some(caller)) => {
            req.extensions_mut().insert(caller);
            next.run(req).await
        }
        Ok(None) => next.run(req).await,
        Err(problem) => {
            api.refused.fetch_add(1, Ordering::Relaxed);
            problem.into_response()
        }
    }
}

fn wait_for(wait: Duration) -> Response {
    let seconds = wait.as_secs() + 1;
    let detail = format!("too many wrong tokens came from this address: wait {seconds} s");
    let mut response = Problem::new(Kind::TooMany, detail).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    response
}

/// Whether the sender of a request may see how Foghorn is: somebody on this host, or with a token.
pub(crate) fn may_see(api: &Api, parts: &Parts) -> bool {
    let rule = Rule { method: "get", path: "/", needs: Needs::Away(Role::Viewer) };
    let peer = parts.extensions.get::<Peer>().copied();
    let waits = peer.is_some_and(|p| api.throttle.wait(p.address.ip(), Instant::now()).is_some());
    !waits && judge(&rule, &api.config().server, peer, &parts.headers, &parts.uri).is_ok()
}

/// Who asked for an answer that has no end. The configuration may change meanwhile.
pub(crate) struct Asker {
    peer: Option<Peer>,
    headers: HeaderMap,
    uri: Uri,
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<Peer>().copied();
        Ok(Asker { peer, headers: parts.headers.clone(), uri: parts.uri.clone() })
    }
}

impl Asker {
    /// Whether the same request would be let in now.
    pub(crate) fn may(&self, needs: Needs, server: &Server) -> bool {
        let rule = Rule { method: "get", path: "", needs };
        judge(&rule, server, self.peer, &self.headers, &self.uri).is_ok()
    }
}

fn judge(
    rule: &Rule,
    server: &Server,
    peer: Option<Peer>,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<Option<Caller>, Problem> {
    let local = peer_is_local(peer, headers);
    let role = match rule.needs {
        Needs::Nothing => return Ok(None),
        Needs::Away(_) if local => return same_site(headers, uri).map(|()| None),
        Needs::Away(role) | Needs::Role(role) => role,
    };
    let caller = if server.tokens.is_empty() && server.listen.ip().is_loopback() && local {
        same_site(headers, uri)?;
        Caller { actor: Actor { name: Name::from("local"), via: Via::Api }, role: Role::Admin }
    } else {
        by_token(server, headers)?
    };
    if caller.role >= role {
        return Ok(Some(caller));
    }
    let (method, path) = (rule.method.to_uppercase(), rule.path);
    let detail = format!(
        "{} has the role {}; {method} {path} needs the role {}",
        caller.actor.name,
        word(caller.role),
        word(role)
    );
    Err(Problem::new(Kind::Forbidden, detail))
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Responder => "responder",
        Role::Admin => "admin",
    }
}

/// Whether a request was made on this host, as far as can be told: a proxy on this host speaks for others.
#[must_use]
pub fn peer_is_local(peer: Option<Peer>, headers: &HeaderMap) -> bool {
    const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let loopback = peer.is_some_and(|p| p.address.ip().to_canonical().is_loopback());
    loopback && !FORWARDED.iter().any(|name| headers.contains_key(*name))
}

/// Refuses what a page of another site made a browser send, directly or by a name that it pointed at this host.
fn same_site(headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
    let refuse = |detail: String| Err(Problem::new(Kind::CrossSite, detail));
    let text = |name| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    // HTTP/2 has it in the address.
    let host = uri.authority().map(http::uri::Authority::as_str).or_else(|| text(header::HOST)).unwrap_or("");
    if !names_loopback(host) {
        return refuse(format!(
            "without tokens in the configuration this server answers to localhost, 127.0.0.1 and [::1] only, not to {host:?}; \
             configure a token under server.tokens to use another name"
        ));
    }
    if let Some(origin) = text(header::ORIGIN) {
        let from = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        if from.is_none_or(|from| !from.eq_ignore_ascii_case(host)) {
            return refuse(format!("a page of {origin} may not speak to this server"));
        }
    }
    if text(header::HeaderName::from_static("sec-fetch-site"))
        .is_some_and(|s| s == "cross-site" || s == "same-site")
    {
        return refuse("a page of another site may not speak to this server".to_owned());
    }
    Ok(())
}

fn by_token(server: &Server, headers: &HeaderMap) -> Result<Caller, Problem> {
    let missing = || {
        Problem::new(
            Kind::Unauthenticated,
            "send `Authorization: Bearer TOKEN` with a token of server.tokens in the configuration",
        )
    };
    let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).ok_or_else(missing)?;
    let (scheme, given) = given.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") || given.trim().is_empty() {
        return Err(missing());
    }
    // Digests have one length, and every token is looked at: the time tells neither how much was right nor which.
    let given = Sha256::digest(given.trim().as_bytes());
    let mut found = u64::MAX;
    for (n, token) in (0_u64..).zip(server.tokens.values()) {
        let hit =
            token.secret.expose().map_or(Choice::from(0), |t| Sha256::digest(t.as_bytes()).ct_eq(&given));
        found.conditional_assign(&n, hit);
    }
    let token = usize::try_from(found).ok().and_then(|n| server.tokens.iter().nth(n));
    let (name, token) =
        token.ok_or_else(|| Problem::new(Kind::Unauthenticated, "this token is not known"))?;
    let actor = Actor { name: Name::from(token.person.as_deref().unwrap_or(name)), via: Via::Api };
    Ok(Caller { actor, role: token.role })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_on_this_host_speaks_for_others() {
        let peer = |ip: &str| Some(Peer { address: format!("{ip}:9").parse().unwrap(), tls: false });
        let mut headers = HeaderMap::new();
        assert!(
            peer_is_local(peer("127.0.0.1"), &headers) && peer_is_local(peer("[::ffff:127.0.0.1]"), &headers)
        );
        assert!(!peer_is_local(peer("10.0.0.1"), &headers) && !peer_is_local(None, &headers));
        headers.insert("x-forwarded-for", http::HeaderValue::from_static("10.0.0.1"));
        assert!(!peer_is_local(peer("127.0.0.1"), &headers));
    }
}
