//! An origin: a listening socket whose connections a test takes one by one, or which answers on
//! threads of its own. Whatever panics there panics in the test when the scenario ends.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use socket2::{Domain, SockAddr, Socket, Type};

use super::wire::retry;
use super::{Message, PATIENCE, Wire};

/// A listening socket that the gateway connects to.
pub(crate) struct Origin {
    /// What the test calls it.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) address: String,
    listener: Option<Socket>,
    serving: Option<Serving>,
}

struct Serving {
    accepting: JoinHandle<()>,
    conversations: Receiver<JoinHandle<()>>,
}

impl Origin {
    pub(super) fn bind(name: &str) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = listen(Domain::IPV4, &any.into());
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        Self::of(name, address.to_string(), listener)
    }

    pub(super) fn bind_unix(name: &str, path: &Path) -> Self {
        let listener = listen(Domain::UNIX, &SockAddr::unix(path).unwrap());
        Self::of(name, format!("unix:{}", path.display()), listener)
    }

    fn of(name: &str, address: String, listener: Socket) -> Self {
        Self {
            name: name.to_owned(),
            address,
            listener: Some(listener),
            serving: None,
        }
    }

    /// The next connection.
    pub(crate) fn accept(&self) -> Wire {
        let (socket, _) = retry(|| self.listener().accept()).expect("a connection");
        Wire::of(socket)
    }

    /// Takes the next connection, reads its first request and answers it.
    pub(crate) fn answer(&self, reply: impl AsRef<[u8]>) -> (Wire, Message) {
        let mut wire = self.accept();
        let request = wire.request();
        wire.send(reply);
        (wire, request)
    }

    /// Whether nobody waits to be accepted.
    pub(crate) fn is_untouched(&self) -> bool {
        let listener = self.listener();
        listener.set_nonblocking(true).unwrap();
        let accepted = listener.accept();
        listener.set_nonblocking(false).unwrap();
        accepted.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Refuses connections from now on. Those that were not accepted are reset.
    pub(crate) fn close(&mut self) {
        if let Some(listener) = self.listener.take() {
            // Ends a pending `accept` of another thread, which closing alone would not.
            let _not_listening = listener.shutdown(Shutdown::Both);
        }
    }

    /// Has `converse` speak on every connection that comes, each on a thread of its own.
    pub(super) fn serve(&mut self, converse: impl Fn(Wire) + Send + Sync + 'static) {
        let listener = self.listener().try_clone().unwrap();
        listener.set_read_timeout(None).unwrap();
        let converse = Arc::new(converse);
        let (begun, conversations) = channel();
        let accepting = std::thread::spawn(move || {
            while let Ok((socket, _)) = retry(|| listener.accept()) {
                let converse = converse.clone();
                let thread = std::thread::spawn(move || converse(Wire::of(socket)));
                begun.send(thread).unwrap();
            }
        });
        self.serving = Some(Serving {
            accepting,
            conversations,
        });
    }

    /// Ends the threads, and takes their panics over.
    pub(super) fn join(&mut self) {
        self.close();
        let Some(serving) = self.serving.take() else {
            return;
        };
        let threads = std::iter::once(serving.accepting).chain(serving.conversations);
        for thread in threads {
            if let (Err(panic), false) = (thread.join(), std::thread::panicking()) {
                resume_unwind(panic);
            }
        }
    }

    fn listener(&self) -> &Socket {
        self.listener.as_ref().expect("the origin listens")
    }
}

fn listen(domain: Domain, address: &SockAddr) -> Socket {
    let listener = Socket::new(domain, Type::STREAM, None).unwrap();
    listener.bind(address).unwrap();
    listener.listen(1024).unwrap();
    // `accept` honours it, too.
    listener.set_read_timeout(Some(PATIENCE)).unwrap();
    listener
}

/// Answers requests one after the other, for as long as anybody asks.
pub(super) fn answer_all<R: AsRef<[u8]>>(mut wire: Wire, answer: impl Fn(&Message) -> R) {
    while let Some(request) = wire.next_request() {
        let reply = answer(&request);
        if wire.offer(&reply) < reply.as_ref().len() {
            return;
        }
    }
}
