//! A second reading of HTTP/1, to compare the codec's with.
//!
//! Written from the RFCs and from our own rules of refusal, as plainly as possible and sharing no
//! code with the codec: whole messages only, split at CRLF, everything copied. It is slow, it
//! knows nothing of limits, and where it disagrees with the codec one of them is wrong.

use std::net::Ipv6Addr;

/// What became of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They may become a message yet.
    Incomplete,
    Refused,
    Accepted(Message),
}

/// A message with its body taken out of its framing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Method, target, version; or version, status, reason.
    pub(crate) start: [Vec<u8>; 3],
    pub(crate) fields: Vec<Field>,
    /// What `Host` or the target says, without its port.
    pub(crate) host: Option<Vec<u8>>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<Field>,
    pub(crate) consumed: usize,
}

pub(crate) type Field = (Vec<u8>, Vec<u8>);

/// Where reading stopped without a message.
enum Stop {
    Incomplete,
    Refused,
}

type Reading<T> = Result<T, Stop>;

enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

/// Reads the request at the front of `input`.
pub(crate) fn request(input: &[u8]) -> Verdict {
    verdict(read_request(input))
}

/// Reads the response at the front of `input`, all of what the peer sent before it closed.
pub(crate) fn response(input: &[u8], method: &[u8]) -> Verdict {
    verdict(read_response(input, method))
}

fn verdict(reading: Reading<Message>) -> Verdict {
    match reading {
        Ok(message) => Verdict::Accepted(message),
        Err(Stop::Incomplete) => Verdict::Incomplete,
        Err(Stop::Refused) => Verdict::Refused,
    }
}

fn read_request(input: &[u8]) -> Reading<Message> {
    let mut skipped = 0;
    while skipped < 4 && input[skipped..].starts_with(b"\r\n") {
        skipped += 2;
    }
    let (lines, head_len) = head_lines(&input[skipped..])?;
    let parts: Vec<&[u8]> = lines[0].split(|&b| b == b' ').collect();
    let &[method, target, version] = parts.as_slice() else {
        return Err(Stop::Refused);
    };
    let old = old_version(version)?;
    require(is_token(method))?;
    require(!target.is_empty() && target.iter().all(|b| (0x21..0x7f).contains(b)))?;
    let fields = read_fields(&lines[1..])?;
    let host = read_host(method, target, old, &fields)?;
    let framing = match stated_framing(&fields, old)? {
        Some(Framing::Chunked | Framing::Length(1..))
            if method == b"TRACE" || method == b"CONNECT" =>
        {
            return Err(Stop::Refused);
        }
        stated => stated.unwrap_or(Framing::None),
    };
    let mut expectations = named(&fields, "expect")
        .into_iter()
        .flat_map(|field| commas(&field.1));
    let met = |wish: Vec<u8>| wish.eq_ignore_ascii_case(b"100-continue");
    require(old || expectations.all(met))?;
    let start = [method.to_vec(), target.to_vec(), version.to_vec()];
    let message = Message {
        start,
        fields,
        host,
        body: Vec::new(),
        trailers: Vec::new(),
        consumed: skipped + head_len,
    };
    with_body(message, &framing, input)
}

fn read_response(input: &[u8], method: &[u8]) -> Reading<Message> {
    let (lines, head_len) = head_lines(input)?;
    let mut parts = lines[0].splitn(3, |&b| b == b' ');
    let (Some(version), Some(status)) = (parts.next(), parts.next()) else {
        return Err(Stop::Refused);
    };
    let reason = parts.next().unwrap_or_default();
    let old = old_version(version)?;
    require(status.len() == 3 && status.iter().all(u8::is_ascii_digit) && status[0] != b'0')?;
    require(reason.iter().all(|&b| is_text(b)))?;
    let fields = read_fields(&lines[1..])?;
    let stated = stated_framing(&fields, old)?;
    let tunnel = method == b"CONNECT" && status[0] == b'2';
    let bodiless = status[0] == b'1' || status == b"204" || status == b"304";
    let framing = match stated {
        _ if tunnel || bodiless || method == b"HEAD" => Framing::None,
        Some(framing) => framing,
        None => Framing::UntilClose,
    };
    let message = Message {
        start: [version.to_vec(), status.to_vec(), reason.to_vec()],
        fields,
        host: None,
        body: Vec::new(),
        trailers: Vec::new(),
        consumed: head_len,
    };
    with_body(message, &framing, input)
}

/// The one form of a path, or `None` when it is refused.
pub(crate) fn normal_path(path: &[u8]) -> Option<Vec<u8>> {
    let path = path.strip_prefix(b"/")?;
    let mut segments: Vec<Vec<u8>> = Vec::new();
    let raw: Vec<&[u8]> = path.split(|&b| b == b'/').collect();
    for (at, segment) in raw.iter().enumerate() {
        let segment = decoded(segment)?;
        let text = String::from_utf8(segment.clone()).ok()?;
        let dots = text == "." || text == "..";
        if text.starts_with(".;") || text.starts_with("..;") {
            return None;
        }
        if text == ".." {
            segments.pop()?;
        }
        if !dots {
            segments.push(segment);
        } else if at + 1 == raw.len() {
            segments.push(Vec::new());
        }
    }
    Some([b"/".as_slice(), &segments.join(b"/".as_slice())].concat())
}

fn decoded(segment: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < segment.len() {
        let byte = segment[at];
        at += 1;
        if !(0x21..0x7f).contains(&byte) || b"\\?#".contains(&byte) {
            return None;
        }
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits = segment.get(at..at + 2)?;
        at += 2;
        let text = std::str::from_utf8(digits)
            .ok()
            .filter(|d| !d.contains('+'))?;
        let byte = u8::from_str_radix(text, 16).ok()?;
        match byte {
            0..0x20 | 0x7f => return None,
            _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => out.push(byte),
            _ => out.extend(format!("%{byte:02X}").bytes()),
        }
    }
    Some(out)
}

/// The lines of a head without the empty one, and the length of it all.
fn head_lines(input: &[u8]) -> Reading<(Vec<&[u8]>, usize)> {
    let end = find(input, b"\r\n\r\n").ok_or(Stop::Incomplete)?;
    let lines = split_lines(&input[..end]);
    let whole = |line: &&[u8]| !line.iter().any(|b| matches!(b, b'\r' | b'\n' | 0));
    require(lines.iter().all(whole) && !lines[0].is_empty())?;
    Ok((lines, end + 4))
}

fn old_version(version: &[u8]) -> Reading<bool> {
    match version {
        b"HTTP/1.0" => Ok(true),
        b"HTTP/1.1" => Ok(false),
        _ => Err(Stop::Refused),
    }
}

fn read_fields(lines: &[&[u8]]) -> Reading<Vec<Field>> {
    let mut fields = Vec::new();
    for line in lines {
        let colon = find(line, b":").ok_or(Stop::Refused)?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        require(is_token(name) && value.iter().all(|&b| is_text(b)))?;
        fields.push((name.to_vec(), trimmed(value)));
    }
    Ok(fields)
}

fn stated_framing(fields: &[Field], old: bool) -> Reading<Option<Framing>> {
    let options: usize = named(fields, "connection")
        .iter()
        .map(|field| field.1.split(|&b| b == b',').count())
        .sum();
    require(options <= 32)?;
    let codings = named(fields, "transfer-encoding");
    let lengths = named(fields, "content-length");
    match (codings.as_slice(), lengths.as_slice()) {
        ([], []) => Ok(None),
        ([coding], []) => {
            require(!old && coding.1.eq_ignore_ascii_case(b"chunked"))?;
            Ok(Some(Framing::Chunked))
        }
        ([], [length]) => {
            let digits = String::from_utf8(length.1.clone()).map_err(|_| Stop::Refused)?;
            require(digits.chars().all(|c| c.is_ascii_digit()))?;
            let length: i64 = digits.parse().map_err(|_| Stop::Refused)?;
            Ok(Some(Framing::Length(
                usize::try_from(length).map_err(|_| Stop::Refused)?,
            )))
        }
        _ => Err(Stop::Refused),
    }
}

fn read_host(
    method: &[u8],
    target: &[u8],
    old: bool,
    fields: &[Field],
) -> Reading<Option<Vec<u8>>> {
    require(!target.contains(&b'#'))?;
    let from_field = match named(fields, "host").as_slice() {
        [] if old => None,
        [one] => Some(read_authority(&one.1)?.0),
        _ => return Err(Stop::Refused),
    };
    if method == b"CONNECT" {
        let (host, port) = read_authority(target)?;
        require(port)?;
        return Ok(Some(host));
    }
    if target.starts_with(b"/") || (target == b"*" && method == b"OPTIONS") {
        return Ok(from_field);
    }
    let lower = target.to_ascii_lowercase();
    let scheme = ["http://", "https://"]
        .into_iter()
        .find(|s| lower.starts_with(s.as_bytes()));
    let rest = &target[scheme.ok_or(Stop::Refused)?.len()..];
    let end = rest
        .iter()
        .position(|b| b"/?".contains(b))
        .unwrap_or(rest.len());
    Ok(Some(read_authority(&rest[..end])?.0))
}

/// The host, and whether there is a port.
fn read_authority(authority: &[u8]) -> Reading<(Vec<u8>, bool)> {
    let text = std::str::from_utf8(authority).map_err(|_| Stop::Refused)?;
    let host_len = if text.starts_with('[') {
        text.find(']').ok_or(Stop::Refused)? + 1
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, rest) = text.split_at(host_len);
    if let Some(address) = host.strip_prefix('[') {
        require(address.trim_end_matches(']').parse::<Ipv6Addr>().is_ok())?;
    } else {
        let labels: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
        let sound = |c: char| c.is_ascii_alphanumeric() || "-_~".contains(c);
        require(
            labels
                .iter()
                .all(|label| !label.is_empty() && label.chars().all(sound)),
        )?;
        require(host.len() <= 255)?;
    }
    match rest.strip_prefix(':') {
        None => require(rest.is_empty()).map(|()| (host.into(), false)),
        Some("") => Ok((host.into(), false)),
        Some(digits) => {
            require(digits.len() <= 5 && digits.chars().all(|c| c.is_ascii_digit()))?;
            require(digits.parse::<u16>().is_ok_and(|port| port > 0))?;
            Ok((host.into(), true))
        }
    }
}

fn with_body(mut message: Message, framing: &Framing, input: &[u8]) -> Reading<Message> {
    let rest = &input[message.consumed..];
    match *framing {
        Framing::None => {}
        Framing::Length(length) => {
            message.body = rest.get(..length).ok_or(Stop::Incomplete)?.to_vec();
            message.consumed += length;
        }
        Framing::UntilClose => {
            message.body = rest.to_vec();
            message.consumed = input.len();
        }
        Framing::Chunked => {
            let body = chunked(rest)?;
            message.body = body.data;
            message.trailers = body.trailers;
            message.consumed += body.consumed;
        }
    }
    Ok(message)
}

/// A chunked body, decoded.
pub(crate) struct Chunked {
    pub(crate) data: Vec<u8>,
    pub(crate) trailers: Vec<Field>,
    pub(crate) consumed: usize,
}

fn chunked(input: &[u8]) -> Reading<Chunked> {
    let mut data = Vec::new();
    let mut at = 0;
    loop {
        let line_len = find(&input[at..], b"\r\n").ok_or(Stop::Incomplete)?;
        let size = chunk_size(&input[at..at + line_len])?;
        at += line_len + 2;
        if size == 0 {
            break;
        }
        data.extend_from_slice(slice(input, at, size)?);
        at += size;
        require(slice(input, at, 2)? == b"\r\n")?;
        at += 2;
    }
    let mut trailers = Vec::new();
    if input[at..].starts_with(b"\r\n") {
        at += 2;
    } else {
        let (lines, section_len) = head_lines(&input[at..])?;
        trailers = read_fields(&lines)?;
        at += section_len;
    }
    Ok(Chunked {
        data,
        trailers,
        consumed: at,
    })
}

fn slice(input: &[u8], at: usize, len: usize) -> Reading<&[u8]> {
    let end = at.checked_add(len).ok_or(Stop::Incomplete)?;
    input.get(at..end).ok_or(Stop::Incomplete)
}

fn chunk_size(line: &[u8]) -> Reading<usize> {
    let end = find(line, b";").unwrap_or(line.len());
    let (digits, extensions) = line.split_at(end);
    require((1..=16).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit))?;
    let mut rest = extensions;
    while let Some(extension) = rest.strip_prefix(b";") {
        rest = after_value(after_token(extension)?)?;
    }
    require(rest.is_empty())?;
    let digits = String::from_utf8(digits.to_vec()).map_err(|_| Stop::Refused)?;
    let size = i64::from_str_radix(&digits, 16).map_err(|_| Stop::Refused)?;
    usize::try_from(size).map_err(|_| Stop::Refused)
}

fn after_token(text: &[u8]) -> Reading<&[u8]> {
    let len = text.iter().take_while(|&&b| is_token(&[b])).count();
    require(len > 0).map(|()| &text[len..])
}

fn after_value(text: &[u8]) -> Reading<&[u8]> {
    let Some(value) = text.strip_prefix(b"=") else {
        return Ok(text);
    };
    let Some(mut quoted) = value.strip_prefix(b"\"") else {
        return after_token(value);
    };
    loop {
        quoted = match quoted {
            [b'"', rest @ ..] => return Ok(rest),
            [b'\\', b, rest @ ..] | [b, rest @ ..] if is_text(*b) => rest,
            _ => return Err(Stop::Refused),
        };
    }
}

fn named<'a>(fields: &'a [Field], name: &str) -> Vec<&'a Field> {
    fields
        .iter()
        .filter(|field| field.0.eq_ignore_ascii_case(name.as_bytes()))
        .collect()
}

fn commas(value: &[u8]) -> Vec<Vec<u8>> {
    let items = value.split(|&b| b == b',').map(trimmed);
    items.filter(|item| !item.is_empty()).collect()
}

fn trimmed(value: &[u8]) -> Vec<u8> {
    let white = |b: &u8| *b == b' ' || *b == b'\t';
    let start = value.iter().position(|b| !white(b)).unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(|b| !white(b))
        .map_or(start, |at| at + 1);
    value[start..end].to_vec()
}

fn is_token(bytes: &[u8]) -> bool {
    let marks = b"!#$%&'*+-.^_`|~";
    !bytes.is_empty()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || marks.contains(b))
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (0x20..0x7f).contains(&byte) || byte >= 0x80
}

fn split_lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = find(rest, b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    lines.push(rest);
    lines
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn require(sound: bool) -> Reading<()> {
    if sound { Ok(()) } else { Err(Stop::Refused) }
}
