//! Room 4: what is asked for, and which route answers.

use corelane_codec::encode::encode_decimal;
use corelane_codec::framing::host;
use corelane_codec::{
    Authority, Method, Name, RequestHead, Target, is_normal_path, normalize_path, parse_target,
};
use corelane_config::{Lookup, MethodSet, RequestView, RouteId};

use crate::error::{Error, Kind};
use crate::exchange::{Exchange, Notes};

/// The authority of the last request that had a sound one, and the `Host` that said it; that is empty
/// where something else did.
#[derive(Debug, Default)]
pub(crate) struct LastHost {
    field: Vec<u8>,
    authority: Vec<u8>,
    host_end: usize,
}

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
pub(crate) fn read_target(request: &RequestHead, notes: &mut Notes) -> Result<(), Error> {
    if request.method() == Method::Connect {
        return Err(Kind::Connect.into());
    }
    let target = parse_target(request.method(), request.target()).map_err(Kind::Target)?;
    read_authority(request, &target, notes)?;
    if let Some(query) = target.query() {
        notes.query.extend_from_slice(query);
        notes.has_query = true;
    }
    read_path(&target, notes)
}

/// Takes the authority apart, unless it was the last one, too, as on most connections: to compare it is
/// quicker than to check it.
fn read_authority(
    request: &RequestHead,
    target: &Target<'_>,
    notes: &mut Notes,
) -> Result<(), Error> {
    let mut fields = request.fields.get_all(Name::Host);
    let only = match (fields.next(), fields.next(), target) {
        (Some(value), None, Target::Origin { .. }) => value,
        _ => b"",
    };
    if only.is_empty() || *only != notes.last_host.field {
        notes.last_host.clear();
        let Some(found) = host(request, target).map_err(Kind::Framing)? else {
            return Ok(());
        };
        notes.last_host.read(only, &found);
    }
    notes
        .authority
        .extend_from_slice(&notes.last_host.authority);
    notes.host_end = notes.last_host.host_end;
    Ok(())
}

impl LastHost {
    fn clear(&mut self) {
        self.field.clear();
        self.authority.clear();
    }

    fn read(&mut self, field: &[u8], found: &Authority<'_>) {
        self.field.extend_from_slice(field);
        self.authority.extend_from_slice(found.host);
        self.host_end = found.host.len();
        if let Some(port) = found.port {
            self.authority.push(b':');
            encode_decimal(&mut self.authority, port.into());
        }
    }
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
    let notes = &mut *exchange.notes;
    // A listener that is gone has a number that no route names.
    let gone = local.snapshot().listeners.len();
    let listener = local.listener_index(exchange.peer.listener);
    let view = View {
        request: exchange.request,
        host: &notes.authority[..notes.host_end],
        path: &notes.path,
        query: notes.has_query.then_some(&notes.query[..]),
        listener: listener.unwrap_or(gone),
    };
    let found = judge(
        local.snapshot().table.lookup(&view, &mut notes.captures),
        &notes.path,
    )?;
    if let Found::Route(id) = found {
        exchange.tally.route = Some(id);
        exchange.tally.target = local.route(id).next_target();
    }
    Ok(found)
}

/// What the table's answer means for this path.
///
/// # Errors
/// `NoRoute`.
pub(crate) fn judge(lookup: Lookup, path: &[u8]) -> Result<Found, Error> {
    match lookup {
        Lookup::Route(id) => Ok(Found::Route(id)),
        Lookup::MethodNotAllowed(methods) => Ok(Found::Allow(methods)),
        Lookup::NotFound if path == b"*" => Ok(Found::Gateway),
        Lookup::NotFound => Err(Kind::NoRoute.into()),
    }
}

/// The request as the table sees it.
pub(crate) struct View<'v> {
    pub(crate) request: &'v RequestHead,
    pub(crate) host: &'v [u8],
    pub(crate) path: &'v [u8],
    pub(crate) query: Option<&'v [u8]>,
    /// The listener's index in the snapshot.
    pub(crate) listener: usize,
}

impl RequestView for View<'_> {
    fn method(&self) -> &[u8] {
        self.request.method_bytes()
    }

    fn host(&self) -> &[u8] {
        self.host
    }

    fn path(&self) -> &[u8] {
        self.path
    }

    fn query(&self) -> Option<&[u8]> {
        self.query
    }

    fn header(&self, lower_case_name: &[u8], f: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.request.fields.all_named(lower_case_name).any(f)
    }

    fn listener(&self) -> usize {
        self.listener
    }
}
