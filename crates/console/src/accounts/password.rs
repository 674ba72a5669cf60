//! Passwords: argon2id with the crate's parameters (19 MiB, two passes), which are those that OWASP recommends.

use super::AccountError;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::OnceLock;

/// Characters that a password must have.
const SHORTEST: usize = 10;
/// Bytes that a password may have.
const LONGEST: usize = 512;

pub(super) fn hash(password: &str) -> Result<String, AccountError> {
    if password.chars().count() < SHORTEST {
        return Err(AccountError::Password(
            "a password must have 10 characters or more: three words will do",
        ));
    }
    if password.len() > LONGEST {
        return Err(AccountError::Password("a password may have 512 bytes at most"));
    }
    made(password)
}

fn made(password: &str) -> Result<String, AccountError> {
    let hash = PasswordHasher::<PasswordHash>::hash_password(&Argon2::default(), password.as_bytes());
    hash.map(|h| h.to_string()).map_err(|e| AccountError::Hash(e.to_string()))
}

/// Whether it is the password of that hash. Without a hash it never is, and that takes as long.
pub(super) fn verify(password: &str, hash: Option<&str>) -> bool {
    static NOBODYS: OnceLock<String> = OnceLock::new();
    let known = hash.is_some();
    let text = hash.unwrap_or_else(|| NOBODYS.get_or_init(|| made("nobody's password").unwrap_or_default()));
    let Ok(parsed) = PasswordHash::new(text) else { return false };
    let cut = password.get(..LONGEST).unwrap_or(password);
    let right = Argon2::default().verify_password(cut.as_bytes(), &parsed).is_ok();
    right && known && password.len() <= LONGEST
}

/// A password that nobody guesses: 20 characters that cannot be mistaken for one another.
///
/// # Errors
/// The system gives no random numbers.
pub fn new_password() -> Result<String, AccountError> {
    // 32 of them, so that every byte gives one evenly.
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz234567890";
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(|e| AccountError::Hash(e.to_string()))?;
    let letter = |b: &u8| LETTERS.get(usize::from(b & 31)).map_or('a', |l| char::from(*l));
    let groups: Vec<String> = bytes.chunks(5).map(|five| five.iter().map(letter).collect()).collect();
    Ok(groups.join("-"))
}
