//! Listeners, tokens, integrations.

use super::{Names, Sections};
use crate::errors::At;
use crate::here::Certificate;
use crate::model::{Integration, Server, Tls, Token};
use crate::raw::{self, File};
use crate::read::{Cx, List, Spanned};
use crate::scalars::{HostPort, HttpUrl};
use crate::secret::Secret;
use foghorn_core::alert::{CHECKS, SELF};
use foghorn_core::setup::IntegrationRule;
use foghorn_core::words::Name;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Characters of a token that nobody guesses.
const SHORTEST_TOKEN: usize = 16;

pub(super) fn server(file: &File, names: &Sections<'_>, cx: &mut Cx<'_>) -> Option<Server> {
    let raw = file.server.0.as_ref()?;
    let listen = raw.listen.value;
    let tokens = tokens(raw, &names.people, cx);
    if !listen.ip().is_loopback() && raw.tokens.0.is_empty() {
        cx.say(
            raw.listen.at,
            format!("`{listen}` is off loopback, and no token is configured: nothing listens off loopback without authentication"),
            "add `tokens: { NAME: { token: \"${FOGHORN_TOKEN}\", role: admin } }` under `server`, or listen on 127.0.0.1",
        );
    }
    if let Some(links) = raw.links_listen.as_ref().filter(|l| l.value == listen && listen.port() != 0) {
        cx.say(links.at, "`links_listen` is the same as `listen`", "give it a port of its own, or remove it");
    }
    if let (Some(links), None) = (&raw.links_listen, &raw.public_url) {
        cx.warn(links.at, "`public_url` is not set, so the links in pages lead to `listen` and not to `links_listen`: write `public_url:`, the address at which people reach it");
    }
    if let Some(url) = &raw.public_url {
        at_the_root(url, cx);
    }
    super::links::proxy_names_whom(raw, cx);
    if raw.journal_deadline.value < Duration::from_millis(10) {
        cx.say(raw.journal_deadline.at, "no disk saves in less than 10 ms every time", "write `2s`");
    }
    if raw.rate_limit.value <= 0.0 {
        cx.say(
            raw.rate_limit.at,
            "a rate of 0 would refuse every request",
            "write how many requests a second are taken",
        );
    }
    let scheme = if raw.tls.is_some() { "https" } else { "http" };
    Some(Server {
        listen,
        public_url: raw
            .public_url
            .as_ref()
            .map_or_else(|| format!("{scheme}://{listen}"), |u| u.value.0.clone()),
        data_dir: cx.path(&raw.data_dir.value),
        links_listen: raw.links_listen.as_ref().map(|l| l.value),
        tls: raw.tls.as_ref().map(|tls| self::tls(tls, cx)),
        tokens,
        journal_deadline: raw.journal_deadline.value,
        max_body: raw.max_body.value.0,
        rate_limit: raw.rate_limit.value,
        address_share: raw.address_share.value.0,
        reference_targets: raw.reference_targets.0.iter().filter_map(|t| target(t, None, cx)).collect(),
        ping_key: raw.ping_key.0.as_ref().map(|k| k.value.clone()),
    })
}

/// The console's addresses and those of links begin at `/`: under a path they would lead to somebody else's pages.
fn at_the_root(url: &Spanned<HttpUrl>, cx: &mut Cx<'_>) {
    if let Some(more) = beyond_the_host(url) {
        cx.say(
            url.at,
            format!("this URL has {more}, and Foghorn's pages are at the root of a host"),
            "give it a name of its own, such as `https://foghorn.example.com`",
        );
    }
}

/// What a URL has after its host, if anything.
pub(super) fn beyond_the_host(url: &Spanned<HttpUrl>) -> Option<&'static str> {
    let parsed = url::Url::parse(&url.value.0).ok()?;
    match (parsed.path(), parsed.query(), parsed.fragment()) {
        ("" | "/", None, None) => None,
        ("" | "/", Some(_), _) => Some("a `?`"),
        ("" | "/", None, Some(_)) => Some("a `#`"),
        _ => Some("a path"),
    }
}

/// A host with a port.
pub(super) fn target(
    at: &Spanned<HostPort>,
    port: Option<u16>,
    cx: &mut Cx<'_>,
) -> Option<crate::model::SocketTarget> {
    at.value.clone().target(port).map_err(|why| cx.say(at.at, why, "")).ok()
}

fn tokens(raw: &raw::Server, people: &Names<'_>, cx: &mut Cx<'_>) -> BTreeMap<String, Token> {
    let mut seen = Vec::new();
    let mut tokens = BTreeMap::new();
    for (name, token) in raw.tokens.good() {
        super::check_name("a token", "", name, cx);
        unique(&mut seen, &name.value, &token.token.0, cx);
        let person = people.find_some(token.person.as_ref(), cx).map(|p| p.to_string());
        let secret = token.token.0.value.clone();
        if secret.expose().is_ok_and(|text| text.chars().count() < SHORTEST_TOKEN) {
            cx.warn(token.token.0.at, &format!("the token `{}` has fewer than {SHORTEST_TOKEN} characters and may be guessed: `openssl rand -hex 16` writes a good one", name.value));
        }
        tokens.insert(name.value.clone(), Token { secret, role: token.role.value, person });
    }
    tokens
}

/// Says when a secret is another's: then nobody could tell the two apart.
fn unique<'f>(
    seen: &mut Vec<(&'f str, &'f Secret)>,
    name: &'f str,
    secret: &'f Spanned<Secret>,
    cx: &mut Cx<'_>,
) {
    let same = |other: &&(&str, &Secret)| secret.value.expose().is_ok_and(|s| other.1.expose() == Ok(s));
    if let Some((other, _)) = seen.iter().find(same) {
        cx.say(
            secret.at,
            format!("`{name}` and `{other}` have the same secret: nobody can tell them apart"),
            "give each its own",
        );
    }
    seen.push((name, &secret.value));
}

/// What all integrations have; their records share the names of these fields and nothing else.
macro_rules! rule {
    ($raw:expr, $names:expr, $cx:expr) => {{
        let default = IntegrationRule::default();
        IntegrationRule {
            entity_labels: labels($raw.entity_labels.as_ref(), $raw.at, $cx).unwrap_or(default.entity_labels),
            group_by: labels($raw.group_by.as_ref(), $raw.at, $cx).unwrap_or(default.group_by),
            severity: $raw.severity.value,
            escalation: $names.escalations.find_some($raw.escalation.as_ref(), $cx),
            max_alerts: $raw.max_alerts.value,
        }
    }};
}
pub(super) fn integrations(
    file: &File,
    server: Option<&Server>,
    names: &Sections<'_>,
    cx: &mut Cx<'_>,
) -> (BTreeMap<String, Integration>, BTreeMap<Name, IntegrationRule>) {
    let mut integrations = BTreeMap::new();
    let mut rules = BTreeMap::new();
    let mut keys = Vec::new();
    let mut tokens = Vec::new();
    let mut open: Option<&String> = None;
    for (name, raw) in file.integrations.good() {
        if [CHECKS, SELF].contains(&name.value.as_str()) {
            cx.say(
                name.at,
                format!(
                    "`{}` cannot be the name of an integration: Foghorn's own alerts come by it",
                    name.value
                ),
                "give it another, say the sender's",
            );
        }
        let token = |token: &'_ Option<Spanned<Secret>>, kind: &str, cx: &mut Cx<'_>| {
            let off_loopback = server.map(|s| s.listen).filter(|l: &SocketAddr| !l.ip().is_loopback());
            if let (None, Some(listen)) = (token, off_loopback) {
                cx.say(
                    name.at,
                    format!("the {kind} integration has no token, and `{listen}` is off loopback: anybody could send alerts"),
                    "add `token: \"${VARIABLE}\"`, and give it to the sender",
                );
            }
            token.as_ref().map(|t| t.value.clone())
        };
        let (integration, rule) = match raw {
            raw::Integration::Alertmanager(raw) => {
                match (&raw.token.0, open) {
                    (Some(token), _) => unique(&mut tokens, &name.value, token, cx),
                    (None, None) => open = Some(&name.value),
                    (None, Some(other)) => {
                        let message = format!(
                            "`{}` and `{other}` both have no token: nobody can tell them apart",
                            name.value
                        );
                        cx.say(name.at, message, "add a token to one of them");
                    }
                }
                (
                    Integration::Alertmanager { token: token(&raw.token.0, "alertmanager", cx) },
                    rule!(raw, names, cx),
                )
            }
            raw::Integration::Grafana(raw) => {
                (Integration::Grafana { token: token(&raw.token.0, "grafana", cx) }, rule!(raw, names, cx))
            }
            raw::Integration::PagerDuty(raw) => {
                let key = &raw.routing_key.0;
                routing_key(key, cx);
                unique(&mut keys, &name.value, key, cx);
                (Integration::PagerDuty { routing_key: key.value.clone() }, rule!(raw, names, cx))
            }
        };
        integrations.insert(name.value.clone(), integration);
        rules.insert(Name::from(name.value.as_str()), rule);
    }
    (integrations, rules)
}

fn routing_key(key: &Spanned<Secret>, cx: &mut Cx<'_>) {
    let good = |text: &str| text.len() == 32 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if key.value.expose().is_ok_and(|text| !good(text)) {
        cx.say(
            key.at,
            "a routing key has 32 letters and digits, and this one has not",
            "make one with `openssl rand -hex 16`",
        );
    }
}

fn labels(raw: Option<&List<Spanned<String>>>, at: At, cx: &mut Cx<'_>) -> Option<Vec<Name>> {
    let labels: Vec<Name> = raw?.0.iter().map(|l| Name::from(l.value.as_str())).collect();
    if labels.is_empty() {
        return cx.wrong(
            at,
            "a list of labels is empty here",
            "name a label, or remove the key for the default",
        );
    }
    Some(labels)
}

pub(super) fn tls(raw: &raw::TlsFiles, cx: &mut Cx<'_>) -> Tls {
    let files = Tls { cert_file: cx.path(&raw.cert_file.value), key_file: cx.path(&raw.key_file.value) };
    cx.places.certificates.push(Certificate {
        files: files.clone(),
        cert_place: cx.place(raw.cert_file.at),
        key_place: cx.place(raw.key_file.at),
    });
    files
}
