//! Everything at once, at random: clients that split, pipeline and abort, origins that close, cut and
//! answer early. Whatever happens, a reply belongs to its request, a body is whole or visibly cut, and
//! a POST is processed at most once. `SEED=… cargo test chaos` repeats a run.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use crate::scenario::{Io, Message, Random, Scenario, Wire, on_both_drivers};

const CLIENTS: u64 = 4;

/// What an origin does with a request; it is the first segment of the request's path.
const BEHAVIOURS: [&str; 12] = [
    "plain",
    "plain",
    "plain",
    "chunked",
    "until-close",
    "close",
    "rude",
    "hints",
    "early",
    "cut",
    "drop",
    "reset",
];

/// One request and what is known of it.
struct Asked {
    token: String,
    method: &'static str,
    behaviour: &'static str,
    bytes: Vec<u8>,
    sum: u64,
}

#[test]
fn a_reply_belongs_to_its_request_whatever_happens() {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seeds = match std::env::var_os("CORELANE_LONG") {
        Some(_) => 1..200,
        None => 1..4,
    };
    for seed in seed.map_or(seeds, |seed: u64| seed..seed + 1) {
        on_both_drivers(|io| {
            let outcome = std::panic::catch_unwind(|| run(io, seed));
            outcome.unwrap_or_else(|_| panic!("with SEED={seed}"));
        });
    }
}

fn run(io: Io, seed: u64) {
    let processed: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let mut s = Scenario::on(io)
        .workers(2)
        .origin("a")
        .origin("b")
        .config(
            "services: {web: {endpoints: [$a, $b]}}\nroutes: [{path: /*, service: web}]\n\
             limits: {linger_timeout: 5s, upstream_idle_connections: 2}",
        )
        .start();
    for name in ["a", "b"] {
        let processed = processed.clone();
        s.converse(name, move |wire| speak(wire, &processed));
    }
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let s = s.address(0);
            scope.spawn(move || ask(&s, &mut Random(seed * CLIENTS + client), client));
        }
    });
    let processed = processed.lock().unwrap();
    let twice: Vec<_> = processed.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "processed more than once: {twice:?}");
}

/// The origin's side of a connection.
fn speak(mut wire: Wire, processed: &Mutex<HashMap<String, usize>>) {
    while let Some(head) = wire.next_head() {
        let (behaviour, token) = head.target()[1..].split_once('/').unwrap();
        let (behaviour, token) = (behaviour.to_owned(), token.to_owned());
        if head.line.starts_with("POST") {
            *processed.lock().unwrap().entry(token.clone()).or_default() += 1;
        }
        let is_head = head.line.starts_with("HEAD");
        if behaviour == "early" {
            wire.offer(framed("early", &token, is_head));
            return;
        }
        let Some(request) = head.read_body(&mut wire) else {
            return;
        };
        let body = format!("{:x}", sum(&request.body));
        if !reply(&mut wire, &behaviour, &token, &body, is_head) {
            return;
        }
    }
}

/// Replies; `false` when the connection is to be closed.
fn reply(wire: &mut Wire, behaviour: &str, token: &str, body: &str, is_head: bool) -> bool {
    let marked = format!("HTTP/1.1 200 OK\r\nX-Token: {token}\r\n");
    match behaviour {
        "drop" => return false,
        "reset" => {
            wire.reset_on_drop();
            return false;
        }
        "chunked" => {
            wire.offer(format!("{marked}Transfer-Encoding: chunked\r\n\r\n"));
            for byte in body.chars().filter(|_| !is_head) {
                wire.offer(format!("1;x=y\r\n{byte}\r\n"));
            }
            wire.offer(if is_head { "" } else { "0\r\n\r\n" });
        }
        "until-close" => {
            let body = if is_head { "" } else { body };
            wire.offer(format!("{marked}\r\n{body}"));
            return false;
        }
        "cut" => {
            wire.offer(format!("{marked}Content-Length: 100\r\n\r\nhalf"));
            return false;
        }
        "hints" => {
            wire.offer("HTTP/1.1 103 Early Hints\r\n\r\n");
            wire.offer(framed(body, token, is_head));
        }
        "close" => {
            let reply = framed(body, token, is_head);
            wire.offer(reply.replacen("\r\n", "\r\nConnection: close\r\n", 1));
            return false;
        }
        _ => {
            wire.offer(framed(body, token, is_head));
        }
    }
    behaviour != "rude"
}

fn framed(body: &str, token: &str, is_head: bool) -> String {
    let length = body.len();
    let body = if is_head { "" } else { body };
    format!("HTTP/1.1 200 OK\r\nX-Token: {token}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A client: asks on one connection for as long as it lasts, then on the next.
fn ask(address: &str, random: &mut Random, client: u64) {
    let mut asked = 0;
    while asked < 150 {
        let mut wire = Wire::connect(address);
        loop {
            let batch: Vec<_> = (0..1 + random.below(3))
                .map(|_| {
                    asked += 1;
                    request(random, format!("{client}-{asked}"))
                })
                .collect();
            if !exchange(&mut wire, &batch, random) || asked >= 150 {
                break;
            }
        }
    }
}

/// Sends some requests in random pieces and reads their replies; `false` when the connection is over.
fn exchange(wire: &mut Wire, batch: &[Asked], random: &mut Random) -> bool {
    let bytes: Vec<u8> = batch.iter().flat_map(|asked| asked.bytes.clone()).collect();
    let aborts = random.below(20) == 0;
    let end = if aborts {
        random.below(bytes.len())
    } else {
        bytes.len()
    };
    let mut left = &bytes[..end];
    while !left.is_empty() {
        let (piece, rest) = left.split_at((1 + random.size(15)).min(left.len()));
        if wire.offer(piece) < piece.len() {
            break;
        }
        left = rest;
    }
    if aborts {
        if random.below(2) == 0 {
            wire.reset_on_drop();
        }
        return false;
    }
    for (place, asked) in batch.iter().enumerate() {
        let Some(reply) = final_reply(wire, asked) else {
            // The reset that cuts a later reply destroys those that have not been read yet.
            let cut = batch[place..].iter().any(Asked::may_be_cut);
            assert!(cut, "{}: no reply", asked.name());
            return false;
        };
        // What does not fit into a read buffer, with what came before it, cannot be sent again.
        let bytes: usize = batch[..=place].iter().map(|asked| asked.bytes.len()).sum();
        asked.check(&reply, bytes > 8192);
        if reply.says_close() {
            return false;
        }
    }
    true
}

fn final_reply(wire: &mut Wire, asked: &Asked) -> Option<Message> {
    loop {
        let reply = wire.next_reply(asked.method == "HEAD")?;
        if reply.status() >= 200 {
            return Some(reply);
        }
    }
}

fn request(random: &mut Random, token: String) -> Asked {
    let method = ["GET", "GET", "HEAD", "PUT", "POST", "POST"][random.below(6)];
    let behaviour = BEHAVIOURS[random.below(BEHAVIOURS.len())];
    let size = if matches!(method, "PUT" | "POST") {
        random.size(17)
    } else {
        0
    };
    let body = random.bytes(size);
    let head = format!("{method} /{behaviour}/{token} HTTP/1.1\r\nHost: h\r\n");
    let mut bytes = head.into_bytes();
    if size > 0 && random.below(2) == 0 {
        bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        for piece in body.chunks(1 + random.size(15)) {
            bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
    } else {
        bytes.extend_from_slice(format!("Content-Length: {size}\r\n\r\n").as_bytes());
        bytes.extend_from_slice(&body);
    }
    Asked {
        token,
        method,
        behaviour,
        sum: sum(&body),
        bytes,
    }
}

impl Asked {
    fn name(&self) -> String {
        let length = self.bytes.len();
        let (method, behaviour, token) = (self.method, self.behaviour, &self.token);
        format!("{method} /{behaviour}/{token} of {length} bytes")
    }

    /// A reply that has begun and cannot be finished ends the connection.
    fn may_be_cut(&self) -> bool {
        self.behaviour == "cut" && self.method != "HEAD"
    }

    /// Whether a 502 is an honest answer: the origin has failed, or a kept connection may have, and
    /// the request could not be sent again.
    fn may_fail(&self, is_large: bool) -> bool {
        let fails = HashSet::from(["drop", "reset", "cut", "early"]);
        fails.contains(self.behaviour) || self.method == "POST" || is_large
    }

    fn check(&self, reply: &Message, is_large: bool) {
        match reply.status() {
            200 => {
                assert_eq!(
                    reply.field("x-token"),
                    Some(&*self.token),
                    "{}",
                    self.name()
                );
                let expected = match self.behaviour {
                    _ if self.method == "HEAD" => String::new(),
                    "early" => "early".to_owned(),
                    _ => format!("{:x}", self.sum),
                };
                assert_eq!(reply.text(), expected, "{}", self.name());
            }
            502 => assert!(self.may_fail(is_large), "{}: {}", self.name(), reply.text()),
            status => panic!("{}: {status} {}", self.name(), reply.text()),
        }
    }
}

/// A checksum (FNV-1a).
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
