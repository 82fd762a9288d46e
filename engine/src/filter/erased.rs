//! A filter without its types, so that one route can have several: [`ErasedFilter`], which every
//! [`Filter`] is. An async hook is one allocation.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;

use super::{Chunk, Completed, Filter, FilterError, Flow, RequestCx, ResponseCx};

/// The future of a hook.
pub(super) type Hook<'a, T> = Pin<Box<dyn Future<Output = Result<T, FilterError>> + 'a>>;

/// What a worker calls: a [`Filter`] whose state is any.
pub(super) trait ErasedFilter {
    fn new_state(&self) -> Box<dyn Any>;

    fn on_request<'a>(
        &'a self,
        state: &'a mut dyn Any,
        request: &'a mut RequestCx<'_>,
    ) -> Hook<'a, Flow>;

    fn on_response<'a>(
        &'a self,
        state: &'a mut dyn Any,
        response: &'a mut ResponseCx<'_>,
    ) -> Hook<'a, ()>;

    fn on_request_chunk(
        &self,
        state: &mut dyn Any,
        chunk: &mut Chunk<'_>,
    ) -> Result<(), FilterError>;

    fn on_response_chunk(
        &self,
        state: &mut dyn Any,
        chunk: &mut Chunk<'_>,
    ) -> Result<(), FilterError>;

    fn on_complete(&self, state: &dyn Any, completed: &Completed);
}

impl<F: Filter> ErasedFilter for F {
    fn new_state(&self) -> Box<dyn Any> {
        Box::new(F::State::default())
    }

    fn on_request<'a>(
        &'a self,
        state: &'a mut dyn Any,
        request: &'a mut RequestCx<'_>,
    ) -> Hook<'a, Flow> {
        Box::pin(async move { Filter::on_request(self, own::<F>(state)?, request).await })
    }

    fn on_response<'a>(
        &'a self,
        state: &'a mut dyn Any,
        response: &'a mut ResponseCx<'_>,
    ) -> Hook<'a, ()> {
        Box::pin(async move { Filter::on_response(self, own::<F>(state)?, response).await })
    }

    fn on_request_chunk(
        &self,
        state: &mut dyn Any,
        chunk: &mut Chunk<'_>,
    ) -> Result<(), FilterError> {
        Filter::on_request_chunk(self, own::<F>(state)?, chunk)
    }

    fn on_response_chunk(
        &self,
        state: &mut dyn Any,
        chunk: &mut Chunk<'_>,
    ) -> Result<(), FilterError> {
        Filter::on_response_chunk(self, own::<F>(state)?, chunk)
    }

    fn on_complete(&self, state: &dyn Any, completed: &Completed) {
        if let Some(state) = state.downcast_ref() {
            Filter::on_complete(self, state, completed);
        }
    }
}

/// The state as its filter knows it. It was made by that filter, so this does not fail.
fn own<F: Filter>(state: &mut dyn Any) -> Result<&mut F::State, FilterError> {
    state
        .downcast_mut()
        .ok_or_else(|| FilterError::new(500, "a filter was given another one's state"))
}
