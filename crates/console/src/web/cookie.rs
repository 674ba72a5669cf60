//! Cookies: one for the session, one for a visit before there is any, one for what was done a moment ago.

use foghorn_net::serve::Peer;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri, header};

/// Seconds that a browser keeps the session's cookie: longer than the session lasts, for what is pressed after its end
/// still counts once somebody has logged in.
const KEPT: u64 = 60 * 86_400;
/// Seconds that a browser keeps the visit's.
const VISIT: u64 = 86_400;
/// Seconds for which what was done is news.
const FLASH: u64 = 60;
/// Characters of an id.
const LONGEST: usize = 128;

/// Which cookie.
#[derive(Clone, Copy)]
pub(super) enum Which {
    Session,
    Visit,
    /// What a button did, for the page that it leads to.
    Flash,
}

/// How a request came: over TLS, here or at a proxy, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Secure(pub(super) bool);

/// The name that a request was sent to.
pub(super) fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> &'a str {
    // HTTP/2 has it in the address.
    let named = headers.get(header::HOST).and_then(|v| v.to_str().ok());
    uri.authority().map(Authority::as_str).or(named).unwrap_or("")
}

/// A scheme and a host with its port, without the port that the scheme has anyway: `https://a` and `https://a:443` are one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    pub(super) tls: bool,
    host: &'a str,
}

impl<'a> Site<'a> {
    /// Of an address or an origin; whatever it has after that counts for nothing.
    pub(super) fn of(url: &'a str) -> Option<Site<'a>> {
        let (scheme, rest) = url.split_once("://")?;
        let tls = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ => return None,
        };
        let host = bare(tls, rest.split('/').next().unwrap_or(rest));
        (!host.is_empty()).then_some(Site { tls, host })
    }

    /// Whether a request to this host is one to this site.
    pub(super) fn is_at(self, host: &str) -> bool {
        self.host.eq_ignore_ascii_case(bare(self.tls, host))
    }
}

impl PartialEq for Site<'_> {
    fn eq(&self, other: &Site<'_>) -> bool {
        self.tls == other.tls && self.is_at(other.host)
    }
}

fn bare(tls: bool, host: &str) -> &str {
    host.strip_suffix(if tls { ":443" } else { ":80" }).unwrap_or(host)
}

impl Secure {
    pub(super) fn of(peer: Option<&Peer>, headers: &HeaderMap, uri: &Uri, public_url: &str) -> Secure {
        let by_proxy = Site::of(public_url).is_some_and(|site| site.tls && site.is_at(host(headers, uri)));
        Secure(by_proxy || peer.is_some_and(|p| p.tls))
    }

    /// `__Host-` makes the browser hold that it is this host's own, over TLS, for every path.
    fn name(self, which: Which) -> &'static str {
        match (which, self.0) {
            (Which::Session, true) => "__Host-foghorn",
            (Which::Session, false) => "foghorn",
            (Which::Visit, true) => "__Host-foghorn-visit",
            (Which::Visit, false) => "foghorn-visit",
            (Which::Flash, true) => "__Host-foghorn-done",
            (Which::Flash, false) => "foghorn-done",
        }
    }

    /// What the browser sent.
    pub(super) fn read(self, which: Which, headers: &HeaderMap) -> Option<String> {
        let all = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
        let value = all.flat_map(|line| line.split(';')).find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.name(which)).then_some(value)
        })?;
        let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        (!value.is_empty() && value.len() <= LONGEST && value.chars().all(fit)).then(|| value.to_owned())
    }

    /// Has the browser keep `value`, which is made of letters, digits, `-` and `_`; `None` has it forget.
    pub(super) fn set(self, which: Which, value: Option<&str>) -> Option<HeaderValue> {
        let age = match (value, which) {
            (None, _) => 0,
            (Some(_), Which::Session) => KEPT,
            (Some(_), Which::Visit) => VISIT,
            (Some(_), Which::Flash) => FLASH,
        };
        let (name, value) = (self.name(which), value.unwrap_or(""));
        let secure = if self.0 { "; Secure" } else { "" };
        HeaderValue::try_from(format!(
            "{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"
        ))
        .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_this_hosts_own() {
        let mut headers = HeaderMap::new();
        let uri = Uri::from_static("/");
        headers.insert("host", HeaderValue::from_static("console.example.com"));
        let peer = |tls| Some(Peer { address: "192.0.2.1:9".parse().unwrap(), tls });
        let of = |tls, url: &str| Secure::of(peer(tls).as_ref(), &headers, &uri, url).0;
        assert!(!of(false, "http://console.example.com") && of(true, "http://console.example.com"));
        assert!(of(false, "https://console.example.com") && !of(false, "https://other.example.com"));
        assert!(
            of(false, "https://console.example.com:443/") && !of(false, "https://console.example.com:80")
        );
        let with_port =
            HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("Console.example.com:443"))]);
        assert!(Secure::of(peer(false).as_ref(), &with_port, &uri, "https://console.example.com").0);
        let set = |s: bool, which, v| {
            Secure(s).set(which, v).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        insta::assert_snapshot!(set(true, Which::Session, Some("abc")), @"__Host-foghorn=abc; Path=/; Max-Age=5184000; HttpOnly; SameSite=Lax; Secure");
        insta::assert_snapshot!(set(false, Which::Session, None), @"foghorn=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        assert_eq!(set(false, Which::Session, Some("a\r\nSet-Cookie: b")), "");
        headers.insert("cookie", HeaderValue::from_static("a=b; foghorn=xyz-1; __Host-foghorn=%22"));
        assert_eq!(Secure(false).read(Which::Session, &headers).as_deref(), Some("xyz-1"));
        assert_eq!(Secure(true).read(Which::Session, &headers), None);
        assert_eq!(Secure(false).read(Which::Visit, &headers), None);
    }
}
