//! The forms of HTTP texts that a configuration may put on the wire.

/// A token (RFC 9110 §5.6.2): methods, field names, upgrade tokens.
pub(super) fn is_token(text: &str) -> bool {
    let tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(tchar)
}

/// A field value (RFC 9110 §5.5): no control characters but tab, no blank at either end.
pub(super) fn is_field_value(text: &str) -> bool {
    let blank = |byte: Option<u8>| matches!(byte, Some(b' ' | b'\t'));
    !blank(text.bytes().next())
        && !blank(text.bytes().last())
        && text
            .bytes()
            .all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}
