//! Why a head was refused.
//!
//! One enum for both roles and for trailer sections, because the rules are the same; it never holds
//! bytes of the peer.

use std::fmt;

/// What is wrong with a head, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeadError {
    /// The start line is longer than [`crate::HeadLimits::start_line`].
    StartLineTooLong,
    /// The head is longer than [`crate::HeadLimits::head`].
    HeadTooLarge,
    /// A field line is longer than [`crate::HeadLimits::field_line`].
    FieldLineTooLong,
    /// There are more field lines than [`crate::HeadLimits::fields`].
    TooManyFields,
    /// More than two empty lines before a request.
    EmptyLines,
    /// The HTTP/2 connection preface, where an HTTP/1 request was expected.
    Http2Preface,
    /// The request line is not `method SP target SP version`.
    RequestLine,
    /// The method is not a token, or the request line is over its limit before the method has ended.
    Method,
    /// The target holds a byte that is not visible ASCII.
    Target,
    /// The status line is not `version SP status [SP reason]`.
    StatusLine,
    /// The status is not three digits from 100 up.
    Status,
    /// The reason phrase holds a control byte.
    Reason,
    /// A version of HTTP other than 1.0 and 1.1.
    Version,
    /// A line that ends with LF alone.
    BareLf,
    /// A CR that is not part of a line's end.
    BareCr,
    /// A NUL byte.
    Nul,
    /// A line that begins with a space or HTAB: a folded field, or whitespace before the first one.
    Folded,
    /// A field line without a colon.
    NoColon,
    /// Whitespace between a field's name and its colon.
    SpaceBeforeColon,
    /// A field name that is empty or not a token.
    FieldName,
    /// A field value with a control byte in it.
    FieldValue,
}

impl HeadError {
    /// The status with which to answer a request with this error. For a response the answer is a
    /// 502 in any case.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::StartLineTooLong => 414,
            Self::HeadTooLarge | Self::FieldLineTooLong | Self::TooManyFields => 431,
            Self::Version | Self::Http2Preface => 505,
            Self::EmptyLines
            | Self::RequestLine
            | Self::Method
            | Self::Target
            | Self::StatusLine
            | Self::Status
            | Self::Reason
            | Self::BareLf
            | Self::BareCr
            | Self::Nul
            | Self::Folded
            | Self::NoColon
            | Self::SpaceBeforeColon
            | Self::FieldName
            | Self::FieldValue => 400,
        }
    }

    /// The field of [`crate::HeadLimits`] that was exceeded, if that is what happened.
    #[must_use]
    pub const fn limit(self) -> Option<&'static str> {
        match self {
            Self::StartLineTooLong => Some("start_line"),
            Self::HeadTooLarge => Some("head"),
            Self::FieldLineTooLong => Some("field_line"),
            Self::TooManyFields => Some("fields"),
            _ => None,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::StartLineTooLong => "the start line is too long",
            Self::HeadTooLarge => "the head is too large",
            Self::FieldLineTooLong => "a field line is too long",
            Self::TooManyFields => "there are too many fields",
            Self::EmptyLines => "too many empty lines before the request line",
            Self::Http2Preface => "the HTTP/2 preface on an HTTP/1 connection",
            Self::RequestLine => "the request line is not `method target version`",
            Self::Method => "the method is no token, or does not end",
            Self::Target => "the request target holds a byte that is not visible ASCII",
            Self::StatusLine => "the status line is not `version status reason`",
            Self::Status => "the status is not three digits from 100 up",
            Self::Reason => "the reason phrase holds a control byte",
            Self::Version => "the version is neither HTTP/1.0 nor HTTP/1.1",
            Self::BareLf => "a line ends with LF alone",
            Self::BareCr => "a CR without LF",
            Self::Nul => "a NUL byte",
            Self::Folded => "a line begins with whitespace",
            Self::NoColon => "a field line has no colon",
            Self::SpaceBeforeColon => "whitespace before a field's colon",
            Self::FieldName => "a field name is not a token",
            Self::FieldValue => "a field value holds a control byte",
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for HeadError {}
