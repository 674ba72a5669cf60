//! What calls and text messages share: Twilio's REST API of 2010-04-01.

use super::{Unfit, expose, failed, post};
use foghorn_config::model;
use foghorn_core::page::Outcome;
use foghorn_net::http::{Client, HeaderName, HeaderValue, Url, basic};

pub(super) struct Account {
    client: Client,
    url: Url,
    authorization: HeaderValue,
    from: String,
}

impl Account {
    /// `resource`: `Calls` or `Messages`.
    pub(super) fn new(client: Client, config: &model::Twilio, resource: &str) -> Result<Account, Unfit> {
        let sid = &config.account;
        if !sid.starts_with("AC") || !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Unfit::wrong(
                "account: a Twilio account begins with AC and has letters and digits only",
            ));
        }
        let url = format!("{}/2010-04-01/Accounts/{sid}/{resource}.json", config.url.trim_end_matches('/'));
        let authorization =
            HeaderValue::from_str(&basic(sid, expose(&config.token)?)).map_err(Unfit::wrong)?;
        Ok(Account {
            client,
            url: Url::parse(&url).map_err(Unfit::wrong)?,
            authorization,
            from: config.from.clone(),
        })
    }

    /// The number or service that it comes from.
    pub(super) fn from(&self) -> &str {
        &self.from
    }

    /// Posts a form.
    pub(super) async fn post(&self, to: &str, form: &[(&str, &str)]) -> Outcome {
        // Asking Twilio costs money and gives the same answer (21211) later.
        if !is_e164(to) {
            return failed("the contact's address is not a telephone number like +351912345678");
        }
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("To", to)
            .extend_pairs(form)
            .finish();
        let mut request = post::post(&self.url, "application/x-www-form-urlencoded", body);
        request.headers.insert(HeaderName::from_static("authorization"), self.authorization.clone());
        let reason = |body: &str| {
            Some(format!("Twilio {}: {}", post::member(body, "code")?, post::member(body, "message")?))
        };
        let detail =
            |body: &str| Some(format!("{} {}", post::member(body, "sid")?, post::member(body, "status")?));
        match post::exchange(&self.client, request).await {
            Ok(response) => post::judge(&response, detail, reason),
            Err(outcome) => outcome,
        }
    }
}

/// `+`, no zero, 7 to 15 digits: ITU-T E.164.
fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}
