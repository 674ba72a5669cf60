//! Addresses of HTTP servers, checked once.

use std::fmt;

/// An absolute `http` or `https` address with a host. Printed without path, query and password, which can be secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(url::Url);

/// Why a text is not an address that can be asked. The text itself is not repeated: it can be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not an address at all.
    #[error("not a URL: {0}")]
    Syntax(String),
    /// Perhaps a host alone.
    #[error("the URL must begin with http:// or https://, as in https://example.com")]
    NoScheme,
    /// A beginning alone.
    #[error("the URL names no host: write it like https://example.com")]
    NoHost,
    /// Another protocol.
    #[error("the URL begins with {0}://; it must be http:// or https://")]
    Scheme(String),
}

impl Url {
    /// Reads an address. Anything after `#` is left out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        let mut url = url::Url::parse(text.trim()).map_err(|e| match e {
            url::ParseError::RelativeUrlWithoutBase => UrlError::NoScheme,
            url::ParseError::EmptyHost => UrlError::NoHost,
            other => UrlError::Syntax(other.to_string()),
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError::Scheme(url.scheme().to_owned()));
        }
        url.set_fragment(None);
        Ok(Url(url))
    }

    /// Whether it asks for TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Name or address; IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        // The parser refuses http and https without a host.
        self.0.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, given or the protocol's own.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(80)
    }

    /// `host:port`, with brackets around IPv6: what errors and logs may show.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.0.host_str().unwrap_or_default(), self.port())
    }

    /// The address as a whole, secrets and all.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn host_header(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    pub(super) fn path_and_query(&self) -> String {
        self.0.query().map_or_else(|| self.0.path().to_owned(), |q| format!("{}?{q}", self.0.path()))
    }

    pub(super) fn basic_authorization(&self) -> Option<String> {
        let decode = |s: &str| percent_encoding::percent_decode_str(s).decode_utf8_lossy().into_owned();
        let (user, password) = (self.0.username(), self.0.password());
        (!user.is_empty() || password.is_some())
            .then(|| super::basic(&decode(user), &decode(password.unwrap_or_default())))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.authority())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self}/…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, shown, host, target) in [
            ("http://a.example", "http://a.example:80", "a.example", "/"),
            ("https://u:p%40@a.example/x/y?k=1#f", "https://a.example:443", "a.example", "/x/y?k=1"),
            ("http://[::1]:9000/päge", "http://[::1]:9000", "::1", "/p%C3%A4ge"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(
                (url.to_string().as_str(), url.host(), url.path_and_query().as_str()),
                (shown, host, target)
            );
            assert!(!format!("{url:?}").contains("p%40"));
        }
        assert_eq!(
            Url::parse("https://u:p%40@a/").unwrap().basic_authorization().as_deref(),
            Some("Basic dTpwQA==")
        );
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in [
            "",
            "no",
            "/path",
            "ftp://secret.example/x",
            "http://",
            "http://[::1",
            "http://a b/",
            "http://a:99999/",
        ] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert!(!error.contains("secret") && error.contains("URL"), "{text}: {error}");
            assert!(!error.contains("base"), "{text}: {error}");
        }
    }
}
