//! Keeping secrets out of what is shown.

use foghorn_config::model::HttpCheck;
use foghorn_config::secret::Secret;
use percent_encoding::percent_decode_str;
use std::borrow::Borrow;
use url::Url;

/// Shorter words are not hidden: they are in every text, and no secrets.
const SHORTEST: usize = 4;
/// Parts of a secret are hidden from this length on: the token in `Bearer …`, the password in a form.
const SHORTEST_PART: usize = 8;

/// Whether a header says nothing of who asks.
pub(super) fn is_plain(name: &str) -> bool {
    const PLAIN: [&str; 5] = ["accept", "accept-language", "content-type", "host", "user-agent"];
    PLAIN.iter().any(|p| name.eq_ignore_ascii_case(p))
}

/// What a check sends and was given as a secret. Headers that say nothing of who asks are none, nor are names of hosts.
pub(super) fn of(http: &HttpCheck) -> Vec<Secret> {
    let given = http.steps.iter().flat_map(|step| {
        let headers = step.headers.iter().filter(|(name, _)| !is_plain(name));
        headers.map(|(_, value)| value).chain([&step.body]).cloned()
    });
    let addresses = || http.steps.iter().filter_map(|step| step.url.expose().ok()).map(Address::read);
    let mut hosts: Vec<String> = addresses().map(|address| address.host).collect();
    hosts.extend(http.connect_to.iter().map(|target| target.host.clone()));
    let words = addresses().flat_map(|address| address.words);
    let words = words.filter(|word| !hosts.iter().any(|host| host.contains(word.as_str())));
    given.chain(words.map(Secret::new)).collect()
}

/// What an address is made of.
struct Address {
    host: String,
    /// What may be a secret: who asks, segments of the path and values of the query, as they are sent and as they are read.
    words: Vec<String>,
}

impl Address {
    /// One with `{{names}}` in it need not be an address yet.
    fn read(text: &str) -> Address {
        let text = Url::parse(text).map_or_else(|_| text.to_owned(), String::from);
        let rest = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let values = query.split('&').map(|pair| match pair.split_once('=') {
            Some((_, value)) if !value.is_empty() => value,
            // `?KEY`, without a name.
            _ => pair,
        });
        let sent = user.split(':').chain(path.split('/')).chain(values);
        let words = sent.filter(|word| word.len() >= SHORTEST_PART).flat_map(|word| {
            let read = |word: &str| percent_decode_str(word).decode_utf8_lossy().into_owned();
            [word.to_owned(), read(word), read(&word.replace('+', " "))]
        });
        Address { host: host.to_owned(), words: words.collect() }
    }
}

/// A text without what stands in secrets, be it all of one or a longer part.
pub(super) fn hide(text: &str, secrets: impl IntoIterator<Item = impl Borrow<Secret>>) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        let Ok(secret) = secret.borrow().expose() else { continue };
        let parts = secret.split(|c: char| !(c.is_alphanumeric() || "-_.+/~!$@#%^*".contains(c)));
        let long = parts.filter(|p| p.len() >= SHORTEST_PART);
        for word in std::iter::once(secret).filter(|s| s.len() >= SHORTEST).chain(long) {
            text = foghorn_config::secret::hide(text, word);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_config::model::HttpStep;

    #[test]
    fn secrets_and_their_parts_are_hidden() {
        for (secret, text, want) in [
            ("hunter22", "wrong password hunter22", "wrong password …"),
            ("Bearer abcdefgh.1", "token abcdefgh.1 is no good for Bearer", "token … is no good for Bearer"),
            (
                r#"{"user": "ana", "password": "correct horse battery"}"#,
                "no password for ana",
                "no … for ana",
            ),
            ("x", "x is not hidden", "x is not hidden"),
            ("", "nothing", "nothing"),
        ] {
            assert_eq!(hide(text, [&Secret::new(secret)]), want, "{secret}");
        }
    }

    fn asks(url: &str) -> HttpCheck {
        let step = HttpStep {
            method: "GET".to_owned(),
            url: Secret::new(url),
            headers: Vec::new(),
            body: Secret::new(""),
            expect: Vec::new(),
            capture: Vec::new(),
        };
        HttpCheck {
            steps: vec![step],
            keep_alive: false,
            http2: false,
            redirects: 0,
            insecure: false,
            ca_file: None,
            connect_to: None,
            source: None,
        }
    }

    #[test]
    fn of_an_address_its_host_is_shown_and_the_rest_is_not() {
        for (url, text, want) in [
            ("https://a.example/hook/4f9c1d2e", "unknown hook 4f9c1d2e", "unknown hook …"),
            ("https://a.example/x?id=7&key=4f9c1d2e", "unknown key 4f9c1d2e of 7", "unknown key … of 7"),
            ("https://a.example/x?4f9c1d2e", "unknown key 4f9c1d2e", "unknown key …"),
            ("https://a.example/x?key=correct%20horse", "correct horse, correct%20horse", "…, …"),
            ("https://a.example/x?key=correct+horse", "no correct horse", "no …"),
            ("https://a.example/correct horse", "GET /correct%20horse", "GET /…"),
            (
                "https://watcher:hunter22@a.example/",
                "watcher may not log in with hunter22",
                "watcher may not log in with …",
            ),
            ("https://{{host}}/hook/4f9c1d2e", "unknown hook 4f9c1d2e", "unknown hook …"),
            ("https://a.example/api/v1", "GET /api/v1 of a.example", "GET /api/v1 of a.example"),
            (
                "https://shop.internal.example/internal",
                "cannot resolve shop.internal.example",
                "cannot resolve shop.internal.example",
            ),
            ("https://a.example:8443/4f9c1d2e", "a.example:8443: no 4f9c1d2e", "a.example:8443: no …"),
        ] {
            assert_eq!(hide(text, of(&asks(url))), want, "{url}");
        }
    }
}
