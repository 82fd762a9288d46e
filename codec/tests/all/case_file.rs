//! The format of `tests/cases/*.case`.
//!
//! ```text
//! # A comment.
//! == what this case shows
//! role request
//! limits start_line=20 fields=3
//! show fields wire
//! > GET / HTTP/1.1\r\n
//! > Host: a\r\n
//! > \r\n
//! < request GET / HTTP/1.1
//! ```
//!
//! `>` lines are what the peer sends: their text without the line end, with the escapes `\r \n \t
//! \0 \\ \xHH` and `\{300*ab}` for so many repetitions. `<` lines are the events, in order and
//! complete. A line of options counts for its own case only.

use corelane_codec::{BodyLimits, HeadLimits, Method};

/// One case: what to send, how, and what must come of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) setup: Setup,
    pub(crate) input: Vec<u8>,
    pub(crate) expected: Vec<String>,
}

/// How the bytes are to be read.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) role: String,
    /// The method of the request that a response answers.
    pub(crate) method: Method,
    pub(crate) head_limits: HeadLimits,
    pub(crate) body_limits: BodyLimits,
    pub(crate) show: Vec<String>,
}

impl Setup {
    pub(crate) fn shows(&self, what: &str) -> bool {
        self.show.iter().any(|shown| shown == what)
    }
}

/// All cases of a file; a line that is not understood is a panic that names it.
pub(crate) fn parse(file: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", at + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("== ") {
            cases.push(Case::new(name, at + 1));
            continue;
        }
        let case = cases
            .last_mut()
            .unwrap_or_else(|| panic!("{place}: no case begun"));
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        match key {
            ">" => unescape(value.as_bytes(), &mut case.input, &place),
            "<" => case.expected.push(value.to_owned()),
            "role" => value.clone_into(&mut case.setup.role),
            "method" => case.setup.method = Method::of(value.as_bytes()),
            "show" => case.setup.show = value.split(' ').map(str::to_owned).collect(),
            "limits" => value
                .split(' ')
                .for_each(|limit| case.setup.limit(limit, &place)),
            _ => panic!("{place}: what is `{line}`?"),
        }
    }
    cases
}

impl Case {
    fn new(name: &str, line: usize) -> Self {
        Self {
            name: name.to_owned(),
            line,
            setup: Setup {
                role: "request".to_owned(),
                method: Method::Get,
                head_limits: HeadLimits::default(),
                body_limits: BodyLimits::default(),
                show: Vec::new(),
            },
            input: Vec::new(),
            expected: Vec::new(),
        }
    }
}

impl Setup {
    fn limit(&mut self, limit: &str, place: &str) {
        let parts = limit
            .split_once('=')
            .and_then(|(name, n)| Some((name, n.parse().ok()?)));
        let Some((name, number)) = parts else {
            panic!("{place}: `{limit}` is not name=number");
        };
        match name {
            "start_line" => self.head_limits.start_line = number,
            "head" => self.head_limits.head = number,
            "field_line" => self.head_limits.field_line = number,
            "fields" => self.head_limits.fields = number,
            "chunk_line" => self.body_limits.chunk_line = number,
            "trailer_bytes" => self.body_limits.trailer_bytes = number,
            "trailer_fields" => self.body_limits.trailer_fields = number,
            _ => panic!("{place}: there is no limit `{name}`"),
        }
    }
}

fn unescape(mut text: &[u8], out: &mut Vec<u8>, place: &str) {
    while let Some((&byte, rest)) = text.split_first() {
        text = rest;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (used, bytes) = escape(rest).unwrap_or_else(|| panic!("{place}: a bad escape"));
        out.extend_from_slice(&bytes);
        text = &rest[used..];
    }
}

/// What the escape after a backslash stands for, and its length.
fn escape(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    let simple = |byte| Some((1, vec![byte]));
    match text {
        [b'r', ..] => simple(b'\r'),
        [b'n', ..] => simple(b'\n'),
        [b't', ..] => simple(b'\t'),
        [b'0', ..] => simple(0),
        [b'\\', ..] => simple(b'\\'),
        [b'x', digits @ ..] => {
            let digits = std::str::from_utf8(digits.get(..2)?).ok()?;
            Some((3, vec![u8::from_str_radix(digits, 16).ok()?]))
        }
        [b'{', rest @ ..] => {
            let end = end_of_repetition(rest)?;
            let (times, unit) = std::str::from_utf8(&rest[..end]).ok()?.split_once('*')?;
            let mut unescaped = Vec::new();
            unescape(unit.as_bytes(), &mut unescaped, "a repetition");
            Some((end + 2, unescaped.repeat(times.parse().ok()?)))
        }
        _ => None,
    }
}

/// Where the `}` is that belongs to the `\{` before `text`; repetitions may be nested.
fn end_of_repetition(text: &[u8]) -> Option<usize> {
    let mut depth = 1;
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'{' if at > 0 && text[at - 1] == b'\\' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}
