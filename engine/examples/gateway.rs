//! A whole gateway from a YAML file: `cargo run --example gateway -- gateway.yaml`.

#![expect(clippy::print_stderr, reason = "an example talks to whoever runs it")]

use corelane_config::Config;
use corelane_engine::Proxy;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let proxy = Proxy::builder(Config::load(&paths)?).build()?;
    for listener in proxy.handle().listeners() {
        eprintln!("listening {} {}", listener.address, listener.name);
    }
    let drained = proxy.run();
    eprintln!("drained, {} requests cut", drained.requests_cut);
    Ok(())
}
