//! Methods, field names and field values that somebody wrote, checked before they are sent. Entered
//! with the command line's options and a scenario's keys. What frames a message or rules its
//! connection is the generator's to say, and refused.

use serde::{Deserialize, Deserializer};

use super::yaml;

/// Fields that are the connection's own business.
const RESERVED: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The name of a field that may be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldName(pub(crate) String);

impl FieldName {
    /// Reads a name (RFC 9110 §5.1).
    ///
    /// # Errors
    /// A sentence for the user.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !is_token(text) {
            return Err(format!("{text:?} is no field name"));
        }
        if RESERVED.iter().any(|name| name.eq_ignore_ascii_case(text)) {
            return Err(format!("{text} is set by the generator itself"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether it says which host is meant.
    pub(crate) fn is_host(&self) -> bool {
        self.0.eq_ignore_ascii_case("host")
    }
}

impl<'de> Deserialize<'de> for FieldName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        yaml::text(deserializer, Self::parse)
    }
}

/// Reads `Name: value`, as on the command line.
///
/// # Errors
/// A sentence for the user.
pub(crate) fn parse_field(text: &str) -> Result<(FieldName, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| format!("{text:?}: expected 'Name: value'"))?;
    let value = value.trim_matches([' ', '\t']);
    check_value(value)?;
    Ok((FieldName::parse(name)?, value.to_owned()))
}

/// Reads a method (RFC 9110 §9.1).
///
/// # Errors
/// A sentence for the user.
pub(crate) fn parse_method(text: &str) -> Result<String, String> {
    match text {
        "CONNECT" => Err("CONNECT makes a tunnel, which carries no requests".to_owned()),
        text if is_token(text) => Ok(text.to_owned()),
        text => Err(format!("{text:?} is no method")),
    }
}

/// Reads the path of a call of gRPC.
///
/// # Errors
/// A sentence for the user.
pub(crate) fn parse_call(text: &str) -> Result<String, String> {
    check_target(text)?;
    let names = text
        .strip_prefix('/')
        .and_then(|rest| rest.rsplit_once('/'));
    match names {
        Some((service, method)) if !service.is_empty() && !method.is_empty() => Ok(text.to_owned()),
        _ => Err(format!("{text:?}: expected /package.Service/Method")),
    }
}

/// Looks whether text may stand in a field's value (RFC 9110 §5.5).
///
/// # Errors
/// A sentence for the user.
pub(crate) fn check_value(text: &str) -> Result<(), String> {
    if text
        .chars()
        .any(|char| char.is_ascii_control() && char != '\t')
    {
        return Err(format!(
            "{text:?}: a field's value has no control characters"
        ));
    }
    Ok(())
}

/// Looks whether text may begin a request-target or stand in one.
///
/// # Errors
/// A sentence for the user.
pub(crate) fn check_target(text: &str) -> Result<(), String> {
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#')
    {
        return Err(format!(
            "{text:?}: a path holds visible ASCII only, and no #; percent-encode the rest"
        ));
    }
    Ok(())
}

fn is_token(text: &str) -> bool {
    let is_in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_in_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_and_checked() {
        let (name, value) = parse_field("X-A:  b: c ").unwrap();
        assert_eq!((name.0.as_str(), value.as_str()), ("X-A", "b: c"));
        assert!(parse_field("Host: x").unwrap().0.is_host());
        for text in [
            "X",
            ": y",
            "X Y: z",
            "X: a\r\nY: b",
            "X: \0",
            "content-LENGTH: 3",
        ] {
            assert!(parse_field(text).is_err(), "{text}");
        }
        let error = parse_field("Connection: close").unwrap_err();
        assert!(error.contains("generator itself"), "{error}");
    }

    #[test]
    fn methods_are_tokens() {
        assert_eq!(parse_method("PROPFIND").as_deref(), Ok("PROPFIND"));
        for text in ["", "GET ", "A/B", "CONNECT"] {
            assert!(parse_method(text).is_err(), "{text}");
        }
    }

    #[test]
    fn targets_are_visible_ascii() {
        assert_eq!(check_target("/a?b=%20"), Ok(()));
        for text in ["/a b", "/é", "/a#b", "/\n"] {
            assert!(check_target(text).is_err(), "{text:?}");
        }
    }
}
