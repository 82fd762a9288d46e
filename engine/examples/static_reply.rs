//! A filter that answers by itself, with a setting of its own and a part of the path.
//!
//! `cargo run --example static_reply -- 127.0.0.1:8080`, then
//! `curl http://127.0.0.1:8080/hello/world`.

#![expect(clippy::print_stderr, reason = "an example talks to whoever runs it")]

use corelane_config::Config;
use corelane_engine::{
    Filter, FilterError, Flow, LocalReply, Phases, Proxy, RequestCx, StartError, WorkerCx,
};
use serde::Deserialize;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    greeting: String,
}

struct Hello(Settings);

impl Filter for Hello {
    const NAME: &'static str = "hello";
    const PHASES: Phases = Phases::REQUEST;
    type Config = Settings;
    type State = ();

    fn new(settings: Settings, _worker: &WorkerCx<'_>) -> Result<Self, StartError> {
        Ok(Self(settings))
    }

    async fn on_request(
        &self,
        _state: &mut (),
        request: &mut RequestCx<'_>,
    ) -> Result<Flow, FilterError> {
        let name = request.capture("name").unwrap_or("whoever you are");
        let text = format!("{}, {name}\n", self.0.greeting);
        Ok(LocalReply::new(200).body("text/plain", text).into())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8080".into());
    let config = format!(
        "listeners: [{{address: {listen}}}]
routes:
  - path: /hello/{{name}}
    respond: {{status: 404}}
    filters: [{{use: hello, greeting: Good day}}]
"
    );
    let config = Config::from_yaml("static_reply", &config)?;
    let proxy = Proxy::builder(config).filter::<Hello>().build()?;
    for listener in proxy.handle().listeners() {
        eprintln!("listening {} {}", listener.address, listener.name);
    }
    let drained = proxy.run();
    eprintln!("drained, {} requests cut", drained.requests_cut);
    Ok(())
}
