//! Ids that nobody can guess, and the form of ids.

/// A random UUID, version 4. `None` where the operating system has no randomness to give.
pub(crate) fn uuid() -> Option<String> {
    let mut b = [0_u8; 16];
    getrandom::fill(&mut b).ok()?;
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let n = u128::from_be_bytes(b);
    let (a, b, c, d, e) =
        (n >> 96, n >> 80 & 0xffff, n >> 64 & 0xffff, n >> 48 & 0xffff, n & 0xffff_ffff_ffff);
    Some(format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}"))
}

/// Whether a text has the form of a UUID: 8-4-4-4-12 hexadecimal digits.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_the_form_and_is_another_each_time() {
        let (a, b) = (uuid().unwrap(), uuid().unwrap());
        assert!(is_uuid(&a) && is_uuid(&b) && a != b, "{a} {b}");
        assert_eq!(&a[14..15], "4");
        assert!(!is_uuid("nope") && !is_uuid(&a.replace('-', "_")) && !is_uuid(&format!("{a}0")));
    }
}
