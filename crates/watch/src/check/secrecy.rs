//! Keeping secrets out of what is shown.

use foghorn_config::model::HttpCheck;
use foghorn_config::secret::Secret;

/// Shorter words are not hidden: they are in every text, and no secrets.
const SHORTEST: usize = 4;
/// Parts of a secret are hidden from this length on: the token in `Bearer …`, the password in a form.
const SHORTEST_PART: usize = 8;

/// Whether a header says nothing of who asks.
pub(super) fn is_plain(name: &str) -> bool {
    const PLAIN: [&str; 5] = ["accept", "accept-language", "content-type", "host", "user-agent"];
    PLAIN.iter().any(|p| name.eq_ignore_ascii_case(p))
}

/// What a check sends and was given as a secret. Headers that say nothing of who asks are none.
pub(super) fn of(http: &HttpCheck) -> impl Iterator<Item = &Secret> {
    http.steps.iter().flat_map(|step| {
        let headers = step.headers.iter().filter(|(name, _)| !is_plain(name));
        headers.map(|(_, value)| value).chain([&step.body])
    })
}

/// A text without what stands in secrets, be it all of one or a longer part.
pub(super) fn hide<'a>(text: &str, secrets: impl IntoIterator<Item = &'a Secret>) -> String {
    let mut text = text.to_owned();
    for secret in secrets.into_iter().filter_map(|s| s.expose().ok()) {
        let parts = secret.split(|c: char| !(c.is_alphanumeric() || "-_.+/~!$@#%^*".contains(c)));
        let long = parts.filter(|p| p.len() >= SHORTEST_PART);
        for word in std::iter::once(secret).filter(|s| s.len() >= SHORTEST).chain(long) {
            if text.contains(word) {
                text = text.replace(word, "…");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
