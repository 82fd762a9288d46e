//! Connections of the admin API: bounded in number, in time and in what they may send.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use corelane_config::limits::{MAX_ADMIN_CONNECTIONS, MAX_ADMIN_HEAD_BYTES};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::answer::answer;
use crate::control::Control;

/// For a request's head, and between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may take new requests. It bounds those that never end: clients that read
/// their answer a byte at a time.
const LIFETIME: Duration = Duration::from_secs(60);
/// How long it then gets for the answer that it has begun; a reload takes longest.
const LAST_ANSWER: Duration = Duration::from_secs(30);
/// A rest after a failed accept, which would fail again at once.
const BACKOFF: Duration = Duration::from_millis(100);

/// Serves until the sender of `stop` is gone.
pub(super) async fn serve(
    listener: TcpListener,
    control: Arc<Control>,
    mut stop: watch::Receiver<()>,
) {
    let places = Arc::new(Semaphore::new(MAX_ADMIN_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            _ = stop.changed() => return,
            accepted = accept(&listener, &places) => accepted,
        };
        if let Some((stream, place)) = accepted {
            tokio::spawn(connection(stream, control.clone(), stop.clone(), place));
        }
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            log::warn!("accepting an admin connection: {error}");
            sleep(BACKOFF).await;
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    control: Arc<Control>,
    mut stop: watch::Receiver<()>,
    _place: OwnedSemaphorePermit,
) {
    let local = stream
        .local_addr()
        .map(|address| address.ip().to_canonical());
    let local = local.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let service = service_fn(move |request| {
        let control = control.clone();
        async move { Ok::<_, Infallible>(answer(&control, local, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_ADMIN_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = sleep(LIFETIME) => None,
        _ = stop.changed() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            timeout(LAST_ANSWER, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        log::debug!("an admin connection: {error}");
    }
}
