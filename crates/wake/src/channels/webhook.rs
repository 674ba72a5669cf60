//! JSON by POST, signed per Standard Webhooks.

use super::{Channel, Unfit, expose, failed, post};
use crate::message::Message;
use crate::render::json;
use crate::sign;
use foghorn_config::secret::Secret;
use foghorn_core::page::Outcome;
use foghorn_net::http::{Client, HeaderName, HeaderValue, Url};
use futures_util::future::BoxFuture;

pub(super) struct Webhook {
    client: Client,
    url: Url,
    keys: Option<Vec<Vec<u8>>>,
}

impl Webhook {
    pub(super) fn new(client: Client, url: &Secret, secret: Option<&Secret>) -> Result<Webhook, Unfit> {
        let url = Url::parse(expose(url)?).map_err(Unfit::wrong)?;
        let keys = match secret {
            None => None,
            Some(secret) => {
                Some(sign::keys(expose(secret)?).map_err(|why| Unfit::Wrong(format!("secret: {why}")))?)
            }
        };
        Ok(Webhook { client, url, keys })
    }

    async fn attempt(&self, m: &Message) -> Outcome {
        let body = match json(m) {
            Ok(body) => body,
            Err(e) => return failed(e),
        };
        let id = crate::render::wire_id(&m.id);
        let timestamp = m.sent_at.timestamp().as_second();
        let mut headers = vec![("webhook-id", id.clone()), ("webhook-timestamp", timestamp.to_string())];
        if let Some(keys) = &self.keys {
            match sign::signatures(keys, &id, timestamp, body.as_bytes()) {
                Ok(signature) => headers.push(("webhook-signature", signature)),
                Err(e) => return failed(e),
            }
        }
        let mut request = post::post(&self.url, "application/json", body);
        for (name, value) in headers {
            match HeaderValue::from_str(&value) {
                Ok(value) => request.headers.insert(HeaderName::from_static(name), value),
                Err(e) => return failed(format!("{name}: {e}")),
            };
        }
        match post::exchange(&self.client, request).await {
            Ok(response) => post::judge(&response, |_| None, |_| None),
            Err(outcome) => outcome,
        }
    }
}

impl Channel for Webhook {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(self.attempt(message))
    }
}
