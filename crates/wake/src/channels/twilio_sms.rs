//! Text messages.

use super::twilio::Account;
use super::{Channel, Unfit};
use crate::message::Message;
use crate::render;
use foghorn_config::model;
use foghorn_core::page::Outcome;
use foghorn_net::http::Client;
use futures_util::future::BoxFuture;

pub(super) struct Sms(Account);

impl Sms {
    pub(super) fn new(client: Client, config: &model::Twilio) -> Result<Sms, Unfit> {
        Account::new(client, config, "Messages").map(Sms)
    }
}

impl Channel for Sms {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let from = self.0.from();
            let sender = if from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
            self.0.post(&message.to, &[(sender, from), ("Body", &render::sms(message))]).await
        })
    }
}
