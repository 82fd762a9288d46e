//! A request or a reply as it stood on the wire. Whoever reads one here is strict: a message that
//! leaves room for a second reading fails the test, whatever the test is about.

use super::Wire;

/// A request or a reply as it stood on the wire.
#[derive(Debug)]
pub(crate) struct Message {
    /// The request or status line.
    pub(crate) line: String,
    /// Names as they were written, values.
    pub(crate) fields: Vec<(String, String)>,
    /// The body without its framing.
    pub(crate) body: Vec<u8>,
    /// The fields behind a chunked body.
    pub(crate) trailers: Vec<(String, String)>,
}

#[derive(PartialEq)]
enum Framing {
    None,
    Length(usize),
    Chunked,
}

impl Message {
    // All of these are `None` when the connection ends before the message does.

    pub(super) fn read_head(wire: &mut Wire) -> Option<Self> {
        let head = wire.next_until(b"\r\n\r\n")?;
        let head = String::from_utf8(head).expect("a head in UTF-8");
        let mut lines = head.strip_suffix("\r\n\r\n").unwrap().split("\r\n");
        Some(Self {
            line: lines.next().unwrap().to_owned(),
            fields: lines.map(field).collect(),
            body: Vec::new(),
            trailers: Vec::new(),
        })
    }

    pub(super) fn read_request(wire: &mut Wire) -> Option<Self> {
        let message = Self::read_head(wire)?;
        message.read_body(wire)
    }

    pub(super) fn read_reply(wire: &mut Wire, to_head: bool) -> Option<Self> {
        let mut message = Self::read_head(wire)?;
        if to_head || matches!(message.status(), 100..=199 | 204 | 304) {
            return Some(message);
        }
        if message.framing() == Framing::None {
            message.body = wire.next_rest()?;
        }
        message.read_body(wire)
    }

    /// Reads the body behind a head.
    pub(crate) fn read_body(mut self, wire: &mut Wire) -> Option<Self> {
        match self.framing() {
            Framing::None => {}
            Framing::Length(length) => self.body = wire.next_bytes(length)?,
            Framing::Chunked => self.read_chunks(wire)?,
        }
        Some(self)
    }

    fn framing(&self) -> Framing {
        match (
            self.field("content-length"),
            self.field("transfer-encoding"),
        ) {
            (Some(length), None) => Framing::Length(length.parse().expect("a length")),
            (None, Some("chunked")) => Framing::Chunked,
            (None, None) => Framing::None,
            _ => panic!("a framing with two readings: {self:?}"),
        }
    }

    fn read_chunks(&mut self, wire: &mut Wire) -> Option<()> {
        loop {
            let line = wire.next_until(b"\r\n")?;
            let digits = std::str::from_utf8(&line[..line.len() - 2]).unwrap();
            let size = usize::from_str_radix(digits, 16).expect("a bare chunk size");
            if size == 0 {
                break;
            }
            self.body.append(&mut wire.next_bytes(size)?);
            assert_eq!(wire.next_bytes(2)?, b"\r\n", "behind a chunk");
        }
        loop {
            let line = wire.next_until(b"\r\n")?;
            if line == b"\r\n" {
                return Some(());
            }
            let line = std::str::from_utf8(&line[..line.len() - 2]).unwrap();
            self.trailers.push(field(line));
        }
    }

    /// The status of a reply.
    pub(crate) fn status(&self) -> u16 {
        let status = self.line.strip_prefix("HTTP/1.1 ").expect("HTTP/1.1");
        status[..3].parse().expect("a status")
    }

    /// The target of a request.
    pub(crate) fn target(&self) -> &str {
        self.line.split(' ').nth(1).expect("a target")
    }

    /// The value of a field that occurs at most once.
    pub(crate) fn field(&self, lower_case_name: &str) -> Option<&str> {
        let values = self.all(lower_case_name);
        assert!(values.len() <= 1, "several {lower_case_name}: {values:?}");
        values.first().copied()
    }

    /// All values of a field.
    pub(crate) fn all(&self, lower_case_name: &str) -> Vec<&str> {
        let named = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(lower_case_name);
        let fields = self.fields.iter().filter(named);
        fields.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body in UTF-8")
    }

    /// The body of a problem document.
    pub(crate) fn problem(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a problem document")
    }

    /// Checks that the gateway made this reply itself, with everything that such a reply owes.
    pub(crate) fn assert_local(&self, status: u16, outcome: &str) -> &Self {
        assert_eq!(self.status(), status, "{self:?}");
        assert_eq!(self.field("x-corelane-outcome"), Some(outcome), "{self:?}");
        assert!(self.field("x-request-id").is_some(), "{self:?}");
        assert!(self.field("date").is_some(), "{self:?}");
        assert_eq!(
            self.field("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.problem();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["outcome"], outcome);
        self
    }

    /// Checks that the reply names this limit.
    pub(crate) fn assert_limit(&self, limit: &str) -> &Self {
        assert_eq!(self.problem()["limit"], limit, "{}", self.text());
        self
    }

    /// Whether the reply says that the connection ends with it.
    pub(crate) fn says_close(&self) -> bool {
        self.field("connection") == Some("close")
    }
}

fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(": ").expect("`name: value`");
    assert!(!name.is_empty() && !name.contains([' ', '\t']), "{line:?}");
    assert!(!value.contains(['\r', '\n', '\0']), "{line:?}");
    (name.to_owned(), value.to_owned())
}
