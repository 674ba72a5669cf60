//! Any HTTP API, by templates: `{{ to }}`, `{{ title }}`, `{{ text|json }}`, `{{ ack_url|urlencode }}`.

use super::{Channel, Unfit, expose, failed, post};
use crate::message::{Kind, Message, Person};
use crate::render;
use foghorn_config::secret::Secret;
use foghorn_core::page::Outcome;
use foghorn_core::time::Wall;
use foghorn_net::http::{Client, HeaderMap, HeaderName, HeaderValue, Method, Request, Url};
use futures_util::future::BoxFuture;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};
use std::collections::BTreeMap;

pub(super) struct Http {
    client: Client,
    templates: Environment<'static>,
    method: Method,
    headers: Vec<(HeaderName, String)>,
}

impl Http {
    pub(super) fn new(
        client: Client,
        url: &Secret,
        method: &str,
        headers: &BTreeMap<String, Secret>,
        body: &str,
    ) -> Result<Http, Unfit> {
        let method =
            Method::from_bytes(method.as_bytes()).map_err(|_| Unfit::wrong("method: not a method"))?;
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.add_filter("json", as_json);
        templates.add_filter("urlencode", urlencode);
        let mut add = |name: String, source: &str| {
            templates
                .add_template_owned(name.clone(), source.to_owned())
                .map_err(|e| Unfit::Wrong(text(&name, &e)))
        };
        add("url".to_owned(), expose(url)?)?;
        add("body".to_owned(), body)?;
        let mut names = Vec::new();
        for (name, value) in headers {
            let template = format!("header {name}");
            add(template.clone(), expose(value)?)?;
            let name = name.to_ascii_lowercase();
            let parsed = HeaderName::from_bytes(name.as_bytes());
            names.push((
                parsed.map_err(|_| Unfit::Wrong(format!("headers: {name:?} is not a header's name")))?,
                template,
            ));
        }
        let http = Http { client, templates, method, headers: names };
        // Now is the time to learn of a wrong name, not at three in the morning.
        let person = Person { id: "test".to_owned(), name: "Test".to_owned(), time_zone: "UTC".to_owned() };
        let sample = Message::test(person, "test", Wall(0), "http://127.0.0.1");
        http.request(&sample).map_err(Unfit::Wrong)?;
        Ok(http)
    }

    fn request(&self, m: &Message) -> Result<Request, String> {
        let values = values(m)?;
        let render = |name: &str| {
            let template = self.templates.get_template(name).map_err(|e| text(name, &e))?;
            template.render(&values).map_err(|e| text(name, &e))
        };
        let url = Url::parse(&render("url")?).map_err(|e| format!("url: {e}"))?;
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let value = HeaderValue::from_bytes(render(template)?.as_bytes());
            headers.insert(
                name.clone(),
                value.map_err(|_| format!("{template}: a header cannot have line ends"))?,
            );
        }
        let body = render("body")?;
        // Receivers of JSON refuse what does not say that it is.
        if !body.is_empty() && !headers.contains_key(post::CONTENT_TYPE) {
            let json = serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
            let kind = if json { "application/json" } else { "text/plain; charset=utf-8" };
            headers.insert(post::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        Ok(Request { method: self.method.clone(), url, headers, body: body.into() })
    }

    async fn attempt(&self, m: &Message) -> Outcome {
        let request = match self.request(m) {
            Ok(request) => request,
            Err(e) => return failed(e),
        };
        match post::exchange(&self.client, request).await {
            Ok(response) => post::judge(&response, |_| None, |_| None),
            Err(outcome) => outcome,
        }
    }
}

/// What templates may name: the members of the webhook's JSON, and what people read, each on one line but `text`.
fn values(m: &Message) -> Result<Value, String> {
    let mut all: serde_json::Map<String, serde_json::Value> =
        render::json(m).and_then(|json| serde_json::from_str(&json)).map_err(|e| e.to_string())?;
    let view = render::view(m);
    for (name, value) in [
        ("title", title(m)),
        ("headline", view.headline.clone()),
        ("severity", m.incident.severity.to_string()),
        ("url", view.link.1.clone()),
        ("text", view.text()),
        ("short_text", render::sms(m)),
        ("to", crate::text::line(&m.to, 300)),
    ] {
        all.insert(name.to_owned(), value.into());
    }
    Ok(Value::from(minijinja::value::Serde(all)))
}

/// The incident's title; a notice says first that it is one, for templates that never ask for `kind`.
fn title(m: &Message) -> String {
    let before = match &m.kind {
        Kind::Page | Kind::Test => String::new(),
        Kind::Acknowledged { by } => format!("Acknowledged by {by}: "),
        Kind::Resolved { by: Some(by) } => format!("Resolved by {by}: "),
        Kind::Resolved { by: None } => "Resolved: ".to_owned(),
    };
    crate::text::line(&(before + &m.incident.title), 300)
}

fn text(template: &str, e: &Error) -> String {
    let at = e.line().map(|line| format!(" line {line}")).unwrap_or_default();
    let detail = e.detail().map(|d| format!(": {d}")).unwrap_or_default();
    format!("{template}{at}: {}{detail}", e.kind())
}

fn as_json(value: &Value) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|e| Error::new(ErrorKind::BadSerialization, e.to_string()))
}

fn urlencode(value: &str) -> String {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
}

impl Channel for Http {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(self.attempt(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_config::model::{TEMPLATE_FILTERS, TEMPLATE_VARIABLES};

    fn sample(kind: Kind) -> Message {
        let person = Person { id: "ana".to_owned(), name: "Ana".to_owned(), time_zone: "UTC".to_owned() };
        let mut m = Message::test(person, "ana", Wall(0), "http://127.0.0.1");
        m.kind = kind;
        m.incident.title = "shop is down".to_owned();
        m
    }

    /// A name that the configuration lets pass must be there when somebody is woken, and the other way round.
    #[test]
    fn templates_may_name_what_there_is() {
        let values = values(&sample(Kind::Page)).unwrap();
        let mut names: Vec<String> = values.try_iter().unwrap().map(|name| name.to_string()).collect();
        names.sort();
        assert_eq!(names, TEMPLATE_VARIABLES);
        for filter in TEMPLATE_FILTERS {
            Http::new(
                Client::new(),
                &Secret::new("http://127.0.0.1"),
                "POST",
                &BTreeMap::new(),
                &format!("{{{{ to|{filter} }}}}"),
            )
            .unwrap_or_else(|_| panic!("{filter}"));
        }
    }

    #[test]
    fn a_notice_is_none_the_less_one_where_the_template_has_a_title_only() {
        let http = Http::new(
            Client::new(),
            &Secret::new("http://127.0.0.1"),
            "POST",
            &BTreeMap::new(),
            "{{ title }}",
        );
        let http = http.unwrap_or_else(|_| panic!("it is a good channel"));
        for (kind, want) in [
            (Kind::Page, "shop is down"),
            (Kind::Acknowledged { by: "Ana".to_owned() }, "Acknowledged by Ana: shop is down"),
            (Kind::Resolved { by: Some("Ben".to_owned()) }, "Resolved by Ben: shop is down"),
            (Kind::Resolved { by: None }, "Resolved: shop is down"),
        ] {
            assert_eq!(http.request(&sample(kind)).unwrap().body, want);
        }
    }
}
