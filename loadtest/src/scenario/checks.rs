//! What a good reply must be. Entered with each complete reply of a kind that has checks; the first
//! check that fails makes the reply an error.

use std::fmt;
use std::ops::RangeInclusive;

use regex::bytes::Regex;
use serde_json::Value;

use crate::client::Kept;
use crate::request::Keep;

/// The longest piece of a reply that a failure quotes.
const QUOTED_BYTES: usize = 100;

/// One condition on replies.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    /// The status is in one of these ranges.
    Status(Vec<RangeInclusive<u16>>),
    /// Some field of this name is as it should be.
    Field(String, FieldTest),
    /// The body is as it should be.
    Body(BodyTest),
}

/// What a field's value must be.
#[derive(Clone, Debug)]
pub(crate) enum FieldTest {
    /// Anything.
    Present,
    /// This text.
    Equals(String),
    /// Text that this expression finds itself in.
    Matches(Regex),
}

/// What a body must be.
#[derive(Clone, Debug)]
pub(crate) enum BodyTest {
    /// It has this text in it.
    Contains(String),
    /// It is this text.
    Equals(String),
    /// It has so many bytes.
    Size(RangeInclusive<u64>),
    /// It is JSON, and at this pointer (RFC 6901) stands this value.
    Json(String, Value),
}

impl Check {
    /// What it must see of the reply.
    pub(crate) fn keep(&self) -> Keep {
        match self {
            Self::Status(_) => Keep::Status,
            Self::Field(..) => Keep::Fields,
            Self::Body(_) => Keep::Body,
        }
    }

    /// Whether a reply is as it should be.
    ///
    /// # Errors
    /// What it was instead.
    pub(crate) fn look(&self, status: u16, kept: &Kept) -> Result<(), String> {
        match self {
            Self::Status(ranges) if ranges.iter().any(|range| range.contains(&status)) => Ok(()),
            Self::Status(_) => Err(format!("it was {status}")),
            Self::Field(name, test) => test.look(name, kept),
            Self::Body(test) => match kept.body() {
                Some(body) => test.look(body),
                None => Err("it was too large to be checked".to_owned()),
            },
        }
    }
}

impl FieldTest {
    fn look(&self, name: &str, kept: &Kept) -> Result<(), String> {
        let named = kept
            .fields()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
        let mut seen = None;
        for (_, value) in named {
            let good = match self {
                Self::Present => true,
                Self::Equals(text) => value == text.as_bytes(),
                Self::Matches(expression) => expression.is_match(value),
            };
            if good {
                return Ok(());
            }
            seen = Some(value);
        }
        Err(match seen {
            Some(value) => format!("it was {}", quoted(value)),
            None => "there was none".to_owned(),
        })
    }
}

impl BodyTest {
    fn look(&self, body: &[u8]) -> Result<(), String> {
        let good = match self {
            Self::Contains(text) => memchr::memmem::find(body, text.as_bytes()).is_some(),
            Self::Equals(text) => body == text.as_bytes(),
            Self::Size(sizes) if sizes.contains(&(body.len() as u64)) => true,
            Self::Size(_) => return Err(format!("it was {} bytes", body.len())),
            Self::Json(pointer, wanted) => {
                let json: Value = serde_json::from_slice(body)
                    .map_err(|error| format!("it was no JSON ({error}): {}", quoted(body)))?;
                return match json.pointer(pointer) {
                    Some(found) if found == wanted => Ok(()),
                    Some(found) => Err(format!("it was {}", quoted(found.to_string().as_bytes()))),
                    None => Err(format!("there was none in {}", quoted(body))),
                };
            }
        };
        if good {
            Ok(())
        } else {
            Err(format!("it was {}", quoted(body)))
        }
    }
}

/// The beginning of what a reply says, fit for a report.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(QUOTED_BYTES)];
    let dots = if shown.len() < bytes.len() { "…" } else { "" };
    format!("{:?}{dots}", String::from_utf8_lossy(shown))
}

/// The condition in words, as reports call it.
impl fmt::Display for Check {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(ranges) => {
                let range = |range: &RangeInclusive<u16>| match range.start() == range.end() {
                    true => range.start().to_string(),
                    false => format!("{}..{}", range.start(), range.end()),
                };
                let ranges: Vec<_> = ranges.iter().map(range).collect();
                write!(out, "status is {}", ranges.join(" or "))
            }
            Self::Field(name, FieldTest::Present) => write!(out, "there is a field {name}"),
            Self::Field(name, FieldTest::Equals(text)) => write!(out, "{name} is {text:?}"),
            Self::Field(name, FieldTest::Matches(expression)) => {
                write!(out, "{name} matches {expression}")
            }
            Self::Body(BodyTest::Contains(text)) => write!(out, "body contains {text:?}"),
            Self::Body(BodyTest::Equals(text)) => write!(out, "body is {text:?}"),
            Self::Body(BodyTest::Size(sizes)) => match sizes.start() == sizes.end() {
                true => write!(out, "body has {} bytes", sizes.start()),
                false => write!(out, "body has {} to {} bytes", sizes.start(), sizes.end()),
            },
            Self::Body(BodyTest::Json(pointer, value)) => {
                write!(out, "JSON at {pointer:?} is {value}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept(fields: &[(&[u8], &[u8])], body: &[u8]) -> Kept {
        let mut kept = Kept::default();
        kept.set_fields(fields.iter().copied());
        kept.add_body(body);
        kept
    }

    #[test]
    fn statuses_are_looked_up_in_ranges() {
        let check = Check::Status(vec![200..=299, 404..=404]);
        assert_eq!(check.to_string(), "status is 200..299 or 404");
        for (status, expected) in [(200, true), (299, true), (404, true), (300, false)] {
            assert_eq!(check.look(status, &Kept::default()).is_ok(), expected);
        }
        let error = check.look(503, &Kept::default()).unwrap_err();
        assert_eq!(error, "it was 503");
    }

    #[test]
    fn any_field_of_the_name_will_do() {
        let kept = kept(&[(b"ETag", b"1"), (b"x-a", b"one"), (b"X-A", b"two")], b"");
        let look = |name: &str, test| Check::Field(name.to_owned(), test).look(200, &kept);
        let equals = |text: &str| FieldTest::Equals(text.to_owned());
        let matches = |text| FieldTest::Matches(Regex::new(text).unwrap());
        assert_eq!(look("etag", FieldTest::Present), Ok(()));
        assert_eq!(look("X-A", equals("two")), Ok(()));
        assert_eq!(
            look("X-A", equals("three")),
            Err("it was \"two\"".to_owned())
        );
        assert_eq!(look("X-A", matches("^o.e$")), Ok(()));
        assert!(look("X-A", matches("^n")).is_err());
        assert_eq!(
            look("Age", FieldTest::Present),
            Err("there was none".to_owned())
        );
    }

    #[test]
    fn bodies_are_compared_searched_measured_and_read() {
        let kept = kept(&[], br#"{"user": {"id": 7, "tags": ["a"]}}"#);
        let look = |test| Check::Body(test).look(200, &kept);
        let text = |text: &str| text.to_owned();
        assert_eq!(look(BodyTest::Contains(text("\"id\": 7"))), Ok(()));
        assert!(look(BodyTest::Contains(text("id=7"))).is_err());
        assert!(
            look(BodyTest::Equals(text("{}")))
                .unwrap_err()
                .contains("tags")
        );
        assert_eq!(look(BodyTest::Size(34..=34)), Ok(()));
        assert_eq!(look(BodyTest::Size(0..=33)), Err(text("it was 34 bytes")));
        let json = |pointer: &str, value| look(BodyTest::Json(text(pointer), value));
        assert_eq!(json("/user/id", json!(7)), Ok(()));
        assert_eq!(json("/user", json!({"tags": ["a"], "id": 7})), Ok(()));
        assert_eq!(json("/user/id", json!("7")), Err(text("it was \"7\"")));
        assert!(
            json("/user/name", json!(7))
                .unwrap_err()
                .contains("there was none")
        );
    }

    #[test]
    fn what_is_not_json_and_what_is_too_large_fail() {
        let check = Check::Body(BodyTest::Json(String::new(), json!(1)));
        let error = check.look(200, &kept(&[], b"<html>")).unwrap_err();
        assert!(
            error.contains("no JSON") && error.contains("<html>"),
            "{error}"
        );
        let long = "x".repeat(200);
        let error = Check::Body(BodyTest::Equals(String::new()))
            .look(200, &kept(&[], long.as_bytes()))
            .unwrap_err();
        assert_eq!(error, format!("it was \"{}\"…", "x".repeat(QUOTED_BYTES)));
        let huge = vec![b'x'; 16 * 1024 * 1024 + 1];
        let error = Check::Body(BodyTest::Contains("x".to_owned()))
            .look(200, &kept(&[], &huge))
            .unwrap_err();
        assert_eq!(error, "it was too large to be checked");
    }
}
