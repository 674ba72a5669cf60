//! Slack's incoming webhooks: `200 ok`, or an error's name as plain text (`invalid_payload`, `no_service`).

use super::{Channel, Unfit, expose, post};
use crate::message::Message;
use crate::render;
use foghorn_config::secret::Secret;
use foghorn_core::page::Outcome;
use foghorn_net::http::{Client, Url};
use futures_util::future::BoxFuture;

pub(super) struct Slack {
    client: Client,
    url: Url,
}

impl Slack {
    pub(super) fn new(client: Client, url: &Secret) -> Result<Slack, Unfit> {
        Ok(Slack { client, url: Url::parse(expose(url)?).map_err(Unfit::wrong)? })
    }
}

impl Channel for Slack {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let request = post::post(&self.url, "application/json", render::slack(message).to_string());
            match post::exchange(&self.client, request).await {
                Ok(response) => post::judge(&response, |_| Some("ok".to_owned()), |_| None),
                Err(outcome) => outcome,
            }
        })
    }
}
