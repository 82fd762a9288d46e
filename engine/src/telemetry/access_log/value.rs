//! [`Values`]: how the value of a field looks, in JSON and in text. One place reads each field from
//! the record, whichever the style.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use corelane_config::LogField;

use super::digits::{Timestamp, push_hex, push_millis, push_number};
use super::escape::{GROWTH, push_json, push_text};
use super::pen::Pen;
use super::record::Record;

/// Bytes of a value that are shown; of a longer one the rest is cut off and `...` put in its place.
/// A request line may be a MiB, and a line of the log has to fit in memory set aside for it.
const SHOWN_OF_PATH: usize = 4096;
const SHOWN_OF_USER_AGENT: usize = 1024;
const SHOWN_OF_HOST: usize = 512;
const SHOWN_OF_NAME: usize = 256;
/// Bytes that every other value fits in, and the quotes and dots around a cut one; the longest are
/// addresses and trace ids.
const REST: usize = 64;

/// Bytes that no value of the field exceeds.
pub(super) fn longest(field: LogField) -> usize {
    GROWTH * shown(field) + REST
}

/// Writes values of a record where the pen is.
pub(super) struct Values<'a, const JSON: bool> {
    pub(super) record: &'a Record<'a>,
    pub(super) clock: &'a mut Timestamp,
    pub(super) pen: Pen<'a>,
}

impl<const JSON: bool> Values<'_, JSON> {
    /// Appends the value of a field. Always inlined, so that nothing is left of the match where the
    /// field is a constant.
    #[inline(always)]
    pub(super) fn write(&mut self, field: LogField) {
        let record = self.record;
        match field {
            LogField::Time => self.time(),
            LogField::RequestId => self.text(field, record.request_id.as_bytes()),
            LogField::TraceId => self.trace_id(record.trace_id),
            LogField::Generation => self.number(record.generation),
            LogField::Worker => self.number(record.worker as u64),
            LogField::Client => self.client(record.client),
            LogField::Listener => self.text(field, record.listener.as_bytes()),
            LogField::Protocol => self.text(field, record.protocol.as_bytes()),
            LogField::Method => self.text(field, record.method),
            LogField::Host => self.text(field, record.host),
            LogField::Path => self.text(field, record.path),
            LogField::Route => self.text(field, record.route.as_bytes()),
            LogField::Service => self.text(field, record.service.as_bytes()),
            LogField::Endpoint => self.text(field, record.endpoint.as_bytes()),
            LogField::Status if record.status == 0 => self.none(),
            LogField::Status => self.number(u64::from(record.status)),
            LogField::Outcome => self.plain(record.outcome.as_str()),
            LogField::BytesIn => self.number(record.bytes_in),
            LogField::BytesOut => self.number(record.bytes_out),
            LogField::DurationMs => self.millis(Some(record.duration_us)),
            LogField::UpstreamMs => self.millis(record.upstream_us),
            LogField::Attempts => self.number(u64::from(record.attempts)),
            LogField::UserAgent => self.text(field, record.user_agent),
        }
    }

    /// Text of any length and content.
    fn text(&mut self, field: LogField, text: &[u8]) {
        if text.is_empty() {
            return self.none();
        }
        let part = &text[..text.len().min(shown(field))];
        self.quote();
        if JSON {
            push_json(&mut self.pen, part);
        } else {
            push_text(&mut self.pen, part);
        }
        if part.len() < text.len() {
            self.pen.block(*b"...", 3);
        }
        self.quote();
    }

    /// Text of ours, which needs no escaping.
    fn plain(&mut self, text: &str) {
        self.quote();
        self.pen.bytes(text.as_bytes());
        self.quote();
    }

    fn time(&mut self) {
        let text = *self.clock.at(self.record.time_unix_us);
        self.quote();
        self.pen.block(text, text.len());
        self.quote();
    }

    fn trace_id(&mut self, id: Option<[u8; 16]>) {
        let Some(id) = id else { return self.none() };
        self.quote();
        push_hex(&mut self.pen, &id);
        self.quote();
    }

    fn client(&mut self, address: Option<IpAddr>) {
        let Some(address) = address else {
            return self.none();
        };
        self.quote();
        match address {
            IpAddr::V4(address) => self.ipv4(address),
            IpAddr::V6(address) => write!(self.pen, "{address}").expect("a pen takes every text"),
        }
        self.quote();
    }

    fn ipv4(&mut self, address: Ipv4Addr) {
        let [a, b, c, d] = address.octets();
        self.number(u64::from(a));
        for octet in [b, c, d] {
            self.pen.byte(b'.');
            self.number(u64::from(octet));
        }
    }

    fn number(&mut self, n: u64) {
        push_number(&mut self.pen, n);
    }

    fn millis(&mut self, us: Option<u64>) {
        match us {
            None => self.none(),
            Some(us) => push_millis(&mut self.pen, us),
        }
    }

    fn none(&mut self) {
        if JSON {
            self.pen.block(*b"null", 4);
        } else {
            self.pen.byte(b'-');
        }
    }

    /// Texts have quotes in JSON; in a text line the format has them where they are wanted.
    fn quote(&mut self) {
        if JSON {
            self.pen.byte(b'"');
        }
    }
}

/// Bytes of the field's value that are shown; 0 for fields whose length is nobody else's choice.
fn shown(field: LogField) -> usize {
    match field {
        LogField::Path => SHOWN_OF_PATH,
        LogField::UserAgent => SHOWN_OF_USER_AGENT,
        LogField::Host => SHOWN_OF_HOST,
        LogField::RequestId
        | LogField::Listener
        | LogField::Protocol
        | LogField::Method
        | LogField::Route
        | LogField::Service
        | LogField::Endpoint => SHOWN_OF_NAME,
        _ => 0,
    }
}
