//! The demo's services: one HTTP/1.1 server for each name of the catalogue, all on one thread of
//! their own, so that neither the gateway nor its admin API waits for them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::catalogue::{Headers, NAMES, Seen, answer, delay};

/// Connections of all services together.
const MAX_CONNECTIONS: usize = 4096;
/// A rest after a failed accept, which would fail again at once.
const BACKOFF: Duration = Duration::from_millis(100);
/// How long a connection may idle; longer than the gateway keeps one.
const IDLE: Duration = Duration::from_secs(300);

/// Starts every service; with the addresses that the kernel chose.
///
/// # Errors
/// When a port cannot be bound, or the thread cannot be started.
pub(super) fn start() -> io::Result<Vec<(&'static str, SocketAddr)>> {
    let mut listeners = Vec::new();
    let mut addresses = Vec::new();
    for name in NAMES {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        addresses.push((name, listener.local_addr()?));
        listeners.push((name, listener));
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("demo-services".into())
        .spawn(move || runtime.block_on(serve_all(listeners)))?;
    Ok(addresses)
}

async fn serve_all(listeners: Vec<(&'static str, StdListener)>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut serving = Vec::new();
    for (name, listener) in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => serving.push(tokio::spawn(serve(name, listener, places.clone()))),
            Err(error) => log::error!("the demo's {name}: {error}"),
        }
    }
    for service in serving {
        // They serve until the program ends.
        drop(service.await);
    }
}

async fn serve(name: &'static str, listener: TcpListener, places: Arc<Semaphore>) {
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(name, stream, place))),
            Err(error) => {
                log::warn!("the demo's {name}: accepting a connection: {error}");
                sleep(BACKOFF).await;
            }
        }
    }
}

async fn connection(name: &'static str, stream: TcpStream, _place: OwnedSemaphorePermit) {
    let service = service_fn(move |request| async move { reply(name, request).await });
    let ended = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = ended {
        log::debug!("the demo's {name}: {error}");
    }
}

async fn reply(
    name: &'static str,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, mut body) = request.into_parts();
    let mut body_bytes = 0;
    while let Some(frame) = body.frame().await {
        let data = frame?.into_data();
        body_bytes += data.map_or(0, |data| data.len() as u64);
    }
    let query = head.uri.query().unwrap_or_default().to_owned();
    sleep(delay(&query)).await;
    let field = |(name, value): (&hyper::header::HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), value.into_owned())
    };
    let seen = Seen {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query,
        headers: Headers(head.headers.iter().map(field).collect()),
        body_bytes,
    };
    let answer = answer(name, &seen);
    let document = serde_json::to_string_pretty(&answer).unwrap_or_default();
    let mut reply = Response::new(Full::from(document + "\n"));
    *reply.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    let kind = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(reply)
}
