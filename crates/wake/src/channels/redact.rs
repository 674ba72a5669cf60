//! No secret leaves in an outcome, whatever a provider repeats in its error.

use super::{Channel, Outcome};
use crate::message::Message;
use foghorn_config::model;
use foghorn_config::secret::Secret;
use futures_util::future::BoxFuture;

/// Texts that are not shown.
pub(super) struct Secrets(Vec<String>);

/// Shorter pieces would hide half of any text.
const SHORTEST: usize = 4;
/// Pieces of addresses shorter than this are words (`services`, `page`), not secrets.
const SHORTEST_PIECE: usize = 9;

impl Secrets {
    /// What the configuration of a channel wants hidden.
    pub(super) fn of(config: &model::Channel) -> Secrets {
        use model::Channel as C;
        let mut secrets = Secrets(Vec::new());
        match config {
            C::Smtp { url, .. } | C::Slack { url } => secrets.url(url),
            C::Webhook { url, secret } => {
                secrets.url(url);
                secrets.whole(secret.as_ref());
            }
            C::Ntfy { url, token } => {
                secrets.url(&Secret::new(url.as_str()));
                secrets.whole(token.as_ref());
            }
            C::TwilioVoice(account) | C::TwilioSms(account) => {
                secrets.whole(Some(&account.token));
                if let Ok(token) = account.token.expose() {
                    secrets.basic(&format!("{}:{token}", account.account));
                }
            }
            C::Exec { hidden, .. } => hidden.iter().for_each(|word| secrets.whole(Some(word))),
            C::Http { url, headers, hidden, .. } => {
                secrets.url(url);
                hidden.iter().for_each(|word| secrets.whole(Some(word)));
                for value in headers.values() {
                    secrets.whole(Some(value));
                    // `Bearer TOKEN`
                    secrets.pieces(value);
                }
            }
        }
        // The longest first: a part of it hidden would leave the rest to be seen.
        secrets.0.sort_by_key(|s| std::cmp::Reverse(s.len()));
        secrets.0.dedup();
        secrets
    }

    fn add(&mut self, text: &str, shortest: usize) {
        if text.len() >= shortest {
            self.0.push(text.to_owned());
        }
    }

    fn whole(&mut self, secret: Option<&Secret>) {
        if let Some(Ok(text)) = secret.map(Secret::expose) {
            self.add(text, SHORTEST);
        }
    }

    /// What stands between the signs that an address or a header is made of.
    fn pieces(&mut self, secret: &Secret) {
        let Ok(text) = secret.expose() else { return };
        for piece in text.split(['/', '?', '&', '=', ' ', '{', '}']) {
            self.add(piece, SHORTEST_PIECE);
        }
    }

    /// Password, path and query are secret; scheme, user and host are not.
    fn url(&mut self, secret: &Secret) {
        let Ok(text) = secret.expose() else { return };
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if let Some((user, _)) = authority.rsplit_once('@') {
            let password = user.split_once(':').map_or(user, |(_, password)| password);
            self.add(password, SHORTEST);
            self.basic(user);
            self.add(&percent_encoding::percent_decode_str(password).decode_utf8_lossy(), SHORTEST);
        }
        self.add(path.trim_matches('/'), SHORTEST);
        self.pieces(&Secret::new(path));
    }

    /// The same as a header of a request, which a server may repeat.
    fn basic(&mut self, user_and_password: &str) {
        let decode = |s: &str| percent_encoding::percent_decode_str(s).decode_utf8_lossy().into_owned();
        let (user, password) = user_and_password.split_once(':').unwrap_or((user_and_password, ""));
        let header = foghorn_net::http::basic(&decode(user), &decode(password));
        self.add(header.trim_start_matches("Basic "), SHORTEST);
    }

    pub(super) fn hide(&self, mut text: String) -> String {
        for secret in &self.0 {
            text = foghorn_config::secret::hide(text, secret);
        }
        text
    }
}

/// A channel whose outcomes are gone over.
pub(super) struct Redacted {
    inner: Box<dyn Channel>,
    secrets: Secrets,
}

impl Redacted {
    pub(super) fn new(inner: Box<dyn Channel>, secrets: Secrets) -> Redacted {
        Redacted { inner, secrets }
    }
}

impl Channel for Redacted {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.inner.send(message).await {
                Outcome::Accepted { detail } => Outcome::Accepted { detail: self.secrets.hide(detail) },
                Outcome::Retry { error, after } => Outcome::Retry { error: self.secrets.hide(error), after },
                Outcome::Failed { error } => Outcome::Failed { error: self.secrets.hide(error) },
            }
        })
    }
}
