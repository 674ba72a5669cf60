//! Cookies within one run, after RFC 6265. There is no list of public suffixes: the servers are the user's own.

use std::time::{Duration, SystemTime};
use url::{Host, Url};

/// More cookies are not kept.
const MOST: usize = 64;
/// Longer ones neither.
const LONGEST: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// For this very host, not for those below it.
    host_only: bool,
    path: String,
    secure: bool,
    ends: Option<SystemTime>,
}

/// What servers have set so far.
#[derive(Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

impl Jar {
    /// Takes in a `Set-Cookie` header of an answer from `url`. One that does not concern that server is ignored.
    pub(super) fn set(&mut self, url: &Url, line: &str, now: SystemTime) {
        let Some(cookie) = parse(url, line, now) else { return };
        self.0.retain(|c| (&c.name, &c.domain, &c.path) != (&cookie.name, &cookie.domain, &cookie.path));
        if cookie.ends.is_none_or(|e| e > now) && self.0.len() < MOST {
            self.0.push(cookie);
        }
    }

    /// The `Cookie` header for a request.
    pub(super) fn get(&self, url: &Url, now: SystemTime) -> Option<String> {
        let host = url.host_str()?;
        let mut fit: Vec<&Cookie> = self
            .0
            .iter()
            .filter(|c| if c.host_only { c.domain == host } else { within(host, &c.domain) })
            .filter(|c| path_within(url.path(), &c.path))
            .filter(|c| !c.secure || url.scheme() == "https")
            .filter(|c| c.ends.is_none_or(|e| e > now))
            .collect();
        fit.sort_by_key(|c| std::cmp::Reverse(c.path.len()));
        let line: Vec<String> = fit.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        (!line.is_empty()).then(|| line.join("; "))
    }
}

fn within(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|h| h.ends_with('.'))
}

fn path_within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'))
}

fn parse(url: &Url, line: &str, now: SystemTime) -> Option<Cookie> {
    if line.len() > LONGEST {
        return None;
    }
    let mut parts = line.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let host = url.host_str()?;
    let mut cookie = Cookie {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        domain: host.to_owned(),
        host_only: true,
        path: default_path(url.path()).to_owned(),
        secure: false,
        ends: None,
    };
    if cookie.name.is_empty() {
        return None;
    }
    let mut max_age = None;
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "domain" if !value.is_empty() => {
                let domain = value.strip_prefix('.').unwrap_or(value).to_ascii_lowercase();
                // A server may speak for its own domain only, and an address has none.
                if !within(host, &domain) || (!matches!(url.host(), Some(Host::Domain(_))) && domain != host)
                {
                    return None;
                }
                cookie.host_only = !matches!(url.host(), Some(Host::Domain(_)));
                cookie.domain = domain;
            }
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "secure" => cookie.secure = true,
            "max-age" => max_age = value.parse::<i64>().ok(),
            "expires" => cookie.ends = httpdate::parse_http_date(value).ok(),
            _ => {}
        }
    }
    if let Some(seconds) = max_age {
        // What ends after the calendar does not end within this run.
        cookie.ends = match u64::try_from(seconds) {
            Ok(s) if s > 0 => now.checked_add(Duration::from_secs(s)),
            _ => Some(SystemTime::UNIX_EPOCH),
        };
    }
    Some(cookie)
}

fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(end) => path.get(..end).unwrap_or("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sent(from: &str, lines: &[&str], to: &str) -> String {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let mut jar = Jar::default();
        for line in lines {
            jar.set(&Url::parse(from).unwrap(), line, now);
        }
        jar.get(&Url::parse(to).unwrap(), now).unwrap_or_default()
    }

    #[test]
    fn cookies_go_where_they_belong() {
        let from = "https://www.shop.example/account/login";
        for (lines, to, want) in [
            (&["s=1"][..], "https://www.shop.example/account/x", "s=1"),
            (&["s=1"], "https://www.shop.example/", ""),
            (&["s=1; Path=/"], "https://www.shop.example/", "s=1"),
            (&["s=1; Path=/"], "https://other.example/", ""),
            (&["s=1; Path=/"], "https://a.www.shop.example/", ""),
            (&["s=1; Path=/; Domain=.shop.example"], "https://api.shop.example/", "s=1"),
            (&["s=1; Path=/; Domain=example.org"], "https://example.org/", ""),
            (&["s=1; Path=/; Secure; HttpOnly"], "http://www.shop.example/", ""),
            (&["s=1; Path=/", "s=2; path=/"], "https://www.shop.example/", "s=2"),
            (&["s=1; Path=/", "s=; path=/; max-age=0"], "https://www.shop.example/", ""),
            (
                &["s=1; Path=/", "s=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT"],
                "https://www.shop.example/",
                "",
            ),
            (&["a=1; Path=/", "b=2; Path=/account"], "https://www.shop.example/account/x", "b=2; a=1"),
            (&["s=1; Path=/acc"], "https://www.shop.example/account", ""),
            (&["nonsense", "=x", ""], "https://www.shop.example/account/", ""),
        ] {
            assert_eq!(sent(from, lines, to), want, "{lines:?} to {to}");
        }
    }

    #[test]
    fn a_jar_has_a_bottom() {
        let lines: Vec<String> = (0..1000).map(|i| format!("c{i}=1; Path=/")).collect();
        let refs: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(sent("http://a.example/", &refs, "http://a.example/").split("; ").count(), MOST);
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_left(line in ".{0,200}", attribute in "(domain|path|max-age|expires|secure)=.{0,40}") {
            let sent = sent("http://a.example/x/y", &[&format!("{line};{attribute}")], "http://b.example/");
            prop_assert_eq!(sent, "", "one server's cookie went to another");
        }
    }
}
