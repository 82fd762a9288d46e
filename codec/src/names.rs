//! The field names that the gateway knows, each with one small number and a few facts.
//!
//! Everything that asks "is this field X" does so by [`Name`] instead of by text: a parsed head carries a bit mask of the
//! names in it, so that most questions are answered without looking at the fields at all. Values are not this
//! module's business; names it does not know are [`Name::Other`] and stay text.

const NONE: u8 = 0;
/// For one connection only (RFC 9110 §7.6.1): never forwarded.
const HOP: u8 = 1;
/// May occur at most once; not a list.
const ONCE: u8 = 1 << 1;
/// Written by the encoder from the framing and the connection's state, never copied from a head.
const REBUILT: u8 = 1 << 2;
/// A `Connection` option that names it is ignored, or a client could take away what the gateway or the origin relies on.
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

/// A power of two, several times the number of names, so that most lookups of an unknown name meet an empty slot.
const SLOTS: usize = 512;

/// Open addressing with linear probing, filled by the compiler. A slot holds a name's number, 0 when it is free.
static TABLE: [u8; SLOTS] = {
    assert!(ALL.len() <= 128, "a set of names is the bits of a u128");
    let mut table = [0; SLOTS];
    let mut name = 1;
    while name < ALL.len() {
        let mut at = slot(LOWER[name].as_bytes());
        while table[at] != 0 {
            at = (at + 1) % SLOTS;
        }
        table[at] = ALL[name] as u8;
        name += 1;
    }
    table
};

/// Where the search for a name begins: made from its length and four of its bytes, upper and lower case alike. The text
/// must not be empty.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what the shift leaves is a slot"
)]
const fn slot(text: &[u8]) -> usize {
    let last = text.len() - 1;
    let key = (text.len() as u64)
        | (folded(text, 0) << 8)
        | (folded(text, last) << 16)
        | (folded(text, last / 2) << 24)
        | (folded(text, last - last / 8) << 32);
    // The multiplier is 2^64 divided by the golden ratio: it spreads neighbouring keys over the top bits.
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOTS.trailing_zeros())) as usize
}

const fn folded(text: &[u8], at: usize) -> u64 {
    (text[at] | 0x20) as u64
}

impl Name {
    /// The name that `text` is, whatever its case.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        if text.is_empty() {
            return Self::Other;
        }
        let mut at = slot(text);
        loop {
            let number = usize::from(TABLE[at]);
            if number == 0 {
                return Self::Other;
            }
            if LOWER[number].as_bytes().eq_ignore_ascii_case(text) {
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

    /// The name as it is usually written, which is how it goes on the wire; empty for [`Name::Other`].
    #[must_use]
    pub const fn as_written(self) -> &'static str {
        USUAL[self as usize]
    }

    /// Whether the field is about one connection only and is never forwarded (RFC 9110 §7.6.1), named by `Connection`
    /// or not.
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

    /// Whether the field may come after the body (RFC 9110 §6.5.1). Of the known names only those that are defined for
    /// it; a name that nobody knows may.
    #[must_use]
    pub const fn allowed_in_trailers(self) -> bool {
        matches!(self, Self::Other) || self.has(TRAILER)
    }

    /// The set with only this name in it.
    pub(crate) const fn bit(self) -> u128 {
        1 << self as u8
    }

    const fn has(self, flag: u8) -> bool {
        FLAGS[self as usize] & flag != 0
    }
}

/// The names that [`crate::encode`] writes itself.
pub(crate) const REBUILT_NAMES: u128 = names_with(REBUILT);

/// The names of [`Name::is_hop_by_hop`].
pub(crate) const HOP_BY_HOP_NAMES: u128 = names_with(HOP);

/// The names of [`Name::allowed_in_trailers`].
pub(crate) const TRAILER_NAMES: u128 = names_with(TRAILER) | Name::Other.bit();

const fn names_with(flag: u8) -> u128 {
    let mut set = 0;
    let mut name = 0;
    while name < ALL.len() {
        if ALL[name].has(flag) {
            set |= ALL[name].bit();
        }
        name += 1;
    }
    set
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
