//! Signatures as the Standard Webhooks specification has them:
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The keys in a configured secret. `whsec_` and base64 are one. Any other text is its own bytes; where it is base64 too
/// it is also what that holds, for the specification's own libraries decode what has no `whsec_` as well.
pub(crate) fn keys(secret: &str) -> Result<Vec<Vec<u8>>, String> {
    match secret.strip_prefix("whsec_") {
        None => {
            let decoded = STANDARD.decode(secret).ok();
            Ok(decoded.into_iter().chain([secret.as_bytes().to_vec()]).collect())
        }
        Some(base64) => {
            let key = STANDARD.decode(base64);
            key.map(|key| vec![key]).map_err(|e| format!("what follows whsec_ is not base64: {e}"))
        }
    }
}

/// The value of `webhook-signature`: one signature by each key, of which a receiver needs to know one. `timestamp` in
/// seconds since 1970.
pub(crate) fn signatures(keys: &[Vec<u8>], id: &str, timestamp: i64, body: &[u8]) -> Result<String, String> {
    let one = |key: &Vec<u8>| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|e| e.to_string())?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    Ok(keys.iter().map(one).collect::<Result<Vec<String>, String>>()?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of the specification's example with a secret.
    fn made(secret: &str) -> String {
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        signatures(&keys(secret).unwrap(), id, 1_614_265_330, body).unwrap()
    }

    #[test]
    fn the_specification_s_own_example() {
        assert_eq!(
            made("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn base64_without_its_prefix_verifies_either_way() {
        let made = made("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let (decoded, raw) = made.split_once(' ').unwrap();
        assert_eq!(decoded, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(raw, "v1,ELhqG0Ku1gwOc1f4jyKdp3SFGFLAOdJ9bvpWLciCakI=");
    }

    #[test]
    fn a_secret_that_is_no_base64_is_its_own_bytes() {
        assert_eq!(keys("hunter2").unwrap(), [b"hunter2"]);
        assert!(keys("whsec_%%%").is_err());
    }
}
