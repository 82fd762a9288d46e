//! The field names that the gateway knows, each with one small number and a few facts.
//!
//! Everything that asks "is this field X" does so by [`Name`] instead of by text: a parsed head
//! carries a bit mask of the names in it, so that most questions are answered without looking at
//! the fields at all. Values are not this module's business; names it does not know are
//! [`Name::Other`] and stay text.

const NONE: u8 = 0;
/// For one connection only (RFC 9110 §7.6.1): never forwarded.
const HOP: u8 = 1;
/// May occur at most once; not a list.
const ONCE: u8 = 1 << 1;
/// Written by the encoder from the framing and the connection's state, never copied from a head.
const REBUILT: u8 = 1 << 2;
/// A `Connection` option that names it is ignored, or a client could take away what the gateway or
/// the origin relies on.
const ESSENTIAL: u8 = 1 << 3;
/// Defined to make sense after the body (RFC 9110 §6.5.1).
const TRAILER: u8 = 1 << 4;

macro_rules! names {
    ($($variant:ident, $lower:literal, $usual:literal, $flags:expr;)*) => {
        /// A known field name. The numbers are this build's own: never stored or sent.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Name {
            /// Any name that has no number of its own.
            Other = 0,
            $(#[doc = concat!("`", $usual, "`")] $variant,)*
        }

        const ALL: &[Name] = &[Name::Other, $(Name::$variant,)*];
        const LOWER: &[&str] = &["", $($lower,)*];
        const USUAL: &[&str] = &["", $($usual,)*];
        const LINE_STARTS: &[&str] = &["", $(concat!($usual, ": "),)*];
        const FLAGS: &[u8] = &[NONE, $($flags,)*];
    };
}

names! {
    // The connection and the framing.
    Host, "host", "Host", ONCE | ESSENTIAL;
    Connection, "connection", "Connection", HOP | REBUILT;
    ContentLength, "content-length", "Content-Length", ONCE | ESSENTIAL | REBUILT;
    TransferEncoding, "transfer-encoding", "Transfer-Encoding", HOP | REBUILT;
    KeepAlive, "keep-alive", "Keep-Alive", HOP | REBUILT;
    ProxyConnection, "proxy-connection", "Proxy-Connection", HOP | REBUILT;
    Upgrade, "upgrade", "Upgrade", HOP | REBUILT;
    Http2Settings, "http2-settings", "HTTP2-Settings", HOP | REBUILT;
    Te, "te", "TE", HOP;
    Trailer, "trailer", "Trailer", HOP;
    Expect, "expect", "Expect", ONCE | ESSENTIAL;
    // Messages.
    Date, "date", "Date", ONCE | ESSENTIAL;
    Via, "via", "Via", ESSENTIAL;
    Server, "server", "Server", ONCE;
    UserAgent, "user-agent", "User-Agent", ONCE;
    From, "from", "From", ONCE;
    Referer, "referer", "Referer", ONCE;
    Origin, "origin", "Origin", ONCE | ESSENTIAL;
    Location, "location", "Location", ONCE | ESSENTIAL;
    RetryAfter, "retry-after", "Retry-After", ONCE;
    Allow, "allow", "Allow", NONE;
    AltSvc, "alt-svc", "Alt-Svc", NONE;
    MaxForwards, "max-forwards", "Max-Forwards", ONCE | ESSENTIAL;
    Priority, "priority", "Priority", NONE;
    ServerTiming, "server-timing", "Server-Timing", TRAILER;
    Link, "link", "Link", NONE;
    // Content.
    Accept, "accept", "Accept", NONE;
    AcceptCharset, "accept-charset", "Accept-Charset", NONE;
    AcceptEncoding, "accept-encoding", "Accept-Encoding", NONE;
    AcceptLanguage, "accept-language", "Accept-Language", NONE;
    AcceptRanges, "accept-ranges", "Accept-Ranges", TRAILER;
    ContentType, "content-type", "Content-Type", ONCE | ESSENTIAL;
    ContentEncoding, "content-encoding", "Content-Encoding", ESSENTIAL;
    ContentLanguage, "content-language", "Content-Language", NONE;
    ContentLocation, "content-location", "Content-Location", ONCE;
    ContentDisposition, "content-disposition", "Content-Disposition", NONE;
    ContentRange, "content-range", "Content-Range", ONCE | ESSENTIAL;
    ContentDigest, "content-digest", "Content-Digest", TRAILER;
    Digest, "digest", "Digest", TRAILER;
    Range, "range", "Range", ONCE | ESSENTIAL;
    // Caching.
    CacheControl, "cache-control", "Cache-Control", ESSENTIAL;
    CacheStatus, "cache-status", "Cache-Status", NONE;
    CdnCacheControl, "cdn-cache-control", "CDN-Cache-Control", NONE;
    SurrogateControl, "surrogate-control", "Surrogate-Control", NONE;
    SurrogateKey, "surrogate-key", "Surrogate-Key", NONE;
    Age, "age", "Age", ONCE | ESSENTIAL;
    Expires, "expires", "Expires", ONCE | ESSENTIAL;
    Pragma, "pragma", "Pragma", NONE;
    Vary, "vary", "Vary", ESSENTIAL;
    Warning, "warning", "Warning", NONE;
    ETag, "etag", "ETag", ONCE | ESSENTIAL | TRAILER;
    LastModified, "last-modified", "Last-Modified", ONCE;
    IfMatch, "if-match", "If-Match", ESSENTIAL;
    IfNoneMatch, "if-none-match", "If-None-Match", ESSENTIAL;
    IfModifiedSince, "if-modified-since", "If-Modified-Since", ONCE | ESSENTIAL;
    IfUnmodifiedSince, "if-unmodified-since", "If-Unmodified-Since", ONCE | ESSENTIAL;
    IfRange, "if-range", "If-Range", ONCE | ESSENTIAL;
    // Credentials.
    Authorization, "authorization", "Authorization", ONCE | ESSENTIAL;
    WwwAuthenticate, "www-authenticate", "WWW-Authenticate", ESSENTIAL;
    AuthenticationInfo, "authentication-info", "Authentication-Info", ESSENTIAL;
    ProxyAuthenticate, "proxy-authenticate", "Proxy-Authenticate", ESSENTIAL;
    ProxyAuthorization, "proxy-authorization", "Proxy-Authorization", ONCE | ESSENTIAL;
    ProxyAuthenticationInfo, "proxy-authentication-info", "Proxy-Authentication-Info", ESSENTIAL;
    Cookie, "cookie", "Cookie", ESSENTIAL;
    SetCookie, "set-cookie", "Set-Cookie", ESSENTIAL;
    XApiKey, "x-api-key", "X-API-Key", ESSENTIAL;
    XUserId, "x-user-id", "X-User-ID", ESSENTIAL;
    XUserRoles, "x-user-roles", "X-User-Roles", ESSENTIAL;
    XCsrfToken, "x-csrf-token", "X-CSRF-Token", ESSENTIAL;
    // Browser policies.
    StrictTransportSecurity, "strict-transport-security", "Strict-Transport-Security", ESSENTIAL;
    ContentSecurityPolicy, "content-security-policy", "Content-Security-Policy", ESSENTIAL;
    XFrameOptions, "x-frame-options", "X-Frame-Options", ESSENTIAL;
    XContentTypeOptions, "x-content-type-options", "X-Content-Type-Options", ESSENTIAL;
    ReferrerPolicy, "referrer-policy", "Referrer-Policy", ESSENTIAL;
    AccessControlAllowCredentials, "access-control-allow-credentials", "Access-Control-Allow-Credentials", ONCE | ESSENTIAL;
    AccessControlAllowHeaders, "access-control-allow-headers", "Access-Control-Allow-Headers", ESSENTIAL;
    AccessControlAllowMethods, "access-control-allow-methods", "Access-Control-Allow-Methods", ESSENTIAL;
    AccessControlAllowOrigin, "access-control-allow-origin", "Access-Control-Allow-Origin", ONCE | ESSENTIAL;
    AccessControlExposeHeaders, "access-control-expose-headers", "Access-Control-Expose-Headers", ESSENTIAL;
    AccessControlMaxAge, "access-control-max-age", "Access-Control-Max-Age", ONCE | ESSENTIAL;
    AccessControlRequestHeaders, "access-control-request-headers", "Access-Control-Request-Headers", ESSENTIAL;
    AccessControlRequestMethod, "access-control-request-method", "Access-Control-Request-Method", ONCE | ESSENTIAL;
    // Proxies.
    Forwarded, "forwarded", "Forwarded", ESSENTIAL;
    XForwardedFor, "x-forwarded-for", "X-Forwarded-For", ESSENTIAL;
    XForwardedHost, "x-forwarded-host", "X-Forwarded-Host", ESSENTIAL;
    XForwardedPort, "x-forwarded-port", "X-Forwarded-Port", ESSENTIAL;
    XForwardedPrefix, "x-forwarded-prefix", "X-Forwarded-Prefix", ESSENTIAL;
    XForwardedProto, "x-forwarded-proto", "X-Forwarded-Proto", ESSENTIAL;
    XForwardedClientCert, "x-forwarded-client-cert", "X-Forwarded-Client-Cert", ESSENTIAL;
    XRealIp, "x-real-ip", "X-Real-IP", ESSENTIAL;
    XRequestId, "x-request-id", "X-Request-ID", ESSENTIAL;
    XRequestStart, "x-request-start", "X-Request-Start", ESSENTIAL;
    XHttpMethodOverride, "x-http-method-override", "X-HTTP-Method-Override", ESSENTIAL;
    XOriginalUrl, "x-original-url", "X-Original-URL", ESSENTIAL;
    XCorelaneOutcome, "x-corelane-outcome", "X-Corelane-Outcome", ESSENTIAL;
    XCorelaneAdmin, "x-corelane-admin", "X-Corelane-Admin", ESSENTIAL;
    XApiVersion, "x-api-version", "X-API-Version", NONE;
    IdempotencyKey, "idempotency-key", "Idempotency-Key", ESSENTIAL;
    RateLimit, "ratelimit", "RateLimit", NONE;
    RateLimitPolicy, "ratelimit-policy", "RateLimit-Policy", NONE;
    RateLimitLimit, "ratelimit-limit", "RateLimit-Limit", NONE;
    RateLimitRemaining, "ratelimit-remaining", "RateLimit-Remaining", NONE;
    RateLimitReset, "ratelimit-reset", "RateLimit-Reset", NONE;
    // Tracing.
    Traceparent, "traceparent", "traceparent", ONCE | ESSENTIAL;
    Tracestate, "tracestate", "tracestate", ESSENTIAL;
    Baggage, "baggage", "baggage", ESSENTIAL;
    B3, "b3", "b3", ONCE;
    XB3TraceId, "x-b3-traceid", "X-B3-TraceId", ONCE;
    XB3SpanId, "x-b3-spanid", "X-B3-SpanId", ONCE;
    XB3ParentSpanId, "x-b3-parentspanid", "X-B3-ParentSpanId", ONCE;
    XB3Sampled, "x-b3-sampled", "X-B3-Sampled", ONCE;
    XB3Flags, "x-b3-flags", "X-B3-Flags", ONCE;
    // WebSocket and gRPC.
    SecWebSocketAccept, "sec-websocket-accept", "Sec-WebSocket-Accept", ONCE | ESSENTIAL;
    SecWebSocketExtensions, "sec-websocket-extensions", "Sec-WebSocket-Extensions", ESSENTIAL;
    SecWebSocketKey, "sec-websocket-key", "Sec-WebSocket-Key", ONCE | ESSENTIAL;
    SecWebSocketProtocol, "sec-websocket-protocol", "Sec-WebSocket-Protocol", ESSENTIAL;
    SecWebSocketVersion, "sec-websocket-version", "Sec-WebSocket-Version", ESSENTIAL;
    GrpcTimeout, "grpc-timeout", "grpc-timeout", ONCE | ESSENTIAL;
    GrpcStatus, "grpc-status", "grpc-status", ONCE | TRAILER;
    GrpcMessage, "grpc-message", "grpc-message", ONCE | TRAILER;
    GrpcStatusDetailsBin, "grpc-status-details-bin", "grpc-status-details-bin", TRAILER;
}

/// A power of two, several times the number of names, so that most lookups of an unknown name meet
/// an empty slot.
const SLOTS: usize = 512;

/// Open addressing with linear probing, filled by the compiler. A slot holds a name's number, 0
/// when it is free.
static TABLE: [u8; SLOTS] = {
    assert!(ALL.len() <= 128, "a set of names has 128 bits");
    let mut table = [0; SLOTS];
    let mut name = 1;
    while name < ALL.len() {
        let mut at = ENDS[name].slot(LOWER[name].len());
        while table[at] != 0 {
            at = (at + 1) % SLOTS;
        }
        table[at] = ALL[name] as u8;
        name += 1;
    }
    table
};

static ENDS: [Ends; ALL.len()] = {
    let mut ends = [Ends { first: 0, last: 0 }; ALL.len()];
    let mut name = 1;
    while name < ALL.len() {
        ends[name] = Ends::of(LOWER[name].as_bytes());
        name += 1;
    }
    ends
};

/// The first and the last eight bytes of a text, which is all of it up to sixteen; what is shorter
/// than eight is all in `first`. Lookups are a good part of the time that a head takes, and most of
/// a lookup is comparing.
#[derive(Clone, Copy)]
struct Ends {
    first: u64,
    last: u64,
}

impl Ends {
    const fn of(text: &[u8]) -> Self {
        if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            return Self {
                first: u64::from_le_bytes(*first),
                last: u64::from_le_bytes(*last),
            };
        }
        if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            return Self {
                first: first as u64 | (last as u64) << 32,
                last: 0,
            };
        }
        let first = match *text {
            [] => 0,
            [a] => a as u64,
            [a, .., z] => a as u64 | (text[text.len() / 2] as u64) << 8 | (z as u64) << 16,
        };
        Self { first, last: 0 }
    }

    /// Where the search for a text of this length begins, upper and lower case alike.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what the shift leaves is a slot"
    )]
    const fn slot(self, len: usize) -> usize {
        const CASE: u64 = 0x2020_2020_2020_2020;
        // Odd multipliers that spread neighbouring keys over the top bits: the golden ratio's
        // fraction and its square's.
        let first = (self.first | CASE).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let last = (self.last | CASE)
            .wrapping_add(len as u64)
            .wrapping_mul(0x61c8_8646_80b5_83eb);
        ((first ^ last.rotate_left(23)) >> (64 - SLOTS.trailing_zeros())) as usize
    }

    /// Whether `text` has these ends in any case. Of the bytes that names are made of, letters
    /// alone have bit 6, and case is bit 5.
    const fn are_those_of(self, text: Self) -> bool {
        let first_case = (self.first >> 1) & 0x2020_2020_2020_2020;
        let last_case = (self.last >> 1) & 0x2020_2020_2020_2020;
        text.first | first_case == self.first && text.last | last_case == self.last
    }
}

impl Name {
    /// The name that `text` is, whatever its case.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let ends = Ends::of(text);
        let mut at = ends.slot(text.len());
        loop {
            let number = usize::from(TABLE[at]);
            if number == 0 {
                return Self::Other;
            }
            let lower = LOWER[number].as_bytes();
            if lower.len() == text.len()
                && ENDS[number].are_those_of(ends)
                && (text.len() <= 16 || lower.eq_ignore_ascii_case(text))
            {
                return ALL[number];
            }
            at = (at + 1) % SLOTS;
        }
    }

    /// The name in lower case; empty for [`Name::Other`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        LOWER[self as usize]
    }

    /// The name as it is usually written, which is how it goes on the wire; empty for
    /// [`Name::Other`].
    #[must_use]
    pub const fn as_written(self) -> &'static str {
        USUAL[self as usize]
    }

    /// What comes before the value in a line: the name as it is usually written, and `": "`.
    pub(crate) const fn line_start(self) -> &'static str {
        LINE_STARTS[self as usize]
    }

    /// Whether the field is about one connection only and is never forwarded (RFC 9110 §7.6.1),
    /// named by `Connection` or not.
    #[must_use]
    pub const fn is_hop_by_hop(self) -> bool {
        self.has(HOP)
    }

    /// Whether a message may have at most one such field.
    #[must_use]
    pub const fn is_singleton(self) -> bool {
        self.has(ONCE)
    }

    /// Whether the field survives a `Connection` option that names it.
    #[must_use]
    pub const fn is_essential(self) -> bool {
        self.has(ESSENTIAL)
    }

    /// Whether the field may come after the body (RFC 9110 §6.5.1). Of the known names only those
    /// that are defined for it; a name that nobody knows may.
    #[must_use]
    pub const fn allowed_in_trailers(self) -> bool {
        matches!(self, Self::Other) || self.has(TRAILER)
    }

    const fn has(self, flag: u8) -> bool {
        FLAGS[self as usize] & flag != 0
    }
}

/// A set of names, one bit each. Two words instead of a `u128`, whose shifts take several
/// instructions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NameSet([u64; 2]);

impl NameSet {
    pub(crate) const EMPTY: Self = Self([0; 2]);

    /// The names that [`crate::encode`] writes itself.
    pub(crate) const REBUILT: Self = Self::flagged(REBUILT);

    /// The names of [`Name::is_hop_by_hop`].
    pub(crate) const HOP_BY_HOP: Self = Self::flagged(HOP);

    /// The names that are not [`Name::allowed_in_trailers`].
    pub(crate) const NOT_IN_TRAILERS: Self = {
        let mut set = Self::flagged(TRAILER).with(Name::Other);
        set.0 = [!set.0[0], !set.0[1]];
        set
    };

    const fn flagged(flag: u8) -> Self {
        let mut set = Self::EMPTY;
        let mut name = 0;
        while name < ALL.len() {
            if ALL[name].has(flag) {
                set = set.with(ALL[name]);
            }
            name += 1;
        }
        set
    }

    pub(crate) const fn with(mut self, name: Name) -> Self {
        self.insert(name);
        self
    }

    pub(crate) const fn insert(&mut self, name: Name) {
        self.0[name as usize / 64] |= 1 << (name as usize % 64);
    }

    pub(crate) const fn contains(self, name: Name) -> bool {
        self.0[name as usize / 64] >> (name as usize % 64) & 1 == 1
    }

    pub(crate) const fn intersects(self, other: Self) -> bool {
        self.0[0] & other.0[0] | self.0[1] & other.0[1] != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0[0] | self.0[1] == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for &name in &ALL[1..] {
            assert_eq!(name.as_written().to_ascii_lowercase(), name.as_str());
            assert_eq!(Name::of(name.as_str().as_bytes()), name);
            assert_eq!(Name::of(name.as_written().as_bytes()), name);
            assert_eq!(
                Name::of(name.as_str().to_ascii_uppercase().as_bytes()),
                name
            );
        }
    }

    #[test]
    fn near_misses_are_other() {
        for &name in &ALL[1..] {
            let text = name.as_str().as_bytes();
            for at in 0..text.len() {
                let mut miss = text.to_vec();
                miss[at] = b'!';
                assert_eq!(Name::of(&miss), Name::Other, "{}", miss.escape_ascii());
            }
        }
        assert_eq!(Name::of(b""), Name::Other);
        // `|0x20` folds more than letters; the comparison that follows must not.
        assert_eq!(Name::of(b"content\rlength"), Name::Other);
    }

    #[test]
    fn framing_never_travels() {
        for name in [
            Name::Connection,
            Name::TransferEncoding,
            Name::KeepAlive,
            Name::ProxyConnection,
            Name::Upgrade,
            Name::Http2Settings,
            Name::Te,
            Name::Trailer,
        ] {
            assert!(name.is_hop_by_hop() && !name.is_essential(), "{name:?}");
        }
        for &name in ALL {
            assert!(
                !(name.is_hop_by_hop() && name.allowed_in_trailers()),
                "{name:?}"
            );
        }
        assert!(!Name::ContentLength.allowed_in_trailers());
        assert!(!Name::Authorization.allowed_in_trailers());
        assert!(Name::GrpcStatus.allowed_in_trailers());
    }
}
