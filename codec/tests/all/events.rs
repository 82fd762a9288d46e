//! Bytes in, events out: what a transport does with the codec, told as lines of text.
//!
//! The only caller of the codec in the case tests, so that every case takes the same way.

use std::fmt::{Display, Write as _};

use corelane_codec::{
    BodyDecoder, BodyLength, Fields, HeadError, HeadScan, Parsed, Persistence, RequestHead,
    ResponseFraming, ResponseHead, Target, Version, encode_last_chunk, encode_request_head,
    encode_response_head, framing, normalize_path, parse_target, request_body_length,
    response_body_length,
};

use crate::case_file::Setup;

/// One side of a connection, fed with what the peer sends.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    setup: &'a Setup,
    buffer: Vec<u8>,
    scan: HeadScan,
    request: RequestHead,
    response: ResponseHead,
    body: Option<BodyDecoder>,
    failed: bool,
    events: Vec<String>,
    /// The data since the last event that was not data.
    data: Vec<u8>,
}

/// Why reading ends, as the event that says so.
type Refusal = String;

impl<'a> Reader<'a> {
    pub(crate) fn new(setup: &'a Setup) -> Self {
        Self {
            setup,
            buffer: Vec::new(),
            scan: HeadScan::default(),
            request: RequestHead::new(),
            response: ResponseHead::new(),
            body: None,
            failed: false,
            events: Vec::new(),
            data: Vec::new(),
        }
    }

    /// Takes the next bytes from the peer.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        while !self.failed {
            match self.step() {
                Ok(true) => {}
                Ok(false) => break,
                Err(refusal) => self.fail(refusal),
            }
        }
    }

    /// The peer has closed: everything that happened.
    pub(crate) fn finish(mut self) -> Vec<String> {
        if self.failed {
            return self.events;
        }
        if let Some(mut body) = self.body.take() {
            match body.finish() {
                Ok(()) => self.event("end".to_owned()),
                Err(error) => self.fail(format!("error body {error:?}")),
            }
        } else if !self.buffer.is_empty() {
            self.event("partial".to_owned());
        }
        self.events
    }

    /// One step; `false` when it takes more bytes.
    fn step(&mut self) -> Result<bool, Refusal> {
        if self.body.is_some() {
            return self.read_body();
        }
        // With nothing there, asking would be harmless; but a transport does not.
        if self.buffer.is_empty() {
            return Ok(false);
        }
        let limits = &self.setup.head_limits;
        let parsed = match self.setup.role.as_str() {
            "request" => self.request.parse(&self.buffer, &mut self.scan, limits),
            "response" => self.response.parse(&self.buffer, &mut self.scan, limits),
            role => panic!("there is no role {role}"),
        };
        match parsed {
            Ok(Parsed::Partial) => return Ok(false),
            Ok(Parsed::Complete { consumed }) => {
                self.buffer.drain(..consumed);
                self.scan.reset();
            }
            Err(error) => return Err(self.head_refusal(error)),
        }
        let length = match self.setup.role.as_str() {
            "request" => self.request_events()?,
            _ => self.response_events()?,
        };
        self.body = Some(BodyDecoder::new(length, self.setup.body_limits));
        Ok(true)
    }

    fn head_refusal(&self, error: HeadError) -> Refusal {
        let mut refusal = format!("error head {error:?} {}", error.status());
        if let Some(limit) = error.limit() {
            write!(refusal, " limit {limit}").unwrap();
        }
        if let Some(name) = self.scan.faulty_field(&self.buffer) {
            write!(refusal, " in {}", name.escape_ascii()).unwrap();
        }
        refusal
    }

    fn read_body(&mut self) -> Result<bool, Refusal> {
        let body = self.body.as_mut().unwrap();
        if !body.is_ended() {
            let decoded = body.decode(&self.buffer).map_err(|error| {
                let limit = error.limit().map(|limit| format!(" limit {limit}"));
                format!(
                    "error body {error:?} {}{}",
                    error.status(),
                    limit.unwrap_or_default()
                )
            })?;
            assert!(decoded.data.end <= decoded.consumed && decoded.consumed <= self.buffer.len());
            assert_eq!(decoded.end, body.is_ended());
            self.data.extend_from_slice(&self.buffer[decoded.data]);
            self.buffer.drain(..decoded.consumed);
        }
        if !body.is_ended() {
            return Ok(!self.buffer.is_empty());
        }
        let trailers = body.trailers().clone();
        self.body = None;
        self.field_events("trailer", &trailers);
        if self.setup.shows("wire") && !trailers.is_empty() {
            let mut out = Vec::new();
            encode_last_chunk(&mut out, &trailers);
            self.event(format!("wire {}", out.escape_ascii()));
        }
        self.event("end".to_owned());
        Ok(true)
    }

    fn request_events(&mut self) -> Result<BodyLength, Refusal> {
        let head = std::mem::take(&mut self.request);
        let (method, target) = (head.method_bytes(), head.target());
        self.event(format!(
            "request {} {} {}",
            method.escape_ascii(),
            target.escape_ascii(),
            version(head.version())
        ));
        if self.setup.shows("fields") {
            self.field_events("field", &head.fields);
        }
        self.target_events(&head)?;
        let length = request_body_length(&head).map_err(framing_refusal)?;
        if framing::expects_continue(&head).map_err(framing_refusal)? {
            self.event("expects 100-continue".to_owned());
        }
        let persists = framing::request_wants_keep_alive(&head);
        self.message_events(&head.fields, length, persists);
        if self.setup.shows("wire") {
            let mut out = Vec::new();
            let mut forwarded = head.clone();
            forwarded.fields.remove_hop_by_hop();
            let persistence = Persistence::Implied;
            encode_request_head(&mut out, &forwarded, head.target(), length, persistence);
            self.event(format!("wire {}", out.escape_ascii()));
        }
        self.request = head;
        Ok(length)
    }

    fn target_events(&mut self, head: &RequestHead) -> Result<(), Refusal> {
        let target = parse_target(head.method(), head.target())
            .map_err(|error| format!("error target {error:?} {}", error.status()))?;
        let host = framing::host(head, &target).map_err(framing_refusal)?;
        if self.setup.shows("target") {
            self.event(format!("target {}", target_text(&target)));
            if let Some(host) = host {
                let port = host.port.map(|port| format!(" {port}")).unwrap_or_default();
                self.event(format!("host {}{port}", host.host.escape_ascii()));
            }
        }
        Ok(())
    }

    fn response_events(&mut self) -> Result<BodyLength, Refusal> {
        let head = std::mem::take(&mut self.response);
        self.event(format!(
            "response {} {} {}",
            version(head.version()),
            head.status(),
            head.reason().escape_ascii()
        ));
        if self.setup.shows("fields") {
            self.field_events("field", &head.fields);
        }
        let length = response_body_length(&head, self.setup.method).map_err(framing_refusal)?;
        let persists = framing::response_allows_keep_alive(&head);
        self.message_events(&head.fields, length, persists);
        if self.setup.shows("wire") {
            let mut out = Vec::new();
            let mut forwarded = head.clone();
            forwarded.fields.remove_hop_by_hop();
            let framing = match length {
                BodyLength::Empty => match framing::content_length(&head.fields) {
                    Ok(Some(length)) => ResponseFraming::Length(length),
                    _ => ResponseFraming::Bodiless,
                },
                other => other.into(),
            };
            encode_response_head(&mut out, &forwarded, framing, Persistence::Implied);
            self.event(format!("wire {}", out.escape_ascii()));
        }
        self.response = head;
        Ok(length)
    }

    fn message_events(&mut self, fields: &Fields, length: BodyLength, persists: bool) {
        if let Some(tokens) = framing::upgrade(fields) {
            let tokens: Vec<String> = tokens
                .map(|token| token.escape_ascii().to_string())
                .collect();
            self.event(format!("upgrade {}", tokens.join(" ")));
        }
        self.event(match length {
            BodyLength::Empty => "body empty".to_owned(),
            BodyLength::Length(length) => format!("body length {length}"),
            BodyLength::Chunked => "body chunked".to_owned(),
            BodyLength::UntilClose => "body until close".to_owned(),
        });
        self.event(if persists { "keep-alive" } else { "close" }.to_owned());
    }

    fn field_events(&mut self, kind: &str, fields: &Fields) {
        for field in fields.iter() {
            let (name, value) = (field.name.escape_ascii(), field.value.escape_ascii());
            self.event(format!("{kind} {name}: {value}"));
        }
    }

    fn fail(&mut self, refusal: Refusal) {
        self.failed = true;
        self.event(refusal);
    }

    fn event(&mut self, event: String) {
        if !self.data.is_empty() {
            self.events
                .push(format!("data {}", self.data.escape_ascii()));
            self.data.clear();
        }
        self.events.push(event);
    }
}

/// The event of a role that looks at one value instead of a connection.
pub(crate) fn of_value(setup: &Setup, value: &[u8]) -> Option<String> {
    let target_error = |error: corelane_codec::TargetError| format!("error {error:?}");
    Some(match setup.role.as_str() {
        "path" => {
            let mut out = Vec::new();
            match normalize_path(value, &mut out) {
                Ok(()) => out.escape_ascii().to_string(),
                Err(error) => target_error(error),
            }
        }
        "authority" => match corelane_codec::split_authority(value) {
            Ok(authority) => {
                let port = authority
                    .port
                    .map_or_else(|| "-".to_owned(), |port| port.to_string());
                format!("{} {port}", authority.host.escape_ascii())
            }
            Err(error) => target_error(error),
        },
        "target" => match parse_target(setup.method, value) {
            Ok(target) => target_text(&target),
            Err(error) => target_error(error),
        },
        _ => return None,
    })
}

fn framing_refusal(error: framing::FramingError) -> Refusal {
    format!("error framing {error:?} {}", error.status())
}

const fn version(version: Version) -> &'static str {
    match version {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
    }
}

fn target_text(target: &Target<'_>) -> String {
    fn bytes(bytes: &[u8]) -> impl Display {
        bytes.escape_ascii()
    }
    let mut text = match *target {
        Target::Origin { path, .. } => format!("origin {}", bytes(path)),
        Target::Absolute {
            scheme,
            authority,
            path,
            ..
        } => {
            format!(
                "absolute {} {} {}",
                bytes(scheme),
                bytes(authority),
                bytes(path)
            )
        }
        Target::Authority { authority } => format!("authority {}", bytes(authority)),
        Target::Asterisk => "asterisk".to_owned(),
    };
    if let Some(query) = target.query() {
        write!(text, " ? {}", bytes(query)).unwrap();
    }
    text
}
