//! What a request asks for: the four forms of the request-target, authorities, and the one form of
//! a path.
//!
//! Transports enter with the target of a parsed head; routing, limits, caching and the next hop
//! then all use what comes out of [`normalize_path`], so that no two of them can disagree. Queries
//! are never touched.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use memchr::{memchr, memchr2, memrchr};

use crate::grammar::{all, decimal, hex_digit, is_target, is_unreserved};
use crate::head::Method;

/// A request-target (RFC 9112 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// `/path?query`
    Origin {
        /// Begins with `/`. As it was sent: not normalised.
        path: &'a [u8],
        /// What follows the first `?`, which may be nothing.
        query: Option<&'a [u8]>,
    },
    /// `http://authority/path?query`. The authority takes the place of `Host`.
    Absolute {
        /// `http` or `https`, in any case.
        scheme: &'a [u8],
        /// Not yet checked beyond being there: see [`crate::framing::host`].
        authority: &'a [u8],
        /// Begins with `/`: where the target has none, it is `/`. Only `OPTIONS` without path and
        /// query has `*` here.
        path: &'a [u8],
        /// What follows the first `?`, which may be nothing.
        query: Option<&'a [u8]>,
    },
    /// `host:port`, for `CONNECT` alone.
    Authority {
        /// Host and port, checked.
        authority: &'a [u8],
    },
    /// `*`, for `OPTIONS` alone: the server as a whole.
    Asterisk,
}

impl<'a> Target<'a> {
    /// The path, where there is one to route by.
    #[must_use]
    pub const fn path(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Origin { path, .. } => Some(path),
            Self::Absolute { path, .. } if !self.is_asterisk() => Some(path),
            _ => None,
        }
    }

    /// The query without its `?`.
    #[must_use]
    pub const fn query(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Origin { query, .. } | Self::Absolute { query, .. } => query,
            Self::Authority { .. } | Self::Asterisk => None,
        }
    }

    /// Whether the server as a whole is meant: `*`, or its absolute form (RFC 9112 §3.2.4).
    #[must_use]
    pub const fn is_asterisk(&self) -> bool {
        matches!(self, Self::Asterisk | Self::Absolute { path: b"*", .. })
    }
}

/// A host and an optional port (RFC 3986 §3.2 without userinfo).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// A name, an IPv4 address, or an IPv6 address in its brackets; in the sender's case, a final
    /// dot kept.
    pub host: &'a [u8],
    /// The port, when there is one.
    pub port: Option<u16>,
}

/// What is wrong with a target, a path or an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetError {
    /// None of the forms that the method allows.
    Form,
    /// A scheme other than `http` and `https`.
    Scheme,
    /// A `#`.
    Fragment,
    /// A byte that is not visible ASCII.
    Byte,
    /// A `%` without two hexadecimal digits.
    Escape,
    /// An escaped control byte in the path.
    Control,
    /// A `\` in the path: some origins take it for a `/`.
    Backslash,
    /// A dot segment with a parameter, `..;x`: some origins drop the parameter and then climb.
    DotParameter,
    /// More `..` than there are segments above.
    AboveRoot,
    /// Userinfo before the host.
    Userinfo,
    /// The host is empty or not a name, IPv4 address or bracketed IPv6 address.
    Host,
    /// The port is not a number from 1 to 65535, or missing where there must be one.
    Port,
}

impl TargetError {
    /// The status with which to answer.
    #[must_use]
    pub const fn status(self) -> u16 {
        400
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Form => "the request target has none of the forms that the method allows",
            Self::Scheme => "the scheme of the request target is neither http nor https",
            Self::Fragment => "a fragment in the request target",
            Self::Byte => "the request target holds a byte that is not visible ASCII",
            Self::Escape => "a percent sign without two hexadecimal digits in the path",
            Self::Control => "an escaped control byte in the path",
            Self::Backslash => "a backslash in the path",
            Self::DotParameter => "a dot segment with a parameter in the path",
            Self::AboveRoot => "the path climbs above the root",
            Self::Userinfo => "userinfo before the host",
            Self::Host => "the host is not a name or an address",
            Self::Port => "the port is not a number from 1 to 65535",
        }
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for TargetError {}

/// Tells the four forms apart (RFC 9112 §3.2); which of them are allowed hangs on the method.
///
/// # Errors
/// When the target has another form, another scheme, a fragment, userinfo, or bytes that no target
/// has.
pub fn parse_target(method: Method, target: &[u8]) -> Result<Target<'_>, TargetError> {
    if !is_target(target) {
        return Err(TargetError::Byte);
    }
    // What ends the path: a query, or a fragment, which has no place on the wire, here or later.
    let mark = memchr2(b'?', b'#', target);
    if mark.is_some_and(|at| memchr(b'#', &target[at..]).is_some()) {
        return Err(TargetError::Fragment);
    }
    if method == Method::Connect {
        return match split_authority(target)? {
            Authority { port: Some(_), .. } => Ok(Target::Authority { authority: target }),
            Authority { port: None, .. } => Err(TargetError::Port),
        };
    }
    if target[0] == b'/' {
        let (path, query) = split_query(target, mark);
        return Ok(Target::Origin { path, query });
    }
    if method == Method::Options && target == b"*" {
        return Ok(Target::Asterisk);
    }
    parse_absolute(method, target)
}

fn parse_absolute(method: Method, target: &[u8]) -> Result<Target<'_>, TargetError> {
    let colon = memchr(b':', target).ok_or(TargetError::Form)?;
    let (scheme, rest) = (&target[..colon], &target[colon + 1..]);
    let rest = rest.strip_prefix(b"//").ok_or(TargetError::Form)?;
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return Err(TargetError::Scheme);
    }
    let (authority, rest) = rest.split_at(memchr2(b'/', b'?', rest).unwrap_or(rest.len()));
    if authority.is_empty() {
        return Err(TargetError::Host);
    }
    let (path, query) = match split_query(rest, memchr(b'?', rest)) {
        (b"", None) if method == Method::Options => (b"*".as_slice(), None),
        (b"", query) => (b"/".as_slice(), query),
        path_and_query => path_and_query,
    };
    Ok(Target::Absolute {
        scheme,
        authority,
        path,
        query,
    })
}

fn split_query(target: &[u8], mark: Option<usize>) -> (&[u8], Option<&[u8]>) {
    match mark {
        Some(at) => (&target[..at], Some(&target[at + 1..])),
        None => (target, None),
    }
}

/// Takes an authority apart and checks it. Names may hold letters, digits and `-._~`, no empty
/// label but the last, and 255 bytes; the sub-delimiters and escapes that RFC 3986 allows in them
/// occur in no real host name and are refused. An empty port counts as none (RFC 3986 §3.2.3).
///
/// # Errors
/// On userinfo, on a host that is not one, and on a port that is not one.
pub fn split_authority(authority: &[u8]) -> Result<Authority<'_>, TargetError> {
    split_checked(authority).map_err(|error| match memchr(b'@', authority) {
        Some(_) => TargetError::Userinfo,
        None => error,
    })
}

fn split_checked(authority: &[u8]) -> Result<Authority<'_>, TargetError> {
    let host_len = match authority.first() {
        Some(b'[') => memchr(b']', authority).ok_or(TargetError::Host)? + 1,
        _ => memchr(b':', authority).unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(host_len);
    if !is_host(host) {
        return Err(TargetError::Host);
    }
    let port = match rest {
        [] | [b':'] => None,
        [b':', digits @ ..] => Some(port(digits).ok_or(TargetError::Port)?),
        _ => return Err(TargetError::Host),
    };
    Ok(Authority { host, port })
}

fn port(digits: &[u8]) -> Option<u16> {
    // No more digits than the largest port has: nobody needs leading zeros.
    let digits = (digits.len() <= 5).then_some(digits)?;
    u16::try_from(decimal(digits)?)
        .ok()
        .filter(|&port| port != 0)
}

fn is_host(host: &[u8]) -> bool {
    if let [b'[', address @ .., b']'] = host {
        return std::str::from_utf8(address).is_ok_and(|text| Ipv6Addr::from_str(text).is_ok());
    }
    let labels = host.strip_suffix(b".").unwrap_or(host);
    let mut before = b'.';
    for &byte in labels {
        if !is_unreserved(byte) || (byte == b'.' && before == b'.') {
            return false;
        }
        before = byte;
    }
    before != b'.' && host.len() <= 255
}

/// Whether [`normalize_path`] would find nothing to do, as far as a quick look tells: `true` is
/// certain, `false` may also be said of a path with escapes or a segment that begins with a dot.
#[must_use]
pub fn is_normal_path(path: &[u8]) -> bool {
    let Some((b'/', rest)) = path.split_first() else {
        return false;
    };
    let dots_begin_no_segment = path
        .iter()
        .zip(rest)
        .fold(true, |so_far, (&before, &byte)| {
            so_far & !(before == b'/' && byte == b'.')
        });
    dots_begin_no_segment && all(rest, is_plain_path_byte)
}

/// Visible ASCII without what ends a path, begins an escape, or means different things to different
/// origins.
const fn is_plain_path_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\' | b'?' | b'#')
}

/// Puts the one form of `path` into `out`, which is emptied first: unreserved characters are
/// decoded, dot segments (plain or escaped) are resolved (RFC 3986 §6.2.2). All other escapes stay
/// escapes, above all `%2F` and `%5C`, with their digits in upper case (§6.2.2.1); empty segments
/// stay too. Normalising twice is the same as once.
///
/// # Errors
/// When the path does not begin with `/` or holds a `?`, climbs above the root, has an escape that
/// is none or that stands for a control byte, a backslash, or a dot segment with a parameter. `out`
/// is then of no use.
pub fn normalize_path(path: &[u8], out: &mut Vec<u8>) -> Result<(), TargetError> {
    out.clear();
    if path.first() != Some(&b'/') {
        return Err(TargetError::Form);
    }
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        at += 1;
        match byte {
            b'/' => {
                end_segment(out)?;
                out.push(b'/');
            }
            b'%' => {
                let digits = path.get(at..at + 2).ok_or(TargetError::Escape)?;
                at += 2;
                push_escape(digits, out)?;
            }
            b'\\' => return Err(TargetError::Backslash),
            b'#' => return Err(TargetError::Fragment),
            b'?' => return Err(TargetError::Form),
            _ if byte.is_ascii_graphic() => out.push(byte),
            _ => return Err(TargetError::Byte),
        }
    }
    if end_segment(out)? {
        out.push(b'/');
    }
    Ok(())
}

fn push_escape(digits: &[u8], out: &mut Vec<u8>) -> Result<(), TargetError> {
    let (Some(high), Some(low)) = (hex_digit(digits[0]), hex_digit(digits[1])) else {
        return Err(TargetError::Escape);
    };
    match high << 4 | low {
        byte if byte.is_ascii_control() => return Err(TargetError::Control),
        byte if is_unreserved(byte) => out.push(byte),
        _ => out.extend([b'%', digits[0], digits[1]].map(|byte| byte.to_ascii_uppercase())),
    }
    Ok(())
}

/// Resolves the last segment of `out` if it is a dot segment, and says whether it was. What is left
/// then lacks the slash at its end.
fn end_segment(out: &mut Vec<u8>) -> Result<bool, TargetError> {
    let Some(slash) = memrchr(b'/', out) else {
        return Ok(false);
    };
    let kept = match &out[slash + 1..] {
        b"." => slash,
        b".." => memrchr(b'/', &out[..slash]).ok_or(TargetError::AboveRoot)?,
        [b'.', b';', ..] | [b'.', b'.', b';', ..] => return Err(TargetError::DotParameter),
        _ => return Ok(false),
    };
    out.truncate(kept);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(path: &str) -> Result<String, TargetError> {
        let mut out = Vec::new();
        normalize_path(path.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn dot_segments_resolve_as_in_rfc_3986() {
        for (path, expected) in [
            ("/", "/"),
            ("/a/./b", "/a/b"),
            ("/a/b/../c", "/a/c"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/.", "/"),
            ("/a/..", "/"),
            ("/a//../b", "/a/b"),
            ("/a/b/c/./../../g", "/a/g"),
            ("/...", "/..."),
            ("/a/.b/..c", "/a/.b/..c"),
            ("//a//", "//a//"),
        ] {
            assert_eq!(normal(path).as_deref(), Ok(expected), "{path}");
        }
        for path in ["/..", "/a/../..", "/./..", "/../a"] {
            assert_eq!(normal(path), Err(TargetError::AboveRoot), "{path}");
        }
    }

    #[test]
    fn quick_look_agrees() {
        for (path, quick) in [
            ("/a/b.c", true),
            ("/a/.b", false),
            ("/a%20", false),
            ("/\\", false),
        ] {
            assert_eq!(is_normal_path(path.as_bytes()), quick, "{path}");
        }
        assert!(!is_normal_path(b""));
        assert!(!is_normal_path(b"a"));
    }
}
