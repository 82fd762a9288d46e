//! Text with variables in it: `${name}`, and `$${` for a plain `${`. Entered when a plan is made, which
//! finds out what the names mean, and for each request in which variables stand.

use std::fmt::Write;

/// Text that is the same each time, or pieces of it with values between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template<V> {
    pieces: Vec<Piece<V>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece<V> {
    Text(String),
    Value(V),
}

/// A piece of the text as it stands for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// What is the same each time.
    Text(&'a str),
    /// The present value of a variable.
    Value(&'a str),
}

impl Template<String> {
    /// Reads text with names in it.
    ///
    /// # Errors
    /// A sentence for the user when a `${` has no end or no name.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            if let Some(before) = before.strip_suffix('$') {
                plain.push_str(before);
                plain.push_str("${");
                rest = &from[2..];
                continue;
            }
            plain.push_str(before);
            let end = from.find('}').ok_or_else(|| {
                format!("{from:?} has no closing brace; write $${{ for a plain ${{")
            })?;
            let name = &from[2..end];
            if name.is_empty() {
                return Err("${} names no variable".to_owned());
            }
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Value(name.to_owned()));
            rest = &from[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { pieces })
    }

    /// Puts what each name means in its place.
    ///
    /// # Errors
    /// The first of `meaning`.
    pub(crate) fn resolve<V, E>(
        &self,
        mut meaning: impl FnMut(&str) -> Result<V, E>,
    ) -> Result<Template<V>, E> {
        let pieces = self.pieces.iter().map(|piece| {
            Ok(match piece {
                Piece::Text(text) => Piece::Text(text.clone()),
                Piece::Value(name) => Piece::Value(meaning(name)?),
            })
        });
        Ok(Template {
            pieces: pieces.collect::<Result<_, _>>()?,
        })
    }
}

impl<V> Template<V> {
    /// Text without variables.
    pub(crate) fn plain(text: &str) -> Self {
        Self {
            pieces: vec![Piece::Text(text.to_owned())],
        }
    }

    /// The variables in it, in order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(value) => Some(value),
            Piece::Text(_) => None,
        })
    }

    /// The pieces that are the same each time.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Value(_) => None,
        })
    }

    /// Whether it is the same each time.
    pub(crate) fn is_fixed(&self) -> bool {
        self.values().next().is_none()
    }

    /// The text part by part, with the present value of each variable.
    pub(crate) fn parts<'a>(
        &'a self,
        value: impl Fn(&V) -> &'a str,
    ) -> impl Iterator<Item = Part<'a>> {
        self.pieces.iter().map(move |piece| match piece {
            Piece::Text(text) => Part::Text(text),
            Piece::Value(variable) => Part::Value(value(variable)),
        })
    }
}

impl<'a> Part<'a> {
    /// The part as it is.
    pub(crate) fn plain(self) -> &'a str {
        match self {
            Self::Text(text) | Self::Value(text) => text,
        }
    }

    /// Writes it as a piece of a request-target: what may not stand in one is percent-encoded in
    /// values (RFC 3986 §2.1).
    pub(crate) fn write_target(self, out: &mut String) {
        let value = match self {
            Self::Text(text) => return out.push_str(text),
            Self::Value(value) => value,
        };
        for byte in value.bytes() {
            if byte.is_ascii_graphic() && byte != b'#' {
                out.push(char::from(byte));
            } else {
                write!(out, "%{byte:02X}").expect("a String takes whatever is written to it");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(name: &String) -> &'a str {
        if name == "a" { "1" } else { "x y#é" }
    }

    #[test]
    fn values_take_the_place_of_names() {
        for (text, expected) in [
            ("", ""),
            ("plain $5 {a}", "plain $5 {a}"),
            ("${a}", "1"),
            ("/i/${a}/${b}?", "/i/1/x y#é?"),
            ("$${a} ${a}", "${a} 1"),
            ("$$${a}", "$${a}"),
        ] {
            let template = Template::parse(text).unwrap();
            let filled: String = template.parts(value).map(Part::plain).collect();
            assert_eq!(filled, expected, "{text}");
        }
    }

    #[test]
    fn values_in_targets_are_encoded() {
        let template = Template::parse("/é/${b}?${a}").unwrap();
        let mut target = String::new();
        for part in template.parts(value) {
            part.write_target(&mut target);
        }
        assert_eq!(target, "/é/x%20y%23%C3%A9?1");
    }

    #[test]
    fn names_are_found_and_resolved() {
        let template = Template::parse("a${x}b${y.z}${x}").unwrap();
        let names: Vec<_> = template.values().collect();
        assert_eq!(names, ["x", "y.z", "x"]);
        assert!(!template.is_fixed() && Template::parse("$${x}").unwrap().is_fixed());
        let lengths = template.resolve(|name| Ok::<_, ()>(name.len())).unwrap();
        assert_eq!(lengths.values().collect::<Vec<_>>(), [&1, &3, &1]);
        assert_eq!(template.resolve(|_| Err::<(), _>("no")), Err("no"));
    }

    #[test]
    fn an_open_brace_is_an_error() {
        assert!(Template::parse("a ${b").unwrap_err().contains("${b"));
        assert!(Template::parse("${}").is_err());
    }
}
