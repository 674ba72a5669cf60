//! A call that reads the page aloud. Accepted means that Twilio will call, not that somebody listened.

use super::twilio::Account;
use super::{Channel, Unfit};
use crate::message::Message;
use crate::render;
use foghorn_config::model;
use foghorn_core::page::Outcome;
use foghorn_net::http::Client;
use futures_util::future::BoxFuture;

pub(super) struct Voice(Account);

impl Voice {
    pub(super) fn new(client: Client, config: &model::Twilio) -> Result<Voice, Unfit> {
        Account::new(client, config, "Calls").map(Voice)
    }
}

impl Channel for Voice {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            // Rings for 40 s: the next step should not wait for a telephone that is off.
            let form = [("From", self.0.from()), ("Timeout", "40"), ("Twiml", &render::voice(message))];
            self.0.post(&message.to, &form).await
        })
    }
}
