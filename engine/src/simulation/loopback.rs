//! One worker between a client and an origin that cost nothing: for benchmarks of whole exchanges.

use super::{GATEWAY, Simulation};
use crate::filter::{Catalogue, Filter};
use crate::io::memory::{Backlog, End, Trace};

/// The most that a request, as the origin gets it, or a reply may have.
const MESSAGE_BYTES: usize = 64 * 1024;

/// One worker, one connection of a client, one of an origin, all in memory. Time stands still.
#[derive(Debug)]
pub struct Loopback {
    simulation: Simulation,
    client: End,
    backlog: Backlog,
    origin: Option<End>,
    buffer: Vec<u8>,
}

impl Loopback {
    /// Where the configuration finds the origin.
    pub const ORIGIN: &'static str = "192.0.2.10:8080";

    /// A worker with this configuration, which has no `listeners:`.
    ///
    /// # Panics
    /// When the configuration is not sound.
    #[must_use]
    pub fn new(yaml: &str) -> Self {
        Self::start(yaml, Catalogue::default())
    }

    /// The same with a filter that routes may use.
    ///
    /// # Panics
    /// When the configuration is not sound.
    #[must_use]
    pub fn with_filter<F: Filter>(yaml: &str) -> Self {
        let mut filters = Catalogue::default();
        filters.add::<F>();
        Self::start(yaml, filters)
    }

    fn start(yaml: &str, filters: Catalogue) -> Self {
        let simulation = Simulation::traced(0, 1, yaml, Trace::default(), filters);
        let backlog = simulation.network.listen(Self::ORIGIN, 1).remove(0);
        let client = simulation.network.open(GATEWAY);
        Self {
            client: client.expect("the worker listens"),
            simulation,
            backlog,
            origin: None,
            buffer: Vec::with_capacity(MESSAGE_BYTES),
        }
    }

    /// A whole exchange: the request goes in, the reply is given when the request has come out. Says
    /// how many bytes the origin and the client got.
    ///
    /// # Panics
    /// When either gets nothing, or a message is larger than what is under way at a time (64 KiB).
    pub fn exchange(&mut self, request: &[u8], reply: &[u8]) -> (usize, usize) {
        let sent = self.client.try_send(request);
        assert_eq!(sent.expect("the worker goes on reading"), request.len());
        self.simulation.turns.settle();
        if let Some((end, _)) = self.backlog.try_accept() {
            self.origin = Some(end);
        }
        let origin = self.origin.as_ref().expect("the worker has connected");
        self.buffer.clear();
        let forwarded = origin.try_recv(&mut self.buffer);
        let answered = origin.try_send(reply);
        assert_eq!(answered.expect("the worker waits"), reply.len());
        self.simulation.turns.settle();
        self.buffer.clear();
        let returned = self.client.try_recv(&mut self.buffer);
        (
            forwarded.expect("the request comes out"),
            returned.expect("the reply comes back"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{FilterError, Flow, Phases, RequestCx, WorkerCx};
    use crate::proxy::StartError;

    #[test]
    fn exchanges_follow_each_other_on_the_same_connections() {
        let mut loopback = Loopback::new(
            "services: {a: {endpoints: [\"192.0.2.10:8080\"]}}\nroutes: [{path: /*, service: a}]\n",
        );
        let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        let first = loopback.exchange(request, reply);
        assert!(loopback.buffer.ends_with(b"\r\n\r\nhi"));
        assert!(first.0 > request.len() && first.1 > reply.len());
        for _ in 0..3 {
            assert_eq!(loopback.exchange(request, reply), first);
            assert!(loopback.backlog.try_accept().is_none(), "it is reused");
        }
    }

    struct Mark;

    impl Filter for Mark {
        const NAME: &'static str = "mark";
        const PHASES: Phases = Phases::REQUEST;
        type Config = ();
        type State = ();

        fn new((): (), _: &WorkerCx<'_>) -> Result<Self, StartError> {
            Ok(Self)
        }

        async fn on_request(
            &self,
            (): &mut (),
            request: &mut RequestCx<'_>,
        ) -> Result<Flow, FilterError> {
            request.fields_mut().push(b"x-mark", b"1");
            Ok(Flow::Continue)
        }
    }

    #[test]
    fn filters_take_part_as_often_as_the_route_says() {
        let forwarded = |filters: &str| {
            let mut loopback = Loopback::with_filter::<Mark>(&format!(
                "services: {{a: {{endpoints: [\"192.0.2.10:8080\"]}}}}\n\
                 routes: [{{path: /*, service: a, filters: [{filters}]}}]\n"
            ));
            let reply = b"HTTP/1.1 204 No Content\r\n\r\n";
            let (forwarded, _) = loopback.exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", reply);
            forwarded
        };
        let line = b"x-mark: 1\r\n".len();
        let without = forwarded("");
        assert_eq!(forwarded("{use: mark}"), without + line);
        assert_eq!(forwarded("{use: mark}, {use: mark}"), without + 2 * line);
    }
}
