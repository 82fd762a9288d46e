//! `access_log:`.

use super::fields::Fields;
use super::nearest::nearest;
use crate::snapshot::{AccessLog, FormatPart, LogField, LogFormat, LogPath};

pub(super) fn access_log(fields: &Fields<'_>) -> AccessLog {
    let path = fields.parse("path", |text| match text {
        "stdout" => Ok(LogPath::Stdout),
        "stderr" => Ok(LogPath::Stderr),
        "" => Err("an empty path".to_owned()),
        text if text.contains('\0') => Err("a path has no NUL".to_owned()),
        text => Ok(LogPath::File(text.into())),
    });
    let format = fields.parse("format", |text| match text {
        "json" => Ok(LogFormat::Json),
        text if text.contains('{') => parts(text).map(LogFormat::Text),
        text => Err(format!(
            "`{text}` is neither `json` nor a text with a `{{field}}`"
        )),
    });
    AccessLog {
        path: path.unwrap_or(LogPath::Stdout),
        format: format.unwrap_or(LogFormat::Json),
    }
}

/// `{client} {status}` → its parts; `{{` and `}}` are braces.
fn parts(format: &str) -> Result<Vec<FormatPart>, String> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}', '\n', '\r']) {
        literal.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
            literal.push_str(&rest[..1]);
            rest = after;
            continue;
        }
        let Some((name, after)) = rest.strip_prefix('{').and_then(|r| r.split_once('}')) else {
            return Err(match rest.starts_with(['{', '}']) {
                true => format!("a lone `{}`; write it twice for a brace", &rest[..1]),
                false => "a record is one line".to_owned(),
            });
        };
        if !literal.is_empty() {
            parts.push(FormatPart::Literal(std::mem::take(&mut literal).into()));
        }
        parts.push(FormatPart::Field(field(name)?));
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(FormatPart::Literal(literal.into()));
    }
    Ok(parts)
}

fn field(name: &str) -> Result<LogField, String> {
    LogField::from_word(name).ok_or_else(|| {
        let known = LogField::ALL.iter().map(|field| field.as_str());
        match nearest(name, known.clone()) {
            Some(near) => format!("no field `{name}`; did you mean `{near}`?"),
            None => format!(
                "no field `{name}`; there are {}",
                known.collect::<Vec<_>>().join(", ")
            ),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_literal_but_for_its_fields() {
        let literal = |text: &str| FormatPart::Literal(text.into());
        assert_eq!(
            parts("<{client}> {{x}} {status}!").unwrap(),
            [
                literal("<"),
                FormatPart::Field(LogField::Client),
                literal("> {x} "),
                FormatPart::Field(LogField::Status),
                literal("!"),
            ]
        );
    }

    #[test]
    fn a_format_that_would_not_print_what_was_meant_is_refused() {
        assert_eq!(
            parts("{stats}").unwrap_err(),
            "no field `stats`; did you mean `status`?"
        );
        assert_eq!(
            parts("a } b").unwrap_err(),
            "a lone `}`; write it twice for a brace"
        );
        assert_eq!(
            parts("{status").unwrap_err(),
            "a lone `{`; write it twice for a brace"
        );
        assert_eq!(
            parts("{status}\n{path}").unwrap_err(),
            "a record is one line"
        );
    }
}
