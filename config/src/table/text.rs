//! The forms in which a configuration's text meets a request's bytes: paths percent-encoded as
//! requests carry them once normalised, hosts in lower case, regexes bounded in size.

use regex::bytes::{Regex, RegexBuilder};

use crate::limits::{MAX_PATTERN_BYTES, MAX_REGEX_BYTES};

/// A part of a path in normal form: unreserved characters decoded, what may not stand in a path
/// encoded, escapes in upper case. Dot segments and characters that end a path are refused.
pub(crate) fn normalise_literal(text: &str) -> Result<Vec<u8>, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'%' => {
                let byte = hex_pair(bytes, at)
                    .ok_or_else(|| "`%` is followed by two hexadecimal digits".to_owned())?;
                at += 2;
                push_escaped(byte, &mut out)?;
            }
            b'?' | b'#' => {
                return Err(format!("`{}` ends a path", char::from(byte)));
            }
            0..=0x20 | 0x7f => {
                return Err(
                    "spaces and control characters stand in a path only as `%20` and the like"
                        .to_owned(),
                );
            }
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'|' | 0x80.. => push_hex(byte, &mut out),
            _ => out.push(byte),
        }
    }
    if matches!(&out[..], b"." | b"..") {
        return Err(format!(
            "`{text}` is a dot segment, which no request's path has any more"
        ));
    }
    Ok(out)
}

fn push_escaped(byte: u8, out: &mut Vec<u8>) -> Result<(), String> {
    match byte {
        0 => return Err("`%00` is refused in every request".to_owned()),
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte),
        _ => push_hex(byte, out),
    }
    Ok(())
}

fn push_hex(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push(b'%');
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

/// The byte that two hexadecimal digits at `at` stand for.
pub(crate) fn hex_pair(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(*bytes.get(at)?)? << 4 | digit(*bytes.get(at + 1)?)?)
}

/// Removes `.` and `..` segments, their encoded spellings included, staying at the root; makes the
/// result begin with a slash. For paths that a regex put together.
pub(crate) fn remove_dot_segments(path: &mut Vec<u8>, from: usize) {
    if path.get(from) != Some(&b'/') {
        path.insert(from, b'/');
    }
    if !path[from..]
        .split(|byte| *byte == b'/')
        .any(|segment| dots(segment) > 0)
    {
        return;
    }
    let written = path.split_off(from);
    let mut last_was_dots = false;
    for segment in written[1..].split(|byte| *byte == b'/') {
        let dots = dots(segment);
        last_was_dots = dots > 0;
        match dots {
            0 => {
                path.push(b'/');
                path.extend_from_slice(segment);
            }
            1 => {}
            _ => {
                let parent = path[from..]
                    .iter()
                    .rposition(|byte| *byte == b'/')
                    .unwrap_or(0);
                path.truncate(from + parent);
            }
        }
    }
    if last_was_dots || path.len() == from {
        path.push(b'/');
    }
}

/// 1 for `.`, 2 for `..`, however they are spelled; 0 for anything else.
fn dots(mut segment: &[u8]) -> usize {
    let mut count = 0;
    while !segment.is_empty() {
        segment = match segment {
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return 0,
        };
        count += 1;
    }
    if count > 2 { 0 } else { count }
}

/// A regex within the bounds of `limits.rs`.
pub(crate) fn compile_regex(text: &str) -> Result<Regex, String> {
    if text.len() > MAX_PATTERN_BYTES {
        return Err(format!("a regex of more than {MAX_PATTERN_BYTES} bytes"));
    }
    RegexBuilder::new(text)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .nest_limit(64)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => {
                format!("compiled, it takes more than {limit} bytes")
            }
            // The message draws the regex over several lines; the last one says what is wrong.
            error => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_take_the_form_that_normalised_requests_have() {
        for (written, normal) in [
            ("users", "users"),
            ("%7Ejoe", "~joe"),
            ("a%2fb", "a%2Fb"),
            ("caf\u{e9}", "caf%C3%A9"),
            ("a:b@c!$&'()+,;=", "a:b@c!$&'()+,;="),
            ("...", "..."),
        ] {
            assert_eq!(
                normalise_literal(written).unwrap(),
                normal.as_bytes(),
                "{written}"
            );
        }
        for refused in [
            ".", "..", "%2e%2E", "a b", "a?b", "a#b", "%", "%4", "%zz", "%00", "\u{7f}",
        ] {
            assert!(normalise_literal(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn dot_segments_go_and_the_root_stays() {
        for (path, clean) in [
            ("/a/b", "/a/b"),
            ("a", "/a"),
            ("", "/"),
            ("/a/../b", "/b"),
            ("/../../b", "/b"),
            ("/a/%2e%2E/b", "/b"),
            ("/a/..", "/"),
            ("/a/b/.", "/a/b/"),
            ("/...", "/..."),
            ("/a//../b", "/a/b"),
        ] {
            let mut out = b"kept".to_vec();
            out.extend_from_slice(path.as_bytes());
            remove_dot_segments(&mut out, 4);
            assert_eq!(
                String::from_utf8(out).unwrap(),
                format!("kept{clean}"),
                "{path}"
            );
        }
    }

    #[test]
    fn a_regex_that_grows_without_end_is_refused() {
        let message = compile_regex("(a{1000}){1000}").unwrap_err();
        assert_eq!(message, "compiled, it takes more than 1048576 bytes");
        assert_eq!(compile_regex("a(").unwrap_err(), "unclosed group");
    }
}
