//! A filter that rewrites bodies piece by piece: pages name the public host instead of the internal
//! one, wherever the network has cut them.
//!
//! `cargo run --example body_rewrite -- 127.0.0.1:8080 127.0.0.1:9000` puts it in front of an origin,
//! then `curl http://127.0.0.1:8080/`.

#![expect(clippy::print_stderr, reason = "an example talks to whoever runs it")]

use corelane_config::Config;
use corelane_engine::{
    Chunk, Filter, FilterError, Name, Phases, Proxy, ResponseCx, StartError, WorkerCx,
};

const INTERNAL: &[u8] = b"app.internal";
const PUBLIC: &[u8] = b"www.example.com";

struct PublicNames;

impl Filter for PublicNames {
    const NAME: &'static str = "public-names";
    const PHASES: Phases = Phases::RESPONSE.and(Phases::RESPONSE_BODY);
    type Config = ();
    /// What may be the beginning of the internal name; `None` for a body that is no page.
    type State = Option<Vec<u8>>;

    fn new(_settings: (), _worker: &WorkerCx<'_>) -> Result<Self, StartError> {
        Ok(Self)
    }

    async fn on_response(
        &self,
        held: &mut Option<Vec<u8>>,
        response: &mut ResponseCx<'_>,
    ) -> Result<(), FilterError> {
        let fields = response.fields_mut();
        let kind = fields.get(Name::ContentType).unwrap_or_default();
        if kind.starts_with(b"text/html") && !fields.contains(Name::ContentEncoding) {
            *held = Some(Vec::new());
            // What was said about the old bytes is not true of the new ones.
            for name in [Name::ETag, Name::AcceptRanges, Name::ContentDigest] {
                fields.remove(name);
            }
        }
        Ok(())
    }

    fn on_response_chunk(
        &self,
        held: &mut Option<Vec<u8>>,
        chunk: &mut Chunk<'_>,
    ) -> Result<(), FilterError> {
        let Some(held) = held else { return Ok(()) };
        let text = [held, chunk.bytes()].concat();
        let (mut rest, mut out) = (text.as_slice(), Vec::with_capacity(text.len()));
        while let Some(at) = rest.windows(INTERNAL.len()).position(|w| w == INTERNAL) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(PUBLIC);
            rest = &rest[at + INTERNAL.len()..];
        }
        let kept = rest.len().min(INTERNAL.len() - 1);
        let kept = if chunk.is_last() { 0 } else { kept };
        out.extend_from_slice(&rest[..rest.len() - kept]);
        *held = rest[rest.len() - kept..].to_vec();
        chunk.replace(out);
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
routes: [{{path: /*, service: app, filters: [{{use: public-names}}]}}]
"
    );
    let config = Config::from_yaml("body_rewrite", &config)?;
    let proxy = Proxy::builder(config).filter::<PublicNames>().build()?;
    for listener in proxy.handle().listeners() {
        eprintln!("listening {} {}", listener.address, listener.name);
    }
    let drained = proxy.run();
    eprintln!("drained, {} requests cut", drained.requests_cut);
    Ok(())
}
