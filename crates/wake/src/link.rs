//! The secret part of a link in a page: who may answer for which incident, without a log-in and without a table.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Bytes of the code that proves that we made the token: 128 bits.
const TAG: usize = 16;
/// The longest token that is looked at.
const MOST: usize = 512;

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The incident's number.
    pub incident: u64,
    /// Whose page it was in.
    pub person: String,
    /// What of the incident was shown: an acknowledgement covers that and no more.
    pub revision: u64,
}

/// Makes and opens tokens.
#[derive(Clone)]
pub struct Tokens(Hmac<Sha256>);

impl Tokens {
    /// With a secret of this installation.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Tokens {
        // A key of one block's length or less is padded; there is no length that is refused.
        let mut block = [0; 64];
        block[..32].copy_from_slice(secret);
        let mut mac = Hmac::new(&block.into());
        mac.update(b"foghorn link 1\0");
        Tokens(mac)
    }

    /// A token for one person's page: letters, digits, `-` and `_`; about 45 characters for a short id.
    #[must_use]
    pub fn mint(&self, incident: u64, person: &str, revision: u64) -> String {
        let mut bytes = Vec::with_capacity(person.len() + TAG + 8);
        varint(&mut bytes, incident);
        varint(&mut bytes, revision);
        bytes.extend_from_slice(person.as_bytes());
        let tag = self.tag(&bytes);
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What the token stands for, if we made it. There is exactly one text for each link.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<Link> {
        if token.len() > MOST {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        if !bool::from(self.tag(body).ct_eq(tag)) {
            return None;
        }
        let (incident, rest) = read_varint(body)?;
        let (revision, person) = read_varint(rest)?;
        Some(Link { incident, revision, person: String::from_utf8(person.to_vec()).ok()? })
    }

    fn tag(&self, body: &[u8]) -> [u8; TAG] {
        let full = self.0.clone().chain_update(body).finalize().into_bytes();
        let mut tag = [0; TAG];
        tag.copy_from_slice(&full[..TAG]);
        tag
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

/// Seven bits a byte, the lowest first; the high bit says that more follows.
fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut n = 0_u64;
    for (i, byte) in bytes.iter().enumerate().take(10) {
        n |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(i).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((n, bytes.get(i + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_is_short_and_only_its_maker_opens_it() {
        let tokens = Tokens::new(&[7; 32]);
        let token = tokens.mint(123_456, "night-operator-2", 9);
        assert!(token.len() <= 56, "{token}");
        assert_eq!(Tokens::new(&[8; 32]).open(&token), None);
        assert_eq!(tokens.open(""), None);
        assert_eq!(tokens.open(&"A".repeat(100_000)), None);
    }

    proptest! {
        #[test]
        fn what_was_minted_opens(incident: u64, revision: u64, person in ".{0,30}") {
            let tokens = Tokens::new(&[1; 32]);
            let token = tokens.mint(incident, &person, revision);
            prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(tokens.open(&token), Some(Link { incident, person, revision }));
        }

        #[test]
        fn no_changed_character_opens(incident: u64, person in "[a-z]{0,12}", at: proptest::sample::Index, c in "[A-Za-z0-9_=-]") {
            let tokens = Tokens::new(&[1; 32]);
            let token = tokens.mint(incident, &person, 3);
            let at = at.index(token.len());
            let changed = format!("{}{c}{}", &token[..at], &token[at + 1..]);
            prop_assert_eq!(tokens.open(&changed).is_some(), changed == token);
            prop_assert_eq!(tokens.open(&token[..at]), None);
            prop_assert_eq!(tokens.open(&format!("{token}{c}")), None);
        }

        #[test]
        fn nothing_foreign_opens(token in ".*") {
            prop_assert_eq!(Tokens::new(&[1; 32]).open(&token), None);
        }
    }
}
