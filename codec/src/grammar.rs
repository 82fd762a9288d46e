//! The byte classes and small productions of RFC 9110 §5.6 and RFC 9112 §3 that every other module
//! leans on.
//!
//! Pure predicates over bytes: no state, no errors, no knowledge of any particular field.

/// Classes that are no range: a load takes the place of a dozen comparisons.
const TOKEN: [bool; 256] = alphanumeric_or(b"!#$%&'*+-.^_`|~");
const UNRESERVED: [bool; 256] = alphanumeric_or(b"-._~");

const fn alphanumeric_or(marks: &[u8]) -> [bool; 256] {
    let mut class = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        class[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut mark = 0;
    while mark < marks.len() {
        class[marks[mark] as usize] = true;
        mark += 1;
    }
    class
}

/// Whether `bytes` may stand as a field name: a non-empty token (RFC 9110 §5.1).
#[must_use]
pub fn is_field_name(bytes: &[u8]) -> bool {
    is_token(bytes)
}

/// Whether `bytes` may stand as a field value on the wire: no control byte but HTAB, and no space
/// or HTAB at either end (RFC 9110 §5.5). Bytes from 0x80 up are allowed, as obs-text.
#[must_use]
pub fn is_field_value(bytes: &[u8]) -> bool {
    is_field_text(bytes) && trim(bytes).len() == bytes.len()
}

/// The elements of a comma-separated list without the whitespace around them; empty elements are
/// skipped (RFC 9110 §5.6.1.2). Quoted strings are not understood: for lists of tokens only.
pub fn list_items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b',')
        .map(trim)
        .filter(|item| !item.is_empty())
}

pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

pub(crate) const fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// The characters of RFC 3986 §2.3, for which an escape means the same as the character.
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    UNRESERVED[byte as usize]
}

/// What a field value may contain, with no word about its ends.
pub(crate) fn is_field_text(bytes: &[u8]) -> bool {
    all(bytes, |byte| {
        byte == b'\t' || (byte >= b' ' && byte != 0x7f)
    })
}

/// The bytes that a request-target may have on the wire: visible ASCII. RFC 3986 allows fewer
/// still, but `{`, `|` and the like are in use everywhere and mean the same to everyone.
pub(crate) fn is_target(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, is_target_byte)
}

pub(crate) const fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

/// Like `Iterator::all`, but goes on after a miss: misses are rare, and without a way out the loop
/// becomes vector code.
pub(crate) fn all(bytes: &[u8], allowed: impl Fn(u8) -> bool) -> bool {
    bytes
        .iter()
        .fold(true, |so_far, &byte| so_far & allowed(byte))
}

/// `bytes` without the spaces and HTABs at both ends (OWS of RFC 9110 §5.6.3).
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// A number of decimal digits and nothing else; `None` when it is not that, or does not fit.
pub(crate) fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The value of one hexadecimal digit of either case.
pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_the_rfc() {
        let tokens: Vec<u8> = (0..=255).filter(|&b| is_token_byte(b)).collect();
        assert_eq!(
            tokens.as_slice(),
            b"!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~"
        );
        let not_text: Vec<u8> = (0..=255).filter(|&b| !is_field_text(&[b])).collect();
        let controls: Vec<u8> = (0..=8).chain(10..=31).chain([127]).collect();
        assert_eq!(not_text, controls);
        assert!((0..=255).all(|b| is_target_byte(b) == (b > 0x20 && b < 0x7f)));
    }

    #[test]
    fn names_and_values() {
        assert!(is_field_name(b"X-Thing_1"));
        assert!(!is_field_name(b""));
        assert!(!is_field_name(b"a b"));
        assert!(is_field_value(b""));
        assert!(is_field_value(b"a\tb \xff"));
        assert!(!is_field_value(b" a"));
        assert!(!is_field_value(b"a\t"));
        assert!(!is_field_value(b"a\r\nb: c"));
    }

    #[test]
    fn lists_skip_empty_elements() {
        let items: Vec<&[u8]> = list_items(b" , a\t,,b c ,").collect();
        assert_eq!(items, [b"a".as_slice(), b"b c"]);
        assert_eq!(list_items(b"").count(), 0);
    }

    #[test]
    fn decimal_is_digits_that_fit() {
        assert_eq!(decimal(b"0018446744073709551615"), Some(u64::MAX));
        for bad in [
            b"".as_slice(),
            b"+1",
            b"-1",
            b" 1",
            b"1 ",
            b"0x1",
            b"18446744073709551616",
        ] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }
}
