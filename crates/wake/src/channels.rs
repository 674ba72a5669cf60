//! The ways to reach a person. A kind is one file here and one line in [`build`].

mod exec;
mod http;
mod ntfy;
mod post;
mod redact;
mod slack;
mod smtp;
mod twilio;
mod twilio_sms;
mod twilio_voice;
mod webhook;

use crate::message::Message;
use foghorn_config::model;
use foghorn_config::secret::Secret;
use foghorn_core::page::Outcome;
use foghorn_net::http::Client;
use foghorn_net::resolve::Resolver;
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One configured way to reach people.
pub trait Channel: Send + Sync {
    /// Makes one attempt. It may be dropped at its deadline.
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome>;

    /// Why no attempt can work, where that is known beforehand.
    fn unusable(&self) -> Option<&str> {
        None
    }
}

/// A channel's configuration cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("channel {channel}: {why}")]
pub struct BuildError {
    /// Its name.
    pub channel: String,
    /// What is wrong. Never contains a secret.
    pub why: String,
}

/// Why a channel cannot be used.
enum Unfit {
    /// A secret is not there: this is known and may be mended without a change of the configuration.
    Missing(String),
    /// The configuration is wrong.
    Wrong(String),
}

impl Unfit {
    fn wrong(why: impl ToString) -> Unfit {
        Unfit::Wrong(why.to_string())
    }
}

/// The secret's text, or why there is none.
fn expose(secret: &Secret) -> Result<&str, Unfit> {
    secret.expose().map_err(|why| Unfit::Missing(why.to_owned()))
}

/// Makes a channel. One whose secret is missing is made too, and fails at each attempt with the reason: the rest of
/// Foghorn runs.
///
/// # Errors
/// What is wrong with its configuration: an address, a template.
pub fn build(name: &str, config: &model::Channel) -> Result<Box<dyn Channel>, BuildError> {
    use model::Channel as C;
    fn boxed(channel: impl Channel + 'static) -> Box<dyn Channel> {
        Box::new(channel)
    }
    // Each has connections and look-ups of its own: nothing that hangs for one holds up another.
    let client = || Client::of(name);
    let made = match config {
        C::Smtp { url, from } => smtp::Smtp::new(Resolver::of(name), url, from).map(boxed),
        C::Webhook { url, secret } => webhook::Webhook::new(client(), url, secret.as_ref()).map(boxed),
        C::Ntfy { url, token } => ntfy::Ntfy::new(client(), url, token.as_ref()).map(boxed),
        C::Slack { url } => slack::Slack::new(client(), url).map(boxed),
        C::TwilioVoice(account) => twilio_voice::Voice::new(client(), account).map(boxed),
        C::TwilioSms(account) => twilio_sms::Sms::new(client(), account).map(boxed),
        C::Exec { command, timeout, .. } => exec::Exec::new(command, *timeout).map(boxed),
        C::Http { url, method, headers, body, .. } => {
            http::Http::new(client(), url, method, headers, body).map(boxed)
        }
    };
    let secrets = redact::Secrets::of(config);
    match made {
        Ok(channel) => Ok(Box::new(redact::Redacted::new(channel, secrets))),
        Err(Unfit::Missing(why)) => Ok(Box::new(Unusable(why))),
        Err(Unfit::Wrong(why)) => Err(BuildError { channel: name.to_owned(), why: secrets.hide(why) }),
    }
}

/// Makes all of them. A wrong one is told and, at each attempt, fails with the reason.
#[must_use]
pub fn build_all(
    configs: &BTreeMap<String, model::Channel>,
) -> (BTreeMap<String, Arc<dyn Channel>>, Vec<BuildError>) {
    let mut errors = Vec::new();
    let channels = configs
        .iter()
        .map(|(name, config)| {
            let channel: Arc<dyn Channel> = match build(name, config) {
                Ok(channel) => Arc::from(channel),
                Err(e) => {
                    let unusable = Unusable(e.why.clone());
                    errors.push(e);
                    Arc::new(unusable)
                }
            };
            (name.clone(), channel)
        })
        .collect();
    (channels, errors)
}

/// Stands in for a channel that cannot be used, and says why.
struct Unusable(String);

impl Channel for Unusable {
    fn send<'a>(&'a self, _message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(std::future::ready(failed(&self.0)))
    }

    fn unusable(&self) -> Option<&str> {
        Some(&self.0)
    }
}

fn failed(error: impl ToString) -> Outcome {
    Outcome::Failed { error: error.to_string() }
}

fn retry(error: impl ToString) -> Outcome {
    Outcome::Retry { error: error.to_string(), after: None }
}
