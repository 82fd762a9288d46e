//! Room 4: what is asked for, and which route answers.

use corelane_codec::encode::encode_decimal;
use corelane_codec::framing::host;
use corelane_codec::{Method, Target, is_normal_path, normalize_path, parse_target};
use corelane_config::{Lookup, MethodSet, RequestView, RouteId};

use crate::error::{Error, Kind};
use crate::exchange::{Exchange, Notes};

/// What the table says.
#[derive(Debug)]
pub(crate) enum Found {
    Route(RouteId),
    /// Routes match, but none of them has this method.
    Allow(MethodSet),
    /// `OPTIONS *`, and no route takes it: it asks the gateway itself (RFC 9110 §9.3.7).
    Gateway,
}

/// Reads target and Host into the notes: the one normal form of the path that is routed, limited,
/// cached and forwarded.
///
/// # Errors
/// `Target`, `Framing` (Host) and `Connect`.
pub(crate) fn read_target(exchange: &mut Exchange<'_>) -> Result<(), Error> {
    let Exchange { request, notes, .. } = exchange;
    if request.method() == Method::Connect {
        return Err(Kind::Connect.into());
    }
    let target = parse_target(request.method(), request.target()).map_err(Kind::Target)?;
    if let Some(authority) = host(request, &target).map_err(Kind::Framing)? {
        notes.authority.extend_from_slice(authority.host);
        notes.host_end = authority.host.len();
        if let Some(port) = authority.port {
            notes.authority.push(b':');
            encode_decimal(&mut notes.authority, port.into());
        }
    }
    if let Some(query) = target.query() {
        notes.query.extend_from_slice(query);
        notes.has_query = true;
    }
    read_path(&target, notes)
}

fn read_path(target: &Target<'_>, notes: &mut Notes) -> Result<(), Error> {
    match target.path() {
        Some(path) if is_normal_path(path) => notes.path.extend_from_slice(path),
        Some(path) => normalize_path(path, &mut notes.path).map_err(Kind::Target)?,
        // `OPTIONS *` is about the gateway as a whole.
        None => notes.path.push(b'*'),
    }
    Ok(())
}

/// Looks the request up.
///
/// # Errors
/// `NoRoute`.
pub(crate) fn find(exchange: &mut Exchange<'_>) -> Result<Found, Error> {
    let local = exchange.local;
    let mut captures = std::mem::take(&mut exchange.notes.captures);
    let found = local
        .snapshot()
        .table
        .lookup(&View(exchange), &mut captures);
    exchange.notes.captures = captures;
    match found {
        Lookup::Route(id) => {
            exchange.tally.route = Some(id);
            exchange.tally.target = local.route(id).next_target();
            Ok(Found::Route(id))
        }
        Lookup::MethodNotAllowed(methods) => Ok(Found::Allow(methods)),
        Lookup::NotFound if exchange.notes.path == b"*" => Ok(Found::Gateway),
        Lookup::NotFound => Err(Kind::NoRoute.into()),
    }
}

/// The request as the table sees it.
struct View<'v, 'a>(&'v Exchange<'a>);

impl RequestView for View<'_, '_> {
    fn method(&self) -> &[u8] {
        self.0.request.method_bytes()
    }

    fn host(&self) -> &[u8] {
        self.0.notes.host()
    }

    fn path(&self) -> &[u8] {
        &self.0.notes.path
    }

    fn query(&self) -> Option<&[u8]> {
        self.0.notes.query()
    }

    fn header(&self, lower_case_name: &[u8], f: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.0.request.fields.all_named(lower_case_name).any(f)
    }

    fn listener(&self) -> usize {
        let listeners = self.0.local.snapshot().listeners.len();
        let index = self.0.local.listener_index(self.0.peer.listener);
        // A listener that is gone has a number that no route names.
        index.unwrap_or(listeners)
    }
}
