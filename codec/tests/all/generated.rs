//! Properties over generated inputs: seeded, so that each run is the same and a failure repeats.

use std::ops::Range;

use corelane_codec::{
    BodyDecoder, BodyLength, BodyLimits, CHUNK_END, Fields, HeadLimits, HeadScan, Name, Parsed,
    Persistence, RequestHead, encode_chunk_size, encode_last_chunk, encode_request_head,
    is_normal_path, normalize_path,
};

use crate::fuzz_bodies::{self, TARGETS};

/// Numbers that look random (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn within(&mut self, range: Range<usize>) -> usize {
        let len = range.end - range.start;
        range.start + usize::try_from(self.next() % len as u64).unwrap()
    }

    fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.within(0..choices.len())]
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn bytes(&mut self, len: Range<usize>) -> Vec<u8> {
        (0..self.within(len)).map(|_| self.byte()).collect()
    }

    /// A text of a few of these parts.
    fn text(&mut self, parts: &[&str], count: Range<usize>) -> Vec<u8> {
        (0..self.within(count))
            .flat_map(|_| self.pick(parts).bytes())
            .collect()
    }
}

const PATH_PARTS: &[&str] = &[
    "/", "/", "/", ".", "..", "%2e", "%2E", "%2f", "%5C", "%25", "%61", "%7e", "%20", "%00", "%",
    "%g0", ";", ";x", "a", "b", "A", "~", "\\", "?", "#", " ", "%3b", "é",
];

#[test]
fn paths_have_one_form() {
    let mut random = Random(1);
    let (mut accepted, mut quick) = (0, 0);
    for _ in 0..100_000 {
        let path = [b"/".to_vec(), random.text(PATH_PARTS, 0..9)].concat();
        fuzz_bodies::path(&path);
        accepted += usize::from(normalize_path(&path, &mut Vec::new()).is_ok());
        quick += usize::from(is_normal_path(&path));
    }
    assert!(
        accepted > 20_000 && quick > 2000,
        "accepted {accepted}, quick {quick}"
    );
}

const NAME_PARTS: &[&str] = &[
    "X", "-", "Foo", "Content", "Length", "accept", "_", "Host", "9", "!",
];

#[test]
fn what_is_written_is_read() {
    let mut random = Random(2);
    for round in 0..5000 {
        let mut head = RequestHead::new();
        head.set_method(random.pick(&[b"GET".as_slice(), b"POST", b"PURGE"]));
        head.fields.set_known(Name::Host, b"example.com");
        for _ in 0..random.within(0..20) {
            let name = random.text(NAME_PARTS, 1..4);
            let value = random.bytes(0..30);
            let fields = head.fields.len();
            let sound = head.fields.push(&name, &value);
            assert_eq!(head.fields.len(), fields + usize::from(sound));
        }
        let target = [
            b"/".to_vec(),
            random.text(&["a", "%20", "?", "=", "/"], 0..9),
        ]
        .concat();
        let mut wire = Vec::new();
        let length = BodyLength::Length(random.next() >> 1);
        encode_request_head(&mut wire, &head, &target, length, Persistence::Close);

        let mut read = RequestHead::new();
        let parsed = read.parse(&wire, &mut HeadScan::default(), &HeadLimits::default());
        assert_eq!(
            parsed,
            Ok(Parsed::Complete {
                consumed: wire.len()
            }),
            "round {round}"
        );
        assert_eq!(read.method_bytes(), head.method_bytes());
        assert_eq!(read.target(), target);
        assert_eq!(corelane_codec::request_body_length(&read), Ok(length));
        let strike = |fields: &mut Fields| {
            let rebuilt = [Name::Host, Name::Connection, Name::ContentLength];
            fields.retain(|field| !rebuilt.contains(&field.id));
        };
        strike(&mut read.fields);
        strike(&mut head.fields);
        assert!(read.fields.iter().eq(head.fields.iter()), "round {round}");
    }
}

#[test]
fn chunked_data_is_the_data() {
    let mut random = Random(3);
    for round in 0..2000 {
        let data = random.bytes(0..600);
        let mut wire = Vec::new();
        let mut rest = data.as_slice();
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(random.within(1..rest.len() + 1));
            encode_chunk_size(&mut wire, chunk.len());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(CHUNK_END);
            rest = after;
        }
        let mut trailers = Fields::new();
        if random.within(0..2) == 1 {
            trailers.push(b"X-Sum", b"1");
        }
        encode_last_chunk(&mut wire, &trailers);
        wire.extend_from_slice(b"next");

        let mut decoder = BodyDecoder::new(BodyLength::Chunked, BodyLimits::default());
        let (mut decoded, mut at, mut end) = (Vec::new(), 0, 0);
        while !decoder.is_ended() {
            end = (end + random.within(1..80)).min(wire.len());
            while at < end && !decoder.is_ended() {
                let ahead = usize::try_from(decoder.data_ahead()).unwrap();
                if ahead > 0 && random.within(0..2) == 1 {
                    // These go another way.
                    let skipped = random.within(1..ahead + 1).min(end - at);
                    decoder.skip_data(skipped as u64);
                    decoded.extend_from_slice(&wire[at..at + skipped]);
                    at += skipped;
                    continue;
                }
                let step = decoder.decode(&wire[at..end]).unwrap();
                decoded.extend_from_slice(&wire[at..end][step.data]);
                at += step.consumed;
            }
        }
        assert_eq!(decoded, data, "round {round}");
        assert_eq!(&wire[at..], b"next", "round {round}");
        assert!(
            decoder.trailers().iter().eq(trailers.iter()),
            "round {round}"
        );
    }
}

#[test]
fn what_goes_another_way_counts_as_data() {
    let mut decoder = BodyDecoder::new(BodyLength::Length(10), BodyLimits::default());
    assert_eq!(decoder.data_ahead(), 10);
    decoder.skip_data(4);
    let step = decoder.decode(b"efghijnext").unwrap();
    assert_eq!((step.data, step.consumed, step.end), (0..6, 6, true));
    decoder.reset(BodyLength::Length(3));
    decoder.skip_data(3);
    assert!(decoder.is_ended() && decoder.data_ahead() == 0);
    decoder.reset(BodyLength::UntilClose);
    decoder.skip_data(1 << 40);
    assert_eq!(decoder.data_ahead(), u64::MAX);
    assert_eq!(decoder.finish(), Ok(()));
}

const MESSAGE_PARTS: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /a?b HTTP/1.1\r\n",
    "GET http://h/ HTTP/1.0\r\n",
    "OPTIONS * HTTP/1.1\r\n",
    "CONNECT h:1 HTTP/1.1\r\n",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 404 \r\n",
    "HTTP/1.1 204\r\n",
    "Host: a\r\n",
    "Host: [::1]:80\r\n",
    "Host:b\r\n",
    "Content-Length: 5\r\n",
    "content-length:0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close, x\r\n",
    "X: y \r\n",
    "A_b:\r\n",
    "Expect: 100-continue\r\n",
    "\r\n",
    "\r\n",
    "\r\n",
    "hello",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "0\r\n",
    "1;a=\"b\"\r\nx\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    "\0",
    "é",
    ",",
    ";",
    "0",
    "A",
    "chunked",
];

/// What the fuzz targets check holds for messages made of plausible parts, some of them damaged.
#[test]
fn plausible_messages_hold() {
    let mut random = Random(4);
    for _ in 0..4000 {
        let mut message = match random.within(0..4) {
            0 => random.text(MESSAGE_PARTS, 1..12),
            _ => plausible_message(&mut random),
        };
        for _ in 0..random.within(0..3) {
            damage(&mut message, &mut random);
        }
        println!("{}", message.escape_ascii());
        for (_, body) in TARGETS {
            body(&message);
        }
    }
}

fn plausible_message(random: &mut Random) -> Vec<u8> {
    let mut message = random.pick(&MESSAGE_PARTS[..8]).as_bytes().to_vec();
    if random.within(0..4) > 0 {
        message.extend_from_slice(b"Host: a\r\n");
    }
    let fields = &MESSAGE_PARTS[11..18];
    message.extend(random.text(fields, 0..3));
    message.extend_from_slice(b"\r\n");
    message.extend(random.text(&MESSAGE_PARTS[21..26], 0..4));
    message
}

fn damage(message: &mut Vec<u8>, random: &mut Random) {
    if message.is_empty() {
        return;
    }
    let at = random.within(0..message.len());
    match random.within(0..4) {
        0 => message[at] = random.byte(),
        1 => drop(message.remove(at)),
        2 => message.insert(
            at,
            *random.pick(&[&b' ', &b'\t', &b'\r', &b'\n', &0, &b':', &b',']),
        ),
        _ => message.truncate(at),
    }
}
