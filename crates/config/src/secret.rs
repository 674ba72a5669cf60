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

/// A text without a word that is secret, where `…` stands instead: all of the word, or its beginning where the text was cut
/// short within it.
#[must_use]
pub fn hide(text: String, word: &str) -> String {
    /// Fewer characters of a word give nothing away, and stand in any text.
    const SHORTEST: usize = 4;
    let mut text = if text.contains(word) { text.replace(word, "…") } else { text };
    let cuts: Vec<usize> = text.match_indices('…').map(|(at, _)| at).collect();
    // From the end, so that what is found before stays where it is.
    for at in cuts.into_iter().rev() {
        let begins = word.char_indices().map(|(k, _)| k).rev().filter(|k| *k >= SHORTEST);
        let Some(before) = text.get(..at) else { continue };
        let cut = begins.filter_map(|k| word.get(..k)).find(|begin| before.ends_with(begin));
        if let Some(begin) = cut {
            text.replace_range(at - begin.len()..at, "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_hidden_where_it_is_cut_short_too() {
        for (text, want) in [
            ("AUTH hunter2 and hunter2", "AUTH … and …"),
            ("AUTH hunte…", "AUTH …"),
            ("AUTH hunt…; hunter… more…", "AUTH …; … more…"),
            ("the hun…", "the hun…"),
            ("hunter", "hunter"),
            ("…", "…"),
        ] {
            assert_eq!(hide(text.to_owned(), "hunter2"), want, "{text}");
        }
        assert_eq!(hide("naïvelyß…".to_owned(), "naïvelyßx"), "…");
    }

    #[test]
    fn secrets_are_the_same_by_what_they_are() {
        let of = |text: &str| Secret::new(text);
        assert!(of("hunter2") == of("hunter2") && of("hunter2") != of("hunter3") && of("a") != of("ab"));
        let gone = |why: &str| Secret::missing(why);
        assert!(gone("A is not set") == gone("A is not set") && gone("A is not set") != gone("B is not set"));
        assert!(gone("A") != of("A") && of("") != gone(""));
    }
}
