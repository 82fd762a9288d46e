//! A seeded walk: many clients, workers and origins, and everything that can go wrong with them.
//!
//! What an exchange asks for, what its origin answers and who misbehaves how all follow from its
//! number, so that both sides know what is right. `SEED=… cargo test -p corelane-engine --lib
//! chance` repeats a walk.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use super::{Party, Received, Simulation};
use crate::io::memory::{Cut, Event, Reach, Weather};
use crate::rt::random::Random;
use crate::simulation::GATEWAY;

const ORIGINS: [&str; 3] = ["192.0.2.11:80", "192.0.2.12:80", "192.0.2.13:80"];
const WORKERS: usize = 2;
const CLIENTS: u64 = 8;

/// Short deadlines, so that a walk meets all of them.
const LIMITS: &str = "{response_timeout: 4s, upstream_idle_timeout: 4s, connect_timeout: 1s, \
    body_min_rate: 100, body_rate_window: 2s, keepalive_timeout: 5s, request_head_timeout: 3s, \
    upstream_keepalive_timeout: 2s, linger_timeout: 1s}";

/// What an exchange is to be like.
#[derive(Debug)]
struct Plan {
    number: u64,
    post: bool,
    upload: usize,
    framing: Framing,
    download: usize,
    origin: Fault,
    client: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length,
    Chunked,
    UntilClose,
}

/// How somebody misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It takes so many milliseconds before it goes on.
    Rests(u64),
    /// Nothing of it arrives for so many milliseconds.
    Stalls(u64),
    /// Its connection breaks within its message, after so many bytes (modulo its length).
    Breaks(usize, Cut),
    /// It leaves without having answered, or without waiting for the answer.
    Leaves(Cut),
    /// It closes behind a message that did not say so.
    ClosesBehind,
}

impl Plan {
    fn of(seed: u64, number: u64) -> Self {
        let random = Random::from_seed(seed.rotate_left(32) ^ number.wrapping_mul(0x9e37_79b9));
        let below = |bound: usize| usize::try_from(random.next() % bound as u64).unwrap();
        // Most bodies are small and some are larger than all buffers on the way together.
        let size = || match below(20) {
            0 => below(50_000),
            1..10 => below(3000),
            _ => below(100),
        };
        let fault = || {
            let cut = [Cut::End, Cut::Reset][below(2)];
            match below(30) {
                0 => Fault::Rests(below(8000) as u64),
                1 | 2 => Fault::Rests(below(300) as u64),
                3 | 4 => Fault::Stalls(below(3000) as u64),
                5 | 6 => Fault::Breaks(below(600), cut),
                7 => Fault::Leaves(cut),
                8..11 => Fault::ClosesBehind,
                _ => Fault::None,
            }
        };
        let post = below(3) == 0;
        Self {
            number,
            post,
            upload: if post { size() } else { 0 },
            framing: [
                Framing::Length,
                Framing::Length,
                Framing::Chunked,
                Framing::UntilClose,
            ][below(4)],
            download: size(),
            origin: fault(),
            client: fault(),
        }
    }

    /// Bytes that name their exchange, wherever they are cut.
    fn body(&self, length: usize) -> String {
        let mark = format!("<{:05}>", self.number);
        let mut body = mark.repeat(length / mark.len() + 1);
        body.truncate(length);
        body
    }

    fn request(&self) -> String {
        let (number, length) = (self.number, self.upload);
        let head = match self.post {
            true => {
                format!("POST /{number} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n")
            }
            false => format!("GET /{number} HTTP/1.1\r\nHost: h\r\n\r\n"),
        };
        head + &self.body(length)
    }

    fn reply(&self) -> String {
        let body = self.body(self.download);
        let head = format!("HTTP/1.1 200 OK\r\nX-Number: {}\r\n", self.number);
        match self.framing {
            Framing::Length => format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()),
            Framing::UntilClose => format!("{head}\r\n{body}"),
            Framing::Chunked => {
                let chunks = body.as_bytes().chunks(700).map(|chunk| {
                    let text = String::from_utf8_lossy(chunk);
                    format!("{:x}\r\n{text}\r\n", chunk.len())
                });
                let chunks: String = chunks.collect();
                format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
            }
        }
    }
}

/// What the clients of a walk saw.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Tally {
    whole: u64,
    local: BTreeMap<String, u64>,
    cut: u64,
    ended: u64,
}

/// What the parts of a walk share.
#[derive(Clone)]
struct Walk {
    seed: u64,
    tally: Rc<RefCell<Tally>>,
    /// How often each POST was seen whole by an origin.
    posts: Rc<RefCell<BTreeMap<u64, u32>>>,
}

impl Walk {
    async fn origin(self, mut party: Party) {
        while let Received::Whole(request) = party.message().await {
            let number = request.target()[1..].parse().unwrap();
            let plan = Plan::of(self.seed, number);
            assert_eq!(
                request.body,
                plan.body(plan.upload).as_bytes(),
                "request {number}"
            );
            if plan.post {
                *self.posts.borrow_mut().entry(number).or_default() += 1;
            }
            if self.answer(&party, &plan).await.is_err() {
                return;
            }
        }
    }

    /// Answers a request; an error when the connection is over with that.
    async fn answer(&self, party: &Party, plan: &Plan) -> std::io::Result<()> {
        let over = || Err(std::io::ErrorKind::NotConnected.into());
        match plan.origin {
            Fault::Rests(time_ms) => party.rest(time_ms).await,
            Fault::Stalls(time_ms) => self.stall(party, time_ms).await,
            Fault::Breaks(at, cut) => party.end.cut_after(at % plan.reply().len(), cut),
            Fault::Leaves(cut) => {
                leave(party, cut);
                return over();
            }
            Fault::None | Fault::ClosesBehind => {}
        }
        party.send(plan.reply()).await?;
        if plan.origin == Fault::ClosesBehind || plan.framing == Framing::UntilClose {
            return over();
        }
        Ok(())
    }

    async fn client(self, numbers: Range<u64>, connect: impl Fn() -> Party) {
        let mut party = None;
        for number in numbers {
            let plan = Plan::of(self.seed, number);
            let connected = party.take().unwrap_or_else(&connect);
            party = self.exchange(connected, &plan).await;
        }
        self.tally.borrow_mut().ended += 1;
    }

    /// One exchange; gives the connection back if it may carry another.
    async fn exchange(&self, mut party: Party, plan: &Plan) -> Option<Party> {
        match plan.client {
            Fault::Rests(time_ms) => party.rest(time_ms).await,
            Fault::Stalls(time_ms) => self.stall(&party, time_ms).await,
            Fault::Breaks(at, cut) => party.end.cut_after(at % plan.request().len(), cut),
            Fault::None | Fault::Leaves(_) | Fault::ClosesBehind => {}
        }
        // Whether it arrives is seen by what comes back.
        let _sent = party.send(plan.request()).await;
        if let Fault::Leaves(cut) = plan.client {
            leave(&party, cut);
            return None;
        }
        let received = party.message().await;
        self.judge(&received, plan);
        let goes_on = match received {
            Received::Whole(reply) => reply.field("connection") != Some("close"),
            Received::Cut(..) => false,
        };
        let breaks = matches!(plan.client, Fault::Breaks(..) | Fault::ClosesBehind);
        (goes_on && !breaks).then_some(party)
    }

    fn judge(&self, received: &Received, plan: &Plan) {
        let mut tally = self.tally.borrow_mut();
        match received {
            Received::Whole(reply) if reply.status() == 200 => {
                let number = reply.field("x-number").map(str::to_owned);
                assert_eq!(number, Some(plan.number.to_string()), "{plan:?}");
                let (body, whole) = (&reply.body[..], plan.body(plan.download));
                // Nobody can tell that a body without a length was to go on.
                let is_cut_unseen = plan.framing == Framing::UntilClose
                    && matches!(plan.origin, Fault::Breaks(_, Cut::End));
                let is_right = match is_cut_unseen {
                    true => whole.as_bytes().starts_with(body),
                    false => whole.as_bytes() == body,
                };
                assert!(is_right, "{plan:?} got {} bytes", body.len());
                tally.whole += 1;
            }
            Received::Whole(reply) => {
                assert!(
                    [408, 502, 504].contains(&reply.status()),
                    "{plan:?} got {reply:?}"
                );
                let outcome = reply.field("x-corelane-outcome").unwrap().to_owned();
                *tally.local.entry(outcome).or_default() += 1;
            }
            Received::Cut(bytes, _) => {
                assert_own(bytes, plan);
                tally.cut += 1;
            }
        }
    }

    /// Keeps back what `party` sends for a while.
    async fn stall(&self, party: &Party, time_ms: u64) {
        party.end.stall(true);
        party.rest(time_ms).await;
        party.end.stall(false);
    }
}

fn leave(party: &Party, cut: Cut) {
    if cut == Cut::Reset {
        party.end.reset_on_close();
    }
}

/// That what came of a reply belongs to its request.
fn assert_own(bytes: &[u8], plan: &Plan) {
    let text = String::from_utf8_lossy(bytes);
    let own = format!("<{:05}>", plan.number);
    let foreign = text.split('<').skip(1).any(|piece| {
        let mark = piece.split_once('>').map(|(mark, _)| format!("<{mark}>"));
        mark.is_some_and(|mark| mark.len() == own.len() && mark != own)
    });
    assert!(!foreign, "{plan:?} got {text}");
}

fn config(generation: u64) -> String {
    let origins = ORIGINS.map(|origin| format!("\"{origin}\"")).join(", ");
    format!(
        "runtime: {{balance: handoff}}\n\
         services: {{a: {{endpoints: [{origins}]}}}}\n\
         routes: [{{path: /*, service: a, response_headers: {{set: {{x-generation: \"{generation}\"}}}}}}]\n\
         limits: {LIMITS}\n"
    )
}

/// Each client has so many exchanges, while configurations, weather and origins change.
fn walk(seed: u64, exchanges: u64) -> (Tally, Vec<Event>) {
    let mut simulation = Simulation::start(seed, WORKERS, &config(0));
    let walk = Walk {
        seed,
        tally: Rc::default(),
        posts: Rc::default(),
    };
    simulation.network.set_weather(Weather {
        capacity: 32..=3000,
        pieces: 300,
    });
    for address in ORIGINS {
        let walk = walk.clone();
        simulation.origin(address, move |party| walk.clone().origin(party));
    }
    for index in 0..CLIENTS {
        let (network, turns) = (simulation.network.clone(), simulation.turns.clone());
        let connect = move || Party::new(network.open(GATEWAY).unwrap(), turns.clone());
        let numbers = index * exchanges..(index + 1) * exchanges;
        let client = walk.clone().client(numbers, connect);
        simulation.turns.spawn(client);
    }
    let random = Random::from_seed(!seed);
    let mut generation = 0;
    while walk.tally.borrow().ended < CLIENTS {
        simulation.pass(200 + random.next() % 2000);
        let reaches = [
            Reach::Open,
            Reach::Open,
            Reach::Refused,
            Reach::Silent,
            Reach::After(300),
        ];
        for address in ORIGINS {
            let drawn = usize::try_from(random.next() % 5).unwrap();
            simulation.network.reach(address, reaches[drawn]);
        }
        generation += 1;
        assert!(generation < 2000, "it hangs: {:?}", walk.tally);
        simulation.publish(&config(generation)).unwrap();
    }
    simulation.drain();
    simulation.pass(10_000);
    assert_eq!(
        simulation.open_connections(),
        0,
        "somebody stays through a drain"
    );
    for (number, times) in walk.posts.borrow().iter() {
        assert_eq!(
            *times, 1,
            "request {number} was made again though it is no idempotent one"
        );
    }
    let tally = walk.tally.borrow().clone();
    (tally, simulation.end())
}

#[test]
fn every_client_gets_its_own_reply_or_none() {
    let only = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seeds = match std::env::var_os("CORELANE_LONG") {
        Some(_) => 1..200,
        None => 1..3,
    };
    let replies = Cell::new(0);
    for seed in only.map_or(seeds, |seed: u64| seed..seed + 1) {
        let walked = std::panic::catch_unwind(|| walk(seed, 125).0);
        let tally = walked.unwrap_or_else(|_| panic!("with SEED={seed}"));
        let local = tally.local.values().sum::<u64>();
        assert!(
            tally.whole > 500 && local > 20 && tally.cut > 20,
            "SEED={seed}: {tally:?}"
        );
        replies.set(replies.get() + tally.whole);
    }
    assert!(replies.get() > 500);
}

#[test]
fn a_walk_can_be_repeated() {
    let (first, second) = (walk(9, 25), walk(9, 25));
    assert_eq!(first.0, second.0);
    assert!(first.1 == second.1, "the same seed took another way");
}
