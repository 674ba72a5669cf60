//! A text that is never printed.

use std::fmt;
use std::sync::Arc;
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
