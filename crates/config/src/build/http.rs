//! What checks and channels share of HTTP.

use crate::errors::quote;
use crate::read::{Cx, Spanned, Table};
use crate::scalars::http_url;
use crate::secret::Secret;

/// Header names and values; the names are checked here, so that nothing fails when it is used.
pub(super) fn headers(raw: &Table<Secret>, cx: &mut Cx<'_>) -> Vec<(String, Secret)> {
    // RFC 9110, 5.6.2.
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let mut headers = Vec::new();
    for (name, value) in raw.good() {
        if name.value.is_empty() || !name.value.chars().all(token) {
            cx.say(name.at, format!("{} is no header's name", quote(&name.value)), "");
        }
        if value.expose().is_ok_and(|v| v.chars().any(|c| c.is_control() && c != '\t')) {
            cx.say(name.at, "this header's value has a line break or another control character", "");
        }
        headers.push((name.value.clone(), value.clone()));
    }
    headers
}

/// The URL of a check's request, which may have captured values in it.
pub(super) fn check_url(url: &Spanned<Secret>, cx: &mut Cx<'_>) {
    let Ok(text) = url.value.expose() else { return };
    // With values to be put in, only its beginning is known.
    let why = match text.contains("{{") {
        true if text.starts_with("http://") || text.starts_with("https://") || text.starts_with("{{") => {
            return;
        }
        true => "this URL must begin with `http://` or `https://`".to_owned(),
        false => match http_url(text) {
            Ok(_) => return,
            Err(why) => why,
        },
    };
    cx.say(url.at, why, "write it like `http://127.0.0.1:8080/health`");
}
