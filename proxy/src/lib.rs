//! The corelane program as a library: its command line, and the control side of a running gateway.
//!
//! The control side is everything around the data plane that may wait: signals, reloads, the watch
//! over files, the admin API. It lives on threads of its own, reaches the engine through its public
//! handle alone, and never touches a client's connection. An embedder that wants these services
//! starts its engine through [`ControlSide`]; [`main`] is the program.

mod admin;
mod check;
mod cli;
mod console;
mod control;
mod demo;
mod explain;
mod logging;
mod reload;
mod run;
mod signals;
mod source;
mod timestamp;
mod watch;

pub use cli::main;
pub use run::{ControlSide, Ended, Ready, RunError};
pub use source::Source;

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
