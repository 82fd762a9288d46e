//! Pingora as a peer of the side-by-side benchmark: one worker that looks a path up and forwards the
//! request to one origin. Entered with the path of its configuration; it logs, edits and counts nothing.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use matchit::Router;
use pingora::modules::http::HttpModules;
use pingora::prelude::{HttpPeer, ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use serde::Deserialize;

/// With the system's allocator a 64 KiB reply costs twice as much.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the configuration file says beside Pingora's own settings, which ignore these.
#[derive(Deserialize)]
struct Settings {
    listen: SocketAddr,
    origin: SocketAddr,
    /// Patterns of matchit.
    routes: Vec<String>,
}

struct Gateway {
    routes: Router<HttpPeer>,
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = ();

    fn new_ctx(&self) {}

    /// None: the default brings a compression that is switched off and still asked.
    fn init_downstream_modules(&self, _: &mut HttpModules) {}

    async fn upstream_peer(
        &self,
        session: &mut Session,
        _: &mut (),
    ) -> pingora::Result<Box<HttpPeer>> {
        let path = session.req_header().uri.path();
        match self.routes.at(path) {
            Ok(found) => Ok(Box::new(found.value.clone())),
            Err(_) => pingora::Error::e_explain(pingora::ErrorType::HTTPStatus(404), "no route"),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = match std::env::args().nth(1).as_deref() {
        None => return Err("usage: pingora-peer CONFIGURATION | --version".into()),
        Some("--version") => {
            println!("pingora {}", env!("CARGO_PKG_VERSION"));
            return Ok(());
        }
        Some(path) => path.to_owned(),
    };
    let text = std::fs::read_to_string(&path)?;
    let settings: Settings = serde_yaml::from_str(&text)?;
    let mut routes = Router::new();
    for pattern in settings.routes {
        routes.insert(
            pattern,
            HttpPeer::new(settings.origin, false, String::new()),
        )?;
    }
    let mut server = Server::new_with_opt_and_conf(None, ServerConf::from_yaml(&text)?);
    server.bootstrap();
    let conf = Arc::clone(&server.configuration);
    let mut service = http_proxy_service(&conf, Gateway { routes });
    service.add_tcp(&settings.listen.to_string());
    server.add_service(service);
    server.run_forever()
}
