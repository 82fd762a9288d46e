//! Which hooks a filter has, so that a worker can sort a route's filters into one list per hook.

use std::fmt;

/// A set of hooks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Phases(u8);

impl Phases {
    /// No hook at all.
    pub const NONE: Self = Self(0);
    /// `on_request`.
    pub const REQUEST: Self = Self(1);
    /// `on_request_chunk`. The request's body is sent on in chunks.
    pub const REQUEST_BODY: Self = Self(1 << 1);
    /// `on_response`.
    pub const RESPONSE: Self = Self(1 << 2);
    /// `on_response_chunk`. The response's body is sent on in chunks.
    pub const RESPONSE_BODY: Self = Self(1 << 3);
    /// `on_complete`.
    pub const COMPLETE: Self = Self(1 << 4);
    /// Every hook.
    pub const ALL: Self = Self(0b1_1111);

    /// These hooks and `others`.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether all of `others` are among these.
    #[must_use]
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }
}

impl fmt::Debug for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::REQUEST, "request"),
            (Self::REQUEST_BODY, "request_body"),
            (Self::RESPONSE, "response"),
            (Self::RESPONSE_BODY, "response_body"),
            (Self::COMPLETE, "complete"),
        ];
        let held = names.iter().filter(|(phase, _)| self.contains(*phase));
        f.debug_set().entries(held.map(|(_, name)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_the_sum_of_the_others() {
        let sum = Phases::REQUEST
            .and(Phases::REQUEST_BODY)
            .and(Phases::RESPONSE)
            .and(Phases::RESPONSE_BODY)
            .and(Phases::COMPLETE);
        assert_eq!(sum, Phases::ALL);
        assert!(!Phases::REQUEST.contains(Phases::ALL));
        assert!(Phases::NONE.contains(Phases::NONE));
        assert_eq!(format!("{:?}", Phases::REQUEST), "{\"request\"}");
    }
}
