//! Endpoints that come and go while the gateway runs: each line on standard input is the whole list.
//!
//! `cargo run --example dynamic_endpoints -- 127.0.0.1:8080`, then write `127.0.0.1:9000
//! 127.0.0.1:9001` and press return; an empty line takes all of them away. A real program would ask
//! its service discovery instead.

#![expect(clippy::print_stderr, reason = "an example talks to whoever runs it")]

use std::io::BufRead;
use std::net::SocketAddr;

use corelane_config::Config;
use corelane_engine::{Endpoint, Handle, Proxy};

/// Sets the endpoints that a line lists.
fn set(handle: &Handle, line: &str) -> Result<usize, Box<dyn std::error::Error>> {
    let addresses: Result<Vec<SocketAddr>, _> = line.split_whitespace().map(str::parse).collect();
    let endpoints: Vec<Endpoint> = addresses?.into_iter().map(Endpoint::from).collect();
    let count = endpoints.len();
    handle.set_endpoints("app", endpoints)?;
    Ok(count)
}

/// Follows standard input to its end. A line that makes no sense changes nothing.
fn follow(handle: &Handle) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match set(handle, &line) {
            Ok(count) => eprintln!("endpoints {count}"),
            Err(error) => eprintln!("refused: {error}"),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8080".into());
    let config = format!(
        "listeners: [{{address: {listen}}}]
services: {{app: {{endpoints: []}}}}
routes: [{{path: /*, service: app}}]
"
    );
    let proxy = Proxy::builder(Config::from_yaml("dynamic_endpoints", &config)?).build()?;
    for listener in proxy.handle().listeners() {
        eprintln!("listening {} {}", listener.address, listener.name);
    }
    let handle = proxy.handle();
    std::thread::spawn(move || follow(&handle));
    let drained = proxy.run();
    eprintln!("drained, {} requests cut", drained.requests_cut);
    Ok(())
}
