//! Runs the real program for black-box tests: an origin that ends with its guard, and a run whose
//! report is read back. Entered by every test file beside it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// Both ways of asking the kernel for I/O; the first falls back where there is no ring.
pub(crate) const DRIVERS: [&str; 2] = ["auto", "epoll"];

/// An origin on a free port; it ends when this is dropped.
pub(crate) struct Origin {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Origin {
    /// Starts `corelane-loadtest origin` with these options and waits until it listens.
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_corelane-loadtest"))
            .args(["origin", "--address", "127.0.0.1:0"])
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .strip_prefix("listening ")
            .and_then(|rest| rest.split(' ').next())
            .and_then(|address| address.parse().ok())
            .expect("the origin says where it listens");
        Self { child, address }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Runs `corelane-loadtest` to its end.
pub(crate) fn program(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_corelane-loadtest"))
        .args(words)
        .output()
        .unwrap()
}

/// Runs against `address` and reads the report; the options say when it ends.
pub(crate) fn run(address: SocketAddr, options: &[&str]) -> Value {
    run_url(&format!("http://{address}/"), options)
}

/// The same with any URL.
pub(crate) fn run_url(url: &str, options: &[&str]) -> Value {
    let output = program(&[&["run", "--json", url], options].concat());
    assert_ne!(
        output.stdout,
        b"",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs with these options, which are wrong, and returns what the program says of them.
pub(crate) fn refusal(options: &[&str]) -> String {
    let output = program(&[&["run"], options].concat());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{options:?}: {error}");
    assert!(output.stdout.is_empty(), "{options:?}");
    error
}
