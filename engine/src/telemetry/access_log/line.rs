//! [`LineFormat`]: the order of a line. JSON has every field, each behind its key; a text line has
//! the fields and literals that the configuration names. How a value looks is [`super::value`]'s.

use corelane_config::{FormatPart, LogField, LogFormat};

use super::digits::Timestamp;
use super::pen::Pen;
use super::record::Record;
use super::value::{Values, longest};

/// How a record is written.
#[derive(Debug)]
pub(super) enum LineFormat {
    /// As an object.
    Json,
    /// As the configuration says.
    Text {
        /// Each field, and the literal in front of it.
        parts: Vec<(Box<[u8]>, LogField)>,
        /// The literal after the last field, and the line feed.
        end: Box<[u8]>,
    },
}

impl LineFormat {
    pub(super) fn new(format: &LogFormat) -> Self {
        let LogFormat::Text(format) = format else {
            return Self::Json;
        };
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        for part in format {
            match part {
                FormatPart::Literal(text) => literal.extend_from_slice(text.as_bytes()),
                &FormatPart::Field(field) => {
                    parts.push((std::mem::take(&mut literal).into(), field));
                }
            }
        }
        literal.push(b'\n');
        Self::Text {
            parts,
            end: literal.into(),
        }
    }

    /// Bytes that no line exceeds.
    pub(super) fn longest(&self) -> usize {
        match self {
            Self::Json => LogField::ALL
                .iter()
                .map(|&field| KEY_BYTES + longest(field))
                .sum(),
            Self::Text { parts, end } => {
                let part = |(literal, field): &(Box<[u8]>, _)| literal.len() + longest(*field);
                parts.iter().map(part).sum::<usize>() + end.len()
            }
        }
    }

    /// Writes the record's line at the start of the room, and gives its length.
    pub(super) fn write(
        &self,
        record: &Record<'_>,
        clock: &mut Timestamp,
        room: &mut [u8],
    ) -> usize {
        let pen = Pen::new(room);
        match self {
            Self::Json => write_json(Values { record, clock, pen }),
            Self::Text { parts, end } => {
                let mut values = Values::<false> { record, clock, pen };
                for (literal, field) in parts {
                    values.pen.bytes(literal);
                    values.write(*field);
                }
                values.pen.bytes(end);
                values.pen.written()
            }
        }
    }
}

/// Writes the object, its fields in this order. Spelled out instead of looped over, because then
/// every key is a constant and no field costs a jump: that makes a line a quarter cheaper.
fn write_json(mut values: Values<'_, true>) -> usize {
    macro_rules! fields {
        ($($field:ident)+) => {
            $(
                let (block, length) = const { key(LogField::$field) };
                values.pen.block(block, length);
                values.write(LogField::$field);
            )+
        };
    }
    fields! {
        Time RequestId TraceId Generation Worker Client Listener Protocol Method Host Path
        Route Service Endpoint Status Outcome BytesIn BytesOut DurationMs UpstreamMs Attempts
        UserAgent
    }
    values.pen.block(*b"}\n", 2);
    values.pen.written()
}

/// Bytes of the longest key, with what stands around it.
const KEY_BYTES: usize = 16;

/// A field's key and its length, with its quotes, its colon, and the comma or brace before it.
const fn key(field: LogField) -> ([u8; KEY_BYTES], usize) {
    let word = field.as_str().as_bytes();
    let mut key = [0; KEY_BYTES];
    key[0] = if matches!(field, LogField::Time) {
        b'{'
    } else {
        b','
    };
    key[1] = b'"';
    let (_, place) = key.split_at_mut(2);
    place.split_at_mut(word.len()).0.copy_from_slice(word);
    key[2 + word.len()] = b'"';
    key[3 + word.len()] = b':';
    (key, 4 + word.len())
}

#[cfg(test)]
mod tests {
    use super::super::pen::MARGIN;
    use super::super::record::tests::{RECORD, Random, hostile};
    use super::*;
    use crate::outcome::Outcome;

    fn line(format: &LogFormat, record: &Record<'_>) -> String {
        let format = LineFormat::new(format);
        let mut room = vec![b'?'; format.longest() + MARGIN];
        let length = format.write(record, &mut Timestamp::new(), &mut room);
        assert!(
            length <= format.longest(),
            "{length} > {}",
            format.longest()
        );
        assert_eq!(room[length - 1], b'\n');
        room.truncate(length);
        String::from_utf8(room).unwrap()
    }

    #[test]
    fn json_has_every_field_in_order() {
        assert_eq!(
            line(&LogFormat::Json, &RECORD),
            concat!(
                r#"{"time":"2026-11-23T07:30:00.123Z","request_id":"0192-7","trace_id":"#,
                r#""000102030405060708090a0b0c0d0e0f","generation":3,"worker":1,"client":"#,
                r#""203.0.113.9","listener":"main","protocol":"HTTP/1.1","method":"GET","#,
                r#""host":"api.example.com","path":"/api/v1/users/7","route":"/api/v1/users/*","#,
                r#""service":"user-service","endpoint":"127.0.0.1:8001","status":200,"#,
                r#""outcome":"ok","bytes_in":0,"bytes_out":1024,"duration_ms":1.234,"#,
                r#""upstream_ms":0.999,"attempts":1,"user_agent":"curl/8.5.0"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn what_is_absent_is_null() {
        let record = Record {
            request_id: "",
            trace_id: None,
            client: None,
            protocol: "",
            method: b"",
            host: b"",
            path: b"",
            route: "",
            service: "",
            endpoint: "",
            status: 0,
            outcome: Outcome::BadRequest,
            upstream_us: None,
            attempts: 0,
            user_agent: b"",
            ..RECORD
        };
        let read: serde_json::Value =
            serde_json::from_str(&line(&LogFormat::Json, &record)).unwrap();
        let nulls = read
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| value.is_null());
        let nulls: Vec<&str> = nulls.map(|(key, _)| key.as_str()).collect();
        assert_eq!(nulls.len(), 13, "{nulls:?}");
        assert_eq!(read["outcome"], "bad_request");
    }

    #[test]
    fn text_is_what_the_format_says() {
        let literal = |text: &str| FormatPart::Literal(text.into());
        let format = LogFormat::Text(vec![
            FormatPart::Field(LogField::Client),
            literal(" \""),
            FormatPart::Field(LogField::Method),
            literal(" "),
            FormatPart::Field(LogField::Path),
            literal("\" "),
            FormatPart::Field(LogField::Status),
            literal(" "),
            FormatPart::Field(LogField::UpstreamMs),
            literal(" ms é"),
        ]);
        let record = Record {
            client: Some("2001:db8::1".parse().unwrap()),
            path: b"/a\"\r\nforged\\\xff",
            upstream_us: None,
            ..RECORD
        };
        assert_eq!(
            line(&format, &record),
            "2001:db8::1 \"GET /a\\x22\\x0d\\x0aforged\\x5c\\xff\" 200 - ms é\n"
        );
        assert_eq!(line(&LogFormat::Text(Vec::new()), &record), "\n");
    }

    #[test]
    fn hostile_values_never_break_a_line() {
        let all = LogField::ALL
            .iter()
            .map(|&field| FormatPart::Field(field))
            .collect();
        let text = LogFormat::Text(all);
        let mut random = Random::new(0x5eed);
        for _ in 0..1_000 {
            let texts: [Vec<u8>; 5] = std::array::from_fn(|_| hostile(&mut random));
            let names: [String; 2] =
                std::array::from_fn(|_| String::from_utf8_lossy(&hostile(&mut random)).into());
            let record = Record {
                time_unix_us: random.next(),
                request_id: &names[0],
                route: &names[1],
                method: &texts[0],
                host: &texts[1],
                path: &texts[2],
                user_agent: &texts[3],
                bytes_in: random.next(),
                duration_us: random.next(),
                upstream_us: Some(random.next()),
                ..RECORD
            };
            let json = line(&LogFormat::Json, &record);
            let read: serde_json::Value = serde_json::from_str(&json).unwrap();
            for (key, sent) in [("host", &texts[1]), ("path", &texts[2])] {
                let shown = read[key].as_str().unwrap_or("");
                let sent = String::from_utf8_lossy(sent);
                assert!(sent == shown || (shown.ends_with("...") && sent.len() > 500));
            }
            for line in [&json, &line(&text, &record)] {
                assert_eq!(line.lines().count(), 1);
                assert!(
                    line.bytes()
                        .all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte))
                );
            }
        }
    }

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        let path = [b'a'; 4097];
        for (length, shown) in [(4096, 4096), (4097, 4099)] {
            let record = Record {
                path: &path[..length],
                ..RECORD
            };
            let line = line(&LogFormat::Json, &record);
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(read["path"].as_str().map(str::len), Some(shown));
        }
    }

    #[test]
    fn the_longest_line_has_room() {
        let bytes = [b'\x01'; 10_000];
        let text = std::str::from_utf8(&bytes).unwrap();
        let record = Record {
            time_unix_us: u64::MAX,
            request_id: text,
            generation: u64::MAX,
            worker: usize::MAX,
            client: Some("1111:2222:3333:4444:5555:6666:7777:8888".parse().unwrap()),
            listener: text,
            method: &bytes,
            host: &bytes,
            path: &bytes,
            route: text,
            service: text,
            endpoint: text,
            status: u16::MAX,
            outcome: Outcome::MethodNotAllowed,
            bytes_in: u64::MAX,
            bytes_out: u64::MAX,
            duration_us: u64::MAX,
            upstream_us: Some(u64::MAX),
            attempts: u32::MAX,
            user_agent: &bytes,
            ..RECORD
        };
        let json = line(&LogFormat::Json, &record);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read.as_object().unwrap().len(), LogField::ALL.len());
        for &field in LogField::ALL {
            let text = LogFormat::Text(vec![FormatPart::Field(field); 3]);
            assert!(line(&text, &record).len() > 3);
        }
    }
}
