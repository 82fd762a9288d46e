//! Whole exchanges over in-memory pipes: what the engine costs by itself, without the kernel. Routing,
//! request ids, forwarding fields, metrics, the pool and both state machines are in it; system calls,
//! the event loop and the network are not, and the pipes' own copies and locks are. Built where
//! `RUSTFLAGS="--cfg simulation"` is set.

use std::hint::black_box;

use corelane_engine::{
    Filter, FilterError, Flow, Loopback, Phases, RequestCx, ResponseCx, StartError, WorkerCx,
};

/// One connection, and what goes to and fro on it.
#[derive(Debug)]
pub struct Exchange {
    loopback: Loopback,
    request: Vec<u8>,
    reply: Vec<u8>,
}

/// A filter that writes a field each way.
struct Mark;

impl Filter for Mark {
    const NAME: &'static str = "mark";
    const PHASES: Phases = Phases::REQUEST.and(Phases::RESPONSE);
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
        request.fields_mut().set(b"x-mark", b"1");
        Ok(Flow::Continue)
    }

    async fn on_response(
        &self,
        (): &mut (),
        response: &mut ResponseCx<'_>,
    ) -> Result<(), FilterError> {
        response.fields_mut().set(b"x-mark", b"1");
        Ok(())
    }
}

impl Exchange {
    /// An exchange of this request for a reply with a body of so many bytes, through so many filters.
    /// It has taken place once: the connections are there.
    #[must_use]
    pub fn new(request: &[u8], reply_bytes: usize, filters: usize) -> Self {
        let origin = Loopback::ORIGIN;
        let filters = vec!["{use: mark}"; filters].join(", ");
        let config = format!(
            "services: {{a: {{endpoints: [\"{origin}\"]}}}}\n\
             routes: [{{path: /api/*, service: a, filters: [{filters}]}}]\n"
        );
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {reply_bytes}\r\n\r\n");
        let mut exchange = Self {
            loopback: Loopback::with_filter::<Mark>(&config),
            request: request.to_vec(),
            reply: [head.into_bytes(), vec![b'x'; reply_bytes]].concat(),
        };
        exchange.once();
        exchange
    }

    /// The exchange; how many bytes the origin and the client got.
    pub fn once(&mut self) -> (usize, usize) {
        let request = black_box(&self.request);
        self.loopback.exchange(request, &self.reply)
    }
}

/// An upload with a body of so many bytes.
#[must_use]
pub fn upload(body_bytes: usize) -> Vec<u8> {
    let head = format!(
        "POST /api/v1/users HTTP/1.1\r\n\
         Host: api.example.com\r\n\
         Content-Length: {body_bytes}\r\n\r\n"
    );
    [head.into_bytes(), vec![b'x'; body_bytes]].concat()
}
