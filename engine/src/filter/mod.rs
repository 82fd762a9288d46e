//! Room 5: filters, which the embedding program brings.
//!
//! A [`Filter`] is a type with a name that routes use, a configuration, state for each exchange, and
//! up to five hooks. `catalogue` knows the types and reads their configurations on the control side;
//! `chain` has what a worker made of them for one route; `passage` takes one exchange through the
//! hooks, each exactly as often as it is promised. A route without filters never comes here.

mod catalogue;
mod chain;
mod chunk;
mod erased;
mod error;
mod heads;
mod passage;
mod phases;

use std::time::Duration;

use serde::de::DeserializeOwned;

pub use catalogue::WorkerCx;
pub(crate) use catalogue::{Catalogue, Plan};
pub(crate) use chain::Chain;
pub use chunk::Chunk;
pub use error::FilterError;
pub use heads::{RequestCx, ResponseCx};
pub(crate) use passage::{Direction, Passage, on_request, on_response};
pub use phases::Phases;

use crate::outcome::Outcome;
use crate::proxy::StartError;
use crate::reply::LocalReply;

/// What an embedding program does with the requests of some routes and with their responses.
///
/// A route says `filters: [{use: NAME, …}]`. For each such entry every worker builds one value of the
/// type, which stays on that worker's thread: it needs no `Send`, may keep `Cell`s and `RefCell`s,
/// and shares nothing unless it wants to ([`WorkerCx::registry`]).
///
/// Filters stand between the client and the route's own rules, in the order of the list: a request
/// passes them from first to last, a response from last to first. A filter that answers by itself
/// turns the request back: those behind it never hear of it, and those before it see the reply. What
/// the gateway has to say about an error (no endpoint, a timeout, a filter that failed) is said in its
/// own words and shown to no hook but `on_complete`.
///
/// The futures of hooks are dropped at an `await` when the client leaves or the route's `timeout` is
/// over. A hook that panics fails its exchange with 500 and closes its connection, nothing else.
#[expect(
    async_fn_in_trait,
    reason = "a hook's future never leaves its worker, so nobody needs it to be Send"
)]
pub trait Filter: Sized + 'static {
    /// What routes call it.
    const NAME: &'static str;

    /// Which hooks there are. A hook that is left out is never called and costs nothing; one that is
    /// named has its price: an allocation for each head, and for bodies chunked framing in the place
    /// of a stated length.
    const PHASES: Phases = Phases::ALL;

    /// What stands beside `use:`. It is read once, before any worker hears of the configuration, and
    /// cloned for each. `()` takes no settings.
    type Config: DeserializeOwned + Clone + Send + Sync + 'static;

    /// What is kept for one exchange.
    type State: Default + 'static;

    /// Builds the filter on a worker, before the configuration that names it is used.
    ///
    /// # Errors
    /// Whatever makes it useless. The configuration is then refused as a whole, on all workers.
    fn new(config: Self::Config, worker: &WorkerCx<'_>) -> Result<Self, StartError>;

    /// The request's head has come and its route is found. Nothing has been sent to anybody.
    ///
    /// # Errors
    /// The request is answered with the error's status and public text.
    async fn on_request(
        &self,
        _state: &mut Self::State,
        _request: &mut RequestCx<'_>,
    ) -> Result<Flow, FilterError> {
        Ok(Flow::Continue)
    }

    /// The response's head is on its way to the client: of the service, of the route itself
    /// (`respond:`, `redirect:`) or of a filter further back. Interim responses are not shown.
    ///
    /// # Errors
    /// The client gets the error's status and public text instead of the response.
    async fn on_response(
        &self,
        _state: &mut Self::State,
        _response: &mut ResponseCx<'_>,
    ) -> Result<(), FilterError> {
        Ok(())
    }

    /// A piece of the request's body; at its end once more, without a byte. A request without a body
    /// has no pieces.
    ///
    /// # Errors
    /// The request is answered with the error's status and public text, if no reply has begun.
    fn on_request_chunk(
        &self,
        _state: &mut Self::State,
        _chunk: &mut Chunk<'_>,
    ) -> Result<(), FilterError> {
        Ok(())
    }

    /// A piece of the response's body; at its end once more, without a byte. A reply to HEAD, a 204
    /// and a 304 have no pieces.
    ///
    /// # Errors
    /// The response is cut off, or replaced if nothing of it has left.
    fn on_response_chunk(
        &self,
        _state: &mut Self::State,
        _chunk: &mut Chunk<'_>,
    ) -> Result<(), FilterError> {
        Ok(())
    }

    /// The exchange is over, however it ended: called exactly once for every exchange that this
    /// filter was shown, and for no other.
    fn on_complete(&self, _state: &Self::State, _completed: &Completed) {}
}

/// What becomes of a request after a filter has seen it.
#[derive(Debug, Clone)]
pub enum Flow {
    /// The next filter has it, or the route.
    Continue,
    /// The client gets this.
    Reply(LocalReply),
}

impl Flow {
    /// A reply with this status and nothing in it.
    #[must_use]
    pub fn reply(status: u16) -> Self {
        Self::Reply(LocalReply::new(status))
    }
}

impl From<LocalReply> for Flow {
    fn from(reply: LocalReply) -> Self {
        Self::Reply(reply)
    }
}

/// An exchange that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completed {
    /// How it ended.
    pub outcome: Outcome,
    /// The status that was sent; 0 when the exchange ended before there was one.
    pub status: u16,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes that were sent to the client, the head included.
    pub bytes_out: u64,
    /// From the request's head to now.
    pub duration: Duration,
}
