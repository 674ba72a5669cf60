//! Labels: an alert's identity, as in Alertmanager.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

/// A sorted set of `name=value` pairs without empty values. One allocation whatever the number of pairs:
/// a hundred thousand alerts are held in memory.
///
/// The text is a run of netstrings (`3:foo3:bar`), names and values in turn, sorted by name, so equal sets
/// have equal text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<str>);

impl Labels {
    /// From pairs in any order. Empty values are removed (as Alertmanager does); of a repeated name the last wins.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (K, V)>) -> Labels {
        // Most alerts have fewer, and need no allocation for this then.
        let mut sorted: SmallVec<[(K, V); 16]> = pairs.into_iter().collect();
        // Those of one name stay in their order.
        sorted.sort_by(|(a, _), (b, _)| a.as_ref().cmp(b.as_ref()));
        let mut text =
            String::with_capacity(sorted.iter().map(|(k, v)| k.as_ref().len() + v.as_ref().len() + 8).sum());
        for (i, (name, value)) in sorted.iter().enumerate() {
            let (name, value) = (name.as_ref(), value.as_ref());
            let again = sorted.get(i + 1).is_some_and(|(next, _)| next.as_ref() == name);
            if again || value.is_empty() {
                continue;
            }
            for part in [name, value] {
                push_number(&mut text, part.len());
                text.push(':');
                text.push_str(part);
            }
        }
        Labels(Arc::from(text))
    }

    /// No labels.
    #[must_use]
    pub fn empty() -> Labels {
        Labels(Arc::from(""))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Pairs, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        Pairs { rest: &self.0 }
    }

    /// The value of a name, or `None`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == name).map(|(_, v)| v)
    }

    /// These and `more`; where both have a name, `more` wins.
    #[must_use]
    pub fn with<'a>(&'a self, more: impl IntoIterator<Item = (&'a str, &'a str)>) -> Labels {
        Labels::from_pairs(self.iter().chain(more))
    }

    /// Bytes held.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

struct Pairs<'a> {
    rest: &'a str,
}

impl<'a> Pairs<'a> {
    fn part(&mut self) -> Option<&'a str> {
        let bytes = self.rest.as_bytes();
        let (mut at, mut len) = (0, 0_usize);
        while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
            len = len * 10 + usize::from(digit - b'0');
            at += 1;
        }
        let (part, rest) = self.rest.get(at + 1..)?.split_at_checked(len)?;
        self.rest = rest;
        Some(part)
    }
}

/// Writes a length. Labels are short, so it has one digit or two.
fn push_number(text: &mut String, n: usize) {
    if n >= 10 {
        push_number(text, n / 10);
    }
    text.push(char::from(b'0' + (n % 10) as u8));
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.part()?, self.part()?))
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (k, v)) in self.iter().enumerate() {
            write!(f, "{}{k}={v}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Labels, D::Error> {
        BTreeMap::<String, String>::deserialize(d).map(Labels::from_pairs)
    }
}

/// An alert's identity: the integration it came by and its labels, hashed so that nobody can make two collide.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertKey {
    // Numbers, for they are compared much; in the order of the bytes.
    high: u64,
    low: u64,
}

impl AlertKey {
    /// Before every other.
    pub const FIRST: AlertKey = AlertKey { high: 0, low: 0 };

    /// Of an integration's alert.
    #[must_use]
    pub fn of(source: &str, labels: &Labels) -> AlertKey {
        let mut h = Sha256::new();
        h.update((source.len() as u64).to_le_bytes());
        h.update(source.as_bytes());
        h.update(labels.0.as_bytes());
        let digest = h.finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        AlertKey::from_bytes(key)
    }

    /// As it was kept by [`AlertKey::bytes`].
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> AlertKey {
        let both = u128::from_be_bytes(bytes);
        AlertKey { high: (both >> 64) as u64, low: both as u64 }
    }

    /// To be kept where hexadecimal digits would be too long.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 16] {
        ((self.high as u128) << 64 | self.low as u128).to_be_bytes()
    }

    /// From the 32 hexadecimal digits that [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<AlertKey> {
        let bytes = text.as_bytes();
        if bytes.len() != 32 || !bytes.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut key = [0; 16];
        for (i, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
        }
        Some(AlertKey::from_bytes(key))
    }
}

impl AlertKey {
    fn digits(&self) -> [u8; 32] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (pair, b) in text.chunks_exact_mut(2).zip(self.bytes()) {
            pair.copy_from_slice(&[DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]);
        }
        text
    }
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.digits()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for AlertKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        // Not by way of `fmt`: every alert in the journal has one.
        s.serialize_str(core::str::from_utf8(&self.digits()).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for AlertKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<AlertKey, D::Error> {
        let text = alloc::borrow::Cow::<'de, str>::deserialize(d)?;
        AlertKey::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("an alert's key is 32 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;
    use proptest::prelude::*;

    #[test]
    fn order_and_empty_values_do_not_matter() {
        let a = Labels::from_pairs([("b", "2"), ("a", "1"), ("c", "")]);
        let b = Labels::from_pairs([("a", "1"), ("b", "2")]);
        assert_eq!(Labels::from_pairs([("a", "0"), ("b", "2"), ("a", "1"), ("c", "3"), ("c", "")]), b);
        assert_eq!(a, b);
        assert_eq!(AlertKey::of("x", &a), AlertKey::of("x", &b));
        assert_ne!(AlertKey::of("x", &a), AlertKey::of("y", &a));
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(map in proptest::collection::btree_map(".*", ".+", 0..6)) {
            let labels = Labels::from_pairs(&map);
            let back: BTreeMap<String, String> = labels.iter().map(|(k, v)| (k.into(), v.into())).collect();
            prop_assert_eq!(back, map);
            let json = serde_json::to_string(&labels).unwrap();
            prop_assert_eq!(serde_json::from_str::<Labels>(&json).unwrap(), labels);
        }

        #[test]
        fn a_key_reads_back(text in ".*") {
            let key = AlertKey::of("s", &Labels::from_pairs([("a", text)]));
            prop_assert_eq!(AlertKey::parse(&key.to_string()), Some(key));
        }
    }
}
