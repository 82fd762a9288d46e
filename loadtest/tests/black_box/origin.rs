//! The origin as a client on a raw socket sees it, on both drivers.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::program::{DRIVERS, Origin, program};

/// Sends `pieces` one after the other, says that no more will come, and reads to the end.
fn converse(origin: &Origin, pieces: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(origin.address).unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        stream.write_all(piece).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

fn count(text: &str, pattern: &str) -> usize {
    text.matches(pattern).count()
}

#[test]
fn keeps_the_connection_and_answers_pipelined_requests_in_turn() {
    for io in DRIVERS {
        let origin = Origin::start(&["--size", "10", "--io", io]);
        let requests = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50);
        let reply = converse(&origin, &[&requests]);
        assert_eq!(count(&reply, "HTTP/1.1 200 OK\r\n"), 50, "{io}");
        assert_eq!(count(&reply, "\r\n\r\n0000000000"), 50, "{io}");
        assert_eq!(count(&reply, "Connection: close"), 0, "{io}");
    }
}

#[test]
fn reads_past_bodies_of_either_framing_wherever_they_are_cut() {
    let request = b"POST / HTTP/1.1\r\nContent-Length: 29\r\n\r\nGET /not-a-request HTTP/1.1\r\n\
        PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nGET /\r\n0\r\nA: b\r\n\r\n\
        GET / HTTP/1.1\r\n\r\n";
    for io in DRIVERS {
        let origin = Origin::start(&["--size", "1", "--io", io]);
        for at in (0..request.len()).step_by(7) {
            let (head, tail) = request.split_at(at);
            let reply = converse(&origin, &[head, tail]);
            assert_eq!(
                count(&reply, "HTTP/1.1 200 OK\r\n"),
                3,
                "{io} cut at {at}: {reply}"
            );
            assert_eq!(count(&reply, "HTTP/1.1"), 3, "{io} cut at {at}: {reply}");
        }
    }
}

#[test]
fn a_large_reply_arrives_whole() {
    for io in DRIVERS {
        let origin = Origin::start(&["--size", "3MiB", "--io", io]);
        let reply = converse(&origin, &[b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"]);
        let body = reply.split_once("\r\n\r\n").unwrap().1;
        assert_eq!(body.len(), 3 << 20, "{io}");
        assert!(body.ends_with("000000000196607\n"), "{io}");
    }
}

#[test]
fn chunks_are_for_http_1_1_only() {
    let origin = Origin::start(&["--size", "5", "--chunked", "--chunk-size", "2"]);
    let reply = converse(&origin, &[b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"]);
    assert!(reply.contains("Transfer-Encoding: chunked\r\n"), "{reply}");
    assert!(
        reply.ends_with("\r\n\r\n2\r\n00\r\n2\r\n00\r\n1\r\n0\r\n0\r\n\r\n"),
        "{reply}"
    );
    let reply = converse(
        &origin,
        &[b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"],
    );
    assert!(
        reply.contains("Content-Length: 5\r\nConnection: close\r\n\r\n00000"),
        "{reply}"
    );
}

#[test]
fn head_gets_the_head_alone() {
    let origin = Origin::start(&["--size", "5"]);
    let reply = converse(&origin, &[b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"]);
    let (head, rest) = reply.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Length: 5"), "{head}");
    assert!(
        rest.starts_with("HTTP/1.1 200 OK\r\n") && rest.ends_with("\r\n\r\n00000"),
        "{rest}"
    );
}

#[test]
fn a_client_that_waits_for_continue_gets_it() {
    let origin = Origin::start(&["--size", "1"]);
    let mut stream = TcpStream::connect(origin.address).unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"ab").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
}

#[test]
fn what_is_not_http_is_refused_and_the_connection_ends() {
    let origin = Origin::start(&[]);
    let two_framings =
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    for bytes in [&b"hello\r\n\r\n"[..], two_framings] {
        let reply = converse(&origin, &[bytes, b"GET / HTTP/1.1\r\n\r\n"]);
        assert!(reply.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{reply}");
        assert_eq!(count(&reply, "HTTP/1.1"), 1, "{reply}");
    }
    let endless = [&b"GET / HTTP/1.1\r\nA: "[..], &b"x".repeat(70_000)].concat();
    let reply = converse(&origin, &[&endless]);
    assert!(reply.starts_with("HTTP/1.1 431 "), "{reply}");
}

#[test]
fn one_connection_too_many_is_closed_at_once() {
    let origin = Origin::start(&["--max-connections", "1", "--size", "1"]);
    let mut first = TcpStream::connect(origin.address).unwrap();
    first.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut byte = [0];
    first.read_exact(&mut byte).unwrap();
    let mut second = TcpStream::connect(origin.address).unwrap();
    assert_eq!(second.read(&mut byte).unwrap(), 0);
}

#[test]
fn listening_where_others_can_reach_it_needs_leave() {
    let output = program(&["origin", "--address", "0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("--allow-remote"), "{error}");
}
