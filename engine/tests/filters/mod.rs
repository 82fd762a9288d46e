//! Filters: the hooks and their order, bodies piece by piece, side calls, publishing, and endpoints
//! that are set while the gateway runs.

mod bodies;
mod calls;
mod endpoints;
mod hooks;
pub(crate) mod probe;
mod publish;
