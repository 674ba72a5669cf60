//! Whether the links in pages lead to where whoever is paged can follow them, and nobody else to more.

use crate::errors::{At, quote};
use crate::model::{Channel, Integration, Server};
use crate::raw::{self, File};
use crate::read::Cx;
use foghorn_core::setup::Setup;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Where a URL leads, as seen from another host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// To `0.0.0.0` or `::`, which is no address to go to.
    Nowhere,
    /// To whoever asks.
    Here,
    /// To a host.
    There,
}

/// Warns of links that nobody can follow. A first try with everything on one host is none: its mail server, or whatever
/// stands in for a telephone, is on loopback too.
pub(super) fn lead_somewhere(
    file: &File,
    server: &Server,
    setup: &Setup,
    channels: &BTreeMap<String, Channel>,
    cx: &mut Cx<'_>,
) {
    let Some(raw) = &file.server.0 else { return };
    if raw.links_listen.is_some() && raw.public_url.is_none() {
        // That is told already, with the same to do.
        return;
    }
    let used: BTreeSet<&str> =
        setup.people.values().flat_map(|p| &p.contacts).map(|c| c.channel.as_str()).collect();
    let away: Vec<&str> =
        used.iter().copied().filter(|name| channels.get(*name).is_some_and(goes_away)).collect();
    let nobody = match lead(&server.public_url) {
        Some(Lead::Nowhere) => "which is no address that anybody can open".to_owned(),
        Some(Lead::Here) if !away.is_empty() => {
            format!("which is reached from this host alone, and pages leave it by {}", away.join(", "))
        }
        _ => return,
    };
    let call = |name: &&str| matches!(channels.get(*name), Some(Channel::TwilioVoice(_)));
    let key = if used.iter().any(call) { ", and the key pressed in a call," } else { "" };
    let at = raw.public_url.as_ref().map_or(raw.listen.at, |url| url.at);
    cx.warn(
        at,
        &format!(
            "the links in pages{key} lead to `{}`, {nobody}: write `public_url:` under `server`, the address at which telephones reach it",
            server.public_url
        ),
    );
}

/// Where stands the address of a proxy that leads to all that this server does.
fn passed_on(raw: &raw::Server) -> Option<At> {
    let behind = raw.listen.value.ip().is_loopback() && raw.links_listen.is_none();
    let url = raw.public_url.as_ref().filter(|url| behind && lead(&url.value.0) == Some(Lead::There));
    url.map(|url| url.at)
}

/// Warns of a proxy whose every request might be taken for one of this host. Without a token whoever is on this host is an
/// admin, and a proxy that names nobody is on this host.
pub(super) fn proxy_names_whom(raw: &raw::Server, cx: &mut Cx<'_>) {
    let Some(at) = passed_on(raw).filter(|_| raw.tokens.0.is_empty()) else { return };
    cx.warn(
        at,
        &format!(
            "no token is configured, so whoever reaches `{}` by a proxy that does not send `X-Forwarded-For` may do everything: write `links_listen:` and have the proxy lead there alone, or a token under `tokens:`; and have the proxy send `X-Forwarded-For`",
            raw.listen.value
        ),
    );
}

/// The same of what other tools may do: an integration without a token takes whoever seems to be on this host.
pub(super) fn proxy_names_senders(
    file: &File,
    integrations: &BTreeMap<String, Integration>,
    cx: &mut Cx<'_>,
) {
    let Some(raw) = &file.server.0 else { return };
    // Without any token at all that has been said.
    if passed_on(raw).is_none() || raw.tokens.0.is_empty() {
        return;
    }
    for (name, _) in file.integrations.good() {
        let open = matches!(
            integrations.get(&name.value),
            Some(Integration::Alertmanager { token: None } | Integration::Grafana { token: None })
        );
        if open {
            cx.warn(
                name.at,
                &format!(
                    "the integration {} has no token, so whoever reaches `{}` by a proxy that does not send `X-Forwarded-For` may send it alerts: write a `token:`, or have the proxy send `X-Forwarded-For`",
                    quote(&name.value),
                    raw.listen.value
                ),
            );
        }
    }
}

/// Whether a page by this channel is read somewhere else. Of a program, and of a secret that is missing, that is not known.
fn goes_away(channel: &Channel) -> bool {
    let url = match channel {
        Channel::Smtp { url, .. }
        | Channel::Webhook { url, .. }
        | Channel::Slack { url }
        | Channel::Http { url, .. } => url.expose().ok(),
        Channel::Ntfy { url, .. } => Some(url.as_str()),
        Channel::TwilioVoice(twilio) | Channel::TwilioSms(twilio) => Some(twilio.url.as_str()),
        Channel::Exec { .. } => None,
    };
    url.and_then(lead) == Some(Lead::There)
}

fn lead(url: &str) -> Option<Lead> {
    let url = url::Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    Some(match host.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(ip) if ip.is_unspecified() => Lead::Nowhere,
        Ok(ip) if ip.is_loopback() => Lead::Here,
        Err(_) if host == "localhost" || host.ends_with(".localhost") => Lead::Here,
        _ => Lead::There,
    })
}
