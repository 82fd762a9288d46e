//! A future that is built once and run many times.
//!
//! An exchange is a state machine of kilobytes. Boxing one per request would allocate, and keeping it
//! in the connection would make idle connections as large as busy ones. A [`Coroutine`] is the way
//! between: its future loops over inputs for ever, lives in the worker's pool, and is borrowed by a
//! connection while a request is active.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A reusable future that turns an `I` into an `O`.
pub(crate) struct Coroutine<I, O>(Box<Inner<I, O>>);

/// Behind one small pointer, because an idle connection has room for it.
struct Inner<I, O> {
    body: Pin<Box<dyn Future<Output = ()>>>,
    desk: Rc<Desk<I, O>>,
}

/// Where inputs and outputs lie between the coroutine and whoever drives it.
pub(crate) struct Desk<I, O> {
    input: Cell<Option<I>>,
    output: Cell<Option<O>>,
}

impl<I: 'static, O: 'static> Coroutine<I, O> {
    /// Builds the future: `body` is given the desk and serves it for ever.
    pub(crate) fn new<F>(body: impl FnOnce(Rc<Desk<I, O>>) -> F) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let desk = Rc::new(Desk {
            input: Cell::new(None),
            output: Cell::new(None),
        });
        Self(Box::new(Inner {
            body: Box::pin(body(desk.clone())),
            desk,
        }))
    }

    /// Gives the coroutine its next input; it runs when it is polled.
    pub(crate) fn start(&self, input: I) {
        self.0.desk.input.set(Some(input));
    }

    /// Runs the coroutine until it waits for something or has its output.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<O> {
        // The body never ends by itself: what counts is what lies on the desk.
        let _never_ready = self.0.body.as_mut().poll(cx);
        self.0.desk.output.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<I, O> Desk<I, O> {
    /// The next input. The one who puts it there polls the coroutine afterwards, so no waker is kept.
    pub(crate) async fn next(&self) -> I {
        poll_fn(|_| self.input.take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Hands over the output of the input that `next` gave.
    pub(crate) fn finish(&self, output: O) {
        self.output.set(Some(output));
    }
}

impl<I, O> fmt::Debug for Coroutine<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coroutine").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    async fn doubler(desk: Rc<Desk<u32, u32>>, gate: Rc<Cell<bool>>) {
        loop {
            let input = desk.next().await;
            poll_fn(|_| match gate.get() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
            desk.finish(input * 2);
        }
    }

    #[test]
    fn one_box_serves_many_inputs_and_waits_in_between() {
        let gate = Rc::new(Cell::new(false));
        let mut coroutine = Coroutine::new(|desk| doubler(desk, gate.clone()));
        let mut cx = Context::from_waker(Waker::noop());
        for input in 1..4 {
            gate.set(false);
            coroutine.start(input);
            assert_eq!(coroutine.poll(&mut cx), Poll::Pending);
            gate.set(true);
            assert_eq!(coroutine.poll(&mut cx), Poll::Ready(input * 2));
        }
        assert_eq!(coroutine.poll(&mut cx), Poll::Pending);
    }
}
