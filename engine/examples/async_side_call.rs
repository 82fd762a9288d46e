//! A filter that asks another service first: is this API key good, and whose is it?
//!
//! `cargo run --example async_side_call -- 127.0.0.1:8080 127.0.0.1:9001 127.0.0.1:9000` asks the key
//! service on port 9001 (`GET /keys` with the key in `x-api-key`; it answers with `x-tenant`) and
//! forwards to the origin on port 9000.

#![expect(clippy::print_stderr, reason = "an example talks to whoever runs it")]

use std::time::Duration;

use corelane_config::Config;
use corelane_engine::{
    Filter, FilterError, Flow, Phases, Proxy, Request, RequestCx, Service, StartError, WorkerCx,
};

struct ApiKey(Service);

impl Filter for ApiKey {
    const NAME: &'static str = "api-key";
    const PHASES: Phases = Phases::REQUEST;
    type Config = ();
    type State = ();

    fn new(_settings: (), worker: &WorkerCx<'_>) -> Result<Self, StartError> {
        Ok(Self(worker.service("keys")?))
    }

    async fn on_request(
        &self,
        _state: &mut (),
        request: &mut RequestCx<'_>,
    ) -> Result<Flow, FilterError> {
        let Some(key) = request.fields().get_named(b"x-api-key") else {
            return Ok(Flow::reply(401));
        };
        let ask = Request::get("/keys").field("x-api-key", key);
        let ask = ask.timeout(Duration::from_secs(2));
        // An error of the call is a 502, 503 or 504 for the client.
        let answer = request.call(&self.0, ask).await?;
        let Some(tenant) = answer.fields().get_named(b"x-tenant") else {
            return Ok(Flow::reply(403));
        };
        let fields = request.fields_mut();
        fields.remove_named(b"x-api-key");
        fields.set(b"x-tenant", tenant);
        Ok(Flow::Continue)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [listen, keys, origin] = args.as_slice() else {
        return Err("usage: async_side_call LISTEN KEY-SERVICE ORIGIN".into());
    };
    let config = format!(
        "listeners: [{{address: {listen}}}]
services: {{keys: {{endpoints: [\"{keys}\"]}}, app: {{endpoints: [\"{origin}\"]}}}}
routes: [{{path: /*, service: app, filters: [{{use: api-key}}]}}]
"
    );
    let config = Config::from_yaml("async_side_call", &config)?;
    let proxy = Proxy::builder(config).filter::<ApiKey>().build()?;
    for listener in proxy.handle().listeners() {
        eprintln!("listening {} {}", listener.address, listener.name);
    }
    let drained = proxy.run();
    eprintln!("drained, {} requests cut", drained.requests_cut);
    Ok(())
}
