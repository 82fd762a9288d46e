//! The data plane of corelane: one event loop per core, embeddable.
//!
//! A request goes through eight rooms, in this order: `listener` → transport → `downstream` →
//! `route` → `filter` → `service` → `upstream` → `forward`; `exchange` names rooms 4 to 8 in
//! one function. Workers share nothing mutable on that path: what must be one for all of them lies in
//! the [`Registry`], and configurations reach them through `publish`.
//!
//! The engine knows monoio and sockets, and nothing about signals, command lines or admin pages:
//! those belong to whoever embeds it, through [`Proxy`] and its [`Handle`].

mod call;
mod downstream;
mod error;
mod exchange;
mod explain;
mod filter;
mod forward;
mod identity;
mod io;
mod listener;
mod outcome;
mod proxy;
mod publish;
mod registry;
mod reply;
mod request;
mod route;
mod rt;
mod service;
mod settle;
#[cfg(any(test, simulation))]
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        unused_imports,
        reason = "a benchmark uses less of it than tests"
    )
)]
mod simulation;
pub mod telemetry;
mod upstream;
mod worker;

pub use call::{CallError, Request, Response, Service};
pub use corelane_codec::{Field, Fields, Name};
pub use error::{Error, Kind, Retry};
pub use explain::{
    Answer, Charge, ExplainError, ExplainRequest, Explanation, RunnerUp, Share, Timeouts, explain,
};
pub use filter::{
    Chunk, Completed, Filter, FilterError, Flow, Phases, RequestCx, ResponseCx, WorkerCx,
};
pub use listener::Bound;
pub use outcome::{Outcome, Side};
pub use proxy::{Drained, Handle, Proxy, ProxyBuilder, StartError};
pub use publish::Generation;
pub use registry::{Cell, Registry};
pub use reply::LocalReply;
pub use service::Endpoint;
#[cfg(simulation)]
pub use simulation::Loopback;

#[cfg(doctest)]
#[doc = include_str!("../../docs/filters.md")]
struct Guide;
