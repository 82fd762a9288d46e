//! What whole workers do, to the millisecond and to the byte.

mod chance;
mod faults;
mod plain;
mod times;

use super::{Ended, Message, Party, Received, Simulation};

/// Where the origin of a case is.
const ORIGIN: &str = "192.0.2.10:8080";

/// Deadlines fire this late at most: a slot of the wheel, rounded up.
const SLOT_MS: u64 = 8;

/// Everything to the one origin, with this below the route and these limits.
fn config(route: &str, limits: &str) -> String {
    format!(
        "services: {{a: {{endpoints: [\"{ORIGIN}\"]}}}}\n\
         routes: [{{path: /*, service: a{route}}}]\nlimits: {{{limits}}}\n"
    )
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")
}

fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// An origin that answers every request with its target.
async fn echo(mut party: Party) {
    while let Received::Whole(request) = party.message().await {
        if party.send(ok(request.target())).await.is_err() {
            return;
        }
    }
}

/// That a deadline that was due at `due` has fired at `at`, and not early.
#[track_caller]
fn assert_fired(at: u64, due: u64) {
    assert!(
        (due..=due + SLOT_MS).contains(&at),
        "due at {due}, fired at {at}"
    );
}

/// That a reply was made by the gateway, with this outcome.
#[track_caller]
fn assert_local(reply: &Message, status: u16, outcome: &str) {
    assert_eq!(reply.status(), status, "{reply:?}");
    assert_eq!(
        reply.field("x-corelane-outcome"),
        Some(outcome),
        "{reply:?}"
    );
}
