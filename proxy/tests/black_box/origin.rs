//! An origin on raw sockets, whose replies say what it has received, or wait until they may go.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use crate::program::PATIENCE;

/// Starts an origin that answers every request with the target and the Host that it saw, and its own
/// address in `X-Origin`; with that address.
pub(crate) fn mirror() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let own = address.clone();
    serve(listener, move |head| {
        let target = head.split(' ').nth(1).unwrap();
        let mut lines = head.split("\r\n");
        let host = lines
            .find_map(|line| line.strip_prefix("Host: "))
            .unwrap_or_default();
        format!(
            "HTTP/1.1 200 OK\r\nX-Origin: {own}\r\nX-Saw-Target: {target}\r\nX-Saw-Host: {host}\r\n\
             Content-Length: 0\r\n\r\n"
        )
    });
    address
}

/// An origin that holds every reply until it is told to let one go.
pub(crate) struct Gate {
    pub(crate) address: String,
    arrived: Receiver<()>,
    open: Sender<()>,
}

impl Gate {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (arrive, arrived) = channel();
        let (open, opened) = channel();
        let opened = Mutex::new(opened);
        serve(listener, move |_| {
            arrive.send(()).unwrap();
            // When the test is over, it does not matter.
            let _over = opened.lock().unwrap().recv();
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone".to_owned()
        });
        Self {
            address,
            arrived,
            open,
        }
    }

    /// Waits until a request has come.
    #[track_caller]
    pub(crate) fn wait_for_request(&self) {
        self.arrived
            .recv_timeout(PATIENCE)
            .expect("a request arrives");
    }

    /// Lets one reply go.
    pub(crate) fn open(&self) {
        self.open.send(()).unwrap();
    }
}

fn serve(listener: TcpListener, reply: impl Fn(&str) -> String + Send + Sync + 'static) {
    let reply = Arc::new(reply);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let reply = reply.clone();
            std::thread::spawn(move || converse(stream.unwrap(), &*reply));
        }
    });
}

fn converse(mut stream: TcpStream, reply: &dyn Fn(&str) -> String) {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            bytes.drain(..end + 4); // requests here have no bodies
            if stream.write_all(reply(&head).as_bytes()).is_err() {
                return;
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}
