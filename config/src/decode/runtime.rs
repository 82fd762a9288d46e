//! `runtime:` and `via:`.

use std::time::Duration;

use super::fields::Fields;
use super::text::is_token;
use crate::snapshot::{Io, Runtime, WorkerBalance};

pub(super) fn runtime(top: &Fields<'_>) -> Runtime {
    let mut runtime = Runtime {
        workers: None,
        pin: None,
        io: Io::Auto,
        balance: WorkerBalance::Handoff,
        drain_timeout: Duration::from_secs(30),
        drain_delay: Duration::ZERO,
        defer_taskrun: false,
    };
    let Some(fields) = top.object("runtime") else {
        return runtime;
    };
    runtime.workers = fields
        .integer("workers")
        .and_then(|number| usize::try_from(number).ok());
    runtime.pin = fields.bool("pin");
    runtime.io = match fields.choice("io") {
        Some("uring") => Io::Uring,
        Some("epoll") => Io::Epoll,
        _ => Io::Auto,
    };
    runtime.balance = match fields.choice("balance") {
        Some("reuseport") => WorkerBalance::ReusePort,
        _ => WorkerBalance::Handoff,
    };
    if let Some(timeout) = fields.duration("drain_timeout") {
        runtime.drain_timeout = timeout;
    }
    if let Some(delay) = fields.duration("drain_delay") {
        runtime.drain_delay = delay;
    }
    runtime.defer_taskrun = fields
        .bool("defer_taskrun")
        .unwrap_or(runtime.defer_taskrun);
    runtime
}

/// The pseudonym of RFC 9110 §7.6.3: a token, so that it can stand in the field as it is.
pub(super) fn via(top: &Fields<'_>) -> Option<Box<str>> {
    let default = || Some("corelane".into());
    let Some(name) = top.text("via") else {
        return default();
    };
    match name.text {
        "off" | "false" => None,
        "on" | "true" => default(),
        text if is_token(text) => Some(text.into()),
        text => {
            let message = format!("`{text}` is no token (RFC 9110 §5.6.2)");
            top.report
                .error_hint(name.node, message, "write a name without spaces, or `off`");
            None
        }
    }
}
