//! Who sends a request: an integration by its token, a person's tool by an API token, or whoever is on this host where no
//! token is configured.

use crate::Intake;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use foghorn_config::model::{Config, Integration, Role};
use foghorn_config::secret::Secret;
use foghorn_net::serve::{Peer, names_loopback};
use http::header::{AUTHORIZATION, HOST, ORIGIN, RETRY_AFTER};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, StatusCode};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;

/// Kinds of integrations that show a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Alertmanager,
    Grafana,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Kind::Alertmanager => "alertmanager",
            Kind::Grafana => "grafana",
        }
    }

    /// The token of an integration of this kind; `None` for one of another kind.
    fn token(self, integration: &Integration) -> Option<Option<&Secret>> {
        match (self, integration) {
            (Kind::Alertmanager, Integration::Alertmanager { token })
            | (Kind::Grafana, Integration::Grafana { token }) => Some(token.as_ref()),
            _ => None,
        }
    }
}

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// An integration.
    Integration(String),
    /// The bearer of an API token: may read, and with a responder's role silence; sends no alerts.
    Token { name: String, role: Role },
}

/// Why nobody was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    pub(crate) status: StatusCode,
    pub(crate) why: String,
    /// Too many wrong tokens came from there.
    pub(crate) wait: Option<Duration>,
}

impl Unknown {
    fn unauthorized(why: &str) -> Unknown {
        Unknown { status: StatusCode::UNAUTHORIZED, why: why.to_owned(), wait: None }
    }

    fn too_many(wait: Duration) -> Unknown {
        let why = "too many wrong tokens came from this address: wait";
        Unknown { status: StatusCode::TOO_MANY_REQUESTS, why: why.to_owned(), wait: Some(wait) }
    }

    /// Asks for a token, or tells when to try again.
    pub(crate) fn on(&self, mut response: Response) -> Response {
        if let Some(wait) = self.wait {
            response.headers_mut().insert(RETRY_AFTER, (wait.as_secs() + 1).into());
        }
        crate::reply::ask(response)
    }
}

/// Whether a secret has this text, in a time that does not depend on where they differ. A missing secret has none.
pub(crate) fn is(secret: &Secret, text: &str) -> bool {
    secret.expose().is_ok_and(|s| !s.is_empty() && s.as_bytes().ct_eq(text.as_bytes()).into())
}

/// One of `hits`. All are looked for, so that the time taken does not tell which secret it was.
pub(crate) fn one<T>(hits: impl Iterator<Item = T>) -> Option<T> {
    hits.fold(None, |_, hit| Some(hit))
}

/// What the request shows: a password by Basic, a token by any other scheme. `Some(None)` if that cannot be read.
fn shown(headers: &HeaderMap) -> Option<Option<Cow<'_, str>>> {
    let value = headers.get(AUTHORIZATION)?;
    let read = || {
        let (scheme, rest) = value.to_str().ok()?.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return Some(Cow::Borrowed(rest.trim()));
        }
        let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        Some(Cow::Owned(text.split_once(':')?.1.to_owned()))
    };
    Some(read())
}

/// Whether a program on this host sends it, and no web page (which a browser marks with `Origin`, or which had its own
/// name point at this host) or proxy on behalf of somebody else.
pub(crate) fn is_local(parts: &Parts) -> bool {
    let relayed = [ORIGIN.as_str(), "forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let host = parts.headers.get(HOST).map(|h| h.to_str().unwrap_or("?"));
    let host = parts.uri.authority().map(Authority::as_str).or(host);
    parts.extensions.get::<Peer>().is_some_and(|p| p.address.ip().to_canonical().is_loopback())
        && !relayed.iter().any(|h| parts.headers.contains_key(*h))
        && host.is_none_or(names_loopback)
}

/// Who sends a request to an endpoint of `kind`; `named` is the integration that the path names.
pub(crate) fn caller(
    config: &Config,
    kind: Kind,
    named: Option<&str>,
    parts: &Parts,
) -> Result<Caller, Unknown> {
    let all = || {
        config.integrations.iter().filter_map(move |(n, i)| kind.token(i).map(|token| (n.as_str(), token)))
    };
    let here = || all().filter(|(n, _)| named.is_none_or(|wanted| wanted == *n));
    let word = kind.word();
    match shown(&parts.headers) {
        Some(Some(text)) => {
            let hit = one(here().filter(|(_, t)| t.is_some_and(|s| is(s, &text))).map(|(n, _)| n));
            let token = one(config.server.tokens.iter().filter(|(_, t)| is(&t.secret, &text)));
            match (hit, token) {
                (Some(name), _) => Ok(Caller::Integration(name.to_owned())),
                (None, Some((name, t))) => {
                    Ok(Caller::Token { name: t.person.clone().unwrap_or_else(|| name.clone()), role: t.role })
                }
                _ => Err(Unknown::unauthorized(&format!(
                    "the token is not that of an integration of kind {word}"
                ))),
            }
        }
        Some(None) => Err(Unknown::unauthorized(
            "the Authorization header cannot be read: send `Bearer TOKEN`, or Basic",
        )),
        None if !is_local(parts) => {
            Err(Unknown::unauthorized("send the integration's token: `Authorization: Bearer TOKEN`"))
        }
        None => {
            // There is one at most: the configuration sees to it.
            let open = here().find(|(_, token)| token.is_none()).map(|(n, _)| n);
            match (open, named) {
                (Some(name), _) => Ok(Caller::Integration(name.to_owned())),
                (None, _) if here().next().is_some() => Err(Unknown::unauthorized(
                    "send the integration's token: `Authorization: Bearer TOKEN`; it has one, so it is needed on loopback too",
                )),
                (None, named) => {
                    let name = named.unwrap_or("prometheus");
                    let why = format!(
                        "no integration {}of kind {word} is configured: write `integrations: {{ {name}: {{ kind: {word} }} }}`",
                        named.map_or(String::new(), |n| format!("{n:?} "))
                    );
                    Err(Unknown { status: StatusCode::NOT_FOUND, why, wait: None })
                }
            }
        }
    }
}

/// The caller of Alertmanager's API, known before the body is read.
pub(crate) struct Am(pub(crate) Caller);

/// The caller of Grafana's webhook, known before the body is read.
pub(crate) struct Grafana(pub(crate) Caller);

async fn recognise(kind: Kind, parts: &mut Parts, intake: &Arc<Intake>) -> Result<Caller, Unknown> {
    let params = RawPathParams::from_request_parts(parts, intake).await.ok();
    let named = params.as_ref().and_then(|p| p.iter().find(|(k, _)| *k == "name")).map(|(_, v)| v);
    // Only who shows a token can guess one.
    let shows = parts.headers.contains_key(AUTHORIZATION);
    let peer = parts.extensions.get::<Peer>().copied().filter(|_| shows);
    let wrong = |u: &Unknown| u.status == StatusCode::UNAUTHORIZED;
    guarded(intake, peer, Unknown::too_many, wrong, || caller(&intake.config(), kind, named, parts))
}

/// Looks who it is. From where too many wrong secrets came, further wrong ones are told to wait; a right one always gets
/// through: a neighbour behind the same address must not cost anybody a page. `peer` is whoever shows a secret; `is_wrong`
/// tells a wrong one from other errors.
pub(crate) fn guarded<T, E>(
    intake: &Intake,
    peer: Option<Peer>,
    too_many: impl FnOnce(Duration) -> E,
    is_wrong: impl FnOnce(&E) -> bool,
    look: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let (from, now) = (peer.map(|p| p.address.ip()), Instant::now());
    let found = look();
    if !found.as_ref().is_err_and(is_wrong) {
        if let Some(ip) = from.filter(|_| found.is_ok()) {
            intake.throttle.right(ip, now);
        }
        return found;
    }
    intake.unauthenticated.fetch_add(1, Ordering::Relaxed);
    let Some(ip) = from else { return found };
    if let Some(wait) = intake.throttle.wait(ip, now) {
        return Err(too_many(wait));
    }
    intake.throttle.wrong(ip, now);
    found
}

impl FromRequestParts<Arc<Intake>> for Am {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, intake: &Arc<Intake>) -> Result<Am, Response> {
        recognise(Kind::Alertmanager, parts, intake)
            .await
            .map(Am)
            .map_err(|u| crate::alertmanager::unknown(&u))
    }
}

impl FromRequestParts<Arc<Intake>> for Grafana {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, intake: &Arc<Intake>) -> Result<Grafana, Response> {
        recognise(Kind::Grafana, parts, intake).await.map(Grafana).map_err(|u| crate::grafana::unknown(&u))
    }
}
