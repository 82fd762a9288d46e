//! Every bound of the program in one place: name, unit, default, range and reason. `limits:` sets
//! those that may be set; [`FIXED`] lists those that may not. The schema and the reference page
//! print these tables.

use std::time::Duration;

use crate::decode::Fields;
use crate::schema::{Key, Kind, Object, Range};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Declares `Limits`, its defaults, the keys of `limits:` and how they are read, from one table.
/// `zero` says what 0 means to the person who writes it: `Off` keeps the 0, and the engine reads it
/// as "no bound"; `Most` becomes the upper end of the range, so that the engine needs no exception.
macro_rules! limits {
    ($(
        $name:ident: $unit:ident = $default:expr, $min:expr => $max:expr, $zero:ident,
        $about:literal, $reason:literal;
    )+) => {
        /// Every configurable bound, in plain numbers. The fields are the keys of `limits:`.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $about] #[doc = ""] #[doc = $reason] pub $name: limits!(@type $unit),)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: limits!(@make $unit, $default),)+ }
            }
        }

        impl Limits {
            /// Reads `limits:`; what is absent keeps its default.
            pub(crate) fn read(fields: &Fields<'_>) -> Self {
                let mut limits = Self::default();
                $(if let Some(value) = limits!(@read $unit, fields, stringify!($name)) {
                    let value = if value == 0 { limits!(@zero $zero, $max) } else { value };
                    limits.$name = limits!(@make $unit, value);
                })+
                limits
            }

            /// The effective values as they may be written.
            pub(crate) fn to_json(&self) -> serde_json::Value {
                let mut map = serde_json::Map::new();
                $(map.insert(stringify!($name).to_owned(), limits!(@json $unit, self.$name));)+
                map.into()
            }
        }

        /// The table, for the schema and the reference page.
        pub const LIMITS: &[Limit] = &[$(Limit {
            name: stringify!($name),
            unit: Unit::$unit,
            default: $default,
            min: $min,
            max: $max,
            zero: Zero::$zero,
            about: $about,
            reason: $reason,
        },)+];

        static KEYS: &[Key] = &[
            $(Key::new(
                stringify!($name),
                limits!(@kind $unit, Range::or_zero($min, $max)),
                $about,
            ),)+
            Key::new("tls_handshake_timeout", Kind::Planned("TLS"), "How long it may take."),
        ];
    };
    (@type Bytes) => { usize };
    (@type Count) => { usize };
    (@type Long) => { u64 };
    (@type Time) => { Duration };
    (@make Bytes, $value:expr) => { saturate($value) };
    (@make Count, $value:expr) => { saturate($value) };
    (@make Long, $value:expr) => { $value };
    (@make Time, $value:expr) => { Duration::from_millis($value) };
    (@read Bytes, $fields:expr, $name:expr) => { $fields.size($name) };
    (@read Long, $fields:expr, $name:expr) => { $fields.size($name) };
    (@read Count, $fields:expr, $name:expr) => { $fields.integer($name) };
    (@read Time, $fields:expr, $name:expr) => { $fields.milliseconds($name) };
    (@kind Bytes, $range:expr) => { Kind::Size($range) };
    (@kind Long, $range:expr) => { Kind::Size($range) };
    (@kind Count, $range:expr) => { Kind::Integer($range) };
    (@kind Time, $range:expr) => { Kind::Duration($range) };
    (@json Time, $value:expr) => { crate::units::print_duration($value).into() };
    (@json $unit:ident, $value:expr) => { $value.into() };
    (@zero Off, $max:expr) => { 0 };
    (@zero Descriptors, $max:expr) => { 0 };
    (@zero Most, $max:expr) => { $max };
}

limits! {
    request_line_bytes: Bytes = 16 * KIB, KIB => MIB, Most,
        "The request line: method, target and version (414).",
        "Twice what common browsers and servers send, and small enough to sit in one buffer.";
    request_head_bytes: Bytes = 64 * KIB, KIB => MIB, Most,
        "The whole request head (431).",
        "Large cookies and tokens pass; a head is held in memory until its end has come.";
    request_field_bytes: Bytes = 32 * KIB, KIB => MIB, Most,
        "One field line of a request, name and value (431).",
        "One field may not take the whole head for itself.";
    request_fields: Count = 100, 1 => 1_000, Most,
        "Field lines of a request (431).",
        "Every rule that looks at fields costs in proportion to their number.";
    response_head_bytes: Bytes = 64 * KIB, KIB => MIB, Most,
        "The whole head of an upstream's response (502).",
        "An upstream is a peer like any other: its head is held in memory too.";
    response_fields: Count = 200, 1 => 1_000, Most,
        "Field lines of an upstream's response (502).",
        "Some origins send a Set-Cookie line each for dozens of cookies.";
    interim_responses: Count = 16, 1 => 1_000, Most,
        "1xx responses before the final one, all of which are passed on (502).",
        "Without a bound an upstream could keep an exchange in its head for ever.";
    request_body_bytes: Long = 0, 1 => 1024 * GIB, Off,
        "A request body, as it is forwarded (413).",
        "Bodies are streamed, so a large one costs time and not memory.";
    chunk_line_bytes: Bytes = 4 * KIB, 32 => 64 * KIB, Most,
        "A chunk's size line with its extensions (400 from a client, 502 from an upstream).",
        "Chunk extensions are dropped; reading endless ones would be work for nothing.";
    trailer_bytes: Bytes = 16 * KIB, 64 => MIB, Most,
        "The trailer section of a message (431 from a client, 502 from an upstream).",
        "Trailers are held in memory until their end has come.";
    trailer_fields: Count = 32, 1 => 1_000, Most,
        "Field lines of a trailer section (431 from a client, 502 from an upstream).",
        "gRPC sends three; checksums and timings add a few.";
    connections: Count = 0, 1 => 10_000_000, Descriptors,
        "Client connections at a time, over the whole process.",
        "Every proxied connection needs a second descriptor towards an upstream.";
    listen_backlog: Count = 1024, 1 => 65_535, Most,
        "Connections that the kernel completes before a worker has accepted them.",
        "Enough for a burst during a reload; the kernel caps it at net.core.somaxconn.";
    request_head_timeout: Time = 10 * SECOND, 10 => HOUR, Most,
        "From the first byte of a request head to its end (408).",
        "A head fits in a few packets; who takes longer holds a connection on purpose.";
    body_min_rate: Long = 240, 1 => GIB, Off,
        "Bytes a second that a client must move, of its request's body and of its reply. Only the time \
         spent waiting for the client counts; for an upstream there is `upstream_idle_timeout`.",
        "Slower than any usable link; without a rule a connection is held for nothing.";
    body_rate_window: Time = 10 * SECOND, 100 => HOUR, Most,
        "The time over which body_min_rate is averaged.",
        "A link that stalls for some seconds and then goes on is not an attack.";
    keepalive_timeout: Time = 75 * SECOND, 10 => DAY, Most,
        "How long a client's connection may idle between two requests.",
        "Above the 60 s that common load balancers in front wait, so that they close first.";
    keepalive_requests: Count = 0, 1 => 1_000_000_000, Off,
        "Requests on one client connection.",
        "Only needed to move clients between instances; closing costs them a handshake.";
    connect_timeout: Time = 5 * SECOND, 1 => HOUR, Most,
        "Connecting to an endpoint (504); a service's connect_timeout overrides it.",
        "Long enough for two lost SYNs (1 s and 2 s), short enough to try another endpoint.";
    response_timeout: Time = 0, 1 => DAY, Off,
        "From the request's end to the response's head (504); a route's overrides it. While the client \
         waits for a 100, from the end of the request's head to that.",
        "There is no hidden total: a slow report must not fail because nobody set a key.";
    upstream_idle_timeout: Time = MINUTE, 10 => DAY, Most,
        "Between two reads of a response body (504 or an abort); a route may have its own.",
        "An upstream that sends nothing for a minute within a body is taken for dead.";
    stream_idle_timeout: Time = 5 * MINUTE, 10 => 30 * DAY, Most,
        "The same for event streams, gRPC and multipart/x-mixed-replace.",
        "Streams are silent by nature; heartbeats usually come every 15 to 60 s.";
    tunnel_idle_timeout: Time = HOUR, 10 => 30 * DAY, Most,
        "Without a byte in either direction, a tunnel (WebSocket) is closed.",
        "Chats and dashboards idle for long; peers that vanished must not stay for ever.";
    upstream_keepalive_timeout: Time = 55 * SECOND, 10 => DAY, Most,
        "How long an idle connection to an endpoint is kept for reuse.",
        "Below the 60 s after which common servers close, so that a reuse rarely meets a close.";
    upstream_idle_connections: Count = 256, 1 => 65_535, Most,
        "Idle connections kept for each endpoint by each worker.",
        "More than a worker usually has in flight to one endpoint; the rest is closed.";
    linger_timeout: Time = 2 * SECOND, 10 => MINUTE, Most,
        "After an early answer, how long the rest of the request is read and thrown away.",
        "Closing at once would send a reset, which can destroy the answer on its way.";
    linger_bytes: Bytes = 256 * KIB, KIB => GIB, Most,
        "After an early answer, how much of the request is read and thrown away.",
        "A client that ignores the answer should not be read for ever.";
    via_passes: Count = 3, 1 => 100, Most,
        "How often our own name may stand in Via before the request is taken for a loop (508).",
        "One instance may rightly be passed twice (edge, then sidecar); more is a loop.";
    access_log_records: Count = 8192, 16 => MIB, Most,
        "Access records that wait, for each worker, to be written; more are dropped and counted.",
        "A slow disk must not slow requests; this is some hundred milliseconds at full load.";
}

/// A row of [`LIMITS`].
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The key under `limits:`.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// What holds when it is absent, in bytes, milliseconds or plain.
    pub default: u64,
    /// The least that may be written, besides 0.
    pub min: u64,
    /// The most that may be written.
    pub max: u64,
    /// What 0 means.
    pub zero: Zero,
    /// What it bounds, and the status of who exceeds it.
    pub about: &'static str,
    /// Why the default is what it is.
    pub reason: &'static str,
}

impl Limit {
    /// A value of this row as it may be written.
    #[must_use]
    pub fn print(&self, value: u64) -> String {
        match self.unit {
            Unit::Time => crate::units::print_duration(Duration::from_millis(value)),
            Unit::Bytes | Unit::Long => crate::units::print_size(value),
            Unit::Count => value.to_string(),
        }
    }
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes held in memory.
    Bytes,
    /// Bytes that pass by.
    Long,
    /// Things.
    Count,
    /// Time, in milliseconds.
    Time,
}

/// What 0 means where a limit is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zero {
    /// No bound; the value stays 0.
    Off,
    /// Half of `RLIMIT_NOFILE`; the value stays 0, and the engine works it out.
    Descriptors,
    /// As much as can be had: the upper end of the range.
    Most,
}

/// The `limits:` object.
pub(crate) static OBJECT: Object = Object {
    name: "limits",
    title: "limits",
    about: "Every bound that may be set. 0 means as much as can be had: no bound where the table \
            says so, else the upper end of the range.",
    example: "limits:
  request_head_bytes: 32KiB
  request_fields: 64
  keepalive_timeout: 30s
",
    open: false,
    keys: KEYS,
};

/// Bounds that are built in: of the configuration itself, of what compiled routes may hold, of what is
/// counted, and of the control side. The rooms that keep them take the numbers from here.
pub const FIXED: &[Fixed] = &[
    Fixed::new(
        "configuration files",
        MAX_FILES,
        "a directory given by mistake should not be read for ever",
    ),
    Fixed::new(
        "bytes of a configuration file",
        MAX_FILE_BYTES,
        "about a hundred thousand routes; both parsers hold the text",
    ),
    Fixed::new(
        "documents in a file",
        MAX_DOCUMENTS,
        "each costs a parse, however small",
    ),
    Fixed::new(
        "depth of a document",
        MAX_DEPTH,
        "the deepest key of this reference is at 7",
    ),
    Fixed::new(
        "nodes of a configuration",
        MAX_NODES,
        "aliases included: a few lines of aliases can stand for billions of nodes",
    ),
    Fixed::new(
        "problems reported",
        MAX_PROBLEMS,
        "a wrong file can be wrong in every line",
    ),
    Fixed::new(
        "listeners",
        MAX_LISTENERS,
        "a route's listeners are one machine word",
    ),
    Fixed::new(
        "services",
        MAX_SERVICES,
        "ids are 32 bits and metrics have a row for each",
    ),
    Fixed::new(
        "endpoints of a service",
        MAX_ENDPOINTS,
        "a pick looks at each of them",
    ),
    Fixed::new(
        "routes",
        MAX_ROUTES,
        "ids are 32 bits and metrics have a row for each",
    ),
    Fixed::new(
        "segments of a route's path",
        MAX_SEGMENTS,
        "the lookup descends once for each",
    ),
    Fixed::new(
        "`{name}` captures of a path",
        MAX_CAPTURES,
        "captures live in a fixed array of each exchange",
    ),
    Fixed::new(
        "bytes of a pattern",
        MAX_PATTERN_BYTES,
        "half of the longest request line by default",
    ),
    Fixed::new(
        "bytes of a compiled regex",
        MAX_REGEX_BYTES,
        "repetitions such as a{1000}{1000} grow without end",
    ),
    Fixed::new(
        "regexes",
        MAX_REGEXES,
        "each is tried in turn on every request that no path matches",
    ),
    Fixed::new(
        "methods named by all routes",
        MAX_METHODS,
        "a route's methods are one machine word",
    ),
    Fixed::new(
        "conditions of a route",
        MAX_CONDITIONS,
        "each is evaluated on every request that its path matches",
    ),
    Fixed::new(
        "language ranges read from a request",
        MAX_LANGUAGES,
        "each is looked up for every sibling route",
    ),
    Fixed::new(
        "header edits of a route, of one kind",
        MAX_EDITS,
        "each is applied to every request of the route",
    ),
    Fixed::new(
        "bytes of a respond body",
        MAX_RESPOND_BYTES,
        "it is held by the snapshot; larger content belongs to a service",
    ),
    Fixed::new(
        "addresses that a name resolves to",
        MAX_ADDRESSES,
        "each becomes an endpoint",
    ),
    Fixed::new("tests", MAX_TESTS, "each runs at every check"),
    Fixed::new(
        "pairs of route and service with metrics of their own",
        MAX_METRICS_SERIES,
        "each takes 15 KiB or more of every worker; further ones are counted as `__overflow__`",
    ),
    Fixed::new(
        "listener names with metrics of their own",
        MAX_METRICS_LISTENERS,
        "names of earlier configurations stay; further ones are counted as `__overflow__`",
    ),
    Fixed::new(
        "services with metrics of their own",
        MAX_METRICS_SERVICES,
        "a scrape has lines for each; further ones are counted as `__overflow__`",
    ),
    Fixed::new(
        "endpoints with metrics of their own",
        MAX_METRICS_ENDPOINTS,
        "new ones may come for as long as it runs; further ones are counted as `__overflow__`",
    ),
    Fixed::new(
        "admin connections",
        MAX_ADMIN_CONNECTIONS,
        "further ones wait in the kernel's queue",
    ),
    Fixed::new(
        "bytes of an admin request's head",
        MAX_ADMIN_HEAD_BYTES,
        "what a browser sends, with room to spare",
    ),
    Fixed::new(
        "bytes of an admin request's body",
        MAX_ADMIN_BODY_BYTES,
        "the longest is a question to explain with every field that a head may have",
    ),
    Fixed::new(
        "calls for a reload that wait",
        MAX_WAITING_RELOADS,
        "one reload answers all that came before it began; further ones are refused",
    ),
    Fixed::new(
        "watched entries of a directory",
        MAX_WATCHED_ENTRIES,
        "each is looked at every half second",
    ),
];

pub(crate) const MAX_FILES: usize = 1_000;
pub(crate) const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;
pub(crate) const MAX_DOCUMENTS: usize = 1_000;
pub(crate) const MAX_DEPTH: usize = 32;
pub(crate) const MAX_NODES: usize = 2_000_000;
pub(crate) const MAX_PROBLEMS: usize = 1_000;
pub(crate) const MAX_LISTENERS: usize = 64;
pub(crate) const MAX_SERVICES: usize = 100_000;
/// Endpoints of a service, configured or set while the program runs.
pub const MAX_ENDPOINTS: usize = 10_000;
pub(crate) const MAX_ROUTES: usize = 1_000_000;
pub(crate) const MAX_SEGMENTS: usize = 64;
pub(crate) const MAX_CAPTURES: usize = 16;
pub(crate) const MAX_PATTERN_BYTES: usize = 8_192;
pub(crate) const MAX_REGEX_BYTES: usize = 1024 * 1024;
pub(crate) const MAX_REGEXES: usize = 1_000;
pub(crate) const MAX_METHODS: usize = 64;
pub(crate) const MAX_CONDITIONS: usize = 32;
pub(crate) const MAX_LANGUAGES: usize = 32;
pub(crate) const MAX_EDITS: usize = 64;
pub(crate) const MAX_RESPOND_BYTES: usize = 1024 * 1024;
pub(crate) const MAX_ADDRESSES: usize = 256;
pub(crate) const MAX_TESTS: usize = 10_000;

/// Pairs of route and service that each worker counts apart.
pub const MAX_METRICS_SERIES: usize = 10_000;
/// Listener names that each worker counts apart.
pub const MAX_METRICS_LISTENERS: usize = 256;
/// Services that each worker counts apart.
pub const MAX_METRICS_SERVICES: usize = 10_000;
/// Endpoints that each worker counts apart.
pub const MAX_METRICS_ENDPOINTS: usize = 50_000;
/// Connections to the admin address at a time.
pub const MAX_ADMIN_CONNECTIONS: usize = 64;
/// Bytes of the head of an admin request.
pub const MAX_ADMIN_HEAD_BYTES: usize = 16 * 1024;
/// Bytes of the body of an admin request.
pub const MAX_ADMIN_BODY_BYTES: usize = 128 * 1024;
/// Calls for a reload that may wait for the next one.
pub const MAX_WAITING_RELOADS: usize = 64;
/// Entries of a watched directory that are looked at.
pub const MAX_WATCHED_ENTRIES: usize = 10_000;

/// A row of [`FIXED`].
#[derive(Debug, Clone, Copy)]
pub struct Fixed {
    /// What it counts.
    pub name: &'static str,
    /// The most there may be.
    pub value: usize,
    /// Why.
    pub reason: &'static str,
}

impl Fixed {
    const fn new(name: &'static str, value: usize, reason: &'static str) -> Self {
        Self {
            name,
            value,
            reason,
        }
    }
}

fn saturate(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
