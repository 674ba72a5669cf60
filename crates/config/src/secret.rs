//! A text that is never printed.

use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret, or the knowledge that it is missing. `Debug` and `Display` never show it.
#[derive(Clone)]
pub struct Secret(Result<Arc<Zeroizing<String>>, Arc<str>>);

impl Secret {
    /// A secret that is known.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Ok(Arc::new(Zeroizing::new(text.into()))))
    }

    /// A secret that could not be read, and why: `HOOK_SECRET is not set`.
    #[must_use]
    pub fn missing(why: &str) -> Secret {
        Secret(Err(Arc::from(why)))
    }

    /// The text, where it is used and nowhere else.
    ///
    /// # Errors
    /// Why it is missing, fit to be shown.
    pub fn expose(&self) -> Result<&str, &str> {
        self.0.as_ref().map(|s| s.as_str()).map_err(|e| &**e)
    }
}

/// In constant time where both are known.
impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        match (self.expose(), other.expose()) {
            (Ok(a), Ok(b)) => a.as_bytes().ct_eq(b.as_bytes()).into(),
            (a, b) => a == b,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_ok() { "Secret(…)" } else { "Secret(missing)" })
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_the_same_by_what_they_are() {
        let of = |text: &str| Secret::new(text);
        assert!(of("hunter2") == of("hunter2") && of("hunter2") != of("hunter3") && of("a") != of("ab"));
        let gone = |why: &str| Secret::missing(why);
        assert!(gone("A is not set") == gone("A is not set") && gone("A is not set") != gone("B is not set"));
        assert!(gone("A") != of("A") && of("") != gone(""));
    }
}
