//! The origin made slow, faulty or talkative, by options and by paths, as a client on a raw socket
//! sees it, on both drivers.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::program::{DRIVERS, Origin};

/// Sends `request` and reads what comes until the origin ends the connection.
fn converse(origin: &Origin, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(origin.address).unwrap();
    stream.write_all(request).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    reply
}

fn get(origin: &Origin, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n");
    String::from_utf8(converse(origin, request.as_bytes())).unwrap()
}

/// The body of a reply, whose head ends with its first empty line.
fn body(reply: &[u8]) -> &[u8] {
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n");
    &reply[end.unwrap() + 4..]
}

#[test]
fn words_of_a_path_shape_the_reply() {
    for io in DRIVERS {
        let origin = Origin::start(&["--size", "3", "--chunk-size", "4", "--io", io]);
        let teapot = get(&origin, "/status/418/size/20");
        assert!(teapot.starts_with("HTTP/1.1 418 \r\n"), "{teapot}");
        assert!(
            teapot.ends_with("\r\n\r\n000000000000000\n0000"),
            "{teapot}"
        );
        let chunked = get(&origin, "/chunked/size/6");
        assert!(
            chunked.ends_with("\r\n\r\n4\r\n0000\r\n2\r\n00\r\n0\r\n\r\n"),
            "{chunked}"
        );
        let large = get(&origin, "/size/2MiB");
        assert_eq!(body(large.as_bytes()).len(), 2 << 20);
        let none = get(&origin, "/status/204");
        assert!(
            none.ends_with("\r\n\r\n") && !none.contains("Content-Length"),
            "{none}"
        );
        assert!(get(&origin, "/other/status/418").starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[test]
fn a_path_that_cannot_be_understood_is_told_so_and_the_connection_lives() {
    let origin = Origin::start(&["--size", "1"]);
    let requests = b"POST /delay/5 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n";
    let reply = String::from_utf8(converse(&origin, requests)).unwrap();
    assert!(reply.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{reply}");
    assert!(reply.contains("unknown unit"), "{reply}");
    assert!(reply.ends_with("\r\n\r\n0"), "{reply}");
}

#[test]
fn errors_replace_replies() {
    let origin = Origin::start(&["--error-rate", "100%:429", "--size", "2"]);
    for path in ["/", "/status/500"] {
        let reply = get(&origin, path);
        assert!(
            reply.starts_with("HTTP/1.1 429 Too Many Requests\r\n"),
            "{reply}"
        );
        assert!(reply.ends_with("\r\n\r\n00"), "{reply}");
    }
}

#[test]
fn a_reset_is_a_reset() {
    for io in DRIVERS {
        for (options, path) in [(["--reset-rate", "100%"], "/"), (["--size", "1"], "/reset")] {
            let origin = Origin::start(&[&options[..], &["--io", io]].concat());
            let mut stream = TcpStream::connect(origin.address).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\n\r\n").unwrap();
            let error = stream.read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{io} {path}");
        }
    }
}

#[test]
fn a_delay_is_waited_for_and_holds_nobody_else_up() {
    for io in DRIVERS {
        let origin = Origin::start(&["--size", "1", "--io", io]);
        let mut late = TcpStream::connect(origin.address).unwrap();
        late.write_all(b"GET /delay/1h HTTP/1.1\r\n\r\n").unwrap();
        late.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut refused = [0; 12];
        late.read_exact(&mut refused).unwrap();
        assert_eq!(&refused, b"HTTP/1.1 400", "an hour is too long");

        let mut late = TcpStream::connect(origin.address).unwrap();
        late.write_all(b"GET /delay/5m HTTP/1.1\r\n\r\n").unwrap();
        let begun = Instant::now();
        assert!(get(&origin, "/delay/60ms").ends_with("\r\n\r\n0"));
        let elapsed = begun.elapsed();
        assert!(elapsed >= Duration::from_millis(60), "{elapsed:?}");
        late.set_nonblocking(true).unwrap();
        let error = late.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{io}");
    }
}

#[test]
fn an_option_delays_all_replies() {
    let origin = Origin::start(&["--delay", "uniform:30ms..40ms"]);
    let begun = Instant::now();
    let requests = b"GET / HTTP/1.1\r\n\r\n".repeat(3);
    assert!(!converse(&origin, &requests).is_empty());
    let elapsed = begun.elapsed();
    assert!(elapsed >= Duration::from_millis(90), "{elapsed:?}");
}

#[test]
fn a_dripping_body_takes_its_time_and_comes_whole() {
    for io in DRIVERS {
        let origin = Origin::start(&["--size", "100", "--drip", "40/50ms", "--io", io]);
        let begun = Instant::now();
        let reply = get(&origin, "/");
        let elapsed = begun.elapsed();
        assert_eq!(body(reply.as_bytes()).len(), 100, "{reply}");
        assert!(elapsed >= Duration::from_millis(100), "{io}: {elapsed:?}");
        let begun = Instant::now();
        let reply = get(&origin, "/drip/100/5m");
        assert_eq!(body(reply.as_bytes()).len(), 100, "{reply}");
        let elapsed = begun.elapsed();
        assert!(
            elapsed < Duration::from_secs(60),
            "{io}: a pause after the end"
        );
    }
}

#[test]
fn an_echo_sends_the_requests_body_back_whatever_its_framing() {
    for io in DRIVERS {
        let origin = Origin::start(&["--echo", "--io", io]);
        let sent: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        let head = b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n";
        let sized = converse(&origin, &[head, &sent[..]].concat());
        assert_eq!(body(&sized), sent, "{io}");
        let chunked = b"POST /chunked HTTP/1.1\r\nConnection: close\r\n\
            Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let reply = converse(&origin, chunked);
        assert_eq!(body(&reply), b"5\r\nabcde\r\n0\r\n\r\n", "{io}");
        let none = converse(&origin, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
        assert!(none.starts_with(b"HTTP/1.1 200 OK") && body(&none).is_empty());
    }
}

#[test]
fn an_echo_that_would_be_too_large_is_refused() {
    let origin = Origin::start(&["--echo"]);
    let mut stream = TcpStream::connect(origin.address).unwrap();
    let size = (16 << 20) + 1;
    write!(stream, "POST / HTTP/1.1\r\nContent-Length: {size}\r\n\r\n").unwrap();
    stream.write_all(&vec![b'x'; size]).unwrap();
    let mut reply = [0; 12];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"HTTP/1.1 413");
}

#[test]
fn the_same_seed_repeats_the_same_faults() {
    let faults = |seed| {
        let origin = Origin::start(&["--error-rate", "30%", "--seed", seed]);
        let replies = (0..40).map(|_| get(&origin, "/").starts_with("HTTP/1.1 503"));
        replies.collect::<Vec<_>>()
    };
    let first = faults("7");
    assert!(first.contains(&true) && first.contains(&false), "{first:?}");
    assert_eq!(first, faults("7"));
    assert_ne!(first, faults("8"));
}
