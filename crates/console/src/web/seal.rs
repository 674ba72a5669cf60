//! What goes out to a browser and must come back as it was.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Signs with a key of the server's.
pub(super) struct Seal([u8; 32]);

/// What a token is for. One is never good for another.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// A form.
    Form,
    /// Something that was to be done when the session was over.
    Action,
}

impl Seal {
    pub(super) fn new(key: [u8; 32]) -> Seal {
        Seal(key)
    }

    /// Of what was said, for whom.
    fn sign(&self, purpose: Purpose, whom: &str, what: &[u8]) -> [u8; 32] {
        let purpose: &[u8] = match purpose {
            Purpose::Form => b"form",
            Purpose::Action => b"action",
        };
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; 32] };
        for part in [purpose, whom.as_bytes(), what] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The token of every form that a session, or a visit without one, is shown.
    pub(super) fn form(&self, whom: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.sign(Purpose::Form, whom, b""))
    }

    /// Whether a form is one that was shown there.
    pub(super) fn is_form(&self, whom: &str, token: &str) -> bool {
        let Ok(token) = URL_SAFE_NO_PAD.decode(token) else { return false };
        token.ct_eq(&self.sign(Purpose::Form, whom, b"")).into()
    }

    /// `text` in a shape that only [`Seal::open`] with the same `whom` believes.
    pub(super) fn close(&self, whom: &str, text: &str) -> String {
        let signature = self.sign(Purpose::Action, whom, text.as_bytes());
        format!("{}.{}", URL_SAFE_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(signature))
    }

    /// What was closed.
    pub(super) fn open(&self, whom: &str, sealed: &str) -> Option<String> {
        let (text, signature) = sealed.split_once('.')?;
        let text = URL_SAFE_NO_PAD.decode(text).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let good: bool = signature.ct_eq(&self.sign(Purpose::Action, whom, &text)).into();
        String::from_utf8(text).ok().filter(|_| good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_for_the_same_visit_opens() {
        let seal = Seal::new([7; 32]);
        let closed = seal.close("visit", "acknowledge 5");
        assert_eq!(seal.open("visit", &closed).as_deref(), Some("acknowledge 5"));
        assert_eq!(seal.open("other", &closed), None);
        assert_eq!(Seal::new([8; 32]).open("visit", &closed), None);
        let (_, signature) = closed.split_once('.').unwrap();
        let forged = format!("{}.{signature}", URL_SAFE_NO_PAD.encode("acknowledge 6"));
        assert_eq!(seal.open("visit", &forged), None);
        for bad in ["", ".", "a.b", "%%%.%%%"] {
            assert_eq!(seal.open("visit", bad), None);
        }
        assert!(seal.is_form("visit", &seal.form("visit")) && !seal.is_form("other", &seal.form("visit")));
        assert!(!seal.is_form("visit", ""));
    }
}
