//! The real program from outside: what the origin answers, and what a run reports of targets that
//! behave and targets that do not. `program` starts the one, `server` is the other.
#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, not in the functions that they share"
)]

mod compare;
mod frames;
mod grpc;
mod html;
mod http2;
mod identity;
mod messages;
mod open;
mod origin;
mod origin_manners;
mod origin_websocket;
mod program;
mod request;
mod run;
mod scenario;
mod server;
mod text;
mod tls;
mod websocket;
