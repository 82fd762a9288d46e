//! HTTP/1.1 over TLS: whom a run believes, what it counts, and what becomes of bad peers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use serde_json::Value;

use crate::identity::{Identity, Secured};
use crate::program::{DRIVERS, Origin, program, run, run_url};
use crate::server::{OK, answer, server};

/// Runs against `https://HOST:PORT/` and reads the report.
fn run_tls(host: &str, address: SocketAddr, options: &[&str]) -> Value {
    run_url(&format!("https://{host}:{}/", address.port()), options)
}

/// Reads one request, which comes whole.
fn read_request(stream: &mut Secured) -> bool {
    matches!(stream.read(&mut [0; 4096]), Ok(1..))
}

#[test]
fn requests_go_over_tls_and_their_handshakes_are_counted() {
    for io in DRIVERS {
        let origin = Origin::start(&["--tls", "--io", io]);
        let report = run_tls(
            "localhost",
            origin.address,
            &["-n", "1003", "-c", "8", "--insecure", "--io", io],
        );
        assert_eq!(report["good"], 1003, "{report}");
        assert_eq!(report["errors"], 0, "{report}");
        assert_eq!(report["connects"], 8, "{report}");
        assert_eq!(report["tls"]["handshakes"], 8, "{report}");
        assert!(report["bytes"].as_u64().unwrap() > 1003 * 1024, "{report}");
    }
    let origin = Origin::start(&[]);
    let report = run(origin.address, &["-n", "1", "-c", "1"]);
    assert_eq!(report["tls"], Value::Null, "{report}");
}

#[test]
fn large_replies_arrive_whole_over_tls() {
    for io in DRIVERS {
        for framing in [&["--size", "3MiB"][..], &["--size", "3MiB", "--chunked"]] {
            let origin = Origin::start(&[&["--tls", "--io", io], framing].concat());
            let options = ["-n", "6", "-c", "2", "--insecure", "--io", io];
            let report = run_tls("127.0.0.1", origin.address, &options);
            assert_eq!(report["good"], 6, "{report}");
            assert!(
                report["bytes"].as_u64().unwrap() > 6 * (3 << 20),
                "{report}"
            );
        }
    }
}

#[test]
fn a_root_of_ones_own_is_believed_for_the_names_in_its_certificate() {
    let identity = Identity::new(&["localhost", "127.0.0.1"]);
    let (cert, key) = (identity.file("cert.pem"), identity.file("key.pem"));
    let origin = Origin::start(&["--tls-cert", &cert, "--tls-key", &key]);
    for host in ["localhost", "127.0.0.1"] {
        let options = ["-n", "4", "-c", "2", "--cacert", &cert];
        let report = run_tls(host, origin.address, &options);
        assert_eq!(
            (&report["good"], &report["errors"]),
            (&4.into(), &0.into()),
            "{report}"
        );
    }
}

/// The words of the only kind of error in a report, which must be `kind`.
fn only_error<'a>(report: &'a Value, kind: &str) -> &'a str {
    assert_eq!(report["good"], 0, "{report}");
    assert_eq!(
        report["errors_by_kind"][kind]["count"], report["errors"],
        "{report}"
    );
    report["errors_by_kind"][kind]["first"].as_str().unwrap()
}

#[test]
fn a_certificate_that_is_not_trusted_or_is_anothers_is_an_error() {
    let origin = Origin::start(&["--tls"]);
    let url = format!("https://localhost:{}/", origin.address.port());
    let by_default = program(&["run", "-n", "1", "-c", "1", &url]);
    assert_eq!(by_default.status.code(), Some(1), "no system trusts it");

    let identity = Identity::new(&["elsewhere.test"]);
    let options = ["-n", "2", "-c", "1", "--cacert", &identity.file("cert.pem")];
    let report = run_url(&url, &options);
    let why = only_error(&report, "tls");
    assert!(why.contains("UnknownIssuer"), "{why}");
    assert_eq!(report["connects"], 2, "{report}");
    assert_eq!(report["tls"]["handshakes"], 0, "{report}");

    let (cert, key) = (identity.file("cert.pem"), identity.file("key.pem"));
    let origin = Origin::start(&["--tls-cert", &cert, "--tls-key", &key]);
    let options = ["-n", "2", "-c", "1", "--cacert", &cert];
    let why = run_tls("localhost", origin.address, &options);
    let why = only_error(&why, "tls");
    assert!(
        why.contains("not valid for") && why.contains("elsewhere.test"),
        "{why}"
    );
}

#[test]
fn tls_to_a_plain_port_and_the_other_way_round_are_errors() {
    let plain = Origin::start(&[]);
    let report = run_tls(
        "localhost",
        plain.address,
        &["-n", "2", "-c", "1", "--insecure"],
    );
    let why = only_error(&report, "tls");
    assert!(why.contains("InvalidContentType"), "{why}");
    let secure = Origin::start(&["--tls"]);
    let report = run(secure.address, &["-n", "2", "-c", "1"]);
    assert_eq!(only_error(&report, "malformed"), "malformed start line");
}

#[test]
fn sessions_are_resumed_unless_told_otherwise() {
    let origin = Origin::start(&["--tls", "--cpu", "0,0"]);
    let options = ["-n", "60", "-c", "2", "--no-keep-alive", "--insecure"];
    let report = run_tls("localhost", origin.address, &options);
    assert_eq!(
        (&report["good"], &report["connects"]),
        (&60.into(), &60.into()),
        "{report}"
    );
    assert_eq!(report["tls"]["handshakes"], 60, "{report}");
    let resumed = report["tls"]["resumed"].as_u64().unwrap();
    assert!((55..60).contains(&resumed), "{report}");
    let options = [&options[..], &["--no-tls-resumption"]].concat();
    let report = run_tls("localhost", origin.address, &options);
    assert_eq!(report["good"], 60, "{report}");
    assert_eq!(
        report["tls"],
        serde_json::json!({"handshakes": 60, "resumed": 0})
    );
}

#[test]
fn a_peer_that_does_not_answer_the_handshake_fails_in_time_and_by_kind() {
    for io in DRIVERS {
        let silent = server(|mut stream| {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
        });
        let options = ["-n", "4", "-c", "2", "--insecure", "--io", io];
        let in_time = [&options[..], &["--timeout", "100ms"]].concat();
        let report = run_tls("localhost", silent, &in_time);
        only_error(&report, "timeout");
        assert_eq!(report["errors"], 4, "{report}");
        let closing = server(|mut stream| {
            assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
        });
        only_error(&run_tls("localhost", closing, &options), "closed");
        let plain = server(|stream| answer(stream, OK));
        only_error(&run_tls("localhost", plain, &options), "tls");
    }
}

#[test]
fn without_tlss_own_end_only_what_has_a_length_is_complete() {
    let identity = Identity::new(&["localhost"]);
    let cacert = identity.file("cert.pem");
    let options = ["-n", "3", "-c", "1", "--cacert", &cacert];
    const UNTIL_CLOSE: &[u8] = b"HTTP/1.1 200 OK\r\n\r\nall of it";

    let sized = identity.server(&[], |mut stream| {
        assert!(read_request(&mut stream));
        let reply = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(reply).unwrap();
    });
    assert_eq!(run_tls("localhost", sized, &options)["good"], 3);

    let ended = identity.server(&[], |mut stream| {
        assert!(read_request(&mut stream));
        stream.write_all(UNTIL_CLOSE).unwrap();
        stream.conn.send_close_notify();
        stream.flush().unwrap();
    });
    assert_eq!(run_tls("localhost", ended, &options)["good"], 3);

    let cut = identity.server(&[], |mut stream| {
        assert!(read_request(&mut stream));
        stream.write_all(UNTIL_CLOSE).unwrap();
    });
    let report = run_tls("localhost", cut, &options);
    assert_eq!(only_error(&report, "malformed"), "message cut off");

    let silent = identity.server(&[], |mut stream| {
        assert!(read_request(&mut stream));
    });
    only_error(&run_tls("localhost", silent, &options), "closed");
}

#[test]
fn options_that_cannot_be_are_refused_by_name() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (secure, plain) = (format!("https://{unused}/"), format!("http://{unused}/"));
    let identity = Identity::new(&["localhost"]);
    let other = Identity::new(&["localhost"]);
    let (cert, key) = (identity.file("cert.pem"), other.file("key.pem"));
    let cases: [(&[&str], &str); 6] = [
        (&["run", "--insecure", &plain], "--insecure"),
        (
            &["run", "--insecure", "--cacert", &cert, &secure],
            "--cacert",
        ),
        (&["run", "--cacert", &key, &secure], "no certificate in it"),
        (&["origin", "--tls-cert", &cert], "--tls-key"),
        (
            &["origin", "--tls-cert", &cert, "--tls-key", &cert],
            "cert.pem",
        ),
        (&["origin", "--tls-cert", &cert, "--tls-key", &key], "TLS: "),
    ];
    for (words, part) in cases {
        let output = program(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(part), "{words:?}: {error}");
    }
}

/// What handshakes need that takes long to make is there before the first request is due.
#[test]
fn first_handshakes_do_not_make_the_generator_late() {
    let origin = Origin::start(&["--tls"]);
    let url = format!("https://localhost:{}/", origin.address.port());
    let options = ["--insecure", "-r", "100/s", "-d", "100ms"];
    // Other programs delay it as well: one of five attempts must be undisturbed.
    let mut lags = (0..5).map(|_| run_url(&url, &options)["lag_us"]["max"].as_f64().unwrap());
    assert!(lags.any(|lag| lag < 30_000.0));
}
