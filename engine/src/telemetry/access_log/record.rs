//! [`Record`]: what an exchange tells the access log when it has ended. Everything is borrowed; the
//! exchange need not prepare, escape or shorten anything.

use std::net::IpAddr;

use crate::outcome::Outcome;

/// One exchange, as the access log shows it. An empty text stands for "none": `null` in JSON, `-`
/// in text.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// When the request's head had come, in microseconds since 1970 UTC.
    pub time_unix_us: u64,
    /// The request id.
    pub request_id: &'a str,
    /// The trace id.
    pub trace_id: Option<[u8; 16]>,
    /// The generation of the snapshot that the exchange ran on.
    pub generation: u64,
    /// The number of the worker.
    pub worker: usize,
    /// The client's address after `trusted_proxies`.
    pub client: Option<IpAddr>,
    /// The listener's name.
    pub listener: &'a str,
    /// The downstream protocol, such as `HTTP/1.1`.
    pub protocol: &'static str,
    /// The method.
    pub method: &'a [u8],
    /// The Host without its port.
    pub host: &'a [u8],
    /// The path without the query, which may hold secrets.
    pub path: &'a [u8],
    /// The route's name.
    pub route: &'a str,
    /// The service's name.
    pub service: &'a str,
    /// The endpoint's address.
    pub endpoint: &'a str,
    /// The status that was sent; 0 when none was.
    pub status: u16,
    /// How the exchange ended.
    pub outcome: Outcome,
    /// Body bytes from the client, and those that it sent through a tunnel.
    pub bytes_in: u64,
    /// Body bytes to the client, and those that it got through a tunnel.
    pub bytes_out: u64,
    /// From the head to the end, in microseconds.
    pub duration_us: u64,
    /// From sending the request upstream to the head of the reply, in microseconds.
    pub upstream_us: Option<u64>,
    /// Upstream tries.
    pub attempts: u32,
    /// The User-Agent field.
    pub user_agent: &'a [u8],
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// A usual request.
    pub(in super::super) const RECORD: Record<'static> = Record {
        time_unix_us: 1_795_419_000_123_456,
        request_id: "0192-7",
        trace_id: Some([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
        generation: 3,
        worker: 1,
        client: Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9))),
        listener: "main",
        protocol: "HTTP/1.1",
        method: b"GET",
        host: b"api.example.com",
        path: b"/api/v1/users/7",
        route: "/api/v1/users/*",
        service: "user-service",
        endpoint: "127.0.0.1:8001",
        status: 200,
        outcome: Outcome::Ok,
        bytes_in: 0,
        bytes_out: 1024,
        duration_us: 1_234,
        upstream_us: Some(999),
        attempts: 1,
        user_agent: b"curl/8.5.0",
    };

    /// Repeatable random numbers (xorshift).
    pub(in super::super) struct Random(u64);

    impl Random {
        pub(in super::super) fn new(seed: u64) -> Self {
            Self(seed)
        }

        pub(in super::super) fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        pub(in super::super) fn below(&mut self, end: usize) -> usize {
            usize::try_from(self.next() % end as u64).unwrap()
        }
    }

    /// Bytes as an attacker might send them: pieces that mean something to JSON, terminals or
    /// Unicode readers, halves of them, and noise.
    pub(in super::super) fn hostile(random: &mut Random) -> Vec<u8> {
        const PIECES: [&[u8]; 16] = [
            b"\"",
            b"\\",
            b"\\u",
            b"\",\"outcome\":\"ok",
            b"\n",
            b"\r\n",
            b"\0",
            b"\x1b[2J",
            b"\x7f",
            b"\xff",
            b"\xc3",
            b"\xed\xa0\x80",
            b"\xf0\x9f\x98",
            "\u{2028}".as_bytes(),
            "é😀".as_bytes(),
            b"plain text, sixteen bytes and more",
        ];
        let mut text = Vec::new();
        for _ in 0..random.below(20) {
            if random.below(4) == 0 {
                text.extend_from_slice(&random.next().to_ne_bytes());
            } else {
                text.extend_from_slice(PIECES[random.below(PIECES.len())]);
            }
        }
        if random.below(8) == 0 {
            text = text.repeat(1 + random.below(100));
        }
        text
    }
}
