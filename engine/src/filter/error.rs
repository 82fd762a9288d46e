//! Why a filter failed: a text for the client and a cause for the operator, which never mix.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::call::CallError;

/// Why a filter did not do its work.
#[derive(Debug)]
pub struct FilterError {
    status: u16,
    text: Cow<'static, str>,
    source: Option<Box<dyn Error>>,
}

impl FilterError {
    /// An error that the client learns of by this status and this text. A status that is no error
    /// (400 to 599) becomes 500.
    #[must_use]
    pub fn new(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: if (400..600).contains(&status) {
                status
            } else {
                500
            },
            text: text.into(),
            source: None,
        }
    }

    /// Adds the cause. It goes to the program's log and never to the client.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The status that the client gets.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The text that the client gets.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text)
    }
}

impl Error for FilterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref()
    }
}

impl From<CallError> for FilterError {
    /// The client is told that something that its request needs is missing, not what.
    fn from(error: CallError) -> Self {
        let text = "a service that this request depends on did not answer";
        Self::new(error.status(), text).because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_not_part_of_the_text() {
        let error = FilterError::new(503, "try later").because("10.0.0.7 is down");
        assert_eq!(
            (error.status(), error.to_string().as_str()),
            (503, "try later")
        );
        assert_eq!(error.source().unwrap().to_string(), "10.0.0.7 is down");
    }

    #[test]
    fn what_is_no_error_is_a_500() {
        for status in [0, 99, 200, 399, 600, 1000] {
            assert_eq!(FilterError::new(status, "").status(), 500);
        }
    }
}
