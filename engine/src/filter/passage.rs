//! One exchange's way through the filters of its route: which of them it has reached, the state that
//! each keeps for it, and the promise that each hears of its end exactly once.

use std::any::Any;
use std::borrow::Cow;
use std::cell::Cell;
use std::error::Error as _;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::chain::{Chain, Member};
use super::erased::Hook;
use super::{Chunk, Completed, FilterError, Flow, RequestCx, ResponseCx};
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::io::deadline::{Interrupted, Waiter};
use crate::reply::LocalReply;
use crate::rt::clock::Millis;
use crate::worker::Worker;

/// One exchange's way through the filters of its route.
pub(crate) struct Passage {
    worker: Rc<Worker>,
    chain: Rc<Chain>,
    states: Vec<Seat>,
    /// How many filters have been shown the request; they will be told of its end.
    entered: Cell<usize>,
    /// How many filters the response passes on its way back: the first so many.
    returning: Cell<usize>,
    /// Whether a piece of the request's body has been shown, so that it cannot be sent again.
    body_begun: Cell<bool>,
    /// What the filter that failed has to say to the client.
    failure: Cell<Option<FilterError>>,
}

/// Which way a body goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
}

/// Where a filter's state lies while no hook has it.
type Seat = Cell<Option<Box<dyn Any>>>;

/// Shows the request to the filters of `chain`; the reply, if one of them answers it.
///
/// # Errors
/// `Filter` when one fails, `ClientGone` and `TotalTimeout` when it was interrupted.
pub(crate) async fn on_request(
    exchange: &mut Exchange<'_>,
    chain: &Rc<Chain>,
) -> Result<Option<LocalReply>, Error> {
    let passage = Rc::new(Passage::new(exchange.worker.clone(), chain.clone()));
    exchange.filters = Some(passage.clone());
    for &at in &chain.request {
        passage.entered.set(at + 1);
        let member = &chain.members[at];
        let mut state = passage.borrow(at)?;
        let waits = Waits::of(exchange);
        let mut request = RequestCx::of(exchange);
        let hook = member.filter.on_request(state.get(), &mut request);
        if let Flow::Reply(reply) = passage.run(member, waits, hook).await? {
            passage.returning.set(at);
            return Ok(Some(reply));
        }
    }
    passage.entered.set(chain.members.len());
    passage.returning.set(chain.members.len());
    Ok(None)
}

/// Shows the response's head to the filters that the request has passed.
///
/// # Errors
/// `Filter` when one fails, `ClientGone` and `TotalTimeout` when it was interrupted.
pub(crate) async fn on_response(exchange: &mut Exchange<'_>) -> Result<(), Error> {
    let Some(passage) = exchange.filters.clone() else {
        return Ok(());
    };
    for &at in passage.on_the_way_back(&passage.chain.response) {
        let member = &passage.chain.members[at];
        let mut state = passage.borrow(at)?;
        let waits = Waits::of(exchange);
        let mut response = ResponseCx::of(exchange);
        let hook = member.filter.on_response(state.get(), &mut response);
        passage.run(member, waits, hook).await?;
    }
    Ok(())
}

impl Passage {
    fn new(worker: Rc<Worker>, chain: Rc<Chain>) -> Self {
        let seat = |member: &Member| Cell::new(Some(member.filter.new_state()));
        Self {
            worker,
            states: chain.members.iter().map(seat).collect(),
            chain,
            entered: Cell::new(0),
            returning: Cell::new(0),
            body_begun: Cell::new(false),
            failure: Cell::new(None),
        }
    }

    /// Whether any filter wants to see the body that goes this way.
    pub(crate) fn wants_body(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => !self.chain.request_body.is_empty(),
            Direction::Response => {
                let mut back = self.on_the_way_back(&self.chain.response_body);
                back.next().is_some()
            }
        }
    }

    /// Shows a piece of data to the filters; what they make of it.
    ///
    /// # Errors
    /// `Filter` when one fails.
    pub(crate) fn pass<'c>(
        &self,
        direction: Direction,
        mut chunk: Chunk<'c>,
    ) -> Result<Cow<'c, [u8]>, Error> {
        match direction {
            Direction::Request => {
                self.body_begun.set(true);
                for &at in &self.chain.request_body {
                    self.show(at, &mut chunk, direction)?;
                }
            }
            Direction::Response => {
                for &at in self.on_the_way_back(&self.chain.response_body) {
                    self.show(at, &mut chunk, direction)?;
                }
            }
        }
        Ok(chunk.into_bytes())
    }

    fn show(&self, at: usize, chunk: &mut Chunk<'_>, direction: Direction) -> Result<(), Error> {
        let member = &self.chain.members[at];
        let mut state = self.borrow(at)?;
        let shown = match direction {
            Direction::Request => member.filter.on_request_chunk(state.get(), chunk),
            Direction::Response => member.filter.on_response_chunk(state.get(), chunk),
        };
        shown.map_err(|failure| self.note(member, failure))
    }

    /// Whether the request's body has been shown to a filter, at least in part.
    pub(crate) fn has_begun_body(&self) -> bool {
        self.body_begun.get()
    }

    /// From now on no filter sees what goes to the client: it is an error, told in our own words.
    pub(crate) fn bypass(&self) {
        self.returning.set(0);
    }

    /// What the filter that failed has to say.
    pub(crate) fn take_failure(&self) -> Option<FilterError> {
        self.failure.take()
    }

    /// Tells every filter that was shown the request that it is over.
    pub(crate) fn complete(&self, completed: &Completed) {
        for &at in &self.chain.complete {
            if at >= self.entered.get() {
                return;
            }
            let member = &self.chain.members[at];
            let Ok(mut state) = self.borrow(at) else {
                continue;
            };
            let tell = || member.filter.on_complete(state.get(), completed);
            if catch_unwind(AssertUnwindSafe(tell)).is_err() {
                log::error!("filter `{}` panicked in `on_complete`", member.name);
            }
        }
    }

    /// Those of `positions` that the response passes.
    fn on_the_way_back<'p>(&self, positions: &'p [usize]) -> impl Iterator<Item = &'p usize> {
        let returning = self.returning.get();
        positions.iter().filter(move |at| **at < returning)
    }

    /// Waits for a hook for as long as the exchange may take.
    async fn run<T>(
        &self,
        member: &Member,
        waits: Waits<'_>,
        hook: Hook<'_, T>,
    ) -> Result<T, Error> {
        match waits.waiter.until(waits.total, hook).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(failure)) => Err(self.note(member, failure)),
            Err(Interrupted::Aborted) => Err(Kind::ClientGone.into()),
            Err(Interrupted::Elapsed) => Err(Kind::TotalTimeout.into()),
        }
    }

    /// Keeps what a failed filter has to say to the client, and tells the operator why.
    fn note(&self, member: &Member, failure: FilterError) -> Error {
        if failure.source().is_some() {
            member.complain(self.worker.timers.clock.now_ms(), &Causes(&failure));
        }
        let kind = Kind::Filter(failure.status());
        self.failure.set(Some(failure));
        kind.into()
    }

    /// The state of a filter, for as long as one of its hooks runs.
    ///
    /// # Errors
    /// `Internal` when another hook has it, which the order of hooks excludes.
    fn borrow(&self, at: usize) -> Result<Borrowed<'_>, Error> {
        let seat = &self.states[at];
        let state = seat.take().ok_or(Kind::Internal)?;
        Ok(Borrowed { seat, state })
    }
}

impl fmt::Debug for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passage")
            .field("chain", &self.chain)
            .field("entered", &self.entered)
            .field("returning", &self.returning)
            .finish_non_exhaustive()
    }
}

/// A state that goes back to its seat whatever becomes of the hook: returned, dropped or panicked.
struct Borrowed<'a> {
    seat: &'a Seat,
    state: Box<dyn Any>,
}

impl Borrowed<'_> {
    fn get(&mut self) -> &mut dyn Any {
        &mut *self.state
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        // A box of nothing is no allocation.
        let state = std::mem::replace(&mut self.state, Box::new(()));
        self.seat.set(Some(state));
    }
}

/// How long a hook may take.
#[derive(Clone, Copy)]
struct Waits<'a> {
    waiter: Waiter<'a>,
    total: Millis,
}

impl<'a> Waits<'a> {
    fn of(exchange: &Exchange<'a>) -> Self {
        Self {
            waiter: exchange.waiter,
            total: exchange.total,
        }
    }
}

/// An error and what led to it, in one line.
struct Causes<'e>(&'e FilterError);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
