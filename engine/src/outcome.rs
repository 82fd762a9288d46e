//! How an exchange ended, in one word: [`Outcome`]. Every exchange gets exactly one; metrics, the
//! access log, local replies and traces use the same word, and each word keeps its meaning for
//! good. This file only names outcomes: it never decides which one an exchange has, nor its status.

/// Who made an exchange end the way it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client: what it asked, or that it went away.
    Downstream,
    /// The service's endpoints.
    Upstream,
    /// This program: its own bounds, state or configuration.
    Proxy,
}

/// Declares [`Outcome`] from one table: variant, code, who is to blame.
macro_rules! outcomes {
    ($($(#[$doc:meta])+ $variant:ident = $code:literal, $side:expr;)+) => {
        /// How an exchange ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Outcome { $($(#[$doc])+ $variant,)+ }

        impl Outcome {
            /// Every outcome, in the order of [`Outcome::index`].
            pub const ALL: [Self; [$($code),+].len()] = [$(Self::$variant),+];

            /// The code that logs, metrics and replies show.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// Who is to blame; `None` where nothing went wrong.
            #[must_use]
            pub const fn side(self) -> Option<Side> {
                use Side::{Downstream, Proxy, Upstream};
                match self { $(Self::$variant => $side),+ }
            }
        }
    };
}

outcomes! {
    /// The upstream's reply was forwarded to its end.
    Ok = "ok", None;
    /// A route or a filter answered by itself, as it is configured to.
    LocalReply = "local_reply", None;
    /// No route matches the request.
    NoRoute = "no_route", Some(Downstream);
    /// Routes match the request, but none of them has its method.
    MethodNotAllowed = "method_not_allowed", Some(Downstream);
    /// The request breaks the rules of its protocol.
    BadRequest = "bad_request", Some(Downstream);
    /// The request line is longer than its limit.
    TargetTooLong = "target_too_long", Some(Downstream);
    /// The request head, a field of it or the number of fields is above its limit.
    HeadTooLarge = "head_too_large", Some(Downstream);
    /// The request body is above its limit.
    BodyTooLarge = "body_too_large", Some(Downstream);
    /// The client sent its head or body too slowly, or took the reply too slowly.
    ClientTimeout = "client_timeout", Some(Downstream);
    /// The client closed or reset its connection before the end.
    ClientGone = "client_gone", Some(Downstream);
    /// The request has no credentials, or none that are valid.
    Unauthenticated = "unauthenticated", Some(Downstream);
    /// The credentials, or the client's address, do not permit the request.
    Forbidden = "forbidden", Some(Downstream);
    /// A rate limit refused the request.
    RateLimited = "rate_limited", Some(Downstream);
    /// The request was refused to keep the program itself responsive.
    Shed = "shed", Some(Proxy);
    /// The cache answered.
    CacheHit = "cache_hit", None;
    /// An endpoint refused the connection, or it failed while it was being made.
    ConnectFailed = "connect_failed", Some(Upstream);
    /// An endpoint did not accept the connection in time.
    ConnectTimeout = "connect_timeout", Some(Upstream);
    /// The upstream closed or reset the connection before its reply was complete.
    UpstreamReset = "upstream_reset", Some(Upstream);
    /// The upstream's reply breaks the rules of its protocol, or a limit on replies.
    UpstreamMalformed = "upstream_malformed", Some(Upstream);
    /// The head of the upstream's reply did not come in time.
    ResponseTimeout = "response_timeout", Some(Upstream);
    /// The whole exchange took longer than its route allows.
    TotalTimeout = "total_timeout", Some(Upstream);
    /// A body, stream or tunnel was silent for longer than its idle limit.
    IdleTimeout = "idle_timeout", Some(Upstream);
    /// The service has no endpoint that may be used.
    NoEndpoint = "no_endpoint", Some(Upstream);
    /// A bound on connections or waiting requests of the service was reached.
    Overflow = "overflow", Some(Proxy);
    /// A configured fault was injected.
    Fault = "fault", Some(Proxy);
    /// The program is shutting down and takes no new requests.
    Draining = "draining", Some(Proxy);
    /// The request has passed this proxy too often already.
    Loop = "loop", Some(Proxy);
    /// The exchange became a tunnel, and one of the two ends closed it.
    Tunnel = "tunnel", None;
    /// A defect of this program.
    Internal = "internal", Some(Proxy);
}

impl Outcome {
    /// How many outcomes there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The position in [`Outcome::ALL`], for arrays with a cell for each outcome.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dashboards and alerts are written against these words.
    const PROMISED: &str = "ok local_reply no_route method_not_allowed bad_request \
        target_too_long head_too_large body_too_large client_timeout client_gone unauthenticated \
        forbidden rate_limited shed cache_hit connect_failed connect_timeout upstream_reset \
        upstream_malformed response_timeout total_timeout idle_timeout no_endpoint overflow fault \
        draining loop tunnel internal";

    #[test]
    fn codes_are_the_promised_words() {
        let codes: Vec<&str> = Outcome::ALL
            .iter()
            .map(|outcome| outcome.as_str())
            .collect();
        assert_eq!(codes, PROMISED.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn index_is_the_position_in_all() {
        for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome.index(), at);
        }
        assert_eq!(size_of::<Option<Outcome>>(), 1);
    }

    #[test]
    fn only_good_ends_blame_nobody() {
        let blameless: Vec<&str> = Outcome::ALL
            .into_iter()
            .filter(|outcome| outcome.side().is_none())
            .map(Outcome::as_str)
            .collect();
        assert_eq!(blameless, ["ok", "local_reply", "cache_hit", "tunnel"]);
    }
}
