//! Twilio's callbacks: is it Twilio that calls, and which key was pressed?

use crate::text::xml;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;

/// What the person on the telephone pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// 1: I take it.
    Acknowledge,
    /// Anything else.
    Other,
}

/// Whether `signature` (the header `X-Twilio-Signature`) is Twilio's for this call: HMAC-SHA1 with the account's token
/// over the address as Twilio knows it, then every parameter of the form, sorted by name, name and value without
/// anything between. `url` is the whole public address with its query, not what a proxy made of it.
/// <https://www.twilio.com/docs/usage/security#validating-requests>
#[must_use]
pub fn verify(url: &str, params: &[(String, String)], signature: &str, token: &str) -> bool {
    let (Ok(given), Ok(mut mac)) =
        (STANDARD.decode(signature), Hmac::<Sha1>::new_from_slice(token.as_bytes()))
    else {
        return false;
    };
    let mut sorted: Vec<_> = params.iter().collect();
    sorted.sort();
    // Twilio's own libraries take a name with several equal values once.
    sorted.dedup();
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    // Compares in constant time.
    mac.verify_slice(&given).is_ok()
}

/// The key in a callback of `<Gather>`; `None` if none was pressed.
#[must_use]
pub fn key(params: &[(String, String)]) -> Option<Key> {
    let digits = params.iter().find(|(name, _)| name == "Digits").map(|(_, value)| value.as_str())?;
    match digits {
        "" => None,
        "1" => Some(Key::Acknowledge),
        _ => Some(Key::Other),
    }
}

/// An answer to a callback: says one thing and hangs up.
#[must_use]
pub fn say(text: &str) -> String {
    format!("{XML}<Response><Say>{}</Say></Response>", xml(&crate::text::line(text, 1000)))
}

pub(crate) const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    /// The example of Twilio's documentation.
    #[test]
    fn the_documentation_s_own_example() {
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let mut call = params(&[
            ("To", "+18005551212"),
            ("Digits", "1234"),
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("From", "+14158675309"),
        ]);
        let signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
        assert!(verify(url, &call, signature, "12345"));
        assert!(!verify(url, &call, signature, "12346"));
        assert!(!verify("https://mycompany.com/myapp.php?foo=1", &call, signature, "12345"));
        assert!(!verify(url, &call, "", "12345"));
        assert!(!verify(url, &call, "not base64", "12345"));
        call[1].1 = "1".to_owned();
        assert!(!verify(url, &call, signature, "12345"));
    }

    #[test]
    fn keys() {
        assert_eq!(key(&params(&[("Digits", "1")])), Some(Key::Acknowledge));
        assert_eq!(key(&params(&[("Digits", "11")])), Some(Key::Other));
        assert_eq!(key(&params(&[("Digits", "")])), None);
        assert_eq!(key(&params(&[("To", "1")])), None);
        assert_eq!(
            say("a<b\n"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Say>a&lt;b</Say></Response>"
        );
    }
}
