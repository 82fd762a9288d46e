//! HTTP/1 messages as a test's clients and origins read them: simple, strict, and not the codec's.

/// One request or response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// The first line.
    pub(crate) line: String,
    /// The rest of the head.
    fields: String,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// A message at the front of `bytes` and its length, if all of it is there and its end is known
    /// from its head.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let (mut message, head) = Self::head(bytes)?;
        let rest = &bytes[head..];
        if message.field("transfer-encoding").is_some() {
            let (body, length) = unchunk(rest)?;
            message.body = body;
            return Some((message, head + length));
        }
        let length = match message.field("content-length") {
            Some(length) => length.parse().expect("a length is a number"),
            None if message.is_bodiless() => 0,
            None => return None,
        };
        message.body = rest.get(..length)?.to_vec();
        Some((message, head + length))
    }

    /// A message whose body is all that came until the end of the connection.
    pub(crate) fn parse_to_end(bytes: &[u8]) -> Option<Self> {
        let (mut message, head) = Self::head(bytes)?;
        let framed = ["content-length", "transfer-encoding"];
        if framed.iter().any(|name| message.field(name).is_some()) || message.is_bodiless() {
            return None;
        }
        message.body = bytes[head..].to_vec();
        Some(message)
    }

    /// The value of a field, by its name in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The status of a response.
    pub(crate) fn status(&self) -> u16 {
        let status = self.line.split(' ').nth(1);
        status.and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// The target of a request.
    pub(crate) fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or("")
    }

    fn head(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]);
        let (line, fields) = head.split_once("\r\n").unwrap_or((&head, ""));
        let message = Self {
            line: line.to_owned(),
            fields: fields.to_owned(),
            body: Vec::new(),
        };
        Some((message, end + 4))
    }

    /// Whether it has no body though nothing says so.
    fn is_bodiless(&self) -> bool {
        !self.line.starts_with("HTTP/") || matches!(self.status(), 100..=199 | 204 | 304)
    }
}

/// A chunked body without trailers, and how many bytes it took.
fn unchunk(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = bytes[at..].windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[at..at + line]).expect("a size is text");
        let size = usize::from_str_radix(size, 16).expect("a size is hexadecimal");
        at += line + 2;
        body.extend_from_slice(bytes.get(at..at + size)?);
        assert_eq!(bytes.get(at + size..at + size + 2)?, b"\r\n");
        at += size + 2;
        if size == 0 {
            return Some((body, at));
        }
    }
}
