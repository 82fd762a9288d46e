//! What every request gets before it is forwarded: identity, forwarding fields, edits, a target.
//!
//! Fields that only the gateway may set are removed when a client sends them, whatever route the
//! request takes; fields that belong to the client's connection end here (RFC 9110 §7.6.1).

use corelane_codec::encode::encode_decimal;
use corelane_codec::framing::upgrade;
use corelane_codec::{Field, Fields, Method, Name, RequestHead, list_items};
use corelane_config::{Edits, Route, Snapshot, Underscores};

use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::forward::is_bodiless;
use crate::identity::{Identity, RequestId, push_address, resolve_client};

/// Finds out who asks, and gives the request its id.
///
/// # Errors
/// `Loop`, when it has passed here too often.
pub(crate) fn identify(exchange: &mut Exchange<'_>) -> Result<(), Error> {
    let snapshot = exchange.local.snapshot();
    let fields = &exchange.request.fields;
    let peer = exchange.peer.address;
    // A Unix socket has no address to trust or not; whoever may open it is on this machine.
    let trusted_peer = peer.is_some_and(|peer| snapshot.trusted_proxies.contains(peer));
    let kept = (trusted_peer || snapshot.preserve_request_id)
        .then(|| fields.get(Name::XRequestId).and_then(RequestId::from_peer))
        .flatten();
    let worker = exchange.worker;
    exchange.identity = Identity {
        client: peer.map(|peer| resolve_client(peer, fields, &snapshot.trusted_proxies)),
        trusted_peer,
        request_id: kept.unwrap_or_else(|| {
            let unix_ms = worker.timers.clock.unix_us(exchange.arrival.started_us) / 1000;
            RequestId::new(unix_ms, [worker.random.next(), worker.random.next()])
        }),
    };
    refuse_loop(fields, snapshot)
}

/// Refuses a request whose `Via` says that it has passed here too often.
pub(crate) fn refuse_loop(fields: &Fields, snapshot: &Snapshot) -> Result<(), Error> {
    if let Some(name) = &snapshot.via {
        let passes = fields
            .get_all(Name::Via)
            .flat_map(list_items)
            .filter(|item| via_name(item).eq_ignore_ascii_case(name.as_bytes()))
            .count();
        if passes > snapshot.limits.via_passes {
            return Err(Kind::Loop.into());
        }
    }
    Ok(())
}

/// Counts `Max-Forwards` down (RFC 9110 §7.6.2). `false`: the request may go no further.
pub(crate) fn count_forward(head: &mut RequestHead) -> bool {
    if !matches!(head.method(), Method::Options | Method::Trace) {
        return true;
    }
    let value = head.fields.get(Name::MaxForwards).unwrap_or_default();
    let digits = str::from_utf8(value)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|text| text.parse::<u32>().ok()) {
        Some(0) => false,
        Some(left) => {
            let left = (left - 1).to_string();
            head.fields.set_known(Name::MaxForwards, left.as_bytes());
            true
        }
        // It is not there, or no number that anybody could count to.
        None => true,
    }
}

/// The pseudonym of an entry of `Via`: `1.1 name (comment)`.
fn via_name(item: &[u8]) -> &[u8] {
    let mut words = item
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty());
    words.nth(1).unwrap_or_default()
}

/// Removes what ends here and what the client may not say, so that filters cannot be told it either.
pub(crate) fn cleanse(exchange: &mut Exchange<'_>, route: &Route) {
    note_connection_wishes(exchange, route);
    let snapshot = exchange.local.snapshot();
    let trusted = exchange.identity.trusted_peer;
    let fields = &mut exchange.request.fields;
    fields.remove_hop_by_hop();
    if snapshot.underscores == Underscores::Drop {
        fields.remove_underscored();
    }
    fields.retain(|field| !is_owned_by_gateway(&field, trusted));
}

/// Makes the head that the upstream gets, and the target that it is asked for.
pub(crate) fn prepare(exchange: &mut Exchange<'_>, route: &Route) {
    let fields = &mut exchange.request.fields;
    if exchange.notes.takes_trailers {
        fields.push_known(Name::Te, b"trailers");
    }
    add_forwarding_fields(exchange, route);
    if exchange.arrival.expects_continue {
        exchange
            .request
            .fields
            .set_known(Name::Expect, b"100-continue");
    } else {
        exchange.request.fields.remove(Name::Expect);
    }
    set_host(exchange, route);
    apply(&route.request_edits, &mut exchange.request.fields);
    write_target(exchange, route);
}

/// Remembers what the hop-by-hop fields said, before they go.
fn note_connection_wishes(exchange: &mut Exchange<'_>, route: &Route) {
    let fields = &exchange.request.fields;
    exchange.notes.takes_trailers = fields
        .get_all(Name::Te)
        .flat_map(list_items)
        .any(|item| item.eq_ignore_ascii_case(b"trailers"));
    if !exchange.arrival.http11 || !is_bodiless(exchange.arrival.length) {
        return;
    }
    let allowed = |token: &[u8]| {
        token.eq_ignore_ascii_case(b"websocket")
            || route
                .upgrade
                .iter()
                .any(|known| known.as_bytes().eq_ignore_ascii_case(token))
    };
    if let Some(token) = upgrade(fields).and_then(|mut tokens| tokens.find(|token| allowed(token)))
    {
        exchange.notes.upgrade.extend_from_slice(token);
    }
}

/// Fields that nobody but the gateway may set: identities always, forwarding fields unless the peer is
/// a trusted proxy.
fn is_owned_by_gateway(field: &Field<'_>, trusted_peer: bool) -> bool {
    match field.id {
        Name::XUserId | Name::XUserRoles | Name::XRequestId => true,
        Name::XForwardedPrefix
        | Name::XRequestStart
        | Name::Forwarded
        | Name::XRealIp
        | Name::XForwardedFor
        | Name::XForwardedHost
        | Name::XForwardedPort
        | Name::XForwardedProto
        | Name::XForwardedClientCert => !trusted_peer,
        Name::Other => !trusted_peer && has_prefix(field.name, b"x-forwarded-"),
        _ => false,
    }
}

fn has_prefix(name: &[u8], lower_case: &[u8]) -> bool {
    name.len() >= lower_case.len() && name[..lower_case.len()].eq_ignore_ascii_case(lower_case)
}

fn add_forwarding_fields(exchange: &mut Exchange<'_>, route: &Route) {
    let fields = &mut exchange.request.fields;
    let text = &mut exchange.notes.text;
    fields.set_known(Name::XRequestId, exchange.identity.request_id.as_bytes());
    if let Some(peer) = exchange.peer.address {
        // One line, because many readers look at the first line only.
        text.clear();
        let values = fields.get_all(Name::XForwardedFor);
        for earlier in values.filter(|value| !value.is_empty()) {
            text.extend_from_slice(earlier);
            text.extend_from_slice(b", ");
        }
        push_address(text, peer);
        fields.set_known(Name::XForwardedFor, text);
    }
    if !fields.contains(Name::XForwardedProto) {
        fields.push_known(Name::XForwardedProto, b"http");
    }
    if !fields.contains(Name::XForwardedHost) && !exchange.notes.authority.is_empty() {
        fields.push_known(Name::XForwardedHost, &exchange.notes.authority);
    }
    if let Some(prefix) = route.stripped_prefix() {
        fields.push_known(Name::XForwardedPrefix, prefix);
    }
    let unix_ms = exchange
        .worker
        .timers
        .clock
        .unix_us(exchange.arrival.started_us)
        / 1000;
    if !fields.contains(Name::XRequestStart) {
        text.clear();
        text.extend_from_slice(b"t=");
        encode_decimal(text, unix_ms / 1000);
        // Three digits at all times: those after the first of four, and the dot in its place.
        let dot = text.len();
        encode_decimal(text, 1000 + unix_ms % 1000);
        text[dot] = b'.';
        fields.push_known(Name::XRequestStart, text);
    }
    if let Some(via) = exchange.local.via(exchange.request.version()) {
        exchange.request.fields.push_line(via);
    }
}

fn set_host(exchange: &mut Exchange<'_>, route: &Route) {
    let configured = match &route.action {
        corelane_config::Action::Forward { host, .. } => host.as_deref(),
        _ => None,
    };
    let host = configured.unwrap_or(&exchange.notes.authority);
    if exchange.request.fields.get(Name::Host) != Some(host) {
        exchange.request.fields.set_known(Name::Host, host);
    }
}

/// Applies a route's edits: remove, then set, then add.
pub(crate) fn apply(edits: &Edits, fields: &mut Fields) {
    for name in &edits.remove {
        fields.remove_named(name);
    }
    for (name, value) in &edits.set {
        fields.set(name, value.as_bytes());
    }
    for (name, value) in &edits.add {
        fields.push(name, value.as_bytes());
    }
}

fn write_target(exchange: &mut Exchange<'_>, route: &Route) {
    let notes = &mut *exchange.notes;
    route.upstream_path(&notes.path, &notes.captures, &mut notes.target);
    if notes.has_query {
        notes.target.push(b'?');
        notes.target.extend_from_slice(&notes.query);
    }
}

/// Gives an id to a request that was refused before it could get one.
pub(crate) fn ensure_id(exchange: &mut Exchange<'_>) {
    if exchange.identity.request_id.as_bytes().is_empty() {
        let worker = exchange.worker;
        let unix_ms = worker.timers.clock.unix_us(exchange.arrival.started_us) / 1000;
        let random = [worker.random.next(), worker.random.next()];
        exchange.identity.request_id = RequestId::new(unix_ms, random);
    }
}
