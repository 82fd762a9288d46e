//! A filter that edits fields both ways: the origin learns the tenant from the host's first label, and
//! the client does not learn what the origin runs on.
//!
//! `cargo run --example header_filter -- 127.0.0.1:8080 127.0.0.1:9000` puts it in front of an origin,
//! then `curl -i -H 'Host: acme.example.com' http://127.0.0.1:8080/`.

#![expect(clippy::print_stderr, reason = "an example talks to whoever runs it")]

use corelane_config::Config;
use corelane_engine::{
    Filter, FilterError, Flow, Name, Phases, Proxy, RequestCx, ResponseCx, StartError, WorkerCx,
};

struct Tenant;

impl Filter for Tenant {
    const NAME: &'static str = "tenant";
    const PHASES: Phases = Phases::REQUEST.and(Phases::RESPONSE);
    type Config = ();
    type State = Option<String>;

    fn new(_settings: (), _worker: &WorkerCx<'_>) -> Result<Self, StartError> {
        Ok(Self)
    }

    async fn on_request(
        &self,
        tenant: &mut Option<String>,
        request: &mut RequestCx<'_>,
    ) -> Result<Flow, FilterError> {
        let Some((name, _domain)) = request.host().split_once('.') else {
            return Err(FilterError::new(404, "no tenant is called that"));
        };
        let name = tenant.insert(name.to_owned());
        request.fields_mut().set(b"x-tenant", name.as_bytes());
        Ok(Flow::Continue)
    }

    async fn on_response(
        &self,
        tenant: &mut Option<String>,
        response: &mut ResponseCx<'_>,
    ) -> Result<(), FilterError> {
        let fields = response.fields_mut();
        fields.remove(Name::Server);
        if let Some(tenant) = tenant {
            fields.push(b"x-tenant", tenant.as_bytes());
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let listen = args.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let origin = args.next().unwrap_or_else(|| "127.0.0.1:9000".into());
    let config = format!(
        "listeners: [{{address: {listen}}}]
services: {{app: {{endpoints: [\"{origin}\"]}}}}
routes: [{{path: /*, service: app, filters: [{{use: tenant}}]}}]
"
    );
    let config = Config::from_yaml("header_filter", &config)?;
    let proxy = Proxy::builder(config).filter::<Tenant>().build()?;
    for listener in proxy.handle().listeners() {
        eprintln!("listening {} {}", listener.address, listener.name);
    }
    let drained = proxy.run();
    eprintln!("drained, {} requests cut", drained.requests_cut);
    Ok(())
}
