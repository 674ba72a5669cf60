//! A browser without JavaScript: it keeps cookies, follows nothing by itself, and fills in the forms that it is shown.

use crate::kit::{Answer, Kit, send};
use axum::body::Body;
use foghorn_config::model::Role;
use foghorn_console::Account;
use foghorn_net::serve::Peer;
use http::Request;
use std::collections::BTreeMap;
use std::sync::Mutex;

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Browser<'a> {
    kit: &'a Kit,
    pub(crate) jar: Mutex<BTreeMap<String, String>>,
    pub(crate) address: &'static str,
}

impl Kit {
    /// An account with the role as its name and [`PASSWORD`].
    pub(crate) fn account(&self, name: &str, role: Role, person: Option<&str>) {
        let account = Account { name: name.to_owned(), role, person: person.map(str::to_owned) };
        self.accounts.add(&account, PASSWORD).unwrap();
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { kit: self, jar: Mutex::default(), address: "192.0.2.7:50000" }
    }

    /// A browser in which somebody with the role is logged in.
    pub(crate) async fn logged_in(&self, name: &str, role: Role) -> Browser<'_> {
        self.account(name, role, None);
        let browser = self.browser();
        let answer = browser.log_in(name, PASSWORD).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/"), "{}", answer.text);
        browser
    }
}

/// As browsers write a field.
pub(crate) fn written(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// The value of a hidden field.
pub(crate) fn hidden(page: &str, name: &str) -> Option<String> {
    let at = page.find(&format!("name=\"{name}\" value=\""))?;
    let rest = &page[at..];
    let value = rest.split("value=\"").nth(1)?.split('"').next()?;
    Some(value.to_owned())
}

impl Answer {
    /// Where a button leads, and what is told there: `/incidents/1 noted`, `/incidents/1 noted unsaved`.
    pub(crate) fn led(&self) -> String {
        let cookies = self.headers.get_all("set-cookie").into_iter().map(|c| c.to_str().unwrap());
        let flash = cookies.filter_map(|c| c.strip_prefix("foghorn-done=")).next().unwrap_or("");
        let (done, rest) = flash.split_once('-').unwrap_or_default();
        let unsaved = if rest.starts_with("unsaved-") { " unsaved" } else { "" };
        format!("{} {done}{unsaved}", self.header("location"))
    }
}

impl Browser<'_> {
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:7070");
        if !headers.iter().any(|(n, _)| *n == "accept") {
            request = request.header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies: Vec<String> = self.jar.lock().unwrap().iter().map(|(n, v)| format!("{n}={v}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(Peer { address: self.address.parse().unwrap(), tls: false });
        let answer = send(&self.kit.api, request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let (pair, rest) = cookie.to_str().unwrap().split_once(';').unwrap();
            assert!(rest.contains("HttpOnly") && rest.contains("SameSite=Lax"), "{rest}");
            let (name, value) = pair.split_once('=').unwrap();
            if rest.contains("Max-Age=0;") {
                self.jar.lock().unwrap().remove(name);
            } else {
                self.jar.lock().unwrap().insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], String::new()).await
    }

    /// A page that must be there, whole and small.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let text = answer.text;
        assert!(text.len() < 100_000, "{path} has {} bytes", text.len());
        assert!(text.trim_end().ends_with("</html>"), "{path}");
        text
    }

    pub(crate) async fn post_raw(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let body: Vec<String> = fields.iter().map(|(n, v)| format!("{n}={}", written(v))).collect();
        let mut all =
            vec![("content-type", "application/x-www-form-urlencoded"), ("origin", "http://127.0.0.1:7070")];
        all.retain(|(n, _)| !headers.iter().any(|(m, _)| n == m));
        all.extend(headers);
        all.retain(|(_, v)| !v.is_empty());
        self.send("POST", path, &all, body.join("&")).await
    }

    /// Sends a form with the token that the console's pages have.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = hidden(&self.page("/account").await, "form").unwrap();
        let mut all = vec![("form", token.as_str())];
        all.extend(fields);
        self.post_raw(path, &all, &[]).await
    }

    pub(crate) async fn log_in(&self, name: &str, password: &str) -> Answer {
        self.log_in_to("/log-in", name, password).await
    }

    pub(crate) async fn log_in_to(&self, at: &str, name: &str, password: &str) -> Answer {
        let shown = self.get(at).await;
        self.fill_in(&shown.text, name, password).await
    }

    /// Fills in a log-in page.
    pub(crate) async fn fill_in(&self, shown: &str, name: &str, password: &str) -> Answer {
        let keep = |field: &str| hidden(shown, field).unwrap_or_default();
        let (form, next, action) = (keep("form"), keep("next"), keep("action"));
        let fields = [
            ("form", form.as_str()),
            ("next", &next),
            ("action", &action),
            ("name", name),
            ("password", password),
        ];
        self.post_raw("/log-in", &fields, &[]).await
    }

    pub(crate) fn cookie(&self) -> Option<String> {
        self.jar.lock().unwrap().get("foghorn").cloned()
    }
}
