//! Searching by words: one rule for what is at hand and for what is put away.
//!
//! A word is letters and digits that follow one another, in any case. A search finds what has, for each of its words, one that
//! begins with it: `shop db` finds "Shop: the database is slow", and `web-1` whatever has a word `web` and one that begins with `1`.

/// Characters of a search; beyond, it is no search.
pub(crate) const LONGEST: usize = 200;

/// The words of a text.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty())
}

/// As words are compared and kept: letter by letter, so that the beginning of a word is that of its small letters too. (As a
/// whole word, a Greek one ends in another letter.)
pub(crate) fn lower(word: &str) -> String {
    word.chars().flat_map(char::to_lowercase).collect()
}

/// What is searched for; without words everything fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words(Vec<String>);

impl Words {
    /// Of at most [`LONGEST`] characters; what is beyond is left out.
    pub(crate) fn read(text: &str) -> Words {
        let text: String = text.chars().take(LONGEST).collect();
        Words(words(&text).map(lower).collect())
    }

    /// As the index of what is put away is asked; `None` where everything fits.
    pub(crate) fn query(&self) -> Option<String> {
        let all: Vec<String> = self.0.iter().map(|w| format!("\"{w}\"*")).collect();
        (!all.is_empty()).then(|| all.join(" AND "))
    }

    /// A search of one thing, text by text.
    pub(crate) fn sought(&self) -> Sought<'_> {
        Sought(self.0.iter().map(String::as_str).collect())
    }
}

/// The words that were not found yet.
pub(crate) struct Sought<'a>(Vec<&'a str>);

impl Sought<'_> {
    /// Whether all were.
    pub(crate) fn is_found(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks through one more text.
    pub(crate) fn look(&mut self, text: &str) {
        self.0.retain(|part| !words(text).any(|word| begins(word, part)));
    }
}

/// Without a copy: a thousand titles are looked through for one page.
fn begins(word: &str, part: &str) -> bool {
    let mut letters = word.chars().flat_map(char::to_lowercase);
    part.chars().all(|c| letters.next() == Some(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_begins_one_of_the_text() {
        for (text, asked, is) in [
            ("", "", true),
            ("shop", "", true),
            ("shop", " %_\"'* ", true),
            ("", "x", false),
            ("Shop-DB is down", "shop-db", true),
            ("Shop-DB is down", "down SH", true),
            ("Shop-DB is down", "hop", false),
            ("Shop-DB is down", "shop slow", false),
            ("Größe", "GRÖSS", false),
            ("Größe", "GRÖ", true),
            ("ΟΔΟΣ", "ΟΔΟΣ", true),
            ("ΟΔΟΣ", "οδοσ", true),
            ("ΟΔΟΣΑ", "ΟΔΟΣ", true),
            ("100 % full", "1%00", false),
            ("n=17", "17", true),
        ] {
            let asked = Words::read(asked);
            let mut sought = asked.sought();
            sought.look(text);
            assert_eq!(sought.is_found(), is, "{asked:?} in {text:?}");
        }
    }

    #[test]
    fn words_may_be_in_several_texts_and_are_bounded() {
        let asked = Words::read("shop critical");
        let mut sought = asked.sought();
        sought.look("Shop is down");
        assert!(!sought.is_found());
        sought.look("severity=critical");
        assert!(sought.is_found());
        assert_eq!(asked.query().unwrap(), "\"shop\"* AND \"critical\"*");
        assert_eq!(Words::read(&"a ".repeat(1000)).0.len(), LONGEST / 2);
        assert_eq!(Words::read("--").query(), None);
    }
}
