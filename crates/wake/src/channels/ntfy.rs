//! ntfy: <https://docs.ntfy.sh/publish/>.

use super::{Channel, Unfit, expose, failed, post};
use crate::message::Message;
use crate::render;
use foghorn_config::secret::Secret;
use foghorn_core::page::Outcome;
use foghorn_net::http::{Client, HeaderName, HeaderValue, Url};
use futures_util::future::BoxFuture;

pub(super) struct Ntfy {
    client: Client,
    url: Url,
    authorization: Option<HeaderValue>,
}

impl Ntfy {
    pub(super) fn new(client: Client, url: &str, token: Option<&Secret>) -> Result<Ntfy, Unfit> {
        let url = Url::parse(url).map_err(Unfit::wrong)?;
        let authorization = match token {
            None => None,
            Some(token) => Some(
                HeaderValue::from_str(&format!("Bearer {}", expose(token)?))
                    .map_err(|_| Unfit::wrong("token: it has characters that no ntfy token has"))?,
            ),
        };
        Ok(Ntfy { client, url, authorization })
    }

    async fn attempt(&self, m: &Message) -> Outcome {
        let topic_ok = (1..=64).contains(&m.to.len())
            && m.to.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !topic_ok {
            return failed("the contact's address is not an ntfy topic: up to 64 of A-Z a-z 0-9 _ -");
        }
        let mut request = post::post(&self.url, "application/json", render::ntfy(m).to_string());
        if let Some(value) = &self.authorization {
            request.headers.insert(HeaderName::from_static("authorization"), value.clone());
        }
        match post::exchange(&self.client, request).await {
            Ok(response) => post::judge(
                &response,
                |body| post::member(body, "id").map(|id| format!("message {id}")),
                |body| post::member(body, "error"),
            ),
            Err(outcome) => outcome,
        }
    }
}

impl Channel for Ntfy {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(self.attempt(message))
    }
}
