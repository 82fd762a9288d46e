//! The admin API and the dashboard, on an address of their own: never on a data listener, and
//! loopback unless somebody decides otherwise. Requests pass `guard`, `answer` picks the page,
//! `pages` writes it. The API reads what the engine tells and asks [`Control`] for the rest; it
//! touches no client's connection, and a worker notices it only when it is asked for its numbers.

mod answer;
mod dashboard;
mod guard;
mod pages;
mod question;
mod reply;
mod server;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::console;
use crate::control::Control;

/// Where the admin API is served, which a reload may change.
#[derive(Debug, Default)]
pub(crate) struct Admin {
    configured: Option<SocketAddr>,
    /// With the port that the kernel chose where the configuration says 0.
    bound: Option<SocketAddr>,
    /// Dropped when the server is to stop: what it has begun it still answers.
    _serving: Option<watch::Sender<()>>,
}

/// A step from one admin address to another that has not been taken yet.
#[derive(Debug)]
pub(crate) enum Seat {
    /// Nothing changes.
    Same,
    /// No admin API from now on.
    None,
    /// This address, which is bound already.
    New {
        configured: SocketAddr,
        bound: SocketAddr,
        listener: TcpListener,
    },
}

impl Admin {
    /// Binds what `admin` names, unless it is served already; within a runtime.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub(crate) fn take_seat(&self, admin: Option<&corelane_config::Admin>) -> Result<Seat, String> {
        let Some(corelane_config::Admin { address }) = admin else {
            return Ok(Seat::None);
        };
        if self.configured == Some(*address) {
            return Ok(Seat::Same);
        }
        let bound = std::net::TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, TcpListener::from_std(listener)?))
        });
        let (bound, listener) = bound.map_err(|error| format!("admin {address}: {error}"))?;
        Ok(Seat::New {
            configured: *address,
            bound,
            listener,
        })
    }

    /// Where the API is served.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.bound
    }

    /// Takes the step, and tells where the API is now.
    pub(crate) fn move_to(&mut self, seat: Seat, control: &Arc<Control>) {
        let (configured, bound, listener) = match seat {
            Seat::Same => return,
            Seat::None => return *self = Self::default(),
            Seat::New {
                configured,
                bound,
                listener,
            } => (configured, bound, listener),
        };
        if !configured.ip().is_loopback() {
            log::warn!(
                "the admin API is on {configured}: whoever reaches this address may reload, drain and read the configuration"
            );
        }
        console::tell(format_args!("admin {bound}"));
        let (serving, stop) = watch::channel(());
        tokio::spawn(server::serve(listener, control.clone(), stop));
        *self = Self {
            configured: Some(configured),
            bound: Some(bound),
            _serving: Some(serving),
        };
    }
}
