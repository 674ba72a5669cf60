//! The demo talks to Foghorn as anybody else does: by HTTP.

use bytes::Bytes;
use foghorn_net::http::{Client, HeaderMap, HeaderValue, Method, Options, Request, Response, Url};
use http::{StatusCode, header};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// Events that are read at once.
const PAGE: usize = 200;
/// Pages of events that are read in a row.
const MOST_PAGES: usize = 50;

/// A client of one server.
pub struct Foghorn {
    base: String,
    client: Client,
}

impl Foghorn {
    /// At an address.
    pub fn new(at: SocketAddr) -> Foghorn {
        Foghorn { base: format!("http://{at}"), client: Client::new() }
    }

    /// Where it is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Whether it is able to page.
    pub async fn is_ready(&self) -> bool {
        self.send(Method::GET, &format!("{}/readyz", self.base), None)
            .await
            .is_ok_and(|a| a.status.is_success())
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// No answer, or another than 2xx.
    pub async fn get(&self, path: &str) -> Result<Value, String> {
        let answer = self.send(Method::GET, &format!("{}{path}", self.base), None).await?;
        whole(path, &answer)
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// No answer, or another than 2xx.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let json = ("application/json", body.to_string());
        let answer = self.send(Method::POST, &format!("{}{path}", self.base), Some(json)).await?;
        whole(path, &answer)
    }

    /// Every event after `seq` at `path`, oldest first.
    ///
    /// # Errors
    /// As [`Foghorn::get`].
    pub async fn events(&self, path: &str, mut seq: u64) -> Result<Vec<Value>, String> {
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            let mut page = self.get(&format!("{path}?after={seq}&limit={PAGE}")).await?;
            if let Some(events) = page.get_mut("events").and_then(Value::as_array_mut) {
                all.append(events);
            }
            match page.get("next").and_then(Value::as_u64) {
                Some(next) => seq = next,
                None => break,
            }
        }
        Ok(all)
    }

    /// Does what a person does with the link in a page: opens it, and presses the button.
    ///
    /// # Errors
    /// There is no page, or no button on it, or it did not work.
    pub async fn press(&self, link: &str) -> Result<(), String> {
        let page = self.send(Method::GET, link, None).await?;
        let html = String::from_utf8_lossy(&page.body);
        let revision =
            html.split_once("name=\"revision\" value=\"").and_then(|(_, rest)| rest.split('"').next());
        let Some(revision) = revision.filter(|_| page.status.is_success()) else {
            return Err(format!("the link in the page opens no page with a button ({})", page.status));
        };
        let form = ("application/x-www-form-urlencoded", format!("revision={revision}"));
        let pressed = self.send(Method::POST, link, Some(form)).await?;
        match pressed.status {
            StatusCode::SEE_OTHER => Ok(()),
            status => Err(format!("the button in the page does not work ({status})")),
        }
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        body: Option<(&'static str, String)>,
    ) -> Result<Response, String> {
        let url = Url::parse(url).map_err(|e| e.to_string())?;
        let mut headers = HeaderMap::new();
        let body = body.map_or_else(Bytes::new, |(kind, body)| {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            Bytes::from(body)
        });
        let options = Options { timeout: Duration::from_secs(10), max_body: 16 << 20, ..Options::default() };
        self.client.request(Request { method, url, headers, body }, &options).await.map_err(|e| e.to_string())
    }
}

fn whole(path: &str, answer: &Response) -> Result<Value, String> {
    if !answer.status.is_success() {
        let why = String::from_utf8_lossy(&answer.body);
        return Err(format!("{path} answers {}: {why}", answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(|e| format!("{path} answers what is no JSON: {e}"))
}
