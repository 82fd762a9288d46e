//! Pieces of work for benchmarks, each prepared once and done many times. Entered by the criterion
//! benches in `benches/`, which take their time, and by `benches/instructions.rs`, whose instructions
//! are counted; the comparison with other proxies, in `peers/`, runs the whole program instead.

pub mod codec;
#[cfg(simulation)]
pub mod exchange;
pub mod metrics;
pub mod routes;

/// A request as browsers send it.
pub const BROWSER_REQUEST: &[u8] = b"GET /api/v1/users/42?fields=name HTTP/1.1\r\n\
    Host: api.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef\r\n\
    Connection: keep-alive\r\n\
    X-API-Version: 2\r\n\
    Cache-Control: no-cache\r\n\r\n";

/// A request as programs send it.
pub const SHORT_REQUEST: &[u8] = b"GET /api/v1/users/42?fields=name HTTP/1.1\r\n\
    Host: api.example.com\r\n\
    User-Agent: bench\r\n\
    Accept: */*\r\n\r\n";
